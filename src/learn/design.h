/* What a model family learns from: a design (the features of n rows) and a target.
 *
 * A design has two blocks, so that one-hot columns cost four bytes a row and not eight times their
 * number: dense numbers, and groups, each a categorical variable given by its code. To a linear
 * model the feature vector is dense[0 .. n_dense) followed by the one-hot expansion of the groups:
 * group g spans group_start[g] .. group_start[g + 1) of the n_onehot indicator columns, and code -1
 * lights none. To a tree a group is one categorical feature.
 *
 * Texts add a third block, of some ten thousand columns that are zero in nearly all rows. Families
 * that say MER_CAN_SPARSE take it as it is; for the others the last dense columns condense it, and
 * those who take the block do without them.
 */
#ifndef MER_LEARN_DESIGN_H
#define MER_LEARN_DESIGN_H

#include "core/ctx.h"

#define MER_NO_INDICATOR UINT32_MAX

struct mer_design {
    size_t n_rows;
    size_t n_dense;
    const double *dense; /* [n_rows][n_dense], row-major, finite (missing values were imputed) */
    size_t n_groups;
    const int32_t *codes; /* [n_rows][n_groups]; 0 .. width - 1, or -1 for none of the levels */
    const uint32_t *group_start; /* [n_groups + 1]; the last is n_onehot */
    /* [n_dense], or NULL: none has any. The dense column that is positive in the rows where this
     * one was imputed, and not positive elsewhere; MER_NO_INDICATOR: never imputed, as far as is
     * known. */
    const uint32_t *indicators;
    /* Of the dense columns the last ones, which say roughly what the sparse block does. */
    size_t n_condensed;
    size_t n_sparse;            /* columns of the block */
    const size_t *sparse_start; /* [n_rows + 1]: row i has the entries start[i] .. start[i + 1) */
    const uint32_t *sparse_columns; /* 0 .. n_sparse - 1, no two alike in a row, in any order */
    const float *sparse_values;     /* finite */
    size_t sparse_row;              /* entries of a row, on average: what costs are told from */
};

static inline size_t mer_design_onehot(const struct mer_design *design)
{
    return design->n_groups ? design->group_start[design->n_groups] : 0;
}
static inline size_t mer_design_features(const struct mer_design *design)
{
    return design->n_dense + mer_design_onehot(design);
}
/* The dense columns for a family that takes the sparse block, and all features that it sees: these
 * dense columns, the indicators, the sparse columns. */
static inline size_t mer_design_uncondensed(const struct mer_design *design)
{
    return design->n_dense - design->n_condensed;
}
static inline size_t mer_design_sparse_features(const struct mer_design *design)
{
    return mer_design_uncondensed(design) + mer_design_onehot(design) + design->n_sparse;
}

/* Whether a dense column only says where another one was imputed. */
static inline bool mer_design_is_indicator(const struct mer_design *design, size_t column)
{
    for (size_t i = 0; design->indicators && i < design->n_dense; i++)
        if (design->indicators[i] == column)
            return true;
    return false;
}

enum mer_task { MER_TASK_REGRESSION, MER_TASK_BINARY, MER_TASK_MULTICLASS };
const char *mer_task_name(enum mer_task task); /* "regression", "binary", "multiclass" */

struct mer_target {
    enum mer_task task;
    const double *values;   /* regression: [n_rows] */
    const int32_t *classes; /* classification: [n_rows], 0 .. n_classes - 1 */
    size_t n_classes;       /* 2 for binary */
    const double *weights;  /* [n_rows], >= 0, or NULL for all ones */
};

/* Columns of a prediction: 1 for regression; n_classes probabilities for classification. */
static inline size_t mer_target_outputs(enum mer_task task, size_t n_classes)
{
    return task == MER_TASK_REGRESSION ? 1 : n_classes;
}

#endif
