/* Reads CSV (RFC 4180) into a table image. Pure: bytes in, image or error out.
 *
 * Quoted cells may hold delimiters, doubled quotes and line breaks; lines end in LF or CRLF; a
 * byte-order mark is skipped; every cell must be valid UTF-8 without NUL; every row must have as
 * many cells as the header. Numbers are exact and locale-free. What does not fit is located by row,
 * column and reason and never shown.
 *
 * Types are inferred over all rows unless a schema states them. A column is boolean if its cells
 * are all true/false words, else integer (int64 without leading zeros), number, date, datetime,
 * time (ISO 8601), else categorical when few distinct levels (see infer.h), else text.
 */
#ifndef MER_FRAME_CSV_H
#define MER_FRAME_CSV_H

#include "frame/schema.h"

enum mer_csv_header { MER_CSV_HEADER_DETECT, MER_CSV_HEADER_YES, MER_CSV_HEADER_NO };

struct mer_csv_options {
    char delimiter; /* ',', ';', '\t', '|', any ASCII; 0: detect */
    enum mer_csv_header header;
    /* Types to enforce; NULL: infer. Every field must be a column of the file. Columns that the
     * schema does not have are an error, unless `allow_extra`: then they are skipped. Fields named
     * in `optional` (the target, when predicting) may be absent. */
    const struct mer_schema *schema;
    bool allow_extra;
    const char *optional_field; /* or NULL */
    /* When a categorical field has categories: refuse a level outside them (false) or read it as a
     * new level behind them (true, for prediction). Levels keep the schema's order either way. */
    bool allow_new_levels;
    /* Texts that mean missing when inferring; NULL: "", NA, NaN, null, ?. */
    const char *const *missing_values;
    size_t n_missing_values;
    /* For tests, which compare: read by the plain reader alone; cut the text into blocks of so many
     * bytes (0: by its size). The image is the same. */
    bool plainly;
    size_t block_bytes;
};

/* What was found; for messages and `schema infer`. */
struct mer_csv_report {
    char delimiter;
    bool has_header;
    bool had_bom;
    bool was_gzip;
    bool was_plain; /* row by row: the fast way was closed (csv_fast.h) */
    size_t n_rows;
    size_t n_columns;
    /* Cells read as missing, by the text that meant it: parallel to the missing values in force. */
    size_t missing_counts[16];
    size_t format; /* row of the registry of formats (intake/table_format.h); 0: CSV */
    /* Of a file that can hold several tables: how many there are to choose from, and which one was
     * read, its name cut if need be. */
    size_t n_parts;
    char part[64];
};

/* Reads a whole file that is already in memory; gzip and zstd (recognised by their magic) are
 * decompressed, bounded by the allocation budget. On success *ret_frame owns its image. Progress
 * phase: "reading". */
MER_MUST_CHECK mer_status mer_csv_read(const struct mer_ctx *ctx, const void *bytes, size_t n,
                                       const struct mer_csv_options *options,
                                       struct mer_frame *ret_frame,
                                       struct mer_csv_report *ret_report, mer_err *err);

/* The same, with the image written into the caller's region (empty; its n is the image's size on
 * success) instead of being opened. */
MER_MUST_CHECK mer_status mer_csv_write_image(const struct mer_ctx *ctx, const void *bytes,
                                              size_t n, const struct mer_csv_options *options,
                                              struct mer_region *region,
                                              struct mer_csv_report *ret_report, mer_err *err);

struct mer_bad_rows;
struct mer_known_faults;

/* For a file that mer_csv_write_image has refused: finds the rows that do not fit, which `bad`
 * (empty) tells of, and gives the text of the others with its header, to be read with ret_options.
 * `known`: NULL, or what is known of rows before. Fails where more than rows is wrong. */
MER_MUST_CHECK mer_status mer_csv_sift(const struct mer_ctx *ctx, const void *bytes, size_t n,
                                       const struct mer_csv_options *options,
                                       const struct mer_known_faults *known,
                                       struct mer_bad_rows *bad, struct mer_buf *good,
                                       struct mer_csv_options *ret_options, mer_err *err);

/* The missing-value texts used when inferring: "", NA, NaN, null, ?. */
extern const char *const MER_CSV_MISSING[];
extern const size_t MER_CSV_N_MISSING;

#endif
