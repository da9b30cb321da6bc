/* Tables under other names: the same values, and the old texts nowhere. */
#include "frame/rename.h"

#include "reading.h"

static const char table[] = "bool,int,num,cat,day,cat2,time\n"
                            "true,1,1.5,red,2020-01-01,p,12:30\n"
                            "false,,,blue,,,\n"
                            "true,-3,inf,red,1969-01-01,q,00:00:01\n";

/* "A", "B", ... for columns, "A0", "A1", ... would be their levels: two bytes each. */
static mer_status letters(void *self, const struct mer_column *column, size_t level, char *ret_text,
                          mer_err *err)
{
    const struct mer_frame *frame = self;
    (void)err;
    ret_text[0] = (char)('A' + (column - frame->columns));
    ret_text[1] = (char)(level == MER_RENAME_COLUMN ? '_' : '0' + (int)level);
    return mer_ok();
}

static size_t two_letters(void *self, const struct mer_column *column)
{
    (void)self;
    (void)column;
    return 2;
}

static void a_table_under_other_names_has_the_same_values(void **state)
{
    (void)state;
    static const bool keep[] = {true, true, true, true, true, false, true};
    struct reading reading;
    struct mer_region region;
    struct mer_frame renamed;
    reading_init(&reading);
    assert_int_equal(reading_csv(&reading, table, SIZE_MAX), MER_OK);
    const struct mer_renaming renaming = {2, two_letters, letters, &reading.frame};
    mer_region_init_memory(&region, &reading.alloc, SIZE_MAX);
    assert_int_equal(
        mer_frame_rename(&reading.ctx, &reading.frame, keep, &renaming, &region, &reading.err).code,
        MER_OK);
    /* Adopting checks all of the image. */
    assert_int_equal(mer_frame_adopt(&reading.ctx, &region, &renamed, &reading.err).code, MER_OK);
    char *shown = reading_show(&renamed);
    assert_string_equal(shown, "A_ boolean: true|false|true\n"
                               "B_ integer: 1|.|-3\n"
                               "C_ number: 1.5|.|INF\n"
                               "D_ categorical{D0,D1}: 0|1|0\n"
                               "E_ date: 18262|.|-365\n"
                               "G_ time: 45000000000|.|1000000\n");
    assert_null(memmem(renamed.image, renamed.n_image, "red", 3));
    assert_null(memmem(renamed.image, renamed.n_image, "cat", 3));
    free(shown);
    mer_frame_release(&renamed);
    mer_frame_release(&reading.frame);
    reading_end(&reading);
}

static void columns_of_texts_and_tables_of_nothing_are_refused(void **state)
{
    (void)state;
    static const bool keep[] = {false, true}, none[] = {false, false};
    static const char schema_text[] = "{\"fields\":[{\"name\":\"a\",\"type\":\"integer\"},"
                                      "{\"name\":\"t\",\"type\":\"string\"}]}";
    struct reading reading;
    struct mer_schema schema;
    struct mer_region region;
    reading_init(&reading);
    assert_int_equal(
        mer_schema_parse(&reading.ctx, schema_text, strlen(schema_text), &schema, &reading.err)
            .code,
        MER_OK);
    reading.options.schema = &schema;
    assert_int_equal(reading_csv(&reading, "a,t\n1,x\n2,y\n", SIZE_MAX), MER_OK);
    const struct mer_renaming renaming = {2, two_letters, letters, &reading.frame};
    mer_region_init_memory(&region, &reading.alloc, SIZE_MAX);
    assert_int_equal(
        mer_frame_rename(&reading.ctx, &reading.frame, keep, &renaming, &region, &reading.err).code,
        MER_ERR_INTERNAL);
    assert_int_equal(
        mer_frame_rename(&reading.ctx, &reading.frame, none, &renaming, &region, &reading.err).code,
        MER_ERR_DATA);
    mer_region_release(&region);
    mer_frame_release(&reading.frame);
    mer_schema_release(&schema);
    reading_end(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_under_other_names_has_the_same_values),
        cmocka_unit_test(columns_of_texts_and_tables_of_nothing_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
