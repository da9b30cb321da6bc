/* The search for the best split of a node on one feature.
 *
 * A split on a dense feature sends x <= threshold to the left. One on a group sends a set of levels
 * to the left: the levels are put in order, and the set is a prefix of it. For squared error and
 * for two classes the order by mean, or by the share of a class, holds the best of all sets
 * (Fisher, "On grouping for maximum homogeneity", 1958; Breiman et al., "Classification and
 * Regression Trees", 1984, 4.2.2), save where the least number of rows of a side forbids it. For
 * more classes the order by the share of each class is tried in turn.
 *
 * The score of a split is what the impurity of the two sides falls short of a constant of the node:
 * the sum over the sides of S^2 / W, with W a side's weight and S^2 the sum of its squared class
 * weights (Gini), or the squared sum of its weighted distances from the node's mean (squared
 * error). Larger is better.
 */
#ifndef MER_LEARN_TREE_SPLIT_H
#define MER_LEARN_TREE_SPLIT_H

#include "core/order.h"
#include "learn/tree_data.h"

/* The rows of one node, and what is known of them. */
struct mer_tree_segment {
    size_t begin;
    size_t end;
    double weight;
    const double *stats; /* [n_stats]: the weight of each class, or the mean */
};

struct mer_tree_split {
    double score;     /* -INFINITY: the feature does not split the node */
    double threshold; /* dense feature */
    size_t by_class;  /* group: the class that orders the levels; 0 for regression */
    size_t n_left;    /* group: levels of that order that go left */
};

/* What one worker needs to search; reused for every node and feature. */
struct mer_tree_scratch {
    double *left;  /* [n_stats]: class weights of either side */
    double *right; /* [n_stats] */
    /* Per level: rows, weight, and class weights or the weighted sum of distances from the node's
     * mean. The rows of all levels are 0 between two searches. */
    uint32_t *level_rows;         /* [max_levels] */
    double *level_weights;        /* [max_levels] */
    double *level_stats;          /* [max_levels][n_stats] */
    uint32_t *present;            /* [max_levels]: the levels that the node has */
    double *keys;                 /* [max_levels] */
    uint32_t *order;              /* [max_levels] */
    struct mer_order_item *items; /* [2 * max_levels] */
};

MER_MUST_CHECK mer_status mer_tree_scratch_init(const struct mer_ctx *ctx,
                                                const struct mer_tree_data *data,
                                                struct mer_tree_scratch *ret_scratch, mer_err *err);
void mer_tree_scratch_release(const struct mer_ctx *ctx, struct mer_tree_scratch *scratch);

/* The best split of the node on a feature (dense features first, then groups) that leaves at least
 * `min_rows` on either side; among equals the lowest threshold. */
struct mer_tree_split mer_tree_split_search(const struct mer_tree_data *data,
                                            const struct mer_tree_segment *node, size_t feature,
                                            size_t min_rows, struct mer_tree_scratch *scratch);

/* The levels that such a split of a group sends left: bit l of ret_bits (byte l / 8, n_levels bits)
 * for level l. Levels that the node does not have go with the heavier side. */
void mer_tree_split_levels(const struct mer_tree_data *data, const struct mer_tree_segment *node,
                           size_t group, const struct mer_tree_split *split,
                           struct mer_tree_scratch *scratch, uint8_t *ret_bits);

#endif
