/* The pages of one column of a Parquet file, decoded into a column of a table.
 */
#ifndef MER_INTAKE_PARQUET_PAGES_H
#define MER_INTAKE_PARQUET_PAGES_H

#include "frame/table_builder.h"
#include "intake/parquet_footer.h"

/* Physical values: of fixed width one behind the other, or views. */
struct mer_parquet_values {
    const unsigned char *fixed;
    size_t width;
    struct mer_cell *views; /* NULL: fixed */
    size_t n;
};

/* Puts the i-th value, which means what the leaf says; MER_ERR_DATA when no table can hold it. */
MER_MUST_CHECK mer_status mer_parquet_put(struct mer_built_column *column,
                                          const struct mer_parquet_leaf *leaf,
                                          const struct mer_parquet_values *values, size_t i,
                                          mer_err *err);

/* Puts all values, where they are what columns hold; false: one by one, please. */
bool mer_parquet_put_whole(struct mer_built_column *column, const struct mer_parquet_leaf *leaf,
                           const struct mer_parquet_values *values);

/* Reads a chunk to its end, into a column that has the type of mer_parquet_type. */
MER_MUST_CHECK mer_status mer_parquet_read_chunk(const struct mer_ctx *ctx,
                                                 const struct mer_parquet_leaf *leaf,
                                                 const struct mer_parquet_chunk *chunk,
                                                 struct mer_built_column *column, mer_err *err);

#endif
