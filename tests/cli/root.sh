#!/bin/sh
# Root: a warning, once, and a way to give its rights up for good before anything is read.
. "$(dirname "$0")/lib.sh"
make_table > table.csv

# merlon's standard error as it is.
plain() {
    code=0
    "$merlon" "$@" > out 2> err < /dev/null || code=$?
}

if [ "$(id -u)" != 0 ]; then
    plain schema infer table.csv
    lacks err "as root"
    expect_error 77 "cannot become" schema infer table.csv --user root
    [ "$failures" -gt 0 ] || skip "the rest needs root"
    finish
fi

plain schema infer table.csv
[ "$(grep -c 'warning.*as root' err)" -eq 1 ] || fail "root is not warned once"
for quiet in "--version" "--help" "help" "schema infer table.csv --quiet"; do
    plain $quiet
    lacks err "as root"
done
plain schema check table.csv --schema missing --json
lacks out "as root"

# It keeps its rights, but no program that it starts could have one.
mkfifo slow.csv
"$merlon" schema infer - > out 2> err < slow.csv &
pid=$!
exec 3> slow.csv
tries=0
until grep -q '^CapBnd:[[:space:]]*0*$' "/proc/$pid/status" || [ "$tries" -ge 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
[ "$tries" -lt 100 ] || fail "a program that root's merlon starts could have capabilities"
cat table.csv >&3
exec 3>&-
wait "$pid" || fail "schema infer ends with $?"

expect_error 64 "there is no user" schema infer table.csv --user nobody-of-this-name
id nobody > nowhere 2>&1 || skip "there is no user nobody here"

setpriv --reuid nobody --clear-groups test -x "$(dirname "$merlon")/merlon-cell" ||
    skip "nobody cannot reach the folder of the program, $(dirname "$merlon")"

# What root alone may read, nobody may not; the program ends there.
chmod 755 "$work"
chmod 644 table.csv
plain schema infer table.csv --user nobody
[ "$code" -eq 0 ] || {
    fail "--user nobody ends with $code"
    show
}
lacks err "as root"
chmod 600 table.csv
expect_error 66 "no permission" schema infer table.csv --user nobody

# A run that waits for its input shows whose rights it has: the user's, and no way back.
mkfifo pipe
"$merlon" schema infer - --user nobody < pipe > out 2> err &
pid=$!
exec 3> pipe
sleep $((times > 1 ? 5 : 1))
for line in "Uid:	$(id -u nobody)	$(id -u nobody)	$(id -u nobody)" "CapBnd:	0000000000000000" \
    "CapEff:	0000000000000000" "NoNewPrivs:	1"; do
    grep -q "^$line" "/proc/$pid/status" || fail "its status lacks '$line'"
done
exec 3>&-
wait "$pid" || true
finish
