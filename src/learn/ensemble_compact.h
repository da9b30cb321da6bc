/* The layouts that ensemble_predict.h works on.
 *
 * Trees of up to 256 leaves, which boosting grows, are evaluated for a block of rows at a time, and
 * all their splits are: a number is first replaced by its rank among the thresholds that the
 * ensemble compares it with (at most 255 where it was grown on 255 bins), a byte, so that one
 * instruction answers a split for 32 or 64 rows. A tree is a list of operations in an order in
 * which both children come before their split: a split takes the byte numbers of the leaves that
 * its two subtrees lead to, and chooses among them. That is some two cycles for a row and a tree of
 * 63 leaves. Following the row from node to node instead would be ten steps of ten cycles, each
 * waiting for a load and for a branch that nobody can predict, and gathering from 16 nodes at once
 * costs as much as 16 loads. (Evaluating all splits: as in Lucchese et al., "QuickScorer", SIGIR
 * 2015, which then intersects bit sets of leaves: for 64 rows the chosen bytes are an eighth of
 * that.)
 *
 * Larger trees, which forests grow, and trees over numbers with more thresholds or over groups with
 * too many levels are walked, with several rows under way at a time so that their loads overlap.
 *
 * A single row walks several trees at a time, over nodes of four bytes that compare ranks: 100
 * trees of 63 leaves are 50 KB, and half of each path lies in the first cache lines of its tree.
 */
#ifndef MER_LEARN_ENSEMBLE_COMPACT_H
#define MER_LEARN_ENSEMBLE_COMPACT_H

#include "learn/ensemble_predict.h"

enum {
    MER_COMPACT_ROWS = 256,       /* in a block */
    MER_COMPACT_LEAVES = 256,     /* of a tree that is evaluated by bytes, at most */
    MER_COMPACT_THRESHOLDS = 255, /* of a ranked feature, at most */
    MER_COMPACT_COLUMNS = 4096,   /* planes, at most: they have to stay in the cache */
    MER_COMPACT_OUTPUTS = 256,    /* more: no layout, the plain reference predicts */
    MER_COMPACT_STACK = 10,       /* operands at a time: log2 of the leaves, and one unused */
    MER_COMPACT_SET_BYTES = 32,   /* of a group with at most 256 classes of levels */
    MER_COMPACT_PIVOTS_F32 = 48,  /* see mer_compact_feature; the last eight are not used */
    MER_COMPACT_PIVOTS_F64 = 16
};

/* A byte of every row of a block: a rank, or the class of a level. A feature has a plane for each
 * side that missing numbers take, and for each the inverted plane, with which a split chooses its
 * right child first: then the subtree that was computed last is always what it falls back to. */
enum {
    MER_PLANE_LEFT,
    MER_PLANE_RIGHT,
    MER_PLANE_LEFT_INVERTED,
    MER_PLANE_RIGHT_INVERTED,
    MER_N_PLANES
};

/* The ranks of a dense feature: the number of thresholds below a number. Floats have their own
 * table of thresholds, rounded down: a float is above a threshold exactly if it is above that. The
 * tables have n_padded elements, a power of two, filled up with infinity; 32, 8 and 16 pivots cut
 * them into equal parts. */
struct mer_compact_feature {
    uint32_t feature;
    uint32_t n_padded;             /* 32 .. 256 */
    size_t table;                  /* into thresholds_f32 and thresholds_f64 */
    uint16_t planes[MER_N_PLANES]; /* their columns; MER_NO_PLANE: no split needs it */
};
enum { MER_NO_PLANE = UINT16_MAX };

/* A group: its column, and the class of each level where it has more than 255. */
struct mer_compact_group {
    uint32_t group;
    uint32_t column;
    const uint8_t *classes; /* [width + 1], or NULL: the level itself */
};

enum {
    MER_OP_LEAVES, /* push what there is; left ? a : b */
    MER_OP_LEAF,   /* left ? a : what there is */
    MER_OP_POP,    /* left ? what was pushed : what there is */
    MER_OP_KIND = 3,
    MER_OP_GROUP = 4,   /* flag: the split is on a group, and k numbers its set */
    MER_OP_INVERTED = 8 /* flag, with a group: the set is the complement */
};
struct mer_compact_op {
    uint32_t column;
    uint8_t kind;
    uint8_t k; /* left: the plane's byte is at most k */
    uint8_t a;
    uint8_t b;
};

/* A node for a single row, in 32 bits: the column of the row's bytes, k, and how far behind the
 * node its left child is; the right one follows. A row has two ranks of each feature (missing
 * numbers left, right), a class of each group, and 255, by which leaves lead to themselves. */
enum { MER_NODE_COLUMN = 0xfff, MER_NODE_K = 12, MER_NODE_LEFT = 20 };

struct mer_compact_tree {
    bool is_bytes;
    bool has_groups;
    uint32_t n_leaves; /* from here on for bytes only */
    uint32_t n_ops;
    size_t ops;
    size_t sets;   /* [][2][MER_COMPACT_SET_BYTES]: a set and its complement */
    size_t values; /* [n_values][leaves padded to 16, 32, 64 or 256] */
    uint32_t values_stride;
};

/* A node to walk over. */
enum {
    MER_WALK_GROUP = 1 << 30,
    MER_WALK_MISSING_LEFT = 1 << 29,
    MER_WALK_FEATURE = (1 << 29) - 1
};
struct mer_walk_node {
    union {
        double threshold; /* infinity for leaves */
        size_t set;       /* into the ensemble's sets */
    };
    uint32_t left;    /* in the whole array; a leaf leads to itself */
    uint32_t feature; /* within its kind, with flags */
};

struct mer_ensemble_compact {
    const struct mer_ensemble *ensemble;
    struct mer_compact_tree *trees; /* [n_trees] */
    size_t n_bytes_trees;
    bool has_groups; /* any tree splits one */

    size_t n_features;
    struct mer_compact_feature *features;
    size_t n_groups;
    struct mer_compact_group *groups;
    uint8_t *classes;
    size_t n_columns;
    float *thresholds_f32;
    double *thresholds_f64;
    float *pivots_f32;
    double *pivots_f64;

    struct mer_compact_op *ops;
    uint32_t *nodes; /* [n_nodes], those of trees by bytes */
    uint8_t *sets;
    double *values;

    struct mer_walk_node *walk; /* [n_nodes] */
};

/* Fills in what trees by bytes need (ensemble_compact_bytes.c). */
MER_MUST_CHECK mer_status mer_compact_bytes(struct mer_alloc *alloc,
                                            struct mer_ensemble_compact *compact, mer_err *err);

/* The class of a code. */
static inline uint8_t mer_compact_class(const struct mer_compact_group *group, uint32_t width,
                                        int32_t code)
{
    const uint32_t level = mer_ensemble_level(width, code);
    return group->classes ? group->classes[level] : (uint8_t)level;
}

/* ---- walking (ensemble_walk.c) ---- */

enum { MER_WALK_TREES = 8 };

/* The leaves that rows first .. first + n - 1 reach in a tree, as nodes of the whole ensemble; n is
 * at most MER_COMPACT_ROWS. */
void mer_walk_rows(const struct mer_ensemble_compact *compact, const struct mer_ensemble_rows *rows,
                   size_t first, size_t n, size_t tree, uint32_t *ret_nodes);
/* The leaves that one row reaches in trees first .. first + n - 1, at most MER_WALK_TREES. */
void mer_walk_trees(const struct mer_ensemble_compact *compact,
                    const struct mer_ensemble_rows *rows, size_t row, size_t first, size_t n,
                    uint32_t *ret_nodes);

/* ---- kernels (ensemble_kernels_*.c) ---- */

/* A block of MER_COMPACT_ROWS rows. Planes lie behind one another; all is aligned to 64 bytes. */
struct mer_ensemble_kernels {
    /* The planes of a feature from its numbers x[MER_COMPACT_ROWS]. */
    void (*rank_f32)(const struct mer_ensemble_compact *compact,
                     const struct mer_compact_feature *feature, const float *x, uint8_t *planes);
    void (*rank_f64)(const struct mer_ensemble_compact *compact,
                     const struct mer_compact_feature *feature, const double *x, uint8_t *planes);
    /* The leaves that the rows reach. */
    void (*evaluate)(const uint8_t *planes, const struct mer_compact_op *ops, size_t n_ops,
                     const uint8_t *sets, uint8_t *ret_leaves);
    /* sums[r] += values[leaves[r]]. */
    void (*add)(const uint8_t *leaves, const double *values, size_t n_leaves, double *sums);
};

extern const struct mer_ensemble_kernels MER_ENSEMBLE_KERNELS_AVX2;
extern const struct mer_ensemble_kernels MER_ENSEMBLE_KERNELS_AVX512;

#endif
