/* merlon fit: from a table to a signed model. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/replay.h"
#include "automl/space.h"
#include "cli/leaderboard.h"
#include "cli/reading.h"
#include "cli/session.h"
#include "core/number.h"
#include "engine/journal.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/signals.h"

enum { LEADERBOARD_LINES = 10, COLUMNS_SHOWN = 12 };

static const char DEFAULT_KEY[] = "default";

struct fit_arguments {
    const char *data;
    const char *target;
    const char *out;
    const char *task;
    const char *schema;
    double budget;
    uint64_t units;
    uint64_t trials;
    uint64_t patience;
    const char *space;
    uint64_t threads;
    uint64_t workers;
    uint64_t memory;
    struct mer_cli_seed seed;
    const char *metric;
    const char *model;
    const char *include;
    const char *exclude;
    struct mer_cli_settings params;
    struct mer_cli_settings monotone;
    uint64_t folds;
    uint64_t repeats;
    const char *group_column;
    const char *time_column;
    const char *gap;
    const char *folds_column;
    const char *class_weight;
    const char *deploy;
    const char *calibrate;
    const char *threshold;
    const char *quantiles;
    const char *progress;
    bool leave_out_leaks;
    bool require_signed_data;
    const char *report;
    bool pseudonymize;
    const char *project;
    bool resume;
    bool no_journal;
    const char *replay;
    const char *continue_from;
    const char *key;
    const char *certificate;
    uint64_t serial;
    uint64_t passphrase_fd;
    struct mer_cli_reading reading;
    bool force;
};

/* What a run holds, from the first step to the last. */
struct fit {
    struct mer_cli *cli;
    const struct fit_arguments *arguments;
    struct mer_trust *trust;
    struct mer_signer *signer;
    bool key_is_new;
    struct mer_pseudonyms *pseudonyms;
    bool project_is_new;
    struct mer_table *table;
    double quantiles[MER_QUANTILES_MAX];
    size_t n_quantiles;
    double shown_seconds; /* of the search, when a line of progress was last printed */
    char *space;
    struct mer_replay *replay;
    struct mer_fitted *start; /* to go on with */
    struct mer_fitted *model;
    struct mer_saved saved;
    double save_seconds;
    uint64_t search_start_ns;
};

/* A parameter is wrong before the table is read, not after. */
static mer_status check_params(const struct fit_arguments *arguments, mer_err *err)
{
    if (arguments->params.n && !arguments->model && !arguments->continue_from)
        return mer_hint(err, mer_fail(err, MER_ERR_USAGE, "--param belongs to a model family"),
                        "name it with --model; merlon help models lists the families");
    if (!arguments->model)
        return mer_ok();
    const struct mer_family *const family = mer_family_find(arguments->model);
    struct mer_params params;
    mer_params_default(family->params, family->n_params, &params);
    for (size_t i = 0; i < arguments->params.n; i++)
        MER_GUARD(mer_params_set(family->params, family->n_params, arguments->params.items[i].name,
                                 arguments->params.items[i].value, &params, err));
    return mer_ok();
}

/* What --replay takes from the model cannot be given beside it. */
static mer_status check_replay(const struct fit_arguments *arguments, mer_err *err)
{
    const struct {
        const char *name;
        bool is_given;
    } options[] = {{"target", arguments->target},
                   {"task", arguments->task},
                   {"metric", arguments->metric},
                   {"model", arguments->model},
                   {"param", arguments->params.n > 0},
                   {"monotone", arguments->monotone.n > 0},
                   {"folds", arguments->folds > 0},
                   {"repeats", arguments->repeats > 0},
                   {"group-column", arguments->group_column},
                   {"time-column", arguments->time_column},
                   {"gap", arguments->gap},
                   {"folds-column", arguments->folds_column},
                   {"seed", arguments->seed.given},
                   {"units", arguments->units > 0},
                   {"budget", arguments->budget > 0},
                   {"trials", arguments->trials > 0},
                   {"patience", arguments->patience > 0},
                   {"space", arguments->space},
                   {"resume", arguments->resume},
                   {"include", arguments->include},
                   {"exclude", arguments->exclude},
                   {"class-weight", arguments->class_weight},
                   {"leave-out-leaks", arguments->leave_out_leaks},
                   {"deploy", arguments->deploy},
                   {"calibrate", arguments->calibrate},
                   {"threshold", arguments->threshold},
                   {"quantiles", arguments->quantiles},
                   {"continue-from", arguments->continue_from},
                   {"pseudonymize", arguments->pseudonymize}};
    for (size_t i = 0; arguments->replay && i < MER_CLI_COUNT_OF(options); i++)
        if (options[i].is_given)
            return mer_fail(err, MER_ERR_USAGE, "--replay and --%s exclude each other",
                            options[i].name);
    return mer_ok();
}

/* "0.1,0.5,0.9", in any order. */
static mer_status read_quantiles(struct fit *fit, mer_err *err)
{
    const char *text = fit->arguments->quantiles;
    while (text) {
        const size_t n = strcspn(text, ",");
        double level;
        if (fit->n_quantiles == MER_QUANTILES_MAX || !mer_number_parse(text, n, false, &level) ||
            !(level > 0 && level < 1))
            return mer_hint(err,
                            mer_fail(err, MER_ERR_USAGE,
                                     "--quantiles wants at most %d levels between 0 and 1, and not "
                                     "%s",
                                     MER_QUANTILES_MAX, mer_quote(fit->arguments->quantiles).text),
                            "separate them by commas: 0.1,0.5,0.9");
        size_t at = fit->n_quantiles++;
        for (; at > 0 && fit->quantiles[at - 1] > level; at--)
            fit->quantiles[at] = fit->quantiles[at - 1];
        fit->quantiles[at] = level;
        text = text[n] ? text + n + 1 : NULL;
    }
    return mer_ok();
}

static mer_status check_journal(const struct fit_arguments *arguments, mer_err *err)
{
    if (arguments->resume && arguments->no_journal)
        return mer_fail(err, MER_ERR_USAGE, "--resume and --no-journal exclude each other");
    return mer_ok();
}

static mer_status check_report(const struct fit_arguments *arguments, mer_err *err)
{
    struct mer_output output;
    if (!arguments->report)
        return mer_ok();
    if (strcmp(arguments->report, "-") == 0)
        return mer_fail(err, MER_ERR_USAGE, "a report cannot go to standard output");
    if (strcmp(arguments->report, arguments->out) == 0)
        return mer_fail(err, MER_ERR_USAGE, "the report and the model have the same name");
    MER_GUARD(mer_cli_check_not_input(arguments->report, arguments->data, err));
    MER_GUARD(mer_cli_check_not_input(arguments->report, arguments->schema, err));
    MER_GUARD(mer_output_open(&output, arguments->report, arguments->force, 0600, err));
    mer_output_release(&output);
    return mer_ok();
}

/* Fails before hours of work rather than after them. */
static mer_status check_outputs(const struct fit_arguments *arguments, mer_err *err)
{
    static const char *const suffixes[] = {"", ".sig", ".provenance.json"};
    enum { OF_RECORD = 2 }; /* one without a model is a stopped run's, and is replaced */
    MER_GUARD(mer_cli_check_not_input(arguments->out, arguments->data, err));
    MER_GUARD(mer_cli_check_not_input(arguments->out, arguments->schema, err));
    for (size_t i = 0; i < MER_CLI_COUNT_OF(suffixes); i++) {
        char *path;
        MER_GUARD(mer_path_with_suffix(arguments->out, suffixes[i], &path, err));
        struct mer_output output;
        const mer_status status =
            mer_output_open(&output, path, arguments->force || i >= OF_RECORD, 0644, err);
        if (mer_is_ok(status))
            mer_output_release(&output);
        free(path);
        MER_GUARD(status);
    }
    return check_report(arguments, err);
}

/* Opens the key that will sign. A missing default key is made later, once there is something to
 * sign. */
static mer_status open_signer(struct fit *fit, mer_err *err)
{
    const struct fit_arguments *const arguments = fit->arguments;
    struct mer_cli_passphrase source = mer_cli_passphrase_from(arguments->passphrase_fd);
    const char *const name = arguments->key ? arguments->key : DEFAULT_KEY;
    const mer_status status =
        mer_signer_open(NULL, name, mer_cli_ask_passphrase, &source, &fit->signer, err);
    if (status.code == MER_ERR_NO_INPUT && !arguments->key && !arguments->certificate) {
        fit->key_is_new = true;
        mer_err_clear(err);
        return mer_ok();
    }
    MER_GUARD(status);
    return mer_cli_set_signer(fit->signer, arguments->certificate, arguments->serial, err);
}

static mer_status make_signer(struct fit *fit, mer_err *err)
{
    if (!fit->key_is_new)
        return mer_ok();
    const mer_status status = mer_keys_new(NULL, DEFAULT_KEY, NULL, NULL, err);
    if (status.code == MER_ERR_EXISTS)
        fit->key_is_new = false; /* another run has made it meanwhile */
    else
        MER_GUARD(status);
    MER_GUARD(mer_signer_open(NULL, DEFAULT_KEY, NULL, NULL, &fit->signer, err));
    return mer_cli_set_signer(fit->signer, NULL, fit->arguments->serial, err);
}

static mer_status read_data(struct fit *fit, mer_err *err)
{
    const struct fit_arguments *const arguments = fit->arguments;
    struct mer_table_options options;
    MER_GUARD(mer_cli_reading_options(&arguments->reading, &options, err));
    options.schema_file = arguments->schema;
    options.trust = fit->trust;
    options.require_signature = arguments->require_signed_data;
    if (arguments->pseudonymize)
        MER_GUARD(mer_pseudonyms_open(NULL, mer_cli_project(arguments->project), true,
                                      &fit->pseudonyms, &fit->project_is_new, err));
    options.pseudonyms = fit->pseudonyms;
    return mer_table_read(fit->cli->context, arguments->data, &options, &fit->table, err);
}

/* "3 number, 2 categorical" */
static void print_types(struct mer_cli *cli, const struct mer_frame *frame)
{
    size_t counts[MER_TYPE_COUNT] = {0};
    for (size_t i = 0; i < frame->n_columns; i++)
        counts[frame->columns[i].type]++;
    const char *separator = "";
    for (int type = 0; type < MER_TYPE_COUNT; type++) {
        if (counts[type] == 0)
            continue;
        mer_cli_print(cli, "%s%zu %s", separator, counts[type], mer_type_name((enum mer_type)type));
        separator = ", ";
    }
}

/* Which texts were read as missing values, and how often. */
static void print_missing(struct mer_cli *cli, const struct mer_table *table)
{
    const struct mer_schema *const schema = &table->schema;
    size_t total = 0;
    for (size_t i = 0; i < table->frame.n_columns; i++)
        total += table->frame.columns[i].n_missing;
    if (total == 0) {
        mer_cli_print(cli, "  missing: none\n");
        return;
    }
    mer_cli_print(cli, "  missing: %zu cells", total);
    const char *separator = " (";
    for (size_t i = 0;
         i < schema->n_missing_values && i < MER_CLI_COUNT_OF(table->report.missing_counts); i++) {
        if (table->report.missing_counts[i] == 0)
            continue;
        const char *const text = schema->missing_values[i];
        mer_cli_print(cli, "%s%zu %s", separator, table->report.missing_counts[i],
                      text[0] ? mer_quote(text).text : "empty");
        separator = ", ";
    }
    mer_cli_print(cli, "%s\n", separator[0] == ',' ? ")" : "");
}

static void print_data(struct fit *fit)
{
    struct mer_cli *const cli = fit->cli;
    const struct mer_table *const table = fit->table;
    const struct mer_origin *const origin = &table->origin;
    mer_cli_print_bold(cli, "Data: %s\n", mer_quote(fit->arguments->data).text);
    mer_cli_print(cli, "  %zu rows, %zu columns: ", table->frame.n_rows, table->frame.n_columns);
    print_types(cli, &table->frame);
    mer_cli_print(cli, "\n");
    print_missing(cli, table);
    if (table->schema_path)
        mer_cli_print(cli, "  held to the schema %s%s\n", mer_quote(table->schema_path).text,
                      table->schema_was_beside ? ", which lies beside it" : "");
    if (table->bad.n_rows > 0)
        mer_cli_print(cli, "  %llu bad rows left out%s%s\n", (unsigned long long)table->bad.n_rows,
                      table->quarantine ? ", kept in " : "",
                      table->quarantine ? mer_quote(table->quarantine).text : "");
    if (origin->is_signed)
        mer_cli_print(cli, "  signed by %s\n", mer_quote(origin->signature.signer_name).text);
    else
        mer_cli_print(cli, "  not signed\n");
    mer_cli_show_now(cli);
}

/* Columns that their roles keep out of the fit; what the fit itself leaves out is the model's. */
static const char *left_out_by_role(const struct mer_table *table, const struct mer_fitted *model,
                                    size_t i)
{
    return strcmp(table->frame.columns[i].name, model->facts->target) == 0
               ? NULL
               : mer_role_left_out(table, &model->making.roles, i);
}

static void print_left_out(struct mer_cli *cli, const struct mer_table *table,
                           const struct mer_fitted *model)
{
    const struct mer_facts *const facts = model->facts;
    size_t n = 0;
    for (size_t i = 0; i < table->frame.n_columns; i++) {
        const char *const why = left_out_by_role(table, model, i);
        if (why && ++n <= COLUMNS_SHOWN)
            mer_cli_print(cli, "  left out: %s (%s)\n",
                          mer_quote(table->frame.columns[i].name).text, why);
    }
    for (size_t i = 0; i + 1 < facts->n_fields; i++) {
        const struct mer_prepare_column column = facts->columns[i];
        if (column.left_out == MER_LEFT_OUT_NOT)
            continue;
        if (++n <= COLUMNS_SHOWN)
            mer_cli_print(cli, "  left out: %s (%s)\n", mer_quote(column.name).text,
                          mer_left_out_reason(column.left_out));
    }
    if (n > COLUMNS_SHOWN)
        mer_cli_print(cli, "  left out: %zu columns more\n", n - COLUMNS_SHOWN);
}

static void on_trial(void *self, const char *family, double score, double deviation, double seconds,
                     size_t n_done, size_t n_planned)
{
    const struct fit *const fit = self;
    mer_log_info(&fit->cli->context->ctx, "cli",
                 "trial %zu of %zu: %s, score %.6g +- %.3g in %.3f s", n_done, n_planned, family,
                 score, deviation, seconds);
}

/* "23 trials, best gbdt log_loss 0.31240, 12 s left, 130 MB"; a terminal's line has no room for the
 * metric. */
static void show_state(const struct mer_fit_state *state, bool with_metric, char *ret_text,
                       size_t size)
{
    char left[48] = "", best[96] = "";
    if (state->best_family)
        (void)snprintf(best, sizeof best, ", best %s %s%s%s", state->best_family,
                       with_metric ? state->metric : "", with_metric ? " " : "",
                       mer_cli_show_score(state->best_score).text);
    if (isfinite(state->seconds_left))
        (void)snprintf(left, sizeof left, ", %.0f s left", state->seconds_left);
    (void)snprintf(ret_text, size, "%zu trial%s%s%s, %s", state->n_trials,
                   state->n_trials == 1 ? "" : "s", best, left,
                   mer_cli_show_bytes(state->memory_bytes).text);
}

/* On a terminal one line that changes; with --progress lines a line for each that is better than
 * all before, and one for each ten seconds without any. */
static void on_state(void *self, const struct mer_fit_state *state)
{
    enum { SECONDS_BETWEEN_LINES = 10 };
    struct fit *const fit = self;
    char text[200];
    show_state(state, false, text, sizeof text);
    mer_cli_progress_note(&fit->cli->progress, state->share, text);
    const bool is_due = state->seconds >= fit->shown_seconds + SECONDS_BETWEEN_LINES;
    if (!fit->arguments->progress || strcmp(fit->arguments->progress, "lines") != 0 ||
        !(state->has_improved || is_due))
        return;
    fit->shown_seconds = state->seconds;
    show_state(state, true, text, sizeof text);
    mer_cli_note(fit->cli, "%3.0f %% %s\n", 100 * state->share, text);
}

/* A space is wrong before the table is read, too. */
static mer_status read_space(struct fit *fit, mer_err *err)
{
    const char *const path = fit->arguments->space;
    struct mer_file_bytes file;
    if (!path)
        return mer_ok();
    MER_GUARD(mer_file_read(&fit->cli->context->alloc, path, MER_SPACE_TEXT_MAX, &file, err));
    mer_status status = mer_ok();
    if (memchr(file.bytes, '\0', file.n))
        status = mer_fail(err, MER_ERR_DATA, "%s is no text", mer_quote(path).text);
    else if (!(fit->space = strndup((const char *)file.bytes, file.n)))
        status = mer_fail(err, MER_ERR_MEMORY, "no memory for a search space");
    mer_file_release(&file);
    MER_GUARD(status);
    struct mer_space space;
    return mer_space_read(&fit->cli->context->ctx, fit->space, strlen(fit->space), &space, err);
}

static mer_status search(struct fit *fit, mer_err *err)
{
    const struct fit_arguments *const arguments = fit->arguments;
    char *makes;
    MER_GUARD(mer_path_resolve(arguments->out, &makes, err));
    struct mer_fit_options options = {
        .size = sizeof options,
        .target = arguments->target,
        .task = arguments->task,
        .metric = arguments->metric,
        .family = arguments->model,
        .settings = arguments->params.items,
        .n_settings = arguments->params.n,
        .monotone = arguments->monotone.items,
        .n_monotone = arguments->monotone.n,
        .include = arguments->include,
        .exclude = arguments->exclude,
        .budget_seconds = arguments->budget,
        .units = arguments->units,
        .max_trials = arguments->trials,
        .n_folds = arguments->folds,
        .seed = arguments->seed.given ? &arguments->seed.value : NULL,
        .on_trial = on_trial,
        .on_state = on_state,
        .self = fit,
        .study = arguments->report != NULL,
        .n_workers = arguments->workers,
        .journal = !arguments->no_journal && !fit->start,
        .makes = makes,
        .resume = arguments->resume,
        .class_weight = arguments->class_weight,
        .single = arguments->deploy && strcmp(arguments->deploy, "fast") == 0,
        .leave_out_leaks = arguments->leave_out_leaks,
        .calibrate = arguments->calibrate,
        .threshold = arguments->threshold,
        .quantiles = fit->quantiles,
        .n_quantiles = fit->n_quantiles,
        .start = fit->start,
        .signal_for_best = MER_SIGNAL_INTERRUPT,
        .spent_seconds = mer_cli_seconds(fit->cli),
        .patience = arguments->patience,
        .space = fit->space,
        .group_column = arguments->group_column,
        .time_column = arguments->time_column,
        .folds_column = arguments->folds_column,
        .time_gap = arguments->gap,
        .n_repeats = arguments->repeats,
    };
    const mer_status status =
        fit->replay
            ? mer_fit_again(fit->cli->context, fit->table, fit->replay, &options, &fit->model, err)
            : mer_fit(fit->cli->context, fit->table, &options, &fit->model, err);
    free(makes);
    return status;
}

static mer_status save(struct fit *fit, mer_err *err)
{
    const double start = mer_cli_seconds(fit->cli);
    MER_GUARD(make_signer(fit, err));
    MER_GUARD(mer_model_save(fit->model, fit->arguments->out, fit->signer, fit->arguments->force,
                             &fit->saved, err));
    if (fit->arguments->report)
        MER_GUARD(mer_report_save(fit->model, &fit->saved, fit->arguments->report,
                                  fit->arguments->force, err));
    fit->save_seconds = mer_cli_seconds(fit->cli) - start;
    return mer_ok();
}

static void print_result(struct fit *fit)
{
    struct mer_cli *const cli = fit->cli;
    const struct fit_arguments *const arguments = fit->arguments;
    const struct mer_facts *const facts = fit->model->facts;
    const char *const key = arguments->key ? arguments->key : DEFAULT_KEY;
    print_left_out(cli, fit->table, fit->model);
    mer_cli_print_bold(cli, "\nTarget: %s\n", mer_quote(facts->target).text);
    mer_cli_print(cli, "  %s", mer_task_name(facts->task));
    if (facts->task != MER_TASK_REGRESSION)
        mer_cli_print(cli, ", %zu classes", facts->n_classes);
    mer_cli_print(cli, "; %s %s; seed %llu, %llu work units\n\n", facts->metric,
                  fit->start ? "not scored" : mer_cli_show_validation(&facts->validation).text,
                  (unsigned long long)facts->seed, (unsigned long long)facts->units);
    if (!fit->start)
        mer_cli_print_leaderboard(cli, facts, LEADERBOARD_LINES, true);
    mer_cli_print_bold(cli, "\nModel: %s\n", mer_quote(arguments->out).text);
    mer_cli_print(cli, "  %s, %s %s, %s, sha256 %.16s...\n", mer_facts_family(facts), facts->metric,
                  mer_cli_show_score(facts->score).text,
                  mer_cli_show_bytes(fit->saved.n_bytes).text, fit->saved.digest);
    if (facts->n_members > 1 && facts->n_trials > 0)
        mer_cli_print(cli, "  one setting alone (--deploy fast): %s, %s %s\n",
                      facts->trials[0].family->name, facts->metric,
                      mer_cli_show_score(facts->trials[0].score).text);
    mer_cli_print_findings(cli, facts, "  ");
    mer_cli_print(cli, "  signed by the key %s%s\n", mer_quote(key).text,
                  fit->key_is_new ? ", made just now, without a passphrase (merlon keys list)"
                                  : "");
    if (arguments->pseudonymize)
        mer_cli_print(cli, "  its names are pseudonyms of the project %s%s\n",
                      mer_quote(mer_cli_project(arguments->project)).text,
                      fit->project_is_new ? ", whose key was made just now" : "");
    if (arguments->report)
        mer_cli_print(cli, "  its report is in %s\n", mer_quote(arguments->report).text);
    if (fit->start)
        mer_cli_print(cli, "  goes on with %s; it is not scored: merlon score does that\n",
                      mer_quote(arguments->continue_from).text);
    if (fit->replay)
        mer_cli_print(cli, "  the same bytes as %s\n", mer_quote(arguments->replay).text);
    if (fit->model->journal)
        mer_cli_print(cli, "  run %s%s\n", mer_journal_id(fit->model->journal),
                      fit->model->was_resumed ? ", resumed" : "");
    mer_cli_print(cli, "  %s in all\n\nNext: merlon predict %s NEW.csv%s%s\n",
                  mer_cli_show_seconds(mer_cli_seconds(cli)).text,
                  mer_cli_show_word(arguments->out).text, arguments->project ? " --project " : "",
                  arguments->project ? mer_cli_show_word(arguments->project).text : "");
}

static void put_seconds(struct mer_cli_document *document, const struct fit *fit)
{
    const struct mer_table *const table = fit->table;
    const struct mer_making *const making = &fit->model->making;
    mer_json_key(&document->writer, "seconds");
    mer_json_begin_object(&document->writer);
    mer_cli_put_number(document, "load",
                       table->read_seconds + table->check_seconds + table->parse_seconds);
    mer_cli_put_number(document, "prepare", making->prepare_seconds);
    mer_cli_put_number(document, "search", making->search_seconds);
    mer_cli_put_number(document, "train", making->train_seconds);
    mer_cli_put_number(document, "save", fit->save_seconds);
    mer_cli_put_number(document, "total", mer_cli_seconds(fit->cli));
    mer_json_end_object(&document->writer);
}

static void put_data(struct mer_cli_document *document, const struct mer_table *table)
{
    mer_json_key(&document->writer, "data");
    mer_json_begin_object(&document->writer);
    mer_cli_put_string(document, "path", table->path);
    mer_cli_put_string(document, "digest", table->origin.digest);
    mer_cli_put_unsigned(document, "rows", table->frame.n_rows);
    mer_cli_put_unsigned(document, "columns", table->frame.n_columns);
    if (table->schema_path)
        mer_cli_put_string(document, "schema", table->schema_path);
    mer_bad_rows_put(&table->bad, table->quarantine, &document->writer);
    if (table->origin.is_signed)
        mer_cli_put_verified(document, "signer", &table->origin.signature);
    mer_json_end_object(&document->writer);
}

static void put_reason(struct mer_cli_document *document, const char *column, const char *reason)
{
    mer_json_begin_object(&document->writer);
    mer_cli_put_string(document, "column", column);
    mer_cli_put_string(document, "reason", reason);
    mer_json_end_object(&document->writer);
}

static void put_left_out(struct mer_cli_document *document, const struct mer_table *table,
                         const struct mer_fitted *model)
{
    const struct mer_facts *const facts = model->facts;
    mer_json_key(&document->writer, "left_out");
    mer_json_begin_array(&document->writer);
    for (size_t i = 0; i < table->frame.n_columns; i++) {
        const char *const why = left_out_by_role(table, model, i);
        if (why)
            put_reason(document, table->frame.columns[i].name, why);
    }
    for (size_t i = 0; i + 1 < facts->n_fields; i++) {
        const struct mer_prepare_column column = facts->columns[i];
        if (column.left_out == MER_LEFT_OUT_NOT)
            continue;
        put_reason(document, column.name, mer_left_out_reason(column.left_out));
    }
    mer_json_end_array(&document->writer);
}

static mer_status emit_json(struct fit *fit, mer_err *err)
{
    const struct fit_arguments *const arguments = fit->arguments;
    const struct mer_facts *const facts = fit->model->facts;
    struct mer_cli_document document;
    mer_cli_document_begin(&document, err);
    mer_cli_put_string(&document, "model", arguments->out);
    mer_cli_put_string(&document, "digest", fit->saved.digest);
    if (arguments->report)
        mer_cli_put_string(&document, "report", arguments->report);
    mer_cli_put_unsigned(&document, "bytes", fit->saved.n_bytes);
    mer_cli_put_string(&document, "key", arguments->key ? arguments->key : DEFAULT_KEY);
    mer_cli_put_boolean(&document, "key_is_new", fit->key_is_new);
    if (arguments->pseudonymize)
        mer_cli_put_string(&document, "project", mer_cli_project(arguments->project));
    mer_cli_put_string(&document, "task", mer_task_name(facts->task));
    mer_cli_put_string(&document, "target", facts->target);
    mer_cli_put_unsigned(&document, "n_classes", mer_model_classes(fit->model));
    mer_cli_put_string(&document, "family", mer_facts_family(facts));
    mer_describe_members(facts, &document.writer);
    mer_cli_put_string(&document, "metric", facts->metric);
    mer_json_key(&document.writer, "metrics"); /* cross-validated */
    mer_json_begin_object(&document.writer);
    mer_cli_put_number(&document, facts->metric, facts->score);
    mer_json_end_object(&document.writer);
    mer_cli_put_unsigned(&document, "folds", facts->validation.n_folds);
    mer_cli_put_unsigned(&document, "repeats", facts->validation.n_repeats);
    mer_cli_put_string(&document, "validation", mer_fold_kind_name(facts->validation.kind));
    mer_cli_put_unsigned(&document, "seed", facts->seed);
    mer_cli_put_unsigned(&document, "units", facts->units);
    mer_cli_put_unsigned(&document, "threads", fit->model->making.n_threads);
    mer_cli_put_string(&document, "cpu", mer_cpu_level_name(fit->model->making.cpu));
    if (fit->start)
        mer_cli_put_string(&document, "continued_from", arguments->continue_from);
    if (fit->replay)
        mer_cli_put_string(&document, "replayed", arguments->replay);
    if (fit->model->journal) {
        mer_cli_put_string(&document, "run", mer_journal_id(fit->model->journal));
        mer_cli_put_boolean(&document, "resumed", fit->model->was_resumed);
    }
    put_data(&document, fit->table);
    put_left_out(&document, fit->table, fit->model);
    mer_cli_put_leaderboard(&document, facts, true);
    put_seconds(&document, fit);
    mer_cli_put_unsigned(&document, "peak_rss_bytes", mer_peak_rss_bytes());
    return mer_cli_document_end(fit->cli, &document, err);
}

static mer_status steps(struct fit *fit, mer_err *err)
{
    const struct fit_arguments *const arguments = fit->arguments;
    MER_GUARD(mer_cli_open(fit->cli, arguments->memory, arguments->threads, err));
    MER_GUARD(check_outputs(arguments, err));
    MER_GUARD(mer_trust_open(NULL, &fit->trust, err));
    MER_GUARD(open_signer(fit, err));
    if (arguments->replay)
        MER_GUARD(
            mer_replay_open(fit->cli->context, arguments->replay, fit->trust, &fit->replay, err));
    if (arguments->continue_from)
        MER_GUARD(mer_model_load(fit->cli->context, arguments->continue_from, fit->trust,
                                 &fit->start, err));
    MER_GUARD(read_space(fit, err));
    MER_GUARD(read_data(fit, err));
    if (!fit->cli->common.quiet)
        print_data(fit);
    MER_GUARD(search(fit, err));
    MER_GUARD(save(fit, err));
    if (fit->cli->common.json)
        return emit_json(fit, err);
    if (!fit->cli->common.quiet)
        print_result(fit);
    return mer_ok();
}

static mer_status run_fit(struct mer_cli *cli, const void *words, mer_err *err)
{
    struct fit fit = {.cli = cli, .arguments = words};
    if (strcmp(fit.arguments->out, "-") == 0)
        return mer_hint(err, mer_fail(err, MER_ERR_USAGE, "a model cannot go to standard output"),
                        "its signature stands beside it: name a file");
    if (fit.arguments->project && !fit.arguments->pseudonymize)
        return mer_fail(err, MER_ERR_USAGE, "--project belongs to --pseudonymize");
    MER_GUARD(check_params(fit.arguments, err));
    MER_GUARD(read_quantiles(&fit, err));
    MER_GUARD(check_journal(fit.arguments, err));
    MER_GUARD(check_replay(fit.arguments, err));
    const mer_status status = steps(&fit, err);
    mer_fitted_free(fit.model);
    mer_fitted_free(fit.start);
    mer_replay_free(fit.replay);
    free(fit.space);
    mer_table_free(fit.table);
    mer_pseudonyms_free(fit.pseudonyms);
    mer_signer_free(fit.signer);
    mer_trust_free(fit.trust);
    return status;
}

#define AT(member) offsetof(struct fit_arguments, member)

static const struct mer_cli_option POSITIONALS[] = {
    {.name = "DATA",
     .type = MER_CLI_FILE,
     .at = AT(data),
     .help = "the table to learn from, in any format of --format; - is standard input",
     .required = true},
};

static const struct mer_cli_option OPTIONS[] = {
    {.name = "target",
     .type = MER_CLI_TEXT,
     .at = AT(target),
     .metavar = "COLUMN",
     .help = "the column to predict; the one with the role target in the schema otherwise"},
    {.name = "out",
     .type = MER_CLI_FILE,
     .at = AT(out),
     .metavar = "MODEL",
     .help = "where the model goes; its signature and provenance record go beside it",
     .required = true},
    {.name = "task",
     .type = MER_CLI_CHOICE,
     .at = AT(task),
     .metavar = "TASK",
     .choices = mer_cli_choice_task,
     .help = "classification or regression; follows from the target column otherwise"},
    {.name = "schema",
     .type = MER_CLI_FILE,
     .at = AT(schema),
     .metavar = "FILE",
     .help = "hold the table to this Table Schema instead of inferring types"},
    {.name = "budget",
     .type = MER_CLI_DURATION,
     .at = AT(budget),
     .metavar = "TIME",
     .help = "search for at most this time: 20s, 5m, 1h"},
    {.name = "units",
     .type = MER_CLI_INTEGER,
     .at = AT(units),
     .metavar = "N",
     .minimum = 1,
     .maximum = UINT64_MAX,
     .help =
         "search for at most this much work; the number that an earlier run reached repeats it"},
    {.name = "trials",
     .type = MER_CLI_INTEGER,
     .at = AT(trials),
     .metavar = "N",
     .minimum = 1,
     .maximum = 1000000,
     .help = "try at most this many settings"},
    {.name = "patience",
     .type = MER_CLI_INTEGER,
     .at = AT(patience),
     .metavar = "N",
     .minimum = 1,
     .maximum = 1000000,
     .help = "end the search after so many trials in a row that made nothing better; without any "
             "limit, after 40"},
    {.name = "space",
     .type = MER_CLI_FILE,
     .at = AT(space),
     .metavar = "FILE",
     .help = "search what this JSON file says: families, ranges and choices of their parameters"},
    {.name = "threads",
     .type = MER_CLI_INTEGER,
     .at = AT(threads),
     .metavar = "N",
     .minimum = 1,
     .maximum = 1024,
     .help = "use this many threads; one per processor otherwise; the model is the same"},
    {.name = "workers",
     .type = MER_CLI_INTEGER,
     .at = AT(workers),
     .metavar = "N",
     .minimum = 1,
     .maximum = 64,
     .help = "run trials in this many processes, which share the threads and the memory; by the "
             "size of the table otherwise; the model is the same"},
    {.name = "memory",
     .type = MER_CLI_BYTES,
     .at = AT(memory),
     .metavar = "SIZE",
     .help = "allocate at most this much: 512M, 4G"},
    {.name = "seed",
     .type = MER_CLI_SEED,
     .at = AT(seed),
     .metavar = "N",
     .help = "the seed of all random numbers; unpredictable otherwise, and recorded"},
    {.name = "metric",
     .type = MER_CLI_CHOICE,
     .at = AT(metric),
     .metavar = "METRIC",
     .choices = mer_cli_choice_metric,
     .help = "what to optimise; log_loss or rmse otherwise (merlon help metrics)"},
    {.name = "model",
     .type = MER_CLI_CHOICE,
     .at = AT(model),
     .metavar = "NAME",
     .choices = mer_cli_choice_family,
     .help = "fit this model family, without a search (merlon help models)"},
    {.name = "deploy",
     .type = MER_CLI_CHOICE,
     .at = AT(deploy),
     .metavar = "WHAT",
     .choices = mer_cli_choice_deploy,
     .help = "best (the default): the average of the settings that complement each other; fast: "
             "one setting, which predicts faster"},
    {.name = "calibrate",
     .type = MER_CLI_CHOICE,
     .at = AT(calibrate),
     .metavar = "HOW",
     .choices = mer_cli_choice_calibration,
     .help = "make probabilities what they say, by rows that were held out: auto (the default: "
             "what helps, or nothing), temperature, isotonic, none"},
    {.name = "threshold",
     .type = MER_CLI_TEXT,
     .at = AT(threshold),
     .metavar = "P",
     .help = "of two classes, predict the second from this probability on; auto learns it from "
             "held-out rows, as --metric f1 and other metrics of decisions do by themselves"},
    {.name = "quantiles",
     .type = MER_CLI_TEXT,
     .at = AT(quantiles),
     .metavar = "LEVELS",
     .help =
         "of a number, predict these quantiles beside it, such as 0.1,0.5,0.9: below the one of "
         "0.9 lie nine in ten values"},
    {.name = "progress",
     .type = MER_CLI_CHOICE,
     .at = AT(progress),
     .metavar = "HOW",
     .choices = mer_cli_choice_progress,
     .help =
         "auto (the default): a line on a terminal that changes; lines: a line for each best so "
         "far, on standard error"},
    {.name = "include",
     .type = MER_CLI_TEXT,
     .at = AT(include),
     .metavar = "NAMES",
     .help = "search these model families alone, separated by commas"},
    {.name = "exclude",
     .type = MER_CLI_TEXT,
     .at = AT(exclude),
     .metavar = "NAMES",
     .help = "leave these model families out of the search"},
    {.name = "param",
     .type = MER_CLI_SETTING,
     .at = AT(params),
     .metavar = "NAME=VALUE",
     .help = "set a parameter of the family that --model names; may be repeated"},
    {.name = "monotone",
     .type = MER_CLI_SETTING,
     .at = AT(monotone),
     .metavar = "COLUMN=DIRECTION",
     .help = "let predictions only rise (increasing) or only fall (decreasing) with a column of "
             "numbers; for --model gbdt, may be repeated"},
    {.name = "folds",
     .type = MER_CLI_INTEGER,
     .at = AT(folds),
     .metavar = "N",
     .minimum = 2,
     .maximum = 100,
     .help = "cross-validate with this many folds; chosen by the number of rows otherwise"},
    {.name = "repeats",
     .type = MER_CLI_INTEGER,
     .at = AT(repeats),
     .metavar = "N",
     .minimum = 1,
     .maximum = 50,
     .help = "cross-validate so many times, each shuffled anew; folds times repeats are at most "
             "100"},
    {.name = "group-column",
     .type = MER_CLI_TEXT,
     .at = AT(group_column),
     .metavar = "COLUMN",
     .help = "rows with the same value in this column are never torn apart by folds; it is no "
             "feature"},
    {.name = "time-column",
     .type = MER_CLI_TEXT,
     .at = AT(time_column),
     .metavar = "COLUMN",
     .help = "folds learn from rows that are earlier by this column alone; it is no feature"},
    {.name = "gap",
     .type = MER_CLI_TEXT,
     .at = AT(gap),
     .metavar = "TIME",
     .help = "with --time-column: what lies at most so far before a fold is not learned from in "
             "it: 7d, 12h; in the column's unit where that holds numbers"},
    {.name = "folds-column",
     .type = MER_CLI_TEXT,
     .at = AT(folds_column),
     .metavar = "COLUMN",
     .help = "this column labels the fold of each row; rows without a label are learned from "
             "alone. It is no feature"},
    {.name = "class-weight",
     .type = MER_CLI_CHOICE,
     .at = AT(class_weight),
     .metavar = "HOW",
     .choices = mer_cli_choice_class_weight,
     .help = "balanced: rows weigh more the rarer their class is, in fits and in scores"},
    {.name = "leave-out-leaks",
     .type = MER_CLI_FLAG,
     .at = AT(leave_out_leaks),
     .help = "leave out columns that alone nearly tell the target; otherwise fit warns of them"},
    {.name = "report",
     .type = MER_CLI_FILE,
     .at = AT(report),
     .metavar = "FILE",
     .help = "draw how the model did on held-out rows: one page of HTML, readable by you alone"},
    {.name = "resume",
     .type = MER_CLI_FLAG,
     .at = AT(resume),
     .help = "go on with the last run for this MODEL, if it was stopped: what it has tried is not "
             "tried again"},
    {.name = "replay",
     .type = MER_CLI_FILE,
     .at = AT(replay),
     .metavar = "MODEL",
     .help = "repeat the fit that made this model, from its record, and tell what differs if the "
             "bytes do"},
    {.name = "continue-from",
     .type = MER_CLI_FILE,
     .at = AT(continue_from),
     .metavar = "MODEL",
     .help = "add trees to this model, of gbdt alone, for a table with the same columns; --param "
             "n_estimators says how many"},
    {.name = "no-journal",
     .type = MER_CLI_FLAG,
     .at = AT(no_journal),
     .help = "note nothing for --resume and merlon runs"},
    {.name = "require-signed-data",
     .type = MER_CLI_FLAG,
     .at = AT(require_signed_data),
     .help = "refuse a table that no trusted key has signed"},
    {.name = "pseudonymize",
     .type = MER_CLI_FLAG,
     .at = AT(pseudonymize),
     .help = "replace names of columns and levels by tokens before anything else sees them; the "
             "model predicts the same"},
    MER_CLI_PROJECT_OPTION(struct fit_arguments, project),
    {.name = "key",
     .type = MER_CLI_TEXT,
     .at = AT(key),
     .metavar = "NAME",
     .help = "the key that signs the model; default otherwise, made by the first fit"},
    MER_CLI_CERTIFICATE_OPTION(struct fit_arguments),
    MER_CLI_SERIAL_OPTION(struct fit_arguments),
    MER_CLI_PASSPHRASE_OPTION(struct fit_arguments),
    MER_CLI_NO_SCHEMA_OPTION(struct fit_arguments),
    MER_CLI_READING_OPTIONS(struct fit_arguments),
    {.name = "force", .type = MER_CLI_FLAG, .at = AT(force), .help = "replace existing outputs"},
};

static const struct mer_cli_example EXAMPLES[] = {
    {"merlon fit houses.csv --target price --out houses.safetensors --budget 60s",
     "searches for a minute and signs the best pipeline"},
    {"merlon fit houses.csv --target price --out houses.safetensors --report houses.html",
     "and draws how it did"},
    {"merlon fit houses.csv --target price --out tree.safetensors --model tree --param max_depth=4",
     "fits one tree"},
    {"merlon fit may.csv --out may.safetensors --continue-from april.safetensors",
     "adds as many trees again, fitted to the new rows"},
    {"merlon fit patients.csv --target outcome --out m.safetensors --pseudonymize --project study",
     "the model holds no name; predict and names turn tokens back with the project's key"},
};

const struct mer_cli_command MER_CLI_FIT = {
    .name = "fit",
    .summary = "find, fit and sign the best model for a table",
    .description =
        "Reads a table, infers the types of its columns (or enforces a schema), compares model "
        "families and their settings by cross-validation, fits the best again on all rows, and "
        "writes it as a safetensors file with a signature and a provenance record beside it.\n\n"
        "The same data, seed, settings and work units give the same model, byte for byte, whatever "
        "the number of threads and the processor. A signature beside the table (DATA.sig) is "
        "verified, and the record tells whose it was.",
    .positionals = POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(POSITIONALS),
    .options = OPTIONS,
    .n_options = MER_CLI_COUNT_OF(OPTIONS),
    .examples = EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_DATA) |
                MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) | MER_CLI_CAN_FAIL(MER_ERR_EXISTS) |
                MER_CLI_CAN_FAIL(MER_ERR_BUDGET) | MER_CLI_CAN_FAIL(MER_ERR_TRUST),
    .arguments_size = sizeof(struct fit_arguments),
    .run = run_fit,
};
