/* What a command of the program is: a row of constant data. The parser, --help, the man pages, the
 * shell completion and `help --json` all read the same rows, so they cannot disagree.
 *
 * Adding a command: write cmd_<name>.c with a `const struct mer_cli_command`, declare it below and
 * give it one line in the table of commands.c.
 */
#ifndef MER_CLI_COMMAND_H
#define MER_CLI_COMMAND_H

#include "core/status.h"
#include "merlon/model.h"

struct mer_cli;

/* The type of a value decides how it is read, checked, shown and completed. In brackets: the type
 * of the field at `at`, which stays zero when the option is not given. */
enum mer_cli_type {
    MER_CLI_FLAG,      /* [bool] takes no value */
    MER_CLI_COUNT,     /* [unsigned] takes no value, may be repeated */
    MER_CLI_TEXT,      /* [const char *] */
    MER_CLI_FILE,      /* [const char *] completed as a file name */
    MER_CLI_FOLDER,    /* [const char *] completed as a folder name */
    MER_CLI_CHOICE,    /* [const char *] one of a list of names */
    MER_CLI_INTEGER,   /* [uint64_t] minimum to maximum */
    MER_CLI_SEED,      /* [struct mer_cli_seed] any 64-bit number, zero too */
    MER_CLI_DURATION,  /* [double] seconds; written 500ms, 20s, 5m, 1h */
    MER_CLI_BYTES,     /* [uint64_t] written 512M, 4G */
    MER_CLI_CHARACTER, /* [char] one ASCII character, or the word tab */
    MER_CLI_SETTING,   /* [struct mer_cli_settings] name=value, may be repeated */
    MER_CLI_PATHS      /* [struct mer_cli_paths] may be repeated */
};

struct mer_cli_seed {
    bool given;
    uint64_t value;
};

enum { MER_CLI_SETTINGS_MAX = 32 };
struct mer_cli_settings {
    struct mer_setting items[MER_CLI_SETTINGS_MAX];
    size_t n;
};

enum { MER_CLI_PATHS_MAX = 32 };
struct mer_cli_paths {
    const char *items[MER_CLI_PATHS_MAX];
    size_t n;
};

/* The i-th name of a list of choices, NULL behind the last. */
typedef const char *mer_cli_choices(size_t i);

struct mer_cli_option {
    const char *name; /* without the dashes; for a positional argument its name in capitals */
    enum mer_cli_type type;
    size_t at;                /* where the value goes in the command's arguments */
    const char *metavar;      /* what stands for the value in help; NULL for a flag */
    const char *help;         /* one sentence, lower case, no full stop */
    mer_cli_choices *choices; /* MER_CLI_CHOICE */
    uint64_t minimum;         /* MER_CLI_INTEGER */
    uint64_t maximum;
    bool required;
};

struct mer_cli_example {
    const char *line; /* what to type */
    const char *what; /* what it does */
};

struct mer_cli_exit {
    int code;
    const char *what;
};

struct mer_cli_command {
    const char *name;        /* "fit", "keys new" */
    const char *summary;     /* one line, lower case, no full stop */
    const char *description; /* paragraphs, separated by an empty line */
    const struct mer_cli_option *positionals;
    size_t n_positionals;
    const struct mer_cli_option *options; /* besides the common ones */
    size_t n_options;
    const struct mer_cli_example *examples;
    size_t n_examples;
    const struct mer_cli_exit
        *exits; /* codes of its own, all behind 0: what came out, not errors */
    size_t n_exits;
    unsigned failures; /* bit 1 << code for each enum mer_code it can end with */
    size_t arguments_size;
    /* `arguments` is zeroed and filled by the parser; what `run` prints goes through the session.
     */
    mer_status (*run)(struct mer_cli *cli, const void *arguments, mer_err *err);
};

/* The options that every command has. */
struct mer_cli_common {
    bool json;
    bool quiet;
    unsigned verbose;
    const char *log_file;
    const char *log_format; /* "text" or "json" */
    bool log_data;
    const char *scratch;
    const char *cpu;
    const char *require_cell; /* "full" */
    const char *user;
    bool no_color;
    bool help;
};

/* Static tables. */
extern const struct mer_cli_command *const MER_CLI_COMMANDS[];
extern const size_t MER_CLI_N_COMMANDS;
extern const struct mer_cli_option MER_CLI_COMMON_OPTIONS[];
extern const size_t MER_CLI_N_COMMON_OPTIONS;
/* No command has more options than this, the common ones among them. */
enum { MER_CLI_OPTIONS_MAX = 128 };

extern const struct mer_cli_command MER_CLI_FIT;
extern const struct mer_cli_command MER_CLI_PREDICT;
extern const struct mer_cli_command MER_CLI_SCORE;
extern const struct mer_cli_command MER_CLI_INSPECT;
extern const struct mer_cli_command MER_CLI_LEADERBOARD;
extern const struct mer_cli_command MER_CLI_AUDIT;
extern const struct mer_cli_command MER_CLI_SIGN;
extern const struct mer_cli_command MER_CLI_VERIFY;
extern const struct mer_cli_command MER_CLI_SEAL;
extern const struct mer_cli_command MER_CLI_OPEN;
extern const struct mer_cli_command MER_CLI_KEYS_NEW;
extern const struct mer_cli_command MER_CLI_KEYS_LIST;
extern const struct mer_cli_command MER_CLI_KEYS_SHOW;
extern const struct mer_cli_command MER_CLI_KEYS_TRUST;
extern const struct mer_cli_command MER_CLI_KEYS_REVOKE;
extern const struct mer_cli_command MER_CLI_KEYS_DESTROY;
extern const struct mer_cli_command MER_CLI_NAMES;
extern const struct mer_cli_command MER_CLI_SCHEMA_INFER;
extern const struct mer_cli_command MER_CLI_SCHEMA_CHECK;
extern const struct mer_cli_command MER_CLI_DESCRIBE;
extern const struct mer_cli_command MER_CLI_CONVERT;
extern const struct mer_cli_command MER_CLI_RUNS_LIST;
extern const struct mer_cli_command MER_CLI_RUNS_SHOW;
extern const struct mer_cli_command MER_CLI_RUNS_DIFF;
extern const struct mer_cli_command MER_CLI_RUNS_FORGET;
extern const struct mer_cli_command MER_CLI_DOCTOR;
extern const struct mer_cli_command MER_CLI_COMPLETION;
extern const struct mer_cli_command MER_CLI_HELP;

/* Finds the command that argv[0] (and argv[1], for "keys new") names; *ret_n_words tells how many
 * words it took. MER_ERR_USAGE with the nearest name otherwise. */
MER_MUST_CHECK mer_status mer_cli_find(int argc, char *const *argv,
                                       const struct mer_cli_command **ret_command, int *ret_n_words,
                                       mer_err *err);

/* Reads the words behind a command's name into its arguments and the common options.
 *
 * `--name value` and `--name=value` are the same; a value that begins with two dashes needs the
 * second form; `--` ends the options. The texts stay in argv, which outlives the command. When
 * --help is among them, only that is reported. */
MER_MUST_CHECK mer_status mer_cli_parse(const struct mer_cli_command *command, int argc,
                                        char **argv, struct mer_cli_common *ret_common,
                                        void *ret_arguments, mer_err *err);

/* Lists of choices. */
const char *mer_cli_choice_family(size_t i);
const char *mer_cli_choice_metric(size_t i);
const char *mer_cli_choice_task(size_t i);
const char *mer_cli_choice_deploy(size_t i);
const char *mer_cli_choice_calibration(size_t i);
const char *mer_cli_choice_progress(size_t i);
const char *mer_cli_choice_bad_row(size_t i);
const char *mer_cli_choice_class_weight(size_t i);
const char *mer_cli_choice_written_format(size_t i);
const char *mer_cli_choice_card(size_t i);
const char *mer_cli_choice_key_use(size_t i);
const char *mer_cli_choice_cpu(size_t i);
const char *mer_cli_choice_cell(size_t i);
const char *mer_cli_choice_log_format(size_t i);
const char *mer_cli_choice_shell(size_t i);

#define MER_CLI_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MER_CLI_CAN_FAIL(code) (1u << (code))
/* What any command can end with. */
#define MER_CLI_ALWAYS_POSSIBLE                                                                    \
    (MER_CLI_CAN_FAIL(MER_ERR_USAGE) | MER_CLI_CAN_FAIL(MER_ERR_INTERNAL) |                        \
     MER_CLI_CAN_FAIL(MER_ERR_IO) | MER_CLI_CAN_FAIL(MER_ERR_MEMORY) |                             \
     MER_CLI_CAN_FAIL(MER_ERR_CANCELLED) | MER_CLI_CAN_FAIL(MER_ERR_ABSENT) |                      \
     MER_CLI_CAN_FAIL(MER_ERR_TRUST))

#endif
