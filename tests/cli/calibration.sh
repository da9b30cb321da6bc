#!/bin/sh
# --calibrate and --threshold: learned from held-out rows, kept in the model, used by predict and score,
# the same for any number of threads and in a cell.
. "$(dirname "$0")/lib.sh"

# table ROWS SEED: a row is of the rarer class with a probability that rises with x
table() {
    awk -v rows="$1" -v seed="$2" '
        function uniform() { seed = (seed * 16807) % 2147483647; return seed / 2147483647 }
        BEGIN { print "x,z,y"
            for (i = 0; i < rows; i++) {
                x = uniform(); z = uniform()
                printf "%.4f,%.4f,%s\n", x, z, uniform() < x * x * x ? "yes" : "no"
            } }'
}
table 1500 17 > table.csv
table 700 4711 > new.csv
same() { cmp "$1" out || fail "out is not $1"; }
score_of() { sed -n "s/^ *$1  *//p" out; }

# A deep tree is too sure of itself: calibration lowers the log loss on rows that are new.
for how in none temperature isotonic; do
    expect 0 fit table.csv --target y --model tree --param max_depth=12 --calibrate $how --seed 1 --out $how.safetensors
    expect 0 score $how.safetensors new.csv
    score_of log_loss > $how.score
    expect 0 predict $how.safetensors new.csv --proba
    cp out $how.csv
done
for how in temperature isotonic; do
    awk "BEGIN { exit !($(cat $how.score) < $(cat none.score)) }" || fail "$how: log loss $(cat $how.score), without $(cat none.score)"
    ! cmp -s $how.csv none.csv || fail "$how changes no probability"
    expect 0 inspect $how.safetensors
    has out "calibrated by $how"
done
expect 0 inspect none.safetensors
lacks out "calibrated"
expect 0 inspect none.safetensors --json
has out '"method": "none"'

# By itself: what helps. The same bytes with other threads and workers, and again from the record.
expect 0 fit table.csv --target y --trials 8 --metric f1 --seed 1 --threads 1 --workers 1 --out a.safetensors
has out "predicts the second class from probability"
expect 0 fit table.csv --target y --trials 8 --metric f1 --seed 1 --threads 3 --workers 2 --out b.safetensors
cmp a.safetensors b.safetensors || fail "other bytes with other threads"
expect 0 fit table.csv --replay a.safetensors --out c.safetensors
cmp a.safetensors c.safetensors || fail "other bytes in a replay"

# The threshold decides what is predicted and scored: from 0.05 on, more rows are of the rare class.
for p in 0.05 0.5 0.95; do
    expect 0 fit table.csv --target y --model linear --threshold $p --seed 1 --out t$p.safetensors
    expect 0 predict t$p.safetensors new.csv
    grep -c yes out > t$p.count || true
    expect 0 score t$p.safetensors new.csv
    score_of recall > t$p.recall
done
[ "$(cat t0.05.count)" -gt "$(cat t0.5.count)" ] || fail "0.05 predicts no more rows than 0.5"
[ "$(cat t0.5.count)" -ge "$(cat t0.95.count)" ] || fail "0.95 predicts more rows than 0.5"
awk "BEGIN { exit !($(cat t0.05.recall) > $(cat t0.5.recall)) }" || fail "the recall does not follow the threshold"
expect 0 inspect t0.05.safetensors --json
has out '"value": 0.05'

# In a cell it is the same.
for model in temperature isotonic t0.05; do
    expect 0 predict $model.safetensors new.csv
    cp out expected
    expect 0 predict $model.safetensors new.csv --interval 0.9
    cp out with_sets
    cp $model.safetensors stranger.safetensors
    expect 0 predict stranger.safetensors new.csv --unsigned
    same expected
    expect 0 predict stranger.safetensors new.csv --unsigned --interval 0.9
    same with_sets
    expect 0 inspect $model.safetensors
    sed -n '/calibrated\|predicts the second/p' out > expected
    expect 0 inspect stranger.safetensors --unsigned
    sed -n '/calibrated\|predicts the second/p' out > told
    cmp expected told || fail "$model: inspect tells something else of a stranger's model"
done

# What cannot be is refused before anything is tried.
expect_error 64 "no probabilities to calibrate" fit table.csv --target x --calibrate temperature --out none.m
expect_error 64 "two classes" fit table.csv --target x --threshold auto --out none.m
for p in 0 1 1.5 -0.5 half nan ""; do
    expect_error 64 "threshold" fit table.csv --target y --threshold "$p" --out none.m
done
head -n 300 table.csv > few.csv
expect_error 64 "1000 held-out rows" fit few.csv --target y --calibrate isotonic --out none.m
expect_error 64 "calibrate" fit table.csv --target y --calibrate platt --out none.m
[ ! -e none.m ] || fail "a model was made all the same"

finish
