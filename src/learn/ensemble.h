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
#include "learn/design.h"

enum { MER_ENSEMBLE_LEAF = -1 };

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

#endif
