/* The table of commands, and the options that all of them share. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "core/nearest.h"

const struct mer_cli_command *const MER_CLI_COMMANDS[] = {
    &MER_CLI_FIT,         &MER_CLI_PREDICT,      &MER_CLI_SCORE,        &MER_CLI_INSPECT,
    &MER_CLI_LEADERBOARD, &MER_CLI_AUDIT,        &MER_CLI_VERIFY,       &MER_CLI_SIGN,
    &MER_CLI_SEAL,        &MER_CLI_OPEN,         &MER_CLI_KEYS_NEW,     &MER_CLI_KEYS_LIST,
    &MER_CLI_KEYS_SHOW,   &MER_CLI_KEYS_TRUST,   &MER_CLI_KEYS_REVOKE,  &MER_CLI_KEYS_DESTROY,
    &MER_CLI_NAMES,       &MER_CLI_SCHEMA_INFER, &MER_CLI_SCHEMA_CHECK, &MER_CLI_DESCRIBE,
    &MER_CLI_CONVERT,     &MER_CLI_DOCTOR,       &MER_CLI_COMPLETION,   &MER_CLI_HELP,
    &MER_CLI_RUNS_LIST,   &MER_CLI_RUNS_SHOW,    &MER_CLI_RUNS_DIFF,    &MER_CLI_RUNS_FORGET,
};
const size_t MER_CLI_N_COMMANDS = MER_CLI_COUNT_OF(MER_CLI_COMMANDS);

#define AT(member) offsetof(struct mer_cli_common, member)

const struct mer_cli_option MER_CLI_COMMON_OPTIONS[] = {
    {.name = "json",
     .type = MER_CLI_FLAG,
     .at = AT(json),
     .help = "print one JSON document on standard output, errors too"},
    {.name = "quiet",
     .type = MER_CLI_FLAG,
     .at = AT(quiet),
     .help = "print results and errors only"},
    {.name = "verbose",
     .type = MER_CLI_COUNT,
     .at = AT(verbose),
     .help = "log what is done on standard error; twice: every detail"},
    {.name = "log-file",
     .type = MER_CLI_FILE,
     .at = AT(log_file),
     .metavar = "FILE",
     .help = "write the log to a new file too, mode 0400 once the program ends"},
    {.name = "log-format",
     .type = MER_CLI_CHOICE,
     .at = AT(log_format),
     .metavar = "FORMAT",
     .choices = mer_cli_choice_log_format,
     .help = "text or json, one line an event"},
    {.name = "log-data",
     .type = MER_CLI_FLAG,
     .at = AT(log_data),
     .help = "let record values into the log instead of \xe2\x80\xb9redacted\xe2\x80\xba; the log "
             "says so"},
    {.name = "scratch",
     .type = MER_CLI_FOLDER,
     .at = AT(scratch),
     .metavar = "FOLDER",
     .help = "where unnamed temporary files go; TMPDIR, TEMP, TMP or /tmp otherwise"},
    {.name = "cpu",
     .type = MER_CLI_CHOICE,
     .at = AT(cpu),
     .metavar = "LEVEL",
     .choices = mer_cli_choice_cpu,
     .help = "use at most plain, avx2 or avx512 instructions; results are the same"},
    {.name = "require-cell",
     .type = MER_CLI_CHOICE,
     .at = AT(require_cell),
     .metavar = "LEVEL",
     .choices = mer_cli_choice_cell,
     .help = "full: parse nothing where the kernel lacks Landlock or namespaces (doctor tells)"},
    {.name = "user",
     .type = MER_CLI_TEXT,
     .at = AT(user),
     .metavar = "NAME",
     .help = "started by root: become this user for good before anything is read"},
    {.name = "no-color",
     .type = MER_CLI_FLAG,
     .at = AT(no_color),
     .help = "no colours, as with NO_COLOR in the environment"},
    {.name = "help", .type = MER_CLI_FLAG, .at = AT(help), .help = "show this help"},
};
const size_t MER_CLI_N_COMMON_OPTIONS = MER_CLI_COUNT_OF(MER_CLI_COMMON_OPTIONS);

/* The number of words of `name` that argv begins with when all of them are there, else 0. */
static int words_matched(const char *name, int argc, char *const *argv)
{
    int n = 0;
    for (const char *word = name; word; n++) {
        const char *const space = strchr(word, ' ');
        const size_t n_word = space ? (size_t)(space - word) : strlen(word);
        if (n == argc || strlen(argv[n]) != n_word || memcmp(argv[n], word, n_word) != 0)
            return 0;
        word = space ? space + 1 : NULL;
    }
    return n;
}

/* The part of a command's name that stands behind its group's ("new" of "keys new"), or NULL. */
static const char *name_in_group(const struct mer_cli_command *command, const char *group)
{
    const size_t n = strlen(group);
    return strncmp(command->name, group, n) == 0 && command->name[n] == ' ' ? command->name + n + 1
                                                                            : NULL;
}

/* "new, list, show" of a group; empty when there is no such group. */
static void list_group(const char *group, char *ret_list, size_t size)
{
    size_t n_list = 0;
    ret_list[0] = '\0';
    for (size_t i = 0; i < MER_CLI_N_COMMANDS; i++) {
        const char *const name = name_in_group(MER_CLI_COMMANDS[i], group);
        if (!name)
            continue;
        const int n = snprintf(ret_list + n_list, size - n_list, "%s%s", n_list ? ", " : "", name);
        if (n > 0 && (size_t)n < size - n_list)
            n_list += (size_t)n;
    }
}

static mer_status unknown_in_group(const char *group, const char *list, int argc, char *const *argv,
                                   mer_err *err)
{
    if (argc < 2)
        return mer_hint(err, mer_fail(err, MER_ERR_USAGE, "%s needs a command behind it", group),
                        "there are: %s", list);
    struct mer_nearest nearest;
    mer_nearest_init(&nearest, argv[1], strlen(argv[1]));
    for (size_t i = 0; i < MER_CLI_N_COMMANDS; i++) {
        const char *const name = name_in_group(MER_CLI_COMMANDS[i], group);
        if (name)
            mer_nearest_offer(&nearest, name, strlen(name));
    }
    const mer_status status =
        mer_fail(err, MER_ERR_USAGE, "%s has no command %s", group, mer_quote(argv[1]).text);
    if (nearest.name)
        return mer_hint(err, status, "did you mean merlon %s %s?", group, nearest.name);
    return mer_hint(err, status, "there are: %s", list);
}

mer_status mer_cli_find(int argc, char *const *argv, const struct mer_cli_command **ret_command,
                        int *ret_n_words, mer_err *err)
{
    for (size_t i = 0; i < MER_CLI_N_COMMANDS; i++) {
        const int n_words = words_matched(MER_CLI_COMMANDS[i]->name, argc, argv);
        if (n_words > 0) {
            *ret_command = MER_CLI_COMMANDS[i];
            *ret_n_words = n_words;
            return mer_ok();
        }
    }
    char list[MER_ERR_TEXT_MAX / 2];
    list_group(argv[0], list, sizeof list);
    if (list[0])
        return unknown_in_group(argv[0], list, argc, argv, err);

    struct mer_nearest nearest;
    mer_nearest_init(&nearest, argv[0], strlen(argv[0]));
    for (size_t i = 0; i < MER_CLI_N_COMMANDS; i++) {
        const char *const name = MER_CLI_COMMANDS[i]->name;
        mer_nearest_offer(&nearest, name, strcspn(name, " "));
    }
    const mer_status status =
        argv[0][0] == '-'
            ? mer_fail(err, MER_ERR_USAGE, "the option %s stands before a command",
                       mer_quote(argv[0]).text)
            : mer_fail(err, MER_ERR_USAGE, "there is no command %s", mer_quote(argv[0]).text);
    if (nearest.name)
        return mer_hint(err, status, "did you mean merlon %.*s?", (int)strcspn(nearest.name, " "),
                        nearest.name);
    return mer_hint(err, status, "merlon help lists the commands");
}
