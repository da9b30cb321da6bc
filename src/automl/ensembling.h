/* Which of the settings that a search tried are averaged, and with which weights: greedy selection
 * with replacement on the predictions for held-out rows (Caruana, Niculescu-Mizil, Crew, Ksikes:
 * "Ensemble selection from libraries of models", ICML 2004).
 *
 * Pure and deterministic: the same predictions in the same order give the same ensemble, for any
 * number of threads.
 */
#ifndef MER_AUTOML_ENSEMBLING_H
#define MER_AUTOML_ENSEMBLING_H

#include "learn/family.h"
#include "metric/metric.h"

enum { MER_KEPT_MAX = 48, MER_ENSEMBLE_STEPS = 25 };

/* The predictions of a trial for the held-out rows. */
struct mer_kept {
    size_t id;
    const struct mer_family *family;
    double score;
    uint64_t cost;      /* of fitting it on all rows, in work units */
    float *predictions; /* [n_values] */
};

/* Those of the best trials, in the order of their ids. */
struct mer_keep {
    bool greater_is_better;
    size_t n_values; /* of each: held-out rows times outputs */
    size_t max;      /* so many fit into the memory that there is */
    struct mer_kept items[MER_KEPT_MAX];
    size_t n;
};

/* Keeps a copy of the predictions, unless there is no room for one that is worse than all others;
 * then the worst goes that is not the best of its family. */
MER_MUST_CHECK mer_status mer_keep_add(const struct mer_ctx *ctx, struct mer_keep *keep,
                                       const struct mer_kept *kept, const double *predictions,
                                       mer_err *err);
/* Forgets a trial, if it was kept. */
void mer_keep_remove(const struct mer_ctx *ctx, struct mer_keep *keep, size_t id);
void mer_keep_release(const struct mer_ctx *ctx, struct mer_keep *keep);

/* What predictions are scored against: the held-out rows in their order. */
struct mer_selection {
    const struct mer_metric *metric;
    size_t n_rows;
    size_t n_outputs;
    size_t n_classes;
    const double *values; /* one of the two */
    const int32_t *classes;
    const double *weights; /* NULL: all ones */
    size_t max_members;
    uint64_t max_cost; /* of the members' costs; the best single one may exceed it */
};

/* Weights for the kept trials, [keep->n]: how often each was chosen, 0 for most. The best single
 * one alone when nothing averaged with it is better. */
MER_MUST_CHECK mer_status mer_ensemble_select(const struct mer_ctx *ctx,
                                              const struct mer_keep *keep,
                                              const struct mer_selection *selection,
                                              uint32_t *ret_weights, mer_err *err);
/* Work units that a selection takes. */
uint64_t mer_ensemble_select_cost(size_t n_kept, size_t n_rows, size_t n_outputs);

#endif
