#!/bin/sh
# fit --continue-from: more trees for a boosted model, and every reason not to.
. "$(dirname "$0")/lib.sh"

# A wave on a slope, and two classes of it.
awk 'BEGIN {
    print "x,kind,y,c"
    for (i = 0; i < 1500; i++) {
        x = (i * 37 % 1500) / 1500
        y = 2 * x + sin(25 * x) + (i % 3 ? 0 : 1)
        printf "%.6f,%s,%.6f,%s\n", x, i % 3 ? "a" : "b", y, (y > 1.5 ? "high" : "low")
    }
}' > wave.csv

fitted() {
    expect 0 fit wave.csv --seed 3 --folds 2 --calibrate none --quiet "$@"
}

# The error of a model on the table: its RMSE, or its log loss.
error_of() {
    expect 0 score "$1" wave.csv --json
    sed -n 's/^ *"\(rmse\|log_loss\)": \([0-9.e-]*\),*$/\2/p' out | head -n 1
}

# near A B PART: they differ by at most that part.
near() {
    awk -v a="$1" -v b="$2" -v part="$3" 'BEGIN { exit !(a > 0 && (a - b) ^ 2 <= (part * b) ^ 2) }'
}

for target in y c; do
    fitted --target "$target" --model gbdt --param n_estimators=40 --out half.safetensors --force
    fitted --target "$target" --model gbdt --param n_estimators=80 --out whole.safetensors --force
    cp half.safetensors before
    # As many rounds again, the target the model's.
    expect 0 fit wave.csv --continue-from half.safetensors --out more.safetensors --force
    has out "goes on with 'half.safetensors'"
    has out "not scored"
    cmp -s half.safetensors before || fail "the model that was gone on with has changed"
    half=$(error_of half.safetensors)
    whole=$(error_of whole.safetensors)
    more=$(error_of more.safetensors)
    # The same 80 rounds but for what single precision rounds in between.
    near "$more" "$whole" 0.05 || fail "$target: 40 and 40 rounds err by $more, 80 by $whole"
    near "$more" "$half" 0.2 && fail "$target: 40 rounds more change $half to $more only"
    expect 0 inspect more.safetensors
    has out "n_estimators=80"
    # The same bytes again, on one thread and with the seed named.
    expect 0 fit wave.csv --target "$target" --continue-from half.safetensors --out again.safetensors \
        --param n_estimators=40 --seed 3 --threads 1 --force
    cmp -s more.safetensors again.safetensors || fail "$target: other bytes the second time"
done
statement more.safetensors | grep -q '"continue_from=[0-9a-f]\{64\}"' || fail "the record does not tell"
expect_error 65 "went on with another model" fit wave.csv --replay more.safetensors --out no.safetensors

# Another table, in which the other class is the more frequent one.
awk -F, 'NR == 1 || $4 == "high" || NR % 4 == 0' wave.csv > rare.csv
[ "$(grep -c ',low$' rare.csv)" -lt "$(grep -c ',high$' rare.csv)" ] || fail "the classes are as frequent as before"
mv wave.csv all.csv
cp rare.csv wave.csv
half=$(error_of half.safetensors)
expect 0 fit wave.csv --continue-from half.safetensors --out onward.safetensors
awk -v a="$(error_of onward.safetensors)" -v b="$half" 'BEGIN { exit !(a > 0 && a < b) }' ||
    fail "more rounds on other rows do not fit them better"
mv all.csv wave.csv

# The model predicts c from here on.
refused() {
    wanted=$1
    text=$2
    shift 2
    expect_error "$wanted" "$text" fit "$@" --out no.safetensors
}
refused 64 "predicts 'c', not 'y'" wave.csv --target y --continue-from half.safetensors
refused 64 "of the family gbdt, not" wave.csv --model tree --continue-from half.safetensors
refused 64 "metric belongs to a search" wave.csv --metric auc --continue-from half.safetensors
refused 64 "resume belongs to a search" wave.csv --resume --continue-from half.safetensors
refused 64 "patience belongs to a search" wave.csv --patience 3 --continue-from half.safetensors
echo '{"gbdt": {"max_leaves": {"low": 4, "high": 64}}}' > space.json
refused 64 "space belongs to a search" wave.csv --space space.json --continue-from half.safetensors
refused 64 "exclude each other" wave.csv --replay half.safetensors --continue-from half.safetensors
refused 64 "are above 100000" wave.csv --param n_estimators=100000 --continue-from half.safetensors
sed 's/,high$/,huge/' wave.csv > other.csv
refused 65 "class that the model to go on from does not know" other.csv --continue-from half.safetensors
cut -d, -f2- wave.csv > narrow.csv
refused 65 "'x'" narrow.csv --continue-from half.safetensors
sed '2s/^[0-9.]*/word/' wave.csv > words.csv
refused 65 "'x'" words.csv --continue-from half.safetensors
fitted --target y --model gbdt --out numbers.safetensors
refused 64 "another objective" wave.csv --continue-from numbers.safetensors --param objective=absolute
fitted --target y --model gbdt --quantiles 0.1,0.9 --out levels.safetensors
refused 64 "quantiles" wave.csv --continue-from levels.safetensors
fitted --target y --model random_forest --param n_estimators=5 --out forest.safetensors
refused 64 "family random_forest" wave.csv --continue-from forest.safetensors

# Verified as predict verifies.
cp half.safetensors tampered.safetensors
cp half.safetensors.sig tampered.safetensors.sig
printf 'x' | dd of=tampered.safetensors bs=1 seek=2000 conv=notrunc 2> dd.out
refused 77 "not what was signed" wave.csv --continue-from tampered.safetensors
refused 66 "absent" wave.csv --continue-from absent.safetensors
[ ! -e no.safetensors ] || fail "a refused fit left a model"

finish
