/* Arrow IPC files that polars wrote (golden/make_arrow.cjs), and what has been done to them. */
#include "intake_table.h"

static void every_compression_gives_the_table_of_the_csv_file(void **state)
{
    (void)state;
    same_as_csv("arrow", GOLDEN "polars.csv", GOLDEN "polars.uncompressed.arrow");
    same_as_csv("arrow", GOLDEN "polars.csv", GOLDEN "polars.lz4.arrow");
    same_as_csv("arrow", GOLDEN "polars.csv", GOLDEN "polars.zstd.arrow");
}

static void types_are_the_files_own_without_a_schema(void **state)
{
    (void)state;
    static const enum mer_type types[] = {
        MER_TYPE_NUMBER, MER_TYPE_NUMBER,   MER_TYPE_CATEGORICAL, MER_TYPE_BOOLEAN,
        MER_TYPE_TEXT,   MER_TYPE_INTEGER,  MER_TYPE_INTEGER,     MER_TYPE_NUMBER,
        MER_TYPE_DATE,   MER_TYPE_DATETIME, MER_TYPE_CATEGORICAL};
    struct intake intake;
    intake_init(&intake);
    intake_read_file(&intake, GOLDEN "polars.lz4.arrow");
    assert_int_equal(intake.frame.n_columns, sizeof types / sizeof types[0]);
    for (size_t c = 0; c < intake.frame.n_columns; c++)
        assert_int_equal(intake.frame.columns[c].type, types[c]);
    intake_end(&intake);
}

static void nested_columns_are_refused_by_name(void **state)
{
    (void)state;
    struct intake intake;
    size_t n;
    unsigned char *const bytes = intake_file(GOLDEN "polars.nested.arrow", &n);
    intake_init(&intake);
    assert_int_equal(read_copy(&intake, bytes, n), MER_ERR_DATA);
    assert_string_equal(intake.err.message, "column 'list' is nested (a list, map or struct)");
    free(bytes);
    intake_end(&intake);
}

static void a_file_that_is_cut_off_is_refused(void **state)
{
    (void)state;
    refuse_cut(GOLDEN "polars.zstd.arrow", 8);
    refuse_cut(GOLDEN "polars.uncompressed.arrow", 8);
}

static void a_file_with_a_changed_byte_is_refused_or_read(void **state)
{
    (void)state;
    survive_changes(GOLDEN "polars.zstd.arrow");
    survive_changes(GOLDEN "polars.lz4.arrow");
    survive_changes(GOLDEN "polars.uncompressed.arrow");
}

static void the_memory_budget_bounds_what_a_file_grows_to(void **state)
{
    (void)state;
    struct intake intake;
    size_t n;
    unsigned char *const bytes = intake_file(GOLDEN "polars.zstd.arrow", &n);
    intake_init(&intake);
    intake.alloc.budget = 20000;
    assert_int_equal(read_copy(&intake, bytes, n), MER_ERR_MEMORY);
    free(bytes);
    intake_end(&intake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_compression_gives_the_table_of_the_csv_file),
        cmocka_unit_test(types_are_the_files_own_without_a_schema),
        cmocka_unit_test(nested_columns_are_refused_by_name),
        cmocka_unit_test(a_file_that_is_cut_off_is_refused),
        cmocka_unit_test(a_file_with_a_changed_byte_is_refused_or_read),
        cmocka_unit_test(the_memory_budget_bounds_what_a_file_grows_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
