/* Naive Bayes: the variables of a row are taken to be independent given its class. Numbers are
 * normal in each class, or only count by being above their mean (Bernoulli); categories have the
 * shares that they have in the class; the terms of texts are drawn one after another with the
 * shares of the class (multinomial).
 *
 * Variables seldom are independent, so that the product of their likelihoods is far too sure. Its
 * logarithm is therefore scaled by a number that is chosen on the training rows (calibration.h):
 * there are so few parameters that these are hardly fitted better than rows to come.
 */
#include <math.h>
#include <string.h>

#include "core/math.h"
#include "core/team.h"
#include "learn/calibration.h"
#include "learn/family.h"
#include "learn/saved.h"

enum { BLOCK_ROWS = 256, CALIBRATED_ROWS = 20000 };

/* Beyond this a number says no more. */
#define CLIP 8.0
/* A class without a row counts as this share. */
#define SHARE_MIN 1e-9

/* To score a row for a class: constant + sum over numbers of (linear * x + square * x * x), x being
 * clipped, or 1 above the mean and 0 else, + sum over groups of what the code says, + sum over the
 * row's terms of their weight times what the term says. Code -1 says nothing. */
struct mer_model {
    size_t n_classes;
    size_t n_dense; /* without those that condense texts */
    size_t n_groups;
    size_t n_onehot;
    size_t n_sparse;
    bool bernoulli;
    double *constants; /* [n_classes] */
    double *linear;    /* [n_classes][n_dense] */
    double *square;    /* [n_classes][n_dense] */
    double *levels;    /* [n_classes][n_onehot] */
    double *terms;     /* [n_classes][n_sparse] */
    double *log_shares;
    struct mer_calibration calibration;
};

enum { PARAM_DISTRIBUTION, PARAM_ALPHA, PARAM_VAR_SMOOTHING, PARAM_TERM_ALPHA, N_PARAMS };
enum { GAUSSIAN, BERNOULLI };

static const char *const DISTRIBUTIONS[] = {"gaussian", "bernoulli", NULL};

static const struct mer_param_spec PARAMS[N_PARAMS] = {
    [PARAM_DISTRIBUTION] = {.name = "distribution",
                            .type = MER_PARAM_CHOICE,
                            .minimum = GAUSSIAN,
                            .maximum = BERNOULLI,
                            .preset = GAUSSIAN,
                            .choices = DISTRIBUTIONS,
                            .help = "Of a number in a class: normal, or above its mean or not."},
    [PARAM_ALPHA] = {.name = "alpha",
                     .type = MER_PARAM_NUMBER,
                     .minimum = 1e-6,
                     .maximum = 1e6,
                     .preset = 1,
                     .log_scale = true,
                     .help = "Rows that are added to a class for every value a category can have."},
    [PARAM_VAR_SMOOTHING] = {.name = "var_smoothing",
                             .type = MER_PARAM_NUMBER,
                             .minimum = 1e-12,
                             .maximum = 10,
                             .preset = 0.1,
                             .log_scale = true,
                             .help = "Added to the variance of a standardised number in a class."},
    [PARAM_TERM_ALPHA] = {.name = "term_alpha",
                          .type = MER_PARAM_NUMBER,
                          .minimum = 1e-6,
                          .maximum = 1e3,
                          .preset = 0.05,
                          .log_scale = true,
                          .help = "Weight that is added to every term of texts in a class."},
};

static uint64_t cost(const struct mer_params *params, const struct mer_design *design,
                     const struct mer_target *target)
{
    const double rows = (double)design->n_rows, classes = (double)target->n_classes;
    const double columns = (double)(design->n_dense + design->n_groups + design->sparse_row);
    (void)params;
    return 1 + (uint64_t)((rows * columns * 5 +
                           fmin(rows, CALIBRATED_ROWS) * classes * (columns * 2 + 20 * 30)) /
                          1000);
}

static void free_model(const struct mer_ctx *ctx, struct mer_model *model)
{
    if (!model)
        return;
    mer_free(ctx->alloc, model->constants);
    mer_free(ctx->alloc, model->linear);
    mer_free(ctx->alloc, model->square);
    mer_free(ctx->alloc, model->levels);
    mer_free(ctx->alloc, model->terms);
    mer_free(ctx->alloc, model->log_shares);
    mer_free(ctx->alloc, model);
}

/* A model of zeros for the shape. */
static mer_status new_model(const struct mer_ctx *ctx, const struct mer_design *shape,
                            size_t n_classes, struct mer_model **ret_model, mer_err *err)
{
    struct mer_alloc *alloc = ctx->alloc;
    struct mer_model *model = NULL;
    mer_status status;
    MER_GUARD(mer_alloc_zero(alloc, 1, sizeof *model, &model, err));
    model->n_classes = n_classes;
    model->n_dense = mer_design_uncondensed(shape);
    model->n_groups = shape->n_groups;
    model->n_onehot = mer_design_onehot(shape);
    model->n_sparse = shape->n_sparse;
    size_t n_features;
    if (!mer_size_mul(n_classes, mer_design_sparse_features(shape) * sizeof(double), &n_features)) {
        status = mer_fail(err, MER_ERR_DATA, "the table is too large for naive Bayes");
        goto failed;
    }
    MER_GUARD_GOTO(mer_alloc_zero(alloc, n_classes, sizeof(double), &model->constants, err),
                   failed);
    MER_GUARD_GOTO(
        mer_alloc_zero(alloc, n_classes, model->n_dense * sizeof(double), &model->linear, err),
        failed);
    MER_GUARD_GOTO(
        mer_alloc_zero(alloc, n_classes, model->n_dense * sizeof(double), &model->square, err),
        failed);
    MER_GUARD_GOTO(
        mer_alloc_zero(alloc, n_classes, model->n_onehot * sizeof(double), &model->levels, err),
        failed);
    MER_GUARD_GOTO(
        mer_alloc_zero(alloc, n_classes, model->n_sparse * sizeof(double), &model->terms, err),
        failed);
    MER_GUARD_GOTO(mer_alloc_zero(alloc, n_classes, sizeof(double), &model->log_shares, err),
                   failed);
    *ret_model = model;
    return mer_ok();
failed:
    free_model(ctx, model);
    return status;
}

static double weight_of(const struct mer_target *target, size_t row)
{
    return target->weights ? target->weights[row] : 1.0;
}

static double value_of(const struct mer_model *model, double x)
{
    if (model->bernoulli)
        return x > 0;
    return x > CLIP ? CLIP : x < -CLIP ? -CLIP : x;
}

/* Sums by class, where the model's terms will be: weights, x, x * x, weights by level. A class is
 * summed by one thread in the order of the rows. */
struct summing {
    struct mer_model *model;
    const struct mer_design *design;
    const struct mer_target *target;
    double *weights; /* [n_classes] */
};

static void sum_class(void *argument, size_t task, size_t worker)
{
    const struct summing *summing = argument;
    const struct mer_model *model = summing->model;
    const struct mer_design *design = summing->design;
    double *const linear = model->linear + task * model->n_dense;
    double *const square = model->square + task * model->n_dense;
    double *const levels = model->levels + task * model->n_onehot;
    double *const terms = model->terms + task * model->n_sparse;
    (void)worker;
    for (size_t row = 0; row < design->n_rows; row++) {
        if ((size_t)summing->target->classes[row] != task)
            continue;
        const double weight = weight_of(summing->target, row);
        const double *const dense = design->dense + row * design->n_dense;
        summing->weights[task] += weight;
        for (size_t j = 0; j < model->n_dense; j++) {
            const double x = value_of(model, dense[j]);
            linear[j] += weight * x;
            square[j] += weight * x * x;
        }
        for (size_t g = 0; g < model->n_groups; g++) {
            const int32_t code = design->codes[row * model->n_groups + g];
            if (code >= 0)
                levels[design->group_start[g] + (size_t)code] += weight;
        }
        for (size_t i = model->n_sparse ? design->sparse_start[row] : 0;
             model->n_sparse && i < design->sparse_start[row + 1]; i++)
            terms[design->sparse_columns[i]] += weight * fabs((double)design->sparse_values[i]);
    }
}

/* The sums of a class become the terms of its score. */
static void make_terms(const struct mer_params *params, const struct mer_design *design,
                       double weight, size_t k, struct mer_model *model)
{
    const double alpha = params->values[PARAM_ALPHA];
    double *const constant = &model->constants[k];
    for (size_t j = 0; j < model->n_dense; j++) {
        double *const linear = &model->linear[k * model->n_dense + j];
        double *const square = &model->square[k * model->n_dense + j];
        if (model->bernoulli) {
            const double share = (*linear + alpha) / (weight + 2 * alpha);
            *linear = mer_ln(share) - mer_ln(1 - share);
            *square = 0;
            *constant += mer_ln(1 - share);
            continue;
        }
        /* One row at the mean of all stands for what is known before any. */
        const double mean = *linear / (weight + 1);
        const double raw = (*square + 1) / (weight + 1) - mean * mean;
        const double variance = (raw > 0 ? raw : 0) + params->values[PARAM_VAR_SMOOTHING];
        *linear = mean / variance;
        *square = -0.5 / variance;
        *constant -= 0.5 * (mer_ln(variance) + mean * mean / variance);
    }
    for (size_t g = 0; g < model->n_groups; g++) {
        const size_t begin = design->group_start[g], end = design->group_start[g + 1];
        double *const levels = model->levels + k * model->n_onehot;
        double total = 0;
        for (size_t level = begin; level < end; level++)
            total += levels[level] + alpha;
        for (size_t level = begin; level < end; level++)
            levels[level] = mer_ln((levels[level] + alpha) / total);
    }
    double *const terms = model->terms + k * model->n_sparse;
    const double term_alpha = params->values[PARAM_TERM_ALPHA];
    double total = 0;
    for (size_t t = 0; t < model->n_sparse; t++)
        total += terms[t] + term_alpha;
    for (size_t t = 0; t < model->n_sparse; t++)
        terms[t] = mer_ln((terms[t] + term_alpha) / total);
}

static double score_row(const struct mer_model *model, const struct mer_design *design, size_t row,
                        size_t k)
{
    const double *const dense = design->dense + row * design->n_dense;
    const double *const linear = model->linear + k * model->n_dense;
    const double *const square = model->square + k * model->n_dense;
    const double *const levels = model->levels + k * model->n_onehot;
    const double *const terms = model->terms + k * model->n_sparse;
    double score = model->constants[k];
    for (size_t j = 0; j < model->n_dense; j++) {
        const double x = value_of(model, dense[j]);
        score += x * (linear[j] + square[j] * x);
    }
    for (size_t g = 0; g < model->n_groups; g++) {
        const int32_t code = design->codes[row * model->n_groups + g];
        if (code >= 0)
            score += levels[design->group_start[g] + (size_t)code];
    }
    for (size_t i = model->n_sparse ? design->sparse_start[row] : 0;
         model->n_sparse && i < design->sparse_start[row + 1]; i++)
        score += fabs((double)design->sparse_values[i]) * terms[design->sparse_columns[i]];
    return score;
}

/* The scores of a row as calibration.h wants them: less their largest, by the root of the number of
 * variables; of two classes, half and half their difference. */
static void score_classes(const struct mer_model *model, const struct mer_design *design,
                          size_t row, double *scores)
{
    const double scale = 1 / sqrt((double)(model->n_dense + model->n_groups + 1));
    if (model->n_classes == 2) {
        scores[0] = 0.5 + 0.5 * scale *
                              (score_row(model, design, row, 1) - score_row(model, design, row, 0));
        return;
    }
    double largest = -INFINITY;
    for (size_t k = 0; k < model->n_classes; k++) {
        scores[k] = scale * score_row(model, design, row, k);
        largest = fmax(largest, scores[k]);
    }
    for (size_t k = 0; k < model->n_classes; k++)
        scores[k] -= largest;
}

struct scoring {
    const struct mer_model *model;
    const struct mer_design *design;
    size_t step; /* every so many rows */
    size_t n_rows;
    size_t n_outputs; /* doubles a row in `outputs` */
    bool calibrated;  /* probabilities instead of scores */
    double *outputs;
};

static void score_block(void *argument, size_t task, size_t worker)
{
    const struct scoring *scoring = argument;
    const struct mer_model *model = scoring->model;
    const size_t first = task * BLOCK_ROWS, left = scoring->n_rows - first;
    const size_t end = first + (left < BLOCK_ROWS ? left : BLOCK_ROWS);
    (void)worker;
    for (size_t r = first; r < end; r++) {
        double *const outputs = scoring->outputs + r * scoring->n_outputs;
        score_classes(model, scoring->design, r * scoring->step, outputs);
        if (scoring->calibrated) {
            const double first_score = outputs[0];
            mer_calibrated_probabilities(&model->calibration, model->log_shares, model->n_classes,
                                         model->n_classes == 2 ? &first_score : outputs, outputs);
        }
    }
}

static void run_scoring(const struct mer_ctx *ctx, struct scoring *scoring)
{
    mer_team_run(ctx->team, score_block, scoring, (scoring->n_rows + BLOCK_ROWS - 1) / BLOCK_ROWS);
}

static mer_status calibrate(const struct mer_ctx *ctx, const struct mer_fit_data *data,
                            struct mer_model *model, mer_err *err)
{
    const size_t n_rows = data->design->n_rows;
    struct scoring scoring = {.model = model,
                              .design = data->design,
                              .step = (n_rows + CALIBRATED_ROWS - 1) / CALIBRATED_ROWS,
                              .n_outputs = mer_calibrated_width(model->n_classes)};
    double *roots = NULL;
    mer_status status;
    scoring.n_rows = (n_rows + scoring.step - 1) / scoring.step;
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, scoring.n_rows, scoring.n_outputs * sizeof(double),
                                   &scoring.outputs, err),
                   done);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, scoring.n_rows, sizeof *roots, &roots, err), done);
    for (size_t r = 0; r < scoring.n_rows; r++)
        roots[r] = sqrt(weight_of(data->target, r * scoring.step));
    run_scoring(ctx, &scoring);
    const struct mer_calibrated_scores scores = {.scores = scoring.outputs,
                                                 .roots = roots,
                                                 .classes = data->target->classes,
                                                 .step = scoring.step,
                                                 .n_rows = scoring.n_rows,
                                                 .n_classes = model->n_classes,
                                                 .log_shares = model->log_shares};
    model->calibration = (struct mer_calibration){.slope = 1, .prior_weight = 1};
    (void)mer_calibrate(&scores, &model->calibration);
    status = mer_ctx_check_cancel(ctx, err);
done:
    mer_free(ctx->alloc, scoring.outputs);
    mer_free(ctx->alloc, roots);
    return status;
}

static mer_status check_finite(const struct mer_model *model, mer_err *err)
{
    const size_t n = model->n_classes;
    if (mer_all_finite(model->constants, n) && mer_all_finite(model->linear, n * model->n_dense) &&
        mer_all_finite(model->square, n * model->n_dense) &&
        mer_all_finite(model->levels, n * model->n_onehot) &&
        mer_all_finite(model->terms, n * model->n_sparse) && mer_all_finite(model->log_shares, n) &&
        isfinite(model->calibration.slope) && isfinite(model->calibration.prior_weight))
        return mer_ok();
    return mer_fail(err, MER_ERR_DATA, "a number of naive Bayes is not finite");
}

static mer_status learn(const struct mer_ctx *ctx, const struct mer_params *params,
                        const struct mer_fit_data *data, struct mer_model *model, mer_err *err)
{
    struct summing summing = {.model = model, .design = data->design, .target = data->target};
    double total = 0;
    MER_GUARD(mer_alloc_zero(ctx->alloc, model->n_classes, sizeof(double), &summing.weights, err));
    mer_team_run(ctx->team, sum_class, &summing, model->n_classes);
    for (size_t k = 0; k < model->n_classes; k++)
        total += summing.weights[k];
    for (size_t k = 0; k < model->n_classes; k++) {
        make_terms(params, data->design, summing.weights[k], k, model);
        model->log_shares[k] = mer_ln(fmax(summing.weights[k] / total, SHARE_MIN));
    }
    mer_free(ctx->alloc, summing.weights);
    if (!(total > 0 && isfinite(total)))
        return mer_fail(err, MER_ERR_DATA,
                        "the weights of the rows have no finite sum above zero to learn from");
    MER_GUARD(calibrate(ctx, data, model, err));
    return check_finite(model, err);
}

static mer_status fit(const struct mer_ctx *ctx, const struct mer_params *params,
                      const struct mer_fit_data *data, struct mer_model **ret_model, mer_err *err)
{
    struct mer_model *model = NULL;
    MER_GUARD(new_model(ctx, data->design, data->target->n_classes, &model, err));
    model->bernoulli = params->values[PARAM_DISTRIBUTION] == BERNOULLI;
    const mer_status status = learn(ctx, params, data, model, err);
    if (!mer_is_ok(status)) {
        free_model(ctx, model);
        return status;
    }
    *ret_model = model;
    return mer_ok();
}

static mer_status predict(const struct mer_ctx *ctx, const struct mer_model *model,
                          const struct mer_design *design, double *ret_predictions, mer_err *err)
{
    struct scoring scoring = {.model = model,
                              .design = design,
                              .step = 1,
                              .n_rows = design->n_rows,
                              .n_outputs = model->n_classes,
                              .calibrated = true,
                              .outputs = ret_predictions};
    run_scoring(ctx, &scoring);
    return mer_ctx_check_cancel(ctx, err);
}

/* ---- saving and loading ---- */

enum { N_ARRAYS = 6 };

/* An array of the saved form: a row a class. */
struct saved_array {
    const char *name;
    size_t n_columns;
    double *numbers;
};

/* Returns how many there are: terms, the last, only where there are texts. */
static size_t list_arrays(const struct mer_model *model, struct saved_array ret[N_ARRAYS])
{
    const struct saved_array arrays[N_ARRAYS] = {
        {"constants", 1, model->constants},        {"linear", model->n_dense, model->linear},
        {"square", model->n_dense, model->square}, {"levels", model->n_onehot, model->levels},
        {"log_shares", 1, model->log_shares},      {"terms", model->n_sparse, model->terms}};
    memcpy(ret, arrays, sizeof arrays);
    return model->n_sparse > 0 ? N_ARRAYS : N_ARRAYS - 1;
}

static mer_status save(const struct mer_model *model, const char *prefix, struct mer_bundle *bundle,
                       struct mer_json_writer *writer, mer_err *err)
{
    struct saved_array arrays[N_ARRAYS];
    mer_json_key(writer, "bernoulli");
    mer_json_put_boolean(writer, model->bernoulli);
    mer_json_key(writer, "slope");
    mer_json_put_number(writer, model->calibration.slope);
    mer_json_key(writer, "prior_weight");
    mer_json_put_number(writer, model->calibration.prior_weight);
    const size_t n_arrays = list_arrays(model, arrays);
    for (size_t i = 0; i < n_arrays; i++)
        MER_GUARD(mer_bundle_add_vector(bundle, mer_array_name(prefix, arrays[i].name).text,
                                        MER_DTYPE_F64, model->n_classes * arrays[i].n_columns,
                                        arrays[i].numbers, err));
    return mer_ok();
}

static mer_status load_into(const struct mer_bundle *bundle, const char *prefix,
                            const struct mer_json *object, struct mer_model *model, mer_err *err)
{
    struct saved_array arrays[N_ARRAYS];
    if (!mer_json_boolean(mer_json_get(object, "bernoulli"), &model->bernoulli))
        return mer_fail(err, MER_ERR_DATA, "naive Bayes does not say how its numbers count");
    MER_GUARD(mer_json_want_number(object, "slope", "naive Bayes", &model->calibration.slope, err));
    MER_GUARD(mer_json_want_number(object, "prior_weight", "naive Bayes",
                                   &model->calibration.prior_weight, err));
    const size_t n_arrays = list_arrays(model, arrays);
    for (size_t i = 0; i < n_arrays; i++) {
        const size_t n = model->n_classes * arrays[i].n_columns;
        const void *saved = NULL;
        MER_GUARD(mer_bundle_get_vector(bundle, mer_array_name(prefix, arrays[i].name).text,
                                        MER_DTYPE_F64, n, &saved, err));
        if (n > 0)
            memcpy(arrays[i].numbers, saved, n * sizeof(double));
    }
    return check_finite(model, err);
}

/* Whether the file holds as much as a model of the shape needs, before that is allocated. */
static mer_status check_sizes(const struct mer_bundle *bundle, const char *prefix,
                              const struct mer_design *shape, size_t n_classes, mer_err *err)
{
    const struct mer_model empty = {.n_dense = mer_design_uncondensed(shape),
                                    .n_onehot = mer_design_onehot(shape),
                                    .n_sparse = shape->n_sparse};
    struct saved_array arrays[N_ARRAYS];
    const size_t n_arrays = list_arrays(&empty, arrays);
    for (size_t i = 0; i < n_arrays; i++) {
        const void *saved = NULL;
        size_t n;
        if (!mer_size_mul(n_classes, arrays[i].n_columns, &n))
            return mer_fail(err, MER_ERR_DATA, "the model is too large for naive Bayes");
        MER_GUARD(mer_bundle_get_vector(bundle, mer_array_name(prefix, arrays[i].name).text,
                                        MER_DTYPE_F64, n, &saved, err));
    }
    return mer_ok();
}

static mer_status load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                       const char *prefix, const struct mer_json *object, enum mer_task task,
                       size_t n_classes, const struct mer_design *shape,
                       struct mer_model **ret_model, mer_err *err)
{
    struct mer_model *model = NULL;
    if (task == MER_TASK_REGRESSION)
        return mer_fail(err, MER_ERR_DATA, "naive Bayes predicts classes, not numbers");
    MER_GUARD(check_sizes(bundle, prefix, shape, n_classes, err));
    MER_GUARD(new_model(ctx, shape, n_classes, &model, err));
    const mer_status status = load_into(bundle, prefix, object, model, err);
    if (!mer_is_ok(status)) {
        free_model(ctx, model);
        return status;
    }
    *ret_model = model;
    return mer_ok();
}

const struct mer_family MER_FAMILY_NAIVE_BAYES = {
    .name = "naive_bayes",
    .title = "Naive Bayes: Gaussian or Bernoulli, multinomial of texts",
    .capabilities =
        MER_CAN_BINARY | MER_CAN_MULTICLASS | MER_CAN_WEIGHTS | MER_WANTS_SCALED | MER_CAN_SPARSE,
    .params = PARAMS,
    .n_params = N_PARAMS,
    .cost = cost,
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .free = free_model,
};
