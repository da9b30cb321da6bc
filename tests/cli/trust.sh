#!/bin/sh
# Nothing that is not as a trusted key signed it is used: every kind of tampering ends with 77.
. "$(dirname "$0")/lib.sh"

make_table > table.csv
expect 0 fit table.csv --target class --out good.safetensors --trials 3 --seed 1

# used FILE: every command that reads a model refuses this one.
refused_everywhere() {
    expect_error 77 "$1" predict bad.safetensors table.csv
    expect_error 77 "$1" score bad.safetensors table.csv
    expect_error 77 "$1" inspect bad.safetensors
    expect_error 77 "$1" leaderboard bad.safetensors
    expect_error 77 "$1" verify bad.safetensors
    has err "  "
}
fresh() {
    rm -f bad.safetensors*
    cp good.safetensors bad.safetensors
    cp good.safetensors.sig bad.safetensors.sig
}
# Changes one byte at an offset.
flip() {
    old=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    # shellcheck disable=SC2059 # the format is the byte
    printf "$(printf '\\%03o' $((old ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2> dd.log
}

fresh
expect 0 predict bad.safetensors table.csv
size=$(stat -c %s good.safetensors)
for offset in 0 8 100 $((size / 2)) $((size - 1)); do
    fresh
    flip bad.safetensors "$offset"
    refused_everywhere "bad.safetensors"
done
fresh
head -c $((size - 1)) good.safetensors > bad.safetensors
refused_everywhere "bad.safetensors"
fresh
printf x >> bad.safetensors
refused_everywhere "bad.safetensors"
for offset in 10 200 400 600; do
    fresh
    flip bad.safetensors.sig "$offset"
    run predict bad.safetensors table.csv
    [ "$code" -eq 77 ] || fail "a signature with byte $offset changed: exit code $code, not 77"
done
fresh
: > bad.safetensors.sig
refused_everywhere "bad.safetensors"
fresh
rm bad.safetensors.sig
refused_everywhere "bad.safetensors"

# Another model's signature.
expect 0 fit table.csv --target value --out other.safetensors --trials 2 --seed 1
fresh
cp other.safetensors.sig bad.safetensors.sig
refused_everywhere "bad.safetensors"

# Another signer: refused until trusted, refused for good once revoked.
XDG_CONFIG_HOME=$work/alice
expect 0 keys new alice --no-passphrase
expect 0 keys show alice
cp out alice.pub
expect 0 fit table.csv --target class --out alice.safetensors --trials 2 --key alice
XDG_CONFIG_HOME=$work/config
expect_error 77 "alice.safetensors" predict alice.safetensors table.csv
has err "merlon keys trust"
expect 0 predict alice.safetensors table.csv --key alice.pub
expect_error 77 "" predict good.safetensors table.csv --key alice.pub
expect 0 keys trust alice alice.pub
expect 0 predict alice.safetensors table.csv
expect 0 verify alice.safetensors
has out "'alice'"
expect_error 73 "alice" keys trust alice alice.pub
expect 0 keys revoke alice
expect_error 77 "" predict alice.safetensors table.csv
expect_error 77 "" keys trust again alice.pub
expect 0 keys list
has out revoked

# Keys: names, permissions, absence.
expect_error 66 "nobody" keys show nobody
expect_error 66 "nobody" fit table.csv --target class --out n.safetensors --key nobody
expect_error 73 "default" keys new default --no-passphrase
expect_error 64 "" keys new ../escape --no-passphrase
expect_error 66 "absent.pem" predict good.safetensors table.csv --key absent.pem
expect_error 65 "table.csv" keys trust someone table.csv
chmod 644 config/merlon/keys/default.key
expect_error 77 "default" sign table.csv
expect_error 77 "default" fit table.csv --target class --out n.safetensors --trials 2
chmod 600 config/merlon/keys/default.key
expect 0 doctor
has out "in order"

# A passphrase through a descriptor.
code=0
"$merlon" keys new locked --passphrase-fd 3 > out 2> err 3<<'PASS' || code=$?
correct horse
PASS
[ "$code" -eq 0 ] || fail "keys new --passphrase-fd: exit code $code"
has config/merlon/keys/locked.key ENCRYPTED
code=0
"$merlon" sign table.csv --key locked --passphrase-fd 3 > out 2> err 3<<'PASS' || code=$?
correct horse
PASS
[ "$code" -eq 0 ] || fail "sign --passphrase-fd: exit code $code"
code=0
"$merlon" sign table.csv --key locked --passphrase-fd 3 --force > out 2> err 3<<'PASS' || code=$?
wrong horse
PASS
[ "$code" -eq 77 ] || fail "sign with a wrong passphrase: exit code $code, not 77"
lacks err horse
# No terminal to ask on, if there is a way to be without one.
if command -v setsid > nowhere 2>&1; then
    code=0
    setsid -w "$merlon" sign table.csv --key locked --force > out 2> err < /dev/null || code=$?
    [ "$code" -eq 77 ] || fail "sign without a passphrase: exit code $code, not 77"
fi
rm table.csv.sig

# Signed data: verified where signed, required on request, recorded.
expect_error 77 "not signed" fit table.csv --target class --out s.safetensors --require-signed-data
code=0
"$merlon" fit - --target class --out s.safetensors --require-signed-data > out 2> err < table.csv || code=$?
[ "$code" -eq 77 ] || fail "signed data from standard input: exit code $code, not 77"
expect 0 sign table.csv
expect 0 fit table.csv --target class --out s.safetensors --require-signed-data --trials 2 --json
has out '"signer"'
statement s.safetensors > record.json
has record.json '"signer"'
has record.json "$(sha256sum < table.csv | cut -d' ' -f1)"
expect_error 73 "table.csv.sig" sign table.csv
echo "1,red,2024-01-01,true,a,1" >> table.csv
expect_error 77 "table.csv" fit table.csv --target class --out t.safetensors
[ ! -e t.safetensors ] || fail "a model was written from tampered data"

# Folders.
mkdir -p folder/inner
cp good.safetensors folder/inner/
echo text > folder/readme
expect 0 sign folder
expect 0 verify folder
has out "files   2"
echo more > folder/extra
expect_error 77 "extra" verify folder
expect_error 77 "extra" verify folder --ignore other
expect 0 verify folder --ignore other --ignore extra
rm folder/extra
echo changed > folder/readme
expect_error 77 "readme" verify folder
expect_error 66 "nothing" verify nothing

finish
