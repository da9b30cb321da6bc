/* Whom verification accepts: a set of public keys, and authorities for certificates;
 * and a policy that narrows it. A key whose id
 * was revoked is refused under whatever name it was trusted, and whoever certifies it.
 */
#ifndef MER_GUARD_TRUSTED_KEYS_H
#define MER_GUARD_TRUSTED_KEYS_H

#include "guard/policy.h"

enum { MER_KEY_NAME_MAX = 63, MER_KEY_ID_SHOWN = 16 };

struct mer_trusted_key {
    char name[MER_KEY_NAME_MAX + 1];
    struct mer_public_key key;
    bool revoked;
};

struct mer_trusted_keys {
    struct mer_alloc *alloc;
    struct mer_trusted_key *keys; /* owned */
    size_t n;
    size_t capacity;
    struct mer_authorities authorities; /* of certificates; empty: none is accepted */
    struct mer_policy policy;           /* without rules: there is none */
};

void mer_trusted_keys_init(struct mer_trusted_keys *trusted, struct mer_alloc *alloc);
void mer_trusted_keys_release(struct mer_trusted_keys *trusted);

/* Takes the key over on success. */
MER_MUST_CHECK mer_status mer_trusted_keys_add(struct mer_trusted_keys *trusted, const char *name,
                                               struct mer_public_key *key, bool revoked,
                                               mer_err *err);
/* Adds the key of a PEM file; its name is the file's, as far as names go. */
MER_MUST_CHECK mer_status mer_trusted_keys_add_file(struct mer_trusted_keys *trusted,
                                                    const char *pem_file, mer_err *err);
/* NULL when there is none. A revoked entry comes before any other of the same id. */
const struct mer_trusted_key *mer_trusted_keys_find(const struct mer_trusted_keys *trusted,
                                                    const char *id);
/* MER_ERR_TRUST when a key of that id was revoked. */
MER_MUST_CHECK mer_status mer_trusted_keys_check(const struct mer_trusted_keys *trusted,
                                                 const char *id, mer_err *err);
/* The key of that id, or MER_ERR_TRUST: it is unknown (and how to trust it) or revoked. */
MER_MUST_CHECK mer_status mer_trusted_keys_want(const struct mer_trusted_keys *trusted,
                                                const char *id,
                                                const struct mer_trusted_key **ret_key,
                                                mer_err *err);

#endif
