#!/bin/sh
# Fresh workbooks and databases, from openpyxl, pandas and SQLite, with another seed each time, are what
# pandas reads in them. The first argument is the program test_intake_read_back.
set -eu
program=$1
here=$(dirname "$0")
/usr/bin/python3 -c 'import openpyxl, pandas, sqlite3' 2> "/dev/null" || {
    echo "skipped: no Python with openpyxl and pandas"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for seed in $(od -An -N4 -tu2 "/dev/urandom"); do
    echo "seed $seed"
    mkdir "$work/$seed"
    /usr/bin/python3 "$here/make_read_back.py" "$work/$seed" "$seed"
    "$program" "$work/$seed"
done
