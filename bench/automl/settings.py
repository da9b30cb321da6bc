#!/usr/bin/python3
"""Cross-validated scores of settings of one family, set by set, beside the family's default.

    bench/automl/settings.py MERLON FAMILY SETTING... [--data FOLDER] [--only NAMES] [--rows N]

A SETTING is NAME=VALUE, or several joined by commas. Shown is how much each lowers the loss (log loss
or RMSE) of the default, in per cent; sets of more than N rows (8,000) are left out.
"""
import argparse
import json
import re
import tempfile
from pathlib import Path

from command import Failed, call
from sets import SHARED_DATA, list_sets, table_path, target_of


def score_of(merlon, folder, family, setting, out):
    """The loss of one setting, or None where it cannot be fitted."""
    params = [word for part in setting.split(",") if part for word in ("--param", part)]
    try:
        said = call(merlon, "fit", table_path(folder, "train"), "--target", target_of(folder),
                    "--model", family, "--units", 10000000000, "--seed", 1, "--out", out, "--force",
                    "--json", "--no-journal", *params)
    except Failed:
        return None
    return json.loads(said)["leaderboard"][0]["score"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("merlon")
    parser.add_argument("family")
    parser.add_argument("settings", nargs="+")
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    parser.add_argument("--only", default="")
    parser.add_argument("--rows", type=int, default=8000)
    arguments = parser.parse_args()
    readme = (arguments.data / "README.md").read_text()
    n_rows = {name: int(n) for name, n in re.findall(r"^\| (\w+) \| [^|]+\| (\d+)", readme, re.M)}
    print("| set | default |", " | ".join(arguments.settings), "|")
    print("|---|---|" + "---|" * len(arguments.settings))
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "model.safetensors"
        for name, _ in list_sets(arguments.data):
            if (arguments.only and name not in arguments.only.split(",")) or \
                    n_rows[name] > arguments.rows:
                continue
            folder = arguments.data / name
            default = score_of(arguments.merlon, folder, arguments.family, "", out)
            cells = []
            for setting in arguments.settings:
                score = score_of(arguments.merlon, folder, arguments.family, setting, out)
                cells.append("" if score is None or not default
                             else f"{100 * (1 - score / default):+.1f}")
            print(f"| {name} | {default:.4g} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
