/* Decompresses zstd (RFC 8878) in memory: any number of frames, nothing behind them.
 */
#ifndef MER_FRAME_UNZSTD_H
#define MER_FRAME_UNZSTD_H

#include "core/ctx.h"

/* The magic of zstd, or of one of its skippable frames, stands at the beginning. */
bool mer_unzstd_applies(const void *bytes, size_t n);

/* The output comes from ctx->alloc, whose budget is the bound on what a small file may grow to, and
 * so does what zstd needs itself; windows of more than 128 MB are refused. *ret_bytes is the
 * caller's, from ctx->alloc. MER_ERR_DATA when the data are cut off or damaged. */
MER_MUST_CHECK mer_status mer_unzstd(const struct mer_ctx *ctx, const void *bytes, size_t n,
                                     unsigned char **ret_bytes, size_t *ret_n, mer_err *err);

#endif
