#!/bin/sh
# 200 canaries: cells, levels of categories, class labels, folders, and the bytes of keys and
# passphrases. Every command, every level of the log, then crashes, lack of memory and bad files: none
# of them in a log, on standard error, or in a core file; on standard output and in files only where
# the command is asked for that class of them.
#     canaries.sh MERLON LIBRARY SOURCE_TREE
# LIBRARY is fault_inject.c as a library, or "linked".
library=$2
set -- "$1" "$3"
. "$(dirname "$0")/../cli/lib.sh"

ulimit -c unlimited 2> "/dev/null" || true

# ---- Where they are ----

# 60 cells and 40 levels, 60 labels (of 400 rows each is in some), 20 folders, 20 of keys.
awk -v OFS=, 'BEGIN {
    print "id", "text", "kind", "number", "class"
    for (i = 0; i < 600; i++)
        print "cellcanary" i % 60 "id" i, "\"free cellcanary" i % 60 ", text " i "\"",
            "levelcanary" i % 40, (i * 37) % 101, "labelcanary" i % 60
}' > table.csv
sed '150s/,[0-9]*,labelcanary/,cellcanary7,labelcanary/' table.csv > mistyped.csv
{ head -n 40 table.csv; echo cellcanary1,cellcanary2; } > ragged.csv
folder=$work
for i in $(seq 0 19); do
    folder=$folder/pathcanary$i
done
mkdir -p "$folder/config" "$folder/scratch"
chmod 700 "$folder/config"
XDG_CONFIG_HOME=$folder/config
HOME=$folder
TMPDIR=$folder/scratch
export XDG_CONFIG_HOME HOME TMPDIR
for i in $(seq 0 9); do
    printf 'secretcanary%d of a passphrase\n' "$i" > words.$i
    chmod 600 words.$i
done
expect 0 keys new --no-passphrase
expect 0 keys new --for seal --no-passphrase
expect 0 keys new other --for seal --no-passphrase
store=$XDG_CONFIG_HOME/merlon
# Bytes of keys: the lines of the private key, the identities.
grep -v -e '-----' "$store/keys/default.key" > secrets
sed -n 's/^AGE-SECRET-KEY-1//p' "$store/seal/default.identity" "$store/seal/other.identity" >> secrets
[ "$(wc -l < secrets)" -ge 5 ] || fail "the keys' bytes were not found"

# What may not be anywhere, and what may be in a result of some commands.
{
    cat secrets
    echo secretcanary
} > keys
{
    cat keys
    echo pathcanary
} > never
{
    cat never
    printf 'cellcanary\nlevelcanary\nlabelcanary\n'
} > all
grep -v pathcanary all > values

check() { # check WHAT LIST FILES...
    checked=$1
    wanted_list=$2
    shift 2
    for file in "$@"; do
        if [ -e "$file" ] && grep -aqFf "$wanted_list" "$file"; then
            fail "$checked: a canary is in $file: $(grep -aoFf "$wanted_list" "$file" | head -n 1)"
        fi
    done
    # No core file, of whichever process.
    cores=$(find . -maxdepth 1 -name 'core*')
    [ -z "$cores" ] || {
        fail "$checked: a core file"
        rm -f ./core*
    }
}

# What was run, as one word and as two; see "Every command" below.
: > seen
saw() {
    printf '%s\n%s %s\n' "$1" "$1" "${2:-}" >> seen
}

# each WHAT LIST WORDS...: LIST is what may not be on standard output.
each() {
    what=$1
    list=$2
    shift 2
    saw "$@"
    for level in "" "--quiet" "--verbose" "--verbose --verbose" "--verbose --verbose --verbose --log-format json"; do
        rm -f run.log
        # $level is none, one or more words on purpose.
        # shellcheck disable=SC2086
        run "$@" $level --log-file run.log
        check "$what $level" all err run.log
        check "$what $level" "$list" out
    done
    [ "$code" -eq "${wanted_code:-0}" ] || fail "$what ends with $code: $(head -n 2 err)"
    wanted_code=0
}

# once, as each: what cannot be done twice, with all of the log.
once() {
    what=$1
    list=$2
    shift 2
    saw "$@"
    rm -f run.log
    run "$@" --verbose --verbose --verbose --log-file run.log
    check "$what" all err run.log
    check "$what" "$list" out
    [ "$code" -eq 0 ] || fail "$what ends with $code: $(head -n 2 err)"
}

# ---- Every command ----

each "fit" all fit table.csv --target class --out m.safetensors --trials 2 --seed 1 --force
check "provenance" all m.safetensors.provenance.json
each "fit --json" all fit table.csv --target class --out j.safetensors --trials 1 --force --json
each "fit with a report" all fit table.csv --target class --out r.safetensors --trials 1 --force --report page.html
each "predict" never predict m.safetensors table.csv
each "score" all score m.safetensors table.csv
each "inspect" all inspect m.safetensors
each "inspect --labels" never inspect m.safetensors --labels
each "leaderboard" all leaderboard m.safetensors
each "schema infer" never schema infer table.csv
"$merlon" schema infer table.csv > schema.json
each "schema check" all schema check table.csv --schema schema.json
each "describe" never describe table.csv
each "convert" all convert table.csv again.csv --force
each "sign" all sign table.csv --force
each "verify" all verify table.csv
wanted_code=2 each "audit" never audit schema.json
each "keys list" never keys list
each "keys show" never keys show default
each "seal" all seal m.safetensors --recipient default --out m.age --force
each "open" all open m.age --identity default --out opened --force
each "predict of a sealed one" never predict m.age table.csv --identity default
each "score of a sealed one" all score m.age table.csv --identity default
each "doctor" keys doctor # it tells where keys and scratch files are
rm -f run.log
each "help" never help models
each "completion" never completion bash
sed '1s/id,text,//; s/^[^"]*"[^"]*",//' table.csv > short.csv # free text has no pseudonyms
each "fit with pseudonyms" all fit short.csv --target class --out p.safetensors --trials 1 --force \
    --pseudonymize --project study
check "a model with pseudonyms" all p.safetensors p.safetensors.provenance.json
"$merlon" inspect p.safetensors --labels > tokens
check "inspect of a model with pseudonyms" all tokens
each "names" never names tokens --project study
each "runs list" all runs list
"$merlon" runs list --json | sed -n 's/^ *"id": "\(.*\)",*$/\1/p' > runs
first=$(sed -n 1p runs)
second=$(sed -n 2p runs)
[ -n "$second" ] || fail "runs list tells no runs"
each "runs show" all runs show "$first"
each "runs diff" all runs diff "$first" "$second"
once "runs forget" all runs forget "$second"
once "keys new" all keys new third --no-passphrase
once "keys new --for seal" all keys new third --for seal --no-passphrase
openssl ecparam -name prime256v1 -genkey -noout 2> "/dev/null" | openssl ec -pubout -out theirs.pem 2> "/dev/null" ||
    cp "$store/keys/third.pub" theirs.pem
once "keys trust" all keys trust them theirs.pem
once "keys revoke" all keys revoke them
once "keys destroy" all keys destroy third --yes
for i in 0 1 2; do
    run seal table.csv --passphrase-file words.$i --out words.age --force --verbose --verbose --log-file p$i.log
    check "seal with a passphrase" all out err p$i.log words.age
    run open words.age --passphrase-file words.$i --unsigned --out opened --force --verbose --verbose
    check "open with a passphrase" all out err
done
rm -f ./*.log

# A command that is new has to be here too.
"$merlon" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\{1,\}\( [a-z]\{1,\}\)*\)  .*/\1/p' > commands
[ "$(wc -l < commands)" -ge 20 ] || fail "merlon help tells no commands"
while read -r command; do
    grep -qxF "$command" seen || fail "'$command' is not looked at: add it to this test"
done < commands

# ---- Bad files ----

head -c 700 m.safetensors > cut.safetensors
cp m.safetensors.sig cut.safetensors.sig
wanted_code=77 each "a model that was cut" all predict cut.safetensors table.csv
wanted_code=65 each "a row that does not fit" all fit mistyped.csv --target class --schema schema.json --out x --force
wanted_code=65 each "a ragged row" all fit ragged.csv --target class --out x --force
wanted_code=77 each "a wrong passphrase" all open words.age --passphrase-file words.5 --unsigned --out x
wanted_code=77 each "another identity" all open m.age --identity other --out x
sed 's/Q/P/; s/^AGE-SECRET-KEY-1\(.\)/AGE-SECRET-KEY-1\1\1/' "$store/seal/default.identity" > broken.identity
chmod 600 broken.identity
wanted_code=65 each "a broken identity" all open m.age --identity broken.identity --out x
wanted_code=65 each "an identity as recipient" all seal table.csv --recipient "$(tail -n 1 "$store/seal/other.identity")" --out x
{ sed -n 1p "$store/keys/default.key"; sed -n 2,3p "$store/keys/default.key" | tr 'A-M' 'N-Z'; } > "$store/keys/broken.key"
chmod 600 "$store/keys/broken.key"
cp "$store/keys/default.pub" "$store/keys/broken.pub"
run sign table.csv --key broken --force --verbose --verbose --log-file broken.log
[ "$code" -ne 0 ] || fail "a broken key signs"
check "a broken key" all out err broken.log
rm -f "$store"/keys/broken.* broken.log

# ---- Lack of memory ----

each_memory() {
    wanted_code=75 each "no memory for $1" all "$@" --memory 60K
}
each_memory fit table.csv --target class --out x --force
each_memory open m.age --identity default --out x
if [ "$library" != linked ]; then
    head -c 64 "/dev/zero" > counts
    for at in 1 20 60 120 200 300 450 600 900 1300 2000 4000; do
        for kind in memory io; do
            for words in "fit table.csv --target class --out x.safetensors --trials 1 --force" \
                "open m.age --identity default --out opened --force" \
                "seal table.csv --recipient default --out x.age --force" \
                "predict m.age table.csv --identity default --out x.csv --force"; do
                code=0
                rm -f run.log
                # $words are words on purpose.
                # shellcheck disable=SC2086
                MER_FAULT_KIND=$kind MER_FAULT_AT=$at MER_FAULT_STATE=counts LD_PRELOAD=$library \
                    "$merlon" $words --verbose --verbose --log-file run.log > out 2> err < "/dev/null" || code=$?
                [ "$code" -lt 125 ] || fail "$words, the ${at}th $kind request fails: exit code $code"
                # A message about a file in the key store names it.
                check "$words, the ${at}th $kind request fails" values err run.log out
                head -c 64 "/dev/zero" > counts
            done
        done
    done
fi

# ---- Crashes ----

# With the system as it is, a program that dies so leaves a core file; merlon must not.
twin=no
(sh -c 'kill -SEGV $$') 2> "/dev/null" || true
if ls ./core* > "/dev/null" 2>&1; then
    twin=yes
    rm -f ./core*
else
    echo "core files are not written into this folder: that part proves nothing here"
fi
# Large enough that a search is still busy when the signal comes.
awk -v OFS=, 'BEGIN {
    print "text", "kind", "a", "b", "c", "d", "e", "y"
    for (i = 0; i < 120000; i++) {
        x = (i * 7919) % 10007
        print "cellcanary" i % 60 "id" i, "levelcanary" i % 40, x, (x * 31) % 1009, (x * 17) % 503,
            i % 97, (i * i) % 1013, (x + i % 13) % 17
    }
}' > large.csv
rm -rf x.* y.*
# A sanitizer would take the signals for itself.
if [ "$library" = linked ]; then
    ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigfpe=0
    export ASAN_OPTIONS
fi
for signal in SEGV ABRT BUS FPE; do
    mkfifo feed
    exec 4<> feed
    # Busy with a search; and with a passphrase and a file key in memory, waiting for more to seal.
    "$merlon" fit large.csv --target y --out x.safetensors --force --budget 60s --log-file fit.$signal \
        > out 2> err < "/dev/null" &
    fit=$!
    "$merlon" seal - --recipient default --out y.age --force --verbose --log-file seal.$signal \
        > out2 2> err2 < feed &
    seal=$!
    cat table.csv >&4
    for _ in $(seq 100); do
        grep -q rows out && break
        sleep 0.1
    done
    sleep 0.3
    kill -$signal $fit $seal || fail "SIG$signal: a run was over before it: $(cat err err2)"
    code=0
    wait $fit 2> "/dev/null" || code=$?
    [ "$code" -gt 128 ] || fail "SIG$signal: fit ends with $code"
    code=0
    wait $seal 2> "/dev/null" || code=$?
    [ "$code" -gt 128 ] || fail "SIG$signal: seal ends with $code"
    exec 4>&-
    rm -f feed
    check "SIG$signal" all out err out2 err2 fit.$signal seal.$signal
    nothing_left x.safetensors "a crash"
    nothing_left y.age "a crash"
done
[ "$twin" = no ] || echo "core files: the twin leaves one, merlon none"

# What runs leave in the state folder.
find "${XDG_STATE_HOME:-$HOME/.local/state}" -type f > journals 2> "/dev/null" || true
while read -r journal; do
    check "the journal" all "$journal"
done < journals

# The canaries are where they were planted.
expect 0 inspect m.safetensors --labels
has out labelcanary
expect 0 convert table.csv again.csv --force
has again.csv cellcanary
has schema.json levelcanary
grep -qFf secrets "$store/seal/other.identity" || fail "the identities' bytes are not looked for"

finish
