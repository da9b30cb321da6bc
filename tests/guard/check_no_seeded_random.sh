#!/bin/sh
# Keys, nonces and salts never come from the seeded generator: no object of guard or os knows a
# symbol of core/rng.h. And the check can see them: core's own objects have some.
#   check_no_seeded_random.sh LIBMER_CORE LIBMER_GUARD LIBMER_OS
set -eu

seeded() {
    nm "$1" | grep -E ' (mer_rng_[a-z0-9_]+|mer_philox[a-z0-9_]*)$' || true
}

[ -n "$(seeded "$1")" ] || { echo "no symbol of the seeded generator in $1: the check is blind"; exit 1; }
shift
for library in "$@"; do
    found=$(seeded "$library")
    [ -z "$found" ] || { echo "$library uses the seeded generator:"; echo "$found"; exit 1; }
done
echo "no seeded random numbers in: $*"
