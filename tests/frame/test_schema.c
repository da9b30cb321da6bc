/* Table Schema: what is read, what is refused, what is enforced and what is written. */
#include "reading.h"

#define FIELDS(text) "{\"fields\":[" text "]}"
#define FIELD(text) FIELDS("{\"name\":\"a\"," text "}")

static enum mer_code parse(struct reading *reading, const char *text, struct mer_schema *schema)
{
    mer_err_clear(&reading->err);
    return mer_schema_parse(&reading->ctx, text, strlen(text), schema, &reading->err).code;
}

static void every_type_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum mer_type type;
    } cases[] = {
        {FIELD("\"type\":\"boolean\""), MER_TYPE_BOOLEAN},
        {FIELD("\"type\":\"integer\""), MER_TYPE_INTEGER},
        {FIELD("\"type\":\"number\""), MER_TYPE_NUMBER},
        {FIELD("\"type\":\"string\""), MER_TYPE_TEXT},
        {FIELD("\"type\":\"date\""), MER_TYPE_DATE},
        {FIELD("\"type\":\"time\""), MER_TYPE_TIME},
        {FIELD("\"type\":\"datetime\""), MER_TYPE_DATETIME},
        {FIELD("\"title\":\"no type\""), MER_TYPE_TEXT},
        {FIELD("\"type\":\"year\""), MER_TYPE_INTEGER},
        {FIELD("\"type\":\"yearmonth\""), MER_TYPE_DATE},
        {FIELD("\"type\":\"duration\""), MER_TYPE_NUMBER},
        {FIELD("\"type\":\"list\",\"delimiter\":\";\",\"itemType\":\"date\""), MER_TYPE_TEXT},
        {FIELD("\"type\":\"object\""), MER_TYPE_TEXT},
        {FIELD("\"type\":\"array\""), MER_TYPE_TEXT},
        {FIELD("\"type\":\"geojson\",\"format\":\"topojson\""), MER_TYPE_TEXT},
        {FIELD("\"type\":\"geopoint\",\"format\":\"object\""), MER_TYPE_TEXT},
        {FIELD("\"type\":\"any\""), MER_TYPE_TEXT},
        {FIELD("\"type\":\"date\",\"format\":\"fmt:%d.%m.%Y\""), MER_TYPE_DATE},
        {FIELD("\"type\":\"integer\",\"categories\":[1,{\"value\":2,\"label\":\"two\"}]"),
         MER_TYPE_CATEGORICAL},
        {FIELD("\"type\":\"string\",\"categories\":[\"x\"]"), MER_TYPE_CATEGORICAL},
        {FIELD("\"categories\":[{\"value\":\"x\",\"label\":\"X\"}],\"type\":\"string\""),
         MER_TYPE_CATEGORICAL},
        {FIELD("\"type\":\"string\",\"merlon:categorical\":true"), MER_TYPE_CATEGORICAL},
        {FIELD("\"type\":\"string\",\"merlon:categorical\":false"), MER_TYPE_TEXT},
        {FIELD("\"type\":\"string\",\"constraints\":{\"enum\":[\"x\",\"y\"]}"),
         MER_TYPE_CATEGORICAL},
        {FIELD("\"type\":\"any\",\"constraints\":{\"enum\":[\"x\"]},\"ordered\":false"),
         MER_TYPE_CATEGORICAL},
        {FIELD("\"type\":\"number\",\"title\":\"A\",\"description\":\"b\",\"format\":\"default\","
               "\"decimalChar\":\".\",\"bareNumber\":true,\"mine\":[1]"),
         MER_TYPE_NUMBER},
        {FIELD("\"type\":\"boolean\",\"trueValues\":[\"1\",\"true\",\"True\",\"TRUE\"]"),
         MER_TYPE_BOOLEAN},
        {"{\"schema\":{\"fields\":[{\"name\":\"a\",\"type\":\"integer\"}],\"pandas_version\":\"1\"}"
         ","
         "\"data\":[]}",
         MER_TYPE_INTEGER},
        {"{\"fieldsMatch\":[\"equal\"],\"fields\":[{\"name\":\"a\",\"type\":\"date\"}],"
         "\"primaryKey\":[]}",
         MER_TYPE_DATE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reading reading;
        struct mer_schema schema;
        reading_init(&reading);
        if (parse(&reading, cases[i].text, &schema) != MER_OK)
            fail_msg("%s: %s", cases[i].text, reading.err.message);
        assert_int_equal(schema.n_fields, 1);
        assert_string_equal(schema.fields[0].name, "a");
        assert_int_equal(schema.fields[0].type, cases[i].type);
        assert_int_equal(schema.n_missing_values, 1);
        assert_string_equal(schema.missing_values[0], "");
        mer_schema_release(&schema);
        reading_end(&reading);
    }
}

static const struct {
    const char *text;
    const char *message;
} REFUSED[] = {
    {"[]", "schema: it must be a JSON object with 'fields'"},
    {"{}", "schema: it has no fields"},
    {FIELDS(""), "schema: it has no fields"},
    {FIELDS("{}"), "schema: field 1 has no name"},
    {FIELDS("{\"name\":\"\"}"), "schema: field 1 has no name"},
    {FIELDS("\"a\""), "schema: field 1 has no name"},
    {FIELDS("{\"name\":\"a\",\"type\":\"date\"},{\"name\":\"a\",\"type\":\"date\"}"),
     "schema, field 'a': another field has the same name"},
    {FIELD("\"type\":\"uuid\""), "schema, field 'a': the type 'uuid' is not known"},
    {FIELD("\"type\":3"), "schema, field 'a': its type must be a text"},
    {FIELD("\"type\":\"string\",\"format\":\"ipv4\""),
     "schema, field 'a': the type string has no format 'ipv4'"},
    {FIELD("\"type\":\"integer\",\"format\":\"email\""),
     "schema, field 'a': the type integer has no format 'email'"},
    {FIELD("\"type\":\"date\",\"format\":\"%d/%m\""),
     "schema, field 'a': its format cannot be used: it does not read year, month and day"},
    {FIELD("\"type\":\"date\",\"format\":\"%d/%m/%Y %H\""),
     "schema, field 'a': its format cannot be used: it reads a time, which a date does not "
     "keep"},
    {FIELD("\"type\":\"time\",\"format\":\"%I:%M\""),
     "schema, field 'a': its format cannot be used: it does not read the hour (%H, or %I with "
     "%p)"},
    {FIELD("\"type\":\"datetime\",\"format\":\"%c\""),
     "schema, field 'a': its format cannot be used: the directive '%c' is not supported"},
    {FIELD("\"type\":\"date\",\"format\":\"%Y-%m-%d %y\""),
     "schema, field 'a': its format cannot be used: it reads the same thing twice"},
    {FIELD("\"type\":\"number\",\"decimalChar\":\",\",\"groupChar\":\",\""),
     "schema, field 'a': decimalChar and groupChar are alike"},
    {FIELD("\"type\":\"number\",\"groupChar\":\"1\""),
     "schema, field 'a': decimalChar and groupChar hold no digits, signs or e"},
    {FIELD("\"type\":\"date\",\"decimalChar\":\",\""),
     "schema, field 'a': 'decimalChar' does not go with the type date"},
    {FIELD("\"type\":\"number\",\"trueValues\":[\"yes\"]"),
     "schema, field 'a': 'trueValues' does not go with the type number"},
    {FIELD("\"type\":\"boolean\",\"trueValues\":[\"0\"]"),
     "schema, field 'a': a word is both true and false"},
    {FIELD("\"type\":\"boolean\",\"trueValues\":[]"), "schema, field 'a': 'trueValues' is empty"},
    {FIELD("\"type\":\"list\",\"itemType\":\"list\""),
     "schema, field 'a': its itemType must be string, integer, boolean, number, datetime, date "
     "or time"},
    {FIELD("\"type\":\"boolean\",\"constraints\":{\"minimum\":0}"),
     "schema, field 'a': the constraint 'minimum' does not go with the type boolean"},
    {FIELD("\"type\":\"number\",\"constraints\":{\"pattern\":\"1\"}"),
     "schema, field 'a': the constraint 'pattern' does not go with the type number"},
    {FIELD("\"type\":\"string\",\"constraints\":{\"pattern\":\"(\"}"),
     "schema, field 'a': its pattern cannot be used: a ) is missing, at byte 2"},
    {FIELD("\"type\":\"integer\",\"constraints\":{\"minimum\":1.5}"),
     "schema, field 'a': minimum holds what is no value of its type"},
    {FIELD("\"type\":\"date\",\"constraints\":{\"maximum\":\"soon\"}"),
     "schema, field 'a': maximum holds what is no value of its type"},
    {FIELD("\"type\":\"number\",\"constraints\":{\"enum\":[\"x\"]}"),
     "schema, field 'a': the enum holds what is no value of its type"},
    {FIELD("\"type\":\"number\",\"constraints\":{\"enum\":[1,\"1.0\"]}"),
     "schema, field 'a': the enum holds the same value twice"},
    {FIELD("\"type\":\"string\",\"constraints\":{\"minLength\":-1}"),
     "schema, field 'a': the constraint 'minLength' must be a whole number from 0"},
    {FIELD("\"type\":\"string\",\"constraints\":{\"minLength\":3,\"maxLength\":2}"),
     "schema, field 'a': maxLength is below minLength"},
    {FIELD("\"type\":\"object\",\"constraints\":{\"jsonSchema\":{}}"),
     "schema, field 'a': the constraint 'jsonSchema' is not supported"},
    {FIELD("\"type\":\"string\",\"categories\":[\"x\"],\"constraints\":{\"enum\":[\"y\"]}"),
     "schema, field 'a': its enum holds what is not among its categories"},
    {FIELD("\"type\":\"string\",\"merlon:rol\":\"target\""),
     "schema, field 'a': 'merlon:rol' is not among the properties that begin with merlon:"},
    {FIELD("\"type\":\"string\",\"merlon:role\":\"boss\""),
     "schema, field 'a': 'merlon:role' must be feature, target, identifier or ignore"},
    {FIELD("\"type\":\"number\",\"merlon:role\":\"ignore\",\"merlon:weight\":true"),
     "schema, field 'a': its role contradicts that it is weight, group or time"},
    {FIELD("\"type\":\"string\",\"merlon:weight\":true"),
     "schema, field 'a': a weight is a number or an integer"},
    {FIELD("\"type\":\"boolean\",\"merlon:time\":true"),
     "schema, field 'a': a time is a date, a time or a number"},
    {FIELD("\"type\":\"string\",\"categories\":[\"x\"],\"merlon:text\":true"),
     "schema, field 'a': 'merlon:text' is for strings that are not categorical"},
    {FIELDS("{\"name\":\"a\",\"type\":\"date\",\"merlon:role\":\"target\"},"
            "{\"name\":\"b\",\"type\":\"date\",\"merlon:role\":\"target\"}"),
     "schema, field 'b': another field is the target"},
    {FIELDS("{\"name\":\"a\",\"type\":\"geopoint\"},"
            "{\"name\":\"a.latitude\",\"type\":\"number\"}"),
     "schema, field 'a': a field has the name of one of its two columns"},
    {FIELD("\"type\":\"number\",\"constraints\":{\"required\":1}"),
     "schema, field 'a': the constraint 'required' must be true or false"},
    {FIELD("\"type\":\"number\",\"constraints\":[]"),
     "schema, field 'a': constraints must be an object"},
    {FIELD("\"type\":\"date\",\"categories\":[\"1\"]"),
     "schema, field 'a': 'categories' does not go with the type date"},
    {FIELD("\"type\":\"string\",\"categories\":[1]"),
     "schema: categories of field 'a' must be an array of texts"},
    {FIELD("\"type\":\"string\",\"categories\":[\"x\",\"x\"]"),
     "schema: categories of field 'a' holds the same text twice"},
    {FIELD("\"type\":\"string\",\"categories\":[]"), "schema, field 'a': its categories are empty"},
    {FIELD("\"type\":\"number\",\"merlon:categorical\":true"),
     "schema, field 'a': 'merlon:categorical' is for strings and integers, true or false"},
    {"{\"fields\":[{\"name\":\"a\",\"type\":\"date\"}],\"primaryKey\":\"b\"}",
     "schema: 'primaryKey' names 'b', which is no field"},
    {"{\"fields\":[{\"name\":\"a\",\"type\":\"date\"}],\"uniqueKeys\":[[\"a\",\"a\"]]}",
     "schema: 'uniqueKeys' names 'a' twice"},
    {"{\"fields\":[{\"name\":\"a\",\"type\":\"date\"}],\"foreignKeys\":[{\"fields\":\"a\"}]}",
     "schema: 'foreignKeys' are not supported: they need another table"},
    {"{\"fields\":[{\"name\":\"a\",\"type\":\"date\"}],\"fieldsMatch\":\"some\"}",
     "schema: 'fieldsMatch' must be exact, equal, subset, superset or partial"},
    {"{\"fields\":[{\"name\":\"a\",\"type\":\"date\"}],\"missingValues\":\"-\"}",
     "schema: missingValues must be an array of texts"},
};

static void what_cannot_be_enforced_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof REFUSED / sizeof REFUSED[0]; i++) {
        struct reading reading;
        struct mer_schema schema;
        reading_init(&reading);
        if (parse(&reading, REFUSED[i].text, &schema) != MER_ERR_DATA ||
            strcmp(reading.err.message, REFUSED[i].message) != 0)
            fail_msg("%s: '%s' instead of '%s'", REFUSED[i].text, reading.err.message,
                     REFUSED[i].message);
        reading_end(&reading);
    }
}

static const char clerks[] =
    "{\"fields\":["
    "{\"name\":\"age\",\"type\":\"integer\",\"constraints\":{\"required\":true}},"
    "{\"name\":\"ok\",\"type\":\"boolean\"},"
    "{\"name\":\"job\",\"type\":\"string\",\"categories\":[\"cook\",\"clerk\"]},"
    "{\"name\":\"pay\",\"type\":\"number\"},"
    "{\"name\":\"note\",\"type\":\"string\"}],"
    "\"missingValues\":[\"\",{\"value\":\"-\",\"label\":\"none\"}]}";

/* Reads a table under that schema; the shown table or the message must be as expected. */
static void expect(const struct mer_csv_options *options, const char *text, const char *expected)
{
    struct reading reading;
    struct mer_schema schema;
    reading_init(&reading);
    assert_int_equal(parse(&reading, clerks, &schema), MER_OK);
    reading.options = *options;
    reading.options.schema = &schema;
    if (reading_csv(&reading, text, SIZE_MAX) == MER_OK) {
        char *shown = reading_show(&reading.frame);
        assert_string_equal(shown, expected);
        free(shown);
    } else {
        assert_string_equal(reading.err.message, expected);
    }
    mer_schema_release(&schema);
    reading_end(&reading);
}

static void a_schema_decides_types(void **state)
{
    (void)state;
    const struct mer_csv_options plain = {0};
    expect(&plain, "age,ok,job,pay,note\n007,1,clerk,2,x\n-1,FALSE,-,inf,-\n",
           "age integer: 7|-1\nok boolean: true|false\njob categorical{cook,clerk}: 1|.\n"
           "pay number: 2|INF\nnote text: x|.\n");
    /* By name, in the file's order; NA is a text like any other now. */
    expect(&plain, "note,pay,job,ok,age\nNA,1e3,cook,true,1\n",
           "note text: NA\npay number: 1000\njob categorical{cook,clerk}: 0\nok boolean: true\n"
           "age integer: 1\n");
}

static void a_bad_value_is_located_and_not_shown(void **state)
{
    (void)state;
    const struct mer_csv_options plain = {0};
    expect(&plain, "age,ok,job,pay,note\n1,1,cook,1,\n1.5,1,cook,1,\n",
           "row 2 (line 3), column 'age': not an integer (of 64 bits)");
    expect(&plain, "age,ok,job,pay,note\n99999999999999999999,1,cook,1,\n",
           "row 1 (line 2), column 'age': not an integer (of 64 bits)");
    expect(&plain, "age,ok,job,pay,note\n1,yes,cook,1,\n",
           "row 1 (line 2), column 'ok': not true or false");
    expect(&plain, "age,ok,job,pay,note\n1,1,baker,1,\n",
           "row 1 (line 2), column 'job': not among the categories of the schema");
    expect(&plain, "age,ok,job,pay,note\n1,1,cook,NA,\n",
           "row 1 (line 2), column 'pay': not a number");
    expect(&plain, "age,ok,job,pay,note\n1,1,cook,NaN,\n",
           "row 1 (line 2), column 'pay': NaN, which the schema does not list among its "
           "missingValues");
    expect(&plain, "age,ok,job,pay,note\n1,1,cook,1,\n-,1,cook,1,\n",
           "row 2 (line 3), column 'age': missing, but the schema requires a value");
    /* The first in reading order, not by column. */
    expect(&plain, "age,ok,job,pay,note\n1,1,cook,1,\n1,1,cook,x,\ny,1,cook,1,\n",
           "row 2 (line 3), column 'pay': not a number");
    expect(&plain, "age,ok,job,pay,note\n1,1,cook,1,\ny,1,cook,x,\n",
           "row 2 (line 3), column 'age': not an integer (of 64 bits)");
}

static void columns_and_fields_must_agree(void **state)
{
    (void)state;
    const struct mer_csv_options plain = {0};
    const struct mer_csv_options extra = {.allow_extra = true};
    const struct mer_csv_options optional = {.optional_field = "job"};
    expect(&plain, "age,ok,job,pay\n1,1,cook,1\n",
           "the table lacks the column 'note' of the schema");
    expect(&plain, "age,ok,job,pay,note,more\n1,1,cook,1,,\n",
           "the schema lacks the column 'more' of the table");
    expect(&extra, "more,age,ok,job,pay,note\n\"a\"\"b\",1,1,cook,1,x\n",
           "age integer: 1\nok boolean: true\njob categorical{cook,clerk}: 0\npay number: 1\n"
           "note text: x\n");
    expect(&optional, "age,ok,pay,note\n1,1,1,x\n",
           "age integer: 1\nok boolean: true\npay number: 1\nnote text: x\n");
    expect(&optional, "age,ok,note\n1,1,x\n", "the table lacks the column 'pay' of the schema");
}

static void new_levels_may_be_allowed(void **state)
{
    (void)state;
    const struct mer_csv_options allow = {.allow_new_levels = true};
    expect(&allow, "age,ok,job,pay,note\n1,1,baker,1,x\n2,1,clerk,1,x\n3,1,baker,1,x\n",
           "age integer: 1|2|3\nok boolean: true|true|true\n"
           "job categorical{cook,clerk,baker}: 2|1|2\npay number: 1|1|1\nnote text: x|x|x\n");
}

static void a_written_schema_reads_its_table_again(void **state)
{
    (void)state;
    static const char table[] = "b,i,n,c,d,t,w,\"q\"\"\xc3\xa9\"\ntrue,1,1.5,\"x\"\"y\",2020-01-01,"
                                "10:00,2020-01-01T10:00,v\n"
                                "false,NA,2,z,2020-01-02,,2020-01-01T10:01,v\n";
    struct reading reading, again;
    struct mer_schema schema, parsed;
    struct mer_buf written;
    reading_init(&reading);
    reading_init(&again);
    assert_int_equal(reading_csv(&reading, table, SIZE_MAX), MER_OK);
    assert_int_equal(mer_schema_of_frame(&reading.ctx, &reading.frame, MER_CSV_MISSING,
                                         MER_CSV_N_MISSING, &schema, &reading.err)
                         .code,
                     MER_OK);
    mer_buf_init(&written, &reading.alloc, 1 << 20);
    assert_int_equal(mer_schema_write(&schema, &written, &reading.err).code, MER_OK);
    assert_int_equal(mer_schema_parse(&reading.ctx, (const char *)written.bytes, written.n, &parsed,
                                      &reading.err)
                         .code,
                     MER_OK);
    again.options.schema = &parsed;
    assert_int_equal(reading_csv(&again, table, SIZE_MAX), MER_OK);
    assert_int_equal(again.frame.n_image, reading.frame.n_image);
    assert_memory_equal(again.frame.image, reading.frame.image, reading.frame.n_image);
    mer_schema_release(&schema);
    mer_schema_release(&parsed);
    mer_buf_release(&written);
    reading_end(&again);
    reading_end(&reading);
}

static void written_json_is_as_documented(void **state)
{
    (void)state;
    struct reading reading;
    struct mer_schema schema;
    struct mer_buf written;
    const char *text;
    reading_init(&reading);
    assert_int_equal(parse(&reading, clerks, &schema), MER_OK);
    schema.fields[2].n_categories = 0;
    mer_buf_init(&written, &reading.alloc, 1 << 20);
    assert_int_equal(mer_schema_write(&schema, &written, &reading.err).code, MER_OK);
    assert_int_equal(mer_buf_cstr(&written, &text, &reading.err).code, MER_OK);
    assert_non_null(strstr(text, "\"merlon:categorical\": true"));
    assert_non_null(strstr(text, "\"required\": true"));
    assert_non_null(strstr(text, "\"type\": \"string\""));
    assert_non_null(strstr(text, "\"missingValues\""));
    assert_null(strstr(text, "\"categories\""));
    mer_schema_release(&schema);
    mer_buf_release(&written);
    reading_end(&reading);
}

static void many_levels_are_not_listed(void **state)
{
    (void)state;
    enum { ROWS = 600 };
    for (size_t n_levels = MER_SCHEMA_LISTED_LEVELS; n_levels <= MER_SCHEMA_LISTED_LEVELS + 1;
         n_levels++) {
        struct reading reading;
        struct mer_schema schema;
        char text[ROWS * 16];
        reading_init(&reading);
        size_t n = (size_t)sprintf(text, "a,b\n");
        for (size_t i = 0; i < ROWS; i++)
            n += (size_t)sprintf(text + n, "v%zu,1\n", i % n_levels);
        assert_int_equal(reading_csv(&reading, text, n), MER_OK);
        assert_int_equal(reading.frame.columns[0].type, MER_TYPE_CATEGORICAL);
        assert_int_equal(mer_schema_of_frame(&reading.ctx, &reading.frame, MER_CSV_MISSING,
                                             MER_CSV_N_MISSING, &schema, &reading.err)
                             .code,
                         MER_OK);
        assert_int_equal(schema.fields[0].n_categories,
                         n_levels == MER_SCHEMA_LISTED_LEVELS ? n_levels : 0);
        assert_int_equal(schema.fields[0].type, MER_TYPE_CATEGORICAL);
        mer_schema_release(&schema);
        reading_end(&reading);
    }
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    for (uint64_t fail_at = 1;; fail_at++) {
        struct reading reading;
        struct mer_schema schema;
        reading_init(&reading);
        reading.alloc.fail_at = fail_at;
        const enum mer_code code = parse(&reading, clerks, &schema);
        if (code == MER_OK)
            mer_schema_release(&schema);
        else
            assert_int_equal(code, MER_ERR_MEMORY);
        const uint64_t requests = atomic_load(&reading.alloc.requests);
        reading_end(&reading);
        if (code == MER_OK && requests < fail_at)
            break;
    }
}

/* Everything that a field can hold, so that nothing of the copy lies in the schema. */
static void a_copied_field_outlives_its_schema(void **state)
{
    static const char json[] =
        "{\"fields\":[{\"name\":\"n\",\"type\":\"number\",\"decimalChar\":\",\",\"groupChar\":\"."
        "\","
        "\"missingValues\":[\"-\"],\"constraints\":{\"minimum\":1,\"maximum\":9}},"
        "{\"name\":\"b\",\"type\":\"boolean\",\"trueValues\":[\"ja\"],\"falseValues\":[\"nein\"]},"
        "{\"name\":\"s\",\"type\":\"string\",\"categories\":[\"a\",\"b\"],"
        "\"constraints\":{\"pattern\":\"[ab]\",\"enum\":[\"a\",\"b\"]}},"
        "{\"name\":\"d\",\"type\":\"date\",\"format\":\"%d/%m/%Y\"}]}";
    enum { N = 4 };
    struct mer_alloc alloc;
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_field copies[N];
    struct mer_schema schema;
    struct mer_arena arena;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_arena_init(&arena, &alloc);
    assert_int_equal(mer_schema_parse(&ctx, json, strlen(json), &schema, NULL).code, MER_OK);
    for (size_t f = 0; f < N; f++)
        assert_int_equal(mer_field_copy(&arena, &schema.fields[f], &copies[f], NULL).code, MER_OK);
    mer_schema_release(&schema);
    assert_string_equal(copies[0].name, "n");
    assert_string_equal(copies[0].decimal_char, ",");
    assert_string_equal(copies[0].group_char, ".");
    assert_string_equal(copies[0].missing_values.texts[0], "-");
    assert_string_equal(copies[1].true_values.texts[0], "ja");
    assert_string_equal(copies[1].false_values.texts[0], "nein");
    assert_int_equal(copies[2].n_categories, 2);
    assert_string_equal(copies[2].categories[1], "b");
    assert_string_equal(copies[2].pattern, "[ab]");
    assert_int_equal(copies[2].allowed.n, 2);
    assert_string_equal(copies[2].allowed.texts[1], "b");
    assert_string_equal(copies[3].format_text, "%d/%m/%Y");
    mer_arena_release(&arena);
    assert_int_equal(atomic_load(&alloc.used), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copied_field_outlives_its_schema),
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(what_cannot_be_enforced_is_refused),
        cmocka_unit_test(a_schema_decides_types),
        cmocka_unit_test(a_bad_value_is_located_and_not_shown),
        cmocka_unit_test(columns_and_fields_must_agree),
        cmocka_unit_test(new_levels_may_be_allowed),
        cmocka_unit_test(a_written_schema_reads_its_table_again),
        cmocka_unit_test(written_json_is_as_documented),
        cmocka_unit_test(many_levels_are_not_listed),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
