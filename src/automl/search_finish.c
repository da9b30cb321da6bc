/* The end of a search: which settings predict, and their fit on all rows.
 *
 * What is chosen depends on the trials alone. The clock can only take members away, at the very
 * end, when fitting them takes longer than was thought: the weightiest is always fitted.
 */
#include <math.h>
#include <string.h>

#include "automl/search_internal.h"
#include "core/team.h"

/* Members of an ensemble are given up when a budget is over by this part of it and so many seconds:
 * it may be over by a little, and what is given up --units will not repeat. */
#define GRACE_PART 0.05
#define GRACE 0.5

/* Models are fitted side by side, each on one thread, where the table has at most so many cells. */
enum { PARALLEL_CELLS_MAX = 4 << 20 };

static void log_roles(const struct mer_ctx *ctx, const struct mer_prepare *prepare)
{
    struct mer_prepare_column column;

    for (size_t i = 0; i < mer_prepare_n_columns(prepare); i++) {
        mer_prepare_describe(prepare, i, &column);
        const bool is_used = column.left_out == MER_LEFT_OUT_NOT;
        mer_log_info(ctx, "automl", "column %s is %s: %s%s", mer_quote(column.name).text,
                     mer_column_role_name(column.role), mer_column_reason_text(column.reason),
                     is_used ? "" : "; it is left out");
    }
}

/* The members of the pipeline, from the weights of what was kept: the weightiest first. */
static mer_status add_members(struct mer_search *search, const uint32_t *weights, mer_err *err)
{
    struct mer_pipeline *pipeline = search->pipeline;
    size_t n = 0;

    MER_GUARD(mer_arena_zero(&pipeline->arena, MER_MEMBERS_MAX, sizeof(*pipeline->members),
                             &pipeline->members, err));
    for (size_t i = 0; i < search->keep.n; i++) {
        const struct mer_candidate *candidate = &search->plan->candidates[search->keep.items[i].id];
        if (weights[i] == 0)
            continue;
        size_t at = n++;
        for (; at > 0 && pipeline->members[at - 1].weight < weights[i]; at--)
            pipeline->members[at] = pipeline->members[at - 1];
        pipeline->members[at] = (struct mer_member){.family = candidate->family,
                                                    .params = mer_candidate_final(candidate),
                                                    .weight = weights[i]};
    }
    pipeline->n_members = n;
    return mer_ok();
}

/* Scores an ensemble as trials are scored: by fold. */
static mer_status score_ensemble(const struct mer_ctx *ctx, struct mer_search *search,
                                 const uint32_t *weights, double *ret_score, mer_err *err)
{
    double scores[MER_FOLDS_MAX], sum = 0, *predictions;
    size_t n = 0;

    MER_GUARD(mer_alloc_array(ctx->alloc, search->keep.n_values, sizeof(*predictions), &predictions,
                              err));
    mer_keep_average(&search->keep, weights, predictions);
    const mer_status status =
        mer_evaluation_score(ctx, search->evaluation, predictions, scores, err);
    mer_free(ctx->alloc, predictions);
    MER_GUARD(status);
    for (size_t f = 0; f < search->n_folds; f++) {
        sum += isnan(scores[f]) ? 0 : scores[f];
        n += isnan(scores[f]) ? 0 : 1;
    }
    *ret_score = n > 0 ? sum / (double)n : (double)NAN;
    return mer_ok();
}

/* Settings that were tried on a share of the rows, and are too costly to fit on all. */
static void forget_costly(const struct mer_ctx *ctx, struct mer_search *search)
{
    const uint64_t limit = mer_search_refit_limit(search, search->trial_units);

    for (size_t i = search->keep.n; i-- > 0;)
        if (search->plan->candidates[search->keep.items[i].id].rung > 0 &&
            search->keep.items[i].cost > limit)
            mer_keep_remove(ctx, &search->keep, search->keep.items[i].id);
}

/* The weights of the best ensemble; *ret_score: NaN where no ensemble is better than the best
 * single setting. */
static mer_status select_ensemble(const struct mer_ctx *ctx, struct mer_search *search,
                                  uint32_t *weights, double *ret_score, mer_err *err)
{
    const struct mer_held_out *held_out;

    *ret_score = (double)NAN;
    if (search->options->family || search->options->single)
        return mer_ok();
    forget_costly(ctx, search);
    if (search->keep.n < 2)
        return mer_ok();
    MER_GUARD(mer_evaluation_held_out(ctx, search->evaluation, &held_out, err));
    const struct mer_selection selection = {
        .metric = search->metric,
        .n_rows = held_out->n_rows,
        .n_outputs = mer_target_outputs(search->target.task, search->target.n_classes),
        .n_classes = search->target.n_classes,
        .values = held_out->values,
        .classes = held_out->classes,
        .weights = held_out->weights,
        .max_members = MER_MEMBERS_MAX,
        .max_cost = mer_search_refit_limit(search, search->trial_units)};
    MER_GUARD(mer_ensemble_select(ctx, &search->keep, &selection, weights, err));
    size_t n_members = 0;
    for (size_t i = 0; i < search->keep.n; i++)
        n_members += weights[i] > 0;
    if (n_members < 2)
        return mer_ok();
    double score;
    MER_GUARD(score_ensemble(ctx, search, weights, &score, err));
    if (mer_plan_better(search->plan, score, mer_plan_choice(search->plan)->score))
        *ret_score = score;
    return mer_ok();
}

/* Of a setting that predicts alone. There is nothing to learn from where the memory did not do for
 * keeping its predictions. */
static mer_status learn_after_one(const struct mer_ctx *ctx, struct mer_search *search,
                                  const struct mer_candidate *choice, mer_err *err)
{
    uint32_t weights[MER_KEPT_MAX] = {0};
    const size_t id = (size_t)(choice - search->plan->candidates);

    for (size_t i = 0; i < search->keep.n; i++) {
        if (search->keep.items[i].id != id)
            continue;
        weights[i] = 1;
        return mer_search_learn_after(ctx, search, weights, err);
    }
    return mer_ok();
}

/* Decides what predicts. */
static mer_status choose_members(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    struct mer_pipeline *pipeline = search->pipeline;
    const struct mer_candidate *choice = mer_plan_choice(search->plan);
    uint32_t weights[MER_KEPT_MAX] = {0};
    double score;

    MER_GUARD(select_ensemble(ctx, search, weights, &score, err));
    if (!isnan(score)) {
        MER_GUARD(add_members(search, weights, err));
        pipeline->score = score;
        mer_log_info(ctx, "automl", "%zu models are averaged: %s %.6g, the best of them alone %.6g",
                     pipeline->n_members, search->metric->name, score,
                     mer_plan_choice(search->plan)->score);
        return mer_search_learn_after(ctx, search, weights, err);
    }
    MER_GUARD(
        mer_arena_zero(&pipeline->arena, 1, sizeof(*pipeline->members), &pipeline->members, err));
    pipeline->members[0] = (struct mer_member){
        .family = choice->family, .params = mer_candidate_final(choice), .weight = 1};
    pipeline->n_members = 1;
    return learn_after_one(ctx, search, choice, err);
}

/* The fits of the members. */
struct fitting {
    struct mer_ctx ctx;
    struct mer_member *members;
    const struct mer_fit_data *data;
    uint64_t end_ns; /* for all but the first; 0: none */
    struct fit_end {
        mer_status status;
        mer_err err;
    } ends[MER_MEMBERS_MAX];
};

static void fit_task(void *argument, size_t i, size_t worker)
{
    struct fitting *fitting = argument;
    struct mer_member *member = &fitting->members[i];
    const struct mer_ctx ctx = i > 0 && fitting->end_ns != 0
                                   ? mer_with_deadline(&fitting->ctx, fitting->end_ns)
                                   : fitting->ctx;

    (void)worker;
    fitting->ends[i].status = mer_ctx_check_cancel(&ctx, &fitting->ends[i].err);
    if (mer_is_ok(fitting->ends[i].status))
        fitting->ends[i].status = member->family->fit(&ctx, &member->params, fitting->data,
                                                      &member->model, &fitting->ends[i].err);
}

/* Takes away the members that time did not do for; any other failure is one of the fit. */
static mer_status drop_late(const struct mer_ctx *ctx, struct mer_search *search,
                            const struct fitting *fitting, mer_err *err)
{
    struct mer_pipeline *pipeline = search->pipeline;
    const size_t n_members = pipeline->n_members;
    size_t n = 0;

    MER_GUARD(mer_ctx_check_cancel(ctx, err));
    for (size_t i = 0; i < n_members; i++) {
        const mer_status status = fitting->ends[i].status;
        if (mer_is_ok(status)) {
            pipeline->members[n++] = pipeline->members[i];
        } else if (i == 0 || status.code != MER_ERR_BUDGET) {
            if (err)
                *err = fitting->ends[i].err;
            return status;
        }
    }
    for (size_t i = n; i < n_members; i++)
        pipeline->members[i].model = NULL;
    pipeline->n_members = n;
    if (n < n_members)
        mer_log_warning(ctx, "automl",
                        "time did not do for %zu of the %zu models that were to be averaged: "
                        "--units will not repeat this",
                        n_members - n, n_members);
    return mer_ok();
}

static mer_status fit_members(const struct mer_ctx *ctx, struct mer_search *search,
                              const struct mer_fit_data *data, mer_err *err)
{
    struct mer_pipeline *pipeline = search->pipeline;
    const size_t n = pipeline->n_members;
    const size_t n_cells = data->design->n_rows * (data->design->n_dense + data->design->n_groups);
    struct fitting *fitting;

    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof(*fitting), &fitting, err));
    fitting->ctx = *ctx;
    fitting->members = pipeline->members;
    fitting->data = data;
    if (search->end_ns != 0)
        fitting->end_ns =
            search->end_ns +
            (uint64_t)((GRACE_PART * search->options->budget_seconds + GRACE) * MER_NS);
    if (n > 1 && n_cells <= PARALLEL_CELLS_MAX && mer_team_size(ctx->team) > 1) {
        fitting->ctx.team = NULL;
        fitting->ctx.progress = NULL;
        mer_team_run(ctx->team, fit_task, fitting, n);
    } else {
        for (size_t i = 0; i < n; i++) {
            mer_ctx_progress(ctx, "fitting", i, n);
            fit_task(fitting, i, 0);
        }
    }
    const mer_status status = drop_late(ctx, search, fitting, err);
    mer_free(ctx->alloc, fitting);
    return status;
}

static bool all_take_sparse(const struct mer_pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->n_members; i++)
        if (!(pipeline->members[i].family->capabilities & MER_CAN_SPARSE))
            return false;
    return pipeline->n_quantiles == 0; /* boosting takes no block */
}

/* Prepares all rows, and fits the members on them. */
static mer_status refit(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    const struct mer_search_options *options = search->options;
    struct mer_pipeline *pipeline = search->pipeline;
    const struct mer_target target = {.task = search->target.task,
                                      .values = search->target.values,
                                      .classes = search->target.classes,
                                      .weights = search->weights,
                                      .n_classes = search->target.n_classes};
    const struct mer_prepare_options prepare = {.hints = search->hints,
                                                .target = &target,
                                                .seed = options->seed,
                                                .without_condensed = all_take_sparse(pipeline)};
    struct mer_prepared prepared;
    int8_t *monotone = NULL;

    mer_ctx_progress(ctx, "fitting", 0, 1);
    MER_GUARD(mer_prepare_fit(ctx, search->frame, search->target_column, NULL, 0, &prepare,
                              &pipeline->prepare, err));
    log_roles(ctx, pipeline->prepare);
    MER_GUARD(
        mer_prepare_apply_training(ctx, pipeline->prepare, search->frame, NULL, 0, &prepared, err));
    mer_prepare_forget(pipeline->prepare);
    mer_status status = mer_prepare_directions(ctx, pipeline->prepare, options->directions,
                                               options->n_directions, &monotone, err);
    const struct mer_fit_data data = {
        .design = &prepared.design, .target = &target, .seed = options->seed, .monotone = monotone};
    if (mer_is_ok(status))
        status = fit_members(ctx, search, &data, err);
    if (mer_is_ok(status))
        status = mer_search_fit_quantiles(ctx, pipeline, &data, err);
    mer_free(ctx->alloc, monotone);
    mer_prepared_release(ctx, &prepared);
    MER_GUARD(status);
    mer_ctx_progress(ctx, "fitting", 1, 1);
    return mer_ok();
}

mer_status mer_search_finish(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    const struct mer_search_options *options = search->options;
    const struct mer_pipeline *pipeline = search->pipeline;

    MER_GUARD(choose_members(ctx, search, err));
    MER_GUARD(mer_search_try_quantiles(ctx, search, err));
    mer_keep_release(ctx, &search->keep);
    if (options->visit) {
        const struct mer_fold_visits visits = {.members = pipeline->members,
                                               .n_members = pipeline->n_members,
                                               .recalibration = &pipeline->recalibration,
                                               .threshold = pipeline->threshold.value,
                                               .visit = options->visit,
                                               .self = options->visitor};
        MER_GUARD(mer_evaluation_visit(ctx, search->evaluation, &visits, err));
    }
    /* The folds are done with; the memory is for the last fits. */
    search->engine.close(search->engine.self, ctx);
    search->engine.close = NULL;
    mer_evaluation_free(ctx, search->evaluation);
    search->evaluation = NULL;
    return refit(ctx, search, err);
}
