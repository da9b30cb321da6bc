/* The kernels of the kernel family: right, and the same bits for every instruction set. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/math.h"
#include "core/rng.h"
#include "learn/linear_kernels.h"
#include "learn/wave_kernels.h"

enum {
    ROWS_MAX = 21,
    DENSE_MAX = 19,
    GROUPS_MAX = 3,
    LIT_MAX = 7,
    WAVES_MAX = 3 * MER_WAVE_TILE,
    STRIDE = WAVES_MAX + MER_LANES,
    N_SHAPES = 200
};

static double dense[WAVES_MAX * DENSE_MAX] __attribute__((aligned(64)));
static double lit[WAVES_MAX * LIT_MAX] __attribute__((aligned(64)));
static double phases[WAVES_MAX] __attribute__((aligned(64)));
static double x[ROWS_MAX * DENSE_MAX];
static uint32_t codes[ROWS_MAX * GROUPS_MAX];
static double z[ROWS_MAX * STRIDE] __attribute__((aligned(64)));
static double expected[ROWS_MAX * STRIDE] __attribute__((aligned(64)));

static void fill(mer_rng *rng, double *values, size_t n, double deviation)
{
    for (size_t i = 0; i < n; i++)
        values[i] = deviation * mer_rng_normal(rng);
}

static void fill_random(mer_rng *rng, struct mer_waves *waves, struct mer_wave_rows *rows)
{
    const double deviation = mer_rng_below(rng, 2) ? 0.3 : 300;
    fill(rng, dense, WAVES_MAX * DENSE_MAX, deviation);
    fill(rng, lit, WAVES_MAX * LIT_MAX, deviation);
    fill(rng, phases, WAVES_MAX, 1);
    fill(rng, x, ROWS_MAX * DENSE_MAX, 1);
    *waves =
        (struct mer_waves){.n_waves = MER_LANES * mer_rng_below(rng, WAVES_MAX / MER_LANES + 1),
                           .n_dense = mer_rng_below(rng, DENSE_MAX + 1),
                           .n_lit_rows = LIT_MAX,
                           .dense = dense,
                           .lit = lit,
                           .phases = phases,
                           .height = 0.25};
    *rows = (struct mer_wave_rows){.n_rows = mer_rng_below(rng, ROWS_MAX + 1),
                                   .x = x,
                                   .x_stride = DENSE_MAX,
                                   .n_groups = mer_rng_below(rng, GROUPS_MAX + 1),
                                   .lit = codes,
                                   .lit_stride = GROUPS_MAX};
    for (size_t i = 0; i < ROWS_MAX * GROUPS_MAX; i++)
        codes[i] = (uint32_t)mer_rng_below(rng, LIT_MAX);
    for (size_t i = 0; i < ROWS_MAX * STRIDE; i++)
        z[i] = expected[i] = 7;
}

/* The angle in half turns. */
static double angle(const struct mer_waves *waves, const struct mer_wave_rows *rows, size_t r,
                    size_t w)
{
    const size_t tile = w / MER_WAVE_TILE, inside = w % MER_WAVE_TILE;
    double u = phases[w];
    for (size_t j = 0; j < waves->n_dense; j++)
        u += x[r * DENSE_MAX + j] * dense[(tile * waves->n_dense + j) * MER_WAVE_TILE + inside];
    for (size_t g = 0; g < rows->n_groups; g++)
        u += lit[(tile * LIT_MAX + codes[r * GROUPS_MAX + g]) * MER_WAVE_TILE + inside];
    return u;
}

static void every_instruction_set_gives_the_same_bits_and_writes_nothing_else(void **state)
{
    mer_rng rng;
    (void)state;
    mer_rng_init(&rng, 5, 0);
    for (size_t i = 0; i < N_SHAPES; i++) {
        struct mer_waves waves;
        struct mer_wave_rows rows;
        fill_random(&rng, &waves, &rows);
        mer_wave_kernels(MER_CPU_PLAIN)->apply(&waves, &rows, expected, STRIDE);
        for (int level = MER_CPU_AVX2; level <= (int)mer_cpu_detect(); level++) {
            for (size_t k = 0; k < ROWS_MAX * STRIDE; k++)
                z[k] = 7;
            mer_wave_kernels((enum mer_cpu_level)level)->apply(&waves, &rows, z, STRIDE);
            assert_memory_equal(z, expected, sizeof z);
        }
        for (size_t r = 0; r < ROWS_MAX; r++)
            for (size_t w = 0; w < STRIDE; w++)
                if (r >= rows.n_rows || w >= waves.n_waves)
                    assert_true(expected[r * STRIDE + w] == 7);
    }
}

static void waves_are_cosines_of_the_sums(void **state)
{
    mer_rng rng;
    (void)state;
    mer_rng_init(&rng, 6, 0);
    for (size_t i = 0; i < N_SHAPES; i++) {
        struct mer_waves waves;
        struct mer_wave_rows rows;
        fill_random(&rng, &waves, &rows);
        mer_wave_kernels(MER_CPU_PLAIN)->apply(&waves, &rows, z, STRIDE);
        for (size_t r = 0; r < rows.n_rows; r++)
            for (size_t w = 0; w < waves.n_waves; w++) {
                /* Whole turns are taken out exactly, so that the reference's own error is small. */
                const double u = angle(&waves, &rows, r, w), rest = u - 2 * rint(u / 2);
                assert_true(fabs(z[r * STRIDE + w] - 0.25 * mer_cos(rest * 3.141592653589793)) <
                            0.25 * 8e-16);
            }
    }
}

static void whole_half_turns_are_right_to_the_last_bit_and_quarters_nearly(void **state)
{
    static const struct {
        double half_turns;
        double cosine;
    } cases[] = {{0, 1}, {1, -1}, {2, 1}, {-1, -1}, {1001, -1}, {-1e6, 1}, {0x1p40 + 1, -1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct mer_waves waves = {
            .n_waves = MER_LANES, .dense = dense, .lit = lit, .phases = phases, .height = 1};
        const struct mer_wave_rows rows = {.n_rows = 1};
        for (size_t w = 0; w < MER_LANES; w++)
            phases[w] = cases[i].half_turns;
        mer_wave_kernels(mer_cpu_detect())->apply(&waves, &rows, z, STRIDE);
        assert_true(z[0] == cases[i].cosine && z[MER_LANES - 1] == cases[i].cosine);
        for (size_t w = 0; w < MER_LANES; w++)
            phases[w] = cases[i].half_turns + 0.5;
        mer_wave_kernels(mer_cpu_detect())->apply(&waves, &rows, z, STRIDE);
        assert_true(fabs(z[0]) < 3e-16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_instruction_set_gives_the_same_bits_and_writes_nothing_else),
        cmocka_unit_test(waves_are_cosines_of_the_sums),
        cmocka_unit_test(whole_half_turns_are_right_to_the_last_bit_and_quarters_nearly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
