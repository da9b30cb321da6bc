/* Preprocessing that is learned: from the columns of a table to a design. Learned on the rows of
 * the training part of a fold only, then applied to any table with the same columns.
 *
 *   number, integer, boolean   one dense column, missing values replaced by the training median;
 *                              infinite values, and values beyond 1e100, are clipped to the
 *                              smallest or largest finite one seen in training
 *   date, datetime, time       elapsed days since the training median, year, and month, day of the
 *                              month, weekday and time of day as sine and cosine; only what varies
 *   any of these               a 0/1 column more where values were missing in training
 *   categorical                a group: the levels seen at least r times, the 254 most frequent
 *                              of them at most, in falling order of count; one code for all rarer
 *                              ones and one for missing, where training had them. r is a
 *                              thousandth of the rows, but at least 2 and at most 10
 *   text                       left out
 *   constant, without a value, identifiers   left out
 *
 * Dense columns are standardised to mean 0 and deviation 1 of the training rows, then clipped to
 * +-1e6, which no training row reaches. An identifier is a categorical column in which more than
 * nine rows in ten have a level of their own, or an integer column of 50 rows or more that numbers
 * them: no value twice, none missing, no more gaps than values.
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
    MER_LEFT_OUT_TEXT,
    MER_LEFT_OUT_COUNT
};
/* "constant", "free text", ... for people */
const char *mer_left_out_reason(enum mer_left_out left_out);

/* What became of one column, for people. The texts live as long as the preprocessing. */
struct mer_prepare_column {
    const char *name;
    enum mer_type type;
    enum mer_left_out left_out;
    size_t n_dense;  /* dense columns made from it */
    size_t n_levels; /* categorical: levels kept */
};

/* A design that owns its memory. */
struct mer_prepared {
    struct mer_design design;
    double *dense;
    int32_t *codes;
    uint32_t *group_start;
    uint32_t *indicators;
};

/* Learns from the given rows of the frame (NULL: all, and n_rows is not looked at). `target` is the
 * column that is not a feature (SIZE_MAX: every column is one). */
MER_MUST_CHECK mer_status mer_prepare_fit(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                          size_t target, const uint32_t *rows, size_t n_rows,
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
void mer_binding_free(const struct mer_ctx *ctx, struct mer_binding *binding);

/* Everything about the design but its rows: what a family's load() checks against. */
void mer_prepare_shape(const struct mer_prepare *prepare, struct mer_design *ret_shape);
/* The columns of the training table but the target, in its order. */
size_t mer_prepare_n_columns(const struct mer_prepare *prepare);
void mer_prepare_describe(const struct mer_prepare *prepare, size_t column,
                          struct mer_prepare_column *ret);

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
