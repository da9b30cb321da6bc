#include "guard/crypto.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

enum { SECURE_HEAP_BYTES = 1 << 16, SECURE_HEAP_PIECE = 32 };

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static struct mer_crypto crypto; /* constant after `once` */
static OSSL_PROVIDER *provider;
static bool ready;

/* libcrypto calls it when the process ends, before it takes itself down. */
static void free_crypto(void)
{
    EVP_MD_free(crypto.sha256);
    EVP_MD_free(crypto.blake2b);
    EVP_MAC_free(crypto.hmac);
    OSSL_PROVIDER_unload(provider);
    OSSL_LIB_CTX_free(crypto.library);
}

static void make_crypto(void)
{
    /* OPENSSL_CONF can name a module to load: nothing of it is read, neither for OpenSSL's default
     * context nor for ours, which knows the built-in provider alone. */
    if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
        return;
    crypto.library = OSSL_LIB_CTX_new();
    if (!crypto.library || !OPENSSL_atexit(free_crypto))
        return;
    provider = OSSL_PROVIDER_load(crypto.library, "default");
    if (!provider)
        return;
    crypto.sha256 = EVP_MD_fetch(crypto.library, "SHA256", NULL);
    crypto.blake2b = EVP_MD_fetch(crypto.library, "BLAKE2B-512", NULL);
    crypto.hmac = EVP_MAC_fetch(crypto.library, "HMAC", NULL);
    ready = crypto.sha256 && crypto.blake2b && crypto.hmac;
}

mer_status mer_crypto_get(const struct mer_crypto **ret_crypto, mer_err *err)
{
    if (!CRYPTO_THREAD_run_once(&once, make_crypto) || !ready)
        return mer_crypto_fail(err, MER_ERR_ABSENT, "libcrypto could not be set up");
    *ret_crypto = &crypto;
    return mer_ok();
}

mer_status mer_crypto_get_private(const struct mer_crypto **ret_crypto, mer_err *err)
{
    MER_GUARD(mer_crypto_get(ret_crypto, err));
    /* Without it (no memory to lock) private numbers live in ordinary memory, wiped all the same.
     */
    if (!CRYPTO_secure_malloc_initialized())
        (void)CRYPTO_secure_malloc_init(SECURE_HEAP_BYTES, SECURE_HEAP_PIECE);
    return mer_ok();
}

bool mer_crypto_lacks_memory(void)
{
    bool lacks_memory = false;
    for (unsigned long code = ERR_get_error(); code; code = ERR_get_error())
        lacks_memory = lacks_memory || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
    return lacks_memory;
}

mer_status mer_crypto_fail(mer_err *err, enum mer_code code, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (mer_crypto_lacks_memory())
        return mer_fail(err, MER_ERR_MEMORY, "%s (memory ran out)", what);
    return reason ? mer_fail(err, code, "%s (%s)", what, reason) : mer_fail(err, code, "%s", what);
}
