/* Whatever a schema says is said again by what is written of it, as JSON and on the wire; what
 * comes over the wire is believed only when it could have been written. */
#include "frame/schema_wire.h"
#include "reading.h"

static const char everything[] =
    "{\"fieldsMatch\":\"subset\",\"missingValues\":[\"\",\"-\"],\"primaryKey\":[\"id\"],"
    "\"uniqueKeys\":[[\"n\",\"i\"],[\"d\"]],\"fields\":["
    "{\"name\":\"id\",\"type\":\"string\",\"constraints\":{\"unique\":true,\"pattern\":\"[a-z]+\","
    "\"minLength\":1,\"maxLength\":9},\"merlon:role\":\"identifier\"},"
    "{\"name\":\"n\",\"type\":\"number\",\"decimalChar\":\",\",\"groupChar\":\".\","
    "\"bareNumber\":false,\"constraints\":{\"minimum\":-1.5,\"exclusiveMaximum\":\"INF\","
    "\"enum\":[1.5,2]},\"merlon:weight\":true},"
    "{\"name\":\"i\",\"type\":\"integer\",\"categories\":[1,{\"value\":2,\"label\":\"two\"}],"
    "\"categoriesOrdered\":true,\"merlon:role\":\"target\"},"
    "{\"name\":\"b\",\"type\":\"boolean\",\"trueValues\":[\"yes\"],\"falseValues\":[\"no\"]},"
    "{\"name\":\"d\",\"type\":\"date\",\"format\":\"%d/%m/%Y\",\"missingValues\":[\"never\"],"
    "\"constraints\":{\"minimum\":\"31/12/1999\"},\"merlon:time\":true},"
    "{\"name\":\"t\",\"type\":\"time\",\"format\":\"any\"},"
    "{\"name\":\"dt\",\"type\":\"datetime\",\"constraints\":{\"required\":true}},"
    "{\"name\":\"y\",\"type\":\"year\",\"constraints\":{\"maximum\":2030}},"
    "{\"name\":\"ym\",\"type\":\"yearmonth\",\"merlon:group\":true},"
    "{\"name\":\"du\",\"type\":\"duration\",\"constraints\":{\"maximum\":\"P1Y\"}},"
    "{\"name\":\"l\",\"type\":\"list\",\"delimiter\":\";\",\"itemType\":\"date\"},"
    "{\"name\":\"o\",\"type\":\"object\"},{\"name\":\"a\",\"type\":\"array\"},"
    "{\"name\":\"g\",\"type\":\"geojson\",\"format\":\"topojson\"},"
    "{\"name\":\"p\",\"type\":\"geopoint\",\"format\":\"array\"},"
    "{\"name\":\"q.latitude\",\"type\":\"geopoint\",\"merlon:part\":\"latitude\"},"
    "{\"name\":\"any\"},"
    "{\"name\":\"c\",\"type\":\"string\",\"merlon:categorical\":true,\"merlon:sensitive\":true},"
    "{\"name\":\"s\",\"type\":\"string\",\"format\":\"email\",\"merlon:text\":true}]}";

static void parse(struct reading *reading, const char *text, size_t n, struct mer_schema *schema)
{
    if (mer_schema_parse(&reading->ctx, text, n, schema, &reading->err).code != MER_OK)
        fail_msg("%s", reading->err.message);
}

static void a_schema_that_says_everything_is_written_and_read_as_the_same(void **state)
{
    (void)state;
    struct reading reading;
    struct mer_schema schema, again;
    struct mer_buf first, second;
    const char *text;
    reading_init(&reading);
    mer_buf_init(&first, &reading.alloc, 1 << 20);
    mer_buf_init(&second, &reading.alloc, 1 << 20);
    parse(&reading, everything, strlen(everything), &schema);
    assert_int_equal(mer_schema_write(&schema, &first, &reading.err).code, MER_OK);
    parse(&reading, (const char *)first.bytes, first.n, &again);
    assert_int_equal(mer_schema_write(&again, &second, &reading.err).code, MER_OK);
    assert_int_equal(first.n, second.n);
    assert_memory_equal(first.bytes, second.bytes, first.n);
    assert_int_equal(mer_buf_cstr(&first, &text, &reading.err).code, MER_OK);
    static const char *const said[] = {"\"fieldsMatch\": \"subset\"",
                                       "\"primaryKey\"",
                                       "\"uniqueKeys\"",
                                       "\"decimalChar\": \",\"",
                                       "\"bareNumber\": false",
                                       "\"minimum\": -1.5",
                                       "\"exclusiveMaximum\": \"INF\"",
                                       "\"categoriesOrdered\": true",
                                       "\"format\": \"%d/%m/%Y\"",
                                       "\"minimum\": \"1999-12-31\"",
                                       "\"merlon:role\": \"target\"",
                                       "\"merlon:part\": \"latitude\"",
                                       "\"itemType\": \"date\"",
                                       "\"pattern\": \"[a-z]+\"",
                                       "\"merlon:sensitive\": true",
                                       "\"merlon:weight\": true",
                                       "\"type\": \"yearmonth\"",
                                       "\"type\": \"any\""};
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        if (!strstr(text, said[i]))
            fail_msg("%s is not said in %s", said[i], text);
    mer_buf_release(&first);
    mer_buf_release(&second);
    mer_schema_release(&schema);
    mer_schema_release(&again);
    reading_end(&reading);
}

/* The fields that the wire can carry: as columns, so a geopoint is one half. */
static void prepare(struct mer_field *field)
{
    if (field->kind != MER_KIND_GEOPOINT)
        return;
    field->type = MER_TYPE_NUMBER;
    if (field->parts == MER_PART_BOTH)
        field->parts = MER_PART_LONGITUDE;
}

static void the_wire_carries_everything_but_names_and_categories(void **state)
{
    (void)state;
    struct reading reading;
    struct mer_schema schema, carried;
    reading_init(&reading);
    parse(&reading, everything, strlen(everything), &schema);
    mer_schema_init(&carried, &reading.alloc);
    for (size_t f = 0; f < schema.n_fields; f++) {
        struct mer_field *const field = &schema.fields[f];
        struct mer_field taken = {.name = field->name, .n_name = field->n_name};
        struct mer_buf first, second;
        bool good;
        prepare(field);
        taken.type = field->type;
        taken.categories = field->categories;
        taken.n_categories = field->n_categories;
        mer_buf_init(&first, &reading.alloc, 1 << 20);
        mer_buf_init(&second, &reading.alloc, 1 << 20);
        assert_int_equal(mer_wire_put_field(&first, field, &reading.err).code, MER_OK);
        struct mer_wire_cursor cursor = {(const char *)first.bytes, first.n};
        assert_int_equal(
            mer_wire_take_field(&cursor, &carried.arena, &taken, &good, &reading.err).code, MER_OK);
        if (!good || cursor.left > 0)
            fail_msg("%s is not taken", field->name);
        assert_int_equal(mer_wire_put_field(&second, &taken, &reading.err).code, MER_OK);
        assert_int_equal(first.n, second.n);
        assert_memory_equal(first.bytes, second.bytes, first.n);
        /* Cut short, it is no field. */
        for (size_t n = 0; n < first.n; n++) {
            struct mer_field cut = {.name = field->name, .type = field->type};
            struct mer_wire_cursor shorter = {(const char *)first.bytes, n};
            assert_int_equal(
                mer_wire_take_field(&shorter, &carried.arena, &cut, &good, &reading.err).code,
                MER_OK);
            assert_false(good);
        }
        mer_buf_release(&first);
        mer_buf_release(&second);
    }
    mer_schema_release(&carried);
    mer_schema_release(&schema);
    reading_end(&reading);
}

static void what_no_column_can_be_is_not_taken(void **state)
{
    (void)state;
    struct reading reading;
    struct mer_schema schema;
    reading_init(&reading);
    mer_schema_init(&schema, &reading.alloc);
    const struct mer_field liars[] = {
        {.kind = MER_KIND_DATE, .type = MER_TYPE_NUMBER},
        {.kind = MER_KIND_GEOPOINT, .type = MER_TYPE_TEXT, .parts = MER_PART_BOTH},
        {.kind = MER_KIND_NUMBER, .type = MER_TYPE_NUMBER, .parts = 1, .unique = true},
        {.kind = MER_KIND_NUMBER, .type = MER_TYPE_CATEGORICAL},
        {.kind = MER_KIND_DATE, .type = MER_TYPE_DATE, .format = MER_FORMAT_PATTERN},
    };
    for (size_t i = 0; i < sizeof liars / sizeof liars[0]; i++) {
        struct mer_field taken = {.type = liars[i].type};
        struct mer_buf buf;
        bool good;
        mer_buf_init(&buf, &reading.alloc, 1 << 20);
        assert_int_equal(mer_wire_put_field(&buf, &liars[i], &reading.err).code, MER_OK);
        struct mer_wire_cursor cursor = {(const char *)buf.bytes, buf.n};
        assert_int_equal(
            mer_wire_take_field(&cursor, &schema.arena, &taken, &good, &reading.err).code, MER_OK);
        if (good)
            fail_msg("liar %zu is believed", i);
        mer_buf_release(&buf);
    }
    mer_schema_release(&schema);
    reading_end(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schema_that_says_everything_is_written_and_read_as_the_same),
        cmocka_unit_test(the_wire_carries_everything_but_names_and_categories),
        cmocka_unit_test(what_no_column_can_be_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
