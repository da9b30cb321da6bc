/* Opening sealed files, which are verified before they meet a key. Into a file, which appears at
 * the end: as a stream (sealed_reading.h). A model: read into sealed memory and verified there, and
 * opened into sealed memory and nowhere else.
 */
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "api/model_handles.h"
#include "api/sealed_reading.h"
#include "api/trust_handles.h"
#include "guard/seal_store.h"
#include "os/file.h"
#include "os/file_stream.h"
#include "os/memory_file.h"

/* Finds the keys and opens what the source gives. */
static mer_status open_source(struct mer_context *context, const char *path,
                              const struct mer_unseal_options *options,
                              struct mer_seal_source source, struct mer_seal_sink sink,
                              mer_err *err)
{
    struct mer_alloc *const alloc = &context->alloc;
    struct mer_identities identities = {.n = 0};
    struct mer_unseal_with with = {.ask = options->ask, .self = options->self, .name = path};
    char *folder = NULL;
    mer_status status = mer_ok();
    if (options->n_identities > 0) {
        MER_GUARD(mer_key_store_folder(options->directory, &folder, err));
        status = mer_identities_init(&identities, err);
        with.identities = &identities;
    }
    for (size_t i = 0; mer_is_ok(status) && i < options->n_identities; i++)
        status = mer_seal_store_identities(alloc, folder, options->identities[i], options->ask,
                                           options->self, &identities, err);
    free(folder);
    if (mer_is_ok(status)) {
        status = mer_unseal_stream(alloc, &with, source, sink, NULL, err);
        if (!mer_is_ok(status))
            status = mer_prefix(err, status, "%s", mer_quote(path).text);
    }
    mer_identities_release(&identities);
    return status;
}

/* Verified, or opened for whoever has made it. */
static mer_status check_options(const char *path, const struct mer_unseal_options *options,
                                mer_err *err)
{
    if (!options->trust && !options->is_unsigned)
        return mer_fail(err, MER_ERR_TRUST,
                        "a sealed file is opened with keys to trust, or not at all");
    if (strcmp(path, "-") == 0 && !options->is_unsigned)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_TRUST, "standard input has no signature beside it"),
                        "make a file of it, with its signature beside it, or give --unsigned");
    return mer_ok();
}

/* ---- Into a file ---- */

static mer_status into_output(void *self, const void *bytes, size_t n, mer_err *err)
{
    return mer_output_write(self, bytes, n, err);
}

static mer_status begin_reading(struct mer_sealed_reading *reading,
                                const struct mer_unseal_options *options,
                                struct mer_verified *ret_verified, mer_err *err)
{
    const enum mer_path_kind kind = mer_path_kind(reading->path);
    mer_status status = {MER_ERR_TRUST};
    MER_GUARD(check_options(reading->path, options, err));
    if (kind == MER_PATH_OTHER && !options->is_unsigned)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_NO_INPUT,
                                 "%s is not a regular file: its signature is verified before it is "
                                 "opened, so it is read twice",
                                 mer_quote(reading->path).text),
                        "make a file of it, or open it with --unsigned");
    if (options->trust && strcmp(reading->path, "-") != 0 && kind != MER_PATH_OTHER)
        status = mer_sealed_reading_verify(reading, &options->trust->keys, ret_verified, err);
    if (status.code != MER_ERR_TRUST || !options->is_unsigned)
        return status;
    mer_err_clear(err);
    return mer_sealed_reading_open(reading, err);
}

static mer_status unseal(struct mer_context *context, struct mer_sealed_reading *reading,
                         const char *out, const struct mer_unseal_options *options,
                         struct mer_verified *ret_verified, mer_err *err)
{
    struct mer_output output;
    /* First of all: nobody wants to hear after a long reading that there is no place for it. */
    MER_GUARD(mer_output_open(&output, out, options->replace, 0600, err));
    mer_status status = begin_reading(reading, options, ret_verified, err);
    if (mer_is_ok(status))
        status = open_source(context, reading->path, options, mer_sealed_reading_source(reading),
                             (struct mer_seal_sink){into_output, &output}, err);
    if (mer_is_ok(status))
        status = mer_sealed_reading_check(reading, err);
    if (mer_is_ok(status))
        status = mer_output_publish(&output, err);
    mer_output_release(&output);
    MER_GUARD(status);
    if (ret_verified->digest[0])
        mer_log_info(&context->ctx, "api", "%s was verified and opened: signer %s",
                     mer_quote(reading->path).text, mer_quote(ret_verified->signer_name).text);
    else
        mer_log_warning(&context->ctx, "api", "%s was opened and not verified",
                        mer_quote(reading->path).text);
    return mer_ok();
}

mer_status mer_unseal(struct mer_context *context, const char *path, const char *out,
                      const struct mer_unseal_options *options, struct mer_verified *ret_verified,
                      mer_err *err)
{
    struct mer_unseal_options chosen = {.size = 0};
    struct mer_sealed_reading reading;
    struct mer_verified verified = {.n_files = 0};
    MER_GUARD(mer_options_copy(options, sizeof chosen, "mer_unseal_options", &chosen, err));
    mer_sealed_reading_init(&reading, &context->ctx, &context->alloc, path);
    const mer_status status = unseal(context, &reading, out, &chosen, &verified, err);
    mer_sealed_reading_release(&reading);
    if (mer_is_ok(status) && ret_verified)
        *ret_verified = verified;
    return status;
}

/* ---- Into memory ---- */

/* The sealed bytes, and what of the context's budget they and what they hold may take. */
struct closed {
    struct mer_context *context;
    struct mer_sealed sealed;
    struct mer_verified verified; /* empty: nobody vouches for it */
    size_t n_charged;
};

static void closed_release(struct closed *closed)
{
    mer_sealed_release(&closed->sealed);
    mer_alloc_uncharge(&closed->context->alloc, closed->n_charged);
    closed->n_charged = 0;
}

static size_t memory_budget(const struct mer_context *context)
{
    const size_t machine = mer_memory_of_machine();
    return context->alloc.budget < machine ? context->alloc.budget : machine;
}

static mer_status fail_too_large(const char *path, uint64_t n, size_t budget, mer_err *err)
{
    const mer_status status =
        mer_fail(err, MER_ERR_MEMORY,
                 "%s has %llu bytes, and opening it takes more than the memory budget of %zu",
                 mer_quote(path).text, (unsigned long long)n, budget);
    return mer_hint(err, status, "give it more memory");
}

/* What is opened is never larger than what is sealed, and must fit beside it. */
static mer_status charge(struct closed *closed, const char *path, size_t n_copies, mer_err *err)
{
    struct mer_alloc *const alloc = &closed->context->alloc;
    const size_t budget = memory_budget(closed->context);
    const size_t n = closed->sealed.n;
    if (n > budget / n_copies || !mer_is_ok(mer_alloc_charge(alloc, n * n_copies, NULL)))
        return fail_too_large(path, n, budget, err);
    closed->n_charged = n * n_copies;
    return mer_ok();
}

/* A file that is too large is not even copied. */
static mer_status check_size(const struct mer_context *context, const char *path, mer_err *err)
{
    struct mer_file_stream stream;
    const size_t budget = memory_budget(context);
    if (mer_path_kind(path) != MER_PATH_FILE)
        return mer_ok();
    MER_GUARD(mer_file_stream_open(&stream, path, true, err));
    mer_file_stream_close(&stream);
    return stream.n_bytes > budget ? fail_too_large(path, stream.n_bytes, budget, err) : mer_ok();
}

/* Reads the file and, unless it may be anybody's, verifies it. n_copies as for charge. */
static mer_status read_closed(struct closed *closed, const char *path,
                              const struct mer_unseal_options *options, size_t n_copies,
                              mer_err *err)
{
    struct mer_context *const context = closed->context;
    const size_t max = memory_budget(context) - (memory_budget(context) == SIZE_MAX);
    MER_GUARD(check_options(path, options, err));
    MER_GUARD(check_size(context, path, err));
    mer_status status = {MER_ERR_TRUST};
    if (options->trust && strcmp(path, "-") != 0)
        status = mer_guard_verify_sealed(&context->alloc, &options->trust->keys, path, NULL, max,
                                         &closed->sealed, &closed->verified, err);
    if (status.code == MER_ERR_TRUST && options->is_unsigned) {
        mer_err_clear(err);
        status = mer_sealed_read(path, max, &closed->sealed, err);
    }
    MER_GUARD(status);
    if (!mer_unseal_is_sealed(closed->sealed.bytes, closed->sealed.n))
        return mer_fail(err, MER_ERR_DATA, "%s is not a sealed file", mer_quote(path).text);
    return charge(closed, path, n_copies, err);
}

struct memory {
    int fd;
    size_t n;
};

static mer_status into_memory(void *self, const void *bytes, size_t n, mer_err *err)
{
    struct memory *const memory = self;
    memory->n += n;
    return mer_fd_write(memory->fd, bytes, n, "an opened copy in memory", err);
}

static mer_status open_in_memory(const struct closed *closed, const char *path,
                                 const struct mer_unseal_options *options,
                                 struct mer_sealed *ret_sealed, mer_err *err)
{
    struct memory memory = {.fd = -1};
    struct mer_sealed sealed = {.fd = -1};
    struct mer_seal_memory bytes = {closed->sealed.bytes, closed->sealed.n};
    MER_GUARD(mer_memory_file_new("merlon-opened", &memory.fd, err));
    sealed.fd = memory.fd;
    mer_status status = open_source(closed->context, path, options,
                                    (struct mer_seal_source){mer_seal_memory_read, &bytes},
                                    (struct mer_seal_sink){into_memory, &memory}, err);
    if (mer_is_ok(status))
        status = mer_memory_file_seal(memory.fd, err);
    if (mer_is_ok(status) && memory.n > 0)
        status = mer_memory_file_map(memory.fd, memory.n, &sealed.bytes, err);
    sealed.n = memory.n;
    if (mer_is_ok(status))
        *ret_sealed = sealed;
    else
        mer_sealed_release(&sealed);
    return status;
}

static mer_status load_sealed(struct closed *closed, const char *path,
                              const struct mer_unseal_options *options, struct mer_fitted *model,
                              mer_err *err)
{
    const struct mer_ctx *const ctx = &closed->context->ctx;
    const uint64_t start_ns = mer_ctx_now_ns(ctx);
    MER_GUARD(read_closed(closed, path, options, 2, err));
    MER_GUARD(open_in_memory(closed, path, options, &model->sealed, err));
    if (!closed->verified.digest[0])
        return mer_model_into_cells(model, path, 1, err);
    MER_GUARD(mer_digest_hex(model->sealed.bytes, model->sealed.n, model->digest, err));
    model->verified = closed->verified;
    model->verify_seconds = (double)(mer_ctx_now_ns(ctx) - start_ns) * 1e-9;
    mer_log_info(ctx, "api", "%s was verified and opened: signer %s, sha256 %s of what is in it",
                 mer_quote(path).text, mer_quote(model->verified.signer_name).text, model->digest);
    return mer_model_parse(model, path, err);
}

mer_status mer_model_load_sealed(struct mer_context *context, const char *path,
                                 const struct mer_unseal_options *options,
                                 struct mer_fitted **ret_model, mer_err *err)
{
    struct mer_unseal_options chosen = {.size = 0};
    struct closed closed = {.context = context, .sealed.fd = -1};
    struct mer_fitted *model = NULL;
    MER_GUARD(mer_options_copy(options, sizeof chosen, "mer_unseal_options", &chosen, err));
    MER_GUARD(mer_model_new(context, &model, err));
    const mer_status status = load_sealed(&closed, path, &chosen, model, err);
    closed_release(&closed);
    if (!mer_is_ok(status)) {
        mer_fitted_free(model);
        return status;
    }
    *ret_model = model;
    return mer_ok();
}
