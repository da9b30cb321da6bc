/* What a tree is grown from: the design turned into columns, each with the order of its values.
 *
 * The rows without weight are left out. While the tree grows, every node owns one segment
 * [begin, end) of `rows` and of each column's order; the segments of the open nodes never overlap
 * and are the same in all of them. Inside a segment `rows` ascends and an order ascends by value.
 */
#ifndef MER_LEARN_TREE_DATA_H
#define MER_LEARN_TREE_DATA_H

#include "learn/design.h"

struct mer_tree_data {
    size_t n_rows;
    size_t n_dense;
    size_t n_groups;
    double *columns;  /* [n_dense][n_rows] */
    uint32_t *orders; /* [n_dense][n_rows] */
    uint32_t *codes;  /* [n_groups][n_rows]; the code -1 is the last level, so 0 .. n_levels - 1 */
    uint32_t *n_levels; /* [n_groups]: the group's width and one for -1 */
    size_t max_levels;
    uint32_t *rows;   /* [n_rows] */
    double *weights;  /* [n_rows] */
    int32_t *classes; /* [n_rows], or NULL: regression */
    double *values;   /* [n_rows] in units of 2^exponent, so that no square overflows; or NULL */
    int exponent;
    size_t n_stats; /* numbers that describe a node: the weight of each class, or the mean */
};

/* A tree has fewer than 2 * MER_TREE_ROWS_MAX nodes, which int32 can count. */
#define MER_TREE_ROWS_MAX ((size_t)1 << 30)

static inline size_t mer_tree_data_features(const struct mer_tree_data *data)
{
    return data->n_dense + data->n_groups;
}

/* MER_ERR_DATA when no row has weight or there are too many. */
MER_MUST_CHECK mer_status mer_tree_data_init(const struct mer_ctx *ctx,
                                             const struct mer_design *design,
                                             const struct mer_target *target,
                                             struct mer_tree_data *ret_data, mer_err *err);
void mer_tree_data_release(const struct mer_ctx *ctx, struct mer_tree_data *data);

#endif
