/* Nearest neighbours against looking at all rows one by one, and what every family must do. */
#include <stdlib.h>

#include "loaded_model.h"
#include "same_bytes.h"

enum { ROWS = 500, QUERIES = 77 };

static struct table table, asked;

static const struct mer_family *knn(void)
{
    const struct mer_family *family = mer_family_find("knn");
    assert_non_null(family);
    return family;
}

static struct mer_model *fit_table(const struct mer_ctx *ctx, const char *k, const char *weights)
{
    const struct mer_fit_data data = {.design = &table.design, .target = &table.target};
    struct mer_params params;
    struct mer_model *model = NULL;
    mer_err err = {0};
    mer_params_default(knn()->params, knn()->n_params, &params);
    assert_int_equal(
        mer_params_set(knn()->params, knn()->n_params, "n_neighbors", k, &params, NULL).code,
        MER_OK);
    assert_int_equal(
        mer_params_set(knn()->params, knn()->n_params, "weights", weights, &params, NULL).code,
        MER_OK);
    if (knn()->fit(ctx, &params, &data, &model, &err).code != MER_OK)
        fail_msg("%s", err.message);
    return model;
}

static double clipped(double x)
{
    return x > 8 ? 8 : x < -8 ? -8 : x;
}

static double distance_between(const struct table *a, size_t i, const struct table *b, size_t j)
{
    double sum = 0;
    for (size_t d = 0; d < a->design.n_dense; d++) {
        const double difference = clipped(a->dense[i * a->design.n_dense + d]) -
                                  clipped(b->dense[j * b->design.n_dense + d]);
        sum += difference * difference;
    }
    for (size_t g = 0; g < a->design.n_groups; g++)
        sum += a->codes[i * a->design.n_groups + g] != b->codes[j * b->design.n_groups + g];
    return sum;
}

struct pair {
    double distance;
    size_t row;
};

static int compare_pairs(const void *a, const void *b)
{
    const double x = ((const struct pair *)a)->distance, y = ((const struct pair *)b)->distance;
    return x < y ? -1 : x > y;
}

static void predictions_are_those_of_the_nearest_of_all_rows(void **state)
{
    static struct pair pairs[ROWS];
    static double values[QUERIES];
    struct mer_alloc alloc;
    (void)state;
    make_random_table(&table, ROWS, 5, 2, 0, true);
    make_random_table(&asked, QUERIES, 5, 2, 0, false);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc, .cpu = mer_cpu_detect()};
    struct mer_model *model = fit_table(&ctx, "7", "uniform");
    assert_int_equal(knn()->predict(&ctx, model, &asked.design, values, NULL).code, MER_OK);
    for (size_t q = 0; q < QUERIES; q++) {
        double sum = 0, total = 0;
        for (size_t row = 0; row < ROWS; row++)
            pairs[row] = (struct pair){distance_between(&asked, q, &table, row), row};
        qsort(pairs, ROWS, sizeof *pairs, compare_pairs);
        for (size_t i = 0; i < 7; i++) {
            sum += table.weights[pairs[i].row] * table.values[pairs[i].row];
            total += table.weights[pairs[i].row];
        }
        assert_true(fabs(sum / total - values[q]) < 1e-9);
    }
    knn()->free(&ctx, model);
    assert_int_equal(alloc.used, 0);
}

static void probabilities_count_neighbours_and_the_shares_once(void **state)
{
    static double outputs[QUERIES * 3];
    static struct pair pairs[ROWS];
    struct mer_alloc alloc;
    double shares[3] = {0};
    (void)state;
    make_random_table(&table, ROWS, 4, 0, 3, false);
    make_random_table(&asked, QUERIES, 4, 0, 3, false);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    for (size_t row = 0; row < ROWS; row++)
        shares[table.classes[row]] += 1.0 / ROWS;
    struct mer_model *model = fit_table(&ctx, "9", "uniform");
    assert_int_equal(knn()->predict(&ctx, model, &asked.design, outputs, NULL).code, MER_OK);
    for (size_t q = 0; q < QUERIES; q++) {
        double counts[3] = {0};
        for (size_t row = 0; row < ROWS; row++)
            pairs[row] = (struct pair){distance_between(&asked, q, &table, row), row};
        qsort(pairs, ROWS, sizeof *pairs, compare_pairs);
        for (size_t i = 0; i < 9; i++)
            counts[table.classes[pairs[i].row]] += 1;
        for (size_t k = 0; k < 3; k++)
            assert_true(fabs((counts[k] + shares[k]) / 10 - outputs[q * 3 + k]) < 1e-9);
    }
    knn()->free(&ctx, model);
}

static void fit_and_predict(const struct mer_ctx *ctx, double *outputs)
{
    struct mer_model *model = fit_table(ctx, "15", "distance");
    assert_int_equal(knn()->predict(ctx, model, &asked.design, outputs, NULL).code, MER_OK);
    knn()->free(ctx, model);
}

static void threads_and_instruction_sets_give_the_same_bytes(void **state)
{
    (void)state;
    make_random_table(&table, ROWS, 11, 1, 3, true);
    make_random_table(&asked, QUERIES, 11, 1, 3, false);
    assert_same_bytes(fit_and_predict, QUERIES * 3);
}

static void a_loaded_model_predicts_the_same_and_a_broken_one_is_refused(void **state)
{
    struct mer_alloc alloc;
    (void)state;
    struct loading loading;
    make_random_table(&table, ROWS, 5, 2, 3, false);
    make_random_table(&asked, QUERIES, 5, 2, 3, false);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_model *model = fit_table(&ctx, "5", "distance");
    loading_start(&loading, &ctx, knn(), model, &table);
    double *const dense =
        (double *)(uintptr_t)mer_bundle_find(&loading.saved.bundle, "model/dense")->data;
    const double kept = dense[3];
    dense[3] = 9; /* farther out than a row can be */
    assert_refused(&loading);
    dense[3] = kept;
    saved_model_release(&loading.saved);
    assert_survives_saving(&ctx, knn(), model, &table, &asked.design);
}

static void more_neighbours_than_rows_are_all_rows(void **state)
{
    static double values[QUERIES];
    struct mer_alloc alloc;
    (void)state;
    make_random_table(&table, 12, 3, 0, 0, false);
    make_random_table(&asked, QUERIES, 3, 0, 0, false);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    double mean = 0;
    for (size_t row = 0; row < 12; row++)
        mean += table.values[row] / 12;
    struct mer_model *model = fit_table(&ctx, "1000", "uniform");
    assert_int_equal(knn()->predict(&ctx, model, &asked.design, values, NULL).code, MER_OK);
    for (size_t q = 0; q < QUERIES; q++)
        assert_true(fabs(values[q] - mean) < 1e-9);
    knn()->free(&ctx, model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predictions_are_those_of_the_nearest_of_all_rows),
        cmocka_unit_test(probabilities_count_neighbours_and_the_shares_once),
        cmocka_unit_test(threads_and_instruction_sets_give_the_same_bytes),
        cmocka_unit_test(a_loaded_model_predicts_the_same_and_a_broken_one_is_refused),
        cmocka_unit_test(more_neighbours_than_rows_are_all_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
