/* What the files of the evaluation share: the folds, prepared. */
#ifndef MER_AUTOML_EVALUATION_INTERNAL_H
#define MER_AUTOML_EVALUATION_INTERNAL_H

#include "automl/evaluation.h"

struct mer_fold {
    /* [n_rows]: training rows, those of the smallest rung first, then the rows to score on. */
    uint32_t *rows;
    size_t n_train;
    size_t n_valid;
    const uint32_t *place; /* [n_rows] of a row among those that are held out: its repetition's */
    size_t n_of_rung[MER_RUNGS_MAX + 1]; /* training rows of a rung: the first ones of `rows` */
    struct mer_prepare *prepare;
    int8_t *monotone;          /* NULL: no constraint */
    struct mer_prepared train; /* empty unless designs are kept */
    struct mer_prepared valid;
    double *values; /* the target of the rows, in their order; one of the two is NULL */
    int32_t *classes;
    double *weights; /* of the rows, in their order; NULL: all ones */
};

struct mer_evaluation {
    struct mer_evaluation_data data;
    struct mer_fold *folds; /* [data.n_folds] */
    struct mer_folds cut;   /* where the caller gave none; else zero */
    const struct mer_folds *how;
    uint32_t *place; /* [n_repeats][n_rows] of a row among those that are held out */
    size_t n_held_out;
    struct mer_held_out held_out; /* empty until somebody asks */
    unsigned n_rungs;             /* beside the one of all rows */
    bool keeps_designs;
    bool runs_parallel;
    size_t n_learnable; /* rows that a fit on all of them learns from */
    uint64_t prepare_cost;
};

/* Learns a fold's preprocessing from its training rows; what of it is shape_only says prepare.h. */
MER_MUST_CHECK mer_status mer_fold_prepare(const struct mer_ctx *ctx,
                                           const struct mer_evaluation *evaluation,
                                           const struct mer_fold *fold, bool shape_only,
                                           struct mer_prepare **ret_prepare, mer_err *err);
/* The designs of a fold's rows. */
MER_MUST_CHECK mer_status mer_fold_apply(const struct mer_ctx *ctx,
                                         const struct mer_evaluation *evaluation,
                                         const struct mer_fold *fold,
                                         struct mer_prepared *ret_train,
                                         struct mer_prepared *ret_valid, mer_err *err);
/* The columns of a second layer, which the fold has for all rows, for n of its rows from `first`
 * on; newly allocated. */
MER_MUST_CHECK mer_status mer_fold_columns(const struct mer_ctx *ctx, const struct mer_fold *fold,
                                           const double *columns, size_t n_columns, size_t first,
                                           size_t n, double **ret_columns, mer_err *err);
/* The target of the fold's rows: the training rows come first. */
struct mer_target mer_fold_target(const struct mer_evaluation *evaluation,
                                  const struct mer_fold *fold);

#endif
