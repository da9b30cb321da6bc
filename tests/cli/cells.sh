#!/bin/sh
# Where the program that parses comes from, and what happens without it, or with less around it than
# was asked for.
. "$(dirname "$0")/lib.sh"
make_table > table.csv

expect 0 doctor --json
has out '"cell": {'
has out '"works": true'
if grep -q '"full": true' out; then
    expect 0 schema infer table.csv --require-cell full
    expect 0 doctor --require-cell full
else
    expect_error 69 "full cell" schema infer table.csv --require-cell full
    expect_error 69 "full cell" doctor --require-cell full
fi
expect_error 64 "require-cell" schema infer table.csv --require-cell half

# A copy of merlon alone. Neither PATH nor the environment nor the working folder has a say.
mkdir alone elsewhere
cp "$merlon" alone/merlon
cp "$(dirname "$merlon")/merlon-cell" elsewhere/merlon-cell
cp elsewhere/merlon-cell merlon-cell
merlon=$work/alone/merlon
PATH=$work/elsewhere:$PATH
export PATH
code=0
run schema infer table.csv
[ "$code" -ne 0 ] || skip "Merlon is installed on this machine, and found"
expect_error 69 "merlon-cell is missing" schema infer table.csv
expect_error 69 "merlon-cell is missing" fit table.csv --target class --out m.safetensors
nothing_left m.safetensors "a fit without merlon-cell"
expect 0 doctor
has out "merlon-cell is missing"

# Beside it, it is found; where others could have put it, it is not run.
cp elsewhere/merlon-cell alone/merlon-cell
chmod 755 alone/merlon-cell
expect 0 schema infer table.csv
chmod 757 alone/merlon-cell
expect_error 77 "can be changed" schema infer table.csv

# One that is something else is no cell.
chmod 755 alone/merlon-cell
cp /bin/true alone/merlon-cell
expect_error 65 "without an answer" schema infer table.csv
finish
