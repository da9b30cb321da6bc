/* Models as files: saved with a provenance record and signatures, loaded from the very bytes that
 * were verified. */
#include <stdlib.h>
#include <string.h>

#include "api/api_provenance.h"
#include "api/model_handles.h"
#include "api/trust_handles.h"
#include "formats/safetensors.h"
#include "guard/envelope.h"
#include "guard/provenance.h"
#include "guard/unseal.h"
#include "os/file.h"

/* One of the files of a model: its bytes, and an output that has no name yet. */
struct part {
    char *path;
    struct mer_buf bytes;
    struct mer_output output;
};

/* The model, its signature, its provenance record. */
enum { PART_MODEL, PART_SIGNATURE, PART_RECORD, N_PARTS };

static mer_status parts_init(struct part parts[N_PARTS], struct mer_alloc *alloc, const char *path,
                             mer_err *err)
{
    static const char *const suffixes[N_PARTS] = {"", ".sig", MER_PROVENANCE_SUFFIX};
    for (size_t i = 0; i < N_PARTS; i++) {
        parts[i] = (struct part){.output.fd = -1, .output.folder_fd = -1};
        mer_buf_init(&parts[i].bytes, alloc, SIZE_MAX);
    }
    for (size_t i = 0; i < N_PARTS; i++)
        MER_GUARD(mer_path_with_suffix(path, suffixes[i], &parts[i].path, err));
    return mer_ok();
}

static void parts_release(struct part parts[N_PARTS])
{
    for (size_t i = 0; i < N_PARTS; i++) {
        mer_output_release(&parts[i].output);
        mer_buf_release(&parts[i].bytes);
        free(parts[i].path);
    }
}

/* In full, without a name. */
static mer_status part_write(struct part *part, bool replace, mer_err *err)
{
    MER_GUARD(mer_output_open(&part->output, part->path, replace, 0644, err));
    return mer_output_write(&part->output, part->bytes.bytes, part->bytes.n, err);
}

/* The record's statement, in an envelope of the signer's where there is one. */
static mer_status make_record(const struct mer_fitted *model, const struct mer_signer *signer,
                              const struct mer_recorded *recorded, struct mer_buf *buf,
                              mer_err *err)
{
    MER_CLEANUP(mer_buf_release) struct mer_buf statement;
    mer_buf_init(&statement, buf->alloc, MER_PROVENANCE_MAX);
    MER_GUARD(mer_provenance_write(model, recorded, &statement, err));
    return signer ? mer_envelope_make(&signer->signer, &statement, buf, err)
                  : mer_buf_append(buf, statement.bytes, statement.n, err);
}

/* Everything gets its name in one step, as far as a reader can tell. */
static mer_status publish(struct part parts[N_PARTS], bool is_signed, mer_err *err)
{
    struct mer_output *const companions[] = {&parts[PART_SIGNATURE].output,
                                             &parts[PART_RECORD].output};
    return is_signed ? mer_output_publish_group(&parts[PART_MODEL].output, companions, 2, err)
                     : mer_output_publish_pair(&parts[PART_MODEL].output, companions[1], err);
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

mer_status mer_model_digest(const struct mer_fitted *model, char ret_hex[65], mer_err *err)
{
    struct mer_buf buf;
    mer_buf_init(&buf, &model->context->alloc, SIZE_MAX);
    mer_status status = model_bytes(model, &buf, err);
    if (mer_is_ok(status))
        status = mer_digest_hex(buf.bytes, buf.n, ret_hex, err);
    mer_buf_release(&buf);
    return status;
}

static mer_status save(const struct mer_fitted *model, struct part parts[N_PARTS],
                       const struct mer_signer *signer, bool replace, struct mer_saved *ret_saved,
                       mer_err *err)
{
    struct mer_saved saved;
    struct mer_buf *const bytes = &parts[PART_MODEL].bytes;
    MER_GUARD(model_bytes(model, bytes, err));
    MER_GUARD(mer_digest_hex(bytes->bytes, bytes->n, saved.digest, err));
    saved.n_bytes = bytes->n;
    const struct mer_recorded recorded = {.path = parts[PART_MODEL].path,
                                          .digest = saved.digest,
                                          .n_bytes = saved.n_bytes,
                                          .serial = signer ? signer->signer.serial : 0};
    MER_GUARD(make_record(model, signer, &recorded, &parts[PART_RECORD].bytes, err));
    if (signer) {
        MER_GUARD(mer_guard_sign_bytes(&signer->signer, parts[PART_MODEL].path, bytes->bytes,
                                       bytes->n, &parts[PART_SIGNATURE].bytes, err));
        MER_GUARD(part_write(&parts[PART_SIGNATURE], replace, err));
    }
    MER_GUARD(part_write(&parts[PART_MODEL], replace, err));
    /* A record without its model is what a run of an earlier version left that was stopped. */
    MER_GUARD(part_write(&parts[PART_RECORD], true, err));
    MER_GUARD(mer_ctx_check_cancel(&model->context->ctx, err));
    MER_GUARD(publish(parts, signer != NULL, err));
    *ret_saved = saved;
    return mer_ok();
}

mer_status mer_model_save(const struct mer_fitted *model, const char *path,
                          const struct mer_signer *signer, bool replace,
                          struct mer_saved *ret_saved, mer_err *err)
{
    struct part parts[N_PARTS];
    struct mer_saved saved;
    if (!model->is_new)
        return mer_fail(err, MER_ERR_USAGE,
                        "a model that was loaded is saved by copying its file and signature");
    mer_status status = parts_init(parts, &model->context->alloc, path, err);
    if (mer_is_ok(status))
        status = save(model, parts, signer, replace, &saved, err);
    if (mer_is_ok(status))
        mer_fit_journal_end(model, status, saved.digest);
    if (mer_is_ok(status) && ret_saved)
        *ret_saved = saved;
    parts_release(parts);
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

mer_status mer_model_copy(const struct mer_fitted *from, struct mer_fitted *model, mer_err *err)
{
    const struct mer_ctx *const ctx = &model->context->ctx;
    mer_buf_init(&model->copied, &model->context->alloc, SIZE_MAX);
    mer_bundle_init(&model->bundle, &model->context->alloc);
    MER_GUARD(model_bytes(from, &model->copied, err));
    MER_GUARD(mer_safetensors_read(ctx, model->copied.bytes, model->copied.n, &model->bundle, err));
    return mer_pipeline_load(ctx, &model->bundle, &model->pipeline, err);
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
