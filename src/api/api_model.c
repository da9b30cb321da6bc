/* Models as files: saved with a provenance record and signatures, loaded from the very bytes that
 * were verified. */
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "api/model_handles.h"
#include "api/trust_handles.h"
#include "formats/safetensors.h"
#include "guard/unseal.h"
#include "os/file.h"

/* A file and its signature, as bytes and then as outputs that have no name yet. */
struct signed_file {
    char *path;
    char *signature_path;
    struct mer_buf bytes;
    struct mer_buf signature;
    struct mer_output output;
    struct mer_output signature_output;
    bool is_signed;
};

static mer_status signed_file_init(struct signed_file *file, struct mer_alloc *alloc,
                                   const char *path, const char *suffix, mer_err *err)
{
    *file = (struct signed_file){.output.fd = -1, .signature_output.fd = -1};
    file->output.folder_fd = file->signature_output.folder_fd = -1;
    mer_buf_init(&file->bytes, alloc, SIZE_MAX);
    mer_buf_init(&file->signature, alloc, SIZE_MAX);
    MER_GUARD(mer_path_with_suffix(path, suffix, &file->path, err));
    return mer_path_with_suffix(file->path, ".sig", &file->signature_path, err);
}

static void signed_file_release(struct signed_file *file)
{
    mer_output_release(&file->output);
    mer_output_release(&file->signature_output);
    mer_buf_release(&file->bytes);
    mer_buf_release(&file->signature);
    free(file->path);
    free(file->signature_path);
}

/* Signs the bytes and writes both in full, without names. */
static mer_status signed_file_write(struct signed_file *file, const struct mer_signer *signer,
                                    bool replace, mer_err *err)
{
    if (signer) {
        MER_GUARD(mer_guard_sign_bytes(&signer->signer, file->path, file->bytes.bytes,
                                       file->bytes.n, &file->signature, err));
        MER_GUARD(
            mer_output_open(&file->signature_output, file->signature_path, replace, 0644, err));
        MER_GUARD(mer_output_write(&file->signature_output, file->signature.bytes,
                                   file->signature.n, err));
        file->is_signed = true;
    }
    MER_GUARD(mer_output_open(&file->output, file->path, replace, 0644, err));
    return mer_output_write(&file->output, file->bytes.bytes, file->bytes.n, err);
}

static mer_status signed_file_publish(struct signed_file *file, mer_err *err)
{
    return file->is_signed ? mer_output_publish_pair(&file->output, &file->signature_output, err)
                           : mer_output_publish(&file->output, err);
}

static mer_status model_bytes(const struct mer_fitted *model, struct mer_buf *buf, mer_err *err)
{
    struct mer_bundle bundle;
    mer_bundle_init(&bundle, &model->context->alloc);
    mer_status status = mer_pipeline_save(&model->context->ctx, model->pipeline, &bundle, err);
    if (mer_is_ok(status))
        status = mer_safetensors_write(&bundle, buf, err);
    mer_bundle_release(&bundle);
    return status;
}

static mer_status save(const struct mer_fitted *model, struct signed_file *file,
                       struct signed_file *record, const struct mer_signer *signer, bool replace,
                       struct mer_saved *ret_saved, mer_err *err)
{
    struct mer_saved saved;
    MER_GUARD(model_bytes(model, &file->bytes, err));
    MER_GUARD(mer_digest_hex(file->bytes.bytes, file->bytes.n, saved.digest, err));
    saved.n_bytes = file->bytes.n;
    MER_GUARD(mer_provenance_write(model, saved.digest, saved.n_bytes, &record->bytes, err));
    MER_GUARD(signed_file_write(file, signer, replace, err));
    /* A record without its model is what a run leaves that was stopped between the two. */
    MER_GUARD(signed_file_write(record, signer, true, err));
    MER_GUARD(mer_ctx_check_cancel(&model->context->ctx, err));
    /* The model comes last: where there is a model, everything about it is there. */
    MER_GUARD(signed_file_publish(record, err));
    MER_GUARD(signed_file_publish(file, err));
    *ret_saved = saved;
    return mer_ok();
}

mer_status mer_model_save(const struct mer_fitted *model, const char *path,
                          const struct mer_signer *signer, bool replace,
                          struct mer_saved *ret_saved, mer_err *err)
{
    struct mer_alloc *const alloc = &model->context->alloc;
    if (!model->is_new)
        return mer_fail(err, MER_ERR_USAGE,
                        "a model that was loaded is saved by copying its file and signature");
    struct signed_file file, record;
    mer_status status = signed_file_init(&file, alloc, path, "", err);
    const mer_status record_status =
        signed_file_init(&record, alloc, path, ".provenance.json", err);
    if (mer_is_ok(status))
        status = record_status;
    struct mer_saved saved;
    if (mer_is_ok(status))
        status = save(model, &file, &record, signer, replace, &saved, err);
    if (mer_is_ok(status))
        mer_fit_journal_end(model, status, saved.digest);
    if (mer_is_ok(status) && ret_saved)
        *ret_saved = saved;
    signed_file_release(&file);
    signed_file_release(&record);
    return status;
}

/* What every way of loading begins with. */
mer_status mer_model_new(struct mer_context *context, struct mer_fitted **ret_model, mer_err *err)
{
    struct mer_fitted *const model = calloc(1, sizeof *model);
    if (!model)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a model");
    model->context = context;
    model->sealed.fd = -1;
    mer_bundle_init(&model->bundle, &context->alloc);
    *ret_model = model;
    return mer_ok();
}

static mer_status parse(struct mer_fitted *model, mer_err *err)
{
    const struct mer_ctx *const ctx = &model->context->ctx;
    MER_GUARD(mer_safetensors_read(ctx, model->sealed.bytes, model->sealed.n, &model->bundle, err));
    MER_GUARD(mer_pipeline_load(ctx, &model->bundle, &model->pipeline, err));
    MER_GUARD(mer_facts_of_pipeline(ctx, model->pipeline, &model->own_facts, err));
    model->facts = &model->own_facts;
    return mer_ok();
}

mer_status mer_model_parse(struct mer_fitted *model, const char *path, mer_err *err)
{
    const struct mer_ctx *const ctx = &model->context->ctx;
    const uint64_t start_ns = mer_ctx_now_ns(ctx);
    if (mer_unseal_is_sealed(model->sealed.bytes, model->sealed.n))
        return mer_hint(err,
                        mer_fail(err, MER_ERR_DATA, "%s is a sealed model", mer_quote(path).text),
                        "open it with --identity (mer_model_load_sealed)");
    const mer_status status = parse(model, err);
    if (status.code == MER_ERR_DATA)
        return mer_hint(err, mer_prefix(err, status, "%s", mer_quote(path).text),
                        "the file is as its signer made it, but it is no model of this version");
    MER_GUARD(status);
    model->parse_seconds = (double)(mer_ctx_now_ns(ctx) - start_ns) * 1e-9;
    return mer_ok();
}

static mer_status load(struct mer_fitted *model, const char *path, const struct mer_trust *trust,
                       mer_err *err)
{
    struct mer_context *const context = model->context;
    const struct mer_ctx *const ctx = &context->ctx;
    const uint64_t start_ns = mer_ctx_now_ns(ctx);
    MER_GUARD(mer_guard_verify_sealed(&context->alloc, &trust->keys, path, NULL, SIZE_MAX - 1,
                                      &model->sealed, &model->verified, err));
    model->verify_seconds = (double)(mer_ctx_now_ns(ctx) - start_ns) * 1e-9;
    MER_GUARD(mer_model_parse(model, path, err));
    memcpy(model->digest, model->verified.digest, sizeof model->digest);
    mer_log_info(ctx, "api", "%s was verified: signer %s, sha256 %s", mer_quote(path).text,
                 mer_quote(model->verified.signer_name).text, model->verified.digest);
    return mer_ok();
}

mer_status mer_model_load(struct mer_context *context, const char *path,
                          const struct mer_trust *trust, struct mer_fitted **ret_model,
                          mer_err *err)
{
    struct mer_fitted *model = NULL;
    if (!trust)
        return mer_fail(err, MER_ERR_TRUST, "a model is loaded with keys to trust, or not at all");
    MER_GUARD(mer_model_new(context, &model, err));
    const mer_status status = load(model, path, trust, err);
    if (!mer_is_ok(status)) {
        mer_fitted_free(model);
        return status;
    }
    *ret_model = model;
    return mer_ok();
}

/* Nobody vouches for these bytes: this process hashes them and hands them on. */
mer_status mer_model_into_cells(struct mer_fitted *model, const char *path, size_t n_cells,
                                mer_err *err)
{
    struct mer_context *const context = model->context;
    const struct mer_ctx *const ctx = &context->ctx;
    const uint64_t start_ns = mer_ctx_now_ns(ctx);
    struct mer_cell_settings settings;
    MER_GUARD(mer_context_cell_settings(context, &settings, err));
    MER_GUARD(mer_digest_hex(model->sealed.bytes, model->sealed.n, model->digest, err));
    const struct mer_cell_input bytes = {model->sealed.fd, model->sealed.n};
    const mer_status status = mer_cell_pool_new(ctx, &settings, bytes, n_cells, &model->cells, err);
    if (status.code == MER_ERR_DATA)
        return mer_prefix(err, status, "%s", mer_quote(path).text);
    MER_GUARD(status);
    model->facts = mer_cell_pool_facts(model->cells);
    model->parse_seconds = (double)(mer_ctx_now_ns(ctx) - start_ns) * 1e-9;
    mer_log_warning(ctx, "api", "%s was not verified and runs in a cell: sha256 %s",
                    mer_quote(path).text, model->digest);
    return mer_ok();
}

mer_status mer_model_load_unsigned(struct mer_context *context, const char *path,
                                   const struct mer_unsigned_options *options,
                                   struct mer_fitted **ret_model, mer_err *err)
{
    struct mer_unsigned_options chosen = {.size = sizeof chosen};
    struct mer_fitted *model = NULL;
    if (options)
        MER_GUARD(mer_options_copy(options, sizeof chosen, "mer_unsigned_options", &chosen, err));
    MER_GUARD(mer_model_new(context, &model, err));
    mer_status status = mer_sealed_read(path, SIZE_MAX - 1, &model->sealed, err);
    if (mer_is_ok(status))
        status = mer_model_into_cells(model, path, chosen.n_cells ? chosen.n_cells : 1, err);
    if (!mer_is_ok(status)) {
        mer_fitted_free(model);
        return status;
    }
    *ret_model = model;
    return mer_ok();
}

bool mer_model_is_unsigned(const struct mer_fitted *model)
{
    return model->cells != NULL;
}
