/* Man pages in roff's man macros, from the command table. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/text.h"

/* Text as roff shows it: dashes as ASCII dashes, backslashes escaped, no line that begins with a
 * control character. */
static mer_status roff(struct mer_buf *buf, const char *text, mer_err *err)
{
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            MER_GUARD(mer_buf_text(buf, "\\&", err));
        if (*text == '\\')
            MER_GUARD(mer_buf_text(buf, "\\e", err));
        else if (*text == '-')
            MER_GUARD(mer_buf_text(buf, "\\-", err));
        else
            MER_GUARD(mer_buf_append(buf, text, 1, err));
        line_start = *text == '\n';
    }
    return mer_ok();
}

/* A paragraph macro, then text on lines of its own; an empty line in it becomes a new paragraph. */
static mer_status paragraphs(struct mer_buf *buf, const char *text, mer_err *err)
{
    for (const char *gap; (gap = strstr(text, "\n\n")) != NULL; text = gap + 2) {
        char paragraph[2000];
        (void)snprintf(paragraph, sizeof paragraph, "%.*s", (int)(gap - text), text);
        MER_GUARD(roff(buf, paragraph, err));
        MER_GUARD(mer_buf_text(buf, "\n.PP\n", err));
    }
    MER_GUARD(roff(buf, text, err));
    return mer_buf_text(buf, "\n", err);
}

static mer_status title(struct mer_buf *buf, const char *name, const char *summary, mer_err *err)
{
    char upper[64];
    size_t n = 0;
    for (; name[n] && n < sizeof upper - 1; n++)
        upper[n] = (char)(name[n] == ' ' ? '-' : toupper((unsigned char)name[n]));
    upper[n] = '\0';
    MER_GUARD(mer_buf_text(buf, ".TH \"", err));
    MER_GUARD(roff(buf, upper, err));
    MER_GUARD(mer_buf_printf(buf, err, "\" \"1\" \"\" \"Merlon %s\" \"Merlon\"\n.SH NAME\n",
                             mer_version()));
    for (char *c = upper; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    MER_GUARD(roff(buf, upper, err));
    MER_GUARD(mer_buf_text(buf, " \\- ", err));
    MER_GUARD(roff(buf, summary, err));
    return mer_buf_text(buf, "\n", err);
}

static mer_status option_entries(struct mer_buf *buf, const struct mer_cli_option *options,
                                 size_t n_options, const char *dashes, mer_err *err)
{
    for (size_t i = 0; i < n_options; i++) {
        MER_GUARD(mer_buf_text(buf, ".TP\n\\fB", err));
        MER_GUARD(roff(buf, dashes, err));
        MER_GUARD(roff(buf, options[i].name, err));
        MER_GUARD(mer_buf_text(buf, "\\fR", err));
        if (options[i].metavar)
            MER_GUARD(mer_buf_printf(buf, err, " \\fI%s\\fR", options[i].metavar));
        MER_GUARD(mer_buf_text(buf, "\n", err));
        MER_GUARD(roff(buf, options[i].help, err));
        MER_GUARD(mer_buf_text(buf, "\n", err));
    }
    return mer_ok();
}

/* What a command tells by its exit code although nothing failed. */
static mer_status own_exits(struct mer_buf *buf, const struct mer_cli_command *command,
                            mer_err *err)
{
    for (size_t i = 0; command && i < command->n_exits; i++) {
        MER_GUARD(mer_buf_printf(buf, err, ".TP\n\\fB%d\\fR\n", command->exits[i].code));
        MER_GUARD(roff(buf, command->exits[i].what, err));
        MER_GUARD(mer_buf_text(buf, "\n", err));
    }
    return mer_ok();
}

/* Of one command, or of all (NULL). */
static mer_status exit_status(struct mer_buf *buf, const struct mer_cli_command *command,
                              unsigned failures, mer_err *err)
{
    MER_GUARD(mer_buf_text(buf, ".SH EXIT STATUS\n", err));
    for (int code = MER_OK; code < MER_CODE_COUNT; code++) {
        if (code != MER_OK && !(failures & MER_CLI_CAN_FAIL(code)))
            continue;
        MER_GUARD(
            mer_buf_printf(buf, err, ".TP\n\\fB%d\\fR\n", mer_code_exit((enum mer_code)code)));
        MER_GUARD(roff(buf, mer_cli_meaning((enum mer_code)code), err));
        MER_GUARD(mer_buf_text(buf, "\n", err));
        if (code == MER_OK)
            MER_GUARD(own_exits(buf, command, err));
    }
    return mer_ok();
}

mer_status mer_cli_man_command(const struct mer_cli_command *command, struct mer_buf *buf,
                               mer_err *err)
{
    char name[80], synopsis[400];
    (void)snprintf(name, sizeof name, "merlon %s", command->name);
    mer_cli_synopsis(command, synopsis, sizeof synopsis);
    MER_GUARD(title(buf, name, command->summary, err));
    MER_GUARD(mer_buf_text(buf, ".SH SYNOPSIS\n\\fBmerlon\\fR ", err));
    MER_GUARD(roff(buf, synopsis, err));
    MER_GUARD(mer_buf_text(buf, "\n.SH DESCRIPTION\n", err));
    MER_GUARD(paragraphs(buf, command->description, err));
    if (command->n_positionals) {
        MER_GUARD(mer_buf_text(buf, ".SH ARGUMENTS\n", err));
        MER_GUARD(option_entries(buf, command->positionals, command->n_positionals, "", err));
    }
    if (command->n_options) {
        MER_GUARD(mer_buf_text(buf, ".SH OPTIONS\n", err));
        MER_GUARD(option_entries(buf, command->options, command->n_options, "--", err));
    }
    MER_GUARD(mer_buf_text(buf, ".SH COMMON OPTIONS\n", err));
    MER_GUARD(option_entries(buf, MER_CLI_COMMON_OPTIONS, MER_CLI_N_COMMON_OPTIONS, "--", err));
    if (command->n_examples)
        MER_GUARD(mer_buf_text(buf, ".SH EXAMPLES\n", err));
    for (size_t i = 0; i < command->n_examples; i++) {
        MER_GUARD(mer_buf_text(buf, ".TP\n\\fB", err));
        MER_GUARD(roff(buf, command->examples[i].line, err));
        MER_GUARD(mer_buf_text(buf, "\\fR\n", err));
        MER_GUARD(roff(buf, command->examples[i].what, err));
        MER_GUARD(mer_buf_text(buf, "\n", err));
    }
    MER_GUARD(exit_status(buf, command, command->failures, err));
    return mer_buf_text(buf, ".SH SEE ALSO\n\\fBmerlon\\fR(1)\n", err);
}

/* What holds for every command. */
static const char ENVIRONMENT[] =
    ".SH ENVIRONMENT\n"
    ".TP\n\\fBXDG_CONFIG_HOME\\fR, \\fBHOME\\fR\n"
    "keys lie in $XDG_CONFIG_HOME/merlon, or ~/.config/merlon\n"
    ".TP\n\\fBXDG_STATE_HOME\\fR, \\fBHOME\\fR\n"
    "journals of fits lie in $XDG_STATE_HOME/merlon/runs, or ~/.local/state/merlon/runs\n"
    ".TP\n\\fBTMPDIR\\fR, \\fBTEMP\\fR, \\fBTMP\\fR\n"
    "where unnamed temporary files go, unless \\-\\-scratch says otherwise\n"
    ".TP\n\\fBNO_COLOR\\fR\n"
    "when not empty, no colours\n";

static const char FILES[] =
    ".SH FILES\n"
    ".TP\n\\fIMODEL\\fR.safetensors\n"
    "a model: arrays and JSON, nothing that could run\n"
    ".TP\n\\fIMODEL\\fR.safetensors.sig\n"
    "its signature, a bundle by OpenSSF Model Signing v1.0\n"
    ".TP\n\\fIMODEL\\fR.safetensors.provenance.json\n"
    "how it came to be: digests of data and schema, settings, seed, versions, times; signed too\n";

mer_status mer_cli_man_overview(struct mer_buf *buf, mer_err *err)
{
    unsigned failures = 0;
    MER_GUARD(title(buf, "merlon",
                    "machine learning among people and machines that need not trust each other",
                    err));
    MER_GUARD(mer_buf_text(buf,
                           ".SH SYNOPSIS\n\\fBmerlon\\fR \\fICOMMAND\\fR ...\n.SH DESCRIPTION\n"
                           "Fits models to tables, signs them, and verifies them before their "
                           "first byte is parsed.\n.SH COMMANDS\n",
                           err));
    for (size_t i = 0; i < MER_CLI_N_COMMANDS; i++) {
        const struct mer_cli_command *const command = MER_CLI_COMMANDS[i];
        char synopsis[400];
        mer_cli_synopsis(command, synopsis, sizeof synopsis);
        MER_GUARD(mer_buf_text(buf, ".TP\n\\fB", err));
        MER_GUARD(roff(buf, synopsis, err));
        MER_GUARD(mer_buf_text(buf, "\\fR\n", err));
        MER_GUARD(roff(buf, command->summary, err));
        MER_GUARD(mer_buf_text(buf, "\n", err));
        failures |= command->failures;
    }
    MER_GUARD(mer_buf_text(buf, ".SH COMMON OPTIONS\n", err));
    MER_GUARD(option_entries(buf, MER_CLI_COMMON_OPTIONS, MER_CLI_N_COMMON_OPTIONS, "--", err));
    MER_GUARD(mer_buf_text(buf, ENVIRONMENT, err));
    MER_GUARD(mer_buf_text(buf, FILES, err));
    MER_GUARD(exit_status(buf, NULL, failures, err));
    MER_GUARD(mer_buf_text(buf, ".SH SEE ALSO\n", err));
    for (size_t i = 0; i < MER_CLI_N_COMMANDS; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "merlon-%s", MER_CLI_COMMANDS[i]->name);
        for (char *c = name; *c; c++)
            *c = *c == ' ' ? '-' : *c;
        MER_GUARD(mer_buf_text(buf, "\\fB", err));
        MER_GUARD(roff(buf, name, err));
        MER_GUARD(mer_buf_printf(buf, err, "\\fR(1)%s\n", i + 1 < MER_CLI_N_COMMANDS ? "," : ""));
    }
    return mer_ok();
}
