/* Fitting through the public API: names become registry entries, and what the provenance record
 * will tell is noted. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_pseudonyms.h"
#include "api/model_handles.h"
#include "api/replay.h"
#include "api/report_handles.h"
#include "automl/continuation.h"
#include "automl/search.h"
#include "core/log.h"
#include "core/nearest.h"
#include "core/number.h"
#include "core/team.h"
#include "engine/journal.h"
#include "engine/local_engine.h"
#include "os/clock.h"
#include "os/secret_random.h"

/* Options that name a column, beside those of directions. */
enum { NAMED_COLUMNS = 4 };

static mer_status unknown_name(const char *what, const char *name, const char *(*name_at)(size_t i),
                               size_t n_names, mer_err *err)
{
    struct mer_nearest nearest;
    mer_nearest_init(&nearest, name, strlen(name));
    for (size_t i = 0; i < n_names; i++)
        mer_nearest_offer(&nearest, name_at(i), strlen(name_at(i)));
    const mer_status status =
        mer_fail(err, MER_ERR_USAGE, "there is no %s %s", what, mer_quote(name).text);
    return nearest.name ? mer_hint(err, status, "did you mean %s?", nearest.name) : status;
}

static const char *family_name(size_t i)
{
    return MER_FAMILIES[i]->name;
}

static const char *metric_name(size_t i)
{
    return MER_METRICS[i].name;
}

static mer_status choose_family(const struct mer_fit_options *options,
                                struct mer_search_options *search, mer_err *err)
{
    if (!options->family) {
        if (options->n_settings)
            return mer_fail(err, MER_ERR_USAGE,
                            "parameters are given, but no model family that they belong to");
        return mer_ok();
    }
    const struct mer_family *const family = mer_family_find(options->family);
    if (!family)
        return unknown_name("model family", options->family, family_name, MER_N_FAMILIES, err);
    search->family = family;
    mer_params_default(family->params, family->n_params, &search->params);
    for (size_t i = 0; i < options->n_settings; i++) {
        const struct mer_setting *const setting = &options->settings[i];
        MER_GUARD(mer_params_set(family->params, family->n_params, setting->name, setting->value,
                                 &search->params, err));
        search->params_given[mer_params_find(family->params, family->n_params, setting->name)] =
            true;
    }
    return mer_ok();
}

/* The families in a list of names that commas separate, as bits. */
static mer_status read_families(const char *list, uint64_t *ret_families, mer_err *err)
{
    uint64_t families = 0;
    while (*list) {
        char name[40];
        const size_t n = strcspn(list, ",");
        const size_t kept = n < sizeof name - 1 ? n : sizeof name - 1;
        memcpy(name, list, kept);
        name[kept] = '\0';
        size_t f = 0;
        while (f < MER_N_FAMILIES && strcmp(MER_FAMILIES[f]->name, name) != 0)
            f++;
        if (f == MER_N_FAMILIES)
            return unknown_name("model family", name, family_name, MER_N_FAMILIES, err);
        families |= (uint64_t)1 << f;
        list += n + (list[n] == ',');
    }
    *ret_families = families;
    return mer_ok();
}

/* The families of the space that the caller gives, as bits. */
static uint64_t space_families(const struct mer_space *space)
{
    uint64_t families = 0;
    for (size_t f = 0; f < MER_N_FAMILIES; f++)
        if (mer_space_find(space, MER_FAMILIES[f]))
            families |= (uint64_t)1 << f;
    return families;
}

static mer_status choose_families(const struct mer_fit_options *options,
                                  struct mer_search_options *search, mer_err *err)
{
    const uint64_t of_space = search->space ? space_families(search->space) : UINT64_MAX;
    /* What is to predict fast has no use for what does not; who names a family wants it. */
    const bool leaves_slow = options->single && !options->include && !search->space;
    const bool is_limited = options->include || options->exclude || search->space;
    uint64_t excluded = 0;
    if (!is_limited && (options->family || !options->single))
        return mer_ok();
    if (options->family)
        return mer_fail(err, MER_ERR_USAGE,
                        "one model family is to be fitted: there is none to include or exclude");
    for (size_t f = 0; f < MER_N_FAMILIES; f++)
        if (search->space || !(MER_FAMILIES[f]->capabilities &
                               (leaves_slow ? MER_BY_NAME | MER_SLOW_ROWS : MER_BY_NAME)))
            search->families |= (uint64_t)1 << f;
    if (options->include)
        MER_GUARD(read_families(options->include, &search->families, err));
    if (options->exclude)
        MER_GUARD(read_families(options->exclude, &excluded, err));
    search->families &= ~excluded & of_space;
    return search->families ? mer_ok()
                            : mer_fail(err, MER_ERR_USAGE, "no model family is left to search");
}

/* The task's exact kind (binary or multi-class) follows from the column. */
static mer_status choose_task(const char *task, struct mer_search_options *search, mer_err *err)
{
    if (!task)
        return mer_ok();
    search->task_given = true;
    if (strcmp(task, "regression") == 0)
        search->task = MER_TASK_REGRESSION;
    else if (strcmp(task, "classification") == 0)
        search->task = MER_TASK_MULTICLASS;
    else
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE, "there is no task %s", mer_quote(task).text),
                        "there are: classification, regression");
    return mer_ok();
}

/* A seed of the kernel's has 53 bits: every reader of JSON then reads it back exactly. */
static mer_status choose_seed(const uint64_t *given, uint64_t *ret_seed, mer_err *err)
{
    if (given) {
        *ret_seed = *given;
        return mer_ok();
    }
    MER_GUARD(mer_secret_random(ret_seed, sizeof *ret_seed, err));
    *ret_seed >>= 64 - 53;
    return mer_ok();
}

/* Seconds that a budget may be over by before the report does without intervals, and a budget that
 * is none. */
#define STUDY_GRACE 0.2
#define LONGEST_BUDGET 1e9

/* Passes progress and trials on to the caller, and tells the time of each phase by the change from
 * one to the next. */
struct listener {
    const struct mer_fit_options *options;
    const struct mer_ctx *ctx; /* the caller's */
    struct mer_making *making;
    double *phase_seconds; /* of the phase that runs */
    uint64_t phase_start_ns;
    uint64_t start_ns;
    const struct mer_family *best_family;
    double best_score;
};

static void begin_phase(struct listener *listener, double *phase_seconds)
{
    if (phase_seconds == listener->phase_seconds)
        return;
    const uint64_t now_ns = mer_ctx_now_ns(listener->ctx);
    *listener->phase_seconds += (double)(now_ns - listener->phase_start_ns) * 1e-9;
    listener->phase_seconds = phase_seconds;
    listener->phase_start_ns = now_ns;
}

static void on_progress(void *self, const char *phase, uint64_t done, uint64_t total)
{
    struct listener *const listener = self;
    if (strcmp(phase, "searching") == 0)
        begin_phase(listener, &listener->making->search_seconds);
    else if (strcmp(phase, "fitting") == 0)
        begin_phase(listener, &listener->making->train_seconds);
    mer_ctx_progress(listener->ctx, phase, done, total);
}

/* What part is over of what was asked for: the clock's, the units' or the trials', whichever is
 * further. */
static double share_of(const struct mer_fit_options *options, double seconds, uint64_t units,
                       size_t n_done, size_t n_planned)
{
    double share = 0;
    if (options->budget_seconds > 0)
        share = fmax(share, seconds / options->budget_seconds);
    if (options->units > 0)
        share = fmax(share, (double)units / (double)options->units);
    if (options->max_trials > 0)
        share = fmax(share, (double)n_done / (double)options->max_trials);
    else if (share == 0 && n_planned > 0)
        share = (double)n_done / (double)n_planned;
    return fmin(share, 1);
}

static void tell_state(struct listener *listener, const struct mer_trial *trial, size_t n_done,
                       size_t n_planned, const struct mer_metric *metric, uint64_t units)
{
    const struct mer_fit_options *const options = listener->options;
    const struct mer_alloc *const alloc = listener->ctx->alloc;
    const double seconds = (double)(mer_ctx_now_ns(listener->ctx) - listener->start_ns) * 1e-9;
    const size_t used = atomic_load(&alloc->used);
    const bool has_improved = isfinite(trial->score) &&
                              (!listener->best_family ||
                               (metric->greater_is_better ? trial->score > listener->best_score
                                                          : trial->score < listener->best_score));
    if (has_improved) {
        listener->best_family = trial->family;
        listener->best_score = trial->score;
    }
    const struct mer_fit_state state = {
        .size = sizeof state,
        .n_trials = n_done,
        .share = share_of(options, seconds, units, n_done, n_planned),
        .metric = metric->name,
        .best_family = listener->best_family ? listener->best_family->name : NULL,
        .best_score = listener->best_family ? listener->best_score : (double)NAN,
        .has_improved = has_improved,
        .seconds = seconds,
        .seconds_left = options->budget_seconds > 0 ? fmax(0, options->budget_seconds - seconds)
                                                    : (double)INFINITY,
        .units = units,
        .memory_bytes = used,
        .memory_left = alloc->budget == SIZE_MAX ? SIZE_MAX
                       : alloc->budget > used    ? alloc->budget - used
                                                 : 0,
    };
    options->on_state(options->self, &state);
}

static void on_trial(void *self, const struct mer_trial *trial, size_t n_done, size_t n_planned,
                     const struct mer_metric *metric, uint64_t units)
{
    struct listener *const listener = self;
    if (listener->options->on_trial)
        listener->options->on_trial(listener->options->self, trial->family->name, trial->score,
                                    trial->deviation, trial->seconds, n_done, n_planned);
    if (listener->options->on_state)
        tell_state(listener, trial, n_done, n_planned, metric, units);
}

/* "age=increasing dose=decreasing" */
static mer_status note_monotone(const struct mer_fit_options *options, struct mer_making *making,
                                mer_err *err)
{
    for (size_t i = 0; i < options->n_monotone; i++) {
        char *const before = making->monotone;
        const int n =
            asprintf(&making->monotone, "%s%s%s=%s", before ? before : "", before ? " " : "",
                     options->monotone[i].name, options->monotone[i].value);
        if (n < 0)
            making->monotone = NULL;
        free(before);
        if (n < 0)
            return mer_fail(err, MER_ERR_MEMORY, "no memory for a record");
    }
    return mer_ok();
}

static mer_status note_valid(const struct mer_table *valid, struct mer_making *making, mer_err *err)
{
    making->has_valid = true;
    making->valid = valid->origin;
    making->valid.path = NULL;
    making->n_valid_rows = valid->frame.n_rows;
    return valid->path ? mer_path_with_suffix(valid->path, "", &making->valid_path, err) : mer_ok();
}

static mer_status note_making(const struct mer_fit_options *options, const struct mer_table *table,
                              struct mer_making *making, mer_err *err)
{
    const struct mer_context *const context = table->context;
    *making = (struct mer_making){
        .data = table->origin,
        .schema_given = table->schema_given,
        .n_rows = table->frame.n_rows,
        .n_columns = table->frame.n_columns,
        .budget_seconds = options->budget_seconds,
        .units = options->units,
        .max_trials = options->max_trials,
        .n_folds = options->n_folds,
        .roles = {SIZE_MAX, SIZE_MAX, SIZE_MAX},
        .seed_given = options->seed != NULL,
        .family_given = options->family != NULL,
        .task_given = options->task != NULL,
        .classes_balanced = options->class_weight != NULL,
        .leaks_left_out = options->leave_out_leaks,
        .n_threads = mer_team_size(context->ctx.team),
        .cpu = context->ctx.cpu,
        .started_ns = MER_CLOCK_WALL.now_ns(MER_CLOCK_WALL.self),
    };
    memcpy(making->schema_digest, table->schema_digest, sizeof making->schema_digest);
    making->data.path = NULL; /* the table may be gone before the record is written */
    if (table->bad.n_rows > 0)
        MER_GUARD(mer_bad_rows_copy(&table->bad, &making->bad, err));
    MER_GUARD(note_monotone(options, making, err));
    MER_GUARD(mer_replay_note(options, &making->asked, err));
    if (options->valid)
        MER_GUARD(note_valid(options->valid, making, err));
    if (!table->path)
        return mer_ok();
    return mer_path_with_suffix(table->path, "", &making->path, err);
}

/* A model without a feature would be a constant with a signature. */
static mer_status check_features(const struct mer_pipeline *pipeline, mer_err *err)
{
    struct mer_design shape;
    mer_prepare_shape(pipeline->prepare, &shape);
    if (mer_design_features(&shape) > 0)
        return mer_ok();
    const size_t n_columns = mer_prepare_n_columns(pipeline->prepare);
    if (n_columns == 0)
        return mer_fail(err, MER_ERR_DATA,
                        "the table has no column but the target: there is nothing to learn from");
    struct mer_prepare_column first;
    mer_prepare_describe(pipeline->prepare, 0, &first);
    return mer_hint(err,
                    mer_fail(err, MER_ERR_DATA,
                             "all %zu columns but the target are left out: there is nothing to "
                             "learn from",
                             n_columns),
                    "column %s, for example: %s", mer_quote(first.name).text,
                    mer_left_out_reason(first.left_out));
}

static mer_status choose_directions(const struct mer_fit_options *options,
                                    struct mer_direction *directions,
                                    struct mer_search_options *search, mer_err *err)
{
    for (size_t i = 0; i < options->n_monotone; i++) {
        const struct mer_setting *const setting = &options->monotone[i];
        const bool rises = strcmp(setting->value, "increasing") == 0;
        if (!rises && strcmp(setting->value, "decreasing") != 0)
            return mer_fail(err, MER_ERR_USAGE,
                            "predictions can be increasing or decreasing with column %s, not %s",
                            mer_quote(setting->name).text, mer_quote(setting->value).text);
        directions[i] = (struct mer_direction){setting->name, rises ? 1 : -1};
    }
    search->directions = directions;
    search->n_directions = options->n_monotone;
    return mer_ok();
}

static mer_status choose_after(const struct mer_fit_options *options,
                               struct mer_search_options *search, mer_err *err)
{
    search->calibrate = MER_RECALIBRATION_AUTO;
    if (options->calibrate && !mer_recalibration_find(options->calibrate, &search->calibrate))
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE, "there is no calibration %s",
                                 mer_quote(options->calibrate).text),
                        "there are: auto, temperature, isotonic, none");
    search->quantiles = options->quantiles;
    search->n_quantiles = options->n_quantiles;
    if (!options->threshold)
        return mer_ok();
    if (strcmp(options->threshold, "auto") == 0) {
        search->threshold_choice = MER_THRESHOLD_AUTO;
        return mer_ok();
    }
    search->threshold_choice = MER_THRESHOLD_GIVEN;
    if (!mer_number_parse(options->threshold, strlen(options->threshold), false,
                          &search->threshold) ||
        !(search->threshold > 0 && search->threshold < 1))
        return mer_hint(
            err,
            mer_fail(err, MER_ERR_USAGE, "%s is no threshold", mer_quote(options->threshold).text),
            "it is auto, or a probability between 0 and 1, such as 0.5");
    return mer_ok();
}

static mer_status check_layers(const struct mer_fit_options *options, mer_err *err)
{
    if (options->n_layers > 2)
        return mer_fail(err, MER_ERR_USAGE, "there are one or two layers, and not %zu",
                        options->n_layers);
    if (options->n_layers == 2 && (options->single || options->family))
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE,
                                 "a second layer is of an ensemble, and one model is wanted"),
                        "leave out %s, or the layers",
                        options->single ? "deploying what is fast" : "the model family");
    return mer_ok();
}

static mer_status choose(const struct mer_fit_options *options, struct mer_search_options *search,
                         mer_err *err)
{
    MER_GUARD(check_layers(options, err));
    if (options->class_weight && strcmp(options->class_weight, "balanced") != 0)
        return mer_fail(err, MER_ERR_USAGE, "classes can be weighed as balanced, not as %s",
                        mer_quote(options->class_weight).text);
    search->balance_classes = options->class_weight != NULL;
    search->leave_out_leaks = options->leave_out_leaks;
    MER_GUARD(choose_task(options->task, search, err));
    MER_GUARD(choose_family(options, search, err));
    MER_GUARD(choose_families(options, search, err));
    MER_GUARD(choose_after(options, search, err));
    MER_GUARD(choose_seed(options->seed, &search->seed, err));
    if (!options->metric)
        return mer_ok();
    search->metric = mer_metric_find(options->metric);
    return search->metric
               ? mer_ok()
               : unknown_name("metric", options->metric, metric_name, MER_N_METRICS, err);
}

/* A target that the table does not have is a mistake of whoever named it, not of the table. */
static mer_status check_target(const struct mer_table *table, const char *target, mer_err *err)
{
    size_t index;
    const mer_status status = mer_frame_want(&table->frame, target, &index, err);
    if (status.code != MER_ERR_DATA)
        return status;
    if (err)
        err->code = MER_ERR_USAGE;
    return (mer_status){MER_ERR_USAGE};
}

/* Where the trials run: in workers, unless the caller wants them here, or has no program for them
 * and did not ask for any. */
static mer_status choose_engine(struct mer_context *context, struct mer_cell_input image,
                                const struct mer_fit_options *options,
                                struct mer_local_engine_options *engine,
                                struct mer_search_options *search, mer_err *err)
{
    if (options->in_process)
        return mer_ok();
    const mer_status status = mer_context_cell_settings(context, &engine->settings, err);
    if (status.code == MER_ERR_ABSENT && options->n_workers == 0 && !context->require_full_cell) {
        mer_log_warning(&context->ctx, "api", "trials run in this process: %s", err->message);
        mer_err_clear(err);
        return mer_ok();
    }
    MER_GUARD(status);
    engine->table = image;
    engine->n_workers = options->n_workers;
    engine->budget_seconds = options->budget_seconds;
    search->open_engine = mer_local_engine_open;
    search->engine_opener = engine;
    return mer_ok();
}

/* What is searched on: the table, and what its trials are scored on. */
struct rows {
    const struct mer_table *table;
    struct mer_joined joined;
    const struct mer_frame *frame; /* the table's, or one with a validation table's rows behind */
    struct mer_cell_input image;   /* of that */
};

static mer_status find_rows(const struct mer_table *table, const struct mer_fit_options *options,
                            struct rows *ret, mer_err *err)
{
    *ret = (struct rows){.table = table,
                         .joined.image = -1,
                         .frame = &table->frame,
                         .image = {table->image, table->frame.n_image}};
    if (!options->valid)
        return mer_ok();
    MER_GUARD(mer_table_join(table, options->valid, &ret->joined, err));
    ret->frame = &ret->joined.frame;
    ret->image = (struct mer_cell_input){ret->joined.image, ret->joined.frame.n_image};
    return mer_ok();
}

/* How rows are weighed, and cut for cross-validation. */
static mer_status choose_cut(const struct mer_fit_options *options, const struct mer_table *table,
                             const struct mer_fit_view *view, struct mer_search_options *search,
                             mer_err *err)
{
    const struct mer_column *const columns = table->frame.columns;
    const struct mer_role_columns *const roles = &view->roles;
    search->weights = view->weights;
    search->group_column = roles->group < SIZE_MAX ? &columns[roles->group] : NULL;
    search->time_column = roles->time < SIZE_MAX ? &columns[roles->time] : NULL;
    search->folds_column = roles->folds < SIZE_MAX ? &columns[roles->folds] : NULL;
    if (!options->time_gap)
        return mer_ok();
    return mer_role_gap(options->time_gap, search->time_column, &search->time_gap, err);
}

static mer_status search_view(const struct mer_ctx *ctx, const struct rows *rows,
                              const struct mer_fit_options *options,
                              struct mer_search_options *search, struct mer_fitted *model,
                              mer_err *err)
{
    const struct mer_table *const table = rows->table;
    struct mer_fit_view view, learned = {.weights = NULL};
    MER_GUARD(mer_fit_view_init(ctx, table, rows->frame, options, &view, err));
    model->making.roles = view.roles;
    mer_status status = choose_cut(options, table, &view, search, err);
    if (mer_is_ok(status) && options->valid) {
        status = mer_fit_view_init(ctx, table, &table->frame, options, &learned, err);
        search->learned_frame = &learned.frame;
    }
    if (mer_is_ok(status))
        status = mer_search_fit(ctx, &view.frame, &table->schema, search, &model->pipeline, err);
    mer_fit_view_release(ctx->alloc, &learned);
    mer_fit_view_release(ctx->alloc, &view);
    return status;
}

/* The search, once its options are known. */
static mer_status search_rows(struct mer_context *context, const struct rows *rows,
                              const struct mer_fit_options *options, struct listener *listener,
                              struct mer_search_options *search, struct mer_fitted *model,
                              mer_err *err)
{
    struct mer_local_engine_options engine;
    struct mer_journaled_engine journaled;
    struct mer_direction *directions;
    MER_GUARD(choose_engine(context, rows->image, options, &engine, search, err));
    MER_GUARD(note_making(options, rows->table, &model->making, err));
    if (options->journal)
        MER_GUARD(mer_fit_journal_open(model, rows->table, options, search, &journaled, err));
    if (options->study) {
        MER_GUARD(mer_study_begin(model, rows->table, options->target, err));
        search->visit = mer_study_visit;
        search->visitor = model->study;
    }
    const struct mer_progress progress = {on_progress, listener};
    struct mer_ctx ctx = context->ctx;
    ctx.progress = &progress;
    MER_GUARD(
        mer_alloc_array(ctx.alloc, options->n_monotone, sizeof *directions, &directions, err));
    mer_status status = choose_directions(options, directions, search, err);
    if (mer_is_ok(status))
        status = search_view(&ctx, rows, options, search, model, err);
    mer_free(ctx.alloc, directions);
    return status;
}

/* A second layer that was given up is none: the record repeats what was done. */
static mer_status note_layers(const struct mer_fit_options *options,
                              const struct mer_pipeline *pipeline, struct mer_making *making,
                              mer_err *err)
{
    struct mer_fit_options done = *options;

    done.n_layers = pipeline->n_layers;
    mer_text_free(making->asked);
    making->asked = NULL;
    return mer_replay_note(&done, &making->asked, err);
}

static mer_status run_search(struct mer_context *context, const struct mer_table *table,
                             const struct mer_fit_options *options, struct mer_fitted *model,
                             mer_err *err)
{
    struct mer_making *const making = &model->making;
    struct listener listener = {.options = options,
                                .ctx = &context->ctx,
                                .making = making,
                                .phase_seconds = &making->prepare_seconds,
                                .phase_start_ns = mer_ctx_now_ns(&context->ctx),
                                .start_ns = mer_ctx_now_ns(&context->ctx)};
    struct mer_space space;
    struct mer_search_options search = {
        .target = options->target,
        .budget_seconds = options->budget_seconds,
        .units = options->units,
        .max_trials = options->max_trials,
        .n_folds = options->n_folds,
        .spent_seconds = options->spent_seconds,
        .patience = options->patience,
        .n_repeats = options->n_repeats,
        .single = options->single,
        .n_layers = options->n_layers,
        .signal_for_best = options->signal_for_best,
        .on_trial = on_trial,
        .self = &listener,
    };
    if (options->space) {
        MER_GUARD(
            mer_space_read(&context->ctx, options->space, strlen(options->space), &space, err));
        search.space = &space;
    }
    MER_GUARD(choose(options, &search, err));
    struct mer_reported reported;
    if (options->report_metrics) {
        MER_GUARD(mer_reported_parse(options->report_metrics, &reported, err));
        search.reported = &reported;
    }
    MER_GUARD(check_target(table, options->target, err));
    struct rows rows;
    MER_GUARD(find_rows(table, options, &rows, err));
    const mer_status status = search_rows(context, &rows, options, &listener, &search, model, err);
    mer_joined_release(&rows.joined);
    MER_GUARD(status);
    MER_GUARD(note_layers(options, model->pipeline, making, err));
    begin_phase(&listener, NULL);
    making->ended_ns = MER_CLOCK_WALL.now_ns(MER_CLOCK_WALL.self);
    MER_GUARD(check_features(model->pipeline, err));
    MER_GUARD(mer_facts_of_pipeline(&context->ctx, model->pipeline, &model->own_facts, err));
    model->facts = &model->own_facts;
    if (mer_facts_row_keeper(model->facts))
        mer_log_warning(&context->ctx, "fit",
                        "a model of family %s holds its training rows: whoever has it has them",
                        mer_facts_row_keeper(model->facts)->name);
    struct mer_ctx limited = context->ctx;
    const double left = options->budget_seconds - options->spent_seconds;
    if (options->budget_seconds > 0 && left < LONGEST_BUDGET)
        limited.deadline_ns = listener.start_ns + (uint64_t)(fmax(0, left + STUDY_GRACE) * 1e9);
    return model->study ? mer_study_finish(&limited, model->study, search.seed, err) : mer_ok();
}

/* What only a search has a use for. */
static mer_status check_continuation(const struct mer_fit_options *options, mer_err *err)
{
    const struct mer_fitted *const start = options->start;
    const struct {
        const char *name;
        bool is_given;
    } searching[] = {
        {"task", options->task},
        {"metric", options->metric},
        {"include", options->include},
        {"exclude", options->exclude},
        {"budget", options->budget_seconds > 0},
        {"units", options->units > 0},
        {"trials", options->max_trials > 0},
        {"folds", options->n_folds > 0},
        {"repeats", options->n_repeats > 0},
        {"group-column", options->group_column},
        {"time-column", options->time_column},
        {"folds-column", options->folds_column},
        {"gap", options->time_gap},
        {"workers", options->n_workers > 0},
        {"report", options->study},
        {"journal", options->journal},
        {"leave-out-leaks", options->leave_out_leaks},
        {"calibrate", options->calibrate},
        {"threshold", options->threshold},
        {"deploy", options->single},
        {"layers", options->n_layers > 0},
        {"quantiles", options->n_quantiles > 0},
        {"resume", options->resume},
        {"patience", options->patience > 0},
        {"space", options->space},
        {"valid", options->valid},
        {"report_metrics", options->report_metrics},
    };
    if (!start->pipeline)
        return mer_fail(err, MER_ERR_USAGE, "a model that nobody vouches for is not gone on with");
    for (size_t i = 0; i < sizeof searching / sizeof searching[0]; i++)
        if (searching[i].is_given)
            return mer_fail(err, MER_ERR_USAGE,
                            "%s belongs to a search, and a model that is gone on with is not "
                            "searched for",
                            searching[i].name);
    MER_GUARD(mer_continuation_check(start->pipeline, err));
    const char *const family = start->pipeline->members[0].family->name;
    if (options->family && strcmp(options->family, family) != 0)
        return mer_fail(err, MER_ERR_USAGE, "the model to go on with is of the family %s, not %s",
                        family, mer_quote(options->family).text);
    if (strcmp(options->target, start->pipeline->target) != 0)
        return mer_fail(err, MER_ERR_USAGE, "the model to go on with predicts %s, not %s",
                        mer_quote(start->pipeline->target).text, mer_quote(options->target).text);
    if (options->class_weight && strcmp(options->class_weight, "balanced") != 0)
        return mer_fail(err, MER_ERR_USAGE, "classes can be weighed as balanced, not as %s",
                        mer_quote(options->class_weight).text);
    return mer_ok();
}

static mer_status go_on(struct mer_context *context, const struct mer_table *table,
                        const struct mer_fit_options *options, struct mer_fitted *model,
                        struct mer_direction *directions, const char *(*settings)[2], mer_err *err)
{
    struct mer_search_options chosen = {.n_directions = 0};
    struct mer_fit_view view;
    MER_GUARD(choose_directions(options, directions, &chosen, err));
    for (size_t i = 0; i < options->n_settings; i++) {
        settings[i][0] = options->settings[i].name;
        settings[i][1] = options->settings[i].value;
    }
    MER_GUARD(mer_fit_view_init(&context->ctx, table, &table->frame, options, &view, err));
    model->making.roles = view.roles;
    const struct mer_continuation how = {.settings = (const char *const(*)[2])settings,
                                         .n_settings = options->n_settings,
                                         .weights = view.weights,
                                         .balance_classes = options->class_weight != NULL,
                                         .directions = directions,
                                         .n_directions = options->n_monotone,
                                         .seed = options->seed};
    const mer_status status =
        mer_pipeline_continue(&context->ctx, model->pipeline, &view.frame, &how, err);
    mer_fit_view_release(&context->alloc, &view);
    return status;
}

static mer_status run_continuation(struct mer_context *context, const struct mer_table *table,
                                   const struct mer_fit_options *options, struct mer_fitted *model,
                                   mer_err *err)
{
    struct mer_making *const making = &model->making;
    const uint64_t start_ns = mer_ctx_now_ns(&context->ctx);
    struct mer_direction *directions = NULL;
    const char *(*settings)[2] = NULL;
    MER_GUARD(check_continuation(options, err));
    MER_GUARD(check_target(table, options->target, err));
    MER_GUARD(note_making(options, table, making, err));
    MER_GUARD(mer_model_copy(options->start, model, err));
    mer_status status =
        mer_alloc_array(&context->alloc, options->n_monotone, sizeof *directions, &directions, err);
    if (mer_is_ok(status))
        status =
            mer_alloc_array(&context->alloc, options->n_settings, sizeof *settings, &settings, err);
    if (mer_is_ok(status))
        status = go_on(context, table, options, model, directions, settings, err);
    mer_free(&context->alloc, settings);
    mer_free(&context->alloc, directions);
    MER_GUARD(status);
    making->train_seconds = (double)(mer_ctx_now_ns(&context->ctx) - start_ns) * 1e-9;
    making->ended_ns = MER_CLOCK_WALL.now_ns(MER_CLOCK_WALL.self);
    MER_GUARD(mer_facts_of_pipeline(&context->ctx, model->pipeline, &model->own_facts, err));
    model->facts = &model->own_facts;
    return mer_ok();
}

/* What the options name, as the table has it: `tokens` is room for NAMED_COLUMNS + n_monotone. */
static mer_status name_columns(const struct mer_table *table, struct mer_fit_options *options,
                               struct mer_column_token *tokens, struct mer_setting *monotone,
                               mer_err *err)
{
    const char **const named[NAMED_COLUMNS] = {&options->target, &options->group_column,
                                               &options->time_column, &options->folds_column};
    for (size_t i = 0; i < NAMED_COLUMNS; i++)
        if (*named[i])
            MER_GUARD(mer_table_column_token(table, *named[i], &tokens[i], named[i], err));
    for (size_t i = 0; i < options->n_monotone; i++) {
        monotone[i] = options->monotone[i];
        MER_GUARD(mer_table_column_token(table, monotone[i].name, &tokens[NAMED_COLUMNS + i],
                                         &monotone[i].name, err));
    }
    options->monotone = monotone;
    return mer_ok();
}

static mer_status fit(struct mer_context *context, const struct mer_table *table,
                      struct mer_fit_options *options, struct mer_fitted *model, mer_err *err)
{
    const size_t n = options->n_monotone;
    struct mer_column_token *tokens;
    struct mer_setting *monotone = NULL;
    MER_GUARD(mer_alloc_array(&context->alloc, n + NAMED_COLUMNS, sizeof *tokens, &tokens, err));
    mer_status status = mer_alloc_array(&context->alloc, n, sizeof *monotone, &monotone, err);
    if (mer_is_ok(status))
        status = name_columns(table, options, tokens, monotone, err);
    if (mer_is_ok(status))
        status = options->start ? run_continuation(context, table, options, model, err)
                                : run_search(context, table, options, model, err);
    mer_free(&context->alloc, monotone);
    mer_free(&context->alloc, tokens);
    return status;
}

mer_status mer_fit(struct mer_context *context, const struct mer_table *table,
                   const struct mer_fit_options *options, struct mer_fitted **ret_model,
                   mer_err *err)
{
    struct mer_fit_options chosen;
    MER_GUARD(mer_options_copy(options, sizeof chosen, "mer_fit_options", &chosen, err));
    if (!chosen.target)
        chosen.target = chosen.start ? chosen.start->facts->target : mer_role_target(table);
    if (!chosen.target)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE, "fit needs the name of the column to predict"),
                        "name it (--target), or give it the role target in the schema");
    struct mer_fitted *const model = calloc(1, sizeof *model);
    if (!model)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a model");
    model->context = context;
    model->is_new = true;
    const mer_status status = fit(context, table, &chosen, model, err);
    mer_fit_journal_end(model, status, NULL);
    if (!mer_is_ok(status)) {
        mer_fitted_free(model);
        return status;
    }
    *ret_model = model;
    return mer_ok();
}

void mer_fitted_free(struct mer_fitted *model)
{
    if (!model)
        return;
    mer_cell_pool_free(model->cells);
    mer_journal_close(model->journal);
    mer_study_free(model);
    mer_facts_release(&model->own_facts);
    if (model->pipeline)
        mer_pipeline_free(&model->context->ctx, model->pipeline);
    mer_bad_rows_release(&model->making.bad);
    free(model->making.path);
    free(model->making.valid_path);
    free(model->making.monotone);
    mer_text_free(model->making.asked);
    if (model->copied.alloc) { /* new, and on from another */
        mer_bundle_release(&model->bundle);
        mer_buf_release(&model->copied);
    }
    if (!model->is_new) {
        mer_bundle_release(&model->bundle);
        mer_sealed_release(&model->sealed);
    }
    free(model);
}
