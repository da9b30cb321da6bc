/* A completion script for bash, from the command table. It needs nothing but bash itself, so it
 * works with and without the package bash-completion. Names in the table hold letters, digits,
 * dashes and single spaces only, so they are written between single quotes as they are. */
#include <string.h>

#include "cli/text.h"

/* The length of the group's name in "keys new"; 0 for a command that is in no group. */
static size_t group_length(const struct mer_cli_command *command)
{
    const char *const space = strchr(command->name, ' ');
    return space ? (size_t)(space - command->name) : 0;
}

/* Whether command i is the first of its group; groups stand together in the table. */
static bool begins_group(size_t i)
{
    const size_t n = group_length(MER_CLI_COMMANDS[i]);
    return n > 0 && (i == 0 ||
                     strncmp(MER_CLI_COMMANDS[i - 1]->name, MER_CLI_COMMANDS[i]->name, n + 1) != 0);
}

/* What completes the value of an option, as bash code that fills COMPREPLY. */
static mer_status value_completion(struct mer_buf *buf, const struct mer_cli_option *option,
                                   mer_err *err)
{
    if (option->type == MER_CLI_FILE || option->type == MER_CLI_PATHS)
        return mer_buf_text(buf, "COMPREPLY=($(compgen -f -- \"$word\"))", err);
    if (option->type == MER_CLI_FOLDER)
        return mer_buf_text(buf, "COMPREPLY=($(compgen -d -- \"$word\"))", err);
    MER_GUARD(mer_buf_text(buf, "COMPREPLY=($(compgen -W '", err));
    for (size_t i = 0; option->choices && option->choices(i); i++)
        MER_GUARD(mer_buf_printf(buf, err, "%s%s", i ? " " : "", option->choices(i)));
    return mer_buf_text(buf, "' -- \"$word\"))", err);
}

/* Cases for the word behind an option; `command` NULL: any command. */
static mer_status option_values(struct mer_buf *buf, const char *command,
                                const struct mer_cli_option *options, size_t n_options,
                                mer_err *err)
{
    for (size_t i = 0; i < n_options; i++) {
        if (!options[i].metavar)
            continue;
        if (command)
            MER_GUARD(mer_buf_printf(buf, err, "    '%s --%s') ", command, options[i].name));
        else
            MER_GUARD(mer_buf_printf(buf, err, "    *' --%s') ", options[i].name));
        MER_GUARD(value_completion(buf, &options[i], err));
        MER_GUARD(mer_buf_text(buf, "; return ;;\n", err));
    }
    return mer_ok();
}

static mer_status option_names(struct mer_buf *buf, const struct mer_cli_option *options,
                               size_t n_options, mer_err *err)
{
    for (size_t i = 0; i < n_options; i++)
        MER_GUARD(mer_buf_printf(buf, err, " --%s", options[i].name));
    return mer_ok();
}

/* "    'fit') options=' --target ...' words='' files=yes ;;" */
static mer_status command_case(struct mer_buf *buf, const struct mer_cli_command *command,
                               mer_err *err)
{
    const struct mer_cli_option *const first = command->positionals;
    MER_GUARD(mer_buf_printf(buf, err, "    '%s') options='", command->name));
    MER_GUARD(option_names(buf, command->options, command->n_options, err));
    MER_GUARD(option_names(buf, MER_CLI_COMMON_OPTIONS, MER_CLI_N_COMMON_OPTIONS, err));
    MER_GUARD(mer_buf_text(buf, "' words='", err));
    for (size_t i = 0; first && first->choices && first->choices(i); i++)
        MER_GUARD(mer_buf_printf(buf, err, " %s", first->choices(i)));
    return mer_buf_printf(buf, err, "' files=%s ;;\n",
                          first && first->type == MER_CLI_FILE ? "yes" : "");
}

/* "    'keys') words='new list ...' ;;" for the group that begins at command i. */
static mer_status group_case(struct mer_buf *buf, size_t i, mer_err *err)
{
    const char *const name = MER_CLI_COMMANDS[i]->name;
    const size_t n = group_length(MER_CLI_COMMANDS[i]);
    MER_GUARD(mer_buf_printf(buf, err, "    '%.*s') words='", (int)n, name));
    for (; i < MER_CLI_N_COMMANDS && strncmp(MER_CLI_COMMANDS[i]->name, name, n + 1) == 0; i++)
        MER_GUARD(mer_buf_printf(buf, err, " %s", MER_CLI_COMMANDS[i]->name + n + 1));
    return mer_buf_text(buf, "' ;;\n", err);
}

static mer_status cases(struct mer_buf *buf, mer_err *err)
{
    MER_GUARD(mer_buf_text(buf, "  case \"$command $before\" in\n", err));
    for (size_t i = 0; i < MER_CLI_N_COMMANDS; i++)
        MER_GUARD(option_values(buf, MER_CLI_COMMANDS[i]->name, MER_CLI_COMMANDS[i]->options,
                                MER_CLI_COMMANDS[i]->n_options, err));
    MER_GUARD(option_values(buf, NULL, MER_CLI_COMMON_OPTIONS, MER_CLI_N_COMMON_OPTIONS, err));
    MER_GUARD(mer_buf_text(buf, "  esac\n  case \"$command\" in\n", err));
    for (size_t i = 0; i < MER_CLI_N_COMMANDS; i++) {
        MER_GUARD(command_case(buf, MER_CLI_COMMANDS[i], err));
        if (begins_group(i))
            MER_GUARD(group_case(buf, i, err));
    }
    MER_GUARD(mer_buf_text(buf, "    '') options='--help --version' words='", err));
    for (size_t i = 0; i < MER_CLI_N_COMMANDS; i++) {
        const size_t n = group_length(MER_CLI_COMMANDS[i]);
        if (n == 0)
            MER_GUARD(mer_buf_printf(buf, err, " %s", MER_CLI_COMMANDS[i]->name));
        else if (begins_group(i))
            MER_GUARD(mer_buf_printf(buf, err, " %.*s", (int)n, MER_CLI_COMMANDS[i]->name));
    }
    return mer_buf_text(buf, "' ;;\n  esac\n", err);
}

mer_status mer_cli_completion_bash(struct mer_buf *buf, mer_err *err)
{
    MER_GUARD(mer_buf_text(buf,
                           "# bash completion for merlon, written by: merlon completion bash\n"
                           "_merlon() {\n"
                           "  local word=${COMP_WORDS[COMP_CWORD]} before= command=\n"
                           "  local options= words= files=\n"
                           "  COMPREPLY=()\n"
                           "  [[ $COMP_CWORD -gt 0 ]] && before=${COMP_WORDS[COMP_CWORD - 1]}\n"
                           "  [[ $COMP_CWORD -gt 1 ]] && command=${COMP_WORDS[1]}\n"
                           "  case $command in\n",
                           err));
    for (size_t i = 0; i < MER_CLI_N_COMMANDS; i++) {
        if (begins_group(i))
            MER_GUARD(mer_buf_printf(
                buf, err,
                "    '%.*s') [[ $COMP_CWORD -gt 2 ]] && command+=\" ${COMP_WORDS[2]}\" ;;\n",
                (int)group_length(MER_CLI_COMMANDS[i]), MER_CLI_COMMANDS[i]->name));
    }
    MER_GUARD(mer_buf_text(buf, "  esac\n", err));
    MER_GUARD(cases(buf, err));
    return mer_buf_text(buf,
                        "  if [[ $word == -* ]]; then\n"
                        "    COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
                        "  elif [[ $files ]]; then\n"
                        "    COMPREPLY=($(compgen -f -- \"$word\"))\n"
                        "  else\n"
                        "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                        "  fi\n"
                        "}\n"
                        "complete -o filenames -F _merlon merlon\n",
                        err);
}
