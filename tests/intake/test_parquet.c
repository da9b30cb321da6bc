/* Parquet files that DuckDB wrote (golden/make.mjs), and what has been done to them. */
#include "intake_table.h"

#include "intake/parquet_footer.h"

/* The table of a file must be that of the CSV file, whose types it is read by. */
static void same_as_csv(const char *csv_path, const char *path)
{
    struct intake csv, other;
    struct mer_schema schema;
    intake_init(&csv);
    csv.reading.csv.header = MER_CSV_HEADER_YES;
    intake_read_file(&csv, csv_path);
    assert_int_equal(
        mer_schema_of_frame(&csv.ctx, &csv.frame, MER_CSV_MISSING, MER_CSV_N_MISSING, &schema, NULL)
            .code,
        MER_OK);
    intake_init(&other);
    other.reading.csv.schema = &schema;
    intake_read_file(&other, path);
    assert_string_equal(MER_TABLE_FORMATS[other.report.format].name, "parquet");
    assert_same_table(&csv.frame, &other.frame);
    mer_schema_release(&schema);
    intake_end(&csv);
    intake_end(&other);
}

static void every_encoding_and_compression_gives_the_table_of_the_csv_file(void **state)
{
    (void)state;
    same_as_csv(GOLDEN "duckdb.csv", GOLDEN "duckdb.plain.parquet");
    same_as_csv(GOLDEN "duckdb.csv", GOLDEN "duckdb.snappy.parquet");
    same_as_csv(GOLDEN "duckdb.csv", GOLDEN "duckdb.zstd.parquet");
    same_as_csv(GOLDEN "duckdb.csv", GOLDEN "duckdb.gzip.parquet");
    same_as_csv(GOLDEN "duckdb.csv", GOLDEN "duckdb.lz4.parquet");
    same_as_csv(GOLDEN "duckdb.csv", GOLDEN "duckdb.deltas.parquet");
    same_as_csv(GOLDEN "duckdb.groups.csv", GOLDEN "duckdb.groups.parquet");
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

/* A copy of exactly n bytes, so that a sanitizer sees every byte too many. */
static enum mer_code read_copy(struct intake *intake, const unsigned char *bytes, size_t n)
{
    unsigned char *const copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    const enum mer_code code = intake_read(intake, copy, n);
    free(copy);
    return code;
}

static void a_file_that_is_cut_off_is_refused(void **state)
{
    (void)state;
    struct intake intake;
    size_t n;
    unsigned char *const bytes = intake_file(GOLDEN "duckdb.snappy.parquet", &n);
    intake_init(&intake);
    for (size_t k = 5; k < n; k += k < 100 ? 1 : 997) {
        assert_int_equal(read_copy(&intake, bytes, k), MER_ERR_DATA);
        assert_int_equal(atomic_load(&intake.alloc.used), 0);
    }
    free(bytes);
    intake_end(&intake);
}

/* Every byte of the footer and of many pages, changed: an error or another table, never more. */
static void a_file_with_a_changed_byte_is_refused_or_read(void **state)
{
    (void)state;
    static const char *const names[] = {GOLDEN "duckdb.deltas.parquet",
                                        GOLDEN "duckdb.plain.parquet"};
    for (size_t f = 0; f < 2; f++) {
        struct intake intake;
        size_t n;
        unsigned char *const bytes = intake_file(names[f], &n);
        intake_init(&intake);
        intake.alloc.budget = 64 << 20;
        for (size_t i = 0; i < n; i += i + 4096 < n ? 211 : 7) {
            const unsigned char old = bytes[i];
            bytes[i] = (unsigned char)(old ^ (1U << (i % 8)));
            (void)intake_read(&intake, bytes, n);
            bytes[i] = old;
            intake_end(&intake);
        }
        free(bytes);
    }
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
