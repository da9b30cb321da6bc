#!/bin/sh
# Opening large sealed files: in little memory, and leaving nothing when the disk is full, when what
# comes through a pipe ends too early and when the program is killed.
. "$(dirname "$0")/lib.sh"

expect 0 keys new default --no-passphrase
expect 0 keys new --for seal --no-passphrase
seq 3000000 > plain # 22 MB
expect 0 seal plain --recipient default --out plain.age

expect 0 open plain.age --identity default --memory 1M --out opened
cmp -s plain opened || fail "a large file was opened as another"
expect 0 open plain.age --identity default --unsigned --memory 1M --out opened --force
cmp -s plain opened || fail "a large file was opened as another, unsigned"
rm opened

# A pipe is read once, so nobody verifies what comes through it first.
mkfifo pipe
cat plain.age > pipe &
expect 0 open pipe --identity default --unsigned --memory 1M --out opened
cmp -s plain opened || fail "a pipe was opened as something else"
rm opened
expect_error 66 "read twice" open pipe --identity default --out no
"$merlon" open - --identity default --unsigned --memory 1M --out opened < plain.age > out 2> err ||
    fail "standard input was not opened: $(cat err)"
cmp -s plain opened || fail "standard input was opened as something else"
rm opened
head -c 10000000 plain.age > cut.age
expect_error 77 "cut" open cut.age --identity default --unsigned --out no
expect_error 77 "has no signature" open cut.age --identity default --out no
cp plain.age.sig cut.age.sig
expect_error 77 "not what was signed" open cut.age --identity default --out no
expect_error 66 "is a folder" open . --identity default --unsigned --out no
nothing_left no "a cut file"

: > there
expect_error 73 "exists already" open cut.age --identity default --out there
[ ! -s there ] || fail "an existing file was written to"

# What is no sealed file, and what is no identity
expect_error 65 "standard input is not a sealed file" open - --identity default --unsigned --out no
expect_error 77 "standard input has no signature" open - --identity default --out no
expect_error 77 "is a folder" open plain.age --identity . --out no
has err "yours alone"

# A full disk: a file may not grow beyond ten blocks, as this shell's children see it.
code=0
(
    ulimit -f 10
    exec "$merlon" open plain.age --identity default --out full > out2 2> err2
) || code=$?
[ "$code" -eq 74 ] || fail "no more room: exit code $code, $(cat err2 out2)"
nothing_left full "a file that had no room"
# On a file system of a megabyte, which nobody else sees.
mkdir small
on_small() {
    unshare -m sh -c 'mount -t tmpfs -o size=1m none small || exit 99
        "$@"; code=$?; ls -A small > left; exit $code' sh "$merlon" "$@" > out 2> err
}
code=0
on_small help || code=$?
if [ "$code" -eq 0 ]; then
    for command in "open plain.age --identity default" "seal plain --recipient default"; do
        code=0
        # shellcheck disable=SC2086
        on_small $command --out small/x || code=$?
        [ "$code" -eq 74 ] || fail "$command on a full disk: exit code $code, $(cat err)"
        has err "No space left"
        [ ! -s left ] || fail "$command on a full disk leaves $(cat left)"
    done
else
    echo "no small file system can be mounted: that part is skipped"
fi

# Killed in the middle: half of it was opened, and more is waited for.
mkdir killed
"$merlon" open - --identity default --unsigned --out killed/opened < pipe > out2 2> err2 &
opening=$!
exec 5> pipe
cat cut.age >&5
sleep 0.3
kill -KILL $opening
code=0
wait $opening 2> /dev/null || code=$?
exec 5>&-
[ "$code" -eq 137 ] || fail "it was not killed: exit code $code, $(cat err2)"
[ -z "$(ls -A killed)" ] || fail "killed, it leaves $(ls -A killed)"

finish
