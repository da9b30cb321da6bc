#include "intake/parquet_encoding.h"

enum { GROUP = 8 };

/* The value of `width` bits that begins at bit `at`; the bits are there. */
static uint64_t bits_at(const unsigned char *bytes, size_t n_bytes, uint64_t at, unsigned width)
{
    const size_t first = (size_t)(at / 8);
    const unsigned shift = (unsigned)(at % 8);
    uint64_t low = 0, high = 0;
    const size_t n = n_bytes - first < sizeof low ? n_bytes - first : sizeof low;
    memcpy(&low, bytes + first, n);
    low >>= shift;
    if (shift + width > 64 && first + 8 < n_bytes)
        high = (uint64_t)bytes[first + 8] << (64 - shift);
    const uint64_t mask = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
    return (low | high) & mask;
}

/* A run of whole groups of bit-packed values; the last group may lack what is not needed. */
static bool packed_run(struct mer_byte_reader *reader, uint64_t n_groups, unsigned width,
                       uint32_t *ret_values, size_t n_wanted, size_t *ret_n)
{
    if (n_groups == 0 || n_groups > SIZE_MAX / GROUP / 32)
        return false;
    const size_t n_values = (size_t)n_groups * GROUP;
    const size_t n = n_values < n_wanted ? n_values : n_wanted;
    const size_t n_needed = (n * width + 7) / 8, left = mer_byte_reader_left(reader);
    size_t n_bytes = (size_t)n_groups * width;
    if (n_bytes > left && n_values >= n_wanted)
        n_bytes = left;
    const unsigned char *const bytes = mer_byte_reader_take(reader, n_bytes);
    if (!bytes || n_needed > n_bytes)
        return false;
    for (size_t i = 0; i < n && width > 0; i++)
        ret_values[i] = (uint32_t)bits_at(bytes, n_bytes, (uint64_t)i * width, width);
    if (width == 0)
        memset(ret_values, 0, n * sizeof *ret_values);
    *ret_n = n;
    return true;
}

static bool repeated_run(struct mer_byte_reader *reader, uint64_t count, unsigned width,
                         uint32_t *ret_values, size_t n_wanted, size_t *ret_n)
{
    const size_t n_bytes = (width + 7) / 8;
    const unsigned char *const bytes = mer_byte_reader_take(reader, n_bytes);
    uint32_t value = 0;
    if (!bytes || count == 0)
        return false;
    memcpy(&value, bytes, n_bytes);
    if (width < 32 && value >> width)
        return false;
    const size_t n = count < n_wanted ? (size_t)count : n_wanted;
    for (size_t i = 0; i < n; i++)
        ret_values[i] = value;
    *ret_n = n;
    return true;
}

bool mer_parquet_runs(struct mer_byte_reader *reader, unsigned width, uint32_t *ret_values,
                      size_t n)
{
    if (width > 32)
        return false;
    for (size_t done = 0; done < n;) {
        size_t n_run = 0;
        const uint64_t header = mer_byte_reader_varint(reader);
        const bool fine =
            header & 1
                ? packed_run(reader, header >> 1, width, ret_values + done, n - done, &n_run)
                : repeated_run(reader, header >> 1, width, ret_values + done, n - done, &n_run);
        if (!fine || reader->failed)
            return false;
        done += n_run;
    }
    return true;
}

/* One block: its smallest delta, the widths of its miniblocks, and these. */
static bool delta_block(struct mer_byte_reader *reader, size_t n_miniblocks, size_t n_in_miniblock,
                        uint64_t *value, int64_t *ret_values, size_t n, size_t *done)
{
    const uint64_t smallest = (uint64_t)mer_byte_reader_zigzag(reader);
    const unsigned char *const widths = mer_byte_reader_take(reader, n_miniblocks);
    if (!widths)
        return false;
    for (size_t m = 0; m < n_miniblocks && *done < n; m++) {
        const unsigned width = widths[m];
        if (width > 64)
            return false;
        const size_t n_bytes = n_in_miniblock / 8 * width;
        const unsigned char *const bytes = mer_byte_reader_take(reader, n_bytes);
        if (!bytes)
            return false;
        for (size_t i = 0; i < n_in_miniblock && *done < n; i++) {
            const uint64_t delta = width ? bits_at(bytes, n_bytes, (uint64_t)i * width, width) : 0;
            *value += smallest + delta;
            ret_values[(*done)++] = (int64_t)*value;
        }
    }
    return true;
}

bool mer_parquet_deltas(struct mer_byte_reader *reader, int64_t *ret_values, size_t n)
{
    enum { BLOCK_MAX = 1 << 20, BLOCK_STEP = 128, MINIBLOCK_STEP = 32 };
    const uint64_t n_in_block = mer_byte_reader_varint(reader);
    const uint64_t n_miniblocks = mer_byte_reader_varint(reader);
    const uint64_t n_values = mer_byte_reader_varint(reader);
    uint64_t value = (uint64_t)mer_byte_reader_zigzag(reader);
    if (reader->failed || n_values != n || n_in_block == 0 || n_in_block > BLOCK_MAX ||
        n_in_block % BLOCK_STEP != 0 || n_miniblocks == 0 || n_in_block % n_miniblocks != 0 ||
        n_in_block / n_miniblocks % MINIBLOCK_STEP != 0)
        return false;
    if (n == 0)
        return true;
    size_t done = 1;
    ret_values[0] = (int64_t)value;
    while (done < n)
        if (!delta_block(reader, (size_t)n_miniblocks, (size_t)(n_in_block / n_miniblocks), &value,
                         ret_values, n, &done))
            return false;
    return true;
}

bool mer_parquet_unsplit(struct mer_byte_reader *reader, size_t width, unsigned char *ret_bytes,
                         size_t n)
{
    uint64_t n_bytes;
    if (__builtin_mul_overflow(n, width, &n_bytes))
        return false;
    const unsigned char *const bytes = mer_byte_reader_take(reader, n_bytes);
    if (!bytes)
        return false;
    for (size_t k = 0; k < width; k++)
        for (size_t i = 0; i < n; i++)
            ret_bytes[i * width + k] = bytes[k * n + i];
    return true;
}

bool mer_parquet_views(struct mer_byte_reader *reader, struct mer_cell *ret_views, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t length = mer_byte_reader_u32(reader);
        const unsigned char *const bytes = mer_byte_reader_take(reader, length);
        if (!bytes)
            return false;
        ret_views[i] = (struct mer_cell){(const char *)bytes, length};
    }
    return true;
}
