#include "guard/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"
#include "guard/envelope.h"
#include "guard/manifest.h"
#include "guard/signature_bundle.h"
#include "guard/statement.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/file_stream.h"

enum { SIGNATURE_MODE = 0644 };

void mer_guard_signer_release(struct mer_guard_signer *signer)
{
    mer_chain_release(&signer->chain);
    mer_signing_key_release(&signer->key);
}

/* The chain is one for the key that signs, and can be used now. */
static mer_status check_chain(const struct mer_guard_signer *signer, const struct mer_chain *chain,
                              mer_err *err)
{
    struct mer_public_key key;
    MER_GUARD(mer_chain_key(chain, &key, err));
    const bool same = strcmp(key.id, signer->key.public_key.id) == 0;
    mer_public_key_release(&key);
    if (!same)
        return mer_fail(err, MER_ERR_TRUST, "the certificate is one of another key");
    const uint64_t now = MER_CLOCK_WALL.now_ns(MER_CLOCK_WALL.self) / 1000000000;
    return mer_chain_check_signer(chain, (int64_t)now, err);
}

mer_status mer_guard_signer_certify(struct mer_guard_signer *signer, struct mer_alloc *alloc,
                                    const char *pem_file, mer_err *err)
{
    struct mer_file_bytes file;
    struct mer_chain chain = {0};
    MER_GUARD(mer_file_read(alloc, pem_file, MER_CERTIFICATE_FILE_MAX, &file, err));
    mer_status status = mer_chain_read(&chain, file.bytes, file.n, mer_quote(pem_file).text, err);
    mer_file_release(&file);
    MER_GUARD(status);
    status = check_chain(signer, &chain, err);
    if (!mer_is_ok(status)) {
        mer_chain_release(&chain);
        return mer_prefix(err, status, "%s", mer_quote(pem_file).text);
    }
    mer_chain_release(&signer->chain);
    signer->chain = chain;
    return mer_ok();
}

char *mer_guard_signature_path(const char *path, bool is_folder)
{
    char *text = NULL;
    return asprintf(&text, "%s%s", path, is_folder ? "/model.sig" : ".sig") < 0 ? NULL : text;
}

/* The statement and the envelope around it. */
static mer_status sign_statement(const struct mer_guard_signer *signer,
                                 struct mer_statement *statement, struct mer_buf *buf, mer_err *err)
{
    MER_CLEANUP(mer_buf_release) struct mer_buf payload;
    mer_buf_init(&payload, buf->alloc, MER_STATEMENT_MAX_BYTES);
    statement->serial = signer->serial;
    MER_GUARD(mer_statement_seal(statement, err));
    const mer_status status = mer_statement_write(statement, &payload, err);
    if (!mer_is_ok(status))
        return mer_prefix(err, status, "the list of %zu files", statement->n_resources);
    return mer_envelope_make(signer, &payload, buf, err);
}

/* A name for people: the last part of the path, or "model" where that says nothing. */
static mer_status name_subject(struct mer_statement *statement, const char *path, mer_err *err)
{
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] == '/')
        n--;
    size_t begin = n;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    const char *name = path + begin;
    n -= begin;
    if (n == 0 || strspn(name, ".") >= n || !mer_utf8_valid(name, n)) {
        name = "model";
        n = strlen(name);
    }
    return mer_arena_text(&statement->arena, name, n, &statement->subject, err);
}

mer_status mer_guard_sign_digest(const struct mer_guard_signer *signer, const char *name,
                                 const struct mer_digest *digest, struct mer_buf *buf, mer_err *err)
{
    struct mer_resource resource = {.name = MER_RESOURCE_SELF, .digest = *digest};
    struct mer_statement statement;
    mer_statement_init(&statement, buf->alloc);
    statement.resources = &resource;
    statement.n_resources = 1;
    mer_status status = name_subject(&statement, name, err);
    if (mer_is_ok(status))
        status = sign_statement(signer, &statement, buf, err);
    mer_statement_release(&statement);
    return status;
}

mer_status mer_guard_sign_bytes(const struct mer_guard_signer *signer, const char *name,
                                const void *bytes, size_t n, struct mer_buf *buf, mer_err *err)
{
    struct mer_digest digest;
    MER_GUARD(mer_hash_bytes(MER_HASH_SHA256, bytes, n, &digest, err));
    return mer_guard_sign_digest(signer, name, &digest, buf, err);
}

/* The manifest's files with their digests, as resources. */
static mer_status state_files(const struct mer_manifest *manifest, struct mer_statement *statement,
                              mer_err *err)
{
    const size_t n = manifest->n_items;
    MER_GUARD(mer_arena_zero(&statement->arena, n, sizeof *statement->resources,
                             &statement->resources, err));
    for (size_t i = 0; i < n; i++) {
        struct mer_resource *resource = &statement->resources[i];
        resource->name = manifest->items[i].name;
        MER_GUARD(mer_manifest_digest(manifest, &manifest->items[i], MER_HASH_SHA256,
                                      &resource->digest, err));
    }
    statement->n_resources = n;
    return mer_ok();
}

/* What a folder's signature leaves out, itself among it; `own_name` may be NULL. */
static mer_status state_ignored(struct mer_statement *statement, const char *own_name, mer_err *err)
{
    MER_GUARD(mer_arena_zero(&statement->arena, MER_MANIFEST_N_IGNORED + 1,
                             sizeof *statement->ignored, &statement->ignored, err));
    for (size_t i = 0; i < MER_MANIFEST_N_IGNORED; i++)
        statement->ignored[statement->n_ignored++] = MER_MANIFEST_IGNORED[i];
    if (own_name)
        MER_GUARD(mer_arena_text(&statement->arena, own_name, strlen(own_name),
                                 &statement->ignored[statement->n_ignored++], err));
    return mer_ok();
}

static mer_status sign_into(const struct mer_guard_signer *signer, const char *path,
                            const char *signature, struct mer_buf *buf, mer_err *err)
{
    struct mer_statement statement;
    struct mer_manifest manifest;
    char *own_name = NULL;
    mer_status status = mer_ok();
    mer_statement_init(&statement, buf->alloc);
    mer_manifest_init(&manifest, buf->alloc);
    if (mer_path_kind(path) == MER_PATH_FOLDER) {
        own_name = mer_manifest_name_in(path, signature);
        MER_GUARD_GOTO(state_ignored(&statement, own_name, err), done);
    }
    MER_GUARD_GOTO(mer_manifest_list(&manifest, path, statement.ignored, statement.n_ignored, err),
                   done);
    if (manifest.n_items == 0) {
        status = mer_fail(err, MER_ERR_DATA, "%s holds no file to sign", mer_quote(path).text);
        goto done;
    }
    MER_GUARD_GOTO(name_subject(&statement, path, err), done);
    MER_GUARD_GOTO(state_files(&manifest, &statement, err), done);
    MER_GUARD_GOTO(sign_statement(signer, &statement, buf, err), done);
done:
    free(own_name);
    mer_manifest_release(&manifest);
    mer_statement_release(&statement);
    return status;
}

static mer_status write_signature(const char *path, const struct mer_buf *buf, bool replace,
                                  mer_err *err)
{
    struct mer_output output;
    MER_GUARD(mer_output_open(&output, path, replace, SIGNATURE_MODE, err));
    mer_status status = mer_output_write(&output, buf->bytes, buf->n, err);
    if (mer_is_ok(status))
        status = mer_output_publish(&output, err);
    mer_output_release(&output);
    return status;
}

mer_status mer_guard_sign_path(struct mer_alloc *alloc, const struct mer_guard_signer *signer,
                               const char *path, const char *signature, bool replace, mer_err *err)
{
    struct mer_buf buf;
    char *own = signature ? strdup(signature)
                          : mer_guard_signature_path(path, mer_path_kind(path) == MER_PATH_FOLDER);
    if (!own)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
    mer_buf_init(&buf, alloc, MER_SIGNATURE_FILE_MAX);
    mer_status status = sign_into(signer, path, own, &buf, err);
    if (mer_is_ok(status))
        status = write_signature(own, &buf, replace, err);
    mer_buf_release(&buf);
    free(own);
    return status;
}
