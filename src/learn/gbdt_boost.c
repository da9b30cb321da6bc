#include "learn/gbdt_boost.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "core/team.h"

/* Rows of one task, and what the kernels do at once, of which it is a multiple. */
enum { BLOCK = 1 << 12, ROW_STEP = 32 };

/* What growing the tree of one class takes; as many as trees grow at the same time. */
struct work {
    struct mer_grower *grower;
    float *gh;       /* [n_padded][2] */
    uint32_t *codes; /* [n_padded] */
    uint8_t *active; /* [n_features of the store] */
    uint32_t *feature_order;
    int64_t (*sums)[2]; /* [nodes] of gradients and Hessians, fixed point */
    uint8_t *sides;     /* [nodes][256] of inner nodes, for rows that were not grown from */
    double *residuals;  /* [n_rows] for quantiles in leaves */
    double *weights;
};

/* A tree as it goes into the ensemble. */
struct grown {
    struct mer_ensemble_node *nodes;
    double *values;
    uint8_t *sets;
    size_t n_nodes;
    mer_status status;
    mer_err err;
};

struct boost {
    const struct mer_ctx *ctx;
    const struct mer_boosting *what;
    const struct mer_boost_options *options;
    const struct mer_boost_target *target;
    const struct mer_gbdt_kernels *kernels;
    size_t n_padded;
    size_t n_outputs;
    size_t n_nodes_max;
    size_t n_set_bytes; /* of the widest group */
    size_t round;

    double *scores;     /* [n_outputs][n_padded] */
    double *log_sums;   /* [n_padded], multinomial */
    uint32_t *learning; /* rows learned from, ascending */
    size_t n_learning;
    uint32_t *drawn; /* this round's rows */
    size_t n_drawn;
    uint32_t *others; /* rows that are not drawn, but whose scores are wanted */
    size_t n_others;
    uint32_t *held_out; /* for early stopping */
    size_t n_held_out;

    struct work *works;
    size_t n_works;
    struct grown *grown; /* [n_outputs] */
};

/* ---- gradients and codes ---- */

struct step {
    struct boost *boost;
    struct work *work;
    size_t output;
    double g_unit;
    double h_unit;
    size_t n_stripes;
    float (*maxima)[2]; /* [n_stripes] */
    double fixed;       /* fixed-point numbers in 1 of gradients */
    const struct mer_gbdt_node *nodes;
    size_t n_nodes;
    const double *values; /* [n_nodes] of leaves */
};

/* Rows are dealt out to the threads in stripes: what a thread writes to a row it reads next time.
 */
static size_t n_stripes_of(const struct boost *boost, const struct mer_team *team)
{
    const size_t n_threads = mer_team_size(team);
    const size_t n_blocks = boost->target->n_rows / BLOCK + 1;
    return n_threads < n_blocks ? n_threads : n_blocks;
}

static size_t stripe_begin(const struct step *step, size_t stripe)
{
    const size_t n_rows = step->boost->target->n_rows;
    return stripe == step->n_stripes ? n_rows
                                     : n_rows * stripe / step->n_stripes / ROW_STEP * ROW_STEP;
}

static size_t n_blocks_of(size_t n)
{
    return (n + BLOCK - 1) / BLOCK;
}

static size_t block_end(size_t task, size_t n)
{
    return (task + 1) * BLOCK < n ? (task + 1) * BLOCK : n;
}

/* Task: log(sum(exp(scores))) of a block of rows. */
static void log_sum_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    struct boost *boost = argument;
    boost->kernels->log_sum(boost->scores, boost->n_padded, boost->n_outputs, task * BLOCK,
                            block_end(task, boost->target->n_rows), boost->log_sums);
}

static void gradients_of_block(const struct step *step, size_t begin, size_t end)
{
    const struct boost *boost = step->boost;
    const struct mer_boost_target *target = boost->target;
    const double *scores = boost->scores + step->output * boost->n_padded;
    float *gh = step->work->gh;
    switch (target->kind) {
    case MER_OBJECTIVE_SQUARED:
        boost->kernels->squared(scores, target->values, target->weights, begin, end, gh);
        break;
    case MER_OBJECTIVE_LOGISTIC:
        boost->kernels->logistic(scores, target->classes, target->weights, begin, end, gh);
        break;
    case MER_OBJECTIVE_MULTINOMIAL:
        boost->kernels->softmax(scores, boost->log_sums, target->classes, (int32_t)step->output,
                                target->weights, begin, end, gh);
        break;
    default:
        mer_objective(target->kind)->gradients(target, scores, begin, end, gh);
        break;
    }
}

/* Task: gradients of a stripe, and the largest of them, while they are in the cache. */
static void gradient_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct step *step = argument;
    const size_t end = stripe_begin(step, task + 1);
    const float *gh = step->work->gh;
    float largest_g = 0;
    float largest_h = 0;
    for (size_t begin = stripe_begin(step, task); begin < end; begin += BLOCK) {
        const size_t block_end = end - begin < BLOCK ? end : begin + BLOCK;
        gradients_of_block(step, begin, block_end);
        for (size_t i = begin; i < block_end; i++) {
            const float g = fabsf(gh[2 * i]);
            const float h = gh[2 * i + 1];
            largest_g = g > largest_g ? g : largest_g;
            largest_h = h > largest_h ? h : largest_h;
        }
    }
    step->maxima[task][0] = largest_g;
    step->maxima[task][1] = largest_h;
}

/* Task: the codes of a stripe. */
static void quantise_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct step *step = argument;
    const struct boost *boost = step->boost;
    const uint32_t key[2] = {(uint32_t)boost->options->seed,
                             (uint32_t)(boost->options->seed >> 32)};
    const uint32_t stream = (uint32_t)(boost->round * boost->n_outputs + step->output);
    boost->kernels->quantise(step->work->gh, key, stream, step->g_unit, step->h_unit,
                             stripe_begin(step, task), stripe_begin(step, task + 1),
                             step->work->codes);
}

/* Gradients, their units, and codes. Gradients that are not finite end the fit. */
static mer_status make_codes(struct step *step, struct mer_team *team, mer_err *err)
{
    const struct boost *boost = step->boost;
    const struct mer_objective *objective = mer_objective(boost->target->kind);
    double g = 0;
    double h = 0;
    MER_GUARD(mer_alloc_array(boost->ctx->alloc, step->n_stripes, sizeof *step->maxima,
                              &step->maxima, err));
    mer_team_run(team, gradient_task, step, step->n_stripes);
    for (size_t i = 0; i < step->n_stripes; i++) {
        g = fmax(g, (double)step->maxima[i][0]);
        h = fmax(h, (double)step->maxima[i][1]);
    }
    mer_free(boost->ctx->alloc, step->maxima);
    if (!isfinite(g) || !isfinite(h))
        return mer_fail(
            err, MER_ERR_DATA,
            "boosting diverged: gradients are too large; a lower learning_rate or other "
            "units of the target help");
    const bool constant = objective->constant_hessian && !boost->target->weights;
    step->g_unit = g > 0 ? g / MER_WORD_G_MAX : 1;
    step->h_unit = constant ? 0 : h > 0 ? h / MER_WORD_H_MAX : 1;
    /* The sum of all rows stays below 2^62. */
    int exponent_g, exponent_n;
    (void)frexp(fmax(fmax(g, h), DBL_MIN), &exponent_g);
    (void)frexp((double)boost->target->n_rows, &exponent_n);
    step->fixed = ldexp(1, 61 - exponent_g - exponent_n);
    mer_team_run(team, quantise_task, step, step->n_stripes);
    return mer_ok();
}

/* ---- what leaves get, and what it does to the scores ---- */

/* The leaves' rows by task: each leaf's rows in a stripe, or where the leaves' rows are not in
 * their order, leaf by leaf, BLOCK rows at most. */
struct piece {
    uint32_t node;
    size_t begin;
    size_t end;
};

struct pieces {
    struct step *step;
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
    const struct step *step = pieces->step;
    const uint32_t *rows = mer_grower_rows(step->work->grower);
    struct piece *piece = pieces->pieces + task * pieces->n_each;
    for (size_t i = 0; i < step->n_nodes; i++) {
        const struct mer_gbdt_node *node = &step->nodes[i];
        if (is_leaf(node))
            *piece++ = (struct piece){
                (uint32_t)i,
                task == 0 ? node->begin : place_of(rows, node, stripe_begin(step, task)),
                task + 1 == step->n_stripes ? node->end
                                            : place_of(rows, node, stripe_begin(step, task + 1))};
    }
}

static mer_status cut_leaves(struct step *step, struct mer_team *team, struct pieces *ret,
                             mer_err *err)
{
    size_t n_leaves = 0;
    size_t n_blocks = 0;
    for (size_t i = 0; i < step->n_nodes; i++) {
        const struct mer_gbdt_node *node = &step->nodes[i];
        n_leaves += is_leaf(node);
        n_blocks += is_leaf(node) ? n_blocks_of(node->end - node->begin) : 0;
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
        for (size_t at = node->begin; is_leaf(node) && at < node->end; at += BLOCK)
            *piece++ =
                (struct piece){(uint32_t)i, at, at + BLOCK < node->end ? at + BLOCK : node->end};
    }
    return mer_ok();
}

/* The sums of a piece; integers, so that pieces can be added in any order. */
static void sum_piece(const struct step *step, const struct piece *piece)
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
static void update_piece(const struct step *step, const struct piece *piece)
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
static double quantile_of_leaf(const struct step *step, const struct mer_gbdt_node *node,
                               double level)
{
    const struct boost *boost = step->boost;
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
    const struct step *step;
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

static mer_status value_leaves(struct step *step, struct mer_team *team, double *values,
                               mer_err *err)
{
    const struct boost *boost = step->boost;
    const double level = mer_objective(boost->target->kind)->leaf_quantile(boost->target);
    struct pieces pieces;
    MER_GUARD(cut_leaves(step, team, &pieces, err));
    memset(step->work->sums, 0, step->n_nodes * sizeof *step->work->sums);
    if (isnan(level)) {
        mer_team_run(team, sum_task, &pieces, pieces.n_tasks);
        for (size_t i = 0; i < step->n_nodes; i++)
            values[i] =
                step->nodes[i].left
                    ? 0
                    : boost->options->learning_rate *
                          mer_gbdt_value((double)step->work->sums[i][0] / step->fixed,
                                         (double)step->work->sums[i][1] / step->fixed,
                                         &boost->options->limits.rule, &step->nodes[i].bounds);
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
    const struct step *step = argument;
    const struct boost *boost = step->boost;
    const struct mer_store *store = boost->what->store;
    double *scores = boost->scores + step->output * boost->n_padded;
    const size_t end = block_end(task, boost->n_others);
    for (size_t i = task * BLOCK; i < end; i++) {
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

static void update_others(struct step *step, struct mer_team *team)
{
    if (step->boost->n_others == 0)
        return;
    for (size_t i = 0; i < step->n_nodes; i++)
        if (step->nodes[i].left)
            mer_gbdt_sides(step->boost->what->store, &step->nodes[i].split,
                           step->work->sides + i * MER_BINS_MAX);
    mer_team_run(team, others_task, step, n_blocks_of(step->boost->n_others));
}

/* ---- from a grown tree to one of an ensemble ---- */

/* The set of codes that go left from the set of bins. */
static void codes_of_set(const struct mer_bin_feature *feature, const uint64_t bins[4],
                         uint8_t *ret_set)
{
    memset(ret_set, 0, (feature->n_codes + 7) / 8);
    for (uint32_t code = 0; code < feature->n_codes; code++) {
        const uint8_t bin = feature->bin_of_code[code];
        if (bins[bin / 64] >> (bin % 64) & 1)
            ret_set[code / 8] |= (uint8_t)(1u << (code % 8));
    }
}

static void convert_tree(const struct step *step, struct grown *grown)
{
    const struct boost *boost = step->boost;
    grown->n_nodes = step->n_nodes;
    for (size_t i = 0; i < step->n_nodes; i++) {
        const struct mer_gbdt_node *node = &step->nodes[i];
        struct mer_ensemble_node *to = &grown->nodes[i];
        *to = (struct mer_ensemble_node){.feature = MER_ENSEMBLE_LEAF,
                                         .cover = (float)(node->end - node->begin)};
        if (!node->left)
            continue;
        const struct mer_store_feature *stored = &boost->what->store->features[node->split.feature];
        const struct mer_bin_feature *feature = &boost->what->bins->features[stored->feature];
        to->feature = (int32_t)stored->feature;
        to->left = node->left;
        to->gain = (float)node->split.gain;
        to->set = i * boost->n_set_bytes;
        if (feature->is_group) {
            codes_of_set(feature, node->split.set, grown->sets + to->set);
        } else {
            const bool between = node->split.cut + 1 < mer_bin_feature_values(feature);
            to->threshold = between ? feature->upper[node->split.cut] : DBL_MAX;
            to->missing_left = node->split.missing_left;
        }
    }
}

/* ---- one tree ---- */

/* The features that the tree may split; NULL: all. */
static const uint8_t *draw_features(const struct boost *boost, struct work *work, size_t output)
{
    const size_t n = boost->what->store->n_features;
    const size_t n_drawn = (size_t)ceil(boost->options->colsample * (double)n);
    if (n_drawn >= n)
        return NULL;
    mer_rng rng;
    mer_rng_init(&rng, boost->options->seed,
                 mer_rng_stream("gbdt features", boost->round * boost->n_outputs + output));
    for (size_t i = 0; i < n; i++)
        work->feature_order[i] = (uint32_t)i;
    mer_rng_shuffle(&rng, work->feature_order, n);
    memset(work->active, 0, n);
    for (size_t i = 0; i < n_drawn; i++)
        work->active[work->feature_order[i]] = 1;
    return work->active;
}

static mer_status grow_tree(struct boost *boost, struct work *work, size_t output,
                            struct mer_team *team, mer_err *err)
{
    struct step step = {
        .boost = boost, .work = work, .output = output, .n_stripes = n_stripes_of(boost, team)};
    struct grown *grown = &boost->grown[output];
    MER_GUARD(make_codes(&step, team, err));
    MER_GUARD(mer_grower_grow(work->grower, team, work->codes, boost->drawn, boost->n_drawn,
                              step.g_unit, step.h_unit > 0 ? step.h_unit : 1,
                              draw_features(boost, work, output), err));
    step.nodes = mer_grower_nodes(work->grower, &step.n_nodes);
    MER_GUARD(value_leaves(&step, team, grown->values, err));
    update_others(&step, team);
    convert_tree(&step, grown);
    return mer_ok();
}

/* Task: the tree of one class in one thread. */
static void class_task(void *argument, size_t task, size_t worker)
{
    struct boost *boost = argument;
    struct grown *grown = &boost->grown[task];
    grown->status = grow_tree(boost, &boost->works[worker], task, NULL, &grown->err);
}

/* ---- rounds ---- */

/* The rows of this round: each is drawn with the same probability, by a random number of its own.
 */
static void draw_rows(struct boost *boost)
{
    const double share = boost->options->subsample;
    if (share >= 1) {
        boost->n_drawn = boost->n_learning;
        return;
    }
    const uint64_t stream = mer_rng_stream("gbdt rows", boost->round);
    mer_rng rng;
    mer_rng_init(&rng, boost->options->seed, stream);
    boost->n_drawn = 0;
    boost->n_others = boost->n_held_out;
    for (size_t i = 0; i < boost->n_learning; i++) {
        if (mer_rng_uniform(&rng) < share)
            boost->drawn[boost->n_drawn++] = boost->learning[i];
        else
            boost->others[boost->n_others++] = boost->learning[i];
    }
    if (boost->n_drawn == 0) {
        boost->drawn[boost->n_drawn++] = boost->learning[0];
        boost->n_others = boost->n_held_out;
        memcpy(boost->others + boost->n_others, boost->learning + 1,
               (boost->n_learning - 1) * sizeof(uint32_t));
        boost->n_others += boost->n_learning - 1;
    }
}

/* Trees of classes grow beside each other as far as there is one for every thread; the rest is
 * grown by all threads together, as is the tree of a single output. */
static mer_status grow_round(struct boost *boost, mer_err *err)
{
    struct mer_team *team = boost->ctx->team;
    const size_t n_threads = boost->n_works;
    const size_t n_beside = n_threads > 1 ? boost->n_outputs / n_threads * n_threads : 0;
    draw_rows(boost);
    if (boost->target->kind == MER_OBJECTIVE_MULTINOMIAL)
        mer_team_run(team, log_sum_task, boost, n_blocks_of(boost->target->n_rows));
    if (n_beside > 1)
        mer_team_run(team, class_task, boost, n_beside);
    for (size_t k = n_beside > 1 ? n_beside : 0; k < boost->n_outputs; k++)
        boost->grown[k].status = grow_tree(boost, &boost->works[0], k, team, &boost->grown[k].err);
    for (size_t k = 0; k < boost->n_outputs; k++) {
        if (!mer_is_ok(boost->grown[k].status)) {
            if (err)
                *err = boost->grown[k].err;
            return boost->grown[k].status;
        }
    }
    return mer_ok();
}

static mer_status add_round(const struct boost *boost, struct mer_ensemble_builder *builder,
                            mer_err *err)
{
    for (size_t k = 0; k < boost->n_outputs; k++) {
        const struct grown *grown = &boost->grown[k];
        const struct mer_ensemble_tree tree = {.n_nodes = grown->n_nodes,
                                               .nodes = grown->nodes,
                                               .values = grown->values,
                                               .sets = grown->sets,
                                               .output = (int32_t)k};
        MER_GUARD(mer_ensemble_builder_add(builder, &tree, err));
    }
    return mer_ok();
}

/* Rounds until the last, or until the held-out rows have seen nothing better for long. */
static mer_status run_rounds(struct boost *boost, struct mer_ensemble_builder *builder,
                             double *losses, size_t *ret_n_losses, mer_err *err)
{
    const struct mer_boost_options *options = boost->options;
    const size_t n_before = builder->ensemble.n_trees;
    size_t best = 0;
    size_t n = 0;
    if (losses)
        losses[n++] = mer_objective_loss(boost->target, boost->scores, boost->n_padded,
                                         boost->held_out, boost->n_held_out);
    for (boost->round = 0; boost->round < options->n_rounds; boost->round++) {
        mer_ctx_progress(boost->ctx, "boosting", boost->round, options->n_rounds);
        MER_GUARD(mer_ctx_check_cancel(boost->ctx, err));
        MER_GUARD(grow_round(boost, err));
        MER_GUARD(add_round(boost, builder, err));
        if (!losses)
            continue;
        losses[n] = mer_objective_loss(boost->target, boost->scores, boost->n_padded,
                                       boost->held_out, boost->n_held_out);
        if (losses[n] < losses[best])
            best = n;
        if (++n - 1 - best >= options->early_stopping_rounds)
            break;
    }
    if (losses)
        mer_ensemble_builder_truncate(builder, n_before + best * boost->n_outputs);
    *ret_n_losses = n;
    return mer_ok();
}

/* ---- beginning and end ---- */

/* Draws, or looks whether the row is one of the last that are watched. */
static bool is_held_out(const struct boost *boost, size_t row, mer_rng *rng)
{
    const struct mer_boost_options *options = boost->options;
    if (options->n_watched > 0)
        return row >= boost->target->n_rows - options->n_watched;
    return boost->held_out && mer_rng_uniform(rng) < options->validation_fraction;
}

/* Rows with weight, but for those held out. */
static mer_status choose_rows(struct boost *boost, mer_err *err)
{
    const struct mer_boost_target *target = boost->target;
    mer_rng rng;
    mer_rng_init(&rng, boost->options->seed, mer_rng_stream("gbdt validation", 0));
    for (size_t i = 0; i < target->n_rows; i++) {
        if (target->weights && !(target->weights[i] > 0))
            continue;
        if (is_held_out(boost, i, &rng))
            boost->held_out[boost->n_held_out++] = (uint32_t)i;
        else
            boost->learning[boost->n_learning++] = (uint32_t)i;
    }
    if (boost->n_learning == 0)
        return mer_fail(err, MER_ERR_DATA, "there is no row with weight to learn from");
    if (boost->held_out && boost->n_held_out == 0)
        return mer_fail(err, MER_ERR_DATA,
                        "there are too few rows to hold some out for early stopping");
    memcpy(boost->others, boost->held_out ? boost->held_out : boost->learning,
           boost->n_held_out * sizeof(uint32_t));
    boost->n_others = boost->n_held_out;
    memcpy(boost->drawn, boost->learning, boost->n_learning * sizeof(uint32_t));
    return mer_ok();
}

static mer_status start_scores(struct boost *boost, struct mer_ensemble_builder *builder,
                               mer_err *err)
{
    const size_t n = boost->n_outputs * boost->n_padded;
    if (boost->what->initial_scores) {
        memcpy(boost->scores, boost->what->initial_scores, n * sizeof *boost->scores);
        return mer_ok();
    }
    double *base = builder->ensemble.base;
    MER_GUARD(mer_objective_base(boost->ctx, boost->target, boost->learning, boost->n_learning,
                                 base, err));
    for (size_t i = 0; i < n; i++)
        boost->scores[i] = base[i / boost->n_padded];
    return mer_ok();
}

static mer_status alloc_work(struct boost *boost, struct work *work, size_t n_workers, mer_err *err)
{
    const struct mer_ctx *ctx = boost->ctx;
    struct mer_alloc *alloc = ctx->alloc;
    const size_t n = boost->n_padded;
    const size_t n_features = boost->what->store->n_features;
    const bool needs_residuals =
        !isnan(mer_objective(boost->target->kind)->leaf_quantile(boost->target));
    const bool needs_sides = boost->held_out || boost->options->subsample < 1;
    const size_t n_sides = needs_sides ? boost->n_nodes_max : 0;
    MER_GUARD(mer_grower_new(ctx, boost->what->store, &boost->options->limits, n_workers,
                             boost->options->hist_bytes / boost->n_works, &work->grower, err));
    MER_GUARD(mer_alloc_scattered(alloc, n, 2 * sizeof(float), &work->gh, err));
    MER_GUARD(mer_alloc_scattered(alloc, n, sizeof(uint32_t), &work->codes, err));
    MER_GUARD(mer_alloc_zero(alloc, n_features, 1, &work->active, err));
    MER_GUARD(mer_alloc_array(alloc, n_features, sizeof(uint32_t), &work->feature_order, err));
    MER_GUARD(mer_alloc_array(alloc, boost->n_nodes_max, sizeof *work->sums, &work->sums, err));
    MER_GUARD(mer_alloc_array(alloc, n_sides, MER_BINS_MAX, &work->sides, err));
    MER_GUARD(
        mer_alloc_array(alloc, needs_residuals ? n : 0, sizeof(double), &work->residuals, err));
    return mer_alloc_array(alloc, needs_residuals ? n : 0, sizeof(double), &work->weights, err);
}

static mer_status alloc_grown(struct boost *boost, mer_err *err)
{
    struct mer_alloc *alloc = boost->ctx->alloc;
    MER_GUARD(mer_alloc_zero(alloc, boost->n_outputs, sizeof *boost->grown, &boost->grown, err));
    for (size_t k = 0; k < boost->n_outputs; k++) {
        struct grown *grown = &boost->grown[k];
        const size_t n = boost->n_nodes_max;
        MER_GUARD(mer_alloc_array(alloc, n, sizeof *grown->nodes, &grown->nodes, err));
        MER_GUARD(mer_alloc_array(alloc, n, sizeof *grown->values, &grown->values, err));
        MER_GUARD(mer_alloc_array(alloc, n, boost->n_set_bytes, &grown->sets, err));
    }
    return mer_ok();
}

static mer_status alloc_rows(struct boost *boost, mer_err *err)
{
    struct mer_alloc *alloc = boost->ctx->alloc;
    const size_t n = boost->n_padded;
    size_t n_scores;
    if (!mer_size_mul(n, boost->n_outputs, &n_scores))
        return mer_fail(err, MER_ERR_MEMORY, "%zu rows are too many", n);
    MER_GUARD(mer_alloc_scattered(alloc, n_scores, sizeof(double), &boost->scores, err));
    MER_GUARD(mer_alloc_zero(alloc, boost->target->kind == MER_OBJECTIVE_MULTINOMIAL ? n : 0,
                             sizeof(double), &boost->log_sums, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(uint32_t), &boost->learning, err));
    MER_GUARD(mer_alloc_zero(alloc, n + MER_ROWS_PADDING, sizeof(uint32_t), &boost->drawn, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(uint32_t), &boost->others, err));
    if (boost->options->early_stopping_rounds > 0)
        MER_GUARD(mer_alloc_array(alloc, n, sizeof(uint32_t), &boost->held_out, err));
    return mer_ok();
}

static mer_status start(struct boost *boost, mer_err *err)
{
    const size_t n_threads = mer_team_size(boost->ctx->team);
    for (size_t f = 0; f < boost->what->bins->n_features; f++) {
        const struct mer_bin_feature *feature = &boost->what->bins->features[f];
        if (feature->is_group && (feature->n_codes + 7) / 8 > boost->n_set_bytes)
            boost->n_set_bytes = (feature->n_codes + 7) / 8;
    }
    boost->n_nodes_max = 2 * boost->options->limits.max_leaves;
    boost->n_works = boost->n_outputs > 1 ? n_threads : 1;
    MER_GUARD(mer_alloc_zero(boost->ctx->alloc, boost->n_works, sizeof *boost->works, &boost->works,
                             err));
    MER_GUARD(alloc_rows(boost, err));
    MER_GUARD(alloc_grown(boost, err));
    for (size_t w = 0; w < boost->n_works; w++)
        MER_GUARD(alloc_work(boost, &boost->works[w], w == 0 ? n_threads : 1, err));
    return choose_rows(boost, err);
}

static void release(struct boost *boost)
{
    struct mer_alloc *alloc = boost->ctx->alloc;
    for (size_t w = 0; boost->works && w < boost->n_works; w++) {
        struct work *work = &boost->works[w];
        mer_grower_free(boost->ctx, work->grower);
        mer_free(alloc, work->gh);
        mer_free(alloc, work->codes);
        mer_free(alloc, work->active);
        mer_free(alloc, work->feature_order);
        mer_free(alloc, work->sums);
        mer_free(alloc, work->sides);
        mer_free(alloc, work->residuals);
        mer_free(alloc, work->weights);
    }
    mer_free(alloc, boost->works);
    for (size_t k = 0; boost->grown && k < boost->n_outputs; k++) {
        mer_free(alloc, boost->grown[k].nodes);
        mer_free(alloc, boost->grown[k].values);
        mer_free(alloc, boost->grown[k].sets);
    }
    mer_free(alloc, boost->grown);
    mer_free(alloc, boost->scores);
    mer_free(alloc, boost->log_sums);
    mer_free(alloc, boost->learning);
    mer_free(alloc, boost->drawn);
    mer_free(alloc, boost->others);
    mer_free(alloc, boost->held_out);
}

mer_status mer_boost(const struct mer_ctx *ctx, const struct mer_boosting *boosting,
                     struct mer_ensemble_builder *builder, double **ret_losses,
                     size_t *ret_n_losses, mer_err *err)
{
    struct boost boost = {.ctx = ctx,
                          .what = boosting,
                          .options = boosting->options,
                          .target = boosting->target,
                          .kernels = mer_gbdt_kernels(ctx->cpu),
                          .n_padded = boosting->store->n_padded_rows,
                          .n_outputs = boosting->n_outputs};
    double *losses = NULL;
    size_t n_losses = 0;
    mer_status status = start(&boost, err);
    if (mer_is_ok(status))
        status = start_scores(&boost, builder, err);
    if (mer_is_ok(status) && boosting->options->early_stopping_rounds > 0)
        status = mer_alloc_array(ctx->alloc, boosting->options->n_rounds + 1, sizeof *losses,
                                 &losses, err);
    if (mer_is_ok(status))
        status = run_rounds(&boost, builder, losses, &n_losses, err);
    release(&boost);
    if (!mer_is_ok(status)) {
        mer_free(ctx->alloc, losses);
        return status;
    }
    *ret_losses = losses;
    *ret_n_losses = n_losses;
    return mer_ok();
}
