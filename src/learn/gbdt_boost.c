#include "learn/gbdt_boost.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "learn/gbdt_step.h"

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

static void convert_tree(const struct mer_boost_step *step, struct mer_boost_grown *grown)
{
    const struct mer_boost_state *boost = step->boost;
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
static const uint8_t *draw_features(const struct mer_boost_state *boost,
                                    struct mer_boost_work *work, size_t output)
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

static mer_status grow_tree(struct mer_boost_state *boost, struct mer_boost_work *work,
                            size_t output, struct mer_team *team, mer_err *err)
{
    struct mer_boost_step step = {.boost = boost,
                                  .work = work,
                                  .output = output,
                                  .n_stripes = mer_boost_stripes(boost, team)};
    struct mer_boost_grown *grown = &boost->grown[output];
    MER_GUARD(mer_boost_make_codes(&step, team, err));
    MER_GUARD(mer_grower_grow(work->grower, team, work->codes, boost->drawn, boost->n_drawn,
                              step.g_unit, step.h_unit > 0 ? step.h_unit : 1,
                              draw_features(boost, work, output), err));
    step.nodes = mer_grower_nodes(work->grower, &step.n_nodes);
    MER_GUARD(mer_boost_value_leaves(&step, team, grown->values, err));
    mer_boost_update_others(&step, team);
    convert_tree(&step, grown);
    return mer_ok();
}

/* Task: the tree of one class in one thread. */
static void class_task(void *argument, size_t task, size_t worker)
{
    struct mer_boost_state *boost = argument;
    struct mer_boost_grown *grown = &boost->grown[task];
    grown->status = grow_tree(boost, &boost->works[worker], task, NULL, &grown->err);
}

/* ---- rounds ---- */

/* The rows of this round: each is drawn with the same probability, by a random number of its own.
 */
static void draw_rows(struct mer_boost_state *boost)
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
static mer_status grow_round(struct mer_boost_state *boost, mer_err *err)
{
    struct mer_team *team = boost->ctx->team;
    const size_t n_threads = boost->n_works;
    const size_t n_beside = n_threads > 1 ? boost->n_outputs / n_threads * n_threads : 0;
    draw_rows(boost);
    if (boost->target->kind == MER_OBJECTIVE_MULTINOMIAL)
        mer_boost_log_sums(boost);
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

static mer_status add_round(const struct mer_boost_state *boost,
                            struct mer_ensemble_builder *builder, mer_err *err)
{
    for (size_t k = 0; k < boost->n_outputs; k++) {
        const struct mer_boost_grown *grown = &boost->grown[k];
        const struct mer_ensemble_tree tree = {.n_nodes = grown->n_nodes,
                                               .nodes = grown->nodes,
                                               .values = grown->values,
                                               .sets = grown->sets,
                                               .output = (int32_t)k};
        MER_GUARD(mer_ensemble_builder_add(builder, &tree, err));
    }
    return mer_ok();
}

/* Whether the rounds before this one, for which time did not do, are a model by themselves. */
static bool is_cut_short(const struct mer_boost_state *boost, mer_status status)
{
    const size_t least = boost->options->least_rounds;
    return status.code == MER_ERR_BUDGET && least > 0 && boost->round >= least;
}

/* Rounds until the last, or until the held-out rows have seen nothing better for long. */
static mer_status run_rounds(struct mer_boost_state *boost, struct mer_ensemble_builder *builder,
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
        mer_status status = mer_ctx_check_cancel(boost->ctx, err);
        if (mer_is_ok(status))
            status = grow_round(boost, err);
        if (is_cut_short(boost, status)) {
            mer_err_clear(err);
            break;
        }
        MER_GUARD(status);
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
static bool is_held_out(const struct mer_boost_state *boost, size_t row, mer_rng *rng)
{
    const struct mer_boost_options *options = boost->options;
    if (options->n_watched > 0)
        return row >= boost->target->n_rows - options->n_watched;
    return boost->held_out && mer_rng_uniform(rng) < options->validation_fraction;
}

/* Rows with weight, but for those held out. */
static mer_status choose_rows(struct mer_boost_state *boost, mer_err *err)
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

static mer_status start_scores(struct mer_boost_state *boost, struct mer_ensemble_builder *builder,
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

static mer_status alloc_work(struct mer_boost_state *boost, struct mer_boost_work *work,
                             size_t n_workers, mer_err *err)
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

static mer_status alloc_grown(struct mer_boost_state *boost, mer_err *err)
{
    struct mer_alloc *alloc = boost->ctx->alloc;
    MER_GUARD(mer_alloc_zero(alloc, boost->n_outputs, sizeof *boost->grown, &boost->grown, err));
    for (size_t k = 0; k < boost->n_outputs; k++) {
        struct mer_boost_grown *grown = &boost->grown[k];
        const size_t n = boost->n_nodes_max;
        MER_GUARD(mer_alloc_array(alloc, n, sizeof *grown->nodes, &grown->nodes, err));
        MER_GUARD(mer_alloc_array(alloc, n, sizeof *grown->values, &grown->values, err));
        MER_GUARD(mer_alloc_array(alloc, n, boost->n_set_bytes, &grown->sets, err));
    }
    return mer_ok();
}

static mer_status alloc_rows(struct mer_boost_state *boost, mer_err *err)
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
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(uint32_t), &boost->drawn, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(uint32_t), &boost->others, err));
    if (boost->options->early_stopping_rounds > 0)
        MER_GUARD(mer_alloc_array(alloc, n, sizeof(uint32_t), &boost->held_out, err));
    return mer_ok();
}

static mer_status start(struct mer_boost_state *boost, mer_err *err)
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

static void release(struct mer_boost_state *boost)
{
    struct mer_alloc *alloc = boost->ctx->alloc;
    for (size_t w = 0; boost->works && w < boost->n_works; w++) {
        struct mer_boost_work *work = &boost->works[w];
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
    struct mer_boost_state boost = {.ctx = ctx,
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
