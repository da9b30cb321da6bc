/* merlon help and merlon completion: what the command table says, for people, man and the shell. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/session.h"
#include "cli/text.h"
#include "os/file.h"
#include "os/terminal.h"

struct help_arguments {
    const char *topic;
    const char *subtopic;
    const char *man;
};

static mer_status write_page(const char *folder, const char *name, const struct mer_buf *page,
                             mer_err *err)
{
    char path[4096];
    const int n = snprintf(path, sizeof path, "%s/%s.1", folder, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return mer_fail(err, MER_ERR_EXISTS, "the path of the man page %s is too long", name);
    for (char *c = path + strlen(folder); *c; c++)
        *c = *c == ' ' ? '-' : *c;
    struct mer_output output;
    MER_GUARD(mer_output_open(&output, path, true, 0644, err));
    mer_status status = mer_output_write(&output, page->bytes, page->n, err);
    if (mer_is_ok(status))
        status = mer_output_publish(&output, err);
    mer_output_release(&output);
    return status;
}

static mer_status write_pages(const char *folder, struct mer_buf *page, mer_err *err)
{
    MER_GUARD(mer_cli_man_overview(page, err));
    MER_GUARD(write_page(folder, "merlon", page, err));
    for (size_t i = 0; i < MER_CLI_N_COMMANDS; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "merlon-%s", MER_CLI_COMMANDS[i]->name);
        mer_buf_clear(page);
        MER_GUARD(mer_cli_man_command(MER_CLI_COMMANDS[i], page, err));
        MER_GUARD(write_page(folder, name, page, err));
    }
    mer_buf_clear(page);
    return mer_ok();
}

static mer_status topic(const struct help_arguments *arguments, struct mer_buf *buf, mer_err *err)
{
    const unsigned columns = mer_cli_help_columns();
    if (!arguments->topic)
        return mer_cli_help_overview(buf, err);
    if (strcmp(arguments->topic, "models") == 0)
        return mer_cli_help_models(columns, buf, err);
    if (strcmp(arguments->topic, "metrics") == 0)
        return mer_cli_help_metrics(buf, err);
    char *words[2] = {(char *)(uintptr_t)arguments->topic, (char *)(uintptr_t)arguments->subtopic};
    const struct mer_cli_command *command;
    int n_words;
    MER_GUARD(mer_cli_find(arguments->subtopic ? 2 : 1, words, &command, &n_words, err));
    return mer_cli_help_command(command, columns, buf, err);
}

static mer_status run_help(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct help_arguments *const arguments = words;
    struct mer_alloc alloc;
    struct mer_buf buf;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_buf_init(&buf, &alloc, SIZE_MAX);
    mer_status status;
    if (arguments->man)
        status = write_pages(arguments->man, &buf, err);
    else if (cli->common.json)
        status = mer_cli_help_json(&buf, err);
    else
        status = topic(arguments, &buf, err);
    if (mer_is_ok(status) && buf.n)
        mer_cli_emit(cli, buf.bytes, buf.n);
    mer_buf_release(&buf);
    return status;
}

static const struct mer_cli_option HELP_POSITIONALS[] = {
    {.name = "TOPIC",
     .type = MER_CLI_TEXT,
     .at = offsetof(struct help_arguments, topic),
     .help = "a command, or models, or metrics"},
    {.name = "COMMAND",
     .type = MER_CLI_TEXT,
     .at = offsetof(struct help_arguments, subtopic),
     .help = "the command's second word, as in keys new"},
};

static const struct mer_cli_option HELP_OPTIONS[] = {
    {.name = "man",
     .type = MER_CLI_FOLDER,
     .at = offsetof(struct help_arguments, man),
     .metavar = "FOLDER",
     .help = "write the man pages merlon.1, merlon-fit.1, ... into a folder"},
};

static const struct mer_cli_example HELP_EXAMPLES[] = {
    {"merlon help fit", "the same as merlon fit --help"},
    {"merlon help models", "the families that fit --model can name, with their parameters"},
    {"merlon help --json", "the whole command line as data"},
};

const struct mer_cli_command MER_CLI_HELP = {
    .name = "help",
    .summary = "explain a command, the models or the metrics",
    .description = "Shows how to use a command. Help, man pages, completion and parser come from "
                   "one table; --json prints that table.",
    .positionals = HELP_POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(HELP_POSITIONALS),
    .options = HELP_OPTIONS,
    .n_options = MER_CLI_COUNT_OF(HELP_OPTIONS),
    .examples = HELP_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(HELP_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_EXISTS),
    .arguments_size = sizeof(struct help_arguments),
    .run = run_help,
};

struct completion_arguments {
    const char *shell;
};

static mer_status run_completion(struct mer_cli *cli, const void *words, mer_err *err)
{
    (void)words; /* there is one shell to choose from */
    struct mer_alloc alloc;
    struct mer_buf buf;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_buf_init(&buf, &alloc, SIZE_MAX);
    const mer_status status = mer_cli_completion_bash(&buf, err);
    if (mer_is_ok(status))
        mer_cli_emit(cli, buf.bytes, buf.n);
    mer_buf_release(&buf);
    return status;
}

static const struct mer_cli_option COMPLETION_POSITIONALS[] = {
    {.name = "SHELL",
     .type = MER_CLI_CHOICE,
     .at = offsetof(struct completion_arguments, shell),
     .choices = mer_cli_choice_shell,
     .help = "bash",
     .required = true},
};

static const struct mer_cli_example COMPLETION_EXAMPLES[] = {
    {"source <(merlon completion bash)", "completes commands, options and choices in this shell"},
};

const struct mer_cli_command MER_CLI_COMPLETION = {
    .name = "completion",
    .summary = "print a completion script for a shell",
    .description = "Prints a script that teaches the shell to complete commands, options and their "
                   "values.",
    .positionals = COMPLETION_POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(COMPLETION_POSITIONALS),
    .examples = COMPLETION_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(COMPLETION_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE,
    .arguments_size = sizeof(struct completion_arguments),
    .run = run_completion,
};
