/* Which rows a fold learns from and which it is scored on. Shuffled by the seed; for classification
 * stratified: every class is spread evenly over the folds, and each training part has every class,
 * for which a class of one row is never scored on.
 *
 * A table whose rows are in the order of a date is there to predict what follows: shuffled folds
 * would score how well gaps between known days are filled. There the last fifth is held out.
 */
#ifndef MER_AUTOML_FOLD_H
#define MER_AUTOML_FOLD_H

#include "frame/frame.h"
#include "learn/design.h"

enum {
    MER_FOLDS_MAX = 100,
    MER_FOLD_NONE = 255,  /* of a row that every fold learns from */
    MER_HOLDOUT_PART = 5, /* one fold means: a fifth of the rows is held out */
    MER_TIME_ORDER_STEPS = 20
};

/* The number of folds that suits a table: more where rows are few and scores noisy, one holdout
 * where a fit is costly and a fifth of the rows scores precisely. */
size_t mer_fold_count(size_t n_rows);

/* The column by which the rows are in order of time: a date or datetime, nowhere missing, that
 * never falls and rises MER_TIME_ORDER_STEPS times at least. SIZE_MAX: there is none. */
size_t mer_fold_time_column(const struct mer_frame *frame, size_t target_column);

/* ret_fold[n_rows]: the fold that a row is scored in. n_folds from 1 to MER_FOLDS_MAX. */
MER_MUST_CHECK mer_status mer_fold_assign(const struct mer_ctx *ctx,
                                          const struct mer_target *target, size_t n_rows,
                                          size_t n_folds, uint64_t seed, uint8_t *ret_fold,
                                          mer_err *err);

/* One fold: the last fifth of the rows, but for the first row of a class that would be nowhere
 * else.
 */
MER_MUST_CHECK mer_status mer_fold_hold_out_last(const struct mer_ctx *ctx,
                                                 const struct mer_target *target, size_t n_rows,
                                                 uint8_t *ret_fold, mer_err *err);

/* The rows of a fold in rising order: training rows first, then those to score on, together all
 * n_rows. Returns the number of training rows. */
size_t mer_fold_rows(const uint8_t *folds, size_t n_rows, size_t fold, uint32_t *ret_rows);

#endif
