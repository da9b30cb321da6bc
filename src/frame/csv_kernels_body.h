/* The loops of csv_kernels.h; compiled by csv_kernels_*.c, which define
 *
 *   KERNELS            the name of the table
 *   marks_of           the marks among 64 bytes
 *   lines_of           the same for counting, which also sees whether bytes are NUL or not ASCII:
 *                      struct seen, see_nothing, seen_nul, seen_high
 *   read_decimal       the digits of a number
 */
#include <string.h>

#include "core/number_fast.h"
#include "frame/csv_kernels.h"

/* Bit i of the result: the number of ones in bits 0 to i is odd. */
static inline uint64_t parity_below(uint64_t bits)
{
    for (unsigned shift = 1; shift < 64; shift *= 2)
        bits ^= bits << shift;
    return bits;
}

static inline void note_lines(struct mer_csv_count *count, size_t state, uint64_t lines, size_t at)
{
    if (lines == 0)
        return;
    count->n_lines[state] += (uint64_t)__builtin_popcountll(lines);
    count->behind[state] = at + 64 - (size_t)__builtin_clzll(lines);
}

static void count_word(struct mer_csv_count *count, struct mer_csv_lines lines, size_t at)
{
    const size_t state = count->n_quotes & 1;
    if (lines.quotes == 0) {
        note_lines(count, state, lines.feeds, at);
        return;
    }
    const uint64_t odd = parity_below(lines.quotes) ^ (state ? ~UINT64_C(0) : 0);
    note_lines(count, 0, lines.feeds & ~odd, at);
    note_lines(count, 1, lines.feeds & odd, at);
    count->n_quotes += (uint64_t)__builtin_popcountll(lines.quotes);
}

static void count_text(const char *text, size_t n, struct mer_csv_count *ret)
{
    struct mer_csv_count count = {0};
    struct seen seen;
    char last[MER_CSV_WORD];
    const size_t whole = n - n % MER_CSV_WORD;
    see_nothing(&seen);
    for (size_t at = 0; at < whole; at += MER_CSV_WORD)
        count_word(&count, lines_of(text + at, &seen), at);
    if (whole < n) {
        memset(last, ' ', sizeof last);
        memcpy(last, text + whole, n - whole);
        count_word(&count, lines_of(last, &seen), whole);
    }
    count.has_nul = seen_nul(&seen);
    count.has_high = seen_high(&seen);
    *ret = count;
}

/* Eight at a time whether they are there or not: a loop of known length is not mispredicted. */
static inline uint32_t *write_starts(uint64_t bits, size_t at, uint32_t *starts)
{
    const unsigned n = (unsigned)__builtin_popcountll(bits);
    for (unsigned written = 0; written < n; written += 8) {
        for (unsigned i = 0; i < 8; i++) {
            starts[written + i] =
                (uint32_t)at + (uint32_t)__builtin_ctzll(bits | (uint64_t)1 << 63) + 1;
            bits &= bits - 1;
        }
    }
    return starts + n;
}

/* Whether the quotes of a word stand where they may: one that opens stands at the beginning of a
 * cell, one that closes at its end, and two in a row inside quotes are a doubled quote. */
static inline bool quotes_fit(const struct mer_csv_index *index, struct mer_csv_marks marks,
                              uint64_t inside)
{
    const uint64_t before = inside << 1 | (index->inside & 1);
    const uint64_t opening = marks.quotes & ~before;
    const uint64_t closing = marks.quotes & before;
    const uint64_t ends = marks.delimiters | marks.feeds;
    const uint64_t may_open = (ends & ~inside) << 1 | closing << 1 | index->opens;
    const uint64_t behind_close = closing << 1 | index->closed;
    const uint64_t may_follow = ends | marks.returns | marks.quotes;
    return (opening & ~may_open) == 0 && (behind_close & ~may_follow) == 0;
}

static inline uint32_t *index_word(struct mer_csv_index *index, struct mer_csv_marks marks,
                                   size_t at, uint32_t *starts)
{
    uint64_t inside = index->inside;
    bool fits = true;
    if ((marks.quotes | inside | index->closed) != 0) {
        inside ^= parity_below(marks.quotes);
        fits = quotes_fit(index, marks, inside);
        index->closed = (marks.quotes & ~inside) >> 63;
        index->inside = (uint64_t)((int64_t)inside >> 63);
    }
    const uint64_t ends = (marks.delimiters | marks.feeds) & ~inside;
    index->opens = ends >> 63 | index->closed;
    const uint64_t returns = marks.returns & ~inside;
    if ((returns | index->returned) != 0) {
        fits &= ((returns << 1 | index->returned) & ~(marks.feeds & ~inside)) == 0;
        index->returned = returns >> 63;
    }
    index->faulty |= !fits;
    return write_starts(ends, at, starts);
}

static size_t index_text(struct mer_csv_index *index, size_t n_bytes, uint32_t *starts)
{
    const size_t left = index->n - index->next;
    const size_t end = index->next + (n_bytes < left ? n_bytes : left);
    uint32_t *p = starts;
    size_t at = index->next;
    for (; at + MER_CSV_WORD <= end; at += MER_CSV_WORD)
        p = index_word(index, marks_of(index->text + at, index->delimiter), at, p);
    if (at < end) {
        struct mer_csv_marks marks = marks_of(index->text + at, index->delimiter);
        const uint64_t mine = ((uint64_t)1 << (end - at)) - 1;
        marks.quotes &= mine;
        marks.delimiters &= mine;
        marks.feeds &= mine;
        marks.returns &= mine;
        p = index_word(index, marks, at, p);
    }
    index->next = end;
    return (size_t)(p - starts);
}

struct span {
    const char *begin;
    size_t n;
};

/* The cell, without a carriage return before a line's end; false when what follows it is not what
 * must: the delimiter, or in the last column a line feed. */
static inline bool span_at(const struct mer_csv_batch *batch, size_t c, size_t row,
                           struct span *ret)
{
    const uint32_t *at = batch->starts + row * batch->n_columns + c;
    const char *begin = batch->text + at[0];
    const char *end = batch->text + at[1] - 1;
    const bool is_last = c + 1 == batch->n_columns;
    if (*end != (is_last ? '\n' : batch->delimiter))
        return false;
    if (is_last && end > begin && end[-1] == '\r')
        end--;
    *ret = (struct span){begin, (size_t)(end - begin)};
    return true;
}

/* The value of eight digits, the first of which is in the lowest byte. */
static inline uint64_t value_of_eight(uint64_t digits)
{
    digits = digits * 10 + (digits >> 8);
    return ((digits & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
            (digits >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
           32;
}

static inline uint64_t load_eight(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* The bytes as numbers when all of them are digits: each less than ten. */
static inline bool all_digits(uint64_t word, uint64_t zeros)
{
    const uint64_t values = word ^ zeros;
    return ((values | (values + UINT64_C(0x7676767676767676))) & UINT64_C(0x8080808080808080)) == 0;
}

/* 1 to 8 digits. */
static inline bool read_short(const char *p, size_t n, uint64_t *ret)
{
    const unsigned shift = 64 - 8 * (unsigned)n;
    const uint64_t word = load_eight(p) << shift;
    const uint64_t zeros = UINT64_C(0x3030303030303030) << shift;
    *ret = value_of_eight(word ^ zeros);
    return all_digits(word, zeros);
}

static inline bool read_whole(const char *p, size_t n, uint64_t *ret)
{
    uint64_t low = 0;
    uint64_t middle = 0;
    uint64_t high = 0;
    if (n - 1 < 8)
        return read_short(p, n, ret);
    if (n - 1 >= 18)
        return false;
    const size_t left = n - 8;
    bool good = read_short(p + left, 8, &low);
    if (left <= 8) {
        good &= read_short(p, left, &middle);
    } else {
        good &= read_short(p + left - 8, 8, &middle);
        good &= read_short(p, left - 8, &high);
    }
    *ret = (high * 100000000 + middle) * 100000000 + low;
    return good;
}

static size_t convert_integers(const struct mer_csv_batch *batch, size_t c, size_t row,
                               int64_t *values)
{
    for (; row < batch->n_rows; row++) {
        struct span span;
        uint64_t value;
        if (!span_at(batch, c, row, &span))
            return row;
        const bool negative = span.n > 1 && *span.begin == '-';
        const char *digits = span.begin + negative;
        const size_t n = span.n - negative;
        if (n == 0 || (n > 1 && *digits == '0') || !read_whole(digits, n, &value))
            return row;
        values[row] = negative ? -(int64_t)value : (int64_t)value;
    }
    return row;
}

/* A value whose sign bit is turned over, or not. */
static inline double with_sign(double value, uint64_t negative)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits ^= negative << 63;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Whether a number is negative or less than one is as good as random: nothing branches on it. A
 * byte behind the cell may be looked at; it is there. */
static size_t convert_numbers(const struct mer_csv_batch *batch, size_t c, size_t row,
                              double *values)
{
    for (; row < batch->n_rows; row++) {
        struct span span;
        uint64_t significand;
        int exponent;
        double value;
        if (!span_at(batch, c, row, &span))
            return row;
        const size_t negative = (size_t)(span.n > 1) & (size_t)(*span.begin == '-');
        const char *digits = span.begin + negative;
        const size_t n = span.n - negative;
        const bool padded =
            ((unsigned)(n > 1) & (unsigned)(digits[0] == '0') & (unsigned)(digits[1] != '.')) != 0;
        if (n == 0 || padded || !read_decimal(digits, n, &significand, &exponent) ||
            !mer_nearest_double_fast(significand, exponent, &value))
            return row;
        values[row] = with_sign(value, negative);
    }
    return row;
}

static size_t convert_codes(const struct mer_csv_batch *batch, size_t c, size_t row,
                            int32_t *values, const struct mer_csv_cached *cache,
                            unsigned cache_bits, uint64_t *n_bytes)
{
    uint64_t sum = 0;
    for (; row < batch->n_rows; row++) {
        struct span span;
        if (!span_at(batch, c, row, &span) || span.n - 1 >= 16)
            break;
        const struct mer_csv_cached key = mer_csv_cache_key(span.begin, span.n);
        const struct mer_csv_cached *entry = &cache[mer_csv_cache_slot(&key, cache_bits)];
        if (entry->head != key.head || entry->tail != key.tail || entry->n != key.n ||
            entry->code < 0)
            break;
        values[row] = entry->code;
        sum += entry->n_value;
    }
    *n_bytes += sum;
    return row;
}

const struct mer_csv_kernels KERNELS = {
    .count = count_text,
    .index = index_text,
    .integers = convert_integers,
    .numbers = convert_numbers,
    .codes = convert_codes,
};
