/* A second layer of models behind a search: settings of the first are tried once more on designs
 * that begin with what the chosen ones say of a row that they have not seen, and what is chosen
 * from both layers predicts where that scores better (stacking: Wolpert, 1992; in the form of
 * Erickson et al., "AutoGluon-Tabular", 2020: all columns of the table beside the predictions).
 *
 * Of the units so many are for the second layer as are written here, so that those of the first
 * follow from their sum and the other way round. It is tried as a whole or not at all: where the
 * clock does not do for it, there is one layer, and the model's record says that.
 */
#include <math.h>
#include <string.h>

#include "automl/search_layers.h"
#include "core/math.h"
#include "core/team.h"

/* Work units of the second layer for FIRST_UNITS of the first. */
enum { FIRST_UNITS = 5, SECOND_UNITS = 2 };
/* The part of the time that is left which the first layer does without. */
#define SECOND_TIME 0.3
/* Estimates of seconds are raised by this. */
#define RESERVE 1.3

void mer_search_layers_release(const struct mer_ctx *ctx, struct mer_search *search)
{
    for (size_t f = 0; search->stack_columns && f < search->n_folds; f++)
        mer_free(ctx->alloc, search->stack_columns[f]);
    mer_free(ctx->alloc, search->stack_columns);
    mer_free(ctx->alloc, search->stack_rows);
}

uint64_t mer_search_first_units(const struct mer_search *search)
{
    const uint64_t units = search->options->units;
    const uint64_t all = FIRST_UNITS + SECOND_UNITS;

    if (units == 0)
        return UINT64_MAX;
    return search->n_layers < 2 ? units
                                : units / all * FIRST_UNITS + units % all * FIRST_UNITS / all;
}

uint64_t mer_search_total_units(const struct mer_search *search)
{
    const uint64_t units = search->units;
    /* The least sum whose share is that. */
    return search->n_layers < 2
               ? units
               : units + units / FIRST_UNITS * SECOND_UNITS +
                     (units % FIRST_UNITS * SECOND_UNITS + FIRST_UNITS - 1) / FIRST_UNITS;
}

static uint64_t second_limit(const struct mer_search *search)
{
    return search->units / FIRST_UNITS * SECOND_UNITS;
}

mer_status mer_search_drive_layers(const struct mer_ctx *ctx, struct mer_search *search,
                                   mer_err *err)
{
    const struct mer_search_options *options = search->options;
    const uint64_t end_ns = search->end_ns, now_ns = mer_ctx_now_ns(ctx);
    const bool is_wanted = options->n_layers > 1 && !options->family && !options->single;

    search->n_layers = is_wanted && mer_evaluation_can_stack(search->evaluation) ? 2 : 1;
    if (is_wanted && search->n_layers == 1)
        mer_log_warning(ctx, "automl",
                        "one layer: a second one needs folds that hold out every row they learn "
                        "from");
    if (search->n_layers == 1)
        return mer_search_drive(ctx, search, err);
    if (end_ns > now_ns)
        search->end_ns = end_ns - (uint64_t)(SECOND_TIME * (double)(end_ns - now_ns));
    const uint64_t first_end_ns = search->end_ns;
    MER_GUARD(mer_search_drive(ctx, search, err));
    /* Who has stopped it wants what there is. */
    if (search->end_ns != first_end_ns)
        search->n_layers = 1;
    else
        search->end_ns = end_ns;
    return mer_ok();
}

/* The most that fitting a setting in all inner folds of all folds takes: in each as much as in one
 * fold of its trial. */
static uint64_t inner_cost(const struct mer_search *search, const struct mer_candidate *candidate)
{
    return mer_layer_inner_folds(search) *
           mer_evaluation_cost(search->evaluation, candidate->family, &candidate->params, 0);
}

/* The first layer that the second learns from: the weightiest of what was chosen, as far as half of
 * the units do for what they say in the inner folds. */
static void choose_bases(const struct mer_search *search, const uint32_t *weights,
                         struct mer_layer *layer)
{
    const uint64_t limit = second_limit(search);
    const uint64_t prepare =
        mer_evaluation_prepare_cost(search->evaluation) * (1 + mer_layer_inner_folds(search));
    uint64_t left = limit > prepare ? (limit - prepare) / 2 : 0;
    uint32_t rest[MER_KEPT_MAX];

    layer->n_outputs = mer_target_outputs(search->target.task, search->target.n_classes);
    layer->width = mer_stack_width(layer->n_outputs);
    layer->units_left = limit > prepare ? limit - prepare : 0;
    memcpy(rest, weights, sizeof(rest));
    while (layer->n_bases < MER_STACK_BASES_MAX &&
           (layer->n_bases + 1) * layer->width <= MER_STACK_COLUMNS_MAX) {
        size_t best = 0;
        for (size_t i = 1; i < search->keep.n; i++)
            best = rest[i] > rest[best] ? i : best;
        if (search->keep.n == 0 || rest[best] == 0)
            break;
        rest[best] = 0;
        const struct mer_candidate *candidate =
            &search->plan->candidates[search->keep.items[best].id];
        const uint64_t cost = inner_cost(search, candidate);
        if (cost > left)
            continue;
        left -= cost;
        layer->units_left -= cost;
        layer->kept[layer->n_bases] = best;
        layer->bases[layer->n_bases++] = candidate;
    }
    layer->n_columns = layer->n_bases * layer->width;
}

static struct mer_stack_scale scale_of(const struct mer_search *search)
{
    const size_t n_rows = search->frame->n_rows;
    const double spread = search->plan->options.target_scale;

    if (!search->target.values)
        return (struct mer_stack_scale){0, 1};
    return (struct mer_stack_scale){mer_sum(search->target.values, n_rows) / (double)n_rows,
                                    spread > 0 ? spread : 1};
}

static bool has_setting(const struct mer_layer *layer, const struct mer_candidate *candidate)
{
    for (size_t i = 0; i < layer->n_trials; i++)
        if (layer->trials[i].request.family == candidate->family &&
            memcmp(layer->trials[i].request.params.values, candidate->params.values,
                   candidate->family->n_params * sizeof(double)) == 0)
            return true;
    return false;
}

/* Adds a setting, if the units do for it. */
static void add_setting(struct mer_layer *layer, const struct mer_candidate *candidate)
{
    if (layer->n_trials == MER_SECOND_TRIALS_MAX || has_setting(layer, candidate))
        return;
    struct mer_trial_request request = {.id = MER_PLAN_MAX + layer->n_trials,
                                        .family = candidate->family,
                                        .params = candidate->params,
                                        .patience = candidate->patience,
                                        .wants_held_out = true};
    mer_evaluation_settle(layer->evaluation, request.family, &request.params);
    request.cost = mer_evaluation_cost(layer->evaluation, request.family, &request.params, 0);
    if (request.cost > layer->units_left)
        return;
    layer->units_left -= request.cost;
    layer->trials[layer->n_trials++] =
        (struct mer_second_trial){.request = request, .candidate = candidate};
}

/* The settings of the bases, then the best of each family. */
static void choose_settings(const struct mer_search *search, struct mer_layer *layer)
{
    for (size_t b = 0; b < layer->n_bases; b++)
        add_setting(layer, layer->bases[b]);
    for (size_t f = 0; f < MER_N_FAMILIES; f++) {
        const struct mer_candidate *best = NULL;
        for (size_t i = 0; i < search->plan->n_candidates; i++) {
            const struct mer_candidate *candidate = &search->plan->candidates[i];
            if (candidate->family == MER_FAMILIES[f] && !isnan(candidate->score) &&
                (!best || mer_plan_better(search->plan, candidate->score, best->score)))
                best = candidate;
        }
        if (best)
            add_setting(layer, best);
    }
}

static double fits_side_by_side(const struct mer_ctx *ctx)
{
    return (double)(mer_team_size(ctx->team) > 1 ? mer_team_size(ctx->team) : 1);
}

/* Seconds that may go into the layer, so that the last fits of both still end in time. */
static double seconds_allowed(const struct mer_ctx *ctx, const struct mer_search *search,
                              const struct mer_layer *layer)
{
    const double share = mer_search_refit_share(search);
    double fits = 0;

    if (search->end_ns == 0)
        return INFINITY;
    for (size_t b = 0; b < layer->n_bases; b++)
        fits += mer_search_fit_seconds(search, layer->bases[b]);
    const double after = 1 + (search->options->visit ? 1 / share : 0);
    /* Twice, because those of the second layer are much like them. */
    return mer_seconds_between(mer_ctx_now_ns(ctx), search->end_ns) -
           RESERVE * (share * search->prepare_seconds + 2 * after * fits / fits_side_by_side(ctx));
}

static struct mer_params final_params(const struct mer_search *search,
                                      const struct mer_trial_request *request,
                                      const struct mer_trial_result *result)
{
    struct mer_params params = request->params;
    const size_t at =
        mer_params_find(request->family->params, request->family->n_params, "n_estimators");
    double sum = 0;
    size_t n = 0;

    for (size_t f = 0; f < result->n_scores; f++) {
        sum += result->n_rounds[f];
        n += result->n_rounds[f] > 0 ? 1 : 0;
    }
    if (n > 0 && at != SIZE_MAX) {
        const double more = 0.5 * (mer_evaluation_growth(search->evaluation) - 1);
        params.values[at] = fmax(1, floor(sum / (double)n * (1 + more) + 0.5));
    }
    return params;
}

/* The mean and the deviation over the folds. */
static void summarise(const struct mer_trial_result *result, double *ret_mean,
                      double *ret_deviation)
{
    double sum = 0, squares = 0;
    size_t n = 0;

    *ret_mean = *ret_deviation = (double)NAN;
    for (size_t f = 0; f < result->n_scores; f++) {
        sum += isnan(result->scores[f]) ? 0 : result->scores[f];
        n += isnan(result->scores[f]) ? 0 : 1;
    }
    if (n == 0)
        return;
    *ret_mean = sum / (double)n;
    for (size_t f = 0; f < result->n_scores; f++)
        if (!isnan(result->scores[f]))
            squares += (result->scores[f] - *ret_mean) * (result->scores[f] - *ret_mean);
    *ret_deviation = sqrt(squares / (double)n);
}

struct second_trials {
    struct mer_search *search;
    struct mer_layer *layer;
};

/* Keeps what a trial of the second layer says, and lists it. */
static mer_status tell(void *self, const struct mer_ctx *ctx, size_t i,
                       const struct mer_trial_result *result, mer_err *err)
{
    const struct second_trials *trials = self;
    struct mer_search *search = trials->search;
    struct mer_layer *layer = trials->layer;
    struct mer_second_trial *second = &layer->trials[i];
    const struct mer_trial_request *request = &second->request;
    double score, deviation;

    mer_ctx_progress(ctx, "second layer", i + 1, layer->n_trials);
    if (!mer_is_ok(result->status)) {
        mer_log_warning(ctx, "automl", "a trial of %s in the second layer failed: %s",
                        request->family->name, result->err.message);
        return mer_ok();
    }
    summarise(result, &score, &deviation);
    const struct mer_params params = final_params(search, request, result);
    second->refit_cost =
        (uint64_t)((double)mer_evaluation_cost(layer->evaluation, request->family, &params, 0) *
                   mer_search_refit_share(search));
    struct mer_trial *trial = &search->trials[search->n_trials++];
    *trial = (struct mer_trial){.family = request->family,
                                .params = params,
                                .score = score,
                                .deviation = deviation,
                                .units = request->cost,
                                .seconds = result->seconds,
                                .number = search->n_trials,
                                .is_second = true};
    MER_GUARD(mer_search_report_trial(ctx, search, result, trial->reported, err));
    mer_log_debug(ctx, "automl", "layer 2, %s: %s %.6g", request->family->name,
                  search->metric->name, score);
    if (search->options->on_trial)
        search->options->on_trial(search->options->self, trial, search->n_trials,
                                  search->n_trials + layer->n_trials - i - 1, search->metric,
                                  search->units);
    const struct mer_kept item = {
        .id = request->id, .family = request->family, .score = score, .cost = second->refit_cost};
    second->request.params = params;
    return result->held_out ? mer_keep_add(ctx, &layer->both, &item, result->held_out, err)
                            : mer_ok();
}

static mer_status run_trials(const struct mer_ctx *ctx, struct mer_search *search,
                             struct mer_layer *layer, mer_err *err)
{
    struct second_trials trials = {search, layer};
    struct mer_trial_request requests[MER_SECOND_TRIALS_MAX];
    const struct mer_batch batch = {
        .requests = requests, .n = layer->n_trials, .tell = tell, .self = &trials};

    for (size_t i = 0; i < layer->n_trials; i++)
        requests[i] = layer->trials[i].request;
    return mer_search_run_batch(ctx, search, &batch, err);
}

/* When the layer is given up; 0: never. */
static uint64_t layer_end(const struct mer_ctx *ctx, const struct mer_search *search,
                          const struct mer_layer *layer)
{
    const double allowed = seconds_allowed(ctx, search, layer);

    if (search->end_ns == 0)
        return 0;
    return mer_ctx_now_ns(ctx) + 1 + (allowed > 0 ? (uint64_t)(allowed * MER_NS) : 0);
}

/* Tries the settings, once the columns are there. */
static mer_status run_settings(const struct mer_ctx *ctx, struct mer_search *search,
                               struct mer_layer *layer, mer_err *err)
{
    struct mer_evaluation_data data = search->data;

    data.stage = MER_STAGE_SECOND;
    data.stack_columns = (const double *const *)search->stack_columns;
    data.n_stack_columns = search->n_stack_columns;
    MER_GUARD(mer_evaluation_new(ctx, &data, &layer->evaluation, err));
    MER_GUARD(mer_search_open_engine(ctx, search, &data, layer->evaluation, err));
    choose_settings(search, layer);
    for (size_t b = 0; b < layer->n_bases; b++) {
        layer->both.items[b] = search->keep.items[layer->kept[b]];
        layer->both.items[b].cost = 0; /* it is fitted in any case */
    }
    layer->both.n = layer->n_bases;
    return run_trials(ctx, search, layer, err);
}

/* What the end of a layer that did not succeed means: where the caller wants what there is, or time
 * or memory did not do, it is cut, and that is no failure. */
static mer_status end_layer(const struct mer_ctx *ctx, struct mer_search *search,
                            struct mer_layer *layer, mer_status status, mer_err *err)
{
    if (status.code == MER_ERR_CANCELLED)
        layer->is_cut = mer_search_wants_best(ctx, search);
    else if (status.code == MER_ERR_BUDGET)
        layer->is_cut = ctx->deadline_ns == 0 || mer_ctx_now_ns(ctx) < ctx->deadline_ns;
    else
        layer->is_cut = status.code == MER_ERR_MEMORY;
    if (!layer->is_cut)
        return status;
    mer_err_clear(err);
    return mer_ok();
}

/* All that is tried, by the clock. */
static mer_status run_layer(const struct mer_ctx *ctx, struct mer_search *search,
                            struct mer_layer *layer, mer_err *err)
{
    const uint64_t end_ns = layer_end(ctx, search, layer);
    const struct mer_ctx limited = end_ns != 0 ? mer_with_deadline(ctx, end_ns) : *ctx;

    mer_status status = mer_layer_make_columns(&limited, search, layer, err);
    if (mer_is_ok(status) && !layer->is_impossible)
        status = run_settings(&limited, search, layer, err);
    mer_search_close_engine(ctx, search);
    return mer_is_ok(status) ? status : end_layer(ctx, search, layer, status, err);
}

/* The members of both layers: all bases in the order of their columns, then the weightiest of the
 * second. */
static mer_status add_members(struct mer_search *search, const struct mer_layer *layer,
                              const uint32_t *weights, mer_err *err)
{
    struct mer_pipeline *pipeline = search->pipeline;
    size_t n = layer->n_bases;

    MER_GUARD(mer_arena_zero(&pipeline->arena, MER_MEMBERS_MAX, sizeof(*pipeline->members),
                             &pipeline->members, err));
    for (size_t b = 0; b < layer->n_bases; b++)
        pipeline->members[b] = (struct mer_member){.family = layer->bases[b]->family,
                                                   .params = mer_candidate_final(layer->bases[b]),
                                                   .weight = weights[b],
                                                   .scale = layer->scale};
    for (size_t i = layer->n_bases; i < layer->both.n; i++) {
        const struct mer_second_trial *second =
            &layer->trials[layer->both.items[i].id - MER_PLAN_MAX];
        if (weights[i] == 0)
            continue;
        size_t at = n++;
        for (; at > layer->n_bases && pipeline->members[at - 1].weight < weights[i]; at--)
            pipeline->members[at] = pipeline->members[at - 1];
        pipeline->members[at] = (struct mer_member){.family = second->request.family,
                                                    .params = second->request.params,
                                                    .weight = weights[i],
                                                    .is_second = true};
    }
    pipeline->n_members = n;
    return mer_ok();
}

/* By how much the second predictions score better than the first, a fold at a time: the mean, in
 * standard errors of it; NaN where there is nothing to tell by. */
static mer_status gain_by_folds(const struct mer_ctx *ctx, const struct mer_search *search,
                                const double *first, const double *second, double *ret_gain,
                                mer_err *err)
{
    double before[MER_FOLDS_MAX], after[MER_FOLDS_MAX], sum = 0, squares = 0;
    const double sign = search->metric->greater_is_better ? 1 : -1;
    size_t n = 0;

    MER_GUARD(mer_evaluation_score(ctx, search->evaluation, search->metric, first, before, err));
    MER_GUARD(mer_evaluation_score(ctx, search->evaluation, search->metric, second, after, err));
    for (size_t f = 0; f < search->n_folds; f++) {
        const double gain = sign * (after[f] - before[f]);
        if (isnan(gain))
            continue;
        sum += gain;
        squares += gain * gain;
        n++;
    }
    const double mean = n > 0 ? sum / (double)n : (double)NAN;
    const double variance = n > 1 ? (squares - sum * mean) / (double)(n - 1) : (double)NAN;
    *ret_gain = mean / sqrt(fmax(variance, 0) / (double)n);
    return mer_ok();
}

/* Whether both layers are to predict: they cost more than one, and with many settings to choose
 * from there is always some that does a little better on the held-out rows. (Kept for any gain,
 * they did worse on new rows in four of five cases: docs/search.md.) */
static mer_status is_worth_it(const struct mer_ctx *ctx, struct mer_search *search,
                              const struct mer_layer *layer, const uint32_t *weights,
                              const uint32_t *both, bool *ret_is, mer_err *err)
{
    double *predictions, gain;

    *ret_is = false;
    MER_GUARD(mer_alloc_array(ctx->alloc, 2 * search->keep.n_values, sizeof(*predictions),
                              &predictions, err));
    double *const second = predictions + search->keep.n_values;
    mer_keep_average(&search->keep, weights, predictions);
    mer_keep_average(&layer->both, both, second);
    const mer_status status = gain_by_folds(ctx, search, predictions, second, &gain, err);
    mer_free(ctx->alloc, predictions);
    MER_GUARD(status);
    mer_log_info(ctx, "automl", "a second layer gains %.3g standard errors", gain);
    *ret_is = gain > 1;
    return mer_ok();
}

static void say_nothing_was_tried(const struct mer_ctx *ctx)
{
    mer_log_warning(ctx, "automl",
                    "the work units did not do for any setting of a second layer: a search with "
                    "more trials has some left");
}

/* Chooses from both layers; whether that is better than the first alone. */
static mer_status choose(const struct mer_ctx *ctx, struct mer_search *search,
                         struct mer_layer *layer, double first_score, uint32_t *weights,
                         bool *ret_is_better, mer_err *err)
{
    const struct mer_held_out *held_out;
    const struct mer_keep first = search->keep;
    uint32_t both[MER_KEPT_MAX] = {0};
    double score, reported[MER_REPORTED_MAX];

    *ret_is_better = false;
    if (layer->both.n == layer->n_bases) {
        say_nothing_was_tried(ctx);
        return mer_ok();
    }
    MER_GUARD(mer_evaluation_held_out(ctx, search->evaluation, &held_out, err));
    const struct mer_selection selection = mer_search_selection(search, held_out);
    MER_GUARD(mer_ensemble_select(ctx, &layer->both, &selection, both, err));
    search->keep = layer->both;
    const mer_status status = mer_search_score_ensemble(ctx, search, both, &score, reported, err);
    search->keep = first;
    MER_GUARD(status);
    mer_log_info(ctx, "automl", "with a second layer: %s %.6g, without it %.6g",
                 search->metric->name, score, first_score);
    bool is_any = false;
    for (size_t i = layer->n_bases; i < layer->both.n; i++)
        is_any |= both[i] > 0;
    if (is_any)
        MER_GUARD(is_worth_it(ctx, search, layer, weights, both, ret_is_better, err));
    if (!*ret_is_better)
        return mer_ok();
    search->pipeline->score = score;
    memcpy(search->pipeline->reported.scores, reported, sizeof(reported));
    search->last_seconds *= 2; /* the second layer is much like the first */
    memcpy(weights, both, sizeof(both));
    return mer_ok();
}

/* What is kept are the bases and the second layer from now on. */
static void keep_both(const struct mer_ctx *ctx, struct mer_search *search, struct mer_layer *layer)
{
    for (size_t i = 0; i < search->keep.n; i++) {
        bool is_base = false;
        for (size_t b = 0; b < layer->n_bases; b++)
            is_base |= layer->kept[b] == i;
        if (!is_base)
            mer_free(ctx->alloc, search->keep.items[i].predictions);
    }
    search->keep = layer->both;
    layer->both.n = layer->n_bases; /* the rest is the search's now */
}

static mer_status try_layer(const struct mer_ctx *ctx, struct mer_search *search,
                            struct mer_layer *layer, double first_score, uint32_t *weights,
                            bool *ret_is_better, mer_err *err)
{
    const size_t n_trials = search->n_trials;

    layer->scale = scale_of(search);
    layer->both = (struct mer_keep){.greater_is_better = search->keep.greater_is_better,
                                    .n_values = search->keep.n_values,
                                    .max = MER_KEPT_MAX};
    mer_search_close_engine(ctx, search);
    MER_GUARD(run_layer(ctx, search, layer, err));
    /* What comes behind is tried on the table alone again. */
    MER_GUARD(mer_search_open_engine(ctx, search, &search->data, search->evaluation, err));
    if (layer->is_cut || layer->is_impossible) {
        search->n_trials = n_trials;
        search->n_layers = 1;
        mer_log_warning(ctx, "automl",
                        "%s for a second layer: --layers 1 --units %llu repeats this",
                        layer->is_cut ? "time or memory did not do"
                                      : "the folds, or what was tried in them, did not do",
                        (unsigned long long)mer_search_total_units(search));
        return mer_ok();
    }
    MER_GUARD(choose(ctx, search, layer, first_score, weights, ret_is_better, err));
    if (!*ret_is_better) {
        search->n_trials = n_trials; /* a model of one layer says nothing of another */
        return mer_ok();
    }
    MER_GUARD(add_members(search, layer, weights, err));
    keep_both(ctx, search, layer);
    return mer_ok();
}

mer_status mer_search_try_layer(const struct mer_ctx *ctx, struct mer_search *search,
                                uint32_t *weights, double first_score, bool *ret_is_better,
                                mer_err *err)
{
    struct mer_layer *layer;

    *ret_is_better = false;
    if (search->n_layers < 2)
        return mer_ok();
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof(*layer), &layer, err));
    mer_status status = mer_ok();
    choose_bases(search, weights, layer);
    if (layer->n_bases == 0)
        say_nothing_was_tried(ctx);
    else
        status = try_layer(ctx, search, layer, first_score, weights, ret_is_better, err);
    for (size_t i = layer->n_bases; i < layer->both.n; i++)
        mer_free(ctx->alloc, layer->both.items[i].predictions);
    mer_evaluation_free(ctx, layer->evaluation);
    mer_free(ctx->alloc, layer);
    return status;
}
