/* The loops of the fast CSV reader with AVX2: two vectors are 64 bytes. */
#include "frame/csv_kernels.h"

#define KERNELS MER_CSV_KERNELS_AVX2

#include "frame/csv_decimal_x86_body.h"

struct seen {
    __m256i high;  /* of all bytes together */
    __m256i least; /* of each lane */
};

static inline __m256i load_half(const char *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline uint64_t bits_equal(__m256i low, __m256i high, char byte)
{
    const __m256i wanted = _mm256_set1_epi8(byte);
    const uint32_t a = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted));
    const uint32_t b = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted));
    return a | (uint64_t)b << 32;
}

static inline struct mer_csv_marks marks_of(const char *p, char delimiter)
{
    const __m256i low = load_half(p);
    const __m256i high = load_half(p + 32);
    return (struct mer_csv_marks){.quotes = bits_equal(low, high, '"'),
                                  .delimiters = bits_equal(low, high, delimiter),
                                  .feeds = bits_equal(low, high, '\n'),
                                  .returns = bits_equal(low, high, '\r')};
}

static inline void see_nothing(struct seen *seen)
{
    *seen = (struct seen){_mm256_setzero_si256(), _mm256_set1_epi8(-1)};
}

static inline struct mer_csv_lines lines_of(const char *p, struct seen *seen)
{
    const __m256i low = load_half(p);
    const __m256i high = load_half(p + 32);
    seen->high = _mm256_or_si256(seen->high, _mm256_or_si256(low, high));
    seen->least = _mm256_min_epu8(seen->least, _mm256_min_epu8(low, high));
    return (struct mer_csv_lines){.quotes = bits_equal(low, high, '"'),
                                  .feeds = bits_equal(low, high, '\n')};
}

static inline bool seen_nul(const struct seen *seen)
{
    return _mm256_movemask_epi8(_mm256_cmpeq_epi8(seen->least, _mm256_setzero_si256())) != 0;
}

static inline bool seen_high(const struct seen *seen)
{
    return _mm256_movemask_epi8(seen->high) != 0;
}

#include "frame/csv_kernels_body.h"
