/* The log of the public API: a console and, on request, a file that becomes read-only. */
#include <unistd.h>

#include "api/handles.h"
#include "os/clock.h"

static void write_to_standard_error(void *self, const char *line, size_t n)
{
    (void)self;
    while (n > 0) {
        const ssize_t written = write(STDERR_FILENO, line, n);
        if (written <= 0)
            return; /* nowhere left to say so */
        line += written;
        n -= (size_t)written;
    }
}

static mer_status add_sinks(struct mer_context *context, struct mer_log *log,
                            const struct mer_log_config *config, mer_err *err)
{
    const enum mer_log_format format = config->json ? MER_LOG_JSON : MER_LOG_TEXT;
    const enum mer_log_level console = (enum mer_log_level)config->console;
    struct mer_log_sink sink = {.level = console,
                                .format = format,
                                .write = config->write ? config->write : write_to_standard_error,
                                .self = config->self};
    MER_GUARD(mer_log_add_sink(log, &sink, err));
    if (!config->file)
        return mer_ok();
    MER_GUARD(mer_log_file_open(&context->log_file, config->file, err));
    /* The file is there to be read later: it holds what happened even when the console is quiet. */
    sink = (struct mer_log_sink){.level = console > MER_LOG_INFO ? console : MER_LOG_INFO,
                                 .format = format,
                                 .write = mer_log_file_write,
                                 .self = &context->log_file};
    return mer_log_add_sink(log, &sink, err);
}

mer_status mer_log_open(struct mer_context *context, const struct mer_log_config *config,
                        mer_err *err)
{
    struct mer_log_config chosen;
    MER_GUARD(mer_options_copy(config, sizeof chosen, "mer_log_config", &chosen, err));
    if ((unsigned)chosen.console > MER_SEVERITY_TRACE)
        return mer_fail(err, MER_ERR_USAGE, "there is no severity %d", (int)chosen.console);
    if (context->ctx.log)
        return mer_fail(err, MER_ERR_USAGE, "the context has an open log already");
    const struct mer_log_options options = {.show_data = chosen.show_data,
                                            .wall_clock = &MER_CLOCK_WALL};
    struct mer_log *log;
    MER_GUARD(mer_log_new(&context->alloc, &options, &log, err));
    const mer_status status = add_sinks(context, log, &chosen, err);
    if (!mer_is_ok(status)) {
        mer_log_file_seal(&context->log_file);
        mer_log_free(log);
        return status;
    }
    context->ctx.log = log;
    return mer_ok();
}

void mer_log_seal(struct mer_context *context)
{
    mer_log_file_seal(&context->log_file);
}

void mer_log_close(struct mer_context *context)
{
    mer_log_free(context->ctx.log);
    context->ctx.log = NULL;
    mer_log_file_seal(&context->log_file);
}

void mer_log_line(struct mer_context *context, enum mer_log_severity severity, const char *text)
{
    if ((unsigned)severity <= MER_SEVERITY_TRACE)
        mer_log_write(context->ctx.log, (enum mer_log_level)severity, "user", "%s", text);
}
