#!/bin/sh
# --quantiles: columns beside a predicted number that do not cross, in the model, the same again and in a cell.
. "$(dirname "$0")/lib.sh"

same() { cmp "$1" out || fail "out is not $1"; }
data=$tree/data/diabetes
target=$(head -n 1 "$data/train.csv" | sed 's/.*,//')

expect 0 fit "$data/train.csv" --target "$target" --trials 6 --quantiles 0.9,0.1,0.5 --seed 1 --threads 1 --workers 1 --out a.safetensors
has out "quantile 0.1: pinball loss"
expect 0 fit "$data/train.csv" --target "$target" --trials 6 --quantiles 0.1,0.5,0.9 --seed 1 --threads 3 --workers 2 --out b.safetensors
cmp a.safetensors b.safetensors || fail "other bytes with other threads, or another order"
expect 0 fit "$data/train.csv" --replay a.safetensors --out c.safetensors
cmp a.safetensors c.safetensors || fail "other bytes in a replay"

# Stopped at any moment, and gone on with: the same bytes.
for after in 0.2 0.5 1; do
    timeout -s KILL $after "$merlon" fit "$data/train.csv" --target "$target" --trials 6 --quantiles 0.1,0.5,0.9 --seed 1 --out killed.safetensors --force > out 2> err < /dev/null || true
    expect 0 fit "$data/train.csv" --target "$target" --trials 6 --quantiles 0.1,0.5,0.9 --seed 1 --out killed.safetensors --force --resume
    cmp a.safetensors killed.safetensors || fail "other bytes when it was killed after $after s"
done

expect 0 predict a.safetensors "$data/test.csv"
cp out expected
[ "$(head -n 1 out)" = "$target,q0.1,q0.5,q0.9" ] || fail "the header is $(head -n 1 out)"
awk -F, 'NR > 1 && ($2 > $3 || $3 > $4) { exit 1 }' out || fail "quantiles cross"
# Most true values lie between the outer ones, and not all.
inside=$(sed 's/.*,//' "$data/test.csv" | paste -d, out - | awk -F, 'NR > 1 { n++; k += $5 >= $2 && $5 <= $4 } END { print k / n }')
awk "BEGIN { exit !($inside > 0.6 && $inside < 0.97) }" || fail "$inside of the values lie between the quantiles"
cp a.safetensors stranger.safetensors
expect 0 predict stranger.safetensors "$data/test.csv" --unsigned
same expected
expect 0 predict a.safetensors "$data/test.csv" --interval 0.9
[ "$(head -n 1 out)" = "$target,q0.1,q0.5,q0.9,lower,upper" ] || fail "with an interval the header is $(head -n 1 out)"
expect 0 predict a.safetensors "$data/test.csv" --json
has out '"quantiles"'
expect 0 inspect stranger.safetensors --unsigned
has out "quantile 0.9: pinball loss"
expect 0 inspect a.safetensors --json
has out '"pinball_loss"'
expect 0 score a.safetensors "$data/test.csv"
has out "rmse"
has out "pinball loss, "
expect 0 score stranger.safetensors "$data/test.csv" --unsigned --json
has out '"pinball_loss"'
# How far the search is, in lines, for whoever has no terminal.
expect 0 fit "$data/train.csv" --target "$target" --trials 6 --progress lines --out d.safetensors
has err "trials, best"
expect 0 fit "$data/train.csv" --target "$target" --trials 3 --progress lines --quiet --out e.safetensors
lacks err "trials, best"

for levels in 0 1 0.5,0.5 0.5, half ,0.5 "" 0.1,1.5; do
    expect_error 64 "" fit "$data/train.csv" --target "$target" --quantiles "$levels" --trials 1 --out none.m
done
expect_error 64 "the target has classes" fit "$tree/data/iris/train.csv" --target "$(head -n 1 "$tree/data/iris/train.csv" | sed 's/.*,//')" --quantiles 0.5 --out none.m
[ ! -e none.m ] || fail "a model was made all the same"

finish
