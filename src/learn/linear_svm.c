/* Linear support vector machines: the squared hinge loss, one output against the rest where there
 * are several classes; for a regression, squared residuals beyond a margin. Both are minimised by
 * Newton's method in the primal (Keerthi, DeCoste: "A modified finite Newton method for fast
 * solution of large scale linear SVMs", JMLR 6, 2005) with the solver of the linear family.
 *
 * Scores become probabilities by two numbers (calibration.h), which are learned from scores of rows
 * that their own fit had not seen: three more fits, each without a third of the rows.
 */
#include <math.h>
#include <string.h>

#include "core/math.h"
#include "learn/adapt_family.h"
#include "learn/calibration.h"
#include "learn/linear_cost.h"
#include "learn/linear_weights.h"
#include "learn/saved.h"

enum { CALIBRATION_PARTS = 3 };

/* Where the calibration of margins begins. */
static const struct mer_calibration CALIBRATION_START = {.slope = 1};
/* A class that has no row, or next to none, counts as this share. */
static const double SHARE_MIN = 1e-9;

struct mer_model {
    enum mer_task task;
    size_t n_classes;
    struct mer_linear_weights weights; /* of a binary model: towards class 1 */
    struct mer_calibration calibration;
    double *log_shares; /* [n_classes] */
};

enum {
    PARAM_ALPHA,
    PARAM_EPSILON,
    PARAM_MAX_ITER,
    PARAM_TOLERANCE,
    PARAM_TRANSFORM,
    PARAM_PRODUCTS,
    PARAM_LOG_TARGET,
    N_PARAMS
};

/* In scikit-learn's terms: LinearSVC(C = 1 / alpha) and LinearSVR(C = 1 / alpha, loss =
 * "squared_epsilon_insensitive"), but that the intercept is not penalised. */
static const struct mer_param_spec PARAMS[N_PARAMS] = {
    [PARAM_ALPHA] = {.name = "alpha",
                     .type = MER_PARAM_NUMBER,
                     .minimum = 1e-8,
                     .maximum = 1e8,
                     .preset = 1,
                     .log_scale = true,
                     .help = "Strength of the penalty, half the squared coefficients, added to the "
                             "sum of the rows' squared losses."},
    [PARAM_EPSILON] = {.name = "epsilon",
                       .type = MER_PARAM_NUMBER,
                       .minimum = 0,
                       .maximum = 10,
                       .preset = 0.1,
                       .help = "Regression: residuals up to this part of the target's deviation "
                               "cost nothing."},
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
                         .preset = 1e-8,
                         .log_scale = true,
                         .help =
                             "A fit ends when a step can lower the objective by about this share "
                             "of it at most."},
    [PARAM_TRANSFORM] = MER_PARAM_TRANSFORM,
    [PARAM_PRODUCTS] = MER_PARAM_PRODUCTS,
    [PARAM_LOG_TARGET] = MER_PARAM_LOG_TARGET,
};

static size_t outputs_of(enum mer_task task, size_t n_classes)
{
    return task == MER_TASK_MULTICLASS ? n_classes : 1;
}

static uint64_t cost(const struct mer_params *params, const struct mer_design *design,
                     const struct mer_target *target)
{
    const bool is_regression = target->task == MER_TASK_REGRESSION;
    const uint64_t one = mer_linear_cost(design, MER_TASK_BINARY, 1, false).microseconds;
    (void)params;
    return is_regression
               ? one
               : one * (1 + CALIBRATION_PARTS) * outputs_of(target->task, target->n_classes);
}

static void free_model(const struct mer_ctx *ctx, struct mer_model *model)
{
    if (!model)
        return;
    mer_linear_weights_release(ctx, &model->weights);
    mer_free(ctx->alloc, model->log_shares);
    mer_free(ctx->alloc, model);
}

struct fit {
    const struct mer_ctx *ctx;
    const struct mer_params *params;
    const struct mer_design *design;
    const struct mer_target *target;
    int32_t *is_class;    /* [n_rows]: of the output at hand; NULL: regression */
    double *part_weights; /* [n_rows]: zero in the rows left out */
    double *scores;       /* [n_rows][n_outputs] of the rows left out */
    double *part_scores;  /* the same of all rows */
    double *roots;        /* [n_rows] of the weights */
};

static double weight_of(const struct fit *fit, size_t row)
{
    return fit->target->weights ? fit->target->weights[row] : 1;
}

static double target_deviation(const struct fit *fit)
{
    const size_t n = fit->design->n_rows;
    const double mean = mer_sum(fit->target->values, n) / (double)n;
    double squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += (fit->target->values[i] - mean) * (fit->target->values[i] - mean) / (double)n;
    return sqrt(squares);
}

/* Fits one output. */
static mer_status fit_output(const struct fit *fit, const struct mer_target *target, size_t k,
                             struct mer_linear_weights *weights, mer_err *err)
{
    const struct mer_linear_limits limits = {.max_iterations =
                                                 (size_t)fit->params->values[PARAM_MAX_ITER],
                                             .tolerance = fit->params->values[PARAM_TOLERANCE]};
    const bool is_regression = target->task == MER_TASK_REGRESSION;
    struct mer_linear_problem problem = {.ctx = fit->ctx};
    mer_status status = mer_linear_problem_init(fit->ctx, fit->design, target, NULL,
                                                fit->params->values[PARAM_ALPHA], 0, &problem, err);
    if (mer_is_ok(status)) {
        problem.loss = is_regression ? MER_LOSS_EPSILON_INSENSITIVE : MER_LOSS_SQUARED_HINGE;
        problem.epsilon =
            is_regression ? fit->params->values[PARAM_EPSILON] * target_deviation(fit) : 0;
        status = mer_linear_minimise(&problem, &limits, k, weights, err);
    }
    mer_linear_problem_release(&problem);
    return status;
}

/* Fits all outputs with the weights given. */
static mer_status fit_outputs(const struct fit *fit, const double *row_weights,
                              struct mer_linear_weights *weights, mer_err *err)
{
    const bool is_regression = fit->target->task == MER_TASK_REGRESSION;
    const struct mer_target target = {.task = is_regression ? MER_TASK_REGRESSION : MER_TASK_BINARY,
                                      .values = fit->target->values,
                                      .classes = fit->is_class,
                                      .n_classes = is_regression ? 0 : 2,
                                      .weights = row_weights};
    for (size_t k = 0; k < weights->n_outputs; k++) {
        const int32_t class = fit->target->task == MER_TASK_BINARY ? 1 : (int32_t)k;
        for (size_t i = 0; fit->is_class && i < fit->design->n_rows; i++)
            fit->is_class[i] = fit->target->classes[i] == class;
        MER_GUARD(fit_output(fit, &target, k, weights, err));
    }
    if (!mer_linear_weights_finite(weights))
        return mer_linear_check_objective((double)NAN, err);
    return mer_ok();
}

/* A margin of one output is put between 0 and 1, as calibrating wants the score of class 1. */
static void put_scores(const void *self, const double *scores, double *row)
{
    const struct mer_linear_weights *weights = self;
    memcpy(row, scores, weights->n_outputs * sizeof *row);
    if (weights->n_outputs == 1)
        row[0] = 0.5 * (scores[0] + 1);
}

/* Scores of the rows of one part, from a fit to the others. Every third row is of the same part:
 * the order of rows is that of the table, where neighbours may belong together. */
static mer_status score_part(const struct fit *fit, size_t part, struct mer_linear_weights *weights,
                             mer_err *err)
{
    const size_t n_outputs = weights->n_outputs;
    for (size_t i = 0; i < fit->design->n_rows; i++)
        fit->part_weights[i] = i % CALIBRATION_PARTS == part ? 0 : weight_of(fit, i);
    MER_GUARD(fit_outputs(fit, fit->part_weights, weights, err));
    MER_GUARD(mer_linear_predict(fit->ctx, weights, fit->design, put_scores, weights, n_outputs,
                                 fit->part_scores, err));
    for (size_t i = part; i < fit->design->n_rows; i += CALIBRATION_PARTS)
        memcpy(fit->scores + i * n_outputs, fit->part_scores + i * n_outputs,
               n_outputs * sizeof(double));
    return mer_ok();
}

static void find_shares(const struct fit *fit, size_t n_classes, double *log_shares)
{
    double total = 0;
    for (size_t i = 0; i < fit->design->n_rows; i++) {
        log_shares[fit->target->classes[i]] += weight_of(fit, i);
        total += weight_of(fit, i);
    }
    for (size_t k = 0; k < n_classes; k++)
        log_shares[k] = mer_ln(fmax(total > 0 ? log_shares[k] / total : 0, SHARE_MIN));
}

static mer_status calibrate(struct fit *fit, struct mer_model *model, mer_err *err)
{
    struct mer_alloc *alloc = fit->ctx->alloc;
    const size_t n = fit->design->n_rows, n_outputs = model->weights.n_outputs;
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(double), &fit->part_weights, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(double), &fit->roots, err));
    MER_GUARD(mer_alloc_array(alloc, n, n_outputs * sizeof(double), &fit->scores, err));
    MER_GUARD(mer_alloc_array(alloc, n, n_outputs * sizeof(double), &fit->part_scores, err));
    find_shares(fit, model->n_classes, model->log_shares);
    for (size_t part = 0; part < CALIBRATION_PARTS; part++)
        MER_GUARD(score_part(fit, part, &model->weights, err));
    for (size_t i = 0; i < n; i++)
        fit->roots[i] = sqrt(weight_of(fit, i));
    const struct mer_calibrated_scores scores = {.scores = fit->scores,
                                                 .roots = fit->roots,
                                                 .classes = fit->target->classes,
                                                 .step = 1,
                                                 .n_rows = n,
                                                 .n_classes = model->n_classes,
                                                 .log_shares = model->log_shares};
    model->calibration = CALIBRATION_START;
    (void)mer_calibrate(&scores, &model->calibration);
    return mer_ok();
}

static mer_status fit_model(struct fit *fit, struct mer_model *model, mer_err *err)
{
    struct mer_alloc *alloc = fit->ctx->alloc;
    MER_GUARD(mer_linear_weights_init(fit->ctx, outputs_of(model->task, model->n_classes),
                                      mer_design_sparse_features(fit->design), &model->weights,
                                      err));
    MER_GUARD(mer_alloc_zero(alloc, model->n_classes, sizeof(double), &model->log_shares, err));
    if (model->task != MER_TASK_REGRESSION) {
        MER_GUARD(mer_alloc_array(alloc, fit->design->n_rows, sizeof *fit->is_class, &fit->is_class,
                                  err));
        MER_GUARD(calibrate(fit, model, err));
    }
    return fit_outputs(fit, fit->target->weights, &model->weights, err);
}

static mer_status fit(const struct mer_ctx *ctx, const struct mer_params *params,
                      const struct mer_fit_data *data, struct mer_model **ret_model, mer_err *err)
{
    struct fit fit = {.ctx = ctx, .params = params, .design = data->design, .target = data->target};
    struct mer_model *model = NULL;

    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *model, &model, err));
    model->task = data->target->task;
    model->n_classes = data->target->n_classes;
    const mer_status status = fit_model(&fit, model, err);
    void *const arrays[] = {fit.is_class, fit.part_weights, fit.scores, fit.part_scores, fit.roots};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        mer_free(ctx->alloc, arrays[i]);
    if (!mer_is_ok(status)) {
        free_model(ctx, model);
        return status;
    }
    *ret_model = model;
    return mer_ok();
}

static void put_row(const void *self, const double *scores, double *row)
{
    const struct mer_model *model = self;
    if (model->task == MER_TASK_REGRESSION) {
        row[0] = scores[0];
        return;
    }
    /* A binary model's row is as wide as its scores are not. */
    const double score = 0.5 * (scores[0] + 1);
    mer_calibrated_probabilities(&model->calibration, model->log_shares, model->n_classes,
                                 model->n_classes == 2 ? &score : scores, row);
}

static mer_status predict(const struct mer_ctx *ctx, const struct mer_model *model,
                          const struct mer_design *design, double *ret_predictions, mer_err *err)
{
    return mer_linear_predict(ctx, &model->weights, design, put_row, model,
                              mer_target_outputs(model->task, model->n_classes), ret_predictions,
                              err);
}

static mer_status save(const struct mer_model *model, const char *prefix, struct mer_bundle *bundle,
                       struct mer_json_writer *writer, mer_err *err)
{
    MER_GUARD(mer_linear_weights_save(&model->weights, prefix, bundle, err));
    if (model->task == MER_TASK_REGRESSION)
        return mer_ok();
    mer_json_key(writer, "slope");
    mer_json_put_number(writer, model->calibration.slope);
    mer_json_key(writer, "prior_weight");
    mer_json_put_number(writer, model->calibration.prior_weight);
    return mer_bundle_add_vector(bundle, mer_array_name(prefix, "log_shares").text, MER_DTYPE_F64,
                                 model->n_classes, model->log_shares, err);
}

static mer_status load_calibration(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                                   const char *prefix, const struct mer_json *object,
                                   struct mer_model *model, mer_err *err)
{
    struct mer_calibration *calibration = &model->calibration;
    const void *shares = NULL;
    MER_GUARD(mer_json_want_number(object, "slope", "the model", &calibration->slope, err));
    MER_GUARD(
        mer_json_want_number(object, "prior_weight", "the model", &calibration->prior_weight, err));
    MER_GUARD(mer_bundle_get_vector(bundle, mer_array_name(prefix, "log_shares").text,
                                    MER_DTYPE_F64, model->n_classes, &shares, err));
    MER_GUARD(
        mer_alloc_array(ctx->alloc, model->n_classes, sizeof(double), &model->log_shares, err));
    memcpy(model->log_shares, shares, model->n_classes * sizeof(double));
    if (!mer_all_finite(model->log_shares, model->n_classes) || !isfinite(calibration->slope) ||
        !isfinite(calibration->prior_weight))
        return mer_fail(err, MER_ERR_DATA, "a number of the model's calibration is not finite");
    return mer_ok();
}

static mer_status load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                       const char *prefix, const struct mer_json *object, enum mer_task task,
                       size_t n_classes, const struct mer_design *shape,
                       struct mer_model **ret_model, mer_err *err)
{
    struct mer_model *model = NULL;
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *model, &model, err));
    model->task = task;
    model->n_classes = task == MER_TASK_REGRESSION ? 0 : n_classes;
    mer_status status = mer_linear_weights_load(ctx, bundle, prefix, outputs_of(task, n_classes),
                                                shape, &model->weights, err);
    if (mer_is_ok(status) && task != MER_TASK_REGRESSION)
        status = load_calibration(ctx, bundle, prefix, object, model, err);
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
    .cost = cost,
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .free = free_model,
};

MER_ADAPTED_FUNCTIONS(PLAIN)

const struct mer_family MER_FAMILY_LINEAR_SVM = {
    .name = "linear_svm",
    .title = "Linear support vector machines",
    .capabilities = MER_CAN_REGRESSION | MER_CAN_BINARY | MER_CAN_MULTICLASS | MER_CAN_WEIGHTS |
                    MER_WANTS_SCALED | MER_CAN_SPARSE | MER_BY_NAME,
    .params = PARAMS,
    .n_params = N_PARAMS,
    MER_ADAPTED_MEMBERS,
};
