/* The loops of the fast CSV reader with AVX-512: a vector is 64 bytes, and a comparison its mask.
 */
#include "frame/csv_kernels.h"

#define KERNELS MER_CSV_KERNELS_AVX512

#include "frame/csv_decimal_x86_body.h"

struct seen {
    __m512i high;  /* of all bytes together */
    __m512i least; /* of each lane */
};

static inline __m512i load_word(const char *p)
{
    return _mm512_loadu_si512((const void *)p);
}

static inline uint64_t bits_equal(__m512i word, char byte)
{
    return _mm512_cmpeq_epi8_mask(word, _mm512_set1_epi8(byte));
}

static inline struct mer_csv_marks marks_of(const char *p, char delimiter)
{
    const __m512i word = load_word(p);
    return (struct mer_csv_marks){.quotes = bits_equal(word, '"'),
                                  .delimiters = bits_equal(word, delimiter),
                                  .feeds = bits_equal(word, '\n'),
                                  .returns = bits_equal(word, '\r')};
}

static inline void see_nothing(struct seen *seen)
{
    *seen = (struct seen){_mm512_setzero_si512(), _mm512_set1_epi8(-1)};
}

static inline struct mer_csv_lines lines_of(const char *p, struct seen *seen)
{
    const __m512i word = load_word(p);
    seen->high = _mm512_or_si512(seen->high, word);
    seen->least = _mm512_min_epu8(seen->least, word);
    return (struct mer_csv_lines){.quotes = bits_equal(word, '"'), .feeds = bits_equal(word, '\n')};
}

static inline bool seen_nul(const struct seen *seen)
{
    return bits_equal(seen->least, 0) != 0;
}

static inline bool seen_high(const struct seen *seen)
{
    return _mm512_movepi8_mask(seen->high) != 0;
}

#include "frame/csv_kernels_body.h"
