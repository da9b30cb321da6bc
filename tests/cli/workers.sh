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

# With little memory a trial that wants more is a failure that is told of, and nothing more: a model comes
# out, the workers together stay below what was allowed, and the kernel holds each of them to it.
with_little_memory() {
    awk 'BEGIN { srand(3); print "a,b,c,d,e,f,g,h,y"
        for (i = 0; i < 60000; i++) {
            t = 0
            for (j = 0; j < 8; j++) { x = rand(); t += x * j; printf "%.4f,", x }
            print (t + rand() > 15 ? "p" : "q")
        } }' > big.csv
    "$merlon" fit big.csv --target y --seed 1 --trials 12 --workers 2 --memory 60M --out small.safetensors > out 2> err < /dev/null &
    fit=$!
    most=0 limited=0 unlimited=0
    while kill -0 $fit 2> kill.err; do
        sum=0
        for child in $(cat "/proc/$fit/task/$fit/children" 2> children.err); do
            own=$(awk '/^RssAnon/ { print $2 }' "/proc/$child/status" 2> status.err) || own=0
            sum=$((sum + ${own:-0}))
            grep -q merlon-cell "/proc/$child/cmdline" 2> cmdline.err || continue
            # What reads the table is held by its address space, what works by its data.
            case $(awk '/^Max data size/ { data = $4 } /^Max address space/ { print data, $4 }' \
                "/proc/$child/limits" 2> limits.err) in
            '') ;;
            'unlimited unlimited') unlimited=1 ;;
            unlimited*) ;;
            *) limited=1 ;;
            esac
        done
        [ "$sum" -le "$most" ] || most=$sum
        sleep 0.02
    done
    wait $fit || fail "a fit with 60 MB ends with $?"
    has err "failed: the memory budget"
    [ -s small.safetensors ] || fail "a fit with little memory leaves no model"
    [ "$most" -gt 0 ] && [ "$most" -lt 60000 ] || fail "the workers took $most kB of 60 MB"
    [ "$limited" = 1 ] && [ "$unlimited" = 0 ] || fail "the kernel does not hold the workers to their memory"
}
# Sanitizers and valgrind take memory of their own.
if ! grep -qa '__asan_init\|__tsan_init\|valgrind' "$merlon"; then
    with_little_memory
fi

# With too little memory it is memory that is told of, and nothing is there.
expect 75 fit table.csv --target class --out none.safetensors --memory 4M --workers 2
[ ! -e none.safetensors ] || fail "a fit without memory leaves a model"

finish
