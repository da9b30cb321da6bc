#!/bin/sh
# From a table to a signed model and back: fit, verify, inspect, predict, score, on real tables.
. "$(dirname "$0")/lib.sh"

data=$tree/data
[ -r "$data/breast_cancer/train.csv" ] || skip "data/breast_cancer is absent"

# at_least NAME BOUND, at_most NAME BOUND: of the JSON in out
at_least() {
    awk -v value="$(json_number "$1")" -v bound="$2" 'BEGIN { exit !(value != "" && value + 0 >= bound) }' ||
        fail "$1 is $(json_number "$1"), below $2"
}
at_most() {
    awk -v value="$(json_number "$1")" -v bound="$2" 'BEGIN { exit !(value != "" && value + 0 <= bound) }' ||
        fail "$1 is $(json_number "$1"), above $2"
}

# Classification.
expect 0 fit "$data/breast_cancer/train.csv" --target diagnosis --out bc.safetensors \
    --budget $((5 * times))s --seed 1
has out "456 rows, 31 columns"
has out "signed by the key 'default', made just now"
has out "Next: merlon predict bc.safetensors"
for file in bc.safetensors bc.safetensors.sig bc.safetensors.provenance.json; do
    [ -s "$file" ] || fail "$file was not written"
done
[ "$(find . -name '*.merlon-new' -o -name '*.new' | wc -l)" -eq 0 ] || fail "a temporary name was left"
[ "$(stat -c %a config/merlon/keys/default.key)" = 600 ] || fail "the private key is open to others"

expect 0 verify bc.safetensors
has out "$(sha256sum < bc.safetensors | cut -d' ' -f1)"
has out "provenance record is one of this file"
statement bc.safetensors > record.json
has record.json "$(sha256sum < bc.safetensors | cut -d' ' -f1)"
has record.json "$(sha256sum < "$data/breast_cancer/train.csv" | cut -d' ' -f1)"
expect 0 inspect bc.safetensors
has out "2 classes"
lacks out malignant
expect 0 inspect bc.safetensors --labels
has out malignant
expect 0 leaderboard bc.safetensors
[ "$(wc -l < out)" -gt 2 ] || fail "the leaderboard has no lines"

expect 0 score bc.safetensors "$data/breast_cancer/test.csv" --json
at_least accuracy 0.9
at_least auc 0.95
at_most log_loss 0.35
for name in digest seed seconds load predict total peak_rss_bytes; do
    has out "\"$name\":"
done

expect 0 predict bc.safetensors "$data/breast_cancer/test.csv"
[ "$(head -n 1 out)" = diagnosis ] || fail "the predictions' header is not the target's name"
[ "$(wc -l < out)" -eq 114 ] || fail "not one prediction a row"
cp out labels
expect 0 predict bc.safetensors "$data/breast_cancer/test.csv" --interval 0.95
[ "$(head -n 1 out)" = diagnosis,set ] || fail "the set is no column beside the prediction"
cut -d, -f1 out | cmp -s - labels || fail "--interval changes the predictions"
# Without the target column, in another order and with a column more, the predictions are the same.
awk -F, -v OFS=, '{ line = "more," (NR == 1 ? "extra" : NR); for (i = NF - 1; i >= 1; i--) line = line "," $i
    sub(/^more,/, "", line); print line }' "$data/breast_cancer/test.csv" > turned.csv
expect 0 predict bc.safetensors turned.csv
cmp -s out labels || fail "the predictions depend on the order of the columns"

expect 0 predict bc.safetensors "$data/breast_cancer/test.csv" --proba --out proba.csv
[ "$(head -n 1 proba.csv)" = benign,malignant ] || [ "$(head -n 1 proba.csv)" = malignant,benign ] ||
    fail "the probabilities' header is not the classes"
awk -F, 'NR > 1 && ($1 + $2 < 0.9999 || $1 + $2 > 1.0001) { exit 1 }' proba.csv ||
    fail "the probabilities do not sum to one"
expect 0 predict bc.safetensors "$data/breast_cancer/test.csv" --proba --digits 2
awk -F, 'NR > 1 {
    digits = $1
    sub(/e.*/, "", digits)
    sub(/^0\.0*/, "", digits)
    sub(/\./, "", digits)
    if (length(digits) > 2)
        exit 1
}' out || fail "--digits 2 shows more digits"
expect 0 predict bc.safetensors "$data/breast_cancer/test.csv" --json
[ "$(grep -c '"malignant"\|"benign"' out)" -eq 113 ] || fail "not one JSON prediction a row"

# From standard input, and compressed.
code=0
"$merlon" predict bc.safetensors - < "$data/breast_cancer/test.csv" > out 2> err || code=$?
[ "$code" -eq 0 ] || fail "standard input: exit code $code"
cmp -s out labels || fail "standard input gives other predictions"
gzip -c "$data/breast_cancer/test.csv" > test.csv.gz
expect 0 predict bc.safetensors test.csv.gz
cmp -s out labels || fail "a compressed table gives other predictions"

# Regression.
expect 0 fit "$data/diabetes/train.csv" --target progression --out d.safetensors --trials 20 --seed 2 --json
at_most rmse 75
for name in model digest task family metric seed units seconds load search train total leaderboard; do
    has out "\"$name\":"
done
expect 0 score d.safetensors "$data/diabetes/test.csv" --json
at_most rmse 75
at_least r2 0.1
expect 0 predict d.safetensors "$data/diabetes/test.csv"
[ "$(wc -l < out)" -eq 89 ] || fail "not one prediction a row"
expect_error 64 "--proba" predict d.safetensors "$data/diabetes/test.csv" --proba

# Three classes; categories, a date, a boolean, missing cells, an identifier that is left out.
expect 0 fit "$data/iris/train.csv" --target species --out i.safetensors --trials 10
expect 0 score i.safetensors "$data/iris/test.csv" --json
at_least accuracy 0.8
expect 0 fit "$data/loans/train.csv" --target defaulted --out l.safetensors --trials 10
has out "left out: 'application'"
expect 0 score l.safetensors "$data/loans/test.csv" --json
at_least auc 0.6

# One family with its parameters.
expect 0 fit "$data/iris/train.csv" --target species --out t.safetensors --model tree --param max_depth=1
has out "max_depth=1"
expect_error 64 "max_depth" fit "$data/iris/train.csv" --target species --out u.safetensors --model tree \
    --param max_dept=1
expect_error 64 "--param" fit "$data/iris/train.csv" --target species --out u.safetensors --param max_depth=1

finish
