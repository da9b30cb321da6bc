#!/usr/bin/python3
"""How long one row takes, in a process that holds the model.

    bench/automl/row.py BUILD [--budget 10] [--only SET]...

Fits each set twice, as it comes (`best`) and with --deploy fast, with the same seed, and times
mer_predict on tables of one row (bench_row), and in the same run scikit-learn's histogram boosting
behind its encoder on data frames of one row. Microseconds, median and 99th percentile of all calls;
the score on all test rows stands beside it.
"""
import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline

import peers
from command import call
from sets import SHARED_DATA, DataSet, list_sets, score_of, table_path

SETS = ("adult", "ames_housing", "bank_marketing", "california_housing", "concrete", "credit_g",
        "letter", "sms_spam", "titanic", "us_crime", "vehicle", "yeast")
PEER_ROWS = 64
PEER_ROUNDS = 3


def uncompressed(path, scratch):
    if path.suffix != ".gz":
        return path
    import gzip
    plain = Path(scratch) / "table.csv"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    return plain


def time_merlon(build, data, deploy, budget, scratch):
    """(median, 99th percentile, score)"""
    model = Path(scratch) / f"{deploy}.safetensors"
    call(build / "merlon", "fit", table_path(data.folder, "train"), "--target", data.target,
         "--task", "regression" if data.is_regression else "classification", "--out", model,
         "--deploy", deploy, "--budget", f"{budget}s", "--seed", 1, "--force", "--quiet")
    test = uncompressed(table_path(data.folder, "test"), scratch)
    scores = json.loads(call(build / "merlon", "score", model, test, "--json"))["metrics"]
    times = call(build / "bench" / "automl" / "bench_row", build / "merlon-cell", model, test)
    median, late, _ = map(float, times.split())
    return median, late, scores["rmse" if data.is_regression else "log_loss"]


def time_peer(data):
    kind = HistGradientBoostingRegressor if data.is_regression else HistGradientBoostingClassifier
    model = make_pipeline(peers.encoder(data.train_x), kind(random_state=0))
    model.fit(peers.filled(data.train_x), data.train_y)
    predict = model.predict if data.is_regression else model.predict_proba
    times = []
    for _ in range(PEER_ROUNDS):
        for i in range(min(PEER_ROWS, len(data.test_x))):
            row = data.test_x.iloc[i:i + 1]
            start = time.monotonic()
            predict(peers.filled(row))
            times.append(1e6 * (time.monotonic() - start))
    predictions = predict(peers.filled(data.test_x))
    labels = None if data.is_regression else list(model.classes_)
    return (*np.quantile(times, [0.5, 0.99]),
            score_of(data.is_regression, data.losses(labels, predictions)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=lambda text: Path(text).resolve())
    parser.add_argument("--budget", type=int, default=10)
    parser.add_argument("--only", action="append", metavar="SET")
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"skipped: there is no folder {options.data}")
    print(f"{'microseconds, median / 99 %, score':34} {'best':>28} {'fast':>28} {'peer':>28}")
    with tempfile.TemporaryDirectory(prefix="merlon-row-") as scratch:
        os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_STATE_HOME"] = scratch
        for name, task in list_sets(options.data):
            if name not in (options.only or SETS):
                continue
            data = DataSet(options.data, name, task)
            lines = [time_merlon(options.build, data, deploy, options.budget, scratch)
                     for deploy in ("best", "fast")] + [time_peer(data)]
            print(f"{name:34} " + " ".join(f"{m:8.1f} / {late:8.1f} {score:9.5g}"
                                           for m, late, score in lines), flush=True)


if __name__ == "__main__":
    main()
