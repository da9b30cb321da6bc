#!/usr/bin/python3
"""How often the intervals and sets of `merlon predict --interval` hold the truth, on test rows that
no search has seen.

    bench/automl/coverage.py run BUILD/merlon --store FILE [--units 3000000] [--only SET]...
    bench/automl/coverage.py report --store FILE

`run` fits every regression and classification set of --data (by default the shared ones) with so
many work units, a few minutes for all, and notes a line for each; what the store has already is not
done again, so that it may be stopped and started. Seeds above the first (--seeds) repeat it with
other folds. `report` prints per set the coverage, its standard error and how many of them it is
away, and the means.

The standard error has two parts: the test rows are a sample, and so are the held-out rows of the
search whose errors make the intervals. Even a perfect method covers P of the rows on average over
many training tables alone, with a spread of sqrt(P (1 - P) / n) over them.

A set of classes is never empty, so where the most probable class is right more often than P, so is
the set: such a table is held to the accuracy instead of P.
"""
import argparse
import io
import json
import math
import os
import sys
import tempfile
from pathlib import Path

import pandas as pd

from command import Failed, call
from sets import SHARED_DATA, list_sets, table_path, target_of

COVERAGE = 0.9


def truth_of(folder, target, is_regression):
    table = pd.read_csv(table_path(folder, "test"), na_values=["?"],
                        dtype=None if is_regression else {target: str})
    return table[target]


def measure(options, name, task, seed, scratch):
    folder = options.data / name
    target, is_regression = target_of(folder), task == "regression"
    model = Path(scratch) / f"{name}.safetensors"
    more = options.fit.split() if options.fit else []
    said = json.loads(call(options.merlon, "fit", table_path(folder, "train"), "--target", target,
                           "--task", "regression" if is_regression else "classification", "--out",
                           model, "--units", options.units, "--seed", seed, "--force", "--quiet",
                           "--json", "--no-journal", *more))
    printed = call(options.merlon, "predict", model, table_path(folder, "test"), "--digits", 17,
                   "--interval", COVERAGE)
    table = pd.read_csv(io.StringIO(printed), dtype=None if is_regression else str,
                        keep_default_na=False)
    truth = truth_of(folder, target, is_regression)
    row = {"set": name, "task": task, "seed": seed, "family": said["family"], "n": len(truth),
           "n_held_out": json.loads(call(options.merlon, "inspect", model, "--json"))[
               "interval_rows"]}
    if is_regression:
        row["covered"] = int(((truth >= table["lower"]) & (truth <= table["upper"])).sum())
        row["width"] = float((table["upper"] - table["lower"]).mean() / truth.std())
        return row
    first = table.columns[0]
    row["covered"] = sum(str(t) in s.split("|") for t, s in zip(truth, table["set"]))
    row["right"] = sum(str(t) == p for t, p in zip(truth, table[first]))
    row["width"] = float(table["set"].map(lambda s: len(s.split("|"))).mean())
    return row


def read_store(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def run(options):
    if not options.data.is_dir():
        sys.exit(f"skipped: there is no folder {options.data}")
    done = {(row["set"], row["seed"]) for row in read_store(options.store)}
    with tempfile.TemporaryDirectory(prefix="merlon-coverage-") as scratch:
        os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_STATE_HOME"] = scratch
        for name, task in list_sets(options.data):
            if task == "text" or (options.only and name not in options.only):
                continue
            for seed in range(1, options.seeds + 1):
                if (name, seed) in done:
                    continue
                try:
                    row = measure(options, name, task, seed, scratch)
                except Failed as failure:
                    print(f"{name:20} {failure}", flush=True)
                    continue
                with options.store.open("a") as store:
                    store.write(json.dumps(row) + "\n")
                print(f"{name:20} {row['covered'] / row['n']:.3f}", flush=True)


def report(options):
    rows = read_store(options.store)
    means = {"regression": [], "classification": []}
    print("| set | test rows | coverage | s.e. | away | width or size | accuracy |\n"
          "|---|---|---|---|---|---|---|")
    for name in sorted({row["set"] for row in rows}):
        own = [row for row in rows if row["set"] == name]
        n = own[0]["n"]
        coverage = sum(row["covered"] for row in own) / n / len(own)
        accuracy = (sum(row["right"] for row in own) / n / len(own) if "right" in own[0] else None)
        error = math.sqrt(COVERAGE * (1 - COVERAGE) * (1 / n + 1 / own[0]["n_held_out"]))
        wanted = max(COVERAGE, accuracy or 0)
        held = accuracy is None or accuracy <= COVERAGE
        if held:
            means[own[0]["task"]].append(coverage)
        width = sum(row["width"] for row in own) / len(own)
        print(f"| {name} | {n} | {coverage:.3f} | {error:.3f} | {(coverage - wanted) / error:+.1f} "
              f"| {width:.2f} | {'' if accuracy is None else f'{accuracy:.3f}'} |")
    for task, values in means.items():
        if values:
            mean = sum(values) / len(values)
            print(f"mean of {len(values)} {task} sets"
                  f"{'' if task == 'regression' else ' that are right less often'}: {mean:.4f}")
    both = means["regression"] + means["classification"]
    if both:
        print(f"mean of all {len(both)}: {sum(both) / len(both):.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser("run", help="measure what the store does not have")
    runs.add_argument("merlon", type=lambda text: Path(text).resolve(), help="the built command")
    runs.add_argument("--units", type=int, default=3000000)
    runs.add_argument("--seeds", type=int, default=1)
    runs.add_argument("--only", action="append", metavar="SET")
    runs.add_argument("--fit", metavar="OPTIONS", help="further options of fit, in one word")
    runs.add_argument("--data", type=Path, default=SHARED_DATA)
    reports = commands.add_parser("report", help="print what the store holds")
    for command in (runs, reports):
        command.add_argument("--store", type=Path, required=True, help="a file for the lines")
    options = parser.parse_args()
    run(options) if options.command == "run" else report(options)


if __name__ == "__main__":
    main()
