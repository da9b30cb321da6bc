#include "audit/protobuf_walk.h"

static bool take_varint(struct mer_proto *proto, uint64_t *ret)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && proto->at < proto->end; shift += 7) {
        const unsigned char byte = *proto->at++;
        if (shift == 63 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static bool take_fixed(struct mer_proto *proto, size_t n, uint64_t *ret)
{
    if ((size_t)(proto->end - proto->at) < n)
        return false;
    *ret = 0;
    for (size_t i = 0; i < n; i++)
        *ret |= (uint64_t)proto->at[i] << 8 * i;
    proto->at += n;
    return true;
}

static bool take_value(struct mer_proto *proto, struct mer_proto_field *field)
{
    switch (field->wire) {
    case MER_PROTO_VARINT:
        return take_varint(proto, &field->value);
    case MER_PROTO_FIXED64:
        return take_fixed(proto, 8, &field->value);
    case MER_PROTO_FIXED32:
        return take_fixed(proto, 4, &field->value);
    case MER_PROTO_BYTES:
        if (!take_varint(proto, &field->value) || field->value > (size_t)(proto->end - proto->at))
            return false;
        field->bytes = proto->at;
        field->n = (size_t)field->value;
        proto->at += field->n;
        return true;
    }
    return false;
}

bool mer_proto_next(struct mer_proto *proto, struct mer_proto_field *ret)
{
    enum { NUMBER_MAX = (1 << 29) - 1, WIRES = 7 };
    uint64_t tag;
    if (proto->failed || proto->at == proto->end)
        return false;
    if (!take_varint(proto, &tag) || tag >> 3 == 0 || tag >> 3 > NUMBER_MAX) {
        proto->failed = true;
        return false;
    }
    *ret = (struct mer_proto_field){.number = (uint32_t)(tag >> 3),
                                    .wire = (enum mer_proto_wire)(tag & WIRES)};
    proto->failed = !take_value(proto, ret);
    return !proto->failed;
}

size_t mer_proto_count(const struct mer_proto_field *field, size_t item_bytes)
{
    size_t n = 0;
    if (item_bytes > 0)
        return field->n / item_bytes;
    for (size_t i = 0; i < field->n; i++)
        n += !(field->bytes[i] & 0x80);
    return n;
}
