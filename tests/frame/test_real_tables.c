/* Real tables, where the shared data are at hand: rows and columns as their index counts them. */
#include "reading.h"

#define DATA MER_SOURCE_DIR "/../shared/data"

/* "| adult | classification | 39073 | 9769 | 15 | ..." */
static bool read_entry(const char *line, char name[64], size_t *n_rows, size_t *n_columns)
{
    size_t n_test;
    return sscanf(line, "| %63s | %*[^|] | %zu | %zu | %zu |", name, n_rows, &n_test, n_columns) ==
           4;
}

static char *table_of(const char *name, size_t *ret_n)
{
    char path[sizeof DATA + 100];
    snprintf(path, sizeof path, DATA "/%s/train.csv", name);
    char *bytes = reading_file(path, ret_n);
    if (bytes)
        return bytes;
    snprintf(path, sizeof path, DATA "/%s/train.csv.gz", name);
    return reading_file(path, ret_n);
}

static void every_table_has_its_rows_and_columns(void **state)
{
    (void)state;
    size_t n_index;
    size_t n_tables = 0;
    char *index = reading_file(DATA "/README.md", &n_index);
    if (!index) {
        print_message("skipped: the shared data are not here\n");
        skip();
        return;
    }
    index[n_index] = '\0';
    for (char *line = strtok(index, "\n"); line; line = strtok(NULL, "\n")) {
        char name[64];
        size_t n_rows, n_columns, n;
        if (!read_entry(line, name, &n_rows, &n_columns))
            continue;
        char *bytes = table_of(name, &n);
        if (!bytes)
            continue; /* images */
        struct reading reading;
        reading_init(&reading);
        if (reading_csv(&reading, bytes, n) != MER_OK)
            fail_msg("%s: %s", name, reading.err.message);
        if (reading.frame.n_rows != n_rows || reading.frame.n_columns != n_columns)
            fail_msg("%s: %zu rows, %zu columns", name, reading.frame.n_rows,
                     reading.frame.n_columns);
        free(bytes);
        reading_end(&reading);
        n_tables++;
    }
    free(index);
    print_message("%zu tables read\n", n_tables);
    assert_true(n_tables >= 40);
}

static void adult_has_its_types_and_missing_values(void **state)
{
    (void)state;
    static const char *const types[] = {"integer",     "categorical", "integer",     "categorical",
                                        "integer",     "categorical", "categorical", "categorical",
                                        "categorical", "categorical", "integer",     "integer",
                                        "integer",     "categorical", "categorical"};
    size_t n;
    char *bytes = table_of("adult", &n);
    if (!bytes) {
        print_message("skipped: the shared data are not here\n");
        skip();
        return;
    }
    struct reading reading;
    reading_init(&reading);
    assert_int_equal(reading_csv(&reading, bytes, n), MER_OK);
    for (size_t c = 0; c < 15; c++)
        assert_string_equal(mer_type_name(reading.frame.columns[c].type), types[c]);
    assert_int_equal(reading.frame.columns[14].n_levels, 2);
    assert_int_equal(reading.frame.columns[9].n_levels, 2);
    free(bytes);
    reading_end(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_has_its_rows_and_columns),
        cmocka_unit_test(adult_has_its_types_and_missing_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
