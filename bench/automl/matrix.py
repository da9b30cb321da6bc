#!/usr/bin/python3
"""The matrix that the search's portfolio is built from: the score of every setting on every set.

    bench/automl/matrix.py run BUILD/bench/automl/bench_trials [--minutes 40] [--only SET]...
    bench/automl/matrix.py report
    bench/automl/matrix.py check

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

`check` holds src/automl/portfolio.c to that order: of the settings that lower the mean regret by
LOWERS or more, none is missing, and those are in the order of the evidence that the table has under
"The evidence"; what it tries whatever comes out precedes the rest, as it does in a search. A setting
that is in the table under another heading (a plain one that is preferred among equals) is not moved.
"""
import argparse
import csv
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
MATRIX, SETTINGS = HERE / "matrix.csv", HERE / "settings.txt"
PORTFOLIO = HERE.parents[1] / "src" / "automl" / "portfolio.c"
ROWS, SECONDS, FOLDS, DRAWS = 3000, 12, 3, 200
LOWERS = 0.0001
# What the macros of portfolio.c set, and what is left out of settings.txt because it is the default.
MACROS = {
    "BASELINE": ("baseline", []),
    "RIDGE": ("linear", ["alpha"]),
    "LASSO": ("linear", ["alpha~"]),
    "TREE": ("tree", ["max_depth", "min_samples_leaf", "smoothing", "ccp_alpha"]),
    "GBDT": ("gbdt", ["n_estimators", "learning_rate", "max_leaves", "min_child_samples",
                      "colsample_bytree"]),
    "GBDT_SUB": ("gbdt", ["n_estimators", "learning_rate", "max_leaves", "min_child_samples",
                          "colsample_bytree", "subsample"]),
    "FOREST": ("random_forest", ["n_estimators", "max_features", "min_samples_leaf"]),
    "EXTRA": ("extra_trees", ["n_estimators", "max_features", "min_samples_leaf"]),
    "KERNEL": ("kernel", ["gamma", "n_components"]),
}
DEFAULTS = {"min_child_samples": 20, "colsample_bytree": 1, "max_features": 0, "smoothing": 5,
            "ccp_alpha": 0}


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


def setting_of(text):
    """A line of settings.txt as (family, {parameter: value})."""
    family, *pairs = text.split()
    named = dict(re.split("(?<=~)|=", pair, maxsplit=1) for pair in pairs)
    return family, tuple(sorted((name, named[name]) for name in named))


def read_portfolio():
    """[(is_evidence, setting)] in the order of the table; a setting is as setting_of gives it."""
    text = PORTFOLIO.read_text()
    rows, is_evidence = [], False
    for line in text[text.index("MER_PORTFOLIO[] = {"):].splitlines():
        if "/*" in line:
            is_evidence = "The evidence" in line
        found = re.match(r" *\{[01], *\w+, *(\w+)(?:\((.*)\))?\},", line)
        if not found or found[1] not in MACROS:
            continue
        family, names = MACROS[found[1]]
        values = [value.strip() for value in (found[2] or "").split(",") if value.strip()]
        named = {name: value for name, value in zip(names, values)
                 if name not in DEFAULTS or float(value) != DEFAULTS[name]}
        rows.append((is_evidence, (family, tuple(sorted(named.items())))))
    return rows


def check():
    """True where the table is what the evidence says; says what is not."""
    matrix, settings = read_matrix(), read_settings()
    regrets = regrets_of(matrix, settings)
    order, before, wanted = greedy(regrets, len(settings)), 1.0, []
    for place, i in enumerate(order, 1):
        mean = sum(worth(row, order, place) for row in regrets.values()) / len(regrets)
        if before - mean < LOWERS:
            break
        before = mean
        wanted.append(setting_of(settings[i]))
    portfolio = read_portfolio()
    missing = [one for one in wanted if one not in [row for _, row in portfolio]]
    have = [row for is_evidence, row in portfolio if is_evidence]
    moved = [one for one in wanted if one in have]
    for one in missing:
        print("not in the portfolio:", *one)
    for one in have:
        if one not in wanted:
            print("no evidence for:", *one)
    if have != moved:
        print("not in the order of the evidence; that is:", *moved, sep="\n    ")
    print(f"{len(wanted)} settings lower the mean regret by {LOWERS} or more; {len(have)} are in "
          "the order of the evidence")
    return not missing and have == moved


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser("run", help="score what the matrix does not have")
    runs.add_argument("tool", type=lambda text: Path(text).resolve(), help="the built bench_trials")
    runs.add_argument("--minutes", type=float, default=40, help="of processor time at most")
    runs.add_argument("--only", action="append", metavar="SET")
    runs.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    commands.add_parser("report", help="print the greedy portfolio and what it is worth")
    commands.add_parser("check", help="hold the program's portfolio to it")
    options = parser.parse_args()
    if options.command == "run":
        run(options)
    elif options.command == "check":
        sys.exit(0 if check() else 1)
    else:
        report()


if __name__ == "__main__":
    main()
