/* safetensors (https://github.com/huggingface/safetensors): bundles as bytes and back. Pure.
 *
 * The reader enforces every rule of the format: header length and UTF-8, no duplicate keys,
 * string-to-string metadata, known dtypes, offsets that start at 0 and cover the buffer without
 * holes or overlap, checked products. Header padded with spaces to 64 bytes; tensors by falling
 * element size, then name.
 */
#ifndef MER_FORMATS_SAFETENSORS_H
#define MER_FORMATS_SAFETENSORS_H

#include "core/buf.h"
#include "core/bundle.h"
#include "core/ctx.h"

enum { MER_SAFETENSORS_HEADER_MAX = 100000000, MER_SAFETENSORS_JSON_MAX = 1 << 20 };

/* Writes the bundle, its JSON under the metadata key "merlon". */
MER_MUST_CHECK mer_status mer_safetensors_write(const struct mer_bundle *bundle,
                                                struct mer_buf *buf, mer_err *err);
/* Opens bytes as a bundle that borrows them (64-byte aligned). bundle->json is the metadata key
 * "merlon", or NULL in a file of another program. MER_ERR_DATA names the rule that is broken. */
MER_MUST_CHECK mer_status mer_safetensors_read(const struct mer_ctx *ctx, const void *bytes,
                                               size_t n, struct mer_bundle *ret_bundle,
                                               mer_err *err);

#endif
