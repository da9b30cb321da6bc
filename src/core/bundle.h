/* A bundle: named arrays and one JSON document. It is what a model saves itself into and loads
 * itself from; file formats (src/formats) turn bundles into bytes and back. Names are unique, of
 * [a-z0-9_./-], at most 200 bytes. Little-endian, row-major.
 *
 * Writer: arrays are copied in. Reader: a bundle read from bytes borrows them; the arrays live as
 * long as the bytes do.
 */
#ifndef MER_CORE_BUNDLE_H
#define MER_CORE_BUNDLE_H

#include "core/arena.h"

enum mer_dtype {
    MER_DTYPE_U8,
    MER_DTYPE_I8,
    MER_DTYPE_U16,
    MER_DTYPE_I16,
    MER_DTYPE_U32,
    MER_DTYPE_I32,
    MER_DTYPE_U64,
    MER_DTYPE_I64,
    MER_DTYPE_F32,
    MER_DTYPE_F64,
    MER_DTYPE_COUNT
};

enum { MER_BUNDLE_MAX_DIMS = 4, MER_BUNDLE_MAX_ARRAYS = 1 << 16, MER_BUNDLE_NAME_MAX = 200 };

struct mer_array {
    const char *name;
    enum mer_dtype dtype;
    size_t n_dims;
    size_t shape[MER_BUNDLE_MAX_DIMS];
    const void *data; /* aligned to the element's size at least */
    size_t n_bytes;   /* product of shape times element size */
};

struct mer_bundle {
    struct mer_arena arena;   /* names and, when writing, copies */
    struct mer_array *arrays; /* in the order in which they were added */
    uint32_t *by_name;        /* array numbers sorted by name */
    size_t n_arrays;
    size_t capacity;
    const char *json; /* canonical JSON, n_json bytes, zero-terminated; NULL when absent */
    size_t n_json;
};

void mer_bundle_init(struct mer_bundle *bundle, struct mer_alloc *alloc);
void mer_bundle_release(struct mer_bundle *bundle);

size_t mer_dtype_size(enum mer_dtype dtype);

/* Adds an array. `data` is copied when `copy`, borrowed otherwise (it must then outlive the
 * bundle). MER_ERR_INTERNAL on a bad or repeated name. */
MER_MUST_CHECK mer_status mer_bundle_add(struct mer_bundle *bundle, const char *name,
                                         enum mer_dtype dtype, size_t n_dims, const size_t *shape,
                                         const void *data, bool copy, mer_err *err);
/* One-dimensional array of n elements, copied. */
MER_MUST_CHECK mer_status mer_bundle_add_vector(struct mer_bundle *bundle, const char *name,
                                                enum mer_dtype dtype, size_t n, const void *data,
                                                mer_err *err);
/* n texts as two arrays: NAME.data (U8) and NAME.offsets (I64, n + 1 elements from 0). `lengths` in
 * bytes, or NULL for zero-terminated texts. */
MER_MUST_CHECK mer_status mer_bundle_add_texts(struct mer_bundle *bundle, const char *name,
                                               size_t n, const char *const *texts,
                                               const size_t *lengths, mer_err *err);

/* NULL when absent. */
const struct mer_array *mer_bundle_find(const struct mer_bundle *bundle, const char *name);
/* The array of that name, dtype and number of dimensions, or MER_ERR_DATA. */
MER_MUST_CHECK mer_status mer_bundle_get(const struct mer_bundle *bundle, const char *name,
                                         enum mer_dtype dtype, size_t n_dims,
                                         const struct mer_array **ret_array, mer_err *err);
/* The same for a vector whose length is known. */
MER_MUST_CHECK mer_status mer_bundle_get_vector(const struct mer_bundle *bundle, const char *name,
                                                enum mer_dtype dtype, size_t n,
                                                const void **ret_data, mer_err *err);
/* Texts as written by mer_bundle_add_texts, with every offset checked; n texts expected (SIZE_MAX:
 * any number, told by *ret_n). Text i is bytes[offsets[i] .. offsets[i + 1]), valid UTF-8. */
MER_MUST_CHECK mer_status mer_bundle_get_texts(const struct mer_bundle *bundle, const char *name,
                                               size_t n, const char **ret_bytes,
                                               const int64_t **ret_offsets, size_t *ret_n,
                                               mer_err *err);
#endif
