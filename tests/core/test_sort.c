/* Sorting against counting, on inputs of every kind, and its bound on comparisons. */
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/rng.h"
#include "core/sort.h"

enum { N_MAX = 3000 };

struct item {
    uint32_t key;
    uint32_t index;
    unsigned char rest[16]; /* moves with them */
};

static size_t n_compared;

static int compare(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    n_compared++;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* 0 random, 1 few values, 2 rising, 3 falling, 4 equal, 5 organ pipe */
static uint32_t key_of(int kind, size_t i, size_t n, mer_rng *rng)
{
    switch (kind) {
    case 0:
        return mer_rng_u32(rng);
    case 1:
        return (uint32_t)mer_rng_below(rng, 4);
    case 2:
        return (uint32_t)i;
    case 3:
        return (uint32_t)(n - i);
    case 4:
        return 7;
    default:
        return (uint32_t)(i < n / 2 ? i : n - i);
    }
}

static void every_kind_of_input_is_sorted_and_nothing_is_lost(void **state)
{
    static struct item items[N_MAX];
    static bool seen[N_MAX];
    mer_rng rng;
    (void)state;
    mer_rng_init(&rng, 1, 0);
    for (int kind = 0; kind < 6; kind++)
        for (size_t n = 0; n <= N_MAX; n = n < 40 ? n + 1 : n * 3) {
            for (size_t i = 0; i < n; i++) {
                items[i] = (struct item){.key = key_of(kind, i, n, &rng), .index = (uint32_t)i};
                memset(items[i].rest, (int)(i & 255), sizeof items[i].rest);
            }
            memset(seen, 0, sizeof seen);
            n_compared = 0;
            mer_sort(items, n, sizeof *items, compare);
            assert_true(n < 2 || (double)n_compared < 80.0 * (double)n);
            for (size_t i = 0; i < n; i++) {
                assert_true(i == 0 || compare(&items[i - 1], &items[i]) < 0);
                assert_false(seen[items[i].index]);
                seen[items[i].index] = true;
                assert_int_equal(items[i].rest[15], items[i].index & 255);
            }
        }
}

/* McIlroy, "A killer adversary for quicksort", 1999: values are decided while they are compared, so
 * that every pivot is the worst. */
static uint32_t adversary[N_MAX];
static uint32_t n_solid, candidate;

static int compare_adversary(const void *a, const void *b)
{
    const uint32_t gas = UINT32_MAX;
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    n_compared++;
    if (adversary[x] == gas && adversary[y] == gas)
        adversary[x == candidate ? x : y] = n_solid++;
    if (adversary[x] == gas)
        candidate = x;
    else if (adversary[y] == gas)
        candidate = y;
    return (adversary[x] > adversary[y]) - (adversary[x] < adversary[y]);
}

static void an_adversary_does_not_make_it_slow(void **state)
{
    static uint32_t items[N_MAX];
    (void)state;
    for (uint32_t i = 0; i < N_MAX; i++) {
        items[i] = i;
        adversary[i] = UINT32_MAX;
    }
    n_compared = 0;
    mer_sort(items, N_MAX, sizeof *items, compare_adversary);
    /* Two comparisons a level and item, at most 2 * 12 levels before the heap takes over. */
    assert_true(n_compared < (size_t)N_MAX * 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_input_is_sorted_and_nothing_is_lost),
        cmocka_unit_test(an_adversary_does_not_make_it_slow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
