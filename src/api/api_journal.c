/* The journal of a fit: what a run is known by, and what becomes of it. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "api/handles.h"
#include "automl/search.h"
#include "core/number.h"
#include "engine/journal.h"
#include "os/clock.h"

/* Whoever gives the options a new field that decides which trials are run, or how, adds it to the
 * settings below: a run is only gone on with when they are the same. */
static_assert(sizeof(struct mer_fit_options) == 352, "the settings of a run are all of them");

/* A column's name is told as a digest: it is the same for the same name and table. */
static mer_status put_name(struct mer_buf *buf, const struct mer_table *table, const char *name,
                           mer_err *err)
{
    char digest[65];
    struct mer_buf text;
    mer_buf_init(&text, buf->alloc, SIZE_MAX);
    mer_status status = mer_buf_printf(&text, err, "%s/%s", table->origin.digest, name);
    if (mer_is_ok(status))
        status = mer_digest_hex(text.bytes, text.n, digest, err);
    mer_buf_release(&text);
    MER_GUARD(status);
    return mer_buf_printf(buf, err, "%.16s", digest);
}

static mer_status put_number(struct mer_buf *buf, const char *name, double value, mer_err *err)
{
    char text[MER_NUMBER_TEXT_MAX];
    (void)mer_number_format(value, text);
    return mer_buf_printf(buf, err, "%s=%s\n", name, text);
}

static mer_status put_family(struct mer_buf *buf, const struct mer_search_options *search,
                             mer_err *err)
{
    const struct mer_family *const family = search->family;
    MER_GUARD(mer_buf_printf(buf, err, "model=%s\n", family ? family->name : ""));
    for (size_t i = 0; family && i < family->n_params; i++) {
        if (!search->params_given[i])
            continue;
        MER_GUARD(mer_buf_text(buf, "param ", err));
        MER_GUARD(put_number(buf, family->params[i].name, search->params.values[i], err));
    }
    return mer_ok();
}

/* One line: a name stands for one setting. */
static mer_status put_quantiles(struct mer_buf *buf, const struct mer_fit_options *options,
                                mer_err *err)
{
    if (options->n_quantiles == 0)
        return mer_ok();
    MER_GUARD(mer_buf_text(buf, "quantiles=", err));
    for (size_t i = 0; i < options->n_quantiles; i++) {
        char text[MER_NUMBER_TEXT_MAX];
        (void)mer_number_format(options->quantiles[i], text);
        MER_GUARD(mer_buf_printf(buf, err, "%s%s", i > 0 ? "," : "", text));
    }
    return mer_buf_text(buf, "\n", err);
}

/* How rows are cut. Not there where nothing was asked for: older runs had no choice. */
static mer_status put_cut(struct mer_buf *buf, const struct mer_table *table,
                          const struct mer_fit_options *options, mer_err *err)
{
    const struct {
        const char *what;
        const char *name;
    } columns[] = {{"group=", options->group_column},
                   {"time=", options->time_column},
                   {"folds_column=", options->folds_column}};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        if (!columns[i].name)
            continue;
        MER_GUARD(mer_buf_text(buf, columns[i].what, err));
        MER_GUARD(put_name(buf, table, columns[i].name, err));
        MER_GUARD(mer_buf_text(buf, "\n", err));
    }
    if (options->valid) {
        char digest[65];
        const struct mer_frame *const valid = &options->valid->frame;
        MER_GUARD(mer_digest_hex(valid->image, valid->n_image, digest, err));
        MER_GUARD(mer_buf_printf(buf, err, "valid=%s\n", digest));
    }
    if (options->time_gap)
        MER_GUARD(mer_buf_printf(buf, err, "gap=%s\n", options->time_gap));
    return options->n_repeats ? mer_buf_printf(buf, err, "repeats=%zu\n", options->n_repeats)
                              : mer_ok();
}

/* All that decides which trials are run, and how, but for the seed. */
static mer_status put_settings(struct mer_buf *buf, const struct mer_table *table,
                               const struct mer_fit_options *options,
                               const struct mer_search_options *search, mer_err *err)
{
    MER_GUARD(mer_buf_text(buf, "target=", err));
    MER_GUARD(put_name(buf, table, options->target, err));
    MER_GUARD(mer_buf_printf(buf, err, "\ntask=%s\nmetric=%s\n", options->task ? options->task : "",
                             search->metric ? search->metric->name : ""));
    MER_GUARD(put_family(buf, search, err));
    for (size_t i = 0; i < options->n_monotone; i++) {
        MER_GUARD(mer_buf_text(buf, "monotone ", err));
        MER_GUARD(put_name(buf, table, options->monotone[i].name, err));
        MER_GUARD(mer_buf_printf(buf, err, "=%s\n", options->monotone[i].value));
    }
    MER_GUARD(put_number(buf, "budget", options->budget_seconds, err));
    /* Not there where it was not asked for: older runs had no choice. */
    if (search->families)
        MER_GUARD(
            mer_buf_printf(buf, err, "families=%llx\n", (unsigned long long)search->families));
    if (options->calibrate)
        MER_GUARD(mer_buf_printf(buf, err, "calibrate=%s\n", options->calibrate));
    MER_GUARD(put_quantiles(buf, options, err));
    if (options->threshold)
        MER_GUARD(mer_buf_printf(buf, err, "threshold=%s\n", options->threshold));
    if (options->n_layers > 1)
        MER_GUARD(mer_buf_printf(buf, err, "layers=%zu\n", options->n_layers));
    if (options->patience > 0)
        MER_GUARD(mer_buf_printf(buf, err, "patience=%zu\n", options->patience));
    if (options->space) {
        char digest[65];
        MER_GUARD(mer_digest_hex(options->space, strlen(options->space), digest, err));
        MER_GUARD(mer_buf_printf(buf, err, "space=%s\n", digest));
    }
    MER_GUARD(put_cut(buf, table, options, err));
    return mer_buf_printf(
        buf, err, "units=%llu\ntrials=%zu\nfolds=%zu\nclass_weight=%s\nleaks=%d\n",
        (unsigned long long)options->units, options->max_trials, options->n_folds,
        options->class_weight ? options->class_weight : "", !options->leave_out_leaks);
}

static mer_status open_journal(struct mer_fitted *model, const struct mer_fit_options *options,
                               const struct mer_run_start *start, mer_err *err)
{
    const struct mer_ctx *const ctx = &model->context->ctx;
    if (options->resume) {
        const mer_status status =
            mer_journal_resume(ctx, options->state_folder, start, &model->journal, err);
        model->was_resumed = mer_is_ok(status);
        if (status.code != MER_ERR_NO_INPUT)
            return status;
        mer_log_info(ctx, "api", "a new run begins: %s", err ? err->message : "there is no other");
        mer_err_clear(err);
    }
    const mer_status status =
        mer_journal_begin(ctx, options->state_folder, start, &model->journal, err);
    if (mer_is_ok(status) || options->resume)
        return status;
    /* A journal is for later; the model is wanted now. */
    mer_log_warning(ctx, "api", "no journal is kept: %s", err ? err->message : "it cannot be made");
    mer_err_clear(err);
    return mer_ok();
}

/* What went into the run before is not there any more; a moment is, to end with what is known. */
static void shorten_budget(const struct mer_journal *journal, struct mer_search_options *search)
{
    if (search->budget_seconds > 0)
        search->budget_seconds = fmax(search->budget_seconds - mer_journal_spent_seconds(journal),
                                      fmin(search->budget_seconds, 1));
}

mer_status mer_fit_journal_open(struct mer_fitted *model, const struct mer_table *table,
                                const struct mer_fit_options *options,
                                struct mer_search_options *search,
                                struct mer_journaled_engine *engine, mer_err *err)
{
    char digest[65];
    struct mer_buf settings;
    mer_err local;
    if (!err)
        err = &local;
    mer_buf_init(&settings, &model->context->alloc, MER_RUN_TEXT_MAX);
    mer_status status = put_settings(&settings, table, options, search, err);
    if (mer_is_ok(status))
        status = mer_digest_hex(table->frame.image, table->frame.n_image, digest, err);
    const char *text = NULL;
    if (mer_is_ok(status))
        status = mer_buf_cstr(&settings, &text, err);
    if (mer_is_ok(status)) {
        const struct mer_run_start start = {
            .makes = options->makes ? options->makes : "",
            .version = mer_version(),
            .data_digest = table->origin.digest[0] ? table->origin.digest : digest,
            .schema_digest = table->schema_digest,
            .table_digest = digest,
            .n_rows = table->frame.n_rows,
            .n_columns = table->frame.n_columns,
            .settings = text,
            .seed = search->seed,
            .seed_given = options->seed != NULL,
            .started_ns = model->making.started_ns};
        status = open_journal(model, options, &start, err);
    }
    mer_buf_release(&settings);
    MER_GUARD(status);
    if (!model->journal)
        return mer_ok();
    search->seed = mer_journal_seed(model->journal);
    shorten_budget(model->journal, search);
    *engine = (struct mer_journaled_engine){
        .journal = model->journal,
        .open_inner = search->open_engine ? search->open_engine : mer_trial_engine_open_here,
        .inner_opener = search->engine_opener};
    search->open_engine = mer_journaled_engine_open;
    search->engine_opener = engine;
    return mer_ok();
}

void mer_fit_journal_end(const struct mer_fitted *model, mer_status status,
                         const char *model_digest)
{
    const struct mer_facts *const facts = model->facts;
    mer_err why = {0};
    if (!model->journal)
        return;
    const bool is_made = mer_is_ok(status) && facts;
    const struct mer_run_end end = {.state = !is_made       ? MER_RUN_FAILED
                                             : model_digest ? MER_RUN_SAVED
                                                            : MER_RUN_FITTED,
                                    .code = status.code,
                                    .ended_ns = MER_CLOCK_WALL.now_ns(MER_CLOCK_WALL.self),
                                    .score = is_made && facts->n_trials ? facts->trials[0].score
                                                                        : (double)NAN,
                                    .units = is_made ? facts->units : 0,
                                    .model_digest = model_digest ? model_digest : ""};
    if (!mer_is_ok(mer_journal_end(model->journal, &end, &why)))
        mer_log_warning(&model->context->ctx, "api", "the journal was not completed: %s",
                        why.message);
}
