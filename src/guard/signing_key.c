#include "guard/signing_key.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "guard/crypto.h"
#include "guard/hash.h"
#include "os/secret_memory.h"
#include "os/secret_random.h"

struct mer_key_curve {
    const char *name;  /* as people know it */
    const char *group; /* as libcrypto names it */
    const char *hash;
};

/* The curves of model signing. */
static const struct mer_key_curve CURVES[] = {
    {"P-256", "prime256v1", "SHA256"},
    {"P-384", "secp384r1", "SHA384"},
    {"P-521", "secp521r1", "SHA512"},
};
enum { N_CURVES = sizeof CURVES / sizeof *CURVES };

/* scrypt as OWASP's password storage guide allows it for 16 MiB; libcrypto refuses over 32 MiB. */
enum { SCRYPT_N = 1 << 14, SCRYPT_R = 8, SCRYPT_P = 5, SALT_BYTES = 16 };

/* ---- What a key is ---- */

static mer_status find_curve(EVP_PKEY *pkey, const char *what, const struct mer_key_curve **ret,
                             mer_err *err)
{
    char group[64];
    size_t n;
    int explicit_parameters = 0;
    if (EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof group, &n))
        for (size_t i = 0; i < N_CURVES; i++) {
            if (strcmp(group, CURVES[i].group) != 0)
                continue;
            /* A curve written out in numbers is refused even if the numbers are the known ones. */
            (void)EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                                         &explicit_parameters);
            if (explicit_parameters)
                break;
            *ret = &CURVES[i];
            return mer_ok();
        }
    ERR_clear_error();
    return mer_fail(err, MER_ERR_DATA, "%s is not an ECDSA key on P-256, P-384 or P-521", what);
}

/* The PEM text in a memory BIO. */
static mer_status write_public_pem(EVP_PKEY *pkey, BIO **ret_bio, mer_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || !PEM_write_bio_PUBKEY(bio, pkey)) {
        BIO_free(bio);
        return mer_crypto_fail(err, MER_ERR_MEMORY, "a public key could not be written");
    }
    *ret_bio = bio;
    return mer_ok();
}

/* Fills in curve and id; takes the pkey over on success. */
static mer_status describe_key(EVP_PKEY *pkey, const char *what, struct mer_public_key *ret_key,
                               mer_err *err)
{
    struct mer_public_key key = {.pkey = pkey};
    struct mer_digest digest;
    BIO *bio = NULL;
    char *text;
    MER_GUARD(find_curve(pkey, what, &key.curve, err));
    /* One spelling of the point, whatever the file had: the id depends on it. */
    if (!EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                        OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED))
        return mer_crypto_fail(err, MER_ERR_MEMORY, "a public key could not be prepared");
    MER_GUARD(write_public_pem(pkey, &bio, err));
    const long n = BIO_get_mem_data(bio, &text);
    const mer_status status = mer_hash_bytes(MER_HASH_SHA256, text, (size_t)n, &digest, err);
    BIO_free(bio);
    MER_GUARD(status);
    mer_hash_hex(digest.bytes, digest.n, key.id);
    *ret_key = key;
    return mer_ok();
}

/* ---- Public keys ---- */

/* For texts that cannot be encrypted: nobody is asked. */
static int no_passphrase(char *buf, int size, int rwflag, void *self)
{
    (void)buf, (void)size, (void)rwflag, (void)self;
    return -1;
}

mer_status mer_public_key_parse(const void *pem, size_t n, const char *what,
                                struct mer_public_key *ret_key, mer_err *err)
{
    const struct mer_crypto *crypto = NULL;
    MER_GUARD(mer_crypto_get(&crypto, err));
    if (n > MER_KEY_PEM_MAX)
        return mer_fail(err, MER_ERR_DATA, "%s has over %d bytes", what, MER_KEY_PEM_MAX);
    BIO *bio = BIO_new_mem_buf(pem, (int)n);
    EVP_PKEY *pkey =
        bio ? PEM_read_bio_PUBKEY_ex(bio, NULL, no_passphrase, NULL, crypto->library, NULL) : NULL;
    BIO_free(bio);
    if (!pkey && mer_crypto_lacks_memory())
        return mer_fail(err, MER_ERR_MEMORY, "memory ran out while %s was read", what);
    ERR_clear_error();
    if (!pkey)
        return mer_fail(err, MER_ERR_DATA, "%s holds no public key in PEM form", what);
    const mer_status status = describe_key(pkey, what, ret_key, err);
    if (!mer_is_ok(status))
        EVP_PKEY_free(pkey);
    return status;
}

mer_status mer_public_key_adopt(EVP_PKEY *pkey, const char *what, struct mer_public_key *ret_key,
                                mer_err *err)
{
    return describe_key(pkey, what, ret_key, err);
}

void mer_public_key_release(struct mer_public_key *key)
{
    EVP_PKEY_free(key->pkey);
    *key = (struct mer_public_key){0};
}

const char *mer_public_key_curve(const struct mer_public_key *key)
{
    return key->curve->name;
}

mer_status mer_public_key_write(const struct mer_public_key *key, struct mer_buf *buf, mer_err *err)
{
    BIO *bio = NULL;
    char *text;
    MER_GUARD(write_public_pem(key->pkey, &bio, err));
    const long n = BIO_get_mem_data(bio, &text);
    const mer_status status = mer_buf_append(buf, text, (size_t)n, err);
    BIO_free(bio);
    return status;
}

mer_status mer_public_key_verify(const struct mer_public_key *key,
                                 const struct mer_message_part *parts, size_t n_parts,
                                 const unsigned char *signature, size_t n_signature, mer_err *err)
{
    const struct mer_crypto *crypto = NULL;
    MER_GUARD(mer_crypto_get(&crypto, err));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool fine = context && EVP_DigestVerifyInit_ex(context, NULL, key->curve->hash, crypto->library,
                                                   NULL, key->pkey, NULL) == 1;
    for (size_t i = 0; fine && i < n_parts; i++)
        fine = EVP_DigestVerifyUpdate(context, parts[i].bytes, parts[i].n) == 1;
    if (!fine) {
        EVP_MD_CTX_free(context);
        return mer_crypto_fail(err, MER_ERR_MEMORY, "a signature could not be checked");
    }
    /* 1 is the only yes; 0 and negative values are both no. */
    fine = EVP_DigestVerifyFinal(context, signature, n_signature) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    if (!fine)
        return mer_fail(err, MER_ERR_TRUST, "the signature does not fit what it signs");
    return mer_ok();
}

/* ---- Private keys ---- */

/* Takes the pkey over in every case. The process was hidden before there was a key, and stays so
 * until the key is released. */
static mer_status adopt_private(EVP_PKEY *pkey, const char *what, struct mer_signing_key *ret_key,
                                mer_err *err)
{
    const mer_status status = describe_key(pkey, what, &ret_key->public_key, err);
    if (!mer_is_ok(status)) {
        EVP_PKEY_free(pkey);
        mer_process_unhide();
    }
    return status;
}

mer_status mer_signing_key_generate(struct mer_signing_key *ret_key, mer_err *err)
{
    const struct mer_crypto *crypto = NULL;
    MER_GUARD(mer_crypto_get_private(&crypto, err));
    mer_process_hide();
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(crypto->library, NULL, "EC", CURVES[0].name);
    if (!pkey) {
        mer_process_unhide();
        return mer_crypto_fail(err, MER_ERR_INTERNAL, "a key could not be made");
    }
    return adopt_private(pkey, "the new key", ret_key, err);
}

/* What libcrypto's passphrase callback needs, and what came of it. */
struct question {
    mer_passphrase_fn *ask;
    void *self;
    const char *name;
    bool asked;
    bool answered;
};

static int answer(char *buf, int size, int rwflag, void *self)
{
    struct question *question = self;
    (void)rwflag;
    if (question->asked || !question->ask || size <= 0) {
        question->asked = true;
        return -1;
    }
    question->asked = true;
    const int n = question->ask(question->self, question->name, false, buf, (size_t)size);
    if (n < 0 || n > size)
        return -1;
    question->answered = true;
    return n;
}

static mer_status refuse_private(const struct question *question, const char *what, mer_err *err)
{
    if (!question->asked)
        return mer_fail(err, MER_ERR_DATA, "%s holds no private key in PKCS#8 PEM form", what);
    if (!question->answered) {
        const mer_status status =
            mer_fail(err, MER_ERR_TRUST, "%s needs a passphrase and got none", what);
        return mer_hint(err, status,
                        "run the command on a terminal, or give the passphrase on a "
                        "descriptor");
    }
    return mer_fail(err, MER_ERR_TRUST, "%s does not open with that passphrase", what);
}

mer_status mer_signing_key_parse(const struct mer_secret *pem, const char *name,
                                 mer_passphrase_fn *ask, void *self,
                                 struct mer_signing_key *ret_key, mer_err *err)
{
    const struct mer_crypto *crypto = NULL;
    struct question question = {.ask = ask, .self = self, .name = name};
    char what[sizeof(struct mer_quoted) + 16];
    snprintf(what, sizeof what, "the key %s", mer_quote(name).text);
    MER_GUARD(mer_crypto_get_private(&crypto, err));
    mer_process_hide();
    BIO *bio = pem->n <= INT_MAX ? BIO_new_mem_buf(pem->bytes, (int)pem->n) : NULL;
    EVP_PKEY *pkey =
        bio ? PEM_read_bio_PrivateKey_ex(bio, NULL, answer, &question, crypto->library, NULL)
            : NULL;
    BIO_free(bio);
    const bool lacks_memory = mer_crypto_lacks_memory();
    if (pkey)
        return adopt_private(pkey, what, ret_key, err);
    mer_process_unhide();
    if (lacks_memory)
        return mer_fail(err, MER_ERR_MEMORY, "memory ran out while %s was read", what);
    return refuse_private(&question, what, err);
}

void mer_signing_key_release(struct mer_signing_key *key)
{
    if (key->public_key.pkey)
        mer_process_unhide();
    mer_public_key_release(&key->public_key);
}

/* The key's PKCS#8 structure, encrypted under the passphrase; NULL on failure. */
static X509_SIG *encrypt_key(PKCS8_PRIV_KEY_INFO *info, const struct mer_secret *passphrase,
                             OSSL_LIB_CTX *library)
{
    unsigned char salt[SALT_BYTES];
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(library, "AES-256-CBC", NULL);
    X509_ALGOR *algorithm = NULL;
    X509_SIG *sealed = NULL;
    if (cipher && mer_is_ok(mer_secret_random(salt, sizeof salt, NULL)))
        algorithm =
            PKCS5_pbe2_set_scrypt(cipher, salt, sizeof salt, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
    if (algorithm)
        sealed = PKCS8_set0_pbe_ex((const char *)passphrase->bytes, (int)passphrase->n, info,
                                   algorithm, library, NULL);
    if (!sealed) /* else it owns the algorithm */
        X509_ALGOR_free(algorithm);
    EVP_CIPHER_free(cipher);
    return sealed;
}

/* Writes the key into `bio` as PEM. */
static bool write_private_pem(BIO *bio, EVP_PKEY *pkey, const struct mer_secret *passphrase,
                              OSSL_LIB_CTX *library)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    bool done = false;
    if (info && passphrase && passphrase->n > 0) {
        X509_SIG *sealed = encrypt_key(info, passphrase, library);
        done = sealed && PEM_write_bio_PKCS8(bio, sealed);
        X509_SIG_free(sealed);
    } else if (info) {
        done = PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info);
    }
    PKCS8_PRIV_KEY_INFO_free(info);
    return done;
}

mer_status mer_signing_key_write(const struct mer_signing_key *key,
                                 const struct mer_secret *passphrase, struct mer_secret *ret_pem,
                                 mer_err *err)
{
    const struct mer_crypto *crypto = NULL;
    char *text = NULL;
    MER_GUARD(mer_crypto_get_private(&crypto, err));
    BIO *bio = BIO_new(BIO_s_secmem());
    const bool done =
        bio && write_private_pem(bio, key->public_key.pkey, passphrase, crypto->library);
    const long n = done ? BIO_get_mem_data(bio, &text) : -1;
    const bool fits = n >= 0 && (size_t)n <= ret_pem->capacity;
    if (fits) {
        memcpy(ret_pem->bytes, text, (size_t)n);
        ret_pem->n = (size_t)n;
    }
    BIO_free(bio);
    if (!fits)
        return mer_crypto_fail(err, MER_ERR_MEMORY, "a private key could not be written");
    return mer_ok();
}

mer_status mer_signing_key_sign(const struct mer_signing_key *key,
                                const struct mer_message_part *parts, size_t n_parts,
                                unsigned char ret_signature[MER_SIGNATURE_DER_MAX], size_t *ret_n,
                                mer_err *err)
{
    const struct mer_crypto *crypto = NULL;
    unsigned char signature[MER_SIGNATURE_DER_MAX];
    size_t n = sizeof signature;
    MER_GUARD(mer_crypto_get_private(&crypto, err));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool fine =
        context && EVP_DigestSignInit_ex(context, NULL, key->public_key.curve->hash,
                                         crypto->library, NULL, key->public_key.pkey, NULL) == 1;
    for (size_t i = 0; fine && i < n_parts; i++)
        fine = EVP_DigestSignUpdate(context, parts[i].bytes, parts[i].n) == 1;
    fine = fine && EVP_DigestSignFinal(context, signature, &n) == 1;
    EVP_MD_CTX_free(context);
    if (!fine)
        return mer_crypto_fail(err, MER_ERR_MEMORY, "signing failed");
    memcpy(ret_signature, signature, n);
    *ret_n = n;
    return mer_ok();
}
