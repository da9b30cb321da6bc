/* Preprocessing that is learned: from the columns of a table to a design. Learned on the rows of
 * the training part of a fold only, then applied to any table with the same columns.
 *
 *   number, integer, boolean   one dense column, missing values replaced by the training median;
 *                              infinite values, and values beyond 1e100, are clipped to the
 *                              smallest or largest finite one seen in training
 *   date, datetime, time       elapsed days since the training median, year, and month, day of the
 *                              month, weekday and time of day as sine and cosine; month, weekday
 * and hour as numbers too; days since other dates; only what varies any of these               a
 * 0/1 column more where values were missing in training categorical                a group: the
 * levels seen at least r times, the 254 most frequent of them at most, in falling order of count;
 * one code for all rarer ones and one for missing, where training had them. r is a thousandth of
 * the rows, but at least 2 and at most 10. Of more than 254 levels, and of texts that repeat
 * without being sentences, how often a level occurs and what the target is where it does
 *                              (prepare_encode.h)
 *   text of several words      its length, words, capitals, digits and other signs; the terms that
 *                              training rows share as a sparse row, and what condenses them
 *                              (prepare_text.h)
 *   constant, without a value, identifiers, copies of other columns   left out
 *
 * Every column has a role, and a reason for it in words. What a schema says decides.
 *
 * Dense columns are standardised to mean 0 and deviation 1 of the training rows (numbers that are
 * the same in more than 96 % of the rows as if 4 % of them differed), then clipped to
 * +-1e6, which no training row reaches. An identifier is a categorical column in which more than
 * nine rows in ten have a level of their own, or an integer column of 50 rows or more that numbers
 * them: no value twice, none missing, no more gaps than values. A text column is text where its
 * cells have two words or more on average, mostly of letters, or where the schema says that it is
 * text or a feature; else it is an identifier, or where levels repeat a category.
 */
#ifndef MER_AUTOML_PREPARE_H
#define MER_AUTOML_PREPARE_H

#include "core/bundle.h"
#include "core/json.h"
#include "frame/frame.h"
#include "frame/schema.h"
#include "learn/design.h"

struct mer_prepare; /* a fitted preprocessing; opaque */

/* Why a column is no feature. */
enum mer_left_out {
    MER_LEFT_OUT_NOT, /* it is one */
    MER_LEFT_OUT_CONSTANT,
    MER_LEFT_OUT_NO_VALUE,
    MER_LEFT_OUT_IDENTIFIER,
    MER_LEFT_OUT_TEXT, /* in models of earlier versions */
    MER_LEFT_OUT_DUPLICATE,
    MER_LEFT_OUT_LEAK,
    MER_LEFT_OUT_COUNT
};
/* "constant", "free text", ... for people */
const char *mer_left_out_reason(enum mer_left_out left_out);

/* What a column is taken for. The numbers are part of the saved form: append only. */
enum mer_column_role {
    MER_COLUMN_NUMBER,
    MER_COLUMN_CATEGORY,
    MER_COLUMN_ORDINAL,
    MER_COLUMN_BOOLEAN,
    MER_COLUMN_TIME,
    MER_COLUMN_TEXT,
    MER_COLUMN_IDENTIFIER,
    MER_COLUMN_CONSTANT,
    MER_COLUMN_DUPLICATE,
    MER_COLUMN_ROLES
};
/* "number", "category", "date or time", ... */
const char *mer_column_role_name(enum mer_column_role role);

/* Why. The numbers are part of the saved form: append only. */
enum mer_column_reason {
    MER_BECAUSE_UNKNOWN, /* models of earlier versions do not say */
    MER_BECAUSE_NUMBERS,
    MER_BECAUSE_TRUTH,
    MER_BECAUSE_TIMES,
    MER_BECAUSE_LEVELS,
    MER_BECAUSE_ORDERED,
    MER_BECAUSE_WORDS,
    MER_BECAUSE_SCHEMA_TEXT,
    MER_BECAUSE_SCHEMA_FEATURE,
    MER_BECAUSE_OWN_VALUE,
    MER_BECAUSE_NUMBERS_ROWS,
    MER_BECAUSE_NO_LEVEL,
    MER_BECAUSE_ONE_VALUE,
    MER_BECAUSE_NO_VALUE,
    MER_BECAUSE_COPY,
    MER_BECAUSE_MANY_LEVELS,
    MER_BECAUSE_LEAK,
    MER_BECAUSE_COUNT
};
/* "its texts have several words", ... for people. */
const char *mer_column_reason_text(enum mer_column_reason reason);

/* What became of one column, for people. The texts live as long as the preprocessing. */
struct mer_prepare_column {
    const char *name;
    enum mer_type type;
    enum mer_left_out left_out;
    enum mer_column_role role;
    enum mer_column_reason reason;
    bool is_leak;    /* it alone nearly told the target in training */
    size_t n_dense;  /* dense columns made from it, condensed ones among them */
    size_t n_levels; /* categorical: levels kept */
    size_t n_terms;  /* text: sparse columns made from it */
    /* Of a pipeline's models (facts.h): those whose fit left all of it out (learn/select.h). */
    size_t n_unused;
};

/* Where what was made of a column is in a design. */
struct mer_prepare_place {
    size_t first_dense, n_dense;
    size_t first_condensed, n_condensed; /* dense columns too */
    size_t group;                        /* SIZE_MAX: none */
    size_t first_sparse, n_sparse;
};

/* A design that owns its memory. */
struct mer_prepared {
    struct mer_design design;
    double *dense;
    int32_t *codes;
    uint32_t *group_start;
    uint32_t *indicators;
    size_t *sparse_start;
    uint32_t *sparse_columns;
    float *sparse_values;
};

/* What is said of a column beforehand, as bits: by a schema, or by a look at the whole table. */
enum {
    MER_HINT_FEATURE = 1,
    MER_HINT_TEXT = 2,
    MER_HINT_ORDERED = 4,
    MER_HINT_LEAK = 8,       /* it alone nearly tells the target (leaks.h) */
    MER_HINT_LEAVE_OUT = 16, /* and is to be left out for that */
    MER_HINTS = 31
};
/* The hints for a frame's columns, to be given back with mer_free. */
MER_MUST_CHECK mer_status mer_prepare_hints(struct mer_alloc *alloc, const struct mer_frame *frame,
                                            const struct mer_schema *schema, uint8_t **ret_hints,
                                            mer_err *err);

/* How to learn; zeroed: nothing is said, and the sparse block is condensed. */
struct mer_prepare_options {
    const uint8_t *hints; /* [columns of the frame]: bits below; NULL: nothing is said */
    /* For encodings of columns with many levels: of the frame's rows. NULL: they tell frequencies
     * alone. */
    const struct mer_target *target;
    uint64_t seed;
    bool without_condensed; /* for a family that takes the sparse block */
    bool shape_only;        /* condensed columns are zero: only the shape of designs is wanted */
};

/* Learns from the given rows of the frame (NULL: all, and n_rows is not looked at). `target` is the
 * column that is not a feature (SIZE_MAX: every column is one). `options`: NULL for none. */
MER_MUST_CHECK mer_status mer_prepare_fit(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                          size_t target, const uint32_t *rows, size_t n_rows,
                                          const struct mer_prepare_options *options,
                                          struct mer_prepare **ret_prepare, mer_err *err);
/* Applies it to the given rows (NULL: all) of a frame whose columns are found by name and must have
 * the type seen when fitting, integers and numbers being alike (MER_ERR_DATA otherwise). A level
 * that was not kept gets the code of rare ones, or -1 where training had none; so does a missing
 * one where training had none. */
MER_MUST_CHECK mer_status mer_prepare_apply(const struct mer_ctx *ctx,
                                            const struct mer_prepare *prepare,
                                            const struct mer_frame *frame, const uint32_t *rows,
                                            size_t n_rows, struct mer_prepared *ret_prepared,
                                            mer_err *err);
/* The same for the very rows that were learned from: columns that are encoded by the target then do
 * not tell a row its own. Only as long as the preprocessing remembers them. */
MER_MUST_CHECK mer_status mer_prepare_apply_training(
    const struct mer_ctx *ctx, const struct mer_prepare *prepare, const struct mer_frame *frame,
    const uint32_t *rows, size_t n_rows, struct mer_prepared *ret_prepared, mer_err *err);
/* Forgets the training rows. */
void mer_prepare_forget(struct mer_prepare *prepare);
void mer_prepared_release(const struct mer_ctx *ctx, struct mer_prepared *prepared);
void mer_prepare_free(const struct mer_ctx *ctx, struct mer_prepare *prepare);

/* The same in two steps, for tables that are prepared part by part: the columns are found and the
 * levels matched once. The frame and the preprocessing must outlive the binding. */
struct mer_binding;
MER_MUST_CHECK mer_status mer_binding_new(const struct mer_ctx *ctx,
                                          const struct mer_prepare *prepare,
                                          const struct mer_frame *frame,
                                          struct mer_binding **ret_binding, mer_err *err);
/* Rows rows[0 .. n_rows), or first .. first + n_rows - 1 where rows is NULL. */
MER_MUST_CHECK mer_status mer_binding_apply(const struct mer_ctx *ctx,
                                            const struct mer_binding *binding, const uint32_t *rows,
                                            size_t first, size_t n_rows,
                                            struct mer_prepared *ret_prepared, mer_err *err);
/* As mer_prepare_apply_training does it; rows: NULL or as given to mer_prepare_fit. */
MER_MUST_CHECK mer_status mer_binding_apply_training(const struct mer_ctx *ctx,
                                                     const struct mer_binding *binding,
                                                     const uint32_t *rows, size_t n_rows,
                                                     struct mer_prepared *ret_prepared,
                                                     mer_err *err);
void mer_binding_free(const struct mer_ctx *ctx, struct mer_binding *binding);

/* Everything about the design but its rows: what a family's load() checks against. */
void mer_prepare_shape(const struct mer_prepare *prepare, struct mer_design *ret_shape);
/* The columns of the training table but the target, in its order. */
size_t mer_prepare_n_columns(const struct mer_prepare *prepare);
void mer_prepare_describe(const struct mer_prepare *prepare, size_t column,
                          struct mer_prepare_column *ret);
struct mer_prepare_place mer_prepare_place(const struct mer_prepare *prepare, size_t column);

/* That predictions may only rise (1) or only fall (-1) with a column. */
struct mer_direction {
    const char *column;
    int direction;
};
/* The same for the dense columns, [n_dense], to be given back with mer_free; NULL without
 * directions. MER_ERR_USAGE for a column that is not there, or does not hold numbers. */
MER_MUST_CHECK mer_status mer_prepare_directions(const struct mer_ctx *ctx,
                                                 const struct mer_prepare *prepare,
                                                 const struct mer_direction *directions,
                                                 size_t n_directions, int8_t **ret_monotone,
                                                 mer_err *err);

/* Arrays under `prefix` ("prepare/") and a few counts as members of the writer's object. */
MER_MUST_CHECK mer_status mer_prepare_save(const struct mer_prepare *prepare, const char *prefix,
                                           struct mer_bundle *bundle,
                                           struct mer_json_writer *writer, mer_err *err);
/* The reverse; everything is checked as hostile. */
MER_MUST_CHECK mer_status mer_prepare_load(const struct mer_ctx *ctx,
                                           const struct mer_bundle *bundle, const char *prefix,
                                           const struct mer_json *object,
                                           struct mer_prepare **ret_prepare, mer_err *err);

#endif
