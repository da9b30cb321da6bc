#include "automl/quantile.h"

#include <math.h>
#include <stdio.h>

double mer_pinball_loss(double level, double value, double predicted)
{
    return value >= predicted ? level * (value - predicted) : (1 - level) * (predicted - value);
}

bool mer_quantile_levels_are_sound(const double *levels, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(levels[i] > (i > 0 ? levels[i - 1] : 0) && levels[i] < 1))
            return false;
    return n <= MER_QUANTILES_MAX;
}

/* Few numbers, mostly in order already. */
static void sort_row(double *row, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const double moved = row[i];
        size_t j = i;
        for (; j > 0 && row[j - 1] > moved; j--)
            row[j] = row[j - 1];
        row[j] = moved;
    }
}

void mer_quantiles_sort(double *predictions, size_t n_rows, size_t n, size_t stride)
{
    for (size_t i = 0; i < n_rows; i++)
        sort_row(predictions + i * stride, n);
}

mer_status mer_quantiles_predict(const struct mer_ctx *ctx, const struct mer_quantile *quantiles,
                                 size_t n, const struct mer_design *design, size_t stride,
                                 double *ret_predictions, mer_err *err)
{
    double *own;

    MER_GUARD(mer_alloc_array(ctx->alloc, design->n_rows, sizeof(*own), &own, err));
    mer_status status = mer_ok();
    for (size_t q = 0; q < n && mer_is_ok(status); q++) {
        status = quantiles[q].family->predict(ctx, quantiles[q].model, design, own, err);
        for (size_t i = 0; mer_is_ok(status) && i < design->n_rows; i++)
            ret_predictions[i * stride + q] = own[i];
    }
    mer_free(ctx->alloc, own);
    MER_GUARD(status);
    mer_quantiles_sort(ret_predictions, design->n_rows, n, stride);
    return mer_ok();
}

void mer_quantiles_release(const struct mer_ctx *ctx, struct mer_quantile *quantiles, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (quantiles[i].model)
            quantiles[i].family->free(ctx, quantiles[i].model);
        quantiles[i].model = NULL;
    }
}

/* Where a level's arrays are. */
struct prefix {
    char text[24];
};

static struct prefix prefix_of(size_t i)
{
    struct prefix prefix;
    (void)snprintf(prefix.text, sizeof(prefix.text), "quantile/%zu/", i);
    return prefix;
}

static mer_status save_one(const struct mer_quantile *quantile, size_t i, struct mer_bundle *bundle,
                           struct mer_json_writer *writer, mer_err *err)
{
    mer_json_begin_object(writer);
    mer_json_key(writer, "level");
    mer_json_put_number(writer, quantile->level);
    mer_json_put_finite(writer, "loss", quantile->loss);
    mer_json_put_finite(writer, "below", quantile->below);
    mer_json_key(writer, "family");
    mer_json_put_string(writer, quantile->family->name);
    mer_json_key(writer, "params");
    mer_params_write(quantile->family->params, quantile->family->n_params, &quantile->params,
                     writer);
    mer_json_key(writer, "state");
    mer_json_begin_object(writer);
    MER_GUARD(quantile->family->save(quantile->model, prefix_of(i).text, bundle, writer, err));
    mer_json_end_object(writer);
    mer_json_end_object(writer);
    return mer_ok();
}

mer_status mer_quantiles_save(const struct mer_quantile *quantiles, size_t n,
                              struct mer_bundle *bundle, struct mer_json_writer *writer,
                              mer_err *err)
{
    if (n == 0)
        return mer_ok();
    mer_json_key(writer, "quantiles");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < n; i++)
        MER_GUARD(save_one(&quantiles[i], i, bundle, writer, err));
    mer_json_end_array(writer);
    return mer_ok();
}

static const char what[] = "the model's quantiles";

static mer_status load_one(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                           const struct mer_json *object, size_t i, const struct mer_design *shape,
                           struct mer_quantile *quantile, mer_err *err)
{
    const struct mer_json *params, *state;
    const char *name;

    if (mer_json_type(object) != MER_JSON_OBJECT || mer_json_size(object) != 6)
        return mer_fail(err, MER_ERR_DATA, "%s are not described as they must be", what);
    MER_GUARD(mer_json_want_number(object, "level", what, &quantile->level, err));
    MER_GUARD(mer_json_want_finite(object, "loss", what, &quantile->loss, err));
    MER_GUARD(mer_json_want_finite(object, "below", what, &quantile->below, err));
    MER_GUARD(mer_json_want_string(object, "family", what, &name, err));
    quantile->family = mer_family_find(name);
    if (!quantile->family || !mer_family_can(quantile->family, MER_TASK_REGRESSION))
        return mer_fail(err, MER_ERR_DATA, "%s are of a family that is not known here: %s", what,
                        mer_quote(name).text);
    MER_GUARD(mer_json_want_object(object, "params", what, &params, err));
    MER_GUARD(mer_params_read(quantile->family->params, quantile->family->n_params, params,
                              &quantile->params, err));
    MER_GUARD(mer_json_want_object(object, "state", what, &state, err));
    return quantile->family->load(ctx, bundle, prefix_of(i).text, state, MER_TASK_REGRESSION, 0,
                                  shape, &quantile->model, err);
}

mer_status mer_quantiles_load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                              const struct mer_json *root, enum mer_task task,
                              const struct mer_design *shape, struct mer_arena *arena,
                              struct mer_quantile **ret_quantiles, size_t *ret_n, mer_err *err)
{
    double levels[MER_QUANTILES_MAX];
    const struct mer_json *array;

    if (!mer_json_get(root, "quantiles"))
        return mer_ok();
    MER_GUARD(mer_json_want_array(root, "quantiles", what, &array, err));
    const size_t n = mer_json_size(array);
    if (n == 0 || n > MER_QUANTILES_MAX || task != MER_TASK_REGRESSION)
        return mer_fail(err, MER_ERR_DATA, "%s are %zu, for the task %s", what, n,
                        mer_task_name(task));
    MER_GUARD(mer_arena_zero(arena, n, sizeof(**ret_quantiles), ret_quantiles, err));
    *ret_n = n; /* from here on the caller releases them */
    for (size_t i = 0; i < n; i++) {
        MER_GUARD(
            load_one(ctx, bundle, mer_json_at(array, i), i, shape, &(*ret_quantiles)[i], err));
        levels[i] = (*ret_quantiles)[i].level;
    }
    return mer_quantile_levels_are_sound(levels, n)
               ? mer_ok()
               : mer_fail(err, MER_ERR_DATA, "%s are of levels that are none", what);
}
