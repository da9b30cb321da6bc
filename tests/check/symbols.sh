#!/bin/sh
# The symbols of the shared library are exactly those of the reviewed list, each in the version node
# MERLON_0, and exactly those that the public headers declare with MER_API.
#     symbols.sh ROOT LIBRARY
. "$(dirname "$0")/common.sh"
library=${1:?shared library}
list=src/api/libmerlon.symbols

work=$(mktemp -d)
trap 'rm -rf "$findings" "$work"' EXIT

grep -v '^#' "$list" | grep -v '^$' > "$work/listed" || true
sort -u "$work/listed" > "$work/reviewed"
cmp -s "$work/listed" "$work/reviewed" || echo "$list:1: not sorted, or a symbol twice" | note

nm -D --defined-only --with-symbol-versions "$library" |
    awk '$2 != "A" { print $3 }' | sort > "$work/exported_versions"
grep -v '@@MERLON_0$' "$work/exported_versions" |
    sed "s|^|$list:1: exported without the version MERLON_0: |" | note
sed 's/@.*//' "$work/exported_versions" > "$work/exported"
comm -23 "$work/exported" "$work/reviewed" | sed "s|^|$list:1: exported but not listed: |" | note
comm -13 "$work/exported" "$work/reviewed" | sed "s|^|$list:1: listed but not exported: |" | note

cat include/merlon/*.h | awk '!/^ *#/' | tr '\n' ' ' | grep -o 'MER_API [^;{]*' |
    awk 'match($0, /mer_[a-z0-9_]+ *\(/) {
        name = substr($0, RSTART, RLENGTH)
        sub(/ *\($/, "", name)
        print name
    }' | sort -u > "$work/declared"
comm -23 "$work/declared" "$work/reviewed" |
    sed "s|^|$list:1: declared in include/merlon but not listed: |" | note
comm -13 "$work/declared" "$work/reviewed" |
    sed "s|^|$list:1: listed but not declared in include/merlon: |" | note

readelf -d "$library" | grep -q 'Library soname: \[libmerlon\.so\.0\]' ||
    echo "$library:1: its SONAME is not libmerlon.so.0" | note

finish "exported symbols"
