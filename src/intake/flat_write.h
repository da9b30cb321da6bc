/* Writes FlatBuffers, as far as Arrow needs them, from front to back: a table first, then what its
 * offsets lead to. A failure to grow the buffer sticks, and is asked for once. */
#ifndef MER_INTAKE_FLAT_WRITE_H
#define MER_INTAKE_FLAT_WRITE_H

#include "core/buf.h"

struct mer_flat_out {
    struct mer_buf *buf;
    mer_status status;
    mer_err *err;
};

/* A field of a table: a scalar, or an offset (4 bytes) that is linked later. Width 0: absent. */
struct mer_flat_field {
    unsigned width;
    int64_t value;
    size_t at; /* set when the table is written: where the field lies */
};

/* Empties the buffer and begins with the link to the root, at 0. */
void mer_flat_out_begin(struct mer_flat_out *out);
/* The new thing's place, for a link. */
size_t mer_flat_out_table(struct mer_flat_out *out, struct mer_flat_field *fields, size_t n);
size_t mer_flat_out_text(struct mer_flat_out *out, const char *bytes, size_t n);
/* n elements of zeros behind the count, which begin at *ret_first and are aligned to their width.
 */
size_t mer_flat_out_vector(struct mer_flat_out *out, size_t n, size_t width, size_t *ret_first);
void mer_flat_out_link(struct mer_flat_out *out, size_t at, size_t target);
/* Overwrites 8 bytes of a vector. */
void mer_flat_out_set(struct mer_flat_out *out, size_t at, int64_t value);
/* Pads with zeros to a multiple of 8 bytes. */
void mer_flat_out_pad(struct mer_flat_out *out);

#endif
