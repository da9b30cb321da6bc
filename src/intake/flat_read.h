/* Reads FlatBuffers (https://flatbuffers.dev/internals/), as far as Arrow needs them: tables,
 * scalars, texts and vectors in a buffer that nobody vouches for. Whatever reaches outside marks
 * the buffer as failed and reads as absent. */
#ifndef MER_INTAKE_FLAT_READ_H
#define MER_INTAKE_FLAT_READ_H

#include "core/status.h"

struct mer_flat {
    const unsigned char *bytes;
    size_t n;
    bool failed;
};

/* A table, by its place; 0: absent (the root is never there). */
typedef size_t mer_flat_table;

struct mer_flat_vector {
    size_t at; /* of the first element */
    size_t n;
};

mer_flat_table mer_flat_root(struct mer_flat *flat);
/* Fields by their number; the default where they are absent. */
int64_t mer_flat_integer(struct mer_flat *flat, mer_flat_table table, unsigned field,
                         unsigned width, int64_t absent);
mer_flat_table mer_flat_child(struct mer_flat *flat, mer_flat_table table, unsigned field);
/* Elements of the given width; n = 0 where it is absent. */
struct mer_flat_vector mer_flat_vector(struct mer_flat *flat, mer_flat_table table, unsigned field,
                                       size_t width);
mer_flat_table mer_flat_element(struct mer_flat *flat, struct mer_flat_vector vector, size_t i);
/* A little-endian integer of 1, 2, 4 or 8 bytes, sign-extended. */
int64_t mer_flat_at(struct mer_flat *flat, size_t at, unsigned width);

#endif
