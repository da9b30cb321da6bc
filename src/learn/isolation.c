/* Growing isolation trees: a random feature, a random threshold between the least and the largest
 * number of the node, until rows stand alone or the depth of a balanced tree is reached.
 */
#include "learn/isolation.h"

#include <math.h>
#include <string.h>

#include "core/math.h"
#include "core/rng.h"

/* A node that waits for its split. */
struct pending {
    uint32_t node;
    uint32_t depth;
    size_t begin;
    size_t end;
};

struct growth {
    const struct mer_design *design;
    size_t n_sample;
    size_t max_depth;
    mer_rng rng;
    uint32_t *rows;                  /* [n_sample] */
    uint32_t *spare;                 /* [n_sample] */
    uint32_t *features;              /* [n_features]: a permutation */
    struct mer_ensemble_node *nodes; /* [2 * n_sample] */
    double *values;
    uint8_t *sets; /* [n_sample][set_bytes] */
    size_t set_bytes;
    size_t n_nodes;
    size_t n_sets;
    struct pending *stack; /* [n_sample + 1] */
};

double mer_isolation_path(size_t n)
{
    double harmonic = 0;
    if (n < 2)
        return 0;
    for (size_t i = 1; i < n; i++)
        harmonic += 1 / (double)i;
    return 2 * harmonic - 2 * (double)(n - 1) / (double)n;
}

/* Rows without putting back (Floyd's algorithm, in Bentley, "Programming Pearls", CACM 30, 1987).
 */
static void draw_rows(struct growth *g)
{
    const size_t n_rows = g->design->n_rows;
    for (size_t i = 0; i < g->n_sample; i++) {
        const size_t last = n_rows - g->n_sample + i;
        uint32_t row = (uint32_t)mer_rng_below(&g->rng, last + 1);
        for (size_t other = 0; other < i; other++)
            if (g->rows[other] == row)
                row = (uint32_t)last;
        g->rows[i] = row;
    }
}

static double number_of(const struct growth *g, size_t row, size_t feature)
{
    return g->design->dense[row * g->design->n_dense + feature];
}

/* A threshold between the node's numbers; false when they are all the same. */
static bool split_number(struct growth *g, const struct pending *p, size_t feature,
                         struct mer_ensemble_node *node)
{
    double least = INFINITY;
    double largest = -INFINITY;
    for (size_t i = p->begin; i < p->end; i++) {
        const double x = number_of(g, g->rows[i], feature);
        least = x < least ? x : least;
        largest = x > largest ? x : largest;
    }
    if (!(least < largest))
        return false;
    const double u = mer_rng_uniform(&g->rng);
    const double threshold = least * (1 - u) + largest * u; /* no difference that could overflow */
    node->threshold = threshold >= least && threshold < largest ? threshold : least;
    node->missing_left = mer_rng_below(&g->rng, 2) == 1;
    return true;
}

static uint32_t level_of(const struct growth *g, size_t row, size_t group)
{
    const struct mer_design *design = g->design;
    const uint32_t width = design->group_start[group + 1] - design->group_start[group];
    return mer_ensemble_level(width, design->codes[row * design->n_groups + group]);
}

/* Every level goes to either side; one that is there goes left and another right. False when there
 * is only one. */
static bool split_levels(struct growth *g, const struct pending *p, size_t group,
                         struct mer_ensemble_node *node)
{
    const size_t n_levels =
        (size_t)(g->design->group_start[group + 1] - g->design->group_start[group]) + 1;
    const uint32_t first = level_of(g, g->rows[p->begin], group);
    size_t n_others = 0;
    for (size_t i = p->begin; i < p->end; i++)
        if (level_of(g, g->rows[i], group) != first)
            g->spare[n_others++] = level_of(g, g->rows[i], group);
    if (n_others == 0)
        return false;
    const uint32_t other = g->spare[mer_rng_below(&g->rng, n_others)];
    const bool first_left = mer_rng_below(&g->rng, 2) == 1;
    uint8_t *set = g->sets + g->n_sets * g->set_bytes;
    memset(set, 0, g->set_bytes);
    for (size_t level = 0; level < n_levels; level++) {
        bool left = mer_rng_below(&g->rng, 2) == 1;
        left = level == first ? first_left : level == other ? !first_left : left;
        set[level / 8] |= (uint8_t)(left << (level % 8));
    }
    node->set = g->n_sets++ * g->set_bytes;
    return true;
}

static bool goes_left(const struct growth *g, const struct mer_ensemble_node *node, size_t row)
{
    const size_t feature = (size_t)node->feature;
    if (feature < g->design->n_dense) {
        const double x = number_of(g, row, feature);
        return isnan(x) ? node->missing_left : x <= node->threshold;
    }
    const uint32_t level = level_of(g, row, feature - g->design->n_dense);
    return g->sets[node->set + level / 8] >> (level % 8) & 1;
}

/* Splits by the first feature of a random order that can; false when none can. */
static bool find_split(struct growth *g, const struct pending *p, struct mer_ensemble_node *node)
{
    const size_t n_features = g->design->n_dense + g->design->n_groups;
    for (size_t i = 0; i < n_features; i++) {
        const size_t at = i + mer_rng_below(&g->rng, n_features - i);
        const uint32_t feature = g->features[at];
        g->features[at] = g->features[i];
        g->features[i] = feature;
        node->feature = (int32_t)feature;
        if (feature < g->design->n_dense ? split_number(g, p, feature, node)
                                         : split_levels(g, p, feature - g->design->n_dense, node))
            return true;
    }
    return false;
}

static size_t part_rows(struct growth *g, const struct pending *p,
                        const struct mer_ensemble_node *node)
{
    size_t n_left = p->begin;
    size_t n_right = 0;
    for (size_t i = p->begin; i < p->end; i++) {
        if (goes_left(g, node, g->rows[i]))
            g->rows[n_left++] = g->rows[i];
        else
            g->spare[n_right++] = g->rows[i];
    }
    memcpy(g->rows + n_left, g->spare, n_right * sizeof *g->rows);
    return n_left;
}

/* The path of a leaf is its depth and what a tree on its rows would add. */
static void grow_tree(struct growth *g)
{
    size_t depth = 0;
    g->n_nodes = 1;
    g->n_sets = 0;
    draw_rows(g);
    g->stack[depth++] = (struct pending){.end = g->n_sample};
    while (depth > 0) {
        const struct pending p = g->stack[--depth];
        struct mer_ensemble_node *node = &g->nodes[p.node];
        *node = (struct mer_ensemble_node){.cover = (float)(p.end - p.begin)};
        if (p.end - p.begin < 2 || p.depth >= g->max_depth || !find_split(g, &p, node)) {
            node->feature = MER_ENSEMBLE_LEAF;
            g->values[p.node] = p.depth + mer_isolation_path(p.end - p.begin);
            continue;
        }
        const size_t middle = part_rows(g, &p, node);
        node->left = (uint32_t)g->n_nodes;
        g->stack[depth++] = (struct pending){(uint32_t)g->n_nodes + 1, p.depth + 1, middle, p.end};
        g->stack[depth++] = (struct pending){(uint32_t)g->n_nodes, p.depth + 1, p.begin, middle};
        g->n_nodes += 2;
    }
}

static mer_status init_growth(const struct mer_ctx *ctx, const struct mer_design *design,
                              size_t n_sample, struct growth *g, mer_err *err)
{
    struct mer_alloc *alloc = ctx->alloc;
    const size_t n_features = design->n_dense + design->n_groups;
    g->design = design;
    g->n_sample = n_sample;
    while ((size_t)1 << g->max_depth < n_sample)
        g->max_depth++;
    for (size_t k = 0; k < design->n_groups; k++) {
        const size_t width = design->group_start[k + 1] - design->group_start[k];
        g->set_bytes = width / 8 + 1 > g->set_bytes ? width / 8 + 1 : g->set_bytes;
    }
    MER_GUARD(mer_alloc_array(alloc, n_sample, sizeof *g->rows, &g->rows, err));
    MER_GUARD(mer_alloc_array(alloc, n_sample, sizeof *g->spare, &g->spare, err));
    MER_GUARD(mer_alloc_array(alloc, n_features, sizeof *g->features, &g->features, err));
    MER_GUARD(mer_alloc_array(alloc, 2 * n_sample, sizeof *g->nodes, &g->nodes, err));
    MER_GUARD(mer_alloc_zero(alloc, 2 * n_sample, sizeof *g->values, &g->values, err));
    MER_GUARD(mer_alloc_array(alloc, n_sample, g->set_bytes, &g->sets, err));
    MER_GUARD(mer_alloc_array(alloc, n_sample + 1, sizeof *g->stack, &g->stack, err));
    for (size_t f = 0; f < n_features; f++)
        g->features[f] = (uint32_t)f;
    return mer_ok();
}

static void release_growth(const struct mer_ctx *ctx, struct growth *g)
{
    mer_free(ctx->alloc, g->rows);
    mer_free(ctx->alloc, g->spare);
    mer_free(ctx->alloc, g->features);
    mer_free(ctx->alloc, g->nodes);
    mer_free(ctx->alloc, g->values);
    mer_free(ctx->alloc, g->sets);
    mer_free(ctx->alloc, g->stack);
}

static mer_status grow_all(const struct mer_ctx *ctx, const struct mer_isolation_options *options,
                           struct growth *g, struct mer_ensemble_builder *builder, mer_err *err)
{
    for (size_t t = 0; t < options->n_trees; t++) {
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        mer_rng_init(&g->rng, options->seed, mer_rng_stream("isolation", t));
        grow_tree(g);
        const struct mer_ensemble_tree tree = {
            .n_nodes = g->n_nodes, .nodes = g->nodes, .values = g->values, .sets = g->sets};
        MER_GUARD(mer_ensemble_builder_add(builder, &tree, err));
    }
    return mer_ok();
}

static mer_status fit_into(const struct mer_ctx *ctx, const struct mer_design *design,
                           const struct mer_isolation_options *options,
                           struct mer_isolation *isolation, mer_err *err)
{
    struct growth growth = {0};
    struct mer_ensemble_builder builder;
    MER_GUARD(mer_ensemble_builder_init(ctx->alloc, design, 1, 1, &builder, err));
    builder.ensemble.averaged = true;
    mer_status status = init_growth(ctx, design, isolation->sample_rows, &growth, err);
    if (mer_is_ok(status))
        status = grow_all(ctx, options, &growth, &builder, err);
    if (mer_is_ok(status))
        status = mer_ensemble_builder_finish(&builder, &isolation->ensemble, err);
    release_growth(ctx, &growth);
    mer_ensemble_builder_release(&builder);
    if (mer_is_ok(status))
        status =
            mer_ensemble_compact_new(ctx->alloc, &isolation->ensemble, &isolation->compact, err);
    return status;
}

mer_status mer_isolation_fit(const struct mer_ctx *ctx, const struct mer_design *design,
                             const struct mer_isolation_options *options,
                             struct mer_isolation *ret_isolation, mer_err *err)
{
    if (options->n_trees == 0 || options->sample_rows < 2 || design->n_rows < 2 ||
        design->n_rows > UINT32_MAX)
        return mer_fail(err, MER_ERR_DATA,
                        "an isolation forest needs a tree, and two rows to tell apart");
    *ret_isolation = (struct mer_isolation){.sample_rows = options->sample_rows < design->n_rows
                                                               ? options->sample_rows
                                                               : design->n_rows};
    const mer_status status = fit_into(ctx, design, options, ret_isolation, err);
    if (!mer_is_ok(status))
        mer_isolation_release(ctx, ret_isolation);
    return status;
}

void mer_isolation_release(const struct mer_ctx *ctx, struct mer_isolation *isolation)
{
    mer_ensemble_compact_free(ctx->alloc, isolation->compact);
    mer_ensemble_release(ctx->alloc, &isolation->ensemble);
    isolation->compact = NULL;
}

mer_status mer_isolation_scores(const struct mer_ctx *ctx, const struct mer_isolation *isolation,
                                const struct mer_ensemble_rows *rows, double *ret_scores,
                                mer_err *err)
{
    static const double ln_2 = 0.69314718055994530942;
    const double expected = mer_isolation_path(isolation->sample_rows);
    MER_GUARD(mer_ensemble_scores(ctx, isolation->compact, rows, ret_scores, err));
    for (size_t row = 0; row < rows->n_rows; row++)
        ret_scores[row] = mer_exp(-ln_2 * ret_scores[row] / expected);
    return mer_ok();
}
