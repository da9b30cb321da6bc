#!/bin/sh
# SIGKILL at evenly spaced moments over fit, predict and predict --unsigned, output new and existing:
# nothing is left but at most one name of the known pattern, which the next run sweeps; no process
# stays; an output is the old or the new one, and a model verifies.
#     kills.sh MERLON KILL_AT DATA MOMENTS
# MOMENTS for each of the six; MERLON_KILLS in the environment overrides it (170 make 1,000).
set -eu
LC_ALL=C
export LC_ALL

merlon=$(realpath "$1")
kill_at=$(realpath "$2")
data=$(realpath "$3")
moments=${MERLON_KILLS:-$4}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
XDG_CONFIG_HOME=$work/config
XDG_STATE_HOME=$work/state
TMPDIR=$work/scratch
export XDG_CONFIG_HOME XDG_STATE_HOME TMPDIR
mkdir "$work/scratch" "$work/old"
cd "$work"
failures=0
: > phases

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# The two commands; what stands behind them replaces an output.
fit() {
    set -- fit "$data/iris/train.csv" --target species --out out/m.safetensors --seed 7 --trials 2 \
        --threads 2 --quiet "$@"
    "$launcher" $moment "$merlon" "$@"
}
predict() {
    set -- predict old/m.safetensors "$data/iris/test.csv" --out out/p.csv --quiet "$@"
    "$launcher" $moment "$merlon" "$@"
}

# A model of a stranger's: in a cell from its first byte.
predict_unsigned() {
    set -- predict old/u.safetensors "$data/iris/test.csv" --out out/p.csv --quiet --unsigned "$@"
    "$launcher" $moment "$merlon" "$@"
}

# Without kill_at: plainly.
printf '#!/bin/sh\nexec "$@"\n' > plain
chmod +x plain

# The key, an old model with its signature and record, old predictions, and what the steps give.
"$merlon" fit "$data/iris/train.csv" --target species --out old/m.safetensors --seed 8 --trials 1 --quiet
printf 'old\n' > old/p.csv
cp old/m.safetensors old/u.safetensors
launcher=./plain moment=
mkdir out
fit && predict
mv out known

# files_of STEP
is_one_of() {
    for candidate in "$2" "$3"; do
        [ -f "$candidate" ] && cmp -s "$1" "$candidate" && return 0
    done
    return 1
}

# check STEP REPLACED MOMENT
check() {
    left=$(ls out | grep -Ev '^(m\.safetensors(\.sig|\.provenance\.json)?|p\.csv)$' || true)
    unknown=$(echo "$left" | grep -Ev '^$|\.merlon-new$' || true)
    [ -z "$unknown" ] || fail "$1 at $3 leaves: $unknown"
    [ "$(echo "$left" | grep -c .)" -le 1 ] || fail "$1 at $3 leaves more than one name: $left"
    [ -z "$(ls scratch)" ] || fail "$1 at $3 leaves in the scratch folder: $(ls scratch)"
    file=m.safetensors
    [ "$1" = fit ] || file=p.csv
    if [ -e "out/$file" ]; then
        old=old/$file
        [ -n "$2" ] || old=none
        is_one_of "out/$file" "$old" "known/$file" || fail "$1 at $3 leaves a broken $file"
        # With its record, wherever that waits: every model has one, and it is the right one.
        if [ "$1" = fit ]; then
            "$merlon" verify "out/$file" > verified 2>&1 || fail "$1 at $3: $(cat verified)"
            grep -q "provenance record is one of this file" verified ||
                fail "$1 at $3 leaves a model without its record"
        fi
    elif [ -n "$2" ]; then
        fail "$1 at $3 takes the old $file away"
    fi
    [ -n "$left" ] || return 0
    launcher=./plain moment= "$1" --force > again 2>&1 || fail "$1 after $3: $(cat again)"
    for name in $left; do
        [ ! -e "out/$name" ] || fail "the next $1 does not sweep $name"
    done
}

# prepare REPLACED
prepare() {
    rm -rf out
    mkdir out
    [ -z "$1" ] || cp old/m* old/p.csv out/
}

# step NAME REPLACED: with --force where an output is replaced.
step() {
    prepare "$2"
    launcher=$kill_at
    moment=0
    code=0
    $1 $2 > total 2>&1 || code=$?
    [ "$code" -eq 1 ] || {
        cat total
        [ "$code" -ne 69 ] || { echo "skipped: no tracing here"; exit 77; }
        fail "$1 does not even work without a kill"
        return
    }
    total=$(sed -n 's/^kill_at: \([0-9]*\) .*/\1/p' total)
    i=1
    while [ "$i" -le "$moments" ]; do
        prepare "$2"
        launcher=$kill_at
        moment=$((total * i / moments))
        [ "$moment" -gt 0 ] || moment=1
        code=0
        at=$moment
        $1 $2 > told 2>&1 || code=$?
        [ "$code" -ne 2 ] || fail "$1 at $at leaves a process behind"
        sed -n "s/^kill_at: [0-9]* /$1 /p" told >> phases
        check "$1" "$2" "$at"
        i=$((i + 1))
    done
}

step fit ""
step fit --force
step predict ""
step predict --force
step predict_unsigned ""
step predict_unsigned --force
sort phases | uniq -c
if [ "$failures" -gt 0 ]; then
    echo "$failures failure(s)"
    exit 1
fi
echo "all holds"
