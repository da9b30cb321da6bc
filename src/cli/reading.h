/* How a table is read: the options that every command with a table has. */
#ifndef MER_CLI_READING_H
#define MER_CLI_READING_H

#include "cli/command.h"

struct mer_cli_reading {
    char delimiter;
    bool header;
    bool no_header;
    const char *format;
    const char *table;
    const char *query;
    const char *schema;
    bool no_schema;
    const char *on_bad_row;
    const char *quarantine;
    const char *quarantine_recipient;
};

/* Rows for a command's options; its arguments struct has a member `reading`. */
#define MER_CLI_READING_OPTIONS(arguments)                                                         \
    {.name = "format",                                                                             \
     .type = MER_CLI_CHOICE,                                                                       \
     .at = offsetof(arguments, reading.format),                                                    \
     .metavar = "FORMAT",                                                                          \
     .choices = mer_table_format_name,                                                             \
     .help = "what the table is written in; found out from its contents otherwise"},               \
        {.name = "table",                                                                          \
         .type = MER_CLI_TEXT,                                                                     \
         .at = offsetof(arguments, reading.table),                                                 \
         .metavar = "NAME",                                                                        \
         .help = "which sheet of a workbook, or table or view of a database"},                     \
        {.name = "query",                                                                          \
         .type = MER_CLI_TEXT,                                                                     \
         .at = offsetof(arguments, reading.query),                                                 \
         .metavar = "SQL",                                                                         \
         .help = "one SELECT that makes the table, of a database"},                                \
        {.name = "on-bad-row",                                                                     \
         .type = MER_CLI_CHOICE,                                                                   \
         .at = offsetof(arguments, reading.on_bad_row),                                            \
         .metavar = "WHAT",                                                                        \
         .choices = mer_cli_choice_bad_row,                                                        \
         .help = "fail, skip or quarantine rows of CSV that do not fit; fail otherwise"},          \
        {.name = "quarantine",                                                                     \
         .type = MER_CLI_FILE,                                                                     \
         .at = offsetof(arguments, reading.quarantine),                                            \
         .metavar = "FILE",                                                                        \
         .help = "where bad rows are kept, for you alone; DATA.quarantine.csv here otherwise"},    \
        {.name = "quarantine-recipient",                                                           \
         .type = MER_CLI_FILE,                                                                     \
         .at = offsetof(arguments, reading.quarantine_recipient),                                  \
         .metavar = "R",                                                                           \
         .help = "seal that file to age1..., a key in the store, or a file with recipients"},      \
        {.name = "delimiter",                                                                      \
         .type = MER_CLI_CHARACTER,                                                                \
         .at = offsetof(arguments, reading.delimiter),                                             \
         .metavar = "CHAR",                                                                        \
         .help = "what separates the cells; found out otherwise"},                                 \
        {.name = "header",                                                                         \
         .type = MER_CLI_FLAG,                                                                     \
         .at = offsetof(arguments, reading.header),                                                \
         .help = "the first line holds the column names; found out otherwise"},                    \
    {                                                                                              \
        .name = "no-header", .type = MER_CLI_FLAG, .at = offsetof(arguments, reading.no_header),   \
        .help = "the first line is a row; columns are named column_1, column_2, ..."               \
    }

/* The same for a command that can be told what the table is to be. */
#define MER_CLI_SCHEMA_OPTION(arguments, text)                                                     \
    {                                                                                              \
        .name = "schema", .type = MER_CLI_FILE, .at = offsetof(arguments, reading.schema),         \
        .metavar = "FILE", .help = text                                                            \
    }

/* The same where the table is held to the schema beside it, unless the user says no. */
#define MER_CLI_NO_SCHEMA_OPTION(arguments)                                                        \
    {                                                                                              \
        .name = "no-schema", .type = MER_CLI_FLAG, .at = offsetof(arguments, reading.no_schema),   \
        .help = "do not look for NAME.schema.json beside the table"                                \
    }

/* Fills the fields that the options speak of. */
MER_MUST_CHECK mer_status mer_cli_reading_options(const struct mer_cli_reading *reading,
                                                  struct mer_table_options *ret_options,
                                                  mer_err *err);

/* Refuses an output that is one of the command's inputs: --force is for old outputs. `input` may be
 * NULL. */
MER_MUST_CHECK mer_status mer_cli_check_not_input(const char *out, const char *input, mer_err *err);

#endif
