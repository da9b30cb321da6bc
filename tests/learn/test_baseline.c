#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "saved_model.h"

enum { N = 5 };

static const int32_t CLASSES[N] = {0, 2, 1, 2, 2};
static const double VALUES[N] = {3, -1, 10, 4, 100};
static const double WEIGHTS[N] = {1, 0, 2, 0.5, 0.5};
static const struct mer_design DESIGN = {.n_rows = N};

static const struct mer_family *baseline(void)
{
    const struct mer_family *family = mer_family_find("baseline");
    assert_non_null(family);
    return family;
}

/* Fits, predicts, saves, loads and predicts again; both predictions of the first row must agree. */
static void first_prediction(const struct mer_target *target, const char *strategy,
                             double *ret_outputs)
{
    const struct mer_family *family = baseline();
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    const struct mer_fit_data data = {.design = &DESIGN, .target = target};
    const size_t n_outputs = mer_target_outputs(target->task, target->n_classes);
    struct mer_params params;
    struct mer_model *model, *loaded;
    struct saved_model saved;
    double first[3 * N], second[3 * N];
    mer_params_default(family->params, family->n_params, &params);
    assert_int_equal(
        mer_params_set(family->params, family->n_params, "strategy", strategy, &params, NULL).code,
        MER_OK);
    assert_int_equal(family->fit(&ctx, &params, &data, &model, NULL).code, MER_OK);
    assert_int_equal(family->predict(&ctx, model, &DESIGN, first, NULL).code, MER_OK);
    assert_int_equal(saved_model_fill(&ctx, family, model, &saved, NULL).code, MER_OK);
    assert_int_equal(saved_model_load(&ctx, family, &saved, target->task, target->n_classes,
                                      &DESIGN, &loaded, NULL)
                         .code,
                     MER_OK);
    assert_int_equal(family->predict(&ctx, loaded, &DESIGN, second, NULL).code, MER_OK);
    assert_memory_equal(first, second, N * n_outputs * sizeof(double));
    for (size_t i = n_outputs; i < N * n_outputs; i++)
        assert_true(first[i] == first[i % n_outputs]);
    memcpy(ret_outputs, first, n_outputs * sizeof(double));
    family->free(&ctx, model);
    family->free(&ctx, loaded);
    saved_model_release(&saved);
    assert_int_equal(alloc.used, 0);
}

static void classification_predicts_the_weighted_shares(void **state)
{
    (void)state;
    struct mer_target target = {.task = MER_TASK_MULTICLASS, .classes = CLASSES, .n_classes = 3};
    double shares[3];
    first_prediction(&target, "mean", shares);
    assert_true(shares[0] == 0.2 && shares[1] == 0.2 && shares[2] == 0.6);
    target.weights = WEIGHTS;
    first_prediction(&target, "median", shares);
    assert_true(shares[0] == 0.25 && shares[1] == 0.5 && shares[2] == 0.25);
}

static void regression_predicts_the_weighted_mean(void **state)
{
    (void)state;
    struct mer_target target = {.task = MER_TASK_REGRESSION, .values = VALUES};
    double value;
    first_prediction(&target, "mean", &value);
    assert_true(fabs(value - 23.2) < 1e-14);
    target.weights = WEIGHTS;
    first_prediction(&target, "mean", &value);
    assert_true(fabs(value - (3 + 20 + 2 + 50) / 4.0) < 1e-14);
}

static void the_median_balances_the_weights(void **state)
{
    (void)state;
    struct mer_target target = {.task = MER_TASK_REGRESSION, .values = VALUES};
    const double even_weights[N] = {1, 1, 0, 1, 1};   /* of -1, 3, 4, 100: between 3 and 4 */
    const double heavy_weights[N] = {1, 1, 10, 1, 1}; /* 10 outweighs the rest */
    const double split_weights[N] = {2, 1, 1, 0, 2};  /* halves meet between 3 and 10, past 4 */
    double value;
    first_prediction(&target, "median", &value);
    assert_true(value == 4);
    target.weights = even_weights;
    first_prediction(&target, "median", &value);
    assert_true(value == 3.5);
    target.weights = heavy_weights;
    first_prediction(&target, "median", &value);
    assert_true(value == 10);
    target.weights = split_weights;
    first_prediction(&target, "median", &value);
    assert_true(value == 6.5);
}

static void no_row_with_weight_is_an_error(void **state)
{
    (void)state;
    const double none[N] = {0};
    const struct mer_target target = {
        .task = MER_TASK_REGRESSION, .values = VALUES, .weights = none};
    const struct mer_fit_data data = {.design = &DESIGN, .target = &target};
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_params params;
    struct mer_model *model = NULL;
    mer_params_default(baseline()->params, baseline()->n_params, &params);
    assert_int_equal(baseline()->fit(&ctx, &params, &data, &model, NULL).code, MER_ERR_DATA);
    assert_null(model);
    assert_int_equal(alloc.used, 0);
}

static enum mer_code load_outputs(enum mer_dtype dtype, size_t n, const void *outputs,
                                  enum mer_task task, size_t n_classes)
{
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_bundle bundle;
    struct mer_model *model = NULL;
    mer_bundle_init(&bundle, &alloc);
    assert_int_equal(mer_bundle_add_vector(&bundle, "model/outputs", dtype, n, outputs, NULL).code,
                     MER_OK);
    const enum mer_code code =
        baseline()->load(&ctx, &bundle, PREFIX, NULL, task, n_classes, &DESIGN, &model, NULL).code;
    baseline()->free(&ctx, model);
    mer_bundle_release(&bundle);
    assert_int_equal(alloc.used, 0);
    return code;
}

static void hostile_bundles_are_refused(void **state)
{
    (void)state;
    const double good[] = {0.25, 0.75};
    const double above[] = {1.25, -0.25};
    const double short_of_one[] = {0.25, 0.5};
    const double not_a_number[] = {NAN, 1};
    const double infinite[] = {INFINITY};
    assert_int_equal(load_outputs(MER_DTYPE_F64, 2, good, MER_TASK_BINARY, 2), MER_OK);
    assert_int_equal(load_outputs(MER_DTYPE_F64, 1, good, MER_TASK_REGRESSION, 0), MER_OK);
    assert_int_equal(load_outputs(MER_DTYPE_F64, 2, above, MER_TASK_BINARY, 2), MER_ERR_DATA);
    assert_int_equal(load_outputs(MER_DTYPE_F64, 2, short_of_one, MER_TASK_BINARY, 2),
                     MER_ERR_DATA);
    assert_int_equal(load_outputs(MER_DTYPE_F64, 2, not_a_number, MER_TASK_BINARY, 2),
                     MER_ERR_DATA);
    assert_int_equal(load_outputs(MER_DTYPE_F64, 1, infinite, MER_TASK_REGRESSION, 0),
                     MER_ERR_DATA);
    assert_int_equal(load_outputs(MER_DTYPE_F64, 1, good, MER_TASK_BINARY, 2), MER_ERR_DATA);
    assert_int_equal(load_outputs(MER_DTYPE_I64, 2, good, MER_TASK_BINARY, 2), MER_ERR_DATA);
}

static void failed_allocations_leave_nothing_behind(void **state)
{
    (void)state;
    const struct mer_family *family = baseline();
    const struct mer_target target = {
        .task = MER_TASK_REGRESSION, .values = VALUES, .weights = WEIGHTS};
    const struct mer_fit_data data = {.design = &DESIGN, .target = &target};
    for (int strategy = 0; strategy < 2; strategy++) {
        enum mer_code code = MER_ERR_MEMORY;
        for (uint64_t fail_at = 1; code != MER_OK; fail_at++) {
            const struct mer_params params = {.values = {strategy}};
            struct mer_alloc alloc;
            mer_alloc_init(&alloc, SIZE_MAX);
            alloc.fail_at = fail_at;
            const struct mer_ctx ctx = {.alloc = &alloc};
            struct mer_model *model = NULL;
            code = family->fit(&ctx, &params, &data, &model, NULL).code;
            assert_true(code == MER_OK || (code == MER_ERR_MEMORY && !model));
            family->free(&ctx, model);
            assert_int_equal(alloc.used, 0);
            assert_true(fail_at < 20);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classification_predicts_the_weighted_shares),
        cmocka_unit_test(regression_predicts_the_weighted_mean),
        cmocka_unit_test(the_median_balances_the_weights),
        cmocka_unit_test(no_row_with_weight_is_an_error),
        cmocka_unit_test(hostile_bundles_are_refused),
        cmocka_unit_test(failed_allocations_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
