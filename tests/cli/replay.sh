#!/bin/sh
# --replay repeats the fit that made a model, from the model and its record: the same bytes, or a
# sentence that says what is another.
. "$(dirname "$0")/lib.sh"

make_table > table.csv
# repeats WORDS...: fits with them, and again from what that left
# A machine that stands still for a moment may cut last fits off, and that is not repeated: fit says so.
repeats() {
    for attempt in 1 2 3; do
        expect 0 fit table.csv --out first.safetensors --force "$@"
        grep -q 'will not repeat' err || break
        [ "$attempt" -lt 3 ] || fail "$*: the last fits are cut off, time after time"
    done
    expect 0 fit table.csv --out again.safetensors --force --replay first.safetensors
    cmp first.safetensors again.safetensors || fail "$*: other bytes"
    grep -q "the same bytes as 'first.safetensors'" out || fail "$*: it is not told"
}
repeats --target class --units 60000
repeats --target value --budget $((3 * times))s
repeats --target value --trials 6 --metric mae --folds 4
repeats --target class --model gbdt --param n_estimators=30 --param learning_rate=0.2 \
    --monotone number=increasing
repeats --target value --trials 5 --include tree,linear
repeats --target class --trials 5 --class-weight balanced --leave-out-leaks
repeats --target class --trials 8 --deploy fast
repeats --target class --trials 12 --layers 2
repeats --target value --trials 5 --quantiles 0.2,0.8
repeats --target class --trials 6 --metric f1 --calibrate temperature --threshold auto
# Once more from the copy, in other circumstances.
expect 0 fit table.csv --out third.safetensors --replay again.safetensors --threads 1 --workers 1 --json
cmp first.safetensors third.safetensors || fail "a replay of a replay: other bytes"
grep -q '"replayed": "again.safetensors"' out || fail "the JSON does not tell of the replay"

# Another table: what differs is told, and nothing is made.
head -n 100 table.csv > other.csv
expect 65 fit other.csv --out none.safetensors --replay first.safetensors
grep -q 'the table is another one' err || fail "another table is not told"
grep -q 'the first trial that differs' err || fail "the first trial that differs is not told"
[ ! -e none.safetensors ] || fail "a model that was not repeated is there"

# What comes from the model cannot be given, and the record must be there and the model's own.
for words in "--target class" "--seed 4" "--units 5" "--budget 1s" "--trials 2" "--metric auc" \
    "--model tree" "--folds 3" "--resume" \
    "--deploy fast" "--layers 2" "--calibrate none" "--quantiles 0.5" "--threshold 0.5"; do
    # $words is several words on purpose.
    # shellcheck disable=SC2086
    expect 64 fit table.csv --out none.safetensors --replay first.safetensors $words
done
cp first.safetensors lone.safetensors
cp first.safetensors.sig lone.safetensors.sig
expect 66 fit table.csv --out none.safetensors --replay lone.safetensors
expect 0 fit table.csv --target value --trials 2 --out value.safetensors
cp value.safetensors.provenance.json lone.safetensors.provenance.json
expect 77 fit table.csv --out none.safetensors --replay lone.safetensors
head -c 600 first.safetensors.provenance.json > first.changed
cp first.changed first.safetensors.provenance.json
expect 77 fit table.csv --out none.safetensors --replay first.safetensors

finish
