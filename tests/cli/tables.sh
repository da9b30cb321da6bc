#!/bin/sh
# Workbooks and databases from the command line, through cells: which table is taken, what is said of
# it, what is refused; and never a value of theirs in a message.
. "$(dirname "$0")/lib.sh"

golden=$tree/tests/intake/golden
cp "$golden/pandas.xlsx" book.xlsx
cp "$golden/plain.sqlite" base.sqlite

# inferred NAME TYPE: out holds a schema whose field of that name has that type.
inferred() {
    tr -d ' \n' < out > flat
    has flat "{\"name\":\"$1\",\"type\":\"$2\""
}

# Both give the same kinds of columns.
for file in book.xlsx base.sqlite; do
    expect 0 schema infer "$file"
    inferred whole integer
    inferred real number
    inferred word string
    inferred flag boolean
    inferred day date
    inferred moment datetime
done

# The format shows in the bytes, not in the name.
cp base.sqlite base.csv
expect 0 schema infer base.csv
inferred whole integer
expect_error 65 "" schema infer base.csv --format xlsx

# The first sheet is taken, which is said; a sheet that was asked for needs no words.
expect 0 schema infer book.xlsx
has err "'First' was read, of 2 tables in it"
expect 0 schema infer book.xlsx --table Second
lacks err "was read"
expect_error 64 "no sheet 'Third'" schema infer book.xlsx --table Third
expect_error 64 "no table or view 'nothing'" schema infer base.sqlite --table nothing

# Queries.
expect 0 schema infer base.sqlite --query "SELECT word, count(*) AS n FROM t GROUP BY word"
inferred n integer
expect_error 64 "exclude each other" schema infer base.sqlite --table t --query "SELECT 1 AS a"
expect_error 64 "cannot be queried" schema infer book.xlsx --query "SELECT 1 AS a"
expect_error 65 "which is refused" schema infer base.sqlite --query "DELETE FROM t"
expect_error 65 "the current time" schema infer base.sqlite --query "SELECT date('now') AS d"
make_table > plain.csv
expect_error 64 "has no part" schema infer plain.csv --table t

# From a database to a model, and from the model to a workbook.
expect 0 fit base.sqlite --query "SELECT whole, real, word, flag FROM t WHERE flag IS NOT NULL" \
    --target flag --trials 3 --seed 1 --out m.safetensors
expect 0 predict m.safetensors book.xlsx --table First --out p.csv
[ "$(wc -l < p.csv)" -eq 91 ] || fail "a prediction for each row of the workbook"
expect 0 score m.safetensors base.sqlite --query "SELECT * FROM t WHERE flag IS NOT NULL"

# Changes beside a database are not passed over.
for beside in base.sqlite-wal base.sqlite-journal; do
    echo change > "$beside"
    expect_error 65 "'$beside' holds changes" schema infer base.sqlite
    : > "$beside"
    expect 0 schema infer base.sqlite
    rm "$beside"
done

# Cut off, overwritten, and another kind of archive.
for file in book.xlsx base.sqlite; do
    head -c 5000 "$file" > cut
    expect_error 65 "damaged" schema infer cut
done
printf 'xxxxxxxxxxxxxxxx' | dd of=base.csv bs=1 seek=1024 conv=notrunc 2> "/dev/null"
expect_error 65 "the database is damaged" schema infer base.csv
printf 'PK\003\004' > archive.zip
expect_error 65 "the ZIP archive is damaged" schema infer archive.zip

# A schema is enforced and its failures tell no values.
expect 0 schema infer book.xlsx
cp out schema.json
expect 0 schema check book.xlsx --schema schema.json
sed 's/"integer"/"date"/' schema.json > wrong.json
expect_error 65 "row 1 (sheet row 2), column 'whole': not a date" schema check book.xlsx --schema wrong.json
finish
