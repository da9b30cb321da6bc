/* A growable byte buffer that is born with a maximum. Not thread-safe.
 *
 * Appending past `max` fails with MER_ERR_MEMORY and leaves the contents as they were.
 */
#ifndef MER_CORE_BUF_H
#define MER_CORE_BUF_H

#include "core/alloc.h"

struct mer_buf {
    struct mer_alloc *alloc;
    unsigned char *bytes; /* owned; not zero-terminated: see mer_buf_cstr */
    size_t n;
    size_t capacity;
    size_t max;
};

void mer_buf_init(struct mer_buf *buf, struct mer_alloc *alloc, size_t max_bytes);
void mer_buf_release(struct mer_buf *buf);
void mer_buf_clear(struct mer_buf *buf);

MER_MUST_CHECK mer_status mer_buf_append(struct mer_buf *buf, const void *bytes, size_t n,
                                         mer_err *err);
/* Appends a zero-terminated text, without its zero. */
MER_MUST_CHECK mer_status mer_buf_text(struct mer_buf *buf, const char *text, mer_err *err);
MER_MUST_CHECK mer_status mer_buf_printf(struct mer_buf *buf, mer_err *err, const char *format, ...)
    MER_PRINTF(3, 4);
/* Makes room for n more bytes without changing `n`. */
MER_MUST_CHECK mer_status mer_buf_reserve(struct mer_buf *buf, size_t n, mer_err *err);
/* The contents as a zero-terminated string; the zero is not counted in `n`. */
MER_MUST_CHECK mer_status mer_buf_cstr(struct mer_buf *buf, const char **ret_text, mer_err *err);

#endif
