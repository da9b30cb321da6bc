#include "core/bundle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "every_failure.h"

struct fixture {
    struct mer_alloc alloc;
    struct mer_bundle bundle;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    mer_alloc_init(&fixture.alloc, SIZE_MAX);
    mer_bundle_init(&fixture.bundle, &fixture.alloc);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    mer_bundle_release(&fixture->bundle);
    return fixture->alloc.used == 0 ? 0 : -1;
}

static struct mer_bundle *bundle_of(void **state)
{
    return &((struct fixture *)*state)->bundle;
}

static void assert_ok(mer_status status)
{
    assert_int_equal(status.code, MER_OK);
}

static void arrays_are_found_by_name_type_and_shape(void **state)
{
    struct mer_bundle *bundle = bundle_of(state);
    const double matrix[2][3] = {{1, 2, 3}, {4, 5, 6}};
    const uint8_t bytes[] = {7, 8};
    const struct mer_array *array = NULL;
    const void *data = NULL;
    assert_ok(mer_bundle_add(bundle, "w", MER_DTYPE_F64, 2, (size_t[]){2, 3}, matrix, true, NULL));
    assert_ok(mer_bundle_add_vector(bundle, "b/0", MER_DTYPE_U8, 2, bytes, NULL));
    assert_ok(mer_bundle_add(bundle, "scalar", MER_DTYPE_F64, 0, NULL, matrix, true, NULL));
    assert_ok(mer_bundle_get(bundle, "w", MER_DTYPE_F64, 2, &array, NULL));
    assert_int_equal(array->n_bytes, 48);
    assert_int_equal(array->shape[1], 3);
    assert_memory_equal(array->data, matrix, sizeof matrix);
    assert_ptr_not_equal(array->data, matrix);
    assert_ok(mer_bundle_get_vector(bundle, "b/0", MER_DTYPE_U8, 2, &data, NULL));
    assert_memory_equal(data, bytes, 2);
    assert_int_equal(mer_bundle_find(bundle, "scalar")->n_bytes, 8);
    assert_null(mer_bundle_find(bundle, "nothing"));
}

static void what_is_absent_or_different_is_bad_data(void **state)
{
    struct mer_bundle *bundle = bundle_of(state);
    const struct mer_array *array = NULL;
    const void *data = NULL;
    assert_ok(mer_bundle_add_vector(bundle, "v", MER_DTYPE_F32, 2, (float[]){1, 2}, NULL));
    assert_int_equal(mer_bundle_get(bundle, "u", MER_DTYPE_F32, 1, &array, NULL).code,
                     MER_ERR_DATA);
    assert_int_equal(mer_bundle_get(bundle, "v", MER_DTYPE_F64, 1, &array, NULL).code,
                     MER_ERR_DATA);
    assert_int_equal(mer_bundle_get(bundle, "v", MER_DTYPE_F32, 2, &array, NULL).code,
                     MER_ERR_DATA);
    assert_int_equal(mer_bundle_get_vector(bundle, "v", MER_DTYPE_F32, 3, &data, NULL).code,
                     MER_ERR_DATA);
    assert_null(array);
    assert_null(data);
}

static void bad_names_shapes_and_repetitions_are_refused(void **state)
{
    struct mer_bundle *bundle = bundle_of(state);
    char longest[MER_BUNDLE_NAME_MAX + 2];
    const uint64_t words[2] = {0};
    const char *const bad[] = {"", "A", "a b", "\xc3\xa4", "a\n", "a\"b"};
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(mer_bundle_add_vector(bundle, bad[i], MER_DTYPE_U64, 1, words, NULL).code,
                         MER_ERR_INTERNAL);
    assert_int_equal(mer_bundle_add_vector(bundle, longest, MER_DTYPE_U64, 1, words, NULL).code,
                     MER_ERR_INTERNAL);
    longest[MER_BUNDLE_NAME_MAX] = '\0';
    assert_ok(mer_bundle_add_vector(bundle, longest, MER_DTYPE_U64, 1, words, NULL));
    assert_int_equal(mer_bundle_add_vector(bundle, longest, MER_DTYPE_U64, 1, words, NULL).code,
                     MER_ERR_INTERNAL);
    assert_int_equal(
        mer_bundle_add(bundle, "d", MER_DTYPE_U8, 5, (size_t[]){1, 1, 1, 1, 1}, words, true, NULL)
            .code,
        MER_ERR_INTERNAL);
    assert_int_equal(mer_bundle_add(bundle, "o", MER_DTYPE_U64, 2, (size_t[]){SIZE_MAX / 4, 3},
                                    words, true, NULL)
                         .code,
                     MER_ERR_INTERNAL);
    assert_int_equal(mer_bundle_add_vector(bundle, "t", MER_DTYPE_COUNT, 1, words, NULL).code,
                     MER_ERR_INTERNAL);
    assert_int_equal(mer_bundle_add(bundle, "m", MER_DTYPE_U64, 1, (size_t[]){1},
                                    (const char *)words + 1, false, NULL)
                         .code,
                     MER_ERR_INTERNAL);
    assert_int_equal(bundle->n_arrays, 1);
}

static void borrowed_arrays_are_not_copied(void **state)
{
    struct mer_bundle *bundle = bundle_of(state);
    static const int32_t numbers[] = {1, 2, 3};
    assert_ok(mer_bundle_add(bundle, "n", MER_DTYPE_I32, 1, (size_t[]){3}, numbers, false, NULL));
    assert_ptr_equal(mer_bundle_find(bundle, "n")->data, numbers);
}

static void thousands_of_names_in_any_order_are_found(void **state)
{
    struct mer_bundle *bundle = bundle_of(state);
    enum { N = 5000 };
    char name[32];
    for (uint32_t i = 0; i < N; i++) {
        const uint32_t number = i * 2654435761u;
        (void)snprintf(name, sizeof name, "a.%u", number);
        assert_ok(mer_bundle_add_vector(bundle, name, MER_DTYPE_U32, 1, &number, NULL));
        assert_int_equal(mer_bundle_add_vector(bundle, name, MER_DTYPE_U32, 1, &number, NULL).code,
                         MER_ERR_INTERNAL);
    }
    for (uint32_t i = 0; i < N; i++) {
        const uint32_t number = i * 2654435761u;
        (void)snprintf(name, sizeof name, "a.%u", number);
        const struct mer_array *array = mer_bundle_find(bundle, name);
        assert_non_null(array);
        assert_memory_equal(array->data, &number, sizeof number);
        /* The order in which they were added is kept. */
        assert_ptr_equal(array, &bundle->arrays[i]);
    }
}

static void texts_come_back_as_they_were(void **state)
{
    struct mer_bundle *bundle = bundle_of(state);
    const char *const texts[] = {"red", "", "gr\xc3\xbcn"};
    const char *bytes = NULL;
    const int64_t *offsets = NULL;
    size_t n = 0;
    assert_ok(mer_bundle_add_texts(bundle, "levels", 3, texts, NULL, NULL));
    assert_ok(mer_bundle_get_texts(bundle, "levels", SIZE_MAX, &bytes, &offsets, &n, NULL));
    assert_int_equal(n, 3);
    assert_int_equal(offsets[1], 3);
    assert_int_equal(offsets[2], 3);
    assert_int_equal(offsets[3], 8);
    assert_memory_equal(bytes, "redgr\xc3\xbcn", 8);
    assert_ok(mer_bundle_get_texts(bundle, "levels", 3, &bytes, &offsets, NULL, NULL));
    assert_int_equal(mer_bundle_get_texts(bundle, "levels", 4, &bytes, &offsets, &n, NULL).code,
                     MER_ERR_DATA);

    assert_ok(mer_bundle_add_texts(bundle, "none", 0, NULL, NULL, NULL));
    assert_ok(mer_bundle_get_texts(bundle, "none", SIZE_MAX, &bytes, &offsets, &n, NULL));
    assert_int_equal(n, 0);

    const size_t lengths[] = {2, 0, 4};
    assert_ok(mer_bundle_add_texts(bundle, "cut", 3, texts, lengths, NULL));
    assert_int_equal(mer_bundle_get_texts(bundle, "cut", 3, &bytes, &offsets, &n, NULL).code,
                     MER_OK);
    assert_int_equal(offsets[3], 6);
}

/* A file's bundle is what a stranger wrote: each of these would read outside the data. */
static void hostile_texts_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *data;
        int64_t offsets[4];
        size_t n_offsets;
    } cases[] = {
        {"abcd", {1, 2, 4}, 3},
        {"abcd", {0, 2, 5}, 3},
        {"abcd", {0, 2, 3}, 3},
        {"abcd", {0, 3, 2, 4}, 4},
        {"abcd", {0, -1, 4}, 3},
        {"abcd", {0, INT64_MAX, 4}, 3},
        {"abcd", {0, 2, INT64_MIN}, 3},
        {"abcd", {0, 5, 4}, 3},
        {"abcd", {0}, 0},
        {"abcd", {0}, 1},
        {"ab\xff"
         "d",
         {0, 2, 4},
         3},
        {"a\xc3\xbc"
         "d",
         {0, 2, 4},
         3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mer_bundle bundle;
        const char *bytes = NULL;
        const int64_t *offsets = NULL;
        size_t n = 77;
        mer_bundle_init(&bundle, &fixture->alloc);
        assert_ok(mer_bundle_add_vector(&bundle, "t.data", MER_DTYPE_U8, 4, cases[i].data, NULL));
        assert_ok(mer_bundle_add_vector(&bundle, "t.offsets", MER_DTYPE_I64, cases[i].n_offsets,
                                        cases[i].offsets, NULL));
        const mer_status status =
            mer_bundle_get_texts(&bundle, "t", SIZE_MAX, &bytes, &offsets, &n, NULL);
        mer_bundle_release(&bundle);
        if (status.code != MER_ERR_DATA)
            fail_msg("case %zu was accepted", i);
        assert_null(bytes);
        assert_int_equal(n, 77);
    }
}

static mer_status save_a_model(struct mer_alloc *alloc, mer_err *err)
{
    struct mer_bundle bundle;
    const char *const texts[] = {"yes", "no"};
    char name[32];
    mer_status status;
    mer_bundle_init(&bundle, alloc);
    MER_GUARD_GOTO(mer_bundle_add_texts(&bundle, "classes", 2, texts, NULL, err), end);
    for (int i = 0; i < 100; i++) {
        const double values[100] = {i};
        (void)snprintf(name, sizeof name, "tree.%d", i);
        MER_GUARD_GOTO(mer_bundle_add_vector(&bundle, name, MER_DTYPE_F64, 100, values, err), end);
    }
end:
    mer_bundle_release(&bundle);
    return status;
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    mer_test_every_failure(save_a_model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(arrays_are_found_by_name_type_and_shape, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_absent_or_different_is_bad_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_names_shapes_and_repetitions_are_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(borrowed_arrays_are_not_copied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(thousands_of_names_in_any_order_are_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(texts_come_back_as_they_were, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile_texts_are_refused, set_up, tear_down),
        cmocka_unit_test(every_failing_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
