#include "core/order.h"

#include <math.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/rng.h"

enum { MOST = 3000 };

/* Ascending, and equal numbers in the order of their indices: then the order is the only one. */
static void assert_ordered(const double *x, size_t n)
{
    static uint32_t order[MOST];
    static bool seen[MOST];
    struct mer_order_item *scratch = malloc(2 * n * sizeof *scratch + 1);
    assert_non_null(scratch);
    mer_order_doubles(x, n, scratch, order);
    for (size_t i = 0; i < n; i++)
        seen[i] = false;
    for (size_t i = 0; i < n; i++) {
        assert_true(order[i] < n);
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
        if (i > 0) {
            assert_true(x[order[i - 1]] <= x[order[i]]);
            assert_true(x[order[i - 1]] < x[order[i]] || order[i - 1] < order[i]);
        }
    }
    free(scratch);
}

static void special_values_stand_where_they_compare(void **state)
{
    (void)state;
    const double x[] = {0.0, -0.0,       1.0,      -1.0,      INFINITY, -INFINITY, 0x1p-1074,
                        0.0, -0x1p-1074, 0x1p1023, -0x1p1023, -0.0,     1.0,       1 + 0x1p-52};
    assert_ordered(x, sizeof x / sizeof x[0]);
}

static void no_number_and_one_number_are_in_order(void **state)
{
    (void)state;
    const double x[] = {7};
    assert_ordered(x, 0);
    assert_ordered(x, 1);
}

static void random_numbers_with_and_without_ties_come_in_order(void **state)
{
    (void)state;
    static double x[MOST];
    mer_rng rng;
    mer_rng_init(&rng, 1, 0);
    for (int round = 0; round < 200; round++) {
        const size_t n = 1 + mer_rng_below(&rng, MOST - 1);
        const double steps = (double)(1 + mer_rng_below(&rng, 1000));
        for (size_t i = 0; i < n; i++) {
            const double u = mer_rng_uniform(&rng) - 0.5;
            x[i] = round % 2 ? u * 1e6 : floor(u * steps);
        }
        assert_ordered(x, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_values_stand_where_they_compare),
        cmocka_unit_test(no_number_and_one_number_are_in_order),
        cmocka_unit_test(random_numbers_with_and_without_ties_come_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
