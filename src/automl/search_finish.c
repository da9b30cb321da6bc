/* The end of a search: which settings predict. What is chosen depends on the trials alone. They are
 * fitted on all rows in search_refit.c.
 */
#include <math.h>
#include <string.h>

#include "automl/search_internal.h"

/* Of a budget, what fitting a quick setting may take. */
#define QUICK_PART 0.02

/* The members of the pipeline, from the weights of what was kept: the weightiest first. */
static mer_status add_members(struct mer_search *search, const uint32_t *weights, mer_err *err)
{
    struct mer_pipeline *pipeline = search->pipeline;
    uint64_t total = 0, of_share = 0;
    size_t n = 0;

    MER_GUARD(mer_arena_zero(&pipeline->arena, MER_MEMBERS_MAX, sizeof(*pipeline->members),
                             &pipeline->members, err));
    for (size_t i = 0; i < search->keep.n; i++) {
        const struct mer_candidate *candidate = &search->plan->candidates[search->keep.items[i].id];
        if (weights[i] == 0)
            continue;
        total += weights[i];
        of_share += candidate->rung > 0 ? weights[i] : 0;
        size_t at = n++;
        for (; at > 0 && pipeline->members[at - 1].weight < weights[i]; at--)
            pipeline->members[at] = pipeline->members[at - 1];
        pipeline->members[at] = (struct mer_member){.family = candidate->family,
                                                    .params = mer_candidate_final(candidate),
                                                    .weight = weights[i]};
        search->last_seconds += mer_search_fit_seconds(search, candidate);
    }
    pipeline->n_members = n;
    search->is_of_share = 2 * of_share > total;
    return mer_ok();
}

mer_status mer_search_score_ensemble(const struct mer_ctx *ctx, struct mer_search *search,
                                     const uint32_t *weights, double *ret_score,
                                     double *ret_reported, mer_err *err)
{
    double *predictions;

    MER_GUARD(mer_alloc_array(ctx->alloc, search->keep.n_values, sizeof(*predictions), &predictions,
                              err));
    mer_keep_average(&search->keep, weights, predictions);
    mer_status status =
        mer_search_mean_score(ctx, search, search->metric, predictions, ret_score, err);
    if (mer_is_ok(status) && ret_reported)
        status = mer_search_report(ctx, search, predictions, ret_reported, err);
    mer_free(ctx->alloc, predictions);
    return status;
}

static bool is_costly(const struct mer_search *search, const struct mer_kept *item)
{
    return search->plan->candidates[item->id].rung > 0 &&
           item->cost > mer_search_refit_limit(search, search->trial_units);
}

/* Forgets settings that were tried on a share of the rows and are too costly to fit on all with
 * others. The best alone may cost more: its predictions, which tell how far it may be off, come
 * last then. How many are before those. */
static size_t forget_costly(const struct mer_ctx *ctx, struct mer_search *search)
{
    const size_t choice = (size_t)(mer_plan_choice(search->plan) - search->plan->candidates);
    struct mer_keep *const keep = &search->keep;

    for (size_t i = keep->n; i-- > 0;)
        if (keep->items[i].id != choice && is_costly(search, &keep->items[i]))
            mer_keep_remove(ctx, keep, keep->items[i].id);
    for (size_t i = 0; i < keep->n; i++) {
        const struct mer_kept item = keep->items[i];
        if (!is_costly(search, &item))
            continue;
        memmove(keep->items + i, keep->items + i + 1, (keep->n - i - 1) * sizeof(item));
        keep->items[keep->n - 1] = item;
        return keep->n - 1;
    }
    return keep->n;
}

/* Choosing an ensemble may take half of what is left. */
static struct mer_ctx with_half_the_time(const struct mer_ctx *ctx, const struct mer_search *search)
{
    const uint64_t now = mer_ctx_now_ns(ctx);

    if (!search->is_over || search->end_ns == 0)
        return *ctx;
    return mer_with_deadline(ctx, search->end_ns > now ? now + (search->end_ns - now) / 2 : now);
}

/* The weights of the best ensemble; *ret_n_members is at most 1 where there is none. */
static mer_status weigh(const struct mer_ctx *ctx, struct mer_search *search, uint32_t *weights,
                        size_t *ret_n_members, mer_err *err)
{
    const struct mer_held_out *held_out;

    *ret_n_members = 0;
    if (search->keep.n < 2)
        return mer_ok();
    MER_GUARD(mer_evaluation_held_out(ctx, search->evaluation, &held_out, err));
    const struct mer_selection selection = mer_search_selection(search, held_out);
    const struct mer_ctx limited = with_half_the_time(ctx, search);
    MER_GUARD(mer_ensemble_select(&limited, &search->keep, &selection, weights, err));
    for (size_t i = 0; i < search->keep.n; i++)
        *ret_n_members += weights[i] > 0;
    return mer_ok();
}

mer_status mer_search_ensemble_score(const struct mer_ctx *ctx, struct mer_search *search,
                                     double *ret_score, mer_err *err)
{
    uint32_t weights[MER_KEPT_MAX] = {0};
    size_t n_members;

    *ret_score = (double)NAN;
    MER_GUARD(weigh(ctx, search, weights, &n_members, err));
    return n_members == 0 ? mer_ok()
                          : mer_search_score_ensemble(ctx, search, weights, ret_score, NULL, err);
}

/* The best ensemble of what is kept, its score (NaN: there is none) and the metrics beside it. */
static mer_status weigh_and_score(const struct mer_ctx *ctx, struct mer_search *search,
                                  uint32_t *weights, double *ret_score, double *ret_reported,
                                  mer_err *err)
{
    size_t n_members;

    *ret_score = (double)NAN;
    MER_GUARD(weigh(ctx, search, weights, &n_members, err));
    return n_members < 2
               ? mer_ok()
               : mer_search_score_ensemble(ctx, search, weights, ret_score, ret_reported, err);
}

/* The weights of the best ensemble; *ret_score: NaN where no ensemble is better than the best
 * single setting. */
static mer_status select_ensemble(const struct mer_ctx *ctx, struct mer_search *search,
                                  uint32_t *weights, double *ret_score, mer_err *err)
{
    double score, reported[MER_REPORTED_MAX];

    *ret_score = (double)NAN;
    if (search->options->family || search->options->single)
        return mer_ok();
    const size_t n_eligible = forget_costly(ctx, search), n_kept = search->keep.n;
    search->keep.n = n_eligible;
    const mer_status status = weigh_and_score(ctx, search, weights, &score, reported, err);
    search->keep.n = n_kept;
    MER_GUARD(status);
    if (mer_plan_better(search->plan, score, mer_plan_choice(search->plan)->score)) {
        *ret_score = score;
        memcpy(search->pipeline->reported.scores, reported, sizeof(reported));
    }
    return mer_ok();
}

/* The weights of a setting that predicts alone; false: memory did not do for keeping its
 * predictions. */
static bool weigh_one(const struct mer_search *search, const struct mer_candidate *choice,
                      uint32_t *weights)
{
    const size_t id = (size_t)(choice - search->plan->candidates);

    memset(weights, 0, MER_KEPT_MAX * sizeof(*weights));
    for (size_t i = 0; i < search->keep.n; i++) {
        if (search->keep.items[i].id != id)
            continue;
        weights[i] = 1;
        return true;
    }
    return false;
}

static mer_status add_one(struct mer_search *search, const struct mer_candidate *choice,
                          mer_err *err)
{
    struct mer_pipeline *pipeline = search->pipeline;

    MER_GUARD(
        mer_arena_zero(&pipeline->arena, 1, sizeof(*pipeline->members), &pipeline->members, err));
    pipeline->members[0] = (struct mer_member){
        .family = choice->family, .params = mer_candidate_final(choice), .weight = 1};
    pipeline->n_members = 1;
    search->is_of_share = choice->rung > 0;
    search->last_seconds = mer_search_fit_seconds(search, choice);
    return mer_ok();
}

/* Decides what predicts. */
static mer_status choose_members(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    struct mer_pipeline *pipeline = search->pipeline;
    const struct mer_candidate *choice = mer_plan_choice(search->plan);
    uint32_t weights[MER_KEPT_MAX] = {0};
    bool has_second, has_weights = true;
    double score;

    MER_GUARD(select_ensemble(ctx, search, weights, &score, err));
    if (!isnan(score)) {
        MER_GUARD(add_members(search, weights, err));
        pipeline->score = score;
        mer_log_info(ctx, "automl", "%zu models are averaged: %s %.6g, the best of them alone %.6g",
                     pipeline->n_members, search->metric->name, score, choice->score);
    } else {
        MER_GUARD(add_one(search, choice, err));
        has_weights = weigh_one(search, choice, weights);
    }
    /* There is nothing to learn from where no predictions are kept. */
    if (!has_weights)
        return mer_ok();
    MER_GUARD(mer_search_try_layer(ctx, search, weights, isnan(score) ? choice->score : score,
                                   &has_second, err));
    return mer_search_learn_after(ctx, search, weights, err);
}

/* Counts the folds that are looked at, and lets no more than so many be. */
struct counted_visits {
    const struct mer_search_options *options;
    size_t n;
    size_t max;
};

static mer_status visit_counted(void *self, const struct mer_ctx *ctx,
                                const struct mer_fold_fit *fold, mer_err *err)
{
    struct counted_visits *counted = self;

    if (counted->n == counted->max)
        return mer_fail(err, MER_ERR_BUDGET, "the fold that there is time for was looked at");
    counted->n++;
    return counted->options->visit(counted->options->visitor, ctx, fold, err);
}

/* The best setting that is fitted in a moment; the cheapest where none is. */
static const struct mer_candidate *quick_setting(const struct mer_search *search)
{
    const double allowed = QUICK_PART * search->options->budget_seconds;
    const struct mer_candidate *best = NULL, *cheapest = NULL;

    for (size_t i = 0; i < search->plan->n_candidates; i++) {
        const struct mer_candidate *candidate = &search->plan->candidates[i];
        if (!candidate->told || isnan(candidate->score))
            continue;
        if (!cheapest || candidate->refit_cost < cheapest->refit_cost)
            cheapest = candidate;
        if (mer_search_fit_seconds(search, candidate) <= allowed &&
            (!best || mer_plan_better(search->plan, candidate->score, best->score)))
            best = candidate;
    }
    return best ? best : cheapest;
}

/* Where time does for no fold with the members, one with a quick setting is better than none. */
static mer_status show_one_fold(const struct mer_ctx *ctx, const struct mer_search *search,
                                mer_err *err)
{
    static const struct mer_recalibration none = {0};
    const struct mer_candidate *quick = quick_setting(search);
    const struct mer_member member = {
        .family = quick->family, .params = mer_candidate_final(quick), .weight = 1};
    struct counted_visits counted = {search->options, 0, 1};
    const struct mer_fold_visits visits = {.members = &member,
                                           .n_members = 1,
                                           .recalibration = &none,
                                           .visit = visit_counted,
                                           .self = &counted};

    mer_log_warning(ctx, "automl",
                    "time did not do for studying the model: what the report tells of held-out "
                    "rows is about %s in one fold",
                    quick->family->name);
    const mer_status status = mer_evaluation_visit(ctx, search->evaluation, &visits, err);
    if (status.code != MER_ERR_BUDGET || counted.n == 0)
        return status;
    mer_err_clear(err);
    return mer_ok();
}

/* Shows the folds to who wants to see them, as many as there is time for. */
static mer_status show_folds(const struct mer_ctx *ctx, const struct mer_search *search,
                             mer_err *err)
{
    const struct mer_pipeline *pipeline = search->pipeline;
    struct counted_visits counted = {search->options, 0, SIZE_MAX};
    const struct mer_fold_visits visits = {.members = pipeline->members,
                                           .n_members = pipeline->n_members,
                                           .recalibration = &pipeline->recalibration,
                                           .threshold = pipeline->threshold.value,
                                           .stack_columns =
                                               (const double *const *)search->stack_columns,
                                           .n_stack_columns = search->n_stack_columns,
                                           .visit = visit_counted,
                                           .self = &counted};
    if (!search->options->visit)
        return mer_ok();
    const struct mer_ctx limited =
        mer_with_deadline(ctx, mer_search_end_before(ctx, search, mer_search_last_seconds(search)));
    const mer_status status = mer_evaluation_visit(&limited, search->evaluation, &visits, err);
    if (status.code != MER_ERR_BUDGET || search->end_ns == 0)
        return status;
    mer_err_clear(err);
    if (counted.n == 0)
        return show_one_fold(ctx, search, err);
    mer_log_warning(ctx, "automl",
                    "time did not do for studying all folds: what the report tells of held-out "
                    "rows is about %zu of them",
                    counted.n);
    return mer_ok();
}

mer_status mer_search_finish(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    MER_GUARD(choose_members(ctx, search, err));
    MER_GUARD(mer_search_try_quantiles(ctx, search, err));
    mer_keep_release(ctx, &search->keep);
    MER_GUARD(show_folds(ctx, search, err));
    /* The folds are done with; the memory is for the last fits. */
    mer_search_close_engine(ctx, search);
    mer_evaluation_free(ctx, search->evaluation);
    search->evaluation = NULL;
    return mer_search_refit(ctx, search, err);
}
