#!/usr/bin/python3
"""Draws docs/growth.svg from the rows that run.py stored: training time against rows and columns.

    bench/trees/plot_growth.py [ROWS.csv [PICTURE.svg]]

Both axes are logarithmic, so that time in proportion to the table is a straight line at 45 degrees
(dashed). Text and lines take the colours of a light or a dark page by themselves.
"""
import csv
import math
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT = 360, 300  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 44, 46
NAMES = {"merlon": "Merlon", "xgboost": "XGBoost 1.7.4"}
STYLE = """
svg { --ink: #1f2328; --faint: #d0d7de; --merlon: #0969da; --xgboost: #bc4c00; --paper: #ffffff }
@media (prefers-color-scheme: dark) {
  svg { --ink: #e6edf3; --faint: #30363d; --merlon: #58a6ff; --xgboost: #f0883e; --paper: #0d1117 }
}
text { font: 12px sans-serif; fill: var(--ink) }
.title { font-weight: 600 }
.paper { fill: var(--paper) }
.grid { stroke: var(--faint); stroke-width: 1 }
.ideal { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 3 4; opacity: 0.6 }
.line { fill: none; stroke-width: 2 }
.merlon { stroke: var(--merlon) } .xgboost { stroke: var(--xgboost) }
.merlon-dot { fill: var(--merlon) } .xgboost-dot { fill: var(--xgboost) }
"""


def short(value):
    for limit, sign in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{sign}"
    return f"{value:g}"


def panel(series, title, label, ticks, x_limits, y_limits, offset):
    """One plot: series {name: [(x, seconds), ...]}."""
    plot_width, plot_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def across(x):
        return offset + LEFT + plot_width * math.log(x / x_limits[0]) / math.log(
            x_limits[1] / x_limits[0])

    def up(y):
        return TOP + plot_height * (1 - math.log(y / y_limits[0]) / math.log(
            y_limits[1] / y_limits[0]))

    parts = [f'<text class="title" x="{offset + LEFT}" y="20">{title}</text>']
    power = math.ceil(math.log10(y_limits[0]))
    while 10 ** power <= y_limits[1]:
        y = up(10 ** power)
        parts.append(f'<line class="grid" x1="{offset + LEFT}" x2="{offset + WIDTH - RIGHT}" '
                     f'y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text x="{offset + LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
                     f'{10.0 ** power:g} s</text>')
        power += 1
    for x in ticks:
        parts.append(f'<line class="grid" x1="{across(x):.1f}" x2="{across(x):.1f}" y1="{TOP}" '
                     f'y2="{HEIGHT - BOTTOM}"/><text x="{across(x):.1f}" '
                     f'y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{short(x)}</text>')
    parts.append(f'<text x="{offset + LEFT + plot_width / 2}" y="{HEIGHT - 8}" '
                 f'text-anchor="middle">{label}</text>')
    first = series["merlon"][0]
    last = min(x_limits[1], first[0] * y_limits[1] / first[1])
    parts.append(f'<line class="ideal" x1="{across(first[0]):.1f}" y1="{up(first[1]):.1f}" '
                 f'x2="{across(last):.1f}" y2="{up(first[1] * last / first[0]):.1f}"/>')
    for name, points in series.items():
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
        parts.append(f'<polyline class="line {name}" points="{path}"/>')
        parts += [f'<circle class="{name}-dot" cx="{across(x):.1f}" cy="{up(y):.1f}" r="3.5"/>'
                  for x, y in points]
        x, y = points[-1]
        if offset:  # what names the lines of both panels
            away = 22 if name == "merlon" else -10
            parts.append(f'<text x="{across(x):.1f}" y="{up(y) + away:.1f}" text-anchor="end">'
                         f'{NAMES[name]}</text>')
    return parts


def read(path, fixed, value, varies):
    series = {}
    with open(path, encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if int(row[fixed]) == value:
                series.setdefault(row["program"], {})[int(row[varies])] = float(row["seconds"])
    return {name: sorted(points.items()) for name, points in series.items()}


def main():
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "growth.csv"
    picture = Path(sys.argv[2]) if len(sys.argv) > 2 else HERE.parents[1] / "docs" / "growth.svg"
    rows = read(source, "columns", 28, "rows")
    columns = read(source, "rows", 100_000, "columns")
    parts = panel(rows, "28 columns", "rows", [10**4, 10**5, 10**6, 10**7], (7e3, 1.5e7),
                  (0.05, 150), 0)
    parts += panel(columns, "100,000 rows", "columns", [14, 28, 56, 112, 224, 448], (11, 600),
                   (0.05, 150), WIDTH)
    text = "Seconds to bin and train 100 trees of 63 leaves, against rows and against columns"
    svg = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" role="img" '
           f'aria-label="{text}"><title>{text}</title><style>{STYLE}</style>'
           f'<rect class="paper" width="{2 * WIDTH}" height="{HEIGHT}"/>\n' + "\n".join(parts)
           + "\n</svg>\n")
    picture.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
