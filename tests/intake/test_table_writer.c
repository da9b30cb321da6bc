/* Tables of every type, written in every format and read back: the same image. */
#include "intake_table.h"

#include "core/team.h"
#include "intake/table_writer.h"

/* Bytes that were written; after `fail_at` of them writing fails. */
struct bytes {
    struct mer_buf buf;
    size_t fail_at;
};

static mer_status append(void *self, const void *bytes, size_t n, mer_err *err)
{
    struct bytes *const all = self;
    if (all->buf.n + n > all->fail_at)
        return mer_fail(err, MER_ERR_IO, "no space left");
    return mer_buf_append(&all->buf, bytes, n, err);
}

static const char *const FORMATS[] = {"csv", "parquet", "arrow"};
enum { N_FORMATS = sizeof FORMATS / sizeof FORMATS[0] };

static mer_status write_table(struct intake *intake, const char *format,
                              const struct mer_table_writing *writing, struct bytes *bytes)
{
    const struct mer_table_sink sink = {append, bytes};
    return mer_table_write_file(&intake->ctx, mer_table_format_find(format), &intake->frame,
                                writing, &sink, &intake->err);
}

/* Reads CSV text, under a schema when there is one. */
static void read_text(struct intake *intake, struct mer_schema *schema, const char *json,
                      const char *text)
{
    intake_init(intake);
    intake->reading.csv.header = MER_CSV_HEADER_YES;
    if (json) {
        assert_int_equal(
            mer_schema_parse(&intake->ctx, json, strlen(json), schema, &intake->err).code, MER_OK);
        intake->reading.csv.schema = schema;
    }
    if (intake_read(intake, text, strlen(text)) != MER_OK)
        fail_msg("%s", intake->err.message);
}

/* Writes in every format and reads back under the table's own schema. */
static void there_and_back(struct intake *intake, const char *missing)
{
    struct mer_schema schema;
    assert_int_equal(
        mer_schema_of_frame(&intake->ctx, &intake->frame, &missing, 1, &schema, NULL).code, MER_OK);
    for (size_t f = 0; f < N_FORMATS; f++) {
        const struct mer_table_writing writing = {.missing = missing};
        struct bytes bytes = {.fail_at = SIZE_MAX};
        struct intake other;
        mer_buf_init(&bytes.buf, &intake->alloc, SIZE_MAX / 2);
        assert_int_equal(write_table(intake, FORMATS[f], &writing, &bytes).code, MER_OK);
        intake_init(&other);
        other.reading.csv.schema = &schema;
        other.reading.csv.header = MER_CSV_HEADER_YES;
        if (intake_read(&other, bytes.buf.bytes, bytes.buf.n) != MER_OK)
            fail_msg("%s: %s", FORMATS[f], other.err.message);
        assert_string_equal(MER_TABLE_FORMATS[other.report.format].name, FORMATS[f]);
        assert_same_table(&intake->frame, &other.frame);
        intake_end(&other);
        mer_buf_release(&bytes.buf);
    }
    mer_schema_release(&schema);
}

static const char EVERYTHING[] =
    "flag,whole,number,level,day,time,moment,text\n"
    "true,1,0.1,red,2024-01-31,12:34:56.789,2024-01-31T12:34:56Z,\"a,\"\"b\"\"\"\n"
    "false,,1e300,\"green\nblue\",0001-01-01,,0001-01-01T00:00:00Z,\xc3\xa4\n"
    ",-9223372036854775808,-0.0,red,9999-12-31,23:59:59.999999,,\n"
    "true,9223372036854775807,inf,,,00:00:00,9999-12-31T23:59:59.999999Z,x\n"
    "true,0,,red,1970-01-01,01:00:00,1970-01-01T00:00:00.000001Z,y\n";

static const char SCHEMA[] =
    "{\"fields\":[{\"name\":\"flag\",\"type\":\"boolean\"},{\"name\":\"whole\",\"type\":"
    "\"integer\"},{\"name\":\"number\",\"type\":\"number\"},{\"name\":\"level\",\"type\":"
    "\"string\",\"merlon:categorical\":true},{\"name\":\"day\",\"type\":\"date\"},{\"name\":"
    "\"time\",\"type\":\"time\"},{\"name\":\"moment\",\"type\":\"datetime\"},{\"name\":\"text\","
    "\"type\":\"string\"}]}";

static void every_type_survives_every_format(void **state)
{
    (void)state;
    struct intake intake;
    struct mer_schema schema;
    read_text(&intake, &schema, SCHEMA, EVERYTHING);
    assert_int_equal(intake.frame.n_columns, 8);
    there_and_back(&intake, "");
    there_and_back(&intake, "NA");
    mer_schema_release(&schema);
    intake_end(&intake);
}

static void a_single_column_with_empty_cells_survives(void **state)
{
    (void)state;
    struct intake intake;
    read_text(&intake, NULL, NULL, "a\n1\n\"\"\n2\n");
    assert_int_equal(intake.frame.n_rows, 3);
    there_and_back(&intake, "");
    intake_end(&intake);
}

static void names_are_quoted_where_they_have_to_be(void **state)
{
    (void)state;
    struct intake intake;
    read_text(&intake, NULL, NULL, "\"a,b\",\"c\"\"d\"\n1,2\n");
    there_and_back(&intake, "");
    intake_end(&intake);
}

/* More rows than one group has, and missing values in all places of a byte. */
static void many_rows_survive(void **state)
{
    (void)state;
    enum { N_ROWS = 300001, ROW_BYTES = 64 };
    struct intake intake;
    char *const text = malloc((size_t)N_ROWS * ROW_BYTES);
    assert_non_null(text);
    size_t n = (size_t)sprintf(text, "id,part,word\n");
    for (int i = 0; i < N_ROWS; i++) {
        n += (size_t)sprintf(text + n, "%d,", i);
        if (i % 7)
            n += (size_t)sprintf(text + n, "%d.25", i);
        n += (size_t)sprintf(text + n, i % 5 ? ",w%d\n" : ",\n", i % 1000);
    }
    read_text(&intake, NULL, NULL, text);
    free(text);
    there_and_back(&intake, "");
    intake_end(&intake);
}

static void a_failing_write_ends_the_writing(void **state)
{
    (void)state;
    static const size_t limits[] = {0, 3, 4, 50, 200, 400, 1000};
    struct intake intake;
    struct mer_schema schema;
    read_text(&intake, &schema, SCHEMA, EVERYTHING);
    for (size_t f = 0; f < N_FORMATS; f++) {
        for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
            struct bytes bytes = {.fail_at = limits[i]};
            const struct mer_table_writing writing = {.delimiter = ';'};
            mer_buf_init(&bytes.buf, &intake.alloc, SIZE_MAX / 2);
            const enum mer_code code = write_table(&intake, FORMATS[f], &writing, &bytes).code;
            assert_true(code == MER_ERR_IO || limits[i] >= 400);
            mer_buf_release(&bytes.buf);
        }
    }
    mer_schema_release(&schema);
    intake_end(&intake);
}

static void the_text_for_missing_is_one_that_no_value_is(void **state)
{
    (void)state;
    static const char json[] = "{\"missingValues\":[\"-\"],\"fields\":[{\"name\":\"a\",\"type\":"
                               "\"string\"},{\"name\":\"b\",\"type\":\"string\","
                               "\"merlon:categorical\":true}]}";
    struct intake intake;
    struct mer_schema schema;
    size_t n_lost;
    read_text(&intake, &schema, json, "a,b\n,x\n-,NA\nNA,NA\n");
    assert_string_equal(mer_table_missing_text(&intake.frame, &n_lost), "NaN");
    assert_int_equal(n_lost, 4);
    there_and_back(&intake, "NaN");
    mer_schema_release(&schema);
    intake_end(&intake);

    read_text(&intake, &schema, json, "a,b\n,NA\nNaN,null\nx,?\n");
    assert_null(mer_table_missing_text(&intake.frame, &n_lost));
    mer_schema_release(&schema);
    intake_end(&intake);
}

enum { WIDE_COLUMNS = 61, WIDE_ROWS = 300, THREADS = 3 };

/* Integers, numbers and texts, some missing. */
static char *make_wide_text(void)
{
    char *const text = malloc((size_t)WIDE_COLUMNS * (WIDE_ROWS + 1) * 24);
    size_t n = 0;
    assert_non_null(text);
    for (unsigned c = 0; c < WIDE_COLUMNS; c++)
        n += (size_t)sprintf(text + n, "%sc%u", c ? "," : "", c);
    for (unsigned row = 0; row < WIDE_ROWS; row++) {
        for (unsigned c = 0; c < WIDE_COLUMNS; c++) {
            const char separator = c ? ',' : '\n';
            if (c % 4 == 0)
                n += (size_t)sprintf(text + n, "%c%u", separator, row * c);
            else if (c % 4 == 1)
                n += (size_t)sprintf(text + n, "%c%u.25", separator, row + c);
            else if ((row + c) % 7 == 0)
                n += (size_t)sprintf(text + n, "%c", separator);
            else if (c % 4 == 2)
                n += (size_t)sprintf(text + n, "%clevel %u", separator, row % (c + 1));
            else
                n += (size_t)sprintf(text + n, "%c-%u.5", separator, row * c);
        }
    }
    text[n++] = '\n';
    text[n] = '\0';
    return text;
}

/* What a wide table that was written in a format is read as, or refused for. */
static enum mer_code read_with_team(struct intake *intake, const struct bytes *bytes,
                                    struct mer_schema *schema, size_t n_threads)
{
    intake_init(intake);
    intake->reading.csv.schema = schema;
    assert_int_equal(mer_team_new(&intake->alloc, n_threads, &intake->ctx.team, NULL).code, MER_OK);
    const enum mer_code code = intake_read(intake, bytes->buf.bytes, bytes->buf.n);
    mer_team_free(intake->ctx.team);
    intake->ctx.team = NULL;
    return code;
}

static void any_number_of_threads_reads_the_same_or_refuses_the_same(void **state)
{
    static const char json[] =
        "{\"fieldsMatch\":\"subset\",\"fields\":[{\"name\":\"c57\",\"type\":\"integer\"},"
        "{\"name\":\"c5\",\"type\":\"integer\"},{\"name\":\"c9\",\"type\":\"date\"}]}";
    struct intake wide, alone, together;
    struct mer_schema schema;
    (void)state;
    char *const text = make_wide_text();
    read_text(&wide, NULL, NULL, text);
    assert_int_equal(mer_schema_parse(&wide.ctx, json, strlen(json), &schema, &wide.err).code,
                     MER_OK);
    for (size_t f = 1; f < N_FORMATS; f++) {
        const struct mer_table_writing writing = {0};
        struct bytes bytes = {.fail_at = SIZE_MAX};
        mer_buf_init(&bytes.buf, &wide.alloc, SIZE_MAX / 2);
        assert_int_equal(write_table(&wide, FORMATS[f], &writing, &bytes).code, MER_OK);
        assert_int_equal(read_with_team(&alone, &bytes, NULL, 1), MER_OK);
        assert_int_equal(read_with_team(&together, &bytes, NULL, THREADS), MER_OK);
        assert_same_table(&alone.frame, &together.frame);
        assert_same_table(&wide.frame, &together.frame);
        intake_end(&alone);
        intake_end(&together);
        assert_int_equal(read_with_team(&alone, &bytes, &schema, 1), MER_ERR_DATA);
        assert_int_equal(read_with_team(&together, &bytes, &schema, THREADS), MER_ERR_DATA);
        assert_string_equal(alone.err.message, together.err.message);
        assert_non_null(strstr(alone.err.message, "column 'c5'"));
        intake_end(&alone);
        intake_end(&together);
        mer_buf_release(&bytes.buf);
    }
    mer_schema_release(&schema);
    intake_end(&wide);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads_reads_the_same_or_refuses_the_same),
        cmocka_unit_test(every_type_survives_every_format),
        cmocka_unit_test(a_single_column_with_empty_cells_survives),
        cmocka_unit_test(names_are_quoted_where_they_have_to_be),
        cmocka_unit_test(many_rows_survive),
        cmocka_unit_test(a_failing_write_ends_the_writing),
        cmocka_unit_test(the_text_for_missing_is_one_that_no_value_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
