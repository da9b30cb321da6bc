#!/bin/sh
# How a table is cut for cross-validation: by groups, by time, by labels, and more than once.
. "$(dirname "$0")/lib.sh"

awk 'BEGIN {
    srand(7); print "store,day,part,x,y"
    for (i = 0; i < 240; i++) {
        store = int(i / 8); x = int(rand() * 1000)
        printf "s%d,2024-%02d-%02d,%d,%d,%.3f\n", store, 1 + int(i / 28), 1 + i % 28, i % 3, x,
               x / 100 + (store * 37 % 11)
    }
}' > shop.csv

# cut KIND FOLDS REPEATS WORDS...: fits, and asks the model and its record how it was validated
validated() {
    kind=$1 folds=$2 repeats=$3
    shift 3
    expect 0 fit shop.csv --target y --out m.safetensors --force --seed 3 --trials 4 "$@"
    expect 0 inspect m.safetensors --json
    has out "\"validation\": \"$kind\"" "\"folds\": $folds," "\"repeats\": $repeats,"
    expect 0 inspect m.safetensors --format provenance
    has out "\"validation\":\"$kind\""
}
validated groups 5 1 --group-column store
lacks out '"name":"store"'
expect 0 fit shop.csv --out again.safetensors --force --replay m.safetensors
cmp m.safetensors again.safetensors || fail "a replay by groups has other bytes"
validated groups 3 2 --group-column store --folds 3 --repeats 2
validated time 4 1 --time-column day --folds 4 --gap 7d
expect 0 fit shop.csv --out again.safetensors --force --replay m.safetensors
cmp m.safetensors again.safetensors || fail "a replay by time has other bytes"
validated labels 3 1 --folds-column part
validated shuffled 4 3 --folds 4 --repeats 3
expect 0 fit shop.csv --out again.safetensors --force --replay m.safetensors --workers 2
cmp m.safetensors again.safetensors || fail "a replay of repeated folds has other bytes"

# Such a column is no feature, and new tables need not have it.
validated groups 10 1 --group-column store
expect 0 fit shop.csv --target y --out m.safetensors --force --trials 2 --group-column store
has out "left out: 'store' (it groups rows)" "in 10-fold cross-validation by groups"
cut -d , -f 2-4 shop.csv > new.csv
expect 0 predict m.safetensors new.csv

# The schema says it too.
cat > roles.json <<'END'
{"fieldsMatch": "subset",
 "fields": [{"name": "store", "type": "string", "merlon:categorical": true, "merlon:group": true}]}
END
validated groups 10 1 --schema roles.json
validated time 5 1 --schema roles.json --time-column day --folds 5

# What cannot be.
expect 64 fit shop.csv --target y --out none.safetensors --group-column nobody
expect 64 fit shop.csv --target y --out none.safetensors --group-column y
expect 64 fit shop.csv --target y --out none.safetensors --group-column store --time-column day
expect 64 fit shop.csv --target y --out none.safetensors --gap 7d
expect 64 fit shop.csv --target y --out none.safetensors --time-column day --gap soon
expect 64 fit shop.csv --target y --out none.safetensors --time-column store
expect 64 fit shop.csv --target y --out none.safetensors --time-column day --repeats 2
expect 64 fit shop.csv --target y --out none.safetensors --replay m.safetensors --repeats 2
expect 65 fit shop.csv --target y --out none.safetensors --group-column store --folds 40
[ ! -e none.safetensors ] || fail "a model is there"

finish
