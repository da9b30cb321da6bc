#!/usr/bin/python3
r"""Prints sklearn_linear.h: the optima that scikit-learn 1.2.1 finds on the tables of
linear_table.h, each with the solver and the tolerance that make it exact.

The tables come from the same generator in both languages: Knuth's 64-bit linear congruential one,
with exact arithmetic only.
Run: env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE /usr/bin/python3 make_sklearn_linear.py \
     > sklearn_linear.h
"""
import sys
import warnings

import numpy as np
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge

N_ROWS, N_DENSE, WIDTHS = 120, 4, (3, 5)


class Uniform:
    def __init__(self, seed):
        self.state = seed

    def __call__(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 11) * 2.0**-53


def table(seed, n_classes):
    """Rows of features (dense, then the indicators), y, weight: as linear_table.h makes them."""
    uniform = Uniform(seed)
    x = np.zeros((N_ROWS, N_DENSE + sum(WIDTHS)))
    y, w = np.zeros(N_ROWS), np.zeros(N_ROWS)
    for i in range(N_ROWS):
        for j in range(N_DENSE):
            x[i, j] = np.floor(uniform() * 256) / 64 - 2 + j
        surface = 0.5 * x[i, 0] - 0.25 * x[i, 1] * x[i, 2]
        start = N_DENSE
        for width in WIDTHS:
            code = int(np.floor(uniform() * (width + 1))) - 1
            if code >= 0:
                x[i, start + code] = 1
            surface += 0.5 * code
            start += width
        surface += 2 * uniform()
        y[i] = min(n_classes - 1, max(0, np.floor(surface))) if n_classes else surface
        w[i] = 0.25 + np.floor(uniform() * 16) / 8
    return x, y, w


def fit_regression(x, y, w, alpha, l1_ratio):
    total = len(y) if w is None else w.sum()
    model = (Ridge(alpha=alpha, solver="cholesky") if l1_ratio == 0 else
             ElasticNet(alpha=alpha / total, l1_ratio=l1_ratio, tol=1e-16, max_iter=10**7))
    model.fit(x, y, w)
    return np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)


def fit_classes(x, y, w, alpha, l1_ratio, class_weight):
    model = (LogisticRegression(C=1 / alpha, solver="newton-cg", tol=1e-13, max_iter=10**4,
                                class_weight=class_weight) if l1_ratio == 0 else
             LogisticRegression(C=1 / alpha, penalty="elasticnet", l1_ratio=l1_ratio,
                                solver="saga", tol=1e-14, max_iter=10**6, random_state=0,
                                class_weight=class_weight))
    model.fit(x, y, w)
    return model.coef_, model.intercept_


def numbers(array):
    texts = ["%.17g" % v for v in np.ravel(array)]
    lines = [", ".join(texts[i:i + 4]) for i in range(0, len(texts), 4)]
    return "{" + ",\n      ".join(lines) + "}"


def main():
    # At such tolerances a solver ends at rounding errors, which it calls not converged.
    warnings.simplefilter("ignore")
    print("/* Printed by make_sklearn_linear.py with scikit-learn 1.2.1: do not edit. */")
    print("/* clang-format off */")
    print("static const struct stored_optimum SKLEARN_OPTIMA[] = {")
    for n_classes in (0, 2, 4):
        for weighted in (False, True):
            x, y, w = table(21 + n_classes, n_classes)
            for alpha in (0.1, 1, 5):
                # A pure lasso leaves the weights of an even number of classes open.
                for l1_ratio in (0, 0.3, 0.9 if n_classes > 2 else 1):
                    for class_weight in (None, "balanced"):
                        if class_weight and (weighted or n_classes == 0 or alpha != 1):
                            continue
                        weights = w if weighted else None
                        if n_classes:
                            found = fit_classes(x, y, weights, alpha, l1_ratio, class_weight)
                        else:
                            found = fit_regression(x, y, weights, alpha, l1_ratio)
                        print("    {%d, %s, %s, %g, %g,\n     %s,\n     %s}," % (
                            n_classes, "true" if weighted else "false",
                            "true" if class_weight else "false", alpha, l1_ratio,
                            numbers(found[0]), numbers(found[1])))
                        sys.stdout.flush()
    print("};")


if __name__ == "__main__":
    main()
