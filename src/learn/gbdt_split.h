/* The best split of a leaf, from its histogram. */
#ifndef MER_LEARN_GBDT_SPLIT_H
#define MER_LEARN_GBDT_SPLIT_H

#include "learn/gbdt_kernels.h"
#include "learn/gbdt_store.h"

struct mer_gbdt_limits {
    struct mer_gbdt_rule rule; /* without its units, which each tree has of its own */
    size_t max_leaves;
    size_t max_depth;
    bool level_wise;
    double min_gain;
    double cat_smooth;      /* added to a level's Hessian when levels are ordered */
    double cat_l2;          /* added to lambda when a group is split */
    uint32_t max_onehot;    /* groups with so many levels at most are split one against the rest */
    const int8_t *monotone; /* [n_features of the design] -1, 0, 1; NULL: none */
};

/* What the values below a leaf must keep to, for monotone features. */
struct mer_gbdt_bounds {
    double low;
    double high;
};

struct mer_gbdt_split {
    bool found;
    double gain;
    uint32_t feature; /* of the store */
    uint32_t cut;     /* dense: bins 0 .. cut go left */
    bool missing_left;
    struct mer_gbdt_sums left;
    uint64_t set[4]; /* group: bins that go left */
};

struct mer_gbdt_view {
    const struct mer_store *store;
    const struct mer_gbdt_kernels *kernels;
    const struct mer_gbdt_limits *limits;
    struct mer_gbdt_rule rule;
    const uint8_t *active; /* [n_features of the store]; NULL: all */
};

/* G^2 / (H + lambda), less L1. */
double mer_gbdt_score(const struct mer_gbdt_rule *rule, const struct mer_gbdt_sums *sums);
/* The leaf value -G / (H + lambda), less L1, kept within bounds. */
double mer_gbdt_value(double g, double h, const struct mer_gbdt_rule *rule,
                      const struct mer_gbdt_bounds *bounds);

/* Looks at the features of the columns first_column .. first_column + n_columns - 1 and replaces
 * *best where one gains more. g and hc are the leaf's whole histogram. */
void mer_gbdt_find_split(const struct mer_gbdt_view *view, const int64_t *g, const uint64_t *hc,
                         size_t first_column, size_t n_columns, const struct mer_gbdt_sums *total,
                         const struct mer_gbdt_bounds *bounds, struct mer_gbdt_split *best);

/* For every bin of the split's column whether its rows go left. */
void mer_gbdt_sides(const struct mer_store *store, const struct mer_gbdt_split *split,
                    uint8_t ret_left[MER_BINS_MAX]);
/* The bounds of the children of a split. */
void mer_gbdt_child_bounds(const struct mer_gbdt_view *view, const struct mer_gbdt_split *split,
                           const struct mer_gbdt_sums *total, const struct mer_gbdt_bounds *bounds,
                           struct mer_gbdt_bounds ret_children[2]);

#endif
