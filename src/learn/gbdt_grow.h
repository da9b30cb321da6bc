/* Growing one tree of gradient boosting from codes of gradients (gbdt_kernels.h) over a store.
 *
 * Leaves are split in the order of their gain (leaf-wise) or of their depth (level-wise) until a
 * limit is reached. A leaf's histogram is its parent's less its sibling's, so only the smaller
 * child's rows are counted. All sums are sums of integers: the same tree for any number of threads.
 * Leaves that will probably be split next are split ahead, several at a time, which changes nothing
 * but the time.
 */
#ifndef MER_LEARN_GBDT_GROW_H
#define MER_LEARN_GBDT_GROW_H

#include "learn/gbdt_split.h"

struct mer_gbdt_node {
    uint32_t left; /* children; 0: a leaf, whose rows are rows[begin .. end) */
    uint32_t right;
    uint32_t depth;
    size_t begin;
    size_t end;
    struct mer_gbdt_bounds bounds;
    struct mer_gbdt_sums sums;
    struct mer_gbdt_split split; /* of an inner node */
};

struct mer_grower; /* owns what growing takes; one thread at a time */

/* For teams of up to n_workers threads. hist_bytes bounds the histograms that are kept. */
MER_MUST_CHECK mer_status mer_grower_new(const struct mer_ctx *ctx, const struct mer_store *store,
                                         const struct mer_gbdt_limits *limits, size_t n_workers,
                                         size_t hist_bytes, struct mer_grower **ret_grower,
                                         mer_err *err);
void mer_grower_free(const struct mer_ctx *ctx, struct mer_grower *grower);

/* The list of the rows of the tree grown last: every leaf owns a segment of it. */
const uint32_t *mer_grower_rows(const struct mer_grower *grower);
/* Whether the leaves' rows are in ascending order; bundles' lists (gbdt_rows.h) do not keep it. */
bool mer_grower_keeps_order(const struct mer_grower *grower);

/* codes[n_padded_rows]; the units say what they stand for. rows[n_rows] are those to grow from,
 * ascending. The work of one tree is split among the team; NULL: the caller's thread.
 * active_features[n_features of the store], NULL: all. Fails when cancelled. */
MER_MUST_CHECK mer_status mer_grower_grow(struct mer_grower *grower, struct mer_team *team,
                                          const uint32_t *codes, const uint32_t *rows,
                                          size_t n_rows, double g_unit, double h_unit,
                                          const uint8_t *active_features, mer_err *err);
/* The tree grown last; node 0 is the root, a child's number is above its parent's. */
const struct mer_gbdt_node *mer_grower_nodes(const struct mer_grower *grower, size_t *ret_n_nodes);

#endif
