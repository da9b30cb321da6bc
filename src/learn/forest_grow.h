/* Growing one tree of a forest, by one thread from one random stream: so the same tree whichever
 * thread grows it.
 */
#ifndef MER_LEARN_FOREST_GROW_H
#define MER_LEARN_FOREST_GROW_H

#include "core/rng.h"
#include "learn/ensemble.h"
#include "learn/forest_data.h"

struct mer_forest_options {
    bool is_random;      /* extremely randomised: one random border for each feature (Geurts, Ernst,
                            Wehenkel, "Extremely randomized trees", Machine Learning 63, 2006) */
    bool bootstrap;      /* rows drawn with replacement (Breiman, "Random Forests", Machine Learning
                            45, 2001); else all */
    size_t max_features; /* tried for a split, of those that are not constant; at least 1 */
    size_t max_depth;
    size_t min_split_rows; /* at least 2 */
    size_t min_leaf_rows;  /* at least 1 */
};

/* One thread's memory, which all its trees use. */
struct mer_forest_worker;
MER_MUST_CHECK mer_status mer_forest_worker_new(const struct mer_ctx *ctx,
                                                const struct mer_forest_data *data,
                                                const struct mer_forest_options *options,
                                                struct mer_forest_worker **ret_worker,
                                                mer_err *err);
void mer_forest_worker_free(const struct mer_ctx *ctx, struct mer_forest_worker *worker);

/* A grown tree; owned. values[n_nodes][n_values]: class shares (for two classes of the second
 * alone), or the mean. */
struct mer_forest_tree {
    size_t n_nodes;
    size_t capacity;
    struct mer_ensemble_node *nodes;
    double *values;
    uint8_t *sets;
    size_t n_set_bytes;
    size_t set_capacity;
};
void mer_forest_tree_release(const struct mer_ctx *ctx, struct mer_forest_tree *tree);

/* Numbers per leaf: 1 for regression and two classes, else n_classes. */
size_t mer_forest_values(const struct mer_forest_data *data);

/* How often each row is drawn for the tree whose stream that is. */
void mer_forest_draw(const struct mer_forest_data *data, const struct mer_forest_options *options,
                     mer_rng *rng, uint16_t *ret_counts);

/* Grows tree number `number` of the forest with that seed; *tree is empty or an old one. */
MER_MUST_CHECK mer_status mer_forest_grow(const struct mer_ctx *ctx,
                                          const struct mer_forest_data *data,
                                          const struct mer_forest_options *options, uint64_t seed,
                                          size_t number, struct mer_forest_worker *worker,
                                          struct mer_forest_tree *tree, mer_err *err);

/* The stream of tree number `number`; drawing the rows comes first. */
static inline void mer_forest_rng(uint64_t seed, size_t number, mer_rng *rng)
{
    mer_rng_init(rng, seed, mer_rng_stream("forest", number));
}

#endif
