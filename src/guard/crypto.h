/* OpenSSL as this library uses it: a library context of our own, which no configuration file and no
 * environment variable can load code into, with the algorithms fetched once (fetching is slow in
 * OpenSSL 3). Only guard's own files include this.
 */
#ifndef MER_GUARD_CRYPTO_H
#define MER_GUARD_CRYPTO_H

#include <openssl/types.h>

#include "core/status.h"

struct mer_crypto {
    OSSL_LIB_CTX *library;
    EVP_MD *sha256;
    EVP_MD *blake2b; /* 512 bits */
    EVP_MAC *hmac;
};

/* Made on the first call, kept until the process ends; thread-safe. MER_ERR_ABSENT when libcrypto
 * cannot do what is needed. */
MER_MUST_CHECK mer_status mer_crypto_get(const struct mer_crypto **ret_crypto, mer_err *err);
/* Also sets up OpenSSL's locked heap, where it keeps private numbers. For whoever holds private
 * keys. */
MER_MUST_CHECK mer_status mer_crypto_get_private(const struct mer_crypto **ret_crypto,
                                                 mer_err *err);

/* Whether memory ran out in what libcrypto did since its error queue was emptied; empties it. */
bool mer_crypto_lacks_memory(void);
/* A failure of libcrypto in words, with its own reason; MER_ERR_MEMORY instead of `code` when
 * memory ran out. Empties the error queue. Where the arguments were checked before, a lack of
 * memory is all that can be wrong, whatever reason libcrypto gives: callers pass MER_ERR_MEMORY. */
MER_MUST_CHECK mer_status mer_crypto_fail(mer_err *err, enum mer_code code, const char *what);

#endif
