#!/bin/sh
# Several metrics: one decides, others are shown.
. "$(dirname "$0")/lib.sh"

awk 'BEGIN {
    srand(3); print "x,z,class,kind,y"
    for (i = 0; i < 300; i++) {
        x = rand() * 10; z = rand()
        printf "%.3f,%.3f,%s,%s,%.3f\n", x, z, (x + 3 * rand() > 6 ? "high" : "low"),
               (x < 3 ? "a" : x < 7 ? "b" : "c"), x * 2 + z + rand()
    }
}' > t.csv

# By themselves the usual ones of the task, without the one that decides.
expect 0 fit t.csv --target class --out m.safetensors --seed 1 --trials 6
has out "log_loss    +-" "accuracy  auc       f1" "log_loss" "accuracy 0."
lacks out "undefined"
expect 0 leaderboard m.safetensors
has out "accuracy  auc       f1"
expect 0 leaderboard m.safetensors --json
has out '"reported": {' '"accuracy": 0.' '"f1": 0.'
expect 0 inspect m.safetensors --json
has out '"reported": {'
expect 0 fit t.csv --target kind --out k.safetensors --trials 3 --metric f1_macro
has out "log_loss  accuracy  auc"
expect 0 fit t.csv --target y --out y.safetensors --trials 3
has out "mae       r2"

# They decide nothing: the same settings, scores and predictions, whatever is shown.
expect 0 fit t.csv --target class --out o.safetensors --seed 1 --trials 6 \
    --report-metrics mcc,brier,mcc,log_loss
has out "mcc       brier     time"
expect 0 predict m.safetensors t.csv --proba --out a.csv
expect 0 predict o.safetensors t.csv --proba --out b.csv
cmp a.csv b.csv || fail "what is shown changes what is predicted"
expect 0 fit t.csv --target class --out n.safetensors --seed 1 --trials 6 --report-metrics none
lacks out accuracy
expect 0 inspect n.safetensors --json
lacks out '"mcc"'

# The same bytes by any engine, in a replay, and after a stranger's cell has told of the model.
expect 0 fit t.csv --target class --out w.safetensors --seed 1 --trials 6 --workers 2 \
    --report-metrics mcc,brier
cmp o.safetensors w.safetensors || fail "the number of workers changes the bytes"
expect 0 fit t.csv --out again.safetensors --replay o.safetensors
cmp o.safetensors again.safetensors || fail "a replay has other bytes"
expect 0 leaderboard o.safetensors
cp out verified
expect 0 leaderboard o.safetensors --unsigned
cmp out verified || fail "a cell tells other metrics"

# A metric's value is that of the table: one model, scored on a table of its own.
expect 0 fit t.csv --target y --out v.safetensors --valid t.csv --model linear --json \
    --report-metrics mae,r2
mae=$(sed -n 's/^ *"mae": \([0-9.]*\).*/\1/p' out | head -1 | cut -c1-8)
expect 0 score v.safetensors t.csv --json
has out "\"mae\": $mae"

# The report shows them, and says by which threshold its own are.
expect 0 fit t.csv --target class --out f.safetensors --trials 4 --metric f1 --threshold 0.4 \
    --report report.html
grep -q 'threshold, 0.4' report.html || fail "the report does not tell its threshold"
grep -q '<th[^>]*>accuracy' report.html || fail "the report does not show the metrics"

# What cannot be.
expect 64 fit t.csv --target class --out none.safetensors --report-metrics accuracy,aux
has err "there is no metric 'aux'" "did you mean auc?"
expect 64 fit t.csv --target class --out none.safetensors --report-metrics rmse
has err "the metric rmse does not fit the task"
expect 64 fit t.csv --target class --out none.safetensors --report-metrics accuracy,,auc
expect 64 fit t.csv --target y --out none.safetensors --report-metrics \
    rmse,mae,r2,mse,mape,smape,msle,rmsle,max_error
has err "at most 8"
expect 64 fit t.csv --out none.safetensors --replay m.safetensors --report-metrics auc
# A metric that the data do not suit is undefined, and no reason to have no model.
sed 's/^\(.*\),\([0-9.]*\)$/\1,-\2/' t.csv > negative.csv
expect 0 fit negative.csv --target y --out g.safetensors --trials 2 --report-metrics msle,mae
[ ! -e none.safetensors ] || fail "a model is there"

finish
