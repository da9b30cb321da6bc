#include "guard/provenance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "guard/envelope.h"
#include "guard/hash.h"
#include "guard/signature_bundle.h"
#include "os/file.h"

enum { DEPTH = 32, RECORD_WAITS = 1 }; /* the signature is companion 0 */

const char MER_PROVENANCE_SUFFIX[] = ".provenance.json";
const char MER_STATEMENT_TYPE[] = "https://in-toto.io/Statement/v1";
const char MER_PROVENANCE_TYPE[] = "https://slsa.dev/provenance/v1";

static mer_status refuse(mer_err *err, const char *why)
{
    return mer_fail(err, MER_ERR_TRUST, "the provenance record %s", why);
}

static bool is_text(const struct mer_json *value, const char *text)
{
    const char *string = mer_json_string(value, NULL);
    return string && strcmp(string, text) == 0;
}

static mer_status check_statement(const struct mer_json *root, const char *digest, mer_err *err)
{
    const struct mer_json *subjects = mer_json_get(root, "subject");
    const struct mer_json *digests = mer_json_get(mer_json_at(subjects, 0), "digest");
    if (!is_text(mer_json_get(root, "_type"), MER_STATEMENT_TYPE) ||
        !is_text(mer_json_get(root, "predicateType"), MER_PROVENANCE_TYPE))
        return refuse(err, "is no statement of SLSA provenance v1");
    if (mer_json_type(mer_json_get(root, "predicate")) != MER_JSON_OBJECT)
        return refuse(err, "has no predicate");
    if (mer_json_type(subjects) != MER_JSON_ARRAY || mer_json_size(subjects) != 1)
        return refuse(err, "is not about exactly one model");
    return is_text(mer_json_get(digests, "sha256"), digest)
               ? mer_ok()
               : refuse(err, "is one of another model");
}

mer_status mer_provenance_check(struct mer_alloc *alloc, const void *bytes, size_t n,
                                const char *digest, mer_err *err)
{
    const struct mer_json_limits limits = {.max_bytes = MER_PROVENANCE_MAX, .max_depth = DEPTH};
    struct mer_json_document *document = NULL;
    mer_status status =
        mer_json_parse(alloc, bytes, n, &limits, "the provenance record", &document, err);
    if (status.code == MER_ERR_DATA)
        return refuse(err, "is not valid JSON");
    MER_GUARD(status);
    status = check_statement(mer_json_root(document), digest, err);
    mer_json_free(document);
    return status;
}

static mer_status try_record(struct mer_alloc *alloc, const struct mer_trusted_keys *trusted,
                             const char *path, const char *record, const char *digest,
                             struct mer_envelope *ret_envelope, mer_err *err)
{
    struct mer_file_bytes file;
    MER_GUARD(mer_file_read(alloc, record, MER_SIGNATURE_FILE_MAX, &file, err));
    mer_status status =
        mer_envelope_open(alloc, trusted, path, file.bytes, file.n, ret_envelope, err);
    mer_file_release(&file);
    MER_GUARD(status);
    status = mer_provenance_check(alloc, ret_envelope->payload.bytes, ret_envelope->payload.n,
                                  digest, err);
    if (!mer_is_ok(status))
        mer_envelope_release(ret_envelope);
    return status;
}

/* The record, or the one that waits where the first does not hold. */
static mer_status find_record(struct mer_alloc *alloc, const struct mer_trusted_keys *trusted,
                              const char *path, char *const names[2], const char *digest,
                              struct mer_envelope *ret_envelope, mer_err *err)
{
    mer_status status =
        mer_fail(err, MER_ERR_NO_INPUT, "%s has no provenance record", mer_quote(path).text);
    for (size_t i = 0; i < 2; i++) {
        if (!mer_file_exists(names[i]))
            continue;
        mer_err later;
        const mer_status tried =
            try_record(alloc, trusted, path, names[i], digest, ret_envelope, &later);
        if (mer_is_ok(tried)) {
            mer_err_clear(err);
            return tried;
        }
        if (status.code == MER_ERR_NO_INPUT) {
            status = tried;
            if (err)
                *err = later;
        }
    }
    return status;
}

mer_status mer_guard_verify_provenance(struct mer_alloc *alloc,
                                       const struct mer_trusted_keys *trusted, const char *path,
                                       const char *digest, struct mer_buf *buf,
                                       struct mer_verified *ret_verified, mer_err *err)
{
    struct mer_envelope envelope;
    char *names[2] = {NULL, mer_output_waiting_companion(path, RECORD_WAITS)};
    if (asprintf(&names[0], "%s%s", path, MER_PROVENANCE_SUFFIX) < 0)
        names[0] = NULL;
    mer_status status = names[0] && names[1]
                            ? find_record(alloc, trusted, path, names, digest, &envelope, err)
                            : mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
    free(names[0]);
    free(names[1]);
    if (status.code == MER_ERR_TRUST)
        return mer_prefix(err, status, "%s%s", mer_quote(path).text, MER_PROVENANCE_SUFFIX);
    MER_GUARD(status);
    status = mer_buf_append(buf, envelope.payload.bytes, envelope.payload.n, err);
    if (mer_is_ok(status) && ret_verified)
        *ret_verified = envelope.verified;
    mer_envelope_release(&envelope);
    return status;
}
