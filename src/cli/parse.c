/* Reads the words of a command line into the fields that a command's rows name. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "core/nearest.h"
#include "core/number.h"

static void *field(void *arguments, const struct mer_cli_option *option)
{
    return (char *)arguments + option->at;
}

static bool takes_value(const struct mer_cli_option *option)
{
    return option->type != MER_CLI_FLAG && option->type != MER_CLI_COUNT;
}

/* What an option or argument is called in messages. */
struct called {
    char text[64];
};

static struct called called(const struct mer_cli_option *option, bool positional)
{
    struct called called;
    (void)snprintf(called.text, sizeof called.text, "%s%s", positional ? "" : "--", option->name);
    return called;
}

/* A number with an optional unit behind it: the number goes to *ret_value, the unit's factor comes
 * from the table. False when there is no such number or unit, or it is negative or not finite. */
struct unit {
    const char *name;
    double factor;
};

static bool parse_with_unit(const char *text, const struct unit *units, size_t n_units,
                            double *ret_value)
{
    size_t n_number = strlen(text);
    while (n_number > 0 && (text[n_number - 1] < '0' || text[n_number - 1] > '9'))
        n_number--;
    double value;
    if (!mer_number_parse(text, n_number, false, &value) || !(value >= 0))
        return false;
    for (size_t i = 0; i < n_units; i++) {
        if (strcmp(text + n_number, units[i].name) != 0)
            continue;
        const double product = value * units[i].factor;
        if (!(product <= 9e18))
            return false;
        *ret_value = product;
        return true;
    }
    return false;
}

static mer_status parse_duration(const char *text, const char *name, double *ret_seconds,
                                 mer_err *err)
{
    static const struct unit units[] = {{"", 1},   {"s", 1},    {"ms", 1e-3},
                                        {"m", 60}, {"h", 3600}, {"d", 86400}};
    double seconds;
    if (!parse_with_unit(text, units, MER_CLI_COUNT_OF(units), &seconds) || !(seconds > 0))
        return mer_hint(
            err,
            mer_fail(err, MER_ERR_USAGE, "%s is not a duration: %s", name, mer_quote(text).text),
            "write it as 500ms, 20s, 5m or 1h");
    *ret_seconds = seconds;
    return mer_ok();
}

static mer_status parse_bytes(const char *text, const char *name, uint64_t *ret_bytes, mer_err *err)
{
    static const struct unit units[] = {
        {"", 1}, {"K", 0x1p10}, {"M", 0x1p20}, {"G", 0x1p30}, {"T", 0x1p40}};
    double bytes;
    if (!parse_with_unit(text, units, MER_CLI_COUNT_OF(units), &bytes) || !(bytes >= 1))
        return mer_hint(
            err, mer_fail(err, MER_ERR_USAGE, "%s is not a size: %s", name, mer_quote(text).text),
            "write it as 512M or 4G");
    *ret_bytes = (uint64_t)bytes;
    return mer_ok();
}

/* Decimal digits only, over the whole 64-bit range. */
static bool parse_unsigned(const char *text, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (*text == '\0')
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return false;
    }
    *ret_value = value;
    return true;
}

static mer_status parse_integer(const char *text, const char *name,
                                const struct mer_cli_option *option, uint64_t *ret_value,
                                mer_err *err)
{
    uint64_t value;
    if (!parse_unsigned(text, &value) || value < option->minimum || value > option->maximum)
        return mer_fail(err, MER_ERR_USAGE, "%s wants a whole number from %llu to %llu, not %s",
                        name, (unsigned long long)option->minimum,
                        (unsigned long long)option->maximum, mer_quote(text).text);
    *ret_value = value;
    return mer_ok();
}

static mer_status parse_choice(const char *text, const char *name,
                               const struct mer_cli_option *option, const char **ret_choice,
                               mer_err *err)
{
    struct mer_nearest nearest;
    mer_nearest_init(&nearest, text, strlen(text));
    char list[MER_ERR_TEXT_MAX / 2] = "";
    size_t n_list = 0;
    const char *choice;
    for (size_t i = 0; (choice = option->choices(i)) != NULL; i++) {
        if (strcmp(choice, text) == 0) {
            *ret_choice = choice;
            return mer_ok();
        }
        mer_nearest_offer(&nearest, choice, strlen(choice));
        const int n = snprintf(list + n_list, sizeof list - n_list, "%s%s", i ? ", " : "", choice);
        if (n > 0 && (size_t)n < sizeof list - n_list)
            n_list += (size_t)n;
    }
    const mer_status status =
        mer_fail(err, MER_ERR_USAGE, "%s has no choice %s", name, mer_quote(text).text);
    if (nearest.name)
        return mer_hint(err, status, "did you mean %s? There are: %s", nearest.name, list);
    return mer_hint(err, status, "there are: %s", list);
}

static mer_status parse_setting(char *text, const char *name, struct mer_cli_settings *settings,
                                mer_err *err)
{
    char *const equals = strchr(text, '=');
    if (!equals || equals == text || equals[1] == '\0')
        return mer_fail(err, MER_ERR_USAGE, "%s wants name=value, not %s", name,
                        mer_quote(text).text);
    if (settings->n == MER_CLI_SETTINGS_MAX)
        return mer_fail(err, MER_ERR_USAGE, "%s is given more than %d times", name,
                        MER_CLI_SETTINGS_MAX);
    *equals = '\0';
    for (size_t i = 0; i < settings->n; i++) {
        if (strcmp(settings->items[i].name, text) == 0)
            return mer_fail(err, MER_ERR_USAGE, "%s gives %s twice", name, mer_quote(text).text);
    }
    settings->items[settings->n++] = (struct mer_setting){text, equals + 1};
    return mer_ok();
}

static mer_status parse_path(const char *text, const char *name, struct mer_cli_paths *paths,
                             mer_err *err)
{
    if (paths->n == MER_CLI_PATHS_MAX)
        return mer_fail(err, MER_ERR_USAGE, "%s is given more than %d times", name,
                        MER_CLI_PATHS_MAX);
    paths->items[paths->n++] = text;
    return mer_ok();
}

static mer_status parse_character(const char *text, const char *name, char *ret_character,
                                  mer_err *err)
{
    const bool tab = strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0;
    const char character = tab ? '\t' : text[0];
    const bool printable = character > ' ' && character < 0x7f;
    if (!tab && (text[0] == '\0' || text[1] != '\0' ||
                 !(printable || character == ' ' || character == '\t')))
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE, "%s wants one ASCII character, not %s", name,
                                 mer_quote(text).text),
                        "for example ';' or the word tab");
    *ret_character = character;
    return mer_ok();
}

static mer_status store(const struct mer_cli_option *option, bool positional, char *text,
                        void *arguments, mer_err *err)
{
    void *const at = field(arguments, option);
    const struct called full_name = called(option, positional);
    const char *const name = full_name.text;
    struct mer_cli_seed *const seed = at;
    if (text && *text == '\0')
        return mer_fail(err, MER_ERR_USAGE, "%s is empty", name);
    switch (option->type) {
    case MER_CLI_FLAG:
        *(bool *)at = true;
        return mer_ok();
    case MER_CLI_COUNT:
        ++*(unsigned *)at;
        return mer_ok();
    case MER_CLI_TEXT:
    case MER_CLI_FILE:
    case MER_CLI_FOLDER:
        *(const char **)at = text;
        return mer_ok();
    case MER_CLI_CHOICE:
        return parse_choice(text, name, option, at, err);
    case MER_CLI_INTEGER:
        return parse_integer(text, name, option, at, err);
    case MER_CLI_SEED:
        if (!parse_unsigned(text, &seed->value))
            return mer_fail(err, MER_ERR_USAGE, "%s wants a whole number below 2^64, not %s", name,
                            mer_quote(text).text);
        seed->given = true;
        return mer_ok();
    case MER_CLI_DURATION:
        return parse_duration(text, name, at, err);
    case MER_CLI_BYTES:
        return parse_bytes(text, name, at, err);
    case MER_CLI_CHARACTER:
        return parse_character(text, name, at, err);
    case MER_CLI_SETTING:
        return parse_setting(text, name, at, err);
    case MER_CLI_PATHS:
        return parse_path(text, name, at, err);
    }
    return mer_fail(err, MER_ERR_INTERNAL, "%s has an unknown type", name);
}

/* Where a command line stands while it is read. */
struct reading {
    const struct mer_cli_command *command;
    struct mer_cli_common *common;
    void *arguments;
    bool seen[MER_CLI_OPTIONS_MAX]; /* the command's options, then the common ones */
    size_t n_positionals;
};

static const struct mer_cli_option *find_option(const struct mer_cli_option *options, size_t n,
                                                const char *name, size_t n_name)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(options[i].name) == n_name && memcmp(options[i].name, name, n_name) == 0)
            return &options[i];
    }
    return NULL;
}

static mer_status unknown_option(const struct mer_cli_command *command, const char *name,
                                 size_t n_name, mer_err *err)
{
    struct mer_nearest nearest;
    mer_nearest_init(&nearest, name, n_name);
    for (size_t i = 0; i < command->n_options; i++)
        mer_nearest_offer(&nearest, command->options[i].name, strlen(command->options[i].name));
    for (size_t i = 0; i < MER_CLI_N_COMMON_OPTIONS; i++)
        mer_nearest_offer(&nearest, MER_CLI_COMMON_OPTIONS[i].name,
                          strlen(MER_CLI_COMMON_OPTIONS[i].name));
    const mer_status status = mer_fail(err, MER_ERR_USAGE, "%s has no option %s", command->name,
                                       mer_quote_n(name - 2, n_name + 2).text);
    if (nearest.name)
        return mer_hint(err, status, "did you mean --%s?", nearest.name);
    return mer_hint(err, status, "merlon %s --help lists its options", command->name);
}

/* One option word, with the word behind it when it needs it; *i is the word read last. */
static mer_status read_option(struct reading *reading, int argc, char **argv, int *i, mer_err *err)
{
    const struct mer_cli_command *const command = reading->command;
    char *const name = argv[*i] + 2;
    char *const equals = strchr(name, '=');
    const size_t n_name = equals ? (size_t)(equals - name) : strlen(name);
    void *base = reading->arguments;
    const struct mer_cli_option *option =
        find_option(command->options, command->n_options, name, n_name);
    size_t place = option ? (size_t)(option - command->options) : 0;
    if (!option) {
        base = reading->common;
        option = find_option(MER_CLI_COMMON_OPTIONS, MER_CLI_N_COMMON_OPTIONS, name, n_name);
        if (!option)
            return unknown_option(command, name, n_name, err);
        place = command->n_options + (size_t)(option - MER_CLI_COMMON_OPTIONS);
    }
    if (reading->seen[place] && option->type != MER_CLI_COUNT && option->type != MER_CLI_SETTING &&
        option->type != MER_CLI_PATHS)
        return mer_fail(err, MER_ERR_USAGE, "--%s is given twice", option->name);
    reading->seen[place] = true;

    if (!takes_value(option)) {
        if (equals)
            return mer_fail(err, MER_ERR_USAGE, "--%s takes no value", option->name);
        return store(option, false, NULL, base, err);
    }
    if (equals)
        return store(option, false, equals + 1, base, err);
    if (*i + 1 == argc || strncmp(argv[*i + 1], "--", 2) == 0)
        return mer_hint(err, mer_fail(err, MER_ERR_USAGE, "--%s needs a value", option->name),
                        "write --%s %s; a value that begins with two dashes as --%s=VALUE",
                        option->name, option->metavar, option->name);
    ++*i;
    return store(option, false, argv[*i], base, err);
}

static mer_status read_positional(struct reading *reading, char *text, mer_err *err)
{
    const struct mer_cli_command *const command = reading->command;
    if (reading->n_positionals == command->n_positionals)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE, "%s has no use for the argument %s",
                                 command->name, mer_quote(text).text),
                        "merlon %s --help shows how to write it", command->name);
    return store(&command->positionals[reading->n_positionals++], true, text, reading->arguments,
                 err);
}

static mer_status check_required(const struct reading *reading, mer_err *err)
{
    const struct mer_cli_command *const command = reading->command;
    mer_status status = mer_ok();
    if (reading->n_positionals < command->n_positionals &&
        command->positionals[reading->n_positionals].required)
        status = mer_fail(err, MER_ERR_USAGE, "%s needs %s: %s", command->name,
                          command->positionals[reading->n_positionals].name,
                          command->positionals[reading->n_positionals].help);
    for (size_t i = 0; i < command->n_options && mer_is_ok(status); i++) {
        if (command->options[i].required && !reading->seen[i])
            status = mer_fail(err, MER_ERR_USAGE, "%s needs --%s %s: %s", command->name,
                              command->options[i].name, command->options[i].metavar,
                              command->options[i].help);
    }
    if (mer_is_ok(status))
        return status;
    return mer_hint(err, status, "merlon %s --help shows how to write it", command->name);
}

mer_status mer_cli_parse(const struct mer_cli_command *command, int argc, char **argv,
                         struct mer_cli_common *ret_common, void *ret_arguments, mer_err *err)
{
    struct reading reading = {.command = command, .common = ret_common, .arguments = ret_arguments};
    bool only_positionals = false;
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            ret_common->help = true;
            return mer_ok();
        }
    }
    for (int i = 0; i < argc; i++) {
        if (!only_positionals && strcmp(argv[i], "--") == 0)
            only_positionals = true;
        else if (!only_positionals && strncmp(argv[i], "--", 2) == 0)
            MER_GUARD(read_option(&reading, argc, argv, &i, err));
        else if (!only_positionals && argv[i][0] == '-' && argv[i][1] != '\0')
            return mer_hint(
                err, mer_fail(err, MER_ERR_USAGE, "there is no option %s", mer_quote(argv[i]).text),
                "options are long: merlon %s --help lists them", command->name);
        else
            MER_GUARD(read_positional(&reading, argv[i], err));
    }
    return check_required(&reading, err);
}
