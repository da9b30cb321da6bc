/* merlon schema infer | check: the types of a table's columns, written next to the data. */
#include <string.h>

#include "cli/reading.h"
#include "cli/session.h"

/* schema infer */

struct infer_arguments {
    const char *data;
    struct mer_cli_reading reading;
};

static mer_status run_infer(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct infer_arguments *const arguments = words;
    struct mer_table_options options;
    MER_GUARD(mer_cli_reading_options(&arguments->reading, &options, err));
    MER_GUARD(mer_cli_open(cli, 0, 0, err));
    struct mer_table *table;
    MER_GUARD(mer_table_read(cli->context, arguments->data, &options, &table, err));
    char *json;
    const mer_status status = mer_table_schema(table, &json, err);
    mer_table_free(table);
    MER_GUARD(status);
    mer_cli_emit(cli, json, strlen(json));
    mer_text_free(json);
    return mer_ok();
}

static const struct mer_cli_option INFER_POSITIONALS[] = {
    {.name = "DATA",
     .type = MER_CLI_FILE,
     .at = offsetof(struct infer_arguments, data),
     .help = "the table, in any format of --format; - is standard input",
     .required = true},
};

static const struct mer_cli_option INFER_OPTIONS[] = {
    MER_CLI_READING_OPTIONS(struct infer_arguments),
};

static const struct mer_cli_example INFER_EXAMPLES[] = {
    {"merlon schema infer sales.csv > sales.schema.json", "writes the schema beside the table"},
};

const struct mer_cli_command MER_CLI_SCHEMA_INFER = {
    .name = "schema infer",
    .summary = "print a table's schema",
    .description =
        "Prints the types of a table's columns as a Frictionless Table Schema. Look it over, "
        "correct it, keep it next to the data: fit --schema and schema check hold later tables "
        "to it. The schema lists the levels of categorical columns, which are values out of the "
        "table.",
    .positionals = INFER_POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(INFER_POSITIONALS),
    .options = INFER_OPTIONS,
    .n_options = MER_CLI_COUNT_OF(INFER_OPTIONS),
    .examples = INFER_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(INFER_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_DATA) |
                MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT),
    .arguments_size = sizeof(struct infer_arguments),
    .run = run_infer,
};

/* schema check */

struct check_arguments {
    const char *data;
    const char *schema;
    struct mer_cli_reading reading;
};

static mer_status run_check(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct check_arguments *const arguments = words;
    struct mer_table_options options;
    MER_GUARD(mer_cli_reading_options(&arguments->reading, &options, err));
    options.schema_file = arguments->schema;
    MER_GUARD(mer_cli_open(cli, 0, 0, err));
    struct mer_table *table;
    MER_GUARD(mer_table_read(cli->context, arguments->data, &options, &table, err));
    const size_t n_rows = mer_table_rows(table), n_columns = mer_table_columns(table);
    mer_table_free(table);
    if (cli->common.json) {
        struct mer_cli_document document;
        mer_cli_document_begin(&document, err);
        mer_cli_put_boolean(&document, "valid", true);
        mer_cli_put_unsigned(&document, "rows", n_rows);
        mer_cli_put_unsigned(&document, "columns", n_columns);
        mer_cli_put_number(&document, "total_seconds", mer_cli_seconds(cli));
        return mer_cli_document_end(cli, &document, err);
    }
    mer_cli_print(cli, "%s fits the schema: %zu rows, %zu columns.\n",
                  mer_quote(arguments->data).text, n_rows, n_columns);
    return mer_ok();
}

static const struct mer_cli_option CHECK_POSITIONALS[] = {
    {.name = "DATA",
     .type = MER_CLI_FILE,
     .at = offsetof(struct check_arguments, data),
     .help = "the table, in any format of --format; - is standard input",
     .required = true},
};

static const struct mer_cli_option CHECK_OPTIONS[] = {
    {.name = "schema",
     .type = MER_CLI_FILE,
     .at = offsetof(struct check_arguments, schema),
     .metavar = "FILE",
     .help = "a Table Schema (JSON)",
     .required = true},
    MER_CLI_READING_OPTIONS(struct check_arguments),
};

static const struct mer_cli_example CHECK_EXAMPLES[] = {
    {"merlon schema check sales.csv --schema sales.schema.json",
     "tells the row, the column and the reason where a value does not fit"},
};

const struct mer_cli_command MER_CLI_SCHEMA_CHECK = {
    .name = "schema check",
    .summary = "hold a table to a schema",
    .description = "Reads a table as the schema says. The first value that does not fit is told by "
                   "row, column and reason, never shown and never converted; then the exit code is "
                   "65.",
    .positionals = CHECK_POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(CHECK_POSITIONALS),
    .options = CHECK_OPTIONS,
    .n_options = MER_CLI_COUNT_OF(CHECK_OPTIONS),
    .examples = CHECK_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(CHECK_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_DATA) |
                MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT),
    .arguments_size = sizeof(struct check_arguments),
    .run = run_check,
};
