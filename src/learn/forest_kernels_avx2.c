/* Growing a forest with AVX2: 32 bins at once. */
#include "learn/forest_kernels.h"

#include <immintrin.h>

static __m256i load(const void *bytes)
{
    return _mm256_loadu_si256((const __m256i *)bytes);
}

/* All ones in the first n bytes of 32. */
static __m256i rows_left(size_t n)
{
    static const uint8_t ones[64] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                     255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                     255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    return load(ones + (n < 32 ? 32 - n : 0));
}

static uint32_t least_byte(__m256i bytes)
{
    __m128i x = _mm_min_epu8(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
    x = _mm_minpos_epu16(_mm_min_epu8(x, _mm_srli_epi16(x, 8)));
    return (uint32_t)_mm_cvtsi128_si32(x) & 255;
}

/* What is behind the rows is made 255 for the least and 0 for the largest, which is looked for as
 * the least of what the bins leave to 255. */
static void range(const uint8_t *bins, size_t n, uint32_t *ret_least, uint32_t *ret_largest)
{
    const __m256i ones = _mm256_set1_epi8(-1);
    __m256i least = ones;
    __m256i largest = ones;
    for (size_t i = 0; i < n; i += 32) {
        const __m256i none = _mm256_xor_si256(rows_left(n - i), ones);
        const __m256i here = load(bins + i);
        least = _mm256_min_epu8(least, _mm256_or_si256(here, none));
        largest = _mm256_min_epu8(largest, _mm256_or_si256(_mm256_xor_si256(here, ones), none));
    }
    *ret_least = least_byte(least);
    *ret_largest = 255 - least_byte(largest);
}

static uint32_t at_most(const uint8_t *bins, __m256i borders)
{
    const __m256i here = load(bins);
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(here, borders), here));
}

static void count_left(const uint8_t *bins, size_t n, uint8_t border, const uint64_t *planes,
                       size_t n_planes, uint32_t *ret_counts)
{
    const __m256i borders = _mm256_set1_epi8((char)border);
    for (size_t k = 0; k < n_planes; k++)
        ret_counts[k] = 0;
    for (size_t begin = 0; begin < n; begin += 64, planes += n_planes) {
        const uint64_t left =
            at_most(bins + begin, borders) | (uint64_t)at_most(bins + begin + 32, borders) << 32;
        for (size_t k = 0; k < n_planes; k++)
            ret_counts[k] += (uint32_t)_mm_popcnt_u64(planes[k] & left);
    }
}

/* A row's place is the number of keys below its own: no comparison waits for another. Keys are 14
 * bits, so that they compare as signed numbers; those behind the rows are above all. */
static void sort(const uint8_t *bins, size_t n, uint32_t *ret_keys)
{
    enum { GROUP = 16 };
    int16_t keys[MER_FOREST_SORT_MAX + GROUP];
    for (size_t i = 0; i < n; i++)
        keys[i] = (int16_t)(bins[i] << 6 | (int)i);
    for (size_t i = n; i < n + GROUP; i++)
        keys[i] = INT16_MAX;
    for (size_t i = 0; i < n; i++) {
        const __m256i key = _mm256_set1_epi16(keys[i]);
        int twice = 0;
        for (size_t at = 0; at < n; at += GROUP)
            twice += __builtin_popcount(
                (unsigned)_mm256_movemask_epi8(_mm256_cmpgt_epi16(key, load(keys + at))));
        ret_keys[twice / 2] = (uint32_t)bins[i] << 16 | (uint32_t)i;
    }
}

const struct mer_forest_kernels MER_FOREST_KERNELS_AVX2 = {range, count_left, sort};
