/* Isolation forests: rows that stand apart score high. */
#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/rng.h"
#include "core/team.h"
#include "every_failure.h"
#include "learn/isolation.h"

enum { N_ROWS = 1000, N_DENSE = 3, N_ODD = 10, N_LEVELS = 6 };

static double dense[N_ROWS * N_DENSE];
static int32_t codes[N_ROWS];
static double scores[N_ROWS];
static double other_scores[N_ROWS];
static const uint32_t GROUP_START[] = {0, N_LEVELS};

/* A cloud of normal numbers around zero; the last rows lie on a sphere around it, or, with groups,
 * have a level of their own. */
static struct mer_design make_rows(size_t n_groups)
{
    mer_rng rng;
    mer_rng_init(&rng, 4, 0);
    for (size_t row = 0; row < N_ROWS; row++) {
        const bool is_odd = row >= N_ROWS - N_ODD;
        double norm = 0;
        for (size_t j = 0; j < N_DENSE; j++) {
            dense[row * N_DENSE + j] = mer_rng_normal(&rng);
            norm += dense[row * N_DENSE + j] * dense[row * N_DENSE + j];
        }
        for (size_t j = 0; j < N_DENSE && is_odd && n_groups == 0; j++)
            dense[row * N_DENSE + j] *= 9 / sqrt(norm);
        codes[row] = is_odd ? 5 : (int32_t)mer_rng_below(&rng, 2);
    }
    return (struct mer_design){.n_rows = N_ROWS,
                               .n_dense = n_groups ? 0 : N_DENSE,
                               .dense = dense,
                               .n_groups = n_groups,
                               .codes = codes,
                               .group_start = GROUP_START};
}

static const struct mer_isolation_options OPTIONS = {.n_trees = 100, .sample_rows = 256, .seed = 7};

static void score_with(const struct mer_ctx *ctx, const struct mer_design *design, double *ret)
{
    struct mer_isolation isolation;
    const struct mer_ensemble_rows rows = mer_ensemble_rows_of(design);
    assert_int_equal(mer_isolation_fit(ctx, design, &OPTIONS, &isolation, NULL).code, MER_OK);
    assert_int_equal(mer_isolation_scores(ctx, &isolation, &rows, ret, NULL).code, MER_OK);
    mer_isolation_release(ctx, &isolation);
}

static void rows_far_from_the_others_score_highest(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc, .cpu = mer_cpu_detect()};
    for (size_t n_groups = 0; n_groups < 2; n_groups++) {
        const struct mer_design design = make_rows(n_groups);
        double highest = 0;
        double mean = 0;
        score_with(&ctx, &design, scores);
        for (size_t row = 0; row < N_ROWS - N_ODD; row++) {
            highest = fmax(highest, scores[row]);
            mean += scores[row] / (N_ROWS - N_ODD);
        }
        for (size_t row = 0; row < N_ROWS; row++)
            assert_true(scores[row] > 0 && scores[row] < 1);
        for (size_t row = N_ROWS - N_ODD; row < N_ROWS; row++)
            assert_true(scores[row] > highest);
        if (n_groups == 0)
            assert_true(mean < 0.5);
    }
    assert_int_equal(alloc.used, 0);
}

static void threads_and_instruction_sets_change_no_bit(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_team *team = NULL;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_design design = make_rows(0);
    const struct mer_ctx plain = {.alloc = &alloc};
    assert_int_equal(mer_team_new(&alloc, 3, &team, NULL).code, MER_OK);
    const struct mer_ctx best = {.alloc = &alloc, .team = team, .cpu = mer_cpu_detect()};
    score_with(&plain, &design, scores);
    score_with(&best, &design, other_scores);
    assert_memory_equal(scores, other_scores, sizeof scores);
    mer_team_free(team);
    assert_int_equal(alloc.used, 0);
}

static void paths_are_measured_as_in_the_paper(void **state)
{
    (void)state;
    assert_true(mer_isolation_path(1) == 0);
    assert_true(mer_isolation_path(2) == 1);
    assert_true(fabs(mer_isolation_path(256) - 10.24869) < 1e-5);
}

static void two_equal_rows_and_missing_numbers_are_no_harm(void **state)
{
    (void)state;
    static const double cells[] = {1, NAN, 1, NAN, 1, NAN};
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    const struct mer_design design = {
        .n_rows = 3, .n_dense = 2, .dense = cells, .group_start = GROUP_START};
    score_with(&ctx, &design, scores);
    assert_true(scores[0] == scores[1] && scores[1] == scores[2]);
    assert_int_equal(alloc.used, 0);
}

static void one_row_or_no_tree_is_refused(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_isolation isolation;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_design design = make_rows(0);
    struct mer_isolation_options options = {.n_trees = 0, .sample_rows = 10};
    assert_int_equal(mer_isolation_fit(&ctx, &design, &options, &isolation, NULL).code,
                     MER_ERR_DATA);
    design.n_rows = 1;
    assert_int_equal(mer_isolation_fit(&ctx, &design, &OPTIONS, &isolation, NULL).code,
                     MER_ERR_DATA);
}

static mer_status fit_and_score(struct mer_alloc *alloc, mer_err *err)
{
    const struct mer_ctx ctx = {.alloc = alloc};
    const struct mer_design design = make_rows(0);
    const struct mer_ensemble_rows rows = mer_ensemble_rows_of(&design);
    const struct mer_isolation_options options = {.n_trees = 2, .sample_rows = 20};
    struct mer_isolation isolation;
    MER_GUARD(mer_isolation_fit(&ctx, &design, &options, &isolation, err));
    const mer_status status = mer_isolation_scores(&ctx, &isolation, &rows, scores, err);
    mer_isolation_release(&ctx, &isolation);
    return status;
}

static void nothing_leaks_when_memory_runs_out(void **state)
{
    (void)state;
    mer_test_every_failure(fit_and_score);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_far_from_the_others_score_highest),
        cmocka_unit_test(threads_and_instruction_sets_change_no_bit),
        cmocka_unit_test(paths_are_measured_as_in_the_paper),
        cmocka_unit_test(two_equal_rows_and_missing_numbers_are_no_harm),
        cmocka_unit_test(one_row_or_no_tree_is_refused),
        cmocka_unit_test(nothing_leaks_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
