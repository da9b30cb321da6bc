/* What the two files of a second layer share: search_layers.c tries it, search_stacking.c makes
 * what it learns from. */
#ifndef MER_AUTOML_SEARCH_LAYERS_H
#define MER_AUTOML_SEARCH_LAYERS_H

#include "automl/search_internal.h"

/* A setting of the second layer. */
struct mer_second_trial {
    struct mer_trial_request request;
    const struct mer_candidate *candidate; /* the same of the first */
    uint64_t refit_cost;
};

/* The second layer while it is tried. */
struct mer_layer {
    const struct mer_candidate *bases[MER_STACK_BASES_MAX];
    size_t kept[MER_STACK_BASES_MAX]; /* their places in the search's keep */
    size_t n_bases;
    size_t n_outputs;
    size_t width; /* columns of each base */
    size_t n_columns;
    struct mer_stack_scale scale;
    struct mer_evaluation *evaluation;
    uint64_t units_left;
    struct mer_second_trial trials[MER_SECOND_TRIALS_MAX];
    size_t n_trials;
    struct mer_keep both; /* the bases, whose predictions are the search's, and the second layer */
    bool is_cut;          /* time or memory did not do, or a person has ended it */
    bool is_impossible;   /* the data do not allow for it */
};

/* Trials that are run together: their numbers rise from the first one's on. */
struct mer_batch {
    const struct mer_trial_request *requests;
    size_t n;
    /* Told in the order of the requests; one that was given up is told to nobody. */
    mer_status (*tell)(void *self, const struct mer_ctx *ctx, size_t i,
                       const struct mer_trial_result *result, mer_err *err);
    void *self;
};
/* Runs them on the search's engine, as many at a time as it can. Ends with the first failure of the
 * engine or of `tell`, MER_ERR_BUDGET and MER_ERR_CANCELLED where one was given up
 * (search_batch.c). */
MER_MUST_CHECK mer_status mer_search_run_batch(const struct mer_ctx *ctx,
                                               const struct mer_search *search,
                                               const struct mer_batch *batch, mer_err *err);

/* Folds among the rows that a fold learns from. */
size_t mer_layer_inner_folds(const struct mer_search *search);

/* What the bases say, for the folds and for all rows, into the search; or the layer is impossible.
 */
MER_MUST_CHECK mer_status mer_layer_make_columns(const struct mer_ctx *ctx,
                                                 struct mer_search *search, struct mer_layer *layer,
                                                 mer_err *err);

#endif
