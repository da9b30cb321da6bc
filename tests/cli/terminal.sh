#!/bin/sh
# On a terminal: progress that comes and goes, colours, passphrases without echo. `script` plays the
# terminal.
. "$(dirname "$0")/lib.sh"

command -v script > nowhere 2>&1 || skip "script (bsdutils) is absent"
TERM=xterm
export TERM
escape=$(printf '\033')

# on_terminal COMMAND: what the command shows goes to the file typescript
on_terminal() {
    code=0
    script -qec "$1" typescript > nowhere 2>&1 || code=$?
}

awk -v OFS=, 'BEGIN {
    print "a,b,c,y"
    for (i = 0; i < 60000; i++) {
        x = (i * 7919) % 10007
        print x, (x * 31) % 1009, i % 97, (x + i % 13) % 17
    }
}' > large.csv
on_terminal "'$merlon' fit large.csv --target y --out m.safetensors --trials 25"
[ "$code" -eq 0 ] || fail "fit on a terminal: exit code $code"
has typescript " trials, best "
has typescript "remaining"
has typescript "${escape}[1m"
# Each line of progress is taken away again before other text.
tr '\r' '\n' < typescript | grep -v "\[[#.]*\]" > rest
has rest "Model: 'm.safetensors'"

on_terminal "'$merlon' fit large.csv --target y --out m.safetensors --budget ${times}s --force --no-color"
lacks typescript "${escape}[1m"
NO_COLOR=1
export NO_COLOR
on_terminal "'$merlon' fit large.csv --target y --out m.safetensors --budget ${times}s --force"
lacks typescript "${escape}[1m"
unset NO_COLOR
on_terminal "'$merlon' fit large.csv --target y --out m.safetensors --budget $((2 * times))s --force --quiet"
lacks typescript " trials, best "
# Without a terminal there is neither.
expect 0 fit large.csv --target y --out m.safetensors --budget ${times}s --force
if grep -q "$escape" out err; then
    fail "escape sequences without a terminal"
fi

# A passphrase is asked for twice, not shown, and asked for again to sign.
ask() { # ask LINES COMMAND: types each line when it is asked for, at the latest after ten seconds
    code=0
    : > typescript
    printf '%b' "$1" | {
        asked=0
        while IFS= read -r line; do
            asked=$((asked + 1))
            tenths=0
            while [ "$(grep -o ' the key ' typescript | wc -l)" -lt "$asked" ] && [ "$tenths" -lt 100 ]; do
                sleep 0.1
                tenths=$((tenths + 1))
            done
            printf '%s\n' "$line"
        done
        sleep 0.2
    } | script -qefc "$2" typescript > nowhere 2>&1 || code=$?
}
ask 'open sesame\nopen sesame\n' "'$merlon' keys new cave"
[ "$code" -eq 0 ] || fail "keys new on a terminal: exit code $code"
has typescript "passphrase"
lacks typescript sesame
has config/merlon/keys/cave.key ENCRYPTED
ask 'open sesame\nopen barley\n' "'$merlon' keys new other"
[ "$code" -eq 77 ] || fail "two different passphrases: exit code $code, not 77"
[ ! -e config/merlon/keys/other.key ] || fail "a key was made from two different passphrases"
ask 'open sesame\n' "'$merlon' sign large.csv --key cave"
[ "$code" -eq 0 ] || fail "sign with a passphrase on a terminal: exit code $code"
lacks typescript sesame
expect 0 verify large.csv

finish
