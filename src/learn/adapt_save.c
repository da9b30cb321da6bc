/* What a family's adapter learned to arrays in a bundle, and back. A model of a family that changes
 * nothing has none of them, as models of earlier versions have.
 */
#include <math.h>
#include <string.h>

#include "learn/adapt.h"
#include "learn/saved.h"

enum { N_KINDS = 2, N_COLUMN = 6, N_TARGET = 5 };

/* No number that a design may hold is larger in training, and nothing that was learned of it. */
static const double LARGEST = 1e100;

static size_t n_changed(const struct mer_adapter *adapter)
{
    return adapter->n_dense - adapter->n_condensed;
}

static mer_status save_columns(const struct mer_adapter *adapter, const char *prefix,
                               struct mer_bundle *bundle, mer_err *err)
{
    const size_t n = n_changed(adapter);
    const size_t shape[] = {n, N_COLUMN}, references_shape[] = {n, adapter->n_references};
    double *numbers;
    MER_GUARD(mer_arena_zero(&bundle->arena, n, N_COLUMN * sizeof *numbers, &numbers, err));
    for (size_t j = 0; j < n; j++) {
        const struct mer_column_transform *column = &adapter->columns[j];
        const double row[N_COLUMN] = {column->is_used, column->centre, column->width,
                                      column->power,   column->mean,   column->deviation};
        memcpy(numbers + j * N_COLUMN, row, sizeof row);
    }
    MER_GUARD(mer_bundle_add(bundle, mer_array_name(prefix, "adapt_columns").text, MER_DTYPE_F64, 2,
                             shape, numbers, false, err));
    if (adapter->n_references == 0)
        return mer_ok();
    return mer_bundle_add(bundle, mer_array_name(prefix, "adapt_references").text, MER_DTYPE_F64, 2,
                          references_shape, adapter->references, true, err);
}

mer_status mer_adapter_save(const struct mer_adapter *adapter, const char *prefix,
                            struct mer_bundle *bundle, mer_err *err)
{
    const uint8_t kinds[N_KINDS] = {(uint8_t)(adapter->columns ? adapter->transform : 0),
                                    (uint8_t)adapter->log_target};
    const double target[N_TARGET] = {adapter->target_scale, adapter->target_shift,
                                     adapter->target_low, adapter->target_high, adapter->smear};
    const size_t shape[] = {adapter->n_products, 2};

    if (!kinds[0] && !kinds[1] && adapter->n_products == 0)
        return mer_ok();
    MER_GUARD(mer_bundle_add_vector(bundle, mer_array_name(prefix, "adapt_kinds").text,
                                    MER_DTYPE_U8, N_KINDS, kinds, err));
    if (kinds[0])
        MER_GUARD(save_columns(adapter, prefix, bundle, err));
    if (kinds[1])
        MER_GUARD(mer_bundle_add_vector(bundle, mer_array_name(prefix, "adapt_target").text,
                                        MER_DTYPE_F64, N_TARGET, target, err));
    if (adapter->n_products == 0)
        return mer_ok();
    MER_GUARD(mer_bundle_add(bundle, mer_array_name(prefix, "adapt_factors").text, MER_DTYPE_U32, 2,
                             shape, adapter->factors, true, err));
    return mer_bundle_add(bundle, mer_array_name(prefix, "adapt_products").text, MER_DTYPE_F64, 2,
                          shape, adapter->product_scales, true, err);
}

static mer_status refuse(mer_err *err, const char *what)
{
    return mer_fail(err, MER_ERR_DATA, "what the model does to its features is not valid: %s",
                    what);
}

static bool has_any(const struct mer_bundle *bundle, const char *prefix, const char *const *names,
                    size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (mer_bundle_find(bundle, mer_array_name(prefix, names[i]).text))
            return true;
    return false;
}

static bool is_bounded(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(x[i]) <= LARGEST))
            return false;
    return true;
}

static mer_status load_references(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                                  const char *prefix, struct mer_adapter *adapter, mer_err *err)
{
    const size_t n = n_changed(adapter);
    const struct mer_array *array = NULL;
    if (adapter->transform != MER_TRANSFORM_NORMAL && adapter->transform != MER_TRANSFORM_UNIFORM)
        return mer_ok();
    MER_GUARD(mer_bundle_get(bundle, mer_array_name(prefix, "adapt_references").text, MER_DTYPE_F64,
                             2, &array, err));
    if (array->shape[0] != n || array->shape[1] < 2 || array->shape[1] > MER_REFERENCES_MAX)
        return refuse(err, "the number of its quantiles");
    adapter->n_references = array->shape[1];
    MER_GUARD(mer_alloc_bytes(ctx->alloc, array->n_bytes, &adapter->references, err));
    if (array->n_bytes > 0)
        memcpy(adapter->references, array->data, array->n_bytes);
    if (!is_bounded(adapter->references, n * adapter->n_references))
        return refuse(err, "a quantile is not finite");
    for (size_t j = 0; j < n; j++)
        for (size_t i = 1; i < adapter->n_references; i++)
            if (adapter->references[j * adapter->n_references + i] <
                adapter->references[j * adapter->n_references + i - 1])
                return refuse(err, "its quantiles do not rise");
    return mer_ok();
}

static mer_status load_columns(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                               const char *prefix, struct mer_adapter *adapter, mer_err *err)
{
    const size_t n = n_changed(adapter);
    const struct mer_array *array = NULL;
    MER_GUARD(mer_bundle_get(bundle, mer_array_name(prefix, "adapt_columns").text, MER_DTYPE_F64, 2,
                             &array, err));
    if (array->shape[0] != n || array->shape[1] != N_COLUMN)
        return refuse(err, "the number of its columns");
    MER_GUARD(load_references(ctx, bundle, prefix, adapter, err));
    MER_GUARD(mer_alloc_zero(ctx->alloc, n, sizeof *adapter->columns, &adapter->columns, err));
    for (size_t j = 0; j < n; j++) {
        double row[N_COLUMN];
        memcpy(row, (const char *)array->data + j * sizeof row, sizeof row);
        adapter->columns[j] = (struct mer_column_transform){
            .is_used = row[0] != 0,
            .centre = row[1],
            .width = row[2],
            .power = row[3],
            .mean = row[4],
            .deviation = row[5],
            .references =
                adapter->references ? adapter->references + j * adapter->n_references : NULL};
        if (!is_bounded(row, N_COLUMN) || !(row[2] > 0) || !(row[5] > 0))
            return refuse(err, "how a column is changed");
    }
    return mer_ok();
}

static mer_status load_products(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                                const char *prefix, struct mer_adapter *adapter, mer_err *err)
{
    const struct mer_array_name name = mer_array_name(prefix, "adapt_factors");
    const struct mer_array *factors = NULL, *scales = NULL;
    if (!mer_bundle_find(bundle, name.text))
        return has_any(bundle, prefix, (const char *const[]){"adapt_products"}, 1)
                   ? refuse(err, "products without factors")
                   : mer_ok();
    MER_GUARD(mer_bundle_get(bundle, name.text, MER_DTYPE_U32, 2, &factors, err));
    MER_GUARD(mer_bundle_get(bundle, mer_array_name(prefix, "adapt_products").text, MER_DTYPE_F64,
                             2, &scales, err));
    const size_t n = factors->shape[0];
    if (n == 0 || n > MER_PRODUCTS_MAX || factors->shape[1] != 2 || scales->shape[0] != n ||
        scales->shape[1] != 2)
        return refuse(err, "the number of its products");
    MER_GUARD(mer_alloc_bytes(ctx->alloc, factors->n_bytes, &adapter->factors, err));
    MER_GUARD(mer_alloc_bytes(ctx->alloc, scales->n_bytes, &adapter->product_scales, err));
    memcpy(adapter->factors, factors->data, factors->n_bytes);
    memcpy(adapter->product_scales, scales->data, scales->n_bytes);
    for (size_t i = 0; i < 2 * n; i++)
        if (adapter->factors[i] >= n_changed(adapter))
            return refuse(err, "a product of a column that is not there");
    if (!is_bounded(adapter->product_scales, 2 * n))
        return refuse(err, "a product's scale is not finite");
    for (size_t p = 0; p < n; p++)
        if (!(adapter->product_scales[2 * p + 1] > 1e-12))
            return refuse(err, "a product's scale is not above zero");
    adapter->n_products = n;
    return mer_ok();
}

static mer_status load_target(const struct mer_bundle *bundle, const char *prefix,
                              struct mer_adapter *adapter, mer_err *err)
{
    const void *saved = NULL;
    double target[N_TARGET];
    MER_GUARD(mer_bundle_get_vector(bundle, mer_array_name(prefix, "adapt_target").text,
                                    MER_DTYPE_F64, N_TARGET, &saved, err));
    memcpy(target, saved, sizeof target);
    if (!is_bounded(target, N_TARGET) || !(target[0] > 0) || fabs(target[2]) > MER_LOGARITHM_MOST ||
        fabs(target[3]) > MER_LOGARITHM_MOST || target[2] > target[3] ||
        !(target[4] > 0 && target[4] <= 100))
        return refuse(err, "its target's logarithm");
    adapter->target_scale = target[0];
    adapter->target_shift = target[1];
    adapter->target_low = target[2];
    adapter->target_high = target[3];
    adapter->smear = target[4];
    return mer_ok();
}

mer_status mer_adapter_load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                            const char *prefix, const struct mer_design *shape, enum mer_task task,
                            struct mer_adapter *ret_adapter, mer_err *err)
{
    static const char *const others[] = {"adapt_columns", "adapt_target", "adapt_factors"};
    const struct mer_array_name name = mer_array_name(prefix, "adapt_kinds");
    struct mer_adapter *adapter = ret_adapter;
    const void *saved = NULL;
    uint8_t kinds[N_KINDS];
    *adapter = (struct mer_adapter){.n_dense = shape->n_dense, .n_condensed = shape->n_condensed};
    if (!mer_bundle_find(bundle, name.text))
        return has_any(bundle, prefix, others, sizeof others / sizeof *others)
                   ? refuse(err, "its kind is missing")
                   : mer_ok();
    MER_GUARD(mer_bundle_get_vector(bundle, name.text, MER_DTYPE_U8, N_KINDS, &saved, err));
    memcpy(kinds, saved, sizeof kinds);
    if (kinds[0] >= MER_TRANSFORM_COUNT || kinds[1] > MER_LOG_TARGET_MEDIAN ||
        (kinds[1] && task != MER_TASK_REGRESSION))
        return refuse(err, "its kind");
    adapter->transform = (enum mer_transform)kinds[0];
    if (kinds[0])
        MER_GUARD(load_columns(ctx, bundle, prefix, adapter, err));
    if (kinds[1])
        MER_GUARD(load_target(bundle, prefix, adapter, err));
    adapter->log_target = (enum mer_log_target)kinds[1];
    return load_products(ctx, bundle, prefix, adapter, err);
}
