/* The baseline: one prediction for all rows, learnt from the target alone. Classification: the
 * weighted shares of the classes. Regression: the weighted mean or median. What any other family
 * has to beat. */
#include <math.h>
#include <string.h>

#include "core/math.h"
#include "core/order.h"
#include "learn/family.h"
#include "learn/saved.h"

struct mer_model {
    size_t n_outputs;
    double outputs[]; /* [n_outputs] */
};

enum { PARAM_STRATEGY, N_PARAMS };
enum { STRATEGY_MEAN, STRATEGY_MEDIAN };

static const char *const STRATEGIES[] = {"mean", "median", NULL};

static const struct mer_param_spec PARAMS[N_PARAMS] = {
    [PARAM_STRATEGY] = {.name = "strategy",
                        .type = MER_PARAM_CHOICE,
                        .minimum = 0,
                        .maximum = 1,
                        .preset = STRATEGY_MEAN,
                        .choices = STRATEGIES,
                        .help = "What regression predicts; classification predicts the shares of "
                                "the classes."},
};

static uint64_t cost(const struct mer_params *params, const struct mer_design *design,
                     const struct mer_target *target)
{
    (void)target;
    const bool sorts = params->values[PARAM_STRATEGY] == STRATEGY_MEDIAN;
    return 1 + design->n_rows / (sorts ? 10 : 200);
}

static double weight_of(const struct mer_target *target, size_t row)
{
    return target->weights ? target->weights[row] : 1.0;
}

static void class_shares(const struct mer_target *target, size_t n_rows, double *ret_shares)
{
    memset(ret_shares, 0, target->n_classes * sizeof *ret_shares);
    for (size_t row = 0; row < n_rows; row++)
        ret_shares[target->classes[row]] += weight_of(target, row);
    double total = 0;
    for (size_t k = 0; k < target->n_classes; k++)
        total += ret_shares[k];
    for (size_t k = 0; k < target->n_classes; k++)
        ret_shares[k] /= total;
}

/* The value at which the weights below and above balance; between two values, their middle. */
static double weighted_median(const struct mer_target *target, size_t n_rows, const uint32_t *order)
{
    double total = 0;
    for (size_t i = 0; i < n_rows; i++)
        total += weight_of(target, order[i]);
    double below = 0;
    for (size_t i = 0; i < n_rows; i++) {
        below += weight_of(target, order[i]);
        if (below < total / 2)
            continue;
        size_t next = i;
        if (below == total / 2) {
            next = i + 1;
            while (next + 1 < n_rows && weight_of(target, order[next]) == 0)
                next++;
        }
        return target->values[order[i]] / 2 + target->values[order[next]] / 2;
    }
    return target->values[order[n_rows - 1]];
}

static mer_status fit_mean(const struct mer_ctx *ctx, const struct mer_target *target,
                           size_t n_rows, double *ret_mean, mer_err *err)
{
    if (!target->weights) {
        *ret_mean = mer_sum(target->values, n_rows) / (double)n_rows;
        return mer_ok();
    }
    double *products = NULL;
    MER_GUARD(mer_alloc_array(ctx->alloc, n_rows, sizeof *products, &products, err));
    for (size_t row = 0; row < n_rows; row++)
        products[row] = target->weights[row] * target->values[row];
    *ret_mean = mer_sum(products, n_rows) / mer_sum(target->weights, n_rows);
    mer_free(ctx->alloc, products);
    return mer_ok();
}

static mer_status fit_median(const struct mer_ctx *ctx, const struct mer_target *target,
                             size_t n_rows, double *ret_median, mer_err *err)
{
    uint32_t *order = NULL;
    struct mer_order_item *scratch = NULL;
    mer_status status;
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_rows, sizeof *order, &order, err), done);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_rows, 2 * sizeof *scratch, &scratch, err), done);
    mer_order_doubles(target->values, n_rows, scratch, order);
    *ret_median = weighted_median(target, n_rows, order);
done:
    mer_free(ctx->alloc, scratch);
    mer_free(ctx->alloc, order);
    return status;
}

static mer_status check_rows(const struct mer_target *target, size_t n_rows, mer_err *err)
{
    if (n_rows > UINT32_MAX)
        return mer_fail(err, MER_ERR_DATA, "%zu rows are too many for the baseline", n_rows);
    for (size_t row = 0; row < n_rows; row++) {
        if (weight_of(target, row) > 0)
            return mer_ok();
    }
    return mer_fail(err, MER_ERR_DATA, "there is no row with a weight above zero to learn from");
}

static mer_status new_model(const struct mer_ctx *ctx, size_t n_outputs,
                            struct mer_model **ret_model, mer_err *err)
{
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof **ret_model + n_outputs * sizeof(double),
                             ret_model, err));
    (*ret_model)->n_outputs = n_outputs;
    return mer_ok();
}

static void free_model(const struct mer_ctx *ctx, struct mer_model *model)
{
    mer_free(ctx->alloc, model);
}

static mer_status fit(const struct mer_ctx *ctx, const struct mer_params *params,
                      const struct mer_fit_data *data, struct mer_model **ret_model, mer_err *err)
{
    const struct mer_target *target = data->target;
    const size_t n_rows = data->design->n_rows;
    MER_GUARD(check_rows(target, n_rows, err));
    struct mer_model *model = NULL;
    MER_GUARD(new_model(ctx, mer_target_outputs(target->task, target->n_classes), &model, err));
    mer_status status = mer_ok();
    if (target->task != MER_TASK_REGRESSION)
        class_shares(target, n_rows, model->outputs);
    else if (params->values[PARAM_STRATEGY] == STRATEGY_MEDIAN)
        status = fit_median(ctx, target, n_rows, model->outputs, err);
    else
        status = fit_mean(ctx, target, n_rows, model->outputs, err);
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
    const size_t n_bytes = model->n_outputs * sizeof *ret_predictions;
    for (size_t row = 0; row < design->n_rows; row++)
        memcpy(ret_predictions + row * model->n_outputs, model->outputs, n_bytes);
    return mer_ctx_check_cancel(ctx, err);
}

static mer_status save(const struct mer_model *model, const char *prefix, struct mer_bundle *bundle,
                       struct mer_json_writer *writer, mer_err *err)
{
    (void)writer; /* it has no scalars */
    return mer_bundle_add_vector(bundle, mer_array_name(prefix, "outputs").text, MER_DTYPE_F64,
                                 model->n_outputs, model->outputs, err);
}

static mer_status load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                       const char *prefix, const struct mer_json *object, enum mer_task task,
                       size_t n_classes, const struct mer_design *shape,
                       struct mer_model **ret_model, mer_err *err)
{
    (void)object;
    (void)shape; /* it looks at no feature */
    const struct mer_array_name name = mer_array_name(prefix, "outputs");
    const size_t n_outputs = mer_target_outputs(task, n_classes);
    const void *outputs = NULL;
    MER_GUARD(mer_bundle_get_vector(bundle, name.text, MER_DTYPE_F64, n_outputs, &outputs, err));
    MER_GUARD(mer_saved_outputs_check(outputs, 1, n_outputs, task, name.text, err));
    struct mer_model *model = NULL;
    MER_GUARD(new_model(ctx, n_outputs, &model, err));
    memcpy(model->outputs, outputs, n_outputs * sizeof(double));
    *ret_model = model;
    return mer_ok();
}

const struct mer_family MER_FAMILY_BASELINE = {
    .name = "baseline",
    .title = "Baseline: class shares, mean or median",
    .capabilities = MER_CAN_REGRESSION | MER_CAN_BINARY | MER_CAN_MULTICLASS | MER_CAN_WEIGHTS,
    .params = PARAMS,
    .n_params = N_PARAMS,
    .cost = cost,
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .free = free_model,
};
