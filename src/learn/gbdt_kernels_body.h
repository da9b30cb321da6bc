/* The body of the kernels of gradient boosting; see gbdt_kernels.h. Included by one source file an
 * instruction set, which defines KERNELS, the name of the table, and WIDTH, the doubles in a
 * register: 2, 4 or 8.
 */
#include "learn/gbdt_kernels.h"

#include <math.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

typedef double vector __attribute__((vector_size(WIDTH * sizeof(double))));
typedef int64_t integers __attribute__((vector_size(WIDTH * sizeof(int64_t))));
typedef uint64_t words_t __attribute__((vector_size(WIDTH * sizeof(uint64_t))));
typedef double vector_unaligned
    __attribute__((vector_size(WIDTH * sizeof(double)), aligned(sizeof(double))));
typedef float floats __attribute__((vector_size(WIDTH * sizeof(float)), aligned(sizeof(float))));
typedef int32_t integers_32
    __attribute__((vector_size(WIDTH * sizeof(int32_t)), aligned(sizeof(int32_t))));

#define INLINE static inline __attribute__((always_inline))

/* 1.5 * 2^52: adding it leaves the nearest integer in the low bits of a double. */
#define MAGIC 6755399441055744.0
#define MAGIC_BITS INT64_C(0x4338000000000000)

/* ---- histograms ---- */

enum { PREFETCH = 64 };

/* n_columns and `indirect` are constants wherever it is inlined: the loop over columns is unrolled
 * and every packed histogram has a constant offset. */
INLINE uint64_t word_of(uint32_t code)
{
    const int64_t g = (int32_t)code >> 16;
    return ((uint64_t)g << MER_WORD_G_SHIFT) + ((uint64_t)(code & 0xffff) << MER_WORD_H_SHIFT) + 1;
}

INLINE void accumulate_row(const uint8_t *cells, size_t stride, size_t n_columns, size_t row,
                           const uint32_t *codes, uint64_t *packed)
{
    const uint64_t word = word_of(codes[row]);
    const uint8_t *cell = cells + row * stride;
    uint64_t eight[2] = {0, 0};
    memcpy(eight, cell, n_columns > 8 ? 16 : 8);
#pragma GCC unroll 16
    for (size_t k = 0; k < n_columns; k++)
        packed[k * MER_PACKED_BINS + (eight[k / 8] >> (k % 8 * 8) & 255)] += word;
}

INLINE void accumulate_tile(const uint8_t *cells, size_t stride, size_t n_columns, bool indirect,
                            const uint32_t *rows, size_t first, size_t n, const uint32_t *codes,
                            uint64_t *packed)
{
    size_t i = 0;
    for (; indirect && i + PREFETCH < n; i++) {
        const size_t ahead = rows[i + PREFETCH];
        __builtin_prefetch(cells + ahead * stride, 0, 2);
        __builtin_prefetch(codes + ahead, 0, 2);
        accumulate_row(cells, stride, n_columns, rows[i], codes, packed);
    }
    for (; i < n; i++)
        accumulate_row(cells, stride, n_columns, indirect ? rows[i] : first + i, codes, packed);
}

#define CASE(n_columns)                                                                            \
    case n_columns:                                                                                \
        if (rows)                                                                                  \
            accumulate_tile(cells, stride, n_columns, true, rows, 0, n, codes, packed);            \
        else                                                                                       \
            accumulate_tile(cells, stride, n_columns, false, NULL, first, n, codes, packed);       \
        break;

static void accumulate(const uint8_t *cells, size_t stride, size_t n_columns, const uint32_t *rows,
                       size_t first, size_t n, const uint32_t *codes, uint64_t *packed)
{
    switch (n_columns) {
        CASE(1)
        CASE(2)
        CASE(3)
        CASE(4)
        CASE(5)
        CASE(6)
        CASE(7)
        CASE(8)
        CASE(9)
        CASE(10)
        CASE(11)
        CASE(12)
        CASE(13)
        CASE(14)
        CASE(15)
        CASE(16)
    default:
        break;
    }
}

/* ---- columns of two values ---- */

/* Bit c: x[c] is neither first[c] nor second[c], and, in ret_mask, is not first[c]. */
INLINE uint8_t differ_in_group(const double *x, const double *first, const double *second,
                               uint8_t *ret_mask)
{
#if defined(__AVX512F__)
    const __m512d cells = _mm512_loadu_pd(x);
    const __mmask8 mask = _mm512_cmp_pd_mask(cells, _mm512_loadu_pd(first), _CMP_NEQ_UQ);
    *ret_mask = mask;
    return _mm512_mask_cmp_pd_mask(mask, cells, _mm512_loadu_pd(second), _CMP_NEQ_UQ);
#elif defined(__AVX2__)
    unsigned mask = 0;
    unsigned strange = 0;
    for (unsigned c = 0; c < MER_DIFFER_COLUMNS; c += 4) {
        const __m256d cells = _mm256_loadu_pd(x + c);
        const __m256d a = _mm256_cmp_pd(cells, _mm256_loadu_pd(first + c), _CMP_NEQ_UQ);
        const __m256d b = _mm256_cmp_pd(cells, _mm256_loadu_pd(second + c), _CMP_NEQ_UQ);
        mask |= (unsigned)_mm256_movemask_pd(a) << c;
        strange |= (unsigned)_mm256_movemask_pd(_mm256_and_pd(a, b)) << c;
    }
    *ret_mask = (uint8_t)mask;
    return (uint8_t)strange;
#else
    unsigned mask = 0;
    unsigned strange = 0;
    for (unsigned c = 0; c < MER_DIFFER_COLUMNS; c++) {
        mask |= (unsigned)(x[c] != first[c]) << c;
        strange |= (unsigned)(x[c] != first[c] && x[c] != second[c]) << c;
    }
    *ret_mask = (uint8_t)mask;
    return (uint8_t)strange;
#endif
}

static void differ(const double *cells, size_t stride, size_t n_rows, const uint32_t *groups,
                   size_t n_groups, const double *first, const double *second, uint8_t *masks,
                   uint8_t *strange)
{
    for (size_t row = 0; row < n_rows; row++, cells += stride) {
        for (size_t k = 0; k < n_groups; k++) {
            const size_t at = (size_t)groups[k] * MER_DIFFER_COLUMNS;
            strange[k] |= differ_in_group(cells + at, first + at, second + at,
                                          &masks[k * MER_DIFFER_ROWS + row]);
        }
    }
}

/* ---- parting rows ---- */

/* From row number `from` on; n_left of those before went left. */
INLINE size_t part_rest(const uint8_t *cells, const uint8_t *left, const uint32_t *rows,
                        size_t from, size_t n, size_t n_left, uint32_t *ret_left,
                        uint32_t *ret_right)
{
    size_t n_right = from - n_left;
    for (size_t i = from; i < n; i++) {
        const uint32_t row = rows[i];
        const size_t goes_left = left[cells[row]];
        ret_left[n_left] = row;
        ret_right[n_right] = row;
        n_left += goes_left;
        n_right += 1 - goes_left;
    }
    return n_left;
}

#if defined(__AVX512F__)

/* Sixteen at a time: a mask of those that go left, and two stores instead of 32. Sixteen loads are
 * no slower than one that gathers. */
static size_t part(const uint8_t *cells, const uint8_t left[256], const uint32_t *rows, size_t n,
                   uint32_t *ret_left, uint32_t *ret_right)
{
    enum { LANES = 16 };
    size_t n_left = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const __m512i lanes = _mm512_loadu_si512(rows + i);
        uint32_t parts[4] = {0, 0, 0, 0};
        for (unsigned k = 0; k < LANES; k++)
            parts[k / 4] |= (uint32_t)left[cells[rows[i + k]]] << k;
        const __mmask16 mask = (__mmask16)((parts[0] | parts[1]) | (parts[2] | parts[3]));
        const __mmask16 rest = (__mmask16)~mask;
        _mm512_storeu_si512(ret_left + n_left, _mm512_maskz_compress_epi32(mask, lanes));
        _mm512_storeu_si512(ret_right + i - n_left, _mm512_maskz_compress_epi32(rest, lanes));
        n_left += (size_t)__builtin_popcount(mask);
    }
    return part_rest(cells, left, rows, i, n, n_left, ret_left, ret_right);
}

#else

static size_t part(const uint8_t *cells, const uint8_t left[256], const uint32_t *rows, size_t n,
                   uint32_t *ret_left, uint32_t *ret_right)
{
    return part_rest(cells, left, rows, 0, n, 0, ret_left, ret_right);
}

#endif

/* ---- wide histograms ---- */

static void unpack(const uint64_t *packed, size_t n, bool add, int64_t *g, uint64_t *hc)
{
    const uint64_t h_mask = (UINT64_C(1) << (MER_WORD_G_SHIFT - MER_WORD_H_SHIFT)) - 1;
    const uint64_t c_mask = (UINT64_C(1) << MER_WORD_H_SHIFT) - 1;
    for (size_t b = 0; b < n; b += WIDTH) {
        words_t word;
        memcpy(&word, packed + b, sizeof word);
        integers new_g = (integers)word >> MER_WORD_G_SHIFT;
        words_t new_hc = ((word >> MER_WORD_H_SHIFT & h_mask) << MER_COUNT_BITS) | (word & c_mask);
        if (add) {
            integers old_g;
            words_t old_hc;
            memcpy(&old_g, g + b, sizeof old_g);
            memcpy(&old_hc, hc + b, sizeof old_hc);
            new_g += old_g;
            new_hc += old_hc;
        }
        memcpy(g + b, &new_g, sizeof new_g);
        memcpy(hc + b, &new_hc, sizeof new_hc);
    }
}

static void subtract(const int64_t *g, const uint64_t *hc, size_t n, int64_t *from_g,
                     uint64_t *from_hc)
{
    for (size_t b = 0; b < n; b++)
        from_g[b] -= g[b];
    for (size_t b = 0; b < n; b++)
        from_hc[b] -= hc[b];
}

/* ---- cuts ---- */

struct best {
    vector score;
    integers cut;
};

INLINE vector shrink(vector g, double alpha)
{
    const integers magnitude = (integers)g & INT64_MAX;
    const vector rest = (vector)magnitude - alpha;
    return (vector)((integers)rest & (integers)(rest > 0));
}

/* Scores of the cuts before[0 .. n_cuts), each with `extra` on the left. */
INLINE struct best scan_side(const int64_t *before_g, const uint64_t *before_hc, size_t n_cuts,
                             const struct mer_gbdt_sums *extra, const struct mer_gbdt_sums *total,
                             const struct mer_gbdt_rule *rule, double least)
{
    struct best best = {least + (vector){0}, (integers){0} - 1};
    integers cut;
    for (int i = 0; i < WIDTH; i++)
        cut[i] = i;
    const int64_t min_rows = (int64_t)rule->min_rows;
    for (size_t b = 0; b < n_cuts; b += WIDTH, cut += WIDTH) {
        integers g_left;
        words_t hc_left;
        memcpy(&g_left, before_g + b, sizeof g_left);
        memcpy(&hc_left, before_hc + b, sizeof hc_left);
        g_left += extra->g;
        hc_left += extra->hc;
        const integers g_right = total->g - g_left;
        const words_t hc_right = total->hc - hc_left;
        const integers rows_left = (integers)(hc_left & MER_COUNT_MASK);
        const integers rows_right = (integers)(hc_right & MER_COUNT_MASK);
        const vector h_left =
            __builtin_convertvector((integers)(hc_left >> MER_COUNT_BITS), vector) * rule->h_unit;
        const vector h_right =
            __builtin_convertvector((integers)(hc_right >> MER_COUNT_BITS), vector) * rule->h_unit;
        const vector left =
            shrink(__builtin_convertvector(g_left, vector) * rule->g_unit, rule->alpha);
        const vector right =
            shrink(__builtin_convertvector(g_right, vector) * rule->g_unit, rule->alpha);
        const vector l = h_left + rule->lambda;
        const vector r = h_right + rule->lambda;
        const vector score = (left * left * r + right * right * l) / (l * r);
        const integers better = (rows_left >= min_rows) & (rows_right >= min_rows) &
                                (h_left >= rule->min_hessian) & (h_right >= rule->min_hessian) &
                                (cut < (int64_t)n_cuts) & (score > best.score);
        best.score = (vector)(((integers)score & better) | ((integers)best.score & ~better));
        best.cut = (cut & better) | (best.cut & ~better);
    }
    return best;
}

INLINE void keep_best(const struct best *best, bool missing_left, struct mer_gbdt_cut *ret)
{
    bool first = true; /* of this side: equal scores go to the lower cut, never over to this side */
    for (int i = 0; i < WIDTH; i++) {
        if (best->cut[i] < 0)
            continue;
        const bool wins = best->score[i] > ret->score ||
                          (best->score[i] == ret->score && !first && best->cut[i] < ret->cut);
        if (!wins)
            continue;
        first = false;
        ret->found = true;
        ret->score = best->score[i];
        ret->cut = (uint32_t)best->cut[i];
        ret->missing_left = missing_left;
    }
}

/* The sums of the bins up to each that has a row, without the others: bins without a row, which are
 * most of them in a small leaf, are no place to cut. Returns how many there are. */
#if defined(__AVX512F__)

/* x[0], x[0] + x[1], ... */
INLINE __m512i running_sums(__m512i x)
{
    const __m512i zero = _mm512_setzero_si512();
    x = _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 7));
    x = _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 6));
    return _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 4));
}

INLINE size_t list_sums(const int64_t *g, const uint64_t *hc, size_t n_values, int64_t *ret_g,
                        uint64_t *ret_hc)
{
    const __m512i last = _mm512_set1_epi64(7);
    __m512i g_before = _mm512_setzero_si512();
    __m512i hc_before = _mm512_setzero_si512();
    size_t n = 0;
    for (size_t b = 0; b < n_values; b += 8) {
        const __mmask8 in_range =
            (__mmask8)(n_values - b < 8 ? 0xff >> (8 - (n_values - b)) : 0xff);
        const __m512i own = _mm512_loadu_si512(hc + b);
        const __mmask8 mask = _mm512_mask_test_epi64_mask(in_range, own, own);
        if (!mask)
            continue;
        const __m512i g_sums = _mm512_add_epi64(g_before, running_sums(_mm512_loadu_si512(g + b)));
        const __m512i hc_sums = _mm512_add_epi64(hc_before, running_sums(own));
        _mm512_storeu_si512(ret_g + n, _mm512_maskz_compress_epi64(mask, g_sums));
        _mm512_storeu_si512(ret_hc + n, _mm512_maskz_compress_epi64(mask, hc_sums));
        g_before = _mm512_permutexvar_epi64(last, g_sums);
        hc_before = _mm512_permutexvar_epi64(last, hc_sums);
        n += (size_t)__builtin_popcount(mask);
    }
    return n;
}

#else

INLINE size_t list_sums(const int64_t *g, const uint64_t *hc, size_t n_values, int64_t *ret_g,
                        uint64_t *ret_hc)
{
    struct mer_gbdt_sums sums = {0, 0};
    size_t n = 0;
    for (size_t b = 0; b < n_values; b++) {
        sums.g += g[b];
        sums.hc += hc[b];
        ret_g[n] = sums.g;
        ret_hc[n] = sums.hc;
        n += hc[b] != 0;
    }
    return n;
}

#endif

/* The bin that is number `place` among those with a row. */
INLINE uint32_t bin_at(const uint64_t *hc, size_t place)
{
    uint32_t bin = 0;
    for (size_t n = hc[0] != 0; n <= place; n += hc[bin] != 0)
        bin++;
    return bin;
}

static void scan(const int64_t *g, const uint64_t *hc, size_t n_values, bool has_missing,
                 const struct mer_gbdt_sums *total, const struct mer_gbdt_rule *rule, double least,
                 struct mer_gbdt_cut *ret_cut)
{
    int64_t before_g[MER_PACKED_BINS + WIDTH] __attribute__((aligned(64)));
    uint64_t before_hc[MER_PACKED_BINS + WIDTH] __attribute__((aligned(64)));
    const size_t n = list_sums(g, hc, n_values, before_g, before_hc);
    memset(before_g + n, 0, WIDTH * sizeof *before_g);
    memset(before_hc + n, 0, WIDTH * sizeof *before_hc);
    const bool missing = has_missing && (hc[n_values] & MER_COUNT_MASK) != 0;
    const struct mer_gbdt_sums none = {0, 0};
    *ret_cut = (struct mer_gbdt_cut){.score = least};
    if (n == 0)
        return;
    /* The last cut parts what is missing from what is not. */
    const struct best right =
        scan_side(before_g, before_hc, n - !missing, &none, total, rule, least);
    keep_best(&right, false, ret_cut);
    if (missing) {
        const struct mer_gbdt_sums extra = {g[n_values], hc[n_values]};
        const struct best left =
            scan_side(before_g, before_hc, n - 1, &extra, total, rule, ret_cut->score);
        keep_best(&left, true, ret_cut);
    }
    if (!ret_cut->found)
        return;
    ret_cut->left.g = before_g[ret_cut->cut];
    ret_cut->left.hc = before_hc[ret_cut->cut];
    if (ret_cut->missing_left) {
        ret_cut->left.g += g[n_values];
        ret_cut->left.hc += hc[n_values];
    }
    ret_cut->cut = bin_at(hc, ret_cut->cut);
}

/* ---- gradients ---- */

INLINE vector choose(integers mask, vector yes, vector no)
{
    return (vector)(((integers)yes & mask) | ((integers)no & ~mask));
}

/* exp(x) to about one unit in the last place: x = n ln 2 + r, a Taylor polynomial for exp(r), and n
 * added to the exponent. Below -708 it is exp(-708). */
INLINE vector exponential(vector x)
{
    static const double inverse[] = {
        1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
        1.0 / 5040,       1.0 / 720,       1.0 / 120,      1.0 / 24,      1.0 / 6,      1.0 / 2};
    x = choose(x > 708.0, 708.0 + (vector){0}, x);
    x = choose(x < -708.0, -708.0 + (vector){0}, x);
    const vector shifted = x * 1.4426950408889634 + MAGIC;
    const integers n = (integers)shifted - MAGIC_BITS;
    const vector whole = shifted - MAGIC;
    const vector r = (x - whole * 0x1.62e42fee00000p-1) - whole * 0x1.a39ef35793c76p-33;
    vector p = inverse[0] + (vector){0};
    for (size_t i = 1; i < sizeof inverse / sizeof inverse[0]; i++)
        p = p * r + inverse[i];
    p = p * r + 1.0;
    p = p * r + 1.0;
    return (vector)((integers)p + (n << 52));
}

INLINE vector load(const double *x)
{
    return *(const vector_unaligned *)(const void *)x;
}

/* Writes {g, h} pairs for WIDTH rows. */
INLINE void store_pairs(vector g, vector h, float *gh)
{
    for (int i = 0; i < WIDTH; i++) {
        gh[2 * i] = (float)g[i];
        gh[2 * i + 1] = (float)h[i];
    }
}

/* The smallest Hessian of a row with weight: a leaf of certain rows must not divide by zero. */
#define LEAST_HESSIAN 1e-16

INLINE void probability_pairs(vector p, integers is_class, const double *weights, float *gh)
{
    const vector y = (vector)((integers)((vector){0} + 1.0) & is_class);
    vector g = p - y;
    vector h = p * (1.0 - p);
    h = choose(h < LEAST_HESSIAN, LEAST_HESSIAN + (vector){0}, h);
    if (weights) {
        const vector w = load(weights);
        g *= w;
        h *= w;
    }
    store_pairs(g, h, gh);
}

INLINE integers classes_equal(const int32_t *classes, int32_t klass)
{
    integers equal;
    for (int i = 0; i < WIDTH; i++)
        equal[i] = classes[i] == klass ? -1 : 0;
    return equal;
}

/* Rows begin .. end - 1 in steps of WIDTH; arrays of rows are padded so that the last step may read
 * and write over their end. */
static void logistic(const double *scores, const int32_t *classes, const double *weights,
                     size_t begin, size_t end, float *gh)
{
    for (size_t i = begin; i < end; i += WIDTH) {
        const vector p = 1.0 / (1.0 + exponential(-load(scores + i)));
        probability_pairs(p, classes_equal(classes + i, 1), weights ? weights + i : NULL,
                          gh + 2 * i);
    }
}

static void softmax(const double *scores, const double *log_sums, const int32_t *classes,
                    int32_t klass, const double *weights, size_t begin, size_t end, float *gh)
{
    for (size_t i = begin; i < end; i += WIDTH) {
        const vector p = exponential(load(scores + i) - load(log_sums + i));
        probability_pairs(p, classes_equal(classes + i, klass), weights ? weights + i : NULL,
                          gh + 2 * i);
    }
}

static void squared(const double *scores, const double *values, const double *weights, size_t begin,
                    size_t end, float *gh)
{
    for (size_t i = begin; i < end; i += WIDTH) {
        vector g = load(scores + i) - load(values + i);
        vector h = 1.0 + (vector){0};
        if (weights) {
            h = load(weights + i);
            g *= h;
        }
        store_pairs(g, h, gh + 2 * i);
    }
}

/* ln(x) for x >= 1: x = 2^n m with m in [sqrt(1/2), sqrt(2)), and 2 atanh((m - 1) / (m + 1)). */
INLINE vector logarithm(vector x)
{
    const integers bits = (integers)x;
    const integers n = ((bits - INT64_C(0x3fe6a09e667f3bcd)) >> 52);
    const vector m = (vector)(bits - (n << 52));
    const vector s = (m - 1.0) / (m + 1.0);
    const vector z = s * s;
    vector p = 1.0 / 21 + (vector){0};
    for (int k = 19; k >= 1; k -= 2)
        p = p * z + 1.0 / k;
    return __builtin_convertvector(n, vector) * 0.6931471805599453 + 2.0 * s * p;
}

static void log_sum(const double *scores, size_t stride, size_t n_classes, size_t begin, size_t end,
                    double *log_sums)
{
    for (size_t i = begin; i < end; i += WIDTH) {
        vector top = load(scores + i);
        for (size_t k = 1; k < n_classes; k++) {
            const vector score = load(scores + k * stride + i);
            top = choose(score > top, score, top);
        }
        vector sum = {0};
        for (size_t k = 0; k < n_classes; k++)
            sum += exponential(load(scores + k * stride + i) - top);
        *(vector_unaligned *)(void *)(log_sums + i) = top + logarithm(sum);
    }
}

/* ---- integers from gradients ---- */

/* Eight blocks of Philox4x32-10 (core/rng.h), numbers first .. first + 7: ret[j][l] is word j of
 * block first + l. */
enum { BLOCKS = 8, CHUNKS = BLOCKS / WIDTH };

INLINE void philox(uint32_t first, uint32_t stream, const uint32_t key[2], words_t ret[4][CHUNKS])
{
    const uint64_t low = UINT32_MAX;
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
        words_t c0, c1 = {0}, c2 = stream + (words_t){0}, c3 = {0};
        for (int i = 0; i < WIDTH; i++)
            c0[i] = first + (uint32_t)(chunk * WIDTH + i);
        uint32_t k0 = key[0], k1 = key[1];
        for (int round = 0; round < 10; round++) {
            const words_t p0 = c0 * UINT64_C(0xd2511f53);
            const words_t p1 = c2 * UINT64_C(0xcd9e8d57);
            c0 = (p1 >> 32) ^ c1 ^ k0;
            c1 = p1 & low;
            c2 = (p0 >> 32) ^ c3 ^ k1;
            c3 = p0 & low;
            k0 += 0x9e3779b9;
            k1 += 0xbb67ae85;
        }
        ret[0][chunk] = c0;
        ret[1][chunk] = c1;
        ret[2][chunk] = c2;
        ret[3][chunk] = c3;
    }
}

/* The integer next to x, up or down with probability by distance; uniform: 16 random bits. */
INLINE integers round_randomly(vector x, words_t uniform)
{
    const vector u =
        __builtin_convertvector((integers)uniform, vector) * (1.0 / 65536) - (0.5 - 1.0 / 131072);
    return (integers)(x + u + MAGIC) - MAGIC_BITS;
}

INLINE integers clamp(integers x, int64_t low, int64_t high)
{
    const integers over = x > high;
    x = (x & ~over) | (high & over);
    const integers under = x < low;
    return (x & ~under) | (low & under);
}

static void quantise(const float *gh, const uint32_t key[2], uint32_t stream, double g_unit,
                     double h_unit, size_t begin, size_t end, uint32_t *codes)
{
    const double per_g = 1 / g_unit;
    const double per_h = h_unit > 0 ? 1 / h_unit : 0;
    for (size_t i = begin; i < end; i += 4 * BLOCKS) {
        words_t random[4][CHUNKS];
        philox((uint32_t)(i / 4), stream, key, random);
        for (size_t j = 0; j < 4; j++) {
            for (size_t chunk = 0; chunk < CHUNKS; chunk++) {
                const size_t row = i + j * BLOCKS + chunk * WIDTH;
                vector g, h;
                for (size_t l = 0; l < WIDTH; l++) {
                    g[l] = (double)gh[2 * (row + l)];
                    h[l] = (double)gh[2 * (row + l) + 1];
                }
                const integers g_int = clamp(round_randomly(g * per_g, random[j][chunk] & 0xffff),
                                             -MER_WORD_G_MAX, MER_WORD_G_MAX);
                integers h_int = (integers){0} + 1;
                if (h_unit > 0)
                    h_int =
                        clamp(round_randomly(h * per_h, random[j][chunk] >> 16), 0, MER_WORD_H_MAX);
                const integers code = (g_int << 16) | h_int;
                *(integers_32 *)(void *)(codes + row) = __builtin_convertvector(code, integers_32);
            }
        }
    }
}

const struct mer_gbdt_kernels KERNELS = {
    .differ = differ,
    .accumulate = accumulate,
    .part = part,
    .unpack = unpack,
    .subtract = subtract,
    .scan = scan,
    .logistic = logistic,
    .squared = squared,
    .softmax = softmax,
    .log_sum = log_sum,
    .quantise = quantise,
};
