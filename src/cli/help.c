/* --help and `merlon help`, from the command table and the registries. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/text.h"
#include "learn/family.h"
#include "metric/metric.h"
#include "os/terminal.h"

enum { NAME_COLUMN = 2, HELP_COLUMN = 26, COLUMNS_MIN = 60, COLUMNS_MAX = 100 };

unsigned mer_cli_help_columns(void)
{
    const unsigned columns = mer_terminal_columns(STDOUT_FILENO);
    if (columns < COLUMNS_MIN)
        return COLUMNS_MIN;
    return columns < COLUMNS_MAX ? columns : COLUMNS_MAX;
}

const char *mer_cli_meaning(enum mer_code code)
{
    static const char *const meanings[MER_CODE_COUNT] = {
        [MER_OK] = "done",
        [MER_ERR_USAGE] = "the command line is wrong",
        [MER_ERR_DATA] = "the input is not what it should be",
        [MER_ERR_NO_INPUT] = "an input is missing or unreadable",
        [MER_ERR_ABSENT] = "this machine lacks a needed facility",
        [MER_ERR_INTERNAL] = "a defect in merlon",
        [MER_ERR_EXISTS] = "an output exists (see --force) or cannot be made",
        [MER_ERR_IO] = "reading or writing failed, or standard output was closed",
        [MER_ERR_BUDGET] = "the budget of time or work ended before there was a result",
        [MER_ERR_MEMORY] = "memory or its budget is used up",
        [MER_ERR_TRUST] = "refused: unknown signer, broken signature, key readable by others",
        [MER_ERR_CANCELLED] = "stopped by SIGINT (143: SIGTERM)",
    };
    return (unsigned)code < MER_CODE_COUNT ? meanings[code] : "";
}

static size_t append(char *text, size_t size, size_t n, const char *format, ...) MER_PRINTF(4, 5);
static size_t append(char *text, size_t size, size_t n, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int written = vsnprintf(text + n, size - n, format, arguments);
    va_end(arguments);
    return written > 0 && (size_t)written < size - n ? n + (size_t)written : n;
}

void mer_cli_synopsis(const struct mer_cli_command *command, char *ret_text, size_t size)
{
    size_t n = append(ret_text, size, 0, "%s", command->name);
    for (size_t i = 0; i < command->n_positionals; i++) {
        const struct mer_cli_option *const positional = &command->positionals[i];
        n = append(ret_text, size, n, positional->required ? " %s" : " [%s]", positional->name);
    }
    for (size_t i = 0; i < command->n_options; i++) {
        const struct mer_cli_option *const option = &command->options[i];
        if (option->required)
            n = append(ret_text, size, n, " --%s %s", option->name, option->metavar);
    }
    (void)append(ret_text, size, n, " [options]");
}

static mer_status spaces(struct mer_buf *buf, unsigned n, mer_err *err)
{
    return mer_buf_printf(buf, err, "%*s", (int)n, "");
}

mer_status mer_cli_wrap(struct mer_buf *buf, const char *text, unsigned indent, unsigned at,
                        unsigned columns, mer_err *err)
{
    bool line_is_empty = true;
    while (*text) {
        const size_t n_word = strcspn(text, " \n");
        if (!line_is_empty && at + 1 + n_word > columns) {
            MER_GUARD(mer_buf_text(buf, "\n", err));
            at = 0;
            line_is_empty = true;
        }
        if (line_is_empty && at < indent) {
            MER_GUARD(spaces(buf, indent - at, err));
            at = indent;
        } else if (!line_is_empty) {
            MER_GUARD(mer_buf_text(buf, " ", err));
            at++;
        }
        MER_GUARD(mer_buf_append(buf, text, n_word, err));
        at += (unsigned)n_word;
        line_is_empty = false;
        text += n_word;
        if (*text == ' ') {
            text++;
        } else if (*text == '\n') {
            while (*text == '\n') {
                MER_GUARD(mer_buf_text(buf, "\n", err));
                text++;
            }
            at = 0;
            line_is_empty = true;
        }
    }
    return mer_buf_text(buf, "\n", err);
}

/* "  --name VALUE     what it does", wrapped. */
static mer_status entry(struct mer_buf *buf, const char *name, const char *help, unsigned columns,
                        mer_err *err)
{
    unsigned at = NAME_COLUMN + (unsigned)strlen(name);
    MER_GUARD(mer_buf_printf(buf, err, "%*s%s", NAME_COLUMN, "", name));
    if (at + 2 > HELP_COLUMN) {
        MER_GUARD(mer_buf_text(buf, "\n", err));
        at = 0;
    }
    return mer_cli_wrap(buf, help, HELP_COLUMN, at, columns, err);
}

static mer_status option_entries(struct mer_buf *buf, const struct mer_cli_option *options,
                                 size_t n_options, const char *dashes, unsigned columns,
                                 mer_err *err)
{
    for (size_t i = 0; i < n_options; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "%s%s%s%s", dashes, options[i].name,
                       options[i].metavar ? " " : "", options[i].metavar ? options[i].metavar : "");
        MER_GUARD(entry(buf, name, options[i].help, columns, err));
    }
    return mer_ok();
}

static mer_status exit_code_entries(struct mer_buf *buf, const struct mer_cli_command *command,
                                    unsigned columns, mer_err *err)
{
    const unsigned failures = command->failures;
    MER_GUARD(entry(buf, "0", mer_cli_meaning(MER_OK), columns, err));
    for (size_t i = 0; i < command->n_exits; i++) {
        char number[16];
        (void)snprintf(number, sizeof number, "%d", command->exits[i].code);
        MER_GUARD(entry(buf, number, command->exits[i].what, columns, err));
    }
    for (int code = MER_OK + 1; code < MER_CODE_COUNT; code++) {
        if (!(failures & MER_CLI_CAN_FAIL(code)))
            continue;
        char number[16];
        (void)snprintf(number, sizeof number, "%d", mer_code_exit((enum mer_code)code));
        MER_GUARD(entry(buf, number, mer_cli_meaning((enum mer_code)code), columns, err));
    }
    return mer_ok();
}

mer_status mer_cli_help_command(const struct mer_cli_command *command, unsigned columns,
                                struct mer_buf *buf, mer_err *err)
{
    char synopsis[400];
    mer_cli_synopsis(command, synopsis, sizeof synopsis);
    MER_GUARD(mer_buf_printf(buf, err, "merlon %s - %s\n\nUsage: merlon %s\n\n", command->name,
                             command->summary, synopsis));
    MER_GUARD(mer_cli_wrap(buf, command->description, 0, 0, columns, err));
    if (command->n_positionals) {
        MER_GUARD(mer_buf_text(buf, "\nArguments:\n", err));
        MER_GUARD(
            option_entries(buf, command->positionals, command->n_positionals, "", columns, err));
    }
    if (command->n_options) {
        MER_GUARD(mer_buf_text(buf, "\nOptions:\n", err));
        MER_GUARD(option_entries(buf, command->options, command->n_options, "--", columns, err));
    }
    MER_GUARD(mer_buf_text(buf, "\nCommon options:\n", err));
    MER_GUARD(
        option_entries(buf, MER_CLI_COMMON_OPTIONS, MER_CLI_N_COMMON_OPTIONS, "--", columns, err));
    if (command->n_examples)
        MER_GUARD(mer_buf_text(buf, "\nExamples:\n", err));
    for (size_t i = 0; i < command->n_examples; i++)
        MER_GUARD(mer_buf_printf(buf, err, "  %s\n      %s\n", command->examples[i].line,
                                 command->examples[i].what));
    MER_GUARD(mer_buf_text(buf, "\nExit codes:\n", err));
    return exit_code_entries(buf, command, columns, err);
}

mer_status mer_cli_help_overview(struct mer_buf *buf, mer_err *err)
{
    MER_GUARD(mer_buf_text(
        buf,
        "merlon - machine learning among people and machines that need not trust each other\n\n"
        "Usage: merlon COMMAND ...\n\nCommands:\n",
        err));
    for (size_t i = 0; i < MER_CLI_N_COMMANDS; i++)
        MER_GUARD(mer_buf_printf(buf, err, "  %-16s%s\n", MER_CLI_COMMANDS[i]->name,
                                 MER_CLI_COMMANDS[i]->summary));
    return mer_buf_text(buf,
                        "\nmerlon COMMAND --help     how to use a command\n"
                        "merlon help models        the model families and their parameters\n"
                        "merlon help metrics       what --metric can name\n"
                        "merlon --version          the version\n\n"
                        "Start: merlon fit DATA.csv --target COLUMN --out MODEL.safetensors\n",
                        err);
}

/* "whole number, 1 to 64, default 6", from a parameter's declaration. */
static void param_range(const struct mer_param_spec *spec, char *ret_text, size_t size)
{
    size_t n = 0;
    switch (spec->type) {
    case MER_PARAM_INTEGER:
        (void)append(ret_text, size, 0, "whole number, %.0f to %.0f, default %.0f", spec->minimum,
                     spec->maximum, spec->preset);
        return;
    case MER_PARAM_NUMBER:
        (void)append(ret_text, size, 0, "number, %g to %g, default %g", spec->minimum,
                     spec->maximum, spec->preset);
        return;
    case MER_PARAM_BOOLEAN:
        (void)append(ret_text, size, 0, "true or false, default %s",
                     spec->preset != 0 ? "true" : "false");
        return;
    case MER_PARAM_CHOICE:
        for (size_t i = 0; spec->choices[i]; i++)
            n = append(ret_text, size, n, "%s%s", i ? ", " : "one of ", spec->choices[i]);
        (void)append(ret_text, size, n, "; default %s", spec->choices[(size_t)spec->preset]);
        return;
    }
}

mer_status mer_cli_help_models(unsigned columns, struct mer_buf *buf, mer_err *err)
{
    MER_GUARD(mer_buf_text(buf,
                           "Model families, in the order in which fit tries them. "
                           "fit --model NAME fixes one,\n"
                           "--param NAME=VALUE sets its parameters.\n",
                           err));
    for (size_t i = 0; i < MER_N_FAMILIES; i++) {
        const struct mer_family *const family = MER_FAMILIES[i];
        MER_GUARD(mer_buf_printf(buf, err, "\n%s - %s\n", family->name, family->title));
        for (size_t k = 0; k < family->n_params; k++) {
            char range[200], help[600];
            param_range(&family->params[k], range, sizeof range);
            (void)snprintf(help, sizeof help, "%s (%s)", family->params[k].help, range);
            MER_GUARD(entry(buf, family->params[k].name, help, columns, err));
        }
    }
    return mer_ok();
}

mer_status mer_cli_help_metrics(struct mer_buf *buf, mer_err *err)
{
    MER_GUARD(mer_buf_text(buf, "Metrics, by scikit-learn's definitions:\n\n", err));
    for (size_t i = 0; i < MER_N_METRICS; i++) {
        const struct mer_metric *const metric = &MER_METRICS[i];
        const bool regression = metric->tasks & MER_METRIC_REGRESSION;
        const bool classification = metric->tasks & (MER_METRIC_BINARY | MER_METRIC_MULTICLASS);
        MER_GUARD(mer_buf_printf(
            buf, err, "  %-24s%s (%s%s%s, %s is better)\n", metric->name, metric->title,
            classification ? "classification" : "", regression && classification ? " and " : "",
            regression ? "regression" : "", metric->greater_is_better ? "greater" : "less"));
    }
    return mer_ok();
}
