/* Decompresses gzip (RFC 1952) in memory: any number of members, nothing behind them.
 */
#ifndef MER_FRAME_GUNZIP_H
#define MER_FRAME_GUNZIP_H

#include "core/ctx.h"

/* The magic of gzip stands at the beginning. */
bool mer_gunzip_applies(const void *bytes, size_t n);

/* All memory, zlib's own too, comes from ctx->alloc, whose budget is the bound on what a small file
 * may grow to. *ret_bytes is the caller's, from ctx->alloc. MER_ERR_DATA when the data are cut off
 * or damaged. */
MER_MUST_CHECK mer_status mer_gunzip(const struct mer_ctx *ctx, const void *bytes, size_t n,
                                     unsigned char **ret_bytes, size_t *ret_n, mer_err *err);

#endif
