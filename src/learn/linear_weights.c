#include "learn/linear_weights.h"

#include <math.h>
#include <string.h>

#include "core/log.h"
#include "core/team.h"
#include "learn/linear_cost.h"
#include "learn/saved.h"

void mer_linear_weights_release(const struct mer_ctx *ctx, struct mer_linear_weights *weights)
{
    mer_free(ctx->alloc, weights->intercepts);
    mer_free(ctx->alloc, weights->coefficients);
    *weights = (struct mer_linear_weights){0};
}

mer_status mer_linear_weights_init(const struct mer_ctx *ctx, size_t n_outputs, size_t n_features,
                                   struct mer_linear_weights *ret_weights, mer_err *err)
{
    size_t n_coefficients;
    *ret_weights = (struct mer_linear_weights){.n_outputs = n_outputs, .n_features = n_features};
    if (!mer_size_mul(n_outputs, n_features, &n_coefficients))
        return mer_fail(err, MER_ERR_DATA, "the table is too large for a linear model");
    MER_GUARD(mer_alloc_array(ctx->alloc, n_coefficients, sizeof(double),
                              &ret_weights->coefficients, err));
    return mer_alloc_array(ctx->alloc, n_outputs, sizeof(double), &ret_weights->intercepts, err);
}

mer_status mer_linear_minimise(struct mer_linear_problem *problem,
                               const struct mer_linear_limits *limits, size_t first,
                               struct mer_linear_weights *weights, mer_err *err)
{
    const struct mer_ctx *ctx = problem->ctx;
    const bool as_matrix = mer_linear_cost(problem->design, problem->target->task,
                                           problem->n_outputs, problem->lasso > 0)
                               .as_matrix;
    mer_linear_solver *const solver = as_matrix ? mer_linear_newton : mer_linear_truncated_newton;
    struct mer_linear_outcome outcome = {0};
    double *theta = NULL;

    MER_GUARD(mer_alloc_array(ctx->alloc, problem->n_theta, sizeof *theta, &theta, err));
    mer_linear_start(problem, theta);
    const mer_status status = solver(problem, limits, theta, &outcome, err);
    if (mer_is_ok(status)) {
        mer_linear_finish(problem, theta, weights->coefficients + first * weights->n_features,
                          weights->intercepts + first);
        mer_log_debug(ctx, "learn", "linear: %zu Newton steps, %s", outcome.n_iterations,
                      as_matrix ? "as a matrix" : "truncated");
        if (!outcome.converged)
            mer_log_warning(ctx, "learn",
                            "linear: not converged after %zu Newton steps; raise max_iter or alpha",
                            outcome.n_iterations);
    }
    mer_free(ctx->alloc, theta);
    return status;
}

bool mer_linear_weights_finite(const struct mer_linear_weights *weights)
{
    return mer_all_finite(weights->coefficients, weights->n_outputs * weights->n_features) &&
           mer_all_finite(weights->intercepts, weights->n_outputs);
}

struct prediction {
    const struct mer_linear_kernels *kernels;
    const struct mer_linear_weights *weights;
    const struct mer_design *design;
    mer_linear_put *put;
    const void *self;
    size_t n_columns;
    size_t n_padded;
    double *padded;  /* [n_outputs][n_padded], then the zero shift [n_padded] */
    double *scratch; /* [team size][n_scratch]: a block, then its scores */
    size_t n_scratch;
    double *outputs;
};

static void add_lit(const struct prediction *prediction, size_t first_row, size_t n_rows,
                    double *scores)
{
    const struct mer_linear_weights *weights = prediction->weights;
    const struct mer_design *design = prediction->design;
    const size_t n_dense = mer_design_uncondensed(design), n_outputs = weights->n_outputs;
    for (size_t r = 0; r < n_rows; r++, scores += n_outputs) {
        for (size_t k = 0; k < n_outputs; k++)
            scores[k] += weights->intercepts[k];
        for (size_t g = 0; g < design->n_groups; g++) {
            const int32_t code = design->codes[(first_row + r) * design->n_groups + g];
            if (code < 0)
                continue;
            const size_t feature = n_dense + design->group_start[g] + (size_t)code;
            for (size_t k = 0; k < n_outputs; k++)
                scores[k] += weights->coefficients[k * weights->n_features + feature];
        }
        for (size_t e = design->n_sparse ? design->sparse_start[first_row + r] : 0;
             design->n_sparse && e < design->sparse_start[first_row + r + 1]; e++) {
            const double *coefficient = weights->coefficients + weights->n_features -
                                        design->n_sparse + design->sparse_columns[e];
            for (size_t k = 0; k < n_outputs; k++)
                scores[k] +=
                    coefficient[k * weights->n_features] * (double)design->sparse_values[e];
        }
    }
}

static void predict_block(void *argument, size_t task, size_t worker)
{
    const struct prediction *prediction = argument;
    const struct mer_design *design = prediction->design;
    const size_t n_padded = prediction->n_padded, n_outputs = prediction->weights->n_outputs;
    const size_t first_row = task * MER_LINEAR_BLOCK_ROWS;
    const size_t left = design->n_rows - first_row;
    const size_t n_rows = left < MER_LINEAR_BLOCK_ROWS ? left : MER_LINEAR_BLOCK_ROWS;
    double *block = prediction->scratch + worker * prediction->n_scratch;
    double *scores = block + MER_LINEAR_BLOCK_ROWS * n_padded;

    mer_linear_load(prediction->kernels, design, first_row, n_rows,
                    prediction->padded + n_outputs * n_padded, block, n_padded);
    prediction->kernels->dot(block, n_padded, n_rows, prediction->padded, n_padded, n_outputs,
                             n_padded, scores, n_outputs);
    add_lit(prediction, first_row, n_rows, scores);
    for (size_t r = 0; r < n_rows; r++)
        prediction->put(prediction->self, scores + r * n_outputs,
                        prediction->outputs + (first_row + r) * prediction->n_columns);
}

static mer_status check_predictions(const double *predictions, size_t n_rows, size_t n_columns,
                                    mer_err *err)
{
    for (size_t row = 0; row < n_rows; row++)
        if (!mer_all_finite(predictions + row * n_columns, n_columns))
            return mer_fail(
                err, MER_ERR_DATA,
                "the numbers of row %zu are too large for this linear model to predict from",
                row + 1);
    return mer_ok();
}

mer_status mer_linear_predict(const struct mer_ctx *ctx, const struct mer_linear_weights *weights,
                              const struct mer_design *design, mer_linear_put *put,
                              const void *self, size_t n_columns, double *ret_predictions,
                              mer_err *err)
{
    const size_t n_padded = mer_lanes_pad(mer_design_uncondensed(design));
    struct prediction prediction = {.kernels = mer_linear_kernels(ctx->cpu),
                                    .weights = weights,
                                    .design = design,
                                    .put = put,
                                    .self = self,
                                    .n_columns = n_columns,
                                    .n_padded = n_padded,
                                    .n_scratch =
                                        MER_LINEAR_BLOCK_ROWS * (n_padded + weights->n_outputs),
                                    .outputs = ret_predictions};
    mer_status status;
    if (mer_design_sparse_features(design) != weights->n_features)
        return mer_fail(err, MER_ERR_INTERNAL, "a linear model of %zu features was given %zu",
                        weights->n_features, mer_design_sparse_features(design));
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, (weights->n_outputs + 1) * n_padded, sizeof(double),
                                  &prediction.padded, err),
                   done);
    for (size_t k = 0; k < weights->n_outputs && n_padded; k++)
        memcpy(prediction.padded + k * n_padded, weights->coefficients + k * weights->n_features,
               mer_design_uncondensed(design) * sizeof(double));
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, mer_team_size(ctx->team),
                                   prediction.n_scratch * sizeof(double), &prediction.scratch, err),
                   done);
    mer_team_run(ctx->team, predict_block, &prediction,
                 (design->n_rows + MER_LINEAR_BLOCK_ROWS - 1) / MER_LINEAR_BLOCK_ROWS);
    MER_GUARD_GOTO(mer_ctx_check_cancel(ctx, err), done);
    status = check_predictions(ret_predictions, design->n_rows, n_columns, err);
done:
    mer_free(ctx->alloc, prediction.scratch);
    mer_free(ctx->alloc, prediction.padded);
    return status;
}

mer_status mer_linear_weights_save(const struct mer_linear_weights *weights, const char *prefix,
                                   struct mer_bundle *bundle, mer_err *err)
{
    const size_t shape[] = {weights->n_outputs, weights->n_features};
    MER_GUARD(mer_bundle_add(bundle, mer_array_name(prefix, "coefficients").text, MER_DTYPE_F64, 2,
                             shape, weights->coefficients, true, err));
    return mer_bundle_add_vector(bundle, mer_array_name(prefix, "intercepts").text, MER_DTYPE_F64,
                                 weights->n_outputs, weights->intercepts, err);
}

mer_status mer_linear_weights_load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                                   const char *prefix, size_t n_outputs,
                                   const struct mer_design *shape,
                                   struct mer_linear_weights *ret_weights, mer_err *err)
{
    const size_t n_features = mer_design_sparse_features(shape);
    const struct mer_array_name name = mer_array_name(prefix, "coefficients");
    const struct mer_array *coefficients = NULL;
    const void *intercepts = NULL;

    MER_GUARD(mer_bundle_get(bundle, name.text, MER_DTYPE_F64, 2, &coefficients, err));
    if (coefficients->shape[0] != n_outputs || coefficients->shape[1] != n_features)
        return mer_fail(err, MER_ERR_DATA, "array %s is not of shape %zu by %zu", name.text,
                        n_outputs, n_features);
    MER_GUARD(mer_bundle_get_vector(bundle, mer_array_name(prefix, "intercepts").text,
                                    MER_DTYPE_F64, n_outputs, &intercepts, err));
    MER_GUARD(mer_linear_weights_init(ctx, n_outputs, n_features, ret_weights, err));
    memcpy(ret_weights->coefficients, coefficients->data, n_outputs * n_features * sizeof(double));
    memcpy(ret_weights->intercepts, intercepts, n_outputs * sizeof(double));
    if (!mer_linear_weights_finite(ret_weights))
        return mer_fail(err, MER_ERR_DATA, "a coefficient of the linear model is not finite");
    return mer_ok();
}
