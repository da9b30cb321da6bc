/* Pages: escaping, the policy, numbers for people. */
#include "automl/automl_tables.h"

#include "explain/page.h"
#include "explain/well_formed.h"
#include "guard/base64.h"
#include "guard/hash.h"

static struct mer_buf buf;
static struct mer_page page;

static void begin_page(const char *title)
{
    mer_buf_init(&buf, &alloc, SIZE_MAX);
    mer_page_begin(&page, &buf, "Test", title, &err);
    mer_page_put(&page, "</header>\n");
}

static const char *end_page(void)
{
    const char *text;
    assert_ok(mer_page_end(&page));
    assert_ok(mer_buf_cstr(&buf, &text, &err));
    return text;
}

static void a_hostile_title_is_shown_and_does_nothing(void **state)
{
    (void)state;
    begin_page("</title><script>alert(1)</script>\"'&amp;");
    const char *const text = end_page();
    assert_well_formed(text);
    assert_null(strstr(text, "<script"));
    assert_non_null(strstr(text, "&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&"
                                 "amp;amp;"));
    mer_buf_release(&buf);
}

static void what_is_not_printable_is_told_byte_by_byte(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *shown;
    } cases[] = {
        {"a\x00z", 3, "a\\x00z"},
        {"\x1b[31m", 5, "\\x1b[31m"},
        {"\xe2\x80\xae.exe", 7, "\\xe2\\x80\\xae.exe"}, /* U+202E turns the text around */
        {"\xe2\x81\xa6", 3, "\\xe2\\x81\\xa6"},
        {"\xc2\x85", 2, "\\xc2\\x85"},
        {"\xff\xfe", 2, "\\xff\\xfe"},
        {"\xc0\xaf", 2, "\\xc0\\xaf"},
        {"\xef\xbf\xbf", 3, "\\xef\\xbf\\xbf"}, /* no character of XML */
        {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"},
        {"\xd7\xa9\xd7\x9c", 4, "\xd7\xa9\xd7\x9c"}, /* Hebrew is text like any other */
        {"\xf0\x9f\x8f\xb0", 4, "\xf0\x9f\x8f\xb0"},
        {"a\tb\n", 4, "a\\x09b\\x0a"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char wanted[80];
        begin_page("t");
        mer_page_name(&page, cases[i].bytes, cases[i].n);
        const char *const text = end_page();
        (void)snprintf(wanted, sizeof wanted, "<bdi>%s</bdi>", cases[i].shown);
        assert_non_null(strstr(text, wanted));
        assert_well_formed(text);
        mer_buf_release(&buf);
    }
}

static void a_long_name_is_cut_between_characters(void **state)
{
    char name[400];
    (void)state;
    for (size_t i = 0; i + 1 < sizeof name; i += 2)
        memcpy(name + i, "\xc3\xa4", 2);
    begin_page("t");
    mer_page_name(&page, name, sizeof name);
    const char *const text = end_page();
    assert_well_formed(text);
    assert_non_null(strstr(text, "\xc3\xa4\xe2\x80\xa6</bdi>"));
    mer_buf_release(&buf);
}

static void the_policy_names_the_style_and_nothing_else(void **state)
{
    struct mer_digest digest;
    struct mer_buf base64;
    const char *hash;
    (void)state;
    assert_ok(
        mer_hash_bytes(MER_HASH_SHA256, MER_PAGE_STYLE, strlen(MER_PAGE_STYLE), &digest, &err));
    mer_buf_init(&base64, &alloc, 100);
    assert_ok(mer_base64_encode(&base64, digest.bytes, digest.n, &err));
    assert_ok(mer_buf_cstr(&base64, &hash, &err));
    assert_string_equal(MER_PAGE_STYLE_SHA256, hash);
    assert_null(strpbrk(MER_PAGE_STYLE, "<&"));
    assert_null(strstr(MER_PAGE_STYLE, "url("));
    assert_null(strstr(MER_PAGE_STYLE, "@import"));
    begin_page("t");
    const char *const text = end_page();
    assert_non_null(strstr(text, "content=\"default-src 'none'; style-src 'sha256-"));
    assert_null(strstr(text, "unsafe"));
    assert_null(strstr(text, " style="));
    mer_buf_release(&base64);
    mer_buf_release(&buf);
}

static void numbers_are_written_for_people(void **state)
{
    (void)state;
    assert_string_equal(mer_numeral_count(0).text, "0");
    assert_string_equal(mer_numeral_count(999).text, "999");
    assert_string_equal(mer_numeral_count(1234567).text, "1,234,567");
    assert_string_equal(mer_numeral(-0.00123456, 3).text, "\xe2\x88\x92"
                                                          "0.00123");
    assert_string_equal(mer_numeral(-3.2344e-7, 5).text, "\xe2\x88\x92"
                                                         "3.2344e\xe2\x88\x92"
                                                         "7");
    assert_string_equal(mer_numeral(1e20, 3).text, "1e20");
    assert_string_equal(mer_numeral((double)NAN, 3).text, "\xe2\x80\x93");
    assert_string_equal(mer_numeral_share(0).text, "0 %");
    assert_string_equal(mer_numeral_share(0.0001).text, "&lt;0.1 %");
    assert_string_equal(mer_numeral_share(0.9999).text, "&gt;99.9 %");
    assert_string_equal(mer_numeral_share(1).text, "100 %");
    assert_string_equal(mer_numeral_share(0.1234).text, "12.3 %");
    assert_string_equal(mer_numeral_value(MER_TYPE_NUMBER, 178144.5).text, "178,145");
    assert_string_equal(mer_numeral_value(MER_TYPE_INTEGER, -12285).text, "\xe2\x88\x92"
                                                                          "12,285");
    assert_string_equal(mer_numeral_value(MER_TYPE_DATE, 0).text, "1970-01-01");
    assert_string_equal(mer_numeral_value(MER_TYPE_DATE, -1).text, "1969-12-31");
    assert_string_equal(mer_numeral_value(MER_TYPE_DATE, 19782).text, "2024-02-29");
    assert_string_equal(mer_numeral_value(MER_TYPE_DATE, -719162).text, "0001-01-01");
    assert_string_equal(mer_numeral_value(MER_TYPE_DATETIME, -60e6).text, "1969-12-31 23:59");
    assert_string_equal(mer_numeral_value(MER_TYPE_TIME, 3723e6).text, "01:02:03");
}

static void a_page_larger_than_allowed_fails_once(void **state)
{
    (void)state;
    mer_buf_init(&buf, &alloc, 100);
    mer_page_begin(&page, &buf, "Test", "t", &err);
    mer_page_put(&page, "more");
    assert_code(mer_page_end(&page), MER_ERR_MEMORY);
    mer_buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_hostile_title_is_shown_and_does_nothing, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_printable_is_told_byte_by_byte, begin, end),
        cmocka_unit_test_setup_teardown(a_long_name_is_cut_between_characters, begin, end),
        cmocka_unit_test_setup_teardown(the_policy_names_the_style_and_nothing_else, begin, end),
        cmocka_unit_test_setup_teardown(numbers_are_written_for_people, begin, end),
        cmocka_unit_test_setup_teardown(a_page_larger_than_allowed_fails_once, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
