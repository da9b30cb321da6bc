/* merlon runs list | show | diff | forget: what the journals tell of earlier fits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/session.h"
#include "merlon/runs.h"
#include "os/clock.h"

enum { TRIALS_SHOWN = 10, DIGEST_SHOWN = 16 };

static void put_time(struct mer_cli_document *document, const char *key, uint64_t wall_ns)
{
    char text[24];
    mer_clock_format_utc(wall_ns, text);
    mer_json_key(&document->writer, key);
    if (wall_ns)
        mer_json_put_string(&document->writer, text);
    else
        mer_json_put_null(&document->writer);
}

static void put_settings(struct mer_cli_document *document, const char *settings)
{
    struct mer_json_writer *const writer = &document->writer;
    mer_json_key(writer, "settings");
    mer_json_begin_object(writer);
    for (const char *line = settings; *line;) {
        const size_t n_line = strcspn(line, "\n"), n_name = strcspn(line, "=");
        char name[64];
        if (n_name < n_line && n_name < sizeof name) {
            memcpy(name, line, n_name);
            name[n_name] = '\0';
            mer_json_key(writer, name);
            mer_json_put_string_n(writer, line + n_name + 1, n_line - n_name - 1);
        }
        line += n_line + (line[n_line] == '\n');
    }
    mer_json_end_object(writer);
}

static void put_run(struct mer_cli_document *document, const struct mer_run_summary *run)
{
    mer_cli_put_string(document, "id", run->id);
    mer_cli_put_string(document, "state", run->state);
    if (run->failure)
        mer_cli_put_string(document, "failure", run->failure);
    mer_cli_put_string(document, "makes", run->makes);
    mer_cli_put_string(document, "version", run->version);
    put_time(document, "started", run->started_ns);
    put_time(document, "ended", run->ended_ns);
    mer_cli_put_number(document, "seconds", run->seconds);
    mer_cli_put_unsigned(document, "rows", run->n_rows);
    mer_cli_put_unsigned(document, "columns", run->n_columns);
    mer_cli_put_string(document, "data_sha256", run->data_digest);
    if (run->schema_digest[0])
        mer_cli_put_string(document, "schema_sha256", run->schema_digest);
    mer_cli_put_unsigned(document, "seed", run->seed);
    mer_cli_put_boolean(document, "seed_given", run->seed_given);
    put_settings(document, run->settings);
    mer_cli_put_string(document, "metric", run->metric);
    mer_cli_put_number(document, "score", run->score);
    mer_cli_put_unsigned(document, "units", run->units);
    mer_cli_put_unsigned(document, "trials", run->n_trials);
    mer_cli_put_unsigned(document, "failed_trials", run->n_failed);
    if (run->model_digest[0])
        mer_cli_put_string(document, "model_sha256", run->model_digest);
}

static void put_trial(struct mer_cli_document *document, const struct mer_run_attempt *trial)
{
    struct mer_json_writer *const writer = &document->writer;
    mer_json_begin_object(writer);
    mer_cli_put_string(document, "family", trial->family);
    mer_cli_put_string(document, "params", trial->params);
    mer_cli_put_unsigned(document, "rung", trial->rung);
    mer_cli_put_unsigned(document, "layer", trial->layer);
    mer_cli_put_number(document, "score", trial->score);
    mer_json_key(writer, "scores");
    mer_json_begin_array(writer);
    for (size_t f = 0; f < trial->n_scores; f++)
        if (isfinite(trial->scores[f]))
            mer_json_put_number(writer, trial->scores[f]);
        else
            mer_json_put_null(writer);
    mer_json_end_array(writer);
    mer_cli_put_unsigned(document, "units", trial->units);
    mer_cli_put_number(document, "seconds", trial->seconds);
    mer_cli_put_unsigned(document, "bytes", trial->bytes);
    if (trial->failure)
        mer_cli_put_string(document, "failure", trial->failure);
    mer_json_end_object(writer);
}

/* runs list */

struct listing {
    struct mer_cli *cli;
    struct mer_cli_document *document; /* NULL: as text */
    size_t n;
};

static void list_one(void *self, const struct mer_run_summary *run)
{
    struct listing *const listing = self;
    char time[24];
    listing->n++;
    if (listing->document) {
        mer_json_begin_object(&listing->document->writer);
        if (!run->error) {
            put_run(listing->document, run);
        } else {
            mer_cli_put_string(listing->document, "id", run->id);
            mer_cli_put_string(listing->document, "error", run->error);
        }
        mer_json_end_object(&listing->document->writer);
        return;
    }
    if (run->error) {
        mer_cli_print(listing->cli, "%s  unreadable: %s\n", run->id, run->error);
        return;
    }
    mer_clock_format_utc(run->started_ns, time);
    mer_cli_print(listing->cli, "%s  %-9s  %4zu trials  %-10s %-10s  %s\n", run->id, run->state,
                  run->n_trials, run->metric[0] ? run->metric : "-",
                  isfinite(run->score) ? mer_cli_show_score(run->score).text : "-",
                  run->makes[0] ? mer_quote(run->makes).text : "-");
}

static mer_status run_list(struct mer_cli *cli, const void *words, mer_err *err)
{
    struct mer_cli_document document;
    struct listing listing = {.cli = cli};
    (void)words;
    MER_GUARD(mer_cli_open(cli, 0, 1, err));
    if (!cli->common.json) {
        MER_GUARD(mer_runs_list(NULL, list_one, &listing, err));
        if (listing.n == 0)
            mer_cli_remark(cli, "There is no run. merlon fit notes one for each model.\n");
        return mer_ok();
    }
    mer_cli_document_begin(&document, err);
    listing.document = &document;
    mer_json_key(&document.writer, "runs");
    mer_json_begin_array(&document.writer);
    const mer_status status = mer_runs_list(NULL, list_one, &listing, err);
    mer_json_end_array(&document.writer);
    if (mer_is_ok(status))
        return mer_cli_document_end(cli, &document, err);
    mer_buf_release(&document.buf);
    return status;
}

static const struct mer_cli_example LIST_EXAMPLES[] = {
    {"merlon runs list", "what was fitted, and what was stopped"},
};

const struct mer_cli_command MER_CLI_RUNS_LIST = {
    .name = "runs list",
    .summary = "list the fits of the past",
    .description =
        "Lists the runs that merlon fit has noted, oldest first: how each ended, its trials, the "
        "best score and the model that it was for. Stopped ones can be gone on with: merlon fit "
        "... --resume. Journals lie in $XDG_STATE_HOME/merlon/runs; the last 100 are kept. They "
        "hold no record's value and no column's name.",
    .examples = LIST_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(LIST_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE,
    .run = run_list,
};

/* runs show */

struct show_arguments {
    const char *id;
};

static void print_settings(struct mer_cli *cli, const char *settings)
{
    for (const char *line = settings; *line;) {
        const size_t n_line = strcspn(line, "\n"), n_name = strcspn(line, "=");
        if (n_name + 1 < n_line && n_line - n_name != 2)
            mer_cli_print(cli, "  %.*s: %s\n", (int)n_name, line,
                          mer_quote_n(line + n_name + 1, n_line - n_name - 1).text);
        else if (n_name + 1 < n_line && line[n_name + 1] != '0')
            mer_cli_print(cli, "  %.*s: %c\n", (int)n_name, line, line[n_name + 1]);
        line += n_line + (line[n_line] == '\n');
    }
}

/* What is shown of one run. */
struct showing {
    struct mer_cli *cli;
    struct mer_cli_document *document; /* NULL: as text */
    size_t n_trials;
};

static void print_trial(struct mer_cli *cli, const struct mer_run_attempt *trial)
{
    static const char *const layers[] = {"  in folds of a fold", "", "  layer 2"};
    if (trial->failure)
        mer_cli_print(cli, "  %4zu  %-14s failed: %s%s\n", trial->number, trial->family,
                      trial->failure, layers[trial->layer]);
    else
        mer_cli_print(cli, "  %4zu  %-14s %-12s %-10s %s%s\n", trial->number, trial->family,
                      mer_cli_show_score(trial->score).text,
                      mer_cli_show_seconds(trial->seconds).text,
                      mer_cli_show_bytes(trial->bytes).text, layers[trial->layer]);
}

static void print_run(struct mer_cli *cli, const struct mer_run_summary *run)
{
    char time[24];
    mer_clock_format_utc(run->started_ns, time);
    mer_cli_print_bold(cli, "Run %s: %s\n", run->id, run->state);
    mer_cli_print(cli, "  for %s\n", run->makes[0] ? mer_quote(run->makes).text : "no file");
    mer_cli_print(cli, "  begun %s by version %s, %s in all\n", time, mer_quote(run->version).text,
                  mer_cli_show_seconds(run->seconds).text);
    mer_cli_print(cli, "  table: %zu rows, %zu columns, sha256 %.*s...\n", run->n_rows,
                  run->n_columns, DIGEST_SHOWN, run->data_digest);
    mer_cli_print(cli, "  seed: %llu%s\n", (unsigned long long)run->seed,
                  run->seed_given ? "" : " (not given)");
    print_settings(cli, run->settings);
    mer_cli_print(cli, "  %zu trials, %zu failed", run->n_trials, run->n_failed);
    if (isfinite(run->score))
        mer_cli_print(cli, "; %s %s", run->metric, mer_cli_show_score(run->score).text);
    if (run->units)
        mer_cli_print(cli, "; %llu work units", (unsigned long long)run->units);
    mer_cli_print(cli, "\n");
    if (run->model_digest[0])
        mer_cli_print(cli, "  model sha256 %.*s...\n", DIGEST_SHOWN, run->model_digest);
    mer_cli_print_bold(cli, "\n%s\n", run->n_trials > TRIALS_SHOWN ? "Last trials:" : "Trials:");
}

static void show_run(void *self, const struct mer_run_summary *run)
{
    struct showing *const showing = self;
    showing->n_trials = run->n_trials;
    if (!showing->document) {
        print_run(showing->cli, run);
        return;
    }
    put_run(showing->document, run);
    mer_json_key(&showing->document->writer, "log");
    mer_json_begin_array(&showing->document->writer);
}

static void show_trial(void *self, const struct mer_run_attempt *trial)
{
    const struct showing *const showing = self;
    if (showing->document)
        put_trial(showing->document, trial);
    else if (trial->number + TRIALS_SHOWN > showing->n_trials)
        print_trial(showing->cli, trial);
}

static mer_status run_show(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct show_arguments *const arguments = words;
    struct mer_cli_document document;
    struct showing showing = {.cli = cli};
    MER_GUARD(mer_cli_open(cli, 0, 1, err));
    if (!cli->common.json)
        return mer_runs_show(NULL, arguments->id, show_run, show_trial, &showing, err);
    mer_cli_document_begin(&document, err);
    showing.document = &document;
    const mer_status status =
        mer_runs_show(NULL, arguments->id, show_run, show_trial, &showing, err);
    if (!mer_is_ok(status)) {
        mer_buf_release(&document.buf);
        return status;
    }
    mer_json_end_array(&document.writer);
    return mer_cli_document_end(cli, &document, err);
}

static const struct mer_cli_option SHOW_POSITIONALS[] = {
    {.name = "RUN",
     .type = MER_CLI_TEXT,
     .at = offsetof(struct show_arguments, id),
     .help = "a run's id, or its beginning",
     .required = true},
};

static const struct mer_cli_example SHOW_EXAMPLES[] = {
    {"merlon runs show 20261125T162143Z", "the run that began then"},
};

const struct mer_cli_command MER_CLI_RUNS_SHOW = {
    .name = "runs show",
    .summary = "show what a fit was asked for and what it tried",
    .description =
        "Shows a run's settings and its trials: family, score, time and memory, or why a trial "
        "failed; with two layers also which one it was of, or that it was tried in folds among the "
        "rows of a fold, for the second to learn from. --json has all trials, their parameters and "
        "the score of every fold.",
    .positionals = SHOW_POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(SHOW_POSITIONALS),
    .examples = SHOW_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(SHOW_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) |
                MER_CLI_CAN_FAIL(MER_ERR_DATA),
    .arguments_size = sizeof(struct show_arguments),
    .run = run_show,
};

/* runs forget */

static mer_status run_forget(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct show_arguments *const arguments = words;
    MER_GUARD(mer_cli_open(cli, 0, 1, err));
    MER_GUARD(mer_runs_forget(NULL, arguments->id, err));
    if (!cli->common.json)
        return mer_ok();
    struct mer_cli_document document;
    mer_cli_document_begin(&document, err);
    mer_cli_put_string(&document, "forgotten", arguments->id);
    return mer_cli_document_end(cli, &document, err);
}

static const struct mer_cli_example FORGET_EXAMPLES[] = {
    {"merlon runs forget 20261125T162143Z", "takes that run's journal away"},
};

const struct mer_cli_command MER_CLI_RUNS_FORGET = {
    .name = "runs forget",
    .summary = "take a fit's journal away",
    .description = "Removes the journal of a run, also one that is damaged. The model stays.",
    .positionals = SHOW_POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(SHOW_POSITIONALS),
    .examples = FORGET_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(FORGET_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) |
                MER_CLI_CAN_FAIL(MER_ERR_EXISTS),
    .arguments_size = sizeof(struct show_arguments),
    .run = run_forget,
};

/* runs diff */

struct diff_arguments {
    const char *first;
    const char *second;
};

/* Differences, one after the other, for people or as JSON. */
struct diff {
    struct mer_cli *cli;
    struct mer_cli_document *document; /* NULL: as text */
    size_t n;
};

static void tell(void *self, const char *what, const char *then, const char *now)
{
    struct diff *const diff = self;
    diff->n++;
    if (!diff->document) {
        mer_cli_print(diff->cli, "  %s: %s -> %s\n", what, mer_quote(then).text,
                      mer_quote(now).text);
        return;
    }
    mer_json_begin_object(&diff->document->writer);
    mer_cli_put_string(diff->document, "what", what);
    mer_cli_put_string(diff->document, "first", then);
    mer_cli_put_string(diff->document, "second", now);
    mer_json_end_object(&diff->document->writer);
}

/* The whole id of a run that is known by its beginning. */
struct whole_id {
    char text[40];
};

static void note_id(void *self, const struct mer_run_summary *run)
{
    struct whole_id *const id = self;
    (void)snprintf(id->text, sizeof id->text, "%s", run->id);
}

static mer_status show_diff(struct mer_cli *cli, const char *first, const char *second,
                            mer_err *err)
{
    struct diff diff = {.cli = cli};
    struct mer_cli_document document;
    if (!cli->common.json) {
        mer_cli_print_bold(cli, "%s -> %s\n", first, second);
        MER_GUARD(mer_runs_diff(NULL, first, second, tell, &diff, err));
        if (diff.n == 0)
            mer_cli_print(cli, "  no difference\n");
        return mer_ok();
    }
    mer_cli_document_begin(&document, err);
    mer_cli_put_string(&document, "first", first);
    mer_cli_put_string(&document, "second", second);
    mer_json_key(&document.writer, "differences");
    mer_json_begin_array(&document.writer);
    diff.document = &document;
    const mer_status status = mer_runs_diff(NULL, first, second, tell, &diff, err);
    if (!mer_is_ok(status)) {
        mer_buf_release(&document.buf);
        return status;
    }
    mer_json_end_array(&document.writer);
    return mer_cli_document_end(cli, &document, err);
}

static mer_status run_diff(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct diff_arguments *const arguments = words;
    struct whole_id first, second;
    MER_GUARD(mer_cli_open(cli, 0, 1, err));
    MER_GUARD(mer_runs_show(NULL, arguments->first, note_id, NULL, &first, err));
    MER_GUARD(mer_runs_show(NULL, arguments->second, note_id, NULL, &second, err));
    return show_diff(cli, first.text, second.text, err);
}

static const struct mer_cli_option DIFF_POSITIONALS[] = {
    {.name = "RUN",
     .type = MER_CLI_TEXT,
     .at = offsetof(struct diff_arguments, first),
     .help = "a run's id, or its beginning",
     .required = true},
    {.name = "OTHER",
     .type = MER_CLI_TEXT,
     .at = offsetof(struct diff_arguments, second),
     .help = "another run's",
     .required = true},
};

static const struct mer_cli_example DIFF_EXAMPLES[] = {
    {"merlon runs diff 20261125T162143Z 20261125T17",
     "what was another there, and what came of it"},
};

const struct mer_cli_command MER_CLI_RUNS_DIFF = {
    .name = "runs diff",
    .summary = "tell in what two fits differ",
    .description = "Tells in what two runs differ: table, settings, seed, version, the first trial "
                   "that came out otherwise, score and model.",
    .positionals = DIFF_POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(DIFF_POSITIONALS),
    .examples = DIFF_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(DIFF_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) |
                MER_CLI_CAN_FAIL(MER_ERR_DATA),
    .arguments_size = sizeof(struct diff_arguments),
    .run = run_diff,
};
