#!/bin/sh
# A trust policy: who may sign which file, and nothing older than a serial number.
. "$(dirname "$0")/lib.sh"

make_table > table.csv
expect 0 keys new alice
expect 0 keys new bob
expect 0 keys list --json
alice=$(grep -B1 -A3 '"alice"' out | sed -n 's/.*"id": "\(.*\)".*/\1/p')
[ "${#alice}" -eq 64 ] || fail "keys list has no id of alice"
fit() {
    expect 0 fit table.csv --target class --trials 2 --seed 1 --force "$@"
}
fit --out m.safetensors --key alice --serial 7
fit --out other.safetensors --key bob --serial 7
fit --out old.safetensors --key alice

# rule FILES MORE: a policy of one rule that has alice
rule() {
    printf '{"format": 1, "rules": [{"name": "the rule", "files": "%s", %s "signers": [{"key": "%s"}]}]}' \
        "$1" "$2" "$alice"
}
# refused WORDS MODEL OPTIONS...: by every command that reads a model, which says which rule it was
refused() {
    words=$1 model=$2
    shift 2
    expect_error 77 "$words" verify "$model" "$@"
    expect_error 77 "$words" predict "$model" table.csv "$@"
    expect_error 77 "$words" score "$model" table.csv "$@"
    expect_error 77 "$words" inspect "$model" "$@"
    expect_error 77 "$words" leaderboard "$model" "$@"
}

rule '*.safetensors' '"minimum_serial": 7,' > policy.json
expect 0 verify m.safetensors --policy policy.json
has out "serial  7"
expect 0 predict m.safetensors table.csv --policy policy.json
expect 0 inspect m.safetensors --policy policy.json
has out "serial     7"
refused "the rule 'the rule' of the trust policy does not have key" other.safetensors --policy policy.json
refused "without a serial number, and the rule 'the rule'" old.safetensors --policy policy.json
rule 'm.*' '"minimum_serial": 8,' > policy8.json
refused "its serial number is 7, and the rule 'the rule' of the trust policy asks for 8" m.safetensors \
    --policy policy8.json
refused "no rule of the trust policy is for this file" old.safetensors --policy policy8.json
# Signed by the right key, under another name.
rule '*' '"signed_as": "m.*",' > named.json
cp old.safetensors m2.safetensors
cp old.safetensors.sig m2.safetensors.sig
refused "it was signed as 'old.safetensors', which the rule 'the rule'" m2.safetensors --policy named.json

# In the key store it is obeyed unasked, with --key too, unless another is named.
cp policy8.json config/merlon/policy.json
refused "asks for 8" m.safetensors
expect 0 keys show alice
cp out alice.pub
refused "asks for 8" m.safetensors --key alice.pub
expect 0 verify m.safetensors --policy policy.json
expect 0 verify m.safetensors --policy policy.json --key alice.pub
# Tables are files as well.
expect 0 sign table.csv --key alice
expect_error 77 "no rule of the trust policy" fit table.csv --target class --out x.safetensors --trials 1
expect 0 inspect m.safetensors --unsigned

# A policy that cannot be followed trusts nobody.
echo '{"format": 1, "rules": []}' > config/merlon/policy.json
refused "the policy cannot be followed" m.safetensors
chmod 666 config/merlon/policy.json
expect_error 77 "policy.json" verify m.safetensors
rm config/merlon/policy.json
echo '{' > broken.json
refused "broken.json" m.safetensors --policy broken.json
expect_error 66 "nowhere.json" verify m.safetensors --policy nowhere.json
expect_error 64 "exclude each other" inspect m.safetensors --policy policy.json --unsigned
expect_error 64 "serial" sign table.csv --serial 0

# Certificates by a rule's own authority.
command -v openssl > /dev/null || { echo "no openssl: certificates left out"; finish; }
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -subj "/CN=Root" \
    -days 9 -out ca.pem -addext "keyUsage=critical,keyCertSign" 2> openssl.log
openssl req -new -key config/merlon/keys/bob.key -subj "/CN=bob" -out bob.csr
printf 'keyUsage=critical,digitalSignature\nsubjectAltName=email:bob@example.org\n' > extensions
openssl x509 -req -in bob.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -extfile extensions \
    -out bob.pem 2> openssl.log
fit --out c.safetensors --key bob --certificate bob.pem
# who MEMBERS: a policy that has signers with a certificate
who() {
    mkdir -p policies
    cp ca.pem policies/
    printf '{"format":1,"rules":[{"name":"people","files":"c*","signers":[{"key":"%s"},{%s}]}]}' "$alice" "$1" \
        > policies/policy.json
}
who '"ca":"ca.pem","subject":"CN=bob"'
expect 0 verify c.safetensors --policy policies/policy.json
who '"ca":"ca.pem","name":"bob@example.org"'
expect 0 predict c.safetensors table.csv --policy policies/policy.json
who '"name":"bob@example.org"'
expect 0 verify c.safetensors --policy policies/policy.json --ca ca.pem
refused "the rule 'people' of the trust policy: no authority" c.safetensors --policy policies/policy.json
who '"ca":"ca.pem","subject":"CN=carol"'
refused "the rule 'people' of the trust policy: it does not have 'CN=bob' as a signer" c.safetensors \
    --policy policies/policy.json
who '"ca":"ca.pem","subject":"CN=bob","name":"carol@example.org"'
refused "does not have 'CN=bob'" c.safetensors --policy policies/policy.json

finish
