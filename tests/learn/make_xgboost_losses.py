#!/usr/bin/env python3
"""Writes xgboost_losses.h: training losses of XGBoost on the table of gbdt_table.h, which
test_gbdt_objective.c compares its own with. Needs python3-xgboost.

    make_xgboost_losses.py > xgboost_losses.h
"""
import numpy
import xgboost

ROWS, COLUMNS, ROUNDS = 4000, 6, 40


def uniforms(seed):
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield (state >> 11) * 2.0**-53


def table(seed):
    draw = uniforms(seed)
    x = numpy.empty((ROWS, COLUMNS))
    y = numpy.empty(ROWS)
    for i in range(ROWS):
        for f in range(COLUMNS):
            x[i, f] = next(draw)
        row = x[i]
        y[i] = (2 * row[0] + (1 if row[1] > 0.5 else -1) * row[2] + 3 * row[3] * row[4]
                + next(draw) - 0.5)
    return x, y


def deviance(name, y, p):
    if name == "squared":
        return numpy.mean((y - p) ** 2)
    if name == "absolute":
        return numpy.mean(numpy.abs(y - p))
    if name == "poisson":
        return numpy.mean(p - y * numpy.log(p))
    if name == "gamma":
        return numpy.mean(y / p + numpy.log(p))
    return numpy.mean(p ** 0.5 / 0.5 + y * p ** -0.5 / 0.5)


def main():
    x, y = table(101)
    settings = {"tree_method": "hist", "grow_policy": "lossguide", "max_leaves": 31, "max_depth": 0,
                "eta": 0.1, "max_bin": 255, "reg_lambda": 1, "min_child_weight": 1, "nthread": 1}
    positive = numpy.abs(y) + 0.1
    print("/* Made by make_xgboost_losses.py with XGBoost %s: training losses after %d rounds. */"
          % (xgboost.__version__, ROUNDS))
    print("#ifndef TESTS_LEARN_XGBOOST_LOSSES_H\n#define TESTS_LEARN_XGBOOST_LOSSES_H\n")
    print("static const struct {\n    const char *objective;\n    double loss;\n}"
          " XGBOOST_LOSSES[] = {")
    for name, objective in [("squared", "reg:squarederror"), ("absolute", "reg:absoluteerror"),
                            ("poisson", "count:poisson"), ("gamma", "reg:gamma"),
                            ("tweedie", "reg:tweedie")]:
        target = y if name in ("squared", "absolute") else positive
        extra = {"objective": objective}
        if name == "tweedie":
            extra["tweedie_variance_power"] = 1.5
        model = xgboost.train({**settings, **extra}, xgboost.DMatrix(x, target), ROUNDS)
        p = model.predict(xgboost.DMatrix(x)).astype(float)
        print('    {"%s", %.9g},' % (name, deviance(name, target, p)))
    classes = (y > 1.75).astype(int)
    model = xgboost.train({**settings, "objective": "binary:logistic"},
                          xgboost.DMatrix(x, classes), ROUNDS)
    p = model.predict(xgboost.DMatrix(x)).astype(float)
    print('    {"logistic", %.9g},' % -numpy.mean(numpy.log(numpy.where(classes, p, 1 - p))))
    print("};\n\n#endif")


if __name__ == "__main__":
    main()
