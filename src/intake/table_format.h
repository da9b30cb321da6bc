/* The formats that a table may come in: one row each, in one registry. Every command and every
 * function that reads a table reads all of them, always in a cell (cell/jobs.c).
 *
 * Adding one: a file with a `const struct mer_table_format`, its declaration below and one line in
 * table_format.c. A reader is pure (bytes in, image or error out) and bounded by the allocation
 * budget; frame/table_builder.h makes an image of columns and holds it to a schema.
 */
#ifndef MER_INTAKE_TABLE_FORMAT_H
#define MER_INTAKE_TABLE_FORMAT_H

#include "frame/csv.h"

/* How a table is read. */
struct mer_table_reading {
    /* The schema and what goes with it hold for every format, delimiter and header for CSV alone.
     */
    struct mer_csv_options csv;
    /* Which table of a file that holds several: the name of a sheet or a table; NULL: the only one,
     * or the first, as the format says. */
    const char *part;
    const char *query; /* SQL that makes the table, where the format has that; NULL: none */
};

struct mer_table_format {
    const char *name;       /* as in --format, "csv" */
    const char *extensions; /* of file names, in lower case, separated by spaces: "csv tsv" */
    bool has_parts;         /* `part` means something */
    bool has_queries;       /* so does `query` */
    /* By the first bytes, never by the name. NULL: what nobody else recognises. */
    bool (*recognise)(const unsigned char *bytes, size_t n);
    /* As mer_csv_write_image. Of the report, only n_rows and n_columns need to be set. */
    mer_status (*write_image)(const struct mer_ctx *ctx, const void *bytes, size_t n,
                              const struct mer_table_reading *reading, struct mer_region *region,
                              struct mer_csv_report *ret_report, mer_err *err);
};

/* Static; CSV is the first row. */
extern const struct mer_table_format *const MER_TABLE_FORMATS[];
extern const size_t MER_N_TABLE_FORMATS;

/* The row of that name, or of a file name's extension; SIZE_MAX: none. */
size_t mer_table_format_find(const char *name);
size_t mer_table_format_of_path(const char *path);
/* The row of what the bytes are. */
size_t mer_table_format_recognise(const void *bytes, size_t n);

/* Reads a table into the caller's region (empty; its n is the image's size on success). `format`:
 * the row, or SIZE_MAX to recognise it; the report tells which it was. A part or query that the
 * format does not have is MER_ERR_USAGE. */
MER_MUST_CHECK mer_status mer_table_write_image(const struct mer_ctx *ctx, size_t format,
                                                const void *bytes, size_t n,
                                                const struct mer_table_reading *reading,
                                                struct mer_region *region,
                                                struct mer_csv_report *ret_report, mer_err *err);

extern const struct mer_table_format MER_TABLE_FORMAT_CSV;

#endif
