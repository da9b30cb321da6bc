/* Base64 by RFC 4648, written with the standard alphabet and read strictly in either one.
 */
#ifndef MER_GUARD_BASE64_H
#define MER_GUARD_BASE64_H

#include "core/buf.h"

/* Appends the standard form with padding. */
MER_MUST_CHECK mer_status mer_base64_encode(struct mer_buf *buf, const void *bytes, size_t n,
                                            mer_err *err);
/* Appends what the n characters encode: standard or URL-safe alphabet (not both in one text), with
 * or without padding. Bits that encode nothing must be zero, so that one value has one spelling in
 * each form. Anything else is MER_ERR_DATA; `what` names the text in messages. */
MER_MUST_CHECK mer_status mer_base64_decode(struct mer_buf *buf, const char *text, size_t n,
                                            const char *what, mer_err *err);
/* The same without an error's words, in the standard alphabet and without padding: into room for
 * n / 4 * 3 + 2 bytes. */
MER_MUST_CHECK bool mer_base64_decode_bare(const char *text, size_t n, unsigned char *ret_bytes,
                                           size_t *ret_n);

#endif
