#!/bin/sh
# data/: each folder has a row with source and licence in data/README.md, and all of it stays small.
. "$(dirname "$0")/common.sh"

for folder in data/*/; do
    name=$(basename "$folder")
    awk -F'|' -v name="\`$name\`" '{
        cell = $2
        gsub(/ /, "", cell)
        if (cell == name && $6 ~ /[A-Za-z]/ && $7 ~ /(CC BY|BSD|Apache|CC0|Public domain)/)
            found = 1
    } END { exit !found }' data/README.md ||
        echo "$folder:1: no row with source and licence in data/README.md" | note
done

bytes=$(find data -type f -exec cat {} + | wc -c)
[ "$bytes" -le 1000000 ] || echo "data:1: $bytes bytes; at most a megabyte belongs here" | note

finish "sources and licences of data/"
