#!/bin/sh
# Every preset of CMakePresets.json configures.
. "$(dirname "$0")/common.sh"

work=$(mktemp -d)
trap 'rm -rf "$findings" "$work"' EXIT

for preset in $(cmake --list-presets | sed -n 's/^ *"\([a-z]*\)".*/\1/p'); do
    if ! command -v clang > "/dev/null" && { [ "$preset" = clang ] || [ "$preset" = fuzz ]; }; then
        echo "no clang: the preset $preset was not tried"
        continue
    fi
    if ! command -v valgrind > "/dev/null" && [ "$preset" = valgrind ]; then
        echo "no valgrind: the preset $preset was not tried"
        continue
    fi
    if ! cmake --preset "$preset" -B "$work/$preset" > "$work/output" 2>&1; then
        cat "$work/output"
        echo "CMakePresets.json:1: the preset $preset does not configure" | note
    fi
done

finish "presets"
