"""What Merlon is compared with: scikit-learn's defaults and XGBoost tuned by random search.

Every peer gets the same tables: numbers as they are (the forest: medians for missing ones), texts of
up to 200 levels one-hot, more levels as numbers, columns of long texts as 64 dimensions of a
truncated SVD of their TF-IDF. For a set that is one text there is also logistic regression on the
TF-IDF itself.
"""
import time
import warnings

import numpy as np
import pandas as pd
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import (HistGradientBoostingClassifier, HistGradientBoostingRegressor,
                              RandomForestClassifier, RandomForestRegressor)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

warnings.filterwarnings("ignore")

LEVELS_ONE_HOT = 200
WORDS_A_TEXT = 4
# Drawn from for XGBoost: (low, high, how).
XGBOOST_SPACE = {"max_leaves": (4, 256, "log integer"), "learning_rate": (0.01, 0.3, "log"),
                 "min_child_weight": (0.1, 50, "log"), "subsample": (0.5, 1, "linear"),
                 "colsample_bytree": (0.4, 1, "linear"), "reg_lambda": (0.01, 100, "log")}
XGBOOST_ROUNDS = 2000
EARLY_STOPPING = 50
# Of its time the search leaves this part for the fit on all rows.
REFIT_SHARE = 0.25


def is_text(column):
    return column.dropna().astype(str).str.count(" ").mean() + 1 >= WORDS_A_TEXT


def encoder(features):
    numeric = list(features.select_dtypes(["number", "bool"]).columns)
    others = [c for c in features.columns if c not in numeric]
    texts = [c for c in others if features[c].nunique() > LEVELS_ONE_HOT and is_text(features[c])]
    few = [c for c in others if c not in texts and features[c].nunique() <= LEVELS_ONE_HOT]
    many = [c for c in others if c not in texts and c not in few]
    steps = [("passthrough", numeric),
             (OneHotEncoder(handle_unknown="ignore", sparse_output=False), few),
             (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), many)]
    steps += [(make_pipeline(TfidfVectorizer(min_df=2, sublinear_tf=True),
                             TruncatedSVD(64, random_state=0)), c) for c in texts]
    return make_column_transformer(*[step for step in steps if len(step[1])], sparse_threshold=0)


def encoded(data):
    columns = encoder(data.train_x)
    train = columns.fit_transform(filled(data.train_x))
    return np.asarray(train, float), np.asarray(columns.transform(filled(data.test_x)), float)


def filled(features):
    others = features.select_dtypes(exclude=["number", "bool"]).columns
    return features.assign(**{c: features[c].fillna("") for c in others})


def hist_boosting(data, seconds, threads):
    train, test = encoded(data)
    kind = HistGradientBoostingRegressor if data.is_regression else HistGradientBoostingClassifier
    return fit_predict(kind(random_state=0), data, train, test)


def random_forest(data, seconds, threads):
    train, test = encoded(data)
    kind = RandomForestRegressor if data.is_regression else RandomForestClassifier
    model = make_pipeline(SimpleImputer(strategy="median"), kind(random_state=0, n_jobs=threads))
    return fit_predict(model, data, train, test)


def tfidf_logistic(data, seconds, threads):
    column = data.train_x.columns[0]
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
    train = words.fit_transform(data.train_x[column].fillna(""))
    model = LogisticRegression(C=10, max_iter=1000)
    return fit_predict(model, data, train, words.transform(data.test_x[column].fillna("")))


def fit_predict(model, data, train, test):
    model.fit(train, data.train_y)
    if data.is_regression:
        return None, model.predict(test)
    return list(model.classes_), model.predict_proba(test)


def draw(rng):
    settings = {}
    for name, (low, high, how) in XGBOOST_SPACE.items():
        value = (rng.uniform(low, high) if how == "linear"
                 else np.exp(rng.uniform(np.log(low), np.log(high))))
        settings[name] = int(round(value)) if "integer" in how else float(value)
    return settings


class OutOfTime(xgboost.callback.TrainingCallback):
    def __init__(self, end):
        self.end = end

    def after_iteration(self, model, epoch, evals_log):
        return time.monotonic() > self.end


def xgboost_search(data, seconds, threads):
    """Random search on a fifth that is held out, with early stopping; then a fit on all rows with
    the best setting and 1.1 times its rounds. The first setting is XGBoost's own."""
    start = time.monotonic()
    train, test = encoded(data)
    labels, y = (None, data.train_y) if data.is_regression else np.unique(data.train_y,
                                                                          return_inverse=True)
    counts = None if data.is_regression else np.bincount(y)
    fitted, held = train_test_split(np.arange(len(y)), test_size=0.2, random_state=0,
                                    stratify=y if counts is not None and counts.min() > 1 else None)
    fixed = {"tree_method": "hist", "nthread": threads, "grow_policy": "lossguide", "max_depth": 0,
             "seed": 0, "verbosity": 0, "objective": "reg:squarederror"}
    if counts is not None:
        fixed |= ({"objective": "binary:logistic"} if len(labels) == 2 else
                  {"objective": "multi:softprob", "num_class": len(labels)})
    parts = xgboost.DMatrix(train[fitted], y[fitted]), xgboost.DMatrix(train[held], y[held])
    rng = np.random.default_rng(0)
    search_end = start + seconds * (1 - REFIT_SHARE)
    best = None
    while best is None or time.monotonic() < search_end:
        settings = fixed | ({} if best is None else draw(rng))
        if best is None:
            settings |= {"max_leaves": 64, "learning_rate": 0.1}
        booster = xgboost.train(settings, parts[0], XGBOOST_ROUNDS, [(parts[1], "held")],
                                early_stopping_rounds=EARLY_STOPPING, verbose_eval=False,
                                callbacks=[OutOfTime(search_end)])
        if best is None or booster.best_score < best[0]:
            best = booster.best_score, settings, booster.best_iteration + 1
    last = xgboost.train(best[1], xgboost.DMatrix(train, y), int(1.1 * best[2]) + 1,
                         callbacks=[OutOfTime(start + seconds)])
    predicted = last.predict(xgboost.DMatrix(test))
    if data.is_regression:
        return None, predicted.astype(float)
    if len(labels) == 2:
        predicted = np.column_stack([1 - predicted, predicted])
    return list(labels), predicted.astype(float)


def peers_of(task):
    peers = {"hist_boosting": hist_boosting, "random_forest": random_forest,
             "xgboost_search": xgboost_search}
    return peers | ({"tfidf_logistic": tfidf_logistic} if task == "text" else {})
