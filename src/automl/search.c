/* A search from its options to a pipeline: what is to be learned, the folds, the plan. Trials run
 * in search_drive.c; search_finish.c fits the outcome on all rows.
 */
#include "automl/search.h"

#include <math.h>
#include <string.h>

#include "automl/fold.h"
#include "automl/leaks.h"
#include "automl/search_internal.h"
#include "core/math.h"

#define LONGEST_BUDGET 1e9 /* seconds: 31 years */
/* Of a budget so much is left to a search, however long reading the table has taken. */
#define LEAST_PART 0.25

/* Rounds of boosting may come to so many times what any setting wanted, for its learning rate. */
#define ROUNDS_GROWTH 1.5

/* Rows times classes from which on there is one holdout, and three folds. */
enum { ONE_FOLD_CELLS = 300000, FEW_FOLDS_CELLS = 150000, FEW_FOLDS = 3 };

static uint64_t candidate_cost(void *self, const struct mer_family *family,
                               const struct mer_params *params, unsigned rung)
{
    const struct mer_search *search = self;
    return mer_evaluation_cost(search->evaluation, family, params, rung);
}

/* Rounds of boosting for a learning rate of 1, by what trials wanted: all of them, or once there is
 * little room the best. */
static double wanted_reach(const struct mer_search *search)
{
    const struct mer_plan *plan = search->plan;
    const struct mer_candidate *best = plan->limit < UINT64_MAX ? mer_plan_best(plan) : NULL;

    if (!best || best->n_rounds == 0)
        return search->boosting_reach;
    return best->n_rounds * mer_params_get(best->family->params, best->family->n_params,
                                           &best->params, "learning_rate");
}

/* Rounds of boosting far beyond what trials wanted so far cost units that are hardly ever used:
 * of those a budget has as many fewer in the end. */
static void cap_rounds(const struct mer_search *search, const struct mer_family *family,
                       struct mer_params *params)
{
    const unsigned patience = mer_plan_patience(family, params);
    const size_t at = mer_params_find(family->params, family->n_params, "n_estimators");

    const double reach = wanted_reach(search);

    if (search->options->space || reach <= 0 || patience == 0 || at == SIZE_MAX)
        return;
    const double rate = mer_params_get(family->params, family->n_params, params, "learning_rate");
    params->values[at] = fmin(params->values[at], patience + ceil(ROUNDS_GROWTH * reach / rate));
}

/* Splits that a row alone may pass in a model that is to predict fast: a few ns each. */
#define FAST_SPLITS 18000.0

double mer_search_fast_rounds(const struct mer_family *family, const struct mer_params *params,
                              enum mer_task task, size_t n_classes)
{
    const size_t leaves = mer_params_find(family->params, family->n_params, "max_leaves");
    const double n_outputs = task == MER_TASK_MULTICLASS ? (double)n_classes : 1;
    double depth = 1;

    if (leaves == SIZE_MAX)
        return (double)INFINITY;
    for (double n = 2; n < params->values[leaves]; n *= 2)
        depth++;
    /* Of many classes each has its trees, and a row passes all of them. */
    return fmax(1, floor(FAST_SPLITS / (n_outputs * depth)));
}

static void cap_trees(const struct mer_search *search, const struct mer_family *family,
                      struct mer_params *params)
{
    const struct mer_search_options *options = search->options;
    const size_t at = mer_params_find(family->params, family->n_params, "n_estimators");

    if (!options->single || options->family || options->space || at == SIZE_MAX)
        return;
    params->values[at] =
        fmin(params->values[at],
             mer_search_fast_rounds(family, params, search->target.task, search->target.n_classes));
}

static void settle(void *self, const struct mer_family *family, struct mer_params *params)
{
    const struct mer_search *search = self;
    cap_rounds(search, family, params);
    cap_trees(search, family, params);
    mer_evaluation_settle(search->evaluation, family, params);
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

/* Whether no value is below zero and the skewness is above 1. */
static bool target_is_skewed(const struct mer_learned_target *target, size_t n_rows)
{
    const double scale = target_scale(target, n_rows);
    double cubes = 0;

    if (!target->values || !(scale > 0))
        return false;
    const double mean = mer_sum(target->values, n_rows) / (double)n_rows;
    for (size_t i = 0; i < n_rows; i++) {
        const double z = (target->values[i] - mean) / scale;
        if (target->values[i] < 0)
            return false;
        cubes += z * z * z;
    }
    return cubes > (double)n_rows;
}

static struct mer_plan_options plan_options(struct mer_search *search)
{
    return (struct mer_plan_options){
        .task = search->target.task,
        .greater_is_better = search->metric->greater_is_better,
        .n_rows = search->learned->n_rows,
        .target_scale = target_scale(&search->target, search->learned->n_rows),
        .target_is_skewed = target_is_skewed(&search->target, search->learned->n_rows),
        .cost = candidate_cost,
        .self = search,
        .families = search->options->families,
        .seed = search->options->seed,
        .space = search->options->space,
        .settle = settle,
        .n_rungs = search->options->family ? 0 : mer_evaluation_n_rungs(search->evaluation)};
}

/* The one setting that the caller wants, checked. */
static mer_status plan_one(struct mer_search *search, mer_err *err)
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
    const struct mer_plan_options plan = plan_options(search);
    mer_plan_init_one(search->plan, &plan, family, &params);
    return mer_ok();
}

/* Whether a member has the trial's setting, or all of it but the rounds of boosting that time did
 * not do for. */
static bool has_setting_of(const struct mer_member *member, const struct mer_trial *trial)
{
    struct mer_params params = trial->params;
    const size_t at =
        mer_params_find(trial->family->params, trial->family->n_params, "n_estimators");

    if (trial->family != member->family)
        return false;
    if (at != SIZE_MAX)
        params.values[at] = fmin(params.values[at], member->params.values[at]);
    return memcmp(&params, &member->params, sizeof(params)) == 0;
}

/* The trial whose setting predicts alone, which time may have put in the place of another; else the
 * one that was chosen. */
static size_t kept_trial(const struct mer_search *search)
{
    const struct mer_member *const member = &search->pipeline->members[0];
    const size_t chosen = mer_plan_choice(search->plan)->trial;

    if (search->pipeline->n_members > 1)
        return chosen;
    for (size_t k = 0; k <= search->n_trials; k++) {
        const size_t i = k == 0 ? chosen : k - 1;
        if (has_setting_of(member, &search->trials[i]))
            return i;
    }
    return chosen;
}

/* The trial that is kept first, then by score; equals stay in the order in which they were tried.
 */
static void sort_trials(const struct mer_plan *plan, size_t chosen, struct mer_trial *trials,
                        size_t n)
{
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

/* What the pipeline says about its making. */
static mer_status describe(struct mer_search *search, mer_err *err)
{
    struct mer_pipeline *pipeline = search->pipeline;

    MER_GUARD(mer_pipeline_set_schema(pipeline, search->learned, search->schema, err));
    pipeline->target = pipeline->schema.fields[search->target_column].name;
    pipeline->task = search->target.task;
    pipeline->n_classes = search->target.n_classes;
    pipeline->labels = search->target.labels;
    pipeline->metric = search->metric->name;
    pipeline->seed = search->options->seed;
    pipeline->n_train_rows = search->learned->n_rows;
    return mer_ok();
}

static mer_status choose_metric(struct mer_search *search, mer_err *err)
{
    const enum mer_task task = search->target.task;

    search->metric = search->options->metric
                         ? search->options->metric
                         : mer_metric_find(task == MER_TASK_REGRESSION ? "rmse" : "log_loss");
    if (!mer_metric_fits(search->metric, task))
        return mer_fail(err, MER_ERR_USAGE, "the metric %s does not fit the task %s",
                        search->metric->name, mer_task_name(task));
    return mer_search_choose_reported(search, err);
}

static mer_status check_directions(const struct mer_search *search, mer_err *err)
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

/* Many classes cost as much as many rows. */
static size_t count_folds(const struct mer_search *search)
{
    const size_t n_rows = search->frame->n_rows, n_classes = search->target.n_classes;
    const size_t n_folds = mer_fold_count(n_rows);
    const size_t n_wanted = n_classes <= 2                         ? n_folds
                            : n_rows > ONE_FOLD_CELLS / n_classes  ? 1
                            : n_rows > FEW_FOLDS_CELLS / n_classes ? FEW_FOLDS
                                                                   : n_folds;
    return n_wanted < n_folds ? n_wanted : n_folds;
}

static mer_status cut_folds(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    const struct mer_search_options *options = search->options;
    const struct mer_target target = {.task = search->target.task,
                                      .values = search->target.values,
                                      .classes = search->target.classes,
                                      .n_classes = search->target.n_classes};
    const struct mer_fold_options wanted = {.n_folds = options->n_folds,
                                            .n_folds_usual = count_folds(search),
                                            .n_repeats = options->n_repeats,
                                            .seed = options->seed,
                                            .groups = options->group_column,
                                            .times = options->time_column,
                                            .labels = options->folds_column,
                                            .gap = options->time_gap,
                                            .n_valid_rows =
                                                search->frame->n_rows - search->learned->n_rows};

    MER_GUARD(mer_folds_make(ctx, search->frame, search->target_column, &target, &wanted,
                             &search->folds, err));
    search->n_folds = mer_folds_count(&search->folds);
    return mer_ok();
}

mer_status mer_search_open_engine(const struct mer_ctx *ctx, struct mer_search *search,
                                  const struct mer_evaluation_data *data,
                                  const struct mer_evaluation *evaluation, mer_err *err)
{
    const struct mer_search_options *options = search->options;
    mer_trial_engine_open *open_engine =
        options->open_engine ? options->open_engine : mer_trial_engine_open_here;

    mer_search_close_engine(ctx, search);
    return open_engine(options->engine_opener, ctx, data, evaluation, &search->engine, err);
}

void mer_search_close_engine(const struct mer_ctx *ctx, struct mer_search *search)
{
    if (search->engine.close)
        search->engine.close(search->engine.self, ctx);
    search->engine.close = NULL;
}

/* Splits the table and prepares it for the search. */
static mer_status prepare_search(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    const struct mer_search_options *options = search->options;
    const struct mer_ctx limited =
        search->end_ns != 0 ? mer_with_deadline(ctx, search->end_ns) : *ctx;

    MER_GUARD(cut_folds(ctx, search, err));
    search->data = (struct mer_evaluation_data){.frame = search->frame,
                                                .hints = search->hints,
                                                .target_column = search->target_column,
                                                .target = &search->target,
                                                .weights = search->weights,
                                                .metric = search->metric,
                                                .n_folds = search->n_folds,
                                                .folds = &search->folds,
                                                .seed = options->seed,
                                                .directions = options->directions,
                                                .n_directions = options->n_directions,
                                                .shapes_only = options->open_engine != NULL};
    const uint64_t begin_ns = mer_ctx_now_ns(ctx);
    MER_GUARD(mer_evaluation_new(&limited, &search->data, &search->evaluation, err));
    search->prepare_seconds = mer_seconds_between(begin_ns, mer_ctx_now_ns(ctx));
    search->units = mer_evaluation_prepare_cost(search->evaluation);
    MER_GUARD(mer_search_check_after(search, err));
    MER_GUARD(mer_search_open_engine(ctx, search, &search->data, search->evaluation, err));
    if (options->family)
        return plan_one(search, err);
    const struct mer_plan_options plan = plan_options(search);
    mer_plan_init(search->plan, &plan);
    if (search->plan->n_candidates == 0)
        return mer_fail(err, MER_ERR_USAGE, "none of the families to search can do %s",
                        mer_task_name(search->target.task));
    return mer_ok();
}

static mer_status allocate(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    struct mer_alloc *alloc = ctx->alloc;

    MER_GUARD(mer_pipeline_new(alloc, &search->pipeline, err));
    MER_GUARD(mer_alloc_zero(alloc, 1, sizeof(*search->plan), &search->plan, err));
    MER_GUARD(mer_arena_zero(&search->pipeline->arena, MER_TRIALS_KEPT, sizeof(*search->trials),
                             &search->trials, err));
    MER_GUARD(mer_alloc_zero(alloc, MER_N_FAMILIES, sizeof(double), &search->family_seconds, err));
    return mer_alloc_zero(alloc, MER_N_FAMILIES, sizeof(double), &search->family_units, err);
}

static void release(const struct mer_ctx *ctx, struct mer_search *search)
{
    for (size_t i = 0; i < MER_PLAN_MAX; i++) {
        if (search->results[i])
            mer_trial_result_release(ctx->alloc, search->results[i]);
        mer_free(ctx->alloc, search->results[i]);
    }
    mer_keep_release(ctx, &search->keep);
    mer_search_close_engine(ctx, search);
    mer_evaluation_free(ctx, search->evaluation);
    mer_folds_release(ctx, &search->folds);
    mer_learned_target_release(ctx, &search->target);
    mer_search_layers_release(ctx, search);
    mer_free(ctx->alloc, search->hints);
    mer_free(ctx->alloc, search->balanced);
    mer_free(ctx->alloc, search->plan);
    mer_free(ctx->alloc, search->family_seconds);
    mer_free(ctx->alloc, search->family_units);
    mer_pipeline_free(ctx, search->pipeline);
}

static mer_status weigh_rows(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    const struct mer_search_options *options = search->options;

    search->weights = options->weights;
    if (!options->balance_classes)
        return mer_ok();
    MER_GUARD(mer_target_balance(ctx, &search->target, options->weights, search->frame->n_rows,
                                 search->learned->n_rows, &search->balanced, err));
    search->weights = search->balanced;
    return mer_ok();
}

/* What is said of the columns beforehand; warns of those that give the target away. */
static mer_status find_leaks(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    const struct mer_frame *frame = search->learned;
    const struct mer_target target = {.task = search->target.task,
                                      .values = search->target.values,
                                      .classes = search->target.classes,
                                      .n_classes = search->target.n_classes};

    MER_GUARD(mer_prepare_hints(ctx->alloc, frame, search->schema, &search->hints, err));
    MER_GUARD(mer_leaks_mark(ctx, frame, search->target_column, &target, search->hints, err));
    for (size_t i = 0; i < frame->n_columns; i++) {
        if (!(search->hints[i] & MER_HINT_LEAK))
            continue;
        if (search->options->leave_out_leaks)
            search->hints[i] |= MER_HINT_LEAVE_OUT;
        else
            mer_log_warning(ctx, "automl",
                            "column %s alone nearly tells the target: if it is not known yet when "
                            "predictions are made, leave it out (--leave-out-leaks)",
                            mer_quote(frame->columns[i].name).text);
    }
    return mer_ok();
}

static mer_status run(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    const struct mer_search_options *options = search->options;

    MER_GUARD(allocate(ctx, search, err));
    MER_GUARD(mer_frame_want(search->frame, options->target, &search->target_column, err));
    if (search->frame->n_rows > UINT32_MAX)
        return mer_fail(err, MER_ERR_DATA, "%zu rows are more than 2^32", search->frame->n_rows);
    MER_GUARD(mer_target_learn_from(ctx, search->frame, search->learned->n_rows,
                                    search->target_column,
                                    options->task_given ? &options->task : NULL,
                                    &search->pipeline->arena, &search->target, err));
    MER_GUARD(weigh_rows(ctx, search, err));
    MER_GUARD(find_leaks(ctx, search, err));
    MER_GUARD(choose_metric(search, err));
    MER_GUARD(check_directions(search, err));
    MER_GUARD(describe(search, err));
    MER_GUARD(prepare_search(ctx, search, err));
    MER_GUARD(mer_search_drive_layers(ctx, search, err));
    MER_GUARD(mer_search_finish(ctx, search, err));
    sort_trials(search->plan, kept_trial(search), search->trials, search->n_trials);
    if (search->pipeline->n_members == 1)
        memcpy(search->pipeline->reported.scores, search->trials[0].reported,
               sizeof(search->trials[0].reported));
    search->pipeline->trials = search->trials;
    search->pipeline->n_trials = search->n_trials;
    search->pipeline->units = mer_search_total_units(search);
    search->pipeline->n_layers = search->n_layers;
    search->pipeline->validation =
        (struct mer_validation){search->folds.kind, search->folds.n_folds, search->folds.n_repeats};
    return mer_ok();
}

static double seconds_left(const struct mer_search_options *options)
{
    const double budget = fmin(options->budget_seconds, LONGEST_BUDGET);
    return fmax(budget - options->spent_seconds, LEAST_PART * budget);
}

mer_status mer_search_fit(const struct mer_ctx *ctx, const struct mer_frame *frame,
                          const struct mer_schema *schema, const struct mer_search_options *options,
                          struct mer_pipeline **ret_pipeline, mer_err *err)
{
    struct mer_search search = {.options = options,
                                .frame = frame,
                                .learned = options->learned_frame ? options->learned_frame : frame,
                                .schema = schema};
    mer_err local;

    if (!err)
        err = &local;
    mer_err_clear(err);
    if (ctx->clock && options->budget_seconds > 0)
        search.end_ns = mer_ctx_now_ns(ctx) + (uint64_t)(seconds_left(options) * MER_NS);
    const mer_status status = run(ctx, &search, err);
    if (mer_is_ok(status)) {
        *ret_pipeline = search.pipeline;
        search.pipeline = NULL;
    }
    release(ctx, &search);
    return status;
}
