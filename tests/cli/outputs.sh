#!/bin/sh
# Outputs appear whole or not at all: existing ones are kept, full disks and closed pipes are said.
. "$(dirname "$0")/lib.sh"

make_table > table.csv
expect 0 fit table.csv --target class --out m.safetensors --trials 2 --seed 1
cp m.safetensors before.safetensors

# An existing model, signature, record or prediction is kept without --force.
expect_error 73 "m.safetensors" fit table.csv --target class --out m.safetensors --trials 2
has err "--force"
cmp -s m.safetensors before.safetensors || fail "an existing model was changed"
echo kept > n.safetensors.sig
expect_error 73 "n.safetensors.sig" fit table.csv --target class --out n.safetensors --trials 2
[ "$(cat n.safetensors.sig)" = kept ] || fail "an existing signature was changed"
[ ! -e n.safetensors ] || fail "a model was written beside an existing signature"
rm n.safetensors.sig
# A record without a model is what a run leaves that was killed between the two.
echo "{}" > n.safetensors.provenance.json
expect 0 fit table.csv --target class --out n.safetensors --trials 2
expect 0 verify n.safetensors
has out "provenance record"
expect 0 fit table.csv --target value --out m.safetensors --trials 2 --seed 1 --force
expect 0 verify m.safetensors
if cmp -s m.safetensors before.safetensors; then
    fail "--force did not replace the model"
fi
echo kept > predictions.csv
expect_error 73 "predictions.csv" predict m.safetensors table.csv --out predictions.csv
[ "$(cat predictions.csv)" = kept ] || fail "existing predictions were changed"
expect 0 predict m.safetensors table.csv --out predictions.csv --force
[ "$(wc -l < predictions.csv)" -eq 121 ] || fail "not one prediction a row"
expect_error 73 "nowhere" predict m.safetensors table.csv --out nowhere/predictions.csv
expect_error 73 "" predict m.safetensors table.csv --out .

# A link at the output is not followed.
echo kept > victim
ln -s victim link.csv
expect_error 73 "link.csv" predict m.safetensors table.csv --out link.csv
expect 0 predict m.safetensors table.csv --out link.csv --force
[ "$(cat victim)" = kept ] || fail "a symbolic link at the output was followed"

# An input is not replaced, whatever --force says and by whatever name.
cp table.csv table.before
ln -s table.csv table.link
expect_error 64 "table.csv" fit table.csv --target class --out table.csv --force
expect_error 64 "table.link" fit table.csv --target class --out table.link --force
expect_error 64 "table.csv" predict m.safetensors table.csv --out table.csv --force
expect_error 64 "m.safetensors" predict m.safetensors table.csv --out m.safetensors --force
cmp -s table.csv table.before || fail "an input was replaced"
expect 0 verify m.safetensors

expect_error 64 "standard output" fit table.csv --target class --out -
expect 0 predict m.safetensors table.csv --out -
[ "$(wc -l < out)" -eq 121 ] || fail "--out - is not standard output"
expect_error 73 "nowhere" predict m.safetensors table.csv --scratch nowhere

# --quiet leaves the result and takes the remarks.
expect 0 predict m.safetensors table.csv --out quiet.csv --quiet
[ ! -s out ] || fail "--quiet remarks"
expect 0 fit table.csv --target class --out quiet.safetensors --trials 1 --quiet
[ ! -s out ] || fail "--quiet remarks"
expect 0 score m.safetensors table.csv --quiet
has out rmse

# Failures after the output was opened leave nothing.
echo "number" > bad.csv
expect_error 65 "" predict m.safetensors bad.csv --out none.csv
[ ! -e none.csv ] || fail "a failed predict left an output"
[ "$(find . -name '*.merlon-new' | wc -l)" -eq 0 ] || fail "a temporary name was left"

# Standard output that cannot be written.
if [ -w /dev/full ]; then
    code=0
    "$merlon" predict m.safetensors table.csv > /dev/full 2> err || code=$?
    [ "$code" -eq 74 ] || fail "a full standard output ends with $code, not 74"
    has err "standard output could not be written"
fi
# A reader that stops early is not worth a sentence.
mkfifo pipe
awk 'BEGIN { for (i = 0; i < 200000; i++) print i % 97 "," i % 5 }' > many.rows
{ echo "number,level"; cat many.rows; } > many.csv
{ echo "number,level,y"; head -n 300 many.rows | sed 's/^\([0-9]*\),.*/&,\1/'; } > some.csv
expect 0 fit some.csv --target y --out many.safetensors --trials 2
head -n 1 < pipe > first &
code=0
"$merlon" predict many.safetensors many.csv > pipe 2> err || code=$?
forget_root
wait
[ "$code" -eq 74 ] || fail "a closed pipe ends with $code, not 74"
[ ! -s err ] || {
    fail "a closed pipe gives a message"
    cat err
}

# A full disk.
mkdir disk
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=64k,mode=700 tmpfs disk 2> mount.log; then
    expect_error 74 "" predict many.safetensors many.csv --out disk/predictions.csv
    [ -z "$(find disk -mindepth 1)" ] || fail "a full disk leaves: $(find disk -mindepth 1)"
    head -c 60000 /dev/zero > disk/filler
    expect_error 74 "" fit table.csv --target class --out disk/m.safetensors --trials 2
    [ "$(find disk -mindepth 1)" = disk/filler ] || fail "a full disk leaves: $(find disk -mindepth 1)"
    umount disk
else
    echo "not tested: a full disk (needs root and mount)"
fi

# A budget of memory that does not suffice, and one that does.
expect_error 75 "" fit many.csv --target number --out big.safetensors --memory 1M
[ ! -e big.safetensors ] || fail "a model was written without the memory for it"

finish
