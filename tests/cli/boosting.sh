#!/bin/sh
# Gradient boosting from the command line: other libraries' names of parameters, monotone constraints,
# and what is refused.
. "$(dirname "$0")/lib.sh"

# A wave on a slope: without a constraint the model follows it down too.
awk 'BEGIN {
    print "x,kind,y"
    for (i = 0; i < 1500; i++) {
        x = (i * 37 % 1500) / 1500
        printf "%.6f,%s,%.6f\n", x, i % 3 ? "a" : "b", 2 * x + sin(25 * x) + (i % 3 ? 0 : 1)
    }
}' > wave.csv
awk 'BEGIN { print "x,kind"; for (i = 0; i <= 200; i++) printf "%.6f,a\n", i / 200 }' > line.csv

# The predictions for growing x: how often one is lower than the one before it.
falls() {
    expect 0 predict "$1" line.csv --out p.csv --force
    awk 'NR > 2 && $1 < last - 1e-9 { n++ } { last = $1 } END { print n + 0 }' p.csv
}

expect 0 fit wave.csv --target y --model gbdt --param num_leaves=15 --param eta=0.2 --seed 1 --out free.safetensors
expect 0 fit wave.csv --target y --model gbdt --param num_leaves=15 --param eta=0.2 --seed 1 \
    --monotone x=increasing --out rising.safetensors
[ "$(falls free.safetensors)" -gt 10 ] || fail "the model without a constraint does not fall"
[ "$(falls rising.safetensors)" -eq 0 ] || fail "the model that may only rise falls"
expect 0 inspect rising.safetensors
has out "max_leaves=15"
has out "learning_rate=0.2"

expect_error 64 "increasing or decreasing" fit wave.csv --target y --model gbdt --monotone x=up --out no.safetensors
expect_error 64 "numbers only" fit wave.csv --target y --model gbdt --monotone kind=increasing --out no.safetensors
expect_error 64 "no column" fit wave.csv --target y --model gbdt --monotone z=increasing --out no.safetensors
expect_error 64 "gbdt" fit wave.csv --target y --model tree --monotone x=increasing --out no.safetensors
expect_error 64 "objective poisson" fit wave.csv --target kind --model gbdt --param objective=poisson --out no.safetensors
expect_error 65 "objective gamma" fit wave.csv --target y --model gbdt --param objective=gamma --out no.safetensors
[ ! -e no.safetensors ] || fail "a refused fit left a model"

finish
