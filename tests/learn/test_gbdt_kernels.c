/* The kernels of gradient boosting: the same bits on every instruction set, and what they say. */
#include "tree_table.h"

#include <math.h>

#include "core/math.h"
#include "learn/gbdt_kernels.h"

enum { N = 1024, PADDED = N + 64 };

static mer_rng rng;

static int begin(void **state)
{
    (void)state;
    mer_rng_init(&rng, 11, 0);
    return 0;
}

static size_t n_levels(void)
{
    return (size_t)mer_cpu_detect() + 1;
}

static const struct mer_gbdt_kernels *kernels_of(size_t level)
{
    return mer_gbdt_kernels((enum mer_cpu_level)level);
}

static void histograms_count_what_a_plain_loop_counts(void **state)
{
    (void)state;
    static uint8_t cells[PADDED * MER_GROUP_COLUMNS];
    static uint32_t rows[PADDED];
    static uint32_t codes[PADDED];
    static uint64_t packed[MER_GROUP_COLUMNS * MER_PACKED_BINS];
    static int64_t g[MER_PACKED_BINS], expected_g[MER_PACKED_BINS];
    static uint64_t hc[MER_PACKED_BINS], expected_hc[MER_PACKED_BINS];
    for (size_t n_columns = 1; n_columns <= MER_GROUP_COLUMNS; n_columns++) {
        size_t n = 0;
        for (size_t i = 0; i < sizeof cells; i++)
            cells[i] = (uint8_t)mer_rng_u32(&rng);
        for (size_t i = 0; i < N; i++) {
            const uint32_t gradient = (uint32_t)mer_rng_below(&rng, 2 * MER_WORD_G_MAX + 1);
            codes[i] = (gradient - MER_WORD_G_MAX) << 16 |
                       (uint32_t)mer_rng_below(&rng, MER_WORD_H_MAX + 1);
            if (mer_rng_below(&rng, 3) > 0)
                rows[n++] = (uint32_t)i;
        }
        for (size_t level = 0; level < 2 * n_levels(); level++) {
            const struct mer_gbdt_kernels *kernels = kernels_of(level / 2);
            const bool listed = level % 2;
            const size_t n_counted = listed ? n : N - 100;
            memset(packed, 0, sizeof packed);
            kernels->accumulate(cells, n_columns, n_columns, listed ? rows : NULL, 100, n_counted,
                                codes, packed);
            for (size_t k = 0; k < n_columns; k++) {
                memset(expected_g, 0, sizeof expected_g);
                memset(expected_hc, 0, sizeof expected_hc);
                for (size_t i = 0; i < n_counted; i++) {
                    const size_t row = listed ? rows[i] : 100 + i;
                    const size_t bin = cells[row * n_columns + k];
                    expected_g[bin] += 2 * ((int32_t)codes[row] >> 16);
                    expected_hc[bin] +=
                        2 * (((uint64_t)(codes[row] & 0xffff) << MER_COUNT_BITS) + 1);
                }
                kernels->unpack(packed + k * MER_PACKED_BINS, MER_PACKED_BINS, false, g, hc);
                kernels->unpack(packed + k * MER_PACKED_BINS, MER_PACKED_BINS, true, g, hc);
                assert_memory_equal(g, expected_g, sizeof g);
                assert_memory_equal(hc, expected_hc, sizeof hc);
                kernels->subtract(expected_g, expected_hc, MER_PACKED_BINS, g, hc);
                for (size_t b = 0; b < MER_PACKED_BINS; b++)
                    assert_true(g[b] == 0 && hc[b] == 0);
            }
        }
    }
}

/* The largest sums that a packed histogram is allowed do not run into each other. */
static void no_field_of_a_word_overflows(void **state)
{
    (void)state;
    static uint8_t cells[MER_WORD_ROWS + 64];
    static uint32_t codes[MER_WORD_ROWS];
    for (int sign = -1; sign <= 1; sign += 2) {
        uint64_t packed[MER_PACKED_BINS] = {0};
        int64_t g[MER_PACKED_BINS];
        uint64_t hc[MER_PACKED_BINS];
        for (size_t i = 0; i < MER_WORD_ROWS; i++)
            codes[i] = (uint32_t)(sign * MER_WORD_G_MAX) << 16 | MER_WORD_H_MAX;
        kernels_of(0)->accumulate(cells, 1, 1, NULL, 0, MER_WORD_ROWS, codes, packed);
        kernels_of(0)->unpack(packed, MER_PACKED_BINS, false, g, hc);
        assert_true(g[0] == (int64_t)sign * MER_WORD_G_MAX * MER_WORD_ROWS);
        assert_true(hc[0] >> MER_COUNT_BITS == (uint64_t)MER_WORD_H_MAX * MER_WORD_ROWS);
        assert_true((hc[0] & MER_COUNT_MASK) == MER_WORD_ROWS);
    }
}

static void gradients_are_those_of_the_loss(void **state)
{
    (void)state;
    static double scores[3 * PADDED], log_sums[PADDED], values[PADDED], weights[PADDED];
    static int32_t classes[PADDED];
    static float gh[2 * PADDED];
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < 3; k++)
            scores[k * PADDED + i] = 4 * mer_rng_normal(&rng);
        values[i] = 3 * mer_rng_normal(&rng);
        weights[i] = mer_rng_uniform(&rng);
        classes[i] = (int32_t)mer_rng_below(&rng, 3);
    }
    for (size_t level = 0; level < n_levels(); level++) {
        const struct mer_gbdt_kernels *kernels = kernels_of(level);
        kernels->log_sum(scores, PADDED, 3, 0, N, log_sums);
        kernels->softmax(scores + PADDED, log_sums, classes, 1, weights, 0, N, gh);
        for (size_t i = 0; i < N; i++) {
            double p[3] = {scores[i], scores[PADDED + i], scores[2 * PADDED + i]};
            const double log_sum = mer_softmax(p, 3);
            assert_true(fabs(log_sums[i] - log_sum) < 1e-12);
            assert_true(fabs((double)gh[2 * i] - weights[i] * (p[1] - (classes[i] == 1))) < 1e-7);
            assert_true(fabs((double)gh[2 * i + 1] - weights[i] * p[1] * (1 - p[1])) < 1e-7);
        }
        kernels->logistic(scores, classes, NULL, 0, N, gh);
        for (size_t i = 0; i < N; i++) {
            const double p = mer_sigmoid(scores[i]);
            assert_true(fabs((double)gh[2 * i] - (p - (classes[i] == 1))) < 1e-7);
            assert_true(fabs((double)gh[2 * i + 1] - p * (1 - p)) < 1e-7);
        }
        kernels->squared(scores, values, weights, 0, N, gh);
        for (size_t i = 0; i < N; i++) {
            assert_true(gh[2 * i] == (float)(weights[i] * (scores[i] - values[i])));
            assert_true(gh[2 * i + 1] == (float)weights[i]);
        }
    }
}

static void codes_round_up_and_down_without_bias(void **state)
{
    (void)state;
    enum { ROUNDS = 400 };
    static float gh[2 * PADDED];
    static uint32_t codes[PADDED];
    double sum_g = 0, sum_h = 0, sum_square = 0;
    for (size_t i = 0; i < N; i++) {
        gh[2 * i] = -0.3f;
        gh[2 * i + 1] = 0.7f;
    }
    for (uint32_t stream = 0; stream < ROUNDS; stream++) {
        kernels_of(0)->quantise(gh, (const uint32_t[]){1, 2}, stream, 1, 1, 0, N, codes);
        for (size_t i = 0; i < N; i++) {
            const int32_t g = (int32_t)codes[i] >> 16;
            assert_true(g == 0 || g == -1);
            sum_g += g;
            sum_h += codes[i] & 0xffff;
            sum_square += i > 0 ? g * ((int32_t)codes[i - 1] >> 16) : 0;
        }
    }
    const double n = (double)N * ROUNDS;
    /* Five standard errors; neighbours are independent. */
    assert_true(fabs(sum_g / n + (double)0.3f) < 5 * 0.46 / sqrt(n));
    assert_true(fabs(sum_h / n - (double)0.7f) < 5 * 0.46 / sqrt(n));
    assert_true(fabs(sum_square / n - 0.09) < 5 * 0.29 / sqrt(n));
}

static void large_gradients_stay_in_their_field(void **state)
{
    (void)state;
    static float gh[2 * PADDED];
    static uint32_t codes[PADDED];
    for (size_t i = 0; i < N; i++) {
        gh[2 * i] = i % 2 ? 1.0f : -1.0f;
        gh[2 * i + 1] = 1.0f;
    }
    kernels_of(0)->quantise(gh, (const uint32_t[]){1, 2}, 3, 1.0 / MER_WORD_G_MAX,
                            1.0 / MER_WORD_H_MAX, 0, N, codes);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal((int32_t)codes[i] >> 16, i % 2 ? MER_WORD_G_MAX : -MER_WORD_G_MAX);
        assert_int_equal(codes[i] & 0xffff, MER_WORD_H_MAX);
    }
    kernels_of(0)->quantise(gh, (const uint32_t[]){1, 2}, 3, 1.0, 0, 0, N, codes);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(codes[i] & 0xffff, 1);
}

static void every_instruction_set_gives_the_same_bits(void **state)
{
    (void)state;
    static double scores[3 * PADDED];
    static int32_t classes[PADDED];
    static struct {
        double log_sums[PADDED];
        float logistic[2 * PADDED], softmax[2 * PADDED];
        uint32_t codes[PADDED];
        struct mer_gbdt_cut cuts[64];
    } results[MER_CPU_LEVEL_COUNT];
    static int64_t g[256 + 8];
    static uint64_t hc[256 + 8];
    for (size_t i = 0; i < 3 * PADDED; i++)
        scores[i] = i % 97 == 0 ? 800 * mer_rng_normal(&rng) : 5 * mer_rng_normal(&rng);
    for (size_t i = 0; i < PADDED; i++)
        classes[i] = (int32_t)mer_rng_below(&rng, 3);
    for (size_t level = 0; level < n_levels(); level++) {
        const struct mer_gbdt_kernels *kernels = kernels_of(level);
        kernels->log_sum(scores, PADDED, 3, 0, N, results[level].log_sums);
        kernels->logistic(scores, classes, NULL, 0, N, results[level].logistic);
        kernels->softmax(scores, results[level].log_sums, classes, 0, NULL, 0, N,
                         results[level].softmax);
        kernels->quantise(results[level].logistic, (const uint32_t[]){7, 9}, 5, 1e-3, 1e-3, 0, N,
                          results[level].codes);
        mer_rng_init(&rng, 21, 0);
        for (size_t i = 0; i < 64; i++) {
            const size_t n_values = 2 + i * 4 - (i > 0);
            struct mer_gbdt_sums total = {0, 0};
            for (size_t b = 0; b < 256 + 8; b++) {
                g[b] = (int64_t)mer_rng_below(&rng, 21) - 10;
                hc[b] = mer_rng_below(&rng, 50) << MER_COUNT_BITS | mer_rng_below(&rng, 3);
                if (b <= n_values) {
                    total.g += g[b];
                    total.hc += hc[b];
                }
            }
            const struct mer_gbdt_rule rule = {0.1, 0.01, 0.5, i % 5 ? 0 : 0.3, 0.02, i % 7};
            kernels->scan(g, hc, n_values, true, &total, &rule, 0, &results[level].cuts[i]);
        }
        assert_memory_equal(&results[level], &results[0], sizeof results[0]);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin)
    const struct CMUnitTest tests[] = {
        TEST(histograms_count_what_a_plain_loop_counts),
        TEST(no_field_of_a_word_overflows),
        TEST(gradients_are_those_of_the_loss),
        TEST(codes_round_up_and_down_without_bias),
        TEST(large_gradients_stay_in_their_field),
        TEST(every_instruction_set_gives_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
