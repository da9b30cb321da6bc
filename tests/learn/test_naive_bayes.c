/* Naive Bayes against its closed form, and what every family must do. */
#include "loaded_model.h"
#include "same_bytes.h"

enum { ROWS = 400, TERMS = 5 };

static struct table table;
static size_t term_start[ROWS + 1];
static uint32_t term_columns[ROWS * TERMS];
static float term_values[ROWS * TERMS];

/* Rows of up to TERMS terms, and a last dense column that condenses them. */
static void add_terms(void)
{
    mer_rng rng;
    size_t n = 0;
    mer_rng_init(&rng, 8, 0);
    for (size_t i = 0; i < table.design.n_rows; i++) {
        term_start[i] = n;
        for (uint32_t t = 0; t < TERMS; t++)
            if (mer_rng_below(&rng, 3) == (uint64_t)(t + (uint32_t)table.classes[i]) % 3) {
                term_columns[n] = t;
                term_values[n++] = (float)(1 + mer_rng_below(&rng, 4)) / 4;
            }
    }
    term_start[table.design.n_rows] = n;
    table.design.n_sparse = TERMS;
    table.design.sparse_start = term_start;
    table.design.sparse_columns = term_columns;
    table.design.sparse_values = term_values;
    table.design.sparse_row = TERMS;
    table.design.n_condensed = 1;
}

/* The logarithm of the likelihood of a row's terms in a class: drawn with the class's shares, to
 * whose weights 0.05 is added. */
static double textbook_terms(size_t row, int32_t k)
{
    double weights[TERMS], total = 0, sum = 0;
    for (size_t t = 0; t < TERMS; t++)
        weights[t] = 0.05;
    for (size_t i = 0; i < table.design.n_rows; i++)
        for (size_t e = term_start[i]; table.classes[i] == k && e < term_start[i + 1]; e++)
            weights[term_columns[e]] += (double)term_values[e];
    for (size_t t = 0; t < TERMS; t++)
        total += weights[t];
    for (size_t e = term_start[row]; e < term_start[row + 1]; e++)
        sum += (double)term_values[e] * log(weights[term_columns[e]] / total);
    return sum;
}

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
            const double value = table.dense[i * table.design.n_dense];
            sum += value;
            squares += value * value;
            if (table.codes[i] >= 0) {
                of_group += 1;
                level += table.codes[i] == table.codes[row];
            }
        }
        const double mean = sum / n, variance = squares / n - mean * mean + 0.1;
        const double x = table.dense[row * table.design.n_dense] - mean;
        score[k] = -0.5 * (log(variance) + x * x / variance);
        if (table.codes[row] >= 0)
            score[k] += log(level / of_group);
        if (table.design.n_sparse > 0)
            score[k] += textbook_terms(row, k);
    }
    return score[1] - score[0];
}

/* Probabilities are a straight line of it in log odds: any two rows tell the line, and all others
 * are on it. */
static void assert_log_odds_are_a_line(void)
{
    static double outputs[2 * ROWS];
    struct mer_alloc alloc;
    double x[2], y[2];
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

static void log_odds_are_a_line_of_the_textbook_score(void **state)
{
    (void)state;
    make_random_table(&table, ROWS, 1, 1, 2, false);
    assert_log_odds_are_a_line();
}

static void terms_of_texts_are_drawn_with_the_shares_of_the_class(void **state)
{
    (void)state;
    make_random_table(&table, ROWS, 2, 1, 2, false);
    add_terms();
    assert_log_odds_are_a_line();
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
    struct mer_alloc alloc;
    (void)state;
    make_random_table(&table, ROWS, 5, 2, 3, false);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    assert_survives_saving(&ctx, naive_bayes(), fit_table(&ctx, "gaussian"), &table, &table.design);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_odds_are_a_line_of_the_textbook_score),
        cmocka_unit_test(terms_of_texts_are_drawn_with_the_shares_of_the_class),
        cmocka_unit_test(bernoulli_looks_at_signs_alone),
        cmocka_unit_test(threads_and_instruction_sets_give_the_same_bytes),
        cmocka_unit_test(a_loaded_model_predicts_the_same_and_a_broken_one_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
