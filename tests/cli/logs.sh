#!/bin/sh
# The log: opt-in, duplicated to a new file that ends read-only, text or JSON lines, no forged lines.
. "$(dirname "$0")/lib.sh"

make_table > table.csv
expect 0 fit table.csv --target class --out m.safetensors --trials 2 --log-file fit.log
[ -s fit.log ] || fail "the log file is empty"
[ "$(stat -c %a fit.log)" = 400 ] || fail "the log file's mode is $(stat -c %a fit.log), not 400"
[ ! -s err ] || fail "the console has log lines without --verbose"
has fit.log "merlon"

# Whatever happens, the file is sealed.
expect_error 64 "'clas'" fit table.csv --target clas --out n.safetensors --log-file error.log
[ "$(stat -c %a error.log)" = 400 ] || fail "after an error the log file's mode is not 400"
has error.log "'clas'"
expect_error 64 "--log-file" fit table.csv --target class --out n.safetensors --log-file

# An existing file and a link are refused, and nothing is done.
echo kept > old.log
expect_error 73 "old.log" predict m.safetensors table.csv --log-file old.log
[ "$(cat old.log)" = kept ] || fail "an existing file was logged to"
ln -s victim link.log
expect_error 73 "link.log" predict m.safetensors table.csv --log-file link.log
[ ! -e victim ] || fail "a symbolic link was followed"
expect_error 73 "nowhere" predict m.safetensors table.csv --log-file nowhere/x.log

# Levels.
expect 0 predict m.safetensors table.csv --verbose
[ -s err ] || fail "--verbose logs nothing"
expect 0 predict m.safetensors table.csv --quiet
[ ! -s err ] || fail "--quiet logs"
expect_error 64 "--quiet" predict m.safetensors table.csv --quiet --verbose
code=0
OPENBLAS_CORETYPE=Prescott OMP_NUM_THREADS=1 "$merlon" predict m.safetensors table.csv --verbose --verbose \
    > out 2> err || code=$?
has err "OPENBLAS_CORETYPE"
has err "OMP_NUM_THREADS"
lacks err Prescott

# JSON lines: one object a line.
expect 0 predict m.safetensors table.csv --log-file json.log --log-format json --verbose --verbose
awk '!/^\{.*\}$/ { exit 1 }' json.log || fail "a line of the JSON log is no object"
awk '!/^\{.*\}$/ { exit 1 }' err || fail "a line of the JSON console log is no object"

# Names from outside cannot forge lines or move the cursor.
forged=$(printf 'x\nmerlon: error: forged.\033[2J')
expect 66 predict "$forged" table.csv --log-file forged.log
[ "$(grep -c '^merlon: error' err)" -eq 1 ] || fail "a name forged a line on the console"
[ "$(grep -c 'forged' forged.log)" -eq "$(grep -c 'x\\x0aerlon\|x\\\\x0a\|x\\x0a' forged.log)" ] ||
    fail "a name forged a line in the log"
if grep -q "$(printf '\033')" err forged.log; then
    fail "an escape sequence came through"
fi

# --log-data is recorded in the log itself.
expect 0 fit table.csv --target class --out d.safetensors --trials 2 --log-data --log-file data.log
head -n 1 data.log | grep -qi "data" || fail "the log does not record --log-data in its first line"

finish
