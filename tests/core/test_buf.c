/* Buffers, arenas and regions: memory that grows. */
#include "core/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/arena.h"
#include "core/region.h"
#include "every_failure.h"

static void assert_ok(mer_status status)
{
    assert_int_equal(status.code, MER_OK);
}

static void a_buffer_grows_as_it_is_appended_to(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_buf buf;
    const char *text = NULL;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_buf_init(&buf, &alloc, SIZE_MAX);
    for (int i = 0; i < 1000; i++)
        assert_ok(mer_buf_printf(&buf, NULL, "%d,", i % 10));
    assert_ok(mer_buf_text(&buf, "end", NULL));
    assert_ok(mer_buf_append(&buf, NULL, 0, NULL));
    assert_ok(mer_buf_cstr(&buf, &text, NULL));
    assert_int_equal(buf.n, 2003);
    assert_int_equal(strlen(text), 2003);
    assert_memory_equal(text, "0,1,2,", 6);
    assert_string_equal(text + 2000, "end");
    mer_buf_clear(&buf);
    assert_ok(mer_buf_cstr(&buf, &text, NULL));
    assert_string_equal(text, "");
    mer_buf_release(&buf);
    assert_int_equal(alloc.used, 0);
    mer_buf_release(&buf);
}

static void a_buffer_keeps_its_maximum_and_its_contents(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_buf buf;
    const char *text = NULL;
    mer_err err;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_buf_init(&buf, &alloc, 10);
    assert_ok(mer_buf_text(&buf, "12345678", NULL));
    assert_int_equal(mer_buf_text(&buf, "abc", &err).code, MER_ERR_MEMORY);
    assert_int_equal(mer_buf_printf(&buf, NULL, "%d", 100).code, MER_ERR_MEMORY);
    assert_int_equal(mer_buf_reserve(&buf, SIZE_MAX, NULL).code, MER_ERR_MEMORY);
    assert_ok(mer_buf_printf(&buf, NULL, "%d", 90));
    assert_ok(mer_buf_cstr(&buf, &text, NULL));
    assert_string_equal(text, "1234567890");
    assert_int_equal(mer_buf_append(&buf, "x", 1, NULL).code, MER_ERR_MEMORY);
    assert_ok(mer_buf_append(&buf, "x", 0, NULL));
    mer_buf_release(&buf);

    mer_buf_init(&buf, &alloc, 0);
    assert_ok(mer_buf_cstr(&buf, &text, NULL));
    assert_string_equal(text, "");
    mer_buf_release(&buf);
}

static mer_status fill_a_buffer(struct mer_alloc *alloc, mer_err *err)
{
    struct mer_buf buf;
    mer_status status = mer_ok();
    mer_buf_init(&buf, alloc, 100000);
    for (int i = 0; i < 1000 && mer_is_ok(status); i++)
        status = mer_buf_printf(&buf, err, "%d %s", i, "text");
    mer_buf_release(&buf);
    return status;
}

static void an_arena_gives_aligned_zeroed_pieces(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_arena arena;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_arena_init(&arena, &alloc);
    unsigned char *pieces[500];
    for (size_t i = 0; i < 500; i++) {
        const size_t n = i * i % 7919;
        assert_ok(mer_arena_zero(&arena, n, 1, &pieces[i], NULL));
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], (int)(i & 0xff), n);
    }
    for (size_t i = 0; i < 500; i++)
        for (size_t k = 0; k < i * i % 7919; k++)
            assert_int_equal(pieces[i][k], i & 0xff);
    /* Small pieces share blocks. */
    assert_true(alloc.requests < 400);
    mer_arena_release(&arena);
    assert_int_equal(alloc.used, 0);
}

static void an_arena_copies_texts_and_refuses_impossible_sizes(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_arena arena;
    const char *text = NULL;
    void *pointer = NULL;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_arena_init(&arena, &alloc);
    assert_ok(mer_arena_text(&arena, "gate\0house", 10, &text, NULL));
    assert_memory_equal(text, "gate\0house", 11);
    assert_ok(mer_arena_text(&arena, NULL, 0, &text, NULL));
    assert_string_equal(text, "");
    assert_int_equal(mer_arena_zero(&arena, SIZE_MAX, 2, &pointer, NULL).code, MER_ERR_MEMORY);
    assert_int_equal(mer_arena_zero(&arena, SIZE_MAX, 1, &pointer, NULL).code, MER_ERR_MEMORY);
    assert_int_equal(mer_arena_zero(&arena, SIZE_MAX - 20, 1, &pointer, NULL).code, MER_ERR_MEMORY);
    assert_int_equal(mer_arena_text(&arena, "", SIZE_MAX, &text, NULL).code, MER_ERR_MEMORY);
    assert_null(pointer);
    mer_arena_release(&arena);
    mer_arena_release(&arena);
    assert_int_equal(alloc.used, 0);
}

static mer_status fill_an_arena(struct mer_alloc *alloc, mer_err *err)
{
    struct mer_arena arena;
    const char *text;
    void *pointer;
    mer_status status = mer_ok();
    mer_arena_init(&arena, alloc);
    for (size_t i = 0; i < 100 && mer_is_ok(status); i++) {
        status = mer_arena_zero(&arena, i, 50, &pointer, err);
        if (mer_is_ok(status))
            status = mer_arena_text(&arena, "wall", 4, &text, err);
    }
    mer_arena_release(&arena);
    return status;
}

static void a_region_keeps_its_contents_as_it_grows(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_region region;
    size_t offsets[200];
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_region_init_memory(&region, &alloc, SIZE_MAX);
    for (size_t i = 0; i < 200; i++) {
        assert_ok(mer_region_extend(&region, i * 3, &offsets[i], NULL));
        assert_int_equal(offsets[i] % 64, 0);
        assert_int_equal((uintptr_t)region.base % 64, 0);
        for (size_t k = 0; k < i * 3; k++) {
            assert_int_equal(region.base[offsets[i] + k], 0);
            region.base[offsets[i] + k] = (unsigned char)i;
        }
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < i * 3; k++)
            assert_int_equal(region.base[offsets[i] + k], i);
    mer_region_release(&region);
    assert_int_equal(alloc.used, 0);
}

static void a_region_keeps_its_maximum(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_region region;
    size_t offset = 99;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_region_init_memory(&region, &alloc, 1000);
    assert_ok(mer_region_extend(&region, 900, &offset, NULL));
    assert_int_equal(mer_region_extend(&region, 100, &offset, NULL).code, MER_ERR_MEMORY);
    assert_int_equal(mer_region_extend(&region, SIZE_MAX, &offset, NULL).code, MER_ERR_MEMORY);
    assert_int_equal(offset, 0);
    assert_ok(mer_region_extend(&region, 40, &offset, NULL));
    assert_int_equal(offset, 960 - 0);
    assert_true(region.capacity <= 1000);
    mer_region_release(&region);
}

static void a_region_takes_what_there_is_when_memory_is_short(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_region region;
    size_t offset;
    mer_alloc_init(&alloc, 2300);
    mer_region_init_memory(&region, &alloc, SIZE_MAX);
    assert_ok(mer_region_extend(&region, 1000, &offset, NULL));
    assert_ok(mer_region_extend(&region, 100, &offset, NULL)); /* doubling would need 3000 */
    assert_int_equal(mer_region_extend(&region, 1000, &offset, NULL).code, MER_ERR_MEMORY);
    assert_int_equal(region.n, 1124);
    mer_region_release(&region);
    assert_int_equal(alloc.used, 0);
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    mer_test_every_failure(fill_a_buffer);
    mer_test_every_failure(fill_an_arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_grows_as_it_is_appended_to),
        cmocka_unit_test(a_buffer_keeps_its_maximum_and_its_contents),
        cmocka_unit_test(an_arena_gives_aligned_zeroed_pieces),
        cmocka_unit_test(an_arena_copies_texts_and_refuses_impossible_sizes),
        cmocka_unit_test(a_region_keeps_its_contents_as_it_grows),
        cmocka_unit_test(a_region_keeps_its_maximum),
        cmocka_unit_test(a_region_takes_what_there_is_when_memory_is_short),
        cmocka_unit_test(every_failing_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
