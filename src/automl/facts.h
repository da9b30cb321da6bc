/* What is told about a fitted pipeline, and what reading a table for it takes: everything but what
 * predicts. So whoever shows a model or reads a table for it need not hold the pipeline, which may
 * live in a cell.
 */
#ifndef MER_AUTOML_FACTS_H
#define MER_AUTOML_FACTS_H

#include "automl/pipeline.h"

struct mer_facts {
    struct mer_arena arena; /* of what is not borrowed */
    /* The columns of the training table in their order, without the categories of categorical ones.
     */
    const struct mer_field *fields;
    size_t n_fields;
    const char *const *missing_values;
    size_t n_missing_values;
    /* What became of the fields but the target, in their order: [n_fields - 1]. */
    const struct mer_prepare_column *columns;
    const char *target; /* the very name of its field */
    enum mer_task task;
    size_t n_classes; /* 0 for regression */
    const char *const *labels;
    const struct mer_member *members; /* without their models where those are in a cell */
    size_t n_members;
    double score;       /* cross-validated, of what predicts; NaN: not known */
    const char *metric; /* a name in MER_METRICS */
    struct mer_reported reported;
    uint64_t seed;
    uint64_t units;
    size_t n_layers; /* that were tried, where the model was just made; 0: not known */
    struct mer_validation validation;
    size_t n_train_rows;
    const struct mer_trial *trials;
    size_t n_trials;
    struct mer_recalibration recalibration; /* without its curves */
    struct mer_threshold threshold;
    const struct mer_quantile *quantiles; /* without their models where those are in a cell */
    size_t n_quantiles;
    struct mer_conformal conformal;
};

/* The facts of a pipeline, most of them borrowed from it. Release with mer_facts_release. */
MER_MUST_CHECK mer_status mer_facts_of_pipeline(const struct mer_ctx *ctx,
                                                const struct mer_pipeline *pipeline,
                                                struct mer_facts *ret_facts, mer_err *err);
/* Of zeroed facts too. */
void mer_facts_release(struct mer_facts *facts);

/* What predicts: a family's name and title, or "ensemble". */
const char *mer_facts_family(const struct mer_facts *facts);
const char *mer_facts_title(const struct mer_facts *facts);

/* The first family of a member that holds its training rows; NULL: none does. */
const struct mer_family *mer_facts_row_keeper(const struct mer_facts *facts);

/* All numbers that are predicted for a row: quantiles stand behind the outputs. */
static inline size_t mer_facts_width(const struct mer_facts *facts)
{
    return mer_target_outputs(facts->task, facts->n_classes) + facts->n_quantiles;
}

/* Predictions for each row: what mer_predict tells. */
static inline size_t mer_facts_outputs(const struct mer_facts *facts)
{
    return mer_target_outputs(facts->task, facts->n_classes);
}

/* The target of a labelled table in the model's terms, for scoring. Exactly one of *ret_values and
 * *ret_classes becomes non-NULL: [n_rows] from ctx->alloc. A missing or unknown label is
 * MER_ERR_DATA with its row. */
MER_MUST_CHECK mer_status mer_facts_truth(const struct mer_ctx *ctx, const struct mer_facts *facts,
                                          const struct mer_frame *frame, double **ret_values,
                                          int32_t **ret_classes, mer_err *err);

#endif
