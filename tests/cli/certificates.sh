#!/bin/sh
# Signing with a certificate, verifying against an authority: from keys new to predict.
. "$(dirname "$0")/lib.sh"
command -v openssl > /dev/null || skip "there is no openssl program to play the authority"

# authority NAME SUBJECT: NAME.key and NAME.pem
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout "$1.key" -subj "$2" \
        -days 30 -out "$1.pem" -addext "keyUsage=critical,keyCertSign" 2> openssl.log
}
# certify OUT DAYS EXTENSIONS: the release key's certificate by acme
certify() {
    printf '%b' "$3" > extensions
    openssl x509 -req -in release.csr -CA acme.pem -CAkey acme.key -CAcreateserial -days "$2" \
        -extfile extensions -out "$1" 2> openssl.log
}

make_table > table.csv
expect 0 keys new release
openssl req -new -key config/merlon/keys/release.key -subj "/O=Acme/CN=release" -out release.csr
authority acme "/CN=Acme Root"
authority other "/CN=Other Root"
good='keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n'
certify release.pem 20 "$good"

expect 0 fit table.csv --target class --out m.safetensors --trials 2 --seed 1 --key release \
    --certificate release.pem
for words in "verify m.safetensors" "predict m.safetensors table.csv" "score m.safetensors table.csv" \
    "inspect m.safetensors" "leaderboard m.safetensors"; do
    # shellcheck disable=SC2086 # words
    expect 0 $words --ca acme.pem
    # shellcheck disable=SC2086
    expect_error 77 "no authority is trusted" $words
    # shellcheck disable=SC2086
    expect_error 77 "do not lead to the given authority" $words --ca other.pem
done
expect 0 verify m.safetensors --ca acme.pem
has out "subject 'CN=release,O=Acme'"
expect 0 inspect m.safetensors --ca acme.pem --json
has out '"subject": "CN=release,O=Acme"'
expect_error 64 "exclude each other" verify m.safetensors --ca acme.pem --key acme.pem
expect_error 65 "holds no certificate" verify m.safetensors --ca table.csv
expect_error 66 "nowhere.pem" verify m.safetensors --ca nowhere.pem

# A key that was revoked here is nobody, whoever certifies it.
cp -r config kept
expect 0 keys revoke release
expect_error 77 "which was revoked" verify m.safetensors --ca acme.pem
rm -r config
mv kept config

# What cannot sign does not.
certify tls.pem 20 'keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n'
expect_error 77 "without codeSigning" sign table.csv --key release --certificate tls.pem
finish
