/* ECDSA keys on P-256, P-384 and P-521, as text and in use.
 *
 * A key's id is the `hint` of model signing: the hex SHA-256 of its public key's PEM text
 * (SubjectPublicKeyInfo, final newline included). Signatures are DER over SHA-256, SHA-384 and
 * SHA-512 by curve.
 */
#ifndef MER_GUARD_SIGNING_KEY_H
#define MER_GUARD_SIGNING_KEY_H

#include "core/buf.h"
#include "guard/secret.h"
#include "merlon/trust.h"

enum { MER_KEY_PEM_MAX = 1 << 16, MER_SIGNATURE_DER_MAX = 144, MER_PASSPHRASE_MAX = 1024 };

struct mer_key_curve;

struct mer_public_key {
    struct evp_pkey_st *pkey;
    const struct mer_key_curve *curve;
    char id[MER_KEY_ID_MAX];
};

/* Reads the first PUBLIC KEY block of a PEM text; text around it is skipped. MER_ERR_DATA when
 * there is none or it is no such key; `what` names the text in messages. */
MER_MUST_CHECK mer_status mer_public_key_parse(const void *pem, size_t n, const char *what,
                                               struct mer_public_key *ret_key, mer_err *err);
/* Takes over a key of libcrypto's, on success. MER_ERR_DATA when it is no such key. */
MER_MUST_CHECK mer_status mer_public_key_adopt(struct evp_pkey_st *pkey, const char *what,
                                               struct mer_public_key *ret_key, mer_err *err);
void mer_public_key_release(struct mer_public_key *key);
/* "P-256" */
const char *mer_public_key_curve(const struct mer_public_key *key);
/* Appends the canonical PEM text. */
MER_MUST_CHECK mer_status mer_public_key_write(const struct mer_public_key *key,
                                               struct mer_buf *buf, mer_err *err);
/* Is `signature` the key's signature over the n_parts pieces of the message, one after the other?
 * MER_ERR_TRUST when not. */
struct mer_message_part {
    const void *bytes;
    size_t n;
};
MER_MUST_CHECK mer_status mer_public_key_verify(const struct mer_public_key *key,
                                                const struct mer_message_part *parts,
                                                size_t n_parts, const unsigned char *signature,
                                                size_t n_signature, mer_err *err);

/* A private key; while there is one, the process is hidden (os/secret_memory.h). */
struct mer_signing_key {
    struct mer_public_key public_key; /* its pkey holds the private part too */
};

/* A new P-256 key from libcrypto's generator, which the kernel seeds. */
MER_MUST_CHECK mer_status mer_signing_key_generate(struct mer_signing_key *ret_key, mer_err *err);
/* Reads PKCS#8 PEM. `ask` is asked for the passphrase of an encrypted key (confirm false), once;
 * MER_ERR_TRUST when there is none or it is wrong. libcrypto itself never asks. */
MER_MUST_CHECK mer_status mer_signing_key_parse(const struct mer_secret *pem, const char *name,
                                                mer_passphrase_fn *ask, void *self,
                                                struct mer_signing_key *ret_key, mer_err *err);
/* PKCS#8 PEM into an empty secret of MER_KEY_PEM_MAX bytes; encrypted (PBES2: scrypt, AES-256-CBC)
 * unless `passphrase` is NULL or empty. */
MER_MUST_CHECK mer_status mer_signing_key_write(const struct mer_signing_key *key,
                                                const struct mer_secret *passphrase,
                                                struct mer_secret *ret_pem, mer_err *err);
void mer_signing_key_release(struct mer_signing_key *key);
MER_MUST_CHECK mer_status mer_signing_key_sign(const struct mer_signing_key *key,
                                               const struct mer_message_part *parts, size_t n_parts,
                                               unsigned char ret_signature[MER_SIGNATURE_DER_MAX],
                                               size_t *ret_n, mer_err *err);

#endif
