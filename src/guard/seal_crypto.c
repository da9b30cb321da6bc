#include "guard/seal_crypto.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "guard/crypto.h"

/* ---- Deriving keys ---- */

/* Runs one of libcrypto's key derivations. */
static mer_status derive(const char *name, const OSSL_PARAM *parameters,
                         unsigned char ret_key[MER_SEAL_KEY_BYTES], mer_err *err)
{
    const struct mer_crypto *crypto = NULL;
    MER_GUARD(mer_crypto_get_private(&crypto, err));
    EVP_KDF *kdf = EVP_KDF_fetch(crypto->library, name, NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    const bool fine =
        context && EVP_KDF_derive(context, ret_key, MER_SEAL_KEY_BYTES, parameters) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return fine ? mer_ok() : mer_crypto_fail(err, MER_ERR_MEMORY, "a key could not be derived");
}

/* libcrypto reads what it is given and takes it as not constant. */
static OSSL_PARAM octets(const char *name, const void *bytes, size_t n)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)bytes, n);
}

mer_status mer_seal_hkdf(const unsigned char *key, size_t n_key, const unsigned char *salt,
                         size_t n_salt, const char *info, unsigned char ret_key[MER_SEAL_KEY_BYTES],
                         mer_err *err)
{
    char hash[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash, 0),
        octets(OSSL_KDF_PARAM_KEY, key, n_key), octets(OSSL_KDF_PARAM_INFO, info, strlen(info)),
        /* No salt at all is, by definition, one of zeros. */
        n_salt > 0 ? octets(OSSL_KDF_PARAM_SALT, salt, n_salt) : OSSL_PARAM_construct_end(),
        OSSL_PARAM_construct_end()};
    return derive("HKDF", parameters, ret_key, err);
}

mer_status mer_seal_scrypt(const unsigned char *passphrase, size_t n_passphrase,
                           const unsigned char *salt, size_t n_salt, unsigned log_n,
                           unsigned char ret_key[MER_SEAL_KEY_BYTES], mer_err *err)
{
    uint64_t n = UINT64_C(1) << log_n;
    uint64_t max_bytes = n * 1024 + (1 << 20);
    uint32_t r = 8, p = 1;
    const OSSL_PARAM parameters[] = {
        octets(OSSL_KDF_PARAM_PASSWORD, passphrase, n_passphrase),
        octets(OSSL_KDF_PARAM_SALT, salt, n_salt),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &max_bytes),
        OSSL_PARAM_construct_end()};
    return derive("SCRYPT", parameters, ret_key, err);
}

mer_status mer_seal_hmac(const unsigned char key[MER_SEAL_KEY_BYTES], const void *bytes, size_t n,
                         unsigned char ret_mac[MER_SEAL_KEY_BYTES], mer_err *err)
{
    const struct mer_crypto *crypto = NULL;
    size_t n_mac = 0;
    MER_GUARD(mer_crypto_get_private(&crypto, err));
    if (!EVP_Q_mac(crypto->library, "HMAC", NULL, "SHA256", NULL, key, MER_SEAL_KEY_BYTES, bytes, n,
                   ret_mac, MER_SEAL_KEY_BYTES, &n_mac) ||
        n_mac != MER_SEAL_KEY_BYTES)
        return mer_crypto_fail(err, MER_ERR_MEMORY, "a header could not be authenticated");
    return mer_ok();
}

bool mer_secret_equal(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

/* ---- X25519 ---- */

static EVP_PKEY *private_key(const struct mer_crypto *crypto,
                             const unsigned char secret[MER_SEAL_KEY_BYTES])
{
    return EVP_PKEY_new_raw_private_key_ex(crypto->library, "X25519", NULL, secret,
                                           MER_SEAL_KEY_BYTES);
}

mer_status mer_x25519_public(const unsigned char secret[MER_SEAL_KEY_BYTES],
                             unsigned char ret_public[MER_SEAL_KEY_BYTES], mer_err *err)
{
    const struct mer_crypto *crypto = NULL;
    size_t n = MER_SEAL_KEY_BYTES;
    MER_GUARD(mer_crypto_get_private(&crypto, err));
    EVP_PKEY *key = private_key(crypto, secret);
    const bool fine = key && EVP_PKEY_get_raw_public_key(key, ret_public, &n) == 1;
    EVP_PKEY_free(key);
    return fine ? mer_ok() : mer_crypto_fail(err, MER_ERR_MEMORY, "a key could not be made");
}

mer_status mer_x25519_shared(const unsigned char secret[MER_SEAL_KEY_BYTES],
                             const unsigned char share[MER_SEAL_KEY_BYTES],
                             unsigned char ret_shared[MER_SEAL_KEY_BYTES], mer_err *err)
{
    static const unsigned char nothing[MER_SEAL_KEY_BYTES];
    const struct mer_crypto *crypto = NULL;
    size_t n = MER_SEAL_KEY_BYTES;
    MER_GUARD(mer_crypto_get_private(&crypto, err));
    EVP_PKEY *own = private_key(crypto, secret);
    EVP_PKEY *other =
        EVP_PKEY_new_raw_public_key_ex(crypto->library, "X25519", NULL, share, MER_SEAL_KEY_BYTES);
    EVP_PKEY_CTX *context =
        own && other ? EVP_PKEY_CTX_new_from_pkey(crypto->library, own, NULL) : NULL;
    const bool ready = context && EVP_PKEY_derive_init(context) == 1 &&
                       EVP_PKEY_derive_set_peer_ex(context, other, 0) == 1;
    bool shared = ready && EVP_PKEY_derive(context, ret_shared, &n) == 1;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(other);
    EVP_PKEY_free(own);
    const bool lacks_memory = mer_crypto_lacks_memory();
    if (!ready || lacks_memory)
        return mer_fail(err, MER_ERR_MEMORY, "memory ran out while a key was agreed on");
    /* libcrypto refuses such a point by itself; this does not rely on it. */
    shared = shared && CRYPTO_memcmp(ret_shared, nothing, sizeof nothing) != 0;
    return shared ? mer_ok() : mer_fail(err, MER_ERR_DATA, "a share is a point of low order");
}

/* ---- ChaCha20-Poly1305 ---- */

mer_status mer_aead_init(struct mer_aead *aead, const unsigned char key[MER_SEAL_KEY_BYTES],
                         bool encrypts, mer_err *err)
{
    const struct mer_crypto *crypto = NULL;
    MER_GUARD(mer_crypto_get_private(&crypto, err));
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(crypto->library, "ChaCha20-Poly1305", NULL);
    EVP_CIPHER_CTX *context = cipher ? EVP_CIPHER_CTX_new() : NULL;
    const bool fine =
        context && EVP_CipherInit_ex2(context, cipher, key, NULL, encrypts, NULL) == 1;
    EVP_CIPHER_free(cipher); /* the context holds it */
    if (!fine) {
        EVP_CIPHER_CTX_free(context);
        return mer_crypto_fail(err, MER_ERR_MEMORY, "a cipher could not be set up");
    }
    aead->context = context;
    return mer_ok();
}

void mer_aead_release(struct mer_aead *aead)
{
    EVP_CIPHER_CTX_free(aead->context); /* which wipes the key */
    aead->context = NULL;
}

mer_status mer_aead_seal(struct mer_aead *aead, const unsigned char nonce[MER_AEAD_NONCE_BYTES],
                         const unsigned char *bytes, size_t n, unsigned char *ret_sealed,
                         mer_err *err)
{
    EVP_CIPHER_CTX *const context = aead->context;
    int n_out = 0;
    const bool fine =
        n <= INT_MAX && EVP_EncryptInit_ex2(context, NULL, NULL, nonce, NULL) == 1 &&
        EVP_EncryptUpdate(context, ret_sealed, &n_out, bytes, (int)n) == 1 && n_out == (int)n &&
        EVP_EncryptFinal_ex(context, ret_sealed + n, &n_out) == 1 && n_out == 0 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, MER_AEAD_TAG_BYTES, ret_sealed + n) ==
            1;
    return fine ? mer_ok() : mer_crypto_fail(err, MER_ERR_MEMORY, "sealing failed");
}

mer_status mer_aead_open(struct mer_aead *aead, const unsigned char nonce[MER_AEAD_NONCE_BYTES],
                         const unsigned char *sealed, size_t n, unsigned char *ret_bytes,
                         bool *ret_fits, mer_err *err)
{
    EVP_CIPHER_CTX *const context = aead->context;
    unsigned char tag[MER_AEAD_TAG_BYTES];
    int n_out = 0;
    if (n < sizeof tag || n > INT_MAX)
        return mer_fail(err, MER_ERR_INTERNAL, "%zu bytes are no sealed message", n);
    const size_t n_bytes = n - sizeof tag;
    memcpy(tag, sealed + n_bytes, sizeof tag);
    if (EVP_DecryptInit_ex2(context, NULL, NULL, nonce, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) != 1 ||
        EVP_DecryptUpdate(context, ret_bytes, &n_out, sealed, (int)n_bytes) != 1 ||
        n_out != (int)n_bytes)
        return mer_crypto_fail(err, MER_ERR_MEMORY, "opening failed");
    /* 1 is the only yes. */
    *ret_fits = EVP_DecryptFinal_ex(context, ret_bytes + n_bytes, &n_out) == 1;
    ERR_clear_error();
    return mer_ok();
}

/* ---- Poly1305 ---- */

mer_status mer_poly1305_init(struct mer_poly1305 *mac, const unsigned char key[MER_SEAL_KEY_BYTES],
                             mer_err *err)
{
    const struct mer_crypto *crypto = NULL;
    MER_GUARD(mer_crypto_get(&crypto, err));
    EVP_MAC *const algorithm = EVP_MAC_fetch(crypto->library, "POLY1305", NULL);
    EVP_MAC_CTX *const context = algorithm ? EVP_MAC_CTX_new(algorithm) : NULL;
    const bool fine = context && EVP_MAC_init(context, key, MER_SEAL_KEY_BYTES, NULL) == 1;
    EVP_MAC_free(algorithm); /* the context holds it */
    if (!fine) {
        EVP_MAC_CTX_free(context);
        return mer_crypto_fail(err, MER_ERR_MEMORY, "a code could not be started");
    }
    mac->context = context;
    return mer_ok();
}

mer_status mer_poly1305_update(struct mer_poly1305 *mac, const void *bytes, size_t n, mer_err *err)
{
    if (EVP_MAC_update(mac->context, bytes, n) != 1)
        return mer_crypto_fail(err, MER_ERR_INTERNAL, "a code failed");
    return mer_ok();
}

mer_status mer_poly1305_final(struct mer_poly1305 *mac, unsigned char ret_code[MER_POLY1305_BYTES],
                              mer_err *err)
{
    unsigned char code[MER_POLY1305_BYTES];
    size_t n = 0;
    const bool fine =
        EVP_MAC_final(mac->context, code, &n, sizeof code) == 1 && n == MER_POLY1305_BYTES;
    mer_poly1305_release(mac);
    if (!fine)
        return mer_crypto_fail(err, MER_ERR_INTERNAL, "a code failed");
    memcpy(ret_code, code, sizeof code);
    return mer_ok();
}

void mer_poly1305_release(struct mer_poly1305 *mac)
{
    EVP_MAC_CTX_free(mac->context); /* which wipes the key */
    mac->context = NULL;
}
