#!/bin/sh
# Start-up times, process included: `merlon --version`, `merlon predict` of one row, and verify + load of a 10 MB model.
#
#   bench/startup/run.sh BUILD_FOLDER
#
# Limits: 5 ms, 20 ms, 20 ms. Medians of 101 runs; the environment is cleaned.
set -eu
build=${1:?usage: run.sh BUILD_FOLDER}
merlon=$build/merlon
source=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
clean() {
    env -i PATH=/usr/bin:/bin HOME="$work" XDG_CONFIG_HOME="$work/config" XDG_STATE_HOME="$work/state" "$@"
}
clean "$merlon" fit "$source/data/breast_cancer/train.csv" --target diagnosis --out "$work/m.safetensors" \
    --seed 1 --budget 5s --quiet
head -2 "$source/data/breast_cancer/test.csv" > "$work/one.csv"
clean "$build/bench/startup/bench_run" 101 "$merlon" --version
clean "$build/bench/startup/bench_run" 101 "$merlon" predict --quiet "$work/m.safetensors" "$work/one.csv"
mkdir -p "$work/keys"
clean "$build/bench/startup/bench_load" "$work/keys" "$build/merlon-cell"
