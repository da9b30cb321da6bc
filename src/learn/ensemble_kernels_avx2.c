/* Trees by bytes with AVX2: 32 rows at a time. */
#include <immintrin.h>
#include <string.h>

#include "learn/ensemble_compact.h"

enum { VECTORS = MER_COMPACT_ROWS / 32 };

static inline __m256i load(const void *bytes)
{
    return _mm256_load_si256(bytes);
}

static inline void store(void *bytes, __m256i v)
{
    _mm256_store_si256(bytes, v);
}

/* ---- ranks ---- */

/* Ranks of 32 numbers, and 255 where they are missing, to the planes that splits use. */
static inline void put_planes(const struct mer_compact_feature *feature, size_t row, __m256i ranks,
                              __m256i missing, uint8_t *planes)
{
    const __m256i ones = _mm256_set1_epi8(-1);
    const __m256i right = _mm256_or_si256(ranks, missing);
    const __m256i bytes[MER_N_PLANES] = {ranks, right, _mm256_xor_si256(ranks, ones),
                                         _mm256_xor_si256(right, ones)};
    for (size_t p = 0; p < MER_N_PLANES; p++)
        if (feature->planes[p] != MER_NO_PLANE)
            store(planes + (size_t)feature->planes[p] * MER_COMPACT_ROWS + row, bytes[p]);
}

/* 32 numbers of 32 bits below 256, or all ones, to bytes in their order. */
static inline __m256i narrow(const __m256i *v)
{
    const __m256i low = _mm256_packs_epi32(v[0], v[1]);
    const __m256i high = _mm256_packs_epi32(v[2], v[3]);
    const __m256i mask = _mm256_set1_epi16(255);
    const __m256i bytes =
        _mm256_packus_epi16(_mm256_and_si256(low, mask), _mm256_and_si256(high, mask));
    return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/* Ranks of 8 floats: three steps among 8 pivots in a register, then the rest within a part of
 * `stride` thresholds. */
static inline __m256i ranks_f32(const float *table, __m256 pivots, unsigned stride, __m256 x)
{
    __m256i below = _mm256_setzero_si256();
    for (int half = 4; half > 0; half /= 2) {
        const __m256i at = _mm256_add_epi32(below, _mm256_set1_epi32(half - 1));
        const __m256 above = _mm256_cmp_ps(_mm256_permutevar8x32_ps(pivots, at), x, _CMP_LT_OQ);
        below = _mm256_add_epi32(
            below, _mm256_and_si256(_mm256_castps_si256(above), _mm256_set1_epi32(half)));
    }
    below = _mm256_mullo_epi32(below, _mm256_set1_epi32((int)stride));
    for (unsigned half = stride / 2; half > 0; half /= 2) {
        const __m256i at = _mm256_add_epi32(below, _mm256_set1_epi32((int)half - 1));
        const __m256 above = _mm256_cmp_ps(_mm256_i32gather_ps(table, at, 4), x, _CMP_LT_OQ);
        below = _mm256_add_epi32(
            below, _mm256_and_si256(_mm256_castps_si256(above), _mm256_set1_epi32((int)half)));
    }
    return below;
}

static void rank_f32(const struct mer_ensemble_compact *compact,
                     const struct mer_compact_feature *feature, const float *x, uint8_t *planes)
{
    const float *table = compact->thresholds_f32 + feature->table;
    const __m256 pivots = _mm256_loadu_ps(
        compact->pivots_f32 + (size_t)(feature - compact->features) * MER_COMPACT_PIVOTS_F32 + 32);
    for (size_t row = 0; row < MER_COMPACT_ROWS; row += 32) {
        __m256i ranks[4];
        __m256i missing[4];
        for (size_t i = 0; i < 4; i++) {
            const __m256 v = _mm256_load_ps(x + row + 8 * i);
            ranks[i] = ranks_f32(table, pivots, feature->n_padded / 8, v);
            missing[i] = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
        }
        put_planes(feature, row, narrow(ranks), narrow(missing), planes);
    }
}

/* Doubles have no permutation of four by four: every step is a gather. */
static inline __m128i ranks_f64(const double *table, unsigned n_padded, __m256d x)
{
    __m256i below = _mm256_setzero_si256();
    for (unsigned half = n_padded / 2; half > 0; half /= 2) {
        const __m256i at = _mm256_add_epi64(below, _mm256_set1_epi64x((long long)half - 1));
        const __m256d above = _mm256_cmp_pd(_mm256_i64gather_pd(table, at, 8), x, _CMP_LT_OQ);
        below = _mm256_add_epi64(below, _mm256_and_si256(_mm256_castpd_si256(above),
                                                         _mm256_set1_epi64x((long long)half)));
    }
    const __m256i even =
        _mm256_permutevar8x32_epi32(below, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
    return _mm256_castsi256_si128(even);
}

static void rank_f64(const struct mer_ensemble_compact *compact,
                     const struct mer_compact_feature *feature, const double *x, uint8_t *planes)
{
    const double *table = compact->thresholds_f64 + feature->table;
    for (size_t row = 0; row < MER_COMPACT_ROWS; row += 32) {
        __m256i ranks[4];
        _Alignas(32) int8_t missing[32];
        for (size_t i = 0; i < 4; i++)
            ranks[i] = _mm256_set_m128i(
                ranks_f64(table, feature->n_padded, _mm256_load_pd(x + row + 8 * i + 4)),
                ranks_f64(table, feature->n_padded, _mm256_load_pd(x + row + 8 * i)));
        for (size_t i = 0; i < 32; i++)
            missing[i] = x[row + i] != x[row + i] ? -1 : 0;
        put_planes(feature, row, narrow(ranks), load(missing), planes);
    }
}

/* ---- trees ---- */

/* Whether bytes are in a set of 256 bits, as all ones or zero. */
static inline __m256i in_set(__m256i bytes, __m256i low, __m256i high)
{
    const __m256i bits = _mm256_set1_epi64x((long long)UINT64_C(0x8040201008040201));
    const __m256i at = _mm256_and_si256(_mm256_srli_epi16(bytes, 3), _mm256_set1_epi8(15));
    const __m256i word =
        _mm256_blendv_epi8(_mm256_shuffle_epi8(low, at), _mm256_shuffle_epi8(high, at), bytes);
    const __m256i bit = _mm256_shuffle_epi8(bits, _mm256_and_si256(bytes, _mm256_set1_epi8(7)));
    return _mm256_cmpeq_epi8(_mm256_and_si256(word, bit), bit);
}

/* One instance for each kind of condition and of operation keeps all rows of the block in
 * registers. */
struct condition {
    const uint8_t *column;
    __m256i a; /* k, or the set */
    __m256i b;
};

static inline __m256i is_left(const struct condition *c, bool is_group, size_t v)
{
    const __m256i bytes = load(c->column + 32 * v);
    if (is_group)
        return in_set(bytes, c->a, c->b);
    return _mm256_cmpeq_epi8(_mm256_max_epu8(bytes, c->a), c->a);
}

static inline struct condition condition_of(const uint8_t *planes, const struct mer_compact_op *op,
                                            const uint8_t *sets)
{
    struct condition c = {.column = planes + (size_t)op->column * MER_COMPACT_ROWS};
    if (op->kind & MER_OP_GROUP) {
        const __m128i *set =
            (const __m128i *)(sets + ((size_t)op->k * 2 + (op->kind & MER_OP_INVERTED ? 1 : 0)) *
                                         MER_COMPACT_SET_BYTES);
        c.a = _mm256_broadcastsi128_si256(_mm_loadu_si128(set));
        c.b = _mm256_broadcastsi128_si256(_mm_loadu_si128(set + 1));
    } else {
        c.a = c.b = _mm256_set1_epi8((char)op->k);
    }
    return c;
}

__attribute__((always_inline)) static inline void
apply(const uint8_t *planes, const struct mer_compact_op *op, const uint8_t *sets, bool is_group,
      __m256i *top, __m256i (*stack)[VECTORS], size_t *depth)
{
    const struct condition c = condition_of(planes, op, sets);
    const __m256i a = _mm256_set1_epi8((char)op->a);
    switch (op->kind & MER_OP_KIND) {
    case MER_OP_LEAVES: {
        const __m256i b = _mm256_set1_epi8((char)op->b);
        for (size_t v = 0; v < VECTORS; v++) {
            store(&stack[*depth][v], top[v]);
            top[v] = _mm256_blendv_epi8(b, a, is_left(&c, is_group, v));
        }
        ++*depth;
        break;
    }
    case MER_OP_LEAF:
        for (size_t v = 0; v < VECTORS; v++)
            top[v] = _mm256_blendv_epi8(top[v], a, is_left(&c, is_group, v));
        break;
    default:
        --*depth;
        for (size_t v = 0; v < VECTORS; v++)
            top[v] = _mm256_blendv_epi8(top[v], load(&stack[*depth][v]), is_left(&c, is_group, v));
    }
}

static void evaluate(const uint8_t *planes, const struct mer_compact_op *ops, size_t n_ops,
                     const uint8_t *sets, uint8_t *ret_leaves)
{
    __m256i stack[MER_COMPACT_STACK][VECTORS];
    __m256i top[VECTORS];
    size_t depth = 0;
    for (size_t v = 0; v < VECTORS; v++)
        top[v] = _mm256_setzero_si256();
    for (const struct mer_compact_op *op = ops; op < ops + n_ops; op++) {
        if (op->kind & MER_OP_GROUP)
            apply(planes, op, sets, true, top, stack, &depth);
        else
            apply(planes, op, sets, false, top, stack, &depth);
    }
    for (size_t v = 0; v < VECTORS; v++)
        store(ret_leaves + 32 * v, top[v]);
}

static void add(const uint8_t *leaves, const double *values, size_t n_leaves, double *sums)
{
    (void)n_leaves;
    for (size_t row = 0; row < MER_COMPACT_ROWS; row++)
        sums[row] += values[leaves[row]];
}

const struct mer_ensemble_kernels MER_ENSEMBLE_KERNELS_AVX2 = {
    .rank_f32 = rank_f32, .rank_f64 = rank_f64, .evaluate = evaluate, .add = add};
