/* The parser of the command line, on a small command of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/command.h"

struct arguments {
    const char *file;
    const char *more;
    bool flag;
    unsigned count;
    const char *text;
    const char *choice;
    uint64_t number;
    struct mer_cli_seed seed;
    double time;
    uint64_t bytes;
    char character;
    struct mer_cli_settings settings;
};

static const char *colours(size_t i)
{
    static const char *const names[] = {"red", "green", "blue"};
    return i < 3 ? names[i] : NULL;
}

#define AT(member) offsetof(struct arguments, member)

static const struct mer_cli_option positionals[] = {
    {.name = "FILE", .type = MER_CLI_FILE, .at = AT(file), .help = "x", .required = true},
    {.name = "MORE", .type = MER_CLI_TEXT, .at = AT(more), .help = "x"},
};

static const struct mer_cli_option options[] = {
    {.name = "flag", .type = MER_CLI_FLAG, .at = AT(flag), .help = "x"},
    {.name = "count", .type = MER_CLI_COUNT, .at = AT(count), .help = "x"},
    {.name = "text", .type = MER_CLI_TEXT, .at = AT(text), .metavar = "T", .help = "x"},
    {.name = "choice",
     .type = MER_CLI_CHOICE,
     .at = AT(choice),
     .metavar = "C",
     .help = "x",
     .choices = colours},
    {.name = "number",
     .type = MER_CLI_INTEGER,
     .at = AT(number),
     .metavar = "N",
     .help = "x",
     .minimum = 2,
     .maximum = 9},
    {.name = "seed", .type = MER_CLI_SEED, .at = AT(seed), .metavar = "N", .help = "x"},
    {.name = "time", .type = MER_CLI_DURATION, .at = AT(time), .metavar = "T", .help = "x"},
    {.name = "bytes", .type = MER_CLI_BYTES, .at = AT(bytes), .metavar = "B", .help = "x"},
    {.name = "character",
     .type = MER_CLI_CHARACTER,
     .at = AT(character),
     .metavar = "C",
     .help = "x"},
    {.name = "set", .type = MER_CLI_SETTING, .at = AT(settings), .metavar = "K=V", .help = "x"},
};

static const struct mer_cli_command command = {
    .name = "try",
    .positionals = positionals,
    .n_positionals = MER_CLI_COUNT_OF(positionals),
    .options = options,
    .n_options = MER_CLI_COUNT_OF(options),
    .arguments_size = sizeof(struct arguments),
};

enum { LINE_MAX_BYTES = 400, WORDS_MAX = 32 };

/* Cuts a line at its spaces and parses the words. The words live in `line`. */
static mer_status parse(char line[LINE_MAX_BYTES], struct arguments *arguments,
                        struct mer_cli_common *common, mer_err *err)
{
    char *words[WORDS_MAX];
    int n = 0;
    for (char *word = line; word; n++) {
        char *const space = strchr(word, ' ');
        if (space)
            *space = '\0';
        words[n] = word;
        word = space ? space + 1 : NULL;
    }
    memset(arguments, 0, sizeof *arguments);
    memset(common, 0, sizeof *common);
    return mer_cli_parse(&command, n, words, common, arguments, err);
}

static struct arguments parsed(const char *text, char line[LINE_MAX_BYTES])
{
    struct arguments arguments;
    struct mer_cli_common common;
    mer_err err;
    (void)snprintf(line, LINE_MAX_BYTES, "%s", text);
    const mer_status status = parse(line, &arguments, &common, &err);
    if (status.code != MER_OK)
        fail_msg("%s: %s", text, err.message);
    return arguments;
}

static void assert_refused(const char *text, const char *part)
{
    char line[LINE_MAX_BYTES];
    struct arguments arguments;
    struct mer_cli_common common;
    mer_err err;
    (void)snprintf(line, sizeof line, "%s", text);
    const mer_status status = parse(line, &arguments, &common, &err);
    assert_int_equal(status.code, MER_ERR_USAGE);
    assert_int_equal(err.code, MER_ERR_USAGE);
    if (!strstr(err.message, part))
        fail_msg("%s: '%s' is not in: %s", text, part, err.message);
}

static void an_option_takes_its_value_behind_a_space_or_an_equals_sign(void **state)
{
    (void)state;
    char line[LINE_MAX_BYTES];
    assert_string_equal(parsed("f --text a", line).text, "a");
    assert_string_equal(parsed("f --text=a", line).text, "a");
    assert_string_equal(parsed("f --text=a=b", line).text, "a=b");
    assert_string_equal(parsed("f --text=--flag", line).text, "--flag");
    assert_string_equal(parsed("--text -1 f", line).text, "-1");
}

static void two_dashes_end_the_options(void **state)
{
    (void)state;
    char line[LINE_MAX_BYTES];
    const struct arguments arguments = parsed("--flag -- --flag --text", line);
    assert_true(arguments.flag);
    assert_string_equal(arguments.file, "--flag");
    assert_string_equal(arguments.more, "--text");
}

static void one_dash_alone_is_an_argument(void **state)
{
    (void)state;
    char line[LINE_MAX_BYTES];
    assert_string_equal(parsed("-", line).file, "-");
}

static void counts_and_settings_may_be_repeated(void **state)
{
    (void)state;
    char line[LINE_MAX_BYTES];
    const struct arguments arguments = parsed("--count f --count --set a=1 --set b=2=3", line);
    assert_int_equal(arguments.count, 2);
    assert_int_equal(arguments.settings.n, 2);
    assert_string_equal(arguments.settings.items[0].name, "a");
    assert_string_equal(arguments.settings.items[1].value, "2=3");
}

static void durations_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double seconds;
    } cases[] = {{"f --time 20", 20},    {"f --time 20s", 20},  {"f --time 500ms", 0.5},
                 {"f --time 1.5m", 90},  {"f --time 2h", 7200}, {"f --time 1d", 86400},
                 {"f --time 1e3s", 1000}};
    char line[LINE_MAX_BYTES];
    for (size_t i = 0; i < MER_CLI_COUNT_OF(cases); i++)
        assert_true(parsed(cases[i].text, line).time == cases[i].seconds);
    static const char *const wrong[] = {"f --time 0s",  "f --time -1s",   "f --time s",
                                        "f --time 1x",  "f --time nan",   "f --time inf",
                                        "f --time 1ss", "f --time 1e99h", "f --time 0x10"};
    for (size_t i = 0; i < MER_CLI_COUNT_OF(wrong); i++)
        assert_refused(wrong[i], "--time is not a duration");
}

static void sizes_have_units_of_1024(void **state)
{
    (void)state;
    char line[LINE_MAX_BYTES];
    assert_int_equal(parsed("f --bytes 4G", line).bytes, UINT64_C(4) << 30);
    assert_int_equal(parsed("f --bytes 1.5K", line).bytes, 1536);
    assert_int_equal(parsed("f --bytes 77", line).bytes, 77);
    assert_refused("f --bytes 4Q", "--bytes is not a size");
    assert_refused("f --bytes 0", "--bytes is not a size");
    assert_refused("f --bytes 1e30T", "--bytes is not a size");
}

static void numbers_have_a_range(void **state)
{
    (void)state;
    char line[LINE_MAX_BYTES];
    assert_int_equal(parsed("f --number 2", line).number, 2);
    assert_int_equal(parsed("f --number 9", line).number, 9);
    assert_refused("f --number 1", "from 2 to 9");
    assert_refused("f --number 10", "from 2 to 9");
    assert_refused("f --number 2.0", "from 2 to 9");
    assert_refused("f --number 18446744073709551618", "from 2 to 9");
}

static void a_seed_is_any_64_bit_number(void **state)
{
    (void)state;
    char line[LINE_MAX_BYTES];
    assert_false(parsed("f", line).seed.given);
    assert_true(parsed("f --seed 0", line).seed.given);
    assert_true(parsed("f --seed 18446744073709551615", line).seed.value == UINT64_MAX);
    assert_refused("f --seed 18446744073709551616", "--seed");
    assert_refused("f --seed -1", "--seed");
}

static void a_character_is_one_byte_or_the_word_tab(void **state)
{
    (void)state;
    char line[LINE_MAX_BYTES];
    assert_int_equal(parsed("f --character ;", line).character, ';');
    assert_int_equal(parsed("f --character tab", line).character, '\t');
    assert_refused("f --character ;;", "--character");
    assert_refused("f --character \xc3\xa4", "--character");
    assert_refused("f --character=\x01", "--character");
}

static void a_choice_must_be_in_the_list(void **state)
{
    (void)state;
    char line[LINE_MAX_BYTES];
    assert_string_equal(parsed("f --choice blue", line).choice, "blue");
    assert_refused("f --choice gren", "'gren'");
}

static void what_is_wrong_is_refused(void **state)
{
    (void)state;
    assert_refused("--flag", "needs FILE");
    assert_refused("a b c", "'c'");
    assert_refused("f --flag --flag", "--flag is given twice");
    assert_refused("f --flag=1", "--flag takes no value");
    assert_refused("f --text", "--text needs a value");
    assert_refused("f --text --flag", "--text needs a value");
    assert_refused("f --text=", "--text is empty");
    assert_refused("f --flg", "'--flg'");
    assert_refused("f -x", "'-x'");
    assert_refused("f --set a", "name=value");
    assert_refused("f --set =1", "name=value");
    assert_refused("f --set a=", "name=value");
    assert_refused("f --set a=1 --set a=2", "twice");
}

static void the_nearest_option_is_the_hint(void **state)
{
    (void)state;
    char line[LINE_MAX_BYTES] = "f --flga";
    struct arguments arguments;
    struct mer_cli_common common;
    mer_err err;
    assert_int_equal(parse(line, &arguments, &common, &err).code, MER_ERR_USAGE);
    assert_string_equal(err.hint, "did you mean --flag?");
}

static void help_is_told_even_when_the_rest_is_wrong(void **state)
{
    (void)state;
    char line[LINE_MAX_BYTES] = "--number 77 --help";
    struct arguments arguments;
    struct mer_cli_common common;
    mer_err err;
    assert_int_equal(parse(line, &arguments, &common, &err).code, MER_OK);
    assert_true(common.help);
    char behind[LINE_MAX_BYTES] = "-- --help";
    assert_int_equal(parse(behind, &arguments, &common, &err).code, MER_OK);
    assert_false(common.help);
    assert_string_equal(arguments.file, "--help");
}

static void every_row_of_the_table_is_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < MER_CLI_N_COMMANDS; i++) {
        const struct mer_cli_command *const row = MER_CLI_COMMANDS[i];
        assert_non_null(row->run);
        assert_true(row->summary[0] != '\0' && row->description[0] != '\0');
        assert_true(row->n_examples > 0);
        assert_true(row->n_options + MER_CLI_N_COMMON_OPTIONS <= MER_CLI_OPTIONS_MAX);
        for (size_t k = 0; k < row->n_options; k++) {
            const struct mer_cli_option *const option = &row->options[k];
            const bool has_value = option->type != MER_CLI_FLAG && option->type != MER_CLI_COUNT;
            assert_true(option->at < row->arguments_size);
            assert_int_equal(option->metavar != NULL, has_value);
            assert_int_equal(option->choices != NULL, option->type == MER_CLI_CHOICE);
            for (size_t j = 0; j < MER_CLI_N_COMMON_OPTIONS; j++)
                assert_string_not_equal(option->name, MER_CLI_COMMON_OPTIONS[j].name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_option_takes_its_value_behind_a_space_or_an_equals_sign),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(one_dash_alone_is_an_argument),
        cmocka_unit_test(counts_and_settings_may_be_repeated),
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(sizes_have_units_of_1024),
        cmocka_unit_test(numbers_have_a_range),
        cmocka_unit_test(a_seed_is_any_64_bit_number),
        cmocka_unit_test(a_character_is_one_byte_or_the_word_tab),
        cmocka_unit_test(a_choice_must_be_in_the_list),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(the_nearest_option_is_the_hint),
        cmocka_unit_test(help_is_told_even_when_the_rest_is_wrong),
        cmocka_unit_test(every_row_of_the_table_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
