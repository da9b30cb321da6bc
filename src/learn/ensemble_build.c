/* Building ensembles: arrays that grow by doubling, so that adding a tree costs what the tree
 * costs.
 */
#include <math.h>
#include <string.h>

#include "learn/ensemble.h"

enum { FIRST_TREES = 64, FIRST_NODES = 4096, FIRST_SETS = 4096 };

void mer_ensemble_release(struct mer_alloc *alloc, struct mer_ensemble *ensemble)
{
    mer_free(alloc, ensemble->widths);
    mer_free(alloc, ensemble->base);
    mer_free(alloc, ensemble->tree_starts);
    mer_free(alloc, ensemble->tree_output);
    mer_free(alloc, ensemble->features);
    mer_free(alloc, ensemble->thresholds);
    mer_free(alloc, ensemble->missing_left);
    mer_free(alloc, ensemble->left);
    mer_free(alloc, ensemble->gains);
    mer_free(alloc, ensemble->covers);
    mer_free(alloc, ensemble->values);
    mer_free(alloc, ensemble->set_starts);
    mer_free(alloc, ensemble->sets);
    memset(ensemble, 0, sizeof *ensemble);
}

void mer_ensemble_builder_release(struct mer_ensemble_builder *builder)
{
    mer_ensemble_release(builder->alloc, &builder->ensemble);
    mer_free(builder->alloc, builder->order);
    builder->order = NULL;
}

/* ---- room ---- */

/* A pointer to one of the ensemble's arrays, and the bytes of n elements of it. */
struct sized {
    void *array;
    size_t n_bytes;
};

static mer_status resize(struct mer_alloc *alloc, const struct sized *arrays, size_t n_arrays,
                         mer_err *err)
{
    for (size_t i = 0; i < n_arrays; i++)
        MER_GUARD(mer_alloc_resize(alloc, arrays[i].n_bytes, arrays[i].array, err));
    return mer_ok();
}

static mer_status resize_trees(struct mer_ensemble_builder *builder, size_t n, mer_err *err)
{
    struct mer_ensemble *e = &builder->ensemble;
    const struct sized arrays[] = {
        {&e->tree_starts, (n + 1) * sizeof *e->tree_starts},
        {&e->tree_output, n * sizeof *e->tree_output},
    };
    MER_GUARD(resize(builder->alloc, arrays, 2, err));
    builder->tree_capacity = n;
    return mer_ok();
}

/* n is at most MER_ENSEMBLE_MAX_NODES, and n_values at most MER_ENSEMBLE_MAX_OUTPUTS. */
static mer_status resize_nodes(struct mer_ensemble_builder *builder, size_t n, mer_err *err)
{
    struct mer_ensemble *e = &builder->ensemble;
    const struct sized arrays[] = {
        {&e->features, n * sizeof *e->features},
        {&e->thresholds, n * sizeof *e->thresholds},
        {&e->missing_left, n * sizeof *e->missing_left},
        {&e->left, n * sizeof *e->left},
        {&e->gains, n * sizeof *e->gains},
        {&e->covers, n * sizeof *e->covers},
        {&e->values, n * e->n_values * sizeof *e->values},
        {&e->set_starts, (n + 1) * sizeof *e->set_starts},
    };
    MER_GUARD(resize(builder->alloc, arrays, sizeof arrays / sizeof arrays[0], err));
    builder->node_capacity = n;
    return mer_ok();
}

static mer_status resize_sets(struct mer_ensemble_builder *builder, size_t n, mer_err *err)
{
    MER_GUARD(mer_alloc_resize(builder->alloc, n, &builder->ensemble.sets, err));
    builder->set_capacity = n;
    return mer_ok();
}

/* `needed`, or twice the capacity where that is more. */
static size_t grown(size_t capacity, size_t needed, size_t first)
{
    size_t n = capacity ? capacity : first;
    while (n < needed)
        n *= 2;
    return n;
}

/* Room for nodes that have no place left. Where the number of trees is known, and some are there,
 * for all of them: growing by doubling touches and copies every page twice. */
static size_t grown_nodes(const struct mer_ensemble_builder *builder, size_t needed)
{
    enum { SAMPLE_TREES = 8, SLACK = 16 };
    const struct mer_ensemble *e = &builder->ensemble;
    const size_t doubled = grown(builder->node_capacity, needed, FIRST_NODES);
    if (needed <= builder->node_capacity || e->n_trees < SAMPLE_TREES ||
        e->n_trees >= builder->n_trees_expected)
        return doubled;
    const double n = (double)e->n_nodes / (double)e->n_trees * (double)builder->n_trees_expected;
    const double with_slack = n * (1 + 1.0 / SLACK);
    return with_slack > (double)needed && with_slack < MER_ENSEMBLE_MAX_NODES ? (size_t)with_slack
                                                                              : doubled;
}

static mer_status reserve(struct mer_ensemble_builder *builder, size_t n_trees, size_t n_nodes,
                          size_t n_set_bytes, mer_err *err)
{
    const struct mer_ensemble *e = &builder->ensemble;
    if (n_trees > MER_ENSEMBLE_MAX_TREES - e->n_trees ||
        n_nodes > MER_ENSEMBLE_MAX_NODES - e->n_nodes)
        return mer_fail(err, MER_ERR_MEMORY, "an ensemble has at most %d trees and %d nodes",
                        MER_ENSEMBLE_MAX_TREES, MER_ENSEMBLE_MAX_NODES);
    const size_t trees = grown(builder->tree_capacity, e->n_trees + n_trees, FIRST_TREES);
    const size_t nodes = grown_nodes(builder, e->n_nodes + n_nodes);
    const size_t sets = grown(builder->set_capacity, e->n_set_bytes + n_set_bytes, FIRST_SETS);
    if (trees > builder->tree_capacity)
        MER_GUARD(resize_trees(builder, trees, err));
    if (nodes > builder->node_capacity)
        MER_GUARD(resize_nodes(builder, nodes, err));
    if (sets > builder->set_capacity)
        MER_GUARD(resize_sets(builder, sets, err));
    return mer_ok();
}

static mer_status init_arrays(struct mer_ensemble_builder *builder, mer_err *err)
{
    struct mer_ensemble *e = &builder->ensemble;
    MER_GUARD(mer_alloc_zero(builder->alloc, e->n_groups, sizeof *e->widths, &e->widths, err));
    MER_GUARD(mer_alloc_zero(builder->alloc, e->n_outputs, sizeof *e->base, &e->base, err));
    MER_GUARD(reserve(builder, 0, 0, 0, err));
    e->tree_starts[0] = 0;
    e->set_starts[0] = 0;
    return mer_ok();
}

mer_status mer_ensemble_builder_init(struct mer_alloc *alloc, const struct mer_design *shape,
                                     size_t n_outputs, size_t n_values,
                                     struct mer_ensemble_builder *ret_builder, mer_err *err)
{
    if (n_outputs == 0 || n_outputs > MER_ENSEMBLE_MAX_OUTPUTS ||
        (n_values != 1 && n_values != n_outputs))
        return mer_fail(err, MER_ERR_INTERNAL, "%zu outputs with %zu numbers a leaf", n_outputs,
                        n_values);
    struct mer_ensemble_builder builder = {.alloc = alloc,
                                           .ensemble = {.n_dense = shape->n_dense,
                                                        .n_groups = shape->n_groups,
                                                        .n_outputs = n_outputs,
                                                        .n_values = n_values}};
    const mer_status status = init_arrays(&builder, err);
    if (!mer_is_ok(status)) {
        mer_ensemble_builder_release(&builder);
        return status;
    }
    for (size_t g = 0; g < shape->n_groups; g++)
        builder.ensemble.widths[g] = shape->group_start[g + 1] - shape->group_start[g];
    *ret_builder = builder;
    return mer_ok();
}

/* ---- adding ---- */

/* Lists the nodes that the root reaches in breadth-first order, and counts the bytes of their sets.
 */
static mer_status list_reached(struct mer_ensemble_builder *builder,
                               const struct mer_ensemble_tree *tree, size_t *ret_nodes,
                               size_t *ret_set_bytes, mer_err *err)
{
    if (tree->n_nodes > builder->order_capacity) {
        size_t n_bytes;
        if (tree->n_nodes > MER_ENSEMBLE_MAX_NODES ||
            !mer_size_mul(tree->n_nodes, sizeof *builder->order, &n_bytes))
            return mer_fail(err, MER_ERR_MEMORY, "a tree of %zu nodes is too large", tree->n_nodes);
        MER_GUARD(mer_alloc_resize(builder->alloc, n_bytes, &builder->order, err));
        builder->order_capacity = tree->n_nodes;
    }
    size_t n = 1;
    size_t n_bytes = 0;
    builder->order[0] = 0;
    for (size_t i = 0; i < n; i++) {
        const struct mer_ensemble_node *node = &tree->nodes[builder->order[i]];
        if (node->feature == MER_ENSEMBLE_LEAF)
            continue;
        if (n + 2 > tree->n_nodes || node->left >= tree->n_nodes - 1)
            return mer_fail(err, MER_ERR_INTERNAL, "the nodes are not a tree");
        builder->order[n++] = node->left;
        builder->order[n++] = node->left + 1;
        n_bytes += mer_ensemble_set_bytes(&builder->ensemble, node->feature);
    }
    *ret_nodes = n;
    *ret_set_bytes = n_bytes;
    return mer_ok();
}

/* Writes node `at` of the ensemble. Where there is nothing to say there is a zero, so that equal
 * trees have equal bytes. */
static void put_node(struct mer_ensemble *e, const struct mer_ensemble_tree *tree, size_t from,
                     size_t at, size_t *next_child)
{
    const struct mer_ensemble_node *node = &tree->nodes[from];
    const bool is_leaf = node->feature == MER_ENSEMBLE_LEAF;
    const size_t n_bytes = mer_ensemble_set_bytes(e, node->feature);
    const bool is_numeric = !is_leaf && n_bytes == 0;
    e->features[at] = node->feature;
    e->thresholds[at] = is_numeric ? node->threshold : 0;
    e->missing_left[at] = is_numeric && node->missing_left;
    e->left[at] = is_leaf ? 0 : (int32_t)*next_child;
    e->gains[at] = is_leaf ? 0 : node->gain;
    e->covers[at] = node->cover;
    for (size_t k = 0; k < e->n_values; k++)
        e->values[at * e->n_values + k] = is_leaf ? tree->values[from * e->n_values + k] : 0;
    if (n_bytes > 0)
        memcpy(e->sets + e->n_set_bytes, tree->sets + node->set, n_bytes);
    e->n_set_bytes += n_bytes;
    e->set_starts[at + 1] = (int64_t)e->n_set_bytes;
    if (!is_leaf)
        *next_child += 2;
}

mer_status mer_ensemble_builder_add(struct mer_ensemble_builder *builder,
                                    const struct mer_ensemble_tree *tree, mer_err *err)
{
    struct mer_ensemble *e = &builder->ensemble;
    size_t n_nodes = 0;
    size_t n_set_bytes = 0;
    MER_GUARD(list_reached(builder, tree, &n_nodes, &n_set_bytes, err));
    MER_GUARD(reserve(builder, 1, n_nodes, n_set_bytes, err));
    size_t next_child = 1;
    for (size_t n = 0; n < n_nodes; n++)
        put_node(e, tree, builder->order[n], e->n_nodes + n, &next_child);
    e->n_nodes += n_nodes;
    e->tree_output[e->n_trees] = e->n_values == 1 ? tree->output : 0;
    e->tree_starts[++e->n_trees] = (int64_t)e->n_nodes;
    return mer_ok();
}

mer_status mer_ensemble_builder_append(struct mer_ensemble_builder *builder,
                                       const struct mer_ensemble *from, size_t begin, size_t end,
                                       mer_err *err)
{
    struct mer_ensemble *e = &builder->ensemble;
    if (begin > end || end > from->n_trees || from->n_values != e->n_values ||
        from->n_dense != e->n_dense || from->n_groups != e->n_groups)
        return mer_fail(err, MER_ERR_INTERNAL, "trees of another shape");
    const size_t first = (size_t)from->tree_starts[begin];
    const size_t n_nodes = (size_t)from->tree_starts[end] - first;
    const size_t set_first = (size_t)from->set_starts[first];
    const size_t n_set_bytes = (size_t)from->set_starts[first + n_nodes] - set_first;
    MER_GUARD(reserve(builder, end - begin, n_nodes, n_set_bytes, err));
    const size_t at = e->n_nodes;
    memcpy(e->features + at, from->features + first, n_nodes * sizeof *e->features);
    memcpy(e->thresholds + at, from->thresholds + first, n_nodes * sizeof *e->thresholds);
    memcpy(e->missing_left + at, from->missing_left + first, n_nodes);
    memcpy(e->left + at, from->left + first, n_nodes * sizeof *e->left);
    memcpy(e->gains + at, from->gains + first, n_nodes * sizeof *e->gains);
    memcpy(e->covers + at, from->covers + first, n_nodes * sizeof *e->covers);
    memcpy(e->values + at * e->n_values, from->values + first * e->n_values,
           n_nodes * e->n_values * sizeof *e->values);
    memcpy(e->sets + e->n_set_bytes, from->sets + set_first, n_set_bytes);
    for (size_t n = 1; n <= n_nodes; n++)
        e->set_starts[at + n] =
            from->set_starts[first + n] - (int64_t)set_first + (int64_t)e->n_set_bytes;
    for (size_t t = begin; t < end; t++) {
        e->tree_output[e->n_trees] = from->tree_output[t];
        e->tree_starts[++e->n_trees] = from->tree_starts[t + 1] - (int64_t)first + (int64_t)at;
    }
    e->n_nodes += n_nodes;
    e->n_set_bytes += n_set_bytes;
    return mer_ok();
}

void mer_ensemble_builder_truncate(struct mer_ensemble_builder *builder, size_t n_trees)
{
    struct mer_ensemble *e = &builder->ensemble;
    if (n_trees >= e->n_trees)
        return;
    e->n_trees = n_trees;
    e->n_nodes = (size_t)e->tree_starts[n_trees];
    e->n_set_bytes = (size_t)e->set_starts[e->n_nodes];
}

/* ---- the end ---- */

/* The largest size that a leaf of the tree adds to an output. */
static double largest_value(const struct mer_ensemble *e, size_t tree)
{
    double largest = 0;
    const size_t begin = (size_t)e->tree_starts[tree] * e->n_values;
    const size_t end = (size_t)e->tree_starts[tree + 1] * e->n_values;
    for (size_t i = begin; i < end; i++)
        largest = fabs(e->values[i]) > largest ? fabs(e->values[i]) : largest;
    return largest;
}

bool mer_ensemble_is_finite(const struct mer_ensemble *ensemble)
{
    double bound = 0;
    for (size_t k = 0; k < ensemble->n_outputs; k++)
        bound = fmax(bound, fabs(ensemble->base[k]));
    for (size_t t = 0; t < ensemble->n_trees; t++)
        bound += largest_value(ensemble, t);
    return isfinite(bound);
}

mer_status mer_ensemble_builder_finish(struct mer_ensemble_builder *builder,
                                       struct mer_ensemble *ret_ensemble, mer_err *err)
{
    const struct mer_ensemble *e = &builder->ensemble;
    if (!mer_ensemble_is_finite(e))
        return mer_fail(err, MER_ERR_DATA,
                        "the scores of the trees could be infinite: the target "
                        "has too large values");
    MER_GUARD(resize_trees(builder, e->n_trees, err));
    /* Copying everything to save a little is not worth it. */
    if (builder->node_capacity - e->n_nodes > e->n_nodes / 8)
        MER_GUARD(resize_nodes(builder, e->n_nodes, err));
    MER_GUARD(resize_sets(builder, e->n_set_bytes, err));
    *ret_ensemble = *e;
    builder->ensemble = (struct mer_ensemble){0};
    mer_ensemble_builder_release(builder);
    return mer_ok();
}
