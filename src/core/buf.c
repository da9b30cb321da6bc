#include "core/buf.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_CAPACITY = 128 };

void mer_buf_init(struct mer_buf *buf, struct mer_alloc *alloc, size_t max_bytes)
{
    *buf = (struct mer_buf){.alloc = alloc, .max = max_bytes};
}

void mer_buf_release(struct mer_buf *buf)
{
    mer_free(buf->alloc, buf->bytes);
    mer_buf_init(buf, buf->alloc, buf->max);
}

void mer_buf_clear(struct mer_buf *buf)
{
    buf->n = 0;
}

/* Makes capacity for n more bytes of contents and, in addition, `n_extra` that do not count against
 * the maximum (a terminating zero). Doubles, so that appending is linear overall. */
static mer_status make_room(struct mer_buf *buf, size_t n, size_t n_extra, mer_err *err)
{
    size_t wanted;
    if (n > buf->max - buf->n)
        return mer_fail(err, MER_ERR_MEMORY,
                        "a buffer of at most %zu bytes would have to hold more", buf->max);
    if (!mer_size_add(buf->n + n, n_extra, &wanted))
        return mer_fail(err, MER_ERR_MEMORY, "a buffer of %zu bytes is impossible", buf->n + n);
    if (wanted <= buf->capacity)
        return mer_ok();
    size_t capacity = buf->capacity > SIZE_MAX / 2 ? SIZE_MAX : buf->capacity * 2;
    if (capacity > buf->max)
        capacity = buf->max;
    if (capacity < wanted)
        capacity = wanted;
    if (capacity < FIRST_CAPACITY)
        capacity = FIRST_CAPACITY;
    MER_GUARD(mer_alloc_resize(buf->alloc, capacity, &buf->bytes, err));
    buf->capacity = capacity;
    return mer_ok();
}

mer_status mer_buf_reserve(struct mer_buf *buf, size_t n, mer_err *err)
{
    return make_room(buf, n, 0, err);
}

mer_status mer_buf_append(struct mer_buf *buf, const void *bytes, size_t n, mer_err *err)
{
    MER_GUARD(make_room(buf, n, 0, err));
    if (n > 0)
        memcpy(buf->bytes + buf->n, bytes, n);
    buf->n += n;
    return mer_ok();
}

mer_status mer_buf_text(struct mer_buf *buf, const char *text, mer_err *err)
{
    return mer_buf_append(buf, text, strlen(text), err);
}

mer_status mer_buf_printf(struct mer_buf *buf, mer_err *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        return mer_fail(err, MER_ERR_INTERNAL, "a text could not be formatted");
    const size_t n = (size_t)length;
    MER_GUARD(make_room(buf, n, 1, err));
    va_start(arguments, format);
    (void)vsnprintf((char *)buf->bytes + buf->n, n + 1, format, arguments);
    va_end(arguments);
    buf->n += n;
    return mer_ok();
}

mer_status mer_buf_cstr(struct mer_buf *buf, const char **ret_text, mer_err *err)
{
    MER_GUARD(make_room(buf, 0, 1, err));
    buf->bytes[buf->n] = '\0';
    *ret_text = (const char *)buf->bytes;
    return mer_ok();
}
