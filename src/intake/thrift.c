#include "intake/thrift.h"

/* Parquet's footer is six deep. */
enum { DEPTH_MAX = 24 };

bool mer_thrift_next(struct mer_byte_reader *reader, struct mer_thrift_field *field)
{
    const uint8_t header = mer_byte_reader_u8(reader);
    const unsigned type = header & 15;
    if (reader->failed || header == MER_THRIFT_STOP)
        return false;
    const int64_t id = header >> 4 ? field->id + (header >> 4) : mer_byte_reader_zigzag(reader);
    if (type == MER_THRIFT_STOP || type > MER_THRIFT_STRUCT || id < INT16_MIN || id > INT16_MAX) {
        reader->failed = true;
        return false;
    }
    *field = (struct mer_thrift_field){(int32_t)id, (enum mer_thrift_type)type};
    return !reader->failed;
}

static void list_header(struct mer_byte_reader *reader, enum mer_thrift_type *ret_type,
                        size_t *ret_n)
{
    const uint8_t header = mer_byte_reader_u8(reader);
    const uint64_t n = header >> 4 == 15 ? mer_byte_reader_varint(reader) : header >> 4;
    *ret_type = (enum mer_thrift_type)(header & 15);
    *ret_n = 0;
    /* Every element takes a byte at least. */
    if (reader->failed || n > mer_byte_reader_left(reader))
        reader->failed = true;
    else
        *ret_n = n;
}

static void skip(struct mer_byte_reader *reader, enum mer_thrift_type type, bool is_element,
                 unsigned depth);

static void skip_list(struct mer_byte_reader *reader, unsigned depth)
{
    enum mer_thrift_type type;
    size_t n;
    list_header(reader, &type, &n);
    for (size_t i = 0; i < n && !reader->failed; i++)
        skip(reader, type, true, depth + 1);
}

static void skip_map(struct mer_byte_reader *reader, unsigned depth)
{
    const uint64_t n = mer_byte_reader_varint(reader);
    const uint8_t types = n > 0 ? mer_byte_reader_u8(reader) : 0;
    for (uint64_t i = 0; i < n && !reader->failed; i++) {
        skip(reader, (enum mer_thrift_type)(types >> 4), true, depth + 1);
        skip(reader, (enum mer_thrift_type)(types & 15), true, depth + 1);
    }
}

static void skip_struct(struct mer_byte_reader *reader, unsigned depth)
{
    struct mer_thrift_field field = {.id = 0};
    while (mer_thrift_next(reader, &field))
        skip(reader, field.type, false, depth + 1);
}

static void skip(struct mer_byte_reader *reader, enum mer_thrift_type type, bool is_element,
                 unsigned depth)
{
    if (depth > DEPTH_MAX) {
        reader->failed = true;
        return;
    }
    switch (type) {
    case MER_THRIFT_TRUE:
    case MER_THRIFT_FALSE:
        /* A field's value stands in its header. */
        if (is_element)
            (void)mer_byte_reader_u8(reader);
        break;
    case MER_THRIFT_BYTE:
        (void)mer_byte_reader_u8(reader);
        break;
    case MER_THRIFT_I16:
    case MER_THRIFT_I32:
    case MER_THRIFT_I64:
        (void)mer_byte_reader_varint(reader);
        break;
    case MER_THRIFT_DOUBLE:
        (void)mer_byte_reader_take(reader, sizeof(double));
        break;
    case MER_THRIFT_BINARY:
        (void)mer_byte_reader_take(reader, mer_byte_reader_varint(reader));
        break;
    case MER_THRIFT_LIST:
    case MER_THRIFT_SET:
        skip_list(reader, depth);
        break;
    case MER_THRIFT_MAP:
        skip_map(reader, depth);
        break;
    case MER_THRIFT_STRUCT:
        skip_struct(reader, depth);
        break;
    default:
        reader->failed = true;
    }
}

void mer_thrift_skip(struct mer_byte_reader *reader, enum mer_thrift_type type)
{
    skip(reader, type, false, 0);
}

int64_t mer_thrift_integer_element(struct mer_byte_reader *reader)
{
    return mer_byte_reader_zigzag(reader);
}

void mer_thrift_integer(struct mer_byte_reader *reader, struct mer_thrift_field field, int64_t *ret)
{
    if (field.type == MER_THRIFT_BYTE)
        *ret = (int8_t)mer_byte_reader_u8(reader);
    else if (field.type >= MER_THRIFT_I16 && field.type <= MER_THRIFT_I64)
        *ret = mer_byte_reader_zigzag(reader);
    else
        mer_thrift_skip(reader, field.type);
}

void mer_thrift_boolean(struct mer_byte_reader *reader, struct mer_thrift_field field, bool *ret)
{
    if (field.type == MER_THRIFT_TRUE || field.type == MER_THRIFT_FALSE)
        *ret = field.type == MER_THRIFT_TRUE;
    else
        mer_thrift_skip(reader, field.type);
}

void mer_thrift_binary(struct mer_byte_reader *reader, struct mer_thrift_field field,
                       const unsigned char **ret_bytes, size_t *ret_n)
{
    if (field.type != MER_THRIFT_BINARY) {
        mer_thrift_skip(reader, field.type);
        return;
    }
    const uint64_t n = mer_byte_reader_varint(reader);
    const unsigned char *const bytes = mer_byte_reader_take(reader, n);
    *ret_bytes = bytes;
    *ret_n = bytes ? (size_t)n : 0;
}

size_t mer_thrift_list(struct mer_byte_reader *reader, struct mer_thrift_field field,
                       enum mer_thrift_type element)
{
    enum mer_thrift_type type;
    size_t n;
    if (field.type != MER_THRIFT_LIST) {
        mer_thrift_skip(reader, field.type);
        return 0;
    }
    list_header(reader, &type, &n);
    if (type == element)
        return n;
    for (size_t i = 0; i < n && !reader->failed; i++)
        skip(reader, type, true, 1);
    return 0;
}
