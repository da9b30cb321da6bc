#include "learn/adapt.h"

#include <math.h>
#include <string.h>

#include "core/math.h"
#include "core/sort.h"
#include "core/team.h"

enum {
    TASK_ROWS = 1024,
    REFERENCES_ALL_MAX = 1 << 18, /* of all columns together: 2 MB */
    REFERENCES_MIN = 32
};

static const double PRODUCT_CLIP = 5;

const char *const MER_TRANSFORM_NAMES[] = {"none", "robust", "power", "normal", "uniform", NULL};
const char *const MER_LOG_TARGET_NAMES[] = {"none", "mean", "median", NULL};

void mer_adapter_release(const struct mer_ctx *ctx, struct mer_adapter *adapter)
{
    mer_free(ctx->alloc, adapter->columns);
    mer_free(ctx->alloc, adapter->references);
    mer_free(ctx->alloc, adapter->factors);
    mer_free(ctx->alloc, adapter->product_scales);
    *adapter = (struct mer_adapter){0};
}

void mer_adapted_release(const struct mer_ctx *ctx, struct mer_adapted *adapted)
{
    mer_free(ctx->alloc, adapted->dense);
    *adapted = (struct mer_adapted){0};
}

static size_t n_changed(const struct mer_adapter *adapter)
{
    return adapter->n_dense - adapter->n_condensed;
}

/* ---- columns ---- */

struct learning {
    const struct mer_ctx *ctx;
    const struct mer_design *design;
    struct mer_adapter *adapter;
    double *values;       /* [team][n_rows] */
    mer_status *statuses; /* [n_changed] */
};

static void learn_column(void *argument, size_t task, size_t worker)
{
    const struct learning *learning = argument;
    const struct mer_design *design = learning->design;
    struct mer_adapter *adapter = learning->adapter;
    double *const values = learning->values + worker * design->n_rows;
    for (size_t i = 0; i < design->n_rows; i++)
        values[i] = design->dense[i * design->n_dense + task];
    learning->statuses[task] = mer_column_transform_learn(
        learning->ctx, adapter->transform, values, design->n_rows,
        adapter->references ? adapter->references + task * adapter->n_references : NULL,
        adapter->n_references, &adapter->columns[task], NULL);
}

static size_t count_references(const struct mer_adapter *adapter, size_t n_rows)
{
    if (adapter->transform != MER_TRANSFORM_NORMAL && adapter->transform != MER_TRANSFORM_UNIFORM)
        return 0;
    size_t n = n_changed(adapter) ? REFERENCES_ALL_MAX / n_changed(adapter) : 0;
    n = n > MER_REFERENCES_MAX ? MER_REFERENCES_MAX : n;
    n = n > n_rows ? n_rows : n;
    return n < REFERENCES_MIN ? REFERENCES_MIN : n;
}

static mer_status learn_columns(struct learning *learning, mer_err *err)
{
    const struct mer_ctx *ctx = learning->ctx;
    struct mer_adapter *adapter = learning->adapter;
    const size_t n = n_changed(adapter), n_rows = learning->design->n_rows;
    mer_status status = mer_ok();
    adapter->n_references = count_references(adapter, n_rows);
    MER_GUARD(mer_alloc_zero(ctx->alloc, n, sizeof *adapter->columns, &adapter->columns, err));
    if (adapter->n_references > 0)
        MER_GUARD(mer_alloc_zero(ctx->alloc, n, adapter->n_references * sizeof(double),
                                 &adapter->references, err));
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, mer_team_size(ctx->team), n_rows * sizeof(double),
                                   &learning->values, err),
                   done);
    MER_GUARD_GOTO(
        mer_alloc_zero(ctx->alloc, n, sizeof *learning->statuses, &learning->statuses, err), done);
    mer_team_run(ctx->team, learn_column, learning, n);
    MER_GUARD_GOTO(mer_ctx_check_cancel(ctx, err), done);
    for (size_t j = 0; j < n && mer_is_ok(status); j++)
        if (!mer_is_ok(learning->statuses[j]))
            status = mer_fail(err, learning->statuses[j].code,
                              "there is no memory to transform the columns in");
done:
    mer_free(ctx->alloc, learning->values);
    mer_free(ctx->alloc, learning->statuses);
    return status;
}

/* ---- the target ---- */

static double logarithm(const struct mer_adapter *adapter, double value)
{
    return mer_ln(value / adapter->target_scale + adapter->target_shift);
}

/* Values above zero are told by their logarithms; where some are zero, by those of one more than
 * how many medians they are. */
static mer_status learn_target(const struct mer_ctx *ctx, const struct mer_target *target,
                               size_t n_rows, struct mer_adapter *adapter, mer_err *err)
{
    double *above = NULL;
    size_t n = 0;
    MER_GUARD(mer_alloc_array(ctx->alloc, n_rows, sizeof *above, &above, err));
    for (size_t i = 0; i < n_rows; i++) {
        if (target->values[i] < 0) {
            mer_free(ctx->alloc, above);
            return mer_fail(err, MER_ERR_DATA,
                            "the target is below zero in some row: it has no logarithm");
        }
        if (target->values[i] > 0)
            above[n++] = target->values[i];
    }
    mer_sort(above, n, sizeof *above, mer_compare_doubles);
    adapter->target_scale = n > 0 ? above[n / 2] : 1;
    adapter->target_shift = n == n_rows ? 0 : 1;
    adapter->smear = 1;
    mer_free(ctx->alloc, above);
    adapter->target_low = INFINITY;
    adapter->target_high = -INFINITY;
    for (size_t i = 0; i < n_rows; i++) {
        const double z = logarithm(adapter, target->values[i]);
        adapter->target_low = fmin(adapter->target_low, z);
        adapter->target_high = fmax(adapter->target_high, z);
    }
    if (!(adapter->target_low >= -MER_LOGARITHM_MOST && adapter->target_high <= MER_LOGARITHM_MOST))
        return mer_fail(err, MER_ERR_DATA, "the target spans too many orders for its logarithm");
    return mer_ok();
}

mer_status mer_adapter_logarithms(const struct mer_ctx *ctx, const struct mer_adapter *adapter,
                                  const double *values, size_t n_rows, double **ret_logarithms,
                                  mer_err *err)
{
    double *logarithms = NULL;
    MER_GUARD(mer_alloc_array(ctx->alloc, n_rows, sizeof *logarithms, &logarithms, err));
    for (size_t i = 0; i < n_rows; i++)
        logarithms[i] = logarithm(adapter, values[i]);
    *ret_logarithms = logarithms;
    return mer_ok();
}

/* A prediction is followed so far beyond what training saw, and no further. */
static double bounded(const struct mer_adapter *adapter, double z)
{
    const double room = 0.1 * (adapter->target_high - adapter->target_low);
    return fmax(adapter->target_low - room, fmin(adapter->target_high + room, z));
}

void mer_adapter_smear(struct mer_adapter *adapter, const double *predicted,
                       const double *logarithms, const double *weights, size_t n_rows)
{
    double sum = 0, total = 0;
    if (adapter->log_target != MER_LOG_TARGET_MEAN)
        return;
    for (size_t i = 0; i < n_rows; i++) {
        const double weight = weights ? weights[i] : 1;
        sum += weight * mer_exp(logarithms[i] - bounded(adapter, predicted[i]));
        total += weight;
    }
    adapter->smear = total > 0 && isfinite(sum / total) ? fmin(sum / total, 100) : 1;
}

void mer_adapter_restore(const struct mer_adapter *adapter, double *predictions, size_t n_rows)
{
    if (adapter->log_target == MER_LOG_TARGET_NONE)
        return;
    for (size_t i = 0; i < n_rows; i++) {
        const double value = mer_exp(bounded(adapter, predictions[i])) * adapter->smear;
        predictions[i] = adapter->target_scale * fmax(value - adapter->target_shift, 0);
    }
}

/* ---- designs ---- */

struct mer_design mer_adapter_shape(const struct mer_adapter *adapter,
                                    const struct mer_design *shape)
{
    struct mer_design adapted = *shape;
    adapted.n_dense += adapter->n_products;
    if (adapter->columns || adapter->n_products > 0)
        adapted.indicators = NULL;
    return adapted;
}

struct application {
    const struct mer_adapter *adapter;
    const struct mer_design *design;
    size_t stride;
    double *dense;
};

static double clipped(double x)
{
    return x > PRODUCT_CLIP ? PRODUCT_CLIP : x < -PRODUCT_CLIP ? -PRODUCT_CLIP : x;
}

static void apply_row(const struct application *application, size_t row)
{
    const struct mer_adapter *adapter = application->adapter;
    const size_t n = n_changed(adapter);
    const double *from = application->design->dense + row * adapter->n_dense;
    double *to = application->dense + row * application->stride;
    for (size_t j = 0; j < n; j++)
        to[j] = adapter->columns
                    ? mer_column_transform_apply(adapter->transform, &adapter->columns[j],
                                                 adapter->n_references, from[j])
                    : from[j];
    for (size_t p = 0; p < adapter->n_products; p++)
        to[n + p] =
            (clipped(to[adapter->factors[2 * p]]) * clipped(to[adapter->factors[2 * p + 1]]) -
             adapter->product_scales[2 * p]) /
            adapter->product_scales[2 * p + 1];
    memcpy(to + n + adapter->n_products, from + n, adapter->n_condensed * sizeof *to);
}

static void apply_rows(void *argument, size_t task, size_t worker)
{
    const struct application *application = argument;
    const size_t n_rows = application->design->n_rows, first = task * TASK_ROWS;
    const size_t end = n_rows - first < TASK_ROWS ? n_rows : first + TASK_ROWS;
    (void)worker;
    for (size_t row = first; row < end; row++)
        apply_row(application, row);
}

mer_status mer_adapter_apply(const struct mer_ctx *ctx, const struct mer_adapter *adapter,
                             const struct mer_design *design, struct mer_adapted *ret_adapted,
                             mer_err *err)
{
    struct mer_adapted adapted = {.design = mer_adapter_shape(adapter, design)};
    if (adapter->columns || adapter->n_products > 0) {
        MER_GUARD(mer_alloc_array(ctx->alloc, design->n_rows,
                                  adapted.design.n_dense * sizeof(double), &adapted.dense, err));
        const struct application application = {.adapter = adapter,
                                                .design = design,
                                                .stride = adapted.design.n_dense,
                                                .dense = adapted.dense};
        mer_team_run(ctx->team, apply_rows, (void *)(uintptr_t)&application,
                     (design->n_rows + TASK_ROWS - 1) / TASK_ROWS);
        adapted.design.dense = adapted.dense;
    }
    *ret_adapted = adapted;
    return mer_ok();
}

mer_status mer_adapter_learn(const struct mer_ctx *ctx, const struct mer_adapt_options *options,
                             const struct mer_design *design, const struct mer_target *target,
                             struct mer_adapter *ret_adapter, mer_err *err)
{
    struct mer_adapter *adapter = ret_adapter;
    struct learning learning = {.ctx = ctx, .design = design, .adapter = adapter};
    struct mer_adapted adapted = {0};
    *adapter = (struct mer_adapter){.transform = options->transform,
                                    .n_dense = design->n_dense,
                                    .n_condensed = design->n_condensed};
    if (design->n_rows == 0)
        return mer_fail(err, MER_ERR_DATA, "there is no row to learn from");
    if (options->log_target != MER_LOG_TARGET_NONE && target->task == MER_TASK_REGRESSION) {
        MER_GUARD(learn_target(ctx, target, design->n_rows, adapter, err));
        adapter->log_target = options->log_target;
    }
    if (n_changed(adapter) == 0)
        return mer_ok();
    if (options->transform != MER_TRANSFORM_NONE)
        MER_GUARD(learn_columns(&learning, err));
    if (options->n_products == 0)
        return mer_ok();
    MER_GUARD(mer_adapter_apply(ctx, adapter, design, &adapted, err));
    const mer_status status = mer_adapter_find_products(ctx, design, adapted.design.dense, target,
                                                        options->n_products, adapter, err);
    mer_adapted_release(ctx, &adapted);
    return status;
}
