#include "automl/pipeline.h"

#include <math.h>
#include <string.h>

#include "automl/target.h"
#include "core/team.h"

/* Rows that are prepared and predicted at a time: for each thread so many that what is prepared
 * stays in the cache, and not more in all than bounds the memory that a large table needs. */
enum { THREAD_ROWS = 1 << 13, PREDICT_ROWS_MAX = 1 << 16 };

void mer_pipeline_free(const struct mer_ctx *ctx, struct mer_pipeline *pipeline)
{
    if (!pipeline)
        return;
    struct mer_alloc *alloc = pipeline->alloc;
    mer_members_release(ctx, pipeline->members, pipeline->n_members);
    mer_quantiles_release(ctx, pipeline->quantiles, pipeline->n_quantiles);
    mer_prepare_free(ctx, pipeline->prepare);
    mer_schema_release(&pipeline->schema);
    mer_arena_release(&pipeline->arena);
    mer_free(alloc, pipeline);
}

mer_status mer_pipeline_new(struct mer_alloc *alloc, struct mer_pipeline **ret_pipeline,
                            mer_err *err)
{
    struct mer_pipeline *pipeline;

    MER_GUARD(mer_alloc_zero(alloc, 1, sizeof(*pipeline), &pipeline, err));
    pipeline->alloc = alloc;
    pipeline->score = NAN;
    pipeline->recalibration.loss_before = pipeline->recalibration.loss_after = NAN;
    pipeline->threshold.score_before = pipeline->threshold.score_after = NAN;
    mer_arena_init(&pipeline->arena, alloc);
    mer_schema_init(&pipeline->schema, alloc);
    *ret_pipeline = pipeline;
    return mer_ok();
}

/* Predictions [n_rows][width] for a design: a number, and its quantiles behind it. */
static mer_status predict_with_quantiles(const struct mer_ctx *ctx,
                                         const struct mer_pipeline *pipeline,
                                         const struct mer_design *design, double *predictions,
                                         mer_err *err)
{
    const size_t width = mer_pipeline_width(pipeline);
    double *own;

    MER_GUARD(mer_alloc_array(ctx->alloc, design->n_rows, sizeof(*own), &own, err));
    mer_status status =
        mer_members_predict(ctx, pipeline->members, pipeline->n_members, design, 1, own, err);
    for (size_t i = 0; mer_is_ok(status) && i < design->n_rows; i++)
        predictions[i * width] = own[i];
    mer_free(ctx->alloc, own);
    MER_GUARD(status);
    return mer_quantiles_predict(ctx, pipeline->quantiles, pipeline->n_quantiles, design, width,
                                 predictions + 1, err);
}

static mer_status predict_rows(const struct mer_ctx *ctx, const struct mer_pipeline *pipeline,
                               const struct mer_binding *binding, size_t first, size_t n,
                               double *predictions, mer_err *err)
{
    const size_t n_outputs = mer_target_outputs(pipeline->task, pipeline->n_classes);
    struct mer_prepared prepared;

    MER_GUARD(mer_binding_apply(ctx, binding, NULL, first, n, &prepared, err));
    const mer_status status =
        pipeline->n_quantiles > 0
            ? predict_with_quantiles(ctx, pipeline, &prepared.design, predictions, err)
            : mer_members_predict(ctx, pipeline->members, pipeline->n_members, &prepared.design,
                                  n_outputs, predictions, err);
    mer_prepared_release(ctx, &prepared);
    if (mer_is_ok(status))
        mer_recalibrate(ctx, &pipeline->recalibration, n, n_outputs, predictions);
    return status;
}

mer_status mer_pipeline_predict(const struct mer_ctx *ctx, const struct mer_pipeline *pipeline,
                                const struct mer_frame *frame, double **ret_predictions,
                                mer_err *err)
{
    const size_t width = mer_pipeline_width(pipeline);
    double *predictions;
    size_t n_values;

    if (!mer_size_mul(frame->n_rows, width, &n_values))
        return mer_fail(err, MER_ERR_MEMORY, "the predictions do not fit into memory");
    MER_GUARD(mer_alloc_array(ctx->alloc, n_values, sizeof(*predictions), &predictions, err));
    const mer_status status = mer_pipeline_predict_into(ctx, pipeline, frame, predictions, err);
    if (!mer_is_ok(status)) {
        mer_free(ctx->alloc, predictions);
        return status;
    }
    *ret_predictions = predictions;
    return mer_ok();
}

mer_status mer_pipeline_predict_into(const struct mer_ctx *ctx, const struct mer_pipeline *pipeline,
                                     const struct mer_frame *frame, double *predictions,
                                     mer_err *err)
{
    const size_t width = mer_pipeline_width(pipeline);
    const size_t n_threads = mer_team_size(ctx->team);
    const size_t step =
        n_threads < PREDICT_ROWS_MAX / THREAD_ROWS ? n_threads * THREAD_ROWS : PREDICT_ROWS_MAX;
    struct mer_binding *binding;
    mer_status status = mer_ok();

    MER_GUARD(mer_binding_new(ctx, pipeline->prepare, frame, &binding, err));
    for (size_t i = 0; i < frame->n_rows; i += step) {
        const size_t left = frame->n_rows - i;
        const size_t n = left < step ? left : step;
        MER_GUARD_GOTO(mer_ctx_check_cancel(ctx, err), out);
        MER_GUARD_GOTO(predict_rows(ctx, pipeline, binding, i, n, predictions + i * width, err),
                       out);
        mer_ctx_progress(ctx, "predicting", i + n, frame->n_rows);
    }
out:
    mer_binding_free(ctx, binding);
    return status;
}

/* What the model keeps of the schema's field of a column: how its cells are read and what they may
 * be; no values out of records (categories, enum), and nothing that holds for whole tables. */
static mer_status keep_field(struct mer_arena *arena, const struct mer_schema *schema, size_t i,
                             const struct mer_column *column, struct mer_field *ret_field,
                             mer_err *err)
{
    unsigned part;
    const struct mer_field *const field =
        mer_schema_field_of_column(schema, column->name, i, &part);
    struct mer_field kept = {0};
    if (field && (field->type == column->type || part)) {
        kept = *field;
        kept.categories = NULL;
        kept.n_categories = 0;
        kept.categories_ordered = false;
        kept.allowed = (struct mer_texts){0};
        kept.unique = false;
        if (part)
            kept.parts = part;
    }
    kept.name = column->name;
    kept.n_name = column->n_name;
    kept.type = column->type;
    return mer_field_copy(arena, &kept, ret_field, err);
}

mer_status mer_pipeline_set_schema(struct mer_pipeline *pipeline, const struct mer_frame *frame,
                                   const struct mer_schema *schema, mer_err *err)
{
    struct mer_schema *copy = &pipeline->schema;
    struct mer_field *fields;
    const char **missing_values;

    MER_GUARD(mer_arena_zero(&copy->arena, frame->n_columns, sizeof(*fields), &fields, err));
    MER_GUARD(mer_arena_zero(&copy->arena, schema->n_missing_values, sizeof(*missing_values),
                             &missing_values, err));
    for (size_t i = 0; i < frame->n_columns; i++)
        MER_GUARD(keep_field(&copy->arena, schema, i, &frame->columns[i], &fields[i], err));
    for (size_t i = 0; i < schema->n_missing_values; i++)
        MER_GUARD(mer_arena_text(&copy->arena, schema->missing_values[i],
                                 strlen(schema->missing_values[i]), &missing_values[i], err));
    copy->fields = fields;
    copy->n_fields = frame->n_columns;
    copy->missing_values = missing_values;
    copy->n_missing_values = schema->n_missing_values;
    return mer_ok();
}
