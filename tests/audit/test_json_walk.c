/* The walk along JSON takes what RFC 8259 does and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "audit/json_walk.h"
#include "os/file.h"

#define VECTORS MER_SOURCE_DIR "/../shared/vectors/json"

static bool is_json(const void *bytes, size_t n)
{
    struct mer_json_walk walk;
    mer_json_walk_init(&walk, bytes, n);
    while (mer_json_walk_next(&walk) != MER_JSON_TOKEN_BAD && walk.token != MER_JSON_TOKEN_END)
        ;
    return walk.token == MER_JSON_TOKEN_END;
}

static void documents_are_taken_or_refused(void **state)
{
    static const char *const good[] = {
        "{}",
        "[]",
        " [ 1 , -2.5e+10 , 0 , 1E2, \"a\", true, false, null ] ",
        "{\"a\":{\"b\":[]}}",
        "\"\\u00e9\\ud83d\\ude00\\n\"",
        "-0",
        "\"\xc3\xa9\"",
    };
    static const char *const bad[] = {
        "",
        "{",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "[01]",
        "[1.]",
        "[.5]",
        "[1e]",
        "[-]",
        "tru",
        "nul",
        "\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\n\"",
        "[1 2]",
        "{\"a\":1 \"b\":2}",
        "{}{}",
        "]",
        "[}",
        "\"\xff\"",
        "{1:2}",
        "+1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!is_json(good[i], strlen(good[i])))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (is_json(bad[i], strlen(bad[i])))
            fail_msg("taken: %s", bad[i]);
}

static void escapes_are_resolved(void **state)
{
    static const char text[] = "a\\u0041\\u00e9\\u4e2d\\ud83d\\ude00\\n\\\"\\/\\b\\f\\r\\t\\\\";
    static const char plain[] = "aA\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80\n\"/\b\f\r\t\\";
    (void)state;
    const struct mer_json_walk_text got = mer_json_walk_unescape(text, sizeof text - 1);
    assert_int_equal(got.n, sizeof plain - 1);
    assert_memory_equal(got.bytes, plain, got.n);
    assert_false(got.is_cut);
    char longer[600];
    memset(longer, 'x', sizeof longer);
    assert_true(mer_json_walk_unescape(longer, sizeof longer).is_cut);
}

static void keys_are_compared_however_they_are_spelled(void **state)
{
    static const char text[] = "{\"\\u0061b\":12,\"c\":[1,[2]],\"d\":\"-7\"}";
    struct mer_json_walk walk;
    int64_t number;
    (void)state;
    mer_json_walk_init(&walk, text, sizeof text - 1);
    assert_int_equal(mer_json_walk_next(&walk), MER_JSON_TOKEN_BEGIN_OBJECT);
    assert_int_equal(mer_json_walk_next(&walk), MER_JSON_TOKEN_KEY);
    assert_true(mer_json_walk_is(&walk, "ab") && !mer_json_walk_is(&walk, "abc"));
    assert_int_equal(mer_json_walk_next(&walk), MER_JSON_TOKEN_NUMBER);
    assert_true(mer_json_walk_integer(&walk, &number) && number == 12);
    assert_int_equal(mer_json_walk_next(&walk), MER_JSON_TOKEN_KEY);
    mer_json_walk_skip(&walk);
    assert_int_equal(mer_json_walk_next(&walk), MER_JSON_TOKEN_KEY);
    assert_int_equal(mer_json_walk_next(&walk), MER_JSON_TOKEN_STRING);
    assert_true(mer_json_walk_integer(&walk, &number) && number == -7);
    assert_int_equal(mer_json_walk_next(&walk), MER_JSON_TOKEN_END_OBJECT);
    assert_int_equal(mer_json_walk_next(&walk), MER_JSON_TOKEN_END);
}

static void depth_is_limited(void **state)
{
    char text[2 * MER_JSON_WALK_DEPTH_MAX + 2];
    (void)state;
    memset(text, '[', MER_JSON_WALK_DEPTH_MAX);
    memset(text + MER_JSON_WALK_DEPTH_MAX, ']', MER_JSON_WALK_DEPTH_MAX);
    assert_true(is_json(text, (size_t)2 * MER_JSON_WALK_DEPTH_MAX));
    memset(text, '[', MER_JSON_WALK_DEPTH_MAX + 1);
    memset(text + MER_JSON_WALK_DEPTH_MAX + 1, ']', MER_JSON_WALK_DEPTH_MAX + 1);
    assert_false(is_json(text, sizeof text));
}

/* y_: has to be taken; n_: has to be refused; i_: up to the reader. */
static void the_test_suite_of_json_agrees(void **state)
{
    struct mer_folder_list list;
    (void)state;
    if (!mer_folder_is(VECTORS)) {
        print_message("skipped: there is no folder " VECTORS "\n");
        skip();
    }
    assert_true(mer_is_ok(mer_folder_read(VECTORS, &list, NULL)));
    for (size_t i = 0; i < list.n; i++) {
        struct mer_alloc alloc;
        struct mer_file_bytes file;
        char path[1000];
        const char *const name = list.entries[i].name;
        (void)snprintf(path, sizeof path, "%s/%s", VECTORS, name);
        mer_alloc_init(&alloc, SIZE_MAX);
        assert_true(mer_is_ok(mer_file_read(&alloc, path, SIZE_MAX, &file, NULL)));
        const bool taken = is_json(file.bytes, file.n);
        if ((name[0] == 'y' && !taken) || (name[0] == 'n' && taken))
            fail_msg("%s", name);
        mer_file_release(&file);
    }
    mer_folder_release(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_taken_or_refused),
        cmocka_unit_test(escapes_are_resolved),
        cmocka_unit_test(keys_are_compared_however_they_are_spelled),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(the_test_suite_of_json_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
