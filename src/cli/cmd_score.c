/* merlon score: how well a model does on rows whose target is known. */
#include "cli/loading.h"
#include "metric/metric.h"

struct score_arguments {
    struct mer_cli_model model;
    const char *data;
    const char *project;
    struct mer_cli_reading reading;
};

enum { SCORES_MAX = 64 };

struct scores {
    struct {
        const char *metric;
        double value;
    } items[SCORES_MAX];
    size_t n;
};

static void note_score(void *self, const char *metric, double value)
{
    struct scores *const scores = self;
    if (scores->n < SCORES_MAX) {
        scores->items[scores->n].metric = metric;
        scores->items[scores->n++].value = value;
    }
}

static mer_status show(struct mer_cli *cli, const struct score_arguments *arguments,
                       const struct mer_cli_loaded *loaded, const struct scores *scores,
                       double predict_seconds, mer_err *err)
{
    const size_t n_rows = mer_table_rows(loaded->table);
    if (cli->common.json) {
        struct mer_cli_document document;
        mer_cli_document_begin(&document, err);
        mer_cli_put_string(&document, "model", arguments->model.path);
        mer_cli_put_string(&document, "task", mer_model_task(loaded->model));
        mer_cli_put_unsigned(&document, "rows", n_rows);
        mer_json_key(&document.writer, "metrics");
        mer_json_begin_object(&document.writer);
        for (size_t i = 0; i < scores->n; i++)
            mer_cli_put_number(&document, scores->items[i].metric, scores->items[i].value);
        mer_json_end_object(&document.writer);
        mer_cli_put_loaded(cli, &document, loaded, predict_seconds);
        return mer_cli_document_end(cli, &document, err);
    }
    mer_cli_print(cli, "%zu rows, %s, signed by %s\n", n_rows, mer_model_task(loaded->model),
                  mer_cli_show_signer(loaded->model).text);
    for (size_t i = 0; i < scores->n; i++)
        mer_cli_print(cli, "  %-24s%s\n", scores->items[i].metric,
                      mer_cli_show_score(scores->items[i].value).text);
    return mer_ok();
}

static mer_status steps(struct mer_cli *cli, const struct score_arguments *arguments,
                        struct mer_cli_loaded *loaded, mer_err *err)
{
    MER_GUARD(mer_cli_load_model(cli, &arguments->model, loaded, err));
    MER_GUARD(mer_cli_name_model(loaded, arguments->project, err));
    MER_GUARD(mer_cli_load_table(arguments->data, &arguments->reading, loaded, err));
    struct scores scores = {.n = 0};
    const double start = mer_cli_seconds(cli);
    MER_GUARD(mer_score(loaded->model, loaded->table, note_score, &scores, err));
    return show(cli, arguments, loaded, &scores, mer_cli_seconds(cli) - start, err);
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
    MER_CLI_PROJECT_OPTION(struct score_arguments, project),
    MER_CLI_MODEL_OPTIONS(struct score_arguments),
    MER_CLI_READING_OPTIONS(struct score_arguments),
};

static const struct mer_cli_example EXAMPLES[] = {
    {"merlon score houses.safetensors sold.csv --json", "every metric that fits the task"},
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
