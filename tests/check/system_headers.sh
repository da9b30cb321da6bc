#!/bin/sh
# System headers: ISO C anywhere; what belongs to an operating system or to another library only in
# the rooms that exist to wrap it.
. "$(dirname "$0")/common.sh"

c_files src | xargs grep -Hn '^ *# *include *<' /dev/null | note_awk '
BEGIN {
    n = split("assert ctype errno float inttypes limits math stdalign stdarg stdatomic stdbool " \
              "stddef stdint stdio stdlib string", iso, " ")
    for (i = 1; i <= n; i++)
        anywhere["<" iso[i] ".h>"] = 1
    anywhere["<immintrin.h>"] = 1 # kernels; the file is compiled for its instruction set
    only["<cpuid.h>"] = "core"
    only["<locale.h>"] = "core"
    only["<pthread.h>"] = "core os"
    only["<signal.h>"] = "core os" # core: worker threads take no signals
    only["<sys/mman.h>"] = "core os" # core: asks for large pages
    only["<time.h>"] = "core os"   # core: only to write a time that it was given
    only["<unistd.h>"] = "os api cli"
    only["<jansson.h>"] = "core"
    only["<zlib.h>"] = "frame intake audit"
    only["<zstd.h>"] = "frame intake"
    only["<zstd_errors.h>"] = "frame"
    only["<lz4.h>"] = "intake"
    only["<lz4frame.h>"] = "intake"
    only["<expat.h>"] = "intake"
    only["<sqlite3.h>"] = "intake engine"
}
{
    split($0, part, ":")
    split(part[1], path, "/")
    room = path[2]
    header = $0
    sub(/^[^<]*/, "", header)
    sub(/>.*/, ">", header)
    if (header in anywhere)
        next
    place = header in only ? only[header] : header ~ /^<openssl\// ? "guard" : "os"
    if (!index(" " place " ", " " room " "))
        print part[1] ":" part[2] ": " header " belongs into src/" place
}'

finish "system headers"
