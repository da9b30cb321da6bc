/* MXNet's arrays (src/ndarray/ndarray.cc of MXNet 1.9 and 2.0: versions 0 to 3). Its loader
 * believes every size that the file states; here each is checked against what there is.
 */
#include <string.h>

#include "audit/audit.h"

#define MAGIC_V1 0xf993fac8U
#define MAGIC_V2 0xf993fac9U
#define MAGIC_V3 0xf993facaU

enum { DIMS_MAX = 32, AUX_MAX = 2, STYPE_DENSE = 0, STYPE_ROWS = 1, STYPE_CSR = 2 };

struct cursor {
    struct mer_audit *audit;
    const unsigned char *bytes;
    size_t n;
    size_t at;
    bool ended; /* of good: there is nothing more that could be followed */
};

struct shape {
    size_t n_dims;
    uint64_t dims[DIMS_MAX];
    uint64_t product;
};

static void tell(struct cursor *cursor, enum mer_audit_kind kind, uint64_t array, const char *what)
{
    mer_audit_add(cursor->audit, kind, cursor->at, "array %llu: %s", (unsigned long long)array,
                  what);
    cursor->ended = true;
}

static uint64_t take(struct cursor *cursor, size_t n)
{
    uint64_t value = 0;
    if (cursor->ended || n > cursor->n - cursor->at) {
        if (!cursor->ended)
            mer_audit_add(cursor->audit, MER_AUDIT_BROKEN, cursor->at, "it ends in the middle");
        cursor->ended = true;
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)cursor->bytes[cursor->at + i] << 8 * i;
    cursor->at += n;
    return value;
}

/* A number of dimensions and so many; false where a loader would go wrong with it. */
static bool take_shape(struct cursor *cursor, uint64_t array, uint64_t n_dims, size_t item_bytes,
                       struct shape *ret)
{
    *ret = (struct shape){.product = 1};
    if (n_dims > INT32_MAX) {
        tell(cursor, MER_AUDIT_RANGE, array,
             "a negative number of dimensions, which overwrites the loader's stack");
        return false;
    }
    if (n_dims > DIMS_MAX) {
        tell(cursor, MER_AUDIT_BOMB, array, "over 32 dimensions");
        return false;
    }
    ret->n_dims = (size_t)n_dims;
    for (size_t i = 0; i < ret->n_dims; i++) {
        ret->dims[i] = take(cursor, item_bytes);
        if (ret->dims[i] > INT64_MAX ||
            __builtin_mul_overflow(ret->product, ret->dims[i], &ret->product)) {
            tell(cursor, MER_AUDIT_RANGE, array, "a shape that is negative or overflows");
            return false;
        }
    }
    return !cursor->ended;
}

static size_t type_bytes(uint64_t type)
{
    static const unsigned char bytes[] = {4, 8, 2, 1, 4, 1, 8, 1, 2, 2, 4, 8, 2};
    return type < sizeof bytes ? bytes[type] : 0;
}

/* The data of a shape: skipped, or more than there is. */
static const unsigned char *take_data(struct cursor *cursor, uint64_t array, uint64_t n_items,
                                      uint64_t type)
{
    uint64_t n_bytes;
    const size_t item_bytes = type_bytes(type);
    if (cursor->ended)
        return NULL;
    if (item_bytes == 0) {
        tell(cursor, MER_AUDIT_BROKEN, array, "a type that does not exist");
        return NULL;
    }
    if (__builtin_mul_overflow(n_items, (uint64_t)item_bytes, &n_bytes) ||
        n_bytes > cursor->n - cursor->at) {
        tell(cursor, MER_AUDIT_BOMB, array, "larger than the file");
        return NULL;
    }
    const unsigned char *const data = cursor->bytes + cursor->at;
    cursor->at += (size_t)n_bytes;
    return data;
}

static void check_device(struct cursor *cursor, uint64_t array)
{
    const uint64_t type = take(cursor, 4), id = take(cursor, 4);
    if (!cursor->ended && (type == 0 || type > 6 || id > 1024))
        tell(cursor, MER_AUDIT_BROKEN, array, "a device that does not exist");
}

struct sparse {
    uint64_t stype;
    size_t n_aux;
    struct shape storage;
    uint64_t aux_types[AUX_MAX];
    struct shape aux[AUX_MAX];
    const unsigned char *aux_data[AUX_MAX];
};

static uint64_t index_at(const struct sparse *sparse, size_t which, uint64_t i)
{
    uint64_t value = 0;
    const size_t n = type_bytes(sparse->aux_types[which]);
    memcpy(&value, sparse->aux_data[which] + i * n, n);
    return value;
}

/* The shapes of a sparse array's parts fit each other. */
static bool parts_fit(const struct sparse *sparse, const struct shape *shape)
{
    if (sparse->stype == STYPE_ROWS) {
        bool fit = sparse->storage.n_dims == shape->n_dims && shape->n_dims > 0 &&
                   sparse->aux[0].n_dims == 1 && sparse->aux[0].dims[0] == sparse->storage.dims[0];
        for (size_t i = 1; fit && i < shape->n_dims; i++)
            fit = sparse->storage.dims[i] == shape->dims[i];
        return fit;
    }
    return shape->n_dims == 2 && sparse->storage.n_dims == 1 && sparse->aux[0].n_dims == 1 &&
           sparse->aux[1].n_dims == 1 && sparse->aux[0].dims[0] == shape->dims[0] + 1 &&
           sparse->aux[1].dims[0] == sparse->storage.dims[0];
}

/* Indices that stay inside and rise as they must. */
static bool indices_fit(struct cursor *cursor, const struct sparse *sparse,
                        const struct shape *shape)
{
    const uint64_t n =
        sparse->stype == STYPE_ROWS ? sparse->aux[0].product : sparse->aux[1].product;
    const size_t indices = sparse->stype == STYPE_ROWS ? 0 : 1;
    const uint64_t limit = sparse->stype == STYPE_ROWS ? shape->dims[0] : shape->dims[1];
    (void)mer_audit_step(cursor->audit, n);
    for (uint64_t i = 0; i < n; i++) {
        if (index_at(sparse, indices, i) >= limit ||
            (sparse->stype == STYPE_ROWS && i > 0 &&
             index_at(sparse, 0, i) <= index_at(sparse, 0, i - 1)))
            return false;
    }
    if (sparse->stype == STYPE_ROWS)
        return true;
    for (uint64_t i = 0; i < sparse->aux[0].product; i++) {
        const uint64_t at = index_at(sparse, 0, i);
        if (at > n || (i == 0 && at != 0) || (i > 0 && at < index_at(sparse, 0, i - 1)) ||
            (i + 1 == sparse->aux[0].product && at != n))
            return false;
    }
    return true;
}

static void read_sparse_rest(struct cursor *cursor, uint64_t array, struct sparse *sparse,
                             const struct shape *shape, uint64_t type)
{
    for (size_t i = 0; i < sparse->n_aux; i++) {
        sparse->aux_types[i] = take(cursor, 4);
        if (!take_shape(cursor, array, take(cursor, 4), 8, &sparse->aux[i]))
            return;
    }
    (void)take_data(cursor, array, sparse->storage.product, type);
    for (size_t i = 0; i < sparse->n_aux; i++) {
        sparse->aux_data[i] =
            take_data(cursor, array, sparse->aux[i].product, sparse->aux_types[i]);
        if (!sparse->aux_data[i])
            return;
    }
    if (!parts_fit(sparse, shape))
        tell(cursor, MER_AUDIT_RANGE, array, "a sparse array whose parts do not fit each other");
    else if (!indices_fit(cursor, sparse, shape))
        tell(cursor, MER_AUDIT_RANGE, array, "a sparse array whose indices lead outside");
}

static void read_new_array(struct cursor *cursor, uint64_t array, bool is_numpy)
{
    struct sparse sparse = {.stype = take(cursor, 4)};
    struct shape shape;
    if (!cursor->ended && sparse.stype > STYPE_CSR) {
        tell(cursor, MER_AUDIT_BROKEN, array, "a kind of storage that does not exist");
        return;
    }
    sparse.n_aux = (size_t)sparse.stype;
    if (sparse.n_aux > 0 && !take_shape(cursor, array, take(cursor, 4), 8, &sparse.storage))
        return;
    if (!take_shape(cursor, array, take(cursor, 4), 8, &shape) || (shape.n_dims == 0 && !is_numpy))
        return;
    check_device(cursor, array);
    const uint64_t type = take(cursor, 4);
    if (sparse.n_aux > 0)
        read_sparse_rest(cursor, array, &sparse, &shape, type);
    else
        (void)take_data(cursor, array, shape.product, type);
}

static void read_array(struct cursor *cursor, uint64_t array)
{
    struct shape shape;
    const uint64_t first = take(cursor, 4);
    if (first == MAGIC_V2 || first == MAGIC_V3) {
        read_new_array(cursor, array, first == MAGIC_V3);
        return;
    }
    /* Without a magic number, what stands there is the number of dimensions. */
    const bool is_first = first != MAGIC_V1;
    if (!take_shape(cursor, array, is_first ? first : take(cursor, 4), is_first ? 4 : 8, &shape) ||
        shape.n_dims == 0)
        return;
    check_device(cursor, array);
    const uint64_t type = take(cursor, 4);
    (void)take_data(cursor, array, shape.product, type);
}

static void read_names(struct cursor *cursor, uint64_t n_arrays)
{
    const uint64_t n_names = take(cursor, 8);
    if (!cursor->ended && n_names != 0 && n_names != n_arrays) {
        mer_audit_add(cursor->audit, MER_AUDIT_RANGE, cursor->at, "%llu names for %llu arrays",
                      (unsigned long long)n_names, (unsigned long long)n_arrays);
        cursor->ended = true;
    }
    for (uint64_t i = 0; i < n_names && !cursor->ended && mer_audit_step(cursor->audit, 10); i++) {
        const uint64_t n = take(cursor, 8);
        if (!cursor->ended && n > cursor->n - cursor->at)
            tell(cursor, MER_AUDIT_BOMB, i, "a name that is longer than the file");
        else if (!cursor->ended)
            cursor->at += (size_t)n;
    }
}

mer_status mer_audit_mxnet_params(struct mer_audit *audit, struct mer_audit_bytes file,
                                  mer_err *err)
{
    struct cursor cursor = {.audit = audit, .bytes = file.bytes, .n = file.n};
    (void)err;
    (void)take(&cursor, 8);
    (void)take(&cursor, 8);
    const uint64_t n_arrays = take(&cursor, 8);
    if (!cursor.ended && n_arrays > (cursor.n - cursor.at) / 4) {
        mer_audit_add(audit, MER_AUDIT_BOMB, 16, "%llu arrays are announced",
                      (unsigned long long)n_arrays);
        cursor.ended = true;
    }
    for (uint64_t i = 0; i < n_arrays && !cursor.ended && mer_audit_step(audit, 50); i++)
        read_array(&cursor, i);
    if (!cursor.ended)
        read_names(&cursor, n_arrays);
    if (!cursor.ended && !audit->out_of_steps && cursor.at < file.n)
        mer_audit_add(audit, MER_AUDIT_TRAILING, cursor.at, "%s behind the names",
                      mer_audit_show_size(file.n - cursor.at).text);
    mer_audit_add(audit, MER_AUDIT_CONTENTS, 0, "%llu arrays, %s", (unsigned long long)n_arrays,
                  mer_audit_show_size(file.n_total).text);
    if (file.n < file.n_total)
        mer_audit_add(audit, MER_AUDIT_NOT_ALL, file.n, "too large to be decompressed");
    return mer_ok();
}
