#!/bin/sh
# The command line itself: wrong words are told with the nearest right one, help goes to standard
# output, JSON answers stay JSON.
. "$(dirname "$0")/lib.sh"

run
[ "$code" -eq 64 ] || fail "no command: exit code $code, not 64"
check_error_form "no command"
expect 0 --version
has out "merlon "
for words in "--help" "-h" "help"; do
    expect 0 $words
    has out "merlon fit"
done
expect_error 64 "'fitt'" fitt
has err "merlon fit"
expect_error 64 "'sore'" keys sore
expect_error 64 "keys" keys
has err "new, list, show"
expect_error 64 "'--taget'" fit x.csv --taget y --out m
has err "--target"
expect_error 64 "DATA" fit
expect_error 64 "--out" fit x.csv --target y
expect_error 64 "--target needs a value" fit x.csv --target
expect_error 64 "--target needs a value" fit x.csv --target --out m
expect_error 64 "--target is given twice" fit x.csv --target a --target b --out m
expect_error 64 "--force takes no value" fit x.csv --target a --out m --force=yes
expect_error 64 "'extra'" fit x.csv extra --target a --out m
expect_error 64 "'-x'" fit x.csv -x
expect_error 64 "'lod_loss'" fit x.csv --target a --out m --metric lod_loss
has err "did you mean log_loss"
expect_error 64 "'tre'" fit x.csv --target a --out m --model tre
has err "did you mean tree"
expect_error 64 "'clasification'" fit x.csv --target a --out m --task clasification
for part in 0 1 -0.5 1.5 nan x ""; do
    expect_error 64 "--interval" predict m x.csv "--interval=$part"
done
for time in 20x -5s 0s abc 1e400s; do
    expect_error 64 "--budget" fit x.csv --target a --out m "--budget=$time"
done
for size in 4Q -1G 0 x; do
    expect_error 64 "--memory" fit x.csv --target a --out m "--memory=$size"
done
for number in 0 -1 1.5 99999999999999999999999 two; do
    expect_error 64 "--threads" fit x.csv --target a --out m "--threads=$number"
done
expect_error 64 "--seed" fit x.csv --target a --out m --seed 18446744073709551616
expect_error 64 "--param" fit x.csv --target a --out m --model tree --param max_depth
expect_error 64 "twice" fit x.csv --target a --out m --model tree --param max_depth=1 --param max_depth=2
expect_error 64 "--header" schema infer x.csv --header --no-header
expect_error 64 "--delimiter" schema infer x.csv --delimiter ab
expect_error 64 "--key is empty" fit x.csv --target a --out m --key=
expect_error 66 "x.csv" schema infer -- x.csv
expect_error 66 "'--x.csv'" schema infer -- --x.csv

# Ways to write a table's layout.
printf 'a;b\n1;2\n3;4\n' > semicolon.csv
expect 0 schema infer semicolon.csv
has out '"b"'
expect 0 schema infer semicolon.csv --delimiter ';' --no-header
has out '"column_2"'
printf 'a\tb\n1\t2\n' > tabs.csv
expect 0 schema infer tabs.csv --delimiter tab --header
has out '"b"'

# Failures as JSON: one document on standard output, the sentence on standard error too.
run fit x.csv --target a --out m --json
[ "$code" -eq 66 ] || fail "a JSON failure: exit code $code, not 66"
has out '"code": "no_input"'
has out '"exit_code": 66'
has err "merlon: error: "
run fitt --json
has out '"code": "usage"'

# A column that does not exist is told with the nearest.
make_table > table.csv
expect_error 64 "'clas'" fit table.csv --target clas --out m.safetensors
has err "'class'"

# Help: each command, models, metrics, data; pages and completion.
expect 0 help --json
has out '"name": "keys revoke"'
expect 0 help models
has out "max_depth"
expect 0 help metrics
has out "log_loss"
expect 0 help keys new
has out "--no-passphrase"
expect_error 64 "'nothing'" help nothing
mkdir man
expect 0 help --man man
[ -s man/merlon-keys-new.1 ] || fail "there is no man page of keys new"
if command -v man > nowhere 2>&1; then
    for page in man/*.1; do
        man --warnings=w -E UTF-8 -l "$page" > page.txt 2> page.err < nowhere || fail "$page is no man page"
        [ ! -s page.err ] || fail "$page: $(head -n 1 page.err)"
    done
fi
expect 0 completion bash
expect_error 64 "'fish'" completion fish
if command -v bash > nowhere 2>&1; then
    expect 0 completion bash
    cp out complete.bash
    # complete WORDS...: what bash would offer for the last word
    cat > try.bash <<'BASH'
source ./complete.bash
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_merlon
printf '%s\n' "${COMPREPLY[@]}"
BASH
    offers() { # offers TEXT WORDS...
        text=$1
        shift
        bash try.bash "$@" > offers.txt || fail "completion fails: $*"
        grep -qx -- "$text" offers.txt || fail "completion of '$*' does not offer $text"
    }
    offers fit merlon f
    offers keys merlon ""
    offers revoke merlon keys re
    offers --require-signed-data merlon fit x.csv --req
    offers --json merlon keys list --j
    offers log_loss merlon fit x.csv --metric lo
    offers avx2 merlon predict m --cpu av
    offers table.csv merlon fit ta
    offers bash merlon completion ""
    offers man merlon help --man ma
fi

finish
