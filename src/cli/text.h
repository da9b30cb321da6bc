/* Text for people and shells, made from the command table: help, man pages, completion. */
#ifndef MER_CLI_TEXT_H
#define MER_CLI_TEXT_H

#include "cli/command.h"
#include "core/buf.h"

/* How wide help is: the terminal's columns, from 60 to 100. */
unsigned mer_cli_help_columns(void);
/* `merlon help`: all commands. */
MER_MUST_CHECK mer_status mer_cli_help_overview(struct mer_buf *buf, mer_err *err);
/* `merlon COMMAND --help`. */
MER_MUST_CHECK mer_status mer_cli_help_command(const struct mer_cli_command *command,
                                               unsigned columns, struct mer_buf *buf, mer_err *err);
/* `merlon help models`: the families and their parameters, from the registry. */
MER_MUST_CHECK mer_status mer_cli_help_models(unsigned columns, struct mer_buf *buf, mer_err *err);
/* `merlon help metrics`. */
MER_MUST_CHECK mer_status mer_cli_help_metrics(struct mer_buf *buf, mer_err *err);
/* `merlon help --json`: the whole table as data. */
MER_MUST_CHECK mer_status mer_cli_help_json(struct mer_buf *buf, mer_err *err);

/* merlon(1), and merlon-fit(1), merlon-keys-new(1), ... in roff's man macros. */
MER_MUST_CHECK mer_status mer_cli_man_overview(struct mer_buf *buf, mer_err *err);
MER_MUST_CHECK mer_status mer_cli_man_command(const struct mer_cli_command *command,
                                              struct mer_buf *buf, mer_err *err);

/* A script for bash's `complete`. */
MER_MUST_CHECK mer_status mer_cli_completion_bash(struct mer_buf *buf, mer_err *err);

/* "fit DATA --target COL --out MODEL [options]", without the program's name. */
void mer_cli_synopsis(const struct mer_cli_command *command, char *ret_text, size_t size);
/* What a code means where it ends a command: "the data is not what it should be". */
const char *mer_cli_meaning(enum mer_code code);

/* Appends `text` in paragraphs filled to `columns`, each line behind `indent` spaces; the first
 * line begins where the caller stands, at column `at`. Ends with a newline. */
MER_MUST_CHECK mer_status mer_cli_wrap(struct mer_buf *buf, const char *text, unsigned indent,
                                       unsigned at, unsigned columns, mer_err *err);

#endif
