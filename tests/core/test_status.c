#include "core/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/ctx.h"
#include "core/utf8.h"

static void every_code_has_a_name_a_category_and_an_exit_code(void **state)
{
    (void)state;
    for (int code = 0; code < MER_CODE_COUNT; code++) {
        assert_non_null(mer_code_name((enum mer_code)code));
        assert_int_equal(mer_code_category((enum mer_code)code) == MER_CATEGORY_NONE,
                         code == MER_OK);
        assert_int_equal(mer_code_exit((enum mer_code)code) == 0, code == MER_OK);
    }
    assert_string_equal(mer_code_name((enum mer_code)9999), "internal");
    assert_int_equal(mer_code_exit(MER_ERR_USAGE), 64);
    assert_int_equal(mer_code_exit(MER_ERR_TRUST), 77);
}

static void an_error_holds_code_message_and_hint(void **state)
{
    (void)state;
    mer_err err;
    mer_status status = mer_fail(&err, MER_ERR_DATA, "row %d is short", 7);
    assert_int_equal(status.code, MER_ERR_DATA);
    assert_int_equal(err.code, MER_ERR_DATA);
    assert_string_equal(err.message, "row 7 is short");
    assert_string_equal(err.hint, "");
    status = mer_hint(&err, status, "fill %s", "it");
    assert_int_equal(status.code, MER_ERR_DATA);
    assert_string_equal(err.hint, "fill it");
    status = mer_prefix(&err, status, "in %s", "a.csv");
    assert_int_equal(status.code, MER_ERR_DATA);
    assert_string_equal(err.message, "in a.csv: row 7 is short");
    mer_err_clear(&err);
    assert_int_equal(err.code, MER_OK);
    assert_string_equal(err.message, "");
}

static void no_error_object_is_fine(void **state)
{
    (void)state;
    mer_status status = mer_fail(NULL, MER_ERR_IO, "x");
    status = mer_hint(NULL, status, "y");
    status = mer_prefix(NULL, status, "z");
    assert_int_equal(status.code, MER_ERR_IO);
    mer_err_clear(NULL);
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    char text[2000];
    mer_err err;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    mer_status status = mer_fail(&err, MER_ERR_IO, "%s", text);
    assert_int_equal(strlen(err.message), MER_ERR_TEXT_MAX - 1);
    status = mer_prefix(&err, status, "%s", "front");
    assert_int_equal(strlen(err.message), MER_ERR_TEXT_MAX - 1);
    assert_memory_equal(err.message, "front: xxx", 10);
    status = mer_prefix(&err, status, "%s", text);
    assert_int_equal(status.code, MER_ERR_IO);
    assert_int_equal(strlen(err.message), MER_ERR_TEXT_MAX - 1);
}

static void messages_are_cut_between_characters(void **state)
{
    (void)state;
    static const char *const characters[] = {"x", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (size_t c = 0; c < sizeof characters / sizeof *characters; c++) {
        for (size_t shift = 0; shift < 5; shift++) {
            char text[2000] = "";
            mer_err err;
            size_t n = shift;
            memset(text, 'x', shift);
            while (n < 700) {
                memcpy(text + n, characters[c], strlen(characters[c]));
                n += strlen(characters[c]);
            }
            const mer_status status = mer_fail(&err, MER_ERR_DATA, "%s", text);
            assert_int_equal(mer_hint(&err, status, "%s", text).code, MER_ERR_DATA);
            assert_true(strlen(err.message) >= MER_ERR_TEXT_MAX - 4);
            assert_true(mer_utf8_valid(err.message, strlen(err.message)));
            assert_string_equal(err.hint, err.message);
        }
    }
}

static void an_error_may_be_made_from_itself(void **state)
{
    (void)state;
    mer_err err;
    mer_status status = mer_fail(&err, MER_ERR_DATA, "inner");
    status = mer_fail(&err, MER_ERR_IO, "outer (%s)", err.message);
    assert_int_equal(status.code, MER_ERR_IO);
    assert_string_equal(err.message, "outer (inner)");
}

static void quoting_makes_outside_text_visible(void **state)
{
    (void)state;
    assert_string_equal(mer_quote("price").text, "'price'");
    assert_string_equal(mer_quote(NULL).text, "''");
    assert_string_equal(mer_quote("a'b\\c").text, "'a\\'b\\\\c'");
    assert_string_equal(mer_quote("a\nb\x1b[31m").text, "'a\\x0ab\\x1b[31m'");
    assert_string_equal(mer_quote("gr\xc3\xbc\xc3\x9f").text, "'gr\xc3\xbc\xc3\x9f'");
    assert_string_equal(mer_quote("\xff\xc3").text, "'\\xff\\xc3'");
    assert_string_equal(mer_quote("\xe2\x80\xae").text, "'\\xe2\\x80\\xae'");
    assert_string_equal(mer_quote("\xc2\x9b").text, "'\\xc2\\x9b'");
    assert_string_equal(mer_quote_n("a\0b", 3).text, "'a\\x00b'");
}

static void quoting_is_bounded_whatever_comes(void **state)
{
    (void)state;
    char text[400];
    for (int c = 1; c < 256; c++) {
        memset(text, c, sizeof text);
        for (size_t n = 100; n < 130; n++) {
            const struct mer_quoted quoted = mer_quote_n(text, n);
            const size_t length = strlen(quoted.text);
            assert_true(length < sizeof quoted.text);
            assert_true(quoted.text[0] == '\'' && quoted.text[length - 1] == '\'');
            assert_true(mer_utf8_valid(quoted.text, length));
        }
    }
    memset(text, 'x', sizeof text);
    const struct mer_quoted cut = mer_quote_n(text, sizeof text);
    assert_string_equal(cut.text + strlen(cut.text) - 4, "...'");
}

static void utf8_is_that_of_rfc_3629(void **state)
{
    (void)state;
    static const char *const valid[] = {"",
                                        "a",
                                        "\x7f",
                                        "\xc2\x80",
                                        "\xdf\xbf",
                                        "\xe0\xa0\x80",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "\xef\xbf\xbf",
                                        "\xf0\x90\x80\x80",
                                        "\xf4\x8f\xbf\xbf"};
    static const char *const invalid[] = {"\x80",
                                          "\xbf",
                                          "\xc0\x80",
                                          "\xc1\xbf",
                                          "\xc2",
                                          "\xc2\x41",
                                          "\xe0\x80\x80",
                                          "\xe0\x9f\xbf",
                                          "\xed\xa0\x80",
                                          "\xed\xbf\xbf",
                                          "\xe2\x82",
                                          "\xe2\x82\x41",
                                          "\xf0\x80\x80\x80",
                                          "\xf0\x8f\xbf\xbf",
                                          "\xf4\x90\x80\x80",
                                          "\xf5\x80\x80\x80",
                                          "\xf0\x90\x80",
                                          "\xfe",
                                          "\xff"};
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++)
        assert_true(mer_utf8_valid(valid[i], strlen(valid[i])));
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++)
        assert_false(mer_utf8_valid(invalid[i], strlen(invalid[i])));
    assert_true(mer_utf8_valid("a\0b", 3));
}

static uint64_t seven(void *self)
{
    (void)self;
    return 7;
}

static uint64_t last_done;

static void note_progress(void *self, const char *phase, uint64_t done, uint64_t total)
{
    (void)self;
    (void)phase;
    (void)total;
    last_done = done;
}

static void a_context_may_be_empty(void **state)
{
    (void)state;
    struct mer_ctx ctx = {0};
    assert_int_equal(mer_ctx_check_cancel(&ctx, NULL).code, MER_OK);
    assert_int_equal(mer_ctx_now_ns(&ctx), 0);
    mer_ctx_progress(&ctx, "x", 1, 2);

    const struct mer_clock clock = {.now_ns = seven};
    const struct mer_progress progress = {.report = note_progress};
    struct mer_cancel cancel = {0};
    ctx = (struct mer_ctx){.clock = &clock, .cancel = &cancel, .progress = &progress};
    assert_int_equal(mer_ctx_now_ns(&ctx), 7);
    assert_int_equal(mer_ctx_check_cancel(&ctx, NULL).code, MER_OK);
    cancel.signal = 2;
    assert_int_equal(mer_ctx_check_cancel(&ctx, NULL).code, MER_ERR_CANCELLED);
    mer_ctx_progress(&ctx, "x", 3, 4);
    assert_int_equal(last_done, 3);
}

static void processor_levels_have_names(void **state)
{
    (void)state;
    assert_string_equal(mer_cpu_level_name(MER_CPU_PLAIN), "plain");
    assert_string_equal(mer_cpu_level_name(MER_CPU_AVX512), "avx512");
    assert_string_equal(mer_cpu_level_name(MER_CPU_LEVEL_COUNT), "unknown");
    assert_true(mer_cpu_detect() < MER_CPU_LEVEL_COUNT);
    assert_int_equal(mer_cpu_detect(), mer_cpu_detect());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name_a_category_and_an_exit_code),
        cmocka_unit_test(an_error_holds_code_message_and_hint),
        cmocka_unit_test(no_error_object_is_fine),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(messages_are_cut_between_characters),
        cmocka_unit_test(an_error_may_be_made_from_itself),
        cmocka_unit_test(quoting_makes_outside_text_visible),
        cmocka_unit_test(quoting_is_bounded_whatever_comes),
        cmocka_unit_test(utf8_is_that_of_rfc_3629),
        cmocka_unit_test(a_context_may_be_empty),
        cmocka_unit_test(processor_levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
