/* A level of the tree at a time, in batches of nodes, with the thread team. A batch is searched by
 * features (a task looks for the best split of every node of the batch on its feature) and then
 * split by nodes; when the level is done, the columns' orders are parted into the children's
 * segments by features. Each task writes to its own place and what they found is combined in order,
 * so the tree does not depend on the number of threads. */
#include "learn/tree_grow.h"

#include <math.h>
#include <string.h>

#include "core/team.h"
#include "learn/tree_split.h"

enum { BATCH_NODES = 64, FIRST_NODES = 64 };

/* What splitting a node gives. */
struct division {
    size_t node;
    size_t feature;
    struct mer_tree_split split;
    struct mer_tree_node children[2];
};

struct grower {
    const struct mer_ctx *ctx;
    const struct mer_tree_limits *limits;
    struct mer_tree_data *data;
    struct mer_grown_tree *tree;
    size_t n_workers;
    struct mer_tree_scratch *scratch; /* [n_workers] */
    uint32_t *spare;                  /* [n_workers][n_rows] */
    uint8_t *goes_left;               /* [n_rows] */
    /* The batch. */
    size_t n_divisions;
    struct division *divisions;        /* [BATCH_NODES] */
    struct mer_tree_split *candidates; /* [n_features][BATCH_NODES] */
    double *child_stats;               /* [BATCH_NODES][2][n_stats] */
    uint8_t *bits;                     /* [BATCH_NODES][n_bit_bytes] */
    size_t n_bit_bytes;                /* of the largest set of levels */
    /* The level being parted. */
    size_t level_begin;
    size_t level_end;
};

void mer_grown_tree_release(const struct mer_ctx *ctx, struct mer_grown_tree *tree)
{
    mer_free(ctx->alloc, tree->nodes);
    mer_free(ctx->alloc, tree->stats);
    mer_free(ctx->alloc, tree->bits);
    *tree = (struct mer_grown_tree){0};
}

static void grower_release(struct grower *g)
{
    struct mer_alloc *alloc = g->ctx->alloc;
    for (size_t i = 0; g->scratch && i < g->n_workers; i++)
        mer_tree_scratch_release(g->ctx, &g->scratch[i]);
    mer_free(alloc, g->scratch);
    mer_free(alloc, g->spare);
    mer_free(alloc, g->goes_left);
    mer_free(alloc, g->divisions);
    mer_free(alloc, g->candidates);
    mer_free(alloc, g->child_stats);
    mer_free(alloc, g->bits);
}

/* Allocates what a grower needs; on failure the caller releases it. */
static mer_status grower_init(struct grower *g, mer_err *err)
{
    struct mer_alloc *alloc = g->ctx->alloc;
    const size_t n_rows = g->data->n_rows;
    g->n_workers = mer_team_size(g->ctx->team);
    g->n_bit_bytes = (g->data->max_levels + 7) / 8;
    MER_GUARD(mer_alloc_zero(alloc, g->n_workers, sizeof *g->scratch, &g->scratch, err));
    for (size_t i = 0; i < g->n_workers; i++)
        MER_GUARD(mer_tree_scratch_init(g->ctx, g->data, &g->scratch[i], err));
    MER_GUARD(mer_alloc_array(alloc, n_rows, g->n_workers * sizeof(uint32_t), &g->spare, err));
    MER_GUARD(mer_alloc_array(alloc, n_rows, 1, &g->goes_left, err));
    MER_GUARD(mer_alloc_array(alloc, BATCH_NODES, sizeof *g->divisions, &g->divisions, err));
    MER_GUARD(mer_alloc_array(alloc, mer_tree_data_features(g->data),
                              BATCH_NODES * sizeof *g->candidates, &g->candidates, err));
    MER_GUARD(mer_alloc_array(alloc, g->data->n_stats, 2 * BATCH_NODES * sizeof(double),
                              &g->child_stats, err));
    return mer_alloc_array(alloc, BATCH_NODES, g->n_bit_bytes, &g->bits, err);
}

/* Fills in what a node's rows say: weight, impurity, purity and stats[n_stats]. */
static void describe_classes(const struct mer_tree_data *data, struct mer_tree_node *node,
                             double *stats)
{
    memset(stats, 0, data->n_stats * sizeof *stats);
    for (size_t i = node->begin; i < node->end; i++)
        stats[data->classes[data->rows[i]]] += data->weights[data->rows[i]];
    double squares = 0;
    size_t n_present = 0;
    for (size_t k = 0; k < data->n_stats; k++) {
        node->weight += stats[k];
        squares += stats[k] * stats[k];
        n_present += stats[k] > 0;
    }
    node->is_pure = n_present == 1;
    node->impurity = node->is_pure ? 0 : node->weight - squares / node->weight;
}

static void describe_values(const struct mer_tree_data *data, struct mer_tree_node *node,
                            double *ret_mean)
{
    const double first = data->values[data->rows[node->begin]];
    double sum = 0;
    node->is_pure = true;
    for (size_t i = node->begin; i < node->end; i++) {
        const uint32_t row = data->rows[i];
        node->weight += data->weights[row];
        sum += data->weights[row] * data->values[row];
        node->is_pure = node->is_pure && data->values[row] == first;
    }
    const double mean = node->is_pure ? first : sum / node->weight;
    for (size_t i = node->begin; i < node->end; i++) {
        const double distance = data->values[data->rows[i]] - mean;
        node->impurity += data->weights[data->rows[i]] * distance * distance;
    }
    *ret_mean = mean;
}

static void describe(const struct mer_tree_data *data, struct mer_tree_node *node, double *stats)
{
    if (data->classes)
        describe_classes(data, node, stats);
    else
        describe_values(data, node, stats);
}

static struct mer_tree_segment segment_of(const struct grower *g, size_t node)
{
    const struct mer_tree_node *at = &g->tree->nodes[node];
    return (struct mer_tree_segment){at->begin, at->end, at->weight,
                                     g->tree->stats + node * g->tree->n_stats};
}

static bool is_open(const struct mer_tree_limits *limits, const struct mer_tree_node *node)
{
    const size_t n_rows = node->end - node->begin;
    return !node->is_pure && node->depth < limits->max_depth && n_rows >= limits->min_split_rows &&
           n_rows / 2 >= limits->min_leaf_rows;
}

/* Task: the best splits of the batch's nodes on one feature. */
static void search_feature(void *argument, size_t feature, size_t worker)
{
    const struct grower *g = argument;
    if (!mer_is_ok(mer_ctx_check_cancel(g->ctx, NULL)))
        return;
    for (size_t i = 0; i < g->n_divisions; i++) {
        const struct mer_tree_segment segment = segment_of(g, g->divisions[i].node);
        g->candidates[feature * BATCH_NODES + i] = mer_tree_split_search(
            g->data, &segment, feature, g->limits->min_leaf_rows, &g->scratch[worker]);
    }
}

/* The best of the candidates of the i-th node of the batch; feature SIZE_MAX when nothing splits
 * it.
 */
static void choose_split(const struct grower *g, size_t i)
{
    struct division *division = &g->divisions[i];
    division->feature = SIZE_MAX;
    division->split.score = -INFINITY;
    for (size_t feature = 0; feature < mer_tree_data_features(g->data); feature++) {
        const struct mer_tree_split *candidate = &g->candidates[feature * BATCH_NODES + i];
        if (candidate->score > division->split.score) {
            division->feature = feature;
            division->split = *candidate;
        }
    }
}

/* Moves the rows that go left to the front, both sides in the order they had, and returns how many
 * there are. */
static size_t part(uint32_t *rows, size_t n, const uint8_t *goes_left, uint32_t *spare)
{
    size_t n_left = 0;
    size_t n_right = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t row = rows[i];
        rows[n_left] = row; /* n_left <= i: what stood there was read before */
        spare[n_right] = row;
        n_left += goes_left[row];
        n_right += !goes_left[row];
    }
    memcpy(rows + n_left, spare, n_right * sizeof *rows);
    return n_left;
}

/* Marks which of the node's rows go left. */
static void mark_sides(const struct grower *g, const struct division *division,
                       const struct mer_tree_segment *segment, const uint8_t *bits)
{
    const struct mer_tree_data *data = g->data;
    const bool dense = division->feature < data->n_dense;
    const double *column = dense ? data->columns + division->feature * data->n_rows : NULL;
    const uint32_t *codes =
        dense ? NULL : data->codes + (division->feature - data->n_dense) * data->n_rows;
    for (size_t i = segment->begin; i < segment->end; i++) {
        const uint32_t row = data->rows[i];
        g->goes_left[row] = dense ? column[row] <= division->split.threshold
                                  : bits[codes[row] / 8] >> (codes[row] % 8) & 1;
    }
}

/* Task: splits one node of the batch, if there is a split: parts its rows and describes the
 * children. */
static void split_node(void *argument, size_t i, size_t worker)
{
    const struct grower *g = argument;
    struct mer_tree_data *data = g->data;
    struct division *division = &g->divisions[i];
    choose_split(g, i);
    if (division->feature == SIZE_MAX)
        return;
    const struct mer_tree_node *node = &g->tree->nodes[division->node];
    const struct mer_tree_segment segment = segment_of(g, division->node);
    uint8_t *bits = g->bits + i * g->n_bit_bytes;
    if (division->feature >= data->n_dense)
        mer_tree_split_levels(data, &segment, division->feature - data->n_dense, &division->split,
                              &g->scratch[worker], bits);
    mark_sides(g, division, &segment, bits);
    const size_t middle = node->begin + part(data->rows + node->begin, node->end - node->begin,
                                             g->goes_left, g->spare + worker * data->n_rows);
    for (size_t side = 0; side < 2; side++) {
        division->children[side] = (struct mer_tree_node){
            .feature = MER_TREE_LEAF,
            .begin = side == 0 ? node->begin : middle,
            .end = side == 0 ? middle : node->end,
            .depth = (uint8_t)(node->depth + 1),
        };
        describe(data, &division->children[side], g->child_stats + (2 * i + side) * data->n_stats);
    }
}

/* Room for two more nodes. */
static mer_status reserve_nodes(struct grower *g, mer_err *err)
{
    struct mer_grown_tree *tree = g->tree;
    if (tree->n_nodes + 2 <= tree->capacity)
        return mer_ok();
    const size_t capacity = tree->capacity ? tree->capacity * 2 : FIRST_NODES;
    size_t n_stats;
    if (!mer_size_mul(capacity, tree->n_stats * sizeof(double), &n_stats))
        return mer_fail(err, MER_ERR_MEMORY, "%zu nodes of a tree are too many", capacity);
    MER_GUARD(mer_alloc_resize(g->ctx->alloc, capacity * sizeof *tree->nodes, &tree->nodes, err));
    MER_GUARD(mer_alloc_resize(g->ctx->alloc, n_stats, &tree->stats, err));
    tree->capacity = capacity;
    return mer_ok();
}

static mer_status append_bits(struct grower *g, const uint8_t *bits, size_t n, mer_err *err)
{
    struct mer_grown_tree *tree = g->tree;
    if (tree->n_bits + n > tree->bits_capacity) {
        const size_t capacity = 2 * (tree->n_bits + n);
        MER_GUARD(mer_alloc_resize(g->ctx->alloc, capacity, &tree->bits, err));
        tree->bits_capacity = capacity;
    }
    memcpy(tree->bits + tree->n_bits, bits, n);
    tree->n_bits += n;
    return mer_ok();
}

/* Hangs the children of the batch's i-th node into the tree. */
static mer_status append_children(struct grower *g, size_t i, mer_err *err)
{
    const struct division *division = &g->divisions[i];
    struct mer_grown_tree *tree = g->tree;
    if (division->feature == SIZE_MAX)
        return mer_ok();
    MER_GUARD(reserve_nodes(g, err));
    struct mer_tree_node *node = &tree->nodes[division->node];
    node->feature = (int32_t)division->feature;
    node->threshold = division->split.threshold;
    node->left = (uint32_t)tree->n_nodes;
    node->bits = tree->n_bits;
    memcpy(&tree->nodes[tree->n_nodes], division->children, sizeof division->children);
    memcpy(&tree->stats[tree->n_nodes * tree->n_stats], &g->child_stats[2 * i * tree->n_stats],
           2 * tree->n_stats * sizeof(double));
    tree->n_nodes += 2;
    if (division->feature < g->data->n_dense)
        return mer_ok();
    const size_t n_levels = g->data->n_levels[division->feature - g->data->n_dense];
    return append_bits(g, g->bits + i * g->n_bit_bytes, (n_levels + 7) / 8, err);
}

/* Searches and splits the nodes that the batch has collected. */
static mer_status divide_batch(struct grower *g, mer_err *err)
{
    if (g->n_divisions == 0)
        return mer_ok();
    mer_team_run(g->ctx->team, search_feature, g, mer_tree_data_features(g->data));
    MER_GUARD(mer_ctx_check_cancel(g->ctx, err));
    mer_team_run(g->ctx->team, split_node, g, g->n_divisions);
    for (size_t i = 0; i < g->n_divisions; i++)
        MER_GUARD(append_children(g, i, err));
    g->n_divisions = 0;
    return mer_ok();
}

/* Task: parts a column's order into the segments of the new children. */
static void part_order(void *argument, size_t column, size_t worker)
{
    const struct grower *g = argument;
    if (!mer_is_ok(mer_ctx_check_cancel(g->ctx, NULL)))
        return;
    uint32_t *order = g->data->orders + column * g->data->n_rows;
    for (size_t n = g->level_begin; n < g->level_end; n++) {
        const struct mer_tree_node *node = &g->tree->nodes[n];
        if (node->feature == MER_TREE_LEAF)
            continue;
        const struct mer_tree_node *children = &g->tree->nodes[node->left];
        if (is_open(g->limits, &children[0]) || is_open(g->limits, &children[1]))
            (void)part(order + node->begin, node->end - node->begin, g->goes_left,
                       g->spare + worker * g->data->n_rows);
    }
}

static mer_status grow_level(struct grower *g, mer_err *err)
{
    for (size_t n = g->level_begin; n < g->level_end; n++) {
        if (is_open(g->limits, &g->tree->nodes[n]))
            g->divisions[g->n_divisions++].node = n;
        if (g->n_divisions == BATCH_NODES)
            MER_GUARD(divide_batch(g, err));
    }
    MER_GUARD(divide_batch(g, err));
    mer_team_run(g->ctx->team, part_order, g, g->data->n_dense);
    return mer_ctx_check_cancel(g->ctx, err);
}

static mer_status grow(struct grower *g, mer_err *err)
{
    MER_GUARD(grower_init(g, err));
    MER_GUARD(reserve_nodes(g, err));
    g->tree->nodes[0] = (struct mer_tree_node){.feature = MER_TREE_LEAF, .end = g->data->n_rows};
    describe(g->data, &g->tree->nodes[0], g->tree->stats);
    g->tree->n_nodes = 1;
    if (!isfinite(g->tree->nodes[0].weight))
        return mer_fail(err, MER_ERR_DATA, "the weights of the rows add up to no finite number");
    for (size_t begin = 0; begin < g->tree->n_nodes; begin = g->level_end) {
        g->level_begin = begin;
        g->level_end = g->tree->n_nodes;
        MER_GUARD(grow_level(g, err));
    }
    return mer_ok();
}

mer_status mer_tree_grow(const struct mer_ctx *ctx, const struct mer_tree_limits *limits,
                         struct mer_tree_data *data, struct mer_grown_tree *ret_tree, mer_err *err)
{
    struct mer_grown_tree tree = {.n_stats = data->n_stats};
    struct grower grower = {.ctx = ctx, .limits = limits, .data = data, .tree = &tree};
    const mer_status status = grow(&grower, err);
    grower_release(&grower);
    if (!mer_is_ok(status)) {
        mer_grown_tree_release(ctx, &tree);
        return status;
    }
    *ret_tree = tree;
    return mer_ok();
}
