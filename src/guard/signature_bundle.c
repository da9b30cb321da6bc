#include "guard/signature_bundle.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "guard/base64.h"
#include "guard/hash.h"

enum { BUNDLE_DEPTH = 16 };

static const char MEDIA_TYPE[] = "application/vnd.dev.sigstore.bundle.v0.3+json";
static const char PAYLOAD_TYPE[] = "application/vnd.in-toto+json";

void mer_dsse_init(struct mer_dsse *dsse, const void *payload, size_t n)
{
    const int length = snprintf(dsse->prefix, sizeof dsse->prefix, "DSSEv1 %zu %s %zu ",
                                sizeof PAYLOAD_TYPE - 1, PAYLOAD_TYPE, n);
    dsse->parts[0] = (struct mer_message_part){dsse->prefix, (size_t)length};
    dsse->parts[1] = (struct mer_message_part){payload, n};
}

void mer_signature_bundle_release(struct mer_signature_bundle *bundle)
{
    mer_chain_release(&bundle->chain);
    mer_buf_release(&bundle->payload);
    mer_buf_release(&bundle->signature);
}

/* ---- Writing ---- */

static mer_status put_base64(struct mer_json_writer *writer, const char *key,
                             const struct mer_buf *bytes, mer_err *err)
{
    struct mer_buf text;
    mer_buf_init(&text, bytes->alloc, MER_SIGNATURE_FILE_MAX);
    const mer_status status = mer_base64_encode(&text, bytes->bytes, bytes->n, err);
    if (mer_is_ok(status)) {
        mer_json_key(writer, key);
        mer_json_put_string_n(writer, (const char *)text.bytes, text.n);
    }
    mer_buf_release(&text);
    return status;
}

static mer_status put_chain(struct mer_json_writer *writer,
                            const struct mer_signature_bundle *bundle, mer_err *err)
{
    mer_json_key(writer, "x509CertificateChain");
    mer_json_begin_object(writer);
    mer_json_key(writer, "certificates");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < bundle->chain.n; i++) {
        MER_CLEANUP(mer_buf_release) struct mer_buf der;
        mer_buf_init(&der, bundle->payload.alloc, MER_CERTIFICATE_MAX);
        MER_GUARD(mer_chain_write(&bundle->chain, i, &der, err));
        mer_json_begin_object(writer);
        MER_GUARD(put_base64(writer, "rawBytes", &der, err));
        mer_json_end_object(writer);
    }
    mer_json_end_array(writer);
    mer_json_end_object(writer);
    return mer_ok();
}

static mer_status put_material(struct mer_json_writer *writer,
                               const struct mer_signature_bundle *bundle, mer_err *err)
{
    mer_json_key(writer, "verificationMaterial");
    mer_json_begin_object(writer);
    if (bundle->chain.n > 0) {
        MER_GUARD(put_chain(writer, bundle, err));
    } else {
        mer_json_key(writer, "publicKey");
        mer_json_begin_object(writer);
        mer_json_key(writer, "hint");
        mer_json_put_string(writer, bundle->key_id);
        mer_json_end_object(writer);
    }
    mer_json_key(writer, "tlogEntries");
    mer_json_begin_array(writer);
    mer_json_end_array(writer);
    mer_json_end_object(writer);
    return mer_ok();
}

mer_status mer_signature_bundle_write(const struct mer_signature_bundle *bundle,
                                      struct mer_buf *buf, mer_err *err)
{
    struct mer_json_writer writer;
    mer_json_writer_init(&writer, buf, 0, err);
    mer_json_begin_object(&writer);
    mer_json_key(&writer, "mediaType");
    mer_json_put_string(&writer, MEDIA_TYPE);
    MER_GUARD(put_material(&writer, bundle, err));
    mer_json_key(&writer, "dsseEnvelope");
    mer_json_begin_object(&writer);
    MER_GUARD(put_base64(&writer, "payload", &bundle->payload, err));
    mer_json_key(&writer, "payloadType");
    mer_json_put_string(&writer, PAYLOAD_TYPE);
    mer_json_key(&writer, "signatures");
    mer_json_begin_array(&writer);
    mer_json_begin_object(&writer);
    MER_GUARD(put_base64(&writer, "sig", &bundle->signature, err));
    mer_json_key(&writer, "keyid");
    mer_json_put_string(&writer, "");
    mer_json_end_object(&writer);
    mer_json_end_array(&writer);
    mer_json_end_object(&writer);
    mer_json_end_object(&writer);
    return mer_json_writer_end(&writer);
}

/* ---- Reading ---- */

static mer_status refuse(mer_err *err, const char *why)
{
    return mer_fail(err, MER_ERR_TRUST, "the signature is not one of model signing v1.0: %s", why);
}

/* An object with no other members than these. */
static bool is_object_of(const struct mer_json *value, const char *const *keys, size_t n_keys)
{
    size_t n_known = 0;
    if (mer_json_type(value) != MER_JSON_OBJECT)
        return false;
    for (size_t i = 0; i < n_keys; i++)
        n_known += mer_json_get(value, keys[i]) != NULL;
    return mer_json_size(value) == n_known;
}
#define IS_OBJECT_OF(value, ...)                                                                   \
    is_object_of(value, (const char *const[]){__VA_ARGS__},                                        \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static bool is_text(const struct mer_json *value, const char *text)
{
    const char *string = mer_json_string(value, NULL);
    return string && strcmp(string, text) == 0;
}

static mer_status decode(const struct mer_json *value, const char *what, struct mer_buf *ret,
                         mer_err *err)
{
    size_t n;
    const char *text = mer_json_string(value, &n);
    if (!text || n == 0)
        return mer_fail(err, MER_ERR_TRUST,
                        "the signature is not one of model signing v1.0: %s is missing", what);
    const mer_status status = mer_base64_decode(ret, text, n, what, err);
    return status.code == MER_ERR_DATA ? refuse(err, "a field is not base64") : status;
}

/* Before version 1.1 the reference tool wrote the key itself, its PEM text in base64, in place of
 * the hint: the key's id is what makes the two the same. */
static mer_status read_raw_key(const struct mer_json *value, struct mer_alloc *alloc,
                               char ret_id[MER_KEY_ID_MAX], mer_err *err)
{
    struct mer_public_key key;
    struct mer_buf pem;
    mer_buf_init(&pem, alloc, MER_KEY_PEM_MAX);
    mer_status status = decode(value, "rawBytes", &pem, err);
    if (mer_is_ok(status)) {
        status = mer_public_key_parse(pem.bytes, pem.n, "the signature's rawBytes", &key, err);
        if (status.code == MER_ERR_DATA)
            status = refuse(err, "rawBytes is not a public key that it knows");
    }
    if (mer_is_ok(status)) {
        memcpy(ret_id, key.id, MER_KEY_ID_MAX);
        mer_public_key_release(&key);
    }
    mer_buf_release(&pem);
    return status;
}

static mer_status read_public_key(const struct mer_json *key, struct mer_signature_bundle *bundle,
                                  mer_err *err)
{
    unsigned char bytes[MER_SHA256_BYTES];
    char raw_id[MER_KEY_ID_MAX];
    if (!IS_OBJECT_OF(key, "hint", "rawBytes", "keyDetails"))
        return refuse(err, "publicKey has unknown fields");
    const char *hint = mer_json_string(mer_json_get(key, "hint"), NULL);
    const struct mer_json *raw = mer_json_get(key, "rawBytes");
    if (!hint && !raw)
        return refuse(err, "publicKey says nothing of the key");
    if (mer_json_get(key, "hint") && (!hint || !mer_hash_unhex(hint, sizeof bytes, bytes)))
        return refuse(err, "the key's hint is not a SHA-256 in lower-case hex");
    if (raw) {
        MER_GUARD(read_raw_key(raw, bundle->payload.alloc, raw_id, err));
        if (hint && strcmp(hint, raw_id) != 0)
            return refuse(err, "the key's hint and rawBytes are of two keys");
    }
    memcpy(bundle->key_id, hint ? hint : raw_id, MER_KEY_ID_MAX);
    return mer_ok();
}

static mer_status read_certificate(const struct mer_json *value,
                                   struct mer_signature_bundle *bundle, mer_err *err)
{
    MER_CLEANUP(mer_buf_release) struct mer_buf der;
    mer_buf_init(&der, bundle->payload.alloc, MER_CERTIFICATE_MAX);
    if (!IS_OBJECT_OF(value, "rawBytes"))
        return refuse(err, "a certificate has unknown fields");
    mer_status status = decode(mer_json_get(value, "rawBytes"), "a certificate", &der, err);
    if (mer_is_ok(status))
        status = mer_chain_add(&bundle->chain, der.bytes, der.n, err);
    return status.code == MER_ERR_DATA ? refuse(err, "a certificate is none") : status;
}

static mer_status read_chain(const struct mer_json *chain, struct mer_signature_bundle *bundle,
                             mer_err *err)
{
    const struct mer_json *certificates = mer_json_get(chain, "certificates");
    const size_t n = mer_json_size(certificates);
    if (!IS_OBJECT_OF(chain, "certificates") || mer_json_type(certificates) != MER_JSON_ARRAY ||
        n == 0)
        return refuse(err, "x509CertificateChain is not a list of certificates");
    if (n > MER_CHAIN_MAX)
        return refuse(err, "it has too many certificates");
    for (size_t i = 0; i < n; i++)
        MER_GUARD(read_certificate(mer_json_at(certificates, i), bundle, err));
    return mer_ok();
}

static mer_status read_material(const struct mer_json *material,
                                struct mer_signature_bundle *bundle, mer_err *err)
{
    if (mer_json_get(material, "certificate"))
        return mer_fail(err, MER_ERR_TRUST,
                        "the signature was made with Sigstore's keyless service, which is not "
                        "supported, only keys and certificates");
    const struct mer_json *chain = mer_json_get(material, "x509CertificateChain");
    const bool known =
        chain ? IS_OBJECT_OF(material, "x509CertificateChain", "tlogEntries",
                             "timestampVerificationData")
              : IS_OBJECT_OF(material, "publicKey", "tlogEntries", "timestampVerificationData");
    if (!known)
        return refuse(err, "verificationMaterial is missing or has unknown fields");
    /* Logs and time stamps have no place in these modes; some tools write empty ones. */
    const struct mer_json *entries = mer_json_get(material, "tlogEntries");
    const struct mer_json *stamps = mer_json_get(material, "timestampVerificationData");
    if ((entries && mer_json_type(entries) != MER_JSON_ARRAY) || mer_json_size(entries) != 0 ||
        (stamps && mer_json_type(stamps) != MER_JSON_OBJECT) || mer_json_size(stamps) != 0)
        return refuse(err, "there are log entries or time stamps, which only keyless signatures "
                           "have");
    if (chain)
        return read_chain(chain, bundle, err);
    return read_public_key(mer_json_get(material, "publicKey"), bundle, err);
}

static mer_status read_envelope(const struct mer_json *envelope,
                                struct mer_signature_bundle *bundle, mer_err *err)
{
    if (!IS_OBJECT_OF(envelope, "payload", "payloadType", "signatures"))
        return refuse(err, "dsseEnvelope is missing or has unknown fields");
    if (!is_text(mer_json_get(envelope, "payloadType"), PAYLOAD_TYPE))
        return refuse(err, "payloadType is not in-toto");
    const struct mer_json *signatures = mer_json_get(envelope, "signatures");
    if (mer_json_type(signatures) != MER_JSON_ARRAY || mer_json_size(signatures) != 1)
        return refuse(err, "there is not exactly one signature");
    const struct mer_json *signature = mer_json_at(signatures, 0);
    if (!IS_OBJECT_OF(signature, "sig", "keyid"))
        return refuse(err, "the signature has unknown fields");
    const enum mer_json_type keyid = mer_json_type(mer_json_get(signature, "keyid"));
    if (keyid != MER_JSON_NULL && keyid != MER_JSON_STRING)
        return refuse(err, "keyid is not a string");
    MER_GUARD(decode(mer_json_get(envelope, "payload"), "payload", &bundle->payload, err));
    return decode(mer_json_get(signature, "sig"), "sig", &bundle->signature, err);
}

static mer_status read_bundle(const struct mer_json *root, struct mer_signature_bundle *bundle,
                              mer_err *err)
{
    if (!IS_OBJECT_OF(root, "mediaType", "verificationMaterial", "dsseEnvelope"))
        return refuse(err, "it is not a bundle of exactly the three known fields");
    if (!is_text(mer_json_get(root, "mediaType"), MEDIA_TYPE))
        return refuse(err, "mediaType is not that of a Sigstore bundle v0.3");
    MER_GUARD(read_material(mer_json_get(root, "verificationMaterial"), bundle, err));
    return read_envelope(mer_json_get(root, "dsseEnvelope"), bundle, err);
}

mer_status mer_signature_bundle_parse(struct mer_alloc *alloc, const void *bytes, size_t n,
                                      struct mer_signature_bundle *ret_bundle, mer_err *err)
{
    const struct mer_json_limits limits = {.max_bytes = MER_SIGNATURE_FILE_MAX,
                                           .max_depth = BUNDLE_DEPTH};
    struct mer_json_document *document = NULL;
    struct mer_signature_bundle bundle = {0};
    mer_status status = mer_json_parse(alloc, bytes, n, &limits, "signature", &document, err);
    if (status.code == MER_ERR_DATA)
        return refuse(err, "it is not valid JSON");
    MER_GUARD(status);
    mer_buf_init(&bundle.payload, alloc, MER_SIGNATURE_FILE_MAX);
    mer_buf_init(&bundle.signature, alloc, MER_SIGNATURE_FILE_MAX);
    status = read_bundle(mer_json_root(document), &bundle, err);
    mer_json_free(document);
    if (mer_is_ok(status))
        *ret_bundle = bundle;
    else
        mer_signature_bundle_release(&bundle);
    return status;
}
