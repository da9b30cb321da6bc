/* A decision tree (CART: Breiman, Friedman, Olshen, Stone, "Classification and Regression Trees",
 * 1984) for classification by Gini impurity and regression by squared error.
 *
 * How it is grown and cut back: tree_grow.h, tree_split.h. What a leaf predicts is the mean or the
 * class shares of its rows, drawn towards what its parent predicts as if `smoothing` more rows had
 * come from there; the parent is drawn towards its own parent, and the root's class shares towards
 * equal ones. So no class ever has probability 0, and small leaves are not believed too much.
 *
 * A categorical group is one feature, split into two sets of levels. The code -1 (none of the
 * levels) counts as a level of its own; a level that did not occur in a node's rows goes with the
 * heavier side.
 */
#include <math.h>
#include <string.h>

#include "core/team.h"
#include "learn/family.h"
#include "learn/saved.h"
#include "learn/tree_grow.h"

/* Nodes are in breadth-first order: the children of the first node that splits are 1 and 2, those
 * of the next 3 and 4, and so on. */
struct mer_model {
    size_t n_nodes;
    size_t n_outputs;
    size_t n_dense;
    size_t n_groups;
    uint32_t *widths;   /* [n_groups] */
    int32_t *features;  /* [n_nodes]: MER_TREE_LEAF, a dense feature, or n_dense + a group */
    double *thresholds; /* [n_nodes]: dense feature, left if <=; else 0 */
    int32_t *left;      /* [n_nodes]: children, 0 for a leaf */
    int32_t *right;
    double *outputs; /* [n_nodes][n_outputs] */
    /* Group: bit l of sets[set_starts[n] .. set_starts[n + 1]) says whether level l goes left, bit
     * `width` whether -1 does. */
    int64_t *set_starts; /* [n_nodes + 1] */
    uint8_t *sets;
};

enum {
    PARAM_MAX_DEPTH,
    PARAM_MIN_SAMPLES_LEAF,
    PARAM_MIN_SAMPLES_SPLIT,
    PARAM_MAX_LEAVES,
    PARAM_CCP_ALPHA,
    PARAM_SMOOTHING,
    N_PARAMS
};

static const struct mer_param_spec PARAMS[N_PARAMS] = {
    [PARAM_MAX_DEPTH] = {.name = "max_depth",
                         .type = MER_PARAM_INTEGER,
                         .minimum = 1,
                         .maximum = 64,
                         .preset = 16,
                         .help = "Splits on the way from the root to a leaf, at most."},
    [PARAM_MIN_SAMPLES_LEAF] = {.name = "min_samples_leaf",
                                .type = MER_PARAM_INTEGER,
                                .minimum = 1,
                                .maximum = 1e6,
                                .preset = 5,
                                .log_scale = true,
                                .help = "Rows that a leaf has at least."},
    [PARAM_MIN_SAMPLES_SPLIT] = {.name = "min_samples_split",
                                 .type = MER_PARAM_INTEGER,
                                 .minimum = 2,
                                 .maximum = 1e6,
                                 .preset = 2,
                                 .log_scale = true,
                                 .help = "Rows that a node needs to be split."},
    [PARAM_MAX_LEAVES] = {.name = "max_leaves",
                          .type = MER_PARAM_INTEGER,
                          .minimum = 2,
                          .maximum = 1 << 20,
                          .preset = 1 << 20,
                          .log_scale = true,
                          .help = "Leaves at most; the splits that gain most are kept."},
    [PARAM_CCP_ALPHA] = {.name = "ccp_alpha",
                         .type = MER_PARAM_NUMBER,
                         .minimum = 0,
                         .maximum = 1,
                         .preset = 0,
                         .help = "Cost-complexity pruning: the share of the root's impurity that "
                                 "each further leaf has to save."},
    [PARAM_SMOOTHING] = {.name = "smoothing",
                         .type = MER_PARAM_NUMBER,
                         .minimum = 0,
                         .maximum = 1e6,
                         .preset = 5,
                         .help = "Draws what a node predicts towards its parent, as if that many "
                                 "more rows had come from there."},
};

/* Measured on tables of 1,000 to 80,000 rows: the orders take about 20 ns a value, a level of the
 * tree 4 ns a value of a dense feature and, for a group, 2 ns a row and 0.7 more a class. */
static uint64_t cost(const struct mer_params *params, const struct mer_design *design,
                     const struct mer_target *target)
{
    const double n_rows = (double)design->n_rows;
    const size_t n_outputs = mer_target_outputs(target->task, target->n_classes);
    int log2_rows;
    frexp(n_rows, &log2_rows);
    const double n_levels = fmin(params->values[PARAM_MAX_DEPTH], 1.5 * log2_rows);
    const double level_us = (double)design->n_dense * 0.004 +
                            (double)design->n_groups * (0.002 + 0.0007 * (double)n_outputs);
    return 1 + (uint64_t)(n_rows * ((double)design->n_dense * 0.02 + n_levels * level_us));
}

/* ---- the model's arrays ---- */

static void free_model(const struct mer_ctx *ctx, struct mer_model *model)
{
    if (!model)
        return;
    mer_free(ctx->alloc, model->widths);
    mer_free(ctx->alloc, model->features);
    mer_free(ctx->alloc, model->thresholds);
    mer_free(ctx->alloc, model->left);
    mer_free(ctx->alloc, model->right);
    mer_free(ctx->alloc, model->outputs);
    mer_free(ctx->alloc, model->set_starts);
    mer_free(ctx->alloc, model->sets);
    mer_free(ctx->alloc, model);
}

static mer_status alloc_arrays(const struct mer_ctx *ctx, size_t n_set_bytes,
                               struct mer_model *model, mer_err *err)
{
    struct mer_alloc *alloc = ctx->alloc;
    const size_t n = model->n_nodes;
    size_t n_values;
    if (!mer_size_mul(n, model->n_outputs, &n_values))
        return mer_fail(err, MER_ERR_MEMORY, "%zu nodes with %zu outputs are too many", n,
                        model->n_outputs);
    MER_GUARD(mer_alloc_zero(alloc, model->n_groups, sizeof(uint32_t), &model->widths, err));
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof(int32_t), &model->features, err));
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof(double), &model->thresholds, err));
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof(int32_t), &model->left, err));
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof(int32_t), &model->right, err));
    MER_GUARD(mer_alloc_zero(alloc, n_values, sizeof(double), &model->outputs, err));
    MER_GUARD(mer_alloc_zero(alloc, n + 1, sizeof(int64_t), &model->set_starts, err));
    return mer_alloc_zero(alloc, n_set_bytes, 1, &model->sets, err);
}

/* A model with room for its arrays, zeroed, and the widths of the groups. */
static mer_status new_model(const struct mer_ctx *ctx, size_t n_nodes, size_t n_outputs,
                            size_t n_set_bytes, const struct mer_design *shape,
                            struct mer_model **ret_model, mer_err *err)
{
    struct mer_model *model = NULL;
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *model, &model, err));
    model->n_nodes = n_nodes;
    model->n_outputs = n_outputs;
    model->n_dense = shape->n_dense;
    model->n_groups = shape->n_groups;
    const mer_status status = alloc_arrays(ctx, n_set_bytes, model, err);
    if (!mer_is_ok(status)) {
        free_model(ctx, model);
        return status;
    }
    for (size_t g = 0; g < shape->n_groups; g++)
        model->widths[g] = shape->group_start[g + 1] - shape->group_start[g];
    *ret_model = model;
    return mer_ok();
}

/* Bytes of a node's set of levels: none unless it splits a group. */
static size_t set_bytes(const struct mer_model *model, int32_t feature)
{
    if (feature < 0 || (size_t)feature < model->n_dense)
        return 0;
    return model->widths[(size_t)feature - model->n_dense] / 8 + 1;
}

/* ---- from the grown tree to the model ---- */

/* Turns a node's class weights into shares, and draws these or the mean towards what the parent
 * predicts, in place. NULL: the root, drawn towards equal shares, or not at all. `rows` is the
 * smoothing in units of weight. */
static void smooth_node(const struct mer_tree_data *data, double rows, double weight,
                        const double *parent, double *stats)
{
    for (size_t k = 0; k < data->n_stats; k++) {
        const double sum = data->classes ? stats[k] : stats[k] * weight;
        const double equal = data->classes ? 1 / (double)data->n_stats : stats[k];
        stats[k] = (sum + rows * (parent ? parent[k] : equal)) / (weight + rows);
    }
}

/* Turns the nodes' stats into what they predict, from the root down. */
static void smooth(const struct mer_tree_data *data, double smoothing, struct mer_grown_tree *tree)
{
    const double rows = smoothing * tree->nodes[0].weight / (double)data->n_rows;
    smooth_node(data, rows, tree->nodes[0].weight, NULL, tree->stats);
    for (size_t n = 0; n < tree->n_nodes; n++) {
        if (tree->nodes[n].feature == MER_TREE_LEAF)
            continue;
        for (size_t child = tree->nodes[n].left; child < tree->nodes[n].left + 2u; child++)
            smooth_node(data, rows, tree->nodes[child].weight, tree->stats + n * tree->n_stats,
                        tree->stats + child * tree->n_stats);
    }
}

/* Lists the nodes that the root still reaches, in their order, and counts the bytes of their sets.
 */
static size_t list_reached(const struct mer_tree_data *data, const struct mer_grown_tree *tree,
                           uint32_t *ret_nodes, size_t *ret_set_bytes)
{
    size_t n = 1;
    size_t n_bytes = 0;
    ret_nodes[0] = 0;
    for (size_t i = 0; i < n; i++) {
        const struct mer_tree_node *node = &tree->nodes[ret_nodes[i]];
        if (node->feature == MER_TREE_LEAF)
            continue;
        ret_nodes[n++] = node->left;
        ret_nodes[n++] = node->left + 1;
        if ((size_t)node->feature >= data->n_dense)
            n_bytes += (data->n_levels[(size_t)node->feature - data->n_dense] + 7) / 8;
    }
    *ret_set_bytes = n_bytes;
    return n;
}

/* Copies the reached nodes into the model. */
static void pack(const struct mer_tree_data *data, const struct mer_grown_tree *tree,
                 const uint32_t *reached, struct mer_model *model)
{
    size_t next_child = 1;
    for (size_t n = 0; n < model->n_nodes; n++) {
        const struct mer_tree_node *node = &tree->nodes[reached[n]];
        const size_t n_bytes = set_bytes(model, node->feature);
        model->features[n] = node->feature;
        model->set_starts[n + 1] = model->set_starts[n] + (int64_t)n_bytes;
        if (n_bytes > 0)
            memcpy(model->sets + model->set_starts[n], tree->bits + node->bits, n_bytes);
        for (size_t k = 0; k < model->n_outputs; k++)
            model->outputs[n * model->n_outputs + k] =
                ldexp(tree->stats[reached[n] * tree->n_stats + k], data->exponent);
        if (node->feature == MER_TREE_LEAF)
            continue;
        model->thresholds[n] = n_bytes ? 0 : node->threshold;
        model->left[n] = (int32_t)next_child++;
        model->right[n] = (int32_t)next_child++;
    }
}

static mer_status cut_and_pack(const struct mer_ctx *ctx, const struct mer_params *params,
                               const struct mer_design *design, const struct mer_tree_data *data,
                               struct mer_grown_tree *tree, struct mer_model **ret_model,
                               mer_err *err)
{
    MER_GUARD(mer_tree_prune(ctx, params->values[PARAM_CCP_ALPHA], tree, err));
    MER_GUARD(mer_tree_keep_leaves(ctx, (size_t)params->values[PARAM_MAX_LEAVES], tree, err));
    smooth(data, params->values[PARAM_SMOOTHING], tree);
    uint32_t *reached = NULL;
    MER_GUARD(mer_alloc_array(ctx->alloc, tree->n_nodes, sizeof *reached, &reached, err));
    size_t n_set_bytes;
    const size_t n_nodes = list_reached(data, tree, reached, &n_set_bytes);
    const mer_status status =
        new_model(ctx, n_nodes, data->n_stats, n_set_bytes, design, ret_model, err);
    if (mer_is_ok(status))
        pack(data, tree, reached, *ret_model);
    mer_free(ctx->alloc, reached);
    return status;
}

static mer_status fit(const struct mer_ctx *ctx, const struct mer_params *params,
                      const struct mer_fit_data *fit_data, struct mer_model **ret_model,
                      mer_err *err)
{
    const struct mer_tree_limits limits = {
        .max_depth = (size_t)params->values[PARAM_MAX_DEPTH],
        .min_split_rows = (size_t)params->values[PARAM_MIN_SAMPLES_SPLIT],
        .min_leaf_rows = (size_t)params->values[PARAM_MIN_SAMPLES_LEAF],
    };
    struct mer_tree_data data;
    struct mer_grown_tree tree;
    MER_GUARD(mer_tree_data_init(ctx, fit_data->design, fit_data->target, &data, err));
    mer_status status = mer_tree_grow(ctx, &limits, &data, &tree, err);
    if (mer_is_ok(status)) {
        status = cut_and_pack(ctx, params, fit_data->design, &data, &tree, ret_model, err);
        mer_grown_tree_release(ctx, &tree);
    }
    mer_tree_data_release(ctx, &data);
    return status;
}

/* ---- predicting ---- */

enum { BLOCK_ROWS = 2048 };

struct prediction {
    const struct mer_ctx *ctx;
    const struct mer_model *model;
    const struct mer_design *design;
    double *outputs;
};

static bool goes_left(const struct mer_model *model, size_t node, const struct mer_design *design,
                      size_t row)
{
    const size_t feature = (size_t)model->features[node];
    if (feature < model->n_dense)
        return design->dense[row * model->n_dense + feature] <= model->thresholds[node];
    const size_t group = feature - model->n_dense;
    const int32_t code = design->codes[row * model->n_groups + group];
    const size_t level = code < 0 ? model->widths[group] : (size_t)code;
    return model->sets[(size_t)model->set_starts[node] + level / 8] >> (level % 8) & 1;
}

/* Task: one block of rows. */
static void predict_block(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct prediction *p = argument;
    const struct mer_model *model = p->model;
    const size_t n_outputs = model->n_outputs;
    const size_t end = (task + 1) * BLOCK_ROWS;
    if (!mer_is_ok(mer_ctx_check_cancel(p->ctx, NULL)))
        return;
    for (size_t row = task * BLOCK_ROWS; row < end && row < p->design->n_rows; row++) {
        size_t node = 0;
        while (model->features[node] != MER_TREE_LEAF)
            node = (size_t)(goes_left(model, node, p->design, row) ? model->left[node]
                                                                   : model->right[node]);
        memcpy(p->outputs + row * n_outputs, model->outputs + node * n_outputs,
               n_outputs * sizeof(double));
    }
}

static mer_status predict(const struct mer_ctx *ctx, const struct mer_model *model,
                          const struct mer_design *design, double *ret_predictions, mer_err *err)
{
    struct prediction prediction = {ctx, model, design, ret_predictions};
    const size_t n_blocks = design->n_rows / BLOCK_ROWS + (design->n_rows % BLOCK_ROWS != 0);
    mer_team_run(ctx->team, predict_block, &prediction, n_blocks);
    return mer_ctx_check_cancel(ctx, err);
}

/* ---- saving and loading ---- */

/* Leaves, and the depth of the deepest, of a tree in breadth-first order. */
static void measure(const struct mer_model *model, size_t *ret_leaves, size_t *ret_depth)
{
    size_t n_leaves = 0;
    size_t depth = 0;
    size_t level_end = 1; /* of the nodes of this depth */
    size_t next_child = 1;
    for (size_t n = 0; n < model->n_nodes; n++) {
        if (n == level_end) {
            depth++;
            level_end = next_child;
        }
        if (model->features[n] == MER_TREE_LEAF)
            n_leaves++;
        else
            next_child += 2;
    }
    *ret_leaves = n_leaves;
    *ret_depth = depth;
}

static mer_status save(const struct mer_model *model, const char *prefix, struct mer_bundle *bundle,
                       struct mer_json_writer *writer, mer_err *err)
{
    const size_t n = model->n_nodes;
    const struct {
        const char *name;
        enum mer_dtype dtype;
        size_t n;
        const void *data;
    } vectors[] = {
        {"features", MER_DTYPE_I32, n, model->features},
        {"thresholds", MER_DTYPE_F64, n, model->thresholds},
        {"left", MER_DTYPE_I32, n, model->left},
        {"right", MER_DTYPE_I32, n, model->right},
        {"set_starts", MER_DTYPE_I64, n + 1, model->set_starts},
        {"sets", MER_DTYPE_U8, (size_t)model->set_starts[n], model->sets},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        MER_GUARD(mer_bundle_add_vector(bundle, mer_array_name(prefix, vectors[i].name).text,
                                        vectors[i].dtype, vectors[i].n, vectors[i].data, err));
    const size_t shape[] = {n, model->n_outputs};
    MER_GUARD(mer_bundle_add(bundle, mer_array_name(prefix, "outputs").text, MER_DTYPE_F64, 2,
                             shape, model->outputs, true, err));
    size_t n_leaves, depth;
    measure(model, &n_leaves, &depth);
    mer_json_key(writer, "n_leaves");
    mer_json_put_unsigned(writer, n_leaves);
    mer_json_key(writer, "depth");
    mer_json_put_unsigned(writer, depth);
    return mer_ok();
}

/* What is wrong with the n-th node of a loaded model, or NULL. *next_child is where the next
 * split's children have to be: that makes it a tree, without cycles or shared nodes. */
static const char *node_fault(const struct mer_model *model, size_t n, size_t *next_child)
{
    const int32_t feature = model->features[n];
    if (feature < MER_TREE_LEAF ||
        (feature >= 0 && (size_t)feature >= model->n_dense + model->n_groups))
        return "splits a feature that does not exist";
    if (model->set_starts[n + 1] != model->set_starts[n] + (int64_t)set_bytes(model, feature))
        return "has a set of levels of the wrong size";
    if (!isfinite(model->thresholds[n]))
        return "has a threshold that is not finite";
    if (feature == MER_TREE_LEAF)
        return model->left[n] == 0 && model->right[n] == 0 ? NULL : "is a leaf with children";
    if (model->left[n] < 0 || (size_t)model->left[n] != *next_child || model->right[n] < 0 ||
        (size_t)model->right[n] != *next_child + 1)
        return "has children out of order";
    *next_child += 2;
    return NULL;
}

static mer_status check_loaded(const struct mer_model *model, const struct mer_json *object,
                               mer_err *err)
{
    size_t next_child = 1;
    for (size_t n = 0; n < model->n_nodes; n++) {
        const char *fault = node_fault(model, n, &next_child);
        if (fault || next_child > model->n_nodes)
            return mer_fail(err, MER_ERR_DATA, "node %zu of the tree %s", n,
                            fault ? fault : "has children behind the last node");
    }
    if (next_child != model->n_nodes)
        return mer_fail(err, MER_ERR_DATA, "the tree has nodes that nothing leads to");
    size_t n_leaves, depth;
    measure(model, &n_leaves, &depth);
    int64_t said_leaves = 0;
    int64_t said_depth = 0;
    MER_GUARD(
        mer_json_want_integer(object, "n_leaves", 1, INT32_MAX, "the tree", &said_leaves, err));
    MER_GUARD(mer_json_want_integer(object, "depth", 0, INT32_MAX, "the tree", &said_depth, err));
    if ((size_t)said_leaves != n_leaves || (size_t)said_depth != depth)
        return mer_fail(err, MER_ERR_DATA, "the tree has not the leaves or depth that it says");
    return mer_ok();
}

/* Copies an array of the known length into the model. */
static mer_status load_vector(const struct mer_bundle *bundle, const char *prefix, const char *name,
                              enum mer_dtype dtype, size_t n, void *ret_data, mer_err *err)
{
    const void *data = NULL;
    MER_GUARD(
        mer_bundle_get_vector(bundle, mer_array_name(prefix, name).text, dtype, n, &data, err));
    memcpy(ret_data, data, n * mer_dtype_size(dtype));
    return mer_ok();
}

static mer_status load_arrays(const struct mer_bundle *bundle, const char *prefix,
                              const struct mer_json *object, enum mer_task task, size_t n_set_bytes,
                              struct mer_model *model, mer_err *err)
{
    const size_t n = model->n_nodes;
    MER_GUARD(load_vector(bundle, prefix, "features", MER_DTYPE_I32, n, model->features, err));
    MER_GUARD(load_vector(bundle, prefix, "thresholds", MER_DTYPE_F64, n, model->thresholds, err));
    MER_GUARD(load_vector(bundle, prefix, "left", MER_DTYPE_I32, n, model->left, err));
    MER_GUARD(load_vector(bundle, prefix, "right", MER_DTYPE_I32, n, model->right, err));
    MER_GUARD(load_vector(bundle, prefix, "sets", MER_DTYPE_U8, n_set_bytes, model->sets, err));
    MER_GUARD(
        load_vector(bundle, prefix, "set_starts", MER_DTYPE_I64, n + 1, model->set_starts, err));
    if (model->set_starts[0] != 0 || model->set_starts[n] != (int64_t)n_set_bytes)
        return mer_fail(err, MER_ERR_DATA, "the tree's sets of levels do not fill their array");
    const struct mer_array_name name = mer_array_name(prefix, "outputs");
    const struct mer_array *outputs = NULL;
    MER_GUARD(mer_bundle_get(bundle, name.text, MER_DTYPE_F64, 2, &outputs, err));
    if (outputs->shape[0] != n || outputs->shape[1] != model->n_outputs)
        return mer_fail(err, MER_ERR_DATA, "array %s has not the shape %zu x %zu",
                        mer_quote(name.text).text, n, model->n_outputs);
    MER_GUARD(mer_saved_outputs_check(outputs->data, n, model->n_outputs, task, name.text, err));
    memcpy(model->outputs, outputs->data, outputs->n_bytes);
    return check_loaded(model, object, err);
}

static mer_status load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                       const char *prefix, const struct mer_json *object, enum mer_task task,
                       size_t n_classes, const struct mer_design *shape,
                       struct mer_model **ret_model, mer_err *err)
{
    const struct mer_array *features = NULL;
    const struct mer_array *sets = NULL;
    MER_GUARD(mer_bundle_get(bundle, mer_array_name(prefix, "features").text, MER_DTYPE_I32, 1,
                             &features, err));
    MER_GUARD(
        mer_bundle_get(bundle, mer_array_name(prefix, "sets").text, MER_DTYPE_U8, 1, &sets, err));
    const size_t n_nodes = features->shape[0];
    if (n_nodes == 0 || n_nodes > INT32_MAX)
        return mer_fail(err, MER_ERR_DATA, "a tree cannot have %zu nodes", n_nodes);
    struct mer_model *model = NULL;
    MER_GUARD(new_model(ctx, n_nodes, mer_target_outputs(task, n_classes), sets->shape[0], shape,
                        &model, err));
    const mer_status status = load_arrays(bundle, prefix, object, task, sets->shape[0], model, err);
    if (!mer_is_ok(status)) {
        free_model(ctx, model);
        return status;
    }
    *ret_model = model;
    return mer_ok();
}

const struct mer_family MER_FAMILY_TREE = {
    .name = "tree",
    .title = "Decision tree (CART)",
    .capabilities = MER_CAN_REGRESSION | MER_CAN_BINARY | MER_CAN_MULTICLASS | MER_CAN_WEIGHTS,
    .params = PARAMS,
    .n_params = N_PARAMS,
    .cost = cost,
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .free = free_model,
};
