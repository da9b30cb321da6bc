/* Imports tables through the Arrow C data interface
 * (https://arrow.apache.org/docs/format/CDataInterface.html): a struct array is a table, several
 * are pieces of one. Everything is copied and checked: lengths, offsets, counts of nulls, numbers
 * of dictionaries, UTF-8. Pointers are taken as good, and buffers as long as lengths and offsets
 * say: they come from this process.
 */
#ifndef MER_INTAKE_ARROW_IMPORT_H
#define MER_INTAKE_ARROW_IMPORT_H

#include "frame/arrow.h"
#include "intake/arrow_decode.h"

struct mer_arrow_import {
    struct mer_table_builder builder;
    struct mer_arrow_type *types; /* [n_columns], owned */
    struct mer_built_column **columns;
    size_t n_columns;
};

/* Begins with the type of the pieces; release after success and failure. The options are borrowed.
 */
MER_MUST_CHECK mer_status mer_arrow_import_begin(struct mer_arrow_import *import,
                                                 const struct mer_ctx *ctx,
                                                 const struct mer_csv_options *options,
                                                 const struct ArrowSchema *schema, mer_err *err);
/* Adds the rows of one piece. */
MER_MUST_CHECK mer_status mer_arrow_import_add(struct mer_arrow_import *import,
                                               const struct ArrowArray *array, mer_err *err);
void mer_arrow_import_release(struct mer_arrow_import *import);

/* What a format string means; false for one that no table column has. */
bool mer_arrow_parse_format(const char *format, struct mer_arrow_type *ret);

#endif
