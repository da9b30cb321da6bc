#!/usr/bin/python3
"""The matrix that the search's portfolio is built from: the score of every setting on every set.

    bench/automl/matrix.py run BUILD/bench/automl/bench_trials [--minutes 40] [--only SET]...
    bench/automl/matrix.py report

`run` adds to matrix.csv what is missing there: rows "set,setting,score,seconds" of the settings of
settings.txt on the training parts of ../shared/data (test parts are never read), cut to ROWS rows
that are drawn with a fixed seed. Scores are log loss or RMSE over three folds; empty where a
setting does not fit the task or takes over SECONDS. It may be stopped at any time; whatever it has is kept. Sets
with less to do come first, and no set is begun once the minutes of processor time are used up.

`report` builds the portfolio greedily: the setting comes next that lowers most the mean over the
sets of the best regret so far. A regret is what a score lacks to the best setting's, over what the
baseline lacks to it, 1 at most. It prints the order, and what the first n are worth on sets that
they were not chosen by: each set is left out once, the order is built from the others. Beside it
stands the mean of random orders.
"""
import argparse
import csv
import os
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
MATRIX, SETTINGS = HERE / "matrix.csv", HERE / "settings.txt"
ROWS, SECONDS, FOLDS, DRAWS = 3000, 12, 3, 200


def read_settings():
    lines = [line.strip() for line in SETTINGS.read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def read_matrix():
    if not MATRIX.exists():
        return {}
    with MATRIX.open() as file:
        return {(row["set"], row["setting"]): (float(row["score"] or "nan"), float(row["seconds"]))
                for row in csv.DictReader(file)}


def sample_of(data, name, scratch):
    """A CSV file with at most ROWS rows of the training part, and its target."""
    import pandas as pd
    from sets import table_path, target_of
    table = pd.read_csv(table_path(data / name, "train"), dtype=str, keep_default_na=False)
    if len(table) > ROWS:
        table = table.sample(ROWS, random_state=1).sort_index()
    path = Path(scratch) / f"{name}.csv"
    table.to_csv(path, index=False)
    return path, target_of(data / name), table.shape[0] * table.shape[1]


def score_set(tool, name, path, target, missing):
    """Appends to the matrix row by row."""
    lines = "".join(f"{i} {setting}\n" for i, setting in enumerate(missing))
    process = subprocess.Popen([str(tool), path.name, target, str(FOLDS), str(SECONDS)],
                               cwd=path.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True)
    process.stdin.write(lines)
    process.stdin.close()
    for line in process.stdout:
        number, score, seconds = line.split()
        new = not MATRIX.exists()
        with MATRIX.open("a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if new:
                writer.writerow(["set", "setting", "score", "seconds"])
            writer.writerow([name, missing[int(number)],
                             "" if score.endswith("nan") else score, seconds])
    if process.wait() != 0:
        print(f"{name}: ended with {process.returncode}", file=sys.stderr)


def run(options):
    from sets import list_sets
    os.nice(19)
    done, settings = read_matrix(), read_settings()
    with tempfile.TemporaryDirectory(prefix="merlon-matrix-") as scratch:
        sets = [(name, *sample_of(options.data, name, scratch))
                for name, task in list_sets(options.data)
                if not options.only or name in options.only]
        for name, path, target, _ in sorted(sets, key=lambda row: row[3]):
            spent = resource.getrusage(resource.RUSAGE_CHILDREN)
            if spent.ru_utime + spent.ru_stime > 60 * options.minutes:
                break
            missing = [s for s in settings if (name, s) not in done]
            if missing:
                score_set(options.tool, name, path, target, missing)
                print(f"{name}: {len(missing)} settings", flush=True)


def regrets_of(matrix, settings):
    """{set: [regret by setting]} of the sets that are complete."""
    regrets = {}
    for name in sorted({name for name, _ in matrix}):
        if any((name, s) not in matrix for s in settings):
            continue
        scores = [matrix[name, s][0] for s in settings]
        known = [score for score in scores if score == score]
        base, best = scores[settings.index("baseline")], min(known)
        if base > best:
            regrets[name] = [min(1.0, (s - best) / (base - best)) if s == s else 1.0 for s in scores]
    return regrets


def greedy(regrets, n):
    """The first n settings, by their numbers."""
    best = {name: 1.0 for name in regrets}
    order = []
    width = len(next(iter(regrets.values())))
    while len(order) < n:
        total = {i: sum(min(best[name], row[i]) for name, row in regrets.items())
                 for i in range(width) if i not in order}
        order.append(min(total, key=lambda i: (total[i], i)))
        best = {name: min(best[name], row[order[-1]]) for name, row in regrets.items()}
    return order


def worth(row, order, n):
    return min(row[i] for i in order[:n])


def report():
    matrix, settings = read_matrix(), read_settings()
    regrets = regrets_of(matrix, settings)
    steps = [n for n in (1, 2, 3, 4, 6, 8, 12, 16, 24) if n <= len(settings)]
    order = greedy(regrets, len(settings))
    print(f"{len(regrets)} sets, {len(settings)} settings, "
          f"{sum(seconds for _, seconds in matrix.values()) / 60:.1f} minutes\n")
    for place, i in enumerate(order[:steps[-1]], 1):
        mean = sum(worth(row, order, place) for row in regrets.values()) / len(regrets)
        print(f"{place:3} {mean:.4f}  {settings[i]}")
    left_out = {name: greedy({k: v for k, v in regrets.items() if k != name}, steps[-1])
                for name in regrets}
    draw = random.Random(0)
    randoms = [draw.sample(range(len(settings)), len(settings)) for _ in range(DRAWS)]
    print("\nmean regret of the best of the first n, on the set that was left out")
    print("  n   greedy  random")
    for n in steps:
        own = sum(worth(regrets[name], left_out[name], n) for name in regrets) / len(regrets)
        other = sum(worth(row, r, n) for row in regrets.values() for r in randoms)
        print(f"{n:3}   {own:.4f}  {other / len(regrets) / DRAWS:.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser("run", help="score what the matrix does not have")
    runs.add_argument("tool", type=lambda text: Path(text).resolve(), help="the built bench_trials")
    runs.add_argument("--minutes", type=float, default=40, help="of processor time at most")
    runs.add_argument("--only", action="append", metavar="SET")
    runs.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    commands.add_parser("report", help="print the greedy portfolio and what it is worth")
    options = parser.parse_args()
    if options.command == "run":
        run(options)
    else:
        report()


if __name__ == "__main__":
    main()
