/* Audits in cells: a file that ends its reader is a finding, and so is a cell that lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit/audit_format.h"
#include "cell/audit_client.h"
#include "lies.h"
#include "os/memory_file.h"

static struct mer_audit_report report;

static mer_status audit_with(const char *program, const void *bytes, size_t n, unsigned seconds)
{
    struct mer_alloc alloc;
    int fd;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    const struct mer_cell_settings settings = {.program = program, .max_seconds = seconds};
    assert_true(mer_is_ok(mer_memory_file_of("audited", bytes, n, &fd, NULL)));
    memset(&report, 0xee, sizeof report);
    const mer_status status =
        mer_cell_audit_file(&ctx, &settings, (struct mer_cell_input){fd, n}, &report, NULL);
    (void)close(fd);
    assert_int_equal(alloc.used, 0);
    return status;
}

static const char CELL[] = MER_BINARY_DIR "/merlon-cell";
static const char LIAR[] = MER_BINARY_DIR "/tests/cell/lying_audit";

static void a_cell_tells_what_a_pickle_calls(void **state)
{
    static const char bytes[] = "cos\nsystem\n(S'echo'\ntR.";
    (void)state;
    assert_true(mer_is_ok(audit_with(CELL, bytes, sizeof bytes - 1, 0)));
    assert_int_equal(report.format, MER_AUDIT_FORMAT_PICKLE);
    assert_int_equal(mer_audit_worst(&report), MER_AUDIT_HARM);
}

static void nothing_at_all_is_audited_too(void **state)
{
    (void)state;
    assert_true(mer_is_ok(audit_with(CELL, "", 0, 0)));
    assert_int_equal(report.format, MER_AUDIT_FORMAT_EMPTY);
    assert_int_equal(mer_audit_worst(&report), MER_AUDIT_NOTE);
}

/* A report that keeps to its form is taken: the liar itself works. */
static void a_sound_report_is_taken(void **state)
{
    const struct lie lie = {"nothing", 0};
    (void)state;
    assert_true(mer_is_ok(audit_with(LIAR, &lie, sizeof lie, 5)));
    assert_int_equal(report.format, 2);
    assert_int_equal(mer_audit_worst(&report), MER_AUDIT_NOTE);
}

static void every_lie_becomes_a_doubt(void **state)
{
    static const char *const lies[] = {
        "format",
        "kind",
        "no count",
        "text without end",
        "place without end",
        "escape in text",
        "newline in text",
        "direction in text",
        "no utf-8",
        "too long",
        "short",
        "more findings than sent",
        "output too",
        "failure",
        "trust",
        "findings without end",
        "dies",
        "bad end",
        "does not end",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct lie lie = {.number = 0};
        strncpy(lie.name, lies[i], sizeof lie.name - 1);
        if (!mer_is_ok(audit_with(LIAR, &lie, sizeof lie, 5)) || report.n_findings != 1 ||
            report.findings[0].kind != MER_AUDIT_CELL || report.format != MER_AUDIT_N_FORMATS)
            fail_msg("%s", lies[i]);
        assert_int_equal(mer_audit_worst(&report), MER_AUDIT_DOUBT);
    }
}

static void without_a_cell_there_is_no_audit(void **state)
{
    (void)state;
    assert_int_equal(audit_with("/nonexistent/merlon-cell", "x", 1, 5).code, MER_ERR_ABSENT);
}

/* A large file is mapped as it is; somebody cuts it: the cell ends, the parent says so. */
static void a_file_that_is_cut_meanwhile_ends_the_cell_alone(void **state)
{
    enum { N = 1 << 20 };
    struct mer_alloc alloc;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    const struct mer_cell_settings settings = {.program = CELL, .max_seconds = 10};
    const int fd = memfd_create("cut", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 4096), 0);
    assert_true(mer_is_ok(
        mer_cell_audit_file(&ctx, &settings, (struct mer_cell_input){fd, N}, &report, NULL)));
    assert_int_equal(report.n_findings, 1);
    assert_int_equal(report.findings[0].kind, MER_AUDIT_CELL);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cell_tells_what_a_pickle_calls),
        cmocka_unit_test(nothing_at_all_is_audited_too),
        cmocka_unit_test(a_sound_report_is_taken),
        cmocka_unit_test(every_lie_becomes_a_doubt),
        cmocka_unit_test(without_a_cell_there_is_no_audit),
        cmocka_unit_test(a_file_that_is_cut_meanwhile_ends_the_cell_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
