/* Columns of two values: found among others, on every instruction set and by every team. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/rng.h"
#include "core/team.h"
#include "learn/bins_pairs.h"

static struct mer_alloc alloc;
static mer_rng rng;

static int begin(void **state)
{
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_rng_init(&rng, 21, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(alloc.used, 0);
    return 0;
}

/* A cell of a column of one of some kinds. */
static double cell_of(size_t kind, double a, double b)
{
    switch (kind) {
    case 0:
        return a;
    case 1:
        return mer_rng_below(&rng, 2) ? a : b;
    case 2:
        return mer_rng_below(&rng, 400) ? a : b;
    case 3:
        return mer_rng_below(&rng, 400) ? a : mer_rng_below(&rng, 2) ? b : a + b + 1;
    case 4:
        return mer_rng_below(&rng, 400) ? a : (double)NAN;
    case 5:
        return mer_rng_below(&rng, 2) ? 0.0 : -0.0;
    default:
        return mer_rng_normal(&rng);
    }
}

/* What a plain loop says of a column. */
static void check_pair(const struct mer_design *design, size_t column, bool skipped,
                       const struct mer_pair *pair)
{
    double values[3];
    size_t n = 0;
    for (size_t row = 0; row < design->n_rows && n < 3; row++) {
        const double value = design->dense[row * design->n_dense + column];
        size_t i = 0;
        while (i < n && values[i] != value)
            i++;
        if (isnan(value))
            n = 3;
        else if (i == n)
            values[n++] = value;
    }
    assert_int_equal(pair->kind, skipped || n == 3 ? MER_PAIR_NOT
                                 : n == 2          ? MER_PAIR_TWO
                                                   : MER_PAIR_CONSTANT);
    if (pair->kind != MER_PAIR_TWO)
        return;
    assert_true(pair->low == fmin(values[0], values[1]));
    assert_true(pair->high == fmax(values[0], values[1]));
    for (size_t row = 0; row < (design->n_rows + 63) / 64 * 64; row++) {
        const bool expected =
            row < design->n_rows && design->dense[row * design->n_dense + column] == pair->high;
        assert_int_equal(pair->bits[row / 64] >> (row % 64) & 1, expected);
    }
    uint8_t *cells = malloc(design->n_rows);
    mer_pair_cells(pair->bits, design->n_rows, cells);
    for (size_t row = 0; row < design->n_rows; row++)
        assert_int_equal(cells[row], design->dense[row * design->n_dense + column] == pair->high);
    free(cells);
}

static void check_table(const struct mer_ctx *ctx, size_t n_rows, size_t n_dense)
{
    /* Of its exact size: what is read behind its end is found by AddressSanitizer. */
    double *dense = malloc(n_rows * n_dense * sizeof *dense);
    uint8_t *skip = calloc(n_dense, 1);
    struct mer_pairs pairs;
    mer_err err;
    for (size_t column = 0; column < n_dense; column++) {
        const size_t kind = mer_rng_below(&rng, 7);
        const double a = (double)mer_rng_below(&rng, 5) - 2, b = a == 0 ? 1 : -a;
        skip[column] = mer_rng_below(&rng, 8) == 0;
        for (size_t row = 0; row < n_rows; row++)
            dense[row * n_dense + column] = cell_of(kind, a, b);
    }
    const struct mer_design design = {.n_rows = n_rows, .n_dense = n_dense, .dense = dense};
    assert_int_equal(mer_pairs_find(ctx, &design, skip, &pairs, &err).code, MER_OK);
    for (size_t column = 0; column < n_dense; column++)
        check_pair(&design, column, skip[column], &pairs.pairs[column]);
    mer_pairs_release(ctx, &pairs);
    free(skip);
    free(dense);
}

static void columns_of_two_values_are_those_that_a_plain_loop_finds(void **state)
{
    (void)state;
    for (size_t n_threads = 1; n_threads <= 3; n_threads++) {
        struct mer_ctx ctx = {.alloc = &alloc};
        mer_err err;
        assert_int_equal(mer_team_new(&alloc, n_threads, &ctx.team, &err).code, MER_OK);
        for (size_t level = 0; level <= (size_t)mer_cpu_detect(); level++) {
            ctx.cpu = (enum mer_cpu_level)level;
            for (size_t trial = 0; trial < 40; trial++)
                check_table(&ctx, 1 + mer_rng_below(&rng, 300), 1 + mer_rng_below(&rng, 40));
            /* Several blocks. */
            check_table(&ctx, 5000 + mer_rng_below(&rng, 300), 70);
        }
        mer_team_free(ctx.team);
    }
}

static void a_value_in_a_single_row_is_seen(void **state)
{
    (void)state;
    enum { ROWS = 200000 };
    struct mer_ctx ctx = {.alloc = &alloc};
    mer_err err;
    double *dense = calloc(2 * ROWS, sizeof *dense);
    dense[2 * 123457] = 3;
    const struct mer_design design = {.n_rows = ROWS, .n_dense = 2, .dense = dense};
    struct mer_pairs pairs;
    assert_int_equal(mer_pairs_find(&ctx, &design, (const uint8_t[]){0, 0}, &pairs, &err).code,
                     MER_OK);
    assert_int_equal(pairs.pairs[0].kind, MER_PAIR_TWO);
    assert_true(pairs.pairs[0].low == 0 && pairs.pairs[0].high == 3);
    assert_int_equal(pairs.pairs[1].kind, MER_PAIR_CONSTANT);
    mer_pairs_release(&ctx, &pairs);
    free(dense);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(columns_of_two_values_are_those_that_a_plain_loop_finds,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_value_in_a_single_row_is_seen, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
