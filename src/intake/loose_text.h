/* Loosely typed cells as CSV text. */
#ifndef MER_INTAKE_LOOSE_TEXT_H
#define MER_INTAKE_LOOSE_TEXT_H

#include "core/buf.h"
#include "intake/loose_table.h"

/* Appends a quoted cell. */
MER_MUST_CHECK mer_status mer_loose_put_text(struct mer_buf *buf, const char *bytes, size_t n,
                                             mer_err *err);
/* Appends a cell that has a value, for a field of that type (MER_TYPE_COUNT: none is stated): a
 * date in a field of dates and times is its midnight, and a midnight in one of dates is its date.
 */
MER_MUST_CHECK mer_status mer_loose_put(struct mer_buf *buf, const struct mer_loose_cell *cell,
                                        enum mer_type type, mer_err *err);
/* The same without quotes. */
MER_MUST_CHECK mer_status mer_loose_plain(struct mer_buf *buf, const struct mer_loose_cell *cell,
                                          enum mer_type type, mer_err *err);

#endif
