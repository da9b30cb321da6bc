#include "guard/hash.h"

#include <openssl/evp.h>
#include <string.h>

#include "guard/crypto.h"

static const struct {
    const char *name;
    size_t n_bytes;
} KINDS[MER_HASH_KIND_COUNT] = {
    [MER_HASH_SHA256] = {"sha256", MER_SHA256_BYTES},
    [MER_HASH_BLAKE2B] = {"blake2b", MER_HASH_BYTES_MAX},
};

const char *mer_hash_name(enum mer_hash_kind kind)
{
    return KINDS[kind].name;
}

size_t mer_hash_size(enum mer_hash_kind kind)
{
    return KINDS[kind].n_bytes;
}

bool mer_digest_equal(const struct mer_digest *a, const struct mer_digest *b)
{
    return a->n == b->n && memcmp(a->bytes, b->bytes, a->n) == 0;
}

void mer_hash_hex(const unsigned char *bytes, size_t n, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_text[2 * n] = '\0';
}

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool mer_hash_unhex(const char *text, size_t n, unsigned char *ret_bytes)
{
    if (strnlen(text, 2 * n + 1) != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        const int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret_bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

mer_status mer_hash_init(struct mer_hash *hash, enum mer_hash_kind kind, mer_err *err)
{
    const struct mer_crypto *crypto = NULL;
    MER_GUARD(mer_crypto_get(&crypto, err));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_MD *md = kind == MER_HASH_SHA256 ? crypto->sha256 : crypto->blake2b;
    if (!context || !EVP_DigestInit_ex2(context, md, NULL)) {
        EVP_MD_CTX_free(context);
        return mer_crypto_fail(err, MER_ERR_MEMORY, "a digest could not be started");
    }
    *hash = (struct mer_hash){.context = context, .kind = kind};
    return mer_ok();
}

mer_status mer_hash_update(struct mer_hash *hash, const void *bytes, size_t n, mer_err *err)
{
    if (!EVP_DigestUpdate(hash->context, bytes, n))
        return mer_crypto_fail(err, MER_ERR_INTERNAL, "a digest failed");
    return mer_ok();
}

mer_status mer_hash_final(struct mer_hash *hash, struct mer_digest *ret_digest, mer_err *err)
{
    struct mer_digest digest = {.n = mer_hash_size(hash->kind)};
    const int done = EVP_DigestFinal_ex(hash->context, digest.bytes, NULL);
    mer_hash_release(hash);
    if (!done)
        return mer_crypto_fail(err, MER_ERR_INTERNAL, "a digest failed");
    *ret_digest = digest;
    return mer_ok();
}

void mer_hash_release(struct mer_hash *hash)
{
    EVP_MD_CTX_free(hash->context);
    hash->context = NULL;
}

mer_status mer_hash_bytes(enum mer_hash_kind kind, const void *bytes, size_t n,
                          struct mer_digest *ret_digest, mer_err *err)
{
    struct mer_hash hash;
    MER_GUARD(mer_hash_init(&hash, kind, err));
    const mer_status status = mer_hash_update(&hash, bytes, n, err);
    if (!mer_is_ok(status)) {
        mer_hash_release(&hash);
        return status;
    }
    return mer_hash_final(&hash, ret_digest, err);
}
