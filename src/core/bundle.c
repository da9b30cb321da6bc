#include "core/bundle.h"

#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

enum { FIRST_CAPACITY = 16, SUFFIX_MAX = 16 };

static const unsigned char dtype_sizes[MER_DTYPE_COUNT] = {
    [MER_DTYPE_U8] = 1,  [MER_DTYPE_I8] = 1,  [MER_DTYPE_U16] = 2, [MER_DTYPE_I16] = 2,
    [MER_DTYPE_U32] = 4, [MER_DTYPE_I32] = 4, [MER_DTYPE_U64] = 8, [MER_DTYPE_I64] = 8,
    [MER_DTYPE_F32] = 4, [MER_DTYPE_F64] = 8};

size_t mer_dtype_size(enum mer_dtype dtype)
{
    return (size_t)dtype < MER_DTYPE_COUNT ? dtype_sizes[dtype] : 0;
}

void mer_bundle_init(struct mer_bundle *bundle, struct mer_alloc *alloc)
{
    *bundle = (struct mer_bundle){0};
    mer_arena_init(&bundle->arena, alloc);
}

void mer_bundle_release(struct mer_bundle *bundle)
{
    struct mer_alloc *alloc = bundle->arena.alloc;
    mer_arena_release(&bundle->arena);
    mer_bundle_init(bundle, alloc);
}

static bool name_is_valid(const char *name)
{
    const size_t n = strnlen(name, MER_BUNDLE_NAME_MAX + 1);
    return n > 0 && n <= MER_BUNDLE_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_./-") == n;
}

/* The place in by_name of the first name that is not less than `name`. */
static size_t lower_bound(const struct mer_bundle *bundle, const char *name)
{
    size_t low = 0;
    size_t high = bundle->n_arrays;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(bundle->arrays[bundle->by_name[middle]].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct mer_array *mer_bundle_find(const struct mer_bundle *bundle, const char *name)
{
    const size_t place = lower_bound(bundle, name);
    if (place == bundle->n_arrays)
        return NULL;
    const struct mer_array *array = &bundle->arrays[bundle->by_name[place]];
    return strcmp(array->name, name) == 0 ? array : NULL;
}

/* Makes room for one more array; what was outgrown stays in the arena. */
static mer_status make_room(struct mer_bundle *bundle, mer_err *err)
{
    struct mer_array *arrays;
    uint32_t *by_name;
    if (bundle->n_arrays < bundle->capacity)
        return mer_ok();
    const size_t capacity = bundle->capacity ? bundle->capacity * 2 : FIRST_CAPACITY;
    MER_GUARD(mer_arena_zero(&bundle->arena, capacity, sizeof *arrays, &arrays, err));
    MER_GUARD(mer_arena_zero(&bundle->arena, capacity, sizeof *by_name, &by_name, err));
    if (bundle->n_arrays > 0) {
        memcpy(arrays, bundle->arrays, bundle->n_arrays * sizeof *arrays);
        memcpy(by_name, bundle->by_name, bundle->n_arrays * sizeof *by_name);
    }
    bundle->arrays = arrays;
    bundle->by_name = by_name;
    bundle->capacity = capacity;
    return mer_ok();
}

static mer_status check_shape(const char *name, enum mer_dtype dtype, size_t n_dims,
                              const size_t *shape, size_t *ret_n_bytes, mer_err *err)
{
    size_t n_bytes = mer_dtype_size(dtype);
    if (n_bytes == 0)
        return mer_fail(err, MER_ERR_INTERNAL, "array %s has an unknown element type", name);
    if (n_dims > MER_BUNDLE_MAX_DIMS)
        return mer_fail(err, MER_ERR_INTERNAL, "array %s has %zu dimensions, more than %d", name,
                        n_dims, MER_BUNDLE_MAX_DIMS);
    for (size_t i = 0; i < n_dims; i++)
        if (!mer_size_mul(n_bytes, shape[i], &n_bytes))
            return mer_fail(err, MER_ERR_INTERNAL, "the shape of array %s is too large", name);
    *ret_n_bytes = n_bytes;
    return mer_ok();
}

mer_status mer_bundle_add(struct mer_bundle *bundle, const char *name, enum mer_dtype dtype,
                          size_t n_dims, const size_t *shape, const void *data, bool copy,
                          mer_err *err)
{
    struct mer_array array = {.dtype = dtype, .n_dims = n_dims, .data = data};
    if (!name_is_valid(name))
        return mer_fail(err, MER_ERR_INTERNAL, "%s is not a name for an array",
                        mer_quote(name).text);
    if (bundle->n_arrays == MER_BUNDLE_MAX_ARRAYS)
        return mer_fail(err, MER_ERR_INTERNAL, "a bundle holds at most %d arrays",
                        MER_BUNDLE_MAX_ARRAYS);
    if (mer_bundle_find(bundle, name))
        return mer_fail(err, MER_ERR_INTERNAL, "there are two arrays named %s", name);
    MER_GUARD(check_shape(name, dtype, n_dims, shape, &array.n_bytes, err));
    if (array.n_bytes > 0 && !copy && (uintptr_t)data % mer_dtype_size(dtype) != 0)
        return mer_fail(err, MER_ERR_INTERNAL, "the data of array %s is not aligned", name);
    if (n_dims > 0)
        memcpy(array.shape, shape, n_dims * sizeof *shape);

    MER_GUARD(make_room(bundle, err));
    MER_GUARD(mer_arena_text(&bundle->arena, name, strlen(name), &array.name, err));
    if (copy) {
        void *copied;
        MER_GUARD(mer_arena_zero(&bundle->arena, array.n_bytes, 1, &copied, err));
        if (array.n_bytes > 0)
            memcpy(copied, data, array.n_bytes);
        array.data = copied;
    }

    const size_t place = lower_bound(bundle, name);
    memmove(bundle->by_name + place + 1, bundle->by_name + place,
            (bundle->n_arrays - place) * sizeof *bundle->by_name);
    bundle->by_name[place] = (uint32_t)bundle->n_arrays;
    bundle->arrays[bundle->n_arrays++] = array;
    return mer_ok();
}

mer_status mer_bundle_add_vector(struct mer_bundle *bundle, const char *name, enum mer_dtype dtype,
                                 size_t n, const void *data, mer_err *err)
{
    return mer_bundle_add(bundle, name, dtype, 1, &n, data, true, err);
}

/* NAME.data and NAME.offsets; a name that is too long is cut and then refused by its length. */
static void name_parts(const char *name, char data_name[MER_BUNDLE_NAME_MAX + SUFFIX_MAX],
                       char offsets_name[MER_BUNDLE_NAME_MAX + SUFFIX_MAX])
{
    const size_t size = MER_BUNDLE_NAME_MAX + SUFFIX_MAX;
    (void)snprintf(data_name, size, "%s.data", name);
    (void)snprintf(offsets_name, size, "%s.offsets", name);
}

mer_status mer_bundle_add_texts(struct mer_bundle *bundle, const char *name, size_t n,
                                const char *const *texts, const size_t *lengths, mer_err *err)
{
    char data_name[MER_BUNDLE_NAME_MAX + SUFFIX_MAX];
    char offsets_name[MER_BUNDLE_NAME_MAX + SUFFIX_MAX];
    size_t n_offsets;
    int64_t *offsets;
    char *data;
    name_parts(name, data_name, offsets_name);
    if (!mer_size_add(n, 1, &n_offsets))
        return mer_fail(err, MER_ERR_MEMORY, "%zu texts are too many", n);
    MER_GUARD(mer_arena_zero(&bundle->arena, n_offsets, sizeof *offsets, &offsets, err));
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t length = lengths ? lengths[i] : strlen(texts[i]);
        if (!mer_size_add(total, length, &total) || total > INT64_MAX)
            return mer_fail(err, MER_ERR_MEMORY, "the texts of %s are too long", name);
        offsets[i + 1] = (int64_t)total;
    }
    MER_GUARD(mer_arena_zero(&bundle->arena, total, 1, &data, err));
    for (size_t i = 0; i < n; i++)
        if (offsets[i + 1] > offsets[i])
            memcpy(data + offsets[i], texts[i], (size_t)(offsets[i + 1] - offsets[i]));
    /* Both live in the arena already. */
    MER_GUARD(mer_bundle_add(bundle, data_name, MER_DTYPE_U8, 1, &total, data, false, err));
    return mer_bundle_add(bundle, offsets_name, MER_DTYPE_I64, 1, &n_offsets, offsets, false, err);
}

mer_status mer_bundle_get(const struct mer_bundle *bundle, const char *name, enum mer_dtype dtype,
                          size_t n_dims, const struct mer_array **ret_array, mer_err *err)
{
    const struct mer_array *array = mer_bundle_find(bundle, name);
    if (!array)
        return mer_fail(err, MER_ERR_DATA, "the model has no array %s", name);
    if (array->dtype != dtype)
        return mer_fail(err, MER_ERR_DATA, "array %s has elements of another type", name);
    if (array->n_dims != n_dims)
        return mer_fail(err, MER_ERR_DATA, "array %s has %zu dimensions instead of %zu", name,
                        array->n_dims, n_dims);
    *ret_array = array;
    return mer_ok();
}

mer_status mer_bundle_get_vector(const struct mer_bundle *bundle, const char *name,
                                 enum mer_dtype dtype, size_t n, const void **ret_data,
                                 mer_err *err)
{
    const struct mer_array *array = NULL;
    MER_GUARD(mer_bundle_get(bundle, name, dtype, 1, &array, err));
    if (array->shape[0] != n)
        return mer_fail(err, MER_ERR_DATA, "array %s has %zu elements instead of %zu", name,
                        array->shape[0], n);
    *ret_data = array->data;
    return mer_ok();
}

/* Offsets from 0 to n_bytes that never fall, and valid UTF-8 between each two. */
static mer_status check_texts(const char *name, const char *bytes, size_t n_bytes,
                              const int64_t *offsets, size_t n, mer_err *err)
{
    if (offsets[0] != 0 || offsets[n] < 0 || (uint64_t)offsets[n] != n_bytes)
        return mer_fail(err, MER_ERR_DATA, "the offsets of texts %s do not span their data", name);
    for (size_t i = 0; i < n; i++)
        if (offsets[i + 1] < offsets[i] || offsets[i + 1] > offsets[n])
            return mer_fail(err, MER_ERR_DATA, "offset %zu of texts %s is out of order", i + 1,
                            name);
    for (size_t i = 0; i < n; i++)
        if (!mer_utf8_valid(bytes + offsets[i], (size_t)(offsets[i + 1] - offsets[i])))
            return mer_fail(err, MER_ERR_DATA, "text %zu of %s is not valid UTF-8", i, name);
    return mer_ok();
}

mer_status mer_bundle_get_texts(const struct mer_bundle *bundle, const char *name, size_t n,
                                const char **ret_bytes, const int64_t **ret_offsets, size_t *ret_n,
                                mer_err *err)
{
    char data_name[MER_BUNDLE_NAME_MAX + SUFFIX_MAX];
    char offsets_name[MER_BUNDLE_NAME_MAX + SUFFIX_MAX];
    const struct mer_array *data = NULL;
    const struct mer_array *offsets = NULL;
    name_parts(name, data_name, offsets_name);
    MER_GUARD(mer_bundle_get(bundle, data_name, MER_DTYPE_U8, 1, &data, err));
    MER_GUARD(mer_bundle_get(bundle, offsets_name, MER_DTYPE_I64, 1, &offsets, err));
    if (offsets->shape[0] == 0)
        return mer_fail(err, MER_ERR_DATA, "texts %s have no offsets", name);
    const size_t n_texts = offsets->shape[0] - 1;
    if (n != SIZE_MAX && n_texts != n)
        return mer_fail(err, MER_ERR_DATA, "there are %zu texts %s instead of %zu", n_texts, name,
                        n);
    MER_GUARD(check_texts(name, data->data, data->n_bytes, offsets->data, n_texts, err));
    *ret_bytes = data->data;
    *ret_offsets = offsets->data;
    if (ret_n)
        *ret_n = n_texts;
    return mer_ok();
}
