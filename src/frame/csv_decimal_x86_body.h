/* The digits of a number, sixteen at a time: what the loops for AVX2 and AVX-512 share. Up to 32
 * bytes from where a number begins are read. */
#include <immintrin.h>

static inline __m128i digits_from(const char *p)
{
    return _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), _mm_set1_epi8('0'));
}

/* Bit i: byte i is not a digit. */
static inline unsigned strangers(__m128i digits)
{
    const __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits);
    return (unsigned)_mm_movemask_epi8(is_digit) ^ 0xffffU;
}

/* The number that sixteen digits are: in pairs, in fours, in eights. */
static inline uint64_t value_of_sixteen(__m128i digits)
{
    const __m128i pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(0x010a));
    const __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00010064));
    const __m128i words = _mm_packus_epi32(fours, fours);
    const __m128i eights = _mm_madd_epi16(words, _mm_set1_epi32(0x00012710));
    const uint64_t both = (uint64_t)_mm_cvtsi128_si64(eights);
    return (both & 0xffffffffU) * 100000000 + (both >> 32);
}

/* The number that the first n bytes (at most 16) are without the one at `point`; n: none. */
static inline uint64_t value_without(__m128i digits, size_t n, size_t point)
{
    const __m128i places = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const int n_digits = (int)n - (point < n);
    /* The k-th digit goes to the k-th place of the last n_digits; negative places become 0. */
    __m128i from = _mm_add_epi8(places, _mm_set1_epi8((char)(n_digits - 16)));
    from = _mm_sub_epi8(from, _mm_cmpgt_epi8(from, _mm_set1_epi8((char)((int)point - 1))));
    return value_of_sixteen(_mm_shuffle_epi8(digits, from));
}

/* 17 to 32 bytes with at most 19 digits that count. */
static inline bool read_long_decimal(const char *p, size_t n, uint64_t *ret_significand,
                                     int *ret_exponent)
{
    static const uint64_t powers[] = {1,
                                      10,
                                      100,
                                      1000,
                                      10000,
                                      100000,
                                      1000000,
                                      10000000,
                                      100000000,
                                      1000000000,
                                      10000000000,
                                      100000000000,
                                      1000000000000,
                                      10000000000000,
                                      100000000000000,
                                      1000000000000000};
    enum { TAIL = 16, HEAD_VALUE_MAX = 1843, DIGITS_MAX = 19 };
    const __m128i first = digits_from(p);
    const unsigned shift = 64 - (unsigned)n;
    const uint64_t others = (strangers(first) | (uint64_t)strangers(digits_from(p + TAIL)) << TAIL)
                            << shift;
    if ((others & (others - 1)) != 0 || others == 0)
        return false;
    const size_t point = (size_t)__builtin_ctzll(others) - shift;
    const size_t n_behind = n - point - 1;
    if (p[point] != '.')
        return false;
    *ret_exponent = -(int)n_behind;
    if (n_behind >= TAIL) {
        const size_t n_head = n - TAIL;
        const uint64_t head = value_without(first, n_head, point);
        *ret_significand = head * (10 * powers[15]) + value_of_sixteen(digits_from(p + n_head));
        return head <= HEAD_VALUE_MAX;
    }
    if (n - 1 > DIGITS_MAX || point > TAIL)
        return false;
    *ret_significand =
        value_without(first, point, point) * powers[n_behind] +
        (n_behind ? value_without(digits_from(p + point + 1), n_behind, n_behind) : 0);
    return true;
}

static inline bool read_decimal(const char *p, size_t n, uint64_t *ret_significand,
                                int *ret_exponent)
{
    if (n > 16)
        return n <= 32 && read_long_decimal(p, n, ret_significand, ret_exponent);
    const __m128i digits = digits_from(p);
    /* Those among the first n bytes, shifted to the top: masked ones would go through the mask
     * registers of AVX-512 and back, which takes longer than all the rest. */
    const unsigned shift = 32 - (unsigned)n;
    const unsigned others = strangers(digits) << shift;
    const size_t point = others ? (size_t)__builtin_ctz(others) - shift : n;
    if ((others & (others - 1)) != 0 || (others && (p[point] != '.' || n == 1)))
        return false;
    *ret_significand = value_without(digits, n, point);
    *ret_exponent = others ? -(int)(n - point - 1) : 0;
    return true;
}
