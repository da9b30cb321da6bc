#!/bin/sh
# The journal: what merlon runs tells, what --resume goes on with and what it refuses, two runs at the
# same time, and what is not in a journal.
. "$(dirname "$0")/lib.sh"

make_table > table.csv
journals() {
    find "$XDG_STATE_HOME" -type f -name '*.sqlite' | wc -l
}

# Nothing yet; then a run that is listed, shown and found by the beginning of its id.
expect 0 runs list
grep -q 'no run' out || fail "an empty list says nothing"
expect 0 fit table.csv --target class --out a.safetensors --seed 5 --trials 12 --json
id=$(sed -n 's/.*"run": "\(.*\)".*/\1/p' out)
digest=$(sed -n 's/^  "digest": "\(.*\)".*/\1/p' out)
expect 0 runs list
grep -q "^$id  saved  *12 trials" out || fail "the run is not listed"
expect 0 runs show "$(echo "$id" | cut -c 1-20)"
grep -q "$digest" out || grep -q "$(echo "$digest" | cut -c 1-16)" out || fail "the model's digest is not shown"
expect 0 runs show "$id" --json
[ "$(grep -c '"family"' out)" -eq 12 ] || fail "runs show --json has not all trials"
grep -q "\"model_sha256\": \"$digest\"" out || fail "runs show --json has another digest"
expect 66 runs show 2001
expect 66 runs show '../../etc'
expect 64 runs show

# What differs.
expect 0 fit table.csv --target class --out b.safetensors --seed 6 --trials 12 --metric accuracy --json
other=$(sed -n 's/.*"run": "\(.*\)".*/\1/p' out)
expect 0 runs diff "$id" "$other"
grep -q "seed: '5' -> '6'" out || fail "another seed is not told"
grep -q "metric: '' -> 'accuracy'" out || fail "another metric is not told"
grep -q 'trial [0-9]* (' out || fail "the first trial that differs is not told"
expect 0 runs diff "$id" "$id"
grep -q 'no difference' out || fail "a run differs from itself"
expect 0 runs diff "$id" "$other" --json
grep -q '"what": "seed"' out || fail "another seed is not told in JSON"

# A finished run is not gone on with: a new one begins.
before=$(journals)
expect 0 fit table.csv --target class --out a.safetensors --seed 5 --trials 12 --resume --force --json
grep -q '"resumed": false' out || fail "a run that was saved is gone on with"
[ "$(journals)" -eq $((before + 1)) ] || fail "--resume without a stopped run notes none"

# No journal where none is wanted, and none where it cannot be.
before=$(journals)
expect 0 fit table.csv --target class --out c.safetensors --trials 3 --no-journal
[ "$(journals)" -eq "$before" ] || fail "--no-journal keeps one"
expect 64 fit table.csv --target class --out d.safetensors --no-journal --resume
state=$XDG_STATE_HOME
XDG_STATE_HOME=/proc/nowhere
expect 0 fit table.csv --target class --out e.safetensors --trials 3
grep -q 'no journal is kept' err || fail "that there is no journal is not told"
XDG_STATE_HOME=$state

# Stopped in the middle, by every kind of end; and gone on with to the same bytes.
expect 0 fit table.csv --target value --out known.safetensors --seed 9 --units 150000
stopped() {
    # Long enough for some trials, too short for all of them, on any machine.
    for moment in 0.04 0.06 0.08 0.1 0.15 0.2 0.3 0.4 0.6; do
        rm -f m.safetensors*
        code=0
        timeout -s "$1" "$moment" "$merlon" fit table.csv --target value --out m.safetensors --seed 9 \
            --units 150000 --quiet > out 2> err < /dev/null || code=$?
        [ "$code" -ne 0 ] || continue
        run runs list
        [ ! -e m.safetensors ] && tail -n 1 out | grep -q '  stopped  *[1-9]' && return 0
    done
    return 1
}
for signal in KILL TERM; do
    if stopped "$signal"; then
        # Another table, setting, seed: refused with the reason.
        head -n 90 table.csv > other.csv
        expect 64 fit other.csv --target value --out m.safetensors --seed 9 --units 150000 --resume
        grep -q 'table' err || fail "another table is not told"
        expect 64 fit table.csv --target value --out m.safetensors --seed 9 --units 140000 --resume
        grep -q "units was '150000' and is '140000'" err || fail "another setting is not told"
        expect 64 fit table.csv --target value --out m.safetensors --seed 8 --units 150000 --resume
        grep -q 'seed' err || fail "another seed is not told"
        expect 64 fit table.csv --target class --out m.safetensors --seed 9 --units 150000 --resume
        grep -q 'target' err || fail "another target is not told"
        ! grep -q 'value' err || fail "the error tells the name of a column"
        expect 0 fit table.csv --target value --out m.safetensors --seed 9 --units 150000 --resume --json
        grep -q '"resumed": true' out || fail "the run was not gone on with"
        cmp m.safetensors known.safetensors || fail "after $signal and --resume: other bytes"
    else
        echo "no moment was right for $signal"
    fi
done

# A seed that was not given is the run's.
if timeout -s KILL 0.1 "$merlon" fit table.csv --target value --out s.safetensors --units 150000 --quiet \
    > out 2> err < /dev/null; then :; fi
rm -f s.safetensors*
expect 0 fit table.csv --target value --out s.safetensors --units 150000 --resume --json
seed=$(json_number seed)
expect 0 fit table.csv --target value --out t.safetensors --units 150000 --seed "$seed" --no-journal
cmp s.safetensors t.safetensors || fail "a resumed run has another seed than it tells"

# Two at the same time do not meet.
"$merlon" fit table.csv --target value --out one.safetensors --seed 9 --units 150000 --quiet 2> err1 < /dev/null &
"$merlon" fit table.csv --target value --out two.safetensors --seed 9 --units 150000 --quiet 2> err2 < /dev/null &
wait
cmp one.safetensors known.safetensors && cmp two.safetensors known.safetensors ||
    fail "two runs at the same time: other bytes"

# What is damaged is said, and can be taken away.
file=$(find "$XDG_STATE_HOME" -name "$id*.sqlite")
head -c 5000 "$file" > torn && cat torn > "$file"
expect 0 runs list
grep -q "^$id  unreadable" out || fail "a torn journal is not told"
expect 65 runs show "$id"
grep -q 'merlon runs forget' err || fail "a torn journal's error says not what to do"
expect 0 runs forget "$id"
expect 66 runs show "$id"
expect 0 runs forget "$other"

# Modes, and no column's name.
[ -z "$(find "$XDG_STATE_HOME" -type f ! -perm 600)" ] || fail "a journal is open to others"
[ -z "$(find "$XDG_STATE_HOME" -type d ! -perm 700)" ] || fail "a journal's folder is open to others"
make_table | sed '1s/value/canaryname/' > named.csv
expect 0 fit named.csv --target canaryname --out n.safetensors --trials 4
! grep -rq canaryname "$XDG_STATE_HOME" || fail "a column's name is in a journal"

finish
