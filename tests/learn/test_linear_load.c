/* Saved linear models: loaded again with the same bits, refused when tampered with. */
#include "linear_table.h"

#include "every_failure.h"

enum { N_ROWS = 90, N_DENSE = 5, N_FEATURES = N_DENSE + TABLE_ONEHOT };

static struct table table;
static double outputs[N_ROWS * TABLE_CLASSES], other_outputs[N_ROWS * TABLE_CLASSES];

static const size_t CLASS_COUNTS[] = {0, 2, 4};

/* Fits, saves, loads, and predicts with both the fitted and the loaded model. */
static mer_status run(const struct mer_ctx *ctx, mer_err *err)
{
    const struct mer_family *family = linear_family();
    const struct mer_params params = linear_params(NULL);
    const struct mer_fit_data data = {.design = &table.design, .target = &table.target};
    struct mer_model *model = NULL, *loaded = NULL;
    struct saved_model saved = {0};
    mer_status status;
    mer_bundle_init(&saved.bundle, ctx->alloc);
    MER_GUARD_GOTO(family->fit(ctx, &params, &data, &model, err), done);
    MER_GUARD_GOTO(saved_model_fill(ctx, family, model, &saved, err), done);
    MER_GUARD_GOTO(saved_model_load(ctx, family, &saved, table.target.task, table.target.n_classes,
                                    &table.design, &loaded, err),
                   done);
    MER_GUARD_GOTO(family->predict(ctx, model, &table.design, outputs, err), done);
    MER_GUARD_GOTO(family->predict(ctx, loaded, &table.design, other_outputs, err), done);
done:
    family->free(ctx, loaded);
    family->free(ctx, model);
    saved_model_release(&saved);
    return status;
}

static void a_loaded_model_predicts_the_same_bits(void **state)
{
    struct mer_alloc alloc;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    for (size_t c = 0; c < 3; c++) {
        make_random_table(&table, N_ROWS, N_DENSE, 2, CLASS_COUNTS[c], true);
        assert_int_equal(run(&ctx, NULL).code, MER_OK);
        assert_memory_equal(outputs, other_outputs,
                            N_ROWS * mer_target_outputs(table.target.task, CLASS_COUNTS[c]) *
                                sizeof *outputs);
        assert_int_equal(alloc.used, 0);
    }
}

static mer_status scenario(struct mer_alloc *alloc, mer_err *err)
{
    const struct mer_ctx ctx = {.alloc = alloc};
    return run(&ctx, err);
}

static void every_failing_allocation_is_reported_and_nothing_leaks(void **state)
{
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        make_random_table(&table, N_ROWS, N_DENSE, 2, CLASS_COUNTS[c], false);
        mer_test_every_failure(scenario);
    }
}

/* A model made up from arrays; dims of 0 leave an array out. */
struct forged {
    size_t n_outputs;
    size_t n_features;
    enum mer_dtype dtype;
    size_t n_intercepts;
    size_t n_intercept_dims;
    double coefficients[(TABLE_CLASSES + 1) * (N_FEATURES + 1)];
    double intercepts[TABLE_CLASSES + 1];
};

static const struct forged VALID = {.n_outputs = 4,
                                    .n_features = N_FEATURES,
                                    .dtype = MER_DTYPE_F64,
                                    .n_intercepts = 4,
                                    .n_intercept_dims = 1};

/* Loads it, and predicts where that worked. */
static enum mer_code load_forged(const struct forged *forged)
{
    struct saved_model saved = {0};
    struct mer_model *model = NULL;
    struct mer_alloc alloc;
    mer_err err = {0};
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    const size_t shape[] = {forged->n_outputs, forged->n_features};
    const size_t intercept_shape[] = {forged->n_intercepts, 1};
    mer_bundle_init(&saved.bundle, &alloc);
    if (forged->n_outputs)
        assert_int_equal(mer_bundle_add(&saved.bundle, "model/coefficients", forged->dtype, 2,
                                        shape, forged->coefficients, true, NULL)
                             .code,
                         MER_OK);
    if (forged->n_intercept_dims)
        assert_int_equal(mer_bundle_add(&saved.bundle, "model/intercepts", MER_DTYPE_F64,
                                        forged->n_intercept_dims, intercept_shape,
                                        forged->intercepts, true, NULL)
                             .code,
                         MER_OK);
    make_random_table(&table, N_ROWS, N_DENSE, 2, 4, false);
    mer_status status = saved_model_load(&ctx, linear_family(), &saved, MER_TASK_MULTICLASS, 4,
                                         &table.design, &model, &err);
    assert_true(mer_is_ok(status) == (model != NULL));
    if (model)
        status = linear_family()->predict(&ctx, model, &table.design, outputs, &err);
    assert_true(mer_is_ok(status) || err.message[0] != '\0');
    linear_family()->free(&ctx, model);
    mer_bundle_release(&saved.bundle);
    assert_int_equal(alloc.used, 0);
    return status.code;
}

static void arrays_of_the_wrong_shape_or_type_are_refused(void **state)
{
    struct forged forged = VALID;
    (void)state;
    assert_int_equal(load_forged(&forged), MER_OK);
    for (size_t n_outputs = 0; n_outputs <= 5; n_outputs++)
        for (size_t n_features = N_FEATURES - 1; n_features <= N_FEATURES + 1; n_features++) {
            forged.n_outputs = n_outputs;
            forged.n_features = n_features;
            const bool is_valid = n_outputs == 4 && n_features == N_FEATURES;
            assert_int_equal(load_forged(&forged), is_valid ? MER_OK : MER_ERR_DATA);
        }
    forged = VALID;
    forged.dtype = MER_DTYPE_I64;
    assert_int_equal(load_forged(&forged), MER_ERR_DATA);
    for (size_t n = 1; n <= 5; n++) {
        forged = VALID;
        forged.n_intercepts = n;
        assert_int_equal(load_forged(&forged), n == 4 ? MER_OK : MER_ERR_DATA);
    }
    forged = VALID;
    forged.n_intercept_dims = 2;
    assert_int_equal(load_forged(&forged), MER_ERR_DATA);
    forged.n_intercept_dims = 0;
    assert_int_equal(load_forged(&forged), MER_ERR_DATA);
}

static void coefficients_that_are_not_finite_are_refused(void **state)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct forged forged = VALID;
        forged.coefficients[4 * N_FEATURES - 1] = bad[i];
        assert_int_equal(load_forged(&forged), MER_ERR_DATA);
        forged = VALID;
        forged.intercepts[3] = bad[i];
        assert_int_equal(load_forged(&forged), MER_ERR_DATA);
    }
}

/* Finite coefficients whose scores overflow. */
static void predictions_that_overflow_are_refused(void **state)
{
    struct forged forged = VALID;
    (void)state;
    for (size_t i = 0; i < 4 * N_FEATURES; i++)
        forged.coefficients[i] = i % 3 ? 1.7e308 : -1.7e308;
    assert_int_equal(load_forged(&forged), MER_ERR_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loaded_model_predicts_the_same_bits),
        cmocka_unit_test(every_failing_allocation_is_reported_and_nothing_leaks),
        cmocka_unit_test(arrays_of_the_wrong_shape_or_type_are_refused),
        cmocka_unit_test(coefficients_that_are_not_finite_are_refused),
        cmocka_unit_test(predictions_that_overflow_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
