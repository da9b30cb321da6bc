#!/usr/bin/python3
"""Which families are in the models that searches choose: a row a set, a column a family.

    bench/automl/families.py MERLON [--data FOLDER] [--only NAMES] [--rows N] [--units N]

A cell is the weight that a family's members have in the ensemble, in per cent; sets of more than N rows
(4,000) are left out. A family that hardly any keeps is by name only (docs/search.md).
"""
import argparse
import json
import re
import tempfile
from pathlib import Path

from command import Failed, call
from sets import SHARED_DATA, list_sets, table_path, target_of


def weights_of(merlon, folder, units, out):
    """{family: its members' share of the weight} of what a search keeps."""
    try:
        said = call(merlon, "fit", table_path(folder, "train"), "--target", target_of(folder),
                    "--units", units, "--seed", 1, "--out", out, "--force", "--json",
                    "--no-journal")
    except Failed:
        return None
    fitted = json.loads(said)
    members = fitted.get("members") or [{"family": fitted["family"], "weight": 1}]
    total = sum(member.get("weight", 1) for member in members)
    shares = {}
    for member in members:
        share = member.get("weight", 1) / total
        shares[member["family"]] = shares.get(member["family"], 0) + share
    return shares


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("merlon")
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    parser.add_argument("--only", default="")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--units", type=int, default=20_000_000)
    arguments = parser.parse_args()
    readme = (arguments.data / "README.md").read_text()
    n_rows = {name: int(n) for name, n in re.findall(r"^\| (\w+) \| [^|]+\| (\d+)", readme, re.M)}
    families = ["linear", "linear_svm", "tree", "gbdt", "random_forest", "extra_trees", "kernel",
                "naive_bayes"]
    print("| set |", " | ".join(families), "|")
    print("|---|" + "---|" * len(families))
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "model.safetensors"
        for name, _ in list_sets(arguments.data):
            if (arguments.only and name not in arguments.only.split(",")) or \
                    n_rows[name] > arguments.rows:
                continue
            shares = weights_of(arguments.merlon, arguments.data / name, arguments.units, out)
            if shares is not None:
                print(f"| {name} |", " | ".join(f"{100 * shares[family]:.0f}" if family in shares
                                                else "" for family in families), "|", flush=True)


if __name__ == "__main__":
    main()
