/* Kernel ridge regression and classification on random Fourier features: smooth where trees are
 * steps, and without a row of the training table in the model.
 *
 * The waves are drawn again from their seed when a model is loaded; only what was learned is saved.
 */
#include <math.h>
#include <string.h>

#include "learn/adapt_family.h"
#include "learn/kernel_predict.h"
#include "learn/saved.h"

enum { FEW_ROWS = 32 };

struct mer_model {
    enum mer_task task;
    size_t n_classes;
    uint64_t seed;
    double gamma;
    struct mer_kernel_map map;
    struct mer_kernel_ridge ridge;
};

enum {
    PARAM_GAMMA,
    PARAM_ALPHA,
    PARAM_N_COMPONENTS,
    PARAM_TRANSFORM,
    PARAM_LOG_TARGET,
    PARAM_SELECT,
    PARAM_CROSSINGS,
    N_PARAMS
};

static const struct mer_param_spec PARAMS[N_PARAMS] = {
    [PARAM_GAMMA] = {.name = "gamma",
                     .type = MER_PARAM_NUMBER,
                     .minimum = 1e-4,
                     .maximum = 100,
                     .preset = 1,
                     .log_scale = true,
                     .help = "Two rows are alike by exp(-gamma d), d being the mean squared "
                             "difference of their standardised variables."},
    [PARAM_ALPHA] = {.name = "alpha",
                     .type = MER_PARAM_NUMBER,
                     .minimum = 0,
                     .maximum = 1e6,
                     .preset = 0,
                     .help = "Strength of the penalty, half the squared coefficients; 0: chosen by "
                             "leave-one-out errors."},
    [PARAM_N_COMPONENTS] =
        {.name = "n_components",
         .type = MER_PARAM_INTEGER,
         .minimum = MER_KERNEL_WAVES_MIN,
         .maximum = MER_KERNEL_WAVES_MAX,
         .preset = 1024,
         .log_scale = true,
         .help = "Random waves that stand for the kernel; no more than twice the rows are "
                 "used."},
    [PARAM_TRANSFORM] = MER_PARAM_TRANSFORM,
    [PARAM_LOG_TARGET] = MER_PARAM_LOG_TARGET,
    [PARAM_SELECT] = MER_PARAM_SELECT,
    [PARAM_CROSSINGS] = MER_PARAM_CROSSINGS,
};

/* A few rows span no more waves than this. */
static size_t n_waves_of(const struct mer_params *params, size_t n_rows)
{
    const size_t n_wanted = (size_t)params->values[PARAM_N_COMPONENTS];
    const size_t n_useful = n_rows < FEW_ROWS ? 2 * FEW_ROWS : mer_lanes_pad(2 * n_rows);
    return n_wanted < n_useful ? n_wanted : n_useful;
}

static void settle(struct mer_params *params, const struct mer_design *shape)
{
    params->values[PARAM_N_COMPONENTS] = (double)n_waves_of(params, shape->n_rows);
}

static uint64_t cost(const struct mer_params *params, const struct mer_design *design,
                     const struct mer_target *target)
{
    return mer_kernel_ridge_cost(design, target->task, target->n_classes,
                                 n_waves_of(params, design->n_rows),
                                 params->values[PARAM_ALPHA] <= 0);
}

static void free_model(const struct mer_ctx *ctx, struct mer_model *model)
{
    if (!model)
        return;
    mer_kernel_ridge_release(ctx, &model->ridge);
    mer_kernel_map_release(ctx, &model->map);
    mer_free(ctx->alloc, model);
}

static mer_status check_finite(const struct mer_model *model, mer_err *err)
{
    const struct mer_kernel_ridge *ridge = &model->ridge;
    if (mer_all_finite(ridge->coefficients, ridge->n_outputs * model->map.n_padded) &&
        mer_all_finite(ridge->intercepts, ridge->n_outputs) &&
        mer_all_finite(ridge->log_shares, model->n_classes) && isfinite(ridge->calibration.slope) &&
        isfinite(ridge->calibration.prior_weight))
        return mer_ok();
    return mer_fail(err, MER_ERR_DATA, "a number of the kernel model is not finite");
}

static mer_status fit(const struct mer_ctx *ctx, const struct mer_params *params,
                      const struct mer_fit_data *data, struct mer_model **ret_model, mer_err *err)
{
    struct mer_model *model = NULL;
    mer_status status;
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *model, &model, err));
    model->task = data->target->task;
    model->n_classes = data->target->n_classes;
    model->seed = data->seed;
    model->gamma = params->values[PARAM_GAMMA];
    const size_t n_waves = n_waves_of(params, data->design->n_rows);
    MER_GUARD_GOTO(mer_kernel_map_init(ctx, data->design, n_waves, model->gamma, model->seed,
                                       SIZE_MAX, &model->map, err),
                   failed);
    MER_GUARD_GOTO(mer_kernel_ridge_fit(ctx, &model->map, data->design, data->target,
                                        params->values[PARAM_ALPHA], &model->ridge, err),
                   failed);
    MER_GUARD_GOTO(check_finite(model, err), failed);
    *ret_model = model;
    return mer_ok();
failed:
    free_model(ctx, model);
    return status;
}

static mer_status predict(const struct mer_ctx *ctx, const struct mer_model *model,
                          const struct mer_design *design, double *ret_predictions, mer_err *err)
{
    const struct mer_kernel_predictor predictor = {.map = &model->map,
                                                   .ridge = &model->ridge,
                                                   .task = model->task,
                                                   .n_classes = model->n_classes};
    return mer_kernel_predict(ctx, &predictor, design, ret_predictions, err);
}

static mer_status save(const struct mer_model *model, const char *prefix, struct mer_bundle *bundle,
                       struct mer_json_writer *writer, mer_err *err)
{
    const struct mer_kernel_ridge *ridge = &model->ridge;
    const size_t shape[] = {ridge->n_outputs, model->map.n_padded};
    mer_json_key(writer, "waves");
    mer_json_put_unsigned(writer, model->map.n_waves);
    mer_json_key(writer, "features");
    mer_json_put_unsigned(writer, model->map.n_features);
    mer_json_key(writer, "gamma");
    mer_json_put_number(writer, model->gamma);
    mer_json_key(writer, "alpha");
    mer_json_put_number(writer, ridge->alpha);
    mer_json_key(writer, "slope");
    mer_json_put_number(writer, ridge->calibration.slope);
    mer_json_key(writer, "prior_weight");
    mer_json_put_number(writer, ridge->calibration.prior_weight);
    MER_GUARD(mer_bundle_add_vector(bundle, mer_array_name(prefix, "seed").text, MER_DTYPE_U64, 1,
                                    &model->seed, err));
    MER_GUARD(mer_bundle_add(bundle, mer_array_name(prefix, "coefficients").text, MER_DTYPE_F64, 2,
                             shape, ridge->coefficients, true, err));
    MER_GUARD(mer_bundle_add_vector(bundle, mer_array_name(prefix, "intercepts").text,
                                    MER_DTYPE_F64, ridge->n_outputs, ridge->intercepts, err));
    return mer_bundle_add_vector(bundle, mer_array_name(prefix, "log_shares").text, MER_DTYPE_F64,
                                 model->n_classes, ridge->log_shares, err);
}

/* A copy of a saved vector. */
static mer_status load_vector(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                              const char *prefix, const char *name, size_t n, double **ret,
                              mer_err *err)
{
    const void *saved = NULL;
    MER_GUARD(mer_bundle_get_vector(bundle, mer_array_name(prefix, name).text, MER_DTYPE_F64, n,
                                    &saved, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof(double), ret, err));
    if (n > 0)
        memcpy(*ret, saved, n * sizeof(double));
    return mer_ok();
}

static mer_status check_coefficients(const struct mer_bundle *bundle, const char *prefix,
                                     const struct mer_model *model, size_t n_features, mer_err *err)
{
    const struct mer_array_name name = mer_array_name(prefix, "coefficients");
    const struct mer_array *coefficients = NULL;
    const size_t n_outputs = model->ridge.n_outputs, n_padded = mer_lanes_pad(n_features);
    MER_GUARD(mer_bundle_get(bundle, name.text, MER_DTYPE_F64, 2, &coefficients, err));
    if (coefficients->shape[0] == n_outputs && coefficients->shape[1] == n_padded)
        return mer_ok();
    return mer_fail(err, MER_ERR_DATA, "array %s is not of shape %zu by %zu", name.text, n_outputs,
                    n_padded);
}

static mer_status load_map(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                           const char *prefix, const struct mer_json *object,
                           const struct mer_design *shape, struct mer_model *model, mer_err *err)
{
    const struct mer_param_spec *gamma = &PARAMS[PARAM_GAMMA];
    const void *seed = NULL;
    int64_t n_waves, n_saved;
    MER_GUARD(mer_json_want_integer(object, "waves", MER_KERNEL_WAVES_MIN, MER_KERNEL_WAVES_MAX,
                                    "the kernel model", &n_waves, err));
    MER_GUARD(mer_json_want_number(object, "gamma", "the kernel model", &model->gamma, err));
    if (!(model->gamma >= gamma->minimum && model->gamma <= gamma->maximum))
        return mer_fail(err, MER_ERR_DATA, "gamma of the kernel model is out of its range");
    MER_GUARD(mer_bundle_get_vector(bundle, mer_array_name(prefix, "seed").text, MER_DTYPE_U64, 1,
                                    &seed, err));
    memcpy(&model->seed, seed, sizeof model->seed);
    /* Waves are drawn for a file that holds their coefficients, and for no other; and they are held
     * where that takes no more than some coefficients' room: a number for each wave and variable
     * can be many times as large as the file. */
    const size_t n_features = mer_kernel_map_features(shape, (size_t)n_waves);
    const size_t n_coefficients = model->ridge.n_outputs * mer_lanes_pad(n_features);
    const size_t n_held = MER_KERNEL_HELD_SHARE * n_coefficients;
    MER_GUARD(check_coefficients(bundle, prefix, model, n_features, err));
    MER_GUARD(mer_kernel_map_init(ctx, shape, (size_t)n_waves, model->gamma, model->seed,
                                  n_held > MER_KERNEL_HELD_MIN ? n_held : MER_KERNEL_HELD_MIN,
                                  &model->map, err));
    return mer_json_want_integer(object, "features", (int64_t)n_features, (int64_t)n_features,
                                 "the kernel model", &n_saved, err);
}

static mer_status load_into(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                            const char *prefix, const struct mer_json *object,
                            const struct mer_design *shape, struct mer_model *model, mer_err *err)
{
    struct mer_kernel_ridge *ridge = &model->ridge;
    const struct mer_array *coefficients = NULL;
    const struct mer_array_name name = mer_array_name(prefix, "coefficients");
    ridge->n_outputs = mer_kernel_outputs(model->task, model->n_classes);
    MER_GUARD(load_map(ctx, bundle, prefix, object, shape, model, err));
    MER_GUARD(mer_json_want_number(object, "alpha", "the kernel model", &ridge->alpha, err));
    MER_GUARD(
        mer_json_want_number(object, "slope", "the kernel model", &ridge->calibration.slope, err));
    MER_GUARD(mer_json_want_number(object, "prior_weight", "the kernel model",
                                   &ridge->calibration.prior_weight, err));
    MER_GUARD(mer_bundle_get(bundle, name.text, MER_DTYPE_F64, 2, &coefficients, err));
    MER_GUARD(mer_alloc_bytes(ctx->alloc, coefficients->n_bytes, &ridge->coefficients, err));
    memcpy(ridge->coefficients, coefficients->data, coefficients->n_bytes);
    MER_GUARD(
        load_vector(ctx, bundle, prefix, "intercepts", ridge->n_outputs, &ridge->intercepts, err));
    MER_GUARD(
        load_vector(ctx, bundle, prefix, "log_shares", model->n_classes, &ridge->log_shares, err));
    return check_finite(model, err);
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
    const mer_status status = load_into(ctx, bundle, prefix, object, shape, model, err);
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
    .settle = settle,
    .cost = cost,
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .free = free_model,
};

MER_ADAPTED_FUNCTIONS(PLAIN)

const struct mer_family MER_FAMILY_KERNEL = {
    .name = "kernel",
    .title = "Kernel ridge regression and classification by random waves",
    .capabilities = MER_CAN_REGRESSION | MER_CAN_BINARY | MER_CAN_MULTICLASS | MER_CAN_WEIGHTS |
                    MER_WANTS_SCALED,
    .params = PARAMS,
    .n_params = N_PARAMS,
    MER_ADAPTED_MEMBERS,
};
