/* From tokens to columns, in three passes over the chunks, each of which could be cut among
 * threads:
 *
 *   examine   counts what is missing and narrows the types down, or enforces those of a schema
 *   gather    numbers the texts of columns that inference left as text or categorical
 *   convert   writes the values into the image, whose layout is known by then; it cannot fail
 */
#ifndef MER_FRAME_CSV_COLUMNS_H
#define MER_FRAME_CSV_COLUMNS_H

#include "frame/csv_missing.h"
#include "frame/csv_tokens.h"
#include "frame/dictionary.h"
#include "frame/image.h"
#include "frame/schema.h"

/* For progress; every pass goes once through the text. */
enum mer_csv_pass {
    MER_CSV_TOKENIZE,
    MER_CSV_EXAMINE,
    MER_CSV_GATHER,
    MER_CSV_CONVERT,
    MER_CSV_N_PASSES
};

struct mer_csv_column {
    bool skipped;                  /* not in the schema, and that is allowed */
    const struct mer_field *field; /* NULL: the type is inferred */
    unsigned candidates;           /* MER_MAY bits */
    enum mer_type type;
    size_t n_missing;
    size_t missing_counts[MER_MISSING_MAX]; /* of the table's texts alone */
    struct mer_missing *missing;            /* the field's own texts, owned; NULL: the table's */
    uint64_t n_bytes;                       /* text and categorical: of all cells, unescaped */
    struct mer_dictionary levels; /* categorical, and text as long as it may become that */
    int32_t *codes;               /* [n_rows], lives as long as `levels` is in use; owned */
    size_t place;                 /* which column of the image it is */
    size_t n_converted;           /* values written so far */
    uint64_t n_written;           /* text: their bytes */
};

struct mer_csv_table {
    const struct mer_ctx *ctx;
    struct mer_csv_source source;
    struct mer_missing missing;
    bool allow_new_levels;
    struct mer_csv_chunk *chunks; /* owned, with their tokens */
    size_t n_chunks;
    size_t n_rows;
    size_t missing_counts[MER_MISSING_MAX]; /* of the fast reader, for all columns together */
    struct mer_csv_column *columns;         /* [source.n_columns], owned */
    char *scratch;                          /* for one escaped cell, owned */
};

/* The texts that mean missing in a column. */
static inline const struct mer_missing *mer_csv_missing(const struct mer_csv_table *table, size_t c)
{
    return table->columns[c].missing ? table->columns[c].missing : &table->missing;
}

/* The cell at a row of a chunk. Returns which text that means missing it is, or -1 for a value. */
static inline int mer_csv_look(const struct mer_csv_table *table, const struct mer_csv_chunk *chunk,
                               size_t c, size_t row, struct mer_cell *ret_cell)
{
    *ret_cell = mer_csv_cell(chunk, table->source.n_columns, row, c, table->scratch);
    return mer_missing_find(mer_csv_missing(table, c), ret_cell->bytes, ret_cell->n);
}

void mer_csv_table_release(struct mer_csv_table *table);

/* Of MER_CSV_N_PASSES times the text. */
static inline void mer_csv_report_progress(const struct mer_csv_table *table, uint64_t done)
{
    mer_ctx_progress(table->ctx, "reading", done,
                     MER_CSV_N_PASSES * (uint64_t)table->source.n_text);
}

/* Between chunks: reports now and then that the i-th begins, and notices a stop. */
MER_MUST_CHECK mer_status mer_csv_step(const struct mer_csv_table *table, enum mer_csv_pass pass,
                                       size_t i, const char *at, mer_err *err);

/* Sets `type`, or with a schema checks every cell; the first bad one in reading order is reported.
 * Then `n_missing`, and for texts `levels`, `codes` and `n_bytes`, are known. */
MER_MUST_CHECK mer_status mer_csv_examine(struct mer_csv_table *table, mer_err *err);
MER_MUST_CHECK mer_status mer_csv_gather(struct mer_csv_table *table, mer_err *err);

/* Sizes and places of the image's columns (`stored` has room for all), as far as they are known: a
 * column's data only depends on its type and the rows. */
MER_MUST_CHECK mer_status mer_csv_lay_out(struct mer_csv_table *table,
                                          struct mer_image_column *stored, size_t *ret_n_columns,
                                          size_t *ret_n_image, mer_err *err);
/* Lays the image out, extends the region to its size and writes everything but the values. */
MER_MUST_CHECK mer_status mer_csv_begin_image(struct mer_csv_table *table,
                                              struct mer_region *region,
                                              struct mer_image_column *stored, mer_err *err);
/* Writes the levels of a categorical column. */
void mer_csv_write_levels(const struct mer_csv_column *column, unsigned char *image,
                          const struct mer_image_column *stored);

/* Fills the sections of `image` that `stored` (one record per column that is not skipped) places;
 * they are zero before. Frees each chunk's tokens on the way. */
MER_MUST_CHECK mer_status mer_csv_convert(struct mer_csv_table *table, unsigned char *image,
                                          const struct mer_image_column *stored, mer_err *err);

#endif
