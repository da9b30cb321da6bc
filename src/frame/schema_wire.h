/* What a schema says of its fields, in a fixed layout instead of JSON: how it travels from the cell
 * that read it to a parent that trusts nobody, and how it lies in models. Without names and
 * categories, which both have elsewhere.
 *
 * A field is one byte of bits when there is nothing else to say of it (MER_WIRE_MORE is clear);
 * docs/model-format.md has the layout of the rest. Numbers are little-endian.
 */
#ifndef MER_FRAME_SCHEMA_WIRE_H
#define MER_FRAME_SCHEMA_WIRE_H

#include "frame/schema.h"

enum {
    MER_WIRE_REQUIRED = 1,
    MER_WIRE_UNLISTED = 2, /* categorical, and the schema lists no categories */
    MER_WIRE_MORE = 4,
    MER_WIRE_BITS = 7
};

struct mer_wire_cursor {
    const char *at;
    size_t left;
};

MER_MUST_CHECK mer_status mer_wire_put_number(struct mer_buf *buf, size_t number, mer_err *err);
bool mer_wire_take_number(struct mer_wire_cursor *cursor, uint32_t *ret_number);
/* A text: its length and its bytes. */
MER_MUST_CHECK mer_status mer_wire_put_text(struct mer_buf *buf, const char *text, mer_err *err);
/* *ret_good is false for anything but UTF-8 without NUL; the text is copied, zero-terminated. */
MER_MUST_CHECK mer_status mer_wire_take_text(struct mer_wire_cursor *cursor,
                                             struct mer_arena *arena, const char **ret_text,
                                             bool *ret_good, mer_err *err);

/* Is there more to say of the field than a byte? */
bool mer_wire_has_more(const struct mer_field *field);
MER_MUST_CHECK mer_status mer_wire_put_field(struct mer_buf *buf, const struct mer_field *field,
                                             mer_err *err);
/* Reads a field whose name and stored type are there; *ret_good is false when the bytes are no such
 * field, or one that cannot be stored so. */
MER_MUST_CHECK mer_status mer_wire_take_field(struct mer_wire_cursor *cursor,
                                              struct mer_arena *arena, struct mer_field *field,
                                              bool *ret_good, mer_err *err);

#endif
