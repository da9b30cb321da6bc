/* What reads the formats of table_format.h, one row each, always in a cell (cell/jobs.c). Every
 * command and every function that reads a table reads all of them.
 *
 * Adding one: a row in table_format.c; a file with a `const struct mer_table_reader`, its
 * declaration below and one line, in the same place, in table_reader.c. A reader is pure (bytes in,
 * image or error out) and bounded by the allocation budget.
 */
#ifndef MER_INTAKE_TABLE_READER_H
#define MER_INTAKE_TABLE_READER_H

#include "intake/table_format.h"

struct mer_table_reader {
    /* By the first bytes, never by the name. NULL: by its row's magic; that of CSV, which has none:
     * what nobody else recognises. */
    bool (*recognise)(const unsigned char *bytes, size_t n);
    /* As mer_csv_write_image. Of the report, which is zero before, only n_rows and n_columns need
     * to be set. */
    mer_status (*write_image)(const struct mer_ctx *ctx, const void *bytes, size_t n,
                              const struct mer_table_reading *reading, struct mer_region *region,
                              struct mer_csv_report *ret_report, mer_err *err);
    /* The format gives every column a type. One that does not heeds reading->sets_aside. */
    bool is_typed;
};

/* Parallel to MER_TABLE_FORMATS. */
extern const struct mer_table_reader *const MER_TABLE_READERS[];
extern const size_t MER_N_TABLE_READERS;

/* The row of what the bytes are. */
size_t mer_table_format_recognise(const void *bytes, size_t n);

/* Notes in a report which of several tables was read. */
void mer_table_report_part(struct mer_csv_report *report, const char *name, size_t n_parts);

/* Reads a table into the caller's region (empty; its n is the image's size on success). `format`:
 * the row, or SIZE_MAX to recognise it; the report tells which it was. A part or query that the
 * format does not have is MER_ERR_USAGE. */
MER_MUST_CHECK mer_status mer_table_write_image(const struct mer_ctx *ctx, size_t format,
                                                const void *bytes, size_t n,
                                                const struct mer_table_reading *reading,
                                                struct mer_region *region,
                                                struct mer_csv_report *ret_report, mer_err *err);

extern const struct mer_table_reader MER_TABLE_READER_CSV;
extern const struct mer_table_reader MER_TABLE_READER_PARQUET;
extern const struct mer_table_reader MER_TABLE_READER_XLSX;
extern const struct mer_table_reader MER_TABLE_READER_SQLITE;
extern const struct mer_table_reader MER_TABLE_READER_ARROW;

#endif
