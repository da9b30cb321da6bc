#include "core/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "every_failure.h"

struct output {
    struct mer_alloc alloc;
    struct mer_buf buf;
    struct mer_json_writer writer;
    mer_err err;
};

static struct mer_json_writer *begin(struct output *output, unsigned indent)
{
    mer_alloc_init(&output->alloc, SIZE_MAX);
    mer_buf_init(&output->buf, &output->alloc, 1 << 20);
    mer_json_writer_init(&output->writer, &output->buf, indent, &output->err);
    return &output->writer;
}

static void assert_written(struct output *output, const char *expected)
{
    const char *text = NULL;
    assert_int_equal(mer_json_writer_end(&output->writer).code, MER_OK);
    assert_int_equal(mer_buf_cstr(&output->buf, &text, NULL).code, MER_OK);
    assert_string_equal(text, expected);
    mer_buf_release(&output->buf);
}

static void assert_fails(struct output *output, enum mer_code code)
{
    assert_int_equal(mer_json_writer_end(&output->writer).code, code);
    assert_int_equal(output->err.code, code);
    mer_buf_release(&output->buf);
}

static void write_everything(struct mer_json_writer *writer)
{
    mer_json_begin_object(writer);
    mer_json_key(writer, "b");
    mer_json_begin_array(writer);
    mer_json_put_integer(writer, INT64_MIN);
    mer_json_put_unsigned(writer, UINT64_MAX);
    mer_json_put_number(writer, 0.1);
    mer_json_put_number(writer, 3.0);
    mer_json_put_number(writer, -0.0);
    mer_json_put_number(writer, 1e300);
    mer_json_end_array(writer);
    mer_json_key(writer, "a");
    mer_json_begin_object(writer);
    mer_json_end_object(writer);
    mer_json_key(writer, "t");
    mer_json_put_boolean(writer, true);
    mer_json_key(writer, "f");
    mer_json_put_boolean(writer, false);
    mer_json_key(writer, "n");
    mer_json_put_null(writer);
    mer_json_key(writer, "e");
    mer_json_begin_array(writer);
    mer_json_end_array(writer);
    mer_json_end_object(writer);
}

static void the_canonical_form_has_no_white_space(void **state)
{
    (void)state;
    struct output output;
    write_everything(begin(&output, 0));
    assert_written(&output, "{\"b\":[-9223372036854775808,18446744073709551615,0.1,3,-0.0,1e+300],"
                            "\"a\":{},\"t\":true,\"f\":false,\"n\":null,\"e\":[]}");
}

static void the_indented_form_breaks_lines(void **state)
{
    (void)state;
    struct output output;
    struct mer_json_writer *writer = begin(&output, 2);
    mer_json_begin_object(writer);
    mer_json_key(writer, "a");
    mer_json_begin_array(writer);
    mer_json_put_integer(writer, 1);
    mer_json_put_integer(writer, 2);
    mer_json_end_array(writer);
    mer_json_key(writer, "b");
    mer_json_begin_object(writer);
    mer_json_end_object(writer);
    mer_json_end_object(writer);
    assert_written(&output, "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}");
}

static void strings_are_escaped_and_only_where_they_must(void **state)
{
    (void)state;
    struct output output;
    mer_json_put_string_n(begin(&output, 0), "q\" b\\ /\b\f\n\r\t\x01\x1f\0\x7f\xc3\xbc", 18);
    assert_written(&output, "\"q\\\" b\\\\ /\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000\x7f\xc3\xbc\"");
}

static void what_json_cannot_hold_is_refused(void **state)
{
    (void)state;
    struct output output;
    mer_json_put_number(begin(&output, 0), (double)NAN);
    assert_fails(&output, MER_ERR_INTERNAL);
    mer_json_put_number(begin(&output, 0), -HUGE_VAL);
    assert_fails(&output, MER_ERR_INTERNAL);
    mer_json_put_string(begin(&output, 0), "\xc3(");
    assert_fails(&output, MER_ERR_DATA);
}

static void misuse_is_noticed(void **state)
{
    (void)state;
    struct output output;
    (void)begin(&output, 0); /* nothing at all */
    assert_fails(&output, MER_ERR_INTERNAL);

    mer_json_begin_array(begin(&output, 0)); /* not closed */
    assert_fails(&output, MER_ERR_INTERNAL);

    mer_json_begin_object(begin(&output, 0)); /* closed as something else */
    mer_json_end_array(&output.writer);
    assert_fails(&output, MER_ERR_INTERNAL);

    mer_json_end_object(begin(&output, 0)); /* never opened */
    assert_fails(&output, MER_ERR_INTERNAL);

    mer_json_begin_object(begin(&output, 0)); /* a member without a key */
    mer_json_put_null(&output.writer);
    mer_json_end_object(&output.writer);
    assert_fails(&output, MER_ERR_INTERNAL);

    mer_json_begin_object(begin(&output, 0)); /* a key without a value */
    mer_json_key(&output.writer, "a");
    mer_json_end_object(&output.writer);
    assert_fails(&output, MER_ERR_INTERNAL);

    mer_json_begin_array(begin(&output, 0)); /* a key in an array */
    mer_json_key(&output.writer, "a");
    mer_json_end_array(&output.writer);
    assert_fails(&output, MER_ERR_INTERNAL);

    mer_json_put_null(begin(&output, 0)); /* two documents */
    mer_json_put_null(&output.writer);
    assert_fails(&output, MER_ERR_INTERNAL);
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    struct output output;
    struct mer_json_writer *writer = begin(&output, 0);
    for (int i = 0; i < 120; i++)
        mer_json_begin_array(writer);
    for (int i = 0; i < 120; i++)
        mer_json_end_array(writer);
    assert_int_equal(mer_json_writer_end(writer).code, MER_OK);
    mer_buf_release(&output.buf);
    writer = begin(&output, 0);
    for (int i = 0; i < 121; i++)
        mer_json_begin_array(writer);
    assert_fails(&output, MER_ERR_INTERNAL);
}

static void a_full_buffer_is_reported_at_the_end(void **state)
{
    (void)state;
    struct output output;
    struct mer_json_writer *writer = begin(&output, 0);
    output.buf.max = 10;
    mer_json_put_string(writer, "more than ten bytes");
    assert_fails(&output, MER_ERR_MEMORY);
}

static void what_is_written_reads_back_the_same(void **state)
{
    (void)state;
    static const double numbers[] = {0.1, 1.0 / 3.0, 5e-324, 1.7976931348623157e308, -2.5, 1e16};
    struct output output;
    struct mer_json_document *document = NULL;
    struct mer_json_writer *writer = begin(&output, 0);
    mer_json_begin_array(writer);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        mer_json_put_number(writer, numbers[i]);
    mer_json_end_array(writer);
    assert_int_equal(mer_json_writer_end(writer).code, MER_OK);
    assert_int_equal(mer_json_parse(&output.alloc, (const char *)output.buf.bytes, output.buf.n,
                                    &MER_JSON_DEFAULT_LIMITS, "text", &document, NULL)
                         .code,
                     MER_OK);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        double value = 0.0;
        assert_true(mer_json_number(mer_json_at(mer_json_root(document), i), &value));
        assert_true(value == numbers[i]);
    }
    mer_json_free(document);
    mer_buf_release(&output.buf);
}

static mer_status write_scenario(struct mer_alloc *alloc, mer_err *err)
{
    struct mer_buf buf;
    struct mer_json_writer writer;
    mer_buf_init(&buf, alloc, SIZE_MAX);
    mer_json_writer_init(&writer, &buf, 2, err);
    mer_json_begin_array(&writer);
    for (int i = 0; i < 100; i++)
        write_everything(&writer);
    mer_json_end_array(&writer);
    const mer_status status = mer_json_writer_end(&writer);
    mer_buf_release(&buf);
    return status;
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    mer_test_every_failure(write_scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_canonical_form_has_no_white_space),
        cmocka_unit_test(the_indented_form_breaks_lines),
        cmocka_unit_test(strings_are_escaped_and_only_where_they_must),
        cmocka_unit_test(what_json_cannot_hold_is_refused),
        cmocka_unit_test(misuse_is_noticed),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(a_full_buffer_is_reported_at_the_end),
        cmocka_unit_test(what_is_written_reads_back_the_same),
        cmocka_unit_test(every_failing_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
