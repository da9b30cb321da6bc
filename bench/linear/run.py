#!/usr/bin/python3
"""Logistic regression to the same optimum: Merlon's linear family against scikit-learn's lbfgs.

    bench/linear/run.py BUILD/bench/linear/bench_linear [--repeat N] [--only adult|fashion_mnist]
                        [--data FOLDER]

Two sets of ../shared/data: adult (one-hot and standardised numbers, 39,073 rows) and the first
10,000 images of fashion_mnist (pixels / 255, 10 classes). Both programs minimise

    sum over rows of log loss + |w|^2 / 2

until they are within 1e-6 of the lowest objective known: scikit-learn's tol is the loosest that
gets there (TOL below; checked in every run), Merlon's tolerance likewise. Fits alternate, and
medians are compared. Only the fit is timed, with the data in memory: scikit-learn gets the one-hot
columns as a dense matrix, the form in which its lbfgs is fastest here, and as many threads as there
are processors.

Then it is checked that Merlon's coefficients have the same bits for 1, 2 and 3 threads and every
instruction set. Environment variables that change the speed of linear algebra are removed.
Exit code: 0; 1 when an objective or the bits are not as they must be; 77 when the data or
scikit-learn is absent.
"""
import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

# Before numpy loads its linear algebra.
for name in [n for n in os.environ if n.startswith(("OPENBLAS_", "OMP_", "GOTO_", "MKL_"))]:
    del os.environ[name]

try:
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
# The loosest tol at which scikit-learn's lbfgs gets within 1e-6 of the best objective.
TOL = {"adult": 0.2, "fashion_mnist": 0.02}
TOLERANCE = "1e-6"
LEVELS = ("plain", "avx2", "avx512")


class Problem:
    """Rows as Merlon sees them, dense [n][d] and codes [n][groups], and as scikit-learn does."""

    def __init__(self, name, dense, codes, group_start, y, test_x, test_y):
        self.name, self.y, self.test_x, self.test_y = name, y, test_x, test_y
        self.dense, self.codes, self.group_start = dense, codes, group_start
        self.x = expand(dense, codes, group_start)
        self.n_classes = int(y.max()) + 1
        self.n_outputs = 1 if self.n_classes == 2 else self.n_classes

    def write(self, folder):
        self.dense.astype("<f8").tofile(folder / "dense.f64")
        if len(self.group_start) > 1:
            self.codes.astype("<i4").tofile(folder / "codes.i32")
            np.array(self.group_start, "<u4").tofile(folder / "group_start.u32")
        self.y.astype("<i4").tofile(folder / "target.i32")

    def scores(self, x, w, b):
        z = x @ w.T + b
        return np.hstack([np.zeros_like(z), z]) if self.n_outputs == 1 else z

    def objective(self, w, b):
        z = self.scores(self.x, w, b)
        top = z.max(axis=1)
        log_sums = top + np.log(np.exp(z - top[:, None]).sum(axis=1))
        return np.sum(log_sums - z[np.arange(len(self.y)), self.y]) + 0.5 * np.sum(w * w)

    def distance_bound(self, w, b):
        """How far the weights can be from the optimum: the objective's curvature is at least 1."""
        z = self.scores(self.x, w, b)
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(len(self.y)), self.y] -= 1
        p = p[:, 1:] if self.n_outputs == 1 else p
        return np.linalg.norm(p.T @ self.x + w)

    def accuracy(self, w, b):
        return np.mean(self.scores(self.test_x, w, b).argmax(axis=1) == self.test_y)


def expand(dense, codes, group_start):
    parts = [dense]
    for g in range(len(group_start) - 1):
        width = group_start[g + 1] - group_start[g]
        parts.append((codes[:, g:g + 1] == np.arange(width)).astype(float))
    return np.ascontiguousarray(np.hstack(parts))


def load_adult(folder):
    train, test = (pd.read_csv(folder / "adult" / f"{part}.csv.gz") for part in ("train", "test"))
    labels = sorted(train["class"].unique())
    features = train.drop(columns="class")
    numbers = features.select_dtypes("number").columns
    means, deviations = features[numbers].mean(), features[numbers].std(ddof=0)
    levels = {c: sorted(features[c].fillna("").unique()) for c in features.columns.drop(numbers)}
    group_start = np.cumsum([0] + [len(l) for l in levels.values()])

    def rows(table):
        codes = [pd.Categorical(table[c].fillna(""), l).codes for c, l in levels.items()]
        dense = ((table[numbers] - means) / deviations).to_numpy()
        y = table["class"].map(labels.index).to_numpy()
        return dense, np.stack(codes, axis=1), y

    dense, codes, y = rows(train)
    test_dense, test_codes, test_y = rows(test)
    return Problem("adult", dense, codes, group_start, y,
                   expand(test_dense, test_codes, group_start), test_y)


def load_fashion(folder):
    def array(name, offset):
        with gzip.open(folder / "fashion_mnist" / f"{name}-ubyte.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=offset)

    x = array("train-images-idx3", 16).reshape(-1, 784)[:10000] / 255
    y = array("train-labels-idx1", 8)[:10000].astype(int)
    test_x = array("t10k-images-idx3", 16).reshape(-1, 784) / 255
    return Problem("fashion_mnist", x, None, [0], y, test_x,
                   array("t10k-labels-idx1", 8).astype(int))


def fit_merlon(program, folder, problem, *options):
    """Seconds, weights, intercepts and the file's bytes of one fit."""
    out = folder / "model"
    command = [program, folder, "binary" if problem.n_outputs == 1 else "multiclass",
               len(problem.y), problem.dense.shape[1], problem.n_classes, out, *options]
    done = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True)
    values = np.fromfile(out)
    n_weights = problem.n_outputs * problem.x.shape[1]
    return (json.loads(done.stdout)["seconds"][0],
            values[:n_weights].reshape(problem.n_outputs, -1), values[n_weights:],
            values.tobytes())


def fit_sklearn(problem):
    model = LogisticRegression(tol=TOL[problem.name], max_iter=100000)
    start = time.perf_counter()
    model.fit(problem.x, problem.y)
    seconds = time.perf_counter() - start
    return seconds, model.coef_, model.intercept_, int(model.n_iter_[0])


def same_bits(program, folder, problem):
    """Few steps: rounding that differs shows in the first."""
    found = set()
    processor = Path("/proc/cpuinfo").read_text().split()
    for level in LEVELS:
        if {"avx2": "avx2", "avx512": "avx512dq"}.get(level, "fpu") not in processor:
            continue
        for threads in (1, 2, 3):
            found.add(fit_merlon(program, folder, problem, "--level", level, "--threads", threads,
                                 "max_iter=4")[3])
    return len(found) == 1


def compare(program, problem, repeat, folder):
    problem.write(folder)
    _, best_w, best_b, _ = fit_merlon(program, folder, problem, "tolerance=1e-14",
                                      "--threads", os.cpu_count())
    best = problem.objective(best_w, best_b)
    times = {"scikit-learn lbfgs": [], "merlon 1 thread": [], "merlon 2 threads": []}
    for _ in range(repeat):
        seconds, sk_w, sk_b, n_iterations = fit_sklearn(problem)
        times["scikit-learn lbfgs"].append(seconds)
        for threads in (1, 2):
            seconds, w, b, _ = fit_merlon(program, folder, problem, f"tolerance={TOLERANCE}",
                                          "--threads", threads)
            times[f"merlon {threads} thread{'s' * (threads - 1)}"].append(seconds)
    ok = True
    print(f"\n{problem.name}: {problem.x.shape[0]} rows, {problem.x.shape[1]} features, "
          f"{problem.n_classes} classes")
    print(f"  {'':20} {'seconds':>9} {'objective':>16} {'above best':>11} {'accuracy':>9}")
    medians = {}
    for name, seconds in times.items():
        weights = (sk_w, sk_b) if name.startswith("scikit") else (w, b)
        objective = problem.objective(*weights)
        above = objective / best - 1
        ok &= above < 1e-6
        medians[name] = statistics.median(seconds)
        print(f"  {name:20} {medians[name]:9.3f} {objective:16.6f} {above:11.1e} "
              f"{problem.accuracy(*weights):9.4f}")
    sk = medians["scikit-learn lbfgs"]
    print(f"  scikit-learn: tol {TOL[problem.name]}, {n_iterations} iterations; "
          f"merlon: tolerance {TOLERANCE}")
    print(f"  merlon is {sk / medians['merlon 1 thread']:.1f} times as fast with 1 thread, "
          f"{sk / medians['merlon 2 threads']:.1f} times with 2")
    print(f"  weights: largest difference from scikit-learn {np.abs(w - sk_w).max():.1e}, "
          f"from merlon's best {np.abs(w - best_w).max():.1e}; "
          f"the best is within {problem.distance_bound(best_w, best_b):.1e} of the optimum")
    same = same_bits(program, folder, problem)
    print(f"  bits for 1, 2 and 3 threads and all instruction sets: {'same' if same else 'DIFFER'}")
    if not ok:
        print("  FAILED: an objective is more than 1e-6 above the best")
    return ok and same


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", choices=("adult", "fashion_mnist"))
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    arguments = parser.parse_args()
    if not (arguments.data / "adult").is_dir() or not (arguments.data / "fashion_mnist").is_dir():
        print(f"skipped: {arguments.data} has no adult or fashion_mnist")
        return 77
    warnings.simplefilter("ignore")
    ok = True
    for name, load in (("adult", load_adult), ("fashion_mnist", load_fashion)):
        if arguments.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                ok &= compare(arguments.program, load(arguments.data), arguments.repeat,
                              Path(folder))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
