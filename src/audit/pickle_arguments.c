/* The arguments of constructors of plain data, as those write them who store data: anything else
 * is told. Also where joblib's arrays end, whose bytes lie between the instructions.
 */
#include <stdio.h>
#include <string.h>

#include "audit/pickle_machine.h"

enum { SMALL_BYTES = 1 << 20, DTYPE_DEPTH_MAX = 8, DIMS_MAX = MER_PICKLE_KEPT };

static bool is_size(struct mer_pickle_value value)
{
    return value.kind == MER_PICKLE_INT && value.as.integer >= 0 && value.as.integer < INT64_MAX;
}

static bool is_known(struct mer_pickle_value value, enum mer_python_use use)
{
    return value.kind == MER_PICKLE_GLOBAL && value.as.global->known &&
           value.as.global->known->use == use;
}

static bool is_named(struct mer_pickle_value value, const char *name)
{
    return value.kind == MER_PICKLE_GLOBAL && value.as.global->known &&
           strcmp(value.as.global->known->name, name) == 0;
}

bool mer_pickle_product(struct mer_pickle_value tuple, uint64_t *ret)
{
    uint64_t product = 1;
    if (tuple.kind != MER_PICKLE_TUPLE || tuple.as.box->n > DIMS_MAX)
        return false;
    for (size_t i = 0; i < tuple.as.box->n; i++) {
        const struct mer_pickle_value size = mer_pickle_item(tuple, i);
        if (!is_size(size) || __builtin_mul_overflow(product, (uint64_t)size.as.integer, &product))
            return false;
    }
    *ret = product;
    return true;
}

/* ---- Element types ---- */

/* "f8", "<U10", "O": false where it is nothing of the kind. */
static bool parse_dtype(struct mer_pickle_value text, struct mer_pickle_dtype *ret)
{
    uint64_t n = 0;
    size_t i = 0;
    if (text.kind != MER_PICKLE_TEXT || text.n == 0 || text.n > 24)
        return false;
    const unsigned char *const s = text.as.bytes;
    i += s[0] == '<' || s[0] == '>' || s[0] == '|' || s[0] == '=';
    if (i == text.n || !strchr("biufcSUVOMm?", s[i]) || s[i] == '\0')
        return false;
    const unsigned char letter = s[i++];
    for (; i < text.n; i++) {
        if (s[i] < '0' || s[i] > '9' || n > UINT32_MAX)
            return false;
        n = n * 10 + (uint64_t)(s[i] - '0');
    }
    *ret = (struct mer_pickle_dtype){letter == 'U' ? 4 * n : letter == '?' ? 1 : n, letter == 'O'};
    return true;
}

/* The fields of a structured type: its state holds names and a dictionary of (type, offset). */
static bool fields_have_objects(struct mer_pickle_value state, unsigned depth, bool *ret)
{
    const struct mer_pickle_value names = mer_pickle_item(state, 3);
    const struct mer_pickle_value fields = mer_pickle_item(state, 4);
    *ret = false;
    if (names.kind == MER_PICKLE_NONE || names.kind == MER_PICKLE_UNKNOWN)
        return true;
    if (fields.kind != MER_PICKLE_DICT || fields.as.box->n != fields.as.box->n_kept)
        return false;
    for (size_t i = 1; i < fields.as.box->n_kept; i += 2) {
        struct mer_pickle_dtype field;
        if (!mer_pickle_dtype_of(mer_pickle_item(fields.as.box->items[i], 0), depth + 1, &field))
            return false;
        *ret |= field.has_objects;
    }
    return true;
}

bool mer_pickle_dtype_of(struct mer_pickle_value value, unsigned depth,
                         struct mer_pickle_dtype *ret)
{
    struct mer_pickle_dtype dtype;
    bool has_objects;
    if (depth > DTYPE_DEPTH_MAX || value.kind != MER_PICKLE_MADE ||
        !is_known(mer_pickle_item(value, 0), MER_PYTHON_NUMPY_DTYPE) ||
        !parse_dtype(mer_pickle_item(mer_pickle_item(value, 1), 0), &dtype))
        return false;
    const struct mer_pickle_value state = mer_pickle_item(value, 2);
    const struct mer_pickle_value size = mer_pickle_item(state, 5);
    if (is_size(size))
        dtype.item_bytes = (uint64_t)size.as.integer;
    if (!fields_have_objects(state, depth, &has_objects))
        return false;
    dtype.has_objects |= has_objects;
    *ret = dtype;
    return true;
}

/* ---- What each constructor is called with ---- */

static const char *check_sized(struct mer_pickle_value arguments)
{
    const struct mer_pickle_value first = mer_pickle_item(arguments, 0);
    if (first.kind == MER_PICKLE_INT && (first.as.integer > SMALL_BYTES || first.as.integer < 0))
        return "it makes a huge object out of a number";
    return arguments.kind == MER_PICKLE_TUPLE && arguments.as.box->n <= 2 ? NULL
                                                                          : "they are not clear";
}

static const char *check_encode(struct mer_pickle_value arguments)
{
    const struct mer_pickle_value encoding = mer_pickle_item(arguments, 1);
    const bool latin =
        mer_pickle_is_text(encoding, "latin1") || mer_pickle_is_text(encoding, "latin-1");
    return latin && mer_pickle_item(arguments, 0).kind == MER_PICKLE_TEXT
               ? NULL
               : "it encodes by something else than latin1";
}

static const char *check_reconstructor(struct mer_pickle_value arguments)
{
    const struct mer_pickle_value type = mer_pickle_item(arguments, 0);
    return type.kind == MER_PICKLE_GLOBAL && is_named(mer_pickle_item(arguments, 1), "object") &&
                   mer_pickle_item(arguments, 2).kind == MER_PICKLE_NONE
               ? NULL
               : "it makes an object in a way that classes of data do not";
}

static const char *check_array(struct mer_pickle_value arguments)
{
    uint64_t n;
    if (!is_named(mer_pickle_item(arguments, 0), "ndarray"))
        return "it makes something else than an array";
    if (!mer_pickle_product(mer_pickle_item(arguments, 1), &n))
        return "its shape is none";
    return n > SMALL_BYTES ? "it makes a huge array before there are values" : NULL;
}

static const char *check_dtype(struct mer_pickle_value arguments)
{
    struct mer_pickle_dtype dtype;
    const struct mer_pickle_value first = mer_pickle_item(arguments, 0);
    if (first.kind == MER_PICKLE_GLOBAL && first.as.global->known)
        return NULL;
    if (!parse_dtype(first, &dtype))
        return "an element type is none";
    return dtype.item_bytes > SMALL_BYTES ? "an element would be huge" : NULL;
}

static const char *check_scalar(struct mer_pickle_value arguments)
{
    struct mer_pickle_dtype dtype;
    const struct mer_pickle_value bytes = mer_pickle_item(arguments, 1);
    if (!mer_pickle_dtype_of(mer_pickle_item(arguments, 0), 0, &dtype))
        return "an element type is not clear";
    if (dtype.has_objects)
        return "it takes bytes for the address of an object";
    return bytes.kind == MER_PICKLE_BYTES && bytes.n < dtype.item_bytes
               ? "a value has fewer bytes than its type"
               : NULL;
}

static const char *check_buffer(struct mer_pickle_value arguments)
{
    struct mer_pickle_dtype dtype;
    if (!mer_pickle_dtype_of(mer_pickle_item(arguments, 1), 0, &dtype))
        return "an element type is not clear";
    return dtype.has_objects ? "it takes bytes for the addresses of objects" : NULL;
}

/* The last element has to lie inside the storage. */
static const char *check_strides(struct mer_pickle_value arguments, uint64_t n_items)
{
    const struct mer_pickle_value size = mer_pickle_item(arguments, 2);
    const struct mer_pickle_value stride = mer_pickle_item(arguments, 3);
    uint64_t product, last = (uint64_t)mer_pickle_item(arguments, 1).as.integer;
    if (!mer_pickle_product(size, &product) || stride.kind != MER_PICKLE_TUPLE ||
        stride.as.box->n != size.as.box->n)
        return "a tensor's shape is none";
    if (product == 0)
        return NULL;
    for (size_t i = 0; i < size.as.box->n; i++) {
        const struct mer_pickle_value step = mer_pickle_item(stride, i);
        uint64_t reach;
        if (!is_size(step) ||
            __builtin_mul_overflow((uint64_t)mer_pickle_item(size, i).as.integer - 1,
                                   (uint64_t)step.as.integer, &reach) ||
            __builtin_add_overflow(last, reach, &last))
            return "a tensor's strides are none";
    }
    return last < n_items ? NULL : "a tensor reaches beyond its memory";
}

/* Functions that are called for a gradient: there are none. */
static bool hooks_are_empty(struct mer_pickle_value hooks)
{
    const struct mer_pickle_value made_with = mer_pickle_item(hooks, 1);
    if (hooks.kind == MER_PICKLE_MADE)
        return hooks.as.box->n == 2 && made_with.kind == MER_PICKLE_TUPLE &&
               made_with.as.box->n == 0;
    return hooks.kind == MER_PICKLE_UNKNOWN || hooks.kind == MER_PICKLE_NONE ||
           (hooks.kind == MER_PICKLE_DICT && hooks.as.box->n == 0);
}

static const char *check_tensor(struct mer_pickle *pickle, struct mer_pickle_value arguments)
{
    const struct mer_pickle_value storage = mer_pickle_item(arguments, 0);
    const struct mer_pickle_value n_items = mer_pickle_item(mer_pickle_item(storage, 0), 4);
    pickle->n_tensors++;
    if (storage.kind != MER_PICKLE_PERSISTENT || !is_size(mer_pickle_item(arguments, 1)) ||
        !is_size(n_items))
        return "a tensor without memory in the file";
    if (!hooks_are_empty(mer_pickle_item(arguments, 5)))
        return "a tensor with functions that are called for its gradient";
    return check_strides(arguments, (uint64_t)n_items.as.integer);
}

static const char *check_parameter(struct mer_pickle_value arguments)
{
    if (mer_pickle_item(arguments, 0).kind != MER_PICKLE_MADE)
        return "a parameter that is no tensor";
    return hooks_are_empty(mer_pickle_item(arguments, 2))
               ? NULL
               : "a parameter with functions that are called for its gradient";
}

static const char *check(struct mer_pickle *pickle, const struct mer_pickle_global *callee,
                         struct mer_pickle_value arguments)
{
    switch (callee->known->use) {
    case MER_PYTHON_ANY:
    case MER_PYTHON_JOBLIB_ARRAY:
        return NULL;
    case MER_PYTHON_REFERENCE:
    case MER_PYTHON_TORCH_STORAGE:
        return "it is called, where data only name it";
    case MER_PYTHON_SIZED:
        return check_sized(arguments);
    case MER_PYTHON_ENCODE:
        return check_encode(arguments);
    case MER_PYTHON_RECONSTRUCTOR:
        return check_reconstructor(arguments);
    case MER_PYTHON_NUMPY_ARRAY:
        return check_array(arguments);
    case MER_PYTHON_NUMPY_DTYPE:
        return check_dtype(arguments);
    case MER_PYTHON_NUMPY_SCALAR:
        return check_scalar(arguments);
    case MER_PYTHON_NUMPY_BUFFER:
        return check_buffer(arguments);
    case MER_PYTHON_TORCH_TENSOR:
        return check_tensor(pickle, arguments);
    case MER_PYTHON_TORCH_PARAMETER:
        return check_parameter(arguments);
    }
    return "they are not clear";
}

void mer_pickle_check_call(struct mer_pickle *pickle, uint64_t at,
                           const struct mer_pickle_global *callee,
                           struct mer_pickle_value arguments)
{
    char text[MER_AUDIT_DETAIL_MAX];
    const char *const problem = check(pickle, callee, arguments);
    if (!problem)
        return;
    (void)snprintf(text, sizeof text, "%s.%s: %s", callee->known->module, callee->known->name,
                   problem);
    mer_pickle_tell(pickle, MER_AUDIT_ARGUMENTS, at, text);
}

/* ---- joblib ---- */

/* An array of objects is a pickle of its own, between the instructions. */
static mer_status follow_objects(struct mer_pickle *pickle, mer_err *err)
{
    struct mer_pickle inner;
    if (pickle->audit->depth >= MER_AUDIT_DEPTH_MAX) {
        mer_pickle_tell(pickle, MER_AUDIT_DEPTH, pickle->at, "arrays of objects in arrays");
        pickle->at = pickle->n;
        return mer_ok();
    }
    mer_pickle_init(&inner, pickle->audit, pickle->bytes + pickle->at, pickle->n - pickle->at,
                    pickle->base + pickle->at);
    inner.probing = pickle->probing;
    pickle->audit->depth++;
    const mer_status status = mer_pickle_follow(&inner, err);
    pickle->audit->depth--;
    pickle->at += inner.at;
    pickle->tells_harm |= inner.tells_harm;
    mer_pickle_release(&inner);
    return status;
}

mer_status mer_pickle_skip_array(struct mer_pickle *pickle, struct mer_pickle_value state,
                                 mer_err *err)
{
    struct mer_pickle_dtype dtype;
    uint64_t n, n_bytes;
    pickle->is_joblib = true;
    pickle->n_arrays++;
    if (!mer_pickle_dtype_of(mer_pickle_member(state, "dtype"), 0, &dtype) ||
        !mer_pickle_product(mer_pickle_member(state, "shape"), &n) ||
        __builtin_mul_overflow(n, dtype.item_bytes, &n_bytes)) {
        mer_pickle_broken(pickle, "an array's type or shape is none");
        return mer_ok();
    }
    if (dtype.has_objects)
        return follow_objects(pickle, err);
    if (mer_pickle_member(state, "numpy_array_alignment_bytes").kind == MER_PICKLE_INT &&
        pickle->at < pickle->n)
        n_bytes += 1U + pickle->bytes[pickle->at];
    if (n_bytes > pickle->n - pickle->at) {
        mer_pickle_tell(pickle, MER_AUDIT_BOMB, pickle->at, "an array is larger than the file");
        pickle->told_broken = true;
        n_bytes = pickle->n - pickle->at;
    }
    pickle->at += n_bytes;
    return mer_ok();
}
