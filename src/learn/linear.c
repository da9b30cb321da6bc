/* The linear family: least squares, logistic and multinomial regression with penalties. */
#include <math.h>
#include <string.h>

#include "core/log.h"
#include "core/math.h"
#include "core/team.h"
#include "learn/adapt_family.h"
#include "learn/linear_cost.h"
#include "learn/linear_solver.h"
#include "learn/saved.h"

struct mer_model {
    enum mer_task task;
    size_t n_outputs;     /* 1, or the classes of a multinomial model */
    size_t n_features;    /* dense columns, then indicators, then sparse columns */
    double *coefficients; /* [n_outputs][n_features]; of a binary model: towards class 1 */
    double *intercepts;   /* [n_outputs] */
};

enum {
    PARAM_ALPHA,
    PARAM_L1_RATIO,
    PARAM_CLASS_WEIGHT,
    PARAM_MAX_ITER,
    PARAM_TOLERANCE,
    PARAM_TRANSFORM,
    PARAM_PRODUCTS,
    PARAM_LOG_TARGET,
    N_PARAMS
};
enum { CLASS_WEIGHT_NONE, CLASS_WEIGHT_BALANCED };

static const char *const CLASS_WEIGHTS[] = {"none", "balanced", NULL};

/* In scikit-learn's terms: Ridge(alpha), ElasticNet(alpha / total weight, l1_ratio) and
 * LogisticRegression(C = 1 / alpha, l1_ratio). */
static const struct mer_param_spec PARAMS[N_PARAMS] = {
    [PARAM_ALPHA] = {.name = "alpha",
                     .type = MER_PARAM_NUMBER,
                     .minimum = 1e-8,
                     .maximum = 1e8,
                     .preset = 1,
                     .log_scale = true,
                     .help = "Strength of the penalty, added to the sum of the rows' losses: half "
                             "the squared residual, or the log loss."},
    [PARAM_L1_RATIO] = {.name = "l1_ratio",
                        .type = MER_PARAM_NUMBER,
                        .minimum = 0,
                        .maximum = 1,
                        .preset = 0,
                        .help = "Share of the absolute values in the penalty: 0 is ridge, 1 is "
                                "lasso, between is elastic net."},
    [PARAM_CLASS_WEIGHT] = {.name = "class_weight",
                            .type = MER_PARAM_CHOICE,
                            .minimum = CLASS_WEIGHT_NONE,
                            .maximum = CLASS_WEIGHT_BALANCED,
                            .preset = CLASS_WEIGHT_NONE,
                            .choices = CLASS_WEIGHTS,
                            .help = "Balanced gives every class the same total weight."},
    [PARAM_MAX_ITER] = {.name = "max_iter",
                        .type = MER_PARAM_INTEGER,
                        .minimum = 1,
                        .maximum = 10000,
                        .preset = 100,
                        .log_scale = true,
                        .help = "Most Newton steps; a fit that needs more is used as it is."},
    [PARAM_TOLERANCE] = {.name = "tolerance",
                         .type = MER_PARAM_NUMBER,
                         .minimum = 1e-15,
                         .maximum = 1e-2,
                         .preset = 1e-10,
                         .log_scale = true,
                         .help =
                             "A fit ends when a step can lower the objective by about this share "
                             "of it at most."},
    [PARAM_TRANSFORM] = MER_PARAM_TRANSFORM,
    [PARAM_PRODUCTS] = MER_PARAM_PRODUCTS,
    [PARAM_LOG_TARGET] = MER_PARAM_LOG_TARGET,
};

static mer_status check(const struct mer_params *params, enum mer_task task, mer_err *err)
{
    if (task == MER_TASK_REGRESSION && params->values[PARAM_CLASS_WEIGHT] != CLASS_WEIGHT_NONE)
        return mer_fail(err, MER_ERR_USAGE,
                        "parameter class_weight is for classification, and this is regression");
    return mer_ok();
}

static size_t outputs_of(enum mer_task task, size_t n_classes)
{
    return task == MER_TASK_MULTICLASS ? n_classes : 1;
}

static uint64_t cost(const struct mer_params *params, const struct mer_design *design,
                     const struct mer_target *target)
{
    return mer_linear_cost(design, target->task, outputs_of(target->task, target->n_classes),
                           params->values[PARAM_L1_RATIO] > 0)
        .microseconds;
}

static void free_model(const struct mer_ctx *ctx, struct mer_model *model)
{
    if (!model)
        return;
    mer_free(ctx->alloc, model->intercepts);
    mer_free(ctx->alloc, model->coefficients);
    mer_free(ctx->alloc, model);
}

static mer_status new_model(const struct mer_ctx *ctx, enum mer_task task, size_t n_outputs,
                            size_t n_features, struct mer_model **ret_model, mer_err *err)
{
    struct mer_model *model = NULL;
    size_t n_coefficients;
    if (!mer_size_mul(n_outputs, n_features, &n_coefficients))
        return mer_fail(err, MER_ERR_DATA, "the table is too large for a linear model");
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *model, &model, err));
    *model = (struct mer_model){.task = task, .n_outputs = n_outputs, .n_features = n_features};
    mer_status status;
    MER_GUARD_GOTO(
        mer_alloc_array(ctx->alloc, n_coefficients, sizeof(double), &model->coefficients, err),
        failed);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_outputs, sizeof(double), &model->intercepts, err),
                   failed);
    *ret_model = model;
    return mer_ok();
failed:
    free_model(ctx, model);
    return status;
}

/* Weights that make the classes that occur weigh the same, and all rows together what they did. */
static mer_status balance(const struct mer_ctx *ctx, const struct mer_target *target, size_t n_rows,
                          double **ret_class_weights, mer_err *err)
{
    double *weights = NULL;
    double total = 0;
    size_t n_present = 0;
    MER_GUARD(mer_alloc_zero(ctx->alloc, target->n_classes, sizeof *weights, &weights, err));
    for (size_t row = 0; row < n_rows; row++)
        weights[target->classes[row]] += target->weights ? target->weights[row] : 1.0;
    for (size_t k = 0; k < target->n_classes; k++) {
        total += weights[k];
        n_present += weights[k] > 0;
    }
    for (size_t k = 0; k < target->n_classes; k++)
        if (weights[k] > 0)
            weights[k] = total / ((double)n_present * weights[k]);
    *ret_class_weights = weights;
    return mer_ok();
}

/* Minimises the problem and fills the model. */
static mer_status solve(struct mer_linear_problem *problem, const struct mer_params *params,
                        struct mer_model *model, mer_err *err)
{
    const struct mer_ctx *ctx = problem->ctx;
    const struct mer_linear_limits limits = {.max_iterations =
                                                 (size_t)params->values[PARAM_MAX_ITER],
                                             .tolerance = params->values[PARAM_TOLERANCE]};
    const bool as_matrix = mer_linear_cost(problem->design, problem->target->task,
                                           problem->n_outputs, problem->lasso > 0)
                               .as_matrix;
    mer_linear_solver *const solver = as_matrix ? mer_linear_newton : mer_linear_truncated_newton;
    struct mer_linear_outcome outcome = {0};
    double *theta = NULL;

    MER_GUARD(mer_alloc_array(ctx->alloc, problem->n_theta, sizeof *theta, &theta, err));
    mer_linear_start(problem, theta);
    const mer_status status = solver(problem, &limits, theta, &outcome, err);
    if (mer_is_ok(status)) {
        mer_linear_finish(problem, theta, model->coefficients, model->intercepts);
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

/* SIZE_MAX when all are. */
static size_t find_not_finite(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return i;
    return SIZE_MAX;
}

static bool is_finite(const struct mer_model *model)
{
    return find_not_finite(model->coefficients, model->n_outputs * model->n_features) == SIZE_MAX &&
           find_not_finite(model->intercepts, model->n_outputs) == SIZE_MAX;
}

static mer_status fit(const struct mer_ctx *ctx, const struct mer_params *params,
                      const struct mer_fit_data *data, struct mer_model **ret_model, mer_err *err)
{
    const struct mer_target *target = data->target;
    const bool is_balanced = target->task != MER_TASK_REGRESSION &&
                             params->values[PARAM_CLASS_WEIGHT] == CLASS_WEIGHT_BALANCED;
    struct mer_linear_problem problem = {.ctx = ctx};
    struct mer_model *model = NULL;
    double *class_weights = NULL;
    mer_status status = mer_ok();

    if (is_balanced)
        MER_GUARD_GOTO(balance(ctx, target, data->design->n_rows, &class_weights, err), done);
    MER_GUARD_GOTO(new_model(ctx, target->task, outputs_of(target->task, target->n_classes),
                             mer_design_sparse_features(data->design), &model, err),
                   done);
    MER_GUARD_GOTO(mer_linear_problem_init(ctx, data->design, target, class_weights,
                                           params->values[PARAM_ALPHA],
                                           params->values[PARAM_L1_RATIO], &problem, err),
                   done);
    MER_GUARD_GOTO(solve(&problem, params, model, err), done);
    MER_GUARD_GOTO(mer_linear_check_objective(is_finite(model) ? 0 : (double)NAN, err), done);
    *ret_model = model;
    model = NULL;
done:
    free_model(ctx, model);
    mer_linear_problem_release(&problem);
    mer_free(ctx->alloc, class_weights);
    return status;
}

struct prediction {
    const struct mer_linear_kernels *kernels;
    const struct mer_model *model;
    const struct mer_design *design;
    size_t n_padded;
    double *weights; /* [n_outputs][n_padded], then the zero shift [n_padded] */
    double *scratch; /* [team size][n_scratch]: a block, then its scores */
    size_t n_scratch;
    double *outputs;
};

static void add_indicators(const struct prediction *prediction, size_t first_row, size_t n_rows,
                           double *scores)
{
    const struct mer_model *model = prediction->model;
    const struct mer_design *design = prediction->design;
    const size_t n_dense = mer_design_uncondensed(design);
    for (size_t r = 0; r < n_rows; r++, scores += model->n_outputs) {
        for (size_t k = 0; k < model->n_outputs; k++)
            scores[k] += model->intercepts[k];
        for (size_t g = 0; g < design->n_groups; g++) {
            const int32_t code = design->codes[(first_row + r) * design->n_groups + g];
            if (code < 0)
                continue;
            const size_t feature = n_dense + design->group_start[g] + (size_t)code;
            for (size_t k = 0; k < model->n_outputs; k++)
                scores[k] += model->coefficients[k * model->n_features + feature];
        }
        for (size_t e = design->n_sparse ? design->sparse_start[first_row + r] : 0;
             design->n_sparse && e < design->sparse_start[first_row + r + 1]; e++) {
            const double *coefficient = model->coefficients + model->n_features - design->n_sparse +
                                        design->sparse_columns[e];
            for (size_t k = 0; k < model->n_outputs; k++)
                scores[k] += coefficient[k * model->n_features] * (double)design->sparse_values[e];
        }
    }
}

/* What a row's scores say, where predictions of the row belong. */
static void put_row(const struct mer_model *model, const double *scores, double *outputs)
{
    switch (model->task) {
    case MER_TASK_REGRESSION:
        outputs[0] = scores[0];
        break;
    case MER_TASK_BINARY:
        outputs[0] = mer_sigmoid(-scores[0]);
        outputs[1] = mer_sigmoid(scores[0]);
        break;
    case MER_TASK_MULTICLASS:
        memcpy(outputs, scores, model->n_outputs * sizeof *outputs);
        (void)mer_softmax(outputs, model->n_outputs);
        break;
    }
}

static size_t n_columns_of(const struct mer_model *model)
{
    return model->task == MER_TASK_BINARY ? 2 : model->n_outputs;
}

static void predict_block(void *argument, size_t task, size_t worker)
{
    const struct prediction *prediction = argument;
    const struct mer_design *design = prediction->design;
    const struct mer_model *model = prediction->model;
    const size_t n_padded = prediction->n_padded;
    const size_t n_columns = n_columns_of(model);
    const size_t first_row = task * MER_LINEAR_BLOCK_ROWS;
    const size_t left = design->n_rows - first_row;
    const size_t n_rows = left < MER_LINEAR_BLOCK_ROWS ? left : MER_LINEAR_BLOCK_ROWS;
    double *block = prediction->scratch + worker * prediction->n_scratch;
    double *scores = block + MER_LINEAR_BLOCK_ROWS * n_padded;

    mer_linear_load(prediction->kernels, design, first_row, n_rows,
                    prediction->weights + model->n_outputs * n_padded, block, n_padded);
    prediction->kernels->dot(block, n_padded, n_rows, prediction->weights, n_padded,
                             model->n_outputs, n_padded, scores, model->n_outputs);
    add_indicators(prediction, first_row, n_rows, scores);
    for (size_t r = 0; r < n_rows; r++)
        put_row(model, scores + r * model->n_outputs,
                prediction->outputs + (first_row + r) * n_columns);
}

static mer_status check_predictions(const struct mer_model *model, const struct mer_design *design,
                                    const double *predictions, mer_err *err)
{
    const size_t n_columns = n_columns_of(model);
    const size_t at = find_not_finite(predictions, design->n_rows * n_columns);
    if (at == SIZE_MAX)
        return mer_ok();
    return mer_fail(err, MER_ERR_DATA,
                    "the numbers of row %zu are too large for this linear model to predict from",
                    at / n_columns + 1);
}

static mer_status predict(const struct mer_ctx *ctx, const struct mer_model *model,
                          const struct mer_design *design, double *ret_predictions, mer_err *err)
{
    const size_t n_padded = mer_lanes_pad(mer_design_uncondensed(design));
    struct prediction prediction = {.kernels = mer_linear_kernels(ctx->cpu),
                                    .model = model,
                                    .design = design,
                                    .n_padded = n_padded,
                                    .n_scratch =
                                        MER_LINEAR_BLOCK_ROWS * (n_padded + model->n_outputs),
                                    .outputs = ret_predictions};
    mer_status status;
    if (mer_design_sparse_features(design) != model->n_features)
        return mer_fail(err, MER_ERR_INTERNAL, "a linear model of %zu features was given %zu",
                        model->n_features, mer_design_sparse_features(design));
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, (model->n_outputs + 1) * n_padded, sizeof(double),
                                  &prediction.weights, err),
                   done);
    for (size_t k = 0; k < model->n_outputs && n_padded; k++)
        memcpy(prediction.weights + k * n_padded, model->coefficients + k * model->n_features,
               mer_design_uncondensed(design) * sizeof(double));
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, mer_team_size(ctx->team),
                                   prediction.n_scratch * sizeof(double), &prediction.scratch, err),
                   done);
    mer_team_run(ctx->team, predict_block, &prediction,
                 (design->n_rows + MER_LINEAR_BLOCK_ROWS - 1) / MER_LINEAR_BLOCK_ROWS);
    MER_GUARD_GOTO(mer_ctx_check_cancel(ctx, err), done);
    status = check_predictions(model, design, ret_predictions, err);
done:
    mer_free(ctx->alloc, prediction.scratch);
    mer_free(ctx->alloc, prediction.weights);
    return status;
}

static mer_status save(const struct mer_model *model, const char *prefix, struct mer_bundle *bundle,
                       struct mer_json_writer *writer, mer_err *err)
{
    const size_t shape[] = {model->n_outputs, model->n_features};
    (void)writer; /* it has no scalars */
    MER_GUARD(mer_bundle_add(bundle, mer_array_name(prefix, "coefficients").text, MER_DTYPE_F64, 2,
                             shape, model->coefficients, true, err));
    return mer_bundle_add_vector(bundle, mer_array_name(prefix, "intercepts").text, MER_DTYPE_F64,
                                 model->n_outputs, model->intercepts, err);
}

static mer_status load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                       const char *prefix, const struct mer_json *object, enum mer_task task,
                       size_t n_classes, const struct mer_design *shape,
                       struct mer_model **ret_model, mer_err *err)
{
    const size_t n_outputs = outputs_of(task, n_classes);
    const size_t n_features = mer_design_sparse_features(shape);
    const struct mer_array_name name = mer_array_name(prefix, "coefficients");
    const struct mer_array *coefficients = NULL;
    const void *intercepts = NULL;
    (void)object;

    MER_GUARD(mer_bundle_get(bundle, name.text, MER_DTYPE_F64, 2, &coefficients, err));
    if (coefficients->shape[0] != n_outputs || coefficients->shape[1] != n_features)
        return mer_fail(err, MER_ERR_DATA, "array %s is not of shape %zu by %zu", name.text,
                        n_outputs, n_features);
    MER_GUARD(mer_bundle_get_vector(bundle, mer_array_name(prefix, "intercepts").text,
                                    MER_DTYPE_F64, n_outputs, &intercepts, err));
    struct mer_model *model = NULL;
    MER_GUARD(new_model(ctx, task, n_outputs, n_features, &model, err));
    memcpy(model->coefficients, coefficients->data, n_outputs * n_features * sizeof(double));
    memcpy(model->intercepts, intercepts, n_outputs * sizeof(double));
    if (!is_finite(model)) {
        free_model(ctx, model);
        return mer_fail(err, MER_ERR_DATA, "a coefficient of the linear model is not finite");
    }
    *ret_model = model;
    return mer_ok();
}

static const struct mer_family PLAIN = {
    .params = PARAMS,
    .n_params = N_PARAMS,
    .check = check,
    .cost = cost,
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .free = free_model,
};

MER_ADAPTED_FUNCTIONS(PLAIN)

const struct mer_family MER_FAMILY_LINEAR = {
    .name = "linear",
    .title = "Linear, logistic and multinomial regression",
    .capabilities = MER_CAN_REGRESSION | MER_CAN_BINARY | MER_CAN_MULTICLASS | MER_CAN_WEIGHTS |
                    MER_WANTS_SCALED | MER_CAN_SPARSE,
    .params = PARAMS,
    .n_params = N_PARAMS,
    MER_ADAPTED_MEMBERS,
};
