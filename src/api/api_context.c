/* The context of the public API: owns what the rooms only borrow. */
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "core/team.h"
#include "os/clock.h"
#include "os/program.h"

mer_status mer_options_copy(const void *options, size_t known, const char *what, void *ret_options,
                            mer_err *err)
{
    size_t size;
    memcpy(&size, options, sizeof size);
    if (size < known)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE, "the size of struct %s is %zu, not %zu", what,
                                 size, known),
                        "set its first field to sizeof(struct %s)", what);
    if (size > known)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE,
                                 "struct %s comes from a later version of "
                                 "merlon (%zu bytes, known are %zu)",
                                 what, size, known),
                        "build the program against the headers of the library that it runs with");
    memcpy(ret_options, options, known);
    return mer_ok();
}

mer_status mer_path_with_suffix(const char *path, const char *suffix, char **ret_path, mer_err *err)
{
    const size_t n_path = strlen(path), n_suffix = strlen(suffix);
    char *const joined = malloc(n_path + n_suffix + 1);
    if (!joined)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
    memcpy(joined, path, n_path);
    memcpy(joined + n_path, suffix, n_suffix + 1);
    *ret_path = joined;
    return mer_ok();
}

static mer_status cpu_level(const char *name, enum mer_cpu_level *ret_level, mer_err *err)
{
    const enum mer_cpu_level best = mer_cpu_detect();
    if (!name) {
        *ret_level = best;
        return mer_ok();
    }
    for (int level = MER_CPU_PLAIN; level < MER_CPU_LEVEL_COUNT; level++) {
        if (strcmp(name, mer_cpu_level_name((enum mer_cpu_level)level)) == 0) {
            *ret_level = level < (int)best ? (enum mer_cpu_level)level : best;
            return mer_ok();
        }
    }
    return mer_hint(
        err, mer_fail(err, MER_ERR_USAGE, "there is no instruction set %s", mer_quote(name).text),
        "there are: plain, avx2, avx512");
}

mer_status mer_context_new(const struct mer_context_options *options,
                           struct mer_context **ret_context, mer_err *err)
{
    struct mer_context_options chosen = {.size = sizeof chosen};
    if (options)
        MER_GUARD(mer_options_copy(options, sizeof chosen, "mer_context_options", &chosen, err));
    enum mer_cpu_level level = MER_CPU_PLAIN;
    MER_GUARD(cpu_level(chosen.cpu, &level, err));

    struct mer_context *const context = calloc(1, sizeof *context);
    if (!context)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a context");
    context->require_full_cell = chosen.require_full_cell != 0;
    if (chosen.cell_program) {
        const mer_status kept =
            mer_path_with_suffix(chosen.cell_program, "", &context->cell_program, err);
        if (!mer_is_ok(kept)) {
            free(context);
            return kept;
        }
    }
    mer_alloc_init(&context->alloc, chosen.memory_bytes ? chosen.memory_bytes : SIZE_MAX);
    context->log_file.fd = -1;
    context->progress = (struct mer_progress){chosen.on_progress, chosen.self};
    context->ctx = (struct mer_ctx){
        .alloc = &context->alloc,
        .clock = &MER_CLOCK_MONOTONIC,
        .cancel = &context->cancel,
        .progress = chosen.on_progress ? &context->progress : NULL,
        .cpu = level,
    };
    const size_t n_threads = chosen.n_threads ? chosen.n_threads : mer_processors_available();
    const mer_status status = mer_team_new(&context->alloc, n_threads, &context->ctx.team, err);
    if (!mer_is_ok(status)) {
        free(context->cell_program);
        free(context);
        return status;
    }
    *ret_context = context;
    return mer_ok();
}

mer_status mer_context_cell_settings(struct mer_context *context,
                                     struct mer_cell_settings *ret_settings, mer_err *err)
{
    if (!context->cell_program)
        MER_GUARD(mer_program_find("merlon-cell", MER_CELL_BESIDE, MER_CELL_FOLDER,
                                   &context->cell_program, err));
    *ret_settings = (struct mer_cell_settings){.program = context->cell_program,
                                               .require_full = context->require_full_cell};
    return mer_ok();
}

void mer_context_free(struct mer_context *context)
{
    if (!context)
        return;
    mer_log_close(context);
    mer_team_free(context->ctx.team);
    free(context->scratch_folder);
    free(context->cell_program);
    free(context);
}

void mer_context_cancel(struct mer_context *context, int signal_number)
{
    atomic_store_explicit(&context->cancel.signal, signal_number ? signal_number : -1,
                          memory_order_relaxed);
}

int mer_context_cancelled_by(const struct mer_context *context)
{
    return atomic_load_explicit(&context->cancel.signal, memory_order_relaxed);
}

size_t mer_context_used_bytes(const struct mer_context *context)
{
    return atomic_load_explicit(&context->alloc.used, memory_order_relaxed);
}

size_t mer_context_peak_bytes(const struct mer_context *context)
{
    return atomic_load_explicit(&context->alloc.peak, memory_order_relaxed);
}

const char *mer_version(void)
{
    return MER_VERSION;
}

mer_status mer_text_of_buf(const struct mer_buf *buf, char **ret_text, mer_err *err)
{
    char *const text = malloc(buf->n + 1);
    if (!text)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a text of %zu bytes", buf->n);
    if (buf->n)
        memcpy(text, buf->bytes, buf->n);
    text[buf->n] = '\0';
    *ret_text = text;
    return mer_ok();
}

void mer_text_free(char *text)
{
    free(text);
}

void mer_numbers_free(double *numbers)
{
    free(numbers);
}
