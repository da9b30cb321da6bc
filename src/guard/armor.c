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

/* ---- Reading ---- */

void mer_armor_reader_init(struct mer_armor_reader *reader)
{
    *reader = (struct mer_armor_reader){.where = MER_ARMOR_BEFORE};
}

/* A line of the body, less its end. */
static mer_status take_body(struct mer_armor_reader *reader, size_t n, struct mer_buf *buf,
                            mer_err *err)
{
    const size_t n_before = buf->n;
    reader->number++;
    if (line_is(reader->line, n, LAST)) {
        reader->where = MER_ARMOR_BEHIND;
        return mer_ok();
    }
    if (reader->was_short)
        return fail_line(reader->number - 1, "is short and not the last one", err);
    if (!line_has_form(reader->line, n))
        return fail_line(reader->number, "has not the form that it must have", err);
    const mer_status status = mer_base64_decode(buf, reader->line, n, "it", NULL);
    if (status.code == MER_ERR_MEMORY)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for what the armor holds");
    if (!mer_is_ok(status))
        return fail_line(reader->number, "is not base64", err);
    reader->was_short = buf->n - n_before < MER_ARMOR_LINE_BYTES;
    return mer_ok();
}

/* What was gathered is a line. */
static mer_status take_line(struct mer_armor_reader *reader, struct mer_buf *buf, mer_err *err)
{
    size_t n = reader->n_line;
    reader->n_line = 0;
    if (n > 0 && n < sizeof reader->line && reader->line[n - 1] == '\r')
        n--;
    if (reader->where == MER_ARMOR_BODY)
        return take_body(reader, n, buf, err);
    reader->number = 1;
    if (!line_is(reader->line, n, FIRST))
        return fail_line(reader->number, "is not the one that begins it", err);
    reader->where = MER_ARMOR_BODY;
    return mer_ok();
}

/* As much of a line as there is; of one that is too long only that. */
static void gather(struct mer_armor_reader *reader, const char *at, size_t n)
{
    const size_t space = sizeof reader->line - reader->n_line;
    const size_t more = n < space ? n : space;
    memcpy(reader->line + reader->n_line, at, more);
    reader->n_line += more;
}

mer_status mer_armor_read(struct mer_armor_reader *reader, const void *bytes, size_t n,
                          struct mer_buf *buf, mer_err *err)
{
    const char *at = bytes;
    const char *const end = n > 0 ? at + n : at;
    while (at < end) {
        if (reader->where == MER_ARMOR_BEFORE) {
            if (reader->n_white < WHITE_MAX && is_white(*at)) {
                reader->n_white++;
                at++;
                continue;
            }
            reader->where = MER_ARMOR_FIRST;
            reader->n_white = 0;
        }
        if (reader->where == MER_ARMOR_BEHIND) {
            if (reader->n_white++ == WHITE_MAX || !is_white(*at++))
                return mer_fail(err, MER_ERR_DATA, "something stands behind the armor");
            continue;
        }
        const char *const stop = memchr(at, '\n', (size_t)(end - at));
        gather(reader, at, (size_t)((stop ? stop : end) - at));
        at = stop ? stop + 1 : end;
        if (stop)
            MER_GUARD(take_line(reader, buf, err));
    }
    return mer_ok();
}

mer_status mer_armor_read_end(struct mer_armor_reader *reader, struct mer_buf *buf, mer_err *err)
{
    const bool has_begun = reader->where == MER_ARMOR_BODY || reader->where == MER_ARMOR_BEHIND;
    if (reader->n_line > 0 || !has_begun)
        MER_GUARD(take_line(reader, buf, err));
    if (reader->where != MER_ARMOR_BEHIND)
        return mer_fail(err, MER_ERR_DATA, "the armor does not end");
    return mer_ok();
}

mer_status mer_armor_decode(struct mer_buf *buf, const void *bytes, size_t n, mer_err *err)
{
    struct mer_armor_reader reader;
    mer_armor_reader_init(&reader);
    MER_GUARD(mer_armor_read(&reader, bytes, n, buf, err));
    return mer_armor_read_end(&reader, buf, err);
}

/* ---- Writing ---- */

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
