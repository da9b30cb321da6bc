#!/bin/sh
# A validation table: trials are scored on its rows, and nothing is learned from them.
. "$(dirname "$0")/lib.sh"

awk 'BEGIN {
    srand(11)
    for (i = 0; i < 400; i++) {
        file = i < 260 ? "train.csv" : i < 340 ? "valid.csv" : "other.csv"
        if (i == 0 || i == 260 || i == 340) print "shop,x,weight,note,y,class" > file
        shop = int(rand() * 6) + (i < 260 ? 0 : 3); x = rand() * 10
        # Only the validation tables have stores 6 to 8 and notes of theirs.
        printf "store%d,%.4f,%d,%s%d,%.4f,%s\n", shop, x, 1 + i % 3, i < 260 ? "a" : "b", i % 4,
               x * x + shop + rand(), (x + rand() > 5 ? "high" : "low") > file
    }
}'

# Settings are scored there, and the model and its record say so.
expect 0 fit train.csv --target y --out m.safetensors --valid valid.csv --seed 5 --trials 4
has out "Validation: 'valid.csv'" "80 rows" "on a validation table"
expect 0 inspect m.safetensors --json
has out '"validation": "table"' '"train_rows": 260'
expect 0 inspect m.safetensors --format provenance
has out '"validation":"table"' '"name":"validation"' "$(sha256sum < valid.csv | cut -c1-64)"
expect 0 fit train.csv --target y --out j.safetensors --valid valid.csv --seed 5 --trials 4 --json
has out '"validation_data"' '"rows": 80'

# The score is what `score` finds on that table: the last fit has learned from the training rows
# alone, as the trial had.
expect 0 fit train.csv --target y --out one.safetensors --valid valid.csv --model linear --json
score=$(sed -n 's/^ *"rmse": \([0-9.]*\).*/\1/p' out | head -1)
expect 0 score one.safetensors valid.csv --json
has out "\"rmse\": $score"

# What stands in the validation table and nowhere else is in no model.
expect 0 inspect m.safetensors --labels
expect 0 fit train.csv --target class --out c.safetensors --valid valid.csv --seed 5 --trials 4
LC_ALL=C grep -aq store8 c.safetensors && fail "a level of the validation table is in the model"
LC_ALL=C grep -aq store5 c.safetensors || fail "the model does not name its levels as thought"

# One row more or less there moves no byte of a model that was not chosen between.
head -60 valid.csv > fewer.csv
expect 0 fit train.csv --target y --out a.safetensors --valid valid.csv --model linear --seed 1
expect 0 fit train.csv --target y --out b.safetensors --valid fewer.csv --model linear --seed 1
expect 0 predict a.safetensors other.csv --out a.csv
expect 0 predict b.safetensors other.csv --out b.csv
cmp a.csv b.csv || fail "the validation rows were learned from"

# The same again: by any number of workers, in a replay, and only with the same table.
expect 0 fit train.csv --target y --out two.safetensors --valid valid.csv --seed 5 --trials 4 \
    --workers 2 --threads 2
cmp m.safetensors two.safetensors || fail "the number of workers changes the bytes"
expect 0 fit train.csv --out again.safetensors --replay m.safetensors --valid valid.csv
cmp m.safetensors again.safetensors || fail "a replay has other bytes"
expect 64 fit train.csv --out none.safetensors --replay m.safetensors
has err "validated on a table of its own" "--valid"
expect 65 fit train.csv --out none.safetensors --replay m.safetensors --valid other.csv
has err "the validation table is another one"
expect 0 fit train.csv --target y --out plain.safetensors --seed 5 --trials 2
expect 64 fit train.csv --out none.safetensors --replay plain.safetensors --valid valid.csv
cmp m.safetensors plain.safetensors > /dev/null && fail "the validation table changes nothing"

# A run goes on only with the same table.
expect 75 fit train.csv --target y --out r.safetensors --valid valid.csv --seed 5 --units 1
expect 64 fit train.csv --target y --out r.safetensors --valid other.csv --seed 5 --units 1 --resume
has err "valid was"

# Weights, ensembles, calibration, intervals and the report.
cat > roles.json <<'END'
{"fieldsMatch": "subset", "fields": [{"name": "weight", "type": "integer", "merlon:weight": true},
 {"name": "class", "type": "string", "merlon:categorical": true},
 {"name": "y", "type": "number", "merlon:role": "ignore"},
 {"name": "shop", "type": "string", "merlon:categorical": true, "merlon:group": true}]}
END
expect 0 fit train.csv --schema roles.json --target class --out w.safetensors --valid valid.csv \
    --seed 5 --trials 6 --class-weight balanced --metric f1 --report report.html
has out "left out: 'shop'" "left out: 'weight'"
grep -q "validation table" report.html || fail "the report does not say what it shows"
expect 0 predict m.safetensors other.csv --interval 0.8 --out p.csv
expect 0 fit train.csv --target y --out p.safetensors --valid valid.csv --trials 2 \
    --pseudonymize --project study
expect 0 predict p.safetensors other.csv --project study --out p.csv --force

# What cannot be.
for words in "--folds 3" "--repeats 2" "--group-column shop" "--time-column x" "--folds-column note"; do
    # shellcheck disable=SC2086
    expect 64 fit train.csv --target y --out none.safetensors --valid valid.csv $words
    has err "--valid and ${words%% *}"
done
expect 66 fit train.csv --target y --out none.safetensors --valid nowhere.csv
expect 64 fit train.csv --target y --out valid.csv --valid valid.csv --force
sed 's/,high$/,unheard/' valid.csv > labels.csv
expect 65 fit train.csv --target class --out none.safetensors --valid labels.csv
has err "validation table has a label that the training table does not have"
lacks err unheard
awk -F, -v OFS=, 'NR == 5 {$5 = ""} {print}' valid.csv > gaps.csv
expect 65 fit train.csv --target y --out none.safetensors --valid gaps.csv
has err "missing in data row 4 of the validation table"
cut -d, -f1,3- valid.csv > narrow.csv
expect 65 fit train.csv --target y --out none.safetensors --valid narrow.csv
has err "narrow.csv"
awk -F, -v OFS=, 'NR == 3 {$2 = "much"} {print}' valid.csv > words.csv
expect 65 fit train.csv --target y --out none.safetensors --valid words.csv
has err "words.csv" "row 2" "types that were found in the other table"
lacks err much
head -c 300 valid.csv | gzip | head -c 60 > broken.csv.gz
expect 65 fit train.csv --target y --out none.safetensors --valid broken.csv.gz
head -1 valid.csv > empty.csv
expect 65 fit train.csv --target y --out none.safetensors --valid empty.csv

[ ! -e none.safetensors ] || fail "a model is there"

finish
