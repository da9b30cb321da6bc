/* A fitted pipeline, one object: the input schema, the preprocessing, the model and the target's
 * labels. Saves itself into a bundle; knows no file format and no key.
 */
#ifndef MER_AUTOML_PIPELINE_H
#define MER_AUTOML_PIPELINE_H

#include "automl/conformal.h"
#include "automl/fold.h"
#include "automl/member.h"
#include "automl/prepare.h"
#include "automl/quantile.h"
#include "automl/recalibration.h"
#include "automl/reported.h"
#include "automl/threshold.h"

/* One line of the leaderboard: what was tried and how it did. */
struct mer_trial {
    const struct mer_family *family;
    struct mer_params params;
    double score;     /* mean over the folds of the search's metric; NaN: failed */
    double deviation; /* standard deviation over the folds */
    uint64_t units;   /* work units it cost */
    double seconds;   /* wall clock; never saved, so 0 after loading, as are the next */
    size_t number;    /* from 1, in the order of the search */
    unsigned rung;    /* tried on a share of the training rows, 1 / 4^rung */
    bool is_second;   /* of the second layer (stack.h) */
    /* The metrics of pipeline->reported over the folds; NaN: not defined, or not known. */
    double reported[MER_REPORTED_MAX];
};

/* More no model file may list. */
enum { MER_TRIALS_MAX = 4096 };

struct mer_pipeline {
    struct mer_alloc *alloc;
    struct mer_arena arena; /* owns the small things below */
    /* The columns of the training table in their order; `prepare` describes the same ones but the
     * target. Without the categories of categorical columns: those that matter are in `prepare` and
     * `labels`, and the others may name people. */
    struct mer_schema schema;
    const char *target;
    enum mer_task task;
    size_t n_classes;
    const char *const *labels; /* class names in code order, as they stand in the data */
    struct mer_prepare *prepare;
    struct mer_member *members; /* at least one; the weightiest first */
    size_t n_members;
    /* Of more than one: the metric of the averaged predictions over the held-out rows. NaN: not
     * known. Of one: its trial's. */
    double score;
    const char *metric;           /* what the search optimised */
    struct mer_reported reported; /* what is shown beside it */
    uint64_t seed;
    uint64_t units;  /* reached at the last finished step; --units with it gives the same bytes */
    size_t n_layers; /* that were tried; never saved, so 0 after loading */
    struct mer_validation validation;
    struct mer_trial *trials; /* the one that was kept, then the others, best first */
    size_t n_trials;
    size_t n_train_rows;
    struct mer_recalibration recalibration; /* of the probabilities that are predicted */
    struct mer_threshold threshold;         /* of two classes: which one is predicted */
    struct mer_quantile *quantiles; /* of a number: predicted beside it, in the order of levels */
    size_t n_quantiles;
    struct mer_conformal conformal; /* without rows: it is not known how far predictions are off */
};

/* An empty one, for whoever fills it: the search, and loading. */
MER_MUST_CHECK mer_status mer_pipeline_new(struct mer_alloc *alloc,
                                           struct mer_pipeline **ret_pipeline, mer_err *err);
/* Sets the schema: the frame's columns in their order, `required` and the missing values as in
 * `schema`. */
MER_MUST_CHECK mer_status mer_pipeline_set_schema(struct mer_pipeline *pipeline,
                                                  const struct mer_frame *frame,
                                                  const struct mer_schema *schema, mer_err *err);
void mer_pipeline_free(const struct mer_ctx *ctx, struct mer_pipeline *pipeline);

/* Numbers that are predicted for a row: the outputs of the task, and the quantiles behind them. */
static inline size_t mer_pipeline_width(const struct mer_pipeline *pipeline)
{
    return mer_target_outputs(pipeline->task, pipeline->n_classes) + pipeline->n_quantiles;
}

/* The columns a table must have to be predicted on are schema's fields but the target.
 * ret_predictions: [n_rows][width], newly allocated from ctx->alloc, the caller's. */
MER_MUST_CHECK mer_status mer_pipeline_predict(const struct mer_ctx *ctx,
                                               const struct mer_pipeline *pipeline,
                                               const struct mer_frame *frame,
                                               double **ret_predictions, mer_err *err);
/* The same into memory of the caller's. The progress that it tells counts rows from the first whose
 * predictions are there and will not change. */
MER_MUST_CHECK mer_status mer_pipeline_predict_into(const struct mer_ctx *ctx,
                                                    const struct mer_pipeline *pipeline,
                                                    const struct mer_frame *frame,
                                                    double *predictions, mer_err *err);

/* The saved form: everything whose size depends on the data is an array, the rest canonical JSON:
 *
 *     {"format":1,"producer":"merlon","task":"binary","target":14,"classes":2,"train_rows":39073,
 *      "prepare":{...},"model":{"family":"tree","params":{...},"state":{...}},
 *      "search":{"metric":"log_loss","seed":"17","units":812345,"folds":5,"trials":[...]}}
 *
 * Where several models are averaged the format is 2, and instead of "model" there is
 *
 *     "ensemble":{"score":0.271,"models":[{"family":"gbdt","params":{...},"weight":7,"state":{...}},
 *      ...]}
 *
 * Where there are two layers the format is 3, and each model of the ensemble has its "layer", 1 or
 * 2, behind its weight; those of the first come first, may weigh nothing, and have "centre" and
 * "spread" behind it when a number is predicted (stack.h). So has each trial behind its units.
 *
 * Where rows were not simply shuffled, or more than once, "search" has
 * "validation":{"kind":"groups","repeats":1} behind the trials.
 *
 * Where probabilities are calibrated, "calibration" stands behind "search" (recalibration.h), and
 * where a threshold decides between two classes, "threshold" (threshold.h); "quantiles" of a number
 * (quantile.h) come behind those.
 *
 * Where errors on held-out rows are kept, "conformal_rows" stands behind "search": their number
 * (conformal.h has the arrays).
 *
 * The target is a number of a field; the seed is a text, because JSON has no 64-bit unsigned
 * numbers. No time, path, host or number of threads is in it. Loading validates everything as
 * hostile: after success, predicting is memory-safe for any table. */
MER_MUST_CHECK mer_status mer_pipeline_save(const struct mer_ctx *ctx,
                                            const struct mer_pipeline *pipeline,
                                            struct mer_bundle *bundle, mer_err *err);
MER_MUST_CHECK mer_status mer_pipeline_load(const struct mer_ctx *ctx,
                                            const struct mer_bundle *bundle,
                                            struct mer_pipeline **ret_pipeline, mer_err *err);

#endif
