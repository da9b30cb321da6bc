"""The data sets of ../shared/data that the benchmark of `fit` runs on."""
import re
from pathlib import Path

import numpy as np
import pandas as pd

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
TASKS = ("classification", "regression", "text")
# These get the long budget.
LONG = ("adult", "ames_housing", "bank_marketing", "california_housing", "covertype", "diamonds",
        "fars", "letter", "us_crime", "wine_quality_white")
# What a set is called in amlb_reference_scores.csv, where that is not its name with hyphens.
PUBLISHED = {"adult": "adult", "australian": "Australian", "ozone_level_8hr": "ozone-level-8hr",
             "satellite_outlier": "Satellite", "covertype": "covertype", "cnae9": "cnae-9",
             "us_crime": "us_crime", "wine_quality": "wine_quality",
             "wine_quality_white": "wine-quality-white"}


def list_sets(data):
    """[(name, task)], task being classification, regression or text, from the data's README."""
    rows = re.findall(r"^\| (\w+) \| (\w+)", (data / "README.md").read_text(), re.MULTILINE)
    return sorted((name, task) for name, task in rows if task in TASKS)


def table_path(folder, part):
    for name in (f"{part}.csv", f"{part}.csv.gz"):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"{folder.name} has no {part}.csv")


def target_of(folder):
    found = re.search(r"target: `([^`]+)`", (folder / "README.md").read_text())
    if not found:
        raise ValueError(f"the README of {folder.name} names no target")
    return found.group(1)


class DataSet:
    """A set read for the peers: features as pandas reads them, classes as texts."""

    def __init__(self, data, name, task):
        self.name = name
        self.is_regression = task == "regression"
        self.folder = data / name
        self.target = target_of(self.folder)
        self.train_x, self.train_y = self._read("train")
        self.test_x, self.test_y = self._read("test")

    def _read(self, part):
        dtype = None if self.is_regression else {self.target: str}
        table = pd.read_csv(table_path(self.folder, part), na_values=["?"], dtype=dtype)
        target = table[self.target]
        return (table.drop(columns=self.target),
                target.to_numpy(float) if self.is_regression else target.to_numpy(str))

    def losses(self, labels, predictions):
        """Per test row: the squared error, or minus the logarithm of the true class's probability.
        A true class without a column, or of probability 0, counts as 1e-15."""
        if self.is_regression:
            return (predictions - self.test_y) ** 2
        column = {label: i for i, label in enumerate(labels)}
        right = np.array([predictions[i, column[y]] if y in column else 0.0
                          for i, y in enumerate(self.test_y)])
        return -np.log(np.clip(right / predictions.sum(axis=1), 1e-15, 1.0))


def score_of(is_regression, losses):
    """RMSE or log loss: less is better."""
    return float(np.sqrt(losses.mean()) if is_regression else losses.mean())
