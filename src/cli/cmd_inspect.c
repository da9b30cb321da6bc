/* merlon inspect and leaderboard: what is in a model, once its signature was verified. */
#include <string.h>

#include "cli/leaderboard.h"
#include "cli/loading.h"

struct inspect_arguments {
    struct mer_cli_model model;
    bool labels;
};

/* What the schema said of the column: "sensitive", ... */
static void print_flags(struct mer_cli *cli, unsigned flags)
{
    const char *flag;
    for (size_t i = 0; (flag = mer_field_flag_name(flags, i)) != NULL; i++)
        mer_cli_print(cli, ", %s", flag);
    mer_cli_print(cli, "\n");
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
    if (facts->n_trials)
        mer_cli_print(cli, "  %-10s %s %s\n", facts->metric, mer_cli_show_score(facts->score).text,
                      mer_cli_show_folds(facts->n_folds).text);
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
    if (mer_is_ok(status)) {
        if (cli->common.json)
            status = emit_json(cli, arguments, &loaded, err);
        else
            print_model(cli, arguments, loaded.model);
    }
    mer_cli_loaded_release(&loaded);
    return status;
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
        mer_cli_put_leaderboard(&document, loaded.model->facts, false);
        status = mer_cli_document_end(cli, &document, err);
    } else if (mer_is_ok(status)) {
        mer_cli_print_leaderboard(cli, loaded.model->facts, SIZE_MAX, false);
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
};

static const struct mer_cli_option LEADERBOARD_OPTIONS[] = {
    MER_CLI_MODEL_OPTIONS(struct inspect_arguments),
};

static const struct mer_cli_example INSPECT_EXAMPLES[] = {
    {"merlon inspect houses.safetensors", "what it predicts, from which columns, and who signed"},
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
