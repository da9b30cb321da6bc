/* Sealing files and the keys for it, over guard: a file is read, sealed and signed in one go, and
 * appears with its signature or not at all. Opening is in api_unseal.c. */
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "api/trust_handles.h"
#include "guard/hash.h"
#include "guard/seal_store.h"
#include "os/file.h"
#include "os/input.h"

_Static_assert((int)MER_RECIPIENT_MAX == (int)MER_RECIPIENT_TEXT_MAX, "one size");

/* ---- Keys ---- */

mer_status mer_seal_key_new(const char *directory, const char *name, mer_passphrase_fn *ask,
                            void *self, char ret_recipient[MER_RECIPIENT_MAX], mer_err *err)
{
    struct mer_alloc alloc;
    struct mer_recipient recipient;
    char *folder;
    MER_GUARD(mer_key_store_folder(directory, &folder, err));
    mer_alloc_init(&alloc, SIZE_MAX);
    const mer_status status = mer_seal_store_make(&alloc, folder, name, ask, self, &recipient, err);
    free(folder);
    if (mer_is_ok(status) && ret_recipient)
        mer_recipient_text(&recipient, ret_recipient);
    return status;
}

mer_status mer_seal_key_destroy(const char *directory, const char *name, mer_err *err)
{
    char *folder;
    MER_GUARD(mer_key_store_folder(directory, &folder, err));
    const mer_status status = mer_seal_store_destroy(folder, name, err);
    free(folder);
    return status;
}

mer_status mer_seal_keys_list(const char *directory,
                              void (*each)(void *self, const struct mer_seal_key_info *),
                              void *self, mer_err *err)
{
    char *folder;
    MER_GUARD(mer_key_store_folder(directory, &folder, err));
    const mer_status status = mer_seal_store_list(folder, each, self, err);
    free(folder);
    return status;
}

/* ---- Sealing ---- */

/* Small enough to stay in a core's cache with what is made of it. */
enum { READ_BYTES = 128 << 10 };

struct sealing {
    struct mer_context *context;
    const struct mer_seal_options *options;
    const char *path;
    const char *out;
    struct mer_recipients recipients;
    struct mer_secret passphrase;
    struct mer_verified
        original;                /* whose signature the plain file has; empty: none was looked at */
    struct mer_hash plain_hash;  /* where it has one */
    struct mer_hash sealed_hash; /* where it will be signed */
    uint64_t n_sealed;
    struct mer_output output;
    struct mer_output signature_output;
};

static mer_status take_sealed(void *self, const void *bytes, size_t n, mer_err *err)
{
    struct sealing *const sealing = self;
    if (sealing->sealed_hash.context)
        MER_GUARD(mer_hash_update(&sealing->sealed_hash, bytes, n, err));
    sealing->n_sealed += n;
    return mer_output_write(&sealing->output, bytes, n, err);
}

static mer_status find_recipients(struct sealing *sealing, mer_err *err)
{
    const struct mer_seal_options *const options = sealing->options;
    char *folder = NULL;
    mer_status status = mer_ok();
    if (options->n_recipients == 0)
        return mer_ok();
    MER_GUARD(mer_key_store_folder(options->directory, &folder, err));
    for (size_t i = 0; mer_is_ok(status) && i < options->n_recipients; i++)
        status = mer_seal_store_recipients(&sealing->context->alloc, folder, options->recipients[i],
                                           &sealing->recipients, err);
    free(folder);
    return status;
}

/* A file that has a signature is sealed only as it was signed. */
static mer_status verify_original(struct sealing *sealing, mer_err *err)
{
    const struct mer_trust *const trust = sealing->options->trust;
    if (!trust || strcmp(sealing->path, "-") == 0 || !mer_guard_is_signed(sealing->path))
        return mer_ok();
    const mer_status status =
        mer_guard_verify_path(&sealing->context->alloc, &trust->keys, sealing->path, NULL, NULL, 0,
                              &sealing->original, err);
    if (status.code == MER_ERR_TRUST)
        return mer_hint(err, status, "it would be sealed as it is, and look as if it were whole");
    MER_GUARD(status);
    return mer_hash_init(&sealing->plain_hash, MER_HASH_SHA256, err);
}

static mer_status check_original(struct sealing *sealing, mer_err *err)
{
    struct mer_digest digest;
    char hex[MER_HASH_HEX_MAX];
    if (!sealing->plain_hash.context)
        return mer_ok();
    MER_GUARD(mer_hash_final(&sealing->plain_hash, &digest, err));
    mer_hash_hex(digest.bytes, digest.n, hex);
    if (strcmp(hex, sealing->original.digest) == 0)
        return mer_ok();
    return mer_fail(err, MER_ERR_TRUST, "%s was changed while it was sealed",
                    mer_quote(sealing->path).text);
}

static mer_status copy_all(struct sealing *sealing, const struct mer_input *input,
                           struct mer_sealer *sealer, unsigned char *space, mer_err *err)
{
    for (size_t n = 0, got = 0;; n += got) {
        MER_GUARD(mer_ctx_check_cancel(&sealing->context->ctx, err));
        MER_GUARD(mer_input_read(input, n, space, READ_BYTES, &got, err));
        if (got == 0)
            return mer_sealer_end(sealer, err);
        if (sealing->plain_hash.context)
            MER_GUARD(mer_hash_update(&sealing->plain_hash, space, got, err));
        MER_GUARD(mer_sealer_write(sealer, space, got, err));
    }
}

static mer_status seal_input(struct sealing *sealing, const struct mer_input *input, mer_err *err)
{
    struct mer_alloc *const alloc = &sealing->context->alloc;
    const struct mer_seal_to to = {.recipients = sealing->recipients.items,
                                   .n_recipients = sealing->recipients.n,
                                   .passphrase =
                                       sealing->options->ask ? &sealing->passphrase : NULL,
                                   .work = sealing->options->work,
                                   .armored = sealing->options->armored};
    struct mer_sealer sealer;
    unsigned char *space = NULL;
    MER_GUARD(mer_alloc_bytes(alloc, READ_BYTES, &space, err));
    mer_status status =
        mer_sealer_init(&sealer, alloc, &to, (struct mer_seal_sink){take_sealed, sealing}, err);
    if (mer_is_ok(status))
        status = copy_all(sealing, input, &sealer, space, err);
    mer_sealer_release(&sealer);
    explicit_bzero(space, READ_BYTES);
    mer_free(alloc, space);
    return status;
}

/* Both files are written in full before the first gets its name. */
static mer_status publish(struct sealing *sealing, struct mer_saved *ret_saved, mer_err *err)
{
    const struct mer_signer *const signer = sealing->options->signer;
    struct mer_digest digest = {.n = 0};
    struct mer_buf signature;
    char *path = NULL;
    mer_status status;
    if (sealing->sealed_hash.context)
        MER_GUARD(mer_hash_final(&sealing->sealed_hash, &digest, err));
    if (ret_saved) {
        ret_saved->n_bytes = (size_t)sealing->n_sealed;
        mer_hash_hex(digest.bytes, digest.n, ret_saved->digest);
    }
    if (!signer)
        return mer_output_publish(&sealing->output, err);
    mer_buf_init(&signature, &sealing->context->alloc, SIZE_MAX);
    MER_GUARD_GOTO(mer_guard_sign_digest(&signer->signer, sealing->out, &digest, &signature, err),
                   done);
    MER_GUARD_GOTO(mer_path_with_suffix(sealing->out, ".sig", &path, err), done);
    MER_GUARD_GOTO(
        mer_output_open(&sealing->signature_output, path, sealing->options->replace, 0644, err),
        done);
    MER_GUARD_GOTO(mer_output_write(&sealing->signature_output, signature.bytes, signature.n, err),
                   done);
    MER_GUARD_GOTO(mer_output_publish_pair(&sealing->output, &sealing->signature_output, err),
                   done);
done:
    free(path);
    mer_buf_release(&signature);
    return status;
}

static mer_status seal(struct sealing *sealing, struct mer_saved *ret_saved, mer_err *err)
{
    const struct mer_seal_options *const options = sealing->options;
    struct mer_input input;
    struct mer_saved saved = {.n_bytes = 0};
    if (options->ask && options->n_recipients > 0)
        return mer_fail(err, MER_ERR_USAGE,
                        "a file is sealed to recipients or to a passphrase, not to both");
    MER_GUARD(find_recipients(sealing, err));
    MER_GUARD(verify_original(sealing, err));
    MER_GUARD(mer_output_open(&sealing->output, sealing->out, options->replace, 0644, err));
    if (options->ask) {
        MER_GUARD(mer_secret_init(&sealing->passphrase, MER_PASSPHRASE_MAX, err));
        MER_GUARD(
            mer_key_ask_new(options->ask, options->self, sealing->out, &sealing->passphrase, err));
    }
    if (options->signer)
        MER_GUARD(mer_hash_init(&sealing->sealed_hash, MER_HASH_SHA256, err));
    MER_GUARD(mer_input_open(&input, sealing->path, SIZE_MAX - 1, err));
    const mer_status status = seal_input(sealing, &input, err);
    mer_input_close(&input);
    MER_GUARD(status);
    MER_GUARD(check_original(sealing, err));
    MER_GUARD(publish(sealing, &saved, err));
    if (ret_saved)
        *ret_saved = saved;
    mer_log_info(&sealing->context->ctx, "api", "%s was sealed to %zu recipients, %s",
                 mer_quote(sealing->path).text, sealing->recipients.n,
                 options->signer ? "and signed" : "not signed");
    return mer_ok();
}

mer_status mer_seal(struct mer_context *context, const char *path, const char *out,
                    const struct mer_seal_options *options, struct mer_saved *ret_saved,
                    mer_err *err)
{
    struct mer_seal_options chosen = {.size = 0};
    MER_GUARD(mer_options_copy(options, sizeof chosen, "mer_seal_options", &chosen, err));
    struct sealing sealing = {.context = context,
                              .options = &chosen,
                              .path = path,
                              .out = out,
                              .output = {.fd = -1, .folder_fd = -1},
                              .signature_output = {.fd = -1, .folder_fd = -1}};
    const mer_status status = seal(&sealing, ret_saved, err);
    mer_secret_release(&sealing.passphrase);
    mer_hash_release(&sealing.plain_hash);
    mer_hash_release(&sealing.sealed_hash);
    mer_output_release(&sealing.output);
    mer_output_release(&sealing.signature_output);
    return status;
}
