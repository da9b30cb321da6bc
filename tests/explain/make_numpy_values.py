#!/usr/bin/python3
"""Prints numpy_values.h: a table, and what numpy 1.24, scipy 1.10 and pandas 1.5 say about it.

Run: /usr/bin/python3 make_numpy_values.py > numpy_values.h
"""
import io

import numpy as np
import pandas as pd
from scipy import stats

COLUMNS = ["x", "skew", "grade", "count", "colour", "shape", "gap"]
NUMBERS = ["x", "skew", "count", "gap"]


def table():
    rng = np.random.default_rng(4)
    n = 120
    x = np.round(rng.normal(10, 3, n), 2)
    skew = np.round(np.exp(rng.normal(0, 1.2, n)) + 0.1 * x, 3)
    grade = rng.integers(1, 6, n)
    count = rng.poisson(40 + 2 * x)
    colour = np.array(["red", "green", "blue", "black", "white"])[
        np.minimum(4, (x / 4 + rng.normal(0, 0.7, n)).astype(int).clip(0))]
    shape = np.where(rng.random(n) < 0.3, "round", np.where(colour == "red", "square", "flat"))
    gap = np.round(2 * x - count + rng.normal(0, 4, n), 1)
    frame = pd.DataFrame(dict(x=x, skew=skew, grade=grade, count=count, colour=colour, shape=shape,
                              gap=gap))
    frame.loc[rng.choice(n, 25, replace=False), "gap"] = np.nan
    frame.loc[rng.choice(n, 11, replace=False), "skew"] = np.nan
    frame.loc[rng.choice(n, 9, replace=False), "shape"] = np.nan
    frame = pd.concat([frame, frame.iloc[[3, 3, 7]]], ignore_index=True)
    frame.loc[5, "x"] = 95.5
    frame.loc[6, "x"] = -60.25
    return frame


def cramers_v(a, b):
    both = a.notna() & b.notna()
    counts = pd.crosstab(a[both], b[both]).to_numpy()
    n = counts.sum()
    phi = stats.chi2_contingency(counts, correction=False)[0] / n
    r, k = counts.shape
    phi = max(0, phi - (r - 1) * (k - 1) / (n - 1))
    return np.sqrt(phi / min(r - (r - 1) ** 2 / (n - 1) - 1, k - (k - 1) ** 2 / (n - 1) - 1))


def correlation_ratio(category, number):
    both = category.notna() & number.notna()
    category, number = category[both], number[both]
    groups = [number[category == level].to_numpy() for level in category.unique()]
    total = ((number - number.mean()) ** 2).sum()
    within = sum(((g - g.mean()) ** 2).sum() for g in groups)
    mean_square = within / (len(number) - len(groups))
    return np.sqrt(max(0, total - within - (len(groups) - 1) * mean_square) / total)


def main():
    text = table().to_csv(index=False)
    frame = pd.read_csv(io.StringIO(text))
    print("/* Made by make_numpy_values.py; do not edit. */")
    print("static const char TABLE[] =")
    for line in text.strip().split("\n"):
        print(f'    "{line}\\n"')
    print("    ;\nstatic const struct number_values NUMBER_VALUES[] = {")
    for name in NUMBERS:
        v = frame[name].dropna().to_numpy(dtype=float)
        q = np.percentile(v, [0, 25, 50, 75, 100])
        scale = stats.median_abs_deviation(v, scale="normal")
        low, high = q[2] - 3.5 * scale, q[2] + 3.5 * scale
        print(f"    {{{COLUMNS.index(name)}, {len(v)}, {frame[name].nunique()}, "
              f"{{{', '.join(repr(float(x)) for x in q)}}}, {v.mean()!r}, {v.std(ddof=1)!r}, "
              f"{low!r}, {high!r}, {(v < low).sum()}, {(v > high).sum()}}},")
    print("};\nstatic const struct pair_values PAIR_VALUES[] = {")
    for i, a in enumerate(COLUMNS):
        for b in COLUMNS[i + 1:]:
            kinds = (frame[a].dtype == object) + (frame[b].dtype == object)
            if kinds == 0:
                both = frame[a].notna() & frame[b].notna()
                first = stats.pearsonr(frame[a][both], frame[b][both])[0]
                second = stats.spearmanr(frame[a][both], frame[b][both])[0]
            elif kinds == 2:
                first = second = cramers_v(frame[a], frame[b])
            elif frame[a].dtype == object:
                first = second = correlation_ratio(frame[a], frame[b])
            else:
                first = second = correlation_ratio(frame[b], frame[a])
            print(f"    {{{i}, {COLUMNS.index(b)}, {float(first)!r}, {float(second)!r}}},")
    print("};")
    print(f"enum {{ N_COPIES = {frame.duplicated().sum()}, "
          f"N_ROWS_WITH_GAP = {frame.isna().any(axis=1).sum()} }};")


main()
