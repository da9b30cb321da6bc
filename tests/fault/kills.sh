#!/bin/sh
# SIGKILL at evenly spaced moments over fit, predict, predict --unsigned, seal and open, output new and
# existing: nothing is left but at most one name of the known pattern, which the next run sweeps; no
# process stays; an output is the old or the new one, and what is signed verifies.
#     kills.sh MERLON KILL_AT DATA MOMENTS [named]
# MOMENTS for each of the ten; MERLON_KILLS in the environment overrides it (100 make 1,000). `named`:
# as on a file system without O_TMPFILE, where an output has a name while it is written: fit, seal and
# open, and a name for each of their outputs may be left.
set -eu
LC_ALL=C
export LC_ALL

merlon=$(realpath "$1")
kill_at=$(realpath "$2")
data=$(realpath "$3")
moments=${MERLON_KILLS:-$4}
names_max=1
if [ "${5:-}" = named ]; then
    KILL_AT_NO_TMPFILE=1
    export KILL_AT_NO_TMPFILE
    names_max=3
fi
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

seal() {
    set -- seal "$data/iris/test.csv" --recipient keep --out out/s.age --quiet "$@"
    "$launcher" $moment "$merlon" "$@"
}
unseal() {
    set -- open old/known.age --identity keep --out out/o.csv --quiet "$@"
    "$launcher" $moment "$merlon" "$@"
}

# Without kill_at: plainly.
printf '#!/bin/sh\nexec "$@"\n' > plain
chmod +x plain

# The key, an old model with its signature and record, old predictions, and what the steps give.
"$merlon" fit "$data/iris/train.csv" --target species --out old/m.safetensors --seed 8 --trials 1 --quiet
printf 'old\n' > old/p.csv
printf 'old\n' > old/o.csv
"$merlon" keys new --for seal keep --quiet > /dev/null
"$merlon" seal old/p.csv --recipient keep --out old/s.age --quiet
"$merlon" seal "$data/iris/test.csv" --recipient keep --out old/known.age --quiet
cp old/m.safetensors old/u.safetensors
launcher=./plain moment=
mkdir out
fit && predict
mv out known
cp "$data/iris/test.csv" known/o.csv

# is_new STEP FILE: what the step gives. No two sealed files are the same: what is in it counts.
is_new() {
    if [ "$1" = seal ]; then
        rm -f opened
        "$merlon" open "out/$2" --identity keep --out opened --quiet > told.open 2>&1 &&
            cmp -s opened "$data/iris/test.csv"
    else
        cmp -s "out/$2" "known/$2"
    fi
}

# check STEP REPLACED MOMENT
check() {
    left=$(ls out | grep -Ev '^(m\.safetensors(\.sig|\.provenance\.json)?|s\.age(\.sig)?|[op]\.csv)$' || true)
    unknown=$(echo "$left" | grep -Ev '^$|\.merlon-new$' || true)
    [ -z "$unknown" ] || fail "$1 at $3 leaves: $unknown"
    [ "$(echo "$left" | grep -c .)" -le $names_max ] || fail "$1 at $3 leaves more than $names_max: $left"
    [ -z "$(ls scratch)" ] || fail "$1 at $3 leaves in the scratch folder: $(ls scratch)"
    case $1 in
    fit) file=m.safetensors ;;
    seal) file=s.age ;;
    unseal) file=o.csv ;;
    *) file=p.csv ;;
    esac
    if [ -e "out/$file" ]; then
        { [ -n "$2" ] && cmp -s "out/$file" "old/$file"; } || is_new "$1" "$file" ||
            fail "$1 at $3 leaves a broken $file"
        case $1 in
        fit | seal) "$merlon" verify "out/$file" > verified 2>&1 || fail "$1 at $3: $(cat verified)" ;;
        esac
        # With its record, wherever that waits: every model has one, and it is the right one.
        if [ "$1" = fit ]; then
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
    [ -z "$1" ] || cp old/m* old/p.csv old/o.csv old/s.age old/s.age.sig out/
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
step seal ""
step seal --force
step unseal ""
step unseal --force
if [ "$names_max" -eq 1 ]; then
    step predict ""
    step predict --force
    step predict_unsigned ""
    step predict_unsigned --force
fi
sort phases | uniq -c
if [ "$failures" -gt 0 ]; then
    echo "$failures failure(s)"
    exit 1
fi
echo "all holds"
