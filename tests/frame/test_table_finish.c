/* What a schema demands of a table whose values did not come as texts, and of its columns. */
#include "frame/table_finish.h"

#include "reading.h"

static void values_that_are_no_texts_are_held_to_constraints_too(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        const char *message; /* NULL: all is well */
    } cases[] = {
        {"\"name\":\"i\",\"type\":\"integer\",\"constraints\":{\"maximum\":5}", NULL},
        {"\"name\":\"i\",\"type\":\"integer\",\"constraints\":{\"maximum\":4}",
         "row 2, column 'i': above the maximum of the schema"},
        {"\"name\":\"n\",\"type\":\"number\",\"constraints\":{\"enum\":[1.5]}",
         "row 2, column 'n': not among the values that the schema allows"},
        {"\"name\":\"b\",\"type\":\"boolean\",\"constraints\":{\"enum\":[true]}",
         "row 3, column 'b': not among the values that the schema allows"},
        {"\"name\":\"d\",\"type\":\"date\",\"constraints\":{\"minimum\":\"2024-01-02\"}",
         "row 1, column 'd': below the minimum of the schema"},
        {"\"name\":\"c\",\"type\":\"string\",\"merlon:categorical\":true,\"constraints\":{"
         "\"pattern\":\"[xy]\"}",
         "row 3, column 'c': does not match the pattern of the schema"},
    };
    struct reading reading;
    reading_init(&reading);
    assert_int_equal(reading_csv(&reading,
                                 "i,n,b,d,c\n1,1.5,true,2024-01-01,x\n5,2.5,,2024-01-02,y\n"
                                 ",,false,,z\n",
                                 SIZE_MAX),
                     MER_OK);
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct mer_schema schema;
        char json[400];
        (void)snprintf(json, sizeof json, "{\"fields\":[{%s}]}", cases[k].field);
        assert_int_equal(
            mer_schema_parse(&reading.ctx, json, strlen(json), &schema, &reading.err).code, MER_OK);
        const enum mer_code code =
            mer_table_check_values(&reading.ctx, &schema, &reading.frame, &reading.err).code;
        assert_int_equal(code, cases[k].message ? MER_ERR_DATA : MER_OK);
        if (cases[k].message)
            assert_string_equal(reading.err.message, cases[k].message);
        mer_schema_release(&schema);
    }
    reading_end(&reading);
}

static void fields_match_columns_as_the_schema_says(void **state)
{
    (void)state;
    static const struct {
        const char *match;
        const char *header;
        const char *message; /* NULL: read */
    } cases[] = {
        {"exact", "a,b", NULL},
        {"exact", "b,a",
         "the column 'b' stands elsewhere in the schema, which demands the same order (fieldsMatch "
         "exact)"},
        {"equal", "b,a", NULL},
        {"equal", "a,b,c", "the schema lacks the column 'c' of the table"},
        {"equal", "a", "the table lacks the column 'b' of the schema"},
        {"subset", "c,b,a", NULL},
        {"subset", "a,c", "the table lacks the column 'b' of the schema"},
        {"superset", "b", NULL},
        {"superset", "a,b,c", "the schema lacks the column 'c' of the table"},
        {"partial", "c,a", NULL},
        {"partial", "c,d", "the table has no column of the schema"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct reading reading;
        struct mer_schema schema;
        char text[200];
        reading_init(&reading);
        (void)snprintf(text, sizeof text,
                       "{\"fieldsMatch\":\"%s\",\"fields\":[{\"name\":\"a\"},{\"name\":\"b\"}]}",
                       cases[k].match);
        assert_int_equal(
            mer_schema_parse(&reading.ctx, text, strlen(text), &schema, &reading.err).code, MER_OK);
        (void)snprintf(text, sizeof text, "%s\n1,2,3\n", cases[k].header);
        text[strlen(cases[k].header) * 2 + 1] = '\n'; /* as many cells as names */
        text[strlen(cases[k].header) * 2 + 2] = '\0';
        reading.options.schema = &schema;
        const enum mer_code code = reading_csv(&reading, text, SIZE_MAX);
        if ((code == MER_OK) != (cases[k].message == NULL) ||
            (cases[k].message && strcmp(reading.err.message, cases[k].message) != 0))
            fail_msg("%s of %s: %s", cases[k].match, cases[k].header, reading.err.message);
        mer_schema_release(&schema);
        reading_end(&reading);
    }
}

static void a_field_may_have_missing_values_of_its_own(void **state)
{
    (void)state;
    static const char json[] =
        "{\"missingValues\":[\"\",\"NA\"],\"fields\":[{\"name\":\"a\",\"type\":\"string\"},"
        "{\"name\":\"b\",\"type\":\"integer\",\"missingValues\":[\"-99\",\"NA\"]},"
        "{\"name\":\"c\",\"type\":\"integer\"}]}";
    for (int plainly = 0; plainly < 2; plainly++) {
        struct reading reading;
        struct mer_schema schema;
        reading_init(&reading);
        assert_int_equal(
            mer_schema_parse(&reading.ctx, json, strlen(json), &schema, &reading.err).code, MER_OK);
        reading.options.schema = &schema;
        reading.options.plainly = plainly;
        assert_int_equal(reading_csv(&reading, "a,b,c\nNA,-99,-99\n-99,NA,NA\nx,1,\n", SIZE_MAX),
                         MER_OK);
        char *shown = reading_show(&reading.frame);
        assert_string_equal(shown, "a text: .|-99|x\nb integer: .|.|1\nc integer: -99|.|.\n");
        free(shown);
        mer_schema_release(&schema);
        reading_end(&reading);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_that_are_no_texts_are_held_to_constraints_too),
        cmocka_unit_test(fields_match_columns_as_the_schema_says),
        cmocka_unit_test(a_field_may_have_missing_values_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
