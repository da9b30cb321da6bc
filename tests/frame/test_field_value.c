/* Every type, format and constraint of Table Schema: which texts are values, which value they are,
 * and why the others are none. */
#include "frame/field_value.h"

#include <math.h>

#include "core/number.h"
#include "frame/datetime.h"
#include "reading.h"

/* The value as text: what the cell became. */
static void show(const struct mer_field *field, union mer_value value, char *text, size_t size)
{
    switch (field->type) {
    case MER_TYPE_BOOLEAN:
        (void)snprintf(text, size, "%s", value.truth ? "true" : "false");
        break;
    case MER_TYPE_NUMBER:
        (void)mer_number_format(value.number, text);
        break;
    case MER_TYPE_TEXT:
    case MER_TYPE_CATEGORICAL:
        (void)snprintf(text, size, "fine");
        break;
    default:
        (void)mer_when_format(field->type, value.integer, text);
        break;
    }
}

struct row {
    const char *field; /* its properties but the name */
    const char *cell;
    const char *expected; /* the value, or the name of the fault with a ! in front */
};

static void check(const struct row *row)
{
    struct reading reading;
    struct mer_schema schema;
    char json[1000], text[100];
    reading_init(&reading);
    (void)snprintf(json, sizeof json, "{\"fields\":[{\"name\":\"a\",%s}]}", row->field);
    if (mer_schema_parse(&reading.ctx, json, strlen(json), &schema, &reading.err).code != MER_OK)
        fail_msg("%s: %s", row->field, reading.err.message);
    union mer_value value;
    const enum mer_value_fault fault =
        mer_field_value(&schema.fields[0], row->cell, strlen(row->cell), &value);
    if (fault == MER_VALUE_FINE)
        show(&schema.fields[0], value, text, sizeof text);
    else
        (void)snprintf(text, sizeof text, "!%s", mer_value_fault_name(fault));
    if (strcmp(text, row->expected) != 0)
        fail_msg("%s: %s is %s instead of %s", row->field, row->cell, text, row->expected);
    mer_schema_release(&schema);
    reading_end(&reading);
}

#define CHECK_ALL(rows)                                                                            \
    for (size_t i_ = 0; i_ < sizeof(rows) / sizeof(rows)[0]; i_++)                                 \
    check(&(rows)[i_])

#define NUMBER "\"type\":\"number\""
#define INTEGER "\"type\":\"integer\""

static void numbers_have_their_characters(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NUMBER, "1.5e3", "1500"},
        {NUMBER, "inf", "INF"},
        {NUMBER, "NaN", "!nan"},
        {NUMBER, "1,5", "!not_number"},
        {NUMBER ",\"decimalChar\":\",\"", "1,5", "1.5"},
        {NUMBER ",\"decimalChar\":\",\"", "1.5", "!not_number"},
        {NUMBER ",\"decimalChar\":\",\"", "1,5e2", "150"},
        {NUMBER ",\"groupChar\":\",\"", "1,234,567.25", "1234567.25"},
        {NUMBER ",\"groupChar\":\",\"", "12,34,567", "1234567"},
        {NUMBER ",\"groupChar\":\",\"", ",123", "!not_number"},
        {NUMBER ",\"groupChar\":\",\"", "123,", "!not_number"},
        {NUMBER ",\"groupChar\":\",\"", "1,,2", "!not_number"},
        {NUMBER ",\"groupChar\":\",\"", "1.2,3", "!not_number"},
        {NUMBER ",\"groupChar\":\",\"", "1e1,0", "!not_number"},
        {NUMBER ",\"groupChar\":\".\",\"decimalChar\":\",\"", "1.234,5", "1234.5"},
        {NUMBER ",\"groupChar\":\" \"", "1 234", "1234"},
        {NUMBER ",\"groupChar\":\"\xc2\xa0\"",
         "1\xc2\xa0"
         "234",
         "1234"},
        {NUMBER ",\"bareNumber\":false",
         "\xe2\x82\xac"
         "95",
         "95"},
        {NUMBER ",\"bareNumber\":false", "EUR -95.5", "-95.5"},
        {NUMBER ",\"bareNumber\":false", "95 %", "95"},
        {NUMBER ",\"bareNumber\":false", "about .5", "0.5"},
        {NUMBER ",\"bareNumber\":false", "-$5", "!not_number"},
        {NUMBER ",\"bareNumber\":false", "(5)", "!not_number"},
        {NUMBER ",\"bareNumber\":false", "5-", "!not_number"},
        {NUMBER ",\"bareNumber\":false",
         "\xe2\x88\x92"
         "5",
         "!not_number"},
        {NUMBER ",\"bareNumber\":false", "5 of 7", "!not_number"},
        {NUMBER ",\"bareNumber\":false", "none", "!not_number"},
        {INTEGER, "007", "7"},
        {INTEGER, "1.0", "!not_integer"},
        {INTEGER, "9223372036854775808", "!not_integer"},
        {INTEGER ",\"groupChar\":\",\"", "1,000", "1000"},
        {INTEGER ",\"bareNumber\":false", "12 kg", "12"},
        {INTEGER ",\"bareNumber\":false", "1.5 kg", "!not_integer"},
        {INTEGER ",\"categories\":[1,2]", "2", "fine"},
        {INTEGER ",\"categories\":[1,2]", "02", "!not_category"},
        {INTEGER ",\"categories\":[1,2]", "x", "!not_integer"},
    };
    CHECK_ALL(rows);
}

static void booleans_have_their_words(void **state)
{
    (void)state;
#define WORDS "\"type\":\"boolean\",\"trueValues\":[\"yes\",\"y\"],\"falseValues\":[\"no\"]"
    static const struct row rows[] = {
        {"\"type\":\"boolean\"", "True", "true"},
        {"\"type\":\"boolean\"", "0", "false"},
        {"\"type\":\"boolean\"", "tRUE", "!not_boolean"},
        {WORDS, "y", "true"},
        {WORDS, "no", "false"},
        {WORDS, "true", "!not_boolean"},
        {"\"type\":\"boolean\",\"trueValues\":[\"ja\"]", "ja", "true"},
        {"\"type\":\"boolean\",\"trueValues\":[\"ja\"]", "FALSE", "false"},
        {WORDS ",\"constraints\":{\"enum\":[true]}", "no", "!outside_enum"},
    };
    CHECK_ALL(rows);
}

static void dates_and_times_have_their_formats(void **state)
{
    (void)state;
#define DATE(format) "\"type\":\"date\",\"format\":\"" format "\""
#define TIME(format) "\"type\":\"time\",\"format\":\"" format "\""
#define DATETIME(format) "\"type\":\"datetime\",\"format\":\"" format "\""
    static const struct row rows[] = {
        {DATE("default"), "2024-02-29", "2024-02-29"},
        {DATE("default"), "2023-02-29", "!not_date"},
        {DATE("%d/%m/%Y"), "29/2/2024", "2024-02-29"},
        {DATE("%d/%m/%Y"), "2/29/2024", "!not_in_format"},
        {DATE("%d/%m/%Y"), "29/02/2024 ", "!not_in_format"},
        {DATE("%d.%m.%y"), "01.02.69", "1969-02-01"},
        {DATE("%d.%m.%y"), "01.02.68", "2068-02-01"},
        {DATE("%Y%m%d"), "20240229", "2024-02-29"},
        {DATE("%Y%m%d"), "2024229", "!not_in_format"},
        {DATE("%B %d, %Y"), "february 29, 2024", "2024-02-29"},
        {DATE("%b %d, %Y"), "Feb 29, 2024", "2024-02-29"},
        {DATE("%A %d %b %Y"), "Thursday 29 Feb 2024", "2024-02-29"},
        {DATE("%a %d %b %Y"), "Fri 29 Feb 2024", "!not_in_format"},
        {DATE("%Y-%j"), "2024-366", "2024-12-31"},
        {DATE("%Y-%j"), "2023-366", "!not_in_format"},
        {DATE("%F"), "2024-02-29", "2024-02-29"},
        {DATE("%D"), "02/29/24", "2024-02-29"},
        {DATE("any"), "29 Feb 2024", "2024-02-29"},
        {DATE("any"), "February 29, 2024", "2024-02-29"},
        {DATE("any"), "2024/02/29", "2024-02-29"},
        {DATE("any"), "20240229", "2024-02-29"},
        {DATE("any"), "01/02/2024", "!not_in_format"},
        {TIME("default"), "12:30:01.5", "12:30:01.5"},
        {TIME("%I:%M %p"), "12:30 am", "00:30:00"},
        {TIME("%I:%M %p"), "1:30 PM", "13:30:00"},
        {TIME("%I:%M %p"), "13:30 PM", "!not_in_format"},
        {TIME("%H%M"), "0930", "09:30:00"},
        {TIME("%H:%M:%S.%f"), "09:30:00.25", "09:30:00.25"},
        {TIME("any"), "9:30pm", "21:30:00"},
        {TIME("any"), "noon", "!not_in_format"},
        {DATETIME("default"), "2024-02-29T12:00:00+01:00", "2024-02-29T11:00:00Z"},
        {DATETIME("%d/%m/%Y %H:%M:%S"), "29/02/2024 12:00:00", "2024-02-29T12:00:00Z"},
        {DATETIME("%Y-%m-%dT%H:%M:%S%z"), "2024-02-29T12:00:00-0530", "2024-02-29T17:30:00Z"},
        {DATETIME("%Y-%m-%d %H:%M %Z"), "2024-02-29 12:00 UTC", "2024-02-29T12:00:00Z"},
        {DATETIME("%Y-%m-%d %H:%M %Z"), "2024-02-29 12:00 CET", "!not_in_format"},
        {DATETIME("any"), "Thu, 29 Feb 2024 12:00:00 +0100", "2024-02-29T11:00:00Z"},
        {DATETIME("any"), "2024/02/29 1:15 PM", "2024-02-29T13:15:00Z"},
        {DATETIME("any"), "29/02/2024 13:15", "!not_in_format"},
        {"\"type\":\"year\"", "2024", "2024"},
        {"\"type\":\"year\"", "-0044", "-44"},
        {"\"type\":\"year\"", "24", "!not_year"},
        {"\"type\":\"year\"", "0000", "!not_year"},
        {"\"type\":\"year\"", "2024Z", "!not_year"},
        {"\"type\":\"yearmonth\"", "2024-02", "2024-02-01"},
        {"\"type\":\"yearmonth\"", "2024-13", "!not_yearmonth"},
        {"\"type\":\"duration\"", "P1D", "86400"},
        {"\"type\":\"duration\"", "-PT1H30M0.5S", "-5400.5"},
        {"\"type\":\"duration\"", "P1Y2M", "36816444"},
        {"\"type\":\"duration\"", "P", "!not_duration"},
        {"\"type\":\"duration\"", "P1DT", "!not_duration"},
        {"\"type\":\"duration\"", "PT1M1H", "!not_duration"},
        {"\"type\":\"duration\"", "P1.5D", "!not_duration"},
        {"\"type\":\"duration\"", "1D", "!not_duration"},
    };
    CHECK_ALL(rows);
}

static void texts_have_their_formats(void **state)
{
    (void)state;
#define STRING(format) "\"type\":\"string\",\"format\":\"" format "\""
    static const struct row rows[] = {
        {STRING("email"), "a.b+c@example.org", "fine"},
        {STRING("email"), "a..b@example.org", "!not_email"},
        {STRING("email"), "a@localhost", "!not_email"},
        {STRING("email"), "a b@example.org", "!not_email"},
        {STRING("email"), "@example.org", "!not_email"},
        {STRING("uri"), "https://example.org/a?b=c%20d#e", "fine"},
        {STRING("uri"), "mailto:a@b.c", "fine"},
        {STRING("uri"), "example.org", "!not_uri"},
        {STRING("uri"), "http://a b", "!not_uri"},
        {STRING("uri"), "http://a%zz", "!not_uri"},
        {STRING("binary"), "TWVybG9u", "fine"},
        {STRING("binary"), "TWVybA==", "fine"},
        {STRING("binary"), "TWVyb", "!not_binary"},
        {STRING("binary"), "TW=ybA==", "!not_binary"},
        {STRING("uuid"), "123e4567-e89b-12d3-a456-426614174000", "fine"},
        {STRING("uuid"), "123e4567e89b12d3a456426614174000", "!not_uuid"},
        {"\"type\":\"list\",\"itemType\":\"integer\"", "1,2,3", "fine"},
        {"\"type\":\"list\",\"itemType\":\"integer\"", "1,x", "!not_list"},
        {"\"type\":\"list\",\"itemType\":\"date\",\"delimiter\":\"; \"", "2024-01-01; 2024-01-02",
         "fine"},
        {"\"type\":\"list\",\"constraints\":{\"maxLength\":2}", "a,b,c", "!too_long"},
        {"\"type\":\"object\"", "{\"a\": [1, {\"b\": null}]}", "fine"},
        {"\"type\":\"object\"", "[1]", "!not_object"},
        {"\"type\":\"object\"", "{\"a\": 01}", "!not_object"},
        {"\"type\":\"object\"", "{\"a\": 1,}", "!not_object"},
        {"\"type\":\"object\"", "{\"a\": \"\\ud800\"}", "!not_object"},
        {"\"type\":\"object\",\"constraints\":{\"minLength\":2}", "{\"a\": 1}", "!too_short"},
        {"\"type\":\"array\"", " [1, \"x\", true] ", "fine"},
        {"\"type\":\"array\"", "{}", "!not_array"},
        {"\"type\":\"array\"", "[1] 2", "!not_array"},
        {"\"type\":\"geojson\"", "{\"type\":\"Point\",\"coordinates\":[1,2]}", "fine"},
        {"\"type\":\"geojson\"", "{\"type\":\"Dot\"}", "!not_geojson"},
        {"\"type\":\"geojson\",\"format\":\"topojson\"", "{\"type\":\"Topology\"}", "fine"},
        {"\"type\":\"geopoint\"", "90.50, -45.5", "fine"},
        {"\"type\":\"geopoint\"", "90.50,45.5", "fine"},
        {"\"type\":\"geopoint\"", "45.5, 90.50", "!not_geopoint"},
        {"\"type\":\"geopoint\"", "90.50", "!not_geopoint"},
        {"\"type\":\"geopoint\",\"format\":\"array\"", "[90.5, 45.5]", "fine"},
        {"\"type\":\"geopoint\",\"format\":\"array\"", "[90.5, 45.5, 1]", "!not_geopoint"},
        {"\"type\":\"geopoint\",\"format\":\"object\"", "{\"lat\": 45.5, \"lon\": 90.5}", "fine"},
        {"\"type\":\"geopoint\",\"format\":\"object\"", "{\"lat\": 45.5, \"lng\": 90.5}",
         "!not_geopoint"},
        {"\"type\":\"any\"", "whatever", "fine"},
    };
    CHECK_ALL(rows);
}

static void constraints_hold_for_every_type_they_go_with(void **state)
{
    (void)state;
#define WITH(type, constraints) "\"type\":\"" type "\",\"constraints\":{" constraints "}"
    static const struct row rows[] = {
        {WITH("integer", "\"minimum\":5"), "5", "5"},
        {WITH("integer", "\"minimum\":\"5\""), "4", "!below_minimum"},
        {WITH("integer", "\"exclusiveMinimum\":5"), "5", "!below_minimum"},
        {WITH("number", "\"maximum\":1.5"), "1.5", "1.5"},
        {WITH("number", "\"maximum\":1.5"), "1.6", "!above_maximum"},
        {WITH("number", "\"exclusiveMaximum\":1.5,\"minimum\":0"), "1.5", "!above_maximum"},
        {WITH("number", "\"maximum\":\"INF\""), "inf", "INF"},
        {WITH("date", "\"minimum\":\"2024-01-01\""), "2023-12-31", "!below_minimum"},
        {"\"type\":\"date\",\"format\":\"%d/%m/%Y\",\"constraints\":{\"minimum\":\"31/12/2023\"}",
         "30/12/2023", "!below_minimum"},
        {"\"type\":\"date\",\"format\":\"%d/%m/%Y\",\"constraints\":{\"minimum\":\"2023-12-31\"}",
         "31/12/2023", "2023-12-31"},
        {WITH("time", "\"maximum\":\"12:00\""), "12:00:01", "!above_maximum"},
        {WITH("datetime", "\"maximum\":\"2024-01-01T00:00:00Z\""), "2024-01-01T00:30:00+01:00",
         "2023-12-31T23:30:00Z"},
        {WITH("year", "\"minimum\":1900"), "1899", "!below_minimum"},
        {WITH("yearmonth", "\"maximum\":\"2024-06\""), "2024-07", "!above_maximum"},
        {WITH("duration", "\"maximum\":\"P1D\""), "PT25H", "!above_maximum"},
        {WITH("string", "\"minLength\":2,\"maxLength\":3"), "\xc3\xa9\xc3\xa9\xc3\xa9", "fine"},
        {WITH("string", "\"maxLength\":3"), "abcd", "!too_long"},
        {WITH("string", "\"pattern\":\"[A-Z]{2}\\\\d+\""), "AB12", "fine"},
        {WITH("string", "\"pattern\":\"[A-Z]{2}\\\\d+\""), "AB12x", "!outside_pattern"},
        {WITH("integer", "\"enum\":[1,\"2\"]"), "2", "2"},
        {WITH("integer", "\"enum\":[1,2]"), "3", "!outside_enum"},
        {WITH("number", "\"enum\":[1.50]"), "1.5", "1.5"},
        {WITH("date", "\"enum\":[\"2024-01-01\"]"), "2024-01-02", "!outside_enum"},
        {"\"type\":\"string\",\"categories\":[\"a\",\"b\"],\"constraints\":{\"enum\":[\"a\"]}", "b",
         "!outside_enum"},
    };
    CHECK_ALL(rows);
}

static void every_fault_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (int a = 0; a < MER_VALUE_FAULT_COUNT; a++) {
        assert_non_null(mer_value_fault_text((enum mer_value_fault)a));
        assert_non_null(mer_value_fault_name((enum mer_value_fault)a));
        for (int b = 0; b < a; b++)
            assert_string_not_equal(mer_value_fault_name((enum mer_value_fault)a),
                                    mer_value_fault_name((enum mer_value_fault)b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_their_characters),
        cmocka_unit_test(booleans_have_their_words),
        cmocka_unit_test(dates_and_times_have_their_formats),
        cmocka_unit_test(texts_have_their_formats),
        cmocka_unit_test(constraints_hold_for_every_type_they_go_with),
        cmocka_unit_test(every_fault_has_a_text_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
