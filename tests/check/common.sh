# Shared by the checkers. Each is a POSIX shell script that takes the root of a source tree as its
# first argument, prints one line per finding, `FILE:LINE: what is wrong`, and ends with 0 when there
# is none, 1 when there is one, 77 when the machine lacks what the check needs.
set -eu
LC_ALL=C
export LC_ALL

here=$(cd "$(dirname "$0")" && pwd)
root=${1:?usage: $0 SOURCE_TREE}
cd "$root"
root=$(pwd)
shift

findings=$(mktemp)
trap 'rm -f "$findings"' EXIT

# The C files below the named folders, sorted; a folder that does not exist holds none.
c_files() {
    for folder in "$@"; do
        if [ -d "$folder" ]; then
            find "$folder" -name '*.[ch]' -type f
        fi
    done | sort
}

# Notes each line of standard input as a finding.
note() {
    cat >> "$findings"
}

# What this awk program prints are findings, and so is a program that does not run to its end.
note_awk() {
    awk "$@" >> "$findings" || echo "$0:1: its awk program failed" >> "$findings"
}

# Prints what was found and ends the script; $1 is what was looked at.
finish() {
    if [ -s "$findings" ]; then
        cat "$findings"
        echo "$(wc -l < "$findings") finding(s): $1"
        exit 1
    fi
    echo "nothing found: $1"
}
