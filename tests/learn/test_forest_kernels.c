/* The kernels of forests: every instruction set as the plain one, and the plain one as it is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/ctx.h"
#include "core/rng.h"
#include "learn/forest_scan.h"

enum { ROWS_MAX = 300, PLANES = 3, N_CLASSES = 5 };

static uint8_t bins[ROWS_MAX + MER_FOREST_PAD];
static mer_rng rng;

static int set_up(void **state)
{
    (void)state;
    mer_rng_init(&rng, 5, 1);
    return 0;
}

/* Few different bins, many, or all alike; what is behind the rows is anything. */
static void draw_bins(size_t n)
{
    static const uint32_t bounds[] = {256, 4, 1};
    const uint32_t bound = bounds[mer_rng_below(&rng, 3)];
    const uint32_t from = (uint32_t)mer_rng_below(&rng, 257 - bound);
    for (size_t i = 0; i < sizeof bins; i++)
        bins[i] = (uint8_t)(i < n ? from + mer_rng_below(&rng, bound) : mer_rng_below(&rng, 256));
}

static void each_kernel_does_what_the_plain_one_does(void **state)
{
    const struct mer_forest_kernels *const plain = mer_forest_kernels(MER_CPU_PLAIN);
    (void)state;
    for (int level = MER_CPU_AVX2; level <= (int)mer_cpu_detect(); level++) {
        const struct mer_forest_kernels *const kernels =
            mer_forest_kernels((enum mer_cpu_level)level);
        for (size_t n = 1; n <= ROWS_MAX; n++) {
            uint64_t planes[(ROWS_MAX / 64 + 1) * PLANES] = {0};
            uint32_t least[2], largest[2], counts[2][PLANES], keys[2][MER_FOREST_SORT_MAX];
            draw_bins(n);
            for (size_t i = 0; i < n; i++)
                planes[i / 64 * PLANES + mer_rng_below(&rng, PLANES)] |= UINT64_C(1) << (i % 64);
            plain->range(bins, n, &least[0], &largest[0]);
            kernels->range(bins, n, &least[1], &largest[1]);
            assert_int_equal(least[1], least[0]);
            assert_int_equal(largest[1], largest[0]);
            const uint8_t border = (uint8_t)mer_rng_below(&rng, 256);
            plain->count_left(bins, n, border, planes, PLANES, counts[0]);
            kernels->count_left(bins, n, border, planes, PLANES, counts[1]);
            assert_memory_equal(counts[1], counts[0], sizeof counts[0]);
            if (n > MER_FOREST_SORT_MAX)
                continue;
            plain->sort(bins, n, keys[0]);
            kernels->sort(bins, n, keys[1]);
            assert_memory_equal(keys[1], keys[0], n * sizeof keys[0][0]);
        }
    }
}

static void the_plain_kernels_count_and_sort(void **state)
{
    static const uint8_t five[5 + MER_FOREST_PAD] = {7, 200, 3, 7, 9};
    static const uint64_t planes[] = {0x13, 0x0c};
    static const uint32_t order[] = {2, 0, 3, 4, 1};
    const struct mer_forest_kernels *const plain = mer_forest_kernels(MER_CPU_PLAIN);
    uint32_t least, largest, counts[2], keys[5];
    (void)state;
    plain->range(five, 5, &least, &largest);
    assert_int_equal(least, 3);
    assert_int_equal(largest, 200);
    plain->count_left(five, 5, 7, planes, 2, counts);
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 2);
    plain->sort(five, 5, keys);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(keys[i], (uint32_t)five[order[i]] << 16 | order[i]);
}

/* ---- borders, by their definition ---- */

static struct mer_forest_entry rows[ROWS_MAX];

static double score_of(size_t n, uint32_t border, size_t *ret_left)
{
    double sides[2][N_CLASSES] = {{0}};
    double score = 0;
    *ret_left = 0;
    for (size_t i = 0; i < n; i++) {
        sides[bins[i] > border][rows[i].class] += rows[i].count;
        *ret_left += bins[i] <= border;
    }
    for (size_t side = 0; side < 2; side++) {
        double squares = 0;
        double draws = 0;
        for (size_t k = 0; k < N_CLASSES; k++) {
            squares += sides[side][k] * sides[side][k];
            draws += sides[side][k];
        }
        score += squares / draws;
    }
    return score;
}

static void draw_rows(size_t n, uint32_t draws_max)
{
    const uint32_t n_classes = 1 + (uint32_t)mer_rng_below(&rng, N_CLASSES);
    draw_bins(n);
    for (size_t i = 0; i < n; i++)
        rows[i] =
            (struct mer_forest_entry){.row = (uint32_t)i,
                                      .class = (uint16_t)mer_rng_below(&rng, n_classes),
                                      .count = (uint16_t)(1 + mer_rng_below(&rng, draws_max))};
}

static void scanning_finds_the_best_border(void **state)
{
    struct mer_alloc alloc;
    struct mer_forest_counts counts;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc, .cpu = mer_cpu_detect()};
    assert_int_equal(mer_forest_counts_init(&ctx, ROWS_MAX, N_CLASSES, false, &counts, NULL).code,
                     MER_OK);
    for (size_t n = 2; n <= ROWS_MAX; n++) {
        const size_t min_rows = 1 + mer_rng_below(&rng, 3);
        uint32_t least, largest;
        double best = -1;
        size_t n_left;
        draw_rows(n, 4);
        counts.kernels->range(bins, n, &least, &largest);
        memset(counts.total, 0, N_CLASSES * sizeof *counts.total);
        for (size_t i = 0; i < n; i++)
            counts.total[rows[i].class] += rows[i].count;
        for (uint32_t border = least; border < largest; border++) {
            const double score = score_of(n, border, &n_left);
            if (n_left >= min_rows && n - n_left >= min_rows && score > best)
                best = score;
        }
        const struct mer_forest_border found =
            mer_forest_scan(&counts, rows, bins, n, least, largest, min_rows);
        assert_int_equal(found.found, best >= 0);
        if (!found.found)
            continue;
        assert_true(found.score == best);
        assert_true(score_of(n, found.bin, &n_left) == best);
        assert_true(score_of(n, found.next_bin - 1, &n_left) == best);
    }
    mer_forest_counts_release(&ctx, &counts);
    assert_int_equal(alloc.used, 0);
}

static void planes_give_the_score_of_a_border(void **state)
{
    static const size_t class_counts[] = {2, N_CLASSES};
    struct mer_alloc alloc;
    struct mer_forest_counts counts;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc, .cpu = mer_cpu_detect()};
    for (size_t c = 0; c < 2; c++) {
        assert_int_equal(
            mer_forest_counts_init(&ctx, ROWS_MAX, class_counts[c], true, &counts, NULL).code,
            MER_OK);
        for (size_t n = 2; n <= ROWS_MAX; n++) {
            uint32_t least, largest;
            size_t n_left, left_rows;
            draw_rows(n, 1);
            for (size_t i = 0; i < n; i++)
                rows[i].class = (uint16_t)(rows[i].class % class_counts[c]);
            counts.kernels->range(bins, n, &least, &largest);
            if (least == largest)
                continue;
            const uint32_t border = least + (uint32_t)mer_rng_below(&rng, largest - least);
            mer_forest_counts_load(&counts, rows, n);
            const double score = mer_forest_counts_score(&counts, bins, n, border, &left_rows);
            assert_true(score == score_of(n, border, &n_left));
            assert_int_equal(left_rows, n_left);
        }
        mer_forest_counts_release(&ctx, &counts);
    }
    assert_int_equal(alloc.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kernel_does_what_the_plain_one_does),
        cmocka_unit_test(the_plain_kernels_count_and_sort),
        cmocka_unit_test(scanning_finds_the_best_border),
        cmocka_unit_test(planes_give_the_score_of_a_border),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
