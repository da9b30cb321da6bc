#!/bin/sh
# Rows that do not fit. 10,000 of them, each with a canary: no canary gets out of the quarantine, into no
# stream, log, JSON, model, record or page; every one is in it, in its row and its column. And the schema
# beside a table, which says what fits, is found without being asked for.
. "$(dirname "$0")/lib.sh"

# Every third row is bad, in one of six ways; good rows make a model.
awk 'BEGIN {
    print "id,number,when,class,code"
    for (i = 0; i < 10000; i++) {
        printf "%d,%d,%02d/02/2024,%s,AB%d\n", 3 * i, i % 97, i % 28 + 1, (i % 97 > 50 ? "a" : "b"), i
        printf "%d,%d,%02d/03/2024,%s,CD%d\n", 3 * i + 1, i % 89, i % 28 + 1, (i % 89 > 50 ? "a" : "b"), i
        printf "%d,", 3 * i + 2
        way = i % 6
        if (way == 0) printf "canary%05d,01/02/2024,a,AB1\n", i
        if (way == 1) printf "1,canary%05d,a,AB1\n", i
        if (way == 2) printf "1,01/02/2024,canary%05d,AB1\n", i
        if (way == 3) printf "1,01/02/2024,a,canary%05d\n", i
        if (way == 4) printf "1,01/02/2024,a,AB1,canary%05d\n", i
        if (way == 5) printf "1,01/02/2024,\"a\"canary%05d,AB1\n", i
    }
}' > people.csv
cat > people.schema.json <<'END'
{"primaryKey": "id", "fields": [
 {"name": "id", "type": "integer", "merlon:role": "identifier"},
 {"name": "number", "type": "integer", "constraints": {"minimum": 0, "maximum": 100}},
 {"name": "when", "type": "date", "format": "%d/%m/%Y"},
 {"name": "class", "type": "string", "categories": ["a", "b"], "merlon:role": "target"},
 {"name": "code", "type": "string", "constraints": {"pattern": "[A-Z]{2}\\d+"}, "merlon:role": "ignore"}]}
END

no_canary() { # no_canary WHAT FILES...
    what=$1
    shift
    for file in "$@"; do
        if [ -e "$file" ] && grep -aq canary "$file"; then
            fail "$what: a canary is in $file"
        fi
    done
}

# Refused: all rows are told of in one sentence and a hint.
expect_error 65 "row 3 (line 4), column 'number': not an integer" schema check people.csv
has err "10000 rows do not fit"
has err "rows 3, 6, 9, 12"
no_canary "fail" out err
expect_error 65 "10000 rows do not fit" fit people.csv --out m.safetensors --log-file fail.log
no_canary "fail" out err fail.log

# Left out.
expect 0 schema check people.csv --on-bad-row skip --json --log-file skip.log
[ "$(json_number rows)" = 20000 ] || fail "not 20000 rows are left: $(json_number rows)"
has out '"reason": "not_in_format"'
no_canary "skip" out err skip.log
nothing_left people.csv.quarantine "skipping"

# Kept, by a fit that goes on.
for json in "" --json; do
    rm -f m.safetensors* people.csv.quarantine.csv fit.log
    # shellcheck disable=SC2086
    expect 0 fit people.csv --out m.safetensors --trials 2 --on-bad-row quarantine --verbose \
        --verbose --log-file fit.log $json
    statement m.safetensors > record.json
    no_canary "quarantine $json" out err fit.log m.safetensors record.json
    has record.json '"bad_rows"'
    has err "people.csv.quarantine.csv"
done
has out '"bad_rows"'
has out '"schema": "people.schema.json"'
has out '"target": "class"'
[ "$(stat -c %a people.csv.quarantine.csv)" = 600 ] || fail "the quarantine is open to others"
[ "$(grep -c canary people.csv.quarantine.csv)" -eq 10000 ] || fail "canaries are missing in the quarantine"
awk -F, 'BEGIN { split("number when class code - class", columns, " ") }
    NR > 1 {
        i = NR - 2
        want = columns[i % 6 + 1] == "-" ? "" : "\"" columns[i % 6 + 1] "\""
        if ($1 == 3 * i + 3 && $2 == 3 * i + 4 && $3 == want && index($0, sprintf("canary%05d", i)))
            right++
    }
    END { print right + 0 }' people.csv.quarantine.csv > right
[ "$(cat right)" = 10000 ] || fail "row and column are right for $(cat right) of 10000"

# It is never replaced, no link is followed, and its name can be chosen.
expect_error 73 "people.csv.quarantine.csv" schema check people.csv --on-bad-row quarantine
rm people.csv.quarantine.csv
ln -s elsewhere people.csv.quarantine.csv
expect_error 73 "people.csv.quarantine.csv" schema check people.csv --on-bad-row quarantine
[ ! -e elsewhere ] || fail "a link was followed"
rm people.csv.quarantine.csv
expect 0 schema check people.csv --on-bad-row quarantine --quarantine mine.csv
[ "$(stat -c %a mine.csv)" = 600 ] || fail "the quarantine with a name is open to others"
expect_error 64 "--quarantine" schema check people.csv --quarantine other.csv
expect_error 64 "'drop'" schema check people.csv --on-bad-row drop

# Through other doors too: the rows of a Parquet file and an Arrow file are held to a schema one by one.
printf 'id,age\n1,30\n2,200\n3,31\n' > ages.csv
for format in parquet arrow; do
    expect 0 convert ages.csv ages.$format
    echo '{"fields": [{"name": "id", "type": "integer"},
        {"name": "age", "type": "integer", "constraints": {"maximum": 120}}]}' > limits.json
    expect_error 65 "row 2, column 'age'" schema check ages.$format --schema limits.json
    expect 0 schema check ages.$format --schema limits.json --on-bad-row quarantine --json
    [ "$(json_number rows)" = 2 ] || fail "$format: not 2 rows are left: $(json_number rows)"
    has out '"reason": "above_maximum"'
    [ "$(stat -c %a ages.$format.quarantine.csv)" = 600 ] || fail "the quarantine is open to others"
    has ages.$format.quarantine.csv '2,2,"age",above_maximum,"2,200"'
done

# A model holds later tables to what its schema said; without its features' faults, the others predict.
printf 'number,when\n7,01/02/2024\ncanary1,01/02/2024\n101,01/02/2024\n' > new.csv
expect_error 65 "row 2 (line 3), column 'number': not a number" predict m.safetensors new.csv
no_canary "predict" out err
expect 0 predict m.safetensors new.csv --on-bad-row skip
[ "$(wc -l < out)" -eq 2 ] || fail "not one prediction"
no_canary "predict" out err

# The schema beside a table: also of a compressed one, not with --no-schema, and not for infer.
gzip -c people.csv > people.csv.gz
expect_error 65 "10000 rows do not fit" schema check people.csv.gz
expect 0 schema infer people.csv --on-bad-row skip
lacks out '"date"'
cp people.csv alone.csv
expect_error 66 "there is no schema beside" schema check new.csv
expect 0 describe people.csv --no-schema --on-bad-row skip --json
lacks out people.schema.json
expect_error 64 "--target" fit new.csv --out n.safetensors
echo '{"fields": [' > alone.schema.json
expect_error 65 "alone.schema.json" fit alone.csv --target class --out n.safetensors

# Weights: a row that weighs nothing counts for nothing.
awk 'BEGIN { print "x,y,w"
    for (i = 0; i < 200; i++) { x = i * 37 % 101 / 10; w = i % 4 ? 1 : 0
        printf "%.2f,%.2f,%d\n", x, w ? 3 * x : 1000 - 50 * x, w } }' > heavy.csv
cat > heavy.schema.json <<'END'
{"fields": [{"name": "x", "type": "number"}, {"name": "y", "type": "number", "merlon:role": "target"},
 {"name": "w", "type": "integer", "merlon:weight": true}]}
END
expect 0 fit heavy.csv --out w.safetensors --model linear --param alpha=1e-8 --json
awk -v rmse="$(json_number rmse)" 'BEGIN { exit !(rmse != "" && rmse < 0.1) }' ||
    fail "weights do not count: rmse $(json_number rmse)"
sed -i '5s/,1$/,-1/' heavy.csv
expect_error 65 "column 'w': a weight is" fit heavy.csv --out w2.safetensors
# Sealed to somebody: no canary on the disk but in what that one opens.
expect 0 keys new --for seal --no-passphrase
recipient=$(cat out)
expect 0 schema check people.csv --on-bad-row quarantine --quarantine-recipient "$recipient" --log-file sealed.log
[ -f people.csv.quarantine.csv.age ] || fail "no sealed quarantine file"
[ "$(stat -c %a people.csv.quarantine.csv.age)" = 600 ] || fail "the sealed quarantine file's mode"
no_canary "sealed" out err sealed.log people.csv.quarantine.csv.age
expect 0 open people.csv.quarantine.csv.age --identity default --unsigned --out opened.csv
[ "$(grep -c canary opened.csv)" -eq 10000 ] || fail "not every bad row is in the sealed quarantine"
rm -f people.csv.quarantine.csv
expect 0 schema check people.csv --on-bad-row quarantine
cmp -s opened.csv people.csv.quarantine.csv || fail "sealed and plain quarantine differ"
expect 0 schema check people.csv --on-bad-row quarantine --quarantine other.age --quarantine-recipient default
no_canary "sealed to a key of the store" other.age
expect_error 73 "never replaced" schema check people.csv --on-bad-row quarantine --quarantine-recipient default
expect_error 64 "--on-bad-row quarantine" schema check people.csv --quarantine-recipient default
rm -f people.csv.quarantine.csv.age
expect_error 66 "neither a recipient" schema check people.csv --on-bad-row quarantine --quarantine-recipient nobody
nothing_left people.csv.quarantine.csv.age "a recipient that is not there"

finish
