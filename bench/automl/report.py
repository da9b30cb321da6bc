"""What the rows of a store say."""
import csv
import json

import numpy as np

from sets import PUBLISHED

BOOTSTRAP_SAMPLES = 2000


def read_store(store):
    """The rows; of a system that was run again the last counts."""
    path = store / "rows.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return list({(r["set"], r["budget"], r["system"]): r for r in rows}.values())


def not_worse_and_better(store, ours, theirs):
    """Two answers of a paired bootstrap of the mean loss, at 95 %."""
    losses = [np.load(store / f"{r['set']}.{r['budget']}.{r['system']}.npy") for r in (ours, theirs)]
    rng = np.random.default_rng(0)
    difference = losses[0] - losses[1]
    picks = rng.integers(0, len(difference), (BOOTSTRAP_SAMPLES, len(difference)))
    means = difference[picks].mean(axis=1)
    return bool(np.quantile(means, 0.025) <= 0), bool(np.quantile(means, 0.975) < 0)


def compare(store, rows):
    """One set and budget: {system: row} to a line of the report; None without Merlon or a peer."""
    ours = rows.get("merlon")
    peers = {name: row for name, row in rows.items() if name != "merlon" and "score" in row}
    if ours is None or not peers:
        return None
    line = {"set": ours["set"], "budget": ours["budget"], "task": ours["task"],
            "peers": {name: row["score"] for name, row in peers.items()}}
    if "score" not in ours:
        return line | {"error": ours["error"], "not_worse": False, "better": False, "rank": None}
    best = min(peers.values(), key=lambda row: row["score"])
    limit = 1.02 * best["score"] + (0 if ours["task"] == "regression" else 0.005)
    not_worse, better = not_worse_and_better(store, ours, best)
    return line | {"merlon": ours["score"], "best": best["score"], "seconds": ours["seconds"],
                   "family": ours.get("family"),
                   "within": bool(ours["seconds"] <= 1.05 * ours["budget"] + 1),
                   "not_worse": not_worse or ours["score"] <= limit, "better": better,
                   "rank": 1 + sum(score < ours["score"] for score in line["peers"].values())}


def published(data):
    path = data / "amlb_reference_scores.csv"
    if not path.exists():
        return {}
    with path.open() as file:
        return {row["task"]: row for row in csv.DictReader(file)}


def against_published(lines, scores):
    """How often Merlon is ahead of the LightGBM column, and near AutoGluon's; log loss and RMSE
    only, and not covertype, whose training part here is a small one."""
    ahead = near = n = 0
    for line in lines:
        row = scores.get(PUBLISHED.get(line["set"], line["set"].replace("_", "-")))
        if not row or row["metric"] == "auc" or line["set"] == "covertype" or "merlon" not in line:
            continue
        n += 1
        ahead += line["merlon"] <= float(row["lightgbm"] or "inf")
        near += line["merlon"] <= 1.1 * float(row["autogluon1_best_4h"] or "inf")
    return {"sets": n, "ahead_of_lightgbm": ahead, "within_10_percent_of_autogluon": near}


def summary(lines):
    ranked = [line["rank"] for line in lines if line["rank"]]
    return {"sets": len(lines), "not_worse": sum(line["not_worse"] for line in lines),
            "better": sum(line["better"] for line in lines),
            "mean_rank": float(np.mean(ranked)) if ranked else None,
            "budgets_kept": sum(line.get("within", False) for line in lines)}


def show(options):
    tables = {}
    for row in read_store(options.store):
        tables.setdefault((row["budget"], row["set"]), {})[row["system"]] = row
    lines = [line for key in sorted(tables) if (line := compare(options.store, tables[key]))]
    answer = {}
    for budget in sorted({line["budget"] for line in lines}):
        of_budget = [line for line in lines if line["budget"] == budget]
        answer[budget] = {"summary": summary(of_budget), "lines": of_budget,
                          "published": against_published(of_budget, published(options.data))}
    if options.json:
        print(json.dumps(answer, indent=1))
        return
    for budget, part in answer.items():
        show_budget(budget, part)


def show_budget(budget, part):
    print(f"{budget} s{'':17} {'merlon':>10} {'best peer':>10} {'ratio':>6} verdict     seconds")
    for line in part["lines"]:
        if "error" in line:
            print(f"{line['set']:20} {line['error']}")
            continue
        verdict = "better" if line["better"] else "not worse" if line["not_worse"] else "WORSE"
        ratio = f"{line['merlon'] / line['best']:6.3f}" if line["best"] > 1e-6 else "     -"
        peers = "  ".join(f"{name} {score:.5g}" for name, score in line["peers"].items())
        late = "" if line["within"] else " LATE"
        print(f"{line['set']:20} {line['merlon']:10.5g} {line['best']:10.5g} {ratio} {verdict:10} "
              f"{line['seconds']:7.1f}{late}  {peers}")
    for name in ("summary", "published"):
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in part[name].items()))
