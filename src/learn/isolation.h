/* Isolation forest (Liu, Ting, Zhou, "Isolation Forest", ICDM 2008): rows that random splits
 * separate from the others after few steps are unusual. The trees are an ensemble like any other,
 * whose score is the mean length of a row's path; the anomaly score is made of that.
 */
#ifndef MER_LEARN_ISOLATION_H
#define MER_LEARN_ISOLATION_H

#include "learn/ensemble_predict.h"

struct mer_isolation_options {
    size_t n_trees;     /* 100 in the paper */
    size_t sample_rows; /* of each tree, without putting back; at least 2; 256 in the paper */
    uint64_t seed;
};

struct mer_isolation {
    struct mer_ensemble ensemble;
    struct mer_ensemble_compact *compact;
    size_t sample_rows; /* at most the rows that there were */
};

/* The same forest for any number of threads. The isolation must stay where it is: its layout points
 * to its ensemble. */
MER_MUST_CHECK mer_status mer_isolation_fit(const struct mer_ctx *ctx,
                                            const struct mer_design *design,
                                            const struct mer_isolation_options *options,
                                            struct mer_isolation *ret_isolation, mer_err *err);
void mer_isolation_release(const struct mer_ctx *ctx, struct mer_isolation *isolation);

/* 2^(-mean path / expected path): near 1 for anomalies, below 0.5 for what is common. */
MER_MUST_CHECK mer_status mer_isolation_scores(const struct mer_ctx *ctx,
                                               const struct mer_isolation *isolation,
                                               const struct mer_ensemble_rows *rows,
                                               double *ret_scores /* [n_rows] */, mer_err *err);

/* The mean number of steps of an unsuccessful search in a binary tree of n keys, by which paths are
 * measured: 2 H(n - 1) - 2 (n - 1) / n. */
double mer_isolation_path(size_t n);

#endif
