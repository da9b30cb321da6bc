/* Linear support vector machines: that a fit is at the minimum of what it says it minimises, that
 * its probabilities are probabilities, and what every family must do. */
#include <stdlib.h>

#include "loaded_model.h"
#include "same_bytes.h"

enum { ROWS = 500, DENSE = 5 };

static const double ALPHA = 0.5, EPSILON = 0.2;
static struct table table;
static double outputs[TABLE_ROWS * TABLE_CLASSES];

static const struct mer_family *svm(void)
{
    const struct mer_family *family = mer_family_find("linear_svm");
    assert_non_null(family);
    return family;
}

static struct mer_model *fit_table(const struct mer_ctx *ctx)
{
    const struct mer_fit_data data = {.design = &table.design, .target = &table.target, .seed = 1};
    struct mer_params params;
    struct mer_model *model = NULL;
    mer_err err = {0};
    mer_params_default(svm()->params, svm()->n_params, &params);
    assert_int_equal(
        mer_params_set(svm()->params, svm()->n_params, "alpha", "0.5", &params, NULL).code, MER_OK);
    assert_int_equal(
        mer_params_set(svm()->params, svm()->n_params, "epsilon", "0.2", &params, NULL).code,
        MER_OK);
    assert_int_equal(
        mer_params_set(svm()->params, svm()->n_params, "tolerance", "1e-14", &params, NULL).code,
        MER_OK);
    if (svm()->fit(ctx, &params, &data, &model, &err).code != MER_OK)
        fail_msg("%s", err.message);
    return model;
}

static double score_of(const double *coefficients, double intercept, size_t row)
{
    double score = intercept;
    for (size_t j = 0; j < table.design.n_dense; j++)
        score += coefficients[j] * table.dense[row * table.design.n_dense + j];
    for (size_t g = 0; g < table.design.n_groups; g++) {
        const int32_t code = table.codes[row * table.design.n_groups + g];
        if (code >= 0)
            score += coefficients[table.design.n_dense + table.group_start[g] + (size_t)code];
    }
    return score;
}

/* The loss of output k's row by its definition. */
static double loss_of(size_t k, size_t row, double score, double margin)
{
    const double weight = table.target.weights ? table.weights[row] : 1;
    double lack;
    if (table.target.task == MER_TASK_REGRESSION)
        lack = fabs(score - table.values[row]) - margin;
    else {
        const int32_t class = table.target.task == MER_TASK_BINARY ? 1 : (int32_t)k;
        lack = 1 - (table.classes[row] == class ? score : -score);
    }
    return lack > 0 ? weight * lack * lack : 0;
}

static double objective(size_t k, const double *coefficients, double intercept, size_t n,
                        double margin)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += 0.5 * ALPHA * coefficients[j] * coefficients[j];
    for (size_t row = 0; row < table.design.n_rows; row++)
        sum += loss_of(k, row, score_of(coefficients, intercept, row), margin);
    return sum;
}

static double deviation(void)
{
    double mean = 0, squares = 0;
    for (size_t i = 0; i < table.design.n_rows; i++)
        mean += table.values[i] / (double)table.design.n_rows;
    for (size_t i = 0; i < table.design.n_rows; i++)
        squares += (table.values[i] - mean) * (table.values[i] - mean);
    return sqrt(squares / (double)table.design.n_rows);
}

/* No step of a coefficient or the intercept, either way, makes the objective smaller. */
static void assert_at_the_minimum(size_t n_classes)
{
    struct mer_alloc alloc;
    struct saved_model saved;
    make_random_table(&table, ROWS, DENSE, 2, n_classes, true);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc, .cpu = mer_cpu_detect()};
    struct mer_model *model = fit_table(&ctx);
    assert_int_equal(saved_model_fill(&ctx, svm(), model, &saved, NULL).code, MER_OK);
    const struct mer_array *array = mer_bundle_find(&saved.bundle, "model/coefficients");
    double *const intercepts =
        (double *)(uintptr_t)mer_bundle_find(&saved.bundle, "model/intercepts")->data;
    const size_t n = array->shape[1];
    const double margin = EPSILON * deviation();
    assert_int_equal(array->shape[0], n_classes > 2 ? n_classes : 1);
    for (size_t k = 0; k < array->shape[0]; k++) {
        double *const coefficients = (double *)(uintptr_t)array->data + k * n;
        const double least = objective(k, coefficients, intercepts[k], n, margin);
        for (size_t j = 0; j <= n; j++)
            for (int side = -1; side <= 1; side += 2) {
                double *const moved = j < n ? &coefficients[j] : &intercepts[k];
                const double kept = *moved;
                *moved += side * 1e-4;
                assert_true(objective(k, coefficients, intercepts[k], n, margin) > least);
                *moved = kept;
            }
    }
    saved_model_release(&saved);
    svm()->free(&ctx, model);
    assert_int_equal(alloc.used, 0);
}

static void a_fit_is_at_the_minimum_of_its_loss(void **state)
{
    (void)state;
    assert_at_the_minimum(0);
    assert_at_the_minimum(2);
    assert_at_the_minimum(4);
}

/* The mean log loss of what the model says of its rows. */
static double log_loss(const struct mer_ctx *ctx, const struct mer_model *model)
{
    const size_t n_classes = table.target.n_classes;
    double loss = 0;
    assert_int_equal(svm()->predict(ctx, model, &table.design, outputs, NULL).code, MER_OK);
    for (size_t i = 0; i < table.design.n_rows; i++) {
        double sum = 0;
        for (size_t k = 0; k < n_classes; k++) {
            assert_true(outputs[i * n_classes + k] >= 0);
            sum += outputs[i * n_classes + k];
        }
        assert_true(fabs(sum - 1) < 1e-12);
        loss -= log(outputs[i * n_classes + (size_t)table.classes[i]]);
    }
    return loss / (double)table.design.n_rows;
}

/* Nearly as good as logistic regression is at what that minimises. */
static void probabilities_are_calibrated(void **state)
{
    static double logistic[TABLE_ROWS * TABLE_CLASSES];
    struct mer_alloc alloc;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    for (size_t n_classes = 2; n_classes <= 4; n_classes += 2) {
        make_random_table(&table, TABLE_ROWS, DENSE, 2, n_classes, false);
        struct mer_model *model = fit_table(&ctx);
        const double own = log_loss(&ctx, model);
        svm()->free(&ctx, model);

        const struct mer_params params = linear_params(NULL);
        const struct mer_fit_data data = {.design = &table.design, .target = &table.target};
        double best = 0;
        assert_int_equal(linear_family()->fit(&ctx, &params, &data, &model, NULL).code, MER_OK);
        assert_int_equal(linear_family()->predict(&ctx, model, &table.design, logistic, NULL).code,
                         MER_OK);
        linear_family()->free(&ctx, model);
        for (size_t i = 0; i < TABLE_ROWS; i++)
            best -= log(logistic[i * n_classes + (size_t)table.classes[i]]) / TABLE_ROWS;
        assert_true(own < best * 1.15 + 0.01);
    }
    assert_int_equal(alloc.used, 0);
}

static void classes_that_a_plane_parts_without_a_mistake_are_no_trouble(void **state)
{
    struct mer_alloc alloc;
    (void)state;
    make_random_table(&table, ROWS, DENSE, 0, 2, false);
    for (size_t i = 0; i < ROWS; i++)
        table.dense[i * DENSE] = table.classes[i] ? 50 : -50;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_model *model = fit_table(&ctx);
    assert_true(log_loss(&ctx, model) < 0.02);
    svm()->free(&ctx, model);
    assert_int_equal(alloc.used, 0);
}

/* Class 1 is every row that has term 0 or 1 of a hundred. */
static void terms_of_texts_are_learned_from(void **state)
{
    static size_t start[ROWS + 1];
    static uint32_t columns[2 * ROWS];
    static float values[2 * ROWS];
    struct mer_alloc alloc;
    mer_rng rng;
    (void)state;
    mer_rng_init(&rng, 4, 0);
    table_init(&table, ROWS, 0, 0, 2, false);
    for (size_t i = 0; i < ROWS; i++) {
        table.classes[i] = (int32_t)mer_rng_below(&rng, 2);
        columns[2 * i] =
            (uint32_t)(table.classes[i] ? mer_rng_below(&rng, 2) : 2 + mer_rng_below(&rng, 2));
        columns[2 * i + 1] = (uint32_t)(4 + mer_rng_below(&rng, 96));
        values[2 * i] = values[2 * i + 1] = 0.7F;
        start[i + 1] = 2 * i + 2;
    }
    table.design.n_sparse = 100;
    table.design.sparse_start = start;
    table.design.sparse_columns = columns;
    table.design.sparse_values = values;
    table.design.sparse_row = 2;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_model *model = fit_table(&ctx);
    assert_true(log_loss(&ctx, model) < 0.05);
    svm()->free(&ctx, model);
    assert_int_equal(alloc.used, 0);
}

static void fit_and_predict(const struct mer_ctx *ctx, double *predictions)
{
    struct mer_model *model = fit_table(ctx);
    assert_int_equal(svm()->predict(ctx, model, &table.design, predictions, NULL).code, MER_OK);
    svm()->free(ctx, model);
}

static void threads_and_instruction_sets_give_the_same_bytes(void **state)
{
    (void)state;
    make_random_table(&table, ROWS, DENSE, 2, 3, true);
    assert_same_bytes(fit_and_predict, ROWS * 3);
    make_random_table(&table, ROWS, DENSE, 2, 0, true);
    assert_same_bytes(fit_and_predict, ROWS);
}

static void a_loaded_model_predicts_the_same_and_a_broken_one_is_refused(void **state)
{
    struct mer_alloc alloc;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    for (size_t n_classes = 0; n_classes <= 3; n_classes += n_classes ? 1 : 2) {
        make_random_table(&table, ROWS, DENSE, 2, n_classes, false);
        assert_survives_saving(&ctx, svm(), fit_table(&ctx), &table, &table.design);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fit_is_at_the_minimum_of_its_loss),
        cmocka_unit_test(probabilities_are_calibrated),
        cmocka_unit_test(classes_that_a_plane_parts_without_a_mistake_are_no_trouble),
        cmocka_unit_test(terms_of_texts_are_learned_from),
        cmocka_unit_test(threads_and_instruction_sets_give_the_same_bytes),
        cmocka_unit_test(a_loaded_model_predicts_the_same_and_a_broken_one_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
