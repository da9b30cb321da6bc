/* Drives a search: evaluates what the plan asks for until the plan or a budget ends, then fits the
 * best setting on all rows.
 *
 * The clock decides nothing but when the search ends: a trial that would not finish is not begun,
 * one that does not finish is given up and leaves no trace, and no later trial is tried in its
 * place. So the trials that finished are always the first ones of the plan, and their work units
 * alone say which.
 */
#include "automl/search.h"

#include <string.h>

#include "automl/evaluation.h"
#include "automl/fold.h"
#include "automl/plan.h"
#include "core/math.h"
#include "core/team.h"

#define NS 1e9
/* Seconds a work unit takes before any has been measured. */
#define SECONDS_A_UNIT 1e-6
#define LONGEST_BUDGET 1e9 /* seconds: 31 years */
/* A fit of a family that was not measured yet may be so much faster than thought. */
#define HOPE 0.25
/* Estimates of what the last fit needs are raised by this. */
#define RESERVE 1.3

struct search {
    const struct mer_search_options *options;
    const struct mer_frame *frame;
    const struct mer_schema *schema;
    size_t target_column;
    struct mer_pipeline *pipeline; /* filled from the beginning */
    struct mer_learned_target target;
    uint8_t *hints; /* what the schema says of the frame's columns */
    const struct mer_metric *metric;
    size_t n_folds;
    struct mer_evaluation_data data;
    struct mer_evaluation *evaluation;
    struct mer_plan *plan;
    struct mer_trial_engine engine;
    /* By id: what came back before its turn. */
    struct mer_trial_result *results[MER_PLAN_MAX];
    size_t n_begun;
    size_t n_returned;
    uint64_t units_begun; /* of what has finished and of what runs */
    bool is_over;         /* no further trial begins */
    bool is_cut;          /* those that run do not count either */
    mer_status failure;   /* the first failed trial's */
    mer_err failure_err;
    struct mer_trial *trials; /* parallel to the plan's candidates */
    size_t n_trials;
    uint64_t units; /* of what has finished */

    uint64_t end_ns; /* the clock's budget; 0: none */
    double prepare_seconds;
    /* Measured, in seconds of one fit after another, and the units they took; by family. */
    double *family_seconds;
    double *family_units;
};

static double seconds_between(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? (double)(to_ns - from_ns) / NS : 0;
}

static size_t family_index(const struct mer_family *family)
{
    size_t i = 0;
    while (i + 1 < MER_N_FAMILIES && MER_FAMILIES[i] != family)
        i++;
    return i;
}

/* Seconds that a unit of the family takes, fits running one after another. */
static double seconds_a_unit(const struct search *search, const struct mer_family *family)
{
    const size_t i = family_index(family);
    return search->family_units[i] > 0 ? search->family_seconds[i] / search->family_units[i]
                                       : SECONDS_A_UNIT;
}

/* The context for work that is given up at a time, unless the caller's own deadline is earlier. */
static struct mer_ctx with_deadline(const struct mer_ctx *ctx, uint64_t deadline_ns)
{
    struct mer_ctx limited = *ctx;
    if (ctx->deadline_ns == 0 || deadline_ns < ctx->deadline_ns)
        limited.deadline_ns = deadline_ns;
    return limited;
}

/* What a trial over all folds comes to when it is one fit on all rows; and once more over all folds
 * where somebody looks at them. */
static double refit_share(const struct search *search)
{
    const double visit = search->options->visit ? 1 : 0;
    /* A fold learns from (k - 1) / k of the rows, a holdout from four fifths. */
    return visit + (search->n_folds == 1 ? 1.25 : 1 / (double)(search->n_folds - 1));
}

/* Seconds to keep for preparing and fitting a setting on all rows. */
static double refit_seconds(const struct search *search, const struct mer_candidate *candidate)
{
    const double fit = (double)candidate->cost * seconds_a_unit(search, candidate->family);
    return RESERVE * refit_share(search) * (fit + search->prepare_seconds);
}

/* Whether the budgets let the candidate begin. */
static bool may_begin(const struct mer_ctx *ctx, const struct search *search,
                      const struct mer_candidate *candidate)
{
    const struct mer_search_options *options = search->options;
    uint64_t units;

    if (options->max_trials > 0 && search->n_begun >= options->max_trials)
        return false;
    if (options->units > 0 &&
        (__builtin_add_overflow(search->units_begun, candidate->cost, &units) ||
         units > options->units))
        return false;
    const struct mer_candidate *choice = mer_plan_choice(search->plan);
    if (search->end_ns == 0 || !choice)
        return true;
    const double left = seconds_between(mer_ctx_now_ns(ctx), search->end_ns);
    const double trial = (double)candidate->cost * seconds_a_unit(search, candidate->family) /
                         (double)search->engine.n_parallel_fits;
    /* The first of a family may begin as well when it would fit only if it were faster than
     * thought: if it is not, it is given up. */
    const bool is_measured = search->family_units[family_index(candidate->family)] > 0;
    const double hope = is_measured ? 1 : HOPE;
    return left > hope * trial +
                      fmax(refit_seconds(search, choice), hope * refit_seconds(search, candidate));
}

/* When a trial that begins now is given up: what is left then must do for fitting the best setting
 * so far on all rows, and for fitting this one, which takes longer the longer its trial did. */
static uint64_t trial_deadline(const struct mer_ctx *ctx, const struct search *search)
{
    const struct mer_candidate *choice = mer_plan_choice(search->plan);
    const uint64_t now = mer_ctx_now_ns(ctx);
    const double left = seconds_between(now, search->end_ns);
    const double n_parallel = (double)search->engine.n_parallel_fits;
    const double refit = RESERVE * refit_share(search);

    double allowed = (left - refit * search->prepare_seconds) / (1 + refit * n_parallel);
    if (choice)
        allowed = fmin(allowed, left - refit_seconds(search, choice));
    return now + (allowed > 0 ? (uint64_t)(allowed * NS) : 0);
}

/* Keeps what a trial says, in the order of the plan. */
static void tell(const struct mer_ctx *ctx, struct search *search, size_t id,
                 struct mer_trial_result *result)
{
    const struct mer_candidate *candidate = &search->plan->candidates[id];
    const size_t family = family_index(candidate->family);

    if (!mer_is_ok(result->status)) {
        mer_log_warning(ctx, "automl", "a trial of %s failed: %s", candidate->family->name,
                        result->err.message);
        if (mer_is_ok(search->failure)) {
            search->failure = result->status;
            search->failure_err = result->err;
        }
    }
    mer_plan_tell(search->plan, id, result->scores, result->n_scores);
    search->family_seconds[family] += result->seconds * (double)search->engine.n_parallel_fits;
    search->family_units[family] += (double)candidate->cost;
    search->units += candidate->cost;
    search->trials[search->n_trials++] = (struct mer_trial){.family = candidate->family,
                                                            .params = candidate->params,
                                                            .score = candidate->score,
                                                            .deviation = candidate->deviation,
                                                            .units = candidate->cost,
                                                            .seconds = result->seconds};
    mer_log_debug(ctx, "automl", "trial %zu, %s: %s %.6g, deviation %.3g, %llu units",
                  search->n_trials, candidate->family->name, search->metric->name, candidate->score,
                  candidate->deviation, (unsigned long long)candidate->cost);
    if (search->options->on_trial)
        search->options->on_trial(search->options->self, &search->trials[search->n_trials - 1],
                                  search->n_trials, search->plan->n_candidates);
}

/* Hands the engine what the plan asks for next, until all slots are in use, the plan waits for
 * scores, or a budget ends it. */
static mer_status begin_trials(const struct mer_ctx *ctx, struct search *search, mer_err *err)
{
    size_t id;

    while (!search->is_over && search->n_begun - search->n_returned < search->engine.n_slots) {
        const enum mer_ask asked = mer_plan_ask(search->plan, &id);
        if (asked == MER_ASK_WAIT)
            return mer_ok();
        if (asked == MER_ASK_DONE || !may_begin(ctx, search, &search->plan->candidates[id])) {
            search->is_over = true;
            return mer_ok();
        }
        const struct mer_candidate *candidate = &search->plan->candidates[id];
        const struct mer_trial_request request = {
            .id = id,
            .family = candidate->family,
            .params = candidate->params,
            .cost = candidate->cost,
            .deadline_ns = search->end_ns != 0 ? trial_deadline(ctx, search) : 0};
        mer_ctx_progress(ctx, "searching", search->n_trials, search->plan->n_candidates);
        MER_GUARD(search->engine.begin(search->engine.self, ctx, &request, err));
        search->n_begun++;
        search->units_begun += candidate->cost;
    }
    return mer_ok();
}

/* Waits for a trial, and tells all whose turn it is. */
static mer_status end_trials(const struct mer_ctx *ctx, struct search *search, mer_err *err)
{
    struct mer_trial_result *result;

    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof(*result), &result, err));
    const mer_status status = search->engine.next(search->engine.self, ctx, result, err);
    if (!mer_is_ok(status)) {
        mer_free(ctx->alloc, result);
        return status;
    }
    search->n_returned++;
    search->results[result->id] = result;
    while (search->n_trials < search->n_begun && search->results[search->n_trials]) {
        result = search->results[search->n_trials];
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        /* Given up: with the first such trial the search ends, whatever became of later ones. */
        if (result->status.code == MER_ERR_BUDGET || result->status.code == MER_ERR_CANCELLED) {
            search->is_over = true;
            search->is_cut = true;
            return mer_ok();
        }
        search->results[search->n_trials] = NULL;
        tell(ctx, search, (size_t)result->id, result);
        mer_trial_result_release(ctx->alloc, result);
        mer_free(ctx->alloc, result);
    }
    return mer_ok();
}

/* Runs trials until the plan or a budget ends. */
static mer_status run_plan(const struct mer_ctx *ctx, struct search *search, mer_err *err)
{
    search->units_begun = search->units;
    while (!search->is_cut) {
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        MER_GUARD(begin_trials(ctx, search, err));
        if (search->n_begun == search->n_returned)
            break;
        MER_GUARD(end_trials(ctx, search, err));
    }
    search->engine.abandon(search->engine.self, ctx);
    if (search->n_trials == 0)
        return mer_hint(
            err, mer_fail(err, MER_ERR_BUDGET, "the budget ended before any model was scored"),
            "give more time or more work units");
    if (mer_plan_best(search->plan))
        return mer_ok();
    if (!mer_is_ok(search->failure) && search->failure.code != MER_ERR_DATA) {
        *err = search->failure_err;
        return search->failure;
    }
    return mer_fail(err, MER_ERR_DATA, "no model could be scored by %s on these data",
                    search->metric->name);
}

static uint64_t candidate_cost(void *self, const struct mer_family *family,
                               const struct mer_params *params)
{
    const struct search *search = self;
    return mer_evaluation_cost(search->evaluation, family, params, 0);
}

/* The standard deviation of a regression's target; 1 for classes. */
static double target_scale(const struct mer_learned_target *target, size_t n_rows)
{
    double squares = 0;

    if (!target->values)
        return 1;
    const double mean = mer_sum(target->values, n_rows) / (double)n_rows;
    for (size_t i = 0; i < n_rows; i++)
        squares += (target->values[i] - mean) * (target->values[i] - mean);
    return sqrt(squares / (double)n_rows);
}

/* The one setting that the caller wants, checked. */
static mer_status plan_one(struct search *search, mer_err *err)
{
    const struct mer_search_options *options = search->options;
    const struct mer_family *family = options->family;
    struct mer_params params;

    mer_params_default(family->params, family->n_params, &params);
    for (size_t i = 0; i < family->n_params; i++)
        if (options->params_given[i])
            params.values[i] = options->params.values[i];
    if (family->check)
        MER_GUARD(family->check(&params, search->target.task, err));
    mer_plan_init_one(search->plan, search->target.task, search->metric->greater_is_better, family,
                      &params, mer_evaluation_cost(search->evaluation, family, &params, 0));
    return mer_ok();
}

/* The trial that was chosen first, then by score; equals stay in the order in which they were
 * tried.
 */
static void sort_trials(const struct mer_plan *plan, struct mer_trial *trials, size_t n)
{
    const size_t chosen = (size_t)(mer_plan_choice(plan) - plan->candidates);
    struct mer_trial moved = trials[chosen];

    for (size_t i = chosen; i > 0; i--)
        trials[i] = trials[i - 1];
    trials[0] = moved;
    for (size_t i = 2; i < n; i++) {
        size_t j = i;
        for (moved = trials[i]; j > 1 && mer_plan_better(plan, moved.score, trials[j - 1].score);
             j--)
            trials[j] = trials[j - 1];
        trials[j] = moved;
    }
}

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

/* Fits the best setting on all rows. */
static mer_status refit(const struct mer_ctx *ctx, struct search *search, mer_err *err)
{
    struct mer_pipeline *pipeline = search->pipeline;
    const struct mer_candidate *best = mer_plan_choice(search->plan);
    const struct mer_target target = {.task = search->target.task,
                                      .values = search->target.values,
                                      .classes = search->target.classes,
                                      .weights = search->options->weights,
                                      .n_classes = search->target.n_classes};
    const struct mer_prepare_options prepare = {
        .hints = search->hints,
        .target = &target,
        .seed = search->options->seed,
        .without_condensed = (best->family->capabilities & MER_CAN_SPARSE) != 0};
    struct mer_prepared prepared;

    mer_ctx_progress(ctx, "fitting", 0, 1);
    MER_GUARD(mer_prepare_fit(ctx, search->frame, search->target_column, NULL, 0, &prepare,
                              &pipeline->prepare, err));
    log_roles(ctx, pipeline->prepare);
    MER_GUARD(
        mer_prepare_apply_training(ctx, pipeline->prepare, search->frame, NULL, 0, &prepared, err));
    mer_prepare_forget(pipeline->prepare);
    int8_t *monotone = NULL;
    mer_status status = mer_prepare_directions(ctx, pipeline->prepare, search->options->directions,
                                               search->options->n_directions, &monotone, err);
    const struct mer_fit_data data = {.design = &prepared.design,
                                      .target = &target,
                                      .seed = search->options->seed,
                                      .monotone = monotone};
    pipeline->family = best->family;
    pipeline->params = best->params;
    if (mer_is_ok(status))
        status = best->family->fit(ctx, &best->params, &data, &pipeline->model, err);
    mer_free(ctx->alloc, monotone);
    mer_prepared_release(ctx, &prepared);
    MER_GUARD(status);
    mer_ctx_progress(ctx, "fitting", 1, 1);
    return mer_ok();
}

/* What the pipeline says about its making. */
static mer_status describe(struct search *search, mer_err *err)
{
    struct mer_pipeline *pipeline = search->pipeline;

    MER_GUARD(mer_pipeline_set_schema(pipeline, search->frame, search->schema, err));
    pipeline->target = pipeline->schema.fields[search->target_column].name;
    pipeline->task = search->target.task;
    pipeline->n_classes = search->target.n_classes;
    pipeline->labels = search->target.labels;
    pipeline->metric = search->metric->name;
    pipeline->seed = search->options->seed;
    pipeline->n_train_rows = search->frame->n_rows;
    return mer_ok();
}

static mer_status choose_metric(struct search *search, mer_err *err)
{
    static const unsigned wanted[] = {[MER_TASK_REGRESSION] = MER_METRIC_REGRESSION,
                                      [MER_TASK_BINARY] = MER_METRIC_BINARY,
                                      [MER_TASK_MULTICLASS] = MER_METRIC_MULTICLASS};
    const enum mer_task task = search->target.task;

    search->metric = search->options->metric
                         ? search->options->metric
                         : mer_metric_find(task == MER_TASK_REGRESSION ? "rmse" : "log_loss");
    if (!(search->metric->tasks & wanted[task]))
        return mer_fail(err, MER_ERR_USAGE, "the metric %s does not fit the task %s",
                        search->metric->name, mer_task_name(task));
    return mer_ok();
}

static mer_status check_directions(const struct search *search, mer_err *err)
{
    const struct mer_family *family = search->options->family;

    if (search->options->n_directions == 0)
        return mer_ok();
    if (!family || !(family->capabilities & MER_CAN_MONOTONE))
        return mer_hint(
            err,
            mer_fail(err, MER_ERR_USAGE,
                     "monotone constraints belong to a model family that can keep them"),
            "name it: gbdt");
    if (search->target.task == MER_TASK_MULTICLASS)
        return mer_fail(err, MER_ERR_USAGE,
                        "monotone constraints need a target of numbers or of two classes");
    return mer_ok();
}

/* Splits the table and prepares it for the search. */
static mer_status prepare_search(const struct mer_ctx *ctx, struct search *search, mer_err *err)
{
    const struct mer_search_options *options = search->options;
    const struct mer_ctx limited = search->end_ns != 0 ? with_deadline(ctx, search->end_ns) : *ctx;

    /* Whoever asks for a number of folds gets them; else the order of time decides before the size.
     */
    const size_t time_column =
        options->n_folds ? SIZE_MAX : mer_fold_time_column(search->frame, search->target_column);
    const bool in_time_order = time_column != SIZE_MAX;
    search->n_folds = options->n_folds ? options->n_folds
                      : in_time_order  ? 1
                                       : mer_fold_count(search->frame->n_rows);
    if (in_time_order)
        mer_log_info(ctx, "automl",
                     "rows are in the order of column %s: models are scored on the last fifth",
                     mer_quote(search->frame->columns[time_column].name).text);
    if (search->n_folds > MER_FOLDS_MAX || search->n_folds > search->frame->n_rows)
        return mer_fail(err, MER_ERR_USAGE, "%zu folds are too many for %zu rows; at most %d",
                        search->n_folds, search->frame->n_rows, MER_FOLDS_MAX);
    search->data = (struct mer_evaluation_data){.frame = search->frame,
                                                .hints = search->hints,
                                                .target_column = search->target_column,
                                                .target = &search->target,
                                                .weights = options->weights,
                                                .metric = search->metric,
                                                .n_folds = search->n_folds,
                                                .hold_out_last = in_time_order,
                                                .seed = options->seed,
                                                .directions = options->directions,
                                                .n_directions = options->n_directions,
                                                .shapes_only = options->open_engine != NULL};
    const uint64_t begin_ns = mer_ctx_now_ns(ctx);
    MER_GUARD(mer_evaluation_new(&limited, &search->data, &search->evaluation, err));
    search->prepare_seconds = seconds_between(begin_ns, mer_ctx_now_ns(ctx));
    search->units = mer_evaluation_prepare_cost(search->evaluation);
    mer_trial_engine_open *open_engine =
        options->open_engine ? options->open_engine : mer_trial_engine_open_here;
    MER_GUARD(open_engine(options->engine_opener, ctx, &search->data, search->evaluation,
                          &search->engine, err));
    if (options->family)
        return plan_one(search, err);
    mer_plan_init(search->plan, search->target.task, search->metric->greater_is_better,
                  target_scale(&search->target, search->frame->n_rows), candidate_cost, search);
    return mer_ok();
}

static mer_status allocate(const struct mer_ctx *ctx, struct search *search, mer_err *err)
{
    struct mer_alloc *alloc = ctx->alloc;

    MER_GUARD(mer_pipeline_new(alloc, &search->pipeline, err));
    MER_GUARD(mer_alloc_zero(alloc, 1, sizeof(*search->plan), &search->plan, err));
    MER_GUARD(mer_arena_zero(&search->pipeline->arena, MER_PLAN_MAX, sizeof(*search->trials),
                             &search->trials, err));
    MER_GUARD(mer_alloc_zero(alloc, MER_N_FAMILIES, sizeof(double), &search->family_seconds, err));
    return mer_alloc_zero(alloc, MER_N_FAMILIES, sizeof(double), &search->family_units, err);
}

static void release(const struct mer_ctx *ctx, struct search *search)
{
    for (size_t i = 0; i < MER_PLAN_MAX; i++) {
        if (search->results[i])
            mer_trial_result_release(ctx->alloc, search->results[i]);
        mer_free(ctx->alloc, search->results[i]);
    }
    if (search->engine.close)
        search->engine.close(search->engine.self, ctx);
    mer_evaluation_free(ctx, search->evaluation);
    mer_learned_target_release(ctx, &search->target);
    mer_free(ctx->alloc, search->hints);
    mer_free(ctx->alloc, search->plan);
    mer_free(ctx->alloc, search->family_seconds);
    mer_free(ctx->alloc, search->family_units);
    mer_pipeline_free(ctx, search->pipeline);
}

static mer_status run(const struct mer_ctx *ctx, struct search *search, mer_err *err)
{
    const struct mer_search_options *options = search->options;

    MER_GUARD(allocate(ctx, search, err));
    MER_GUARD(mer_frame_want(search->frame, options->target, &search->target_column, err));
    if (search->frame->n_rows > UINT32_MAX)
        return mer_fail(err, MER_ERR_DATA, "%zu rows are more than 2^32", search->frame->n_rows);
    MER_GUARD(mer_target_learn(ctx, search->frame, search->target_column,
                               options->task_given ? &options->task : NULL,
                               &search->pipeline->arena, &search->target, err));
    MER_GUARD(mer_prepare_hints(ctx->alloc, search->frame, search->schema, &search->hints, err));
    MER_GUARD(choose_metric(search, err));
    MER_GUARD(check_directions(search, err));
    MER_GUARD(describe(search, err));
    MER_GUARD(prepare_search(ctx, search, err));
    MER_GUARD(run_plan(ctx, search, err));
    if (options->visit) {
        const struct mer_candidate *choice = mer_plan_choice(search->plan);
        MER_GUARD(mer_evaluation_visit(ctx, search->evaluation, choice->family, &choice->params,
                                       options->visit, options->visitor, err));
    }
    /* The folds are done with; the memory is for the last fit. */
    search->engine.close(search->engine.self, ctx);
    search->engine.close = NULL;
    mer_evaluation_free(ctx, search->evaluation);
    search->evaluation = NULL;
    MER_GUARD(refit(ctx, search, err));
    sort_trials(search->plan, search->trials, search->n_trials);
    search->pipeline->trials = search->trials;
    search->pipeline->n_trials = search->n_trials;
    search->pipeline->units = search->units;
    search->pipeline->n_folds = search->n_folds;
    return mer_ok();
}

mer_status mer_search_fit(const struct mer_ctx *ctx, const struct mer_frame *frame,
                          const struct mer_schema *schema, const struct mer_search_options *options,
                          struct mer_pipeline **ret_pipeline, mer_err *err)
{
    struct search search = {.options = options, .frame = frame, .schema = schema};
    mer_err local;

    if (!err)
        err = &local;
    mer_err_clear(err);
    if (ctx->clock && options->budget_seconds > 0)
        search.end_ns =
            mer_ctx_now_ns(ctx) + (uint64_t)(fmin(options->budget_seconds, LONGEST_BUDGET) * NS);
    const mer_status status = run(ctx, &search, err);
    if (mer_is_ok(status)) {
        *ret_pipeline = search.pipeline;
        search.pipeline = NULL;
    }
    release(ctx, &search);
    return status;
}
