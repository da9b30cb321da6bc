#!/bin/sh
# Trials run in workers: the model is the same for any number of them, a memory cap holds, and nothing
# is left of them.
. "$(dirname "$0")/lib.sh"

make_table > table.csv
for target in class value; do
    rm -f reference
    for way in "--workers 1 --threads 1" "--workers 1 --threads 2" "--workers 2 --threads 2" \
        "--workers 3 --threads 1" "--threads 2"; do
        # $way is several words on purpose.
        # shellcheck disable=SC2086
        expect 0 fit table.csv --target "$target" --out m.safetensors --seed 11 --force --trials 20 $way
        [ -e reference ] || cp m.safetensors reference
        cmp m.safetensors reference || fail "$target $way: other bytes"
    done
done
expect 64 fit table.csv --target class --out none.safetensors --workers 0
expect 64 fit table.csv --target class --out none.safetensors --workers 65

# With too little memory it is memory that is told of, and nothing is there.
expect 75 fit table.csv --target class --out none.safetensors --memory 4M --workers 2
[ ! -e none.safetensors ] || fail "a fit without memory leaves a model"

finish
