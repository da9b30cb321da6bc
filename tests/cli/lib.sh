# Shared by the tests of the command line. Each is a POSIX shell script that takes the program as
# its first argument, works in a folder of its own with a key store of its own, and ends with 0 when
# all holds, 1 when not, 77 when the machine lacks what the test needs.
set -eu
LC_ALL=C
export LC_ALL

merlon=$(realpath "${1:?usage: $0 MERLON [SOURCE_TREE]}")
tree=$(realpath "${2:-$(dirname "$0")/../..}")
work=$(mktemp -d)
trap 'chmod -R u+rwX "$work"; rm -rf "$work"' EXIT
XDG_CONFIG_HOME=$work/config
XDG_STATE_HOME=$work/state
HOME=$work
export XDG_CONFIG_HOME XDG_STATE_HOME HOME
unset NO_COLOR TMPDIR TEMP TMP || true
cd "$work"
failures=0
# How much longer than usual everything takes: a budget has to allow for it.
times=1
case $merlon in */merlon-valgrind) times=30 ;; esac

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

skip() {
    echo "skipped: $*"
    exit 77
}

# Takes the warning out of the file err that the program runs as root, which it does where the tests
# do; cli.root looks for it.
forget_root() {
    grep -v 'warning.* runs as root' err > err.other || true
    mv err.other err
}

# Runs the program; what it prints goes to the files out and err, its exit code to $code.
run() {
    code=0
    "$merlon" "$@" > out 2> err < /dev/null || code=$?
    forget_root
}

show() {
    head -c 2000 out err
    echo
}

# expect CODE WORDS...: the program ends with that code.
expect() {
    wanted=$1
    shift
    run "$@"
    if [ "$code" -ne "$wanted" ]; then
        fail "merlon $*: exit code $code, not $wanted"
        show
    fi
}

# statement MODEL: what the provenance record beside a model states, as text
statement() {
    sed 's/.*"payload":"\([^"]*\)".*/\1/' "$1.provenance.json" | base64 -d
}

# What any failure looks like: one sentence, at most one hint, and no result on standard output (fit
# tells what it read before it fails to learn from it).
check_error_form() {
    [ "$(grep -c '^merlon: error: .*\.$' err)" -eq 1 ] || {
        fail "$*: not exactly one error sentence"
        show
    }
    [ "$(wc -l < err)" -le 2 ] || {
        fail "$*: more than a sentence and a hint"
        show
    }
    if [ -s out ] && ! head -n 1 out | grep -q '^Data: '; then
        fail "$*: a failure printed to standard output"
        show
    fi
}

# expect_error CODE TEXT WORDS...: fails with that code and one sentence that holds TEXT.
expect_error() {
    wanted=$1
    text=$2
    shift 2
    expect "$wanted" "$@"
    check_error_form "merlon $*"
    grep -qF -- "$text" err || {
        fail "merlon $*: the message lacks '$text'"
        show
    }
}

# has FILE TEXT, lacks FILE TEXT
has() {
    grep -qF -- "$2" "$1" || {
        fail "$1 lacks '$2'"
        head -c 2000 "$1"
    }
}
lacks() {
    if grep -qF -- "$2" "$1"; then
        fail "$1 holds '$2'"
    fi
}

# nothing_left PREFIX WHAT: no name that begins so is in the folder.
nothing_left() {
    left=$(find . -maxdepth 1 -name "$1*")
    [ -z "$left" ] || {
        fail "$2 leaves $left"
        rm -rf "./$1"*
    }
}

# The number behind "NAME": in JSON that the program printed with an indent of two.
json_number() {
    sed -n "s/^ *\"$1\": \([-0-9.e+]*\),*\$/\1/p" out | head -n 1
}

# A small table with something of everything: 120 rows, target class (a, b), target value.
make_table() {
    awk 'BEGIN {
        print "number,level,day,flag,class,value"
        for (i = 0; i < 120; i++) {
            x = (i * 37 % 101) / 10
            noise = (i * 53 % 17) / 10
            level = i % 3 ? "red" : "\"green, dark\""
            flag = i % 2 ? "true" : "false"
            class = x + noise > 5.5 ? "a" : "b"
            printf "%.2f,%s,2024-%02d-%02d,%s,%s,%.3f\n", x, level, i % 12 + 1, i % 28 + 1, flag,
                class, 3 * x + noise
        }
    }'
}

finish() {
    if [ "$failures" -gt 0 ]; then
        echo "$failures failure(s)"
        exit 1
    fi
    echo "all holds"
}
