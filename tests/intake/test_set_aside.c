/* Rows that do not fit a schema, through every door: each format tells of the same rows, columns
 * and reasons, and what is left is the same table, byte for byte. */
#include <sqlite3.h>

#include "intake/table_writer.h"
#include "taking.h"

static const char SCHEMA[] =
    "{\"primaryKey\":\"id\",\"fields\":[{\"name\":\"id\",\"type\":\"integer\"},"
    "{\"name\":\"age\",\"type\":\"integer\",\"constraints\":{\"maximum\":120}},"
    "{\"name\":\"score\",\"type\":\"number\",\"constraints\":{\"minimum\":0}},"
    "{\"name\":\"when\",\"type\":\"date\",\"constraints\":{\"minimum\":\"2020-01-01\"}},"
    "{\"name\":\"job\",\"type\":\"string\",\"categories\":[\"cook\",\"clerk\"]},"
    "{\"name\":\"code\",\"type\":\"string\",\"constraints\":{\"pattern\":\"[A-Z]+\\\\d\","
    "\"required\":true}}]}";

enum { N_CELLS = 6, N_ROWS = 10, N_FIT = 2, N_BAD = N_ROWS - N_FIT };

static const char *const NAMES[N_CELLS] = {"id", "age", "score", "when", "job", "code"};
static const char *const ROWS[N_ROWS][N_CELLS] = {
    {"1", "30", "0.5", "2024-01-02", "cook", "A1"},
    {"2", "130", "0.5", "2024-01-02", "cook", "A1"},
    {"3", "30.5", "0.5", "2024-01-02", "cook", "A1"},
    {"4", "30", "-1", "2024-01-02", "cook", "A1"},
    {"5", "30", "0.5", "1999-12-31", "cook", "A1"},
    {"6", "30", "0.5", "2024-01-02", "baker \"CANARY\"", "A1"},
    {"7", "30", "0.5", "2024-01-02", "cook", "b1"},
    {"8", "30", "0.5", "2024-01-02", "cook", ""},
    {"1", "30", "0.5", "2024-01-02", "cook", "A1"},
    {"10", "31", "1.5", "2024-01-03", "clerk", "B2"},
};
static const struct {
    const char *column;
    enum mer_value_fault fault;
} FAULTS[N_BAD] = {
    {"age", MER_VALUE_ABOVE_MAXIMUM},   {"age", MER_VALUE_NOT_INTEGER},
    {"score", MER_VALUE_BELOW_MINIMUM}, {"when", MER_VALUE_BELOW_MINIMUM},
    {"job", MER_VALUE_NOT_CATEGORY},    {"code", MER_VALUE_OUTSIDE_PATTERN},
    {"code", MER_VALUE_REQUIRED},       {"id", MER_VALUE_DUPLICATE},
};

static bool is_text(size_t c)
{
    return c >= 3;
}

/* The rows as CSV; without those that do not fit when `fit` is wanted. */
static size_t write_csv(char *text, size_t size, bool fit)
{
    size_t n = (size_t)snprintf(text, size, "id,age,score,when,job,code\n");
    for (size_t row = 0; row < N_ROWS; row++) {
        if (fit && row != 0 && row != N_ROWS - 1)
            continue;
        for (size_t c = 0; c < N_CELLS; c++) {
            const bool quoted = strchr(ROWS[row][c], '"') != NULL;
            n += (size_t)snprintf(text + n, size - n, "%s%s", c ? "," : "",
                                  quoted ? "\"baker \"\"CANARY\"\"\"" : ROWS[row][c]);
        }
        n += (size_t)snprintf(text + n, size - n, "\n");
    }
    return n;
}

static void write_sheet(char *text, size_t size)
{
    size_t n = 0;
    for (size_t row = 0; row <= N_ROWS; row++) {
        n += (size_t)snprintf(text + n, size - n, "<row>");
        for (size_t c = 0; c < N_CELLS; c++) {
            const char *const cell = row ? ROWS[row - 1][c] : NAMES[c];
            n += (size_t)snprintf(text + n, size - n, "<c%s><v>%s</v></c>",
                                  row == 0 || is_text(c) ? " t='str'" : "", cell);
        }
        n += (size_t)snprintf(text + n, size - n, "</row>");
    }
}

/* A database that these statements make; free with sqlite3_free. */
static unsigned char *make_database(const char *sql, size_t *ret_n)
{
    sqlite3 *handle;
    sqlite3_int64 n;
    assert_int_equal(sqlite3_open(":memory:", &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    unsigned char *const bytes = sqlite3_serialize(handle, "main", &n, 0);
    assert_non_null(bytes);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
    *ret_n = (size_t)n;
    return bytes;
}

static void write_statements(char *text, size_t size)
{
    size_t n = (size_t)snprintf(text, size, "CREATE TABLE t(id, age, score, \"when\", job, code);");
    for (size_t row = 0; row < N_ROWS; row++) {
        n += (size_t)snprintf(text + n, size - n, "INSERT INTO t VALUES(");
        for (size_t c = 0; c < N_CELLS; c++)
            n += (size_t)snprintf(text + n, size - n, is_text(c) ? "%s'%s'" : "%s%s", c ? "," : "",
                                  ROWS[row][c]);
        n += (size_t)snprintf(text + n, size - n, ");");
    }
}

struct door {
    struct intake intake;
    struct mer_schema schema;
    struct mer_bad_rows bad;
};

static enum mer_code enter(struct door *door, const void *bytes, size_t n, const char *schema,
                           enum mer_on_bad_row mode)
{
    intake_init(&door->intake);
    door->schema = (struct mer_schema){0};
    mer_bad_rows_init(&door->bad, &door->intake.alloc, mode);
    door->intake.reading.bad = &door->bad;
    door->intake.reading.csv.header = MER_CSV_HEADER_YES;
    if (schema) {
        assert_int_equal(
            mer_schema_parse(&door->intake.ctx, schema, strlen(schema), &door->schema, NULL).code,
            MER_OK);
        door->intake.reading.csv.schema = &door->schema;
    }
    return read_copy(&door->intake, bytes, n);
}

static void leave(struct door *door)
{
    mer_bad_rows_release(&door->bad);
    mer_schema_release(&door->schema);
    intake_end(&door->intake);
}

static void expect_bad(const struct mer_bad_rows *bad, size_t i, uint64_t row, uint64_t line,
                       const char *column, enum mer_value_fault fault)
{
    const struct mer_bad_reason *const reason = &bad->reasons[bad->rows[i].reason];
    assert_int_equal(bad->rows[i].row, row);
    assert_int_equal(bad->rows[i].line, line);
    assert_int_equal(reason->fault, fault);
    if (!column) {
        assert_null(reason->column);
        return;
    }
    assert_int_equal(reason->n_column, strlen(column));
    assert_memory_equal(reason->column, column, strlen(column));
}

/* The table by this door, in all three ways. `first_line`: of the first row. */
static void expect_door(const char *format, const void *bytes, size_t n, uint64_t first_line)
{
    struct door door, fits;
    char text[2000];
    assert_int_equal(enter(&door, bytes, n, SCHEMA, MER_ON_BAD_ROW_FAIL), MER_ERR_DATA);
    assert_int_equal(door.bad.n_rows, N_BAD);
    assert_null(strstr(door.intake.err.message, "CANARY"));
    leave(&door);

    assert_int_equal(
        enter(&fits, text, write_csv(text, sizeof text, true), SCHEMA, MER_ON_BAD_ROW_FAIL),
        MER_OK);
    const enum mer_code code = enter(&door, bytes, n, SCHEMA, MER_ON_BAD_ROW_QUARANTINE);
    if (code != MER_OK)
        fail_msg("%s: %s", format, door.intake.err.message);
    assert_string_equal(MER_TABLE_FORMATS[door.intake.report.format].name, format);
    assert_int_equal(door.intake.report.n_rows, N_FIT);
    assert_same_table(&fits.intake.frame, &door.intake.frame);
    assert_int_equal(door.bad.n_rows, N_BAD);
    assert_int_equal(door.bad.n_kept, N_BAD);
    for (size_t i = 0; i < N_BAD; i++)
        expect_bad(&door.bad, i, i + 2, first_line + i + 1, FAULTS[i].column, FAULTS[i].fault);
    static const char record[] = "baker \"\"CANARY\"\"";
    assert_non_null(
        memmem(door.bad.rows[4].bytes, door.bad.rows[4].n_bytes, record, sizeof record - 1));
    leave(&door);

    assert_int_equal(enter(&door, bytes, n, SCHEMA, MER_ON_BAD_ROW_SKIP), MER_OK);
    assert_same_table(&fits.intake.frame, &door.intake.frame);
    assert_int_equal(door.bad.n_rows, N_BAD);
    leave(&door);
    leave(&fits);
}

static void rows_of_csv_are_set_aside(void **state)
{
    char text[2000];
    (void)state;
    expect_door("csv", text, write_csv(text, sizeof text, false), 2);
}

static void rows_of_workbooks_are_set_aside(void **state)
{
    char rows[8000];
    struct archive archive;
    (void)state;
    write_sheet(rows, sizeof rows);
    book_make(&archive, &(struct book){.rows = rows});
    expect_door("xlsx", archive.bytes, archive.n, 2);
    archive_release(&archive);
}

static void rows_of_databases_are_set_aside(void **state)
{
    char sql[4000];
    size_t n;
    (void)state;
    write_statements(sql, sizeof sql);
    unsigned char *const bytes = make_database(sql, &n);
    expect_door("sqlite", bytes, n, 1);
    sqlite3_free(bytes);
}

static mer_status append(void *self, const void *bytes, size_t n, mer_err *err)
{
    return mer_buf_append(self, bytes, n, err);
}

static void expect_written(const char *format)
{
    char text[2000];
    struct intake plain;
    struct mer_buf file;
    intake_init(&plain);
    plain.reading.csv.header = MER_CSV_HEADER_YES;
    assert_int_equal(intake_read(&plain, text, write_csv(text, sizeof text, false)), MER_OK);
    mer_buf_init(&file, &plain.alloc, SIZE_MAX / 2);
    assert_int_equal(mer_table_write_file(&plain.ctx, mer_table_format_find(format), &plain.frame,
                                          &(struct mer_table_writing){0},
                                          &(struct mer_table_sink){append, &file}, NULL)
                         .code,
                     MER_OK);
    expect_door(format, file.bytes, file.n, 1);
    mer_buf_release(&file);
    intake_end(&plain);
}

static void rows_of_parquet_are_set_aside(void **state)
{
    (void)state;
    expect_written("parquet");
}

static void rows_of_arrow_are_set_aside(void **state)
{
    (void)state;
    expect_written("arrow");
}

static void what_a_workbook_cannot_tell_is_set_aside_without_a_schema(void **state)
{
    struct archive archive;
    struct door door;
    (void)state;
    book_make(&archive, &(struct book){.rows = "<row><c t='str'><v>x</v></c></row>"
                                               "<row><c><v>1</v></c></row>"
                                               "<row><c t='e'><v>#DIV/0!</v></c></row>"
                                               "<row><c><f>1+1</f></c></row>"
                                               "<row><c><v>2</v></c><c><v>9</v></c></row>"
                                               "<row><c><v>3</v></c></row>"});
    assert_int_equal(enter(&door, archive.bytes, archive.n, NULL, MER_ON_BAD_ROW_QUARANTINE),
                     MER_OK);
    char *const shown = reading_show(&door.intake.frame);
    assert_string_equal(shown, "x integer: 1|3\n");
    free(shown);
    assert_int_equal(door.bad.n_rows, 3);
    expect_bad(&door.bad, 0, 2, 3, "x", MER_VALUE_UNREADABLE);
    expect_bad(&door.bad, 1, 3, 4, "x", MER_VALUE_UNREADABLE);
    expect_bad(&door.bad, 2, 4, 5, NULL, MER_VALUE_CELL_COUNT);
    assert_memory_equal(door.bad.rows[0].bytes, "\"#DIV/0!\"", door.bad.rows[0].n_bytes);
    assert_memory_equal(door.bad.rows[2].bytes, "2,9", door.bad.rows[2].n_bytes);
    leave(&door);
    archive_release(&archive);
}

static void values_of_another_kind_than_the_field_are_set_aside(void **state)
{
    static const char schema[] =
        "{\"fields\":[{\"name\":\"n\",\"type\":\"integer\"},{\"name\":\"t\",\"type\":\"string\"},"
        "{\"name\":\"b\",\"type\":\"boolean\"}]}";
    struct door door;
    size_t n;
    (void)state;
    unsigned char *const bytes = make_database("CREATE TABLE t(n, t, b);"
                                               "INSERT INTO t VALUES(1, 'a', 1);"
                                               "INSERT INTO t VALUES('two', 'a', 1);"
                                               "INSERT INTO t VALUES(3, 1.5, 1);"
                                               "INSERT INTO t VALUES(4, 'a', 2);"
                                               "INSERT INTO t VALUES(x'00ff', 'a', 1);"
                                               "INSERT INTO t VALUES(6, 'b', 0);",
                                               &n);
    assert_int_equal(enter(&door, bytes, n, schema, MER_ON_BAD_ROW_QUARANTINE), MER_OK);
    char *const shown = reading_show(&door.intake.frame);
    assert_string_equal(shown, "n integer: 1|6\nt text: a|b\nb boolean: true|false\n");
    free(shown);
    assert_int_equal(door.bad.n_rows, 4);
    expect_bad(&door.bad, 0, 2, 2, "n", MER_VALUE_NOT_INTEGER);
    expect_bad(&door.bad, 1, 3, 3, "t", MER_VALUE_NOT_TEXT);
    expect_bad(&door.bad, 2, 4, 4, "b", MER_VALUE_NOT_BOOLEAN);
    expect_bad(&door.bad, 3, 5, 5, "n", MER_VALUE_UNREADABLE);
    leave(&door);
    sqlite3_free(bytes);
}

static void what_is_wrong_with_the_whole_is_no_rows_fault(void **state)
{
    static const char other[] = "{\"fields\":[{\"name\":\"elsewhere\",\"type\":\"integer\"}]}";
    char sql[4000];
    struct door door;
    size_t n;
    (void)state;
    write_statements(sql, sizeof sql);
    unsigned char *const bytes = make_database(sql, &n);
    assert_int_equal(enter(&door, bytes, n, other, MER_ON_BAD_ROW_SKIP), MER_ERR_DATA);
    assert_int_equal(door.bad.n_rows, 0);
    leave(&door);
    sqlite3_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_csv_are_set_aside),
        cmocka_unit_test(rows_of_workbooks_are_set_aside),
        cmocka_unit_test(rows_of_databases_are_set_aside),
        cmocka_unit_test(rows_of_parquet_are_set_aside),
        cmocka_unit_test(rows_of_arrow_are_set_aside),
        cmocka_unit_test(what_a_workbook_cannot_tell_is_set_aside_without_a_schema),
        cmocka_unit_test(values_of_another_kind_than_the_field_are_set_aside),
        cmocka_unit_test(what_is_wrong_with_the_whole_is_no_rows_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
