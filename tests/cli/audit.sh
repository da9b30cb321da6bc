#!/bin/sh
# audit: exit codes, folders, standard input, names that lie, links that are not followed, Merlon's own
# models, and what is shown.
. "$(dirname "$0")/lib.sh"

files=$tree/tests/audit

expect 0 audit "$files/clean/pickle/plain_4.pkl"
has out "clean"
expect 1 audit "$files/hostile/pickle/reduce_2.pkl"
has out "'posix.system' with 'echo'"
has out "pickle.load executes"
printf 'GGUF\003\000\000\000' > model.gguf
expect 2 audit model.gguf
has out "could not tell"
printf 'gibberish of no format' > unknown.bin
expect 2 audit unknown.bin
: > empty
expect 0 audit empty

expect_error 66 "nowhere.pkl" audit nowhere.pkl
expect_error 64 "PATH" audit
run audit - < "$files/hostile/pickle/reduce_2.pkl"
code=0
"$merlon" audit - < "$files/hostile/pickle/inst.pkl" > out 2> err || code=$?
[ "$code" -eq 1 ] || fail "standard input: exit code $code, not 1"

# A name is not believed.
cp "$files/hostile/pickle/reduce_2.pkl" weights.safetensors
expect 1 audit weights.safetensors
has out "wrong-name"
has out "system"
cp "$files/clean/safetensors/two.safetensors" data.pkl
expect 1 audit data.pkl
has out "wrong-name"

# A folder: the worst wins, links are not followed, folders in it are.
mkdir -p folder/inner
cp "$files/clean/pickle/plain_4.pkl" "$files/clean/safetensors/two.safetensors" folder
ln -s "$files/hostile/pickle/reduce_2.pkl" folder/link.pkl
ln -s / folder/root
expect 0 audit folder
has out "link"
mkfifo folder/pipe
expect 2 audit folder
rm folder/pipe
mkdir nothing
expect 0 audit nothing
has out "There is no file in 'nothing'"
cp model.gguf folder/inner
expect 2 audit folder
cp "$files/hostile/pickle/inst.pkl" folder/inner
expect 1 audit folder
expect 1 audit folder --json
grep -q '"result": *"found"' out || fail "--json: no result"
python3 -c 'import json, sys
d = json.load(open("out"))
assert d["exit_code"] == 1 and d["n_files"] == 6, d
kinds = {f["kind"] for file in d["files"] for f in file["findings"]}
assert {"pickle-call", "format-not-read", "link", "contents"} <= kinds, kinds
assert all(len(file["digest"]) in (0, 64) for file in d["files"])' || fail "--json: not as documented"

# Merlon's own models: what they hold, and whether they are.
make_table > table.csv
expect 0 fit table.csv --target class --out good.safetensors --trials 2 --seed 1
expect 0 audit good.safetensors
has out "merlon-model"
has out "'class'"
head -c 3000 good.safetensors > cut.safetensors
expect 1 audit cut.safetensors

# Nothing that a file holds reaches a terminal as it stands.
printf '\200\004\214\007os\033[2Jm\214\006system\223.' > escape.pkl
expect 1 audit escape.pkl
if grep -q "$(printf '\033')" out; then fail "an escape sequence is printed"; fi

# A large file is not copied: it is mapped, and a hole costs nothing.
truncate -s 200M large.bin
expect 2 audit large.bin

finish
