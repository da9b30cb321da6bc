#!/usr/bin/python3
"""Prints sklearn_trees.h: what scikit-learn 1.2.1's decision trees say about the tables of
test_tree.c.

The tables come from the same generator in both languages: Knuth's 64-bit linear congruential one.
Features are multiples of 1/4096, which scikit-learn's float32 holds exactly. Where two splits are
equally good scikit-learn takes a random one: trees that depend on random_state are left out.
Run: /usr/bin/python3 make_sklearn_trees.py > sklearn_trees.h
"""
import sys

import numpy as np
from sklearn.metrics import mean_squared_error
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

N_TRAIN, N_TEST, N_FEATURES = 2000, 1000, 5


class Uniform:
    def __init__(self, seed):
        self.state = seed

    def __call__(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 11) * 2.0**-53


def table(seed, n_classes):
    """n rows of x, y, weight; y is a class, or a number when n_classes is 0."""
    uniform = Uniform(seed)
    n = N_TRAIN + N_TEST
    x, y, w = np.zeros((n, N_FEATURES)), np.zeros(n), np.zeros(n)
    for i in range(n):
        for j in range(N_FEATURES):
            x[i, j] = np.floor(uniform() * 4096) / 4096
        surface = 4 * x[i, 0] * x[i, 1] + 2 * (x[i, 2] > 0.5) - x[i, 3] + uniform()
        y[i] = min(n_classes - 1, max(0, np.floor(surface))) if n_classes else surface
        w[i] = 0.5 + np.floor(uniform() * 16) / 16
    return x, y, w


def brier(model, x, y, n_classes):
    """The mean squared distance of the probabilities from the truth."""
    p = np.zeros((len(y), n_classes))
    p[:, model.classes_.astype(int)] = model.predict_proba(x)
    return np.mean(np.sum((p - np.eye(n_classes)[y.astype(int)]) ** 2, axis=1))


def fit_and_score(x, y, w, n_classes, depth, random_state):
    kind = DecisionTreeClassifier if n_classes else DecisionTreeRegressor
    model = kind(max_depth=depth, min_samples_leaf=20, random_state=random_state)
    model.fit(x[:N_TRAIN], y[:N_TRAIN], None if w is None else w[:N_TRAIN])
    xt, yt = x[N_TRAIN:], y[N_TRAIN:]
    if n_classes:
        return model.get_n_leaves(), brier(model, xt, yt, n_classes)
    return model.get_n_leaves(), mean_squared_error(yt, model.predict(xt))


def main():
    print("/* Printed by make_sklearn_trees.py with scikit-learn 1.2.1: do not edit. */")
    print("static const struct stored_tree SKLEARN_TREES[] = {")
    for seed, n_classes in ((11, 0), (12, 2), (13, 5)):
        x, y, w = table(seed, n_classes)
        for depth in (1, 3, 6, 10):
            for weighted in (False, True):
                trees = [fit_and_score(x, y, w if weighted else None, n_classes, depth, state)
                         for state in range(8)]
                n_leaves, score = trees[0]
                if any(n != n_leaves or abs(s - score) > 1e-13 for n, s in trees):
                    continue
                flag = "true" if weighted else "false"
                print(f"    {{{seed}, {n_classes}, {depth}, {flag}, {n_leaves}, {score:.17g}}},")
    print("};")


if __name__ == "__main__":
    sys.exit(main())
