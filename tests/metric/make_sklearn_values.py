#!/usr/bin/python3
"""Prints sklearn_values.h: what scikit-learn 1.2.1 says about the arrays of test_metric.c.

The arrays come from the same generator in both languages: Knuth's 64-bit linear congruential one.
Run: /usr/bin/python3 make_sklearn_values.py > sklearn_values.h
"""
import sys
import warnings

import numpy as np
from sklearn import metrics as m

warnings.filterwarnings("ignore")


class Uniform:
    def __init__(self, seed):
        self.state = seed

    def __call__(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 11) * 2.0**-53


def weights_of(uniform, n):
    # Every seventh row has no weight.
    return np.array([0.0 if i % 7 == 3 else 0.25 + uniform() for i in range(n)])


def classification(seed, n, n_classes, decimals):
    """Truth, probabilities [n][n_classes] with many ties, weights."""
    uniform = Uniform(seed)
    truth = np.zeros(n, dtype=int)
    p = np.zeros((n, n_classes))
    for i in range(n):
        truth[i] = int(uniform() * n_classes)
        for k in range(n_classes):
            score = uniform() + (0.5 if k == truth[i] else 0.0)
            p[i, k] = np.floor(score * decimals) / decimals + 1 / 1024
        total = 0.0
        for k in range(n_classes):
            total += p[i, k]
        for k in range(n_classes):
            p[i, k] /= total
    return truth, p, weights_of(uniform, n)


def regression(seed, n):
    uniform = Uniform(seed)
    truth = np.array([10 * uniform() for _ in range(n)])
    prediction = np.array([t * 0.75 + 3 * uniform() for t in truth])
    return truth, prediction, weights_of(uniform, n)


def scores_of_classes(truth, p, weights):
    n_classes = p.shape[1]
    predicted = p.argmax(axis=1)
    w = {"sample_weight": weights}
    scores = {
        "log_loss": m.log_loss(truth, p, labels=range(n_classes), **w),
        "accuracy": m.accuracy_score(truth, predicted, **w),
        "balanced_accuracy": m.balanced_accuracy_score(truth, predicted, **w),
        "f1_macro": m.f1_score(truth, predicted, average="macro", **w),
        "f1_weighted": m.f1_score(truth, predicted, average="weighted", **w),
        "precision_macro": m.precision_score(truth, predicted, average="macro", **w),
        "recall_macro": m.recall_score(truth, predicted, average="macro", **w),
        "mcc": m.matthews_corrcoef(truth, predicted, **w),
        "kappa": m.cohen_kappa_score(truth, predicted, **w),
        "f1_micro": m.f1_score(truth, predicted, average="micro", **w),
    }
    if n_classes == 2:
        scores.update({
            "auc": m.roc_auc_score(truth, p[:, 1], **w),
            "average_precision": m.average_precision_score(truth, p[:, 1], **w),
            "brier": m.brier_score_loss(truth, p[:, 1], **w),
            "f1": m.f1_score(truth, predicted, **w),
            "precision": m.precision_score(truth, predicted, **w),
            "recall": m.recall_score(truth, predicted, **w),
        })
        return scores
    is_class = truth[:, None] == np.arange(n_classes)
    # What scikit-learn 1.7 has as brier_score_loss of more classes.
    scores["brier"] = np.average(((is_class - p) ** 2).sum(axis=1), weights=weights)
    if len(set(truth)) == n_classes:
        scores["auc"] = m.roc_auc_score(truth, p, multi_class="ovr", **w)
        scores["average_precision"] = m.average_precision_score(is_class, p, average="macro", **w)
    return scores


def scores_of_values(truth, prediction, weights):
    w = {"sample_weight": weights}
    mse = m.mean_squared_error(truth, prediction, **w)
    return {
        "rmse": m.mean_squared_error(truth, prediction, squared=False, **w),
        "mse": mse,
        "mae": m.mean_absolute_error(truth, prediction, **w),
        "r2": m.r2_score(truth, prediction, **w),
        "explained_variance": m.explained_variance_score(truth, prediction, **w),
        "median_ae": m.median_absolute_error(truth, prediction, **w),
        "mape": m.mean_absolute_percentage_error(truth, prediction, **w),
        # Not in scikit-learn: of the M competitions, without their factor of 100.
        "smape": np.average(2 * np.abs(prediction - truth)
                            / (np.abs(prediction) + np.abs(truth)), weights=weights),
        "msle": m.mean_squared_log_error(truth, prediction, **w),
        "rmsle": m.mean_squared_log_error(truth, prediction, squared=False, **w),
        "pinball_10": m.mean_pinball_loss(truth, prediction, alpha=0.1, **w),
        "pinball_50": m.mean_pinball_loss(truth, prediction, alpha=0.5, **w),
        "pinball_90": m.mean_pinball_loss(truth, prediction, alpha=0.9, **w),
        "max_error": m.max_error(truth, prediction),
    }


def absent_class(seed, n):
    """Four classes, of which 2 is never true and 3 neither true nor predicted."""
    truth, p, weights = classification(seed, n, 4, 8)
    truth = truth % 2
    p[:, 3] = 0
    p /= p.sum(axis=1, keepdims=True)
    return truth, p, weights


def certain(seed, n):
    """Probabilities of exactly 0 and 1, some of them wrong."""
    truth, p, weights = classification(seed, n, 2, 8)
    p = np.where(p == p.max(axis=1, keepdims=True), 1.0, 0.0)
    p /= p.sum(axis=1, keepdims=True)
    return truth, p, weights


def main():
    print("/* Printed by make_sklearn_values.py with scikit-learn 1.2.1: do not edit. */")
    print("static const struct stored_value SKLEARN_VALUES[] = {")
    cases = {
        "binary": (scores_of_classes, classification(1, 301, 2, 8)),
        "binary_fine": (scores_of_classes, classification(2, 1000, 2, 1 << 20)),
        "binary_certain": (scores_of_classes, certain(3, 100)),
        "multiclass": (scores_of_classes, classification(4, 500, 5, 8)),
        "absent_class": (scores_of_classes, absent_class(5, 200)),
        "regression": (scores_of_values, regression(6, 400)),
        "regression_odd": (scores_of_values, regression(7, 33)),
    }
    for name, (score, (truth, prediction, weights)) in cases.items():
        for weighted in (False, True):
            for metric, value in score(truth, prediction, weights if weighted else None).items():
                flag = "true" if weighted else "false"
                print(f'    {{"{name}", {flag}, "{metric}", {value:.17g}}},')
    print("};")


if __name__ == "__main__":
    sys.exit(main())
