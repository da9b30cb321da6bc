/* Thrift's compact protocol (https://github.com/apache/thrift/blob/master/doc/specs/
 * thrift-compact-protocol.md), as far as Parquet needs it, read over a byte reader: whatever is
 * wrong marks the reader as failed.
 */
#ifndef MER_INTAKE_THRIFT_H
#define MER_INTAKE_THRIFT_H

#include "intake/byte_reader.h"

enum mer_thrift_type {
    MER_THRIFT_STOP,
    MER_THRIFT_TRUE,
    MER_THRIFT_FALSE,
    MER_THRIFT_BYTE,
    MER_THRIFT_I16,
    MER_THRIFT_I32,
    MER_THRIFT_I64,
    MER_THRIFT_DOUBLE,
    MER_THRIFT_BINARY,
    MER_THRIFT_LIST,
    MER_THRIFT_SET,
    MER_THRIFT_MAP,
    MER_THRIFT_STRUCT
};

/* Where a struct is; starts zeroed. */
struct mer_thrift_field {
    int32_t id;
    enum mer_thrift_type type;
};

/* Moves on to the struct's next field; false behind the last, and when the reader has failed. The
 * caller reads the field's value or skips it. */
bool mer_thrift_next(struct mer_byte_reader *reader, struct mer_thrift_field *field);

/* The field's value; one of another type is skipped and nothing is changed. */
void mer_thrift_integer(struct mer_byte_reader *reader, struct mer_thrift_field field,
                        int64_t *ret);
void mer_thrift_boolean(struct mer_byte_reader *reader, struct mer_thrift_field field, bool *ret);
void mer_thrift_binary(struct mer_byte_reader *reader, struct mer_thrift_field field,
                       const unsigned char **ret_bytes, size_t *ret_n);
/* How many elements of the given type follow; of another type they are skipped, and 0 follow. Never
 * more than bytes are left. */
size_t mer_thrift_list(struct mer_byte_reader *reader, struct mer_thrift_field field,
                       enum mer_thrift_type element);
void mer_thrift_skip(struct mer_byte_reader *reader, enum mer_thrift_type type);

/* The value of a list's element, which has no header. */
int64_t mer_thrift_integer_element(struct mer_byte_reader *reader);

#endif
