/* What growing a tree of a forest takes: one thread's memory (forest_worker.c) and the tree at
 * hand. Whoever loops over a node's rows is in forest_grow.c, as one unit: apart it was slower.
 */
#ifndef MER_LEARN_FOREST_GROWTH_H
#define MER_LEARN_FOREST_GROWTH_H

#include "learn/forest_grow.h"
#include "learn/forest_scan.h"

/* Without weights and with two classes a row, or the sum of rows, is one number: how often it was
 * drawn in class 0, how often in class 1, and the rows. */
enum { MER_FOREST_FIELD_BITS = 21, MER_FOREST_PARTS = 4 };
#define MER_FOREST_PACKED_PARTS ((size_t)4)
#define MER_FOREST_FIELD_MASK ((UINT64_C(1) << MER_FOREST_FIELD_BITS) - 1)

static inline bool mer_forest_can_pack(const struct mer_forest_data *data)
{
    return data->classes && !data->weights && data->n_stats == 2 &&
           data->n_rows < (size_t)1 << MER_FOREST_FIELD_BITS;
}

/* Classes without weights: draws are counted in whole numbers. */
static inline bool mer_forest_can_count(const struct mer_forest_data *data)
{
    return data->classes && !data->weights && data->n_rows < (size_t)1 << MER_FOREST_FIELD_BITS;
}

/* A node that waits for its split. */
struct mer_forest_pending {
    uint32_t node;
    uint32_t depth;
    size_t begin; /* of its entries */
    size_t end;
    size_t n_constant; /* features at the front of `features` known to be constant */
};

struct mer_forest_split {
    bool found;
    uint32_t feature;
    uint32_t border; /* left: a bin is at most this */
    double score;
};

struct mer_forest_worker {
    struct mer_forest_entry *entries;
    struct mer_forest_entry *spare;
    uint8_t *bins;           /* of the node's rows in one feature */
    double *weights;         /* of the node's rows; regression: [][2], with weight times value */
    uint64_t *packed;        /* instead, where rows are packed */
    uint64_t *packed_in_bin; /* [MER_BINS_MAX], and [MER_BINS_MAX][MER_FOREST_PACKED_PARTS]; zero
                                between uses */
    uint64_t packed_total;
    double *sums;          /* [MER_BINS_MAX][n_stats], zero between uses */
    uint32_t *rows_in_bin; /* [MER_BINS_MAX], likewise */
    double *total;         /* [n_stats] of the node */
    double *left;
    double *right;
    double *parts;          /* [MER_FOREST_PARTS][n_stats] */
    uint32_t *features;     /* [n_used]: a permutation */
    uint8_t *missing_first; /* [n_features]: the bin of missing values stands in front */
    struct mer_forest_pending *stack;
    size_t stack_capacity;
    uint16_t *counts;
    const struct mer_forest_kernels *kernels;
    struct mer_forest_counts counted; /* where rows can be counted */
    bool has_planes;
};

/* Everything that growing a tree needs. */
struct mer_forest_growth {
    const struct mer_ctx *ctx;
    const struct mer_forest_data *data;
    const struct mer_forest_options *options;
    struct mer_forest_worker *w;
    struct mer_forest_tree *tree;
    mer_rng rng;
    size_t depth; /* of the stack */
};

/* Room for two more nodes of the tree, and for a set of codes. */
MER_MUST_CHECK mer_status mer_forest_reserve_nodes(struct mer_forest_growth *g, mer_err *err);
MER_MUST_CHECK mer_status mer_forest_reserve_set(struct mer_forest_growth *g, size_t n_bytes,
                                                 mer_err *err);
/* Onto the stack of nodes that wait. */
MER_MUST_CHECK mer_status mer_forest_push(struct mer_forest_growth *g,
                                          const struct mer_forest_pending *pending, mer_err *err);
/* The entries of the rows that were drawn; returns how many. Rows without weight take no part. */
size_t mer_forest_list_entries(const struct mer_forest_growth *g);

#endif
