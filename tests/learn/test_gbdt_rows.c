/* Parting in order on every instruction set and by a team, and by lists against in order: the same
 * rows on each side, time and again. */
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/rng.h"
#include "learn/gbdt_rows.h"

enum { ROWS = 20000, LEVELS = 12 };

static uint8_t cells[ROWS];
static uint32_t listed[LEVELS][ROWS];
static size_t n_listed[LEVELS];
static uint32_t in_order[ROWS], by_lists[ROWS], spare[2][ROWS];
static _Atomic uint32_t places[ROWS];

static int compare(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* One level leaves a segment. Returns how many rows are left of the border, the same for both. */
static size_t take_out(size_t level, bool to_end, size_t begin, size_t end)
{
    uint8_t left[256];
    memset(left, to_end, sizeof left);
    left[level] = !to_end;
    const struct mer_parting parting = {.kernels = mer_gbdt_kernels(MER_CPU_PLAIN),
                                        .cells = cells,
                                        .left = left,
                                        .from = in_order,
                                        .rows = in_order,
                                        .begin = begin,
                                        .end = end,
                                        .spare = {spare[0], spare[1]}};
    const size_t n_left = mer_part_rows(&parting, NULL);
    const size_t n_moved =
        mer_move_rows(listed[level], n_listed[level], to_end, 0, begin, end, by_lists, places);
    assert_int_equal(to_end ? end - begin - n_moved : n_moved, n_left);
    return n_left;
}

static void assert_same_rows(size_t begin, size_t end)
{
    static uint32_t a[ROWS], b[ROWS];
    memcpy(a, in_order + begin, (end - begin) * sizeof *a);
    memcpy(b, by_lists + begin, (end - begin) * sizeof *b);
    qsort(a, end - begin, sizeof *a, compare);
    qsort(b, end - begin, sizeof *b, compare);
    assert_memory_equal(a, b, (end - begin) * sizeof *a);
}

static void levels_taken_out_one_by_one_leave_the_rows_that_parting_in_order_leaves(void **state)
{
    mer_rng rng;
    (void)state;
    mer_rng_init(&rng, 3, 0);
    for (uint32_t row = 0; row < ROWS; row++) {
        const size_t level = mer_rng_below(&rng, LEVELS);
        cells[row] = (uint8_t)level;
        listed[level][n_listed[level]++] = row;
    }
    for (int round = 0; round < 20; round++) {
        size_t begin = 0, end = 0;
        /* A sample of the rows; what the round before said of places is still there. */
        for (uint32_t row = 0; row < ROWS; row++)
            if (round == 0 || mer_rng_below(&rng, 3) > 0)
                in_order[end++] = row;
        memcpy(by_lists, in_order, end * sizeof *in_order);
        mer_place_rows(0, end, by_lists, places);
        for (size_t level = 0; level < LEVELS && begin < end; level++) {
            const bool to_end = mer_rng_below(&rng, 2);
            const size_t border = begin + take_out(level, to_end, begin, end);
            assert_same_rows(begin, border);
            assert_same_rows(border, end);
            if (to_end)
                end = border;
            else
                begin = border;
        }
        assert_int_equal(begin, end);
    }
}

static void rows_of_other_segments_stay_where_they_are(void **state)
{
    static uint32_t before[ROWS];
    uint32_t all[ROWS / 10];
    (void)state;
    for (uint32_t row = 0; row < ROWS; row++)
        by_lists[row] = ROWS - 1 - row;
    mer_place_rows(0, ROWS, by_lists, places);
    for (uint32_t i = 0; i < ROWS / 10; i++)
        all[i] = 10 * i;
    memcpy(before, by_lists, sizeof before);
    const size_t n = mer_move_rows(all, ROWS / 10, true, 0, 1000, 3000, by_lists, places);
    assert_int_equal(n, 200);
    assert_memory_equal(before, by_lists, 1000 * sizeof *before);
    assert_memory_equal(before + 3000, by_lists + 3000, (ROWS - 3000) * sizeof *before);
    for (size_t i = 1000; i < 3000; i++)
        assert_int_equal(by_lists[i] % 10 == 0, i >= 2800);
}

/* What a plain loop makes of a segment. */
static size_t part_plainly(const uint8_t *left, const uint32_t *from, size_t begin, size_t end,
                           uint32_t *ret)
{
    size_t n = begin;
    for (int side = 1; side >= 0; side--)
        for (size_t i = begin; i < end; i++)
            if (left[cells[from[i]]] == side)
                ret[n++] = from[i];
    size_t n_left = 0;
    for (size_t i = begin; i < end; i++)
        n_left += left[cells[from[i]]];
    return n_left;
}

static void both_sides_keep_their_order_on_every_instruction_set_and_in_every_team(void **state)
{
    static uint32_t before[ROWS], after[ROWS], expected[ROWS];
    struct mer_alloc alloc;
    mer_err err;
    mer_rng rng;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_rng_init(&rng, 4, 0);
    for (uint32_t row = 0; row < ROWS; row++) {
        before[row] = ROWS - 1 - row;
        cells[row] = (uint8_t)mer_rng_u32(&rng);
    }
    for (size_t n_threads = 1; n_threads <= 5; n_threads += 2) {
        struct mer_team *team = NULL;
        assert_int_equal(mer_team_new(&alloc, n_threads, &team, &err).code, MER_OK);
        for (int trial = 0; trial < 200; trial++) {
            const size_t begin = mer_rng_below(&rng, ROWS / 4);
            const size_t end =
                trial % 2 ? begin + mer_rng_below(&rng, 100) : ROWS - mer_rng_below(&rng, ROWS / 4);
            const bool in_place = trial % 3 == 0;
            uint8_t left[256];
            for (size_t b = 0; b < 256; b++)
                left[b] = trial % 7 ? mer_rng_below(&rng, 4) == 0 : trial % 2 == 1;
            memcpy(expected, before, sizeof expected);
            const size_t n_expected = part_plainly(left, before, begin, end, expected);
            for (size_t level = 0; level <= (size_t)mer_cpu_detect(); level++) {
                memcpy(after, before, sizeof after);
                const struct mer_parting parting = {.kernels =
                                                        mer_gbdt_kernels((enum mer_cpu_level)level),
                                                    .cells = cells,
                                                    .left = left,
                                                    .from = in_place ? after : before,
                                                    .rows = after,
                                                    .begin = begin,
                                                    .end = end,
                                                    .spare = {spare[0], spare[1]}};
                assert_int_equal(mer_part_rows(&parting, team), n_expected);
                assert_memory_equal(after, expected, sizeof after);
            }
        }
        mer_team_free(team);
    }
    assert_int_equal(alloc.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_keep_their_order_on_every_instruction_set_and_in_every_team),
        cmocka_unit_test(levels_taken_out_one_by_one_leave_the_rows_that_parting_in_order_leaves),
        cmocka_unit_test(rows_of_other_segments_stay_where_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
