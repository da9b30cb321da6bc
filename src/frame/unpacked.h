/* What a decompressor writes: bytes that grow as they come. */
#ifndef MER_FRAME_UNPACKED_H
#define MER_FRAME_UNPACKED_H

#include "core/ctx.h"

enum { MER_UNPACK_STEP = 4 << 20 /* bytes in and out at a time, so that a stop is noticed */ };

struct mer_unpacked {
    unsigned char *bytes; /* from ctx->alloc */
    size_t n;
    size_t capacity;
};

/* Room for as much as the n packed bytes say they hold, as far as that is to be believed: beyond 32
 * times their size the output grows as it comes. */
MER_MUST_CHECK mer_status mer_unpacked_init(const struct mer_ctx *ctx,
                                            struct mer_unpacked *unpacked, size_t n, uint64_t told,
                                            mer_err *err);
/* More room; there is none left. */
MER_MUST_CHECK mer_status mer_unpacked_grow(const struct mer_ctx *ctx,
                                            struct mer_unpacked *unpacked, mer_err *err);
/* Packed data that end too early. */
MER_MUST_CHECK mer_status mer_unpacked_fail_cut(const char *format, mer_err *err);

#endif
