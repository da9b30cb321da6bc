#include "intake/decompress.h"

#include <limits.h>
#include <lz4.h>
#include <lz4frame.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "intake/byte_reader.h"

/* A copy out of what was written before; it may overlap itself. */
static bool copy_back(unsigned char *out, size_t *n_written, size_t n_out, size_t offset,
                      size_t length)
{
    if (offset == 0 || offset > *n_written || length > n_out - *n_written)
        return false;
    for (size_t i = 0; i < length; i++)
        out[*n_written + i] = out[*n_written + i - offset];
    *n_written += length;
    return true;
}

/* The length of a literal, which may stand behind its tag. */
static uint64_t literal_length(struct mer_byte_reader *reader, uint8_t tag)
{
    const unsigned n_bytes = tag >> 2 >= 60 ? (tag >> 2) - 59U : 0;
    uint64_t length = 0;
    if (n_bytes == 0)
        return (tag >> 2) + 1U;
    for (unsigned i = 0; i < n_bytes; i++)
        length |= (uint64_t)mer_byte_reader_u8(reader) << (8 * i);
    return length + 1;
}

static bool unsnappy(const void *bytes, size_t n, unsigned char *out, size_t n_out)
{
    struct mer_byte_reader reader = mer_byte_reader_of(bytes, n);
    size_t n_written = 0;
    if (mer_byte_reader_varint(&reader) != n_out)
        return false;
    while (reader.at < reader.end && !reader.failed) {
        const uint8_t tag = mer_byte_reader_u8(&reader);
        size_t offset = 0;
        if ((tag & 3) == 0) {
            const uint64_t length = literal_length(&reader, tag);
            const unsigned char *const literal = mer_byte_reader_take(&reader, length);
            if (!literal || length > n_out - n_written)
                return false;
            memcpy(out + n_written, literal, length);
            n_written += length;
            continue;
        }
        const unsigned n_bytes = (tag & 3) == 3 ? 4 : tag & 3;
        for (unsigned i = 0; i < n_bytes; i++)
            offset |= (size_t)mer_byte_reader_u8(&reader) << (8 * i);
        size_t length = (tag >> 2) + 1U;
        if ((tag & 3) == 1) {
            offset |= (size_t)(tag >> 5) << 8;
            length = ((tag >> 2) & 7U) + 4;
        }
        if (reader.failed || !copy_back(out, &n_written, n_out, offset, length))
            return false;
    }
    return !reader.failed && n_written == n_out;
}

/* Any number of members, as gzip allows. */
static bool ungzip(const unsigned char *bytes, size_t n, unsigned char *out, size_t n_out)
{
    enum { GZIP_OR_ZLIB = 32 };
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)bytes};
    size_t n_written = 0, n_read = 0;
    int result = Z_OK;
    if (inflateInit2(&stream, MAX_WBITS + GZIP_OR_ZLIB) != Z_OK)
        return false;
    for (;;) {
        stream.next_in = (unsigned char *)(uintptr_t)bytes + n_read;
        stream.avail_in = n - n_read < UINT_MAX ? (unsigned)(n - n_read) : UINT_MAX;
        stream.next_out = out + n_written;
        stream.avail_out = n_out - n_written < UINT_MAX ? (unsigned)(n_out - n_written) : UINT_MAX;
        result = inflate(&stream, Z_NO_FLUSH);
        const bool moved = stream.next_in != bytes + n_read || stream.next_out != out + n_written;
        n_read = (size_t)(stream.next_in - bytes);
        n_written = (size_t)(stream.next_out - out);
        if (result == Z_STREAM_END && n_read < n && inflateReset(&stream) == Z_OK)
            continue;
        if (result != Z_OK || !moved)
            break;
    }
    (void)inflateEnd(&stream);
    return result == Z_STREAM_END && n_read == n && n_written == n_out;
}

static bool unlz4_frame(const unsigned char *bytes, size_t n, unsigned char *out, size_t n_out)
{
    LZ4F_dctx *context;
    size_t n_read = 0, n_written = 0, hint = 1;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
        return false;
    while (n_read < n) {
        size_t n_in = n - n_read, n_got = n_out - n_written;
        hint = LZ4F_decompress(context, out + n_written, &n_got, bytes + n_read, &n_in, NULL);
        n_read += n_in;
        n_written += n_got;
        if (LZ4F_isError(hint) || (n_in == 0 && n_got == 0))
            break;
    }
    (void)LZ4F_freeDecompressionContext(context);
    return hint == 0 && n_read == n && n_written == n_out;
}

static bool decompress(enum mer_compression compression, const void *bytes, size_t n, void *out,
                       size_t n_out)
{
    switch (compression) {
    case MER_COMPRESSION_NONE:
        if (n == n_out && n > 0)
            memcpy(out, bytes, n);
        return n == n_out;
    case MER_COMPRESSION_SNAPPY:
        return unsnappy(bytes, n, out, n_out);
    case MER_COMPRESSION_GZIP:
        return ungzip(bytes, n, out, n_out);
    case MER_COMPRESSION_ZSTD:
        return ZSTD_decompress(out, n_out, bytes, n) == n_out;
    case MER_COMPRESSION_LZ4:
        return n <= INT_MAX && n_out <= INT_MAX &&
               LZ4_decompress_safe(bytes, out, (int)n, (int)n_out) == (int)n_out;
    case MER_COMPRESSION_LZ4_FRAME:
        return unlz4_frame(bytes, n, out, n_out);
    }
    return false;
}

mer_status mer_decompress(enum mer_compression compression, const void *bytes, size_t n,
                          void *ret_bytes, size_t n_out, mer_err *err)
{
    static const char *const names[] = {"stored", "snappy", "gzip", "zstd", "lz4", "lz4"};
    if (decompress(compression, bytes, n, ret_bytes, n_out))
        return mer_ok();
    return mer_fail(err, MER_ERR_DATA, "damaged data (%s)", names[compression]);
}
