/* Writes Thrift's compact protocol, as far as Parquet needs it. A failure to grow the buffer
 * sticks, and is asked for once. */
#ifndef MER_INTAKE_THRIFT_WRITE_H
#define MER_INTAKE_THRIFT_WRITE_H

#include "core/buf.h"
#include "intake/thrift.h"

struct mer_thrift_out {
    struct mer_buf *buf;
    int32_t last; /* the id of the field before, in the struct in hand */
    mer_status status;
    mer_err *err;
};

void mer_thrift_out_varint(struct mer_thrift_out *out, uint64_t value);

/* Fields; their ids rise within a struct. */
void mer_thrift_out_i32(struct mer_thrift_out *out, int32_t id, int64_t value);
void mer_thrift_out_i64(struct mer_thrift_out *out, int32_t id, int64_t value);
void mer_thrift_out_boolean(struct mer_thrift_out *out, int32_t id, bool value);
void mer_thrift_out_binary(struct mer_thrift_out *out, int32_t id, const void *bytes, size_t n);
void mer_thrift_out_list(struct mer_thrift_out *out, int32_t id, enum mer_thrift_type type,
                         size_t n);
/* Begins a struct; returns what its end wants. */
int32_t mer_thrift_out_begin(struct mer_thrift_out *out, int32_t id);
void mer_thrift_out_end(struct mer_thrift_out *out, int32_t outer);

/* Elements of a list; a struct is begun and ended by the two. */
void mer_thrift_out_i32_element(struct mer_thrift_out *out, int64_t value);
void mer_thrift_out_binary_element(struct mer_thrift_out *out, const void *bytes, size_t n);
int32_t mer_thrift_out_begin_element(struct mer_thrift_out *out);

#endif
