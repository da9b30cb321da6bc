#include "cli/session.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/private_file.h"
#include "os/privilege.h"
#include "os/signals.h"
#include "os/terminal.h"
#include "os/user.h"

/* The context whose log the second Ctrl-C still seals. A handler can be told of it in no other way.
 */
static _Atomic(struct mer_context *) signal_context;

static void seal_log(void)
{
    struct mer_context *const context = signal_context;
    if (context)
        mer_log_seal(context);
}

/* Log lines on the console stand on lines of their own, not behind a progress bar. */
static void write_log_line(void *self, const char *line, size_t n)
{
    struct mer_cli *const cli = self;
    if (cli->console_log_is_silent)
        return;
    mer_cli_progress_clear(&cli->progress);
    (void)fwrite(line, 1, n, stderr);
}

static mer_status open_log(struct mer_cli *cli, mer_err *err)
{
    const struct mer_cli_common *const common = &cli->common;
    enum mer_log_severity console = MER_SEVERITY_WARNING;
    if (common->quiet)
        console = MER_SEVERITY_ERROR;
    else if (common->verbose >= 3)
        console = MER_SEVERITY_TRACE;
    else if (common->verbose == 2)
        console = MER_SEVERITY_DEBUG;
    else if (common->verbose == 1)
        console = MER_SEVERITY_INFO;
    const struct mer_log_config config = {
        .size = sizeof config,
        .console = console,
        .write = write_log_line,
        .self = cli,
        .json = common->log_format && strcmp(common->log_format, "json") == 0,
        .file = common->log_file,
        .show_data = common->log_data,
    };
    return mer_log_open(cli->context, &config, err);
}

/* Variables that other libraries would obey and this program does not: whoever set them should be
 * able to find out. */
static void log_ignored_environment(const struct mer_cli *cli)
{
    static const char *const prefixes[] = {"OPENBLAS_", "OMP_", "GOTO_", "MKL_", "OPENSSL_CONF"};
    const struct mer_ctx *const ctx = &cli->context->ctx;
    if (!mer_log_enabled(ctx->log, MER_LOG_DEBUG))
        return;
    for (char **variable = environ; *variable; variable++) {
        for (size_t i = 0; i < MER_CLI_COUNT_OF(prefixes); i++) {
            if (strncmp(*variable, prefixes[i], strlen(prefixes[i])) == 0)
                mer_log_debug(ctx, "cli", "the environment variable %s is ignored",
                              mer_quote_n(*variable, strcspn(*variable, "=")).text);
        }
    }
}

/* A folder that was asked for must be one in which files can be made. */
static mer_status check_scratch(struct mer_cli *cli, mer_err *err)
{
    int fd;
    MER_GUARD(mer_scratch_open(cli->context, cli->common.scratch, err));
    MER_GUARD(mer_scratch_file(cli->context, &fd, err));
    (void)close(fd);
    return mer_ok();
}

mer_status mer_cli_open(struct mer_cli *cli, uint64_t memory_bytes, uint64_t n_threads,
                        mer_err *err)
{
    if (cli->common.quiet && cli->common.verbose)
        return mer_fail(err, MER_ERR_USAGE, "--quiet and --verbose exclude each other");
    const bool progress = !cli->common.quiet && !cli->common.verbose;
    mer_cli_progress_init(&cli->progress, progress);
    const struct mer_context_options options = {
        .size = sizeof options,
        .memory_bytes = memory_bytes,
        .n_threads = (unsigned)n_threads,
        .cpu = cli->common.cpu,
        .require_full_cell = cli->common.require_cell != NULL,
        .on_progress = cli->progress.enabled ? mer_cli_progress_report : NULL,
        .self = &cli->progress,
    };
    MER_GUARD(mer_context_new(&options, &cli->context, err));
    signal_context = cli->context;
    MER_GUARD(mer_signals_install(&cli->context->cancel, seal_log, err));
    MER_GUARD(open_log(cli, err));
    if (cli->common.scratch)
        MER_GUARD(check_scratch(cli, err));
    mer_log_info(&cli->context->ctx, "cli", "merlon %s: %s", mer_version(), cli->command->name);
    log_ignored_environment(cli);
    if (!mer_user_is_root())
        return mer_ok();
    mer_log_warning(&cli->context->ctx, "cli",
                    "merlon runs as root, which it never needs; --user NAME gives that up");
    /* Once, not in each cell that it starts: 40 system calls, which only root has to make. */
    return mer_privilege_gain_none(err);
}

void mer_cli_close(struct mer_cli *cli)
{
    mer_cli_progress_clear(&cli->progress);
    signal_context = NULL;
    mer_context_free(cli->context);
    cli->context = NULL;
}

static bool colours(const struct mer_cli *cli, int fd)
{
    return !cli->common.no_color && mer_terminal_colours(fd);
}

static void report_json(struct mer_cli *cli, mer_status status, const char *message,
                        const char *hint, int exit_code)
{
    struct mer_cli_document document;
    mer_cli_document_begin(&document, NULL);
    mer_json_key(&document.writer, "error");
    mer_json_begin_object(&document.writer);
    mer_cli_put_string(&document, "code", mer_code_name(status.code));
    mer_cli_put_string(&document, "message", message);
    mer_cli_put_string(&document, "hint", hint);
    mer_cli_put_unsigned(&document, "exit_code", (uint64_t)exit_code);
    mer_json_end_object(&document.writer);
    /* Standard output may be what failed. */
    if (mer_is_ok(mer_cli_document_end(cli, &document, NULL)))
        (void)fflush(stdout);
}

int mer_cli_report(struct mer_cli *cli, mer_status status, const mer_err *err)
{
    mer_cli_progress_clear(&cli->progress);
    const char *message = err->message;
    const char *hint = err->hint;
    int exit_code = mer_code_exit(status.code);
    if (status.code == MER_ERR_TRUST && hint[0] == '\0')
        hint = "nothing of it was used: get it again from whoever signed it";
    const int signal_number = cli->context ? mer_context_cancelled_by(cli->context) : 0;
    if (signal_number >
        0) { /* whatever failed, failed because of it, or does not matter any more */
        status.code = MER_ERR_CANCELLED;
        exit_code = 128 + signal_number;
        message = "stopped on request, before the end";
        hint = "nothing was written: outputs appear whole or not at all";
    }
    if (cli->context) {
        cli->console_log_is_silent = true;
        mer_log_error(&cli->context->ctx, "cli", "%s", message);
        cli->console_log_is_silent = false;
    }
    if (cli->common.json)
        report_json(cli, status, message, hint, exit_code);
    const bool red = colours(cli, STDERR_FILENO);
    (void)fprintf(stderr, "merlon: %serror%s: %s.\n", red ? "\033[1;31m" : "", red ? "\033[0m" : "",
                  message);
    if (hint[0])
        (void)fprintf(stderr, "  %s\n", hint);
    return exit_code;
}

/* Keeps the reason of the first failure: later ones may have another. */
static void note_output_failure(struct mer_cli *cli)
{
    if (cli->output_errno == 0)
        cli->output_errno = errno ? errno : EIO;
}

static void print(struct mer_cli *cli, bool bold, const char *format, va_list arguments)
{
    if (cli->common.json)
        return;
    mer_cli_progress_clear(&cli->progress);
    const bool shown_bold = bold && colours(cli, STDOUT_FILENO);
    if (shown_bold)
        (void)fputs("\033[1m", stdout);
    if (vfprintf(stdout, format, arguments) < 0)
        note_output_failure(cli);
    if (shown_bold)
        (void)fputs("\033[0m", stdout);
}

void mer_cli_print(struct mer_cli *cli, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print(cli, false, format, arguments);
    va_end(arguments);
}

void mer_cli_print_bold(struct mer_cli *cli, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print(cli, true, format, arguments);
    va_end(arguments);
}

void mer_cli_remark(struct mer_cli *cli, const char *format, ...)
{
    if (cli->common.quiet)
        return;
    va_list arguments;
    va_start(arguments, format);
    print(cli, false, format, arguments);
    va_end(arguments);
}

void mer_cli_note(struct mer_cli *cli, const char *format, ...)
{
    if (cli->common.quiet)
        return;
    mer_cli_progress_clear(&cli->progress);
    (void)fputs("merlon: ", stderr);
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}

void mer_cli_emit(struct mer_cli *cli, const void *bytes, size_t n)
{
    mer_cli_progress_clear(&cli->progress);
    if (fwrite(bytes, 1, n, stdout) != n)
        note_output_failure(cli);
}

void mer_cli_show_now(struct mer_cli *cli)
{
    if (fflush(stdout) != 0)
        note_output_failure(cli);
}

mer_status mer_cli_flush(struct mer_cli *cli, mer_err *err)
{
    mer_cli_progress_clear(&cli->progress);
    mer_cli_show_now(cli);
    if (cli->output_errno == 0)
        return mer_ok();
    return mer_fail(err, MER_ERR_IO, "standard output could not be written: %s",
                    strerror(cli->output_errno));
}

bool mer_cli_reader_is_gone(const struct mer_cli *cli)
{
    return cli->output_errno == EPIPE;
}

mer_status mer_cli_open_trust(const struct mer_cli_whom *whom, struct mer_trust **ret_trust,
                              mer_err *err)
{
    if (whom->key && whom->ca)
        return mer_fail(err, MER_ERR_USAGE, "--key and --ca exclude each other");
    struct mer_trust *trust;
    if (whom->ca)
        MER_GUARD(mer_trust_open_authority(NULL, whom->ca, &trust, err));
    else if (whom->key)
        MER_GUARD(mer_trust_open_key(whom->key, &trust, err));
    else
        MER_GUARD(mer_trust_open(NULL, &trust, err));
    const mer_status status = mer_trust_obey(trust, NULL, whom->policy, err);
    if (mer_is_ok(status))
        *ret_trust = trust;
    else
        mer_trust_free(trust);
    return status;
}

mer_status mer_cli_set_signer(struct mer_signer *signer, const char *certificate, uint64_t serial,
                              mer_err *err)
{
    if (certificate)
        MER_GUARD(mer_signer_certify(signer, certificate, err));
    return mer_signer_set_serial(signer, serial, err);
}

/* One line from a descriptor, without its end. */
static int read_passphrase(int fd, char *ret_bytes, size_t max)
{
    size_t n = 0;
    char c;
    ssize_t got;
    while ((got = read(fd, &c, 1)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || (c != '\n' && n == max))
            return -1;
        if (c == '\n')
            break;
        ret_bytes[n++] = c;
    }
    return (int)n;
}

struct mer_cli_passphrase mer_cli_passphrase_from(uint64_t passphrase_fd)
{
    return (struct mer_cli_passphrase){.has_fd = passphrase_fd != 0, .fd = (int)passphrase_fd};
}

/* The first line of a file that nobody else may read. */
static int read_passphrase_file(const char *path, char *ret_bytes, size_t max)
{
    char text[MER_CLI_PASSPHRASE_MAX + 2];
    size_t n = 0;
    if (!mer_is_ok(mer_private_file_read(path, MER_PRIVACY_READ, text, sizeof text, &n, NULL)))
        return -1;
    const char *const stop = n > 0 ? memchr(text, '\n', n) : NULL;
    n = stop ? (size_t)(stop - text) : n;
    if (n > 0 && text[n - 1] == '\r')
        n--;
    const bool fits = n <= max;
    if (fits)
        memcpy(ret_bytes, text, n);
    explicit_bzero(text, sizeof text);
    return fits ? (int)n : -1;
}

mer_status mer_cli_passphrase_check(const struct mer_cli_passphrase *source, mer_err *err)
{
    char text[MER_CLI_PASSPHRASE_MAX + 2];
    size_t n = 0;
    if (!source->file)
        return mer_ok();
    const mer_status status =
        mer_private_file_read(source->file, MER_PRIVACY_READ, text, sizeof text, &n, err);
    explicit_bzero(text, sizeof text);
    if (mer_is_ok(status) && n == 0)
        return mer_fail(err, MER_ERR_DATA, "%s holds no passphrase", mer_quote(source->file).text);
    return status;
}

static int prompt(const struct mer_cli_passphrase *source, const char *what, const char *name,
                  char *ret_bytes, size_t max)
{
    char text[256];
    const char *const kind = source->what ? source->what : "the key";
    (void)snprintf(text, sizeof text, "%s %s%s%s: ", what, kind, kind[0] ? " " : "",
                   mer_quote(name).text);
    size_t n;
    return mer_is_ok(mer_terminal_passphrase(text, ret_bytes, max, &n, NULL)) ? (int)n : -1;
}

int mer_cli_ask_passphrase(void *self, const char *key_name, bool confirm, char *ret_bytes,
                           size_t max)
{
    const struct mer_cli_passphrase *const source = self;
    if (source->has_fd)
        return read_passphrase(source->fd, ret_bytes, max);
    if (source->file)
        return read_passphrase_file(source->file, ret_bytes, max);
    if (!confirm)
        return prompt(source, "Passphrase of", key_name, ret_bytes, max);
    char again[MER_CLI_PASSPHRASE_MAX];
    const size_t limit = max < sizeof again ? max : sizeof again;
    const int n =
        prompt(source, source->what ? "New passphrase for" : "New passphrase (empty: none) for",
               key_name, ret_bytes, limit);
    if (n <= 0)
        return n;
    const int n_again = prompt(source, "The same passphrase again for", key_name, again, limit);
    const bool same = n == n_again && memcmp(ret_bytes, again, (size_t)n) == 0;
    explicit_bzero(again, sizeof again);
    if (same)
        return n;
    explicit_bzero(ret_bytes, (size_t)n);
    return -1;
}

const char *mer_cli_project(const char *name)
{
    return name ? name : "default";
}

double mer_cli_seconds(const struct mer_cli *cli)
{
    return (double)(MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self) - cli->start_ns) * 1e-9;
}
