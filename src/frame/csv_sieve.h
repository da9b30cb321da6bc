/* Parts the rows of a CSV file that fit from those that do not (docs/schema.md, "Rows that do not
 * fit").
 */
#ifndef MER_FRAME_CSV_SIEVE_H
#define MER_FRAME_CSV_SIEVE_H

#include "frame/bad_rows.h"
#include "frame/csv_columns.h"

/* The rows behind the header, at scan->next, of a table whose columns have their fields. Those that
 * fit are appended to `good` as they are, the others noted in `bad`, with names and bytes that
 * point into the table. `known`: or NULL. */
MER_MUST_CHECK mer_status mer_csv_sieve_rows(struct mer_csv_table *table,
                                             const struct mer_schema *schema,
                                             struct mer_csv_scan *scan,
                                             const struct mer_known_faults *known,
                                             struct mer_bad_rows *bad, struct mer_buf *good,
                                             mer_err *err);

#endif
