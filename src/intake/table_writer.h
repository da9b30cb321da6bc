/* Writes tables in the formats of table_format.h, as far as they can be written. Pure: a frame in,
 * pieces of bytes out. The same table gives the same bytes.
 */
#ifndef MER_INTAKE_TABLE_WRITER_H
#define MER_INTAKE_TABLE_WRITER_H

#include "intake/table_format.h"

/* Where the bytes go, in order. */
struct mer_table_sink {
    mer_status (*write)(void *self, const void *bytes, size_t n, mer_err *err);
    void *self;
};

struct mer_table_writing {
    char delimiter;      /* of CSV; 0: a comma */
    const char *missing; /* the text that means missing in CSV; NULL: "" */
};

typedef mer_status mer_table_writer(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                    const struct mer_table_writing *writing,
                                    const struct mer_table_sink *sink, mer_err *err);

bool mer_table_can_write(size_t format);

/* Progress phase: "writing". MER_ERR_USAGE for a format that cannot be written. */
MER_MUST_CHECK mer_status mer_table_write_file(const struct mer_ctx *ctx, size_t format,
                                               const struct mer_frame *frame,
                                               const struct mer_table_writing *writing,
                                               const struct mer_table_sink *sink, mer_err *err);

/* The first of "", NA, NaN, null and ? that no text of the table is, so that CSV can mean missing
 * by it; NULL when every one is. *ret_n_lost: how many texts are one of those words, so that they
 * mean missing to whoever reads the CSV without its schema. */
const char *mer_table_missing_text(const struct mer_frame *frame, size_t *ret_n_lost);

extern mer_table_writer mer_csv_write_table;
extern mer_table_writer mer_parquet_write_table;
extern mer_table_writer mer_arrow_write_table;

#endif
