/* Dates and times: what is read, what is refused, and agreement with the C library. */
#include "frame/datetime.h"

#include <time.h>

#include "frame/image.h"
#include "reading.h"

typedef bool parser(const char *bytes, size_t n, int64_t *ret);

struct value {
    const char *text;
    int64_t expected;
};

static void read_all(parser *parse, const struct value *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t value = 0;
        if (!parse(values[i].text, strlen(values[i].text), &value))
            fail_msg("%s was refused", values[i].text);
        if (value != values[i].expected)
            fail_msg("%s became %lld", values[i].text, (long long)value);
    }
}

static void refuse_all(parser *parse, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t value = 42;
        if (parse(texts[i], strlen(texts[i]), &value))
            fail_msg("%s was accepted", texts[i]);
        assert_int_equal(value, 42);
    }
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void dates_are_days_since_1970(void **state)
{
    (void)state;
    static const struct value good[] = {
        {"1970-01-01", 0},
        {"1969-12-31", -1},
        {"2000-02-29", 11016},
        {"2024-02-29", 19782},
        {"1900-03-01", -25508},
        {"0001-01-01", MER_DATE_MIN},
        {"9999-12-31", MER_DATE_MAX},
    };
    static const char *const bad[] = {
        "",           "1970-01-1",   "1970-1-01",   "1970-13-01",  "1970-00-01", "1970-01-00",
        "1970-01-32", "1900-02-29",  "2023-02-29",  "0000-01-01",  "1970/01/01", "19700101",
        "+970-01-01", "1970-01-01 ", " 1970-01-01", "12345-01-01", "1970-04-31",
    };
    read_all(mer_date_parse, good, COUNT(good));
    refuse_all(mer_date_parse, bad, COUNT(bad));
}

static void every_day_agrees_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t day = MER_DATE_MIN; day <= MER_DATE_MAX; day += 13) {
        const time_t seconds = (time_t)day * 86400;
        struct tm tm;
        char text[40];
        int64_t parsed;
        assert_non_null(gmtime_r(&seconds, &tm));
        snprintf(text, sizeof text, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
        assert_true(mer_date_parse(text, strlen(text), &parsed));
        assert_true(parsed == day);
    }
}

static void times_are_microseconds_since_midnight(void **state)
{
    (void)state;
    static const struct value good[] = {
        {"00:00", 0},
        {"00:00:00", 0},
        {"12:30", INT64_C(45000000000)},
        {"23:59:59.999999", INT64_C(86399999999)},
        {"00:00:00.5", 500000},
        {"00:00:00.000001", 1},
        {"00:00:01.123456000", 1123456},
    };
    static const char *const bad[] = {
        "",       "1:00",      "24:00",    "23:60",     "23:59:60",         "12",
        "12:3",   "12:30:",    "12:30:1",  "12:30:01.", "12:30:01.1234567", "12:30:01,5",
        "12:30Z", "12:30:011", "-1:30:00", "12-30-00",  "12:30+01:00",
    };
    read_all(mer_time_parse, good, COUNT(good));
    refuse_all(mer_time_parse, bad, COUNT(bad));
}

static void datetimes_are_microseconds_of_utc(void **state)
{
    (void)state;
    static const struct value good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00", 0},
        {"1970-01-01 00:00", 0},
        {"1970-01-01T01:00:00+01:00", 0},
        {"1969-12-31T19:00-05:00", 0},
        {"1970-01-01T00:00:00.000001Z", 1},
        {"1969-12-31T23:59:59.999999", -1},
        {"2001-09-09T01:46:40.5Z", INT64_C(1000000000500000)},
        {"0001-01-01T00:00:00Z", MER_DATETIME_MIN},
        {"9999-12-31T23:59:59.999999Z", MER_DATETIME_MAX},
    };
    static const char *const bad[] = {
        "",
        "1970-01-01",
        "1970-01-01T",
        "1970-01-01t00:00:00",
        "1970-01-01  00:00:00",
        "1970-01-01T00:00:00z",
        "1970-01-01T00:00:00ZZ",
        "1970-01-01T00:00:00+1:00",
        "1970-01-01T00:00:00+0100",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00+00:60",
        "1970-01-01T00:00:00+00:00Z",
        "1970-02-30T00:00:00",
        "1970-01-01T+01:00",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    };
    read_all(mer_datetime_parse, good, COUNT(good));
    refuse_all(mer_datetime_parse, bad, COUNT(bad));
}

static void round_trip(enum mer_type type, parser *parse, int64_t value)
{
    char text[MER_WHEN_TEXT_MAX];
    int64_t again = -1;
    const size_t n = mer_when_format(type, value, text);
    assert_int_equal(strlen(text), n);
    if (!parse(text, n, &again) || again != value)
        fail_msg("%lld became %s", (long long)value, text);
}

static void texts_of_values_read_back_to_them(void **state)
{
    (void)state;
    char text[MER_WHEN_TEXT_MAX];
    for (int64_t day = MER_DATE_MIN; day <= MER_DATE_MAX; day += 13)
        round_trip(MER_TYPE_DATE, mer_date_parse, day);
    round_trip(MER_TYPE_DATE, mer_date_parse, MER_DATE_MAX);
    for (int64_t time = 0; time < MER_DAY_MICROSECONDS; time += 9999991)
        round_trip(MER_TYPE_TIME, mer_time_parse, time);
    for (int64_t i = 0; i < 1000; i++)
        round_trip(MER_TYPE_DATETIME, mer_datetime_parse,
                   MER_DATETIME_MIN + i * ((MER_DATETIME_MAX - MER_DATETIME_MIN) / 999));
    (void)mer_when_format(MER_TYPE_TIME, 45296789000, text);
    assert_string_equal(text, "12:34:56.789");
    (void)mer_when_format(MER_TYPE_DATETIME, -1000000, text);
    assert_string_equal(text, "1969-12-31T23:59:59Z");
    (void)mer_when_format(MER_TYPE_INTEGER, INT64_MIN, text);
    assert_string_equal(text, "-9223372036854775808");
}

static void any_few_bytes_are_survived(void **state)
{
    (void)state;
    static const char alphabet[] = "0-:TZ+. ";
    for (unsigned i = 0; i < 200000; i++) {
        /* Exactly as long as the text, so that a sanitizer sees a read behind it. */
        const size_t n = i % 29;
        char *text = malloc(n + (n == 0));
        unsigned x = i * 2654435761u;
        int64_t value;
        for (size_t k = 0; k < n; k++, x = x * 1664525u + 1013904223u)
            text[k] = alphabet[x >> 29];
        (void)mer_date_parse(text, n, &value);
        (void)mer_time_parse(text, n, &value);
        if (mer_datetime_parse(text, n, &value))
            assert_true(value >= MER_DATETIME_MIN && value <= MER_DATETIME_MAX);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_days_since_1970),
        cmocka_unit_test(every_day_agrees_with_the_c_library),
        cmocka_unit_test(times_are_microseconds_since_midnight),
        cmocka_unit_test(datetimes_are_microseconds_of_utc),
        cmocka_unit_test(texts_of_values_read_back_to_them),
        cmocka_unit_test(any_few_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
