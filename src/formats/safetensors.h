/* safetensors (https://github.com/huggingface/safetensors): bundles as bytes and back. Pure.
 *
 * A file is an 8-byte little-endian header length, a JSON header and the tensors' bytes. The reader
 * enforces every rule of the format and names the one that is broken, with the tensor:
 *
 *   - the header is at most 100,000,000 bytes, starts with '{', ends with '}' and then spaces only,
 *     is UTF-8 and JSON without duplicate keys; "__metadata__" maps strings to strings;
 *   - a tensor has exactly "dtype", "shape" and "data_offsets"; its dtype is one of the table
 *     below, its size is the checked product of shape and element size;
 *   - offsets start at 0 and cover the data without hole or overlap, to the last byte of the file.
 *
 * Tighter than the format, because a bundle (core/bundle.h) is: at most 65,536 tensors of at most 4
 * dimensions, names of at most 200 bytes without control characters, element types of enum
 * mer_dtype. NaN and infinities are values like others.
 *
 * The writer is canonical: tensors by falling element size, then by name, so that every tensor is
 * aligned to its elements; the header padded with spaces until the data start at a multiple of 64.
 * The same bundle always has the same bytes.
 */
#ifndef MER_FORMATS_SAFETENSORS_H
#define MER_FORMATS_SAFETENSORS_H

#include "core/buf.h"
#include "core/bundle.h"
#include "core/ctx.h"

enum { MER_SAFETENSORS_HEADER_MAX = 100000000, MER_SAFETENSORS_JSON_MAX = 1 << 20 };

/* Appends the bundle as a file, its JSON under the metadata key "merlon". `buf` is as it was on
 * failure. */
MER_MUST_CHECK mer_status mer_safetensors_write(const struct mer_bundle *bundle,
                                                struct mer_buf *buf, mer_err *err);
/* Opens bytes as a bundle that borrows them (64-byte aligned where the caller can; a tensor whose
 * elements lie unaligned is copied). bundle->json is the metadata key "merlon", or NULL in a file
 * of another program; arrays come in the order of their data. MER_ERR_DATA names the rule that is
 * broken. Memory is bounded by the header's length plus the unaligned tensors'. Release the bundle
 * with mer_bundle_release. */
MER_MUST_CHECK mer_status mer_safetensors_read(const struct mer_ctx *ctx, const void *bytes,
                                               size_t n, struct mer_bundle *ret_bundle,
                                               mer_err *err);

#endif
