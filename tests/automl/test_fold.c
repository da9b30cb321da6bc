/* How rows are dealt to folds. */
#include "automl_tables.h"

#include "automl/fold.h"

enum { N = 103 };

/* 60 rows of class 0, 38 of class 1, 4 of class 2 and one of class 3, in no order. */
static void make_classes(int32_t classes[N])
{
    uint32_t order[N];
    mer_rng rng;
    for (uint32_t i = 0; i < N; i++)
        order[i] = i;
    mer_rng_init(&rng, 5, 0);
    mer_rng_shuffle(&rng, order, N);
    for (int i = 0; i < N; i++)
        classes[order[i]] = i < 60 ? 0 : i < 98 ? 1 : i < 102 ? 2 : 3;
}

static void assign(const int32_t *classes, size_t n_folds, uint64_t seed, uint8_t folds[N])
{
    const double values[N] = {0};
    const struct mer_target target = {.task = classes ? MER_TASK_MULTICLASS : MER_TASK_REGRESSION,
                                      .classes = classes,
                                      .values = classes ? NULL : values,
                                      .n_classes = classes ? 4 : 0};
    assert_ok(mer_fold_assign(&ctx, &target, N, n_folds, seed, 0, folds, &err));
}

static void every_class_is_spread_evenly_and_stays_in_every_training_part(void **state)
{
    (void)state;
    int32_t classes[N];
    uint8_t folds[N];
    make_classes(classes);
    for (size_t n_folds = 2; n_folds <= 20; n_folds++) {
        size_t counts[20][4] = {{0}}, totals[4] = {0};
        assign(classes, n_folds, n_folds, folds);
        for (size_t i = 0; i < N; i++) {
            totals[classes[i]]++;
            if (folds[i] != MER_FOLD_NONE) {
                assert_in_range(folds[i], 0, n_folds - 1);
                counts[folds[i]][classes[i]]++;
            } else {
                assert_int_equal(classes[i], 3);
            }
        }
        for (size_t f = 0; f < n_folds; f++) {
            for (size_t k = 0; k < 4; k++) {
                assert_true(counts[f][k] <= totals[k] / n_folds + 1);
                assert_true(totals[k] < 2 || counts[f][k] + 1 >= totals[k] / n_folds);
                assert_true(counts[f][k] < totals[k]);
            }
        }
    }
}

static void a_holdout_is_a_fifth_of_every_class_but_never_all_of_it(void **state)
{
    (void)state;
    int32_t classes[N];
    uint8_t folds[N];
    size_t held_out[4] = {0};
    make_classes(classes);
    assign(classes, 1, 1, folds);
    for (size_t i = 0; i < N; i++)
        held_out[classes[i]] += folds[i] == 0;
    assert_int_equal(held_out[0], 12);
    assert_in_range(held_out[1], 7, 8);
    assert_in_range(held_out[2], 0, 1);
    assert_int_equal(held_out[3], 0);
}

static void rows_of_a_regression_are_dealt_evenly(void **state)
{
    (void)state;
    uint8_t folds[N], again[N], other[N];
    size_t counts[5] = {0};
    assign(NULL, 5, 17, folds);
    assign(NULL, 5, 17, again);
    assign(NULL, 5, 18, other);
    for (size_t i = 0; i < N; i++)
        counts[folds[i]]++;
    for (size_t f = 0; f < 5; f++)
        assert_in_range(counts[f], 20, 21);
    assert_memory_equal(folds, again, N);
    assert_memory_not_equal(folds, other, N);
}

static void the_rows_of_a_fold_are_training_rows_then_the_others_in_order(void **state)
{
    (void)state;
    uint8_t held_out[] = {0, 1, MER_FOLD_NONE, 1, 0, 2};
    const uint32_t expected[] = {0, 2, 4, 5, 1, 3};
    const struct mer_folds folds = {
        .n_rows = 6, .n_folds = 3, .n_repeats = 1, .held_out = held_out};
    size_t n_train, n_valid;
    uint32_t rows[6];
    mer_fold_rows(&folds, 1, rows, &n_train, &n_valid);
    assert_int_equal(n_train, 4);
    assert_int_equal(n_valid, 2);
    assert_memory_equal(rows, expected, sizeof(expected));
}

static void rows_in_order_of_time_are_held_out_at_the_end(void **state)
{
    (void)state;
    char sorted[4000] = "n,day,y\n", shuffled[4000] = "n,day,y\n";
    for (int i = 0; i < 60; i++) {
        char line[60];
        (void)snprintf(line, sizeof(line), "%d,2024-0%d-%02d,%d\n", i, 1 + i / 25, 1 + i % 25,
                       i % 7);
        strcat(sorted, line);
        (void)snprintf(line, sizeof(line), "%d,2024-01-%02d,%d\n", i, 1 + i % 25, i % 7);
        strcat(shuffled, line);
    }
    struct mer_frame in_order = read_table(sorted), not_in_order = read_table(shuffled);
    assert_int_equal(mer_fold_time_column(&in_order, 2), 1);
    assert_int_equal(mer_fold_time_column(&not_in_order, 2), SIZE_MAX);

    /* Class 2 is in the last fifth alone: its first row is learned from. */
    const int32_t classes[10] = {0, 1, 0, 1, 0, 1, 0, 1, 2, 2};
    const struct mer_target target = {
        .task = MER_TASK_MULTICLASS, .classes = classes, .n_classes = 3};
    uint8_t folds[10];
    assert_ok(mer_fold_hold_out_last(&ctx, &target, 10, folds, &err));
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(folds[i], i == 9 ? 0 : MER_FOLD_NONE);
    mer_frame_release(&not_in_order);
    mer_frame_release(&in_order);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(every_class_is_spread_evenly_and_stays_in_every_training_part),
        TEST(a_holdout_is_a_fifth_of_every_class_but_never_all_of_it),
        TEST(rows_of_a_regression_are_dealt_evenly),
        TEST(rows_in_order_of_time_are_held_out_at_the_end),
        TEST(the_rows_of_a_fold_are_training_rows_then_the_others_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
