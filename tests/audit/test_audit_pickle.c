/* Pickles: nothing that one imports or calls goes by, however it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "audit_folder.h"

static void every_hostile_pickle_is_found(void **state)
{
    (void)state;
    hostile_files_are_found("pickle");
}

static void pickles_of_plain_data_are_clean(void **state)
{
    static const char *const names[] = {"pickle", "joblib", "pytorch-legacy", NULL};
    (void)state;
    real_files_are_clean("pickle", names);
}

static void pickles_may_end_anywhere(void **state)
{
    (void)state;
    cut_files_are_read("pickle", 300);
}

/* An import behind `n` bytes that say nothing is still found. */
static void a_call_is_found_behind_any_padding(void **state)
{
    static unsigned char bytes[200000];
    static const char call[] = "cos\nsystem\n(S'echo'\ntR.";
    (void)state;
    size_t n = 0;
    memcpy(bytes, "\x80\x02", 2);
    for (n = 2; n + sizeof call < sizeof bytes; n += 2)
        memcpy(bytes + n, "N0", 2);
    memcpy(bytes + n, call, sizeof call - 1);
    const struct mer_audit_report *const report = audit_bytes(bytes, n + sizeof call - 1);
    assert_true(has_finding(report, "pickle-call", "os.system"));
}

static void more_findings_than_fit_are_counted_and_harm_is_kept(void **state)
{
    static char bytes[400000];
    (void)state;
    size_t n = (size_t)snprintf(bytes, sizeof bytes, "\x80\x02");
    for (int i = 0; i < 3000; i++)
        n += (size_t)snprintf(bytes + n, sizeof bytes - n, "cmodule%d\nname\n0", i);
    n += (size_t)snprintf(bytes + n, sizeof bytes - n, "N.");
    const struct mer_audit_report *const report = audit_bytes(bytes, n);
    assert_int_equal(report->n_findings, MER_AUDIT_FINDINGS_MAX);
    assert_true(report->n_left_out[MER_AUDIT_HARM] >= 3000 - MER_AUDIT_FINDINGS_MAX);
    assert_int_equal(mer_audit_worst(report), MER_AUDIT_HARM);
}

static void notes_cannot_crowd_out_harm(void **state)
{
    static char bytes[400000];
    (void)state;
    size_t n = (size_t)snprintf(bytes, sizeof bytes, "\x80\x02");
    for (int i = 0; i < 60; i++)
        n += (size_t)snprintf(bytes + n, sizeof bytes - n, "ctorch\nFloatStorage\n0");
    n += (size_t)snprintf(bytes + n, sizeof bytes - n, "cos\nsystem\n.");
    const struct mer_audit_report *const report = audit_bytes(bytes, n);
    assert_true(has_finding(report, "pickle-dangerous-import", "os.system"));
    for (size_t i = 0; i < report->n_findings; i++)
        if (report->findings[i].kind == MER_AUDIT_DATA_IMPORT)
            assert_int_equal(report->findings[i].count, 60);
}

static void work_is_bounded_and_then_said_to_be_undone(void **state)
{
    static unsigned char bytes[3 << 20];
    (void)state;
    /* Each instruction recalls from a memo whose keys were chosen to collide. */
    memcpy(bytes, "\x80\x02N", 3);
    size_t n = 3;
    for (uint32_t i = 0; n + 6 < sizeof bytes; i += 1 << 16, n += 5) {
        bytes[n] = 'r';
        memcpy(bytes + n + 1, &i, sizeof i);
    }
    bytes[n++] = '.';
    const struct mer_audit_report *const report = audit_bytes(bytes, n);
    assert_true(report->n_findings > 0);
}

static void names_are_shown_without_what_moves_a_terminal(void **state)
{
    static const char bytes[] = "\x80\x04\x8c\x05os\x1b[m\x8c\x06system\x93.";
    (void)state;
    const struct mer_audit_report *const report = audit_bytes(bytes, sizeof bytes - 1);
    assert_true(has_finding(report, "pickle-import", "os\\x1b[m.system"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_hostile_pickle_is_found),
        cmocka_unit_test(pickles_of_plain_data_are_clean),
        cmocka_unit_test(pickles_may_end_anywhere),
        cmocka_unit_test(a_call_is_found_behind_any_padding),
        cmocka_unit_test(more_findings_than_fit_are_counted_and_harm_is_kept),
        cmocka_unit_test(notes_cannot_crowd_out_harm),
        cmocka_unit_test(work_is_bounded_and_then_said_to_be_undone),
        cmocka_unit_test(names_are_shown_without_what_moves_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
