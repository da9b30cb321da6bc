#!/bin/sh
# Sealed files: made, opened, exchanged with the program age, refused when anything about them is not
# as it was; models used without being opened; keys destroyed.
. "$(dirname "$0")/lib.sh"

train=$tree/data/breast_cancer/train.csv
test=$tree/data/breast_cancer/test.csv


# Keys
expect 0 keys new --for seal --no-passphrase
recipient=$(cat out)
case $recipient in
age1*) ;;
*) fail "keys new --for seal printed '$recipient'" ;;
esac
identity=$XDG_CONFIG_HOME/merlon/seal/default.identity
[ "$(stat -c %a "$identity")" = 600 ] || fail "the identity has mode $(stat -c %a "$identity")"
grep -q '^AGE-SECRET-KEY-1' "$identity" || fail "the identity is not age's"
lacks out AGE-SECRET
expect_error 73 "there is a key for sealing named 'default'" keys new --for seal --no-passphrase
expect 0 keys list
has out "$recipient"
lacks out AGE-SECRET
expect 0 keys list --json
has out '"seal_keys"'
expect 0 keys show default
has out "$recipient"
expect 0 keys new --for seal other --no-passphrase --quiet
other=$(cat out)

# A file that nobody signs
seq 20000 > plain
expect 0 seal plain --recipient "$recipient" --out plain.age
has out "not signed"
[ ! -e plain.age.sig ] || fail "a signature without a key"
expect_error 77 "has no signature" open plain.age --identity default --out opened
[ ! -e opened ] || fail "an unsigned file was opened"
expect 0 open plain.age --identity default --unsigned --out opened
cmp -s plain opened || fail "what was opened is not what was sealed"
[ "$(stat -c %a opened)" = 600 ] || fail "what was opened has mode $(stat -c %a opened)"
expect_error 73 "exists already" open plain.age --identity default --unsigned --out opened
expect 0 open plain.age --identity "$identity" --unsigned --out opened --force
expect_error 77 "none of the keys" open plain.age --identity other --unsigned --out no
expect_error 77 "none was given" open plain.age --unsigned --out no
expect_error 73 "plain.age" seal plain --recipient "$recipient" --out plain.age
expect 0 seal plain --recipient default --recipient "$other" --out both.age --armor
head -n 1 both.age | grep -q 'BEGIN AGE ENCRYPTED FILE' || fail "no armor"
for name in default other; do
    expect 0 open both.age --identity $name --unsigned --out opened --force
    cmp -s plain opened || fail "$name opened something else"
done
printf '# people\n%s\n\n%s\n' "$recipient" "$other" > people
expect 0 seal - --recipient people --out empty.age
expect 0 open empty.age --identity other --unsigned --out empty
[ -f empty ] && [ ! -s empty ] || fail "an empty file is not empty"
expect_error 64 "recipients or with a passphrase" seal plain --out x.age
expect_error 64 "recipients or with a passphrase" seal plain --recipient default --passphrase --out x.age
expect_error 66 "neither a recipient" seal plain --recipient nobody --out x.age
expect_error 65 "post-quantum" seal plain --recipient age1pq1qqqq --out x.age
expect_error 65 "secret" seal plain --recipient AGE-SECRET-KEY-1QQQQQQQQQQQ --out x.age
lacks err QQQQQ
expect_error 65 "is not a sealed file" open plain --identity default --unsigned --out no
expect_error 64 "plain" seal plain --recipient default --out plain --force
cmp -s plain opened || fail "seal changed its input"

# The program age reads ours and we read its.
if command -v age > /dev/null && command -v age-keygen > /dev/null; then
    age -d -i "$identity" plain.age | cmp -s - plain || fail "age does not open ours"
    age -d -i "$identity" both.age | cmp -s - plain || fail "age does not open our armor"
    age-keygen -o age.key 2> /dev/null
    theirs=$(age-keygen -y age.key)
    [ "$(age-keygen -y "$identity")" = "$recipient" ] || fail "age-keygen has another recipient"
    for bytes in 0 1 65535 65536 65537 200000; do
        head -c "$bytes" plain > part
        age -r "$recipient" -r "$theirs" -o part.age part
        expect 0 open part.age --identity default --unsigned --out opened --force
        cmp -s part opened || fail "age's $bytes bytes came out as others"
        age -a -r "$recipient" -o part.age part
        expect 0 open part.age --identity default --unsigned --out opened --force
        cmp -s part opened || fail "age's $bytes armored bytes came out as others"
        expect 0 seal part --recipient "$theirs" --out ours.age --force
        age -d -i age.key ours.age | cmp -s - part || fail "age read other $bytes bytes"
    done
    expect 0 open part.age --identity age.key --identity default --unsigned --out opened --force
    chmod 644 age.key
    expect_error 77 "others can reach" open part.age --identity age.key --unsigned --out no
else
    echo "age is not here: its part is skipped"
fi

# Passphrases, which are never arguments
printf 'correct horse\n' > words
chmod 600 words
expect 0 seal plain --passphrase-file words --out words.age
expect 0 open words.age --passphrase-file words --unsigned --out opened --force
cmp -s plain opened || fail "the passphrase opened something else"
code=0
"$merlon" open words.age --passphrase-fd 3 --unsigned --out opened --force 3< words > out 2> err ||
    code=$?
[ "$code" -eq 0 ] || fail "a passphrase on a descriptor: exit code $code"
printf 'correct horsf\n' > wrong
chmod 600 wrong
expect_error 77 "that passphrase" open words.age --passphrase-file wrong --unsigned --out no
chmod 644 words
expect_error 77 "others can reach" open words.age --passphrase-file words --unsigned --out no
expect_error 64 "--passphrase takes no value" seal plain --passphrase=word --out no
code=0
"$merlon" keys new guarded --for seal --passphrase-fd 3 3< wrong > out 2> err || code=$?
[ "$code" -eq 0 ] || fail "a key with a passphrase: exit code $code"
grep -q 'BEGIN AGE ENCRYPTED' "$XDG_CONFIG_HOME/merlon/seal/guarded.identity" ||
    fail "an identity with a passphrase lies open"
expect 0 seal plain --recipient guarded --out guarded.age
expect 0 open guarded.age --identity guarded --passphrase-file wrong --unsigned --out opened --force
expect_error 77 "none was given" open guarded.age --identity guarded --unsigned --out no

# Changed, cut, and what is left of it: nothing
for at in 5 150 220 1000 70000; do
    cp plain.age changed.age
    printf 'X' | dd of=changed.age bs=1 seek=$at conv=notrunc 2> /dev/null
    run open changed.age --identity default --unsigned --out no
    [ "$code" -eq 77 ] || [ "$code" -eq 65 ] || fail "byte $at changed: exit code $code"
    head -c $at plain.age > cut.age
    run open cut.age --identity default --unsigned --out no
    [ "$code" -eq 77 ] || [ "$code" -eq 65 ] || fail "cut at $at: exit code $code"
done
nothing_left no "a refused file"

# Signed
expect 0 keys new default --no-passphrase
expect 0 seal plain --recipient default --out signed.age
has out "signed by the key 'default'"
expect 0 verify signed.age
expect 0 open signed.age --identity default --out opened --force
has out "as 'default' signed it"
printf 'X' | dd of=signed.age bs=1 seek=70000 conv=notrunc 2> /dev/null
expect_error 77 "not what was signed" open signed.age --identity default --out no
# The signature is looked at before a key is: a missing identity does not matter yet.
expect_error 77 "not what was signed" open signed.age --identity /nowhere --out no
expect_error 77 "changed or cut" open signed.age --identity default --unsigned --out no
nothing_left no "a refused signed file"
expect 0 seal plain --recipient default --no-sign --out signed.age --force
expect_error 77 "signed" open signed.age --identity default --out no
# A file that was signed is sealed as it was signed, or not.
cp plain kept
expect 0 sign kept
echo more >> kept
expect_error 77 "not what was signed" seal kept --recipient default --out no
nothing_left no "a changed original"

# Models
expect 0 fit "$train" --target diagnosis --budget $((300 * times))ms --model tree --out model.safetensors --quiet
expect 0 predict model.safetensors "$test" --out plain.csv
expect 0 seal model.safetensors --recipient default --out model.age
mkdir away
mv model.safetensors* away
expect 0 predict model.age "$test" --identity default --out sealed.csv
cmp -s plain.csv sealed.csv || fail "a sealed model predicts otherwise"
expect 0 score model.age "$test" --identity default
has out "signed by 'default'"
expect 0 inspect model.age --identity "$identity"
expect 0 leaderboard model.age --identity default
expect_error 65 "is a sealed model" predict model.age "$test" --out no
has err "--identity"
expect_error 77 "none of the keys" predict model.age "$test" --identity other --out no
mv model.age.sig away
expect_error 77 "has no signature" predict model.age "$test" --identity default --out no
expect 0 predict model.age "$test" --identity default --unsigned --out sealed.csv --force
cmp -s plain.csv sealed.csv || fail "an unsigned sealed model predicts otherwise"
expect 0 seal "$test" --recipient default --out table.age
expect_error 65 "'table.age'" predict table.age "$test" --identity default --out no

# Deletion
expect_error 64 "--yes" keys destroy other
expect 0 keys destroy other --yes
[ ! -e "$XDG_CONFIG_HOME/merlon/seal/other.identity" ] || fail "a destroyed identity is there"
expect_error 77 "was destroyed" open both.age --identity other --unsigned --out no
expect_error 77 "was destroyed" seal plain --recipient other --out no
expect_error 73 "which was destroyed" keys new other --for seal --no-passphrase
expect 0 keys list
has out destroyed
expect_error 66 "'nobody'" keys destroy nobody --yes
expect 0 open both.age --identity default --unsigned --out opened --force
ln "$identity" second
expect_error 77 "another name" keys destroy default --yes
rm second

finish
