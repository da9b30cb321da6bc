/* Numbers as text, against strtod and printf of the C library in the C locale. */
#include "core/number.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/rng.h"

#ifdef MER_UNDER_VALGRIND
enum { N_RANDOM = 20000 };
#else
enum { N_RANDOM = 1000000 };
#endif

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static void assert_parses_as_strtod(const char *text)
{
    double value = 0.5;
    const double expected = strtod(text, NULL);
    /* From memory without a terminating zero, so that a sanitizer sees reading too far. */
    const size_t n = strlen(text);
    char *exact = malloc(n);
    assert_non_null(exact);
    memcpy(exact, text, n);
    const bool parsed = mer_number_parse(exact, n, false, &value);
    free(exact);
    if (!parsed || bits_of(value) != bits_of(expected))
        fail_msg("%s gave %a, not %a", text, value, expected);
}

static double random_double(mer_rng *rng)
{
    for (;;) {
        const uint64_t bits = mer_rng_u64(rng);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            return value;
    }
}

static void random_doubles_of_any_length_parse_as_strtod_does(void **state)
{
    (void)state;
    mer_rng rng;
    char text[64];
    mer_rng_init(&rng, 1, mer_rng_stream("parse", 0));
    for (int i = 0; i < N_RANDOM; i++) {
        const int digits = (int)mer_rng_below(&rng, 25);
        (void)snprintf(text, sizeof text, "%.*e", digits, random_double(&rng));
        assert_parses_as_strtod(text);
    }
}

static void random_decimals_parse_as_strtod_does(void **state)
{
    (void)state;
    mer_rng rng;
    char text[64];
    mer_rng_init(&rng, 1, mer_rng_stream("decimals", 0));
    for (int i = 0; i < N_RANDOM; i++) {
        const uint64_t whole = mer_rng_u64(&rng) >> mer_rng_below(&rng, 64);
        const uint64_t part = mer_rng_u64(&rng) >> mer_rng_below(&rng, 64);
        const int exponent = (int)mer_rng_below(&rng, 80) - 40;
        switch (i % 3) {
        case 0:
            (void)snprintf(text, sizeof text, "%llu.%llu", (unsigned long long)whole,
                           (unsigned long long)part);
            break;
        case 1:
            (void)snprintf(text, sizeof text, "-%llue%d", (unsigned long long)whole, exponent);
            break;
        default:
            (void)snprintf(text, sizeof text, "0.000%llue%+d", (unsigned long long)part,
                           exponent * 10);
        }
        assert_parses_as_strtod(text);
    }
}

/* The number half way between two doubles, its neighbours, and the same with digits far behind. */
static void ties_between_doubles_go_to_the_even_one(void **state)
{
    (void)state;
    mer_rng rng;
    char text[1400];
    mer_rng_init(&rng, 1, mer_rng_stream("ties", 0));
    for (int i = 0; i < 20000; i++) {
        const double low = fabs(random_double(&rng));
        const double high = nextafter(low, HUGE_VAL);
        if (isinf(high))
            continue;
        const long double middle = ((long double)low + (long double)high) / 2.0L;
        const int n = snprintf(text, sizeof text, "%.1100Le", middle);
        assert_true(n > 0 && (size_t)n < sizeof text);
        assert_parses_as_strtod(text);
        /* A digit behind the end decides: 1100 digits hold every such number exactly. */
        char *e = strchr(text, 'e');
        e[-1] = '1';
        assert_parses_as_strtod(text);
    }
}

static void hard_and_odd_numbers_parse_as_strtod_does(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "-0",
        "+0",
        "0.0",
        "-0.0e10",
        "1",
        "+1",
        "-1",
        ".5",
        "5.",
        "1.e5",
        "00001",
        "1e0",
        "1E+5",
        "1e-5",
        "9007199254740992",
        "9007199254740993",
        "9007199254740994",
        "9007199254740993.0000000000000000000000000000001",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999",
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        "2.2250738585072014e-308",
        "4.9406564584124654e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1e-323",
        "1e-400",
        "1e400",
        "-1e400",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "179769313486231580793e289",
        "8.98846567431158e307",
        "1e22",
        "1e23",
        "123456789e-30",
        "0e999999999999999999999999999",
        "1e99999999999999999999999",
        "1e-99999999999999999999999",
        "4503599627370496.5",
        "4503599627370497.5",
        "45035996273704965e-1",
        "6.631236846766476e-316",
        "3.2378839133029012895883524125015321748630094632060e-319",
        "7.4109846876186981626485318930233205854758970392148714663837852375101e-324",
        "9214843084008499.0",
        "30078505129381147446200",
        "1777820000000000000001",
        "0.000000000000000000000000000000000000000000000000000000000000000000000000000001",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_parses_as_strtod(texts[i]);
}

static void hundreds_of_digits_are_read_exactly(void **state)
{
    (void)state;
    char text[3000];
    for (int n = 20; n < 2500; n += 7) {
        memset(text, '0' + n % 9 + 1, (size_t)n);
        (void)snprintf(text + n, sizeof text - (size_t)n, "e-%d", n - 5);
        assert_parses_as_strtod(text);
        text[n / 2] = '.';
        assert_parses_as_strtod(text);
        memset(text, '0', (size_t)n);
        text[1] = '.';
        text[n - 1] = '7';
        assert_parses_as_strtod(text);
    }
    /* A tie that only the last of 1500 digits breaks. */
    memset(text, '0', 1500);
    memcpy(text, "9007199254740993.", 17);
    text[1499] = '1';
    text[1500] = '\0';
    assert_parses_as_strtod(text);
}

static void what_is_not_a_number_is_refused_and_leaves_the_result_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",     "+",   "-",   ".",        "+.",    "e5",  ".e5", "1e",  "1e+",
        "1e-",  "1 ",  " 1",  "1.2.3",    "0x10",  "1,5", "--1", "+-1", "1e5.0",
        "1e5x", "nan", "inf", "INFINITY", "1_000", "1f",  "\t1", "1\n", "1e+-5",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double value = 42.0;
        assert_false(mer_number_parse(texts[i], strlen(texts[i]), false, &value));
        assert_true(value == 42.0);
    }
    double value = 42.0;
    assert_false(mer_number_parse("1\0002", 3, false, &value));
    assert_false(mer_number_parse("nano", 4, true, &value));
    assert_false(mer_number_parse("in", 2, true, &value));
    assert_true(value == 42.0);
}

static void special_values_are_read_on_request(void **state)
{
    (void)state;
    double value = 0.0;
    assert_true(mer_number_parse("NaN", 3, true, &value) && isnan(value));
    assert_true(mer_number_parse("-nan", 4, true, &value) && isnan(value));
    assert_true(mer_number_parse("Inf", 3, true, &value) && value == INFINITY);
    assert_true(mer_number_parse("-INFINITY", 9, true, &value) && value == -INFINITY);
    assert_true(mer_number_parse("+inf", 4, true, &value) && value == INFINITY);
}

static void integers_are_read_to_the_last_of_int64(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_true(mer_integer_parse("9223372036854775807", 19, &value) && value == INT64_MAX);
    assert_true(mer_integer_parse("-9223372036854775808", 20, &value) && value == INT64_MIN);
    assert_true(mer_integer_parse("+0012", 5, &value) && value == 12);
    assert_true(mer_integer_parse("-0", 2, &value) && value == 0);
    value = 7;
    assert_false(mer_integer_parse("9223372036854775808", 19, &value));
    assert_false(mer_integer_parse("-9223372036854775809", 20, &value));
    assert_false(mer_integer_parse("92233720368547758070", 20, &value));
    assert_false(mer_integer_parse("", 0, &value));
    assert_false(mer_integer_parse("-", 1, &value));
    assert_false(mer_integer_parse("1.0", 3, &value));
    assert_false(mer_integer_parse(" 1", 2, &value));
    assert_int_equal(value, 7);
}

static void assert_formats_as(double value, const char *expected)
{
    char text[MER_NUMBER_TEXT_MAX];
    const size_t n = mer_number_format(value, text);
    assert_string_equal(text, expected);
    assert_int_equal(n, strlen(expected));
}

static void texts_are_the_usual_ones(void **state)
{
    (void)state;
    assert_formats_as(0.0, "0");
    assert_formats_as(-0.0, "-0.0");
    assert_formats_as(1.0, "1");
    assert_formats_as(-17.0, "-17");
    assert_formats_as(0.1, "0.1");
    assert_formats_as(-0.25, "-0.25");
    assert_formats_as(0.0001, "0.0001");
    assert_formats_as(0.00001, "1e-05");
    assert_formats_as(1e300, "1e+300");
    assert_formats_as(1e-300, "1e-300");
    assert_formats_as(1.5e-7, "1.5e-07");
    assert_formats_as(9007199254740992.0, "9007199254740992");
    assert_formats_as(1e16, "1e+16");
    assert_formats_as(123456.789, "123456.789");
    assert_formats_as(0.1 + 0.2, "0.30000000000000004");
    assert_formats_as(1.0 / 3.0, "0.3333333333333333");
    assert_formats_as(5e-324, "5e-324");
    assert_formats_as(1.7976931348623157e308, "1.7976931348623157e+308");
    assert_formats_as((double)NAN, "NaN");
    assert_formats_as((double)INFINITY, "INF");
    assert_formats_as(-(double)INFINITY, "-INF");
}

static int digits_in(const char *text)
{
    int n = 0;
    const char *last = text;
    for (const char *p = text; *p && *p != 'e'; p++)
        if (*p >= '1' && *p <= '9')
            last = p;
    bool started = false;
    for (const char *p = text; p <= last; p++) {
        started |= *p >= '1' && *p <= '9';
        n += started && *p >= '0' && *p <= '9';
    }
    return n;
}

/* No text of fewer digits may read back to the same double. */
static void assert_shortest(double value)
{
    char text[MER_NUMBER_TEXT_MAX];
    char shorter[64];
    double back = 0.0;
    const size_t n = mer_number_format(value, text);
    assert_true(n < MER_NUMBER_TEXT_MAX && text[n] == '\0');
    assert_true(mer_number_parse(text, n, false, &back));
    if (bits_of(back) != bits_of(value))
        fail_msg("%s reads back as %a, not %a", text, back, value);
    const int digits = digits_in(text);
    if (digits > 1 && (value != rint(value) || fabs(value) > 0x1p53)) {
        (void)snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
        if (strtod(shorter, NULL) == value)
            fail_msg("%s is shorter than %s", shorter, text);
    }
}

static void texts_are_the_shortest_that_read_back(void **state)
{
    (void)state;
    mer_rng rng;
    mer_rng_init(&rng, 1, mer_rng_stream("format", 0));
    for (int i = 0; i < N_RANDOM / 4; i++) {
        assert_shortest(random_double(&rng));
        assert_shortest(mer_rng_uniform(&rng));
        assert_shortest((double)mer_rng_below(&rng, 1000000000) / 1000.0);
        assert_shortest((double)mer_rng_u32(&rng) * 0x1p-1074 * 1024.0);
    }
}

static void digits_can_be_limited(void **state)
{
    (void)state;
    char text[MER_NUMBER_TEXT_MAX];
    (void)mer_number_format_digits(1.0 / 3.0, 3, text);
    assert_string_equal(text, "0.333");
    (void)mer_number_format_digits(123456.0, 3, text);
    assert_string_equal(text, "1.23e+05");
    (void)mer_number_format_digits(2.5, 17, text);
    assert_string_equal(text, "2.5");
    (void)mer_number_format_digits(-0.05, 1, text);
    assert_string_equal(text, "-0.05");
    (void)mer_number_format_digits(0.1, 100, text);
    assert_string_equal(text, "0.10000000000000001");
    (void)mer_number_format_digits(9.99, 0, text);
    assert_string_equal(text, "1e+01");
    (void)mer_number_format_digits((double)NAN, 3, text);
    assert_string_equal(text, "NaN");
}

/* The digits of printf, which is correct in glibc, for any number of them. */
static void limited_digits_are_those_of_printf(void **state)
{
    (void)state;
    mer_rng rng;
    mer_rng_init(&rng, 1, mer_rng_stream("digits", 0));
    for (int i = 0; i < N_RANDOM; i++) {
        char text[MER_NUMBER_TEXT_MAX];
        char expected[64];
        const int n = (int)mer_rng_below(&rng, 17) + 1;
        /* Numbers of few bits are often half way between two decimals. */
        const double value = i % 2 ? random_double(&rng)
                                   : (double)mer_rng_below(&rng, 100000) / (double)(1 << (i % 16));
        if (value == 0.0)
            continue;
        (void)mer_number_format_digits(value, n, text);
        (void)snprintf(expected, sizeof expected, "%.*g", n, value);
        if (strcmp(text, expected) != 0)
            fail_msg("%d digits of %a: %s, not %s", n, value, text, expected);
    }
}

/* A locale with a decimal comma, made for the test where localedef is at hand. */
static void the_host_programs_locale_changes_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "merlon_comma"};
    const char *chosen = NULL;
    if (system("localedef -i de_DE -f UTF-8 " MER_BINARY_DIR "/merlon_comma >/dev/null 2>&1") == 0)
        (void)setenv("LOCPATH", MER_BINARY_DIR, 1);
    for (size_t i = 0; i < sizeof names / sizeof *names && !chosen; i++)
        chosen = setlocale(LC_ALL, names[i]);
    if (!chosen || localeconv()->decimal_point[0] != ',') {
        (void)setlocale(LC_ALL, "C");
        print_message("skipped: no locale with a decimal comma on this system\n");
        skip();
    }
    char text[MER_NUMBER_TEXT_MAX];
    double value = 0.0;
    (void)mer_number_format(0.1 + 0.2, text);
    const bool parsed = mer_number_parse("4503599627370497.5", 18, false, &value);
    const bool comma = mer_number_parse("1,5", 3, false, &value);
    (void)setlocale(LC_ALL, "C");
    assert_string_equal(text, "0.30000000000000004");
    assert_true(parsed && value == 4503599627370498.0);
    assert_false(comma);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_doubles_of_any_length_parse_as_strtod_does),
        cmocka_unit_test(random_decimals_parse_as_strtod_does),
        cmocka_unit_test(ties_between_doubles_go_to_the_even_one),
        cmocka_unit_test(hard_and_odd_numbers_parse_as_strtod_does),
        cmocka_unit_test(hundreds_of_digits_are_read_exactly),
        cmocka_unit_test(what_is_not_a_number_is_refused_and_leaves_the_result_alone),
        cmocka_unit_test(special_values_are_read_on_request),
        cmocka_unit_test(integers_are_read_to_the_last_of_int64),
        cmocka_unit_test(texts_are_the_usual_ones),
        cmocka_unit_test(texts_are_the_shortest_that_read_back),
        cmocka_unit_test(digits_can_be_limited),
        cmocka_unit_test(limited_digits_are_those_of_printf),
        cmocka_unit_test(the_host_programs_locale_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
