#include "learn/ensemble_arrays.h"

#include <string.h>

#include "core/sort.h"
#include "learn/saved.h"

static bool is_shared(size_t n_values)
{
    return n_values > 1 && n_values <= MER_ENSEMBLE_SHARED_MAX;
}

static size_t count_leaves(const struct mer_ensemble *e)
{
    size_t n = 0;
    for (size_t i = 0; i < e->n_nodes; i++)
        n += e->features[i] == MER_ENSEMBLE_LEAF;
    return n;
}

/* ---- rows of numbers, each once ---- */

/* Rows that differ in some bit, numbered in the order in which they are met. */
struct distinct {
    const double *rows;
    size_t width;
    uint32_t *slots;  /* open addressing: a row's number, from 1; 0: free */
    uint32_t *places; /* by number: where it was met first */
    size_t n;
    size_t mask;
};

static mer_status distinct_init(struct mer_alloc *alloc, const double *rows, size_t width,
                                size_t n_max, struct distinct *ret, mer_err *err)
{
    size_t capacity = 2;
    while (capacity < 2 * n_max)
        capacity *= 2;
    *ret = (struct distinct){.rows = rows, .width = width, .mask = capacity - 1};
    MER_GUARD(mer_alloc_zero(alloc, capacity, sizeof *ret->slots, &ret->slots, err));
    return mer_alloc_array(alloc, n_max, sizeof *ret->places, &ret->places, err);
}

static void distinct_release(struct mer_alloc *alloc, struct distinct *distinct)
{
    mer_free(alloc, distinct->slots);
    mer_free(alloc, distinct->places);
}

static uint64_t hash_row(const double *row, size_t width)
{
    uint64_t hash = 0;
    for (size_t k = 0; k < width; k++) {
        uint64_t bits;
        memcpy(&bits, &row[k], sizeof bits);
        hash = (hash ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash;
}

/* The number of the row at a place, which may be a new one. */
static uint32_t distinct_find(struct distinct *distinct, size_t place)
{
    const size_t width = distinct->width;
    const double *row = distinct->rows + place * width;
    size_t slot = hash_row(row, width) & distinct->mask;
    for (uint32_t number; (number = distinct->slots[slot]) != 0; slot = (slot + 1) & distinct->mask)
        if (memcmp(distinct->rows + distinct->places[number - 1] * width, row,
                   width * sizeof *row) == 0)
            return number - 1;
    distinct->places[distinct->n] = (uint32_t)place;
    distinct->slots[slot] = (uint32_t)++distinct->n;
    return (uint32_t)distinct->n - 1;
}

/* ---- saving ---- */

/* An array of the bundle that is filled after it was added. */
static mer_status add_array(struct mer_bundle *bundle, const char *prefix, const char *name,
                            enum mer_dtype dtype, size_t n, void *ret_data, mer_err *err)
{
    void *data;
    MER_GUARD(mer_arena_zero(&bundle->arena, n, mer_dtype_size(dtype), &data, err));
    memcpy(ret_data, &data, sizeof data);
    return mer_bundle_add(bundle, mer_array_name(prefix, name).text, dtype, 1, &n, data, false,
                          err);
}

static mer_status put_splits(const struct mer_ensemble *e, const char *prefix, size_t n_splits,
                             struct mer_bundle *bundle, mer_err *err)
{
    double *thresholds;
    uint8_t *missing_left;
    float *gains;
    size_t n = 0;
    MER_GUARD(add_array(bundle, prefix, "thresholds", MER_DTYPE_F64, n_splits, &thresholds, err));
    MER_GUARD(
        add_array(bundle, prefix, "missing_left", MER_DTYPE_U8, n_splits, &missing_left, err));
    MER_GUARD(add_array(bundle, prefix, "gains", MER_DTYPE_F32, n_splits, &gains, err));
    for (size_t i = 0; i < e->n_nodes; i++) {
        if (e->features[i] == MER_ENSEMBLE_LEAF)
            continue;
        thresholds[n] = e->thresholds[i];
        missing_left[n] = e->missing_left[i];
        gains[n++] = e->gains[i];
    }
    return mer_ok();
}

static mer_status add_values(struct mer_bundle *bundle, const char *prefix, size_t n_rows,
                             size_t n_values, double **ret_values, mer_err *err)
{
    const size_t shape[] = {n_rows, n_values};
    MER_GUARD(
        mer_arena_zero(&bundle->arena, n_rows, n_values * sizeof **ret_values, ret_values, err));
    return mer_bundle_add(bundle, mer_array_name(prefix, "values").text, MER_DTYPE_F64, 2, shape,
                          *ret_values, false, err);
}

static mer_status put_shared(const struct mer_ensemble *e, const char *prefix, size_t n_leaves,
                             struct distinct *distinct, struct mer_bundle *bundle, mer_err *err)
{
    double *values;
    int32_t *numbers;
    size_t n = 0;
    MER_GUARD(add_array(bundle, prefix, "leaf_values", MER_DTYPE_I32, n_leaves, &numbers, err));
    for (size_t i = 0; i < e->n_nodes; i++)
        if (e->features[i] == MER_ENSEMBLE_LEAF)
            numbers[n++] = (int32_t)distinct_find(distinct, i);
    MER_GUARD(add_values(bundle, prefix, distinct->n, e->n_values, &values, err));
    for (size_t d = 0; d < distinct->n; d++)
        memcpy(values + d * e->n_values, e->values + distinct->places[d] * e->n_values,
               e->n_values * sizeof *values);
    return mer_ok();
}

static mer_status put_values(const struct mer_ensemble *e, const char *prefix, size_t n_leaves,
                             struct mer_bundle *bundle, mer_err *err)
{
    struct distinct distinct;
    double *values;
    size_t n = 0;
    if (is_shared(e->n_values)) {
        struct mer_alloc *alloc = bundle->arena.alloc;
        mer_status status = distinct_init(alloc, e->values, e->n_values, n_leaves, &distinct, err);
        if (mer_is_ok(status))
            status = put_shared(e, prefix, n_leaves, &distinct, bundle, err);
        distinct_release(alloc, &distinct);
        return status;
    }
    MER_GUARD(add_values(bundle, prefix, n_leaves, e->n_values, &values, err));
    for (size_t i = 0; i < e->n_nodes; i++)
        if (e->features[i] == MER_ENSEMBLE_LEAF)
            memcpy(values + n++ * e->n_values, e->values + i * e->n_values,
                   e->n_values * sizeof *values);
    return mer_ok();
}

mer_status mer_ensemble_put_arrays(const struct mer_ensemble *e, const char *prefix,
                                   struct mer_bundle *bundle, mer_err *err)
{
    const size_t n_leaves = count_leaves(e);
    const struct {
        const char *name;
        enum mer_dtype dtype;
        size_t n;
        const void *data;
    } vectors[] = {
        {"base", MER_DTYPE_F64, e->n_outputs, e->base},
        {"tree_starts", MER_DTYPE_I64, e->n_trees + 1, e->tree_starts},
        {"tree_output", MER_DTYPE_I32, e->n_trees, e->tree_output},
        {"features", MER_DTYPE_I32, e->n_nodes, e->features},
        {"covers", MER_DTYPE_F32, e->n_nodes, e->covers},
        {"sets", MER_DTYPE_U8, e->n_set_bytes, e->sets},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        MER_GUARD(mer_bundle_add_vector(bundle, mer_array_name(prefix, vectors[i].name).text,
                                        vectors[i].dtype, vectors[i].n, vectors[i].data, err));
    MER_GUARD(put_splits(e, prefix, e->n_nodes - n_leaves, bundle, err));
    return put_values(e, prefix, n_leaves, bundle, err);
}

/* ---- loading ---- */

mer_status mer_ensemble_copy_vector(struct mer_alloc *alloc, const struct mer_bundle *bundle,
                                    const char *prefix, const char *name, enum mer_dtype dtype,
                                    size_t n, void *ret_data, mer_err *err)
{
    const void *data = NULL;
    MER_GUARD(
        mer_bundle_get_vector(bundle, mer_array_name(prefix, name).text, dtype, n, &data, err));
    MER_GUARD(mer_alloc_array(alloc, n, mer_dtype_size(dtype), ret_data, err));
    void *copy;
    memcpy(&copy, ret_data, sizeof copy);
    memcpy(copy, data, n * mer_dtype_size(dtype));
    return mer_ok();
}

/* What follows from the features: children in pairs behind their parents, and where sets end. */
static mer_status derive(struct mer_alloc *alloc, struct mer_ensemble *e, mer_err *err)
{
    MER_GUARD(mer_alloc_zero(alloc, e->n_nodes, sizeof *e->left, &e->left, err));
    MER_GUARD(mer_alloc_zero(alloc, e->n_nodes + 1, sizeof *e->set_starts, &e->set_starts, err));
    for (size_t i = 0; i < e->n_nodes; i++) {
        const int32_t feature = e->features[i];
        if (feature < MER_ENSEMBLE_LEAF ||
            (feature >= 0 && (size_t)feature >= mer_ensemble_features(e)))
            return mer_fail(err, MER_ERR_DATA, "node %zu splits a feature that does not exist", i);
        e->set_starts[i + 1] = e->set_starts[i] + (int64_t)mer_ensemble_set_bytes(e, feature);
    }
    size_t tree = 0;
    int32_t next_child = 1;
    for (size_t i = 0; i < e->n_nodes; i++) {
        /* Starts that do not rise are found by who checks the trees. */
        if (tree + 1 < e->n_trees && (int64_t)i == e->tree_starts[tree + 1]) {
            tree++;
            next_child = 1;
        }
        if (e->features[i] == MER_ENSEMBLE_LEAF)
            continue;
        e->left[i] = next_child;
        next_child += 2;
    }
    return mer_ok();
}

static mer_status get_splits(struct mer_alloc *alloc, const struct mer_bundle *bundle,
                             const char *prefix, size_t n_splits, struct mer_ensemble *e,
                             mer_err *err)
{
    const void *thresholds, *missing_left, *gains;
    size_t n = 0;
    MER_GUARD(mer_bundle_get_vector(bundle, mer_array_name(prefix, "thresholds").text,
                                    MER_DTYPE_F64, n_splits, &thresholds, err));
    MER_GUARD(mer_bundle_get_vector(bundle, mer_array_name(prefix, "missing_left").text,
                                    MER_DTYPE_U8, n_splits, &missing_left, err));
    MER_GUARD(mer_bundle_get_vector(bundle, mer_array_name(prefix, "gains").text, MER_DTYPE_F32,
                                    n_splits, &gains, err));
    MER_GUARD(mer_alloc_zero(alloc, e->n_nodes, sizeof *e->thresholds, &e->thresholds, err));
    MER_GUARD(mer_alloc_zero(alloc, e->n_nodes, sizeof *e->missing_left, &e->missing_left, err));
    MER_GUARD(mer_alloc_zero(alloc, e->n_nodes, sizeof *e->gains, &e->gains, err));
    for (size_t i = 0; i < e->n_nodes; i++) {
        if (e->features[i] == MER_ENSEMBLE_LEAF)
            continue;
        e->thresholds[i] = ((const double *)thresholds)[n];
        e->missing_left[i] = ((const uint8_t *)missing_left)[n];
        e->gains[i] = ((const float *)gains)[n++];
    }
    return mer_ok();
}

struct row {
    const double *numbers;
    size_t width;
};

static int compare_rows(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    return memcmp(left->numbers, right->numbers, left->width * sizeof *left->numbers);
}

/* By sorting: a stranger could make rows of one hash. */
static mer_status check_once(struct mer_alloc *alloc, const struct mer_array *values, mer_err *err)
{
    const size_t n = values->shape[0], width = values->shape[1];
    mer_status status = mer_ok();
    struct row *rows;
    MER_GUARD(mer_alloc_array(alloc, n, sizeof *rows, &rows, err));
    for (size_t i = 0; i < n; i++)
        rows[i] = (struct row){(const double *)values->data + i * width, width};
    mer_sort(rows, n, sizeof *rows, compare_rows);
    for (size_t i = 1; i < n && mer_is_ok(status); i++)
        if (compare_rows(&rows[i - 1], &rows[i]) == 0)
            status = mer_fail(err, MER_ERR_DATA, "values that leaves share are there twice");
    mer_free(alloc, rows);
    return status;
}

/* Each row is there once, and first met in its turn. */
static mer_status check_shared(struct mer_alloc *alloc, const struct mer_array *values,
                               const int32_t *numbers, size_t n_leaves, mer_err *err)
{
    const size_t n_rows = values->shape[0];
    size_t n_met = 0;
    for (size_t l = 0; l < n_leaves; l++) {
        if (numbers[l] < 0 || (size_t)numbers[l] > n_met || (size_t)numbers[l] >= n_rows)
            return mer_fail(err, MER_ERR_DATA, "leaf %zu holds values out of order", l);
        n_met += (size_t)numbers[l] == n_met;
    }
    if (n_met != n_rows)
        return mer_fail(err, MER_ERR_DATA, "there are values that no leaf holds");
    return check_once(alloc, values, err);
}

static mer_status get_values(struct mer_alloc *alloc, const struct mer_bundle *bundle,
                             const char *prefix, size_t n_leaves, struct mer_ensemble *e,
                             mer_err *err)
{
    const struct mer_array_name name = mer_array_name(prefix, "values");
    const struct mer_array *array = NULL;
    const void *numbers = NULL;
    size_t n = 0;
    MER_GUARD(mer_bundle_get(bundle, name.text, MER_DTYPE_F64, 2, &array, err));
    const size_t n_values = array->shape[1];
    if ((n_values != 1 && n_values != e->n_outputs) ||
        (!is_shared(n_values) && array->shape[0] != n_leaves))
        return mer_fail(err, MER_ERR_DATA, "array %s has not the shape %zu x %zu",
                        mer_quote(name.text).text, n_leaves, e->n_outputs);
    e->n_values = n_values;
    if (is_shared(n_values)) {
        MER_GUARD(mer_bundle_get_vector(bundle, mer_array_name(prefix, "leaf_values").text,
                                        MER_DTYPE_I32, n_leaves, &numbers, err));
        MER_GUARD(check_shared(alloc, array, numbers, n_leaves, err));
    }
    MER_GUARD(mer_alloc_zero(alloc, e->n_nodes, n_values * sizeof *e->values, &e->values, err));
    for (size_t i = 0; i < e->n_nodes; i++) {
        if (e->features[i] != MER_ENSEMBLE_LEAF)
            continue;
        const size_t row = numbers ? (size_t)((const int32_t *)numbers)[n] : n;
        memcpy(e->values + i * n_values, (const double *)array->data + row * n_values,
               n_values * sizeof *e->values);
        n++;
    }
    return mer_ok();
}

mer_status mer_ensemble_get_arrays(struct mer_alloc *alloc, const struct mer_bundle *bundle,
                                   const char *prefix, struct mer_ensemble *e, mer_err *err)
{
    const struct {
        const char *name;
        enum mer_dtype dtype;
        size_t n;
        void *ret;
    } vectors[] = {
        {"base", MER_DTYPE_F64, e->n_outputs, &e->base},
        {"tree_starts", MER_DTYPE_I64, e->n_trees + 1, &e->tree_starts},
        {"tree_output", MER_DTYPE_I32, e->n_trees, &e->tree_output},
        {"features", MER_DTYPE_I32, e->n_nodes, &e->features},
        {"covers", MER_DTYPE_F32, e->n_nodes, &e->covers},
        {"sets", MER_DTYPE_U8, e->n_set_bytes, &e->sets},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        MER_GUARD(mer_ensemble_copy_vector(alloc, bundle, prefix, vectors[i].name, vectors[i].dtype,
                                           vectors[i].n, vectors[i].ret, err));
    MER_GUARD(derive(alloc, e, err));
    const size_t n_leaves = count_leaves(e);
    MER_GUARD(get_splits(alloc, bundle, prefix, e->n_nodes - n_leaves, e, err));
    return get_values(alloc, bundle, prefix, n_leaves, e, err);
}
