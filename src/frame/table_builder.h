/* Makes a table image of columns that a reader fills value by value: what every format but CSV goes
 * through, so that types, texts that mean missing, levels and schemas mean the same in all of them.
 *
 *     mer_table_builder_init(&builder, ctx, options)
 *     mer_table_builder_add(&builder, name, n, type, &column)     the columns, in order
 *     mer_built_reserve(column, n), then mer_built_put_...        as many values in each
 *     mer_table_builder_write(&builder, region, &report)          holds them to the schema
 *     mer_table_builder_release(&builder)                         also after a failure
 *
 * Columns have the type that the format gives them. Without a schema, texts become categorical by
 * the rule of infer.h, and everything else keeps its type. Under one, a value has to be of its
 * field's type or be it exactly in another form: 3.0 is an integer, midnight a date, and a text is
 * read as a CSV cell is.
 */
#ifndef MER_FRAME_TABLE_BUILDER_H
#define MER_FRAME_TABLE_BUILDER_H

#include "core/buf.h"
#include "frame/csv.h"
#include "frame/csv_missing.h"
#include "frame/dictionary.h"
#include "frame/image.h"

struct mer_built_column {
    const struct mer_ctx *ctx;
    const struct mer_missing *missing; /* texts that mean missing */
    const char *name;
    enum mer_type type;
    const struct mer_field *field; /* of the schema, or NULL */
    bool skipped; /* not in the schema, and that is allowed: may be filled or not */
    size_t n_rows;
    size_t n_missing;
    size_t capacity;   /* rows */
    uint8_t *validity; /* bitmap, 1 = present */
    union {
        uint8_t *bits;
        int64_t *integers; /* integer, date, time, datetime; 0 where missing */
        double *numbers;
        int32_t *codes;   /* -1 where missing */
        int64_t *offsets; /* text: n_rows + 1 */
        void *any;
    } data;
    struct mer_buf bytes;         /* text */
    struct mer_dictionary levels; /* categorical */
    size_t missing_counts[MER_MISSING_MAX];
    size_t place; /* among the columns of the image */
};

struct mer_table_builder {
    const struct mer_ctx *ctx;
    const struct mer_csv_options *options;
    struct mer_missing missing;
    struct mer_arena arena; /* the columns and their names */
    struct mer_dictionary by_name;
    struct mer_dictionary by_field; /* numbers of the schema's fields */
    struct mer_built_column **columns;
    size_t n_columns;
    size_t capacity;
};

/* Borrows the options, of which the delimiter and the header do not count. */
MER_MUST_CHECK mer_status mer_table_builder_init(struct mer_table_builder *builder,
                                                 const struct mer_ctx *ctx,
                                                 const struct mer_csv_options *options,
                                                 mer_err *err);
void mer_table_builder_release(struct mer_table_builder *builder);

/* A new column; the pointer is good until the builder is released. A name that is empty, not UTF-8,
 * or taken is MER_ERR_DATA, as is a column that the schema lacks unless that is allowed. */
MER_MUST_CHECK mer_status mer_table_builder_add(struct mer_table_builder *builder, const char *name,
                                                size_t n_name, enum mer_type type,
                                                struct mer_built_column **ret_column, mer_err *err);

/* What is done to one column; others may be in work at the same time. */
typedef mer_status mer_built_task(void *self, struct mer_built_column *column, size_t c,
                                  mer_err *err);
/* Does it to every column that is not skipped, by all threads of the context's team. Where columns
 * fail it is the first of them that is told of, whatever the number of threads. `phase`: of the
 * progress that is told, or NULL. */
MER_MUST_CHECK mer_status mer_table_builder_each(struct mer_table_builder *builder,
                                                 mer_built_task *task, void *self,
                                                 const char *phase, mer_err *err);

/* Room for n more values, which the functions below then fill without checks. */
MER_MUST_CHECK mer_status mer_built_reserve(struct mer_built_column *column, size_t n,
                                            mer_err *err);

/* "row R, column C: what" as MER_ERR_DATA, for the next value of the column. */
MER_MUST_CHECK mer_status mer_built_fail(const struct mer_built_column *column, mer_err *err,
                                         const char *what);

/* A text; one that means missing is missing. MER_ERR_DATA when it is not UTF-8 or holds NUL. */
MER_MUST_CHECK mer_status mer_built_put_text(struct mer_built_column *column, const char *bytes,
                                             size_t n, mer_err *err);
/* A level of a categorical column, or its old code when it is there; -1 for a text that means
 * missing. */
MER_MUST_CHECK mer_status mer_built_level(struct mer_built_column *column, const char *bytes,
                                          size_t n, int32_t *ret_code, mer_err *err);

void mer_built_put_missing(struct mer_built_column *column);

static inline void mer_built_mark_present(struct mer_built_column *column)
{
    const size_t row = column->n_rows++;
    column->validity[row / 8] = (uint8_t)(column->validity[row / 8] | 1U << (row % 8));
}
/* Integers; days, and microseconds of a day or since 1970, whose range is checked at the end. */
static inline void mer_built_put_integer(struct mer_built_column *column, int64_t value)
{
    column->data.integers[column->n_rows] = value;
    mer_built_mark_present(column);
}
/* NaN is missing. */
static inline void mer_built_put_number(struct mer_built_column *column, double value)
{
    if (value != value) {
        mer_built_put_missing(column);
        return;
    }
    column->data.numbers[column->n_rows] = value;
    mer_built_mark_present(column);
}
static inline void mer_built_put_boolean(struct mer_built_column *column, bool value)
{
    const size_t row = column->n_rows;
    if (value)
        column->data.bits[row / 8] = (uint8_t)(column->data.bits[row / 8] | 1U << (row % 8));
    mer_built_mark_present(column);
}
/* Code -1 is missing; any other was given by mer_built_level. */
static inline void mer_built_put_code(struct mer_built_column *column, int32_t code)
{
    if (code < 0) {
        mer_built_put_missing(column);
        return;
    }
    column->data.codes[column->n_rows] = code;
    mer_built_mark_present(column);
}
/* n values that are all there, as they lie in memory (not aligned): integers, days or microseconds;
 * and numbers, of which NaN is missing. */
void mer_built_put_integers(struct mer_built_column *column, const void *values, size_t n);
void mer_built_put_numbers(struct mer_built_column *column, const void *values, size_t n);

static inline bool mer_built_has(const struct mer_built_column *column, size_t row)
{
    return (column->validity[row / 8] >> (row % 8)) & 1;
}

/* Writes the image into an empty region. Columns of different lengths are MER_ERR_INTERNAL, no rows
 * MER_ERR_DATA. */
MER_MUST_CHECK mer_status mer_table_builder_write(struct mer_table_builder *builder,
                                                  struct mer_region *region,
                                                  struct mer_csv_report *ret_report, mer_err *err);

/* Of table_conform.c: turns a column into its field's type and checks it; without a field, settles
 * what a text is. */
MER_MUST_CHECK mer_status mer_built_conform(struct mer_built_column *column,
                                            const struct mer_csv_options *options, mer_err *err);

#endif
