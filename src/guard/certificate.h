/* Certificates of signers: X.509 chains (RFC 5280) that lead from the certificate of a signing key
 * to an authority that whoever verifies has chosen. Pure but for the moment, which is given.
 *
 * What must hold: every certificate of the chain is valid at that moment and issued by the next;
 * those that issue may (basicConstraints, keyCertSign); nothing weaker than 112 bits signs in
 * between; the signer's own has keyUsage with digitalSignature; an extendedKeyUsage, wherever there
 * is one below the authority, names codeSigning. Nobody is asked over the network, so nothing is
 * known of revocation.
 */
#ifndef MER_GUARD_CERTIFICATE_H
#define MER_GUARD_CERTIFICATE_H

#include "guard/signing_key.h"

enum {
    MER_CERTIFICATE_MAX = 1 << 16,      /* bytes of one, as DER */
    MER_CERTIFICATE_FILE_MAX = 1 << 20, /* bytes of a PEM file of them */
    MER_CHAIN_MAX = 8,                  /* certificates, the signer's own first */
    MER_AUTHORITIES_MAX = 256,
    MER_SUBJECT_MAX = 256,
    MER_ALTERNATIVES_MAX = 8
};

/* A chain without its root; the signer's own certificate first. A zeroed struct is an empty one. */
struct mer_chain {
    struct x509_st *certificates[MER_CHAIN_MAX];
    size_t n;
};
void mer_chain_release(struct mer_chain *chain);
/* Adds a certificate in DER. MER_ERR_DATA when it is none or the chain is full. */
MER_MUST_CHECK mer_status mer_chain_add(struct mer_chain *chain, const void *der, size_t n,
                                        mer_err *err);
/* Reads the certificates of a PEM text, the signer's own first; roots (issued by themselves) are
 * left out, for only the verifier can know whom to trust. MER_ERR_DATA when there is none or the
 * next did not issue the one before it. */
MER_MUST_CHECK mer_status mer_chain_read(struct mer_chain *chain, const void *pem, size_t n,
                                         const char *what, mer_err *err);
/* Appends certificate i as DER. */
MER_MUST_CHECK mer_status mer_chain_write(const struct mer_chain *chain, size_t i,
                                          struct mer_buf *buf, mer_err *err);
/* The signer's own key. MER_ERR_TRUST when it is none that model signing has. */
MER_MUST_CHECK mer_status mer_chain_key(const struct mer_chain *chain,
                                        struct mer_public_key *ret_key, mer_err *err);
/* May the signer's certificate sign at that moment (seconds since 1970)? MER_ERR_TRUST. */
MER_MUST_CHECK mer_status mer_chain_check_signer(const struct mer_chain *chain, int64_t now,
                                                 mer_err *err);

/* Authorities: each certificate is trusted as it stands, whether or not it is a root. */
struct mer_authorities {
    struct x509_store_st *store; /* owned; NULL: none */
    size_t n;
};
void mer_authorities_release(struct mer_authorities *authorities);
/* Adds every certificate of a PEM text. MER_ERR_DATA when there is none. */
MER_MUST_CHECK mer_status mer_authorities_read(struct mer_authorities *authorities, const void *pem,
                                               size_t n, const char *what, mer_err *err);
MER_MUST_CHECK mer_status mer_authorities_read_file(struct mer_authorities *authorities,
                                                    struct mer_alloc *alloc, const char *file,
                                                    mer_err *err);

/* What a chain says of its signer. */
struct mer_certified {
    struct mer_public_key key;
    char subject[MER_SUBJECT_MAX]; /* as in RFC 2253, other characters than ASCII's escaped */
    char alternatives[MER_ALTERNATIVES_MAX][MER_SUBJECT_MAX]; /* e-mail, DNS, URI names */
    size_t n_alternatives;
};
/* MER_ERR_TRUST says what does not hold. Release ret->key with mer_public_key_release. */
MER_MUST_CHECK mer_status mer_chain_verify(const struct mer_chain *chain,
                                           const struct mer_authorities *authorities, int64_t now,
                                           struct mer_certified *ret, mer_err *err);

#endif
