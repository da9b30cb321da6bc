/* Cutting a grown tree back. A cut turns a split into a leaf; nodes below it stay in the arrays and
 * are no longer reached. */
#include "core/order.h"
#include "learn/tree_grow.h"

#include <math.h>

mer_status mer_tree_prune(const struct mer_ctx *ctx, double alpha, struct mer_grown_tree *tree,
                          mer_err *err)
{
    const double leaf_cost = alpha * tree->nodes[0].impurity;
    double *costs = NULL; /* [n_nodes]: of the best tree below each node, its leaves included */
    MER_GUARD(mer_alloc_array(ctx->alloc, tree->n_nodes, sizeof *costs, &costs, err));
    for (size_t n = tree->n_nodes; n-- > 0;) {
        struct mer_tree_node *node = &tree->nodes[n];
        costs[n] = node->impurity + leaf_cost;
        if (node->feature == MER_TREE_LEAF)
            continue;
        const double split_cost = costs[node->left] + costs[node->left + 1];
        if (costs[n] <= split_cost)
            node->feature = MER_TREE_LEAF;
        else
            costs[n] = split_cost;
    }
    mer_free(ctx->alloc, costs);
    return mer_ok();
}

/* What a split gains in impurity. */
static double gain_of(const struct mer_grown_tree *tree, const struct mer_tree_node *node)
{
    return node->impurity - tree->nodes[node->left].impurity - tree->nodes[node->left + 1].impurity;
}

/* The best-first order of the splits is the descending order of the least gain on the way from the
 * root to each: a split has to wait for those above it. Cut and unreachable nodes come last. */
static void rank_splits(const struct mer_grown_tree *tree, double *ret_keys)
{
    for (size_t n = 0; n < tree->n_nodes; n++)
        ret_keys[n] = INFINITY;
    ret_keys[0] = -INFINITY;
    for (size_t n = 0; n < tree->n_nodes; n++) {
        const struct mer_tree_node *node = &tree->nodes[n];
        if (node->feature == MER_TREE_LEAF || ret_keys[n] == INFINITY) {
            ret_keys[n] = INFINITY;
            continue;
        }
        ret_keys[n] = fmax(ret_keys[n], -gain_of(tree, node));
        ret_keys[node->left] = ret_keys[n];
        ret_keys[node->left + 1] = ret_keys[n];
    }
}

mer_status mer_tree_keep_leaves(const struct mer_ctx *ctx, size_t max_leaves,
                                struct mer_grown_tree *tree, mer_err *err)
{
    const size_t n = tree->n_nodes;
    double *keys = NULL;
    uint32_t *order = NULL;
    struct mer_order_item *scratch = NULL;
    mer_status status;
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n, sizeof *keys, &keys, err), done);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n, sizeof *order, &order, err), done);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n, 2 * sizeof *scratch, &scratch, err), done);
    rank_splits(tree, keys);
    mer_order_doubles(keys, n, scratch, order);
    /* A tree of L leaves has L - 1 splits. */
    for (size_t i = max_leaves - 1; i < n; i++)
        tree->nodes[order[i]].feature = MER_TREE_LEAF;
done:
    mer_free(ctx->alloc, scratch);
    mer_free(ctx->alloc, order);
    mer_free(ctx->alloc, keys);
    return status;
}
