/* The target column of a table: what is to be predicted, as numbers or class codes.
 *
 * A class is known by its label, the text form of a cell: the text itself, an integer in decimal, a
 * number in its shortest form, or "false" and "true". Labels are in numerical order where the
 * training column held numbers; texts come more frequent ones first, then by first appearance, so
 * that nothing depends on what they are called. Models keep their order: older ones had texts in
 * byte order.
 */
#ifndef MER_AUTOML_TARGET_H
#define MER_AUTOML_TARGET_H

#include "core/arena.h"
#include "frame/frame.h"
#include "learn/design.h"

enum {
    MER_CLASSES_MAX = 1000,
    MER_TRAIN_ROWS_MIN = 10,
    /* An integer target is a class when it has few values, each for ten rows or more on average. */
    MER_INTEGER_CLASSES_MAX = 20,
    MER_INTEGER_CLASS_ROWS = 10
};

/* Regression targets must be finite and no larger than this: their squares are summed. */
#define MER_TARGET_LARGEST 1e100

struct mer_learned_target {
    enum mer_task task;
    size_t n_classes;          /* 0: regression */
    const char *const *labels; /* [n_classes], in the arena given */
    double *values;            /* regression: [n_rows], from ctx->alloc */
    int32_t *classes;          /* classification: [n_rows], from ctx->alloc */
};

/* Decides the task, unless `task` is given (either kind of classification then stands for both),
 * finds the classes and reads the column. MER_ERR_DATA when it cannot be learned: missing values,
 * fewer than MER_TRAIN_ROWS_MIN rows, one class or value only, more than MER_CLASSES_MAX classes, a
 * date, an infinite number; MER_ERR_USAGE when the given task does not suit the column. */
MER_MUST_CHECK mer_status mer_target_learn(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                           size_t column, const enum mer_task *task,
                                           struct mer_arena *arena, struct mer_learned_target *ret,
                                           mer_err *err);
/* The same from the first n_learned rows alone; the others, a validation table's, are read in the
 * terms of these. MER_ERR_DATA where that cannot be: a label that the first rows do not have. */
MER_MUST_CHECK mer_status mer_target_learn_from(const struct mer_ctx *ctx,
                                                const struct mer_frame *frame, size_t n_learned,
                                                size_t column, const enum mer_task *task,
                                                struct mer_arena *arena,
                                                struct mer_learned_target *ret, mer_err *err);
/* Weights [n_rows] that make all classes weigh the same, times `weights` (NULL: ones); together
 * they weigh what they did. How rare a class is the first n_counted rows tell. From ctx->alloc.
 * MER_ERR_USAGE for a regression. */
MER_MUST_CHECK mer_status mer_target_balance(const struct mer_ctx *ctx,
                                             const struct mer_learned_target *target,
                                             const double *weights, size_t n_rows, size_t n_counted,
                                             double **ret_weights, mer_err *err);
void mer_learned_target_release(const struct mer_ctx *ctx, struct mer_learned_target *target);

/* Reads a column in known terms. Exactly one of *ret_values and *ret_classes becomes non-NULL. */
MER_MUST_CHECK mer_status mer_target_read_values(const struct mer_ctx *ctx,
                                                 const struct mer_frame *frame, size_t column,
                                                 double **ret_values, mer_err *err);
MER_MUST_CHECK mer_status mer_target_read_classes(const struct mer_ctx *ctx,
                                                  const struct mer_frame *frame, size_t column,
                                                  const char *const *labels, size_t n_labels,
                                                  int32_t **ret_classes, mer_err *err);

#endif
