#!/bin/sh
# SIGKILL at evenly spaced moments of a search, then --resume: the final model is, byte for byte, the
# one of a run that nobody disturbed, whenever it was killed, also twice; and what was tried before is
# not tried again.
#     resumes.sh MERLON KILL_AT DATA MOMENTS [WORDS...]
# WORDS are more of fit's. MERLON_RESUMES in the environment overrides MOMENTS.
set -eu
LC_ALL=C
export LC_ALL

merlon=$(realpath "$1")
kill_at=$(realpath "$2")
data=$(realpath "$3")
moments=${MERLON_RESUMES:-$4}
shift 4
words=$*
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
XDG_CONFIG_HOME=$work/config
XDG_STATE_HOME=$work/state
TMPDIR=$work/scratch
export XDG_CONFIG_HOME XDG_STATE_HOME TMPDIR
mkdir "$work/scratch"
cd "$work"
failures=0
resumed=0
known=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# fit WORDS...: by work units, in two workers
fit() {
    "$@" fit "$data/breast_cancer/train.csv" --target diagnosis --out out/m.safetensors --seed 7 \
        --units 200000 --threads 2 --workers 2 --quiet --force $words $more
}

mkdir out
more=--no-journal
fit "$merlon"
cp out/m.safetensors reference
more=
code=0
fit "$kill_at" 0 "$merlon" > total 2>&1 || code=$?
[ "$code" -eq 1 ] || {
    cat total
    [ "$code" -ne 69 ] || { echo "skipped: no tracing here"; exit 77; }
    echo "fit does not even work without a kill"
    exit 1
}
cmp -s out/m.safetensors reference || fail "a journal changes the model"
total=$(sed -n 's/^kill_at: \([0-9]*\) .*/\1/p' total)

i=1
while [ "$i" -le "$moments" ]; do
    rm -rf out state
    mkdir out
    moment=$((total * i / moments))
    [ "$moment" -gt 0 ] || moment=1
    code=0
    more=
    fit "$kill_at" "$moment" "$merlon" > told 2>&1 || code=$?
    [ "$code" -ne 2 ] || fail "at $moment: a process is left behind"
    # Every third is killed once more, while it goes on.
    if [ $((i % 3)) -eq 0 ]; then
        more=--resume
        fit "$kill_at" $((moment / 2 + 1)) "$merlon" > told 2>&1 || true
    fi
    before=$("$merlon" runs list 2> /dev/null | sed -n 's/.*  stopped  *\([0-9]*\) trials.*/\1/p' | tail -n 1)
    more="--resume --json"
    fit "$merlon" > told 2>&1 || fail "at $moment: --resume fails: $(cat told)"
    cmp -s out/m.safetensors reference || fail "at $moment: --resume gives other bytes"
    "$merlon" verify out/m.safetensors --quiet > verified 2>&1 || fail "at $moment: $(cat verified)"
    if grep -q '"resumed": true' told; then
        resumed=$((resumed + 1))
        known=$((known + ${before:-0}))
        run=$(sed -n 's/.*"run": "\(.*\)".*/\1/p' told)
        [ ! -e "state/merlon/runs/$run.lock" ] || fail "at $moment: a lock is left"
    fi
    i=$((i + 1))
done
echo "$moments moments of $total, $resumed resumed, $known trials were known"
[ "$resumed" -gt 0 ] || fail "no run was gone on with"
if [ "$failures" -gt 0 ]; then
    echo "$failures failure(s)"
    exit 1
fi
echo "all holds"
