/* The loops of the fast CSV reader in plain C: eight bytes at a time. */
#include <string.h>

#include "frame/csv_kernels.h"

#define KERNELS MER_CSV_KERNELS_PLAIN

#define EACH_BYTE(byte) ((byte)*UINT64_C(0x0101010101010101))

struct seen {
    uint64_t high; /* the highest bits of all bytes */
    uint64_t nul;  /* the highest bits of those that are 0 */
};

/* The highest bit of each byte that is 0. */
static inline uint64_t zero_bytes(uint64_t word)
{
    const uint64_t low = EACH_BYTE(0x7f);
    return ~(((word & low) + low) | word | low);
}

static inline uint64_t bits_equal(uint64_t word, unsigned char byte)
{
    return (zero_bytes(word ^ EACH_BYTE(byte)) >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

static inline struct mer_csv_marks marks_of(const char *p, char delimiter)
{
    struct mer_csv_marks marks = {0};
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, sizeof word);
        marks.quotes |= bits_equal(word, '"') << i;
        marks.delimiters |= bits_equal(word, (unsigned char)delimiter) << i;
        marks.feeds |= bits_equal(word, '\n') << i;
        marks.returns |= bits_equal(word, '\r') << i;
    }
    return marks;
}

static inline void see_nothing(struct seen *seen)
{
    *seen = (struct seen){0};
}

static inline struct mer_csv_lines lines_of(const char *p, struct seen *seen)
{
    struct mer_csv_lines lines = {0};
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, sizeof word);
        lines.quotes |= bits_equal(word, '"') << i;
        lines.feeds |= bits_equal(word, '\n') << i;
        seen->high |= word;
        seen->nul |= zero_bytes(word);
    }
    return lines;
}

static inline bool seen_nul(const struct seen *seen)
{
    return seen->nul != 0;
}

static inline bool seen_high(const struct seen *seen)
{
    return (seen->high & EACH_BYTE(0x80)) != 0;
}

/* Digits with a point or none, at most 19 of them. */
static inline bool read_decimal(const char *p, size_t n, uint64_t *ret_significand,
                                int *ret_exponent)
{
    enum { DIGITS_MAX = 19 };
    uint64_t significand = 0;
    size_t point = n;
    for (size_t i = 0; i < n; i++) {
        const unsigned digit = (unsigned)(unsigned char)p[i] - '0';
        if (digit < 10)
            significand = significand * 10 + digit;
        else if (p[i] == '.' && point == n)
            point = i;
        else
            return false;
    }
    const size_t n_digits = n - (point < n);
    if (n_digits == 0 || n_digits > DIGITS_MAX)
        return false;
    *ret_significand = significand;
    *ret_exponent = point < n ? -(int)(n - point - 1) : 0;
    return true;
}

#include "frame/csv_kernels_body.h"

const struct mer_csv_kernels *mer_csv_kernels(enum mer_cpu_level cpu)
{
#if defined(__x86_64__)
    if (cpu == MER_CPU_AVX512)
        return &MER_CSV_KERNELS_AVX512;
    if (cpu == MER_CPU_AVX2)
        return &MER_CSV_KERNELS_AVX2;
#endif
    (void)cpu;
    return &MER_CSV_KERNELS_PLAIN;
}
