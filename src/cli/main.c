/* The program merlon: finds the command in the table, parses its words, runs it and reports. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/session.h"
#include "cli/text.h"
#include "os/clock.h"
#include "os/secret_memory.h"
#include "os/user.h"

static mer_status show_help(struct mer_cli *cli, mer_err *err)
{
    struct mer_alloc alloc;
    struct mer_buf buf;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_buf_init(&buf, &alloc, SIZE_MAX);
    const mer_status status =
        cli->command ? mer_cli_help_command(cli->command, mer_cli_help_columns(), &buf, err)
                     : mer_cli_help_overview(&buf, err);
    if (mer_is_ok(status))
        mer_cli_emit(cli, buf.bytes, buf.n);
    mer_buf_release(&buf);
    return status;
}

static mer_status run_command(struct mer_cli *cli, int argc, char **argv, mer_err *err)
{
    int n_words;
    MER_GUARD(mer_cli_find(argc, argv, &cli->command, &n_words, err));
    void *const arguments = calloc(1, cli->command->arguments_size + 1);
    if (!arguments)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for the arguments");
    mer_status status =
        mer_cli_parse(cli->command, argc - n_words, argv + n_words, &cli->common, arguments, err);
    if (mer_is_ok(status) && cli->common.user)
        status = mer_user_become(cli->common.user, err);
    if (mer_is_ok(status))
        status = cli->common.help ? show_help(cli, err) : cli->command->run(cli, arguments, err);
    free(arguments);
    return status;
}

static mer_status run(struct mer_cli *cli, int argc, char **argv, mer_err *err)
{
    if (argc < 2)
        return mer_hint(err, mer_fail(err, MER_ERR_USAGE, "merlon needs a command"),
                        "merlon help lists the commands");
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("merlon %s\n", mer_version());
        return mer_ok();
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return show_help(cli, err);
    for (int i = 1; i < argc; i++)
        cli->common.json |= strcmp(argv[i], "--json") == 0; /* even an unknown command answers so */
    return run_command(cli, argc - 1, argv + 1, err);
}

int main(int argc, char **argv)
{
    struct mer_cli cli = {.start_ns = MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self)};
    mer_err err = {.code = MER_OK};
    mer_process_hide(); /* to the end: a core file would hold the table, a debugger see it */
    mer_status status = run(&cli, argc, argv, &err);
    bool silent = false;
    if (mer_is_ok(status)) {
        status = mer_cli_flush(&cli, &err);
        silent = mer_cli_reader_is_gone(&cli);
    }
    int exit_code = mer_is_ok(status) ? cli.exit_code : mer_code_exit(status.code);
    if (!mer_is_ok(status) && !silent)
        exit_code = mer_cli_report(&cli, status, &err);
    mer_cli_close(&cli);
    return exit_code;
}
