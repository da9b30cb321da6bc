/* Gradient boosting (Friedman, "Greedy function approximation: a gradient boosting machine", 2001)
 * with second-order trees (Chen, Guestrin, "XGBoost", KDD 2016): round after round a tree, for each
 * class one, that lowers the loss most.
 */
#ifndef MER_LEARN_GBDT_BOOST_H
#define MER_LEARN_GBDT_BOOST_H

#include "learn/ensemble.h"
#include "learn/gbdt_grow.h"
#include "learn/gbdt_objective.h"

struct mer_boost_options {
    size_t n_rounds;
    double learning_rate;
    double subsample;             /* share of the rows that each round draws */
    double colsample;             /* share of the features that each tree draws */
    size_t early_stopping_rounds; /* 0: none; else stop when so many rounds brought nothing */
    double validation_fraction;   /* rows held out for that */
    size_t n_watched;             /* the last so many rows are held out for that instead; 0: none */
    size_t least_rounds;          /* that are a model when the deadline comes; 0: none are */
    size_t hist_bytes;            /* for all histograms that are kept */
    uint64_t seed;
    struct mer_gbdt_limits limits;
};

struct mer_boosting {
    const struct mer_bins *bins;
    const struct mer_store *store;
    const struct mer_boost_target *target;
    const struct mer_boost_options *options;
    /* To go on from: the scores of the rows, [n_outputs][n_padded_rows]; NULL: from the best
     * constant. */
    const double *initial_scores;
    size_t n_outputs;
};

/* Adds the trees to the builder, whose base is set unless initial scores are given. *ret_losses,
 * owned by the caller, has the validation loss before the first round and after each (NULL without
 * early stopping). Cancelled: MER_ERR_CANCELLED. Too late: MER_ERR_BUDGET, or with least_rounds the
 * rounds that there are. */
MER_MUST_CHECK mer_status mer_boost(const struct mer_ctx *ctx, const struct mer_boosting *boosting,
                                    struct mer_ensemble_builder *builder, double **ret_losses,
                                    size_t *ret_n_losses, mer_err *err);

#endif
