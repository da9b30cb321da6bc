/* Tables of typed columns: the same images as from CSV, and schemas that hold for them. */
#include "frame/table_builder.h"

#include <math.h>

#include "reading.h"

/* A schema of JSON fields, and the builder that is held to it. */
struct building {
    struct reading reading;
    struct mer_schema schema;
    struct mer_table_builder builder;
};

static void begin(struct building *b, const char *schema)
{
    reading_init(&b->reading);
    mer_schema_init(&b->schema, &b->reading.alloc);
    if (schema) {
        assert_int_equal(
            mer_schema_parse(&b->reading.ctx, schema, strlen(schema), &b->schema, &b->reading.err)
                .code,
            MER_OK);
        b->reading.options.schema = &b->schema;
    }
    assert_int_equal(
        mer_table_builder_init(&b->builder, &b->reading.ctx, &b->reading.options, NULL).code,
        MER_OK);
}

static struct mer_built_column *add(struct building *b, const char *name, enum mer_type type)
{
    struct mer_built_column *column;
    assert_int_equal(
        mer_table_builder_add(&b->builder, name, strlen(name), type, &column, &b->reading.err).code,
        MER_OK);
    assert_int_equal(mer_built_reserve(column, 10, NULL).code, MER_OK);
    return column;
}

/* The table as text, or the error. */
static char *end(struct building *b)
{
    struct mer_region region;
    char *shown;
    mer_region_init_memory(&region, &b->reading.alloc, SIZE_MAX / 2);
    mer_status status =
        mer_table_builder_write(&b->builder, &region, &b->reading.report, &b->reading.err);
    if (mer_is_ok(status))
        status = mer_frame_adopt(&b->reading.ctx, &region, &b->reading.frame, &b->reading.err);
    if (mer_is_ok(status)) {
        shown = reading_show(&b->reading.frame);
        mer_frame_release(&b->reading.frame);
    } else {
        mer_region_release(&region);
        shown = strdup(b->reading.err.message);
    }
    mer_table_builder_release(&b->builder);
    mer_schema_release(&b->schema);
    b->reading.frame = (struct mer_frame){.n_rows = 0};
    reading_end(&b->reading);
    return shown;
}

static void expect(struct building *b, const char *expected)
{
    char *const shown = end(b);
    assert_string_equal(shown, expected);
    free(shown);
}

static void put_texts(struct mer_built_column *column, const char *const *texts)
{
    for (size_t i = 0; texts[i]; i++)
        assert_int_equal(mer_built_put_text(column, texts[i], strlen(texts[i]), NULL).code, MER_OK);
}

static void columns_of_every_type_become_a_table(void **state)
{
    (void)state;
    static const char *const words[] = {"b", "a", "", NULL};
    struct building b;
    begin(&b, NULL);
    struct mer_built_column *const truth = add(&b, "truth", MER_TYPE_BOOLEAN);
    struct mer_built_column *const whole = add(&b, "whole", MER_TYPE_INTEGER);
    struct mer_built_column *const number = add(&b, "number", MER_TYPE_NUMBER);
    struct mer_built_column *const word = add(&b, "word", MER_TYPE_TEXT);
    struct mer_built_column *const day = add(&b, "day", MER_TYPE_DATE);
    mer_built_put_boolean(truth, true);
    mer_built_put_missing(truth);
    mer_built_put_boolean(truth, false);
    mer_built_put_integer(whole, -3);
    mer_built_put_missing(whole);
    mer_built_put_integer(whole, INT64_MAX);
    mer_built_put_number(number, 0.5);
    mer_built_put_number(number, (double)NAN);
    mer_built_put_number(number, (double)INFINITY);
    put_texts(word, words);
    mer_built_put_integer(day, 0);
    mer_built_put_integer(day, 19782);
    mer_built_put_missing(day);
    expect(&b, "truth boolean: true|.|false\nwhole integer: -3|.|9223372036854775807\n"
               "number number: 0.5|.|INF\nword categorical{b,a}: 0|1|.\nday date: 0|19782|.\n");
}

static void texts_that_are_no_levels_stay_texts(void **state)
{
    (void)state;
    struct building b;
    begin(&b, NULL);
    struct mer_built_column *const word = add(&b, "word", MER_TYPE_TEXT);
    assert_int_equal(mer_built_reserve(word, 60, NULL).code, MER_OK);
    for (int i = 0; i < 60; i++) {
        char text[8];
        const int n = snprintf(text, sizeof text, "t%d", i);
        assert_int_equal(mer_built_put_text(word, text, (size_t)n, NULL).code, MER_OK);
    }
    char *const shown = end(&b);
    assert_memory_equal(shown, "word text: t0|t1|", 17);
    free(shown);
}

#define FIELD(type) "{\"fields\":[{\"name\":\"a\",\"type\":\"" type "\"}]}"

static void values_that_are_exactly_of_the_schemas_type_become_that(void **state)
{
    (void)state;
    struct building b;
    static const char *const numbers[] = {"1", "-2.5", NULL};
    static const char *const dates[] = {"1970-01-02", NULL};

    begin(&b, FIELD("number"));
    mer_built_put_integer(add(&b, "a", MER_TYPE_INTEGER), 7);
    expect(&b, "a number: 7\n");
    begin(&b, FIELD("integer"));
    mer_built_put_number(add(&b, "a", MER_TYPE_NUMBER), -3.0);
    expect(&b, "a integer: -3\n");
    begin(&b, FIELD("boolean"));
    mer_built_put_integer(add(&b, "a", MER_TYPE_INTEGER), 1);
    expect(&b, "a boolean: true\n");
    begin(&b, FIELD("number"));
    put_texts(add(&b, "a", MER_TYPE_TEXT), numbers);
    expect(&b, "a number: 1|-2.5\n");
    begin(&b, FIELD("date"));
    put_texts(add(&b, "a", MER_TYPE_TEXT), dates);
    expect(&b, "a date: 1\n");
    begin(&b, FIELD("date"));
    mer_built_put_integer(add(&b, "a", MER_TYPE_DATETIME), -86400000000);
    expect(&b, "a date: -1\n");
    begin(&b, FIELD("datetime"));
    mer_built_put_integer(add(&b, "a", MER_TYPE_DATE), 1);
    expect(&b, "a datetime: 86400000000\n");
    begin(&b, FIELD("string"));
    mer_built_put_integer(add(&b, "a", MER_TYPE_INTEGER), 42);
    expect(&b, "a text: 42\n");
    begin(&b, FIELD("string"));
    mer_built_put_integer(add(&b, "a", MER_TYPE_DATETIME), -1);
    expect(&b, "a text: 1969-12-31T23:59:59.999999Z\n");
}

static void other_values_are_refused_by_row_and_column(void **state)
{
    (void)state;
    struct building b;
    static const char *const texts[] = {"1", "x", NULL};

    begin(&b, FIELD("integer"));
    mer_built_put_number(add(&b, "a", MER_TYPE_NUMBER), 0.5);
    expect(&b, "row 1, column 'a': not an integer (of 64 bits)");
    begin(&b, FIELD("integer"));
    mer_built_put_number(add(&b, "a", MER_TYPE_NUMBER), 0x1p63);
    expect(&b, "row 1, column 'a': not an integer (of 64 bits)");
    begin(&b, FIELD("integer"));
    put_texts(add(&b, "a", MER_TYPE_TEXT), texts);
    expect(&b, "row 2, column 'a': not an integer (of 64 bits)");
    begin(&b, FIELD("boolean"));
    mer_built_put_integer(add(&b, "a", MER_TYPE_INTEGER), 2);
    expect(&b, "row 1, column 'a': not true or false");
    begin(&b, FIELD("date"));
    mer_built_put_integer(add(&b, "a", MER_TYPE_DATETIME), 1);
    expect(&b, "row 1, column 'a': a date with a time of the day, and the schema wants a date");
    begin(&b, FIELD("number"));
    mer_built_put_boolean(add(&b, "a", MER_TYPE_BOOLEAN), true);
    expect(&b, "row 1, column 'a': true or false, and the schema wants another type");
    begin(&b, NULL);
    mer_built_put_integer(add(&b, "a", MER_TYPE_DATE), MER_DATE_MAX + 1);
    expect(&b, "row 1, column 'a': a date outside of the years 1 to 9999");
    begin(&b, NULL);
    mer_built_put_integer(add(&b, "a", MER_TYPE_TIME), MER_DAY_MICROSECONDS);
    expect(&b, "row 1, column 'a': a time that is none of a day");
}

static void required_values_categories_and_missing_texts_are_the_schemas(void **state)
{
    (void)state;
    struct building b;
    static const char *const texts[] = {"y", "NA", "-", NULL};
    static const char schema[] =
        "{\"missingValues\":[\"-\"],\"fields\":[{\"name\":\"a\",\"type\":\"string\","
        "\"categories\":[\"x\",\"y\",\"NA\"]}]}";
    begin(&b, schema);
    put_texts(add(&b, "a", MER_TYPE_TEXT), texts);
    expect(&b, "a categorical{x,y,NA}: 1|2|.\n");

    static const char *const other[] = {"y", "z", NULL};
    begin(&b, schema);
    put_texts(add(&b, "a", MER_TYPE_TEXT), other);
    expect(&b, "row 2, column 'a': not among the categories of the schema");
    begin(&b, schema);
    b.reading.options.allow_new_levels = true;
    put_texts(add(&b, "a", MER_TYPE_TEXT), other);
    expect(&b, "a categorical{x,y,NA,z}: 1|3\n");

    begin(&b, "{\"fields\":[{\"name\":\"a\",\"type\":\"integer\","
              "\"constraints\":{\"required\":true}}]}");
    mer_built_put_missing(add(&b, "a", MER_TYPE_INTEGER));
    expect(&b, "row 1, column 'a': missing, but the schema requires a value");
}

static void columns_are_found_by_name(void **state)
{
    (void)state;
    struct building b;
    struct mer_built_column *column;
    begin(&b, FIELD("integer"));
    assert_int_equal(
        mer_table_builder_add(&b.builder, "b", 1, MER_TYPE_NUMBER, &column, &b.reading.err).code,
        MER_ERR_DATA);
    assert_string_equal(b.reading.err.message, "the schema lacks the column 'b' of the table");
    expect(&b, "the table lacks the column 'a' of the schema");

    begin(&b, FIELD("integer"));
    b.reading.options.allow_extra = true;
    assert_true(add(&b, "b", MER_TYPE_NUMBER)->skipped);
    mer_built_put_integer(add(&b, "a", MER_TYPE_INTEGER), 1);
    expect(&b, "a integer: 1\n");

    begin(&b, NULL);
    (void)add(&b, "a", MER_TYPE_NUMBER);
    assert_int_equal(
        mer_table_builder_add(&b.builder, "a", 1, MER_TYPE_NUMBER, &column, &b.reading.err).code,
        MER_ERR_DATA);
    assert_string_equal(b.reading.err.message, "columns 1 and 2 are both named 'a'");
    assert_int_equal(
        mer_table_builder_add(&b.builder, "\xff", 1, MER_TYPE_NUMBER, &column, NULL).code,
        MER_ERR_DATA);
    assert_int_equal(mer_table_builder_add(&b.builder, "", 0, MER_TYPE_NUMBER, &column, NULL).code,
                     MER_ERR_DATA);
    expect(&b, "the table has no rows");
}

static void texts_must_be_utf8_without_nul(void **state)
{
    (void)state;
    struct building b;
    begin(&b, NULL);
    struct mer_built_column *const column = add(&b, "a", MER_TYPE_TEXT);
    assert_int_equal(mer_built_put_text(column, "\xc3", 1, &b.reading.err).code, MER_ERR_DATA);
    assert_int_equal(mer_built_put_text(column, "a\0b", 3, NULL).code, MER_ERR_DATA);
    expect(&b, "the table has no rows");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_of_every_type_become_a_table),
        cmocka_unit_test(texts_that_are_no_levels_stay_texts),
        cmocka_unit_test(values_that_are_exactly_of_the_schemas_type_become_that),
        cmocka_unit_test(other_values_are_refused_by_row_and_column),
        cmocka_unit_test(required_values_categories_and_missing_texts_are_the_schemas),
        cmocka_unit_test(columns_are_found_by_name),
        cmocka_unit_test(texts_must_be_utf8_without_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
