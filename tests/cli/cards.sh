#!/bin/sh
# The provenance record and the cards of a model: what they say is true, signed where it can be, and in
# the form that their readers expect.
. "$(dirname "$0")/lib.sh"
data=$tree/data

cp "$data/loans/train.csv" "train|x.csv"
expect 0 schema infer "train|x.csv"
cp out schema.json
expect 0 fit "train|x.csv" --target defaulted --out m.safetensors --trials 2 --seed 4 --serial 3 \
    --schema schema.json
digest=$(sha256sum < m.safetensors | cut -d' ' -f1)
table=$(sha256sum < "train|x.csv" | cut -d' ' -f1)
schema=$(sha256sum < schema.json | cut -d' ' -f1)

# The record.
expect 0 verify m.safetensors
has out "provenance record is one of this file"
expect 0 verify m.safetensors --json
has out '"provenance": true'
expect 0 inspect m.safetensors --format provenance
for words in "\"sha256\":\"$digest\"" "\"sha256\":\"$table\"" "\"sha256\":\"$schema\"" '"merlon.serial":3' \
    '"predicateType":"https://slsa.dev/provenance/v1"' '"seed":4' '"startedOn":"20' '"metric":"log_loss"'; do
    has out "$words"
done
lacks out kitchen
# One of another model, one that was changed, one of a stranger, none.
expect 0 fit "train|x.csv" --target age --out other.safetensors --trials 1
cp m.safetensors.provenance.json kept.json
cp other.safetensors.provenance.json m.safetensors.provenance.json
expect_error 77 "the provenance record is one of another model" verify m.safetensors
expect_error 77 "the provenance record is one of another model" inspect m.safetensors --format card
expect 0 predict m.safetensors "$data/loans/test.csv"
sed 's/"payload":"e/"payload":"f/' kept.json > m.safetensors.provenance.json
expect_error 77 "provenance.json" verify m.safetensors
statement other.safetensors > m.safetensors.provenance.json
expect_error 77 "provenance.json" verify m.safetensors
rm m.safetensors.provenance.json
expect 0 verify m.safetensors
lacks out "provenance record"
expect_error 66 "no provenance record" inspect m.safetensors --format provenance
expect 0 inspect m.safetensors --format card
has out "There is no provenance record"
mv kept.json m.safetensors.provenance.json

# The model card.
expect 0 inspect m.safetensors --format card
for words in "# Model card: m.safetensors" "$digest" "$table" "$schema" "| serial number | 3 |" \
    "of train\\|x.csv" "5-fold cross-validation" "To be filled in" "## Limits" "merlon fit TABLE --target TARGET" \
    "| monthly\\_income | integer | yes |" "no: "; do
    has out "$words"
done
lacks out kitchen
cp out card.md
expect 0 inspect m.safetensors --format card
cmp -s out card.md || fail "the card is not the same twice"
expect 0 inspect m.safetensors --format card --data "$data/loans/test.csv" --by purpose
has out "| all | 300 |"
has out "| purpose = kitchen, furniture | 60 |"
# It tells how to make the model again, truly.
again=$(sed -n 's/^    merlon \(fit TABLE .*\)/\1/p' card.md |
    sed 's/TABLE/train|x.csv/; s/TARGET/defaulted/; s/AGAIN/again/')
# shellcheck disable=SC2086 # words
expect 0 $again --schema schema.json
cmp -s again.safetensors m.safetensors || fail "the model is another one when it is made again"

expect 0 fit "train|x.csv" --target defaulted --out g.safetensors --model gbdt --param n_estimators=7 --seed 2 \
    --class-weight balanced --monotone monthly_income=decreasing --task classification --folds 3
expect 0 inspect g.safetensors --format card
has out "--task classification --class-weight balanced --model gbdt --param n_estimators=7"
has out "monthly\\_income=decreasing"

# By groups.
expect 0 score m.safetensors "$data/loans/test.csv" --by homeowner
has out "'false': 188 rows"
expect 0 score m.safetensors "$data/loans/test.csv" --by purpose --json
has out '"group": "kitchen, furniture"'
expect_error 64 "categories or truth values" score m.safetensors "$data/loans/test.csv" --by age
expect_error 65 "nothing" score m.safetensors "$data/loans/test.csv" --by nothing
expect_error 64 "belongs to --data" inspect m.safetensors --format card --by purpose
expect_error 64 "belong to cards" inspect m.safetensors --data "$data/loans/test.csv"
expect 64 inspect m.safetensors --format card --json

# A card that a stranger's model has says so.
cp m.safetensors stranger.safetensors
expect 0 inspect stranger.safetensors --format card --unsigned
has out "nobody who is trusted"
lacks out "$table"

# The bill of materials, by the rules of CycloneDX 1.6 that concern it.
expect 0 inspect m.safetensors --format cyclonedx --data "$data/loans/test.csv" --by purpose
cp out bom.json
for words in '"bomFormat": "CycloneDX"' '"specVersion": "1.6"' '"type": "machine-learning-model"' "$digest" "$table"; do
    has bom.json "$words"
done
expect 0 inspect m.safetensors --format cyclonedx --data "$data/loans/test.csv" --by purpose
cmp -s out bom.json || fail "the bill of materials is not the same twice"
command -v /usr/bin/python3 > /dev/null || { echo "no python3: the form of the bill is not checked"; finish; }
/usr/bin/python3 - bom.json << 'PYTHON' || fail "the bill of materials breaks a rule of CycloneDX 1.6"
import json, re, sys

bom = json.load(open(sys.argv[1]))

def keys(value, required, optional=()):
    assert isinstance(value, dict), value
    assert set(required) <= set(value) <= set(required) | set(optional), sorted(value)

keys(bom, ["bomFormat", "specVersion"], ["serialNumber", "version", "metadata", "components", "dependencies"])
assert re.fullmatch("urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", bom["serialNumber"])
assert bom["version"] >= 1
keys(bom["metadata"], ["tools"], ["timestamp"])
assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", bom["metadata"]["timestamp"])
refs = set()
for component in bom["components"] + bom["metadata"]["tools"]["components"]:
    keys(component, ["type", "name"], ["bom-ref", "version", "hashes", "modelCard", "data", "properties"])
    assert component["type"] in ("application", "data", "machine-learning-model")
    assert ("modelCard" in component) == (component["type"] == "machine-learning-model")
    assert ("data" in component) == (component["type"] == "data")
    for entry in component.get("data", []):
        keys(entry, ["type"], ["name"])
        assert entry["type"] in ("source-code", "configuration", "dataset", "definition", "other")
    for digest in component.get("hashes", []):
        keys(digest, ["alg", "content"])
        assert digest["alg"] == "SHA-256" and re.fullmatch("[0-9a-f]{64}", digest["content"])
    for entry in component.get("properties", []):
        keys(entry, ["name", "value"])
        assert isinstance(entry["value"], str)
    if "bom-ref" in component:
        assert component["bom-ref"] not in refs
        refs.add(component["bom-ref"])
card = bom["components"][0]["modelCard"]
keys(card, [], ["modelParameters", "quantitativeAnalysis", "considerations"])
parameters = card["modelParameters"]
keys(parameters, [], ["approach", "task", "architectureFamily", "modelArchitecture", "datasets", "inputs", "outputs"])
assert parameters["approach"] == {"type": "supervised"}
assert all(entry["ref"] in refs for entry in parameters["datasets"])
for entry in parameters["inputs"] + parameters["outputs"]:
    keys(entry, ["format"])
keys(card["quantitativeAnalysis"], ["performanceMetrics"])
for metric in card["quantitativeAnalysis"]["performanceMetrics"]:
    keys(metric, ["type", "value"], ["slice", "confidenceInterval"])
    assert all(isinstance(metric[key], str) for key in ("type", "value", "slice"))
    if "confidenceInterval" in metric:
        keys(metric["confidenceInterval"], ["lowerBound", "upperBound"])
keys(card["considerations"], ["technicalLimitations"])
for entry in bom["dependencies"]:
    keys(entry, ["ref", "dependsOn"])
    assert entry["ref"] in refs and set(entry["dependsOn"]) <= refs
PYTHON

finish
