/* Trees by bytes with AVX-512: 64 rows answer a split in one instruction, and masks are registers
 * of their own.
 */
#include <immintrin.h>

#include "learn/ensemble_compact.h"

enum { VECTORS = MER_COMPACT_ROWS / 64 };

/* ---- ranks ---- */

/* Ranks of 64 numbers and whether they are missing, to the planes that splits use. */
static inline void put_planes(const struct mer_compact_feature *feature, size_t row, __m512i ranks,
                              __mmask64 missing, uint8_t *planes)
{
    const __m512i ones = _mm512_set1_epi8(-1);
    const __m512i right = _mm512_mask_mov_epi8(ranks, missing, ones);
    const __m512i bytes[MER_N_PLANES] = {ranks, right, _mm512_xor_si512(ranks, ones),
                                         _mm512_xor_si512(right, ones)};
    for (size_t p = 0; p < MER_N_PLANES; p++)
        if (feature->planes[p] != MER_NO_PLANE)
            _mm512_store_si512(planes + (size_t)feature->planes[p] * MER_COMPACT_ROWS + row,
                               bytes[p]);
}

/* Ranks of 16 floats: five steps among the 32 pivots, which lie in two registers, then the rest
 * within a part of `stride` thresholds. */
static inline __m512i ranks_f32(const float *table, __m512 low, __m512 high, unsigned stride,
                                __m512 x)
{
    __m512i below = _mm512_setzero_si512();
    for (int half = 16; half > 0; half /= 2) {
        const __m512i at = _mm512_add_epi32(below, _mm512_set1_epi32(half - 1));
        const __m512 pivot = _mm512_permutex2var_ps(low, at, high);
        const __mmask16 above = _mm512_cmp_ps_mask(pivot, x, _CMP_LT_OQ);
        below = _mm512_mask_add_epi32(below, above, below, _mm512_set1_epi32(half));
    }
    below = _mm512_mullo_epi32(below, _mm512_set1_epi32((int)stride));
    for (unsigned half = stride / 2; half > 0; half /= 2) {
        const __m512i at = _mm512_add_epi32(below, _mm512_set1_epi32((int)half - 1));
        const __m512 threshold = _mm512_i32gather_ps(at, table, 4);
        const __mmask16 above = _mm512_cmp_ps_mask(threshold, x, _CMP_LT_OQ);
        below = _mm512_mask_add_epi32(below, above, below, _mm512_set1_epi32((int)half));
    }
    return below;
}

static void rank_f32(const struct mer_ensemble_compact *compact,
                     const struct mer_compact_feature *feature, const float *x, uint8_t *planes)
{
    const float *table = compact->thresholds_f32 + feature->table;
    const float *pivots =
        compact->pivots_f32 + (size_t)(feature - compact->features) * MER_COMPACT_PIVOTS_F32;
    const __m512 low = _mm512_loadu_ps(pivots);
    const __m512 high = _mm512_loadu_ps(pivots + 16);
    for (size_t row = 0; row < MER_COMPACT_ROWS; row += 64) {
        __m128i parts[4];
        __mmask64 missing = 0;
        for (size_t i = 0; i < 4; i++) {
            const __m512 v = _mm512_load_ps(x + row + 16 * i);
            parts[i] = _mm512_cvtepi32_epi8(ranks_f32(table, low, high, feature->n_padded / 32, v));
            missing |= (__mmask64)_mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q) << (16 * i);
        }
        const __m256i first = _mm256_set_m128i(parts[1], parts[0]);
        const __m256i last = _mm256_set_m128i(parts[3], parts[2]);
        put_planes(feature, row, _mm512_inserti64x4(_mm512_castsi256_si512(first), last, 1),
                   missing, planes);
    }
}

/* The same for 8 doubles, with 16 pivots. */
static inline __m512i ranks_f64(const double *table, __m512d low, __m512d high, unsigned stride,
                                __m512d x)
{
    __m512i below = _mm512_setzero_si512();
    for (int half = 8; half > 0; half /= 2) {
        const __m512i at = _mm512_add_epi64(below, _mm512_set1_epi64(half - 1));
        const __m512d pivot = _mm512_permutex2var_pd(low, at, high);
        const __mmask8 above = _mm512_cmp_pd_mask(pivot, x, _CMP_LT_OQ);
        below = _mm512_mask_add_epi64(below, above, below, _mm512_set1_epi64(half));
    }
    below = _mm512_mullo_epi64(below, _mm512_set1_epi64((long long)stride));
    for (unsigned half = stride / 2; half > 0; half /= 2) {
        const __m512i at = _mm512_add_epi64(below, _mm512_set1_epi64((long long)half - 1));
        const __m512d threshold = _mm512_i64gather_pd(at, table, 8);
        const __mmask8 above = _mm512_cmp_pd_mask(threshold, x, _CMP_LT_OQ);
        below = _mm512_mask_add_epi64(below, above, below, _mm512_set1_epi64((long long)half));
    }
    return below;
}

static void rank_f64(const struct mer_ensemble_compact *compact,
                     const struct mer_compact_feature *feature, const double *x, uint8_t *planes)
{
    const double *table = compact->thresholds_f64 + feature->table;
    const double *pivots =
        compact->pivots_f64 + (size_t)(feature - compact->features) * MER_COMPACT_PIVOTS_F64;
    const __m512d low = _mm512_loadu_pd(pivots);
    const __m512d high = _mm512_loadu_pd(pivots + 8);
    for (size_t row = 0; row < MER_COMPACT_ROWS; row += 64) {
        _Alignas(64) uint8_t ranks[64];
        __mmask64 missing = 0;
        for (size_t i = 0; i < 8; i++) {
            const __m512d v = _mm512_load_pd(x + row + 8 * i);
            _mm512_mask_cvtepi64_storeu_epi8(
                ranks + 8 * i, 0xff, ranks_f64(table, low, high, feature->n_padded / 16, v));
            missing |= (__mmask64)_mm512_cmp_pd_mask(v, v, _CMP_UNORD_Q) << (8 * i);
        }
        put_planes(feature, row, _mm512_load_si512(ranks), missing, planes);
    }
}

/* ---- trees ---- */

/* Whether bytes are in a set of 256 bits: the byte of the set, of which the upper half of the
 * byte's number selects one of 32, and the bit in it. */
static inline __mmask64 in_set(__m512i bytes, __m512i low, __m512i high)
{
    const __m512i bits = _mm512_set1_epi64((long long)UINT64_C(0x8040201008040201));
    const __m512i at = _mm512_and_si512(_mm512_srli_epi16(bytes, 3), _mm512_set1_epi8(15));
    const __m512i word = _mm512_mask_blend_epi8(
        _mm512_movepi8_mask(bytes), _mm512_shuffle_epi8(low, at), _mm512_shuffle_epi8(high, at));
    const __m512i bit = _mm512_shuffle_epi8(bits, _mm512_and_si512(bytes, _mm512_set1_epi8(7)));
    return _mm512_test_epi8_mask(word, bit);
}

static inline void answer(const uint8_t *planes, const struct mer_compact_op *op,
                          const uint8_t *sets, __mmask64 *ret_left)
{
    const uint8_t *column = planes + (size_t)op->column * MER_COMPACT_ROWS;
    if (op->kind & MER_OP_GROUP) {
        const uint8_t *set = sets + ((size_t)op->k * 2 + (op->kind & MER_OP_INVERTED ? 1 : 0)) *
                                        MER_COMPACT_SET_BYTES;
        const __m512i low = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)set));
        const __m512i high = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)set + 1));
        for (size_t v = 0; v < VECTORS; v++)
            ret_left[v] = in_set(_mm512_load_si512(column + 64 * v), low, high);
        return;
    }
    const __m512i k = _mm512_set1_epi8((char)op->k);
    for (size_t v = 0; v < VECTORS; v++)
        ret_left[v] = _mm512_cmple_epu8_mask(_mm512_load_si512(column + 64 * v), k);
}

static void evaluate(const uint8_t *planes, const struct mer_compact_op *ops, size_t n_ops,
                     const uint8_t *sets, uint8_t *ret_leaves)
{
    __m512i stack[MER_COMPACT_STACK][VECTORS];
    __m512i top[VECTORS];
    size_t depth = 0;
    for (size_t v = 0; v < VECTORS; v++)
        top[v] = _mm512_setzero_si512();
    for (const struct mer_compact_op *op = ops; op < ops + n_ops; op++) {
        __mmask64 left[VECTORS];
        answer(planes, op, sets, left);
        const __m512i a = _mm512_set1_epi8((char)op->a);
        switch (op->kind & MER_OP_KIND) {
        case MER_OP_LEAVES: {
            const __m512i b = _mm512_set1_epi8((char)op->b);
            for (size_t v = 0; v < VECTORS; v++) {
                stack[depth][v] = top[v];
                top[v] = _mm512_mask_mov_epi8(b, left[v], a);
            }
            depth++;
            break;
        }
        case MER_OP_LEAF:
            for (size_t v = 0; v < VECTORS; v++)
                top[v] = _mm512_mask_mov_epi8(top[v], left[v], a);
            break;
        default:
            depth--;
            for (size_t v = 0; v < VECTORS; v++)
                top[v] = _mm512_mask_mov_epi8(top[v], left[v], stack[depth][v]);
        }
    }
    for (size_t v = 0; v < VECTORS; v++)
        _mm512_store_si512(ret_leaves + 64 * v, top[v]);
}

/* ---- values ---- */

/* Tables of 16, 32 and 64 doubles lie in registers; only larger ones are gathered from memory. */
static void add_16(const uint8_t *leaves, const double *values, double *sums)
{
    const __m512d t0 = _mm512_loadu_pd(values);
    const __m512d t1 = _mm512_loadu_pd(values + 8);
    for (size_t row = 0; row < MER_COMPACT_ROWS; row += 8) {
        const __m512i at = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(leaves + row)));
        const __m512d value = _mm512_permutex2var_pd(t0, at, t1);
        _mm512_store_pd(sums + row, _mm512_add_pd(_mm512_load_pd(sums + row), value));
    }
}

static void add_32(const uint8_t *leaves, const double *values, double *sums)
{
    __m512d t[4];
    for (size_t i = 0; i < 4; i++)
        t[i] = _mm512_loadu_pd(values + 8 * i);
    for (size_t row = 0; row < MER_COMPACT_ROWS; row += 8) {
        const __m512i at = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(leaves + row)));
        const __mmask8 upper = _mm512_test_epi64_mask(at, _mm512_set1_epi64(16));
        const __m512d value = _mm512_mask_blend_pd(upper, _mm512_permutex2var_pd(t[0], at, t[1]),
                                                   _mm512_permutex2var_pd(t[2], at, t[3]));
        _mm512_store_pd(sums + row, _mm512_add_pd(_mm512_load_pd(sums + row), value));
    }
}

static void add_64(const uint8_t *leaves, const double *values, double *sums)
{
    __m512d t[8];
    for (size_t i = 0; i < 8; i++)
        t[i] = _mm512_loadu_pd(values + 8 * i);
    for (size_t row = 0; row < MER_COMPACT_ROWS; row += 8) {
        const __m512i at = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(leaves + row)));
        const __mmask8 odd = _mm512_test_epi64_mask(at, _mm512_set1_epi64(16));
        const __mmask8 upper = _mm512_test_epi64_mask(at, _mm512_set1_epi64(32));
        const __m512d first = _mm512_mask_blend_pd(odd, _mm512_permutex2var_pd(t[0], at, t[1]),
                                                   _mm512_permutex2var_pd(t[2], at, t[3]));
        const __m512d last = _mm512_mask_blend_pd(odd, _mm512_permutex2var_pd(t[4], at, t[5]),
                                                  _mm512_permutex2var_pd(t[6], at, t[7]));
        const __m512d value = _mm512_mask_blend_pd(upper, first, last);
        _mm512_store_pd(sums + row, _mm512_add_pd(_mm512_load_pd(sums + row), value));
    }
}

static void add(const uint8_t *leaves, const double *values, size_t n_leaves, double *sums)
{
    if (n_leaves <= 16)
        add_16(leaves, values, sums);
    else if (n_leaves <= 32)
        add_32(leaves, values, sums);
    else if (n_leaves <= 64)
        add_64(leaves, values, sums);
    else
        for (size_t row = 0; row < MER_COMPACT_ROWS; row++)
            sums[row] += values[leaves[row]];
}

const struct mer_ensemble_kernels MER_ENSEMBLE_KERNELS_AVX512 = {
    .rank_f32 = rank_f32, .rank_f64 = rank_f64, .evaluate = evaluate, .add = add};
