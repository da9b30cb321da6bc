#!/usr/bin/python3
"""Merlon against scikit-learn's defaults on all classification and regression sets.

For each set of ../shared/data this runs

    merlon fit TRAIN --target T --task K --out M --budget 20s
    merlon score M TEST --json

and, in the same run, scikit-learn's LogisticRegression or Ridge and DecisionTreeClassifier or
-Regressor with their defaults, behind the usual pipeline: medians for missing numbers, scaling for
the linear one, one-hot for text. It prints the log loss or RMSE on the test rows of Merlon and of
the better of the two, and whether Merlon passes: a log loss of at most 1.02 x + 0.005, an RMSE of
at most 1.02 x. One classification set is checked twice: the probabilities that `merlon predict
--proba` prints, scored by scikit-learn, must give the log loss that `merlon score` printed.

    bench/sets/run.py BUILD/merlon [--only NAME]... [--budget 20s] [--data DIR] [--json]

--task is given because some targets (a quality from 3 to 9) may be read either way. Environment
variables that change the speed of linear algebra are removed, for both. Keys are made in a
temporary folder. Exit code: 0 when all sets ran, else 1.
"""
import argparse
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

# Before numpy loads its linear algebra.
for name in [n for n in os.environ if n.startswith(("OPENBLAS_", "OMP_", "GOTO_", "MKL_"))]:
    del os.environ[name]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from sklearn.compose import make_column_transformer  # noqa: E402
from sklearn.impute import SimpleImputer  # noqa: E402
from sklearn.linear_model import LogisticRegression, Ridge  # noqa: E402
from sklearn.metrics import log_loss, mean_squared_error  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: E402
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor  # noqa: E402

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
# A fit that is still running after this many times its budget has failed.
PATIENCE = 10


class Failed(Exception):
    """A set that could not be fitted or scored."""


def list_sets(data):
    """[(name, "classification" or "regression")] from the table of the data's README."""
    rows = re.findall(r"^\| (\w+) \| (classification|regression)\b", (data / "README.md").read_text(),
                      re.MULTILINE)
    return sorted(rows, key=lambda row: row[1])


def table_path(folder, part):
    for name in (f"{part}.csv", f"{part}.csv.gz"):
        if (folder / name).exists():
            return folder / name
    raise Failed(f"{folder.name} has no {part}.csv")


def target_of(folder):
    found = re.search(r"target: `([^`]+)`", (folder / "README.md").read_text())
    if not found:
        raise Failed(f"the README of {folder.name} names no target")
    return found.group(1)


def read_table(path, target, task):
    """Features and target; classes are texts, so that 1 and "1" are the same."""
    dtype = {target: str} if task == "classification" else None
    table = pd.read_csv(path, na_values=["?"], dtype=dtype)
    return table.drop(columns=target), table[target]


# ---- scikit-learn ----


def pipeline(features, scaled, model):
    numeric = features.select_dtypes(["number", "bool"]).columns
    text = features.columns.difference(numeric, sort=False)
    medians = SimpleImputer(strategy="median")
    return make_pipeline(
        make_column_transformer(
            (make_pipeline(medians, StandardScaler()) if scaled else medians, numeric),
            (OneHotEncoder(handle_unknown="ignore"), text)),
        model)


def peers(task):
    """{name: (is scaled, model)}"""
    if task == "regression":
        return {"ridge": (True, Ridge()), "tree": (False, DecisionTreeRegressor(random_state=0))}
    return {"logistic": (True, LogisticRegression()),
            "tree": (False, DecisionTreeClassifier(random_state=0))}


def class_loss(truth, labels, probabilities):
    """The log loss of [n][labels] probabilities; a true class without a column has probability 0."""
    every = sorted(set(labels) | set(truth))
    columns = np.zeros((len(truth), len(every)))
    columns[:, [every.index(label) for label in labels]] = probabilities
    return log_loss(truth, columns, labels=every)


def score_peer(scaled, model, task, train, test):
    fitted = pipeline(train[0], scaled, model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted.fit(*train)
        if task == "regression":
            return mean_squared_error(test[1], fitted.predict(test[0]), squared=False)
        return class_loss(test[1], fitted.classes_, fitted.predict_proba(test[0]))


# ---- Merlon ----


def call(arguments, timeout=None):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True,
                          timeout=timeout, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise Failed(f"merlon {arguments[1]} ended with {done.returncode}: {lines[0]}")
    return done.stdout


def seconds_of(budget):
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)", budget)
    if not found:
        raise argparse.ArgumentTypeError("a budget is a number and s, m or h, as in 20s")
    return float(found.group(1)) * {"s": 1, "m": 60, "h": 3600}[found.group(2)]


def fit_merlon(merlon, folder, task, model, budget):
    """The seconds that the whole command took."""
    start = time.monotonic()
    try:
        call([merlon, "fit", table_path(folder, "train"), "--target", target_of(folder), "--task",
              task, "--out", model, "--budget", budget, "--quiet"],
             timeout=PATIENCE * seconds_of(budget) + 60)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"merlon fit did not end within {late.timeout:.0f} s") from late
    return time.monotonic() - start


def score_merlon(merlon, folder, metric, model):
    answer = json.loads(call([merlon, "score", model, table_path(folder, "test"), "--json"]))
    return answer["metrics"][metric]


def printed_loss(merlon, folder, model, truth):
    """scikit-learn's log loss of the probabilities that `merlon predict` prints."""
    text = call([merlon, "predict", model, table_path(folder, "test"), "--proba", "--digits", 17])
    printed = pd.read_csv(io.StringIO(text))
    return class_loss(truth, list(printed.columns), printed.to_numpy())


# ---- the comparison ----


def run_set(options, name, task, scratch):
    folder = options.data / name
    metric = "rmse" if task == "regression" else "log_loss"
    model = Path(scratch) / f"{name}.safetensors"
    result = {"set": name, "metric": metric}
    train = read_table(table_path(folder, "train"), target_of(folder), task)
    test = read_table(table_path(folder, "test"), target_of(folder), task)
    for peer, (scaled, estimator) in peers(task).items():
        result[peer] = score_peer(scaled, estimator, task, train, test)
    best = result["best"] = min(result[peer] for peer in peers(task))
    result["seconds"] = fit_merlon(options.merlon, folder, task, model, options.budget)
    result["merlon"] = score_merlon(options.merlon, folder, metric, model)
    limit = 1.02 * best if task == "regression" else 1.02 * best + 0.005
    result["pass"] = bool(result["merlon"] <= limit)
    if name == options.cross_check:
        printed = printed_loss(options.merlon, folder, model, test[1])
        result["printed"] = printed
        if abs(printed - result["merlon"]) > 1e-9:
            raise Failed(f"`predict --proba` gives a log loss of {printed:.9f}, "
                         f"`score` {result['merlon']:.9f}")
    return result


def show(result):
    if "error" in result:
        print(f"{result['set']:20} {result['metric']:9} {result['error']}", flush=True)
        return
    # Where scikit-learn is perfect a ratio says nothing.
    ratio = f"{result['merlon'] / result['best']:7.3f}" if result["best"] > 1e-6 else "      -"
    print(f"{result['set']:20} {result['metric']:9} {result['merlon']:12.6g} {result['best']:12.6g} "
          f"{ratio}  {'pass' if result['pass'] else 'FAIL'} {result['seconds']:7.1f}", flush=True)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("merlon", type=Path, help="the built command")
    parser.add_argument("--only", action="append", metavar="NAME", help="run this set; repeatable")
    parser.add_argument("--budget", default="20s", help="of each fit (20s)")
    parser.add_argument("--data", type=Path, default=SHARED_DATA, help="the folder of sets")
    parser.add_argument("--json", action="store_true", help="print one JSON document, no table")
    options = parser.parse_args()
    seconds_of(options.budget)
    options.merlon = options.merlon.resolve()
    return options


def main():
    options = parse_options()
    if not options.data.is_dir():
        sys.exit(f"skipped: there is no folder {options.data}")
    sets = [s for s in list_sets(options.data) if not options.only or s[0] in options.only]
    if not sets or (options.only and len(sets) < len(set(options.only))):
        sys.exit("no such set: " + ", ".join(set(options.only or []) - {s[0] for s in sets}))
    options.cross_check = next((name for name, task in sets if task == "classification"), None)
    if not options.json:
        print(f"{'set':20} {'metric':9} {'merlon':>12} {'sklearn':>12} {'ratio':>7}  "
              f"rule {'seconds':>7}")
    results = []
    with tempfile.TemporaryDirectory(prefix="merlon-sets-") as scratch:
        os.environ["XDG_CONFIG_HOME"] = scratch
        os.environ["XDG_STATE_HOME"] = scratch
        for name, task in sets:
            try:
                result = run_set(options, name, task, scratch)
            except Failed as failure:
                result = {"set": name, "metric": "rmse" if task == "regression" else "log_loss",
                          "pass": False, "error": str(failure)}
            results.append(result)
            if not options.json:
                show(result)
    n_passed = sum(result["pass"] for result in results)
    failed = any("error" in result for result in results)
    if options.json:
        print(json.dumps({"passed": n_passed, "sets": results}, indent=1))
    else:
        print(f"{n_passed} of {len(results)} pass")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
