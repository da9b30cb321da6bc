/* Keys, signing and verifying of the public API: default folders and owners of memory, over guard.
 */
#include <stdlib.h>

#include "api/handles.h"
#include "api/trust_handles.h"
#include "guard/key_store.h"
#include "guard/provenance.h"
#include "guard/statement.h"
#include "os/file.h"

static mer_status new_trust(struct mer_trust **ret_trust, mer_err *err)
{
    struct mer_trust *const trust = calloc(1, sizeof *trust);
    if (!trust)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for trusted keys");
    mer_alloc_init(&trust->alloc, SIZE_MAX);
    mer_trusted_keys_init(&trust->keys, &trust->alloc);
    *ret_trust = trust;
    return mer_ok();
}

mer_status mer_trust_open(const char *directory, struct mer_trust **ret_trust, mer_err *err)
{
    struct mer_trust *trust = NULL;
    char *folder;
    MER_GUARD(mer_key_store_folder(directory, &folder, err));
    mer_status status = new_trust(&trust, err);
    if (mer_is_ok(status)) {
        status = mer_key_store_trusted(folder, &trust->keys, err);
        if (mer_is_ok(status))
            status = mer_key_store_policy(folder, &trust->keys, err);
        if (mer_is_ok(status))
            *ret_trust = trust;
        else
            mer_trust_free(trust);
    }
    free(folder);
    return status;
}

mer_status mer_trust_open_key(const char *pem_file, struct mer_trust **ret_trust, mer_err *err)
{
    struct mer_trust *trust = NULL;
    MER_GUARD(new_trust(&trust, err));
    const mer_status status = mer_trusted_keys_add_file(&trust->keys, pem_file, err);
    if (mer_is_ok(status))
        *ret_trust = trust;
    else
        mer_trust_free(trust);
    return status;
}

mer_status mer_trust_open_authority(const char *directory, const char *pem_file,
                                    struct mer_trust **ret_trust, mer_err *err)
{
    struct mer_trust *trust = NULL;
    char *folder;
    MER_GUARD(mer_key_store_folder(directory, &folder, err));
    mer_status status = new_trust(&trust, err);
    if (mer_is_ok(status))
        status = mer_key_store_revoked(folder, &trust->keys, err);
    free(folder);
    if (mer_is_ok(status))
        status = mer_authorities_read_file(&trust->keys.authorities, &trust->alloc, pem_file, err);
    if (mer_is_ok(status))
        *ret_trust = trust;
    else
        mer_trust_free(trust);
    return status;
}

static mer_status obey_file(struct mer_trust *trust, const char *file, mer_err *err)
{
    struct mer_file_bytes bytes;
    struct mer_policy policy;
    MER_GUARD(mer_file_read(&trust->alloc, file, MER_POLICY_FILE_MAX, &bytes, err));
    const mer_status status =
        mer_policy_open(&trust->alloc, file, bytes.bytes, bytes.n, &policy, err);
    mer_file_release(&bytes);
    MER_GUARD(status);
    mer_policy_release(&trust->keys.policy);
    trust->keys.policy = policy;
    return mer_ok();
}

mer_status mer_trust_obey(struct mer_trust *trust, const char *directory, const char *file,
                          mer_err *err)
{
    char *folder;
    if (file)
        return obey_file(trust, file, err);
    MER_GUARD(mer_key_store_folder(directory, &folder, err));
    const mer_status status = mer_key_store_policy(folder, &trust->keys, err);
    free(folder);
    return status;
}

void mer_trust_free(struct mer_trust *trust)
{
    if (!trust)
        return;
    mer_trusted_keys_release(&trust->keys);
    free(trust);
}

mer_status mer_keys_new(const char *directory, const char *name, mer_passphrase_fn *ask, void *self,
                        mer_err *err)
{
    struct mer_alloc alloc;
    char *folder;
    MER_GUARD(mer_key_store_folder(directory, &folder, err));
    mer_alloc_init(&alloc, SIZE_MAX);
    const mer_status status = mer_key_store_make(&alloc, folder, name, ask, self, err);
    free(folder);
    return status;
}

mer_status mer_signer_open(const char *directory, const char *name, mer_passphrase_fn *ask,
                           void *self, struct mer_signer **ret_signer, mer_err *err)
{
    struct mer_alloc alloc;
    char *folder;
    MER_GUARD(mer_key_store_folder(directory, &folder, err));
    struct mer_signer *const signer = calloc(1, sizeof *signer);
    mer_alloc_init(&alloc, SIZE_MAX);
    const mer_status status =
        signer ? mer_key_store_open(&alloc, folder, name, ask, self, &signer->signer.key, err)
               : mer_fail(err, MER_ERR_MEMORY, "no memory for a signer");
    if (mer_is_ok(status))
        *ret_signer = signer;
    else
        free(signer);
    free(folder);
    return status;
}

mer_status mer_signer_certify(struct mer_signer *signer, const char *pem_file, mer_err *err)
{
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    return mer_guard_signer_certify(&signer->signer, &alloc, pem_file, err);
}

mer_status mer_signer_set_serial(struct mer_signer *signer, uint64_t serial, mer_err *err)
{
    if (serial > MER_SERIAL_MAX)
        return mer_fail(err, MER_ERR_USAGE, "a serial number is at most 2^53");
    signer->signer.serial = serial;
    return mer_ok();
}

void mer_signer_free(struct mer_signer *signer)
{
    if (!signer)
        return;
    mer_guard_signer_release(&signer->signer);
    free(signer);
}

mer_status mer_keys_list(const char *directory,
                         void (*each)(void *self, const struct mer_key_info *key), void *self,
                         mer_err *err)
{
    struct mer_alloc alloc;
    char *folder;
    MER_GUARD(mer_key_store_folder(directory, &folder, err));
    mer_alloc_init(&alloc, SIZE_MAX);
    const mer_status status = mer_key_store_list(&alloc, folder, each, self, err);
    free(folder);
    return status;
}

mer_status mer_keys_trust(const char *directory, const char *name, const char *pem_file,
                          mer_err *err)
{
    struct mer_alloc alloc;
    char *folder;
    MER_GUARD(mer_key_store_folder(directory, &folder, err));
    mer_alloc_init(&alloc, SIZE_MAX);
    const mer_status status = mer_key_store_trust(&alloc, folder, name, pem_file, err);
    free(folder);
    return status;
}

mer_status mer_keys_revoke(const char *directory, const char *name, mer_err *err)
{
    struct mer_alloc alloc;
    char *folder;
    MER_GUARD(mer_key_store_folder(directory, &folder, err));
    mer_alloc_init(&alloc, SIZE_MAX);
    const mer_status status = mer_key_store_revoke(&alloc, folder, name, err);
    free(folder);
    return status;
}

mer_status mer_keys_public(const char *directory, const char *name, char **ret_pem, mer_err *err)
{
    struct mer_alloc alloc;
    struct mer_buf pem;
    char *folder;
    MER_GUARD(mer_key_store_folder(directory, &folder, err));
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_buf_init(&pem, &alloc, MER_KEY_PEM_MAX);
    mer_status status = mer_key_store_public(folder, name, &pem, err);
    if (mer_is_ok(status))
        status = mer_text_of_buf(&pem, ret_pem, err);
    mer_buf_release(&pem);
    free(folder);
    return status;
}

mer_status mer_sign(const struct mer_signer *signer, const char *path, const char *signature,
                    bool replace, mer_err *err)
{
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    return mer_guard_sign_path(&alloc, &signer->signer, path, signature, replace, err);
}

mer_status mer_verify(const struct mer_trust *trust, const char *path, const char *signature,
                      struct mer_verified *ret_verified, mer_err *err)
{
    return mer_verify_ignoring(trust, path, signature, NULL, 0, ret_verified, err);
}

mer_status mer_verify_ignoring(const struct mer_trust *trust, const char *path,
                               const char *signature, const char *const *ignored, size_t n_ignored,
                               struct mer_verified *ret_verified, mer_err *err)
{
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    return mer_guard_verify_path(&alloc, &trust->keys, path, signature, ignored, n_ignored,
                                 ret_verified, err);
}

static mer_status digest_of_file(struct mer_alloc *alloc, const char *path, char ret_hex[65],
                                 mer_err *err)
{
    struct mer_file_bytes file;
    MER_GUARD(mer_file_read(alloc, path, SIZE_MAX - 1, &file, err));
    const mer_status status = mer_digest_hex(file.bytes, file.n, ret_hex, err);
    mer_file_release(&file);
    return status;
}

mer_status mer_provenance_verify(const struct mer_trust *trust, const char *path,
                                 const char *digest, char **ret_json,
                                 struct mer_verified *ret_verified, mer_err *err)
{
    struct mer_alloc alloc;
    char hex[65];
    mer_alloc_init(&alloc, SIZE_MAX);
    if (!digest)
        MER_GUARD(digest_of_file(&alloc, path, hex, err));
    MER_CLEANUP(mer_buf_release) struct mer_buf buf;
    mer_buf_init(&buf, &alloc, MER_PROVENANCE_MAX);
    MER_GUARD(mer_guard_verify_provenance(&alloc, &trust->keys, path, digest ? digest : hex, &buf,
                                          ret_verified, err));
    return ret_json ? mer_text_of_buf(&buf, ret_json, err) : mer_ok();
}
