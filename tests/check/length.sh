#!/bin/sh
# A function fits a screen or two, a file has one subject. There is no list of exceptions.
. "$(dirname "$0")/common.sh"

for file in $(c_files src include tests fuzz bench examples); do
    note_awk '
    /^[A-Za-z].*\(/ { title = $0 }
    /^\{/ { start = FNR }
    /^\}/ && start {
        lines = FNR - start + 1
        if (lines > 100)
            print FILENAME ":" start ": " lines " lines; a function has at most 100: " title
        start = 0
    }
    END {
        if (FNR > 1000)
            print FILENAME ":1: " FNR " lines; a file has at most 1000"
    }' "$file"
done

finish "lengths of functions and files"
