#!/bin/sh
# Arrows between rooms: an #include "room/file.h" or a DEPENDS in a room's CMakeLists.txt must be an
# arrow of the table of rooms in ARCHITECTURE.md, whose rows read
#     | `src/ROOM/` | what it is | ROOMS THAT IT MAY USE |
# The headers of the public C API count as a room, `merlon`.
. "$(dirname "$0")/common.sh"

table=$(mktemp)
uses=$(mktemp)
trap 'rm -f "$findings" "$table" "$uses"' EXIT

awk -F'|' '$2 ~ /^ *`src\/[a-z]+\/` *$/ {
    room = $2
    gsub(/[ `]|src|\//, "", room)
    arrows = $4
    gsub(/[`,]/, " ", arrows)
    print room, arrows
}' ARCHITECTURE.md > "$table"
[ -s "$table" ] || echo "ARCHITECTURE.md:1: no table of rooms" | note

for folder in src/*/; do
    room=$(basename "$folder")
    grep -q "^$room " "$table" || echo "$folder:1: no row in ARCHITECTURE.md's table" | note
done

# What is used where, as `FILE:LINE:ROOM`: first by #include, then by DEPENDS.
c_files src | xargs grep -Hn '^ *# *include *"' /dev/null |
    sed 's/:[^:]*"\([^"]*\)".*/:\1/; s|:\([a-z_]*\)/[a-z0-9_]*\.[a-z]*$|:\1|' > "$uses"
for list in src/*/CMakeLists.txt; do
    tr '\n()' '  ;' < "$list" | tr ';' '\n' | sed -n 's/.* DEPENDS \(.*\)/\1/p' |
        sed 's/ \(LINKS\|SOURCES\) .*//' | tr -s ' ' '\n' | grep . | sed "s|^|$list:1:|" >> "$uses"
done

note_awk -v table="$table" '
BEGIN {
    FS = ":"
    while ((getline line < table) > 0) {
        n = split(line, word, " ")
        for (i = 1; i <= n; i++)
            allowed[word[1] " " word[i]] = 1
    }
}
{
    split($1, path, "/")
    if (!((path[2] " " $3) in allowed))
        print $1 ":" $2 ": the arrow " path[2] " -> " $3 " does not exist"
}' "$uses"

finish "arrows between rooms"
