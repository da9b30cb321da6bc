#!/usr/bin/python3
"""Merlon's fit against its peers on real tables, one budget for all, on the same processors.

    bench/automl/run.py run BUILD/merlon --store DIR [--budget 30]... [--only SET]... [--threads 2]
    bench/automl/run.py report --store DIR [--json]

`run` does what the store does not have yet, so that it may be stopped and started again: per set,
budget (seconds) and system the loss of every test row, the time of the whole command and what
Merlon says of itself. Systems take turns within a set: Merlon, scikit-learn's histogram boosting
and random forest with their defaults, XGBoost tuned by random search for the same time and threads
(its space is in peers.py). With --long the ten sets of sets.py only, otherwise all.

`report` prints per set Merlon's log loss or RMSE beside each peer's, whether it is not worse than
the best peer (log loss of at most 1.02 x + 0.005, RMSE of at most 1.02 x, or not worse in 95 % of
paired bootstrap samples), whether it is significantly better, mean ranks, budgets kept, and
published scores as a guide.

Environment variables that change the speed of linear algebra are removed, for all.
"""
import argparse
import io
import json
import os
import sys
import tempfile
import time
from pathlib import Path

# Before numpy loads its linear algebra.
for name in [n for n in os.environ if n.startswith(("OPENBLAS_", "OMP_", "GOTO_", "MKL_"))]:
    del os.environ[name]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

import report  # noqa: E402
from command import Failed, call  # noqa: E402
from sets import LONG, SHARED_DATA, DataSet, list_sets, score_of, table_path  # noqa: E402

# A fit that is still running after this many times its budget has failed.
PATIENCE = 10


def run_merlon(options, data, task, budget, scratch):
    """Labels, predictions of the test rows, the fit's seconds and what it says of itself."""
    model = Path(scratch) / f"{data.name}.safetensors"
    kind = "regression" if task == "regression" else "classification"
    start = time.monotonic()
    said = json.loads(call(options.merlon, "fit", table_path(data.folder, "train"), "--target",
                           data.target, "--task", kind, "--out", model, "--budget", f"{budget}s",
                           "--threads", options.threads, "--seed", 1, "--force", "--quiet",
                           "--json", timeout=PATIENCE * budget + 60))
    seconds = time.monotonic() - start
    printed = call(options.merlon, "predict", model, table_path(data.folder, "test"), "--digits",
                   17, *([] if data.is_regression else ["--proba"]))
    table = pd.read_csv(io.StringIO(printed), dtype=float)
    labels = None if data.is_regression else list(table.columns)
    predictions = table.iloc[:, 0].to_numpy() if data.is_regression else table.to_numpy()
    return labels, predictions, seconds, {
        "units": said.get("units"), "digest": said.get("digest") or said.get("sha256"),
        "family": said.get("family"), "peak_rss_bytes": said.get("peak_rss_bytes")}


def run_peer(peer, options, data, budget):
    start = time.monotonic()
    labels, predictions = peer(data, budget, options.threads)
    return labels, predictions, time.monotonic() - start, {}


def run_one(options, data, task, budget, system, peer, scratch):
    row = {"set": data.name, "task": task, "budget": budget, "system": system,
           "threads": options.threads}
    try:
        labels, predictions, seconds, more = (
            run_merlon(options, data, task, budget, scratch) if peer is None
            else run_peer(peer, options, data, budget))
    except Failed as failure:
        return row | {"error": str(failure)}
    losses = data.losses(labels, predictions)
    np.save(options.store / f"{data.name}.{budget}.{system}.npy", losses)
    return row | {"score": score_of(data.is_regression, losses), "seconds": seconds, **more}


def run(options):
    import peers  # the report needs no scikit-learn or XGBoost
    if not options.data.is_dir():
        sys.exit(f"skipped: there is no folder {options.data}")
    options.store.mkdir(parents=True, exist_ok=True)
    done = {(r["set"], r["budget"], r["system"]) for r in report.read_store(options.store)}
    sets = [(name, task) for name, task in list_sets(options.data)
            if (not options.only or name in options.only) and (not options.long or name in LONG)]
    with tempfile.TemporaryDirectory(prefix="merlon-automl-") as scratch:
        os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_STATE_HOME"] = scratch
        for name, task in sets:
            systems = {"merlon": None} | peers.peers_of(task)
            wanted = [(budget, system) for budget in options.budget for system in systems
                      if (name, budget, system) not in done
                      and (not options.system or system in options.system)]
            data = DataSet(options.data, name, task) if wanted else None
            for budget, system in wanted:
                row = run_one(options, data, task, budget, system, systems[system], scratch)
                with (options.store / "rows.jsonl").open("a") as store:
                    store.write(json.dumps(row) + "\n")
                print(f"{name:20} {budget:5} s {system:16} "
                      + (row.get("error") or f"{row['score']:12.6g} {row['seconds']:7.1f} s"),
                      flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser("run", help="run what the store does not have")
    runs.add_argument("merlon", type=lambda text: Path(text).resolve(), help="the built command")
    runs.add_argument("--budget", action="append", type=int, metavar="SECONDS")
    runs.add_argument("--only", action="append", metavar="SET")
    runs.add_argument("--system", action="append", metavar="NAME")
    runs.add_argument("--long", action="store_true", help="the ten sets for the long budget")
    runs.add_argument("--threads", type=int, default=2)
    runs.add_argument("--data", type=Path, default=SHARED_DATA)
    reports = commands.add_parser("report", help="print what the store holds")
    reports.add_argument("--json", action="store_true")
    reports.add_argument("--data", type=Path, default=SHARED_DATA)
    for command in (runs, reports):
        command.add_argument("--store", type=Path, required=True, help="a folder for the rows")
    options = parser.parse_args()
    if options.command == "run":
        options.budget = options.budget or [30]
        run(options)
    else:
        report.show(options)


if __name__ == "__main__":
    main()
