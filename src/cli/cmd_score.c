/* merlon score: how well a model does on rows whose target is known. */
#include <string.h>

#include "cli/scores.h"

struct score_arguments {
    struct mer_cli_model model;
    const char *data;
    const char *project;
    const char *by;
    struct mer_cli_reading reading;
};

/* Whether score i is the first of another group than the one before. */
static bool begins_group(const struct mer_cli_scores *scores, size_t i)
{
    const char *const group = scores->items[i].group;
    return group && (i == 0 || !scores->items[i - 1].group ||
                     strcmp(scores->items[i - 1].group, group) != 0);
}

static void put_groups(struct mer_cli_document *document, const struct mer_cli_scores *scores,
                       const char *by)
{
    mer_cli_put_string(document, "by", by);
    mer_json_key(&document->writer, "groups");
    mer_json_begin_array(&document->writer);
    for (size_t i = 0; i < scores->n; i++) {
        if (!begins_group(scores, i))
            continue;
        mer_json_begin_object(&document->writer);
        mer_cli_put_string(document, "group", scores->items[i].group);
        mer_cli_put_unsigned(document, "rows", scores->items[i].n_rows);
        mer_json_key(&document->writer, "metrics");
        mer_json_begin_object(&document->writer);
        for (size_t k = i; k < scores->n && (k == i || !begins_group(scores, k)); k++)
            mer_cli_put_number(document, scores->items[k].metric, scores->items[k].value);
        mer_json_end_object(&document->writer);
        mer_json_end_object(&document->writer);
    }
    mer_json_end_array(&document->writer);
}

/* Quantiles, for people or as JSON. */
struct telling {
    struct mer_cli *cli;
    struct mer_cli_document *document; /* NULL: as text */
};

static void tell_quantile(void *self, double level, double pinball_loss, double below)
{
    const struct telling *const telling = self;
    if (!telling->document) {
        mer_cli_print(telling->cli,
                      "  quantile %-15g%s pinball loss, %.1f %% of the values below\n", level,
                      mer_cli_show_score(pinball_loss).text, 100 * below);
        return;
    }
    mer_json_begin_object(&telling->document->writer);
    mer_cli_put_number(telling->document, "level", level);
    mer_cli_put_number(telling->document, "pinball_loss", pinball_loss);
    mer_cli_put_number(telling->document, "below", below);
    mer_json_end_object(&telling->document->writer);
}

static mer_status put_quantiles(struct mer_cli_document *document,
                                const struct mer_cli_loaded *loaded, mer_err *err)
{
    struct telling telling = {.document = document};
    if (mer_model_n_quantiles(loaded->model) == 0)
        return mer_ok();
    mer_json_key(&document->writer, "quantiles");
    mer_json_begin_array(&document->writer);
    const mer_status status =
        mer_score_quantiles(loaded->model, loaded->table, tell_quantile, &telling, err);
    mer_json_end_array(&document->writer);
    return status;
}

static mer_status show(struct mer_cli *cli, const struct score_arguments *arguments,
                       const struct mer_cli_loaded *loaded, const struct mer_cli_scores *scores,
                       double predict_seconds, mer_err *err)
{
    if (cli->common.json) {
        struct mer_cli_document document;
        mer_cli_document_begin(&document, err);
        mer_cli_put_string(&document, "model", arguments->model.path);
        mer_cli_put_string(&document, "task", mer_model_task(loaded->model));
        mer_cli_put_unsigned(&document, "rows", scores->n_rows);
        mer_json_key(&document.writer, "metrics");
        mer_json_begin_object(&document.writer);
        for (size_t i = 0; i < scores->n && !scores->items[i].group; i++)
            mer_cli_put_number(&document, scores->items[i].metric, scores->items[i].value);
        mer_json_end_object(&document.writer);
        if (arguments->by)
            put_groups(&document, scores, arguments->by);
        const mer_status status = put_quantiles(&document, loaded, err);
        if (!mer_is_ok(status)) {
            mer_buf_release(&document.buf);
            return status;
        }
        mer_cli_put_loaded(cli, &document, loaded, predict_seconds);
        return mer_cli_document_end(cli, &document, err);
    }
    mer_cli_print(cli, "%zu rows, %s, signed by %s\n", scores->n_rows,
                  mer_model_task(loaded->model), mer_cli_show_signer(loaded->model).text);
    for (size_t i = 0; i < scores->n; i++) {
        const struct mer_card_score *const score = &scores->items[i];
        if (begins_group(scores, i))
            mer_cli_print_bold(cli, "\n%s: %zu rows\n", mer_quote(score->group).text,
                               score->n_rows);
        mer_cli_print(cli, "  %-24s%s\n", score->metric, mer_cli_show_score(score->value).text);
    }
    struct telling telling = {.cli = cli};
    return mer_score_quantiles(loaded->model, loaded->table, tell_quantile, &telling, err);
}

static mer_status steps(struct mer_cli *cli, const struct score_arguments *arguments,
                        struct mer_cli_loaded *loaded, mer_err *err)
{
    struct mer_cli_scores scores;
    MER_GUARD(mer_cli_load_model(cli, &arguments->model, loaded, err));
    MER_GUARD(mer_cli_name_model(loaded, arguments->project, err));
    MER_GUARD(mer_cli_load_table(arguments->data, &arguments->reading, loaded, err));
    const double start = mer_cli_seconds(cli);
    mer_status status = mer_cli_scores_gather(&scores, loaded, arguments->by, err);
    if (mer_is_ok(status))
        status = show(cli, arguments, loaded, &scores, mer_cli_seconds(cli) - start, err);
    mer_cli_scores_release(&scores);
    return status;
}

static mer_status run_score(struct mer_cli *cli, const void *words, mer_err *err)
{
    struct mer_cli_loaded loaded = {NULL, NULL, NULL};
    const mer_status status = steps(cli, words, &loaded, err);
    mer_cli_loaded_release(&loaded);
    return status;
}

static const struct mer_cli_option POSITIONALS[] = {
    MER_CLI_MODEL_POSITIONAL(struct score_arguments),
    MER_CLI_TABLE_POSITIONAL(struct score_arguments),
};

static const struct mer_cli_option OPTIONS[] = {
    {.name = "by",
     .type = MER_CLI_TEXT,
     .at = offsetof(struct score_arguments, by),
     .metavar = "COLUMN",
     .help = "score the rows of each of its levels too; levels are values out of the records"},
    MER_CLI_PROJECT_OPTION(struct score_arguments, project),
    MER_CLI_MODEL_OPTIONS(struct score_arguments),
    MER_CLI_READING_OPTIONS(struct score_arguments),
};

static const struct mer_cli_example EXAMPLES[] = {
    {"merlon score houses.safetensors sold.csv --json", "every metric that fits the task"},
    {"merlon score loans.safetensors new.csv --by region", "and how it does in each region"},
};

const struct mer_cli_command MER_CLI_SCORE = {
    .name = "score",
    .summary = "measure a model on rows whose target is known",
    .description = "Verifies the model, predicts the rows of a table that has the target column, "
                   "and prints every metric that fits the task, by scikit-learn's definitions "
                   "(merlon help metrics).",
    .positionals = POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(POSITIONALS),
    .options = OPTIONS,
    .n_options = MER_CLI_COUNT_OF(OPTIONS),
    .examples = EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_LOADING_FAILURES,
    .arguments_size = sizeof(struct score_arguments),
    .run = run_score,
};
