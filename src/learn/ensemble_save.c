/* Saving an ensemble into a bundle, and loading one from a bundle that a stranger may have made.
 *
 * A loaded ensemble has one form: zeros where the header says that there is nothing, breadth-first
 * order, sets exactly of their sizes. So a model of the layout that is written saves the same bytes
 * again, and one of an earlier layout always the same ones.
 */
#include <math.h>
#include <string.h>

#include "learn/ensemble.h"
#include "learn/ensemble_arrays.h"
#include "learn/saved.h"

/* What is written (ensemble_arrays.h); layout 1, which has no number, is read as well. */
enum { LAYOUT = 2 };

/* ---- measures ---- */

/* Nodes are in breadth-first order: a level ends where the children of the one before end. */
static size_t measure_tree(const struct mer_ensemble *e, size_t tree, size_t *leaves)
{
    const size_t begin = (size_t)e->tree_starts[tree];
    const size_t n_nodes = (size_t)e->tree_starts[tree + 1] - begin;
    size_t depth = 0;
    size_t level_end = 1;
    size_t next_child = 1;
    for (size_t n = 0; n < n_nodes; n++) {
        if (n == level_end) {
            depth++;
            level_end = next_child;
        }
        if (e->features[begin + n] == MER_ENSEMBLE_LEAF)
            ++*leaves;
        else
            next_child += 2;
    }
    return depth;
}

void mer_ensemble_measure(const struct mer_ensemble *ensemble, size_t *ret_leaves,
                          size_t *ret_depth)
{
    *ret_leaves = 0;
    *ret_depth = 0;
    for (size_t t = 0; t < ensemble->n_trees; t++) {
        const size_t depth = measure_tree(ensemble, t, ret_leaves);
        *ret_depth = depth > *ret_depth ? depth : *ret_depth;
    }
}

/* ---- saving ---- */

mer_status mer_ensemble_save(const struct mer_ensemble *ensemble, const char *prefix,
                             struct mer_bundle *bundle, struct mer_json_writer *writer,
                             mer_err *err)
{
    MER_GUARD(mer_ensemble_put_arrays(ensemble, prefix, bundle, err));
    size_t n_leaves, depth;
    mer_ensemble_measure(ensemble, &n_leaves, &depth);
    mer_json_key(writer, "layout");
    mer_json_put_unsigned(writer, LAYOUT);
    mer_json_key(writer, "n_trees");
    mer_json_put_unsigned(writer, ensemble->n_trees);
    mer_json_key(writer, "n_leaves");
    mer_json_put_unsigned(writer, n_leaves);
    mer_json_key(writer, "depth");
    mer_json_put_unsigned(writer, depth);
    mer_json_key(writer, "averaged");
    mer_json_put_boolean(writer, ensemble->averaged);
    return mer_ok();
}

/* ---- what can be wrong ---- */

static const char *leaf_fault(const struct mer_ensemble *e, size_t node)
{
    if (e->left[node] != 0)
        return "is a leaf with children";
    if (e->thresholds[node] != 0 || e->missing_left[node] != 0 || e->gains[node] != 0)
        return "is a leaf with a condition";
    for (size_t k = 0; k < e->n_values; k++)
        if (!isfinite(e->values[node * e->n_values + k]))
            return "holds a value that is not finite";
    return NULL;
}

static const char *split_fault(const struct mer_ensemble *e, size_t node)
{
    const bool is_group = mer_ensemble_splits_group(e, e->features[node]);
    if (!isfinite(e->thresholds[node]))
        return "has a threshold that is not finite";
    if (e->missing_left[node] > 1)
        return "sends missing values nowhere";
    if (is_group && (e->thresholds[node] != 0 || e->missing_left[node] != 0))
        return "splits levels by a threshold";
    if (!isfinite(e->gains[node]))
        return "has a gain that is not finite";
    for (size_t k = 0; k < e->n_values; k++)
        if (e->values[node * e->n_values + k] != 0)
            return "is a split with a value";
    return NULL;
}

/* What is wrong with a node that another leads to, or NULL. *next_child is where the next split's
 * children have to be: that makes it a tree, without cycles or shared nodes. */
static const char *node_fault(const struct mer_ensemble *e, size_t node, size_t n_nodes,
                              size_t *next_child)
{
    const int32_t feature = e->features[node];
    if (feature < MER_ENSEMBLE_LEAF ||
        (feature >= 0 && (size_t)feature >= mer_ensemble_features(e)))
        return "splits a feature that does not exist";
    if (e->set_starts[node + 1] !=
        e->set_starts[node] + (int64_t)mer_ensemble_set_bytes(e, feature))
        return "has a set of levels of the wrong size";
    if (!(isfinite(e->covers[node]) && e->covers[node] >= 0))
        return "has a cover that is no weight";
    if (feature == MER_ENSEMBLE_LEAF)
        return leaf_fault(e, node);
    if (e->left[node] < 0 || (size_t)e->left[node] != *next_child)
        return "has children out of order";
    if (*next_child + 2 > n_nodes)
        return "has children behind the last node";
    *next_child += 2;
    return split_fault(e, node);
}

static mer_status check_tree(const struct mer_ensemble *e, size_t tree, mer_err *err)
{
    const size_t begin = (size_t)e->tree_starts[tree];
    const size_t n_nodes = (size_t)e->tree_starts[tree + 1] - begin;
    const size_t end_output = e->n_values == 1 ? e->n_outputs : 1;
    size_t next_child = 1;
    if (e->tree_output[tree] < 0 || (size_t)e->tree_output[tree] >= end_output)
        return mer_fail(err, MER_ERR_DATA, "tree %zu adds to an output that does not exist", tree);
    for (size_t n = 0; n < n_nodes; n++) {
        const char *fault = n < next_child ? node_fault(e, begin + n, n_nodes, &next_child)
                                           : "is one that nothing leads to";
        if (fault)
            return mer_fail(err, MER_ERR_DATA, "node %zu of tree %zu %s", n, tree, fault);
    }
    return mer_ok();
}

static mer_status check_starts(const struct mer_ensemble *e, mer_err *err)
{
    if (e->set_starts[0] != 0)
        return mer_fail(err, MER_ERR_DATA, "the trees' sets of levels do not fill their array");
    if (e->tree_starts[0] != 0 || e->tree_starts[e->n_trees] != (int64_t)e->n_nodes)
        return mer_fail(err, MER_ERR_DATA, "the trees do not fill the array of nodes");
    for (size_t t = 0; t < e->n_trees; t++)
        if (e->tree_starts[t + 1] <= e->tree_starts[t] ||
            e->tree_starts[t + 1] > (int64_t)e->n_nodes)
            return mer_fail(err, MER_ERR_DATA, "tree %zu has no nodes", t);
    return mer_ok();
}

static mer_status check_said(const struct mer_ensemble *e, const struct mer_json *object,
                             mer_err *err)
{
    int64_t n_trees = 0;
    int64_t n_leaves = 0;
    int64_t depth = 0;
    size_t leaves_there, depth_there;
    mer_ensemble_measure(e, &leaves_there, &depth_there);
    MER_GUARD(mer_json_want_integer(object, "n_trees", 0, MER_ENSEMBLE_MAX_TREES, "the ensemble",
                                    &n_trees, err));
    MER_GUARD(mer_json_want_integer(object, "n_leaves", 0, MER_ENSEMBLE_MAX_NODES, "the ensemble",
                                    &n_leaves, err));
    MER_GUARD(mer_json_want_integer(object, "depth", 0, MER_ENSEMBLE_MAX_NODES, "the ensemble",
                                    &depth, err));
    if ((size_t)n_trees != e->n_trees || (size_t)n_leaves != leaves_there ||
        (size_t)depth != depth_there)
        return mer_fail(err, MER_ERR_DATA,
                        "the ensemble has not the trees, leaves or depth that it says");
    return mer_ok();
}

static mer_status check_loaded(const struct mer_ensemble *e, const struct mer_json *object,
                               mer_err *err)
{
    MER_GUARD(check_starts(e, err));
    for (size_t k = 0; k < e->n_outputs; k++)
        if (!isfinite(e->base[k]))
            return mer_fail(err, MER_ERR_DATA, "base score %zu is not finite", k);
    for (size_t t = 0; t < e->n_trees; t++)
        MER_GUARD(check_tree(e, t, err));
    if (e->set_starts[e->n_nodes] != (int64_t)e->n_set_bytes)
        return mer_fail(err, MER_ERR_DATA, "the trees' sets of levels do not fill their array");
    if (!mer_ensemble_is_finite(e))
        return mer_fail(err, MER_ERR_DATA, "the scores of the trees could be infinite");
    return check_said(e, object, err);
}

/* ---- loading ---- */

/* Layout 1 has an element of every array for each node. */
static mer_status load_values(struct mer_alloc *alloc, const struct mer_bundle *bundle,
                              const char *prefix, struct mer_ensemble *e, mer_err *err)
{
    const struct mer_array_name name = mer_array_name(prefix, "values");
    const struct mer_array *values = NULL;
    MER_GUARD(mer_bundle_get(bundle, name.text, MER_DTYPE_F64, 2, &values, err));
    e->n_values = values->shape[1];
    if (values->shape[0] != e->n_nodes || (e->n_values != 1 && e->n_values != e->n_outputs))
        return mer_fail(err, MER_ERR_DATA, "array %s has not the shape %zu x %zu",
                        mer_quote(name.text).text, e->n_nodes, e->n_outputs);
    MER_GUARD(mer_alloc_bytes(alloc, values->n_bytes, &e->values, err));
    memcpy(e->values, values->data, values->n_bytes);
    return mer_ok();
}

static mer_status load_first(struct mer_alloc *alloc, const struct mer_bundle *bundle,
                             const char *prefix, struct mer_ensemble *e, mer_err *err)
{
    const size_t n = e->n_nodes;
    const struct {
        const char *name;
        enum mer_dtype dtype;
        size_t n;
        void *ret;
    } vectors[] = {
        {"base", MER_DTYPE_F64, e->n_outputs, &e->base},
        {"tree_starts", MER_DTYPE_I64, e->n_trees + 1, &e->tree_starts},
        {"tree_output", MER_DTYPE_I32, e->n_trees, &e->tree_output},
        {"features", MER_DTYPE_I32, n, &e->features},
        {"thresholds", MER_DTYPE_F64, n, &e->thresholds},
        {"missing_left", MER_DTYPE_U8, n, &e->missing_left},
        {"left", MER_DTYPE_I32, n, &e->left},
        {"gains", MER_DTYPE_F32, n, &e->gains},
        {"covers", MER_DTYPE_F32, n, &e->covers},
        {"set_starts", MER_DTYPE_I64, n + 1, &e->set_starts},
        {"sets", MER_DTYPE_U8, e->n_set_bytes, &e->sets},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        MER_GUARD(mer_ensemble_copy_vector(alloc, bundle, prefix, vectors[i].name, vectors[i].dtype,
                                           vectors[i].n, vectors[i].ret, err));
    return load_values(alloc, bundle, prefix, e, err);
}

/* The lengths of a bundle's arrays, which the rest is held to. */
static mer_status load_sizes(const struct mer_bundle *bundle, const char *prefix,
                             struct mer_ensemble *e, mer_err *err)
{
    const struct mer_array *trees = NULL;
    const struct mer_array *nodes = NULL;
    const struct mer_array *sets = NULL;
    MER_GUARD(mer_bundle_get(bundle, mer_array_name(prefix, "tree_output").text, MER_DTYPE_I32, 1,
                             &trees, err));
    MER_GUARD(mer_bundle_get(bundle, mer_array_name(prefix, "features").text, MER_DTYPE_I32, 1,
                             &nodes, err));
    MER_GUARD(
        mer_bundle_get(bundle, mer_array_name(prefix, "sets").text, MER_DTYPE_U8, 1, &sets, err));
    if (trees->shape[0] > MER_ENSEMBLE_MAX_TREES || nodes->shape[0] > MER_ENSEMBLE_MAX_NODES)
        return mer_fail(err, MER_ERR_DATA, "an ensemble cannot have %zu trees with %zu nodes",
                        trees->shape[0], nodes->shape[0]);
    e->n_trees = trees->shape[0];
    e->n_nodes = nodes->shape[0];
    e->n_set_bytes = sets->shape[0];
    return mer_ok();
}

static mer_status load_into(struct mer_alloc *alloc, const struct mer_bundle *bundle,
                            const char *prefix, const struct mer_json *object,
                            const struct mer_design *shape, struct mer_ensemble *e, mer_err *err)
{
    int64_t layout = 1;
    MER_GUARD(mer_alloc_zero(alloc, e->n_groups, sizeof *e->widths, &e->widths, err));
    for (size_t g = 0; g < e->n_groups; g++)
        e->widths[g] = shape->group_start[g + 1] - shape->group_start[g];
    if (mer_json_get(object, "layout"))
        MER_GUARD(
            mer_json_want_integer(object, "layout", LAYOUT, LAYOUT, "the ensemble", &layout, err));
    MER_GUARD(layout == LAYOUT ? mer_ensemble_get_arrays(alloc, bundle, prefix, e, err)
                               : load_first(alloc, bundle, prefix, e, err));
    if (!mer_json_boolean(mer_json_get(object, "averaged"), &e->averaged))
        return mer_fail(err, MER_ERR_DATA, "the ensemble does not say whether it is averaged");
    return check_loaded(e, object, err);
}

mer_status mer_ensemble_load(struct mer_alloc *alloc, const struct mer_bundle *bundle,
                             const char *prefix, const struct mer_json *object,
                             const struct mer_design *shape, size_t n_outputs,
                             struct mer_ensemble *ret_ensemble, mer_err *err)
{
    struct mer_ensemble ensemble = {
        .n_dense = shape->n_dense, .n_groups = shape->n_groups, .n_outputs = n_outputs};
    if (n_outputs == 0 || n_outputs > MER_ENSEMBLE_MAX_OUTPUTS)
        return mer_fail(err, MER_ERR_DATA, "an ensemble cannot have %zu outputs", n_outputs);
    MER_GUARD(load_sizes(bundle, prefix, &ensemble, err));
    const mer_status status = load_into(alloc, bundle, prefix, object, shape, &ensemble, err);
    if (!mer_is_ok(status)) {
        mer_ensemble_release(alloc, &ensemble);
        return status;
    }
    *ret_ensemble = ensemble;
    return mer_ok();
}
