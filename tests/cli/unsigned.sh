#!/bin/sh
# --unsigned: what nobody trusted has signed is used in a cell, and predicts there what it would here;
# without the flag it stays refused; what is no model is refused by the cell.
. "$(dirname "$0")/lib.sh"

make_table > table.csv
expect 0 fit table.csv --target class --out good.safetensors --trials 3 --seed 1
expect 0 fit table.csv --target value --out number.safetensors --trials 3 --seed 1
cp good.safetensors stranger.safetensors
cp number.safetensors stranger-number.safetensors

# Refused without the flag, by every command.
for command in "predict stranger.safetensors table.csv" "score stranger.safetensors table.csv" \
    "inspect stranger.safetensors" "leaderboard stranger.safetensors"; do
    # shellcheck disable=SC2086 # words
    expect_error 77 "stranger.safetensors" $command
    # shellcheck disable=SC2086
    expect 0 $command --unsigned
    has err "was not verified and runs in a cell"
done

# same AS: the command's output for the stranger's copy is what it is for the verified model.
same() {
    cmp -s out "$1" || fail "in a cell: $(diff out "$1" | head -3)"
}
for options in "" "--proba" "--digits 3" "--interval 0.9"; do
    # shellcheck disable=SC2086
    expect 0 predict good.safetensors table.csv $options
    cp out expected
    # shellcheck disable=SC2086
    expect 0 predict stranger.safetensors table.csv $options --unsigned
    same expected
done
for options in "" "--interval 0.9"; do
    # shellcheck disable=SC2086
    expect 0 predict number.safetensors table.csv $options
    cp out expected
    # shellcheck disable=SC2086
    expect 0 predict stranger-number.safetensors table.csv $options --unsigned
    same expected
done
[ "$(head -n 1 out)" = value,lower,upper ] || fail "the interval has no columns"
expect 0 leaderboard good.safetensors
cp out expected
expect 0 leaderboard stranger.safetensors --unsigned
same expected
expect 0 score number.safetensors table.csv
sed 1d out > expected
expect 0 score stranger-number.safetensors table.csv --unsigned
sed 1d out > in_cell
cmp -s in_cell expected || fail "scores differ"
has out "nobody that is trusted"
expect 0 inspect good.safetensors --labels
grep -v -e '^Model' -e 'signed by' out > expected
expect 0 inspect stranger.safetensors --labels --unsigned
grep -v -e '^Model' -e 'signed by' out > in_cell
cmp -s in_cell expected || fail "inspect differs: $(diff in_cell expected | head -3)"

# What a coverage takes more rows for is refused with the most that can be had; an earlier version's model does not know.
expect_error 64 "too few for a coverage" predict number.safetensors table.csv --interval 0.9999
has err "at the most"
cp "$tree/tests/cli/golden/v1.iris.baseline.multiclass.safetensors" old.safetensors
expect 64 predict old.safetensors "$tree/data/iris/test.csv" --interval 0.9 --unsigned
has err "how far its predictions"
has err "fit it again"

# The document says what it was.
expect 0 predict stranger.safetensors table.csv --unsigned --json
has out '"unsigned": true'
has out '"signer": null'
has out '"seccomp": true'
expect 0 inspect good.safetensors --unsigned --json
has out '"unsigned": false'
lacks out '"seccomp"'

# A trusted signature is used where there is one; a broken one makes a stranger of the model.
expect 0 predict good.safetensors table.csv --unsigned
lacks err "runs in a cell"
cp good.safetensors broken.safetensors
cp number.safetensors.sig broken.safetensors.sig
expect_error 77 "" predict broken.safetensors table.csv
expect 0 predict broken.safetensors table.csv --unsigned
has err "runs in a cell"
expect_error 64 "exclude each other" predict stranger.safetensors table.csv --unsigned --key x.pub

# Out of a pipe, which has no signature beside it.
expect 0 predict stranger.safetensors table.csv --unsigned
cp out expected
"$merlon" predict - table.csv --unsigned < stranger.safetensors > out 2> err || fail "out of a pipe: $?"
same expected
expect_error 77 "signature" predict - table.csv

# No key store at all.
XDG_CONFIG_HOME=$work/nothing expect 0 predict stranger.safetensors table.csv --unsigned

# What is no model, or a broken one, is refused in the cell, by name.
size=$(stat -c %s stranger.safetensors)
head -c $((size / 2)) stranger.safetensors > half.safetensors
expect_error 65 "half.safetensors" predict half.safetensors table.csv --unsigned
: > empty.safetensors
expect_error 65 "empty.safetensors" predict empty.safetensors table.csv --unsigned
expect_error 65 "table.csv" inspect table.csv --unsigned
expect_error 66 "nowhere" inspect nowhere.safetensors --unsigned
head -c 100000 /dev/urandom > noise.safetensors
expect_error 65 "noise.safetensors" leaderboard noise.safetensors --unsigned
printf 'x,z\n1,2\n' > other.csv
run predict stranger.safetensors other.csv --unsigned
cp err in_cell
[ "$code" -eq 65 ] || fail "another table's columns: $code"
run predict good.safetensors other.csv
[ "$code" -eq 65 ] || fail "another table's columns, verified: $code"

# Outputs appear whole; the program is what it takes.
expect 0 predict stranger.safetensors table.csv --unsigned --out p.csv
expect 0 predict good.safetensors table.csv
same p.csv

finish
