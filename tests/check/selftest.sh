#!/bin/sh
# A checker that cannot fail is worth nothing: each one here sees a small clean tree, in which it must
# find nothing, and the same tree with a fault planted, in which it must find that fault.
#     selftest.sh CHECKER [CC] [CXX]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
checker=${1:?usage: selftest.sh CHECKER [CC] [CXX]}
cc=${2:-cc}
cxx=${3:-}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
arguments=

# A tree of two rooms that every checker likes.
plant_clean_tree() {
    rm -rf "$tree"
    mkdir -p "$tree/src/core" "$tree/src/frame" "$tree/src/api" "$tree/include/merlon" \
        "$tree/tests/core" "$tree/data/tiny"
    cat > "$tree/ARCHITECTURE.md" << 'TEXT'
| room | what | may use |
|---|---|---|
| `src/core/` | the ground | merlon |
| `src/frame/` | tables | core |
| `src/api/` | the C API | core frame merlon |

| folder | what |
|---|---|
| `src/` | rooms |
| `include/` | headers |
| `include/merlon/` | headers |
| `tests/` | tests |
| `tests/core/` | tests |
| `data/` | tables |
| `data/tiny/` | a table |
TEXT
    cat > "$tree/include/merlon/status.h" << 'TEXT'
#ifndef MERLON_STATUS_H
#define MERLON_STATUS_H

#define MER_API __attribute__((visibility("default")))

MER_API int mer_answer(void);

#endif
TEXT
    cat > "$tree/src/core/answer.h" << 'TEXT'
#ifndef MER_CORE_ANSWER_H
#define MER_CORE_ANSWER_H

#include "merlon/status.h"

#endif
TEXT
    cat > "$tree/src/core/answer.c" << 'TEXT'
/* Calls strcpy() in a comment only, and "system(" in a string only. */
#include "core/answer.h"

#include <string.h>

int mer_answer(void)
{
    return (int)strlen("system(\"") + 33;
}
TEXT
    cat > "$tree/src/frame/cells.c" << 'TEXT'
#include "core/answer.h"

int mer_cells(void);

int mer_cells(void)
{
    return mer_answer();
}
TEXT
    echo 'mer_room(core SOURCES answer.c)' > "$tree/src/core/CMakeLists.txt"
    printf 'mer_room(frame\n    SOURCES cells.c\n    DEPENDS core\n    LINKS ZLIB::ZLIB)\n' \
        > "$tree/src/frame/CMakeLists.txt"
    echo 'mer_answer' > "$tree/src/api/libmerlon.symbols"
    echo 'int main(void);' > "$tree/tests/core/test_answer.c"
    echo 'mer_test(core answer DEPENDS core)' > "$tree/tests/core/CMakeLists.txt"
    echo 'a,b' > "$tree/data/tiny/train.csv"
    cat > "$tree/data/README.md" << 'TEXT'
| folder | task | target | rows | source | licence |
|---|---|---|---|---|---|
| `tiny` | none | b | 0 | made up | CC0 |
TEXT
    cp "$here/../../.clang-format" "$tree/"
    printf '```c\n#include <merlon/merlon.h>\n```\n' > "$tree/README.md"
    cat > "$tree/CMakeLists.txt" << 'TEXT'
cmake_minimum_required(VERSION 3.25)
project(tiny VERSION 0.1.0 LANGUAGES NONE)
if(NOT GOOD)
    message(FATAL_ERROR "not good")
endif()
TEXT
    cat > "$tree/CMakePresets.json" << 'TEXT'
{"version": 5, "configurePresets": [
    {"name": "dev", "generator": "Ninja", "cacheVariables": {"GOOD": "ON"}}]}
TEXT
}

# The shared library of the planted tree, for symbols.sh; $1: its exported functions' source.
plant_library() {
    echo "$1" > "$work/library.c"
    printf 'MERLON_0 { global: mer_*; local: *; };\n' > "$work/map"
    "$cc" -shared -fPIC -o "$work/libmerlon.so.0" "$work/library.c" \
        -Wl,-soname,"${2:-libmerlon.so.0}" -Wl,--version-script="$work/map"
}

# A program for command_line.sh with the command `fit` and the options that the arguments name: those
# of --help, of the man page, of the parser.
plant_program() {
    cat > "$work/merlon" << TEXT
#!/bin/sh
case "\$*" in
help) printf 'Commands:\n  fit             fits\n\n' ;;
'help --man man') printf '\\\\fB\\\\-\\\\-%s\\\\fR\n' $2 > man/merlon-fit.1; echo x > man/merlon.1 ;;
'completion bash') echo "case x in 'fit') ;; esac" ;;
'fit --help') printf '  --%s X\n' $1 ;;
'fit --'*)
    for option in $3; do
        case "\$2" in --\$option=*) exit 64 ;; esac
    done
    echo "fit has no option \$2"
    exit 64
    ;;
esac
TEXT
    chmod +x "$work/merlon"
}

# The evidence for the portfolio, and the portfolio as it is after this sed program.
plant_portfolio() {
    mkdir -p "$tree/bench/automl" "$tree/src/automl"
    cp "$here/../../bench/automl/matrix.py" "$here/../../bench/automl/matrix.csv" \
        "$here/../../bench/automl/settings.txt" "$tree/bench/automl/"
    sed "$1" "$here/../../src/automl/portfolio.c" > "$tree/src/automl/portfolio.c"
}

fail() {
    echo "selftest of $checker: $1"
    cat "$work/output"
    exit 1
}

run() {
    status=0
    sh "$here/$checker.sh" "$tree" $arguments > "$work/output" 2>&1 || status=$?
    if [ "$status" = 77 ]; then
        cat "$work/output"
        exit 77
    fi
}

expect_clean() {
    run
    [ "$status" = 0 ] || fail "finds something in a clean tree"
}

# $1: a fragment of the finding
expect() {
    run
    [ "$status" = 1 ] || fail "ends with $status over a planted fault: $1"
    grep -qF "$1" "$work/output" || fail "does not say: $1"
    plant_clean_tree
}

plant_clean_tree
case $checker in
symbols)
    plant_library 'int mer_answer(void) { return 1; }'
    arguments=$work/libmerlon.so.0
    ;;
headers)
    arguments="$cc $cxx"
    ;;
command_line)
    plant_program 'out seed' 'out seed' 'out seed'
    arguments=$work/merlon
    ;;
install)
    # The clean case is the project itself; this is the opposite: a build that installs nothing.
    cmake -G Ninja -S "$tree" -B "$work/build" -DGOOD=ON > "$work/output" 2>&1 || fail "cannot configure"
    arguments="$work/build $cc"
    for finding in 'the program is missing' 'merlon.1 is missing' 'no link libmerlon.so.0' \
        'a program does not compile with it'; do
        expect "$finding"
    done
    echo "the checker install finds what is not installed"
    exit 0
    ;;
esac
expect_clean

case $checker in
rooms)
    sed -i 's|core/answer.h|frame/cells.h|' "$tree/src/core/answer.c"
    expect 'src/core/answer.c:2: the arrow core -> frame does not exist'
    echo 'mer_room(core SOURCES answer.c DEPENDS frame LINKS m)' > "$tree/src/core/CMakeLists.txt"
    expect 'src/core/CMakeLists.txt:1: the arrow core -> frame does not exist'
    echo '#include "answer.h"' >> "$tree/src/core/answer.c"
    expect 'the arrow core -> answer.h does not exist'
    mkdir "$tree/src/attic"
    expect "src/attic/:1: no row in ARCHITECTURE.md's table"
    ;;
headers)
    sed -i 's|^#include.*|size_t mer_size(void);|' "$tree/src/core/answer.h"
    expect 'core/answer.h:1: does not compile alone'
    sed -i 's|MER_CORE_ANSWER_H|MER_ANSWER_H|' "$tree/src/core/answer.h"
    expect 'src/core/answer.h:1: no guard MER_CORE_ANSWER_H'
    sed -i 's|^MER_API.*|enum mer_x { MER_X } mer_x; int mer_x(void);|' "$tree/include/merlon/status.h"
    expect 'merlon/status.h:1: does not compile alone'
    if [ -n "$cxx" ]; then
        sed -i 's|mer_answer(void)|mer_answer(int template)|' "$tree/include/merlon/status.h"
        expect "merlon/status.h:1: does not compile alone ($cxx)"
    fi
    ;;
symbols)
    plant_library 'int mer_answer(void) { return 1; } int mer_extra(void) { return 2; }'
    expect 'exported but not listed: mer_extra'
    plant_library 'int mer_answer(void) { return 1; }'
    echo mer_lost >> "$tree/src/api/libmerlon.symbols"
    expect 'listed but not exported: mer_lost'
    echo 'MER_API int mer_new(void);' >> "$tree/include/merlon/status.h"
    expect 'declared in include/merlon but not listed: mer_new'
    plant_library 'int mer_answer(void) { return 1; }' libmerlon.so.1
    expect 'its SONAME is not libmerlon.so.0'
    plant_library 'int mer_answer(void) { return 1; }'
    ;;
calls)
    for call in 'strcpy(a, b)' 'system(a)' 'rand()' 'exit(1)' 'printf(a)' 'exp(1.0)' 'fopen(a, b)' \
        'socket(a, b, 0)'; do
        echo "int f(void) { return (int)$call; }" >> "$tree/src/core/answer.c"
        expect "src/core/answer.c:10: ${call%%(*}(): "
    done
    mkdir "$tree/src/cli"
    echo 'int f(void) { return printf(""); }' > "$tree/src/cli/main.c"
    expect_clean
    ;;
system_headers)
    echo '#include <linux/landlock.h>' >> "$tree/src/core/answer.c"
    expect 'src/core/answer.c:10: <linux/landlock.h> belongs into src/os'
    echo '#include <openssl/evp.h>' >> "$tree/src/core/answer.c"
    expect 'src/core/answer.c:10: <openssl/evp.h> belongs into src/guard'
    ;;
length)
    {
        echo 'int mer_long(void)'
        echo '{'
        for i in $(seq 100); do echo '    ;'; done
        echo '}'
    } >> "$tree/src/core/answer.c"
    expect '102 lines; a function has at most 100: int mer_long(void)'
    for i in $(seq 1000); do echo; done >> "$tree/src/core/answer.h"
    expect 'src/core/answer.h:1: 1006 lines; a file has at most 1000'
    ;;
names)
    touch "$tree/src/core/Answer2.c"
    expect 'src/core/Answer2.c:1: the name is not snake_case'
    touch "$tree/src/frame/answer.h"
    expect 'src/frame/answer.h:1: the same name as src/core/answer.h'
    touch "$tree/src/core/forgotten.c"
    expect 'src/core/forgotten.c:1: not registered in src/core/CMakeLists.txt'
    touch "$tree/tests/core/test_forgotten.c"
    expect 'tests/core/test_forgotten.c:1: not registered in tests/core/CMakeLists.txt'
    mkdir "$tree/fuzz"
    touch "$tree/fuzz/fuzz_cells.c"
    echo 'mer_fuzz(cells DEPENDS core)' > "$tree/fuzz/CMakeLists.txt"
    expect 'fuzz/fuzz_cells.c:1: no corpus fuzz/corpus/cells'
    ;;
text)
    # Taken apart, so that this file does not hold what it plants.
    echo "/* TO""DO: later */" >> "$tree/src/core/answer.c"
    expect 'a note to self'
    echo 'const char *p = "/ho''me/somebody/x";' >> "$tree/src/core/answer.c"
    expect "somebody's own path"
    printf 'int x; \n' >> "$tree/src/core/answer.c"
    expect 'src/core/answer.c:10: a tab, a carriage return or white space'
    ;;
map)
    mkdir -p "$tree/attic"
    touch "$tree/attic/old.c"
    expect 'attic/:1: not in ARCHITECTURE.md'
    echo '| `cellar/` | wine |' >> "$tree/ARCHITECTURE.md"
    expect 'there is no folder cellar/'
    ;;
format)
    echo 'int  mer_wide ( void ){return 1;}' >> "$tree/src/core/answer.c"
    expect 'src/core/answer.c:10'
    ;;
command_line)
    plant_program 'out seed' 'out' 'out seed'
    expect 'merlon fit: in --help, not in its man page: --seed'
    plant_program 'out' 'out seed' 'out'
    expect 'merlon fit: in its man page, not in --help: --seed'
    plant_program 'out seed' 'out seed' 'seed'
    expect 'merlon fit: in --help, but refused: --out'
    plant_program 'out seed' 'out seed' 'out seed'
    ;;
presets)
    sed -i 's/"ON"/"OFF"/' "$tree/CMakePresets.json"
    expect 'the preset dev does not configure'
    ;;
portfolio)
    plant_portfolio '/KERNEL(0.1, 1024)/d'
    expect 'not in the portfolio: kernel'
    plant_portfolio 's/RIDGE(10)}/RIDGE(0.1)}/;t;s/RIDGE(0.1)}/RIDGE(10)}/'
    expect 'not in the order of the evidence'
    ;;
data)
    mkdir "$tree/data/nameless"
    expect 'data/nameless/:1: no row with source and licence'
    head -c 1000000 /dev/zero > "$tree/data/tiny/big"
    expect 'at most a megabyte belongs here'
    ;;
*)
    echo "selftest: no case for the checker $checker"
    exit 1
    ;;
esac
expect_clean
echo "the checker $checker finds what it must and nothing else"
