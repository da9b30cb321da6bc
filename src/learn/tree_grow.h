/* Growing a tree level by level, and cutting it back. */
#ifndef MER_LEARN_TREE_GROW_H
#define MER_LEARN_TREE_GROW_H

#include "learn/tree_data.h"

enum { MER_TREE_LEAF = -1 };

struct mer_tree_limits {
    size_t max_depth;
    size_t min_split_rows; /* a node with fewer is a leaf; at least 2 */
    size_t min_leaf_rows;  /* at least 1 */
};

struct mer_tree_node {
    int32_t feature; /* MER_TREE_LEAF, a dense feature, or n_dense + a group */
    uint32_t left;   /* the left child; the right one follows it */
    double threshold;
    size_t bits;  /* group: where its set of levels begins in `bits` */
    size_t begin; /* its rows while it grows */
    size_t end;
    double weight;
    double impurity; /* times the weight: weight minus S^2 / weight, or the squared error */
    bool is_pure;    /* one class, or one value */
    uint8_t depth;
};

/* A grown tree: nodes in the order of their depth, so that a child's number is above its parent's,
 * and children stand in the order of their parents. */
struct mer_grown_tree {
    size_t n_nodes;
    size_t capacity;
    size_t n_stats;
    struct mer_tree_node *nodes;
    double *stats; /* [n_nodes][n_stats]: the weight of each class, or the mean */
    uint8_t *bits; /* sets of levels */
    size_t n_bits;
    size_t bits_capacity;
};

/* Grows a tree on the data, whose rows it reorders. A node is split as long as the limits allow and
 * it is not pure, even where the best split gains nothing yet. Ties go to the lowest feature. */
MER_MUST_CHECK mer_status mer_tree_grow(const struct mer_ctx *ctx,
                                        const struct mer_tree_limits *limits,
                                        struct mer_tree_data *data, struct mer_grown_tree *ret_tree,
                                        mer_err *err);
void mer_grown_tree_release(const struct mer_ctx *ctx, struct mer_grown_tree *tree);

/* Minimal cost-complexity pruning (Breiman et al. 1984, 3.3): every leaf costs `alpha` of the
 * root's impurity, and a split that does not pay for itself is taken back. */
MER_MUST_CHECK mer_status mer_tree_prune(const struct mer_ctx *ctx, double alpha,
                                         struct mer_grown_tree *tree, mer_err *err);
/* Keeps the leaves that the tree would have if it had always split the node that gains most and
 * stopped at `max_leaves`. */
MER_MUST_CHECK mer_status mer_tree_keep_leaves(const struct mer_ctx *ctx, size_t max_leaves,
                                               struct mer_grown_tree *tree, mer_err *err);

#endif
