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
    bool is_cut;          /* the clock, or a person, has ended it */
    bool is_impossible;   /* the data do not allow for it */
};

/* Folds among the rows that a fold learns from. */
size_t mer_layer_inner_folds(const struct mer_search *search);

/* What the bases say, for the folds and for all rows, into the search; or the layer is cut, or
 * impossible. */
MER_MUST_CHECK mer_status mer_layer_make_columns(const struct mer_ctx *ctx,
                                                 struct mer_search *search, struct mer_layer *layer,
                                                 mer_err *err);

/* What the end of a fit that did not succeed means for the layer: time is up, somebody wants what
 * there is, or it fails. */
MER_MUST_CHECK mer_status mer_layer_end(const struct mer_ctx *ctx, struct mer_search *search,
                                        struct mer_layer *layer,
                                        const struct mer_trial_result *result, mer_err *err);

#endif
