/* What the leaves of a grown tree get, and what that does to the scores. */
#include <math.h>
#include <string.h>

#include "learn/gbdt_step.h"

/* The leaves' rows by task: each leaf's rows in a stripe, or where the leaves' rows are not in
 * their order, leaf by leaf, MER_BOOST_BLOCK rows at most. */
struct piece {
    uint32_t node;
    size_t begin;
    size_t end;
};

struct pieces {
    struct mer_boost_step *step;
    struct piece *pieces;
    size_t n_tasks;
    size_t n_each; /* pieces of a task */
};

static bool is_leaf(const struct mer_gbdt_node *node)
{
    return node->left == 0;
}

/* The first place of a leaf's ascending rows with a row not below `row`. */
static size_t place_of(const uint32_t *rows, const struct mer_gbdt_node *leaf, size_t row)
{
    size_t low = leaf->begin;
    size_t high = leaf->end;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (rows[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Task: the pieces of a stripe. */
static void cut_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct pieces *pieces = argument;
    const struct mer_boost_step *step = pieces->step;
    const uint32_t *rows = mer_grower_rows(step->work->grower);
    struct piece *piece = pieces->pieces + task * pieces->n_each;
    for (size_t i = 0; i < step->n_nodes; i++) {
        const struct mer_gbdt_node *node = &step->nodes[i];
        if (is_leaf(node))
            *piece++ = (struct piece){
                (uint32_t)i,
                task == 0 ? node->begin : place_of(rows, node, mer_boost_stripe_begin(step, task)),
                task + 1 == step->n_stripes
                    ? node->end
                    : place_of(rows, node, mer_boost_stripe_begin(step, task + 1))};
    }
}

static mer_status cut_leaves(struct mer_boost_step *step, struct mer_team *team, struct pieces *ret,
                             mer_err *err)
{
    size_t n_leaves = 0;
    size_t n_blocks = 0;
    for (size_t i = 0; i < step->n_nodes; i++) {
        const struct mer_gbdt_node *node = &step->nodes[i];
        n_leaves += is_leaf(node);
        n_blocks += is_leaf(node) ? mer_boost_blocks(node->end - node->begin) : 0;
    }
    const bool ascending = mer_grower_keeps_order(step->work->grower);
    *ret = (struct pieces){.step = step,
                           .n_tasks = ascending ? step->n_stripes : n_blocks,
                           .n_each = ascending ? n_leaves : 1};
    MER_GUARD(mer_alloc_array(step->boost->ctx->alloc, ret->n_tasks * ret->n_each,
                              sizeof *ret->pieces, &ret->pieces, err));
    if (ascending) {
        mer_team_run(team, cut_task, ret, step->n_stripes);
        return mer_ok();
    }
    struct piece *piece = ret->pieces;
    for (size_t i = 0; i < step->n_nodes; i++) {
        const struct mer_gbdt_node *node = &step->nodes[i];
        for (size_t at = node->begin; is_leaf(node) && at < node->end; at += MER_BOOST_BLOCK)
            *piece++ =
                (struct piece){(uint32_t)i, at,
                               at + MER_BOOST_BLOCK < node->end ? at + MER_BOOST_BLOCK : node->end};
    }
    return mer_ok();
}

/* The sums of a piece; integers, so that pieces can be added in any order. */
static void sum_piece(const struct mer_boost_step *step, const struct piece *piece)
{
    const uint32_t *rows = mer_grower_rows(step->work->grower);
    const float *gh = step->work->gh;
    int64_t g = 0;
    int64_t h = 0;
    for (size_t i = piece->begin; i < piece->end; i++) {
        const size_t row = rows[i];
        g += (int64_t)((double)gh[2 * row] * step->fixed);
        h += (int64_t)((double)gh[2 * row + 1] * step->fixed);
    }
    (void)__atomic_fetch_add(&step->work->sums[piece->node][0], g, __ATOMIC_RELAXED);
    (void)__atomic_fetch_add(&step->work->sums[piece->node][1], h, __ATOMIC_RELAXED);
}

static void sum_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct pieces *pieces = argument;
    for (size_t i = 0; i < pieces->n_each; i++)
        sum_piece(pieces->step, &pieces->pieces[task * pieces->n_each + i]);
}

/* Adds a leaf's value to the scores of a piece. */
static void update_piece(const struct mer_boost_step *step, const struct piece *piece)
{
    const uint32_t *rows = mer_grower_rows(step->work->grower);
    double *scores = step->boost->scores + step->output * step->boost->n_padded;
    const double value = step->values[piece->node];
    for (size_t i = piece->begin; i < piece->end; i++)
        scores[rows[i]] += value;
}

static void update_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct pieces *pieces = argument;
    for (size_t i = 0; i < pieces->n_each; i++)
        update_piece(pieces->step, &pieces->pieces[task * pieces->n_each + i]);
}

/* The value that minimises a loss that is not smooth: a quantile of what is left to explain. */
static double quantile_of_leaf(const struct mer_boost_step *step, const struct mer_gbdt_node *node,
                               double level)
{
    const struct mer_boost_state *boost = step->boost;
    const uint32_t *rows = mer_grower_rows(step->work->grower);
    const double *scores = boost->scores + step->output * boost->n_padded;
    double *residuals = step->work->residuals + node->begin;
    double *weights = boost->target->weights ? step->work->weights + node->begin : NULL;
    const size_t n = node->end - node->begin;
    for (size_t i = 0; i < n; i++) {
        const size_t row = rows[node->begin + i];
        residuals[i] = boost->target->values[row] - scores[row];
        if (weights)
            weights[i] = boost->target->weights[row];
    }
    const double value = mer_weighted_quantile(residuals, weights, n, level);
    return fmin(fmax(value, node->bounds.low), node->bounds.high);
}

struct quantiles {
    const struct mer_boost_step *step;
    double level;
    double *values;
};

/* Task: one node. */
static void quantile_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct quantiles *quantiles = argument;
    const struct mer_gbdt_node *node = &quantiles->step->nodes[task];
    if (!node->left)
        quantiles->values[task] = quantiles->step->boost->options->learning_rate *
                                  quantile_of_leaf(quantiles->step, node, quantiles->level);
}

static double newton_of_leaf(const struct mer_boost_step *step, size_t node)
{
    const struct mer_boost_state *boost = step->boost;
    const double most = mer_objective_step_max(boost->target->kind);
    const double value = mer_gbdt_value((double)step->work->sums[node][0] / step->fixed,
                                        (double)step->work->sums[node][1] / step->fixed,
                                        &boost->options->limits.rule, &step->nodes[node].bounds);

    return boost->options->learning_rate * fmin(fmax(value, -most), most);
}

mer_status mer_boost_value_leaves(struct mer_boost_step *step, struct mer_team *team,
                                  double *values, mer_err *err)
{
    const struct mer_boost_state *boost = step->boost;
    const double level = mer_objective(boost->target->kind)->leaf_quantile(boost->target);
    struct pieces pieces;
    MER_GUARD(cut_leaves(step, team, &pieces, err));
    memset(step->work->sums, 0, step->n_nodes * sizeof *step->work->sums);
    if (isnan(level)) {
        mer_team_run(team, sum_task, &pieces, pieces.n_tasks);
        for (size_t i = 0; i < step->n_nodes; i++)
            values[i] = step->nodes[i].left ? 0 : newton_of_leaf(step, i);
    } else {
        struct quantiles quantiles = {step, level, values};
        memset(values, 0, step->n_nodes * sizeof *values);
        mer_team_run(team, quantile_task, &quantiles, step->n_nodes);
    }
    step->values = values;
    mer_team_run(team, update_task, &pieces, pieces.n_tasks);
    mer_free(boost->ctx->alloc, pieces.pieces);
    return mer_ok();
}

/* Task: the scores of a block of the rows that were not grown from. */
static void others_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct mer_boost_step *step = argument;
    const struct mer_boost_state *boost = step->boost;
    const struct mer_store *store = boost->what->store;
    double *scores = boost->scores + step->output * boost->n_padded;
    const size_t end = mer_boost_block_end(task, boost->n_others);
    for (size_t i = task * MER_BOOST_BLOCK; i < end; i++) {
        const size_t row = boost->others[i];
        size_t n = 0;
        while (step->nodes[n].left) {
            const struct mer_store_feature *feature =
                &store->features[step->nodes[n].split.feature];
            const uint8_t cell = store->columns[feature->column].cells[row];
            n = step->work->sides[n * MER_BINS_MAX + cell] ? step->nodes[n].left
                                                           : step->nodes[n].right;
        }
        scores[row] += step->values[n];
    }
}

void mer_boost_update_others(struct mer_boost_step *step, struct mer_team *team)
{
    if (step->boost->n_others == 0)
        return;
    for (size_t i = 0; i < step->n_nodes; i++)
        if (step->nodes[i].left)
            mer_gbdt_sides(step->boost->what->store, &step->nodes[i].split,
                           step->work->sides + i * MER_BINS_MAX);
    mer_team_run(team, others_task, step, mer_boost_blocks(step->boost->n_others));
}
