#include "cell/notes.h"

#include <string.h>

#include "core/utf8.h"

mer_status mer_notes_put_u32(struct mer_buf *buf, size_t number, mer_err *err)
{
    const uint32_t stored = (uint32_t)number;
    if (stored != number)
        return mer_fail(err, MER_ERR_DATA, "%zu is more than a note can count", number);
    return mer_buf_append(buf, &stored, sizeof stored, err);
}

mer_status mer_notes_put_u64(struct mer_buf *buf, uint64_t number, mer_err *err)
{
    return mer_buf_append(buf, &number, sizeof number, err);
}

mer_status mer_notes_put_f64(struct mer_buf *buf, double number, mer_err *err)
{
    return mer_buf_append(buf, &number, sizeof number, err);
}

mer_status mer_notes_put_text(struct mer_buf *buf, const char *bytes, size_t n, mer_err *err)
{
    MER_GUARD(mer_notes_put_u32(buf, n, err));
    return mer_buf_append(buf, bytes, n, err);
}

void mer_notes_read(struct mer_notes_reader *reader, const void *bytes, size_t n,
                    struct mer_arena *arena, mer_err *err)
{
    *reader = (struct mer_notes_reader){
        .at = bytes, .left = n, .arena = arena, .status = mer_ok(), .err = err};
}

void mer_notes_refuse(struct mer_notes_reader *reader)
{
    reader->failed = true;
}

const unsigned char *mer_notes_bytes(struct mer_notes_reader *reader, size_t n)
{
    const char *const bytes = reader->at;
    if (reader->failed || n > reader->left) {
        mer_notes_refuse(reader);
        return NULL;
    }
    reader->at += n;
    reader->left -= n;
    return (const unsigned char *)bytes;
}

static void take(struct mer_notes_reader *reader, void *ret, size_t n)
{
    const unsigned char *const bytes = mer_notes_bytes(reader, n);
    if (bytes)
        memcpy(ret, bytes, n);
}

uint32_t mer_notes_u32(struct mer_notes_reader *reader)
{
    uint32_t number = 0;
    take(reader, &number, sizeof number);
    return number;
}

uint64_t mer_notes_u64(struct mer_notes_reader *reader)
{
    uint64_t number = 0;
    take(reader, &number, sizeof number);
    return number;
}

double mer_notes_f64(struct mer_notes_reader *reader)
{
    double number = 0;
    take(reader, &number, sizeof number);
    return number;
}

uint32_t mer_notes_u32_upto(struct mer_notes_reader *reader, size_t most)
{
    const uint32_t number = mer_notes_u32(reader);
    if (number <= most)
        return number;
    mer_notes_refuse(reader);
    return 0;
}

const char *mer_notes_text(struct mer_notes_reader *reader, size_t *ret_n)
{
    const size_t n = mer_notes_u32(reader);
    const char *const bytes = (const char *)mer_notes_bytes(reader, n);
    const char *text = "";
    if (ret_n)
        *ret_n = 0;
    if (!bytes)
        return text;
    if (!mer_utf8_valid(bytes, n) || memchr(bytes, '\0', n) != NULL) {
        mer_notes_refuse(reader);
        return text;
    }
    reader->status = mer_arena_text(reader->arena, bytes, n, &text, reader->err);
    if (!mer_is_ok(reader->status)) {
        mer_notes_refuse(reader);
        return "";
    }
    if (ret_n)
        *ret_n = n;
    return text;
}

void *mer_notes_list(struct mer_notes_reader *reader, size_t n, size_t size, size_t least)
{
    void *list = NULL;
    if (reader->failed || n > reader->left / least) {
        mer_notes_refuse(reader);
        return NULL;
    }
    reader->status = mer_arena_zero(reader->arena, n, size, &list, reader->err);
    if (!mer_is_ok(reader->status)) {
        mer_notes_refuse(reader);
        return NULL;
    }
    return list;
}

mer_status mer_notes_end(struct mer_notes_reader *reader, const char *what)
{
    MER_GUARD(reader->status);
    if (reader->failed || reader->left > 0)
        return mer_fail(reader->err, MER_ERR_DATA, "%s", what);
    return mer_ok();
}
