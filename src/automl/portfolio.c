#include "automl/portfolio.h"

#include "learn/adapt.h"

/* clang-format off */
#define BASELINE \
    "baseline", false, {{0}}
#define RIDGE(alpha) \
    "linear", false, {{"alpha", (alpha)}}
#define LASSO(alpha) \
    "linear", true, {{"alpha", (alpha)}, {"l1_ratio", 1}}
/* By adapt.h: the transform, the products, whether the target's logarithm is learned. */
#define EVEN(alpha, transform, products, log_target) \
    "linear", false, {{"alpha", (alpha)}, {"transform", (transform)}, {"products", (products)}, \
                      {"log_target", (log_target)}}
/* By crossings.h: pairs of categories. */
#define CROSSED(alpha, crossings) \
    "linear", false, {{"alpha", (alpha)}, {"crossings", (crossings)}}
#define TREE(depth, leaf, smoothing, ccp_alpha) \
    "tree", false, {{"max_depth", (depth)}, {"min_samples_leaf", (leaf)}, \
                    {"smoothing", (smoothing)}, {"ccp_alpha", (ccp_alpha)}}
/* Rounds at most: folds stop before that when their held-out rows say so. */
#define GBDT(rounds, rate, leaves, rows, columns) \
    "gbdt", false, {{"n_estimators", (rounds)}, {"learning_rate", (rate)}, \
                    {"max_leaves", (leaves)}, {"min_child_samples", (rows)}, \
                    {"colsample_bytree", (columns)}}
#define GBDT_SUB(rounds, rate, leaves, rows, columns, subsample) \
    "gbdt", false, {{"n_estimators", (rounds)}, {"learning_rate", (rate)}, \
                    {"max_leaves", (leaves)}, {"min_child_samples", (rows)}, \
                    {"colsample_bytree", (columns)}, {"subsample", (subsample)}}
#define GBDT_CROSSED(rounds, rate, leaves, rows, crossings) \
    "gbdt", false, {{"n_estimators", (rounds)}, {"learning_rate", (rate)}, \
                    {"max_leaves", (leaves)}, {"min_child_samples", (rows)}, \
                    {"crossings", (crossings)}}
#define FOREST(trees, features, leaf) \
    "random_forest", false, {{"n_estimators", (trees)}, {"max_features", (features)}, \
                             {"min_samples_leaf", (leaf)}}
#define EXTRA(trees, features, leaf) \
    "extra_trees", false, {{"n_estimators", (trees)}, {"max_features", (features)}, \
                           {"min_samples_leaf", (leaf)}}
#define KERNEL(gamma, components) \
    "kernel", false, {{"gamma", (gamma)}, {"n_components", (components)}}
#define BAYES(distribution, smoothing) \
    "naive_bayes", false, {{"distribution", (distribution)}, {"var_smoothing", (smoothing)}}
#define SCORE MER_PREFERENCE_SCORE

/* First what makes a usable model within a second, and boosting for large tables, which the evidence
 * has none of. Then in the order of the evidence (bench/automl/matrix.py check holds it to that), as
 * far as that lowers the mean regret; behind that what differs in kind, or is plainer. With rungs this
 * is the order of the trials, without them the cheapest of a round comes first. */
const struct mer_portfolio_row MER_PORTFOLIO[] = {
    {0, 0, BASELINE},
    {0, SCORE, TREE(8, 10, 20, 0)},
    {0, SCORE, TREE(16, 5, 5, 0)},
    {0, SCORE, GBDT(150, 0.2, 127, 20, 1)},
    /* The evidence, as far as it is tried whatever comes out. */
    {0, SCORE, GBDT(100, 0.1, 8, 20, 1)},
    {0, 1, RIDGE(10)},
    {0, SCORE, EXTRA(200, 0.5, 1)},
    {0, SCORE, KERNEL(0.1, 1024)},
    {0, SCORE, GBDT_SUB(1000, 0.05, 8, 5, 0.3, 0.7)},
    {0, SCORE, GBDT(1000, 0.05, 4, 5, 1)},
    {0, SCORE, GBDT(300, 0.1, 31, 20, 1)},
    /* What differs in kind. */
    {0, SCORE, EXTRA(100, 0, 1)},
    {0, SCORE, FOREST(100, 0, 5)},
    {0, 0, RIDGE(1)},
    {0, SCORE, EVEN(1, MER_TRANSFORM_NORMAL, 32, MER_LOG_TARGET_NONE)},
    {0, SCORE, FOREST(100, 0, 1)},
    {0, SCORE, TREE(40, 2, 5, 1e-3)},
    {0, SCORE, TREE(4, 10, 5, 0)},
    {0, SCORE, BAYES(0, 0.1)},
    {0, 2, RIDGE(100)},
    /* The evidence, for families that are not far behind. */
    {1, SCORE, KERNEL(0.3, 1024)},
    {1, SCORE, KERNEL(3, 1024)},
    {1, SCORE, GBDT(400, 0.1, 255, 10, 0.8)},
    {1, SCORE, EXTRA(200, 0.5, 2)},
    {1, SCORE, GBDT(2000, 0.02, 15, 10, 0.6)},
    {1, 1, RIDGE(0.1)},
    {1, SCORE, GBDT_SUB(300, 0.2, 31, 20, 0.5, 0.8)},
    {1, SCORE, GBDT(800, 0.05, 63, 40, 0.6)},
    {1, SCORE, GBDT_SUB(1000, 0.05, 31, 5, 0.4, 0.7)},
    /* What differs in kind, or is plainer. */
    {1, SCORE, GBDT(1000, 0.05, 31, 10, 0.8)},
    {1, SCORE, FOREST(200, 0.5, 2)},
    {1, SCORE, GBDT(1000, 0.05, 15, 10, 1)},
    {1, SCORE, GBDT(1000, 0.05, 8, 20, 0.6)},
    {1, SCORE, EXTRA(200, 1, 5)},
    {1, 2, RIDGE(1000)},
    {1, 2, RIDGE(0.01)},
    {1, 2, LASSO(1)},
    {1, 2, LASSO(10)},
    {1, SCORE, EVEN(1, MER_TRANSFORM_NORMAL, 0, MER_LOG_TARGET_NONE)},
    {1, SCORE, EVEN(1, MER_TRANSFORM_POWER, 0, MER_LOG_TARGET_NONE)},
    {1, SCORE, EVEN(1, MER_TRANSFORM_NONE, 32, MER_LOG_TARGET_NONE)},
    {1, SCORE, EVEN(1, MER_TRANSFORM_NORMAL, 0, MER_LOG_TARGET_MEAN)},
    {1, SCORE, EVEN(1, MER_TRANSFORM_NORMAL, 32, MER_LOG_TARGET_MEAN)},
    {1, SCORE, KERNEL(1, 512)},
    {1, SCORE, KERNEL(1, 2048)},
};
const size_t MER_PORTFOLIO_N = sizeof(MER_PORTFOLIO) / sizeof(MER_PORTFOLIO[0]);
/* clang-format on */
