#include "frame/gunzip.h"

#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

enum {
    STEP_BYTES = 4 << 20, /* in and out at a time, so that a stop is noticed */
    /* The size that the last member's trailer tells is believed up to this ratio; beyond it the
     * output grows as it comes. */
    TRUSTED_RATIO = 32,
    WINDOW_BITS = 15 + 16 /* the largest window, gzip wrapper only */
};

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

struct output {
    unsigned char *bytes;
    size_t n;
    size_t capacity;
};

static size_t first_capacity(const unsigned char *bytes, size_t n)
{
    const size_t most = n > SIZE_MAX / TRUSTED_RATIO / 2 ? n : n * TRUSTED_RATIO;
    uint32_t told = 0;
    if (n >= 18)
        memcpy(&told, bytes + n - 4, sizeof told);
    const size_t capacity = (size_t)told + 64;
    return capacity < most ? capacity : most + 64;
}

static mer_status grow(const struct mer_ctx *ctx, struct output *output, mer_err *err)
{
    size_t capacity;
    if (!mer_size_mul(output->capacity, 2, &capacity))
        return mer_fail(err, MER_ERR_MEMORY, "the decompressed table is too large");
    MER_GUARD(mer_alloc_resize(ctx->alloc, capacity, &output->bytes, err));
    output->capacity = capacity;
    return mer_ok();
}

static mer_status fail_cut(mer_err *err)
{
    mer_status status = mer_fail(err, MER_ERR_DATA, "the gzip data end too early");
    return mer_hint(err, status, "the file is incomplete: copy or make it again");
}

/* Runs one member to its end and leaves stream->next_in behind it. */
static mer_status inflate_member(const struct mer_ctx *ctx, z_stream *stream,
                                 const unsigned char *end, struct output *output, mer_err *err)
{
    for (;;) {
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        if (output->n == output->capacity)
            MER_GUARD(grow(ctx, output, err));
        const size_t in = (size_t)(end - stream->next_in);
        const size_t out = output->capacity - output->n;
        stream->avail_in = in < STEP_BYTES ? (uInt)in : STEP_BYTES;
        stream->avail_out = out < STEP_BYTES ? (uInt)out : STEP_BYTES;
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
            return fail_cut(err);
    }
}

static mer_status inflate_all(const struct mer_ctx *ctx, z_stream *stream,
                              const unsigned char *bytes, size_t n, struct output *output,
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
    struct output output = {.capacity = first_capacity(bytes, n)};
    if (inflateInit2(&stream, WINDOW_BITS) != Z_OK)
        return mer_fail(err, MER_ERR_MEMORY, "no memory to decompress the table");
    mer_status status = mer_alloc_bytes(ctx->alloc, output.capacity, &output.bytes, err);
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
