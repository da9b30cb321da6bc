/* Two layers of models: those of the second learn from a design that begins with what the first
 * layer's say of a row (stacked generalisation: Wolpert, Neural Networks, 1992).
 *
 * In training what they say comes from the folds: a row's columns are the predictions of models
 * that have not seen that row. In predicting it comes from those that were fitted on all rows.
 */
#ifndef MER_AUTOML_STACK_H
#define MER_AUTOML_STACK_H

#include "automl/prepare.h"

enum {
    MER_STACK_BASES_MAX = 8,    /* models of the first layer, where there are two */
    MER_STACK_COLUMNS_MAX = 256 /* that they make */
};

/* Columns that a model's predictions make: of two classes one does. */
static inline size_t mer_stack_width(size_t n_outputs)
{
    return n_outputs == 2 ? 1 : n_outputs;
}

/* What makes numbers that are predicted as large as other columns; of classes (1, 0). */
struct mer_stack_scale {
    double centre;
    double spread; /* > 0 */
};

/* The columns of one row from a model's predictions for it: ret[mer_stack_width(n_outputs)]. Of
 * classes they are the logarithms of odds, halved. */
void mer_stack_columns(const double *predictions, size_t n_outputs,
                       const struct mer_stack_scale *scale, double *ret);

/* A design with more dense columns in front of its own, from which it borrows the rest. */
struct mer_stacked {
    struct mer_design design;
    double *dense;
    uint32_t *indicators;
};
/* `columns`: [n_rows][n_columns], or NULL: the shape alone is wanted. Release in any case. */
MER_MUST_CHECK mer_status mer_stack_extend(const struct mer_ctx *ctx,
                                           const struct mer_design *design, const double *columns,
                                           size_t n_columns, struct mer_stacked *ret_stacked,
                                           mer_err *err);
void mer_stack_release(const struct mer_ctx *ctx, struct mer_stacked *stacked);

/* The same with a design that owns its memory. */
MER_MUST_CHECK mer_status mer_stack_prepend(const struct mer_ctx *ctx, const double *columns,
                                            size_t n_columns, struct mer_prepared *prepared,
                                            mer_err *err);

#endif
