#!/bin/sh
# Two layers, as a user meets them: what is refused, that workers change nothing, that a killed run is gone on with.
. "$(dirname "$0")/lib.sh"

make_table > table.csv
expect 64 fit table.csv --target class --out none.safetensors --layers 2 --deploy fast
grep -q 'a second layer is of an ensemble' err || fail "two layers of one model are not refused"
expect 64 fit table.csv --target class --out none.safetensors --layers 2 --model tree
expect 64 fit table.csv --target class --out none.safetensors --layers 3
[ ! -e none.safetensors ] || fail "a refused fit has made a model"

loans=$tree/data/loans
# A second layer is kept where it scores better: for some seed it does.
for seed in 1 2 3 4 5 6 7 8 9 10 11 12; do
    two="--target defaulted --seed $seed --layers 2 --trials 10 --include tree,naive_bayes,gbdt"
    # $two is several words on purpose.
    # shellcheck disable=SC2086
    expect 0 fit "$loans/train.csv" $two --out one.safetensors --workers 1 --threads 1 --force
    expect 0 inspect one.safetensors
    if grep -q 'layer 2' out; then break; fi
done
# shellcheck disable=SC2086
expect 0 fit "$loans/train.csv" $two --out many.safetensors --workers 3 --report report.html --resume
cmp one.safetensors many.safetensors || fail "workers change a model of two layers"
grep -q 'They are in two layers' report.html || fail "the report does not tell of two layers"
expect 0 inspect one.safetensors --json
grep -q '"layer": *2' out || fail "inspect --json does not name the layer"
expect 0 leaderboard one.safetensors
grep -q 'layer 2' out || fail "the leaderboard does not name the layer"
expect 0 predict one.safetensors "$loans/test.csv" --proba --out trusted.csv
expect 0 predict one.safetensors "$loans/test.csv" --proba --unsigned --out cell.csv
cmp trusted.csv cell.csv || fail "a model of two layers predicts something else in a cell"

finish
