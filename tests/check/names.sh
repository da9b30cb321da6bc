#!/bin/sh
# File names: snake_case, and unique in src/ so that a name alone finds the file. Nothing lies about
# unused: each source is in its room's CMakeLists.txt, each test and fuzz target is registered, each
# fuzz target has a corpus.
. "$(dirname "$0")/common.sh"

c_files src include tests fuzz bench examples | awk '{
    name = $0
    sub(/.*\//, "", name)
    if (name !~ /^[a-z][a-z0-9_]*\.[ch]$/)
        print $0 ":1: the name is not snake_case"
}' | note

c_files src | awk '{
    name = $0
    sub(/.*\//, "", name)
    if (name in seen)
        print $0 ":1: the same name as " seen[name]
    seen[name] = $0
}' | note

# $1 file, $2 list, $3 pattern that must be in the list
registered() {
    grep -Eq "$3" "$2" 2> "/dev/null" || echo "$1:1: not registered in $2"
}

for file in $(c_files src | grep '\.c$' || true); do
    registered "$file" "$(dirname "$file")/CMakeLists.txt" "(^|[ (])$(basename "$file")([ )]|\$)" | note
done
for file in $(c_files tests | grep '/test_[a-z0-9_]*\.c$' || true); do
    folder=$(dirname "$file")
    name=$(basename "$file" .c)
    registered "$file" "$folder/CMakeLists.txt" \
        "mer_test\($(basename "$folder") ${name#test_}[ )]|(^|[ (])$name\.c([ )]|\$)" | note
done
for file in $(c_files fuzz | grep '/fuzz_[a-z0-9_]*\.c$' || true); do
    name=$(basename "$file" .c)
    name=${name#fuzz_}
    registered "$file" fuzz/CMakeLists.txt "mer_fuzz\($name[ )]" | note
    [ -n "$(ls "fuzz/corpus/$name" 2> "/dev/null")" ] || echo "$file:1: no corpus fuzz/corpus/$name" | note
done

finish "file names and registrations"
