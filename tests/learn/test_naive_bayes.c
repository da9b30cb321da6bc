/* Naive Bayes against its closed form, and what every family must do. */
#include "same_bytes.h"

enum { ROWS = 400 };

static struct table table;

static const struct mer_family *naive_bayes(void)
{
    const struct mer_family *family = mer_family_find("naive_bayes");
    assert_non_null(family);
    return family;
}

static struct mer_model *fit_table(const struct mer_ctx *ctx, const char *distribution)
{
    const struct mer_fit_data data = {.design = &table.design, .target = &table.target};
    struct mer_params params;
    struct mer_model *model = NULL;
    mer_err err = {0};
    mer_params_default(naive_bayes()->params, naive_bayes()->n_params, &params);
    assert_int_equal(mer_params_set(naive_bayes()->params, naive_bayes()->n_params, "distribution",
                                    distribution, &params, NULL)
                         .code,
                     MER_OK);
    if (naive_bayes()->fit(ctx, &params, &data, &model, &err).code != MER_OK)
        fail_msg("%s", err.message);
    return model;
}

/* Difference of the classes' log likelihoods of a row by the textbook: one normal number, one
 * category. The number of a class has its mean and variance with one row at zero of variance one
 * added, and 0.1 added to the variance; a category's level has one row added. */
static double textbook_difference(size_t row)
{
    double score[2];
    for (int32_t k = 0; k < 2; k++) {
        double n = 1, sum = 0, squares = 1, level = 1, of_group = 3;
        for (size_t i = 0; i < table.design.n_rows; i++) {
            if (table.classes[i] != k)
                continue;
            n += 1;
            sum += table.dense[i];
            squares += table.dense[i] * table.dense[i];
            if (table.codes[i] >= 0) {
                of_group += 1;
                level += table.codes[i] == table.codes[row];
            }
        }
        const double mean = sum / n, variance = squares / n - mean * mean + 0.1;
        const double x = table.dense[row] - mean;
        score[k] = -0.5 * (log(variance) + x * x / variance);
        if (table.codes[row] >= 0)
            score[k] += log(level / of_group);
    }
    return score[1] - score[0];
}

/* Probabilities are a straight line of it in log odds: any two rows tell the line, and all others
 * are on it. */
static void log_odds_are_a_line_of_the_textbook_score(void **state)
{
    static double outputs[2 * ROWS];
    struct mer_alloc alloc;
    double x[2], y[2];
    (void)state;
    make_random_table(&table, ROWS, 1, 1, 2, false);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_model *model = fit_table(&ctx, "gaussian");
    assert_int_equal(naive_bayes()->predict(&ctx, model, &table.design, outputs, NULL).code,
                     MER_OK);
    for (size_t i = 0; i < 2; i++) {
        x[i] = textbook_difference(i);
        y[i] = log(outputs[2 * i + 1] / outputs[2 * i]);
    }
    const double slope = (y[1] - y[0]) / (x[1] - x[0]);
    assert_true(slope > 0);
    for (size_t i = 2; i < ROWS; i++) {
        const double expected = y[0] + slope * (textbook_difference(i) - x[0]);
        assert_true(fabs(expected - log(outputs[2 * i + 1] / outputs[2 * i])) < 1e-8);
        assert_true(fabs(outputs[2 * i] + outputs[2 * i + 1] - 1) < 1e-12);
    }
    naive_bayes()->free(&ctx, model);
    assert_int_equal(alloc.used, 0);
}

/* Signs alone: stretching the numbers changes nothing. */
static void bernoulli_looks_at_signs_alone(void **state)
{
    static double outputs[ROWS * 3], stretched[ROWS * 3];
    struct mer_alloc alloc;
    (void)state;
    make_random_table(&table, ROWS, 6, 1, 3, true);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_model *model = fit_table(&ctx, "bernoulli");
    assert_int_equal(naive_bayes()->predict(&ctx, model, &table.design, outputs, NULL).code,
                     MER_OK);
    for (size_t i = 0; i < ROWS * 6; i++)
        table.dense[i] *= 1 + (double)(i % 7);
    assert_int_equal(naive_bayes()->predict(&ctx, model, &table.design, stretched, NULL).code,
                     MER_OK);
    assert_memory_equal(outputs, stretched, sizeof outputs);
    assert_true(outputs[0] != outputs[3]);
    naive_bayes()->free(&ctx, model);
}

static void fit_and_predict(const struct mer_ctx *ctx, double *outputs)
{
    struct mer_model *model = fit_table(ctx, "gaussian");
    assert_int_equal(naive_bayes()->predict(ctx, model, &table.design, outputs, NULL).code, MER_OK);
    naive_bayes()->free(ctx, model);
}

static void threads_and_instruction_sets_give_the_same_bytes(void **state)
{
    (void)state;
    make_random_table(&table, ROWS, 9, 2, 4, true);
    assert_same_bytes(fit_and_predict, ROWS * 4);
}

static void a_loaded_model_predicts_the_same_and_a_broken_one_is_refused(void **state)
{
    static double first[ROWS * 3], again[ROWS * 3];
    struct mer_alloc alloc;
    struct saved_model saved;
    struct mer_model *loaded = NULL;
    (void)state;
    make_random_table(&table, ROWS, 5, 2, 3, false);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    const enum mer_task task = table.target.task;
    struct mer_model *model = fit_table(&ctx, "gaussian");
    assert_int_equal(saved_model_fill(&ctx, naive_bayes(), model, &saved, NULL).code, MER_OK);
    assert_int_equal(
        saved_model_load(&ctx, naive_bayes(), &saved, task, 3, &table.design, &loaded, NULL).code,
        MER_OK);
    assert_int_equal(naive_bayes()->predict(&ctx, model, &table.design, first, NULL).code, MER_OK);
    assert_int_equal(naive_bayes()->predict(&ctx, loaded, &table.design, again, NULL).code, MER_OK);
    assert_memory_equal(first, again, sizeof first);
    naive_bayes()->free(&ctx, loaded);

    struct mer_design wide = table.design;
    wide.n_dense = 6;
    assert_int_equal(
        saved_model_load(&ctx, naive_bayes(), &saved, task, 3, &wide, &loaded, NULL).code,
        MER_ERR_DATA);
    assert_int_equal(
        saved_model_load(&ctx, naive_bayes(), &saved, task, 1000, &table.design, &loaded, NULL)
            .code,
        MER_ERR_DATA);
    assert_int_equal(saved_model_load(&ctx, naive_bayes(), &saved, MER_TASK_REGRESSION, 0,
                                      &table.design, &loaded, NULL)
                         .code,
                     MER_ERR_DATA);
    for (size_t i = 0; i < saved.bundle.n_arrays; i++) {
        double *const numbers = (double *)(uintptr_t)saved.bundle.arrays[i].data;
        const double number = numbers[0];
        numbers[0] = (double)INFINITY;
        assert_int_equal(
            saved_model_load(&ctx, naive_bayes(), &saved, task, 3, &table.design, &loaded, NULL)
                .code,
            MER_ERR_DATA);
        numbers[0] = number;
    }
    saved_model_release(&saved);
    naive_bayes()->free(&ctx, model);
    assert_int_equal(alloc.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_odds_are_a_line_of_the_textbook_score),
        cmocka_unit_test(bernoulli_looks_at_signs_alone),
        cmocka_unit_test(threads_and_instruction_sets_give_the_same_bytes),
        cmocka_unit_test(a_loaded_model_predicts_the_same_and_a_broken_one_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
