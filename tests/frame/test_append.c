/* The rows of one table behind those of another. */
#include "frame/append.h"

#include "reading.h"

/* Reads two tables, appends the second to the first, and shows what came of it; NULL: it was
 * refused, and *ret_code says how. */
static char *append(const char *first_text, const char *second_text, enum mer_code *ret_code)
{
    struct reading first, second;
    struct mer_region region;
    struct mer_frame both;
    char *shown = NULL;
    reading_init(&first);
    reading_init(&second);
    assert_int_equal(reading_csv(&first, first_text, SIZE_MAX), MER_OK);
    assert_int_equal(reading_csv(&second, second_text, SIZE_MAX), MER_OK);
    mer_region_init_memory(&region, &first.alloc, SIZE_MAX);
    const mer_status status =
        mer_frame_append(&first.ctx, &first.frame, &second.frame, &region, &first.err);
    *ret_code = status.code;
    if (status.code == MER_OK) {
        /* Adopting checks all of the image. */
        assert_int_equal(mer_frame_adopt(&first.ctx, &region, &both, &first.err).code, MER_OK);
        shown = reading_show(&both);
        mer_frame_release(&both);
    } else {
        mer_region_release(&region);
    }
    mer_frame_release(&second.frame);
    mer_frame_release(&first.frame);
    reading_end(&second);
    reading_end(&first);
    return shown;
}

static void rows_of_every_type_come_behind_and_columns_are_found_by_name(void **state)
{
    (void)state;
    enum mer_code code;
    char *shown = append("bool,int,num,cat,day\n"
                         "true,1,1.5,red,2020-01-01\n"
                         "false,2,2.5,blue,2020-01-03\n"
                         "true,,inf,red,1969-01-01\n",
                         "more,cat,day,int,num,bool\n"
                         "9,green,2020-01-02,7,0.5,false\n"
                         "9,blue,,8,,true\n",
                         &code);
    assert_int_equal(code, MER_OK);
    assert_string_equal(shown, "bool boolean: true|false|true|false|true\n"
                               "int integer: 1|2|.|7|8\n"
                               "num number: 1.5|2.5|INF|0.5|.\n"
                               "cat categorical{red,blue,green}: 0|1|0|2|1\n"
                               "day date: 18262|18264|-365|18263|.\n");
    free(shown);
}

static void bits_are_right_wherever_a_byte_begins(void **state)
{
    (void)state;
    for (size_t n = 1; n < 20; n++) {
        char first[200] = "b,x\n", second[200] = "b,x\n", expected[400] = "b boolean: ";
        enum mer_code code;
        for (size_t i = 0; i < n + 11; i++) {
            const bool truth = i % 3 == 0, is_missing = i % 5 == 4;
            strcat(i < n ? first : second, is_missing ? ",1\n" : truth ? "true,1\n" : "false,1\n");
            strcat(expected, i ? "|" : "");
            strcat(expected, is_missing ? "." : truth ? "true" : "false");
        }
        char *shown = append(first, second, &code);
        assert_int_equal(code, MER_OK);
        assert_memory_equal(shown, expected, strlen(expected));
        free(shown);
    }
}

static void a_column_that_lacks_or_has_another_type_is_refused(void **state)
{
    (void)state;
    enum mer_code code;
    assert_null(append("a,b\n1,2\n", "a,c\n1,2\n", &code));
    assert_int_equal(code, MER_ERR_DATA);
    assert_null(append("a,b\n1,2\n", "a,b\n1,2.5\n", &code));
    assert_int_equal(code, MER_ERR_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_every_type_come_behind_and_columns_are_found_by_name),
        cmocka_unit_test(bits_are_right_wherever_a_byte_begins),
        cmocka_unit_test(a_column_that_lacks_or_has_another_type_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
