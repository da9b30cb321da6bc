/* The definition of an ensemble's scores, in plain C: one row after the other, one tree after the
 * other. What is faster (ensemble_predict.c) must give the same bits.
 */
#include <math.h>
#include <string.h>

#include "learn/ensemble.h"

struct mer_ensemble_rows mer_ensemble_rows_of(const struct mer_design *design)
{
    return (struct mer_ensemble_rows){
        .n_rows = design->n_rows,
        .dense = design->dense,
        .row_stride = design->n_dense,
        .column_stride = 1,
        .codes = design->codes,
        .code_row_stride = design->n_groups,
        .code_column_stride = 1,
    };
}

static double dense_value(const struct mer_ensemble_rows *rows, size_t row, size_t column)
{
    const size_t at = row * rows->row_stride + column * rows->column_stride;
    return rows->is_float32 ? (double)((const float *)rows->dense)[at]
                            : ((const double *)rows->dense)[at];
}

static bool goes_left(const struct mer_ensemble *e, size_t node,
                      const struct mer_ensemble_rows *rows, size_t row)
{
    const size_t feature = (size_t)e->features[node];
    if (feature < e->n_dense) {
        const double x = dense_value(rows, row, feature);
        return isnan(x) ? e->missing_left[node] : x <= e->thresholds[node];
    }
    const size_t group = feature - e->n_dense;
    const int32_t code =
        rows->codes[row * rows->code_row_stride + group * rows->code_column_stride];
    const uint32_t level = mer_ensemble_level(e->widths[group], code);
    return e->sets[(size_t)e->set_starts[node] + level / 8] >> (level % 8) & 1;
}

/* The leaf, as a number within the tree. */
static size_t leaf_in_tree(const struct mer_ensemble *e, size_t tree,
                           const struct mer_ensemble_rows *rows, size_t row)
{
    const size_t root = (size_t)e->tree_starts[tree];
    size_t node = 0;
    while (e->features[root + node] != MER_ENSEMBLE_LEAF)
        node = (size_t)e->left[root + node] + !goes_left(e, root + node, rows, row);
    return node;
}

size_t mer_ensemble_find_leaf(const struct mer_ensemble *ensemble, size_t tree,
                              const struct mer_ensemble_rows *rows, size_t row)
{
    return (size_t)ensemble->tree_starts[tree] + leaf_in_tree(ensemble, tree, rows, row);
}

void mer_ensemble_predict_plain(const struct mer_ensemble *ensemble,
                                const struct mer_ensemble_rows *rows, double *ret_scores)
{
    const size_t n_outputs = ensemble->n_outputs;
    const size_t n_values = ensemble->n_values;
    memset(ret_scores, 0, rows->n_rows * n_outputs * sizeof *ret_scores);
    for (size_t row = 0; row < rows->n_rows; row++) {
        double *scores = ret_scores + row * n_outputs;
        for (size_t t = 0; t < ensemble->n_trees; t++) {
            const size_t leaf = mer_ensemble_find_leaf(ensemble, t, rows, row);
            for (size_t k = 0; k < n_values; k++)
                scores[(size_t)ensemble->tree_output[t] + k] +=
                    ensemble->values[leaf * n_values + k];
        }
        for (size_t k = 0; k < n_outputs; k++) {
            if (ensemble->averaged && ensemble->n_trees > 0)
                scores[k] /= (double)ensemble->n_trees;
            scores[k] += ensemble->base[k];
        }
    }
}

void mer_ensemble_leaves(const struct mer_ensemble *ensemble, const struct mer_ensemble_rows *rows,
                         int32_t *ret_leaves)
{
    for (size_t row = 0; row < rows->n_rows; row++)
        for (size_t t = 0; t < ensemble->n_trees; t++)
            ret_leaves[row * ensemble->n_trees + t] = (int32_t)leaf_in_tree(ensemble, t, rows, row);
}

void mer_ensemble_margins(const struct mer_ensemble *ensemble, const struct mer_ensemble_rows *rows,
                          double *ret_margins)
{
    const size_t n_values = ensemble->n_values;
    for (size_t row = 0; row < rows->n_rows; row++)
        for (size_t t = 0; t < ensemble->n_trees; t++) {
            const size_t leaf = mer_ensemble_find_leaf(ensemble, t, rows, row);
            memcpy(ret_margins + (row * ensemble->n_trees + t) * n_values,
                   ensemble->values + leaf * n_values, n_values * sizeof *ret_margins);
        }
}

void mer_ensemble_importance(const struct mer_ensemble *ensemble, enum mer_importance by,
                             double *ret_importance)
{
    memset(ret_importance, 0, mer_ensemble_features(ensemble) * sizeof *ret_importance);
    for (size_t n = 0; n < ensemble->n_nodes; n++) {
        if (ensemble->features[n] == MER_ENSEMBLE_LEAF)
            continue;
        ret_importance[ensemble->features[n]] += by == MER_IMPORTANCE_GAIN    ? ensemble->gains[n]
                                                 : by == MER_IMPORTANCE_COVER ? ensemble->covers[n]
                                                                              : 1;
    }
}
