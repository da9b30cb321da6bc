#include "guard/envelope.h"

#include <stdio.h>
#include <string.h>

#include "guard/signature_bundle.h"
#include "os/clock.h"

/* ---- Making ---- */

mer_status mer_envelope_make(const struct mer_guard_signer *signer, const struct mer_buf *payload,
                             struct mer_buf *buf, mer_err *err)
{
    /* The chain and the payload are borrowed. */
    struct mer_signature_bundle bundle = {.chain = signer->chain, .payload = *payload};
    struct mer_dsse dsse;
    unsigned char signature[MER_SIGNATURE_DER_MAX];
    size_t n_signature = 0;
    memcpy(bundle.key_id, signer->key.public_key.id, sizeof bundle.key_id);
    mer_buf_init(&bundle.signature, buf->alloc, MER_SIGNATURE_DER_MAX);
    mer_dsse_init(&dsse, payload->bytes, payload->n);
    mer_status status =
        mer_signing_key_sign(&signer->key, dsse.parts, 2, signature, &n_signature, err);
    if (mer_is_ok(status))
        status = mer_buf_append(&bundle.signature, signature, n_signature, err);
    if (mer_is_ok(status))
        status = mer_signature_bundle_write(&bundle, buf, err);
    mer_buf_release(&bundle.signature);
    return status;
}

/* ---- Opening ---- */

/* Who signed, as far as the signature says and the trusted keys, authorities and policy agree. */
struct signer {
    const char *name;
    struct mer_certified certified; /* its key is owned; empty in key mode */
    const struct mer_public_key *key;
};

static mer_status verify_chain(const struct mer_trusted_keys *trusted,
                               const struct mer_policy_rule *rule, const struct mer_chain *chain,
                               struct mer_certified *ret, mer_err *err)
{
    const uint64_t seconds = MER_CLOCK_WALL.now_ns(MER_CLOCK_WALL.self) / 1000000000;
    const int64_t now = (int64_t)seconds;
    if (rule)
        return mer_policy_verify_chain(rule, chain, &trusted->authorities, now, ret, err);
    if (trusted->authorities.n == 0)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_TRUST,
                                 "it was signed with a certificate, and no authority is trusted"),
                        "name the authority's certificate (--ca FILE.pem)");
    return mer_chain_verify(chain, &trusted->authorities, now, ret, err);
}

static mer_status find_certified(const struct mer_trusted_keys *trusted,
                                 const struct mer_policy_rule *rule, const struct mer_chain *chain,
                                 struct signer *ret_signer, mer_err *err)
{
    MER_GUARD(verify_chain(trusted, rule, chain, &ret_signer->certified, err));
    const mer_status status = mer_trusted_keys_check(trusted, ret_signer->certified.key.id, err);
    if (!mer_is_ok(status)) {
        mer_public_key_release(&ret_signer->certified.key);
        return status;
    }
    ret_signer->key = &ret_signer->certified.key;
    ret_signer->name = ret_signer->certified.subject;
    return mer_ok();
}

static mer_status find_signer(const struct mer_trusted_keys *trusted,
                              const struct mer_policy_rule *rule,
                              const struct mer_signature_bundle *bundle, struct signer *ret_signer,
                              mer_err *err)
{
    const struct mer_trusted_key *key = NULL;
    if (bundle->chain.n > 0)
        return find_certified(trusted, rule, &bundle->chain, ret_signer, err);
    MER_GUARD(mer_trusted_keys_want(trusted, bundle->key_id, &key, err));
    if (rule)
        MER_GUARD(mer_policy_check_key(rule, key->key.id, key->name, err));
    ret_signer->key = &key->key;
    ret_signer->name = key->name;
    return mer_ok();
}

static mer_status verify_bundle(const struct mer_trusted_keys *trusted,
                                const struct mer_policy_rule *rule,
                                const struct mer_signature_bundle *bundle,
                                struct mer_verified *ret_verified, mer_err *err)
{
    struct mer_dsse dsse;
    struct signer signer = {0};
    struct mer_verified verified = {0};
    MER_GUARD(find_signer(trusted, rule, bundle, &signer, err));
    mer_dsse_init(&dsse, bundle->payload.bytes, bundle->payload.n);
    const mer_status status = mer_public_key_verify(
        signer.key, dsse.parts, 2, bundle->signature.bytes, bundle->signature.n, err);
    if (mer_is_ok(status)) {
        snprintf(verified.signer_name, sizeof verified.signer_name, "%.63s", signer.name);
        memcpy(verified.signer_id, signer.key->id, sizeof verified.signer_id);
        memcpy(verified.subject, signer.certified.subject, sizeof verified.subject);
        *ret_verified = verified;
    }
    mer_public_key_release(&signer.certified.key);
    return status;
}

mer_status mer_envelope_open(struct mer_alloc *alloc, const struct mer_trusted_keys *trusted,
                             const char *path, const void *bytes, size_t n,
                             struct mer_envelope *ret_envelope, mer_err *err)
{
    struct mer_signature_bundle bundle;
    struct mer_envelope envelope = {0};
    if (trusted->policy.n_rules > 0)
        MER_GUARD(mer_policy_find(&trusted->policy, path, &envelope.rule, err));
    MER_GUARD(mer_signature_bundle_parse(alloc, bytes, n, &bundle, err));
    const mer_status status =
        verify_bundle(trusted, envelope.rule, &bundle, &envelope.verified, err);
    if (mer_is_ok(status)) {
        envelope.payload = bundle.payload;
        mer_buf_init(&bundle.payload, alloc, 0);
        *ret_envelope = envelope;
    }
    mer_signature_bundle_release(&bundle);
    return status;
}

void mer_envelope_release(struct mer_envelope *envelope)
{
    mer_buf_release(&envelope->payload);
}
