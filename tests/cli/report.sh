#!/bin/sh
# merlon fit --report: the page is well-formed, holds no script and refers to nothing outside, is its
# owner's alone, and is the same for the same model; the model is the same with and without it.
. "$(dirname "$0")/lib.sh"

make_table > table.csv

# report TARGET WORDS...: fits in several ways and compares
report() {
    target=$1
    shift
    rm -f reference.html
    expect 0 fit table.csv --target "$target" --out plain.safetensors --seed 5 --trials 6 --force
    for way in "--threads 1 --cpu plain" "--threads 2" "--threads 3 --cpu avx2"; do
        # $way is several words on purpose.
        # shellcheck disable=SC2086
        expect 0 fit table.csv --target "$target" --out m.safetensors --seed 5 --trials 6 --force \
            --report page.html $way
        cmp plain.safetensors m.safetensors || fail "$target $way: the report changed the model"
        [ -e reference.html ] || cp page.html reference.html
        cmp page.html reference.html || fail "$target $way: another page"
    done
    has out "its report is in 'page.html'"
    for word in '<script' '://' 'javascript:' ' style=' '@import' 'url('; do
        lacks page.html "$word"
    done
    for id in scores predictions importance search leaderboard data provenance; do
        has page.html "<section id=\"$id\">"
    done
    has page.html "$(sha256sum m.safetensors | cut -c1-64)"
    has page.html "$(sha256sum table.csv | cut -c1-64)"
    if command -v xmllint > "/dev/null"; then
        xmllint --noout page.html || fail "$target: the page is not well-formed"
    fi
}

report class
has page.html "<h3>ROC curve"
has page.html "Confusion matrix"
report value
has page.html "Residuals"
if [ -r "$tree/data/iris/train.csv" ]; then
    expect 0 fit "$tree/data/iris/train.csv" --target species --out iris.safetensors --trials 3 \
        --report iris.html
    has iris.html "Confusion matrix"
    lacks iris.html "<h3>ROC curve"
fi

# Features that matter, what the others are called, and the loss by rounds.
awk 'BEGIN {
    print "x,noise,more,y"
    for (i = 0; i < 300; i++)
        print i * 7919 % 101 / 101 "," i * 104729 % 97 / 97 "," i * 1299709 % 89 / 89 "," (i * 7919 % 101 > 50)
}' > noisy.csv
for way in "--threads 1 --workers 1" "--threads 2 --workers 2"; do
    # $way is several words on purpose.
    # shellcheck disable=SC2086
    expect 0 fit noisy.csv --target y --model gbdt --param select=1 --out selected.safetensors --seed 2 \
        --report selected.html --force $way
    [ -e selected.reference ] || cp selected.safetensors selected.reference
    cmp selected.safetensors selected.reference || fail "$way: another selection"
done
has selected.html "Rounds of boosting"
has selected.html "not used: it matters no more than noise"
has selected.html "left out by some model, 2 of them by all"
expect 0 inspect selected.safetensors
has out "not used: it matters no more than noise"
expect 0 inspect selected.safetensors --json
has out '"unused_by_models": 1'
expect 0 predict selected.safetensors noisy.csv --out predicted.csv

[ "$(stat -c %a page.html)" = 600 ] || fail "others can read the page"

# An existing page is found out before the work; nothing is written then.
# Texts are condensed for the study of the folds as they were for the trials, so the page's loss is
# the score.
awk 'BEGIN {
    split("invoice meeting lunch report winner prize click bonus", words, " ")
    seed = 7
    print "text,class"
    for (i = 0; i < 300; i++) {
        line = ""
        for (k = 0; k < 8; k++) {
            seed = (seed * 16807) % 2147483647
            line = line words[1 + seed % 4 + (i % 2 && k % 2 ? 4 : 0)] " "
        }
        print line i "," (i % 2 ? "spam" : "ham")
    }
}' > texts.csv
for workers in 1 2; do
    expect 0 fit texts.csv --target class --out texts.safetensors --report texts.html --model gbdt \
        --calibrate none --seed 1 --workers $workers --force
    has out "gbdt, log_loss 0.0016873"
    has texts.html "0.0016873"
done

expect_error 73 "exists" fit table.csv --target class --out new.safetensors --report page.html
nothing_left new "a fit whose report exists"
expect_error 64 "is an input" fit table.csv --target class --out new.safetensors --report table.csv --force
expect_error 64 "same name" fit table.csv --target class --out new --report new
expect_error 64 "standard output" fit table.csv --target class --out new.safetensors --report -
expect_error 73 "no-such-folder" fit table.csv --target class --out new.safetensors \
    --report no-such-folder/page.html
nothing_left new "a fit that is refused"

expect 0 fit table.csv --target class --out json.safetensors --report json.html --trials 2 --json
has out '"report": "json.html"'
expect 0 fit table.csv --target class --out budget.safetensors --report budget.html \
    --budget ${times}s

# Hostile labels and names.
awk 'BEGIN {
    print "</title><script>x</script>,\"a\033[2Jb\",y"
    for (i = 0; i < 80; i++) print i % 9 "," i % 7 ",<b>" (i % 9 > 4 ? "&" : "\"") "</b>"
}' | sed 's/<b>"<\/b>/plain/' > hostile.csv
expect 0 fit hostile.csv --target y --out hostile.safetensors --report hostile.html --trials 3
lacks hostile.html '<script'
lacks hostile.html '<b>&<'
lacks hostile.html "$(printf '\033')"
has hostile.html '&lt;/title&gt;&lt;script&gt;'
has hostile.html '&lt;b&gt;&amp;&lt;/b&gt;'

finish
