/* Tensors of ONNX models: sizes, and paths to other files. */
#include <string.h>

#include "audit/onnx_audit.h"

enum tensor_field {
    TENSOR_DIMS = 1,
    TENSOR_TYPE = 2,
    TENSOR_FLOATS = 4,
    TENSOR_INT32S = 5,
    TENSOR_STRINGS = 6,
    TENSOR_INT64S = 7,
    TENSOR_NAME = 8,
    TENSOR_RAW = 9,
    TENSOR_DOUBLES = 10,
    TENSOR_UINT64S = 11,
    TENSOR_EXTERNAL = 13,
    TENSOR_LOCATION = 14
};

/* Bits of an element by its type; 0: no raw bytes. */
static const unsigned char item_bits[] = {0,  32, 8,  8,   16, 16, 32, 64, 0, 8, 16, 64,
                                          32, 64, 64, 128, 16, 8,  8,  8,  8, 4, 4,  4};
enum { TYPE_STRING = 8, N_TYPES = sizeof item_bits, BOMB_ITEMS = 1 << 24 };

struct tensor {
    uint64_t n_items; /* the product of its shape */
    uint64_t type;
    uint64_t n_values; /* that are there, one by one */
    uint64_t n_raw;
    bool has_raw;
    bool shape_is_bad;
    bool is_external;
    struct mer_onnx_text name;
};

/* A path that stays in the model's own folder. */
static bool leads_outside(struct mer_onnx_text path)
{
    const char *const s = path.bytes;
    if (path.n == 0 || s[0] == '/' || s[0] == '~' || memchr(s, '\\', path.n) ||
        memchr(s, '\0', path.n) || memchr(s, ':', path.n))
        return true;
    for (size_t i = 0; i + 1 < path.n; i++)
        if (s[i] == '.' && s[i + 1] == '.' && (i == 0 || s[i - 1] == '/') &&
            (i + 2 == path.n || s[i + 2] == '/'))
            return true;
    return false;
}

static bool is_number(struct mer_onnx_text text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
    return text.n > 0 && text.n < 19;
}

/* A key and a value: location, offset, length, checksum. */
static void read_external(struct mer_onnx *onnx, const struct mer_proto_field *field)
{
    struct mer_proto proto = mer_proto_of(field->bytes, field->n);
    struct mer_proto_field entry;
    struct mer_onnx_text key = {"", 0}, value = {"", 0};
    while (mer_proto_next(&proto, &entry)) {
        if (entry.wire == MER_PROTO_BYTES && entry.number == 1)
            key = mer_onnx_text_of(onnx, &entry);
        if (entry.wire == MER_PROTO_BYTES && entry.number == 2)
            value = mer_onnx_text_of(onnx, &entry);
    }
    if (proto.failed)
        mer_onnx_broken(onnx, proto.at, "an entry of external data is none");
    if (mer_onnx_text_is(key, "location"))
        mer_onnx_tell(onnx, leads_outside(value) ? MER_AUDIT_EXTERNAL_PATH : MER_AUDIT_EXTERNAL,
                      field->bytes, value, "data of a tensor");
    else if (mer_onnx_text_is(key, "offset") || mer_onnx_text_is(key, "length")) {
        if (!is_number(value))
            mer_onnx_tell(onnx, MER_AUDIT_RANGE, field->bytes, value, "a place in another file");
    } else if (!mer_onnx_text_is(key, "checksum")) {
        mer_onnx_tell(onnx, MER_AUDIT_EXTERNAL_PATH, field->bytes, key,
                      "an attribute of external data that does not exist");
    }
}

static void take_dim(struct tensor *tensor, uint64_t dim)
{
    if (dim > INT64_MAX || __builtin_mul_overflow(tensor->n_items, dim, &tensor->n_items))
        tensor->shape_is_bad = true;
}

static void take_dims(struct tensor *tensor, const struct mer_proto_field *field)
{
    if (field->wire != MER_PROTO_BYTES) {
        take_dim(tensor, field->value);
        return;
    }
    uint64_t dim = 0;
    unsigned shift = 0;
    for (size_t i = 0; i < field->n; i++) {
        if (shift > 56)
            tensor->shape_is_bad = true;
        else
            dim |= (uint64_t)(field->bytes[i] & 0x7f) << shift;
        shift += 7;
        if (!(field->bytes[i] & 0x80)) {
            take_dim(tensor, dim);
            dim = shift = 0;
        }
    }
}

/* Values that stand one by one, packed or not. */
static void take_values(struct tensor *tensor, const struct mer_proto_field *field,
                        size_t item_bytes)
{
    tensor->n_values += field->wire == MER_PROTO_BYTES ? mer_proto_count(field, item_bytes) : 1;
}

static void take_field(struct mer_onnx *onnx, struct tensor *tensor,
                       const struct mer_proto_field *field)
{
    const bool is_bytes = field->wire == MER_PROTO_BYTES;
    switch (field->number) {
    case TENSOR_DIMS:
        take_dims(tensor, field);
        break;
    case TENSOR_TYPE:
        tensor->type = field->value;
        break;
    case TENSOR_FLOATS:
        take_values(tensor, field, 4);
        break;
    case TENSOR_DOUBLES:
        take_values(tensor, field, 8);
        break;
    case TENSOR_INT32S:
    case TENSOR_INT64S:
    case TENSOR_UINT64S:
        take_values(tensor, field, 0);
        break;
    case TENSOR_STRINGS:
        tensor->n_values++;
        break;
    case TENSOR_NAME:
        if (is_bytes)
            tensor->name = mer_onnx_text_of(onnx, field);
        break;
    case TENSOR_RAW:
        if (tensor->has_raw)
            mer_onnx_broken(onnx, field->bytes, "a tensor's data are there twice");
        tensor->has_raw = true;
        tensor->n_raw = field->n;
        break;
    case TENSOR_EXTERNAL:
        tensor->is_external = true;
        if (is_bytes)
            read_external(onnx, field);
        break;
    case TENSOR_LOCATION:
        tensor->is_external |= field->value == 1;
        break;
    default:
        break;
    }
}

/* Float types of less than 32 bits stand in 32-bit numbers; complex ones in two. */
static bool values_agree(const struct tensor *tensor)
{
    uint64_t bits;
    if (tensor->has_raw)
        return tensor->type < N_TYPES && item_bits[tensor->type] > 0 && tensor->n_values == 0 &&
               !__builtin_mul_overflow(tensor->n_items, (uint64_t)item_bits[tensor->type], &bits) &&
               bits / 8 + (bits % 8 > 0) == tensor->n_raw;
    const bool is_packed_small = tensor->type >= 21;
    const uint64_t wanted = tensor->type == 14 || tensor->type == 15 ? 2 * tensor->n_items
                            : is_packed_small                        ? (tensor->n_items + 1) / 2
                                                                     : tensor->n_items;
    return tensor->n_values == wanted;
}

static void check(struct mer_onnx *onnx, const struct tensor *tensor, const unsigned char *at)
{
    if (tensor->type == 0 || tensor->type >= N_TYPES)
        mer_onnx_tell(onnx, MER_AUDIT_BROKEN, at, tensor->name, "a tensor of no type");
    else if (tensor->shape_is_bad)
        mer_onnx_tell(onnx, MER_AUDIT_RANGE, at, tensor->name, "a tensor's shape is none");
    else if (tensor->is_external)
        return;
    else if (!values_agree(tensor))
        mer_onnx_tell(onnx, tensor->n_items > BOMB_ITEMS ? MER_AUDIT_BOMB : MER_AUDIT_RANGE, at,
                      tensor->name, "a tensor's shape and its data contradict each other");
}

void mer_onnx_tensor(struct mer_onnx *onnx, const struct mer_proto_field *field)
{
    struct mer_proto proto = mer_proto_of(field->bytes, field->n);
    struct mer_proto_field part;
    struct tensor tensor = {.n_items = 1, .name = {"", 0}};
    onnx->n_tensors++;
    while (mer_proto_next(&proto, &part) && mer_audit_step(onnx->audit, 1 + part.n / 64))
        take_field(onnx, &tensor, &part);
    if (proto.failed)
        mer_onnx_broken(onnx, proto.at, "a tensor is none");
    else
        check(onnx, &tensor, field->bytes);
}
