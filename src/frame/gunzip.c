#include "frame/gunzip.h"

#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#include "frame/unpacked.h"

enum { WINDOW_BITS = 15 + 16 /* the largest window, gzip wrapper only */ };

bool mer_gunzip_applies(const void *bytes, size_t n)
{
    return n >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0;
}

static void *take(void *alloc, unsigned n, unsigned size)
{
    void *pointer;
    return mer_is_ok(mer_alloc_zero(alloc, n, size, &pointer, NULL)) ? pointer : NULL;
}

static void give(void *alloc, void *pointer)
{
    mer_free(alloc, pointer);
}

/* What the last member's trailer tells: its size, modulo 2^32. */
static uint32_t told_bytes(const unsigned char *bytes, size_t n)
{
    uint32_t told = 0;
    if (n >= 18)
        memcpy(&told, bytes + n - 4, sizeof told);
    return told;
}

/* Runs one member to its end and leaves stream->next_in behind it. */
static mer_status inflate_member(const struct mer_ctx *ctx, z_stream *stream,
                                 const unsigned char *end, struct mer_unpacked *output,
                                 mer_err *err)
{
    for (;;) {
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        if (output->n == output->capacity)
            MER_GUARD(mer_unpacked_grow(ctx, output, err));
        const size_t in = (size_t)(end - stream->next_in);
        const size_t out = output->capacity - output->n;
        stream->avail_in = in < MER_UNPACK_STEP ? (uInt)in : MER_UNPACK_STEP;
        stream->avail_out = out < MER_UNPACK_STEP ? (uInt)out : MER_UNPACK_STEP;
        stream->next_out = output->bytes + output->n;
        const int result = inflate(stream, Z_NO_FLUSH);
        output->n = (size_t)(stream->next_out - output->bytes);
        if (result == Z_STREAM_END)
            return mer_ok();
        if (result == Z_MEM_ERROR)
            return mer_fail(err, MER_ERR_MEMORY, "no memory to decompress the table");
        if (result != Z_OK && result != Z_BUF_ERROR)
            return mer_fail(err, MER_ERR_DATA, "the gzip data are damaged");
        if (stream->next_in == end && stream->avail_out > 0)
            return mer_unpacked_fail_cut("gzip", err);
    }
}

static mer_status inflate_all(const struct mer_ctx *ctx, z_stream *stream,
                              const unsigned char *bytes, size_t n, struct mer_unpacked *output,
                              mer_err *err)
{
    const unsigned char *end = bytes + n;
    stream->next_in = bytes;
    for (;;) {
        MER_GUARD(inflate_member(ctx, stream, end, output, err));
        if (stream->next_in == end)
            return mer_ok();
        if (!mer_gunzip_applies(stream->next_in, (size_t)(end - stream->next_in)))
            return mer_fail(err, MER_ERR_DATA, "something else follows the gzip data");
        if (inflateReset(stream) != Z_OK)
            return mer_fail(err, MER_ERR_INTERNAL, "zlib could not be reset");
    }
}

mer_status mer_gunzip(const struct mer_ctx *ctx, const void *bytes, size_t n,
                      unsigned char **ret_bytes, size_t *ret_n, mer_err *err)
{
    z_stream stream = {.zalloc = take, .zfree = give, .opaque = ctx->alloc};
    struct mer_unpacked output = {0};
    if (inflateInit2(&stream, WINDOW_BITS) != Z_OK)
        return mer_fail(err, MER_ERR_MEMORY, "no memory to decompress the table");
    mer_status status = mer_unpacked_init(ctx, &output, n, told_bytes(bytes, n), err);
    if (mer_is_ok(status))
        status = inflate_all(ctx, &stream, bytes, n, &output, err);
    (void)inflateEnd(&stream);
    if (!mer_is_ok(status)) {
        mer_free(ctx->alloc, output.bytes);
        return status;
    }
    *ret_bytes = output.bytes;
    *ret_n = output.n;
    return mer_ok();
}
