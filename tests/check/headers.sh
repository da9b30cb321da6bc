#!/bin/sh
# Every header compiles alone, twice in one unit (so its guard holds), in C; the public ones as C11
# and C++11 too, strictly. The guard has the name that follows from the path. A NAME_body.h is no header
# but the common text of several sources that differ in a few macros; it is left out.
#     headers.sh ROOT CC [CXX]
. "$(dirname "$0")/common.sh"
cc=${1:?C compiler}
cxx=${2:-}
warnings="-Wall -Wextra -Wconversion -Wshadow -Werror"

# $1 header as it is included, $2... the compiler and its flags
compile() {
    header=$1
    shift
    printf '#include "%s"\n#include "%s"\nextern int mer_header_check;\n' "$header" "$header" |
        "$@" -fsyntax-only -Isrc -Iinclude - 2>&1 | grep -E 'error|warning' |
        sed "s|^|$header:1: does not compile alone ($1): |" || true
}

# $1 file, $2 the guard's name
guard() {
    if ! grep -q "^#ifndef $2\$" "$1" || ! grep -q "^#define $2\$" "$1"; then
        echo "$1:1: no guard $2"
    fi
}

upper() {
    echo "$1" | tr 'a-z/.' 'A-Z__'
}

for file in $(c_files src | grep '\.h$' | grep -v '_body\.h$' || true); do
    name=${file#src/}
    compile "$name" "$cc" -x c -std=gnu17 -D_GNU_SOURCE $warnings | note
    guard "$file" "MER_$(upper "$name")" | note
done
for file in $(c_files include | grep '\.h$' || true); do
    name=${file#include/}
    compile "$name" "$cc" -x c -std=c11 -pedantic $warnings | note
    if [ -n "$cxx" ]; then
        compile "$name" "$cxx" -x c++ -std=c++11 -pedantic $warnings | note
    fi
    guard "$file" "$(upper "$name")" | note
done
[ -n "$cxx" ] || echo "no C++ compiler: the public headers were compiled as C only"

finish "headers compile alone"
