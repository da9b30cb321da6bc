#include "guard/armor.h"

#include <string.h>

#include "guard/base64.h"

static const char FIRST[] = "-----BEGIN AGE ENCRYPTED FILE-----";
static const char LAST[] = "-----END AGE ENCRYPTED FILE-----";

enum { COLUMNS = 64, WHITE_MAX = 1024 };

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind the white space at its beginning, as far as it is not too long. */
static const char *skip_white(const char *at, const char *end)
{
    for (size_t i = 0; at < end && i < WHITE_MAX && is_white(*at); i++)
        at++;
    return at;
}

static bool begins_with(const char *at, const char *end, const char *text)
{
    const size_t n = strlen(text);
    return (size_t)(end - at) >= n && memcmp(at, text, n) == 0;
}

bool mer_armor_is(const void *bytes, size_t n)
{
    const char *const text = bytes;
    if (n == 0)
        return false;
    return begins_with(skip_white(text, text + n), text + n, "-----BEGIN AGE");
}

/* The length of the line at `at`, less its end; *ret_next is behind that. */
static size_t line_length(const char *at, const char *end, const char **ret_next)
{
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    *ret_next = stop ? stop + 1 : end;
    if (!stop)
        stop = end;
    if (stop > at && stop[-1] == '\r')
        stop--;
    return (size_t)(stop - at);
}

static bool line_is(const char *at, size_t n, const char *text)
{
    return n == strlen(text) && memcmp(at, text, n) == 0;
}

/* Whole groups of four in the standard alphabet. */
static bool line_has_form(const char *at, size_t n)
{
    return n > 0 && n <= COLUMNS && n % 4 == 0 && !memchr(at, '-', n) && !memchr(at, '_', n);
}

static mer_status fail_line(size_t n_line, const char *what, mer_err *err)
{
    return mer_fail(err, MER_ERR_DATA, "line %zu of the armor %s", n_line, what);
}

mer_status mer_armor_decode(struct mer_buf *buf, const void *bytes, size_t n, mer_err *err)
{
    const char *const end = n > 0 ? (const char *)bytes + n : bytes;
    const char *at = n > 0 ? skip_white(bytes, end) : bytes;
    const char *next = NULL;
    size_t n_line = 1;
    bool was_short = false;
    size_t length = at < end ? line_length(at, end, &next) : 0;
    if (!line_is(at, length, FIRST))
        return fail_line(n_line, "is not the one that begins it", err);
    for (at = next; at < end; at = next) {
        length = line_length(at, end, &next);
        n_line++;
        if (line_is(at, length, LAST))
            break;
        if (was_short)
            return fail_line(n_line - 1, "is short and not the last one", err);
        if (!line_has_form(at, length))
            return fail_line(n_line, "has not the form that it must have", err);
        const size_t n_before = buf->n;
        const mer_status status = mer_base64_decode(buf, at, length, "it", NULL);
        if (status.code == MER_ERR_MEMORY)
            return mer_fail(err, MER_ERR_MEMORY, "no memory for what the armor holds");
        if (!mer_is_ok(status))
            return fail_line(n_line, "is not base64", err);
        was_short = buf->n - n_before < MER_ARMOR_LINE_BYTES;
    }
    if (at == end)
        return mer_fail(err, MER_ERR_DATA, "the armor does not end");
    if (next < end && skip_white(next, end) < end)
        return mer_fail(err, MER_ERR_DATA, "something stands behind the armor");
    return mer_ok();
}

mer_status mer_armor_begin(struct mer_armor *armor, struct mer_buf *buf, mer_err *err)
{
    armor->n_kept = 0;
    return mer_buf_printf(buf, err, "%s\n", FIRST);
}

static mer_status put_line(const unsigned char *bytes, size_t n, struct mer_buf *buf, mer_err *err)
{
    MER_GUARD(mer_base64_encode(buf, bytes, n, err));
    return mer_buf_text(buf, "\n", err);
}

mer_status mer_armor_put(struct mer_armor *armor, const void *bytes, size_t n, struct mer_buf *buf,
                         mer_err *err)
{
    const unsigned char *at = bytes;
    while (n > 0) {
        const size_t space = MER_ARMOR_LINE_BYTES - armor->n_kept;
        const size_t more = n < space ? n : space;
        memcpy(armor->kept + armor->n_kept, at, more);
        armor->n_kept += more;
        at += more;
        n -= more;
        if (armor->n_kept < MER_ARMOR_LINE_BYTES)
            break;
        MER_GUARD(put_line(armor->kept, armor->n_kept, buf, err));
        armor->n_kept = 0;
    }
    return mer_ok();
}

mer_status mer_armor_end(struct mer_armor *armor, struct mer_buf *buf, mer_err *err)
{
    if (armor->n_kept > 0)
        MER_GUARD(put_line(armor->kept, armor->n_kept, buf, err));
    armor->n_kept = 0;
    return mer_buf_printf(buf, err, "%s\n", LAST);
}
