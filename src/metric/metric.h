/* Scores and losses under their usual names, by scikit-learn's exact definitions.
 *
 * Sums are in a fixed order with deterministic transcendental functions (core/math.h): a score is
 * part of decisions that must be the same everywhere.
 */
#ifndef MER_METRIC_METRIC_H
#define MER_METRIC_METRIC_H

#include "core/ctx.h"

/* What is scored. Regression: truth_values and predictions [n]. Classification: truth_classes [n]
 * and predictions [n][n_classes], probabilities; the predicted class is the first of the largest,
 * or of two the second where its probability is `threshold` or more.
 */
struct mer_scored {
    size_t n;
    size_t n_classes; /* 0: regression */
    const double *truth_values;
    const int32_t *truth_classes;
    const double *predictions;
    const double *weights; /* or NULL */
    double threshold;      /* 0: none */
};

enum { MER_METRIC_REGRESSION = 1 << 0, MER_METRIC_BINARY = 1 << 1, MER_METRIC_MULTICLASS = 1 << 2 };

struct mer_metric {
    const char *name; /* "log_loss" */
    const char *title;
    unsigned tasks;
    bool greater_is_better;
    /* NaN with MER_OK where the metric is not defined for the data (auc with one class present). */
    mer_status (*score)(const struct mer_ctx *ctx, const struct mer_scored *scored,
                        double *ret_score, mer_err *err);
};

extern const struct mer_metric MER_METRICS[];
extern const size_t MER_N_METRICS;
const struct mer_metric *mer_metric_find(const char *name);

#endif
