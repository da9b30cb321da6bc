/* A trust policy: which signer for which file, and from which serial number on. It narrows what
 * trusted keys and authorities allow, and never widens it but by the authorities that it names.
 *
 * The text is JSON; docs/signing.md has the form. Reading it is pure: bytes to struct or error.
 */
#ifndef MER_GUARD_POLICY_H
#define MER_GUARD_POLICY_H

#include "core/arena.h"
#include "core/buf.h"
#include "guard/certificate.h"

enum {
    MER_POLICY_FILE_MAX = 1 << 20,
    MER_POLICY_RULES_MAX = 1000,
    MER_POLICY_SIGNERS_MAX = 100, /* of one rule */
    MER_POLICY_TEXT_MAX = 255     /* bytes of a pattern or a name */
};

/* One key, or whoever an authority certifies under a subject, an alternative name, or both. */
struct mer_policy_signer {
    const char *key;                    /* its id; NULL: one with a certificate */
    const char *authority_file;         /* NULL: those that verification was given */
    const char *subject;                /* NULL: any */
    const char *alternative;            /* NULL: any */
    struct mer_authorities authorities; /* of the file, once mer_policy_open has read it */
};

struct mer_policy_rule {
    const char *name;        /* for people */
    const char *files;       /* pattern for the file's name */
    const char *signed_as;   /* pattern for the name in the signature; NULL: any */
    uint64_t minimum_serial; /* 0: none */
    struct mer_policy_signer *signers;
    size_t n_signers;
};

struct mer_policy {
    struct mer_arena arena; /* owns all below but the authorities */
    struct mer_policy_rule *rules;
    size_t n_rules;
};

/* MER_ERR_TRUST names what is wrong: who cannot read the policy trusts nobody. */
MER_MUST_CHECK mer_status mer_policy_parse(struct mer_alloc *alloc, const void *bytes, size_t n,
                                           struct mer_policy *ret_policy, mer_err *err);
/* Parses the bytes of the file at `path`, and reads the authorities, whose files are found from the
 * policy's folder. */
MER_MUST_CHECK mer_status mer_policy_open(struct mer_alloc *alloc, const char *path,
                                          const void *bytes, size_t n,
                                          struct mer_policy *ret_policy, mer_err *err);
void mer_policy_release(struct mer_policy *policy);

/* `*` stands for any bytes, none too; every other byte for itself. */
bool mer_policy_matches(const char *pattern, const char *text);
/* The first rule for the file of that path, by the last part of its name. MER_ERR_TRUST when there
 * is none. */
MER_MUST_CHECK mer_status mer_policy_find(const struct mer_policy *policy, const char *path,
                                          const struct mer_policy_rule **ret_rule, mer_err *err);

/* What a rule says of the key with that id (`name` for people); of a chain, whom it also verifies,
 * under `given` where the rule names no authority; of what the signature states. MER_ERR_TRUST
 * names the rule. */
MER_MUST_CHECK mer_status mer_policy_check_key(const struct mer_policy_rule *rule, const char *id,
                                               const char *name, mer_err *err);
MER_MUST_CHECK mer_status mer_policy_verify_chain(const struct mer_policy_rule *rule,
                                                  const struct mer_chain *chain,
                                                  const struct mer_authorities *given, int64_t now,
                                                  struct mer_certified *ret, mer_err *err);
MER_MUST_CHECK mer_status mer_policy_check_statement(const struct mer_policy_rule *rule,
                                                     const char *signed_as, uint64_t serial,
                                                     mer_err *err);

#endif
