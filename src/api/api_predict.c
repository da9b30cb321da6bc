/* Predicting and scoring through the public API. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "api/api_score.h"
#include "os/channel.h"
#include "os/memory_file.h"

/* The table as a memory file that a cell can map: mostly the one that it came in. */
static mer_status image_of(const struct mer_table *table, struct mer_cell_input *ret_image,
                           mer_err *err)
{
    *ret_image = (struct mer_cell_input){table->image, table->frame.n_image};
    if (table->image >= 0)
        return mer_ok();
    return mer_memory_file_of("merlon-table", table->frame.image, table->frame.n_image,
                              &ret_image->fd, err);
}

static mer_status predict_in_cell(const struct mer_fitted *model, const struct mer_table *table,
                                  double *predictions, mer_err *err)
{
    struct mer_cell_input image;
    MER_GUARD(image_of(table, &image, err));
    const mer_status status =
        mer_cell_pool_predict(model->cells, image, table->frame.n_rows, predictions, err);
    if (table->image < 0)
        mer_descriptor_close(image.fd);
    return status;
}

/* Where the model lives is decided here, and nowhere else. */
static mer_status predict_into(const struct mer_fitted *model, const struct mer_table *table,
                               double *predictions, mer_err *err)
{
    if (model->cells)
        return predict_in_cell(model, table, predictions, err);
    return mer_pipeline_predict_into(&model->context->ctx, model->pipeline, &table->frame,
                                     predictions, err);
}

/* The caller frees without a context, so the result is not in the context's accounting. */
static mer_status predict_width(const struct mer_fitted *model, const struct mer_table *table,
                                double **ret_predictions, mer_err *err)
{
    size_t n, n_bytes;
    double *predictions = NULL;
    if (mer_size_mul(table->frame.n_rows, mer_facts_width(model->facts), &n) &&
        mer_size_mul(n, sizeof(double), &n_bytes))
        predictions = malloc(n_bytes ? n_bytes : 1);
    if (!predictions)
        return mer_fail(err, MER_ERR_MEMORY, "the predictions of %zu rows do not fit into memory",
                        table->frame.n_rows);
    const mer_status status = predict_into(model, table, predictions, err);
    if (mer_is_ok(status))
        *ret_predictions = predictions;
    else
        free(predictions);
    return status;
}

/* Takes the quantiles out from behind the outputs, which close up. */
static mer_status take_quantiles(size_t n_rows, size_t n_quantiles, double *predictions,
                                 double **ret_quantiles, mer_err *err)
{
    double *const quantiles =
        ret_quantiles ? malloc(n_rows * n_quantiles * sizeof *quantiles + 1) : NULL;
    if (ret_quantiles && !quantiles)
        return mer_fail(err, MER_ERR_MEMORY, "the quantiles of %zu rows do not fit into memory",
                        n_rows);
    for (size_t i = 0; i < n_rows; i++) {
        const double *const row = predictions + i * (1 + n_quantiles);
        for (size_t q = 0; quantiles && q < n_quantiles; q++)
            quantiles[i * n_quantiles + q] = row[1 + q];
        predictions[i] = row[0];
    }
    if (ret_quantiles)
        *ret_quantiles = quantiles;
    return mer_ok();
}

/* [n_rows][outputs], and where they are wanted the quantiles. */
static mer_status predict_all(const struct mer_fitted *model, const struct mer_table *table,
                              double **ret_predictions, double **ret_quantiles, mer_err *err)
{
    double *predictions = NULL;
    MER_GUARD(predict_width(model, table, &predictions, err));
    if (model->facts->n_quantiles > 0) {
        const mer_status status = take_quantiles(table->frame.n_rows, model->facts->n_quantiles,
                                                 predictions, ret_quantiles, err);
        if (!mer_is_ok(status))
            free(predictions);
        MER_GUARD(status);
    }
    *ret_predictions = predictions;
    return mer_ok();
}

mer_status mer_predict_quantiles(const struct mer_fitted *model, const struct mer_table *table,
                                 double **ret_predictions, double **ret_quantiles, mer_err *err)
{
    double *predictions = NULL;
    if (model->facts->n_quantiles == 0)
        return mer_hint(err, mer_fail(err, MER_ERR_USAGE, "the model predicts no quantiles"),
                        "they are asked for when it is fitted: --quantiles 0.1,0.5,0.9");
    MER_GUARD(predict_all(model, table, &predictions, ret_quantiles, err));
    if (ret_predictions)
        *ret_predictions = predictions;
    else
        free(predictions);
    return mer_ok();
}

mer_status mer_predict(const struct mer_fitted *model, const struct mer_table *table,
                       double **ret_predictions, size_t *ret_n_outputs, mer_err *err)
{
    MER_GUARD(predict_all(model, table, ret_predictions, NULL, err));
    *ret_n_outputs = mer_facts_outputs(model->facts);
    return mer_ok();
}

/* The ends of an interval, which are numbers whatever is predicted. */
static void put_interval(const struct mer_conformal *conformal, double bound, double prediction,
                         double *ends)
{
    const double margin = mer_conformal_margin(conformal, bound, prediction);
    ends[0] = fmax(prediction - margin, -DBL_MAX);
    ends[1] = fmin(prediction + margin, DBL_MAX);
}

/* Which classes are possible; the most probable one always. */
static void put_set(double bound, const double *probabilities, size_t n, double *set)
{
    size_t best = 0;
    for (size_t k = 0; k < n; k++) {
        if (probabilities[k] > probabilities[best])
            best = k;
        set[k] = mer_conformal_holds(bound, probabilities[k]);
    }
    set[best] = 1;
}

mer_status mer_predict_interval(const struct mer_fitted *model, const double *predictions,
                                size_t n_rows, double coverage, double **ret_bounds, mer_err *err)
{
    const struct mer_facts *const facts = model->facts;
    const size_t n_outputs = mer_facts_outputs(facts);
    const size_t width = facts->task == MER_TASK_REGRESSION ? 2 : n_outputs;
    double bound, *bounds = NULL;
    size_t n, n_bytes;
    MER_GUARD(mer_conformal_bound(&facts->conformal, coverage, &bound, err));
    if (mer_size_mul(n_rows, width, &n) && mer_size_mul(n, sizeof(double), &n_bytes))
        bounds = malloc(n_bytes ? n_bytes : 1);
    if (!bounds)
        return mer_fail(err, MER_ERR_MEMORY, "the intervals of %zu rows do not fit into memory",
                        n_rows);
    for (size_t i = 0; i < n_rows; i++) {
        if (facts->task == MER_TASK_REGRESSION)
            put_interval(&facts->conformal, bound, predictions[i], bounds + i * width);
        else
            put_set(bound, predictions + i * n_outputs, n_outputs, bounds + i * width);
    }
    *ret_bounds = bounds;
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

mer_status mer_score_scored(const struct mer_fitted *model, const struct mer_scored *scored,
                            void (*each)(void *self, const char *metric, double value), void *self,
                            mer_err *err)
{
    return score_all(&model->context->ctx, model->facts->task, scored, each, self, err);
}

mer_status mer_score_visit(const struct mer_fitted *model, const struct mer_table *table,
                           mer_status (*visit)(void *self, const struct mer_scored *scored,
                                               mer_err *err),
                           void *self, mer_err *err)
{
    const struct mer_ctx *const ctx = &model->context->ctx;
    const struct mer_facts *const facts = model->facts;
    if (table->frame.n_rows == 0)
        return mer_fail(err, MER_ERR_DATA, "there are no rows to score");
    double *values = NULL, *predictions = NULL;
    int32_t *classes = NULL;
    mer_status status;
    MER_GUARD_GOTO(mer_facts_truth(ctx, facts, &table->frame, &values, &classes, err), done);
    MER_GUARD_GOTO(predict_all(model, table, &predictions, NULL, err), done);
    const struct mer_scored scored = {
        .n = table->frame.n_rows,
        .n_classes = facts->n_classes,
        .truth_values = values,
        .truth_classes = classes,
        .predictions = predictions,
        .threshold = facts->threshold.value,
    };
    status = visit(self, &scored, err);
done:
    free(predictions);
    mer_free(ctx->alloc, values);
    mer_free(ctx->alloc, classes);
    return status;
}

/* Scores of all rows. */
struct scoring {
    const struct mer_fitted *model;
    void (*each)(void *self, const char *metric, double value);
    void *self;
};

static mer_status score_rows(void *self, const struct mer_scored *scored, mer_err *err)
{
    const struct scoring *const scoring = self;
    return mer_score_scored(scoring->model, scored, scoring->each, scoring->self, err);
}

mer_status mer_score(const struct mer_fitted *model, const struct mer_table *table,
                     void (*each)(void *self, const char *metric, double value), void *self,
                     mer_err *err)
{
    struct scoring scoring = {model, each, self};
    return mer_score_visit(model, table, score_rows, &scoring, err);
}

mer_status mer_score_quantiles(const struct mer_fitted *model, const struct mer_table *table,
                               void (*each)(void *self, double level, double pinball_loss,
                                            double below),
                               void *self, mer_err *err)
{
    const struct mer_ctx *const ctx = &model->context->ctx;
    const struct mer_facts *const facts = model->facts;
    const size_t n = facts->n_quantiles, n_rows = table->frame.n_rows;
    double *values = NULL, *quantiles = NULL;
    int32_t *classes = NULL;
    if (n == 0 || n_rows == 0)
        return mer_ok();
    mer_status status = mer_facts_truth(ctx, facts, &table->frame, &values, &classes, err);
    if (mer_is_ok(status))
        status = mer_predict_quantiles(model, table, NULL, &quantiles, err);
    for (size_t q = 0; mer_is_ok(status) && q < n; q++) {
        const double level = facts->quantiles[q].level;
        double loss = 0, below = 0;
        for (size_t i = 0; i < n_rows; i++) {
            loss += mer_pinball_loss(level, values[i], quantiles[i * n + q]);
            below += values[i] <= quantiles[i * n + q] ? 1 : 0;
        }
        each(self, level, loss / (double)n_rows, below / (double)n_rows);
    }
    free(quantiles);
    mer_free(ctx->alloc, values);
    mer_free(ctx->alloc, classes);
    return status;
}
