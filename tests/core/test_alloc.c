#include "core/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_ok(mer_status status)
{
    assert_int_equal(status.code, MER_OK);
}

static void memory_is_aligned_and_counted(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    for (size_t n = 0; n < 300; n += 7) {
        unsigned char *bytes;
        assert_ok(mer_alloc_bytes(&alloc, n, &bytes, NULL));
        assert_int_equal((uintptr_t)bytes % MER_ALIGNMENT, 0);
        assert_int_equal(alloc.used, n);
        memset(bytes, 0xab, n);
        mer_free(&alloc, bytes);
        assert_int_equal(alloc.used, 0);
    }
    mer_free(&alloc, NULL);
}

static void zeroed_memory_is_zero(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    uint32_t *words;
    mer_alloc_init(&alloc, SIZE_MAX);
    assert_ok(mer_alloc_zero(&alloc, 1000, sizeof *words, &words, NULL));
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(words[i], 0);
    mer_free(&alloc, words);
}

static void scattered_memory_is_zero_whatever_its_size_and_pages(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    for (size_t n = 1; n < (size_t)20 << 20; n = 3 * n + 1) {
        /* The second time in memory that was used before. */
        for (int time = 0; time < 2; time++) {
            uint32_t *words;
            assert_ok(mer_alloc_scattered(&alloc, n, sizeof *words, &words, NULL));
            assert_int_equal((uintptr_t)words % MER_ALIGNMENT, 0);
            for (size_t i = 0; i < n; i += 97)
                assert_int_equal(words[i], 0);
            memset(words, 1, n * sizeof *words);
            mer_free(&alloc, words);
        }
    }
    assert_int_equal(alloc.used, 0);
}

static void the_budget_is_kept_and_the_peak_remembered(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    mer_err err;
    char *a;
    char *b;
    char *untouched = (char *)&err;
    mer_alloc_init(&alloc, 100);
    assert_ok(mer_alloc_bytes(&alloc, 60, &a, NULL));
    assert_ok(mer_alloc_bytes(&alloc, 40, &b, NULL));
    assert_int_equal(mer_alloc_bytes(&alloc, 1, &untouched, &err).code, MER_ERR_MEMORY);
    assert_ptr_equal(untouched, &err);
    assert_non_null(strstr(err.message, "100 bytes"));
    assert_true(err.hint[0] != '\0');
    mer_free(&alloc, a);
    assert_int_equal(alloc.used, 40);
    assert_int_equal(alloc.peak, 100);
    mer_free(&alloc, b);
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    void *pointer = NULL;
    mer_alloc_init(&alloc, SIZE_MAX);
    assert_int_equal(mer_alloc_bytes(&alloc, SIZE_MAX, &pointer, NULL).code, MER_ERR_MEMORY);
    assert_int_equal(mer_alloc_bytes(&alloc, SIZE_MAX - 64, &pointer, NULL).code, MER_ERR_MEMORY);
    assert_int_equal(mer_alloc_array(&alloc, SIZE_MAX / 2, 3, &pointer, NULL).code, MER_ERR_MEMORY);
    assert_int_equal(mer_alloc_zero(&alloc, SIZE_MAX, SIZE_MAX, &pointer, NULL).code,
                     MER_ERR_MEMORY);
    assert_int_equal(mer_alloc_text(&alloc, "", SIZE_MAX, (char **)&pointer, NULL).code,
                     MER_ERR_MEMORY);
    assert_null(pointer);
    assert_int_equal(alloc.used, 0);
}

static void resizing_keeps_the_contents_and_survives_failure(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    char *text = NULL;
    mer_alloc_init(&alloc, 5000);
    assert_ok(mer_alloc_resize(&alloc, 6, &text, NULL));
    memcpy(text, "tower", 6);
    assert_ok(mer_alloc_resize(&alloc, 2000, &text, NULL));
    assert_string_equal(text, "tower");
    assert_int_equal(mer_alloc_resize(&alloc, 4000, &text, NULL).code, MER_ERR_MEMORY);
    assert_string_equal(text, "tower");
    assert_ok(mer_alloc_resize(&alloc, 3, &text, NULL));
    assert_memory_equal(text, "tow", 3);
    assert_int_equal(alloc.used, 3);
    mer_free(&alloc, text);
}

static void the_nth_request_fails_on_demand(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    char *a;
    char *b;
    mer_alloc_init(&alloc, SIZE_MAX);
    alloc.fail_at = 2;
    assert_ok(mer_alloc_bytes(&alloc, 1, &a, NULL));
    assert_int_equal(mer_alloc_bytes(&alloc, 1, &b, NULL).code, MER_ERR_MEMORY);
    assert_ok(mer_alloc_bytes(&alloc, 1, &b, NULL));
    mer_free(&alloc, a);
    mer_free(&alloc, b);
    assert_int_equal(alloc.requests, 3);
}

static void memory_of_others_can_be_charged(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, 100);
    assert_ok(mer_alloc_charge(&alloc, 90, NULL));
    assert_int_equal(mer_alloc_charge(&alloc, 11, NULL).code, MER_ERR_MEMORY);
    mer_alloc_uncharge(&alloc, 90);
    assert_int_equal(alloc.used, 0);
    assert_int_equal(alloc.peak, 90);
}

static void texts_are_copied_with_their_zeros(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    char *text;
    mer_alloc_init(&alloc, SIZE_MAX);
    assert_ok(mer_alloc_text(&alloc, "wall\0moat", 9, &text, NULL));
    assert_memory_equal(text, "wall\0moat", 10);
    mer_free(&alloc, text);
}

static void size_arithmetic_notices_overflow(void **state)
{
    (void)state;
    size_t n = 5;
    assert_false(mer_size_mul(SIZE_MAX, 2, &n));
    assert_false(mer_size_add(SIZE_MAX, 1, &n));
    assert_false(mer_size_align(SIZE_MAX - 10, &n));
    assert_int_equal(n, 5);
    assert_true(mer_size_align(65, &n));
    assert_int_equal(n, 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_and_counted),
        cmocka_unit_test(zeroed_memory_is_zero),
        cmocka_unit_test(scattered_memory_is_zero_whatever_its_size_and_pages),
        cmocka_unit_test(the_budget_is_kept_and_the_peak_remembered),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(resizing_keeps_the_contents_and_survives_failure),
        cmocka_unit_test(the_nth_request_fails_on_demand),
        cmocka_unit_test(memory_of_others_can_be_charged),
        cmocka_unit_test(texts_are_copied_with_their_zeros),
        cmocka_unit_test(size_arithmetic_notices_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
