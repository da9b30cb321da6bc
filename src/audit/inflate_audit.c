#include "audit/inflate_audit.h"

#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

enum {
    PIECE_BYTES = 64 << 10,
    INPUT_MAX = 1 << 30,
    BYTES_A_STEP = 64,
    /* Data that grow so much are not what models are made of; small ones do no harm. */
    BOMB_BYTES = 64 << 20,
    BOMB_RATIO = 200
};

static void *take(void *alloc, unsigned n, unsigned size)
{
    void *pointer;
    return mer_is_ok(mer_alloc_zero(alloc, n, size, &pointer, NULL)) ? pointer : NULL;
}

static void give(void *alloc, void *pointer)
{
    mer_free(alloc, pointer);
}

static mer_status keep(struct mer_inflated *inflated, size_t *capacity, const unsigned char *bytes,
                       size_t n, mer_err *err)
{
    const size_t room = MER_AUDIT_INFLATED_MAX - inflated->n;
    if (inflated->n != inflated->n_total)
        return mer_ok();
    n = n < room ? n : room;
    if (n > *capacity - inflated->n) {
        size_t larger = *capacity ? *capacity * 2 : PIECE_BYTES;
        while (larger < inflated->n + n)
            larger *= 2;
        MER_GUARD(mer_alloc_resize(inflated->alloc, larger, &inflated->bytes, err));
        *capacity = larger;
    }
    memcpy(inflated->bytes + inflated->n, bytes, n);
    inflated->n += n;
    return mer_ok();
}

static bool take_budget(struct mer_audit *audit, size_t n)
{
    if (audit->inflate_left < n)
        return false;
    audit->inflate_left -= n;
    return mer_audit_step(audit, 1 + n / BYTES_A_STEP);
}

static mer_status inflate_all(struct mer_audit *audit, z_stream *stream,
                              struct mer_inflated *inflated, size_t n_in, mer_err *err)
{
    unsigned char piece[PIECE_BYTES];
    size_t capacity = 0;
    const unsigned char *const from = stream->next_in;
    for (int result = Z_OK; result == Z_OK;) {
        const size_t left = n_in - (size_t)(stream->next_in - from);
        stream->avail_in = left < INPUT_MAX ? (uInt)left : INPUT_MAX;
        stream->next_out = piece;
        stream->avail_out = sizeof piece;
        result = inflate(stream, Z_NO_FLUSH);
        const size_t n = sizeof piece - stream->avail_out;
        if (result == Z_MEM_ERROR)
            return mer_fail(err, MER_ERR_MEMORY, "no memory to decompress");
        if (n > 0) {
            MER_GUARD(keep(inflated, &capacity, piece, n, err));
            inflated->n_total += n;
            inflated->crc = (uint32_t)crc32(inflated->crc, piece, (uInt)n);
        }
        inflated->ended = result == Z_STREAM_END;
        inflated->n_consumed = (size_t)(stream->next_in - from);
        inflated->is_bomb =
            inflated->n_total > BOMB_BYTES && inflated->n_total / BOMB_RATIO > inflated->n_consumed;
        if (inflated->is_bomb || !take_budget(audit, n))
            break;
    }
    return mer_ok();
}

mer_status mer_audit_inflate(struct mer_audit *audit, enum mer_inflate_form form,
                             const unsigned char *bytes, size_t n, struct mer_inflated *ret,
                             mer_err *err)
{
    enum { EITHER = 32 };
    z_stream stream = {.zalloc = take, .zfree = give, .opaque = audit->ctx->alloc};
    *ret = (struct mer_inflated){.alloc = audit->ctx->alloc};
    stream.next_in = bytes;
    if (inflateInit2(&stream, form == MER_INFLATE_RAW ? -MAX_WBITS : MAX_WBITS + EITHER) != Z_OK)
        return mer_fail(err, MER_ERR_MEMORY, "no memory to decompress");
    const mer_status status = inflate_all(audit, &stream, ret, n, err);
    (void)inflateEnd(&stream);
    return status;
}

void mer_inflated_release(struct mer_inflated *inflated)
{
    if (inflated->alloc)
        mer_free(inflated->alloc, inflated->bytes);
    *inflated = (struct mer_inflated){.n = 0};
}

uint32_t mer_audit_crc(struct mer_audit *audit, const unsigned char *bytes, size_t n)
{
    uLong crc = crc32(0, NULL, 0);
    for (size_t at = 0; at < n && mer_audit_step(audit, PIECE_BYTES / BYTES_A_STEP);
         at += PIECE_BYTES)
        crc = crc32(crc, bytes + at, (uInt)(n - at < PIECE_BYTES ? n - at : PIECE_BYTES));
    return (uint32_t)crc;
}
