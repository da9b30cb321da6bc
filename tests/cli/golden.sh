#!/bin/sh
# Models that earlier versions made still verify, load and predict the same, to the last digit. golden/make.sh made them.
. "$(dirname "$0")/lib.sh"

golden=$tree/tests/cli/golden
n=0
for model in "$golden"/*.safetensors; do
    name=$(basename "$model" .safetensors)
    key=$golden/${name%%.*}.pub
    table=${name#*.}
    table=${table%%.*}
    if [ -f "$golden/$table.table.csv" ]; then
        table=$golden/$table.table.csv
    else
        table=$tree/data/$table/test.csv
    fi
    case $name in
    *.regression) proba= ;;
    *) proba=--proba ;;
    esac
    expect 0 predict "$model" "$table" --key "$key" $proba --digits 17 --out "$name.csv"
    cmp -s "$name.csv" "$golden/$name.csv" || fail "$name predicts something else than it did"
    expect 0 inspect "$model" --key "$key"
    n=$((n + 1))
done
[ "$n" -ge 12 ] || fail "only $n golden models"

finish
