/* Ensembles and rows made from a seed, and a saved ensemble to tamper with. */
#ifndef TESTS_LEARN_ENSEMBLE_RANDOM_H
#define TESTS_LEARN_ENSEMBLE_RANDOM_H

#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/rng.h"
#include "learn/ensemble.h"
#include "saved_model.h"

enum { RANDOM_MAX_LEAVES = 3000, RANDOM_MAX_GROUPS = 4, RANDOM_SET_BYTES = 1 << 16 };

/* What a random ensemble looks like. */
struct random_shape {
    uint64_t seed;
    size_t n_dense;
    size_t n_groups;
    uint32_t widths[RANDOM_MAX_GROUPS];
    size_t n_outputs;
    size_t n_values;
    bool averaged;
    size_t n_trees;
    size_t n_leaves;     /* of each tree at most; some trees are single leaves */
    size_t n_thresholds; /* different ones of a feature */
    double chain;        /* how often the node that was made last is split next: deep trees */
};

static inline void random_design(const struct random_shape *shape, uint32_t *group_start,
                                 struct mer_design *ret)
{
    group_start[0] = 0;
    for (size_t g = 0; g < shape->n_groups; g++)
        group_start[g + 1] = group_start[g] + shape->widths[g];
    *ret = (struct mer_design){
        .n_dense = shape->n_dense, .n_groups = shape->n_groups, .group_start = group_start};
}

/* The k-th threshold of any feature: fractions of 10, which no float holds. */
static inline double random_threshold(size_t k)
{
    return ((double)k - 20) / 10;
}

static inline void random_split(mer_rng *rng, const struct random_shape *shape,
                                struct mer_ensemble_node *node, uint8_t *sets, size_t *n_set_bytes)
{
    node->feature = (int32_t)mer_rng_below(rng, shape->n_dense + shape->n_groups);
    node->gain = (float)mer_rng_uniform(rng);
    if ((size_t)node->feature < shape->n_dense) {
        node->threshold = random_threshold(mer_rng_below(rng, shape->n_thresholds));
        node->missing_left = mer_rng_below(rng, 2) == 1;
        return;
    }
    const size_t n_bytes = shape->widths[(size_t)node->feature - shape->n_dense] / 8 + 1;
    if (*n_set_bytes + n_bytes > RANDOM_SET_BYTES) {
        node->feature = 0;
        return;
    }
    node->set = *n_set_bytes;
    for (size_t i = 0; i < n_bytes; i++)
        sets[(*n_set_bytes)++] = (uint8_t)mer_rng_u32(rng);
}

static inline void random_tree(mer_rng *rng, const struct random_shape *shape,
                               struct mer_ensemble_builder *builder)
{
    static struct mer_ensemble_node nodes[2 * RANDOM_MAX_LEAVES];
    static double values[2 * RANDOM_MAX_LEAVES * 8];
    static uint8_t sets[RANDOM_SET_BYTES];
    static size_t leaves[RANDOM_MAX_LEAVES];
    const size_t n_leaves = mer_rng_below(rng, 10) == 0 ? 1 : shape->n_leaves;
    size_t n_set_bytes = 0;
    size_t n_nodes = 1;
    size_t n_open = 1;
    memset(nodes, 0, sizeof nodes);
    leaves[0] = 0;
    nodes[0].feature = MER_ENSEMBLE_LEAF;
    while (n_open < n_leaves) {
        const size_t at =
            mer_rng_uniform(rng) < shape->chain ? n_open - 1 : mer_rng_below(rng, n_open);
        struct mer_ensemble_node *node = &nodes[leaves[at]];
        random_split(rng, shape, node, sets, &n_set_bytes);
        node->left = (uint32_t)n_nodes;
        leaves[at] = n_nodes;
        leaves[n_open++] = n_nodes + 1;
        nodes[n_nodes++].feature = MER_ENSEMBLE_LEAF;
        nodes[n_nodes++].feature = MER_ENSEMBLE_LEAF;
    }
    for (size_t n = 0; n < n_nodes; n++)
        nodes[n].cover = (float)mer_rng_below(rng, 1000);
    for (size_t i = 0; i < n_nodes * shape->n_values; i++)
        values[i] = mer_rng_normal(rng);
    const struct mer_ensemble_tree tree = {
        .n_nodes = n_nodes,
        .nodes = nodes,
        .values = values,
        .sets = sets,
        .output = (int32_t)mer_rng_below(rng, shape->n_outputs),
    };
    assert_int_equal(mer_ensemble_builder_add(builder, &tree, NULL).code, MER_OK);
}

static inline void random_ensemble(struct mer_alloc *alloc, const struct random_shape *shape,
                                   struct mer_ensemble *ret)
{
    struct mer_ensemble_builder builder;
    uint32_t group_start[RANDOM_MAX_GROUPS + 1];
    struct mer_design design;
    mer_rng rng;
    mer_rng_init(&rng, shape->seed, 0);
    random_design(shape, group_start, &design);
    assert_int_equal(
        mer_ensemble_builder_init(alloc, &design, shape->n_outputs, shape->n_values, &builder, NULL)
            .code,
        MER_OK);
    for (size_t k = 0; k < shape->n_outputs; k++)
        builder.ensemble.base[k] = mer_rng_normal(&rng);
    builder.ensemble.averaged = shape->averaged;
    for (size_t t = 0; t < shape->n_trees; t++)
        random_tree(&rng, shape, &builder);
    assert_int_equal(mer_ensemble_builder_finish(&builder, ret, NULL).code, MER_OK);
}

/* A number as awkward as possible for these thresholds: on one, its neighbour, infinite or missing.
 */
static inline double random_number(mer_rng *rng, size_t n_thresholds)
{
    const double threshold = random_threshold(mer_rng_below(rng, n_thresholds));
    switch (mer_rng_below(rng, 12)) {
    case 0:
        return NAN;
    case 1:
        return INFINITY;
    case 2:
        return -INFINITY;
    case 3:
        return nextafter(threshold, INFINITY);
    case 4:
        return nextafter(threshold, -INFINITY);
    case 5:
        return (double)(float)threshold;
    case 6:
        return mer_rng_uniform(rng) < 0.5 ? 0.0 : -0.0;
    case 7:
    case 8:
        return threshold;
    default:
        return threshold + mer_rng_normal(rng);
    }
}

/* Saves an ensemble and parses its JSON again. */
static inline void save_ensemble(struct mer_alloc *alloc, const struct mer_ensemble *ensemble,
                                 struct saved_model *saved)
{
    struct mer_buf text;
    struct mer_json_writer writer;
    mer_err err;
    mer_bundle_init(&saved->bundle, alloc);
    saved->document = NULL;
    mer_buf_init(&text, alloc, 1 << 20);
    mer_json_writer_init(&writer, &text, 0, &err);
    mer_json_begin_object(&writer);
    assert_int_equal(mer_ensemble_save(ensemble, PREFIX, &saved->bundle, &writer, &err).code,
                     MER_OK);
    mer_json_end_object(&writer);
    assert_int_equal(mer_json_writer_end(&writer).code, MER_OK);
    assert_int_equal(mer_json_parse(alloc, (const char *)text.bytes, text.n,
                                    &MER_JSON_DEFAULT_LIMITS, "model", &saved->document, &err)
                         .code,
                     MER_OK);
    mer_buf_release(&text);
}

#endif
