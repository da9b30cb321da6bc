#!/bin/sh
# 32 places for a log file: where it may be made it is, 0600 while it is written and 0400 afterwards;
# where it may not, there is one message, and nothing is made, changed or waited for. After the tests
# of MUNGE for its log file (dun/munge, t/0103), which check an existing file; ours must not exist.
. "$(dirname "$0")/lib.sh"

umask 022
printf 'a,b\n1,2\n3,4\n' > table.csv
mkdir own
chmod 755 "$work" own
as=""
if [ "$(id -u)" = 0 ]; then
    # Root may do everything: another user is who the cases are about.
    as="--user=nobody"
    chown -R nobody "$work"
    chmod -R go+rX "$work"
fi
n=0
n_skipped=0

# Who owns what the cases make.
own() {
    [ -z "$as" ] || chown -h nobody "$@"
}
foreign() {
    [ -n "$as" ] && chown -h daemon "$@" 2> "/dev/null"
}
skipped() {
    n=$((n + 1))
    n_skipped=$((n_skipped + 1))
    echo "case $n skipped (needs root): $1"
}

# What there is, with contents, so that a refused run can be seen to have changed nothing.
state() {
    find "$work" ! -name out ! -name err ! -name err.other ! -name 'state.*' ! -name config \
        -printf '%p %y %m %u %s %l\n' | sort
    find "$work" -type f ! -name out ! -name err ! -name err.other ! -name 'state.*' -exec cksum {} + | sort
}

# good NAME PATH: a log is made there.
good() {
    n=$((n + 1))
    run schema infer table.csv $as --log-file "$2"
    [ "$code" -eq 0 ] || { fail "case $n, $1: exit code $code"; show; }
    [ -f "$2" ] && [ ! -L "$2" ] && [ -s "$2" ] || fail "case $n, $1: no log"
    [ "$(stat -c %a "$2" 2> "/dev/null")" = 400 ] || fail "case $n, $1: mode $(stat -c %a "$2"), not 400"
    [ "$(stat -c %h "$2" 2> "/dev/null")" = 1 ] || fail "case $n, $1: it has other names"
}
# bad NAME CODE PATH: none is, and nothing happens.
bad() {
    n=$((n + 1))
    state > state.before
    code=0
    timeout 20 "$merlon" schema infer table.csv $as --log-file "$3" > out 2> err < "/dev/null" || code=$?
    forget_root
    [ "$code" -eq "$2" ] || { fail "case $n, $1: exit code $code, not $2"; show; }
    [ "$(grep -c '^merlon: error: ' err)" -eq 1 ] && [ "$(wc -l < err)" -le 2 ] ||
        { fail "case $n, $1: not one message"; show; }
    [ ! -s out ] || fail "case $n, $1: the work was done without its log"
    state > state.after
    cmp -s state.before state.after || { fail "case $n, $1: something was changed"; diff state.before state.after; }
}

# 1 to 8: names
good "a new name" new.log
good "an absolute path" "$work/own/absolute.log"
good "a folder in between" own/relative.log
good "dots in between" own/../own/./dots.log
good "white space and a control character" "$(printf 'own/a b\001.log')"
good "as long as names may be" "own/$(printf 'x%.0s' $(seq 255))"
bad "longer than names may be" 73 "own/$(printf 'x%.0s' $(seq 256))"
bad "ends in a slash" 73 own/name/

# 9 to 14: files that are there
echo kept > own/file; own own/file
bad "a file with something in it" 73 own/file
: > own/empty; own own/empty
bad "an empty file" 73 own/empty
bad "a sealed log of an earlier run" 73 new.log
echo kept > own/open; chmod 666 own/open; own own/open
bad "a file that everybody can write" 73 own/open
if foreign_file=own/foreign && echo kept > own/foreign && chmod 666 own/foreign && foreign own/foreign; then
    bad "a file of another user" 73 "$foreign_file"
else
    rm -f own/foreign
    skipped "a file of another user"
fi
ln own/file own/hard
bad "a hard link to a file" 73 own/hard

# 15 to 22: what is no file
ln -s file own/link
bad "a symbolic link to a file" 73 own/link
ln -s nothing own/dangling
bad "a symbolic link to nothing" 73 own/dangling
ln -s ../own own/loop
bad "a symbolic link to a folder" 73 own/loop
mkdir own/folder; own own/folder
bad "a folder" 73 own/folder
mkfifo own/pipe; own own/pipe
bad "a pipe, which is not waited for" 73 own/pipe
bad "a device that takes everything" 73 "/dev/null"
bad "a device that is full" 73 "/dev/full"
bad "a terminal's name, in a folder of the system" 73 "/dev/tty"

# 23 to 31: folders
bad "a missing folder, which is not made" 73 own/missing/x.log
bad "a file where a folder should be" 73 own/file/x.log
mkdir own/closed; own own/closed; chmod 555 own/closed
if [ -n "$as" ] || [ "$(id -u)" != 0 ]; then
    bad "a folder that may not be written" 73 own/closed/x.log
    mkdir own/dark; own own/dark; chmod 000 own/dark
    bad "a folder that may not be entered" 73 own/dark/x.log
    chmod 700 own/dark
else
    skipped "a folder that may not be written"
    skipped "a folder that may not be entered"
fi
mkdir own/everybody; own own/everybody; chmod 777 own/everybody
bad "a folder that everybody can write" 77 own/everybody/x.log
mkdir own/everybody/inner; own own/everybody/inner; chmod 755 own/everybody/inner
bad "below a folder that everybody can write" 77 own/everybody/inner/x.log
mkdir own/sticky; own own/sticky; chmod 1777 own/sticky
good "a sticky folder that everybody can write" own/sticky/x.log
mkdir own/theirs; chmod 777 own/theirs
if foreign own/theirs; then
    chmod 1777 own/theirs
    bad "a folder of another user" 77 own/theirs/x.log
    mkdir own/group; own own/group; chgrp daemon own/group; chmod 775 own/group
    bad "a folder that another group can write" 77 own/group/x.log
else
    skipped "a folder of another user"
    skipped "a folder that another group can write"
fi

# 32: while it is written
n=$((n + 1))
mkfifo feed
( exec 3> feed; sleep 2; printf 'a,b\n1,2\n' >&3 ) &
feeder=$!
(umask 0; exec "$merlon" schema infer - $as --log-file own/during.log < feed > out 2> err) &
program=$!
for _ in $(seq 100); do
    [ -s own/during.log ] && break
    sleep 0.05
done
[ "$(stat -c %a own/during.log)" = 600 ] || fail "case $n, while it is written: mode $(stat -c %a own/during.log)"
wait $program || fail "case $n, while it is written: the run failed"
wait $feeder || true
[ "$(stat -c %a own/during.log)" = 400 ] || fail "case $n, afterwards: mode $(stat -c %a own/during.log)"

[ "$n" -eq 32 ] || fail "$n cases, not 32"
[ "$n_skipped" -eq 0 ] || echo "$n_skipped of 32 cases were skipped: they need root"
finish
