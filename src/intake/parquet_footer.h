/* The footer of a Parquet file (https://github.com/apache/parquet-format): which columns there are
 * and where their pieces lie. Flat columns only: groups, lists and maps are refused by name.
 */
#ifndef MER_INTAKE_PARQUET_FOOTER_H
#define MER_INTAKE_PARQUET_FOOTER_H

#include "core/arena.h"
#include "core/ctx.h"
#include "frame/frame.h"
#include "intake/decompress.h"

#define MER_PARQUET_MAGIC "PAR1"

/* As numbered in the file. */
enum mer_parquet_physical {
    MER_PARQUET_BOOLEAN,
    MER_PARQUET_INT32,
    MER_PARQUET_INT64,
    MER_PARQUET_INT96,
    MER_PARQUET_FLOAT,
    MER_PARQUET_DOUBLE,
    MER_PARQUET_BYTE_ARRAY,
    MER_PARQUET_FIXED
};

/* What the physical values of a column stand for. */
enum mer_parquet_meaning {
    MER_PARQUET_TRUTH,
    MER_PARQUET_SIGNED,
    MER_PARQUET_UNSIGNED,
    MER_PARQUET_REAL,
    MER_PARQUET_HALF,
    MER_PARQUET_TEXT,
    MER_PARQUET_UUID,
    MER_PARQUET_DATE,
    MER_PARQUET_TIME,
    MER_PARQUET_TIMESTAMP,
    MER_PARQUET_JULIAN, /* INT96: nanoseconds of a day and its Julian number */
    MER_PARQUET_DECIMAL,
    MER_PARQUET_NULL
};

struct mer_parquet_leaf {
    const char *name; /* n_name bytes in the file */
    size_t n_name;
    enum mer_parquet_physical physical;
    enum mer_parquet_meaning meaning;
    size_t width; /* bytes of a MER_PARQUET_FIXED value */
    bool optional;
    int64_t per_second; /* time and timestamp: units */
    unsigned scale;     /* decimal: digits behind the point */
};

/* The pages of one column in one row group. */
struct mer_parquet_chunk {
    const unsigned char *bytes;
    size_t n_bytes;
    uint64_t n_values;
    enum mer_compression compression;
};

struct mer_parquet_group {
    uint64_t n_rows;
    struct mer_parquet_chunk *chunks; /* one for each leaf */
};

struct mer_parquet {
    struct mer_arena arena; /* owns the arrays */
    struct mer_parquet_leaf *leaves;
    size_t n_leaves;
    struct mer_parquet_group *groups;
    size_t n_groups;
    uint64_t n_rows;
};

/* The magic stands at both ends. */
bool mer_parquet_applies(const unsigned char *bytes, size_t n);

/* Borrows the bytes; release with mer_parquet_close, also after a failure. */
MER_MUST_CHECK mer_status mer_parquet_open(const struct mer_ctx *ctx, const unsigned char *bytes,
                                           size_t n, struct mer_parquet *ret_parquet, mer_err *err);
void mer_parquet_close(struct mer_parquet *parquet);

/* The type that a column of the leaf has. */
enum mer_type mer_parquet_type(const struct mer_parquet_leaf *leaf);

#endif
