#!/bin/sh
# ARCHITECTURE.md is the map of the tree: it names every folder, and every folder that it names in
# its map exists. Folders are written as `path/`; those of build output and corpora's contents are
# not part of the tree.
. "$(dirname "$0")/common.sh"

find . -mindepth 1 -type d \( -name .git -o -path ./build -o -path ./merlon-quickstart -o -name __pycache__ \) -prune -o \
    -type d -print | sed 's|^\./||' | sort | while read -r folder; do
    [ -n "$(find "$folder" -type f | head -n 1)" ] || continue
    # One line may stand for a folder of many alike: `data/*/`, `tests/golden/*/`.
    if ! grep -qF "\`$folder/\`" ARCHITECTURE.md &&
        ! grep -qF "\`$(dirname "$folder")/*/\`" ARCHITECTURE.md; then
        echo "$folder/:1: not in ARCHITECTURE.md"
    fi
done | note

grep -on '^| *`[a-z.][a-z_./]*/`' ARCHITECTURE.md | while IFS=: read -r line name; do
    folder=$(echo "$name" | sed 's/^[^`]*`//; s/`.*//')
    [ -d "$folder" ] || echo "ARCHITECTURE.md:$line: there is no folder $folder"
done | note

finish "the map of the folders"
