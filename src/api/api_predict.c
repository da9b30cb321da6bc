/* Predicting and scoring through the public API. */
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "metric/metric.h"

mer_status mer_predict(const struct mer_fitted *model, const struct mer_table *table,
                       double **ret_predictions, size_t *ret_n_outputs, mer_err *err)
{
    const struct mer_ctx *const ctx = &model->context->ctx;
    const struct mer_pipeline *const pipeline = model->pipeline;
    const size_t n_outputs = mer_target_outputs(pipeline->task, pipeline->n_classes);
    size_t n, n_bytes;
    if (!mer_size_mul(table->frame.n_rows, n_outputs, &n) ||
        !mer_size_mul(n, sizeof(double), &n_bytes))
        return mer_fail(err, MER_ERR_MEMORY, "the predictions of %zu rows do not fit into memory",
                        table->frame.n_rows);
    double *predictions;
    MER_GUARD(mer_pipeline_predict(ctx, pipeline, &table->frame, &predictions, err));
    /* The caller frees without a context, so the result leaves the context's accounting. */
    double *const copy = malloc(n_bytes ? n_bytes : 1);
    if (copy)
        memcpy(copy, predictions, n_bytes);
    mer_free(ctx->alloc, predictions);
    if (!copy)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for the predictions of %zu rows",
                        table->frame.n_rows);
    *ret_predictions = copy;
    *ret_n_outputs = n_outputs;
    return mer_ok();
}

static unsigned task_bit(enum mer_task task)
{
    switch (task) {
    case MER_TASK_REGRESSION:
        return MER_METRIC_REGRESSION;
    case MER_TASK_BINARY:
        return MER_METRIC_BINARY;
    case MER_TASK_MULTICLASS:
        return MER_METRIC_MULTICLASS;
    }
    return 0;
}

static mer_status score_all(const struct mer_ctx *ctx, enum mer_task task,
                            const struct mer_scored *scored,
                            void (*each)(void *self, const char *metric, double value), void *self,
                            mer_err *err)
{
    for (size_t i = 0; i < MER_N_METRICS; i++) {
        if (!(MER_METRICS[i].tasks & task_bit(task)))
            continue;
        double value;
        MER_GUARD(MER_METRICS[i].score(ctx, scored, &value, err));
        each(self, MER_METRICS[i].name, value);
    }
    return mer_ok();
}

mer_status mer_score(const struct mer_fitted *model, const struct mer_table *table,
                     void (*each)(void *self, const char *metric, double value), void *self,
                     mer_err *err)
{
    const struct mer_ctx *const ctx = &model->context->ctx;
    const struct mer_pipeline *const pipeline = model->pipeline;
    if (table->frame.n_rows == 0)
        return mer_fail(err, MER_ERR_DATA, "there are no rows to score");
    double *values = NULL, *predictions = NULL;
    int32_t *classes = NULL;
    mer_status status;
    MER_GUARD_GOTO(mer_pipeline_truth(ctx, pipeline, &table->frame, &values, &classes, err), done);
    MER_GUARD_GOTO(mer_pipeline_predict(ctx, pipeline, &table->frame, &predictions, err), done);
    const struct mer_scored scored = {
        .n = table->frame.n_rows,
        .n_classes = pipeline->task == MER_TASK_REGRESSION ? 0 : pipeline->n_classes,
        .truth_values = values,
        .truth_classes = classes,
        .predictions = predictions,
    };
    status = score_all(ctx, pipeline->task, &scored, each, self, err);
done:
    mer_free(ctx->alloc, predictions);
    mer_free(ctx->alloc, values);
    mer_free(ctx->alloc, classes);
    return status;
}
