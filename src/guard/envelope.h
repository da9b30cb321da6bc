/* Signed statements: what a signature file carries, whatever it states. Making one with a signer;
 * opening one whose signer is trusted.
 */
#ifndef MER_GUARD_ENVELOPE_H
#define MER_GUARD_ENVELOPE_H

#include "guard/sign.h"
#include "guard/trusted_keys.h"

/* A statement whose signature was verified. What is used of it is parsed from these bytes. */
struct mer_envelope {
    struct mer_buf payload;
    struct mer_verified verified;       /* the signer; nothing of what is stated */
    const struct mer_policy_rule *rule; /* of the policy, for the file's name; NULL: no policy */
};

/* Verifies the signature file's bytes. `path` names what is signed, for the policy. MER_ERR_TRUST
 * says what does not hold. */
MER_MUST_CHECK mer_status mer_envelope_open(struct mer_alloc *alloc,
                                            const struct mer_trusted_keys *trusted,
                                            const char *path, const void *bytes, size_t n,
                                            struct mer_envelope *ret_envelope, mer_err *err);
void mer_envelope_release(struct mer_envelope *envelope);

/* Signs the payload and appends the signature file's text. */
MER_MUST_CHECK mer_status mer_envelope_make(const struct mer_guard_signer *signer,
                                            const struct mer_buf *payload, struct mer_buf *buf,
                                            mer_err *err);

#endif
