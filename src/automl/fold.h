/* Which rows a fold learns from and which it is scored on (docs/validation.md).
 *
 * Without further wishes rows are shuffled by the seed, for classification stratified: every class
 * is spread evenly over the folds, and each training part has every class, for which a class of one
 * row is never scored on. A table whose rows are in the order of a date is there to predict what
 * follows: shuffled folds would score how well gaps between known days are filled. There the last
 * fifth is held out.
 *
 * A column may say otherwise: of groups that are not to be torn apart, of a time that learning must
 * not look ahead of, or of the folds themselves (fold_columns.c). And the last rows may be a table
 * of the caller's, which is scored on and never learned from.
 */
#ifndef MER_AUTOML_FOLD_H
#define MER_AUTOML_FOLD_H

#include "frame/frame.h"
#include "learn/design.h"

enum {
    MER_FOLDS_MAX = 100,
    MER_FOLD_NONE = 255,  /* of a row that is scored in no fold; or that none learns from */
    MER_HOLDOUT_PART = 5, /* one fold means: a fifth of the rows is held out */
    MER_TIME_ORDER_STEPS = 20
};

enum mer_fold_kind {
    MER_FOLDS_SHUFFLED,
    MER_FOLDS_LAST,   /* the last fifth of the rows */
    MER_FOLDS_GROUPS, /* no group in two folds */
    MER_FOLDS_TIME,   /* learned from is what came before alone */
    MER_FOLDS_GIVEN,  /* by a column of labels */
    MER_FOLDS_TABLE,  /* a table of the caller's is scored on */
    MER_FOLD_KINDS
};
const char *mer_fold_kind_name(enum mer_fold_kind kind); /* "shuffled" */

/* How rows are cut. Fold f, below n_folds * n_repeats, is fold f % n_folds of repetition
 * f / n_folds. It scores the rows whose `held_out` of that repetition it is, and learns from all
 * others that may be learned from: those with `first` <= f. */
struct mer_folds {
    enum mer_fold_kind kind;
    size_t n_rows;
    size_t n_folds; /* of a repetition; together at most MER_FOLDS_MAX */
    size_t n_repeats;
    uint8_t *held_out; /* [n_repeats][n_rows]: MER_FOLD_NONE where a row is not scored */
    uint8_t *first;    /* [n_rows]: MER_FOLD_NONE where no fold learns from it; NULL: all 0 */
};
void mer_folds_release(const struct mer_ctx *ctx, struct mer_folds *folds);
static inline size_t mer_folds_count(const struct mer_folds *folds)
{
    return folds->n_folds * folds->n_repeats;
}

/* What a model tells of how it was validated. */
struct mer_validation {
    enum mer_fold_kind kind;
    size_t n_folds; /* of a repetition */
    size_t n_repeats;
};
/* "5-fold cross-validation", in `ret_text` of `size` bytes; 80 do. */
void mer_validation_describe(const struct mer_validation *validation, char *ret_text, size_t size);

/* What decides how. At most one of the columns and n_valid_rows is given. */
struct mer_fold_options {
    size_t n_folds;       /* 1: a fifth of the rows is held out; 0: by the table */
    size_t n_folds_usual; /* where none are asked for; 0: by the number of rows */
    size_t n_repeats;     /* of shuffled and group folds, each shuffled anew; 0: by the table */
    uint64_t seed;
    const struct mer_column *groups; /* [n_rows] each, as are the next two; NULL: not given */
    const struct mer_column *times;  /* dates, datetimes, integers or numbers, none missing */
    const struct mer_column *labels; /* rows without one are never scored */
    /* What lies at most so far before the first time of a fold is not learned from in it: seconds
     * for dates and datetimes, else in the column's own unit. */
    double gap;
    size_t n_valid_rows; /* so many rows at the end are scored on and never learned from */
};

/* Cuts the rows. MER_ERR_USAGE for wishes that cannot be met, MER_ERR_DATA for columns that do not
 * tell what they should. */
MER_MUST_CHECK mer_status mer_folds_make(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                         size_t target_column, const struct mer_target *target,
                                         const struct mer_fold_options *options,
                                         struct mer_folds *ret_folds, mer_err *err);

/* Whether every number in it is one that it may be, and all folds have rows to learn from. */
bool mer_folds_are_sound(const struct mer_folds *folds);

/* The number of folds that suits a table: more where rows are few and scores noisy, one holdout
 * where a fit is costly and a fifth of the rows scores precisely. */
size_t mer_fold_count(size_t n_rows);
/* And of repetitions, by the same token. */
size_t mer_fold_repeats(size_t n_rows);

/* The column by which the rows are in order of time: a date or datetime, nowhere missing, that
 * never falls and rises MER_TIME_ORDER_STEPS times at least. SIZE_MAX: there is none. */
size_t mer_fold_time_column(const struct mer_frame *frame, size_t target_column);

/* ret_fold[n_rows]: the fold that a row is scored in. n_folds from 1 to MER_FOLDS_MAX. Repetitions
 * are shuffled differently; the first is 0. */
MER_MUST_CHECK mer_status mer_fold_assign(const struct mer_ctx *ctx,
                                          const struct mer_target *target, size_t n_rows,
                                          size_t n_folds, uint64_t seed, size_t repetition,
                                          uint8_t *ret_fold, mer_err *err);

/* One fold: the last fifth of the rows, but for the first row of a class that would be nowhere
 * else.
 */
MER_MUST_CHECK mer_status mer_fold_hold_out_last(const struct mer_ctx *ctx,
                                                 const struct mer_target *target, size_t n_rows,
                                                 uint8_t *ret_fold, mer_err *err);

/* By the columns of the options (fold_columns.c): one repetition, or a fold for each label. */
MER_MUST_CHECK mer_status mer_fold_by_group(const struct mer_ctx *ctx,
                                            const struct mer_target *target,
                                            const struct mer_fold_options *options, size_t n_folds,
                                            size_t repetition, size_t n_rows, uint8_t *ret_fold,
                                            mer_err *err);
MER_MUST_CHECK mer_status mer_fold_by_time(const struct mer_ctx *ctx,
                                           const struct mer_target *target,
                                           const struct mer_fold_options *options, size_t n_folds,
                                           size_t n_rows, uint8_t *ret_fold, uint8_t *ret_first,
                                           mer_err *err);
MER_MUST_CHECK mer_status mer_fold_by_label(const struct mer_ctx *ctx,
                                            const struct mer_target *target,
                                            const struct mer_fold_options *options, size_t n_rows,
                                            size_t *ret_n_folds, uint8_t *ret_fold, mer_err *err);

/* The rows of a fold in rising order: training rows first, then those to score on. `ret_rows` has
 * room for all rows. */
void mer_fold_rows(const struct mer_folds *folds, size_t fold, uint32_t *ret_rows,
                   size_t *ret_n_train, size_t *ret_n_valid);

#endif
