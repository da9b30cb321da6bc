/* Rows of a table whose format gives every column a type, and that a schema has refused: held to
 * the schema one by one, as those of formats without types are (loose_table.h).
 */
#ifndef MER_INTAKE_TYPED_ROWS_H
#define MER_INTAKE_TYPED_ROWS_H

#include "frame/bad_rows.h"
#include "frame/csv.h"

/* `frame`: the table, read without a schema and with every text as it is. Writes the image of the
 * rows that fit options->schema; the others are told of in `bad` (empty). MER_ERR_DATA where all
 * fit, where `bad` is not to go on without them, and where more than rows is wrong. */
MER_MUST_CHECK mer_status mer_typed_rows_write(const struct mer_ctx *ctx,
                                               const struct mer_frame *frame,
                                               const struct mer_csv_options *options,
                                               struct mer_bad_rows *bad, struct mer_region *region,
                                               struct mer_csv_report *ret_report, mer_err *err);

#endif
