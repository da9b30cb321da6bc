#!/bin/sh
# fit --pseudonymize: 200 canaries, 100 in names of columns and 100 in levels and labels, are in nothing
# that it writes or says, at any level, also where it fails; and the model predicts the same bits.
. "$(dirname "$0")/lib.sh"

awk -v OFS=, 'BEGIN {
    srand(1)
    for (c = 0; c < 99; c++) printf "namecanary%d%s", c, OFS
    print "namecanary99 \"target\""
}' | sed 's/namecanary99 "target"/"namecanary99, target"/' > table.csv
awk -v OFS=, 'BEGIN {
    srand(2)
    for (i = 0; i < 300; i++) {
        for (c = 0; c < 99; c++) {
            if (c % 9 == 0) printf "levelcanary%d%s", (c / 9) * 8 + int(rand() * rand() * 8), OFS
            else if (c % 9 == 1) printf "%s%s", rand() < 0.5 ? "true" : "false", OFS
            else if (c % 9 == 2) printf "2020-01-%02d%s", 1 + i % 28, OFS
            else if (c % 9 == 3 && rand() < 0.1) printf "%s", OFS
            else printf "%.4f%s", rand() + (c == 4 ? i % 12 : 0), OFS
        }
        print "levelcanary" 88 + i % 12
    }
}' >> table.csv
target='namecanary99, target'
check() { # check WHAT FILES...
    what=$1
    shift
    for file in "$@"; do
        [ -e "$file" ] || continue
        ! grep -q 'namecanary\|levelcanary' "$file" ||
            fail "$what: a canary is in $file: $(grep -ao '.\{0,40\}\(name\|level\)canary.\{0,20\}' "$file" | head -n 1)"
    done
}
each() { # each CODE WHAT WORDS...: at every level, as text and JSON
    wanted=$1 what=$2
    shift 2
    for level in "" "--verbose --verbose --verbose"; do
        for format in text json; do
            rm -f run.log m.safetensors* page.html record.json
            more=
            [ $format = text ] || more=--json
            # shellcheck disable=SC2086 # words
            run "$@" $level $more --log-file run.log --log-format "$format"
            [ "$code" -eq "$wanted" ] || fail "$what: exit code $code: $(cat err)"
            [ ! -e m.safetensors.provenance.json ] || statement m.safetensors > record.json
            check "$what" out err run.log m.safetensors m.safetensors.sig record.json page.html
        done
    done
}
fit="fit table.csv --pseudonymize --project study --out m.safetensors --seed 3 --units 60000 --folds 3"
# shellcheck disable=SC2086
each 0 "fit" $fit --target "$target"
# shellcheck disable=SC2086
each 0 "fit --report" $fit --target "$target" --report page.html
[ -s page.html ] || fail "there is no report"
# shellcheck disable=SC2086
each 0 "fit gbdt" $fit --target namecanary4 --model gbdt --param n_estimators=5 --monotone namecanary5=increasing
# shellcheck disable=SC2086
each 64 "a target that is not there" $fit --target namecanary1000
# shellcheck disable=SC2086
each 64 "a column that cannot rise" $fit --target namecanary4 --model gbdt --monotone namecanary0=increasing
# shellcheck disable=SC2086
each 75 "out of memory" $fit --target "$target" --memory 300K

# Tables that cannot be read, and rows that are left out.
sed '50s/^levelcanary[0-9]*/levelcanary0,more/' table.csv > ragged.csv
"$merlon" schema infer table.csv > schema.json 2> /dev/null
sed '60s/,[01]\.[0-9]*,/,levelcanary77,/' table.csv > mistyped.csv
for bad in ragged mistyped; do
    each 65 "$bad" fit $bad.csv --pseudonymize --target "$target" --out m.safetensors --schema schema.json
    each 0 "$bad, skipped" fit $bad.csv --pseudonymize --target "$target" --out m.safetensors --trials 1 \
        --schema schema.json --on-bad-row skip
done
sed 's/"namecanary3"/"namecanary3x"/' schema.json > other.json
each 65 "another schema" fit table.csv --pseudonymize --target "$target" --out m.safetensors --schema other.json
echo '{"fields": [{"name": "namecanary1", "type": "levelcanary1"}]}' > broken.json
each 65 "a broken schema" fit table.csv --pseudonymize --target "$target" --out m.safetensors --schema broken.json

# Free text is refused by its column's number, unless the schema leaves it out.
awk -v OFS=, 'NR == 1 { print "namecanary100", $0; next } { print "levelcanary" NR " is a long free text of its own", $0 }' \
    table.csv > texts.csv
each 65 "free text" fit texts.csv --pseudonymize --target "$target" --out m.safetensors
grep -q "column 1 holds free text" err || fail "free text is not told of: $(cat err)"
"$merlon" schema infer texts.csv 2> /dev/null |
    sed 's/"name": "namecanary100",/"name": "namecanary100", "merlon:role": "ignore",/' > texts.json
each 0 "free text that is left out" fit texts.csv --pseudonymize --target "$target" --out m.safetensors --trials 1 \
    --schema texts.json

# The same bits with and without, and plain labels from predict.
rm -f m.safetensors*
# shellcheck disable=SC2086
expect 0 $fit --target "$target"
expect 0 fit table.csv --out plain.safetensors --seed 3 --units 60000 --folds 3 --target "$target"
for how in "--proba --digits 17" ""; do
    # shellcheck disable=SC2086
    expect 0 predict plain.safetensors table.csv $how
    mv out plain.csv
    # shellcheck disable=SC2086
    expect 0 predict m.safetensors table.csv --project study $how
    cmp -s out plain.csv || fail "predictions differ: $(diff out plain.csv | head -n 4)"
done
has out levelcanary9
expect 0 score plain.safetensors table.csv --json
grep -A30 '"metrics"' out | sed '/}/q' > plain.txt
expect 0 score m.safetensors table.csv --json --project study
grep -A30 '"metrics"' out | sed '/}/q' | cmp -s - plain.txt || fail "scores differ"
expect 0 predict m.safetensors table.csv --project study --unsigned --out unsigned.csv
expect 0 predict plain.safetensors table.csv --out plain.csv --force
cmp -s unsigned.csv plain.csv || fail "predictions in a cell differ"
for command in inspect leaderboard; do
    expect 0 $command m.safetensors
    check $command out
done
expect 0 inspect m.safetensors --labels
check "labels are tokens too" out

# A geopoint's name goes as well, and its halves stay those of one column.
awk -v OFS=, 'BEGIN {
    srand(5)
    print "\"namecanary1, a place\"", "namecanary2", "namecanary3"
    for (i = 0; i < 200; i++) {
        x = rand() * 360 - 180
        y = rand() * 180 - 90
        printf "\"%.4f, %.4f\",%s,%.4f\n", x, y, rand() < 0.5 ? "levelcanary0" : "levelcanary1", x / 50 + y * y / 3000
    }
}' > points.csv
cat > points.json << 'END'
{"fields": [{"name": "namecanary1, a place", "type": "geopoint"}, {"name": "namecanary2", "type": "string",
 "merlon:categorical": true}, {"name": "namecanary3", "type": "number"}]}
END
points="fit points.csv --schema points.json --target namecanary3 --model gbdt --param n_estimators=20 --seed 3 --report page.html"
# shellcheck disable=SC2086
expect 0 $points --out plain-points.safetensors --monotone "namecanary1, a place.longitude=increasing"
rm -f page.html
# shellcheck disable=SC2086
expect 0 $points --out points.safetensors --pseudonymize --project study \
    --monotone "namecanary1, a place.longitude=increasing"
check "geopoints" out err points.safetensors page.html
grep -aq 'mer_[a-z2-7]\{26\}\.latitude' points.safetensors || fail "there is no half of a point in the model"
expect 0 predict plain-points.safetensors points.csv
mv out plain.csv
expect 0 predict points.safetensors points.csv --project study
cmp -s out plain.csv || fail "predictions differ with geopoints: $(diff out plain.csv | head -n 4)"
expect 0 predict points.safetensors points.csv --project study --unsigned
cmp -s out plain.csv || fail "predictions differ with geopoints in a cell"
expect 0 inspect points.safetensors --json
mv out shown.json
expect 0 names shown.json --project study
has out "namecanary1, a place.longitude"

# What is predicted on leaves no trace: the project's names are those of what was fitted.
cp config/merlon/names/study.json before.json
sed '2,9s/^levelcanary[0-9]*/levelofstrangers/' table.csv > strangers.csv
expect 0 predict m.safetensors strangers.csv --project study
cmp -s before.json config/merlon/names/study.json || fail "predict has changed the project's names"

# Without the key nothing is known; under another key nothing is the same.
expect_error 77 "the project 'default' does not know the names" predict m.safetensors table.csv
expect 0 fit table.csv --pseudonymize --project other --out o.safetensors --trials 1 --target "$target" --json
grep -o 'mer_[a-z2-7]\{26\}' out | sort -u > tokens.other
expect_error 77 "does not know the names of this model" predict m.safetensors table.csv --project other
expect 0 inspect m.safetensors --json
grep -o 'mer_[a-z2-7]\{26\}' out | sort -u > tokens.study
[ "$(wc -l < tokens.study)" -ge 90 ] || fail "inspect shows too few tokens"
[ -z "$(comm -12 tokens.study tokens.other)" ] || fail "two keys have a token in common"
expect_error 64 "--project has no meaning" predict plain.safetensors table.csv --project study
expect_error 64 "belongs to --pseudonymize" fit table.csv --target "$target" --out x.safetensors --project study

# Nothing that the runs have left has a name in it, journals among it, but the project's own file.
for place in config .local; do
    held=$(grep -rlE 'namecanary|levelcanary' "$place" 2> /dev/null | grep -v '/names/[a-z]*.json$' || true)
    [ -z "$held" ] || fail "a canary is in $held"
done

# Turning back.
expect 0 inspect m.safetensors
cp out shown.txt
expect 0 inspect plain.safetensors
expect 0 names shown.txt --project study
has out "'$target'"
has out namecanary42
expect 0 inspect m.safetensors --json --labels
cp out shown.json
expect 0 names shown.json --project study --out back.json
[ "$(stat -c %a back.json)" = 600 ] || fail "back.json is open to others"
has back.json "\"$target\""
has back.json levelcanary88
expect_error 73 "exists" names shown.json --project study --out back.json
expect_error 65 "not a text" names m.safetensors --project study
expect_error 66 "nowhere" names nowhere.txt --project study
expect_error 66 "there is no project 'nobody'" names shown.txt --project nobody
expect 0 names shown.txt --project other
has err "are not of this project and stay"
for file in config/merlon/names/*; do
    [ "$(stat -c %a "$file")" = 600 ] || fail "$file is open to others"
done

finish
