"""One peer, in a process of its own: fits and predicts the arrays of a folder, prints JSON.

    peers.py LIBRARY FOLDER TASK SEED NAME=VALUE ...
"""
import json
import sys
import time
from pathlib import Path

import numpy as np

SINGLE_ROWS = 100


def status_bytes(name):
    """VmRSS or VmHWM; ru_maxrss would begin with what the parent had."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return 1024 * int(line.split()[1])
    return 0


def peak_bytes():
    return status_bytes("VmHWM")


def time_rows(predict, x):
    predict(x[:1])
    start = time.perf_counter()
    for row in range(SINGLE_ROWS):
        predict(x[row:row + 1])
    return 1e6 * (time.perf_counter() - start) / SINGLE_ROWS


def xgboost(x, y, test_x, task, seed, params):
    import xgboost as xgb
    n_classes = 0 if task == "regression" else int(y.max()) + 1
    settings = {"tree_method": "hist", "nthread": 2, "grow_policy": "lossguide", "max_depth": 0,
                "max_leaves": params["max_leaves"], "max_bin": params["max_bin"] + 1,
                "eta": params["learning_rate"], "seed": seed,
                "objective": "reg:squarederror" if n_classes == 0 else
                "binary:logistic" if n_classes == 2 else "multi:softprob"}
    if n_classes > 2:
        settings["num_class"] = n_classes
    rounds = params["n_estimators"]
    if params.get("sparse"):
        from scipy.sparse import csr_matrix
        x = csr_matrix(x)
        test_x = np.where(test_x == 0, np.float32("nan"), test_x)  # what is not stored is missing
    start = time.perf_counter()
    data = xgb.DMatrix(x, y)
    xgb.train(settings, data, 1)
    first = time.perf_counter() - start
    start = time.perf_counter()
    model = xgb.train(settings, data, rounds)  # the bins are kept in `data`
    train = time.perf_counter() - start
    peak = peak_bytes()
    start = time.perf_counter()
    predictions = model.inplace_predict(test_x)
    predict = time.perf_counter() - start
    return (max(first - train / rounds, 0), train, predict, predictions, peak,
            time_rows(model.inplace_predict, test_x))


def sklearn(library, x, y, test_x, task, seed, params):
    from sklearn import ensemble
    kind = "Regressor" if task == "regression" else "Classifier"
    if library == "sklearn":
        from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
        start = time.perf_counter()
        _BinMapper(params["max_bin"] + 1, n_threads=2).fit_transform(x.astype(np.float64))
        prepare = time.perf_counter() - start
        model = getattr(ensemble, f"HistGradientBoosting{kind}")(
            max_iter=params["n_estimators"], max_leaf_nodes=params["max_leaves"],
            learning_rate=params["learning_rate"], max_bins=params["max_bin"],
            min_samples_leaf=1, l2_regularization=1, early_stopping=False, random_state=seed)
    else:
        prepare = 0
        name = "RandomForest" if library == "sklearn_forest" else "ExtraTrees"
        model = getattr(ensemble, name + kind)(params["n_estimators"], n_jobs=2, random_state=seed)
    start = time.perf_counter()
    model.fit(x, y)
    train = time.perf_counter() - start
    peak = peak_bytes()
    ask = model.predict if task == "regression" else model.predict_proba
    start = time.perf_counter()
    predictions = ask(test_x)
    predict = time.perf_counter() - start
    row_us = time_rows(ask, test_x) if library == "sklearn" else 0
    return prepare, max(train - prepare, 0), predict, predictions, peak, row_us


def main():
    library, folder, task, seed = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    params = {}
    for setting in sys.argv[5:]:
        name, value = setting.split("=")
        params[name] = float(value) if "." in value else int(value)
    x, y, test_x = (np.load(folder / f"{part}.npy") for part in ("train_x", "train_y", "test_x"))
    Path("/proc/self/clear_refs").write_text("5")  # from now on the peak is that of what follows
    before = status_bytes("VmRSS")
    run = xgboost if library == "xgboost" else lambda *a: sklearn(library, *a)
    prepare, train, predict, predictions, peak, row_us = run(x, y, test_x, task, seed, params)
    np.asarray(predictions, "<f8").tofile(folder / "predictions.f64")
    print(json.dumps({"prepare_s": [prepare], "train_s": [train], "predict_s": predict,
                      "row_us": row_us, "peak_bytes": peak - before}))


if __name__ == "__main__":
    main()
