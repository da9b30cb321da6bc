/* What fit tells people and machines of the data and the model. */
#include <string.h>

#include "automl/search.h"
#include "cli/fit.h"
#include "cli/leaderboard.h"
#include "engine/journal.h"
#include "os/clock.h"

enum { LEADERBOARD_LINES = 10, COLUMNS_SHOWN = 12 };

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

static void print_table(struct mer_cli *cli, const char *what, const struct mer_table *table)
{
    const struct mer_origin *const origin = &table->origin;
    mer_cli_print_bold(cli, "%s: %s\n", what, mer_quote(table->path).text);
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
}

void mer_cli_fit_print_data(struct fit *fit)
{
    print_table(fit->cli, "Data", fit->table);
    if (fit->valid)
        print_table(fit->cli, "Validation", fit->valid);
    mer_cli_show_now(fit->cli);
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

/* The best setting that --deploy fast may keep. */
static const struct mer_trial *fastest(const struct mer_facts *facts)
{
    for (size_t i = 0; i < facts->n_trials; i++) {
        const struct mer_trial *const trial = &facts->trials[i];
        const struct mer_family *const family = trial->family;
        const size_t at = mer_params_find(family->params, family->n_params, "n_estimators");
        const double most =
            mer_search_fast_rounds(family, &trial->params, facts->task, facts->n_classes);
        if (!trial->is_second && !(family->capabilities & MER_SLOW_ROWS) &&
            (at == SIZE_MAX || trial->params.values[at] <= most))
            return trial;
    }
    return NULL;
}

void mer_cli_fit_print_result(struct fit *fit)
{
    struct mer_cli *const cli = fit->cli;
    const struct fit_arguments *const arguments = fit->arguments;
    const struct mer_facts *const facts = fit->model->facts;
    const char *const key = arguments->key ? arguments->key : MER_FIT_DEFAULT_KEY;
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
    if (!fit->start)
        mer_cli_print_reported(cli, facts, "  ");
    const struct mer_trial *const fast = fastest(facts);
    if (facts->n_members > 1 && fast)
        mer_cli_print(cli, "  one setting alone (--deploy fast): %s, %s %s\n", fast->family->name,
                      facts->metric, mer_cli_show_score(fast->score).text);
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

static void put_data(struct mer_cli_document *document, const char *name,
                     const struct mer_table *table)
{
    mer_json_key(&document->writer, name);
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

mer_status mer_cli_fit_emit_json(struct fit *fit, mer_err *err)
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
    mer_cli_put_string(&document, "key", arguments->key ? arguments->key : MER_FIT_DEFAULT_KEY);
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
    for (size_t i = 0; i < facts->reported.n; i++)
        mer_cli_put_number(&document, facts->reported.metrics[i]->name, facts->reported.scores[i]);
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
    put_data(&document, "data", fit->table);
    if (fit->valid)
        put_data(&document, "validation_data", fit->valid);
    put_left_out(&document, fit->table, fit->model);
    mer_cli_put_leaderboard(&document, facts, true);
    put_seconds(&document, fit);
    mer_cli_put_unsigned(&document, "peak_rss_bytes", mer_peak_rss_bytes());
    return mer_cli_document_end(fit->cli, &document, err);
}
