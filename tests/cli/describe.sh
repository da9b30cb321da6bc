#!/bin/sh
# merlon describe: the text, the JSON document and the page; the same for any number of threads; a page
# that is well-formed, holds no script and refers to nothing outside; no value where none may be shown.
. "$(dirname "$0")/lib.sh"

make_table > table.csv
expect 0 describe table.csv
has out "120 rows, 6 columns"
has out "missing: none"
has out "Strongest correlations"
lacks out "green, dark"

# The page appears whole, for its owner alone, and is not replaced unless that is asked for.
expect 0 describe table.csv --out page.html
[ "$(stat -c %a page.html)" = 600 ] || fail "others can read the page"
expect_error 73 "exists" describe table.csv --out page.html
expect 0 describe table.csv --out page.html --force
expect_error 64 "is an input" describe table.csv --out table.csv --force
expect_error 64 "standard output" describe table.csv --out -
expect_error 66 "does not exist" describe absent.csv --out absent.html
nothing_left absent "a failed describe"
head -n 1 page.html | grep -qx '<!DOCTYPE html>' || fail "the page is no HTML"
has page.html "default-src 'none'"
has page.html "green, dark"
for word in '<script' '://' 'javascript:' ' style=' '@import' 'url('; do
    lacks page.html "$word"
done
if command -v xmllint > "/dev/null"; then
    xmllint --noout page.html || fail "the page is not well-formed"
fi

# The same for any number of threads and instruction set.
for way in "--threads 1 --cpu plain" "--threads 2" "--threads 3 --cpu avx2"; do
    # $way is several words on purpose.
    # shellcheck disable=SC2086
    expect 0 describe table.csv --out other.html --force $way
    cmp page.html other.html || fail "$way: another page"
done

# As JSON: levels by name where enough rows have them.
expect 0 describe table.csv --json --out page.html --force
has out '"page": "page.html"'
has out '"level": "green, dark"'
[ "$(json_number rows)" = 120 ] || fail "the rows are miscounted"
expect 0 describe table.csv --json --min-rows 100
lacks out '"level": "green, dark"'

# Hostile names, controls, overrides.
printf '</title><script>alert(1)</script>,"a\033[2Jb",\342\200\256x\n1,2,3\n2,3,4\n3,5,<b>\n' > hostile.csv
expect 0 describe hostile.csv --out hostile.html --min-rows 1
lacks hostile.html '<script'
lacks hostile.html "$(printf '\033')"
lacks hostile.html "$(printf '\342\200\256')"
has hostile.html '&lt;/title&gt;&lt;script&gt;'
lacks out "$(printf '\033')"

# What the schema marks as sensitive shows no value.
awk 'BEGIN { print "name,wage"; for (i = 0; i < 90; i++) print "canary" i % 3 "," 777001 + i % 40 }' > people.csv
cat > people.schema.json <<'JSON'
{"fields": [{"name": "name", "type": "string", "merlon:categorical": true, "merlon:sensitive": true},
            {"name": "wage", "type": "integer", "merlon:sensitive": true}]}
JSON
for format in "" --json; do
    # $format is none or one word on purpose.
    # shellcheck disable=SC2086
    expect 0 describe people.csv --schema people.schema.json --out people.html --force $format
    has out sensitive
    lacks out canary
    lacks out 777
    lacks people.html canary
    lacks people.html 777
done

# Standard input, gaps, copies, a column twice.
awk 'BEGIN { print "a,b,c"; for (i = 0; i < 60; i++) print i % 7 "," (i % 5 ? i % 4 : "") "," i % 7 }' > gaps.csv
code=0
"$merlon" describe - --json < gaps.csv > out 2> err || code=$?
[ "$code" -eq 0 ] || fail "describe - ends with $code"
[ "$(json_number missing_cells)" = 12 ] || fail "gaps are miscounted"
[ "$(json_number same_as)" = 0 ] || fail "a column that is there twice is not told"
expect 0 describe gaps.csv
has out "same as 'a'"

finish
