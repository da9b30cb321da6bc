/* merlon convert: a table in another format. */
#include <string.h>

#include "api/handles.h"
#include "cli/reading.h"
#include "cli/session.h"

struct convert_arguments {
    const char *in;
    const char *out;
    const char *to;
    const char *schema_out;
    char out_delimiter;
    bool force;
    struct mer_cli_reading reading;
};

static mer_status emit_json(struct mer_cli *cli, const struct convert_arguments *arguments,
                            const struct mer_table *table, const struct mer_table_written *written,
                            mer_err *err)
{
    struct mer_cli_document document;
    mer_cli_document_begin(&document, err);
    mer_cli_put_string(&document, "in", arguments->in);
    mer_cli_put_string(&document, "from", mer_table_format(table));
    mer_cli_put_string(&document, "out", arguments->out);
    mer_cli_put_string(&document, "to", written->format);
    mer_cli_put_unsigned(&document, "rows", mer_table_rows(table));
    mer_cli_put_unsigned(&document, "columns", mer_table_columns(table));
    mer_cli_put_unsigned(&document, "bytes", written->n_bytes);
    mer_json_key(&document.writer, "missing_text");
    if (written->missing)
        mer_json_put_string(&document.writer, written->missing);
    else
        mer_json_put_null(&document.writer);
    mer_cli_put_unsigned(&document, "texts_that_read_as_missing", written->n_texts_lost);
    if (arguments->schema_out)
        mer_cli_put_string(&document, "schema_out", arguments->schema_out);
    mer_cli_put_number(&document, "total_seconds", mer_cli_seconds(cli));
    return mer_cli_document_end(cli, &document, err);
}

static void tell(struct mer_cli *cli, const struct convert_arguments *arguments,
                 const struct mer_table *table, const struct mer_table_written *written)
{
    mer_cli_print(cli, "%s: %zu rows, %zu columns, %s (%s).\n", mer_quote(arguments->out).text,
                  mer_table_rows(table), mer_table_columns(table), written->format,
                  mer_cli_show_bytes(written->n_bytes).text);
    if (written->n_texts_lost > 0)
        mer_cli_note(cli,
                     "%llu texts are words like NA, which mean missing to whoever reads the CSV "
                     "without its schema%s",
                     (unsigned long long)written->n_texts_lost,
                     arguments->schema_out ? "" : " (--schema-out writes it)");
}

static mer_status convert(struct mer_cli *cli, const struct convert_arguments *arguments,
                          const struct mer_table *table, mer_err *err)
{
    const struct mer_table_write_options options = {.size = sizeof options,
                                                    .format = arguments->to,
                                                    .delimiter = arguments->out_delimiter,
                                                    .replace = arguments->force,
                                                    .schema_out = arguments->schema_out};
    struct mer_table_written written;
    MER_GUARD(mer_table_write(table, arguments->out, &options, &written, err));
    if (cli->common.json)
        return emit_json(cli, arguments, table, &written, err);
    tell(cli, arguments, table, &written);
    return mer_ok();
}

static mer_status run_convert(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct convert_arguments *const arguments = words;
    struct mer_table_options options;
    struct mer_table *table;
    MER_GUARD(mer_cli_reading_options(&arguments->reading, &options, err));
    options.keep_texts = true;
    MER_GUARD(mer_cli_check_not_input(arguments->out, arguments->in, err));
    if (arguments->schema_out) {
        MER_GUARD(mer_cli_check_not_input(arguments->schema_out, arguments->in, err));
        MER_GUARD(mer_cli_check_not_input(arguments->schema_out, arguments->reading.schema, err));
        MER_GUARD(mer_cli_check_not_input(arguments->schema_out, arguments->out, err));
    }
    size_t format;
    MER_GUARD(mer_table_choose_format(arguments->out, arguments->to, &format, err));
    MER_GUARD(mer_cli_open(cli, 0, 0, err));
    MER_GUARD(mer_table_read(cli->context, arguments->in, &options, &table, err));
    const mer_status status = convert(cli, arguments, table, err);
    mer_table_free(table);
    return status;
}

#define AT(member) offsetof(struct convert_arguments, member)

static const struct mer_cli_option POSITIONALS[] = {
    {.name = "IN",
     .type = MER_CLI_FILE,
     .at = AT(in),
     .help = "a table of any format; - is standard input",
     .required = true},
    {.name = "OUT",
     .type = MER_CLI_FILE,
     .at = AT(out),
     .help = "the file to write, which appears whole or not at all",
     .required = true},
};

static const struct mer_cli_option OPTIONS[] = {
    {.name = "to",
     .type = MER_CLI_CHOICE,
     .at = AT(to),
     .metavar = "FORMAT",
     .choices = mer_cli_choice_written_format,
     .help = "what to write; told by the end of OUT's name otherwise"},
    MER_CLI_SCHEMA_OPTION(struct convert_arguments, "hold the table to a Table Schema (JSON)"),
    {.name = "schema-out",
     .type = MER_CLI_FILE,
     .at = AT(schema_out),
     .metavar = "FILE",
     .help = "write the schema by which OUT reads back to the same table"},
    {.name = "out-delimiter",
     .type = MER_CLI_CHARACTER,
     .at = AT(out_delimiter),
     .metavar = "CHAR",
     .help = "what separates the cells of a CSV that is written; a comma otherwise"},
    MER_CLI_READING_OPTIONS(struct convert_arguments),
    {.name = "force", .type = MER_CLI_FLAG, .at = AT(force), .help = "replace an existing output"},
};

static const struct mer_cli_example EXAMPLES[] = {
    {"merlon convert sales.parquet sales.csv --schema-out sales.schema.json",
     "CSV that reads back to the same table, to the last bit of every number"},
    {"merlon convert sales.csv sales.parquet", "types as they are inferred"},
};

const struct mer_cli_command MER_CLI_CONVERT = {
    .name = "convert",
    .summary = "write a table in another format",
    .description =
        "Reads a table of any format, which is recognised by its contents, and writes it as CSV, "
        "Parquet or an Arrow IPC file. Texts such as NA stay texts where the input has another way "
        "to say missing. A table in CSV has no types: --schema-out writes them down.",
    .positionals = POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(POSITIONALS),
    .options = OPTIONS,
    .n_options = MER_CLI_COUNT_OF(OPTIONS),
    .examples = EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_DATA) |
                MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) | MER_CLI_CAN_FAIL(MER_ERR_EXISTS),
    .arguments_size = sizeof(struct convert_arguments),
    .run = run_convert,
};
