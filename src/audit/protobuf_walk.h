/* Walks along a protobuf message (wire format of protobuf 3), field by field, without building
 * anything. Stricter than the format: no groups, no field 0, numbers in their shortest form or not
 * longer than ten bytes.
 */
#ifndef MER_AUDIT_PROTOBUF_WALK_H
#define MER_AUDIT_PROTOBUF_WALK_H

#include "core/status.h"

enum mer_proto_wire {
    MER_PROTO_VARINT = 0,
    MER_PROTO_FIXED64 = 1,
    MER_PROTO_BYTES = 2,
    MER_PROTO_FIXED32 = 5
};

struct mer_proto {
    const unsigned char *at;
    const unsigned char *end;
    bool failed;
};

struct mer_proto_field {
    uint32_t number;
    enum mer_proto_wire wire;
    uint64_t value;             /* of a number */
    const unsigned char *bytes; /* n of them */
    size_t n;
};

static inline struct mer_proto mer_proto_of(const unsigned char *bytes, size_t n)
{
    return (struct mer_proto){bytes, bytes ? bytes + n : bytes, false};
}

/* The next field; false at the end, and where there is none (`failed`). */
bool mer_proto_next(struct mer_proto *proto, struct mer_proto_field *ret);
/* How many numbers a packed field holds, of so many bytes each; 0: varints. */
size_t mer_proto_count(const struct mer_proto_field *field, size_t item_bytes);

#endif
