/* The fast scores have the bits of the plain reference: for every kind of tree, of rows, of
 * instruction set, and any number of threads. */
#include "ensemble_random.h"

#include "core/team.h"
#include "every_failure.h"
#include "learn/ensemble_compact.h"

enum { MAX_ROWS = 2500, MAX_DENSE = 40, MAX_OUTPUTS = 8 };

static struct mer_alloc alloc;
static double numbers[MAX_ROWS * MAX_DENSE];
static float floats[MAX_ROWS * MAX_DENSE];
static int32_t codes[MAX_ROWS * RANDOM_MAX_GROUPS];
static double expected[MAX_ROWS * MAX_OUTPUTS];
static double scores[MAX_ROWS * MAX_OUTPUTS];

/* By bytes, all kinds of sizes of tables and trees ... */
static const struct random_shape SHAPES[] = {
    {1, 5, 0, {0}, 1, 1, false, 30, 8, 20, 0.2},
    {2, 5, 0, {0}, 1, 1, false, 30, 16, 31, 0.2},
    {3, 28, 0, {0}, 1, 1, false, 30, 63, 255, 0.3},
    {4, 7, 0, {0}, 1, 1, false, 20, 64, 32, 0.9},
    {5, 7, 0, {0}, 3, 1, false, 20, 65, 100, 0.5},
    {6, 3, 0, {0}, 4, 4, true, 20, 256, 255, 0.5},
    {7, 6, 2, {7, 200}, 1, 1, false, 25, 40, 255, 0.3},
    {8, 2, 4, {255, 256, 1000, 1}, 2, 1, false, 3, 9, 60, 0.3},
    {9, 0, 2, {12, 3}, 1, 1, false, 30, 31, 1, 0.3},
    {10, 4, 0, {0}, 1, 1, false, 10, 256, 255, 1}, /* chains */
    {11, 4, 1, {100}, 2, 2, false, 10, 255, 255, 0},
    /* ... and walked: too many leaves, thresholds, or classes of levels; some of each. */
    {12, 6, 0, {0}, 1, 1, true, 6, 257, 255, 0.3},
    {13, 6, 2, {5, 70}, 2, 2, true, 6, 3000, 900, 0.2},
    {14, 3, 0, {0}, 1, 1, false, 40, 60, 3000, 0.2},
    {15, 3, 2, {5, 5000}, 3, 1, false, 20, 60, 200, 0.2},
    {16, 0, 1, {5000}, 1, 1, false, 8, 400, 1, 0.2},
    {17, 4, 0, {0}, 1, 1, false, 0, 8, 8, 0},
    {18, 4, 1, {9}, 2, 1, false, 40, 1, 8, 0}, /* trees of one leaf */
};
enum { N_SHAPES = sizeof SHAPES / sizeof SHAPES[0] };

static void make_rows(const struct random_shape *shape)
{
    mer_rng rng;
    mer_rng_init(&rng, shape->seed, 1);
    for (size_t i = 0; i < MAX_ROWS * shape->n_dense; i++) {
        numbers[i] = random_number(&rng, shape->n_thresholds);
        floats[i] = (float)numbers[i];
    }
    for (size_t i = 0; i < MAX_ROWS * shape->n_groups; i++) {
        const uint32_t width = shape->widths[i % shape->n_groups];
        codes[i] = (int32_t)mer_rng_below(&rng, width + 2) - 1; /* also one that no fit had */
    }
}

static struct mer_ensemble_rows rows_of(const struct random_shape *shape, size_t n_rows,
                                        bool is_float32)
{
    return (struct mer_ensemble_rows){
        .n_rows = n_rows,
        .dense = is_float32 ? (const void *)floats : numbers,
        .is_float32 = is_float32,
        .row_stride = shape->n_dense,
        .column_stride = 1,
        .codes = codes,
        .code_row_stride = shape->n_groups,
        .code_column_stride = 1,
    };
}

/* The same numbers, column by column. */
static struct mer_ensemble_rows columns_of(const struct random_shape *shape, size_t n_rows,
                                           bool is_float32)
{
    struct mer_ensemble_rows rows = rows_of(shape, n_rows, is_float32);
    rows.row_stride = rows.code_row_stride = 1;
    rows.column_stride = rows.code_column_stride = MAX_ROWS;
    return rows;
}

static void assert_scores(const struct random_shape *shape,
                          const struct mer_ensemble_compact *compact,
                          const struct mer_ensemble_rows *rows, enum mer_cpu_level level,
                          struct mer_team *team)
{
    const struct mer_ctx ctx = {.alloc = &alloc, .cpu = level, .team = team};
    memset(scores, 0x55, sizeof scores);
    assert_int_equal(mer_ensemble_scores(&ctx, compact, rows, scores, NULL).code, MER_OK);
    for (size_t i = 0; i < rows->n_rows * shape->n_outputs; i++)
        if (memcmp(&scores[i], &expected[i], sizeof(double)) != 0)
            fail_msg("shape %u, %s, %s, %zu rows: row %zu has %.17g and not %.17g",
                     (unsigned)shape->seed, mer_cpu_level_name(level),
                     rows->is_float32 ? "float" : "double", rows->n_rows, i / shape->n_outputs,
                     scores[i], expected[i]);
}

static void compare(const struct random_shape *shape, const struct mer_ensemble_rows *rows,
                    struct mer_team *team)
{
    struct mer_ensemble ensemble;
    struct mer_ensemble_compact *compact = NULL;
    random_ensemble(&alloc, shape, &ensemble);
    assert_int_equal(mer_ensemble_compact_new(&alloc, &ensemble, &compact, NULL).code, MER_OK);
    mer_ensemble_predict_plain(&ensemble, rows, expected);
    for (int level = MER_CPU_PLAIN; level <= (int)mer_cpu_detect(); level++)
        assert_scores(shape, compact, rows, (enum mer_cpu_level)level, team);
    mer_ensemble_compact_free(&alloc, compact);
    mer_ensemble_release(&alloc, &ensemble);
}

static void kernels_have_the_bits_of_the_plain_reference(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 13, 255, 256, 257, 700};
    for (size_t i = 0; i < N_SHAPES; i++) {
        make_rows(&SHAPES[i]);
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
            for (int is_float32 = 0; is_float32 < 2; is_float32++) {
                const struct mer_ensemble_rows rows = rows_of(&SHAPES[i], counts[c], is_float32);
                compare(&SHAPES[i], &rows, NULL);
            }
    }
}

static void rows_may_lie_column_by_column(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SHAPES; i++) {
        make_rows(&SHAPES[i]);
        const struct mer_ensemble_rows rows = columns_of(&SHAPES[i], 300, i % 2 == 0);
        compare(&SHAPES[i], &rows, NULL);
    }
}

static void the_number_of_threads_changes_no_bit(void **state)
{
    (void)state;
    static const size_t thread_counts[] = {2, 3, 8};
    for (size_t i = 0; i < 3; i++) {
        struct mer_team *team = NULL;
        assert_int_equal(mer_team_new(&alloc, thread_counts[i], &team, NULL).code, MER_OK);
        for (size_t s = 2; s < N_SHAPES; s += 5) {
            make_rows(&SHAPES[s]);
            const struct mer_ensemble_rows rows = rows_of(&SHAPES[s], MAX_ROWS, true);
            compare(&SHAPES[s], &rows, team);
        }
        mer_team_free(team);
    }
}

static void one_row_has_the_same_bits_without_an_allocation(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SHAPES; i++) {
        const struct random_shape *shape = &SHAPES[i];
        struct mer_ensemble ensemble;
        struct mer_ensemble_compact *compact = NULL;
        void *scratch = NULL;
        make_rows(shape);
        random_ensemble(&alloc, shape, &ensemble);
        assert_int_equal(mer_ensemble_compact_new(&alloc, &ensemble, &compact, NULL).code, MER_OK);
        assert_int_equal(
            mer_alloc_bytes(&alloc, mer_ensemble_row_scratch(compact), &scratch, NULL).code,
            MER_OK);
        for (int is_float32 = 0; is_float32 < 2; is_float32++) {
            const struct mer_ensemble_rows rows = rows_of(shape, 200, is_float32);
            mer_ensemble_predict_plain(&ensemble, &rows, expected);
            const uint64_t n_requests = alloc.requests;
            for (size_t row = 0; row < 200; row++)
                mer_ensemble_score_row(compact, &rows, row, scratch,
                                       scores + row * shape->n_outputs);
            assert_int_equal(alloc.requests, n_requests);
            assert_memory_equal(scores, expected, 200 * shape->n_outputs * sizeof(double));
        }
        mer_free(&alloc, scratch);
        mer_ensemble_compact_free(&alloc, compact);
        mer_ensemble_release(&alloc, &ensemble);
    }
}

/* So that the comparisons above are of what they are meant for. */
static void small_trees_go_by_bytes_and_large_ones_are_walked(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SHAPES; i++) {
        struct mer_ensemble ensemble;
        struct mer_ensemble_compact *compact = NULL;
        random_ensemble(&alloc, &SHAPES[i], &ensemble);
        assert_int_equal(mer_ensemble_compact_new(&alloc, &ensemble, &compact, NULL).code, MER_OK);
        if (i < 11 || SHAPES[i].n_leaves == 1)
            assert_int_equal(compact->n_bytes_trees, ensemble.n_trees);
        else
            assert_true(compact->n_bytes_trees < ensemble.n_trees || ensemble.n_trees == 0);
        mer_ensemble_compact_free(&alloc, compact);
        mer_ensemble_release(&alloc, &ensemble);
    }
}

static struct mer_ensemble failing_ensemble;

static mer_status lay_out_and_score(struct mer_alloc *failing, mer_err *err)
{
    const struct mer_ensemble_rows rows = rows_of(&SHAPES[7], 100, false);
    const struct mer_ctx ctx = {.alloc = failing, .cpu = mer_cpu_detect()};
    struct mer_ensemble_compact *compact = NULL;
    mer_status status = mer_ensemble_compact_new(failing, &failing_ensemble, &compact, err);
    if (mer_is_ok(status))
        status = mer_ensemble_scores(&ctx, compact, &rows, scores, err);
    mer_ensemble_compact_free(failing, compact);
    return status;
}

static void nothing_leaks_when_memory_runs_out(void **state)
{
    (void)state;
    make_rows(&SHAPES[7]);
    random_ensemble(&alloc, &SHAPES[7], &failing_ensemble);
    mer_test_every_failure(lay_out_and_score);
    mer_ensemble_release(&alloc, &failing_ensemble);
}

static void a_cancelled_prediction_says_so(void **state)
{
    (void)state;
    struct mer_cancel cancel = {2};
    struct mer_ensemble ensemble;
    struct mer_ensemble_compact *compact = NULL;
    const struct mer_ctx ctx = {.alloc = &alloc, .cancel = &cancel};
    const struct mer_ensemble_rows rows = rows_of(&SHAPES[0], 100, false);
    make_rows(&SHAPES[0]);
    random_ensemble(&alloc, &SHAPES[0], &ensemble);
    assert_int_equal(mer_ensemble_compact_new(&alloc, &ensemble, &compact, NULL).code, MER_OK);
    assert_int_equal(mer_ensemble_scores(&ctx, compact, &rows, scores, NULL).code,
                     MER_ERR_CANCELLED);
    mer_ensemble_compact_free(&alloc, compact);
    mer_ensemble_release(&alloc, &ensemble);
}

static int setup(void **state)
{
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    return 0;
}

static int nothing_is_left(void **state)
{
    (void)state;
    return alloc.used == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_have_the_bits_of_the_plain_reference),
        cmocka_unit_test(rows_may_lie_column_by_column),
        cmocka_unit_test(the_number_of_threads_changes_no_bit),
        cmocka_unit_test(one_row_has_the_same_bits_without_an_allocation),
        cmocka_unit_test(small_trees_go_by_bytes_and_large_ones_are_walked),
        cmocka_unit_test(nothing_leaks_when_memory_runs_out),
        cmocka_unit_test(a_cancelled_prediction_says_so),
    };
    return cmocka_run_group_tests(tests, setup, nothing_is_left);
}
