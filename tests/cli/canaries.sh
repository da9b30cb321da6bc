#!/bin/sh
# 200 canaries in cells, labels, names and paths: what stands in a record, a class label or the path of
# a key appears in no log and no message, at any level. Names and paths may appear where the user's own
# command or table named them; labels where the answer is asked for (predict, inspect --labels), levels
# in a schema.
. "$(dirname "$0")/lib.sh"

# Cells: 160 canaries in texts, categories and unreadable places; 20 in labels; 20 in key paths.
awk -v OFS=, 'BEGIN {
    print "id", "text", "kind", "number", "class", "value"
    for (i = 0; i < 400; i++)
        print "cellcanary" i % 80 "id" i, "\"free cellcanary" i % 80 ", text " i "\"",
            "cellcanary" 80 + i % 20, (i * 37) % 101, "labelcanary" i % 20, (i * 37) % 101 + i % 7
}' > table.csv
# Bad rows: a canary where a number should be, in a ragged line, behind an open quote.
awk -v OFS=, 'NR == 200 { print; print "cellcanary100", "cellcanary101"; next } { print }' table.csv > ragged.csv
sed '150s/,[0-9]*,labelcanary/,cellcanary120,labelcanary/' table.csv > mistyped.csv
{ cat table.csv; printf '"cellcanary140,"cellcanary141"x,1,1\n'; } > quoted.csv
{ cat table.csv; printf 'cellcanary150\377,a,b,1,c,1\n'; } > encoded.csv
sed '3,30s/labelcanary[0-9]*/labelcanary19x/' table.csv > labels.csv
XDG_CONFIG_HOME=$work/pathcanary0
mkdir -p "$XDG_CONFIG_HOME"
check() { # check WHAT: neither stream nor the log holds a canary that it may not hold
    for file in err run.log $2; do
        [ -e "$file" ] || continue
        if grep -q 'cellcanary\|labelcanary\|pathcanary' "$file"; then
            fail "$1: a canary is in $file: $(grep -o '.\{0,40\}\(cell\|label\|path\)canary.\{0,20\}' "$file" | head -n 1)"
        fi
    done
}

# each WHAT STREAMS WORDS...: at every level, as text and JSON lines
each() {
    what=$1
    streams=$2
    shift 2
    for level in "--quiet" "" "--verbose" "--verbose --verbose" "--verbose --verbose --verbose"; do
        for format in text json; do
            # Under valgrind, which takes seconds for each, the one that says most.
            if [ "$times" -gt 1 ] && [ "$format $level" != "json --verbose --verbose --verbose" ]; then
                continue
            fi
            rm -f run.log m.safetensors* predictions.csv
            [ -e keep.safetensors ] && cp keep.safetensors m.safetensors && cp keep.safetensors.sig m.safetensors.sig
            # $level is none, one or more words on purpose.
            # shellcheck disable=SC2086
            run "$@" $level --log-file run.log --log-format "$format"
            check "$what $level $format" "$streams"
        done
    done
}

each "fit" out fit table.csv --target class --out m.safetensors --trials 2
[ "$code" -eq 0 ] || fail "fit fails: $(cat err)"
cp m.safetensors keep.safetensors
cp m.safetensors.sig keep.safetensors.sig
statement m.safetensors > record.json
check "the provenance record" record.json
each "fit --json" out fit table.csv --target class --out m.safetensors --trials 2 --force --json
each "fit regression" out fit table.csv --target value --out m.safetensors --trials 2 --force
each "fit --report" out fit table.csv --target class --out m.safetensors --trials 2 --force --report page.html
each "predict --out" out predict m.safetensors table.csv --out predictions.csv
each "predict" "" predict m.safetensors table.csv
each "score" out score m.safetensors table.csv
each "score --json" out score m.safetensors table.csv --json
each "inspect" out inspect m.safetensors
each "inspect --json" out inspect m.safetensors --json
each "leaderboard" out leaderboard m.safetensors
each "verify" out verify m.safetensors
each "schema infer" "" schema infer table.csv
expect 0 schema infer table.csv
cp out schema.json
each "schema check" out schema check table.csv --schema schema.json
each "describe" out describe table.csv
each "describe, page" out describe table.csv --out page.html --force
each "keys list" out keys list
for bad in ragged mistyped quoted encoded labels; do
    each "fit on $bad.csv" out fit "$bad.csv" --target class --out m.safetensors --trials 2 --force
    each "fit on $bad.csv, schema" out fit "$bad.csv" --target class --out m.safetensors --trials 2 --force \
        --schema schema.json
    each "predict on $bad.csv" "" predict m.safetensors "$bad.csv"
    each "score on $bad.csv" out score m.safetensors "$bad.csv"
    each "describe of $bad.csv" out describe "$bad.csv"
    each "check of $bad.csv" out schema check "$bad.csv" --schema schema.json
done

# The canaries are where they were planted: where the answer is asked for, they show.
expect 0 inspect m.safetensors --labels
has out labelcanary
expect 0 predict m.safetensors table.csv
has out labelcanary
has schema.json cellcanary

# --log-data is recorded in the log.
run fit mistyped.csv --target class --out n.safetensors --trials 2 --log-file data.log --log-data
head -n 1 data.log | grep -qi data || fail "--log-data is not recorded in the log"

# A fit that is out of memory.
each "fit without memory" out fit table.csv --target class --out m.safetensors --force --memory 100K

finish
