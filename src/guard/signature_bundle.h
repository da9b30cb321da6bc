/* The file that carries a signature: a Sigstore bundle v0.3 (JSON) around a DSSE envelope, as
 * OpenSSF Model Signing v1.0 uses it, key mode and certificate mode. Pure: bytes to struct or
 * error, and back.
 *
 * Nothing outside the payload is signed, so everything outside it must be exactly what the format
 * says: unknown fields, a second signature, other media types and stray bits in base64 are refused.
 *
 * DSSE: https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md
 */
#ifndef MER_GUARD_SIGNATURE_BUNDLE_H
#define MER_GUARD_SIGNATURE_BUNDLE_H

#include "core/buf.h"
#include "guard/certificate.h"

enum { MER_SIGNATURE_FILE_MAX = 64 << 20 };

struct mer_signature_bundle {
    struct mer_chain chain;      /* certificate mode: the signer's first; key mode: empty */
    char key_id[MER_KEY_ID_MAX]; /* key mode: whose signature it claims to be */
    struct mer_buf payload;      /* decoded; what is verified and then parsed */
    struct mer_buf signature;    /* decoded: DER */
};

/* MER_ERR_TRUST names what does not hold: among it keyless bundles, which are known but not
 * supported. That the certificates mean anything is not looked at here. */
MER_MUST_CHECK mer_status mer_signature_bundle_parse(struct mer_alloc *alloc, const void *bytes,
                                                     size_t n,
                                                     struct mer_signature_bundle *ret_bundle,
                                                     mer_err *err);
void mer_signature_bundle_release(struct mer_signature_bundle *bundle);

/* Appends the bundle as JSON without white space. */
MER_MUST_CHECK mer_status mer_signature_bundle_write(const struct mer_signature_bundle *bundle,
                                                     struct mer_buf *buf, mer_err *err);

/* What is really signed: DSSE's pre-authentication encoding of the payload, in two parts, so that
 * the payload is not copied. */
struct mer_dsse {
    char prefix[80];
    struct mer_message_part parts[2];
};
void mer_dsse_init(struct mer_dsse *dsse, const void *payload, size_t n);

#endif
