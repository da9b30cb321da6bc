/* The primitives that sealed files are made of, all of them libcrypto's: HKDF-SHA256, HMAC-SHA256,
 * scrypt, X25519 and ChaCha20-Poly1305. Results go to memory of the caller's, which is a secret's
 * where they are secret.
 */
#ifndef MER_GUARD_SEAL_CRYPTO_H
#define MER_GUARD_SEAL_CRYPTO_H

#include "core/status.h"

enum { MER_SEAL_KEY_BYTES = 32, MER_AEAD_TAG_BYTES = 16, MER_AEAD_NONCE_BYTES = 12 };

/* 32 bytes of HKDF-SHA256 over key and salt. */
MER_MUST_CHECK mer_status mer_seal_hkdf(const unsigned char *key, size_t n_key,
                                        const unsigned char *salt, size_t n_salt, const char *info,
                                        unsigned char ret_key[MER_SEAL_KEY_BYTES], mer_err *err);
MER_MUST_CHECK mer_status mer_seal_hmac(const unsigned char key[MER_SEAL_KEY_BYTES],
                                        const void *bytes, size_t n,
                                        unsigned char ret_mac[MER_SEAL_KEY_BYTES], mer_err *err);
/* scrypt with N = 2^log_n, r = 8, p = 1: takes 2^log_n KiB while it runs. */
MER_MUST_CHECK mer_status mer_seal_scrypt(const unsigned char *passphrase, size_t n_passphrase,
                                          const unsigned char *salt, size_t n_salt, unsigned log_n,
                                          unsigned char ret_key[MER_SEAL_KEY_BYTES], mer_err *err);

MER_MUST_CHECK mer_status mer_x25519_public(const unsigned char secret[MER_SEAL_KEY_BYTES],
                                            unsigned char ret_public[MER_SEAL_KEY_BYTES],
                                            mer_err *err);
/* MER_ERR_DATA when the other's share is a point of low order, with which nothing is shared. */
MER_MUST_CHECK mer_status mer_x25519_shared(const unsigned char secret[MER_SEAL_KEY_BYTES],
                                            const unsigned char share[MER_SEAL_KEY_BYTES],
                                            unsigned char ret_shared[MER_SEAL_KEY_BYTES],
                                            mer_err *err);

/* Are n bytes the same? Takes the same time wherever they differ. */
MER_MUST_CHECK bool mer_secret_equal(const void *a, const void *b, size_t n);

/* ChaCha20-Poly1305 under one key, for any number of messages. No nonce may come twice. */
struct mer_aead {
    struct evp_cipher_ctx_st *context;
};
MER_MUST_CHECK mer_status mer_aead_init(struct mer_aead *aead,
                                        const unsigned char key[MER_SEAL_KEY_BYTES], bool encrypts,
                                        mer_err *err);
void mer_aead_release(struct mer_aead *aead);
/* Writes n bytes and the tag. */
MER_MUST_CHECK mer_status mer_aead_seal(struct mer_aead *aead,
                                        const unsigned char nonce[MER_AEAD_NONCE_BYTES],
                                        const unsigned char *bytes, size_t n,
                                        unsigned char *ret_sealed, mer_err *err);
/* Of n > 15 bytes writes the n - 16 that they hold; *ret_fits tells whether the tag is right, and
 * nothing may be done with what was written when it is not. */
MER_MUST_CHECK mer_status mer_aead_open(struct mer_aead *aead,
                                        const unsigned char nonce[MER_AEAD_NONCE_BYTES],
                                        const unsigned char *sealed, size_t n,
                                        unsigned char *ret_bytes, bool *ret_fits, mer_err *err);

/* Poly1305 under a key of one use. It tells in a seventh of a digest's time whether bytes that are
 * read twice were the same both times, as long as nobody else sees key or code. */
enum { MER_POLY1305_BYTES = 16 };
struct mer_poly1305 {
    struct evp_mac_ctx_st *context;
};
MER_MUST_CHECK mer_status mer_poly1305_init(struct mer_poly1305 *mac,
                                            const unsigned char key[MER_SEAL_KEY_BYTES],
                                            mer_err *err);
MER_MUST_CHECK mer_status mer_poly1305_update(struct mer_poly1305 *mac, const void *bytes, size_t n,
                                              mer_err *err);
/* Releases it, too. */
MER_MUST_CHECK mer_status mer_poly1305_final(struct mer_poly1305 *mac,
                                             unsigned char ret_code[MER_POLY1305_BYTES],
                                             mer_err *err);
void mer_poly1305_release(struct mer_poly1305 *mac);

#endif
