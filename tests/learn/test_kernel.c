/* The kernel family: what its map promises, its leave-one-out errors against really leaving rows
 * out, and what every family must do. */
#include <stdlib.h>

#include "loaded_model.h"
#include "same_bytes.h"

#include "learn/kernel_ridge.h"

enum { ROWS = 300, WAVES = 4096, SMALL = 30 };

static struct table table;

static const struct mer_family *kernel(void)
{
    const struct mer_family *family = mer_family_find("kernel");
    assert_non_null(family);
    return family;
}

/* Classes by the distance from the middle, which no plane parts; values that wave. */
static void make_rings(size_t n_rows, size_t n_classes, bool weighted)
{
    mer_rng rng;
    mer_rng_init(&rng, 5, 0);
    table_init(&table, n_rows, 2, 1, n_classes, weighted);
    for (size_t i = 0; i < n_rows; i++) {
        double *x = table.dense + 2 * i;
        x[0] = mer_rng_normal(&rng);
        x[1] = mer_rng_normal(&rng);
        table.codes[i] = (int32_t)mer_rng_below(&rng, GROUP_WIDTHS[0] + 1) - 1;
        table.classes[i] =
            class_of(1.2 * sqrt(x[0] * x[0] + x[1] * x[1]), n_classes ? n_classes : 2);
        table.values[i] = sin(2 * x[0]) + 0.3 * x[1] * x[1] + 0.1 * mer_rng_normal(&rng);
        table.weights[i] = 0.5 + (double)mer_rng_below(&rng, 3);
    }
}

static struct mer_params params_of(const char *const *settings)
{
    struct mer_params params;
    mer_params_default(kernel()->params, kernel()->n_params, &params);
    for (; settings && settings[0]; settings += 2)
        assert_int_equal(mer_params_set(kernel()->params, kernel()->n_params, settings[0],
                                        settings[1], &params, NULL)
                             .code,
                         MER_OK);
    return params;
}

static struct mer_model *fit_table(const struct mer_ctx *ctx, const char *const *settings)
{
    const struct mer_params params = params_of(settings);
    const struct mer_fit_data data = {.design = &table.design, .target = &table.target, .seed = 11};
    struct mer_model *model = NULL;
    mer_err err = {0};
    if (kernel()->fit(ctx, &params, &data, &model, &err).code != MER_OK)
        fail_msg("%s", err.message);
    return model;
}

static const char *const FEW_WAVES[] = {"n_components", "64", NULL};

static void the_map_is_close_to_the_kernel(void **state)
{
    struct mer_alloc alloc;
    struct mer_kernel_map map;
    (void)state;
    make_rings(ROWS, 2, false);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    assert_int_equal(
        mer_kernel_map_init(&ctx, &table.design, WAVES, 0.7, 3, SIZE_MAX, &map, NULL).code, MER_OK);
    double *z = NULL, *scratch = NULL;
    assert_int_equal(mer_alloc_array(&alloc, 64, map.n_padded * sizeof *z, &z, NULL).code, MER_OK);
    assert_int_equal(mer_alloc_array(&alloc, 64, map.n_scratch * sizeof *z, &scratch, NULL).code,
                     MER_OK);
    mer_kernel_map_apply(&map, MER_CPU_PLAIN, &table.design, 0, 1, 64, scratch, z);
    for (size_t a = 0; a < 64; a++)
        for (size_t b = 0; b < a; b++) {
            double product = 0, distance = 0;
            for (size_t w = 0; w < WAVES; w++)
                product += z[a * map.n_padded + w] * z[b * map.n_padded + w];
            for (size_t j = 0; j < 2; j++) {
                const double difference = table.dense[2 * a + j] - table.dense[2 * b + j];
                distance += difference * difference;
            }
            if (table.codes[a] != table.codes[b])
                distance += (table.codes[a] >= 0) + (table.codes[b] >= 0);
            assert_true(fabs(product - exp(-0.7 * distance / 3)) < 0.1);
        }
    mer_free(&alloc, z);
    mer_free(&alloc, scratch);
    mer_kernel_map_release(&ctx, &map);
    assert_int_equal(alloc.used, 0);
}

/* Squared errors of rows that were really left out, one fit a row. */
static double brute_loss(const struct mer_ctx *ctx, const char *alpha)
{
    const char *const settings[] = {"n_components", "64", "alpha", alpha, NULL};
    double loss = 0;
    for (size_t i = 0; i < SMALL; i++) {
        double predicted;
        const struct mer_design one = {.n_rows = 1,
                                       .n_dense = 2,
                                       .dense = table.dense + 2 * i,
                                       .n_groups = 1,
                                       .codes = table.codes + i,
                                       .group_start = table.group_start};
        const double weight = table.weights[i];
        table.weights[i] = 0;
        struct mer_model *model = fit_table(ctx, settings);
        table.weights[i] = weight;
        assert_int_equal(kernel()->predict(ctx, model, &one, &predicted, NULL).code, MER_OK);
        loss += weight * (predicted - table.values[i]) * (predicted - table.values[i]);
        kernel()->free(ctx, model);
    }
    return loss;
}

static void the_penalty_is_the_one_with_the_least_error_on_rows_left_out(void **state)
{
    static const char *const ALPHAS[] = {"0.001", "0.01", "0.1", "1", "10"};
    struct mer_alloc alloc;
    struct saved_model saved;
    double least = INFINITY, chosen;
    size_t best = 0;
    (void)state;
    make_rings(SMALL, 0, true);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    for (size_t a = 0; a < 5; a++) {
        const double loss = brute_loss(&ctx, ALPHAS[a]);
        best = loss < least ? a : best;
        least = fmin(loss, least);
    }
    struct mer_model *model = fit_table(&ctx, FEW_WAVES);
    assert_int_equal(saved_model_fill(&ctx, kernel(), model, &saved, NULL).code, MER_OK);
    assert_int_equal(
        mer_json_want_number(mer_json_root(saved.document), "alpha", "", &chosen, NULL).code,
        MER_OK);
    assert_true(fabs(chosen - strtod(ALPHAS[best], NULL)) < 1e-12);
    saved_model_release(&saved);
    kernel()->free(&ctx, model);
}

static void rings_are_learned_that_no_plane_parts(void **state)
{
    static double outputs[TABLE_ROWS * TABLE_CLASSES];
    struct mer_alloc alloc;
    size_t n_right = 0;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    for (size_t n_classes = 2; n_classes <= 3; n_classes++) {
        make_rings(TABLE_ROWS, n_classes, false);
        table.design.n_rows = TABLE_ROWS / 2;
        struct mer_model *model = fit_table(&ctx, NULL);
        table.design.n_rows = TABLE_ROWS;
        assert_int_equal(kernel()->predict(&ctx, model, &table.design, outputs, NULL).code, MER_OK);
        n_right = 0;
        for (size_t i = TABLE_ROWS / 2; i < TABLE_ROWS; i++) {
            const double *row = outputs + i * n_classes;
            size_t best = 0;
            double sum = 0;
            for (size_t k = 0; k < n_classes; k++) {
                best = row[k] > row[best] ? k : best;
                sum += row[k];
            }
            assert_true(fabs(sum - 1) < 1e-9);
            n_right += best == (size_t)table.classes[i];
        }
        assert_true(n_right >= TABLE_ROWS / 2 * 91 / 100);
        kernel()->free(&ctx, model);
    }
    assert_int_equal(alloc.used, 0);
}

static void fit_and_predict(const struct mer_ctx *ctx, double *outputs)
{
    struct mer_model *model = fit_table(ctx, FEW_WAVES);
    assert_int_equal(kernel()->predict(ctx, model, &table.design, outputs, NULL).code, MER_OK);
    kernel()->free(ctx, model);
}

static void threads_and_instruction_sets_give_the_same_bytes(void **state)
{
    (void)state;
    make_rings(TABLE_ROWS, 3, true);
    assert_same_bytes(fit_and_predict, TABLE_ROWS * 3);
}

static void a_loaded_model_predicts_the_same_and_a_broken_one_is_refused(void **state)
{
    struct mer_alloc alloc;
    (void)state;
    make_rings(ROWS, 3, false);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    assert_survives_saving(&ctx, kernel(), fit_table(&ctx, FEW_WAVES), &table, &table.design);
}

/* A few bytes that ask for many waves: nothing is drawn that the file has no coefficients for. */
static void waves_without_coefficients_take_no_memory(void **state)
{
    static const char *const MANY_WAVES[] = {"n_components", "512", NULL};
    struct mer_alloc alloc, small;
    struct saved_model saved;
    struct mer_model *loaded = NULL;
    (void)state;
    make_rings(ROWS, 3, false);
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_alloc_init(&small, 8192);
    const struct mer_ctx ctx = {.alloc = &alloc}, poor = {.alloc = &small};
    struct mer_model *model = fit_table(&ctx, MANY_WAVES);
    assert_int_equal(saved_model_fill(&ctx, kernel(), model, &saved, NULL).code, MER_OK);
    struct mer_array *const coefficients =
        (struct mer_array *)(uintptr_t)mer_bundle_find(&saved.bundle, "model/coefficients");
    coefficients->shape[1] -= 8;
    assert_int_equal(saved_model_load(&poor, kernel(), &saved, table.target.task, 3, &table.design,
                                      &loaded, NULL)
                         .code,
                     MER_ERR_DATA);
    assert_int_equal(small.used, 0);
    saved_model_release(&saved);
    kernel()->free(&ctx, model);
}

enum { WIDE_ROWS = 1000, WIDE_LEVELS = 500, WIDE_ASKED = 9001 };

/* Two numbers and a category of many levels; values for the first rows alone. */
static struct {
    double dense[2 * WIDE_ASKED];
    int32_t codes[WIDE_ASKED];
    uint32_t group_start[2];
    double values[WIDE_ROWS];
    struct mer_design design;
    struct mer_target target;
} wide;

static void make_wide(void)
{
    mer_rng rng;
    mer_rng_init(&rng, 5, 0);
    for (size_t i = 0; i < WIDE_ASKED; i++) {
        wide.dense[2 * i] = mer_rng_normal(&rng);
        wide.dense[2 * i + 1] = mer_rng_normal(&rng);
        wide.codes[i] = (int32_t)mer_rng_below(&rng, WIDE_LEVELS + 1) - 1;
    }
    for (size_t i = 0; i < WIDE_ROWS; i++)
        wide.values[i] = sin(wide.dense[2 * i]) + wide.codes[i] % 7;
    wide.group_start[1] = WIDE_LEVELS;
    wide.design = (struct mer_design){.n_rows = WIDE_ASKED,
                                      .n_dense = 2,
                                      .dense = wide.dense,
                                      .n_groups = 1,
                                      .codes = wide.codes,
                                      .group_start = wide.group_start};
    wide.target = (struct mer_target){.task = MER_TASK_REGRESSION, .values = wide.values};
}

/* Many waves of many variables, in a file of little more than the coefficients: their product is
 * not held, and the predictions are those of the model that holds it, for one row or for all, in
 * slabs and with rests. */
static void waves_that_would_be_many_times_the_file_are_not_held(void **state)
{
    static const char *const SETTINGS[] = {"n_components", "1201", "alpha", "1", NULL};
    static double first[WIDE_ASKED], again[WIDE_ASKED];
    const size_t wave_bytes = 1201 * sizeof(double);
    struct mer_alloc alloc, small;
    struct saved_model saved;
    struct mer_model *loaded = NULL, *model = NULL;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_alloc_init(&small, MER_KERNEL_HELD_SHARE * wave_bytes);
    const struct mer_ctx ctx = {.alloc = &alloc}, poor = {.alloc = &small};
    make_wide();
    struct mer_design design = wide.design;
    const struct mer_params params = params_of(SETTINGS);
    const struct mer_fit_data data = {.design = &design, .target = &wide.target, .seed = 3};
    design.n_rows = WIDE_ROWS;
    assert_int_equal(kernel()->fit(&ctx, &params, &data, &model, NULL).code, MER_OK);
    assert_int_equal(saved_model_fill(&ctx, kernel(), model, &saved, NULL).code, MER_OK);
    assert_int_equal(
        saved_model_load(&poor, kernel(), &saved, MER_TASK_REGRESSION, 0, &design, &loaded, NULL)
            .code,
        MER_OK);
    assert_true(small.peak < 4 * wave_bytes);

    const size_t asked[] = {WIDE_ASKED, 1, 65};
    for (size_t i = 0; i < 3; i++) {
        design.n_rows = asked[i];
        assert_int_equal(kernel()->predict(&ctx, model, &design, first, NULL).code, MER_OK);
        assert_int_equal(kernel()->predict(&ctx, loaded, &design, again, NULL).code, MER_OK);
        assert_memory_equal(first, again, asked[i] * sizeof *first);
    }
    kernel()->free(&poor, loaded);
    kernel()->free(&ctx, model);
    saved_model_release(&saved);
    assert_int_equal(small.used, 0);
    assert_int_equal(alloc.used, 0);
}

static void a_weight_of_two_is_a_row_that_stands_twice(void **state)
{
    static double weighted[ROWS], doubled[ROWS];
    static const char *const SETTINGS[] = {"n_components", "64", "alpha", "0.1", NULL};
    struct mer_alloc alloc;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    make_rings(ROWS, 0, true);
    for (size_t i = 0; i < ROWS; i++)
        table.weights[i] = i < ROWS / 2 ? 2 : 1;
    struct mer_model *model = fit_table(&ctx, SETTINGS);
    assert_int_equal(kernel()->predict(&ctx, model, &table.design, weighted, NULL).code, MER_OK);
    kernel()->free(&ctx, model);
    for (size_t i = 0; i < ROWS / 2; i++) {
        memcpy(table.dense + 2 * (ROWS + i), table.dense + 2 * i, 2 * sizeof(double));
        table.codes[ROWS + i] = table.codes[i];
        table.values[ROWS + i] = table.values[i];
    }
    table.target.weights = NULL;
    table.design.n_rows = ROWS + ROWS / 2;
    model = fit_table(&ctx, SETTINGS);
    table.design.n_rows = ROWS;
    assert_int_equal(kernel()->predict(&ctx, model, &table.design, doubled, NULL).code, MER_OK);
    kernel()->free(&ctx, model);
    assert_true(largest_difference(weighted, doubled, ROWS) < 1e-8);
}

static void the_calibration_is_the_best_there_is(void **state)
{
    enum { N = 400 };
    static double scores[N], roots[N];
    static int32_t classes[N];
    static const double LOG_SHARES[] = {-0.35667494393873245, -1.2039728043259361}; /* 0.7, 0.3 */
    struct mer_calibration best = {.slope = 1};
    mer_rng rng;
    (void)state;
    mer_rng_init(&rng, 9, 0);
    for (size_t i = 0; i < N; i++) {
        classes[i] = mer_rng_uniform(&rng) < 0.3;
        scores[i] = 0.3 + 0.25 * classes[i] + 0.2 * mer_rng_normal(&rng);
        roots[i] = 1;
    }
    const struct mer_calibrated_scores given = {.scores = scores,
                                                .roots = roots,
                                                .classes = classes,
                                                .step = 1,
                                                .n_rows = N,
                                                .n_classes = 2,
                                                .log_shares = LOG_SHARES};
    const double loss = mer_calibrate(&given, &best);
    for (int direction = 0; direction < 8; direction++) {
        const struct mer_calibration near = {best.slope + 0.05 * cos(0.785 * direction),
                                             best.prior_weight + 0.05 * sin(0.785 * direction)};
        double other = 1e-5 * near.slope * near.slope;
        for (size_t i = 0; i < N; i++) {
            double probabilities[2];
            mer_calibrated_probabilities(&near, LOG_SHARES, 2, &scores[i], probabilities);
            other -= log(probabilities[classes[i]]) / N;
        }
        assert_true(other > loss);
    }
}

static void values_far_away_give_finite_predictions(void **state)
{
    static double outputs[ROWS];
    struct mer_alloc alloc;
    (void)state;
    make_rings(ROWS, 0, false);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_model *model = fit_table(&ctx, FEW_WAVES);
    for (size_t i = 0; i < 2 * ROWS; i++)
        table.dense[i] *= 1e300;
    assert_int_equal(kernel()->predict(&ctx, model, &table.design, outputs, NULL).code, MER_OK);
    for (size_t i = 0; i < ROWS; i++)
        assert_true(isfinite(outputs[i]));
    kernel()->free(&ctx, model);
}

static void too_many_variables_are_an_error(void **state)
{
    static const uint32_t starts[] = {0, MER_KERNEL_VARIABLES_MAX + 1};
    const struct mer_design design = {.n_rows = 1, .n_groups = 1, .group_start = starts};
    struct mer_alloc alloc;
    struct mer_kernel_map map;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    assert_int_equal(mer_kernel_map_init(&ctx, &design, 64, 1, 1, SIZE_MAX, &map, NULL).code,
                     MER_ERR_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_map_is_close_to_the_kernel),
        cmocka_unit_test(the_penalty_is_the_one_with_the_least_error_on_rows_left_out),
        cmocka_unit_test(rings_are_learned_that_no_plane_parts),
        cmocka_unit_test(threads_and_instruction_sets_give_the_same_bytes),
        cmocka_unit_test(a_loaded_model_predicts_the_same_and_a_broken_one_is_refused),
        cmocka_unit_test(waves_without_coefficients_take_no_memory),
        cmocka_unit_test(waves_that_would_be_many_times_the_file_are_not_held),
        cmocka_unit_test(a_weight_of_two_is_a_row_that_stands_twice),
        cmocka_unit_test(the_calibration_is_the_best_there_is),
        cmocka_unit_test(values_far_away_give_finite_predictions),
        cmocka_unit_test(too_many_variables_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
