/* Preprocessing that is learned: from the columns of a table to a design. Learned on the rows of
 * the training part of a fold only, then applied to any table with the same columns.
 *
 *   number, integer   median imputation, an indicator column where values were missing,
 * standardised boolean           a number 0/1, imputed like one date/time         parts (year,
 * month, day of week, hour, ... as cyclic pairs where cyclic) and elapsed categorical       a
 * group: levels seen at least `rare_min` times, one code for rare ones, one for missing text left
 * out, and said so, until the text transforms land constant, identifier-like left out, and said so
 */
#ifndef MER_AUTOML_PREPARE_H
#define MER_AUTOML_PREPARE_H

#include "core/bundle.h"
#include "core/json.h"
#include "frame/frame.h"
#include "frame/schema.h"
#include "learn/design.h"

enum mer_role { MER_ROLE_FEATURE, MER_ROLE_TARGET, MER_ROLE_LEFT_OUT };

struct mer_prepare; /* a fitted preprocessing; opaque */

/* A design that owns its memory. */
struct mer_prepared {
    struct mer_design design;
    double *dense;
    int32_t *codes;
    uint32_t *group_start;
};

/* Learns from the given rows of the frame (NULL: all). `target` is the column that is not a
 * feature. */
MER_MUST_CHECK mer_status mer_prepare_fit(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                          size_t target, const uint32_t *rows, size_t n_rows,
                                          struct mer_prepare **ret_prepare, mer_err *err);
/* Applies it to the given rows (NULL: all) of a frame whose columns are found by name and must have
 * the type seen when fitting. Levels not seen then are treated as rare. */
MER_MUST_CHECK mer_status mer_prepare_apply(const struct mer_ctx *ctx,
                                            const struct mer_prepare *prepare,
                                            const struct mer_frame *frame, const uint32_t *rows,
                                            size_t n_rows, struct mer_prepared *ret_prepared,
                                            mer_err *err);
void mer_prepared_release(const struct mer_ctx *ctx, struct mer_prepared *prepared);
void mer_prepare_free(const struct mer_ctx *ctx, struct mer_prepare *prepare);

/* Everything about the design but its rows: what a family's load() checks against. */
void mer_prepare_shape(const struct mer_prepare *prepare, struct mer_design *ret_shape);

MER_MUST_CHECK mer_status mer_prepare_save(const struct mer_prepare *prepare, const char *prefix,
                                           struct mer_bundle *bundle,
                                           struct mer_json_writer *writer, mer_err *err);
MER_MUST_CHECK mer_status mer_prepare_load(const struct mer_ctx *ctx,
                                           const struct mer_bundle *bundle, const char *prefix,
                                           const struct mer_json *object,
                                           struct mer_prepare **ret_prepare, mer_err *err);

#endif
