/* Filled paragraphs, the progress line, numbers for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/progress.h"
#include "cli/session.h"
#include "cli/text.h"

static void assert_wrapped(const char *text, unsigned indent, unsigned at, unsigned columns,
                           const char *expected)
{
    struct mer_alloc alloc;
    struct mer_buf buf;
    const char *shown;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_buf_init(&buf, &alloc, SIZE_MAX);
    assert_int_equal(mer_cli_wrap(&buf, text, indent, at, columns, NULL).code, MER_OK);
    assert_int_equal(mer_buf_cstr(&buf, &shown, NULL).code, MER_OK);
    assert_string_equal(shown, expected);
    mer_buf_release(&buf);
}

static void paragraphs_are_filled_to_the_width(void **state)
{
    (void)state;
    assert_wrapped("one two three", 0, 0, 7, "one two\nthree\n");
    assert_wrapped("one two three", 2, 0, 9, "  one two\n  three\n");
    assert_wrapped("one two", 4, 2, 20, "  one two\n");
    assert_wrapped("a\n\nb", 0, 0, 20, "a\n\nb\n");
    assert_wrapped("", 2, 0, 20, "\n");
    assert_wrapped("unbreakably-long short", 0, 0, 8, "unbreakably-long\nshort\n");
}

static void the_progress_line_has_share_rate_and_remaining_time(void **state)
{
    (void)state;
    char line[200];
    mer_cli_progress_line("reading", 25000000, 100000000, 2.5, 120, line, sizeof line);
    assert_string_equal(line, "reading [######..................]  25%  10 M/s  remaining 8 s");
    mer_cli_progress_line("search", 1, 2, 600, 120, line, sizeof line);
    assert_non_null(strstr(line, "remaining 10 min 00 s"));
    mer_cli_progress_line("search", 0, 10, 0, 120, line, sizeof line);
    assert_string_equal(line, "search [........................]   0%");
    mer_cli_progress_line("search", 30, 10, 1, 120, line, sizeof line);
    assert_non_null(strstr(line, "100%"));
    mer_cli_progress_line("reading", 25000000, 100000000, 2.5, 20, line, sizeof line);
    assert_int_equal(strlen(line), 19);
    mer_cli_progress_line("reading", 3, 0, 1, 120, line, sizeof line);
    assert_non_null(strstr(line, "0%"));
}

/* Who reports may have the phase's name in a buffer of its own. */
static void the_progress_remembers_a_phase_by_its_name(void **state)
{
    (void)state;
    struct mer_cli_progress progress;
    char phase[] = "reading";
    mer_cli_progress_init(&progress, true);
    progress.enabled = true; /* whatever standard error is */
    mer_cli_progress_report(&progress, phase, 0, 10);
    const uint64_t start_ns = progress.phase_start_ns;
    memset(phase, 'x', sizeof phase - 1);
    mer_cli_progress_report(&progress, "reading", 1, 10);
    assert_true(progress.phase_start_ns == start_ns);
    mer_cli_progress_report(&progress, phase, 1, 10);
    assert_true(progress.phase_start_ns > start_ns);
}

static void numbers_are_short(void **state)
{
    (void)state;
    assert_string_equal(mer_cli_show_bytes(999).text, "999 bytes");
    assert_string_equal(mer_cli_show_bytes(12345).text, "12.3 kB");
    assert_string_equal(mer_cli_show_seconds(0.0123).text, "12.3 ms");
    assert_string_equal(mer_cli_show_seconds(12.3).text, "12.30 s");
    assert_string_equal(mer_cli_show_score(0.123456).text, "0.12346");
    assert_string_equal(mer_cli_show_score(0.0 / 0.0).text, "undefined");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paragraphs_are_filled_to_the_width),
        cmocka_unit_test(the_progress_line_has_share_rate_and_remaining_time),
        cmocka_unit_test(the_progress_remembers_a_phase_by_its_name),
        cmocka_unit_test(numbers_are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
