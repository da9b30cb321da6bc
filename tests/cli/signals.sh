#!/bin/sh
# SIGTERM ends a run within a second, says what was kept, and leaves nothing half-written. Ctrl-C does so before
# there is a score; later it ends the search, and the best so far is fitted and saved.
. "$(dirname "$0")/lib.sh"

# Large enough that the search is still busy when the signal comes.
awk -v OFS=, 'BEGIN {
    print "a,b,c,d,e,f,g,h,y"
    for (i = 0; i < 200000; i++) {
        x = (i * 7919) % 10007
        print x, (x * 31) % 1009, (x * 17) % 503, i % 97, (i * i) % 1013, x / 7, i % 11, (x * x) % 991, (x + i % 13) % 17
    }
}' > large.csv

now_ms() {
    echo $(($(date +%s%N) / 1000000))
}

# stopped SIGNAL CODE: sends the signal to a busy fit
stopped() {
    rm -f run.log out err # what an earlier run printed says nothing of this one
    # A background job of a script ignores SIGINT unless it is given back its default action.
    "$launcher" "$merlon" fit large.csv --target y --out m.safetensors --budget $((60 * times))s --log-file run.log \
        > out 2> err < nothing &
    pid=$!
    tenths=0
    while ! grep -q rows out 2> nowhere && [ "$tenths" -lt $((100 * times)) ]; do
        sleep 0.1
        tenths=$((tenths + 1))
    done
    [ "$1" = INT ] || sleep $((times > 1 ? 3 : 1))
    start=$(now_ms)
    kill "-$1" "$pid" || fail "fit ended before SIG$1 came"
    code=0
    wait "$pid" || code=$?
    took=$(($(now_ms) - start))
    if [ "$1" = INT ] && [ "$code" -eq 0 ]; then # the first score came before the signal
        has err "stopped on request: the best so far is fitted"
        [ -s m.safetensors ] || fail "SIGINT with a score leaves no model"
        rm -f m.safetensors*
        return 0
    fi
    [ "$code" -eq "$2" ] || fail "SIG$1 ends with $code, not $2"
    [ "$took" -le $((1000 * times)) ] || fail "SIG$1 took $took ms"
    forget_root
    check_error_form "SIG$1"
    has err "nothing was written"
    [ "$(stat -c %a run.log)" = 400 ] || fail "after SIG$1 the log file's mode is not 400"
    nothing_left m.safetensors "SIG$1"
    echo "SIG$1: $took ms"
}

: > nothing
# env --default-signal is GNU's; without it SIGINT cannot be tested from a script.
if env --default-signal=INT true 2> nowhere; then
    launcher=$work/launch
    printf '#!/bin/sh\nexec env --default-signal=INT "$@"\n' > "$launcher"
    chmod +x "$launcher"
    # Ctrl-C once there is a score: the best so far is the model.
    "$launcher" "$merlon" fit large.csv --target y --out best.safetensors --budget $((60 * times))s --log-file run.log \
        > out 2> err < nothing &
    pid=$!
    tenths=0
    while ! grep -q "trial 2 of" run.log 2> nowhere && [ "$tenths" -lt $((300 * times)) ]; do
        sleep 0.1
        tenths=$((tenths + 1))
    done
    kill -INT "$pid" || fail "fit ended before SIGINT came"
    code=0
    wait "$pid" || code=$?
    [ "$code" -eq 0 ] || fail "SIGINT with a score ends with $code"
    has err "stopped on request: the best so far is fitted"
    [ -s best.safetensors ] || fail "SIGINT with a score leaves no model"
    rm -f best.safetensors* run.log
    stopped INT 130
else
    launcher=$(command -v env)
    echo "not tested: SIGINT (env has no --default-signal)"
fi
stopped TERM 143
stopped HUP 129

# A second signal ends the program at once; its log is sealed all the same.
rm -f run.log
"$launcher" "$merlon" fit large.csv --target y --out m.safetensors --budget $((60 * times))s --log-file run.log \
    > out 2> err < nothing &
pid=$!
sleep $times
kill -TERM "$pid" || fail "fit ended before the first signal came"
kill -TERM "$pid" 2> nowhere || true
code=0
wait "$pid" || code=$?
[ "$code" -eq 143 ] || fail "two signals end with $code, not 143"
[ "$(stat -c %a run.log)" = 400 ] || fail "after two signals the log file's mode is not 400"
nothing_left m.safetensors "a run with two signals"

# Killed outright: no name is left but the log's.
rm -f run.log
"$launcher" "$merlon" fit large.csv --target y --out m.safetensors --budget $((60 * times))s > out 2> err < nothing &
pid=$!
sleep $times
kill -KILL "$pid" || fail "fit ended before SIGKILL came"
wait "$pid" || true
nothing_left m.safetensors SIGKILL

finish
