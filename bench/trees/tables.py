"""The tables of run.py: real ones from a folder of data, and ones made from a seed."""
import gzip
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass
class Table:
    """Numbers only, in float32: what every program gets."""
    name: str
    task: str  # "regression" or "classification"
    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray

    @property
    def n_classes(self):
        return 0 if self.task == "regression" else int(self.train_y.max()) + 1

    def write(self, folder):
        self.train_x.astype("<f8").tofile(folder / "train_x.f64")
        self.test_x.astype("<f8").tofile(folder / "test_x.f64")
        kind = "f64" if self.task == "regression" else "i32"
        self.train_y.astype("<f8" if kind == "f64" else "<i4").tofile(folder / f"train_y.{kind}")
        for part in ("train_x", "train_y", "test_x"):
            np.save(folder / f"{part}.npy", getattr(self, part))


def from_csv(folder, name, target, task):
    """Categories become the numbers of their sorted levels, missing cells NaN."""
    train, test = (pd.read_csv(folder / name / f"{part}.csv.gz") for part in ("train", "test"))
    both = pd.concat([train, test])
    columns = [c for c in train.columns if c != target]
    for column in both.columns:
        if both[column].dtype == object and (column != target or task != "regression"):
            levels = {v: i for i, v in enumerate(sorted(both[column].dropna().unique()))}
            train[column], test[column] = train[column].map(levels), test[column].map(levels)
        elif column == target and task != "regression":
            levels = {v: i for i, v in enumerate(sorted(both[column].unique()))}
            train[column], test[column] = train[column].map(levels), test[column].map(levels)
    y_type = np.float64 if task == "regression" else np.int32
    return Table(name, task, train[columns].to_numpy(np.float32), train[target].to_numpy(y_type),
                 test[columns].to_numpy(np.float32), test[target].to_numpy(y_type))


def adult(folder):
    return from_csv(folder, "adult", "class", "classification")


def california_housing(folder):
    return from_csv(folder, "california_housing", "median_house_value", "regression")


def covertype(folder):
    return from_csv(folder, "covertype", "Cover_Type", "classification")


def fashion_mnist(folder, n_rows=60000):
    def array(name, offset):
        with gzip.open(folder / "fashion_mnist" / f"{name}-ubyte.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=offset)

    return Table("fashion_mnist", "classification",
                 array("train-images-idx3", 16).reshape(-1, 784)[:n_rows].astype(np.float32),
                 array("train-labels-idx1", 8)[:n_rows].astype(np.int32),
                 array("t10k-images-idx3", 16).reshape(-1, 784).astype(np.float32),
                 array("t10k-labels-idx1", 8).astype(np.int32))


def synthetic(_folder, n_rows=1_000_000, n_columns=28):
    """Normal numbers whose products, waves and sums decide, with noise."""
    rng = np.random.default_rng(1)
    n_test = max(n_rows // 10, 1000)
    x = rng.standard_normal((n_rows + n_test, n_columns), dtype=np.float32)
    score = (x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + 0.5 * x[:, 3] * x[:, 4] + np.abs(x[:, 5])
             + 0.3 * x[:, 6:12].sum(axis=1))
    y = (score + rng.standard_normal(len(x), dtype=np.float32) > 0.6).astype(np.int32)
    return Table("synthetic", "classification", x[:n_rows], y[:n_rows], x[n_rows:], y[n_rows:])


def onehot(_folder, n_rows=200_000):
    """Ten variables of 50 levels each as 500 columns of zeros and ones."""
    rng = np.random.default_rng(2)
    n = n_rows + n_rows // 10
    codes = (50 * rng.random((n, 10)) ** 2).astype(np.int64)
    effects = rng.standard_normal((10, 50))
    score = effects[np.arange(10), codes].sum(axis=1) + effects[0, codes[:, 1]] * (codes[:, 2] > 9)
    y = (score + rng.standard_normal(n) > 0).astype(np.int32)
    x = np.zeros((n, 500), np.float32)
    x[np.arange(n)[:, None], codes + 50 * np.arange(10)] = 1
    return Table("onehot", "classification", x[:n_rows], y[:n_rows], x[n_rows:], y[n_rows:])


TABLES = {"adult": adult, "california_housing": california_housing, "covertype": covertype,
          "synthetic": synthetic, "fashion_mnist": fashion_mnist, "onehot": onehot}
