/* merlon inspect and leaderboard: what is in a model, once its signature was verified. */
#include <string.h>

#include "cli/leaderboard.h"
#include "cli/scores.h"

struct inspect_arguments {
    struct mer_cli_model model;
    bool labels;
    const char *format;
    const char *data;
    const char *by;
    const char *project;
};

/* ---- Cards ---- */

/* The record's statement; NULL where there is none, or nobody is trusted. */
static mer_status read_record(const struct inspect_arguments *arguments,
                              const struct mer_fitted *model, char **ret_record, mer_err *err)
{
    struct mer_trust *trust;
    *ret_record = NULL;
    if (mer_model_is_unsigned(model))
        return mer_ok();
    MER_GUARD(mer_cli_open_trust(&arguments->model.whom, &trust, err));
    const mer_status status =
        mer_provenance_verify(trust, arguments->model.path, model->digest, ret_record, NULL, err);
    mer_trust_free(trust);
    if (status.code != MER_ERR_NO_INPUT)
        return status;
    mer_err_clear(err);
    return mer_ok();
}

/* Scores the model on the table that was named. */
static mer_status score_for_card(const struct inspect_arguments *arguments,
                                 struct mer_cli_loaded *loaded, struct mer_cli_scores *scores,
                                 mer_err *err)
{
    const struct mer_cli_reading reading = {0};
    *scores = (struct mer_cli_scores){.n = 0};
    if (!arguments->data)
        return arguments->by ? mer_fail(err, MER_ERR_USAGE, "--by belongs to --data") : mer_ok();
    MER_GUARD(mer_cli_load_table(arguments->data, &reading, loaded, err));
    return mer_cli_scores_gather(scores, loaded, arguments->by, err);
}

static mer_status make_card(const struct inspect_arguments *arguments,
                            struct mer_cli_loaded *loaded, const char *record, char **ret_text,
                            mer_err *err)
{
    const char *const slash = strrchr(arguments->model.path, '/');
    struct mer_cli_scores scores;
    mer_status status = score_for_card(arguments, loaded, &scores, err);
    if (mer_is_ok(status)) {
        const struct mer_card_options options = {
            .size = sizeof options,
            .name = slash ? slash + 1 : arguments->model.path,
            .provenance = record,
            .scores = scores.items,
            .n_scores = scores.n,
            .group_column = arguments->by,
        };
        status = mer_model_card(loaded->model, arguments->format, &options, ret_text, err);
    }
    mer_cli_scores_release(&scores);
    return status;
}

static mer_status emit_card(struct mer_cli *cli, const struct inspect_arguments *arguments,
                            struct mer_cli_loaded *loaded, mer_err *err)
{
    char *record = NULL, *card = NULL;
    if (cli->common.json)
        return mer_fail(err, MER_ERR_USAGE, "--json and --format exclude each other");
    if (arguments->project)
        MER_GUARD(mer_cli_name_model(loaded, arguments->project, err));
    MER_GUARD(read_record(arguments, loaded->model, &record, err));
    mer_status status = mer_ok();
    if (strcmp(arguments->format, "provenance") != 0)
        status = make_card(arguments, loaded, record, &card, err);
    else if (!record)
        status = mer_fail(err, MER_ERR_NO_INPUT, "%s has no provenance record that is trusted",
                          mer_quote(arguments->model.path).text);
    const char *const text = card ? card : record;
    if (mer_is_ok(status)) {
        mer_cli_emit(cli, text, strlen(text));
        if (!card)
            mer_cli_emit(cli, "\n", 1);
    }
    mer_text_free(card);
    mer_text_free(record);
    return status;
}

/* ---- As text ---- */

/* What the schema said of the column: "sensitive", ... */
static void print_flags(struct mer_cli *cli, unsigned flags)
{
    const char *flag;
    for (size_t i = 0; (flag = mer_field_flag_name(flags, i)) != NULL; i++)
        mer_cli_print(cli, ", %s", flag);
    mer_cli_print(cli, "\n");
}

/* By models that were fitted on the features that matter alone. */
static void print_unused(struct mer_cli *cli, const struct mer_facts *facts,
                         const struct mer_prepare_column *column)
{
    if (column->n_unused == facts->n_members)
        mer_cli_print(cli, "; not used: it matters no more than noise");
    else
        mer_cli_print(cli, "; used by %zu of %zu models", facts->n_members - column->n_unused,
                      facts->n_members);
}

static void print_columns(struct mer_cli *cli, const struct mer_facts *facts)
{
    size_t f = 0;
    mer_cli_print_bold(cli, "\nColumns\n");
    for (size_t i = 0; i + 1 < facts->n_fields; i++, f++) {
        const struct mer_prepare_column column = facts->columns[i];
        f += facts->fields[f].name == facts->target;
        mer_cli_print(cli, "  %-30s %-12s", mer_quote(column.name).text,
                      mer_type_name(column.type));
        if (column.left_out != MER_LEFT_OUT_NOT)
            mer_cli_print(cli, " left out: %s", mer_left_out_reason(column.left_out));
        else if (column.type == MER_TYPE_CATEGORICAL)
            mer_cli_print(cli, " %zu levels", column.n_levels);
        else
            mer_cli_print(cli, " %zu feature%s", column.n_dense, column.n_dense == 1 ? "" : "s");
        if (column.n_terms > 0)
            mer_cli_print(cli, ", %zu terms", column.n_terms);
        mer_cli_print(cli, "; %s: %s", mer_column_role_name(column.role),
                      mer_column_reason_text(column.reason));
        if (column.is_leak && column.left_out == MER_LEFT_OUT_NOT)
            mer_cli_print(cli, "; warning: it alone nearly tells the target");
        if (column.n_unused > 0)
            print_unused(cli, facts, &column);
        print_flags(cli, facts->fields[f].flags);
    }
}

static void print_model(struct mer_cli *cli, const struct inspect_arguments *arguments,
                        const struct mer_fitted *model)
{
    const struct mer_facts *const facts = model->facts;
    mer_cli_print_bold(cli, "Model: %s\n", mer_quote(arguments->model.path).text);
    mer_cli_print(cli, "  signed by  %s", mer_cli_show_signer(model).text);
    if (!mer_model_is_unsigned(model))
        mer_cli_print(cli, " (key id %.16s...)", model->verified.signer_id);
    mer_cli_print(cli, "\n  sha256     %s\n", model->digest);
    if (model->verified.serial)
        mer_cli_print(cli, "  serial     %llu\n", (unsigned long long)model->verified.serial);
    mer_cli_print(cli, "  target     %s\n", mer_quote(facts->target).text);
    mer_cli_print(cli, "  task       %s", mer_task_name(facts->task));
    if (facts->task != MER_TASK_REGRESSION)
        mer_cli_print(cli, ", %zu classes", facts->n_classes);
    mer_cli_print(cli, "\n  family     %s: %s\n", mer_facts_family(facts), mer_facts_title(facts));
    if (mer_facts_row_keeper(facts))
        mer_cli_print(cli, "  holds      its training rows: whoever has the model has them\n");
    mer_cli_print_members(cli, facts);
    mer_cli_print_findings(cli, facts, "  ");
    if (facts->n_trials)
        mer_cli_print(cli, "  %-10s %s %s\n", facts->metric, mer_cli_show_score(facts->score).text,
                      mer_cli_show_validation(&facts->validation).text);
    mer_cli_print(cli, "  trained on %zu rows, seed %llu, %llu work units\n", facts->n_train_rows,
                  (unsigned long long)facts->seed, (unsigned long long)facts->units);
    for (size_t i = 0; arguments->labels && i < mer_model_classes(model); i++)
        mer_cli_print(cli, "  class      %s\n", mer_quote(mer_model_label(model, i)).text);
    print_columns(cli, facts);
}

static mer_status emit_json(struct mer_cli *cli, const struct inspect_arguments *arguments,
                            const struct mer_cli_loaded *loaded, mer_err *err)
{
    struct mer_cli_document document;
    mer_cli_document_begin(&document, err);
    mer_cli_put_string(&document, "model", arguments->model.path);
    mer_cli_put_unsigned(&document, "bytes", loaded->model->sealed.n);
    mer_cli_put_signer(&document, loaded->model);
    mer_describe_into(loaded->model, &document.writer);
    if (arguments->labels) {
        mer_json_key(&document.writer, "labels");
        mer_json_begin_array(&document.writer);
        for (size_t i = 0; i < mer_model_classes(loaded->model); i++)
            mer_json_put_string(&document.writer, mer_model_label(loaded->model, i));
        mer_json_end_array(&document.writer);
    }
    return mer_cli_document_end(cli, &document, err);
}

static mer_status run_inspect(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct inspect_arguments *const arguments = words;
    struct mer_cli_loaded loaded;
    mer_status status = mer_cli_load_model(cli, &arguments->model, &loaded, err);
    const bool is_card = arguments->format && strcmp(arguments->format, "text") != 0;
    if (mer_is_ok(status) && !is_card && (arguments->data || arguments->project))
        status = mer_fail(err, MER_ERR_USAGE, "--data and --project belong to cards (--format)");
    if (mer_is_ok(status) && is_card) {
        status = emit_card(cli, arguments, &loaded, err);
    } else if (mer_is_ok(status)) {
        if (cli->common.json)
            status = emit_json(cli, arguments, &loaded, err);
        else
            print_model(cli, arguments, loaded.model);
    }
    mer_cli_loaded_release(&loaded);
    return status;
}

/* What came of it: the models that predict, and what was learned with them. */
static void print_kept(struct mer_cli *cli, const struct mer_facts *facts)
{
    mer_cli_print_bold(cli, "\nKept: %s, %s %s\n", mer_facts_family(facts), facts->metric,
                       mer_cli_show_score(facts->score).text);
    mer_cli_print_reported(cli, facts, "  ");
    mer_cli_print_members(cli, facts);
    mer_cli_print_findings(cli, facts, "  ");
}

static mer_status run_leaderboard(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct inspect_arguments *const arguments = words;
    struct mer_cli_loaded loaded;
    mer_status status = mer_cli_load_model(cli, &arguments->model, &loaded, err);
    if (mer_is_ok(status) && cli->common.json) {
        struct mer_cli_document document;
        mer_cli_document_begin(&document, err);
        mer_cli_put_string(&document, "metric", loaded.model->facts->metric);
        mer_cli_put_number(&document, "score", loaded.model->facts->score);
        mer_describe_reported(loaded.model->facts, loaded.model->facts->reported.scores,
                              &document.writer);
        mer_cli_put_leaderboard(&document, loaded.model->facts, false);
        status = mer_cli_document_end(cli, &document, err);
    } else if (mer_is_ok(status)) {
        mer_cli_print_leaderboard(cli, loaded.model->facts, SIZE_MAX, false);
        print_kept(cli, loaded.model->facts);
    }
    mer_cli_loaded_release(&loaded);
    return status;
}

static const struct mer_cli_option POSITIONALS[] = {
    MER_CLI_MODEL_POSITIONAL(struct inspect_arguments),
};

static const struct mer_cli_option INSPECT_OPTIONS[] = {
    MER_CLI_MODEL_OPTIONS(struct inspect_arguments),
    {.name = "labels",
     .type = MER_CLI_FLAG,
     .at = offsetof(struct inspect_arguments, labels),
     .help = "show the classes, which are values out of the training table"},
    {.name = "format",
     .type = MER_CLI_CHOICE,
     .at = offsetof(struct inspect_arguments, format),
     .metavar = "FORMAT",
     .choices = mer_cli_choice_card,
     .help = "text, the signed provenance record (provenance), a CycloneDX bill of materials "
             "(cyclonedx) or a model card in Markdown (card)"},
    {.name = "data",
     .type = MER_CLI_FILE,
     .at = offsetof(struct inspect_arguments, data),
     .metavar = "DATA",
     .help = "of a card: also the scores on this labelled table"},
    {.name = "by",
     .type = MER_CLI_TEXT,
     .at = offsetof(struct inspect_arguments, by),
     .metavar = "COLUMN",
     .help = "of a card with --data: also the scores of each level of this column"},
    MER_CLI_PROJECT_OPTION(struct inspect_arguments, project),
};

static const struct mer_cli_option LEADERBOARD_OPTIONS[] = {
    MER_CLI_MODEL_OPTIONS(struct inspect_arguments),
};

static const struct mer_cli_example INSPECT_EXAMPLES[] = {
    {"merlon inspect houses.safetensors", "what it predicts, from which columns, and who signed"},
    {"merlon inspect loans.safetensors --format card --data test.csv --by region > CARD.md",
     "a model card, to be completed by hand"},
    {"merlon inspect loans.safetensors --format cyclonedx > bom.json", "a bill of materials"},
};

static const struct mer_cli_example LEADERBOARD_EXAMPLES[] = {
    {"merlon leaderboard houses.safetensors", "every setting that was tried, best first"},
};

const struct mer_cli_command MER_CLI_INSPECT = {
    .name = "inspect",
    .summary = "show what is in a model",
    .description = "Verifies a model and shows its target, family, settings, columns and signer. "
                   "Class labels are values out of the training table, so they are shown on "
                   "request only.",
    .positionals = POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(POSITIONALS),
    .options = INSPECT_OPTIONS,
    .n_options = MER_CLI_COUNT_OF(INSPECT_OPTIONS),
    .examples = INSPECT_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(INSPECT_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_LOADING_FAILURES,
    .arguments_size = sizeof(struct inspect_arguments),
    .run = run_inspect,
};

const struct mer_cli_command MER_CLI_LEADERBOARD = {
    .name = "leaderboard",
    .summary = "show what the search for a model tried",
    .description = "Verifies a model and lists every setting that the search tried, best first, "
                   "with its cross-validated score and its cost in work units.",
    .positionals = POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(POSITIONALS),
    .options = LEADERBOARD_OPTIONS,
    .n_options = MER_CLI_COUNT_OF(LEADERBOARD_OPTIONS),
    .examples = LEADERBOARD_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(LEADERBOARD_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_LOADING_FAILURES,
    .arguments_size = sizeof(struct inspect_arguments),
    .run = run_leaderboard,
};
