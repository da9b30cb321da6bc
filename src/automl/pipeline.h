/* A fitted pipeline, one object: the input schema, the preprocessing, the model and the target's
 * labels. Saves itself into a bundle; knows no file format and no key.
 */
#ifndef MER_AUTOML_PIPELINE_H
#define MER_AUTOML_PIPELINE_H

#include "automl/prepare.h"
#include "learn/family.h"

/* One line of the leaderboard: what was tried and how it did, in the order in which it was tried.
 */
struct mer_trial {
    const struct mer_family *family;
    struct mer_params params;
    double score;     /* mean over the folds of the search's metric; NaN: failed */
    double deviation; /* standard deviation over the folds */
    uint64_t units;   /* work units it cost */
    double seconds;   /* wall clock; never part of the model */
};

struct mer_pipeline {
    struct mer_alloc *alloc;
    struct mer_arena arena;   /* owns the small things below */
    struct mer_schema schema; /* the columns of the training table, target included */
    const char *target;
    enum mer_task task;
    size_t n_classes;
    const char *const *labels; /* class names in code order, as they stand in the data */
    struct mer_prepare *prepare;
    const struct mer_family *family;
    struct mer_params params;
    struct mer_model *model;
    const char *metric; /* what the search optimised */
    uint64_t seed;
    uint64_t units; /* reached at the last finished step; --units with it gives the same bytes */
    size_t n_folds;
    struct mer_trial *trials; /* best first */
    size_t n_trials;
    size_t n_train_rows;
};

void mer_pipeline_free(const struct mer_ctx *ctx, struct mer_pipeline *pipeline);

/* The features a table must have to be predicted on are schema's fields but the target.
 * ret_predictions: [n_rows][outputs], newly allocated from ctx->alloc, the caller's. */
MER_MUST_CHECK mer_status mer_pipeline_predict(const struct mer_ctx *ctx,
                                               const struct mer_pipeline *pipeline,
                                               const struct mer_frame *frame,
                                               double **ret_predictions, mer_err *err);
/* The target of a labelled table in the pipeline's terms, for scoring. Exactly one of *ret_values
 * and *ret_classes becomes non-NULL: [n_rows] from ctx->alloc. A missing or unknown label is
 * MER_ERR_DATA with its row. */
MER_MUST_CHECK mer_status mer_pipeline_truth(const struct mer_ctx *ctx,
                                             const struct mer_pipeline *pipeline,
                                             const struct mer_frame *frame, double **ret_values,
                                             int32_t **ret_classes, mer_err *err);

MER_MUST_CHECK mer_status mer_pipeline_save(const struct mer_ctx *ctx,
                                            const struct mer_pipeline *pipeline,
                                            struct mer_bundle *bundle, mer_err *err);
MER_MUST_CHECK mer_status mer_pipeline_load(const struct mer_ctx *ctx,
                                            const struct mer_bundle *bundle,
                                            struct mer_pipeline **ret_pipeline, mer_err *err);

#endif
