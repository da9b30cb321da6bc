/* Tables in and out through the Arrow C data and stream interfaces, as a program would do it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "merlon/arrow.h"
#include "merlon/merlon.h"

#define CELL MER_BINARY_DIR "/merlon-cell"

static const char TABLE[] = "flag,whole,number,level,day,time,moment,text\n"
                            "true,1,0.1,red,2024-01-31,12:34:56.789,2024-01-31T12:34:56Z,a b\n"
                            ",,,,,,,\n"
                            "false,2,1e300,blue,2024-02-29,00:00:00,1969-12-31T23:59:59Z,c\n";

static void assert_ok(mer_status status, const mer_err *err)
{
    if (status.code != MER_OK)
        fail_msg("%s (%s)", err->message, mer_code_name(status.code));
}

static int open_context(void **state)
{
    static struct mer_context *context;
    const struct mer_context_options options = {.size = sizeof options, .cell_program = CELL};
    mer_err err;
    assert_ok(mer_context_new(&options, &context, &err), &err);
    *state = context;
    return 0;
}

static size_t used_before;

static int note_used(void **state)
{
    used_before = mer_context_used_bytes(*state);
    return 0;
}

static int compare_used(void **state)
{
    assert_int_equal(mer_context_used_bytes(*state), used_before);
    return 0;
}

static int close_context(void **state)
{
    mer_context_free(*state);
    return 0;
}

static struct mer_table *read_table(struct mer_context *context)
{
    struct mer_table *table;
    mer_err err;
    assert_ok(mer_table_parse(context, TABLE, sizeof TABLE - 1, NULL, &table, &err), &err);
    return table;
}

static void assert_same_schema(const struct mer_table *table, const char *expected)
{
    char *json;
    mer_err err;
    assert_ok(mer_table_schema(table, &json, &err), &err);
    assert_string_equal(json, expected);
    mer_text_free(json);
}

static void a_table_goes_out_and_comes_back(void **state)
{
    struct mer_table *table = read_table(*state), *again;
    struct ArrowSchema schema;
    struct ArrowArray array;
    char *json;
    mer_err err;
    assert_ok(mer_table_schema(table, &json, &err), &err);
    assert_ok(mer_table_to_arrow(table, &schema, &array, &err), &err);
    mer_table_free(table); /* what was exported holds it */
    assert_int_equal(array.length, 3);
    assert_int_equal(array.n_children, 8);
    assert_string_equal(schema.children[6]->format, "tsu:UTC");
    assert_ok(mer_table_from_arrow(*state, &schema, &array, false, &again, &err), &err);
    assert_null(schema.release);
    assert_null(array.release);
    assert_int_equal(mer_table_rows(again), 3);
    assert_int_equal(mer_table_column_missing(again, 0), 1);
    assert_same_schema(again, json);
    assert_int_equal(strlen(mer_table_origin(again)->digest), 64);
    mer_text_free(json);
    mer_table_free(again);
}

static void a_stream_goes_out_and_comes_back(void **state)
{
    struct mer_table *table = read_table(*state), *again;
    struct ArrowArrayStream stream;
    char *json;
    mer_err err;
    assert_ok(mer_table_schema(table, &json, &err), &err);
    assert_ok(mer_table_to_arrow_stream(table, &stream, &err), &err);
    mer_table_free(table);
    assert_null(stream.get_last_error(&stream));
    assert_ok(mer_table_from_arrow_stream(*state, &stream, true, &again, &err), &err);
    assert_null(stream.release);
    assert_same_schema(again, json);
    mer_text_free(json);
    mer_table_free(again);
}

/* A stream that gives two pieces of one integer column and then fails, or ends. */
struct pieces {
    struct ArrowSchema child;
    struct ArrowSchema *schema_children[1];
    int64_t numbers[2];
    const void *buffers[2];
    const void *no_buffers[1];
    struct ArrowArray values;
    struct ArrowArray *children[1];
    int n_given;
    int n_released;
    int fail_at;
};

static void release_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static void release_array(struct ArrowArray *array)
{
    struct pieces *const pieces = array->private_data;
    pieces->n_released++;
    array->release = NULL;
}

static void release_stream(struct ArrowArrayStream *stream)
{
    stream->release = NULL;
}

static int give_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct pieces *const pieces = stream->private_data;
    pieces->child = (struct ArrowSchema){.format = "l", .name = "n", .release = release_schema};
    pieces->schema_children[0] = &pieces->child;
    *out = (struct ArrowSchema){.format = "+s",
                                .n_children = 1,
                                .children = pieces->schema_children,
                                .release = release_schema};
    return pieces->fail_at == 0 ? 5 : 0;
}

static int give_piece(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct pieces *const pieces = stream->private_data;
    *out = (struct ArrowArray){.release = NULL};
    if (++pieces->n_given == pieces->fail_at)
        return 5;
    if (pieces->n_given > 2)
        return 0;
    pieces->buffers[1] = pieces->numbers;
    pieces->numbers[0] = pieces->n_given;
    pieces->values = (struct ArrowArray){
        .length = 2, .n_buffers = 2, .buffers = pieces->buffers, .release = release_array};
    pieces->values.private_data = pieces;
    pieces->children[0] = &pieces->values;
    *out = (struct ArrowArray){.length = 2,
                               .n_buffers = 1,
                               .n_children = 1,
                               .buffers = pieces->no_buffers,
                               .children = pieces->children,
                               .release = release_array,
                               .private_data = pieces};
    return 0;
}

static const char *tell(struct ArrowArrayStream *stream)
{
    (void)stream;
    return "the disk is gone";
}

static mer_status take(struct mer_context *context, struct pieces *pieces, struct mer_table **ret,
                       mer_err *err)
{
    struct ArrowArrayStream stream = {.get_schema = give_schema,
                                      .get_next = give_piece,
                                      .get_last_error = tell,
                                      .release = release_stream,
                                      .private_data = pieces};
    const mer_status status = mer_table_from_arrow_stream(context, &stream, false, ret, err);
    assert_null(stream.release);
    return status;
}

static void pieces_of_a_stream_become_one_table(void **state)
{
    struct pieces pieces = {.fail_at = -1};
    struct mer_table *table;
    mer_err err;
    assert_ok(take(*state, &pieces, &table, &err), &err);
    assert_int_equal(mer_table_rows(table), 4);
    assert_int_equal(pieces.n_released, 2);
    mer_table_free(table);
}

static void a_stream_that_fails_is_an_error_that_says_why(void **state)
{
    for (int k = 0; k < 3; k++) {
        struct pieces pieces = {.fail_at = k};
        struct mer_table *table;
        mer_err err;
        assert_int_equal(take(*state, &pieces, &table, &err).code, MER_ERR_IO);
        assert_non_null(strstr(err.message, "the disk is gone"));
        assert_int_equal(pieces.n_released, k > 1 ? k - 1 : 0);
    }
}

static void a_table_that_cannot_be_is_released_and_refused(void **state)
{
    struct pieces pieces = {.fail_at = -1};
    struct ArrowArrayStream stream = {.private_data = &pieces};
    struct ArrowSchema schema;
    struct ArrowArray array;
    struct mer_table *table;
    mer_err err;
    assert_int_equal(give_schema(&stream, &schema), 0);
    assert_int_equal(give_piece(&stream, &array), 0);
    pieces.child.format = "+l";
    assert_int_equal(mer_table_from_arrow(*state, &schema, &array, false, &table, &err).code,
                     MER_ERR_DATA);
    assert_null(schema.release);
    assert_null(array.release);
    stream.release = NULL;
    assert_int_equal(mer_table_from_arrow_stream(*state, &stream, false, &table, &err).code,
                     MER_ERR_DATA);
}

static void an_imported_table_can_be_written_and_read(void **state)
{
    enum { N_ROWS = 60 };
    static double numbers[N_ROWS];
    struct pieces pieces = {.fail_at = -1};
    struct ArrowArrayStream stream = {.private_data = &pieces};
    struct ArrowSchema schema;
    struct ArrowArray array;
    struct mer_table *table;
    char path[] = "/tmp/merlon-arrow-XXXXXX";
    struct mer_table_written written;
    mer_err err;
    for (int i = 0; i < N_ROWS; i++)
        numbers[i] = i * 0.25;
    assert_int_equal(give_schema(&stream, &schema), 0);
    assert_int_equal(give_piece(&stream, &array), 0);
    pieces.child.format = "g";
    pieces.buffers[1] = numbers;
    pieces.values.length = array.length = N_ROWS;
    assert_ok(mer_table_from_arrow(*state, &schema, &array, false, &table, &err), &err);
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    const struct mer_table_write_options options = {
        .size = sizeof options, .format = "arrow", .replace = true};
    assert_ok(mer_table_write(table, path, &options, &written, &err), &err);
    assert_string_equal(written.format, "arrow");
    mer_table_free(table);
    assert_ok(mer_table_read(*state, path, NULL, &table, &err), &err);
    assert_string_equal(mer_table_format(table), "arrow");
    assert_int_equal(mer_table_rows(table), N_ROWS);
    mer_table_free(table);
    assert_int_equal(remove(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_table_goes_out_and_comes_back, note_used, compare_used),
        cmocka_unit_test_setup_teardown(a_stream_goes_out_and_comes_back, note_used, compare_used),
        cmocka_unit_test_setup_teardown(pieces_of_a_stream_become_one_table, note_used,
                                        compare_used),
        cmocka_unit_test_setup_teardown(a_stream_that_fails_is_an_error_that_says_why, note_used,
                                        compare_used),
        cmocka_unit_test_setup_teardown(a_table_that_cannot_be_is_released_and_refused, note_used,
                                        compare_used),
        cmocka_unit_test_setup_teardown(an_imported_table_can_be_written_and_read, note_used,
                                        compare_used),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
