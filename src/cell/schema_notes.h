/* What a parent has to know of a schema that only a cell has read, beside the table that was read
 * by it: the texts that meant missing, and what each column's field says (frame/schema_wire.h). A
 * fixed layout instead of the JSON that came in:
 *
 *   uint32 n_missing; for each: uint32 n, n bytes; then a field for each column of the table
 */
#ifndef MER_CELL_SCHEMA_NOTES_H
#define MER_CELL_SCHEMA_NOTES_H

#include "frame/schema.h"

/* In the cell, of the schema and the image that was written by it. */
MER_MUST_CHECK mer_status mer_schema_notes_write(const struct mer_ctx *ctx,
                                                 const struct mer_schema *schema,
                                                 const unsigned char *image, struct mer_buf *buf,
                                                 mer_err *err);
/* In the parent: notes that nobody vouches for, about a frame that was checked. The schema's
 * categories are the frame's levels. */
MER_MUST_CHECK mer_status mer_schema_notes_apply(const struct mer_ctx *ctx, const char *bytes,
                                                 size_t n, const struct mer_frame *frame,
                                                 struct mer_schema *ret_schema, mer_err *err);

#endif
