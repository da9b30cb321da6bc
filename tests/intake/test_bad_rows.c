/* Rows that do not fit: all of them are found, each in its row and its column, the others are read
 * as if they had been alone, and no row is lost or counted twice. */
#include "frame/bad_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "intake/table_reader.h"

struct reading {
    struct mer_alloc alloc;
    struct mer_ctx ctx;
    struct mer_schema schema;
    struct mer_bad_rows bad;
    struct mer_region region;
    struct mer_frame frame;
    struct mer_csv_report report;
    mer_err err;
};

static enum mer_code read_table(struct reading *reading, const char *schema, const char *text,
                                size_t n, enum mer_on_bad_row mode)
{
    *reading = (struct reading){0};
    mer_alloc_init(&reading->alloc, SIZE_MAX);
    reading->ctx.alloc = &reading->alloc;
    struct mer_table_reading how = {.bad = &reading->bad};
    if (schema) {
        if (mer_schema_parse(&reading->ctx, schema, strlen(schema), &reading->schema, &reading->err)
                .code != MER_OK)
            fail_msg("%s", reading->err.message);
        how.csv.schema = &reading->schema;
    }
    mer_bad_rows_init(&reading->bad, &reading->alloc, mode);
    mer_region_init_memory(&reading->region, &reading->alloc, SIZE_MAX / 2);
    mer_status status = mer_table_write_image(&reading->ctx, 0, text, n, &how, &reading->region,
                                              &reading->report, &reading->err);
    if (status.code == MER_OK)
        status = mer_frame_open(&reading->ctx, reading->region.base, reading->region.n,
                                &reading->frame, &reading->err);
    return status.code;
}

static void end(struct reading *reading)
{
    mer_frame_release(&reading->frame);
    mer_region_release(&reading->region);
    mer_bad_rows_release(&reading->bad);
    mer_schema_release(&reading->schema);
    assert_int_equal(atomic_load(&reading->alloc.used), 0);
}

static const char people[] =
    "{\"primaryKey\":\"id\",\"fields\":[{\"name\":\"id\",\"type\":\"integer\"},"
    "{\"name\":\"age\",\"type\":\"integer\",\"constraints\":{\"minimum\":0,\"maximum\":120}},"
    "{\"name\":\"when\",\"type\":\"date\",\"format\":\"%d/%m/%Y\"},"
    "{\"name\":\"job\",\"type\":\"string\",\"categories\":[\"cook\",\"clerk\"]},"
    "{\"name\":\"code\",\"type\":\"string\",\"constraints\":{\"pattern\":\"[A-Z]{2}\\\\d+\","
    "\"required\":true}}]}";

/* The ways in which the table below is bad, one after the other. %s is a canary. */
static const struct {
    const char *record; /* behind the id */
    const char *column; /* NULL: the row as a whole */
    enum mer_value_fault fault;
} WAYS[] = {
    {"CANARY%05u,01/02/2024,cook,AB1", "age", MER_VALUE_NOT_INTEGER},
    {"121,01/02/2024,cook,AB%05u", "age", MER_VALUE_ABOVE_MAXIMUM},
    {"-1,01/02/2024,cook,AB%05u", "age", MER_VALUE_BELOW_MINIMUM},
    {"30,CANARY%05u,cook,AB1", "when", MER_VALUE_NOT_IN_FORMAT},
    {"30,01/02/2024,CANARY%05u,AB1", "job", MER_VALUE_NOT_CATEGORY},
    {"30,01/02/2024,cook,\"CANARY\n%05u\"", "code", MER_VALUE_OUTSIDE_PATTERN},
    {"30,01/02/2024,cook,,CANARY%05u", NULL, MER_VALUE_CELL_COUNT},
    {"30,01/02/2024,cook", NULL, MER_VALUE_CELL_COUNT},
    {"30,01/02/2024,cook,", "code", MER_VALUE_REQUIRED},
    {"30,01/02/2024,cook,\xff%05u", "code", MER_VALUE_NOT_UTF8},
    {"30,01/02/2024,\"co\"ok%05u,AB1", "job", MER_VALUE_BROKEN_QUOTES},
};
enum { N_WAYS = sizeof WAYS / sizeof WAYS[0], N_BAD = 10000 };

/* Two good rows before each bad one. */
static char *make_table(size_t *ret_n)
{
    char *text = malloc((size_t)N_BAD * 200);
    assert_non_null(text);
    size_t n = (size_t)sprintf(text, "id,age,when,job,code\n");
    for (unsigned i = 0; i < N_BAD; i++) {
        n += (size_t)sprintf(text + n, "%u,30,01/02/2024,clerk,AB1\n", 3 * i);
        n += (size_t)sprintf(text + n, "%u,31,02/02/2024,cook,\"CD%u\"\n", 3 * i + 1, i);
        n += (size_t)sprintf(text + n, "%u,", 3 * i + 2);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        n += (size_t)sprintf(text + n, WAYS[i % N_WAYS].record, i);
#pragma GCC diagnostic pop
        text[n++] = '\n';
    }
    *ret_n = n;
    return text;
}

static void ten_thousand_bad_rows_are_found_in_their_row_and_column(void **state)
{
    (void)state;
    struct reading reading;
    size_t n;
    char *text = make_table(&n);
    if (read_table(&reading, people, text, n, MER_ON_BAD_ROW_QUARANTINE) != MER_OK)
        fail_msg("%s", reading.err.message);
    assert_int_equal(reading.bad.n_rows, N_BAD);
    assert_int_equal(reading.bad.n_kept, N_BAD);
    assert_int_equal(reading.frame.n_rows, 2 * N_BAD);
    uint64_t line = 2;
    size_t n_right = 0;
    for (size_t i = 0; i < N_BAD; i++) {
        const struct mer_bad_row *const row = &reading.bad.rows[i];
        const struct mer_bad_reason *const reason = &reading.bad.reasons[row->reason];
        const char *const column = WAYS[i % N_WAYS].column;
        const bool same_column =
            column ? reason->column && strcmp(column, reason->column) == 0 : reason->column == NULL;
        char record[200];
        int length = snprintf(record, sizeof record, "%zu,", 3 * i + 2);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        length += snprintf(record + length, sizeof record - (size_t)length, WAYS[i % N_WAYS].record,
                           (unsigned)i);
#pragma GCC diagnostic pop
        line += 2;
        n_right += row->row == 3 * i + 3 && row->line == line && same_column &&
                   reason->fault == WAYS[i % N_WAYS].fault && row->n_bytes == (size_t)length &&
                   memcmp(row->bytes, record, (size_t)length) == 0;
        line += memchr(record, '\n', (size_t)length) ? 2 : 1;
    }
    assert_int_equal(n_right, N_BAD);
    /* The others are as if they had been alone. */
    for (size_t row = 0; row < reading.frame.n_rows; row++)
        assert_int_equal(reading.frame.columns[0].data.integers[row], row / 2 * 3 + row % 2);
    free(text);
    end(&reading);
}

static void a_refused_table_is_explained_and_not_read(void **state)
{
    (void)state;
    struct reading reading;
    size_t n;
    char *text = make_table(&n);
    assert_int_equal(read_table(&reading, people, text, n, MER_ON_BAD_ROW_FAIL), MER_ERR_DATA);
    assert_null(strstr(reading.err.message, "CANARY"));
    assert_int_equal(reading.bad.n_rows, N_BAD);
    assert_int_equal(reading.bad.n_kept, MER_BAD_ROWS_TOLD);
    uint64_t total = 0;
    for (size_t i = 0; i < reading.bad.n_reasons; i++)
        total += reading.bad.reasons[i].n_rows;
    assert_int_equal(total, N_BAD);
    for (size_t i = 0; i < reading.bad.n_kept; i++)
        assert_int_equal(reading.bad.rows[i].n_bytes, 0);
    free(text);
    end(&reading);
}

static void a_repeated_key_is_bad_and_the_first_stays(void **state)
{
    (void)state;
    static const char schema[] =
        "{\"uniqueKeys\":[[\"a\",\"b\"]],\"fields\":[{\"name\":\"a\",\"type\":\"number\"},"
        "{\"name\":\"b\",\"type\":\"string\"},{\"name\":\"c\",\"type\":\"geopoint\","
        "\"constraints\":{\"unique\":true}}]}";
    static const char table[] = "a,b,c\n1,x,\"1,2\"\n1.0,x,\"3,4\"\n,x,\n,x,\n2,x,\"1.0, 2\"\n"
                                "2,x,\"5,6\"\n-0,y,\n0,y,\n";
    struct reading reading;
    assert_int_equal(read_table(&reading, schema, table, sizeof table - 1, MER_ON_BAD_ROW_FAIL),
                     MER_ERR_DATA);
    assert_string_equal(reading.err.message, "row 2, column 'a' and others: a key that must be "
                                             "unique stands here again, first in row 1");
    end(&reading);
    assert_int_equal(
        read_table(&reading, schema, table, sizeof table - 1, MER_ON_BAD_ROW_QUARANTINE), MER_OK);
    assert_int_equal(reading.bad.n_kept, 3);
    assert_int_equal(reading.bad.rows[0].row, 2);
    assert_int_equal(reading.bad.rows[1].row, 5);
    assert_int_equal(reading.bad.rows[2].row, 8);
    assert_int_equal(reading.frame.n_rows, 5);
    assert_int_equal(reading.frame.n_columns, 4);
    assert_string_equal(reading.frame.columns[2].name, "c.longitude");
    assert_string_equal(reading.frame.columns[3].name, "c.latitude");
    assert_true(reading.frame.columns[3].data.numbers[0] == 2);
    assert_int_equal(reading.frame.columns[2].n_missing, 3);
    end(&reading);
}

static void without_a_schema_only_broken_rows_are_bad(void **state)
{
    (void)state;
    static const char table[] = "a,b\n1,x\n2\n3,\"y\n4,z\n";
    struct reading reading;
    assert_int_equal(read_table(&reading, NULL, table, sizeof table - 1, MER_ON_BAD_ROW_SKIP),
                     MER_OK);
    assert_int_equal(reading.bad.n_rows, 2);
    assert_int_equal(reading.frame.n_rows, 2);
    assert_int_equal(reading.frame.columns[0].type, MER_TYPE_INTEGER);
    assert_int_equal(reading.frame.columns[0].data.integers[1], 4);
    end(&reading);
}

static void what_is_wrong_with_the_whole_is_not_put_on_its_rows(void **state)
{
    (void)state;
    struct reading reading;
    static const char twice[] = "a,a\n1\n";
    assert_int_equal(read_table(&reading, NULL, twice, sizeof twice - 1, MER_ON_BAD_ROW_SKIP),
                     MER_ERR_DATA);
    assert_string_equal(reading.err.message, "columns 1 and 2 are both named 'a'");
    assert_int_equal(reading.bad.n_rows, 0);
    end(&reading);
    static const char all[] = "a,b\n1\n2\n";
    assert_int_equal(read_table(&reading, NULL, all, sizeof all - 1, MER_ON_BAD_ROW_SKIP),
                     MER_ERR_DATA);
    assert_int_equal(reading.bad.n_rows, 2);
    end(&reading);
}

/* A block that a hostile cell wrote: every change of a byte is refused or harmless. */
static void a_block_is_believed_only_when_it_adds_up(void **state)
{
    (void)state;
    static const char table[] = "a,b\n1,x\n2\n3,4,5\n6,\"y\"z\n";
    struct reading reading;
    struct mer_region region;
    size_t n;
    (void)read_table(&reading, NULL, table, sizeof table - 1, MER_ON_BAD_ROW_QUARANTINE);
    mer_region_init_memory(&region, &reading.alloc, SIZE_MAX / 2);
    assert_int_equal(mer_bad_rows_write(&reading.bad, &region, &n, &reading.err).code, MER_OK);
    for (size_t i = 0; i < 9 * n; i++) {
        struct mer_bad_rows bad;
        unsigned char *block;
        mer_bad_rows_init(&bad, &reading.alloc, MER_ON_BAD_ROW_QUARANTINE);
        assert_int_equal(mer_alloc_bytes(&reading.alloc, n, &block, NULL).code, MER_OK);
        memcpy(block, region.base, n);
        if (i < 8 * n)
            block[i / 8] = (unsigned char)(block[i / 8] ^ 1u << (i % 8));
        const size_t n_left = i < 8 * n ? n : i - 8 * n; /* then: cut short */
        if (mer_bad_rows_read(&bad, block, n_left, NULL).code == MER_OK) {
            uint64_t total = 0;
            for (size_t r = 0; r < bad.n_reasons; r++)
                total += bad.reasons[r].n_rows;
            assert_int_equal(total, bad.n_rows);
            assert_true(i < 8 * n);
            mer_bad_rows_release(&bad);
        } else {
            mer_free(&reading.alloc, block);
        }
    }
    mer_region_release(&region);
    end(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_bad_rows_are_found_in_their_row_and_column),
        cmocka_unit_test(a_refused_table_is_explained_and_not_read),
        cmocka_unit_test(a_repeated_key_is_bad_and_the_first_stays),
        cmocka_unit_test(without_a_schema_only_broken_rows_are_bad),
        cmocka_unit_test(what_is_wrong_with_the_whole_is_not_put_on_its_rows),
        cmocka_unit_test(a_block_is_believed_only_when_it_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
