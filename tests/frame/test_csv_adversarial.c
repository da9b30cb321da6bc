/* CSV that wants to break the reader: shapes, sizes, failing memory, a stop on request. */
#include <math.h>

#include "core/rng.h"
#include "reading.h"

static void a_hundred_thousand_columns(void **state)
{
    (void)state;
    enum { COLUMNS = 100000 };
    struct reading reading;
    reading_init(&reading);
    char *text = malloc((size_t)COLUMNS * 24);
    size_t n = 0;
    for (size_t c = 0; c < COLUMNS; c++)
        n += (size_t)sprintf(text + n, "%sc%zu", c ? "," : "", c);
    for (size_t row = 0; row < 2; row++)
        for (size_t c = 0; c < COLUMNS; c++)
            n += (size_t)sprintf(text + n, "%s%s%zu", c ? "," : "\n", c % 2 ? "x" : "", c + row);
    assert_int_equal(reading_csv(&reading, text, n), MER_OK);
    assert_int_equal(reading.frame.n_columns, COLUMNS);
    assert_int_equal(reading.frame.n_rows, 2);
    assert_int_equal(reading.frame.columns[99998].data.integers[1], 99999);
    assert_int_equal(reading.frame.columns[99999].type, MER_TYPE_CATEGORICAL);
    assert_int_equal(reading.frame.columns[99999].n_levels, 2);
    free(text);
    reading_end(&reading);
}

static void too_many_columns_are_refused(void **state)
{
    (void)state;
    enum { COMMAS = 1 << 20 };
    struct reading reading;
    reading_init(&reading);
    char *text = malloc(COMMAS + 1);
    memset(text, ',', COMMAS);
    text[COMMAS] = '\n';
    assert_int_equal(reading_csv(&reading, text, COMMAS + 1), MER_ERR_DATA);
    assert_string_equal(reading.err.message, "1048577 columns; a table has at most 1048576");
    free(text);
    reading_end(&reading);
}

static void numbers_of_four_hundred_digits(void **state)
{
    (void)state;
    struct reading reading;
    char text[2000] = "a,b,c\n";
    char digits[401];
    reading_init(&reading);
    memset(digits, '7', 400);
    digits[400] = '\0';
    sprintf(text + strlen(text), "%s,0.%s,%.300s.%s\n", digits, digits, digits, digits);
    const char *row = strchr(text, '\n') + 1;
    assert_int_equal(reading_csv(&reading, text, SIZE_MAX), MER_OK);
    for (size_t c = 0; c < 3; c++) {
        assert_int_equal(reading.frame.columns[c].type, MER_TYPE_NUMBER);
        const double expected = strtod(row, NULL);
        assert_true(reading.frame.columns[c].data.numbers[0] == expected);
        row += strcspn(row, ",\n") + 1;
    }
    assert_true(isinf(reading.frame.columns[0].data.numbers[0]));
    reading_end(&reading);
}

/* A text of nothing but quotes, delimiters and line ends: whatever is accepted is consistent. */
static void any_arrangement_of_marks_is_survived(void **state)
{
    (void)state;
    static const char alphabet[] = "\"\",,\n\r;x1";
    size_t n_tables = 0;
    for (unsigned i = 0; i < 300000; i++) {
        struct reading reading;
        mer_rng rng;
        reading_init(&reading);
        mer_rng_init(&rng, i, 0);
        const size_t n = 1 + mer_rng_below(&rng, 24);
        char *text = malloc(n);
        for (size_t k = 0; k < n; k++)
            text[k] = alphabet[mer_rng_below(&rng, sizeof alphabet - 1)];
        const enum mer_code code = reading_csv(&reading, text, n);
        if (code == MER_OK)
            n_tables++;
        else
            assert_int_equal(code, MER_ERR_DATA);
        free(text);
        reading_end(&reading);
    }
    assert_true(n_tables > 1000);
}

/* A table written with every cell quoted, its quotes doubled, reads back to the cells. */
static void quoting_everything_is_the_identity(void **state)
{
    (void)state;
    enum { ROWS = 300, LENGTH = 12 };
    static const char alphabet[] = "\"\",;\n\r\t| a";
    struct reading reading;
    struct mer_schema schema;
    mer_rng rng;
    char cells[ROWS][LENGTH + 1];
    reading_init(&reading);
    mer_rng_init(&rng, 11, 0);
    char *text = malloc(ROWS * (2 * LENGTH + 8) + 8);
    size_t n = (size_t)sprintf(text, "a,b\n");
    for (size_t row = 0; row < ROWS; row++) {
        const size_t length = mer_rng_below(&rng, LENGTH + 1);
        text[n++] = '"';
        for (size_t k = 0; k < length; k++) {
            cells[row][k] = alphabet[mer_rng_below(&rng, sizeof alphabet - 1)];
            text[n++] = cells[row][k];
            if (cells[row][k] == '"')
                text[n++] = '"';
        }
        cells[row][length] = '\0';
        n += (size_t)sprintf(text + n, "\",1\r\n");
    }
    static const char json[] = "{\"fields\":[{\"name\":\"a\",\"type\":\"string\"},"
                               "{\"name\":\"b\",\"type\":\"integer\"}],\"missingValues\":[]}";
    assert_int_equal(mer_schema_parse(&reading.ctx, json, strlen(json), &schema, &reading.err).code,
                     MER_OK);
    reading.options.schema = &schema;
    assert_int_equal(reading_csv(&reading, text, n), MER_OK);
    assert_int_equal(reading.frame.n_rows, ROWS);
    for (size_t row = 0; row < ROWS; row++) {
        const struct mer_cell cell = mer_column_text(&reading.frame.columns[0], row);
        assert_int_equal(cell.n, strlen(cells[row]));
        assert_memory_equal(cell.bytes, cells[row], cell.n);
    }
    free(text);
    mer_schema_release(&schema);
    reading_end(&reading);
}

/* Rows of every length around the size of a chunk, so that its ends fall everywhere. */
static void chunks_may_end_anywhere(void **state)
{
    (void)state;
    for (size_t length = 1; length <= 70001; length += 10000) {
        enum { ROWS = 60 };
        struct reading reading;
        reading_init(&reading);
        char *text = malloc(ROWS * (length + 16) + 16);
        size_t n = (size_t)sprintf(text, "a,b\n");
        for (size_t row = 0; row < ROWS; row++) {
            memset(text + n, 'a' + (int)(row % 26), length);
            n += length;
            n += (size_t)sprintf(text + n, "%zu,%s\n", row, row % 5 ? "1" : "");
        }
        assert_int_equal(reading_csv(&reading, text, n), MER_OK);
        const struct mer_column *column = &reading.frame.columns[0];
        assert_int_equal(column->type, MER_TYPE_TEXT);
        for (size_t row = 0; row < ROWS; row++) {
            const struct mer_cell cell = mer_column_text(column, row);
            assert_int_equal(cell.n, length + (row < 10 ? 1 : 2));
            assert_int_equal(cell.bytes[length - 1], 'a' + (int)(row % 26));
            assert_int_equal(mer_column_has(&reading.frame.columns[1], row), row % 5 != 0);
        }
        free(text);
        reading_end(&reading);
    }
}

static const char mixed[] = "\357\273\277b,i,n,c,d,\"t\"\"\"\n"
                            "true,1,1.5,\"x\"\"y\",2020-01-01,10:00\n"
                            "false,NA,2,z,2020-01-02,\n";

static void survive_every_failing_allocation(const struct mer_csv_options *options,
                                             const void *bytes, size_t n)
{
    size_t n_failures = 0;
    for (uint64_t fail_at = 1;; fail_at++) {
        struct reading reading;
        reading_init(&reading);
        reading.options = *options;
        reading.alloc.fail_at = fail_at;
        const enum mer_code code = reading_csv(&reading, bytes, n);
        const uint64_t requests = atomic_load(&reading.alloc.requests);
        if (code != MER_OK) {
            assert_int_equal(code, MER_ERR_MEMORY);
            assert_null(reading.frame.image);
            n_failures++;
        }
        reading_end(&reading);
        if (code == MER_OK && requests < fail_at)
            break;
    }
    assert_true(n_failures > 20);
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    const struct mer_csv_options plain = {0};
    size_t n;
    unsigned char *zipped = reading_gzip(mixed, strlen(mixed), &n);
    survive_every_failing_allocation(&plain, mixed, strlen(mixed));
    survive_every_failing_allocation(&plain, zipped, n);
    free(zipped);
}

static void every_failing_allocation_under_a_schema_is_survived(void **state)
{
    (void)state;
    struct reading reading;
    struct mer_schema schema;
    struct mer_csv_options options = {.allow_new_levels = true};
    reading_init(&reading);
    assert_int_equal(reading_csv(&reading, mixed, SIZE_MAX), MER_OK);
    assert_int_equal(mer_schema_of_frame(&reading.ctx, &reading.frame, MER_CSV_MISSING,
                                         MER_CSV_N_MISSING, &schema, &reading.err)
                         .code,
                     MER_OK);
    options.schema = &schema;
    survive_every_failing_allocation(&options, mixed, strlen(mixed));
    mer_schema_release(&schema);
    reading_end(&reading);
}

static void a_stop_is_noticed(void **state)
{
    (void)state;
    struct reading reading;
    struct mer_cancel cancel = {.signal = 2};
    reading_init(&reading);
    reading.ctx.cancel = &cancel;
    assert_int_equal(reading_csv(&reading, mixed, SIZE_MAX), MER_ERR_CANCELLED);
    reading_end(&reading);
}

struct seen_progress {
    uint64_t done;
    uint64_t total;
    size_t n;
};

static void see_progress(void *self, const char *phase, uint64_t done, uint64_t total)
{
    struct seen_progress *seen = self;
    assert_string_equal(phase, "reading");
    assert_true(done >= seen->done && done <= total);
    *seen = (struct seen_progress){done, total, seen->n + 1};
}

static void progress_goes_forward(void **state)
{
    (void)state;
    enum { ROWS = 500000 };
    struct reading reading;
    struct seen_progress seen = {0};
    const struct mer_progress progress = {see_progress, &seen};
    reading_init(&reading);
    reading.ctx.progress = &progress;
    char *text = malloc(ROWS * 8 + 8);
    size_t n = (size_t)sprintf(text, "a,b\n");
    for (size_t i = 0; i < ROWS; i++)
        n += (size_t)sprintf(text + n, "1,2\n");
    assert_int_equal(reading_csv(&reading, text, n), MER_OK);
    assert_true(seen.n > 3);
    assert_int_equal(seen.total, 4 * n);
    free(text);
    reading_end(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_thousand_columns),
        cmocka_unit_test(too_many_columns_are_refused),
        cmocka_unit_test(numbers_of_four_hundred_digits),
        cmocka_unit_test(any_arrangement_of_marks_is_survived),
        cmocka_unit_test(quoting_everything_is_the_identity),
        cmocka_unit_test(chunks_may_end_anywhere),
        cmocka_unit_test(every_failing_allocation_is_survived),
        cmocka_unit_test(every_failing_allocation_under_a_schema_is_survived),
        cmocka_unit_test(a_stop_is_noticed),
        cmocka_unit_test(progress_goes_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
