#!/bin/sh
# With fit --pseudonymize the processes in which trials run hold no name of a column and no level:
# their memory is searched while they work. Without it they do, or this test would prove nothing.
#     worker_memory.sh MERLON SEARCH_MEMORY SOURCE_TREE
search=$(realpath "$2")
set -- "$1" "$3"
. "$(dirname "$0")/../cli/lib.sh"

[ -r /proc/self/task/$$/children ] || skip "the kernel does not tell the children of a process"

awk -v OFS=, 'BEGIN {
    for (c = 0; c < 8; c++) printf "namecanary%d%s", c, OFS
    print "namecanary8"
    for (i = 0; i < 40000; i++) {
        x = (i * 7919) % 10007
        print "levelcanary" i % 40, "levelcanary" x % 23, x, (x * 31) % 1009, (x * 17) % 503, i % 97,
            (i * i) % 1013, i % 3 ? "true" : "false", "labelcanary" (x + i % 13) % 5
    }
}' > table.csv

# The processes that the process $1 has started, one a line.
children() {
    cat "/proc/$1/task/"*/children 2> /dev/null | tr ' ' '\n' | grep . || true
}

# look WORDS...: fits, and puts what the memory of all its workers holds into the file found.
look() {
    : > found
    n_workers=0
    "$merlon" fit table.csv --target namecanary8 --out m.safetensors --force --budget 60s --workers 2 \
        --threads 2 --folds 3 "$@" > out 2> err < /dev/null &
    fit=$!
    for _ in $(seq 200); do
        grep -q rows out && break
        sleep 0.1
    done
    for _ in 1 2 3 4; do
        sleep 0.5
        for worker in $(children $fit); do
            [ "$(cat "/proc/$worker/comm" 2> /dev/null)" = merlon-cell ] || continue
            code=0
            "$search" "$worker" namecanary levelcanary labelcanary > counts || code=$?
            if [ "$code" -eq 77 ]; then
                kill $fit
                wait $fit || true
                skip "the memory of workers may be read by nobody here (run as root)"
            fi
            [ "$code" -eq 0 ] || continue # it has ended meanwhile
            cat counts >> found
            n_workers=$((n_workers + 1))
        done
    done
    kill $fit 2> /dev/null || fail "$*: the search was over before its workers were looked at: $(cat err)"
    wait $fit 2> /dev/null || true
    [ $n_workers -ge 4 ] || fail "$*: no worker was found: $(cat out err)"
}

look --pseudonymize --project study
! grep -v '^0 ' found || fail "a worker knows what pseudonyms stand for"
look
for canary in namecanary levelcanary; do
    grep -q "^[1-9][0-9]* $canary" found || fail "without pseudonyms no worker knows a $canary"
done

finish
