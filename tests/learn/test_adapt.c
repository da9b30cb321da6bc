/* What stands between a design and a family: transforms against scikit-learn's, products, the
 * logarithm of a target, and what a hostile file could say of them. */
#include <stdlib.h>

#include "loaded_model.h"
#include "same_bytes.h"

#include "core/math.h"
#include "learn/adapt.h"

enum { REFERENCE_ROWS = 200, ROWS = 400, DENSE = 4 };

static struct table table;
static double predictions[TABLE_ROWS];

/* Squared exponential numbers on a grid: the column that scikit-learn 1.2.1 was given. */
static void make_reference(double x[REFERENCE_ROWS])
{
    uint64_t state = 21;
    for (size_t i = 0; i < REFERENCE_ROWS; i++) {
        const double e = -mer_ln(1 - next_uniform(&state));
        x[i] = floor(e * e * 1024) / 1024;
    }
}

static struct mer_column_transform learn_reference(enum mer_transform transform, double *references,
                                                   size_t n_references)
{
    static double sorted[REFERENCE_ROWS];
    struct mer_column_transform column;
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    make_reference(sorted);
    assert_int_equal(mer_column_transform_learn(&ctx, transform, sorted, REFERENCE_ROWS, references,
                                                n_references, &column, NULL)
                         .code,
                     MER_OK);
    assert_int_equal(alloc.used, 0);
    assert_true(column.is_used);
    return column;
}

/* PowerTransformer on (x - median) / (quartiles' distance / 1.3489795). */
static void the_power_is_the_likeliest_one(void **state)
{
    static const double EXPECTED[] = {-0.7896492655951388, 0.6016647582077451, -0.0817254563910825,
                                      -1.2083138788854602, -1.2053925170758775};
    double x[REFERENCE_ROWS];
    (void)state;
    const struct mer_column_transform column = learn_reference(MER_TRANSFORM_POWER, NULL, 0);
    make_reference(x);
    assert_true(fabs(column.centre - 0.490234375) < 1e-12);
    assert_true(fabs(column.width - 1.0891479676473037) < 1e-12);
    assert_true(fabs(column.power - -0.7382355192032104) < 1e-5);
    for (size_t i = 0; i < 5; i++)
        assert_true(fabs(mer_column_transform_apply(MER_TRANSFORM_POWER, &column, 0, x[i]) -
                         EXPECTED[i]) < 1e-5);
}

/* QuantileTransformer with 101 quantiles. */
static void quantiles_are_those_of_scikit_learn(void **state)
{
    static const double AT[] = {0.25, 0.5, 1.0, 2.0, 3.5};
    static const double NORMAL[] = {-0.29399527379070556, 0.011456504149295289, 0.4242560726399388,
                                    0.8298808832741457, 1.0284119474673459};
    static const double UNIFORM[] = {0.3843807574206755, 0.5045703839122486, 0.6643104643104644,
                                     0.796696932866233, 0.8481219545725327};
    static double references[101];
    (void)state;
    const struct mer_column_transform column =
        learn_reference(MER_TRANSFORM_NORMAL, references, 101);
    for (size_t i = 0; i < 5; i++) {
        assert_true(fabs(mer_column_transform_apply(MER_TRANSFORM_NORMAL, &column, 101, AT[i]) -
                         NORMAL[i]) < 1e-9);
        assert_true(fabs(mer_column_transform_apply(MER_TRANSFORM_UNIFORM, &column, 101, AT[i]) *
                             0.28867513459481287 +
                         0.5 - UNIFORM[i]) < 1e-9);
    }
}

static void transforms_never_fall_and_stay_finite_far_outside(void **state)
{
    static double references[64];
    (void)state;
    for (enum mer_transform t = MER_TRANSFORM_ROBUST; t < MER_TRANSFORM_COUNT; t++) {
        const size_t n = t >= MER_TRANSFORM_NORMAL ? 64 : 0;
        const struct mer_column_transform column = learn_reference(t, n ? references : NULL, n);
        double before = -INFINITY;
        for (int i = -200; i <= 200; i++) {
            const double x = (i < 0 ? -1 : 1) * pow(10, abs(i) / 2.0 - 6);
            const double y = mer_column_transform_apply(t, &column, n, x);
            assert_true(isfinite(y) && y >= before - 1e-12);
            before = y;
        }
    }
}

static void half_a_column_of_zeros_lies_in_the_middle_of_its_levels(void **state)
{
    double values[100], references[100];
    struct mer_column_transform column;
    struct mer_alloc alloc;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    for (size_t i = 0; i < 100; i++)
        values[i] = i < 50 ? 0 : (double)i;
    assert_int_equal(mer_column_transform_learn(&ctx, MER_TRANSFORM_NORMAL, values, 100, references,
                                                100, &column, NULL)
                         .code,
                     MER_OK);
    const double zero = mer_column_transform_apply(MER_TRANSFORM_NORMAL, &column, 100, 0);
    assert_true(fabs(zero - mer_normal_quantile(24.5 / 99)) < 1e-12);
}

static void two_values_stay_as_they_are(void **state)
{
    double values[] = {1, 0, 0, 1, 0}, references[32];
    struct mer_column_transform column;
    struct mer_alloc alloc;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    for (enum mer_transform t = MER_TRANSFORM_ROBUST; t < MER_TRANSFORM_COUNT; t++) {
        assert_int_equal(
            mer_column_transform_learn(&ctx, t, values, 5, references, 32, &column, NULL).code,
            MER_OK);
        assert_true(mer_column_transform_apply(t, &column, 32, 0.75) == 0.75);
    }
}

/* A target that is the product of columns 0 and 3, or the exponential of something linear. */
static void make_table(bool is_product)
{
    mer_rng rng;
    mer_rng_init(&rng, 8, 0);
    table_init(&table, ROWS, DENSE, 1, 0, false);
    for (size_t i = 0; i < ROWS; i++) {
        double *x = table.dense + i * DENSE;
        for (size_t j = 0; j < DENSE; j++)
            x[j] = mer_rng_normal(&rng);
        table.codes[i] = (int32_t)mer_rng_below(&rng, GROUP_WIDTHS[0]);
        table.values[i] = is_product ? x[0] * x[3] + x[1] + 0.1 * mer_rng_normal(&rng)
                                     : mer_exp(5 + x[0] - x[2] + 0.5 * mer_rng_normal(&rng));
    }
}

static struct mer_model *fit_settings(const struct mer_ctx *ctx, const char *const *settings)
{
    const struct mer_params params = linear_params(settings);
    const struct mer_fit_data data = {.design = &table.design, .target = &table.target, .seed = 1};
    struct mer_model *model = NULL;
    mer_err err = {0};
    if (linear_family()->fit(ctx, &params, &data, &model, &err).code != MER_OK)
        fail_msg("%s", err.message);
    return model;
}

/* The root of the mean squared error on the training rows. */
static double error_of(const char *const *settings)
{
    struct mer_alloc alloc;
    double sum = 0;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_model *model = fit_settings(&ctx, settings);
    assert_int_equal(linear_family()->predict(&ctx, model, &table.design, predictions, NULL).code,
                     MER_OK);
    linear_family()->free(&ctx, model);
    assert_int_equal(alloc.used, 0);
    for (size_t i = 0; i < ROWS; i++)
        sum += (predictions[i] - table.values[i]) * (predictions[i] - table.values[i]);
    return sqrt(sum / ROWS);
}

static void the_product_that_tells_the_target_is_found(void **state)
{
    static const char *const ONE[] = {"products", "1", NULL};
    struct mer_adapter adapter;
    struct mer_alloc alloc;
    const struct mer_adapt_options options = {.n_products = 3};
    (void)state;
    make_table(true);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    assert_int_equal(
        mer_adapter_learn(&ctx, &options, &table.design, &table.target, &adapter, NULL).code,
        MER_OK);
    assert_int_equal(adapter.factors[0] + adapter.factors[1], 3);
    assert_int_equal(adapter.factors[0] * adapter.factors[1], 0);
    mer_adapter_release(&ctx, &adapter);
    assert_int_equal(alloc.used, 0);
    assert_true(error_of(NULL) > 0.8);
    assert_true(error_of(ONE) < 0.15);
}

static void logarithms_come_back_as_values_and_their_mean_is_larger_than_their_median(void **state)
{
    static const char *const MEAN[] = {"log_target", "mean", NULL};
    static const char *const MEDIAN[] = {"log_target", "median", NULL};
    double mean = 0, median = 0, truth = 0;
    size_t n_below = 0;
    (void)state;
    make_table(false);
    const double plain = error_of(NULL);
    assert_true(error_of(MEAN) < 0.7 * plain);
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(predictions[i] >= 0);
        mean += predictions[i] / ROWS;
        truth += table.values[i] / ROWS;
    }
    (void)error_of(MEDIAN);
    for (size_t i = 0; i < ROWS; i++) {
        median += predictions[i] / ROWS;
        n_below += table.values[i] < predictions[i];
    }
    assert_true(fabs(mean / truth - 1) < 0.1);
    /* The errors have the deviation 0.5: exp(0.125) is between. */
    assert_true(fabs(mean / median - exp(0.125)) < 0.05);
    assert_true(n_below > ROWS * 45 / 100 && n_below < ROWS * 55 / 100);
}

static void a_target_below_zero_has_no_logarithm_and_zeros_have(void **state)
{
    static const char *const MEAN[] = {"log_target", "mean", NULL};
    const struct mer_params params = linear_params(MEAN);
    const struct mer_fit_data data = {.design = &table.design, .target = &table.target};
    struct mer_model *model = NULL;
    struct mer_alloc alloc;
    (void)state;
    make_table(false);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    table.values[3] = 0;
    assert_true(isfinite(error_of(MEAN)));
    table.values[3] = -1;
    assert_int_equal(linear_family()->fit(&ctx, &params, &data, &model, NULL).code, MER_ERR_DATA);
    assert_int_equal(alloc.used, 0);
    assert_int_equal(linear_family()->check(&params, MER_TASK_BINARY, NULL).code, MER_ERR_USAGE);
}

static void a_weight_of_zero_says_nothing_of_the_smearing(void **state)
{
    struct mer_adapter adapter = {
        .log_target = MER_LOG_TARGET_MEAN, .target_scale = 1, .target_low = -5, .target_high = 5};
    static const double PREDICTED[] = {0, 0}, LOGARITHMS[] = {1, 4}, WEIGHTS[] = {2, 0};
    (void)state;
    mer_adapter_smear(&adapter, PREDICTED, LOGARITHMS, WEIGHTS, 2);
    assert_true(fabs(adapter.smear - exp(1)) < 1e-12);
}

static const char *const ALL_SETTINGS[] = {"transform",  "normal", "products", "4",
                                           "log_target", "mean",   NULL};

static void fit_and_predict(const struct mer_ctx *ctx, double *outputs)
{
    struct mer_model *model = fit_settings(ctx, ALL_SETTINGS);
    assert_int_equal(linear_family()->predict(ctx, model, &table.design, outputs, NULL).code,
                     MER_OK);
    linear_family()->free(ctx, model);
}

static void threads_and_instruction_sets_give_the_same_bytes(void **state)
{
    (void)state;
    make_table(false);
    assert_same_bytes(fit_and_predict, ROWS);
}

static void nothing_is_saved_where_nothing_is_changed(void **state)
{
    struct mer_alloc alloc;
    struct saved_model saved;
    (void)state;
    make_table(false);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_model *model = fit_settings(&ctx, NULL);
    assert_int_equal(saved_model_fill(&ctx, linear_family(), model, &saved, NULL).code, MER_OK);
    assert_int_equal(saved.bundle.n_arrays, 2);
    saved_model_release(&saved);
    linear_family()->free(&ctx, model);
}

static void a_loaded_model_predicts_the_same_and_a_broken_one_is_refused(void **state)
{
    struct mer_alloc alloc;
    struct loading loading;
    (void)state;
    make_table(false);
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_model *model = fit_settings(&ctx, ALL_SETTINGS);
    loading_start(&loading, &ctx, linear_family(), model, &table);
    for (size_t i = 0; i < loading.saved.bundle.n_arrays; i++) {
        struct mer_array *array = &loading.saved.bundle.arrays[i];
        unsigned char *bytes = (unsigned char *)(uintptr_t)array->data;
        const unsigned char kept = bytes[0];
        array->shape[0]++; /* not read: the shape is refused */
        assert_refused(&loading);
        array->shape[0]--;
        if (array->dtype == MER_DTYPE_F64)
            continue;
        bytes[0] = 0xff; /* a kind, or a column, that is not there */
        assert_refused(&loading);
        bytes[0] = kept;
    }
    loading.task = MER_TASK_BINARY;
    assert_refused(&loading);
    loading.task = MER_TASK_REGRESSION;
    double *const references =
        (double *)(uintptr_t)mer_bundle_find(&loading.saved.bundle, "model/adapt_references")->data;
    references[1] = references[0] - 1;
    assert_refused(&loading);
    saved_model_release(&loading.saved);
    assert_survives_saving(&ctx, linear_family(), model, &table, &table.design);
}

static void condensed_columns_stay_behind_as_they_are(void **state)
{
    struct mer_adapter adapter;
    struct mer_adapted adapted;
    struct mer_alloc alloc;
    const struct mer_adapt_options options = {.transform = MER_TRANSFORM_POWER, .n_products = 2};
    (void)state;
    make_table(true);
    table.design.n_condensed = 2; /* the product of 0 and 3 cannot be found any more */
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    assert_int_equal(
        mer_adapter_learn(&ctx, &options, &table.design, &table.target, &adapter, NULL).code,
        MER_OK);
    assert_int_equal(mer_adapter_apply(&ctx, &adapter, &table.design, &adapted, NULL).code, MER_OK);
    const size_t stride = adapted.design.n_dense;
    assert_int_equal(stride, DENSE + adapter.n_products);
    for (size_t i = 0; i < ROWS; i++)
        assert_memory_equal(adapted.dense + (i + 1) * stride - 2, table.dense + i * DENSE + 2,
                            2 * sizeof(double));
    mer_adapted_release(&ctx, &adapted);
    mer_adapter_release(&ctx, &adapter);
    assert_int_equal(alloc.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_power_is_the_likeliest_one),
        cmocka_unit_test(quantiles_are_those_of_scikit_learn),
        cmocka_unit_test(transforms_never_fall_and_stay_finite_far_outside),
        cmocka_unit_test(half_a_column_of_zeros_lies_in_the_middle_of_its_levels),
        cmocka_unit_test(two_values_stay_as_they_are),
        cmocka_unit_test(the_product_that_tells_the_target_is_found),
        cmocka_unit_test(logarithms_come_back_as_values_and_their_mean_is_larger_than_their_median),
        cmocka_unit_test(a_target_below_zero_has_no_logarithm_and_zeros_have),
        cmocka_unit_test(a_weight_of_zero_says_nothing_of_the_smearing),
        cmocka_unit_test(threads_and_instruction_sets_give_the_same_bytes),
        cmocka_unit_test(nothing_is_saved_where_nothing_is_changed),
        cmocka_unit_test(a_loaded_model_predicts_the_same_and_a_broken_one_is_refused),
        cmocka_unit_test(condensed_columns_stay_behind_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
