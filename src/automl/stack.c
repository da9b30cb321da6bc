#include "automl/stack.h"

#include <math.h>
#include <string.h>

#include "core/math.h"

/* Surer than this no model is believed to be: beyond, odds tell more of the family than of a row.
 */
#define SUREST 1e-6

static double half_log_odds(double p)
{
    const double clipped = fmin(fmax(p, SUREST), 1 - SUREST);
    return 0.5 * mer_ln(clipped / (1 - clipped));
}

void mer_stack_columns(const double *predictions, size_t n_outputs,
                       const struct mer_stack_scale *scale, double *ret)
{
    if (n_outputs == 1) {
        ret[0] = (predictions[0] - scale->centre) / scale->spread;
        return;
    }
    const size_t first = n_outputs == 2 ? 1 : 0;
    for (size_t k = first; k < n_outputs; k++)
        ret[k - first] = half_log_odds(predictions[k]);
}

static mer_status extend_indicators(const struct mer_ctx *ctx, const struct mer_design *design,
                                    size_t n_columns, uint32_t **ret_indicators, mer_err *err)
{
    uint32_t *indicators;

    *ret_indicators = NULL;
    if (!design->indicators)
        return mer_ok();
    MER_GUARD(mer_alloc_array(ctx->alloc, design->n_dense + n_columns, sizeof(*indicators),
                              &indicators, err));
    for (size_t c = 0; c < n_columns; c++)
        indicators[c] = MER_NO_INDICATOR;
    for (size_t d = 0; d < design->n_dense; d++)
        indicators[n_columns + d] = design->indicators[d] == MER_NO_INDICATOR
                                        ? MER_NO_INDICATOR
                                        : design->indicators[d] + (uint32_t)n_columns;
    *ret_indicators = indicators;
    return mer_ok();
}

static mer_status extend_dense(const struct mer_ctx *ctx, const struct mer_design *design,
                               const double *columns, size_t n_columns, double **ret_dense,
                               mer_err *err)
{
    const size_t n_dense = design->n_dense, n_both = n_dense + n_columns;
    double *dense;
    size_t n;

    *ret_dense = NULL;
    if (!columns)
        return mer_ok();
    if (!mer_size_mul(design->n_rows, n_both, &n))
        return mer_fail(err, MER_ERR_MEMORY, "%zu rows of two layers do not fit into memory",
                        design->n_rows);
    MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof(*dense), &dense, err));
    for (size_t i = 0; i < design->n_rows; i++) {
        memcpy(dense + i * n_both, columns + i * n_columns, n_columns * sizeof(*dense));
        if (n_dense > 0)
            memcpy(dense + i * n_both + n_columns, design->dense + i * n_dense,
                   n_dense * sizeof(*dense));
    }
    *ret_dense = dense;
    return mer_ok();
}

mer_status mer_stack_extend(const struct mer_ctx *ctx, const struct mer_design *design,
                            const double *columns, size_t n_columns,
                            struct mer_stacked *ret_stacked, mer_err *err)
{
    *ret_stacked = (struct mer_stacked){.design = *design};
    MER_GUARD(extend_dense(ctx, design, columns, n_columns, &ret_stacked->dense, err));
    MER_GUARD(extend_indicators(ctx, design, n_columns, &ret_stacked->indicators, err));
    ret_stacked->design.dense = ret_stacked->dense;
    ret_stacked->design.indicators = ret_stacked->indicators;
    ret_stacked->design.n_dense += n_columns;
    return mer_ok();
}

void mer_stack_release(const struct mer_ctx *ctx, struct mer_stacked *stacked)
{
    mer_free(ctx->alloc, stacked->dense);
    mer_free(ctx->alloc, stacked->indicators);
    *stacked = (struct mer_stacked){.dense = NULL};
}

mer_status mer_stack_prepend(const struct mer_ctx *ctx, const double *columns, size_t n_columns,
                             struct mer_prepared *prepared, mer_err *err)
{
    struct mer_stacked stacked;

    const mer_status status =
        mer_stack_extend(ctx, &prepared->design, columns, n_columns, &stacked, err);
    if (!mer_is_ok(status)) {
        mer_stack_release(ctx, &stacked);
        return status;
    }
    mer_free(ctx->alloc, prepared->dense);
    mer_free(ctx->alloc, prepared->indicators);
    prepared->dense = stacked.dense;
    prepared->indicators = stacked.indicators;
    prepared->design = stacked.design;
    return mer_ok();
}
