#!/bin/sh
# Bad input: each case has its exit code and one sentence, and nothing is left where the output should
# have gone.
. "$(dirname "$0")/lib.sh"

canary=Q7canaryX

# refused CODE TEXT FILE: fit on that file fails so, with target `class`, and leaves nothing.
refused() {
    wanted=$1
    text=$2
    file=$3
    shift 3
    expect_error "$wanted" "$text" fit "$file" --target class --out m.safetensors --trials 2 "$@"
    lacks err "$canary"
    nothing_left m.safetensors "fit $file"
}

rows() { # rows N TEXT: lines in which %d becomes the row number
    awk -v n="$1" -v text="$2" 'BEGIN {
        for (i = 1; i <= n; i++) {
            line = text
            sub(/%d/, i, line)
            print line
        }
    }'
}

: > empty.csv
refused 65 "empty" empty.csv
echo "number,class" > header.csv
refused 65 "row" header.csv
{ echo class; rows 20 'a'; } > constant_only.csv
refused 65 "" constant_only.csv
{ echo class; rows 10 'a'; rows 10 'b'; } > one_column.csv
refused 65 "no column but the target" one_column.csv
{ echo "class,x,x"; rows 20 "a,%d,$canary"; } > duplicate.csv
refused 65 "'x'" duplicate.csv
{ echo "class,,y"; rows 20 "a,%d,$canary"; } > unnamed.csv
refused 65 "name" unnamed.csv --header
{ echo "clas,x"; rows 20 "$canary,%d"; } > no_target.csv
refused 64 "'class'" no_target.csv
has err "'clas'"
{ echo "x,class"; rows 20 "%d,$canary"; } > one_class.csv
refused 65 "class" one_class.csv
{ echo "x,class"; rows 20 "%d,"; } > target_missing.csv
refused 65 "class" target_missing.csv
{ echo "x,class"; rows 20 "%d,a"; rows 20 "%d,b"; rows 1 "7,"; } > target_hole.csv
refused 65 "missing in 1 rows, first in data row 41" target_hole.csv
{ echo "x,y,class"; rows 20 ",,a"; rows 20 ",,b"; } > all_missing.csv
refused 65 "left out" all_missing.csv
{ echo "x,class"; rows 20 "%d,a"; echo "1,$canary,b"; } > ragged.csv
refused 65 "line 22" ragged.csv
{ echo "x,class"; rows 20 "%d,a"; printf '1,\377\376%s\n' "$canary"; } > latin.csv
refused 65 "UTF-8" latin.csv
{ echo "x,class"; rows 20 "%d,a"; printf '1,"%s\n' "$canary"; rows 20 "%d,b"; } > quote.csv
refused 65 "quote" quote.csv
{ echo "x,class"; rows 500 "%d,a"; rows 500 "%d,b"; } | gzip -c | head -c 500 > truncated.csv.gz
refused 65 "" truncated.csv.gz
head -c 4096 /dev/urandom > noise.csv
refused 65 "" noise.csv
printf '\200\002}q\001.' > model.pkl
refused 65 "" model.pkl

mkdir folder
refused 66 "folder" folder
refused 66 "absent.csv" absent.csv
if [ "$(id -u)" -ne 0 ]; then
    { echo "x,class"; rows 20 "%d,a"; rows 20 "%d,b"; } > locked.csv
    chmod 000 locked.csv
    refused 66 "locked.csv" locked.csv
elif command -v setpriv > nowhere 2>&1; then
    { echo "x,class"; rows 20 "%d,a"; rows 20 "%d,b"; } > locked.csv
    chmod 600 locked.csv
    chmod 755 .
    code=0
    setpriv --reuid=65534 --regid=65534 --clear-groups env XDG_CONFIG_HOME="$work/nobody" \
        "$merlon" schema infer locked.csv > out 2> err < /dev/null || code=$?
    if [ "$code" -eq 126 ] || [ "$code" -eq 127 ]; then
        echo "not tested as root: the program cannot be run by another user"
    else
        [ "$code" -eq 66 ] || fail "a file without permission ends with $code, not 66"
        check_error_form "a file without permission"
    fi
fi

# Not errors: infinities and numbers of 400 digits in a feature, many categories, empty lines' cells.
{
    echo "x,y,class"
    awk 'BEGIN {
        big = "1"
        for (i = 0; i < 400; i++)
            big = big "7"
        for (i = 0; i < 60; i++) {
            x = i == 5 ? "inf" : (i == 6 ? big : (i == 7 ? "-inf" : i))
            printf "%s,%d,%s\n", x, i % 7, (i < 30 ? "a" : "b")
        }
    }'
} > extreme.csv
expect 0 fit extreme.csv --target class --out extreme.safetensors --trials 2
expect 0 predict extreme.safetensors extreme.csv
[ "$(wc -l < out)" -eq 61 ] || fail "extreme numbers: not one prediction a row"

# A million categories are no feature, and no error.
awk -v OFS=, 'BEGIN {
    print "kind", "x", "class"
    for (i = 0; i < 1000000; i++)
        print "kind" i, i % 97, (i % 2 ? "a" : "b")
}' > million.csv
expect 0 fit million.csv --target class --out million.safetensors --trials 2
has out "left out: 'kind'"
[ "$(stat -c %s million.safetensors)" -lt 1000000 ] || fail "a million categories are in the model"
awk -v OFS=, 'BEGIN {
    print "x", "class"
    for (i = 0; i < 5000; i++)
        print i % 97, "kind" i
}' > classes.csv
refused 65 "more than 1000 classes" classes.csv

# A schema: the first value that does not fit is told by row and column, never shown.
make_table > table.csv
expect 0 schema infer table.csv
cp out schema.json
has schema.json '"number"'
expect 0 schema check table.csv --schema schema.json
awk -v canary="$canary" -F, -v OFS=, 'NR == 9 { $1 = canary } { print }' table.csv > wrong.csv
expect_error 65 "row 8 (line 9), column 'number'" schema check wrong.csv --schema schema.json
lacks err "$canary"
refused 65 "row 8" wrong.csv --schema schema.json
echo '{"fields": [{"name": "x", "type": "uuid"}]}' > bad.schema.json
expect_error 65 "bad.schema.json" schema check table.csv --schema bad.schema.json
echo '{"fields": [' > bad.schema.json
expect_error 65 "bad.schema.json" schema check table.csv --schema bad.schema.json
expect_error 66 "none.json" schema check table.csv --schema none.json

# Tables that a model cannot read.
expect 0 fit table.csv --target class --out m.safetensors --trials 2
cut -d, -f2- table.csv > narrow.csv
expect_error 65 "'number'" predict m.safetensors narrow.csv
expect_error 65 "row 8" predict m.safetensors wrong.csv
lacks err "$canary"
expect_error 65 "" predict m.safetensors empty.csv
sed 's/,[ab],/,c,/' table.csv > strange.csv
expect_error 65 "label" score m.safetensors strange.csv
sed 's|,[^,]*,\([^,]*\)$|,\1|' table.csv > unlabelled.csv
expect_error 65 "'class'" score m.safetensors unlabelled.csv
head -n 1 table.csv > header_only.csv
run predict m.safetensors header_only.csv
[ "$code" -eq 0 ] || [ "$code" -eq 65 ] || fail "no rows to predict: exit code $code"

finish
