/* Parquet files that DuckDB wrote (golden/make.mjs), and what has been done to them. */
#include "intake_table.h"

#include "intake/parquet_footer.h"

static void every_encoding_and_compression_gives_the_table_of_the_csv_file(void **state)
{
    (void)state;
    same_as_csv("parquet", GOLDEN "duckdb.csv", GOLDEN "duckdb.plain.parquet");
    same_as_csv("parquet", GOLDEN "duckdb.csv", GOLDEN "duckdb.snappy.parquet");
    same_as_csv("parquet", GOLDEN "duckdb.csv", GOLDEN "duckdb.zstd.parquet");
    same_as_csv("parquet", GOLDEN "duckdb.csv", GOLDEN "duckdb.gzip.parquet");
    same_as_csv("parquet", GOLDEN "duckdb.csv", GOLDEN "duckdb.lz4.parquet");
    same_as_csv("parquet", GOLDEN "duckdb.csv", GOLDEN "duckdb.deltas.parquet");
    same_as_csv("parquet", GOLDEN "duckdb.groups.csv", GOLDEN "duckdb.groups.parquet");
}

static void types_are_the_files_own_without_a_schema(void **state)
{
    (void)state;
    static const enum mer_type types[] = {MER_TYPE_INTEGER,  MER_TYPE_INTEGER, MER_TYPE_INTEGER,
                                          MER_TYPE_INTEGER,  MER_TYPE_INTEGER, MER_TYPE_NUMBER,
                                          MER_TYPE_NUMBER,   MER_TYPE_BOOLEAN, MER_TYPE_CATEGORICAL,
                                          MER_TYPE_TEXT,     MER_TYPE_DATE,    MER_TYPE_TIME,
                                          MER_TYPE_DATETIME, MER_TYPE_NUMBER,  MER_TYPE_NUMBER};
    struct intake intake;
    intake_init(&intake);
    intake_read_file(&intake, GOLDEN "duckdb.snappy.parquet");
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
    unsigned char *const bytes = intake_file(GOLDEN "duckdb.nested.parquet", &n);
    intake_init(&intake);
    assert_int_equal(intake_read(&intake, bytes, n), MER_ERR_DATA);
    assert_string_equal(intake.err.message, "column 'list' is nested (a list, map or struct)");
    free(bytes);
    intake_end(&intake);
}

static void a_file_that_is_cut_off_is_refused(void **state)
{
    (void)state;
    refuse_cut(GOLDEN "duckdb.snappy.parquet", 5);
}

static void a_file_with_a_changed_byte_is_refused_or_read(void **state)
{
    (void)state;
    survive_changes(GOLDEN "duckdb.deltas.parquet");
    survive_changes(GOLDEN "duckdb.plain.parquet");
}

static void a_footer_that_reaches_beyond_the_file_is_refused(void **state)
{
    (void)state;
    static const unsigned char file[] = "PAR1\x15\x02\x19\x2c\xff\xff\xff\x7fPAR1";
    struct intake intake;
    intake_init(&intake);
    assert_int_equal(read_copy(&intake, file, sizeof file - 1), MER_ERR_DATA);
    assert_string_equal(intake.err.message, "the footer of the Parquet file is damaged");
    intake_end(&intake);
}

static void the_memory_budget_bounds_what_a_file_grows_to(void **state)
{
    (void)state;
    struct intake intake;
    size_t n;
    unsigned char *const bytes = intake_file(GOLDEN "duckdb.groups.parquet", &n);
    intake_init(&intake);
    intake.alloc.budget = 100000;
    assert_int_equal(intake_read(&intake, bytes, n), MER_ERR_MEMORY);
    free(bytes);
    intake_end(&intake);
}

static void a_csv_file_that_begins_like_parquet_is_csv(void **state)
{
    (void)state;
    static const char text[] = "PAR1,b\n1,2\n";
    assert_int_equal(mer_table_format_recognise(text, sizeof text - 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_encoding_and_compression_gives_the_table_of_the_csv_file),
        cmocka_unit_test(types_are_the_files_own_without_a_schema),
        cmocka_unit_test(nested_columns_are_refused_by_name),
        cmocka_unit_test(a_file_that_is_cut_off_is_refused),
        cmocka_unit_test(a_file_with_a_changed_byte_is_refused_or_read),
        cmocka_unit_test(a_footer_that_reaches_beyond_the_file_is_refused),
        cmocka_unit_test(the_memory_budget_bounds_what_a_file_grows_to),
        cmocka_unit_test(a_csv_file_that_begins_like_parquet_is_csv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
