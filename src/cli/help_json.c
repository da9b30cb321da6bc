/* `merlon help --json`: the command table as data, for other programs and for the tests that prove
 * that help, man pages and parser agree. */
#include "cli/text.h"
#include "core/json.h"

static const char *type_name(enum mer_cli_type type)
{
    static const char *const names[] = {
        [MER_CLI_FLAG] = "flag",           [MER_CLI_COUNT] = "count",
        [MER_CLI_TEXT] = "text",           [MER_CLI_FILE] = "file",
        [MER_CLI_FOLDER] = "folder",       [MER_CLI_CHOICE] = "choice",
        [MER_CLI_INTEGER] = "integer",     [MER_CLI_SEED] = "seed",
        [MER_CLI_DURATION] = "duration",   [MER_CLI_BYTES] = "bytes",
        [MER_CLI_CHARACTER] = "character", [MER_CLI_SETTING] = "setting",
        [MER_CLI_PATHS] = "paths",
    };
    return names[type];
}

static void put_text(struct mer_json_writer *writer, const char *key, const char *text)
{
    mer_json_key(writer, key);
    mer_json_put_string(writer, text);
}

static void put_options(struct mer_json_writer *writer, const char *key,
                        const struct mer_cli_option *options, size_t n_options)
{
    mer_json_key(writer, key);
    mer_json_begin_array(writer);
    for (size_t i = 0; i < n_options; i++) {
        mer_json_begin_object(writer);
        put_text(writer, "name", options[i].name);
        put_text(writer, "type", type_name(options[i].type));
        if (options[i].metavar)
            put_text(writer, "metavar", options[i].metavar);
        mer_json_key(writer, "required");
        mer_json_put_boolean(writer, options[i].required);
        put_text(writer, "help", options[i].help);
        if (options[i].choices) {
            mer_json_key(writer, "choices");
            mer_json_begin_array(writer);
            for (size_t k = 0; options[i].choices(k); k++)
                mer_json_put_string(writer, options[i].choices(k));
            mer_json_end_array(writer);
        }
        mer_json_end_object(writer);
    }
    mer_json_end_array(writer);
}

static void put_command(struct mer_json_writer *writer, const struct mer_cli_command *command)
{
    mer_json_begin_object(writer);
    put_text(writer, "name", command->name);
    put_text(writer, "summary", command->summary);
    put_text(writer, "description", command->description);
    put_options(writer, "arguments", command->positionals, command->n_positionals);
    put_options(writer, "options", command->options, command->n_options);
    mer_json_key(writer, "exit_codes");
    mer_json_begin_array(writer);
    int last = -1;
    for (int code = MER_OK; code < MER_CODE_COUNT; code++) {
        const int exit_code = mer_code_exit((enum mer_code)code);
        if ((code == MER_OK || command->failures & MER_CLI_CAN_FAIL(code)) && exit_code != last) {
            mer_json_put_integer(writer, exit_code);
            last = exit_code;
            for (size_t i = 0; code == MER_OK && i < command->n_exits; i++)
                mer_json_put_integer(writer, command->exits[i].code);
        }
    }
    mer_json_end_array(writer);
    mer_json_end_object(writer);
}

mer_status mer_cli_help_json(struct mer_buf *buf, mer_err *err)
{
    struct mer_json_writer writer;
    mer_json_writer_init(&writer, buf, 2, err);
    mer_json_begin_object(&writer);
    put_text(&writer, "version", mer_version());
    put_options(&writer, "common_options", MER_CLI_COMMON_OPTIONS, MER_CLI_N_COMMON_OPTIONS);
    mer_json_key(&writer, "commands");
    mer_json_begin_array(&writer);
    for (size_t i = 0; i < MER_CLI_N_COMMANDS; i++)
        put_command(&writer, MER_CLI_COMMANDS[i]);
    mer_json_end_array(&writer);
    mer_json_end_object(&writer);
    MER_GUARD(mer_json_writer_end(&writer));
    return mer_buf_text(buf, "\n", err);
}
