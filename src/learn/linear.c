/* The linear family: least squares, logistic and multinomial regression with penalties. */
#include <math.h>
#include <string.h>

#include "core/math.h"
#include "learn/adapt_family.h"
#include "learn/linear_cost.h"
#include "learn/linear_weights.h"

struct mer_model {
    enum mer_task task;
    struct mer_linear_weights weights; /* of a binary model: towards class 1 */
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
    PARAM_SELECT,
    PARAM_CROSSINGS,
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
    [PARAM_SELECT] = MER_PARAM_SELECT,
    [PARAM_CROSSINGS] = MER_PARAM_CROSSINGS,
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
    mer_linear_weights_release(ctx, &model->weights);
    mer_free(ctx->alloc, model);
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

static mer_status fit(const struct mer_ctx *ctx, const struct mer_params *params,
                      const struct mer_fit_data *data, struct mer_model **ret_model, mer_err *err)
{
    const struct mer_target *target = data->target;
    const bool is_balanced = target->task != MER_TASK_REGRESSION &&
                             params->values[PARAM_CLASS_WEIGHT] == CLASS_WEIGHT_BALANCED;
    const struct mer_linear_limits limits = {.max_iterations =
                                                 (size_t)params->values[PARAM_MAX_ITER],
                                             .tolerance = params->values[PARAM_TOLERANCE]};
    struct mer_linear_problem problem = {.ctx = ctx};
    struct mer_model *model = NULL;
    double *class_weights = NULL;
    mer_status status = mer_ok();

    if (is_balanced)
        MER_GUARD_GOTO(balance(ctx, target, data->design->n_rows, &class_weights, err), done);
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, 1, sizeof *model, &model, err), done);
    model->task = target->task;
    MER_GUARD_GOTO(mer_linear_weights_init(ctx, outputs_of(target->task, target->n_classes),
                                           mer_design_sparse_features(data->design),
                                           &model->weights, err),
                   done);
    MER_GUARD_GOTO(mer_linear_problem_init(ctx, data->design, target, class_weights,
                                           params->values[PARAM_ALPHA],
                                           params->values[PARAM_L1_RATIO], &problem, err),
                   done);
    MER_GUARD_GOTO(mer_linear_minimise(&problem, &limits, 0, &model->weights, err), done);
    MER_GUARD_GOTO(mer_linear_check_objective(
                       mer_linear_weights_finite(&model->weights) ? 0 : (double)NAN, err),
                   done);
    *ret_model = model;
    model = NULL;
done:
    free_model(ctx, model);
    mer_linear_problem_release(&problem);
    mer_free(ctx->alloc, class_weights);
    return status;
}

/* What a row's scores say, where predictions of the row belong. */
static void put_row(const void *self, const double *scores, double *outputs)
{
    const struct mer_model *model = self;
    switch (model->task) {
    case MER_TASK_REGRESSION:
        outputs[0] = scores[0];
        break;
    case MER_TASK_BINARY:
        outputs[0] = mer_sigmoid(-scores[0]);
        outputs[1] = mer_sigmoid(scores[0]);
        break;
    case MER_TASK_MULTICLASS:
        memcpy(outputs, scores, model->weights.n_outputs * sizeof *outputs);
        (void)mer_softmax(outputs, model->weights.n_outputs);
        break;
    }
}

static mer_status predict(const struct mer_ctx *ctx, const struct mer_model *model,
                          const struct mer_design *design, double *ret_predictions, mer_err *err)
{
    return mer_linear_predict(ctx, &model->weights, design, put_row, model,
                              model->task == MER_TASK_BINARY ? 2 : model->weights.n_outputs,
                              ret_predictions, err);
}

static mer_status save(const struct mer_model *model, const char *prefix, struct mer_bundle *bundle,
                       struct mer_json_writer *writer, mer_err *err)
{
    (void)writer; /* it has no scalars */
    return mer_linear_weights_save(&model->weights, prefix, bundle, err);
}

static mer_status load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                       const char *prefix, const struct mer_json *object, enum mer_task task,
                       size_t n_classes, const struct mer_design *shape,
                       struct mer_model **ret_model, mer_err *err)
{
    struct mer_model *model = NULL;
    (void)object;
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *model, &model, err));
    model->task = task;
    const mer_status status = mer_linear_weights_load(
        ctx, bundle, prefix, outputs_of(task, n_classes), shape, &model->weights, err);
    if (!mer_is_ok(status)) {
        free_model(ctx, model);
        return status;
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
