#!/bin/sh
# merlon convert: CSV, Parquet and Arrow files give the same table, here and in other programs.
. "$(dirname "$0")/lib.sh"

golden=$tree/tests/intake/golden

# There and back again, to the last byte.
expect 0 convert "$golden/duckdb.deltas.parquet" a.csv --schema-out a.schema.json
for kind in parquet arrow; do
    expect 0 convert a.csv "a.$kind" --schema a.schema.json
    expect 0 convert a.csv "again.$kind" --schema a.schema.json
    cmp -s "a.$kind" "again.$kind" || fail "the same table gave other bytes of $kind"
    expect 0 convert "a.$kind" "b.$kind.csv"
    cmp -s a.csv "b.$kind.csv" || fail "$kind and back is another CSV file"
done
expect 0 schema check a.parquet --schema a.schema.json

# An output is chosen by its name or by --to, is never an input, and is kept without --force.
expect_error 73 "a.csv" convert a.parquet a.csv
expect 0 convert a.parquet a.csv --force
expect 0 convert a.parquet plain --to csv
cmp -s plain a.csv || fail "--to csv is not what .csv is"
expect_error 64 "tells no format" convert a.csv a.table
expect_error 64 "written to a file" convert a.csv - --to csv
expect_error 64 "is an input of this command" convert a.csv a.csv --force
expect_error 64 "is an input of this command" convert a.csv c.parquet --schema-out a.csv --force
expect_error 66 "nothing.csv" convert nothing.csv c.parquet
[ ! -e c.parquet ] || fail "a failure left an output"

# What is recognised is the contents, not the name; --format says otherwise.
cp a.parquet named.csv
expect 0 convert named.csv c.csv
cmp -s c.csv a.csv || fail "a Parquet file under another name was not recognised"
expect_error 65 "" convert a.parquet d.csv --format csv
expect_error 65 "Parquet" convert a.csv d.csv --format parquet

# A text that is a word for missing stays one; the schema tells what means missing instead.
printf 'word,number\nNA,1\nx,\n,2\n' > words.csv
cat > words.schema.json << 'EOF'
{"fields": [{"name": "word", "type": "string"}, {"name": "number", "type": "integer"}]}
EOF
expect 0 convert words.csv words.parquet --schema words.schema.json
expect 0 convert words.parquet again.csv --schema-out again.schema.json --json
has out '"missing_text": ""'
has out '"texts_that_read_as_missing": 1'
cmp -s words.csv again.csv || fail "a text that is NA got lost"
expect 0 convert again.csv words.2.parquet --schema again.schema.json
cmp -s words.parquet words.2.parquet || fail "the schema that was written does not read the table"

# Everything that reads a table reads every format, and predicts the same.
make_table > table.csv
expect 0 fit table.csv --target value --out m.safetensors --trials 2 --seed 1
expect 0 predict m.safetensors table.csv --out from_csv.csv
expect 0 convert table.csv table.parquet
expect 0 predict m.safetensors table.parquet --out from_parquet.csv
cmp -s from_csv.csv from_parquet.csv || fail "a Parquet table gets other predictions"
expect 0 fit table.parquet --target value --out n.safetensors --trials 2 --seed 1
cmp -s m.safetensors n.safetensors || fail "the model of a Parquet table is another one"

# Damaged files are refused, without a word of what they hold.
head -c 20000 "$golden/duckdb.snappy.parquet" > cut.parquet
expect_error 65 "cut off" convert cut.parquet d.csv
lacks err "name"
nothing_left d.csv "a failed conversion"

# Other implementations, where they are: pandas reads the CSV, DuckDB (npm, MERLON_DUCKDB names the
# folder of its node_modules) reads the Parquet file.
if /usr/bin/python3 -c 'import pandas' 2> python.err; then
    /usr/bin/python3 "$tree/tests/intake/pandas_reads.py" a.csv "$golden/duckdb.csv" ||
        fail "pandas reads another table out of the CSV file"
else
    echo "not checked: there is no pandas to read the CSV file"
fi
if [ -n "${MERLON_DUCKDB:-}" ]; then
    (cd "$MERLON_DUCKDB" && node "$tree/tests/intake/duckdb_reads.mjs" "$work/a.parquet" \
        "$golden/duckdb.deltas.parquet") || fail "DuckDB reads another table out of the Parquet file"
else
    echo "not checked: MERLON_DUCKDB names no folder with @duckdb/node-api"
fi

finish
