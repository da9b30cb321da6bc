/* Base64: RFC 4648's own values, both alphabets, and one spelling a value. */
#include "guard/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct mer_alloc alloc;

static const struct {
    const char *bytes;
    const char *text;
} RFC4648[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};
enum { N_RFC4648 = sizeof RFC4648 / sizeof *RFC4648 };

static bool decodes_to(const char *text, const void *bytes, size_t n)
{
    struct mer_buf buf;
    mer_buf_init(&buf, &alloc, 1000);
    const mer_status status = mer_base64_decode(&buf, text, strlen(text), "text", NULL);
    const bool same =
        status.code == MER_OK && buf.n == n && (n == 0 || memcmp(buf.bytes, bytes, n) == 0);
    mer_buf_release(&buf);
    return same;
}

static bool is_refused(const char *text)
{
    struct mer_buf buf;
    mer_buf_init(&buf, &alloc, 1000);
    const mer_status status = mer_base64_decode(&buf, text, strlen(text), "text", NULL);
    mer_buf_release(&buf);
    return status.code == MER_ERR_DATA;
}

static void the_values_of_rfc_4648_hold_in_both_directions(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_RFC4648; i++) {
        struct mer_buf buf;
        mer_buf_init(&buf, &alloc, 100);
        const mer_status status =
            mer_base64_encode(&buf, RFC4648[i].bytes, strlen(RFC4648[i].bytes), NULL);
        assert_int_equal(status.code, MER_OK);
        assert_int_equal(buf.n, strlen(RFC4648[i].text));
        if (buf.n > 0)
            assert_memory_equal(buf.bytes, RFC4648[i].text, buf.n);
        mer_buf_release(&buf);
        assert_true(decodes_to(RFC4648[i].text, RFC4648[i].bytes, strlen(RFC4648[i].bytes)));
    }
}

static void both_alphabets_are_read_with_or_without_padding(void **state)
{
    static const unsigned char bytes[] = {0xfb, 0xff, 0xbf, 0xfe};
    (void)state;
    assert_true(decodes_to("+/+//g==", bytes, 4));
    assert_true(decodes_to("-_-__g==", bytes, 4));
    assert_true(decodes_to("+/+//g", bytes, 4));
    assert_true(decodes_to("-_-__g", bytes, 4));
    assert_true(is_refused("+_+_/g=="));
    assert_true(is_refused("-_-/_g"));
}

static void other_spellings_are_refused(void **state)
{
    static const char *const texts[] = {
        "Z",     "Zg=",    "Zg===", "=",        "====", "Zh==", "Zm9=",  "Zm9w=",
        "Zm 9v", "Zm9v\n", " Zm9v", "Zg==Zg==", "Zm9*", "Z=g=", "Zm9vY", "\xc3\xa9\xc3\xa9"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!is_refused(texts[i]))
            fail_msg("accepted: %s", texts[i]);
}

static void every_length_survives_the_way_there_and_back(void **state)
{
    unsigned char bytes[300];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 167 + 13);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        struct mer_buf buf;
        const char *text = NULL;
        mer_buf_init(&buf, &alloc, 1000);
        assert_int_equal(mer_base64_encode(&buf, bytes, n, NULL).code, MER_OK);
        assert_int_equal(mer_buf_cstr(&buf, &text, NULL).code, MER_OK);
        assert_true(decodes_to(text, bytes, n));
        mer_buf_release(&buf);
    }
}

static int set_up(void **state)
{
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_values_of_rfc_4648_hold_in_both_directions),
        cmocka_unit_test(both_alphabets_are_read_with_or_without_padding),
        cmocka_unit_test(other_spellings_are_refused),
        cmocka_unit_test(every_length_survives_the_way_there_and_back),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
