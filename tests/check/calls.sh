#!/bin/sh
# Functions that are not called in src/, or only in the rooms named.
. "$(dirname "$0")/common.sh"

table=$(mktemp)
trap 'rm -f "$findings" "$table"' EXIT

# Lines: where it may be called (src/ROOM or src/ROOM/FILE, comma-separated; - for nowhere): why: names
cat > "$table" <<'TABLE'
-:no bound on what is written:strcpy strcat sprintf vsprintf gets stpcpy wcscpy
-:hidden state, or errors that cannot be told from values:strtok atoi atol atoll atof asctime ctime gmtime localtime
src/os,src/cli:errno becomes words where the system was called:strerror strerror_r
src/core/number.c:depends on the locale; use core/number.h:setlocale strcoll strtod strtod_l strtof strtold scanf sscanf fscanf newlocale uselocale
-:runs other programs or loads code:system popen execl execlp execle execv execvp dlopen fork vfork
src/os/spawn.c:programs are started in one place, with nothing but what they are given:execve
-:this version has no network:socket connect accept4 getaddrinfo gethostbyname
-:predictable or shared random numbers:rand srand random srandom drand48 lrand48 mrand48 srand48 rand_r
-:a name that another can take first:tmpnam tempnam mktemp mkstemp tmpfile
-:size on the stack that input decides:alloca strdupa
-:asks for the size of the memory, at which a cell is ended; use core/sort.h:qsort qsort_r
src/cli:a library does not print:printf vprintf fprintf vfprintf puts fputs putchar putc fputc perror
src/cli:a library does not end its host:exit abort quick_exit
src/core/math.c:differs between processors; use core/math.h:exp expf exp2 exp2f exp10 expm1 expm1f log logf log2 log2f log10 log1p log1pf pow powf sin cos tan asin acos atan atan2 sinh cosh tanh tanhf sinf cosf erf erfc lgamma lgamma_r tgamma cbrt hypot
src/core/team.c,src/os/starter.c,src/os/ahead.c:threads are the team's, start what must outlive one, or go ahead of one:pthread_create
src/os:a clock comes in the context:time gettimeofday clock_gettime clock
src/os,src/cli,src/guard/key_store.c:a library does not depend on the environment behind its caller's back:getenv secure_getenv setenv putenv unsetenv
src/os:files are opened in one place:open openat fopen fdopen freopen creat opendir mmap
src/os/channel.c:processes talk over one kind of channel:socketpair
src/os:secrets come through os/secret_random.h:getrandom getentropy RAND_bytes RAND_priv_bytes
TABLE

c_files src | xargs awk -f "$here/strip.awk" /dev/null | note_awk -v table="$table" '
BEGIN {
    while ((getline line < table) > 0) {
        split(line, part, ":")
        n = split(part[3], names, " ")
        for (i = 1; i <= n; i++) {
            where[names[i]] = part[1]
            why[names[i]] = part[2]
        }
    }
}
function permitted(file, places,    n, place, i)
{
    n = split(places, place, ",")
    for (i = 1; i <= n; i++)
        if (index(file, place[i] "/") == 1 || file == place[i])
            return 1
    return 0
}
{
    split($0, part, ":")
    code = substr($0, length(part[1]) + length(part[2]) + 3)
    while (match(code, /[A-Za-z_][A-Za-z0-9_]* *\(/)) {
        name = substr(code, RSTART, RLENGTH)
        sub(/ *\($/, "", name)
        before = RSTART > 1 ? substr(code, RSTART - 1, 1) : ""
        code = substr(code, RSTART + RLENGTH)
        # object.open( and object->open( are members of interface structs.
        if (name in where && before != "." && before != ">" && !permitted(part[1], where[name]))
            print part[1] ":" part[2] ": " name "(): " why[name]
    }
}'

finish "banned calls"
