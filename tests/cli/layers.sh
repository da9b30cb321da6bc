#!/bin/sh
# Two layers, as a user meets them: what is refused, that workers change nothing, that a killed run is gone on with.
. "$(dirname "$0")/lib.sh"

make_table > table.csv
expect 64 fit table.csv --target class --out none.safetensors --layers 2 --deploy fast
grep -q 'a second layer is of an ensemble' err || fail "two layers of one model are not refused"
expect 64 fit table.csv --target class --out none.safetensors --layers 2 --model tree
expect 64 fit table.csv --target class --out none.safetensors --layers 3
[ ! -e none.safetensors ] || fail "a refused fit has made a model"

# Steps of a sum: lines see the sum, and trees that see what the lines say see the steps. A second
# layer is kept where it scores clearly better: for some seed it does.
awk 'BEGIN {
    seed = 11
    print "a,b,c,d,e,y"
    for (i = 0; i < 300; i++) {
        sum = 0
        for (k = 1; k <= 5; k++) {
            seed = (seed * 16807) % 2147483647
            x = seed / 1073741823.5 - 1
            sum += x
            printf "%.5f,", x
        }
        print int(sum + 5)
    }
}' > steps.csv
for seed in 1 2 3 4 5 6 7 8 9 10 11 12; do
    two="--target y --task regression --seed $seed --layers 2 --units 3000000 --include linear,gbdt"
    # $two is several words on purpose.
    # shellcheck disable=SC2086
    expect 0 fit steps.csv $two --out one.safetensors --workers 1 --threads 1 --force
    expect 0 inspect one.safetensors
    if grep -q 'layer 2' out; then break; fi
done
# shellcheck disable=SC2086
expect 0 fit steps.csv $two --out many.safetensors --workers 3 --report report.html --resume
cmp one.safetensors many.safetensors || fail "workers change a model of two layers"
grep -q 'They are in two layers' report.html || fail "the report does not tell of two layers"
expect 0 inspect one.safetensors --json
grep -q '"layer": *2' out || fail "inspect --json does not name the layer"
grep -q '"interval_rows": 300' out || fail "inspect --json does not tell what intervals were learned from"
expect 0 runs list
run=$(awk 'END { print $1 }' out)
expect 0 runs show "$run" --json
for layer in 0 1 2; do
    grep -q "\"layer\": $layer" out || fail "runs show names no trial of layer $layer"
done
expect 0 leaderboard one.safetensors
grep -q 'layer 2' out || fail "the leaderboard does not name the layer"
expect 0 predict one.safetensors steps.csv --out trusted.csv
expect 0 predict one.safetensors steps.csv --unsigned --out cell.csv
cmp trusted.csv cell.csv || fail "a model of two layers predicts something else in a cell"

finish
