#!/bin/sh
# The same data, seed, settings and work units give the same model, byte for byte, whatever the number
# of threads and the instruction set; and so do the predictions.
. "$(dirname "$0")/lib.sh"

# same DATA TARGET WORDS...: fits in several ways and compares
same() {
    data=$1
    target=$2
    shift 2
    rm -f ./*.safetensors* reference
    for way in "--threads 1 --cpu plain" "--threads 2 --cpu plain" "--threads 1 --cpu avx512" \
        "--threads 3 --cpu avx512" "--threads 2 --cpu avx2" "--threads 2"; do
        # valgrind is shown one way: it knows no AVX-512, and takes a minute for each.
        if [ "$times" -gt 1 ] && [ "$way" != "--threads 2" ]; then
            continue
        fi
        # $way is several words on purpose.
        # shellcheck disable=SC2086
        expect 0 fit "$data" --target "$target" --out m.safetensors --seed 11 --force $way "$@"
        expect 0 predict m.safetensors "$data"
        if [ ! -e reference ]; then
            cp m.safetensors reference
            cp out reference.predictions
        fi
        cmp m.safetensors reference || fail "$data $way: other bytes"
        cmp out reference.predictions || fail "$data $way: other predictions"
    done
}

make_table > table.csv
same table.csv class --trials 12
same table.csv value --trials 12
[ -r "$tree/data/loans/train.csv" ] || skip "data/loans is absent"
same "$tree/data/loans/train.csv" defaulted --trials 20
same "$tree/data/diabetes/train.csv" progression --trials 20
same "$tree/data/iris/train.csv" species --trials 20

# A run that the clock ended is repeated by the work units that it reached. Where the machine is so slow
# that time cuts off what is fitted last, it says that they will not: it is given longer.
for budget in $((1 * times))s $((4 * times))s $((16 * times))s; do
    expect 0 fit "$tree/data/loans/train.csv" --target defaulted --out clock.safetensors --seed 3 --force \
        --budget "$budget" --json
    grep -q -e "--units will not repeat" err out || break
done
units=$(json_number units)
expect 0 fit "$tree/data/loans/train.csv" --target defaulted --out units.safetensors --seed 3 --units "$units"
cmp clock.safetensors units.safetensors || fail "--units $units does not repeat the run"

# Without a seed there is a new one each time, and it is recorded: giving it repeats the run.
expect 0 fit table.csv --target class --out one.safetensors --trials 5 --json
seed=$(json_number seed)
expect 0 fit table.csv --target class --out two.safetensors --trials 5 --json
[ "$(json_number seed)" != "$seed" ] || fail "two runs without --seed have the same seed"
expect 0 fit table.csv --target class --out again.safetensors --trials 5 --seed "$seed"
cmp one.safetensors again.safetensors || fail "--seed $seed does not repeat the run"

finish
