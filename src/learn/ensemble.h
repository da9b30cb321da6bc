/* An ensemble of binary trees: what boosting and forests fit, and what predicts, explains and saves
 * them, whichever grew them.
 *
 * Features are numbered as in a design: 0 .. n_dense - 1 are the dense columns, n_dense + g is the
 * categorical variable of group g. A split on a dense column sends x <= threshold to the left and a
 * missing value (NaN) where `missing_left` says; one on a group sends the levels whose bit is set
 * in its set to the left (bit `width` is for code -1, and for levels that no row of the fit had).
 *
 * The score of a row is base[k] plus the sum over the trees of output k of what the leaf that the
 * row reaches holds, added in the order of the trees; with averaged trees (forests) that sum is
 * divided by the number of trees. What a score means is the family's business.
 */
#ifndef MER_LEARN_ENSEMBLE_H
#define MER_LEARN_ENSEMBLE_H

#include "core/bundle.h"
#include "core/json.h"
#include "learn/design.h"

/* The limits keep every count, and every size made of them, far from overflow. */
enum {
    MER_ENSEMBLE_LEAF = -1,
    MER_ENSEMBLE_MAX_TREES = 1 << 20,
    MER_ENSEMBLE_MAX_NODES = 1 << 28,
    MER_ENSEMBLE_MAX_OUTPUTS = 1 << 16,
};

struct mer_ensemble {
    size_t n_dense;
    size_t n_groups;
    uint32_t *widths; /* [n_groups] levels of each group */
    size_t n_outputs; /* scores per row */
    double *base;     /* [n_outputs] */
    bool averaged;

    size_t n_trees;
    size_t n_values;      /* numbers per leaf: 1 (the tree adds to one output), or n_outputs */
    int64_t *tree_starts; /* [n_trees + 1] into the node arrays; a tree's root is its first node */
    int32_t *tree_output; /* [n_trees] with n_values 1: the output that the tree adds to; else 0 */

    /* [n_nodes], the trees one behind another, each in breadth-first order: children come in pairs
     * behind their parents, right = left + 1. */
    size_t n_nodes;
    int32_t *features;     /* MER_ENSEMBLE_LEAF: a leaf */
    double *thresholds;    /* 0 for leaves and for splits on groups */
    uint8_t *missing_left; /* 0 or 1; 0 for leaves and for splits on groups */
    int32_t *left;         /* number within the tree; 0 for leaves */
    float *gains;          /* of splits; 0 for leaves */
    float *covers;         /* rows of the fit that came through, by weight */
    double *values;        /* [n_nodes][n_values]; 0 for splits */
    int64_t *set_starts;   /* [n_nodes + 1] into sets */
    size_t n_set_bytes;
    uint8_t *sets; /* a split on group g has (widths[g] + 1 + 7) / 8 bytes; others none */
};

void mer_ensemble_release(struct mer_alloc *alloc, struct mer_ensemble *ensemble);

static inline size_t mer_ensemble_features(const struct mer_ensemble *ensemble)
{
    return ensemble->n_dense + ensemble->n_groups;
}
static inline bool mer_ensemble_splits_group(const struct mer_ensemble *ensemble, int32_t feature)
{
    return feature >= 0 && (size_t)feature >= ensemble->n_dense;
}
/* Bytes of the set that a split on that feature has. */
static inline size_t mer_ensemble_set_bytes(const struct mer_ensemble *ensemble, int32_t feature)
{
    if (!mer_ensemble_splits_group(ensemble, feature))
        return 0;
    return ensemble->widths[(size_t)feature - ensemble->n_dense] / 8 + 1;
}
/* Bit of a set that answers for a code: a level that the fit did not know counts as none. */
static inline uint32_t mer_ensemble_level(uint32_t width, int32_t code)
{
    return (uint32_t)code < width ? (uint32_t)code : width;
}

/* ---- building (ensemble_build.c) ---- */

/* A node as it was grown. Children come in pairs, right = left + 1, anywhere in the tree. */
struct mer_ensemble_node {
    int32_t feature; /* MER_ENSEMBLE_LEAF: a leaf, and only `cover` counts */
    uint32_t left;
    double threshold;
    bool missing_left;
    float gain;
    float cover;
    size_t set; /* a split on a group: where its set begins in the tree's `sets` */
};

/* A grown tree; nodes[0] is the root. Nodes that the root does not reach are left out. */
struct mer_ensemble_tree {
    size_t n_nodes;
    const struct mer_ensemble_node *nodes;
    const double *values; /* [n_nodes][n_values]; read for leaves */
    const uint8_t *sets;
    int32_t output; /* with n_values 1 */
};

/* An ensemble that takes tree after tree. `base` and `averaged` of `ensemble` may be set any time;
 * base starts as zeros. */
struct mer_ensemble_builder {
    struct mer_alloc *alloc;
    struct mer_ensemble ensemble; /* valid all the time */
    size_t tree_capacity;
    size_t node_capacity;
    size_t set_capacity;
    uint32_t *order; /* of the tree that is added */
    size_t order_capacity;
    size_t n_trees_expected; /* 0: not known; else room is made for as many like the first ones */
};

/* For a design of that shape; n_values is 1 or n_outputs. */
MER_MUST_CHECK mer_status mer_ensemble_builder_init(struct mer_alloc *alloc,
                                                    const struct mer_design *shape,
                                                    size_t n_outputs, size_t n_values,
                                                    struct mer_ensemble_builder *ret_builder,
                                                    mer_err *err);
void mer_ensemble_builder_release(struct mer_ensemble_builder *builder);
/* Copies the tree in; the ensemble is as before on failure. */
MER_MUST_CHECK mer_status mer_ensemble_builder_add(struct mer_ensemble_builder *builder,
                                                   const struct mer_ensemble_tree *tree,
                                                   mer_err *err);
/* Adds trees begin .. end - 1 of an ensemble for the same design and outputs. */
MER_MUST_CHECK mer_status mer_ensemble_builder_append(struct mer_ensemble_builder *builder,
                                                      const struct mer_ensemble *from, size_t begin,
                                                      size_t end, mer_err *err);
/* Takes the trees behind the first n back (early stopping). */
void mer_ensemble_builder_truncate(struct mer_ensemble_builder *builder, size_t n_trees);
/* Hands the ensemble over, in arrays of its size, and releases the builder. MER_ERR_DATA when
 * scores could be infinite. */
MER_MUST_CHECK mer_status mer_ensemble_builder_finish(struct mer_ensemble_builder *builder,
                                                      struct mer_ensemble *ret_ensemble,
                                                      mer_err *err);

/* False when the largest leaves of all trees could add up to a score that is not finite. */
bool mer_ensemble_is_finite(const struct mer_ensemble *ensemble);

/* ---- saving and loading (ensemble_save.c) ---- */

/* Adds the arrays under `prefix`, and n_trees, n_leaves, depth and averaged as members of the
 * object that the writer is in. */
MER_MUST_CHECK mer_status mer_ensemble_save(const struct mer_ensemble *ensemble, const char *prefix,
                                            struct mer_bundle *bundle,
                                            struct mer_json_writer *writer, mer_err *err);
/* The reverse for a design of that shape and n_outputs scores; everything is checked as hostile, so
 * that after success no row of such a design leads out of the arrays. */
MER_MUST_CHECK mer_status mer_ensemble_load(struct mer_alloc *alloc,
                                            const struct mer_bundle *bundle, const char *prefix,
                                            const struct mer_json *object,
                                            const struct mer_design *shape, size_t n_outputs,
                                            struct mer_ensemble *ret_ensemble, mer_err *err);

/* Leaves of all trees, and the depth of the deepest. */
void mer_ensemble_measure(const struct mer_ensemble *ensemble, size_t *ret_leaves,
                          size_t *ret_depth);

/* ---- rows, and the plain reference (ensemble_plain.c) ---- */

/* Rows to predict, where they lie. Strides count elements, so that rows or columns may be together.
 * NaN is a missing number. */
struct mer_ensemble_rows {
    size_t n_rows;
    const void *dense; /* double, or float with is_float32 */
    bool is_float32;
    size_t row_stride;
    size_t column_stride;
    const int32_t *codes;
    size_t code_row_stride;
    size_t code_column_stride;
};
struct mer_ensemble_rows mer_ensemble_rows_of(const struct mer_design *design);

/* The scores by the definition above, one row and one tree after the other: what the kernels of
 * ensemble_predict.h are compared with. */
void mer_ensemble_predict_plain(const struct mer_ensemble *ensemble,
                                const struct mer_ensemble_rows *rows,
                                double *ret_scores /* [n_rows][n_outputs] */);
/* The leaf that a row reaches in a tree, as a node of the whole ensemble. */
size_t mer_ensemble_find_leaf(const struct mer_ensemble *ensemble, size_t tree,
                              const struct mer_ensemble_rows *rows, size_t row);
/* The leaf that each row reaches, as a number within the tree. */
void mer_ensemble_leaves(const struct mer_ensemble *ensemble, const struct mer_ensemble_rows *rows,
                         int32_t *ret_leaves /* [n_rows][n_trees] */);
/* What each tree adds; neither divided nor with the base. */
void mer_ensemble_margins(const struct mer_ensemble *ensemble, const struct mer_ensemble_rows *rows,
                          double *ret_margins /* [n_rows][n_trees][n_values] */);

enum mer_importance {
    MER_IMPORTANCE_GAIN,   /* the gains of the feature's splits, added up */
    MER_IMPORTANCE_SPLITS, /* how many splits it has */
    MER_IMPORTANCE_COVER,  /* the rows that came through them, by weight */
};
void mer_ensemble_importance(const struct mer_ensemble *ensemble, enum mer_importance by,
                             double *ret_importance /* [n_dense + n_groups] */);

#endif
