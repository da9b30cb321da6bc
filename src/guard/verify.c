#include "guard/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sort.h"
#include "guard/envelope.h"
#include "guard/manifest.h"
#include "guard/signature_bundle.h"
#include "guard/statement.h"
#include "os/file.h"
#include "os/file_stream.h"

/* ---- The signature and what it states ---- */

/* The statement of a signature by a trusted signer: parsed from the payload that was verified,
 * never from the file again. `path` is the name of what is signed, for the policy. *ret_verified
 * lacks what the statement says. */
static mer_status open_signature(struct mer_alloc *alloc, const struct mer_trusted_keys *trusted,
                                 const char *path, const void *bytes, size_t n,
                                 struct mer_statement *ret_statement,
                                 struct mer_verified *ret_verified, mer_err *err)
{
    struct mer_envelope envelope;
    struct mer_statement statement;
    MER_GUARD(mer_envelope_open(alloc, trusted, path, bytes, n, &envelope, err));
    mer_status status =
        mer_statement_parse(alloc, envelope.payload.bytes, envelope.payload.n, &statement, err);
    if (mer_is_ok(status) && envelope.rule) {
        status =
            mer_policy_check_statement(envelope.rule, statement.subject, statement.serial, err);
        if (!mer_is_ok(status))
            mer_statement_release(&statement);
    }
    mer_envelope_release(&envelope);
    MER_GUARD(status);
    *ret_statement = statement;
    *ret_verified = envelope.verified;
    return mer_ok();
}

/* The one file that the statement is about, or NULL where it is about a folder. */
static const struct mer_resource *single_file(const struct mer_statement *statement)
{
    const struct mer_resource *only = &statement->resources[0];
    const bool single = statement->n_resources == 1 && !statement->in_shards &&
                        strcmp(only->name, MER_RESOURCE_SELF) == 0;
    return single ? only : NULL;
}

static void describe(const struct mer_statement *statement, struct mer_verified *verified)
{
    const struct mer_resource *file = single_file(statement);
    const bool whole = file && file->digest.n == MER_SHA256_BYTES;
    verified->n_files = statement->n_resources;
    verified->serial = statement->serial;
    mer_hash_hex(whole ? file->digest.bytes : statement->digest.bytes, MER_SHA256_BYTES,
                 verified->digest);
}

/* ---- A file that is read by others ---- */

static mer_status compare_digest(const struct mer_statement *statement,
                                 const struct mer_digest_source *source, mer_err *err)
{
    const struct mer_resource *file = single_file(statement);
    struct mer_digest digest;
    if (!file)
        return mer_fail(err, MER_ERR_TRUST, "the signature is one of a folder, not of a file");
    MER_GUARD(source->digest(source->self, statement->hash, &digest, err));
    if (!mer_digest_equal(&digest, &file->digest)) {
        const mer_status status = mer_fail(err, MER_ERR_TRUST, "the file is not what was signed");
        return mer_hint(err, status, "get it again from whoever signed it");
    }
    return mer_ok();
}

struct in_memory {
    const void *bytes;
    size_t n;
};

static mer_status digest_memory(void *self, enum mer_hash_kind kind, struct mer_digest *ret_digest,
                                mer_err *err)
{
    const struct in_memory *const memory = self;
    return mer_hash_bytes(kind, memory->bytes, memory->n, ret_digest, err);
}

mer_status mer_guard_verify_bytes(struct mer_alloc *alloc, const struct mer_trusted_keys *trusted,
                                  const void *signature, size_t n_signature, const void *bytes,
                                  size_t n, struct mer_verified *ret_verified, mer_err *err)
{
    struct in_memory memory = {bytes, n};
    struct mer_statement statement;
    struct mer_verified verified;
    MER_GUARD(
        open_signature(alloc, trusted, "", signature, n_signature, &statement, &verified, err));
    const mer_status status =
        compare_digest(&statement, &(struct mer_digest_source){digest_memory, &memory}, err);
    describe(&statement, &verified);
    if (mer_is_ok(status) && ret_verified)
        *ret_verified = verified;
    mer_statement_release(&statement);
    return status;
}

/* ---- Files and folders on disk ---- */

/* What is to be verified: a file that others read from the path, or what lies there. */
struct target {
    const char *path;
    const struct mer_digest_source *source; /* NULL: what lies there */
    const char *const *ignored;
    size_t n_ignored;
};

static int by_name(const void *left, const void *right)
{
    const struct mer_resource *a = left, *b = right;
    return strcmp(a->name, b->name);
}

/* A file for a file's signature, a folder for a folder's. */
static mer_status compare_kinds(const struct mer_manifest *manifest,
                                const struct mer_statement *statement, mer_err *err)
{
    if (manifest->is_folder && single_file(statement))
        return mer_fail(err, MER_ERR_TRUST, "the signature is one of a file, not of a folder");
    if (!manifest->is_folder && !statement->in_shards && !single_file(statement))
        return mer_fail(err, MER_ERR_TRUST, "the signature is one of a folder, not of a file");
    return mer_ok();
}

/* The names on both sides are the same. Both are sorted. */
static mer_status compare_names(const struct mer_manifest *manifest,
                                const struct mer_statement *statement, mer_err *err)
{
    for (size_t i = 0; i < manifest->n_items || i < statement->n_resources; i++) {
        const char *found = i < manifest->n_items ? manifest->items[i].name : NULL;
        const char *wanted = i < statement->n_resources ? statement->resources[i].name : NULL;
        const int order = !found ? 1 : !wanted ? -1 : strcmp(found, wanted);
        if (order < 0)
            return mer_fail(err, MER_ERR_TRUST, "%s is not covered by the signature",
                            mer_quote(found).text);
        if (order > 0)
            return mer_fail(err, MER_ERR_TRUST, "%s was signed and is missing",
                            mer_quote(wanted).text);
    }
    return mer_ok();
}

static mer_status compare_digests(const struct mer_manifest *manifest,
                                  const struct mer_statement *statement, mer_err *err)
{
    for (size_t i = 0; i < manifest->n_items; i++) {
        struct mer_digest digest;
        MER_GUARD(
            mer_manifest_digest(manifest, &manifest->items[i], statement->hash, &digest, err));
        if (!mer_digest_equal(&digest, &statement->resources[i].digest))
            return mer_fail(err, MER_ERR_TRUST, "%s is not what was signed",
                            manifest->is_folder ? mer_quote(manifest->items[i].name).text
                                                : "the file");
    }
    return mer_ok();
}

/* Everything that may be in the folder unsigned: by the signature, by the caller, and the signature
 * itself. */
static mer_status gather_ignored(struct mer_statement *statement, const char *own_name,
                                 const char *const *ignored, size_t n_ignored, mer_err *err)
{
    const char **all;
    const size_t n = statement->n_ignored;
    MER_GUARD(mer_arena_zero(&statement->arena, n + n_ignored + 1, sizeof *all, &all, err));
    if (n > 0)
        memcpy(all, statement->ignored, n * sizeof *all);
    if (n_ignored > 0)
        memcpy(all + n, ignored, n_ignored * sizeof *all);
    statement->ignored = all;
    statement->n_ignored = n + n_ignored;
    if (own_name)
        MER_GUARD(mer_arena_text(&statement->arena, own_name, strlen(own_name),
                                 &all[statement->n_ignored++], err));
    return mer_ok();
}

static mer_status compare_disk(struct mer_statement *statement, const struct target *target,
                               const char *signature, mer_err *err)
{
    const char *path = target->path;
    struct mer_manifest manifest;
    mer_status status;
    char *own_name =
        mer_path_kind(path) == MER_PATH_FOLDER ? mer_manifest_name_in(path, signature) : NULL;
    mer_manifest_init(&manifest, statement->arena.alloc);
    MER_GUARD_GOTO(gather_ignored(statement, own_name, target->ignored, target->n_ignored, err),
                   done);
    MER_GUARD_GOTO(
        mer_manifest_list(&manifest, path, statement->ignored, statement->n_ignored, err), done);
    MER_GUARD_GOTO(compare_kinds(&manifest, statement, err), done);
    if (statement->in_shards)
        MER_GUARD_GOTO(
            mer_manifest_cut(&manifest, statement->shard_bytes, statement->n_resources, err), done);
    mer_sort(statement->resources, statement->n_resources, sizeof *statement->resources, by_name);
    MER_GUARD_GOTO(compare_names(&manifest, statement, err), done);
    MER_GUARD_GOTO(compare_digests(&manifest, statement, err), done);
done:
    free(own_name);
    mer_manifest_release(&manifest);
    return status;
}

/* ---- Which signature file ---- */

/* PATH.sig, or the given name; and where a signature may be while a pair is replaced (os/file.h):
 * malloc, in the order in which they are tried. */
enum { NAMES_MAX = 3 };
struct signature_names {
    char *names[NAMES_MAX];
};

static void free_names(struct signature_names *names)
{
    for (size_t i = 0; i < NAMES_MAX; i++)
        free(names->names[i]);
}

static mer_status make_names(const char *path, const char *signature, bool is_folder,
                             struct signature_names *ret_names, mer_err *err)
{
    struct signature_names names = {{NULL}};
    names.names[0] = signature ? strdup(signature) : mer_guard_signature_path(path, is_folder);
    if (names.names[0] && asprintf(&names.names[1], "%s.new", names.names[0]) < 0)
        names.names[1] = NULL;
    names.names[2] = mer_output_waiting_companion(path, 0);
    for (size_t i = 0; i < NAMES_MAX; i++) {
        if (!names.names[i]) {
            free_names(&names);
            return mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
        }
    }
    *ret_names = names;
    return mer_ok();
}

bool mer_guard_is_signed(const char *path)
{
    struct signature_names names;
    bool is_signed = false;
    if (!mer_is_ok(make_names(path, NULL, false, &names, NULL)))
        return true; /* verification then says what is wrong */
    for (size_t i = 0; i < NAMES_MAX; i++)
        is_signed = is_signed || mer_file_exists(names.names[i]);
    free_names(&names);
    return is_signed;
}

/* Stamps of the file and of all that could be its signature; false where there is no memory. */
static bool take_stamps(const struct mer_looks *looks, struct mer_path_stamp *ret_stamps)
{
    struct signature_names names;
    if (!mer_is_ok(make_names(looks->path, looks->signature, false, &names, NULL)))
        return false;
    mer_path_stamp(looks->path, &ret_stamps[0]);
    for (size_t i = 0; i < NAMES_MAX; i++)
        mer_path_stamp(names.names[i], &ret_stamps[i + 1]);
    free_names(&names);
    return true;
}

void mer_looks_begin(struct mer_looks *looks, const char *path, const char *signature)
{
    _Static_assert((int)MER_LOOKS_AT == (int)NAMES_MAX + 1, "the file and its signatures");
    *looks = (struct mer_looks){.path = path, .signature = signature};
    looks->is_last = !take_stamps(looks, looks->before);
}

bool mer_looks_again(struct mer_looks *looks, mer_status status)
{
    struct mer_path_stamp after[MER_LOOKS_AT];
    if (status.code != MER_ERR_TRUST || looks->is_last)
        return false;
    looks->is_last = true;
    return take_stamps(looks, after) && memcmp(looks->before, after, sizeof after) != 0;
}

static mer_status refuse_unsigned(const char *path, const char *signature, mer_err *err)
{
    const mer_status status = mer_fail(err, MER_ERR_TRUST, "%s has no signature (%s)",
                                       mer_quote(path).text, mer_quote(signature).text);
    return mer_hint(err, status,
                    "get the signature from whoever made it; if that was you: merlon sign %s",
                    mer_quote(path).text);
}

static mer_status try_signature(struct mer_alloc *alloc, const struct mer_trusted_keys *trusted,
                                const struct target *target, const char *signature,
                                struct mer_verified *ret_verified, mer_err *err)
{
    struct mer_file_bytes file;
    struct mer_statement statement;
    struct mer_verified verified;
    MER_GUARD(mer_file_read(alloc, signature, MER_SIGNATURE_FILE_MAX, &file, err));
    mer_status status = open_signature(alloc, trusted, target->path, file.bytes, file.n, &statement,
                                       &verified, err);
    mer_file_release(&file);
    MER_GUARD(status);
    describe(&statement, &verified);
    status = target->source ? compare_digest(&statement, target->source, err)
                            : compare_disk(&statement, target, signature, err);
    mer_statement_release(&statement);
    if (mer_is_ok(status) && ret_verified)
        *ret_verified = verified;
    return status;
}

static mer_status verify_target(struct mer_alloc *alloc, const struct mer_trusted_keys *trusted,
                                const struct target *target, const char *signature, bool is_folder,
                                struct mer_verified *ret_verified, mer_err *err)
{
    struct signature_names names;
    mer_status status = mer_ok();
    bool any = false;
    MER_GUARD(make_names(target->path, signature, is_folder, &names, err));
    for (size_t i = 0; i < NAMES_MAX; i++) {
        if (!mer_file_exists(names.names[i]))
            continue;
        if (!any) {
            status = try_signature(alloc, trusted, target, names.names[i], ret_verified, err);
        } else if (mer_is_ok(
                       try_signature(alloc, trusted, target, names.names[i], ret_verified, NULL))) {
            mer_err_clear(err);
            status = mer_ok();
        }
        any = true;
        if (status.code != MER_ERR_TRUST)
            break;
    }
    if (!any)
        status = refuse_unsigned(target->path, names.names[0], err);
    else if (!mer_is_ok(status))
        status = mer_prefix(err, status, "%s", mer_quote(target->path).text);
    free_names(&names);
    return status;
}

mer_status mer_guard_verify_source(struct mer_alloc *alloc, const struct mer_trusted_keys *trusted,
                                   const char *path, const char *signature,
                                   const struct mer_digest_source *source,
                                   struct mer_verified *ret_verified, mer_err *err)
{
    const struct target target = {.path = path, .source = source};
    return verify_target(alloc, trusted, &target, signature, false, ret_verified, err);
}

mer_status mer_guard_verify_read(struct mer_alloc *alloc, const struct mer_trusted_keys *trusted,
                                 const char *path, const char *signature, const void *bytes,
                                 size_t n, struct mer_verified *ret_verified, mer_err *err)
{
    struct in_memory memory = {bytes, n};
    return mer_guard_verify_source(alloc, trusted, path, signature,
                                   &(struct mer_digest_source){digest_memory, &memory},
                                   ret_verified, err);
}

mer_status mer_guard_verify_path(struct mer_alloc *alloc, const struct mer_trusted_keys *trusted,
                                 const char *path, const char *signature,
                                 const char *const *ignored, size_t n_ignored,
                                 struct mer_verified *ret_verified, mer_err *err)
{
    const struct target target = {.path = path, .ignored = ignored, .n_ignored = n_ignored};
    const enum mer_path_kind kind = mer_path_kind(path);
    if (kind == MER_PATH_MISSING)
        return mer_fail(err, MER_ERR_NO_INPUT, "%s does not exist", mer_quote(path).text);
    return verify_target(alloc, trusted, &target, signature, kind == MER_PATH_FOLDER, ret_verified,
                         err);
}

mer_status mer_guard_verify_sealed(struct mer_alloc *alloc, const struct mer_trusted_keys *trusted,
                                   const char *path, const char *signature, size_t max_bytes,
                                   struct mer_sealed *ret_sealed, struct mer_verified *ret_verified,
                                   mer_err *err)
{
    struct mer_sealed sealed;
    struct mer_looks looks;
    mer_looks_begin(&looks, path, signature);
    for (;;) {
        MER_GUARD(mer_sealed_read(path, max_bytes, &sealed, err));
        const mer_status status = mer_guard_verify_read(alloc, trusted, path, signature,
                                                        sealed.bytes, sealed.n, ret_verified, err);
        if (mer_is_ok(status)) {
            *ret_sealed = sealed;
            return status;
        }
        mer_sealed_release(&sealed);
        if (!mer_looks_again(&looks, status))
            return status;
        mer_err_clear(err);
    }
}
