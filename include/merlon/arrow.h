/* Tables from and for other libraries in the same process: pandas, polars, DuckDB, R and others
 * speak the Arrow C data interface. Not part of merlon.h: include it where it is needed. */
#ifndef MERLON_ARROW_H
#define MERLON_ARROW_H

#include "merlon/arrow_abi.h"
#include "merlon/frame.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A table out of a struct array, a column for each child. The values are copied and checked:
 * lengths, offsets, counts of nulls, numbers of dictionaries, UTF-8, ranges (docs/table-formats.md
 * lists the types); nested columns are MER_ERR_DATA. Pointers are taken as good. `keep_texts` as in
 * struct mer_table_options. Both structures are released, whatever comes of it. */
MER_API MER_MUST_CHECK mer_status mer_table_from_arrow(struct mer_context *context,
                                                       struct ArrowSchema *schema,
                                                       struct ArrowArray *array, bool keep_texts,
                                                       struct mer_table **ret_table, mer_err *err);
/* The same of a stream, whose arrays are pieces of one table; MER_ERR_IO when the producer fails.
 */
MER_API MER_MUST_CHECK mer_status mer_table_from_arrow_stream(struct mer_context *context,
                                                              struct ArrowArrayStream *stream,
                                                              bool keep_texts,
                                                              struct mer_table **ret_table,
                                                              mer_err *err);

/* The table as a struct array: columns are handed over where they lie, without a copy; only dates
 * are converted. The receiver releases both through their callbacks, which may be after
 * mer_table_free but must be before mer_context_free. Categories are dictionaries of large_utf8. */
MER_API MER_MUST_CHECK mer_status mer_table_to_arrow(struct mer_table *table,
                                                     struct ArrowSchema *ret_schema,
                                                     struct ArrowArray *ret_array, mer_err *err);
/* The same as a stream of one array. */
MER_API MER_MUST_CHECK mer_status mer_table_to_arrow_stream(struct mer_table *table,
                                                            struct ArrowArrayStream *ret_stream,
                                                            mer_err *err);

#ifdef __cplusplus
}
#endif
#endif
