/* Fits what a search has chosen on all rows, by the clock where there is one.
 *
 * A budget is kept even when the machine slows down at the very end: all fits are given up once it
 * is over by a little. So that there is a model then, a small fit comes first that takes next to
 * nothing of the time: the best setting on a share of the rows, or the best one that is cheap. It
 * predicts when no other fit has ended. Boosting that has made half of its rounds by then has ended
 * with those.
 */
#include <math.h>
#include <string.h>

#include "automl/rows.h"
#include "automl/search_internal.h"
#include "core/team.h"

/* The part of what is left that the first, small fit may take, and the fewest rows of it. */
#define SAFE_PART 0.04
/* The seconds of one that comes when there is no time any more. */
#define SAFE_SECONDS 0.05
enum { SAFE_ROWS_MIN = 1000 };

/* Boosting that is cut short is a model with this part of its rounds. */
#define LEAST_ROUNDS_PART 0.5

/* Models are fitted side by side, each on one thread, where the table has at most so many cells. */
enum { PARALLEL_CELLS_MAX = 4 << 20 };

/* The fits on all rows. */
struct fitting {
    struct mer_ctx ctx;          /* with the deadline, if there is one */
    const struct mer_ctx *plain; /* without it */
    struct mer_search *search;
    struct mer_aside aside;
    struct mer_target target; /* of the rows that are learned from */
    int8_t *monotone;         /* NULL: no constraint */
    bool without_condensed;
    struct mer_member safe; /* a model, or none, that predicts when no member's fit has ended */
    const struct mer_candidate *safe_setting;
    size_t n_safe_rows;
    struct mer_fit_data data;   /* of the members */
    struct mer_fit_data second; /* of those of the second layer */
    size_t n_first;             /* members of the first; all where there is one */
    bool has_fallen_back;       /* the small fit predicts */
    struct fit_end {
        mer_status status;
        mer_err err;
        bool is_cut; /* it has fewer rounds of boosting than were wanted */
    } ends[MER_MEMBERS_MAX];
};

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

uint64_t mer_search_hard_end_ns(const struct mer_search *search)
{
    const double part = fmin(MER_GRACE_PART * search->options->budget_seconds, MER_GRACE_MAX);
    return search->end_ns + (uint64_t)((MER_GRACE_SECONDS + part) * MER_NS);
}

static mer_status fit_on(const struct fitting *fitting, const struct mer_design *design,
                         const struct mer_target *target, struct mer_member *member, mer_err *err)
{
    const struct mer_fit_data data = {.design = design,
                                      .target = target,
                                      .seed = fitting->search->options->seed,
                                      .monotone = fitting->monotone};
    return member->family->fit(&fitting->ctx, &member->params, &data, &member->model, err);
}

/* What takes the sparse block alone has no condensed columns. */
static bool may_be_safe(const struct fitting *fitting, const struct mer_candidate *candidate)
{
    return !fitting->without_condensed || (candidate->family->capabilities & MER_CAN_SPARSE);
}

/* The setting of the small fit, and every how many rows it takes: the one that was chosen where a
 * share of the rows takes no more seconds than are allowed, else the best of those that are cheap,
 * else the cheapest. NULL: there is none that takes the design. */
static const struct mer_candidate *choose_safe(const struct fitting *fitting,
                                               const struct mer_design *design, double allowed,
                                               size_t *ret_stride)
{
    const struct mer_search *search = fitting->search;
    const struct mer_plan *plan = search->plan;
    const struct mer_candidate *choice = mer_plan_choice(plan), *best = NULL, *cheapest = NULL;
    const double stride = ceil(mer_search_fit_seconds(search, choice) / fmax(allowed, 1e-9));
    const double widest = design->n_sparse > 0 ? 1 : (double)(design->n_rows / SAFE_ROWS_MIN);

    *ret_stride = 1;
    if (stride <= fmax(1, widest) && may_be_safe(fitting, choice)) {
        *ret_stride = (size_t)fmax(1, stride);
        return choice;
    }
    for (size_t i = 0; i < plan->n_candidates; i++) {
        const struct mer_candidate *candidate = &plan->candidates[i];
        if (!candidate->told || isnan(candidate->score) || !may_be_safe(fitting, candidate))
            continue;
        if (!cheapest || candidate->refit_cost < cheapest->refit_cost)
            cheapest = candidate;
        if (mer_search_fit_seconds(search, candidate) <= allowed &&
            (!best || mer_plan_better(plan, candidate->score, best->score)))
            best = candidate;
    }
    return best ? best : cheapest;
}

mer_status mer_search_pick_rows(const struct mer_ctx *ctx, const struct mer_target *target,
                                size_t n_rows, size_t stride, uint32_t *rows, size_t *ret_n,
                                mer_err *err)
{
    uint8_t *is_seen = NULL;
    size_t n = 0;

    MER_GUARD(mer_alloc_zero(ctx->alloc, target->n_classes, 1, &is_seen, err));
    for (size_t i = 0; i < n_rows; i++) {
        const bool is_first = target->classes && !is_seen[target->classes[i]];
        if (!is_first && i % stride != 0)
            continue;
        if (target->classes)
            is_seen[target->classes[i]] = 1;
        rows[n++] = (uint32_t)i;
    }
    mer_free(ctx->alloc, is_seen);
    *ret_n = n;
    return mer_ok();
}

/* A design with a sparse block is not shared: its stride is one. */
static mer_status fit_share(struct fitting *fitting, const struct mer_design *design, size_t stride,
                            mer_err *err)
{
    const struct mer_ctx *const ctx = &fitting->ctx;
    struct mer_row_source source = {.design = design, .target = &fitting->target, .stride = stride};
    struct mer_rows share = {.dense = NULL};
    uint32_t *rows = NULL;
    mer_status status;

    fitting->n_safe_rows = design->n_rows;
    if (stride == 1)
        return fit_on(fitting, design, &fitting->target, &fitting->safe, err);
    MER_GUARD(mer_alloc_array(ctx->alloc, design->n_rows, sizeof(*rows), &rows, err));
    MER_GUARD_GOTO(
        mer_search_pick_rows(ctx, &fitting->target, design->n_rows, stride, rows, &source.n, err),
        out);
    source.rows = rows;
    MER_GUARD_GOTO(mer_rows_copy(ctx, &source, 1, &share, err), out);
    fitting->n_safe_rows = source.n;
    status = fit_on(fitting, &share.design, &share.target, &fitting->safe, err);
out:
    mer_rows_release(ctx, &share);
    mer_free(ctx->alloc, rows);
    return status;
}

static mer_status fit_safe(struct fitting *fitting, const struct mer_design *design, double allowed,
                           mer_err *err)
{
    size_t stride;

    fitting->safe_setting = choose_safe(fitting, design, allowed, &stride);
    if (!fitting->safe_setting)
        return mer_ok();
    fitting->safe = (struct mer_member){.family = fitting->safe_setting->family,
                                        .params = mer_candidate_final(fitting->safe_setting),
                                        .weight = 1};
    return fit_share(fitting, design, stride, err);
}

/* The small fit. Where even that does not end in time, a smaller one takes what it takes. That it
 * fails otherwise is no failure: the others may not. */
static mer_status fit_safely(struct fitting *fitting, const struct mer_design *design, mer_err *err)
{
    const struct mer_ctx limited = fitting->ctx;
    const double left =
        mer_seconds_between(mer_ctx_now_ns(&limited), mer_search_hard_end_ns(fitting->search));

    mer_status status = fit_safe(fitting, design, SAFE_PART * left, err);
    if (status.code == MER_ERR_BUDGET) {
        fitting->ctx.deadline_ns = fitting->plain->deadline_ns;
        status = fit_safe(fitting, design, SAFE_SECONDS, err);
        fitting->ctx = limited;
    }
    if (mer_is_ok(status) || status.code == MER_ERR_CANCELLED)
        return status;
    mer_log_debug(&limited, "automl", "the small fit has not ended: %s", err->message);
    mer_err_clear(err);
    return mer_ok();
}

/* A member that was fitted on all rows already needs no second fit. */
static bool is_safe(const struct fitting *fitting, const struct mer_member *member)
{
    return !member->is_second && fitting->safe.model &&
           fitting->n_safe_rows == fitting->aside.n_learned &&
           fitting->safe.family == member->family &&
           memcmp(fitting->safe.params.values, member->params.values,
                  member->family->n_params * sizeof(double)) == 0;
}

/* Fits a member; when time ends boosting half-way or later, its parameters tell how far it came. */
static mer_status fit_member(struct fitting *fitting, struct mer_member *member, bool *ret_is_cut,
                             mer_err *err)
{
    const struct mer_family *family = member->family;
    struct mer_fit_data data = member->is_second ? fitting->second : fitting->data;
    const size_t at = mer_params_find(family->params, family->n_params, "n_estimators");
    const bool may_be_cut = (family->capabilities & MER_CAN_WATCH) != 0 && at != SIZE_MAX;
    uint32_t n_rounds = 0;

    if (may_be_cut) {
        data.least_rounds = (size_t)ceil(LEAST_ROUNDS_PART * member->params.values[at]);
        data.ret_n_rounds = &n_rounds;
    }
    MER_GUARD(family->fit(&fitting->ctx, &member->params, &data, &member->model, err));
    *ret_is_cut = may_be_cut && n_rounds < member->params.values[at] &&
                  mer_ctx_check_cancel(&fitting->ctx, NULL).code == MER_ERR_BUDGET;
    if (*ret_is_cut)
        member->params.values[at] = n_rounds;
    return mer_ok();
}

static void fit_task(void *argument, size_t i, size_t worker)
{
    struct fitting *fitting = argument;
    struct mer_member *member = &fitting->search->pipeline->members[i];
    struct fit_end *end = &fitting->ends[i];

    (void)worker;
    if (is_safe(fitting, member))
        return; /* its model is put there afterwards */
    end->status = mer_ctx_check_cancel(&fitting->ctx, &end->err);
    if (mer_is_ok(end->status))
        end->status = fit_member(fitting, member, &end->is_cut, &end->err);
}

/* The small fit predicts instead of the members. */
static mer_status fall_back(struct fitting *fitting, mer_err *err)
{
    struct mer_pipeline *pipeline = fitting->search->pipeline;

    if (!fitting->safe.model) {
        *err = fitting->ends[0].err;
        return fitting->ends[0].status;
    }
    pipeline->members[0] = fitting->safe;
    pipeline->n_members = 1;
    pipeline->score = fitting->safe_setting->score;
    /* What was learned from the predictions of others does not go with this one's. */
    pipeline->recalibration = (struct mer_recalibration){0};
    pipeline->conformal = (struct mer_conformal){0};
    if (fitting->search->options->threshold_choice != MER_THRESHOLD_GIVEN)
        pipeline->threshold = (struct mer_threshold){0};
    fitting->safe.model = NULL;
    fitting->has_fallen_back = true;
    mer_log_warning(&fitting->ctx, "automl",
                    "time did not do for the last fits: %s, fitted on %zu of %zu rows, predicts "
                    "instead, without calibration, intervals and sets of classes; --units will "
                    "not repeat this: with %llu it makes the model that was chosen",
                    pipeline->members[0].family->name, fitting->n_safe_rows,
                    fitting->search->learned->n_rows,
                    (unsigned long long)mer_search_total_units(fitting->search));
    return mer_ok();
}

/* Leaves a member out as if its fit had not ended. */
static void leave_out(struct fitting *fitting, size_t i)
{
    struct mer_member *member = &fitting->search->pipeline->members[i];

    if (!mer_is_ok(fitting->ends[i].status))
        return;
    member->family->free(&fitting->ctx, member->model);
    member->model = NULL;
    fitting->ends[i].status =
        mer_fail(&fitting->ends[i].err, MER_ERR_BUDGET, "what it learns from is not there");
}

/* Without one of the first layer, or all of the second, the first predicts alone. */
static void drop_layer(struct fitting *fitting)
{
    struct mer_member *members = fitting->search->pipeline->members;
    const size_t n = fitting->search->pipeline->n_members, n_first = fitting->n_first;
    bool has_first = true, has_second = n_first == n, has_weight = false;

    for (size_t i = 0; i < n_first; i++) {
        has_first &= mer_is_ok(fitting->ends[i].status);
        has_weight |= mer_is_ok(fitting->ends[i].status) && members[i].weight > 0;
    }
    for (size_t i = n_first; i < n; i++)
        has_second |= mer_is_ok(fitting->ends[i].status);
    if (n_first == n || (has_first && has_second))
        return;
    for (size_t i = n_first; i < n; i++)
        leave_out(fitting, i);
    struct mer_search *search = fitting->search;
    while (search->n_trials > 0 && search->trials[search->n_trials - 1].is_second)
        search->n_trials--;
    for (size_t i = 0; i < n_first; i++) {
        if (members[i].weight == 0 && has_weight)
            leave_out(fitting, i);
        else if (members[i].weight == 0)
            members[i].weight = 1;
    }
}

static void say_what_was_cut(const struct fitting *fitting)
{
    const struct mer_pipeline *pipeline = fitting->search->pipeline;
    size_t n = 0;

    for (size_t i = 0; i < pipeline->n_members; i++)
        n += fitting->ends[i].is_cut;
    if (n > 0)
        mer_log_warning(&fitting->ctx, "automl",
                        "time did not do for all rounds of boosting in %zu of the %zu last fits: "
                        "--units will not repeat this: with %llu it makes the model that was "
                        "chosen",
                        n, pipeline->n_members,
                        (unsigned long long)mer_search_total_units(fitting->search));
}

/* Takes away the members that time did not do for, or that the caller did not wait for; any other
 * failure is one of the fit. */
static mer_status drop_late(struct fitting *fitting, mer_err *err)
{
    struct mer_pipeline *pipeline = fitting->search->pipeline;
    const size_t n_members = pipeline->n_members;
    size_t n = 0;
    bool is_any = fitting->safe.model != NULL;

    for (size_t i = 0; i < n_members; i++)
        is_any |= mer_is_ok(fitting->ends[i].status);
    const bool is_stopped = is_any && mer_search_wants_best(&fitting->ctx, fitting->search);

    say_what_was_cut(fitting);
    drop_layer(fitting);
    for (size_t i = 0; i < n_members; i++) {
        const mer_status status = fitting->ends[i].status;
        if (mer_is_ok(status)) {
            pipeline->members[n++] = pipeline->members[i];
        } else if (status.code != MER_ERR_BUDGET && !is_stopped) {
            *err = fitting->ends[i].err;
            for (size_t m = i; m < n_members; m++)
                pipeline->members[n++] = pipeline->members[m];
            return status;
        }
    }
    for (size_t i = n; i < n_members; i++)
        pipeline->members[i].model = NULL;
    if (n == 0)
        return fall_back(fitting, err);
    pipeline->n_members = n;
    if (n < n_members)
        mer_log_warning(&fitting->ctx, "automl",
                        "time did not do for %zu of the %zu models that were to be averaged: "
                        "--units will not repeat this",
                        n_members - n, n_members);
    return mer_ok();
}

static mer_status fit_members(struct fitting *fitting, const struct mer_design *design,
                              const struct mer_design *second, mer_err *err)
{
    struct mer_pipeline *pipeline = fitting->search->pipeline;
    const struct mer_ctx ctx = fitting->ctx;
    const size_t n = pipeline->n_members;
    const size_t n_cells = design->n_rows * (design->n_dense + design->n_groups);

    fitting->data = (struct mer_fit_data){.design = design,
                                          .target = &fitting->target,
                                          .seed = fitting->search->options->seed,
                                          .monotone = fitting->monotone};
    fitting->second = fitting->data;
    fitting->second.design = second;
    if (n > 1 && n_cells <= PARALLEL_CELLS_MAX && mer_team_size(ctx.team) > 1) {
        fitting->ctx.team = NULL;
        fitting->ctx.progress = NULL;
        mer_team_run(ctx.team, fit_task, fitting, n);
    } else {
        for (size_t i = 0; i < n; i++) {
            mer_ctx_progress(&ctx, "fitting", i, n);
            fit_task(fitting, i, 0);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_safe(fitting, &pipeline->members[i]))
            continue;
        pipeline->members[i].model = fitting->safe.model;
        fitting->safe.model = NULL;
        break;
    }
    return drop_late(fitting, err);
}

static bool all_take_sparse(const struct mer_pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->n_members; i++)
        if (!(pipeline->members[i].family->capabilities & MER_CAN_SPARSE))
            return false;
    return pipeline->n_quantiles == 0; /* boosting takes no block */
}

/* The preprocessing of all rows that are learned from. */
static mer_status prepare_all(const struct mer_ctx *ctx, struct fitting *fitting,
                              struct mer_prepared *ret_prepared, mer_err *err)
{
    struct mer_search *search = fitting->search;
    struct mer_pipeline *pipeline = search->pipeline;
    const struct mer_search_options *options = search->options;
    const struct mer_target target = {.task = search->target.task,
                                      .values = search->target.values,
                                      .classes = search->target.classes,
                                      .weights = search->weights,
                                      .n_classes = search->target.n_classes};
    const struct mer_prepare_options prepare = {.hints = search->hints,
                                                .target = &target,
                                                .seed = options->seed,
                                                .without_condensed = fitting->without_condensed};

    const uint32_t *rows = fitting->aside.rows;
    const size_t n_rows = fitting->aside.n_learned;
    MER_GUARD(mer_prepare_fit(ctx, search->learned, search->target_column, rows, n_rows, &prepare,
                              &pipeline->prepare, err));
    log_roles(ctx, pipeline->prepare);
    MER_GUARD(mer_prepare_directions(ctx, pipeline->prepare, options->directions,
                                     options->n_directions, &fitting->monotone, err));
    MER_GUARD(mer_prepare_apply_training(ctx, pipeline->prepare, search->learned, rows, n_rows,
                                         ret_prepared, err));
    mer_prepare_forget(pipeline->prepare);
    return mer_ok();
}

/* The members; those of a second layer learn from what the folds' models of the first say of rows
 * that they have not seen. */
static mer_status fit_layers(struct fitting *fitting, const struct mer_design *design, mer_err *err)
{
    const struct mer_search *search = fitting->search;
    const struct mer_pipeline *pipeline = search->pipeline;
    const size_t n_bases = mer_members_bases(pipeline->members, pipeline->n_members);
    struct mer_stacked stacked = {.dense = NULL};
    mer_status status = mer_ok();

    fitting->n_first = n_bases > 0 ? n_bases : pipeline->n_members;
    if (n_bases > 0)
        status = mer_stack_extend(fitting->plain, design, search->stack_rows,
                                  search->n_stack_columns, &stacked, err);
    if (mer_is_ok(status))
        status = fit_members(fitting, design, &stacked.design, err);
    mer_stack_release(fitting->plain, &stacked);
    return status;
}

/* The fits, once the rows are prepared. */
static mer_status fit_all(struct fitting *fitting, const struct mer_design *design, mer_err *err)
{
    if (fitting->search->end_ns != 0)
        MER_GUARD(fit_safely(fitting, design, err));
    MER_GUARD(fit_layers(fitting, design, err));
    return mer_search_fit_quantiles(fitting->plain, fitting->search, &fitting->data, err);
}

static void set_target(struct fitting *fitting)
{
    const struct mer_search *search = fitting->search;
    const struct mer_aside *aside = &fitting->aside;

    fitting->target =
        (struct mer_target){.task = search->target.task,
                            .values = aside->rows ? aside->values : search->target.values,
                            .classes = aside->rows ? aside->classes : search->target.classes,
                            .weights = aside->rows ? aside->weights : search->weights,
                            .n_classes = search->target.n_classes};
}

mer_status mer_search_refit(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    struct mer_prepared prepared;
    struct fitting *fitting;

    mer_ctx_progress(ctx, "fitting", 0, 1);
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof(*fitting), &fitting, err));
    fitting->search = search;
    fitting->plain = ctx;
    fitting->ctx =
        search->end_ns != 0 ? mer_with_deadline(ctx, mer_search_hard_end_ns(search)) : *ctx;
    fitting->without_condensed = all_take_sparse(search->pipeline);
    mer_status status = mer_search_set_aside(ctx, search, &fitting->aside, err);
    if (mer_is_ok(status)) {
        set_target(fitting);
        status = prepare_all(ctx, fitting, &prepared, err);
    }
    if (mer_is_ok(status)) {
        status = fit_all(fitting, &prepared.design, err);
        mer_prepared_release(ctx, &prepared);
    }
    if (mer_is_ok(status) && !fitting->has_fallen_back)
        status = mer_search_learn_aside(ctx, search, &fitting->aside, err);
    if (fitting->safe.model)
        fitting->safe.family->free(ctx, fitting->safe.model);
    mer_search_aside_release(ctx, &fitting->aside);
    mer_free(ctx->alloc, fitting->monotone);
    mer_free(ctx->alloc, fitting);
    if (mer_is_ok(status))
        mer_ctx_progress(ctx, "fitting", 1, 1);
    return status;
}
