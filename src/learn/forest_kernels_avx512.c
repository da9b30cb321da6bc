/* Growing a forest with AVX-512: 64 bins at once. */
#include "learn/forest_kernels.h"

#include <immintrin.h>

static __mmask64 rows_left(size_t n)
{
    return n < 64 ? (UINT64_C(1) << n) - 1 : ~UINT64_C(0);
}

static uint32_t least_of_16(__m128i bytes)
{
    const __m128i pairs = _mm_min_epu8(bytes, _mm_srli_epi16(bytes, 8));
    return (uint32_t)_mm_cvtsi128_si32(_mm_minpos_epu16(pairs)) & 255;
}

static uint32_t least_of_64(__m512i bytes)
{
    const __m256i half =
        _mm256_min_epu8(_mm512_castsi512_si256(bytes), _mm512_extracti64x4_epi64(bytes, 1));
    return least_of_16(
        _mm_min_epu8(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1)));
}

/* The largest is what the least of the complements leaves to 255. Most nodes are small. */
static void range(const uint8_t *bins, size_t n, uint32_t *ret_least, uint32_t *ret_largest)
{
    __m512i least = _mm512_set1_epi8(-1);
    __m512i largest = _mm512_setzero_si512();
    if (n <= 16) {
        const __mmask16 rows = (__mmask16)rows_left(n);
        const __m128i ones = _mm_set1_epi8(-1);
        *ret_least = least_of_16(_mm_mask_loadu_epi8(ones, rows, bins));
        *ret_largest = 255 - least_of_16(_mm_xor_si128(_mm_maskz_loadu_epi8(rows, bins), ones));
        return;
    }
    for (size_t i = 0; i < n; i += 64) {
        const __mmask64 rows = rows_left(n - i);
        least = _mm512_min_epu8(least, _mm512_mask_loadu_epi8(least, rows, bins + i));
        largest = _mm512_max_epu8(largest, _mm512_maskz_loadu_epi8(rows, bins + i));
    }
    *ret_least = least_of_64(least);
    *ret_largest = 255 - least_of_64(_mm512_xor_si512(largest, _mm512_set1_epi8(-1)));
}

static void count_left(const uint8_t *bins, size_t n, uint8_t border, const uint64_t *planes,
                       size_t n_planes, uint32_t *ret_counts)
{
    const __m512i borders = _mm512_set1_epi8((char)border);
    for (size_t k = 0; k < n_planes; k++)
        ret_counts[k] = 0;
    for (size_t begin = 0; begin < n; begin += 64, planes += n_planes) {
        const uint64_t left =
            _cvtmask64_u64(_mm512_cmple_epu8_mask(_mm512_loadu_si512(bins + begin), borders));
        for (size_t k = 0; k < n_planes; k++)
            ret_counts[k] += (uint32_t)__builtin_popcountll(planes[k] & left);
    }
}

/* A row's place is the number of keys below its own: no comparison waits for another. */
static void sort(const uint8_t *bins, size_t n, uint32_t *ret_keys)
{
    uint16_t keys[64];
    const __m512i numbers =
        _mm512_set_epi16(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13,
                         12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i low = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)bins));
    __m512i high =
        _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)(bins + 32)));
    low = _mm512_or_si512(_mm512_slli_epi16(low, 8), numbers);
    high = _mm512_or_si512(_mm512_slli_epi16(high, 8),
                           _mm512_add_epi16(numbers, _mm512_set1_epi16(32)));
    _mm512_storeu_si512(keys, low);
    _mm512_storeu_si512(keys + 32, high);
    const __mmask64 rows = rows_left(n);
    const __mmask32 low_rows = (__mmask32)rows;
    const __mmask32 high_rows = (__mmask32)(rows >> 32);
    for (size_t i = 0; i < n; i++) {
        const __m512i key = _mm512_set1_epi16((short)keys[i]);
        int place =
            __builtin_popcount(_cvtmask32_u32(_mm512_mask_cmplt_epu16_mask(low_rows, low, key)));
        if (n > 32)
            place += __builtin_popcount(
                _cvtmask32_u32(_mm512_mask_cmplt_epu16_mask(high_rows, high, key)));
        ret_keys[place] = (uint32_t)bins[i] << 16 | (uint32_t)i;
    }
}

const struct mer_forest_kernels MER_FOREST_KERNELS_AVX512 = {range, count_left, sort};
