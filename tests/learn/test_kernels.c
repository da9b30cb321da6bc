/* The kernels of the linear family: right, and the same bits for every instruction set. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/rng.h"
#include "learn/linear_kernels.h"

enum { ROWS_MAX = 70, OUTPUTS_MAX = 23, WIDTH_MAX = 104, N_SHAPES = 300 };

/* Arrays as the kernels want them: aligned, with strides of whole vectors. */
struct arrays {
    double x[ROWS_MAX * WIDTH_MAX] __attribute__((aligned(64)));
    double w[OUTPUTS_MAX * WIDTH_MAX] __attribute__((aligned(64)));
    double g[OUTPUTS_MAX * WIDTH_MAX] __attribute__((aligned(64)));
    double a[ROWS_MAX * OUTPUTS_MAX] __attribute__((aligned(64)));
    double z[ROWS_MAX * OUTPUTS_MAX] __attribute__((aligned(64)));
};

struct shape {
    size_t n_rows;
    size_t n_outputs;
    size_t n;      /* whole vectors */
    size_t stride; /* at least n */
};

static struct arrays before, expected, found;

static void fill(mer_rng *rng, double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = mer_rng_normal(rng);
}

static struct shape random_shape(mer_rng *rng)
{
    struct shape shape = {.n_rows = mer_rng_below(rng, ROWS_MAX + 1),
                          .n_outputs = mer_rng_below(rng, OUTPUTS_MAX + 1),
                          .stride = MER_LANES * mer_rng_below(rng, WIDTH_MAX / MER_LANES + 1)};
    shape.n = MER_LANES * mer_rng_below(rng, shape.stride / MER_LANES + 1);
    fill(rng, before.x, ROWS_MAX * WIDTH_MAX);
    fill(rng, before.w, OUTPUTS_MAX * WIDTH_MAX);
    fill(rng, before.g, OUTPUTS_MAX * WIDTH_MAX);
    fill(rng, before.a, ROWS_MAX * OUTPUTS_MAX);
    fill(rng, before.z, ROWS_MAX * OUTPUTS_MAX);
    return shape;
}

static void run_all(const struct mer_linear_kernels *kernels, struct shape s, struct arrays *t)
{
    *t = before;
    kernels->dot(t->x, s.stride, s.n_rows, t->w, s.stride, s.n_outputs, s.n, t->z, OUTPUTS_MAX);
    kernels->accumulate(t->a, OUTPUTS_MAX, s.n_rows, s.n_outputs, t->x, s.stride, s.n, t->g,
                        s.stride);
    kernels->axpy(0.3, t->w, s.n, t->g);
    kernels->scale(1.7, t->w, s.n, t->w);
    if (s.stride > 3) {
        /* Unaligned on purpose, and narrower than the stride. */
        kernels->load(before.x + 1, s.n_rows, s.stride - 3, before.w, t->x, s.stride);
    }
}

static void every_instruction_set_gives_the_same_bits(void **state)
{
    mer_rng rng;
    (void)state;
    mer_rng_init(&rng, 5, 0);
    for (size_t i = 0; i < N_SHAPES; i++) {
        const struct shape shape = random_shape(&rng);
        run_all(mer_linear_kernels(MER_CPU_PLAIN), shape, &expected);
        for (int level = MER_CPU_AVX2; level <= (int)mer_cpu_detect(); level++) {
            run_all(mer_linear_kernels((enum mer_cpu_level)level), shape, &found);
            assert_memory_equal(&found, &expected, sizeof found);
        }
    }
}

static void products_are_those_of_the_definition(void **state)
{
    mer_rng rng;
    (void)state;
    mer_rng_init(&rng, 6, 0);
    for (size_t i = 0; i < N_SHAPES; i++) {
        const struct shape s = random_shape(&rng);
        const struct mer_linear_kernels *kernels = mer_linear_kernels(MER_CPU_PLAIN);
        found = before;
        kernels->dot(found.x, s.stride, s.n_rows, found.w, s.stride, s.n_outputs, s.n, found.z,
                     OUTPUTS_MAX);
        kernels->accumulate(found.a, OUTPUTS_MAX, s.n_rows, s.n_outputs, found.x, s.stride, s.n,
                            found.g, s.stride);
        for (size_t k = 0; k < s.n_outputs; k++) {
            for (size_t r = 0; r < s.n_rows; r++) {
                double dot = 0;
                for (size_t j = 0; j < s.n; j++)
                    dot += before.x[r * s.stride + j] * before.w[k * s.stride + j];
                assert_true(fabs(found.z[r * OUTPUTS_MAX + k] - dot) < 1e-12);
            }
            for (size_t j = 0; j < s.n; j++) {
                double sum = before.g[k * s.stride + j];
                for (size_t r = 0; r < s.n_rows; r++)
                    sum += before.a[r * OUTPUTS_MAX + k] * before.x[r * s.stride + j];
                assert_true(found.g[k * s.stride + j] == sum); /* the same order: the same bits */
            }
        }
    }
}

static void nothing_outside_the_shape_is_written(void **state)
{
    mer_rng rng;
    (void)state;
    mer_rng_init(&rng, 7, 0);
    for (size_t i = 0; i < N_SHAPES; i++) {
        const struct shape s = random_shape(&rng);
        const struct mer_linear_kernels *kernels = mer_linear_kernels(mer_cpu_detect());
        found = before;
        kernels->dot(found.x, s.stride, s.n_rows, found.w, s.stride, s.n_outputs, s.n, found.z,
                     OUTPUTS_MAX);
        kernels->accumulate(found.a, OUTPUTS_MAX, s.n_rows, s.n_outputs, found.x, s.stride, s.n,
                            found.g, s.stride);
        for (size_t j = 0; j < ROWS_MAX * OUTPUTS_MAX; j++)
            if (j / OUTPUTS_MAX >= s.n_rows || j % OUTPUTS_MAX >= s.n_outputs)
                assert_true(found.z[j] == before.z[j]);
        for (size_t j = 0; s.stride && j < OUTPUTS_MAX * WIDTH_MAX; j++)
            if (j / s.stride >= s.n_outputs || j % s.stride >= s.n)
                assert_true(found.g[j] == before.g[j]);
    }
}

static void loading_shifts_and_pads(void **state)
{
    mer_rng rng;
    (void)state;
    mer_rng_init(&rng, 8, 0);
    (void)random_shape(&rng);
    for (size_t n = 0; n <= 25; n++) {
        const size_t stride = mer_lanes_pad(n);
        found = before;
        mer_linear_kernels(mer_cpu_detect())->load(before.g + 1, 5, n, before.w, found.x, stride);
        for (size_t r = 0; r < 5; r++)
            for (size_t j = 0; j < stride; j++)
                assert_true(found.x[r * stride + j] ==
                            (j < n ? before.g[1 + r * n + j] - before.w[j] : 0));
        assert_true(found.x[5 * stride] == before.x[5 * stride]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_instruction_set_gives_the_same_bits),
        cmocka_unit_test(products_are_those_of_the_definition),
        cmocka_unit_test(nothing_outside_the_shape_is_written),
        cmocka_unit_test(loading_shifts_and_pads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
