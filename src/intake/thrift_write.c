#include "intake/thrift_write.h"

static void put(struct mer_thrift_out *out, const void *bytes, size_t n)
{
    if (mer_is_ok(out->status))
        out->status = mer_buf_append(out->buf, bytes, n, out->err);
}

static void put_byte(struct mer_thrift_out *out, unsigned value)
{
    const unsigned char byte = (unsigned char)value;
    put(out, &byte, 1);
}

void mer_thrift_out_varint(struct mer_thrift_out *out, uint64_t value)
{
    while (value > 0x7f) {
        put_byte(out, (unsigned)(value & 0x7f) | 0x80);
        value >>= 7;
    }
    put_byte(out, (unsigned)value);
}

static void put_zigzag(struct mer_thrift_out *out, int64_t value)
{
    mer_thrift_out_varint(out, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

/* Ids are small and rise, so every difference fits the short form. */
static void put_field(struct mer_thrift_out *out, int32_t id, enum mer_thrift_type type)
{
    put_byte(out, (unsigned)(id - out->last) << 4 | (unsigned)type);
    out->last = id;
}

void mer_thrift_out_i32(struct mer_thrift_out *out, int32_t id, int64_t value)
{
    put_field(out, id, MER_THRIFT_I32);
    put_zigzag(out, value);
}

void mer_thrift_out_i64(struct mer_thrift_out *out, int32_t id, int64_t value)
{
    put_field(out, id, MER_THRIFT_I64);
    put_zigzag(out, value);
}

void mer_thrift_out_boolean(struct mer_thrift_out *out, int32_t id, bool value)
{
    put_field(out, id, value ? MER_THRIFT_TRUE : MER_THRIFT_FALSE);
}

void mer_thrift_out_binary_element(struct mer_thrift_out *out, const void *bytes, size_t n)
{
    mer_thrift_out_varint(out, n);
    put(out, bytes, n);
}

void mer_thrift_out_binary(struct mer_thrift_out *out, int32_t id, const void *bytes, size_t n)
{
    put_field(out, id, MER_THRIFT_BINARY);
    mer_thrift_out_binary_element(out, bytes, n);
}

void mer_thrift_out_list(struct mer_thrift_out *out, int32_t id, enum mer_thrift_type type,
                         size_t n)
{
    put_field(out, id, MER_THRIFT_LIST);
    if (n < 15) {
        put_byte(out, (unsigned)n << 4 | (unsigned)type);
        return;
    }
    put_byte(out, 0xf0 | (unsigned)type);
    mer_thrift_out_varint(out, n);
}

int32_t mer_thrift_out_begin_element(struct mer_thrift_out *out)
{
    const int32_t outer = out->last;
    out->last = 0;
    return outer;
}

int32_t mer_thrift_out_begin(struct mer_thrift_out *out, int32_t id)
{
    put_field(out, id, MER_THRIFT_STRUCT);
    return mer_thrift_out_begin_element(out);
}

void mer_thrift_out_end(struct mer_thrift_out *out, int32_t outer)
{
    put_byte(out, MER_THRIFT_STOP);
    out->last = outer;
}

void mer_thrift_out_i32_element(struct mer_thrift_out *out, int64_t value)
{
    put_zigzag(out, value);
}
