#include <stdio.h>

#include "tree_table.h"

struct stored_tree {
    uint64_t seed;
    size_t n_classes;
    size_t max_depth;
    bool weighted;
    int64_t n_leaves;
    double score;
};

#include "sklearn_trees.h"

enum { N_TRAIN = 2000, N_TEST = 1000 };

static struct table table;
static double outputs[TABLE_ROWS * TABLE_CLASSES];
static double other_outputs[TABLE_ROWS * TABLE_CLASSES];

static double lcg_uniform(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*state >> 11) * 0x1p-53;
}

/* The tables of make_sklearn_trees.py: N_TRAIN rows to fit and N_TEST more. */
static void make_stored_table(uint64_t seed, size_t n_classes, bool weighted)
{
    uint64_t state = seed;
    table_init(&table, N_TRAIN + N_TEST, TABLE_DENSE, 0, n_classes, weighted);
    for (size_t row = 0; row < N_TRAIN + N_TEST; row++) {
        double *x = table.dense + row * TABLE_DENSE;
        for (size_t j = 0; j < TABLE_DENSE; j++)
            x[j] = floor(lcg_uniform(&state) * 4096) / 4096;
        const double surface = 4 * x[0] * x[1] + 2 * (x[2] > 0.5) - x[3] + lcg_uniform(&state);
        if (n_classes)
            table.classes[row] = (int32_t)fmin((double)n_classes - 1, fmax(0, floor(surface)));
        table.values[row] = surface;
        table.weights[row] = 0.5 + floor(lcg_uniform(&state) * 16) / 16;
    }
}

/* The same table, cut to its rows [begin, end). */
static struct mer_design rows_of(const struct mer_design *design, size_t begin, size_t end)
{
    struct mer_design part = *design;
    part.dense += begin * design->n_dense;
    part.codes += begin * design->n_groups;
    part.n_rows = end - begin;
    return part;
}

/* The mean squared error, or distance of the probabilities from the truth, over the last rows. */
static double score_of_test(const struct fitted *fitted)
{
    const struct mer_design test = rows_of(&table.design, N_TRAIN, N_TRAIN + N_TEST);
    const size_t n_classes = table.target.n_classes;
    double sum = 0;
    predict_tree(fitted, &test, outputs);
    for (size_t row = 0; row < N_TEST; row++) {
        const double *p = outputs + row * (n_classes ? n_classes : 1);
        if (!n_classes)
            sum += (p[0] - table.values[N_TRAIN + row]) * (p[0] - table.values[N_TRAIN + row]);
        for (size_t k = 0; k < n_classes; k++) {
            const double truth = k == (size_t)table.classes[N_TRAIN + row];
            sum += (p[k] - truth) * (p[k] - truth);
        }
    }
    return sum / N_TEST;
}

static void trees_score_as_scikit_learns_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof SKLEARN_TREES / sizeof SKLEARN_TREES[0]; i++) {
        const struct stored_tree *stored = &SKLEARN_TREES[i];
        char depth[8];
        struct fitted fitted;
        snprintf(depth, sizeof depth, "%zu", stored->max_depth);
        make_stored_table(stored->seed, stored->n_classes, stored->weighted);
        table.design.n_rows = N_TRAIN;
        fit_tree(&table,
                 SETTINGS({"max_depth", depth}, {"min_samples_leaf", "20"}, {"smoothing", "0"}), 1,
                 &fitted);
        const double score = score_of_test(&fitted);
        if (!(fabs(score - stored->score) <= 1e-12) ||
            fitted_integer(&fitted, "n_leaves") != stored->n_leaves)
            fail_msg("tree %zu: %lld leaves, score %.17g; stored %lld, %.17g", i,
                     (long long)fitted_integer(&fitted, "n_leaves"), score,
                     (long long)stored->n_leaves, stored->score);
        fitted_release(&fitted);
    }
}

/* Fits the mixed table and gives the tree's training predictions. */
static void fit_mixed(size_t n_classes, const struct setting *settings, size_t n_threads,
                      struct fitted *ret, double *ret_outputs)
{
    make_mixed_table(&table, TABLE_ROWS, n_classes, 5);
    fit_tree(&table, settings, n_threads, ret);
    predict_tree(ret, &table.design, ret_outputs);
}

static void the_number_of_threads_changes_no_byte(void **state)
{
    (void)state;
    static const size_t class_counts[] = {0, 2, 5};
    for (size_t i = 0; i < 3; i++) {
        const size_t n_outputs = class_counts[i] ? class_counts[i] : 1;
        struct fitted one, many;
        fit_mixed(class_counts[i], SETTINGS({"max_depth", "20"}), 1, &one, outputs);
        for (size_t n_threads = 2; n_threads <= 5; n_threads += 3) {
            fit_mixed(class_counts[i], SETTINGS({"max_depth", "20"}), n_threads, &many,
                      other_outputs);
            assert_true(fitted_integer(&many, "n_leaves") > 20);
            assert_same_bundles(&one.saved.bundle, &many.saved.bundle);
            assert_memory_equal(outputs, other_outputs, TABLE_ROWS * n_outputs * sizeof(double));
            fitted_release(&many);
        }
        fitted_release(&one);
    }
}

static void a_loaded_tree_predicts_the_same_and_saves_the_same(void **state)
{
    (void)state;
    static const size_t class_counts[] = {0, 2, 5};
    for (size_t i = 0; i < 3; i++) {
        const size_t n_outputs = class_counts[i] ? class_counts[i] : 1;
        struct fitted fitted;
        struct mer_model *loaded;
        struct saved_model again;
        fit_mixed(class_counts[i], NULL, 1, &fitted, outputs);
        assert_int_equal(saved_model_load(&fitted.ctx, tree_family(), &fitted.saved,
                                          table.target.task, class_counts[i], &table.design,
                                          &loaded, NULL)
                             .code,
                         MER_OK);
        assert_int_equal(
            tree_family()->predict(&fitted.ctx, loaded, &table.design, other_outputs, NULL).code,
            MER_OK);
        assert_memory_equal(outputs, other_outputs, TABLE_ROWS * n_outputs * sizeof(double));
        assert_int_equal(saved_model_fill(&fitted.ctx, tree_family(), loaded, &again, NULL).code,
                         MER_OK);
        assert_same_bundles(&fitted.saved.bundle, &again.bundle);
        saved_model_release(&again);
        tree_family()->free(&fitted.ctx, loaded);
        fitted_release(&fitted);
    }
}

static void probabilities_are_above_zero_and_sum_to_one(void **state)
{
    (void)state;
    struct fitted fitted;
    fit_mixed(5, SETTINGS({"max_depth", "64"}, {"min_samples_leaf", "1"}), 1, &fitted, outputs);
    for (size_t row = 0; row < TABLE_ROWS; row++) {
        double sum = 0;
        for (size_t k = 0; k < 5; k++) {
            assert_true(outputs[5 * row + k] > 0);
            sum += outputs[5 * row + k];
        }
        assert_true(fabs(sum - 1) < 1e-12);
    }
    fitted_release(&fitted);
}

/* One split of eight rows, by hand: the leaves have 4 rows of class 0, and 1 of 0 and 3 of 1. */
static void smoothing_draws_a_leaf_towards_its_parent(void **state)
{
    (void)state;
    struct fitted fitted;
    table_init(&table, 8, 1, 0, 2, false);
    for (size_t row = 0; row < 8; row++) {
        table.dense[row] = row < 4 ? 1 : 2;
        table.classes[row] = row >= 5;
    }
    fit_tree(&table, SETTINGS({"min_samples_leaf", "1"}, {"smoothing", "2"}), 1, &fitted);
    predict_tree(&fitted, &table.design, outputs);
    const double root = (3 + 2 * 0.5) / (8 + 2);
    assert_true(fabs(outputs[1] - (0 + 2 * root) / (4 + 2)) < 1e-15);
    assert_true(fabs(outputs[15] - (3 + 2 * root) / (4 + 2)) < 1e-15);
    fitted_release(&fitted);
}

static void rows_without_weight_are_as_if_absent(void **state)
{
    (void)state;
    struct fitted all, rest;
    fit_mixed(5, NULL, 1, &all, outputs);
    size_t n = 0;
    for (size_t row = 0; row < TABLE_ROWS; row++) {
        if (table.weights[row] == 0)
            continue;
        memmove(table.dense + 3 * n, table.dense + 3 * row, 3 * sizeof(double));
        memmove(table.codes + 2 * n, table.codes + 2 * row, 2 * sizeof(int32_t));
        table.classes[n] = table.classes[row];
        table.weights[n++] = table.weights[row];
    }
    assert_true(n < TABLE_ROWS);
    table.design.n_rows = n;
    fit_tree(&table, NULL, 1, &rest);
    assert_same_bundles(&all.saved.bundle, &rest.saved.bundle);
    fitted_release(&all);
    fitted_release(&rest);
}

static void a_weight_of_two_is_a_row_twice(void **state)
{
    (void)state;
    const struct setting *settings =
        SETTINGS({"min_samples_leaf", "1"}, {"max_depth", "4"}, {"smoothing", "0"});
    struct fitted weighted, repeated;
    make_mixed_table(&table, 600, 0, 6);
    for (size_t row = 0; row < 600; row++)
        table.weights[row] = (double)(row % 3);
    fit_tree(&table, settings, 1, &weighted);
    predict_tree(&weighted, &table.design, outputs);
    make_mixed_table(&table, 1200, 0, 6);
    static struct table source;
    source = table;
    table.target.weights = NULL;
    size_t n = 0;
    for (size_t row = 0; row < 600; row++) {
        for (size_t copy = 0; copy < row % 3; copy++, n++) {
            memcpy(table.dense + 3 * n, source.dense + 3 * row, 3 * sizeof(double));
            memcpy(table.codes + 2 * n, source.codes + 2 * row, 2 * sizeof(int32_t));
            table.values[n] = source.values[row];
        }
    }
    table.design.n_rows = n;
    fit_tree(&table, settings, 1, &repeated);
    source.design.n_rows = 600;
    source.design.dense = source.dense;
    source.design.codes = source.codes;
    predict_tree(&repeated, &source.design, other_outputs);
    for (size_t row = 0; row < 600; row++)
        assert_true(fabs(outputs[row] - other_outputs[row]) < 1e-12);
    fitted_release(&weighted);
    fitted_release(&repeated);
}

static void limits_on_depth_leaves_and_rows_are_kept(void **state)
{
    (void)state;
    struct fitted fitted;
    fit_mixed(5, SETTINGS({"max_depth", "3"}), 1, &fitted, outputs);
    assert_int_equal(fitted_integer(&fitted, "depth"), 3);
    fitted_release(&fitted);
    for (int leaves = 2; leaves < 40; leaves += 7) {
        char text[8];
        snprintf(text, sizeof text, "%d", leaves);
        fit_mixed(5, SETTINGS({"max_leaves", text}), 1, &fitted, outputs);
        assert_int_equal(fitted_integer(&fitted, "n_leaves"), leaves);
        fitted_release(&fitted);
    }
    fit_mixed(0, SETTINGS({"min_samples_leaf", "400"}), 1, &fitted, outputs);
    assert_in_range(fitted_integer(&fitted, "n_leaves"), 3, TABLE_ROWS / 400);
    fitted_release(&fitted);
    fit_mixed(0, SETTINGS({"min_samples_split", "2701"}), 1, &fitted, outputs);
    assert_int_equal(fitted_integer(&fitted, "n_leaves"), 1);
    fitted_release(&fitted);
    fit_mixed(0, SETTINGS({"min_samples_split", "2700"}), 1, &fitted, outputs);
    assert_int_equal(fitted_integer(&fitted, "n_leaves"), 2);
    fitted_release(&fitted);
}

static double training_error(void)
{
    double sum = 0;
    for (size_t row = 0; row < table.design.n_rows; row++) {
        const double error = outputs[row] - table.values[row];
        sum += table.weights[row] * error * error;
    }
    return sum;
}

/* Every further leaf lowers the training error: those that gain most come first. */
static void more_leaves_fit_better(void **state)
{
    (void)state;
    double before = INFINITY;
    for (int leaves = 2; leaves <= 64; leaves *= 2) {
        char text[8];
        struct fitted fitted;
        snprintf(text, sizeof text, "%d", leaves);
        fit_mixed(0, SETTINGS({"max_leaves", text}, {"smoothing", "0"}), 1, &fitted, outputs);
        assert_true(training_error() < before);
        before = training_error();
        fitted_release(&fitted);
    }
}

static void pruning_takes_leaves_away_until_none_pays(void **state)
{
    (void)state;
    static const char *const alphas[] = {"0", "1e-5", "1e-4", "1e-3", "1e-2", "1e-1", "1"};
    int64_t before = INT64_MAX;
    for (size_t i = 0; i < sizeof alphas / sizeof alphas[0]; i++) {
        struct fitted fitted;
        fit_mixed(0, SETTINGS({"ccp_alpha", alphas[i]}, {"min_samples_leaf", "1"}), 1, &fitted,
                  outputs);
        assert_true(fitted_integer(&fitted, "n_leaves") < before);
        before = fitted_integer(&fitted, "n_leaves");
        fitted_release(&fitted);
    }
    assert_int_equal(before, 1);
}

/* No first split of XOR gains anything; the second ones gain all. */
static void exclusive_or_is_learnt(void **state)
{
    (void)state;
    struct fitted fitted;
    table_init(&table, 400, 2, 0, 2, false);
    for (size_t row = 0; row < 400; row++) {
        table.dense[2 * row] = (double)(row % 2);
        table.dense[2 * row + 1] = (double)(row / 2 % 2);
        table.classes[row] = row % 2 != row / 2 % 2;
    }
    fit_tree(&table, SETTINGS({"smoothing", "0"}), 1, &fitted);
    predict_tree(&fitted, &table.design, outputs);
    for (size_t row = 0; row < 400; row++)
        assert_true(outputs[2 * row + (size_t)table.classes[row]] == 1);
    fitted_release(&fitted);
}

static void noise_gives_one_leaf_when_nothing_can_split(void **state)
{
    (void)state;
    struct fitted fitted;
    table_init(&table, 10, 1, 1, 0, false);
    table.group_start[1] = 2;
    for (size_t row = 0; row < 10; row++)
        table.values[row] = (double)row;
    fit_tree(&table, NULL, 1, &fitted); /* constant features */
    assert_int_equal(fitted_integer(&fitted, "n_leaves"), 1);
    fitted_release(&fitted);
    table.design.n_dense = table.design.n_groups = 0;
    fit_tree(&table, NULL, 1, &fitted); /* no features */
    predict_tree(&fitted, &table.design, outputs);
    assert_true(outputs[0] == 4.5 && outputs[9] == 4.5);
    fitted_release(&fitted);
}

/* Level 2 never occurs; levels 0 and -1 lie low, level 1, the heavier side, high. */
static void an_absent_level_goes_with_the_heavier_side(void **state)
{
    (void)state;
    struct fitted fitted;
    table_init(&table, 12, 0, 1, 0, false);
    table.group_start[1] = 3;
    for (size_t row = 0; row < 12; row++) {
        table.codes[row] = row < 2 ? 0 : row < 4 ? -1 : 1;
        table.values[row] = row < 4 ? 1 : 5;
    }
    fit_tree(&table, SETTINGS({"min_samples_leaf", "1"}, {"smoothing", "0"}), 1, &fitted);
    const int32_t codes[] = {0, -1, 1, 2};
    const struct mer_design asked = {
        .n_rows = 4, .n_groups = 1, .codes = codes, .group_start = table.group_start};
    predict_tree(&fitted, &asked, outputs);
    assert_true(outputs[0] == 1 && outputs[1] == 1 && outputs[2] == 5 && outputs[3] == 5);
    fitted_release(&fitted);
}

static void extreme_numbers_stay_finite(void **state)
{
    (void)state;
    static const double extremes[] = {-1.7e308, -1e300, -5e-324, 0, 5e-324, 1, 1e300, 1.7e308};
    struct fitted fitted;
    table_init(&table, 800, 2, 0, 0, false);
    for (size_t row = 0; row < 800; row++) {
        table.dense[2 * row] = extremes[row % 8];
        table.dense[2 * row + 1] = extremes[row / 8 % 8];
        table.values[row] = extremes[(row + 3) % 8];
    }
    fit_tree(&table, SETTINGS({"smoothing", "0"}), 1, &fitted);
    predict_tree(&fitted, &table.design, outputs);
    for (size_t row = 0; row < 800; row++)
        assert_true(fabs(outputs[row] - table.values[row]) <= 1e-12 * 1.7e308);
    fitted_release(&fitted);
}

static void no_row_with_weight_is_an_error(void **state)
{
    (void)state;
    make_mixed_table(&table, 20, 2, 1);
    memset(table.weights, 0, sizeof table.weights);
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    const struct mer_params params = tree_params(NULL);
    const struct mer_fit_data data = {.design = &table.design, .target = &table.target};
    struct mer_model *model = NULL;
    assert_int_equal(tree_family()->fit(&ctx, &params, &data, &model, NULL).code, MER_ERR_DATA);
    assert_int_equal(alloc.used, 0);
}

static void a_stop_is_obeyed_and_leaves_nothing_behind(void **state)
{
    (void)state;
    make_mixed_table(&table, 500, 2, 1);
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    struct mer_cancel cancel = {2};
    const struct mer_ctx ctx = {.alloc = &alloc, .cancel = &cancel};
    const struct mer_params params = tree_params(NULL);
    const struct mer_fit_data data = {.design = &table.design, .target = &table.target};
    struct mer_model *model = NULL;
    assert_int_equal(tree_family()->fit(&ctx, &params, &data, &model, NULL).code,
                     MER_ERR_CANCELLED);
    assert_null(model);
    assert_int_equal(alloc.used, 0);
}

/* Fits, saves, loads and predicts with the allocation number fail_at failing. */
static enum mer_code whole_life(uint64_t fail_at)
{
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    alloc.fail_at = fail_at;
    const struct mer_ctx ctx = {.alloc = &alloc};
    const struct mer_params params = tree_params(NULL);
    const struct mer_fit_data data = {.design = &table.design, .target = &table.target};
    struct mer_model *model = NULL;
    struct mer_model *loaded = NULL;
    struct saved_model saved = {0};
    mer_bundle_init(&saved.bundle, &alloc);
    mer_status status = tree_family()->fit(&ctx, &params, &data, &model, NULL);
    if (mer_is_ok(status))
        status = saved_model_fill(&ctx, tree_family(), model, &saved, NULL);
    if (mer_is_ok(status))
        status = saved_model_load(&ctx, tree_family(), &saved, table.target.task,
                                  table.target.n_classes, &table.design, &loaded, NULL);
    if (mer_is_ok(status))
        status = tree_family()->predict(&ctx, loaded, &table.design, outputs, NULL);
    assert_true(mer_is_ok(status) || status.code == MER_ERR_MEMORY);
    tree_family()->free(&ctx, model);
    tree_family()->free(&ctx, loaded);
    saved_model_release(&saved);
    assert_int_equal(alloc.used, 0);
    return status.code;
}

static void failed_allocations_leave_nothing_behind(void **state)
{
    (void)state;
    static const size_t class_counts[] = {0, 3};
    for (size_t i = 0; i < 2; i++) {
        make_mixed_table(&table, 700, class_counts[i], 7);
        uint64_t fail_at = 1;
        while (whole_life(fail_at) != MER_OK)
            fail_at++;
        assert_in_range(fail_at, 60, 1000);
    }
}

static void the_cost_grows_with_the_table(void **state)
{
    (void)state;
    const struct mer_params params = tree_params(NULL);
    make_mixed_table(&table, 1000, 2, 1);
    const uint64_t small = tree_family()->cost(&params, &table.design, &table.target);
    table.design.n_rows = 100000;
    const uint64_t large = tree_family()->cost(&params, &table.design, &table.target);
    assert_true(small > 0 && large > 100 * small && large < 300 * small);
    table.design.n_rows = 0;
    assert_true(tree_family()->cost(&params, &table.design, &table.target) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees_score_as_scikit_learns_do),
        cmocka_unit_test(the_number_of_threads_changes_no_byte),
        cmocka_unit_test(a_loaded_tree_predicts_the_same_and_saves_the_same),
        cmocka_unit_test(probabilities_are_above_zero_and_sum_to_one),
        cmocka_unit_test(smoothing_draws_a_leaf_towards_its_parent),
        cmocka_unit_test(rows_without_weight_are_as_if_absent),
        cmocka_unit_test(a_weight_of_two_is_a_row_twice),
        cmocka_unit_test(limits_on_depth_leaves_and_rows_are_kept),
        cmocka_unit_test(more_leaves_fit_better),
        cmocka_unit_test(pruning_takes_leaves_away_until_none_pays),
        cmocka_unit_test(exclusive_or_is_learnt),
        cmocka_unit_test(noise_gives_one_leaf_when_nothing_can_split),
        cmocka_unit_test(an_absent_level_goes_with_the_heavier_side),
        cmocka_unit_test(extreme_numbers_stay_finite),
        cmocka_unit_test(no_row_with_weight_is_an_error),
        cmocka_unit_test(a_stop_is_obeyed_and_leaves_nothing_behind),
        cmocka_unit_test(failed_allocations_leave_nothing_behind),
        cmocka_unit_test(the_cost_grows_with_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
