/* Digests of bytes and of files: SHA-256, and BLAKE2b-512 for signatures that others made.
 */
#ifndef MER_GUARD_HASH_H
#define MER_GUARD_HASH_H

#include "core/status.h"

enum mer_hash_kind { MER_HASH_SHA256, MER_HASH_BLAKE2B, MER_HASH_KIND_COUNT };

enum { MER_SHA256_BYTES = 32, MER_HASH_BYTES_MAX = 64, MER_HASH_HEX_MAX = 129 };

struct mer_digest {
    unsigned char bytes[MER_HASH_BYTES_MAX];
    size_t n; /* 32 or 64 */
};

/* "sha256", "blake2b": the names of model signing. */
const char *mer_hash_name(enum mer_hash_kind kind);
size_t mer_hash_size(enum mer_hash_kind kind);

bool mer_digest_equal(const struct mer_digest *a, const struct mer_digest *b);
/* 2 n lower-case hex digits and a zero. */
void mer_hash_hex(const unsigned char *bytes, size_t n, char *ret_text);
/* Exactly 2 n lower-case hex digits, else false. */
bool mer_hash_unhex(const char *text, size_t n, unsigned char *ret_bytes);

/* A digest in the making. init, any number of updates, then final or release; final releases. */
struct mer_hash {
    struct evp_md_ctx_st *context;
    enum mer_hash_kind kind;
};
MER_MUST_CHECK mer_status mer_hash_init(struct mer_hash *hash, enum mer_hash_kind kind,
                                        mer_err *err);
MER_MUST_CHECK mer_status mer_hash_update(struct mer_hash *hash, const void *bytes, size_t n,
                                          mer_err *err);
MER_MUST_CHECK mer_status mer_hash_final(struct mer_hash *hash, struct mer_digest *ret_digest,
                                         mer_err *err);
void mer_hash_release(struct mer_hash *hash);

MER_MUST_CHECK mer_status mer_hash_bytes(enum mer_hash_kind kind, const void *bytes, size_t n,
                                         struct mer_digest *ret_digest, mer_err *err);

#endif
