/* Saved trees that were cut, changed or made up: refused, or harmless. */
#include <stdlib.h>

#include "tree_table.h"

enum { N_ROWS = 700, RANDOM_CHANGES = 20000 };

static struct table table;
static double outputs[N_ROWS * TABLE_CLASSES];

/* Fits a tree with dense splits, sets of levels and leaves. */
static void fit_mixed(size_t n_classes, struct fitted *ret)
{
    make_mixed_table(&table, N_ROWS, n_classes, 9);
    fit_tree(&table, NULL, 1, ret);
    assert_true(fitted_integer(ret, "n_leaves") > 20);
}

/* Loads the tree with array `at` replaced (a data pointer of NULL leaves it out). What loads has to
 * predict, within its arrays (the sanitizers watch) and with outputs that are valid. */
static enum mer_code load_with(const struct fitted *fitted, size_t at,
                               const struct mer_array *replacement)
{
    struct saved_model changed = {.document = fitted->saved.document};
    const struct mer_bundle *bundle = &fitted->saved.bundle;
    const size_t n_classes = table.target.n_classes;
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_model *model = NULL;
    mer_err err = {0};
    mer_bundle_init(&changed.bundle, &alloc);
    for (size_t i = 0; i < bundle->n_arrays; i++) {
        const struct mer_array *array = i == at ? replacement : &bundle->arrays[i];
        if (array->data)
            assert_int_equal(mer_bundle_add(&changed.bundle, bundle->arrays[i].name, array->dtype,
                                            array->n_dims, array->shape, array->data, false, NULL)
                                 .code,
                             MER_OK);
    }
    const mer_status status = saved_model_load(&ctx, tree_family(), &changed, table.target.task,
                                               n_classes, &table.design, &model, &err);
    if (mer_is_ok(status)) {
        assert_int_equal(tree_family()->predict(&ctx, model, &table.design, outputs, NULL).code,
                         MER_OK);
        for (size_t row = 0; row < N_ROWS * (n_classes ? n_classes : 1); row++)
            assert_true(isfinite(outputs[row]) &&
                        (!n_classes || (outputs[row] >= 0 && outputs[row] <= 1)));
    } else {
        assert_null(model);
        assert_int_equal(status.code, MER_ERR_DATA);
        assert_true(err.message[0] != '\0');
    }
    tree_family()->free(&ctx, model);
    mer_bundle_release(&changed.bundle);
    assert_int_equal(alloc.used, 0);
    return status.code;
}

static const size_t CLASS_COUNTS[] = {0, 2, 5};

static void a_missing_or_mistyped_array_is_refused(void **state)
{
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        struct fitted fitted;
        fit_mixed(CLASS_COUNTS[c], &fitted);
        for (size_t i = 0; i < fitted.saved.bundle.n_arrays; i++) {
            struct mer_array array = fitted.saved.bundle.arrays[i];
            assert_int_equal(load_with(&fitted, i, &array), MER_OK);
            array.dtype = array.dtype == MER_DTYPE_I8 ? MER_DTYPE_U8 : MER_DTYPE_I8;
            assert_int_equal(load_with(&fitted, i, &array), MER_ERR_DATA);
            array.data = NULL;
            assert_int_equal(load_with(&fitted, i, &array), MER_ERR_DATA);
        }
        fitted_release(&fitted);
    }
}

static void a_cut_array_is_refused_at_every_length(void **state)
{
    (void)state;
    struct fitted fitted;
    fit_mixed(5, &fitted);
    for (size_t i = 0; i < fitted.saved.bundle.n_arrays; i++) {
        struct mer_array array = fitted.saved.bundle.arrays[i];
        const size_t n = array.shape[0];
        for (array.shape[0] = 0; array.shape[0] < n; array.shape[0]++)
            assert_int_equal(load_with(&fitted, i, &array), MER_ERR_DATA);
        if (array.n_dims == 2) {
            array.shape[1]--;
            assert_int_equal(load_with(&fitted, i, &array), MER_ERR_DATA);
        }
    }
    fitted_release(&fitted);
}

/* A copy of the array's bytes that the caller frees, put into the array. */
static unsigned char *copy_data(struct mer_array *array)
{
    unsigned char *copy = malloc(array->n_bytes + 1);
    assert_non_null(copy);
    memcpy(copy, array->data, array->n_bytes);
    array->data = copy;
    return copy;
}

/* Puts a hostile value of the array's type at element i of the copy. */
static void put_hostile(const struct mer_array *array, unsigned char *copy, size_t i, size_t which)
{
    static const int64_t integers[] = {-2,     -1,        0,         1,         3,        5,
                                       100000, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    static const double numbers[] = {NAN, INFINITY, -INFINITY, -0.5,   1.5, 1e300,
                                     0,   1,        0x1p-1074, -1e300, 2};
    const int32_t narrow = (int32_t)integers[which];
    switch (array->dtype) {
    case MER_DTYPE_I32:
        memcpy(copy + i * sizeof narrow, &narrow, sizeof narrow);
        break;
    case MER_DTYPE_I64:
        memcpy(copy + i * sizeof integers[0], &integers[which], sizeof integers[0]);
        break;
    case MER_DTYPE_F64:
        memcpy(copy + i * sizeof numbers[0], &numbers[which], sizeof numbers[0]);
        break;
    default:
        copy[i] = (unsigned char)(which * 25);
    }
}

static void hostile_elements_are_refused_or_harmless(void **state)
{
    (void)state;
    size_t n_refused = 0;
    for (size_t c = 0; c < 3; c++) {
        struct fitted fitted;
        fit_mixed(CLASS_COUNTS[c], &fitted);
        for (size_t i = 0; i < fitted.saved.bundle.n_arrays; i++) {
            struct mer_array array = fitted.saved.bundle.arrays[i];
            const size_t size = mer_dtype_size(array.dtype);
            const struct mer_array original = array;
            unsigned char *copy = copy_data(&array);
            for (size_t k = 0; k < 11 * (array.n_bytes / size); k++) {
                put_hostile(&array, copy, k / 11, k % 11);
                n_refused += load_with(&fitted, i, &array) != MER_OK;
                memcpy(copy, original.data, array.n_bytes);
            }
            free(copy);
        }
        fitted_release(&fitted);
    }
    assert_true(n_refused > 1000);
}

static void random_bytes_are_refused_or_harmless(void **state)
{
    (void)state;
    mer_rng rng;
    mer_rng_init(&rng, 3, 0);
    struct fitted fitted;
    size_t n_refused = 0;
    fit_mixed(5, &fitted);
    for (size_t round = 0; round < RANDOM_CHANGES; round++) {
        const size_t i = mer_rng_below(&rng, fitted.saved.bundle.n_arrays);
        struct mer_array array = fitted.saved.bundle.arrays[i];
        if (array.n_bytes == 0)
            continue;
        unsigned char *copy = copy_data(&array);
        const size_t n_changes = 1 + mer_rng_below(&rng, 3);
        for (size_t change = 0; change < n_changes; change++)
            copy[mer_rng_below(&rng, array.n_bytes)] = (unsigned char)mer_rng_u32(&rng);
        n_refused += load_with(&fitted, i, &array) != MER_OK;
        free(copy);
    }
    assert_in_range(n_refused, RANDOM_CHANGES / 4, RANDOM_CHANGES - 1);
    fitted_release(&fitted);
}

/* Loads the tree as if it had been fitted on another kind of table. */
static enum mer_code load_as(const struct fitted *fitted, enum mer_task task, size_t n_classes,
                             const struct mer_design *shape)
{
    struct mer_model *model = NULL;
    const enum mer_code code = saved_model_load(&fitted->ctx, tree_family(), &fitted->saved, task,
                                                n_classes, shape, &model, NULL)
                                   .code;
    tree_family()->free(&fitted->ctx, model);
    return code;
}

static void a_tree_for_another_table_is_refused(void **state)
{
    (void)state;
    struct fitted fitted;
    fit_mixed(5, &fitted);
    struct mer_design shape = table.design;
    assert_int_equal(load_as(&fitted, MER_TASK_MULTICLASS, 5, &shape), MER_OK);
    assert_int_equal(load_as(&fitted, MER_TASK_MULTICLASS, 4, &shape), MER_ERR_DATA);
    assert_int_equal(load_as(&fitted, MER_TASK_REGRESSION, 0, &shape), MER_ERR_DATA);
    const uint32_t wider[] = {0, 40, 43};
    shape.group_start = wider;
    assert_int_equal(load_as(&fitted, MER_TASK_MULTICLASS, 5, &shape), MER_ERR_DATA);
    shape.group_start = table.group_start;
    shape.n_groups = 0;
    assert_int_equal(load_as(&fitted, MER_TASK_MULTICLASS, 5, &shape), MER_ERR_DATA);
    shape.n_groups = 2;
    shape.n_dense = 0;
    assert_int_equal(load_as(&fitted, MER_TASK_MULTICLASS, 5, &shape), MER_ERR_DATA);
    fitted_release(&fitted);
}

static void the_object_must_say_what_the_arrays_say(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}", "{\"n_leaves\":3}", "{\"n_leaves\":\"3\",\"depth\":2}",
        "{\"n_leaves\":1,\"depth\":0}", "{\"n_leaves\":1e3,\"depth\":-1}"};
    struct fitted fitted;
    fit_mixed(2, &fitted);
    struct mer_json_document *original = fitted.saved.document;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(mer_json_parse(&fitted.alloc, texts[i], strlen(texts[i]),
                                        &MER_JSON_DEFAULT_LIMITS, "test", &fitted.saved.document,
                                        NULL)
                             .code,
                         MER_OK);
        assert_int_equal(load_as(&fitted, MER_TASK_BINARY, 2, &table.design), MER_ERR_DATA);
        mer_json_free(fitted.saved.document);
    }
    fitted.saved.document = original;
    assert_int_equal(load_as(&fitted, MER_TASK_BINARY, 2, &table.design), MER_OK);
    fitted_release(&fitted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_or_mistyped_array_is_refused),
        cmocka_unit_test(a_cut_array_is_refused_at_every_length),
        cmocka_unit_test(hostile_elements_are_refused_or_harmless),
        cmocka_unit_test(random_bytes_are_refused_or_harmless),
        cmocka_unit_test(a_tree_for_another_table_is_refused),
        cmocka_unit_test(the_object_must_say_what_the_arrays_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
