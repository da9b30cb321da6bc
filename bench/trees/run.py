#!/usr/bin/python3
"""Trees: Merlon against XGBoost's hist and scikit-learn, on the same arrays.

    bench/trees/run.py BUILD/bench/trees [--only NAME,...] [--repeat N] [--data FOLDER]
                       [--store FILE]

Parts: adult, california_housing, covertype, synthetic, fashion_mnist, onehot (boosting: 100 trees x 63
leaves, fashion_mnist 20 rounds, learning rate 0.1, 255 bins), adult_500 and synthetic_500 (500 x 255),
threads, growth_rows, growth_columns, predict (the trees of an XGBoost model in both programs), forest_adult, forest_fashion,
extra_adult, extra_fashion (500 trees). All of them without --only; the large ones take minutes.

Every program gets the same numbers, two threads, a process of its own for each run, and an environment
without variables that change the speed of linear algebra or of threads. Runs alternate; medians are
printed, ratios beside the bar they are held to, and the loss of the test rows as the mean over the runs,
each of which has its own seed. Memory is the peak above what was there with the data loaded.
Exit code: 0; 77 when the data, XGBoost or scikit-learn is absent.
"""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

try:
    import numpy as np
    import sklearn
    import xgboost
    import tables
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
HERE = Path(__file__).resolve().parent
BOOSTING = {"n_estimators": 100, "max_leaves": 63, "learning_rate": 0.1, "max_bin": 255}
GROWTH = {"growth_rows": [(10**4, 28), (10**5, 28), (10**6, 28), (10**7, 28)],
          "growth_columns": [(10**5, n) for n in (14, 28, 56, 112, 224, 448)]}
PEER_CELLS_MAX = 5 * 10**7  # above it XGBoost is not waited for
# Training time at most this much of XGBoost's.
BARS = {"adult": 0.5, "california_housing": 0.22, "covertype": 0.24, "synthetic": 0.45,
        "fashion_mnist": 0.3, "onehot": 0.3}
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}


def run(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True,
                          env=ENVIRONMENT, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"{command[0]} failed")
    return json.loads(done.stdout)


def settings(params):
    return [f"{name}={value}" for name, value in params.items()]


def run_merlon(programs, family, folder, table, seed, params, *options):
    task = "regression" if table.task == "regression" else "classification"
    return run([programs / "bench_trees", family, folder, task, table.train_x.shape[1],
                table.n_classes, "--seed", seed, *options, *settings(params)])


def run_peer(library, folder, table, seed, params):
    return run(["/usr/bin/python3", HERE / "peers.py", library, folder, table.task, seed,
                *settings(params)])


def loss(table, folder):
    """Log loss or RMSE, and accuracy, of the predictions that the last run left."""
    p = np.fromfile(folder / "predictions.f64")
    y = table.test_y
    if table.task == "regression":
        return np.sqrt(np.mean((p - y) ** 2)), np.nan
    if len(p) == len(y):
        p = np.stack([1 - p, p], axis=1)
    p = p.reshape(len(y), -1)
    return (-np.mean(np.log(np.clip(p[np.arange(len(y)), y], 1e-15, 1))),
            np.mean(p.argmax(axis=1) == y))


def alternate(runners, repeat, table, folder):
    """Results of each runner(seed), which take turns."""
    results = {name: [] for name in runners}
    for seed in range(repeat):
        for name, runner in runners.items():
            result = runner(seed)
            result["loss"], result["accuracy"] = loss(table, folder)
            results[name].append(result)
    return results


def median(results, key):
    values = [r[key][0] if isinstance(r[key], list) else r[key] for r in results]
    return statistics.median(values)


def print_results(results, n_test):
    print(f"  {'':16} {'prepare s':>9} {'train s':>8} {'predict M rows/s':>16} {'row us':>8} "
          f"{'peak MB':>8} {'loss':>10} {'accuracy':>8}")
    for name, runs in results.items():
        print(f"  {name:16} {median(runs, 'prepare_s'):9.3f} {median(runs, 'train_s'):8.3f} "
              f"{n_test / median(runs, 'predict_s') / 1e6:16.3f} {median(runs, 'row_us'):8.1f} "
              f"{median(runs, 'peak_bytes') / 1e6:8.0f} "
              f"{np.mean([r['loss'] for r in runs]):10.5g} "
              f"{np.mean([r['accuracy'] for r in runs]):8.4f}")


def verdict(value, bar, at_most=True):
    good = value <= bar if at_most else value >= bar
    return f"{value:.2f} (bar {bar:.2f}: {'met' if good else 'MISSED'})"


def boosting(programs, name, table, repeat, folder, params, with_sklearn=True):
    table.write(folder)
    peer_params = dict(params, sparse=1) if name == "onehot" else params
    runners = {
        "merlon gbdt": lambda seed: run_merlon(programs, "gbdt", folder, table, seed, params),
        "xgboost hist": lambda seed: run_peer("xgboost", folder, table, seed, peer_params)}
    if with_sklearn:
        runners["sklearn hist"] = lambda seed: run_peer("sklearn", folder, table, seed, params)
    results = alternate(runners, repeat, table, folder)
    rows, columns = table.train_x.shape
    print(f"\n{name}: {rows} rows, {columns} columns, {table.n_classes or 'no'} classes, "
          f"{params['n_estimators']} x {params['max_leaves']} leaves")
    print_results(results, len(table.test_y))
    ours, theirs = results["merlon gbdt"], results["xgboost hist"]
    train = median(ours, "train_s") / median(theirs, "train_s")
    total = ((median(ours, "train_s") + median(ours, "prepare_s"))
             / (median(theirs, "train_s") + median(theirs, "prepare_s")))
    best = min(np.mean([r["loss"] for r in runs]) for n, runs in results.items() if n[0] != "m")
    print(f"  train: {verdict(train, BARS.get(name, 1))} of xgboost's; prepare and train: "
          f"{verdict(total, 0.6)}; loss / better peer's: "
          f"{np.mean([r['loss'] for r in ours]) / best:.4f} (bar 1.003); memory / xgboost's: "
          f"{median(ours, 'peak_bytes') / max(median(theirs, 'peak_bytes'), 1):.2f} (bar 1)")


def threads(programs, table, repeat, folder):
    """Speed from one thread to two, and the same bytes for every number and instruction set."""
    table.write(folder)
    times = {1: [], 2: []}
    hashes = set()
    for seed in range(repeat):
        for n in times:
            result = run_merlon(programs, "gbdt", folder, table, 0, BOOSTING, "--threads", n,
                                "--hash", "yes")
            times[n].append(result["train_s"][0])
            hashes.add(result["hash"])
    speedup = statistics.median(times[1]) / statistics.median(times[2])
    few = dict(BOOSTING, n_estimators=5)
    variants = {run_merlon(programs, "gbdt", folder, table, 0, few, "--threads", n, "--level",
                           level, "--hash", "yes")["hash"]
                for n, level in ((1, "plain"), (2, "avx2"), (3, "avx512"), (8, "avx512"))}
    print(f"\nthreads: from one to two {verdict(speedup, 1.7, at_most=False)}; bytes for 1, 2 "
          f"threads {'same' if len(hashes) == 1 else 'DIFFER'}, for 1, 2, 3, 8 threads and "
          f"plain, avx2, avx512 {'same' if len(variants) == 1 else 'DIFFER'}")


def growth(programs, repeat, folder, sizes, store):
    """Seconds to prepare and train against the table's size; appended to the file that plot_growth.py
    draws, where one is named."""
    print("\ngrowth: 100 x 63 leaves")
    for n_rows, n_columns in sizes:
        table = tables.synthetic(None, n_rows, n_columns)
        table.write(folder)
        runners = {"merlon": lambda s: run_merlon(programs, "gbdt", folder, table, s, BOOSTING)}
        if n_rows * n_columns <= PEER_CELLS_MAX:
            runners["xgboost"] = lambda s: run_peer("xgboost", folder, table, s, BOOSTING)
        once = n_rows * n_columns > 10**7
        for name, runs in alternate(runners, 1 if once else repeat, table, folder).items():
            seconds = median(runs, "train_s") + median(runs, "prepare_s")
            print(f"  {name:8} {n_rows:>9} x {n_columns:3} {seconds:8.3f} s "
                  f"{1e9 * seconds / n_rows / n_columns:8.1f} ns a cell "
                  f"{median(runs, 'peak_bytes') / 1e6:8.0f} MB above the data")
            if store:
                with open(store, "a", encoding="utf-8") as file:
                    file.write(f"{name},{n_rows},{n_columns},{seconds:.4f}\n")


def write_xgboost_trees(model, folder):
    """The model's trees in the arrays of ensemble.h: x < threshold becomes x <= the float below."""
    model.save_model(folder / "model.json")
    trees = json.loads((folder / "model.json").read_text())
    trees = trees["learner"]["gradient_booster"]["model"]["trees"]
    left = [np.array(t["left_children"]) for t in trees]
    is_leaf = np.concatenate(left) < 0
    numbers = np.concatenate([np.array(t["split_conditions"], np.float32) for t in trees])
    below = np.nextafter(numbers, np.float32(-np.inf))

    def put(name, kind, of_splits, of_leaves):
        np.where(is_leaf, of_leaves, of_splits).astype(kind).tofile(folder / name)

    put("features.i32", "<i4", np.concatenate([t["split_indices"] for t in trees]), -1)
    put("left.i32", "<i4", np.concatenate(left), 0)
    put("thresholds.f64", "<f8", below, 0)
    put("missing_left.u8", "u1", np.concatenate([t["default_left"] for t in trees]), 0)
    put("values.f64", "<f8", 0, numbers)
    np.cumsum([0] + [len(l) for l in left]).astype("<i8").tofile(folder / "tree_starts.i64")
    np.zeros(len(trees), "<i4").tofile(folder / "tree_output.i32")


def predict(programs, table, repeat, folder):
    settings_ = {"tree_method": "hist", "grow_policy": "lossguide", "max_depth": 0, "eta": 0.1,
                 "max_leaves": 63, "max_bin": 256, "nthread": 2, "objective": "binary:logistic"}
    n = 200_000
    model = xgboost.train(settings_, xgboost.DMatrix(table.train_x[:n], table.train_y[:n]), 100)
    write_xgboost_trees(model, folder)
    x = table.train_x
    x.tofile(folder / "x.f32")
    runs = {"merlon avx512": [], "merlon avx2": [], "merlon plain": [], "xgboost": []}
    row_us = {}
    for _ in range(repeat):
        for name in list(runs)[:3]:
            result = run([programs / "bench_predict", folder, x.shape[1], 1, "--level",
                          name.split()[1], "--repeat", 3])
            runs[name].append(len(x) / min(result["batch_s"]) / 1e6)
            row_us[name] = min(row_us.get(name, 1e9), result["row_us"])
        start = time.perf_counter()
        margins = model.inplace_predict(x, predict_type="margin")
        runs["xgboost"].append(len(x) / (time.perf_counter() - start) / 1e6)
    start = time.perf_counter()
    for row in range(500):
        model.inplace_predict(x[row:row + 1])
    row_us["xgboost"] = 2000 * (time.perf_counter() - start)
    scores = np.fromfile(folder / "scores.f64")
    offset = np.median(margins - scores)
    bars = {"merlon avx512": 5, "merlon avx2": 2.5}
    print(f"\npredict: an XGBoost model of 100 x 63 leaves, {len(x)} rows of 28 float32")
    for name, rates in runs.items():
        bar = f" (bar {bars[name]})" if name in bars else ""
        print(f"  {name:16} {statistics.median(rates):8.2f} M rows/s{bar:12} "
              f"{row_us[name]:8.2f} us a row")
    print(f"  largest difference of the scores {np.abs(margins - scores - offset).max():.1e} "
          f"(xgboost adds in float32); the bar for a row is 2 us")


def forest(programs, name, family, table, repeat, folder, bar):
    for x in (table.train_x, table.test_x):
        x[np.isnan(x)] = -1  # scikit-learn's forests take no missing values
    table.write(folder)
    library = "sklearn_forest" if family == "random_forest" else "sklearn_extra"
    params = {"n_estimators": 500}
    results = alternate({
        f"merlon {family[:9]}": lambda s: run_merlon(programs, family, folder, table, s, params),
        "sklearn": lambda s: run_peer(library, folder, table, s, params)}, repeat, table, folder)
    print(f"\n{name}: {table.train_x.shape[0]} rows, {table.train_x.shape[1]} columns, 500 trees")
    print_results(results, len(table.test_y))
    ours, theirs = results.values()
    speed = median(theirs, "train_s") / (median(ours, "train_s") + median(ours, "prepare_s"))
    points = 100 * (np.mean([r["accuracy"] for r in ours])
                    - np.mean([r["accuracy"] for r in theirs]))
    print(f"  {verdict(speed, bar, at_most=False)} times as fast; accuracy {points:+.2f} points "
          "(bar: within 0.3)")


PARTS = ["adult", "california_housing", "covertype", "synthetic", "fashion_mnist", "onehot",
         "adult_500", "synthetic_500", "threads", "growth_rows", "growth_columns", "predict", "forest_adult",
         "forest_fashion", "extra_adult", "extra_fashion"]


def run_part(part, programs, data, repeat, folder, store):
    if part == "threads":
        threads(programs, tables.synthetic(None), repeat, folder)
    elif part in GROWTH:
        growth(programs, repeat, folder, GROWTH[part], store)
    elif part == "predict":
        predict(programs, tables.synthetic(None), repeat, folder)
    elif part.startswith(("forest_", "extra_")):
        kind, name = part.split("_")
        table = tables.adult(data) if name == "adult" else tables.fashion_mnist(data, 10000)
        forest(programs, part, "random_forest" if kind == "forest" else "extra_trees", table,
               repeat, folder, 5 if kind == "forest" else 2.5)
    elif part.endswith("_500"):
        name = part.removesuffix("_500")
        boosting(programs, part, tables.TABLES[name](data), repeat, folder,
                 dict(BOOSTING, n_estimators=500, max_leaves=255), with_sklearn=False)
    else:
        params = dict(BOOSTING, n_estimators=20) if part == "fashion_mnist" else BOOSTING
        boosting(programs, part, tables.TABLES[part](data), repeat, folder, params,
                 with_sklearn=part not in ("fashion_mnist", "onehot"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs", type=Path, help="the folder of bench_trees and bench_predict")
    parser.add_argument("--only", help="parts, separated by commas")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    parser.add_argument("--store", type=Path, help="file that the rows of growth are added to")
    arguments = parser.parse_args()
    parts = arguments.only.split(",") if arguments.only else PARTS
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        parser.error(f"no part {unknown[0]}; there are {', '.join(PARTS)}")
    if not (arguments.data / "adult").is_dir():
        print(f"skipped: {arguments.data} has no adult")
        return 77
    print(f"xgboost {xgboost.__version__}, scikit-learn {sklearn.__version__}")
    for part in parts:
        with tempfile.TemporaryDirectory() as folder:
            try:
                run_part(part, arguments.programs.resolve(), arguments.data, arguments.repeat,
                         Path(folder), arguments.store)
            except RuntimeError as error:
                print(f"\n{part}: not measured: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
