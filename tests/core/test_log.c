#include "core/log.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/json.h"
#include "core/utf8.h"
#include "every_failure.h"

static struct mer_alloc alloc = {.budget = SIZE_MAX};

struct capture {
    char text[20000];
    size_t n;
    size_t n_lines;
};

static void take_line(void *self, const char *line, size_t n)
{
    struct capture *capture = self;
    assert_true(n > 0 && line[n - 1] == '\n');
    assert_null(memchr(line, '\n', n - 1));
    assert_true(n <= MER_LOG_LINE_MAX);
    if (capture->n + n < sizeof capture->text) {
        memcpy(capture->text + capture->n, line, n);
        capture->n += n;
        capture->text[capture->n] = '\0';
    }
    capture->n_lines++;
}

static uint64_t fixed_time(void *self)
{
    (void)self;
    return 1795378500123456789u; /* 2026-11-22T20:15:00 and a bit */
}

static const struct mer_clock FIXED_CLOCK = {.now_ns = fixed_time};

static struct mer_log *new_log(struct capture *capture, enum mer_log_format format,
                               enum mer_log_level level, struct mer_log_options options)
{
    struct mer_log *log = NULL;
    *capture = (struct capture){.n = 0};
    assert_int_equal(mer_log_new(&alloc, &options, &log, NULL).code, MER_OK);
    const struct mer_log_sink sink = {
        .level = level, .format = format, .write = take_line, .self = capture};
    assert_int_equal(mer_log_add_sink(log, &sink, NULL).code, MER_OK);
    return log;
}

static void a_text_line_has_time_level_room_and_message(void **state)
{
    (void)state;
    struct capture capture;
    struct mer_log *log = new_log(&capture, MER_LOG_TEXT, MER_LOG_INFO,
                                  (struct mer_log_options){.wall_clock = &FIXED_CLOCK});
    mer_log_write(log, MER_LOG_INFO, "frame", "%d rows", 5);
    mer_log_write(log, MER_LOG_DEBUG, "frame", "hidden");
    assert_string_equal(capture.text, "2026-11-22T20:15:00Z info frame: 5 rows\n");
    mer_log_free(log);
    log = new_log(&capture, MER_LOG_TEXT, MER_LOG_TRACE, (struct mer_log_options){0});
    mer_log_write(log, MER_LOG_ERROR, "os", "x");
    mer_log_write(log, MER_LOG_TRACE, "os", "y");
    assert_string_equal(capture.text, "error os: x\ntrace os: y\n");
    mer_log_free(log);
    assert_int_equal(alloc.used, 0);
}

static void a_json_line_is_a_json_object(void **state)
{
    (void)state;
    struct capture capture;
    struct mer_json_document *document = NULL;
    const char *text = NULL;
    struct mer_log *log = new_log(&capture, MER_LOG_JSON, MER_LOG_INFO,
                                  (struct mer_log_options){.wall_clock = &FIXED_CLOCK});
    mer_log_write(log, MER_LOG_WARNING, "frame", "say \"%s\" \\ \x01 \xff", "hi");
    assert_int_equal(mer_json_parse(&alloc, capture.text, capture.n, &MER_JSON_DEFAULT_LIMITS,
                                    "line", &document, NULL)
                         .code,
                     MER_OK);
    const struct mer_json *root = mer_json_root(document);
    assert_int_equal(mer_json_want_string(root, "time", "line", &text, NULL).code, MER_OK);
    assert_string_equal(text, "2026-11-22T20:15:00Z");
    assert_int_equal(mer_json_want_string(root, "level", "line", &text, NULL).code, MER_OK);
    assert_string_equal(text, "warning");
    assert_int_equal(mer_json_want_string(root, "room", "line", &text, NULL).code, MER_OK);
    assert_string_equal(text, "frame");
    assert_int_equal(mer_json_want_string(root, "message", "line", &text, NULL).code, MER_OK);
    assert_string_equal(text, "say \"hi\" \\ \\x01 \\xff");
    mer_json_free(document);
    mer_log_free(log);
}

static void nothing_in_a_message_can_forge_a_line(void **state)
{
    (void)state;
    struct capture capture;
    struct mer_log *log =
        new_log(&capture, MER_LOG_TEXT, MER_LOG_INFO, (struct mer_log_options){0});
    mer_log_write(log, MER_LOG_INFO, "a\nb",
                  "one\ntwo\r\x1b[2J\xe2\x80\xa8\xe2\x80\xae\xc2\x85\xff");
    assert_string_equal(capture.text,
                        "info a\\x0ab: one\\x0atwo\\x0d\\x1b[2J\\xe2\\x80\\xa8\\xe2\\x80\\xae"
                        "\\xc2\\x85\\xff\n");
    mer_log_free(log);
}

static void long_messages_are_cut_to_a_line_and_say_so(void **state)
{
    (void)state;
    for (int format = MER_LOG_TEXT; format <= MER_LOG_JSON; format++) {
        for (int c = 1; c < 256; c += 3) {
            struct capture capture;
            char message[5000];
            memset(message, c, sizeof message - 1);
            message[sizeof message - 1] = '\0';
            struct mer_log *log = new_log(&capture, (enum mer_log_format)format, MER_LOG_INFO,
                                          (struct mer_log_options){0});
            mer_log_write(log, MER_LOG_INFO, "x", "%s", message);
            assert_true(capture.n <= MER_LOG_LINE_MAX);
            assert_non_null(strstr(capture.text, "..."));
            assert_true(mer_utf8_valid(capture.text, capture.n));
            mer_log_free(log);
        }
    }
}

static void each_sink_has_its_level_and_their_number_is_limited(void **state)
{
    (void)state;
    struct capture first;
    struct capture second = {.n = 0};
    struct mer_log *log = new_log(&first, MER_LOG_TEXT, MER_LOG_ERROR, (struct mer_log_options){0});
    const struct mer_log_sink sink = {
        .level = MER_LOG_DEBUG, .format = MER_LOG_TEXT, .write = take_line, .self = &second};
    assert_false(mer_log_enabled(log, MER_LOG_DEBUG));
    assert_int_equal(mer_log_add_sink(log, &sink, NULL).code, MER_OK);
    assert_true(mer_log_enabled(log, MER_LOG_DEBUG));
    assert_false(mer_log_enabled(log, MER_LOG_TRACE));
    const struct mer_ctx ctx = {.log = log};
    mer_log_debug(&ctx, "a", "one");
    mer_log_error(&ctx, "a", "two");
    assert_string_equal(first.text, "error a: two\n");
    assert_string_equal(second.text, "debug a: one\nerror a: two\n");
    for (int i = 2; i < MER_LOG_SINKS_MAX; i++)
        assert_int_equal(mer_log_add_sink(log, &sink, NULL).code, MER_OK);
    assert_int_equal(mer_log_add_sink(log, &sink, NULL).code, MER_ERR_INTERNAL);
    mer_log_free(log);
}

static void no_log_is_fine(void **state)
{
    (void)state;
    const struct mer_ctx ctx = {0};
    mer_log_error(&ctx, "a", "%s", "nothing");
    mer_log_write(NULL, MER_LOG_ERROR, "a", "nothing");
    assert_false(mer_log_enabled(NULL, MER_LOG_ERROR));
    mer_log_free(NULL);
}

static void record_values_are_redacted_unless_asked_for(void **state)
{
    (void)state;
    struct capture capture;
    const struct mer_cell cell = {.bytes = "canary\n42", .n = 9};
    struct mer_log *log =
        new_log(&capture, MER_LOG_TEXT, MER_LOG_ERROR, (struct mer_log_options){0});
    assert_string_equal(mer_log_show(NULL, cell).text, "\u2039redacted\u203a");
    assert_string_equal(mer_log_show(log, cell).text, "\u2039redacted\u203a");
    assert_string_equal(capture.text, "");
    mer_log_free(log);

    log =
        new_log(&capture, MER_LOG_TEXT, MER_LOG_ERROR, (struct mer_log_options){.show_data = true});
    assert_string_equal(mer_log_show(log, cell).text, "'canary\\x0a42'");
    /* The first line says so, at whatever level. */
    assert_string_equal(capture.text,
                        "warning log: record values are shown in this log (show_data)\n");
    mer_log_free(log);
}

static void *write_lines(void *log)
{
    for (int i = 0; i < 500; i++)
        mer_log_write(log, MER_LOG_INFO, "thread", "line %d", i);
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    enum { N_THREADS = 4 };
    static struct capture capture;
    pthread_t threads[N_THREADS];
    struct mer_log *log =
        new_log(&capture, MER_LOG_JSON, MER_LOG_INFO, (struct mer_log_options){0});
    for (size_t i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, log), 0);
    for (size_t i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(capture.n_lines, N_THREADS * 500);
    mer_log_free(log);
}

static void times_are_utc_in_any_year(void **state)
{
    (void)state;
    char text[24];
    mer_log_format_utc(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    mer_log_format_utc(951782399999999999u, text);
    assert_string_equal(text, "2000-02-28T23:59:59Z");
    mer_log_format_utc(UINT64_MAX, text);
    assert_string_equal(text, "2554-07-21T23:34:33Z");
}

static mer_status make_a_log(struct mer_alloc *test_alloc, mer_err *err)
{
    struct mer_log *log = NULL;
    const struct mer_log_options options = {0};
    const mer_status status = mer_log_new(test_alloc, &options, &log, err);
    mer_log_free(log);
    return status;
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    mer_test_every_failure(make_a_log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_line_has_time_level_room_and_message),
        cmocka_unit_test(a_json_line_is_a_json_object),
        cmocka_unit_test(nothing_in_a_message_can_forge_a_line),
        cmocka_unit_test(long_messages_are_cut_to_a_line_and_say_so),
        cmocka_unit_test(each_sink_has_its_level_and_their_number_is_limited),
        cmocka_unit_test(no_log_is_fine),
        cmocka_unit_test(record_values_are_redacted_unless_asked_for),
        cmocka_unit_test(lines_of_threads_do_not_mix),
        cmocka_unit_test(times_are_utc_in_any_year),
        cmocka_unit_test(every_failing_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
