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
    options.ignore_schema_beside = true; /* which is what may have to be written anew */
    options.without_digest = true;       /* nobody asks for it */
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
    struct mer_cli_reading reading;
};

static mer_status emit_checked(struct mer_cli *cli, const struct mer_table *table, mer_err *err)
{
    struct mer_cli_document document;
    mer_cli_document_begin(&document, err);
    mer_cli_put_boolean(&document, "valid", mer_table_bad_rows(table) == 0);
    mer_cli_put_string(&document, "schema", mer_table_schema_file(table));
    mer_cli_put_unsigned(&document, "rows", mer_table_rows(table));
    mer_cli_put_unsigned(&document, "columns", mer_table_columns(table));
    mer_bad_rows_put(&table->bad, table->quarantine, &document.writer);
    mer_cli_put_number(&document, "total_seconds", mer_cli_seconds(cli));
    return mer_cli_document_end(cli, &document, err);
}

/* What the schema says of columns beyond their types. */
static void print_roles(struct mer_cli *cli, const struct mer_schema *schema)
{
    for (size_t f = 0; f < schema->n_fields; f++) {
        const struct mer_field *const field = &schema->fields[f];
        if (field->role == MER_ROLE_NONE && field->flags == 0)
            continue;
        mer_cli_print(cli, "  %s:", mer_quote_n(field->name, field->n_name).text);
        if (field->role != MER_ROLE_NONE)
            mer_cli_print(cli, " %s", mer_role_name(field->role));
        const char *flag;
        for (size_t i = 0; (flag = mer_field_flag_name(field->flags, i)) != NULL; i++)
            mer_cli_print(cli, " %s", flag);
        mer_cli_print(cli, "\n");
    }
}

static void print_checked(struct mer_cli *cli, const struct mer_table *table, const char *data)
{
    const struct mer_bad_rows *const bad = &table->bad;
    if (bad->n_rows == 0)
        mer_cli_print(cli, "%s fits the schema %s: %zu rows, %zu columns.\n", mer_quote(data).text,
                      mer_quote(table->schema_path).text, mer_table_rows(table),
                      mer_table_columns(table));
    else
        mer_cli_print(cli, "%s: %zu rows fit the schema %s, %llu do not.\n", mer_quote(data).text,
                      mer_table_rows(table), mer_quote(table->schema_path).text,
                      (unsigned long long)bad->n_rows);
    for (size_t i = 0; i < bad->n_reasons; i++)
        mer_cli_print(cli, "  %llu: %s%s%s\n", (unsigned long long)bad->reasons[i].n_rows,
                      bad->reasons[i].column ? mer_quote(bad->reasons[i].column).text : "",
                      bad->reasons[i].column ? ": " : "",
                      mer_value_fault_text(bad->reasons[i].fault));
    print_roles(cli, &table->schema);
}

static mer_status run_check(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct check_arguments *const arguments = words;
    struct mer_table_options options;
    MER_GUARD(mer_cli_reading_options(&arguments->reading, &options, err));
    options.without_digest = true; /* nobody asks for it */
    MER_GUARD(mer_cli_open(cli, 0, 0, err));
    struct mer_table *table;
    MER_GUARD(mer_table_read(cli->context, arguments->data, &options, &table, err));
    mer_status status = mer_ok();
    if (!mer_table_schema_file(table))
        status = mer_hint(err,
                          mer_fail(err, MER_ERR_NO_INPUT, "there is no schema beside %s",
                                   mer_quote(arguments->data).text),
                          "name one with --schema; merlon schema infer writes one");
    else if (cli->common.json)
        status = emit_checked(cli, table, err);
    else
        print_checked(cli, table, arguments->data);
    mer_table_free(table);
    return status;
}

static const struct mer_cli_option CHECK_POSITIONALS[] = {
    {.name = "DATA",
     .type = MER_CLI_FILE,
     .at = offsetof(struct check_arguments, data),
     .help = "the table, in any format of --format; - is standard input",
     .required = true},
};

static const struct mer_cli_option CHECK_OPTIONS[] = {
    MER_CLI_SCHEMA_OPTION(struct check_arguments,
                          "a Table Schema (JSON); NAME.schema.json beside the table otherwise"),
    MER_CLI_READING_OPTIONS(struct check_arguments),
};

static const struct mer_cli_example CHECK_EXAMPLES[] = {
    {"merlon schema check sales.csv --schema sales.schema.json",
     "tells the row, the column and the reason where a value does not fit"},
};

const struct mer_cli_command MER_CLI_SCHEMA_CHECK = {
    .name = "schema check",
    .summary = "hold a table to a schema",
    .description =
        "Reads a table as the schema says. Values that do not fit are counted by column and "
        "reason and located, never shown and never converted; then the exit code is 65, "
        "unless --on-bad-row says what is to become of their rows.",
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
