#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "intake/table_reader.h"

static void every_format_is_found_by_its_name_and_by_its_extensions(void **state)
{
    (void)state;
    assert_int_equal(MER_N_TABLE_FORMATS, MER_N_TABLE_READERS);
    for (size_t i = 0; i < MER_N_TABLE_FORMATS; i++) {
        const struct mer_table_format *const format = &MER_TABLE_FORMATS[i];
        char list[64];
        assert_int_equal(mer_table_format_find(format->name), i);
        (void)snprintf(list, sizeof list, "%s", format->extensions);
        for (char *word = strtok(list, " "); word; word = strtok(NULL, " ")) {
            char path[80];
            (void)snprintf(path, sizeof path, "a.csv/b.%s", word);
            assert_int_equal(mer_table_format_of_path(path), i);
        }
    }
    assert_int_equal(mer_table_format_find("nothing"), SIZE_MAX);
}

static void extensions_count_in_any_case_and_whole(void **state)
{
    (void)state;
    assert_int_equal(mer_table_format_of_path("A.CSV"), mer_table_format_find("csv"));
    assert_int_equal(mer_table_format_of_path("A.TSV"), mer_table_format_find("csv"));
    assert_int_equal(mer_table_format_of_path("a.cs"), SIZE_MAX);
    assert_int_equal(mer_table_format_of_path("a.csvx"), SIZE_MAX);
    assert_int_equal(mer_table_format_of_path("a.csv/b"), SIZE_MAX);
    assert_int_equal(mer_table_format_of_path("a."), SIZE_MAX);
    assert_int_equal(mer_table_format_of_path(""), SIZE_MAX);
}

static mer_status read(size_t format, const char *bytes, const struct mer_table_reading *reading,
                       struct mer_csv_report *ret_report, mer_err *err)
{
    struct mer_alloc alloc;
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_region region;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_region_init_memory(&region, &alloc, 1 << 20);
    const mer_status status = mer_table_write_image(&ctx, format, bytes, strlen(bytes), reading,
                                                    &region, ret_report, err);
    mer_region_release(&region);
    return status;
}

static void what_no_other_format_recognises_is_csv(void **state)
{
    (void)state;
    const struct mer_table_reading reading = {.csv = {.header = MER_CSV_HEADER_YES}};
    struct mer_csv_report report;
    assert_int_equal(mer_table_format_recognise("", 0), 0);
    assert_int_equal(read(SIZE_MAX, "a,b\n1,2\n", &reading, &report, NULL).code, MER_OK);
    assert_int_equal(report.format, 0);
    assert_int_equal(report.n_columns, 2);
}

static void a_part_or_a_query_that_a_format_does_not_have_is_refused(void **state)
{
    (void)state;
    struct mer_csv_report report;
    mer_err err;
    const struct mer_table_reading part = {.part = "sheet"}, query = {.query = "SELECT 1"};
    assert_int_equal(read(0, "a,b\n1,2\n", &part, &report, &err).code, MER_ERR_USAGE);
    assert_non_null(strstr(err.message, "no part 'sheet'"));
    assert_int_equal(read(0, "a,b\n1,2\n", &query, &report, &err).code, MER_ERR_USAGE);
    assert_non_null(strstr(err.message, "cannot be queried"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_is_found_by_its_name_and_by_its_extensions),
        cmocka_unit_test(extensions_count_in_any_case_and_whole),
        cmocka_unit_test(what_no_other_format_recognises_is_csv),
        cmocka_unit_test(a_part_or_a_query_that_a_format_does_not_have_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
