/* A cell whose parser was taken over tries every hostile system call in three ways; each is its
 * end. A twin of it without the confinement gets every call back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "cell/client.h"
#include "os/memory_file.h"
#include "probes.h"

static const char *const CONFINED = MER_BINARY_DIR "/merlon-cell-hijacked";
static const char *const TWIN = MER_BINARY_DIR "/merlon-cell-unconfined";

/* True when the cell was ended for it; false when the call came back, with its result. */
static bool is_ended(const char *program, const struct probe *probe, long *ret_result)
{
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, (size_t)1 << 30);
    const struct mer_ctx ctx = {.alloc = &alloc};
    const struct mer_cell_settings settings = {.program = program};
    const struct mer_csv_options options = {0};
    struct mer_frame frame;
    mer_err err;
    int input;

    assert_int_equal(mer_memory_file_of("probe", probe, sizeof *probe, &input, &err).code, MER_OK);
    const struct mer_cell_csv what = {
        .table = {input, sizeof *probe}, .schema = {.fd = -1}, .options = &options};
    struct mer_csv_report report;
    bool schema_failed;
    const mer_status status =
        mer_cell_read_csv(&ctx, &settings, &what, &frame, &report, NULL, &schema_failed, &err);
    (void)close(input);
    assert_int_equal(status.code, MER_ERR_DATA);
    assert_int_equal(alloc.used, 0);
    if (sscanf(err.message, "came back with %ld", ret_result) == 1)
        return false;
    if (!strstr(err.message, "something forbidden"))
        fail_msg("%s", err.message);
    return true;
}

static int number_of(size_t i, enum probe_way way)
{
    return way == PROBE_INT80 ? probe_numbers_32[i] : probe_numbers_64[i];
}

static struct probe harmless(size_t i, enum probe_way way)
{
    return (struct probe){
        .way = way, .number = number_of(i, way), .arguments = {-1, -1, -1, -1, -1, -1}};
}

static void every_hostile_call_is_the_end_of_a_cell(void **state)
{
    (void)state;
    for (enum probe_way way = 0; way < PROBE_WAYS; way++)
        for (size_t i = 0; i < n_probes; i++) {
            const struct probe probe = harmless(i, way);
            long result;
            if (!is_ended(CONFINED, &probe, &result))
                fail_msg("%s, way %d: came back with %ld", probe_names[i], way, result);
        }
    assert_true(n_probes >= 60);
}

/* Calls that would end or stop the twin itself, or that only a confined cell should be asked. */
static bool is_for_cells_only(const char *name)
{
    static const char *const names[] = {"fork", "vfork"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void without_the_confinement_every_call_comes_back(void **state)
{
    (void)state;
    for (enum probe_way way = 0; way < PROBE_WAYS; way++)
        for (size_t i = 0; i < n_probes; i++) {
            const struct probe probe = harmless(i, way);
            long result;
            if (!is_for_cells_only(probe_names[i]) && is_ended(TWIN, &probe, &result))
                fail_msg("%s, way %d: the twin was ended", probe_names[i], way);
        }
}

struct case_of {
    const char *what;
    int number;
    int64_t arguments[6];
    bool works; /* in the twin: the result is no error */
};

/* Calls that are allowed in some form, in forms that are not. */
static const struct case_of forms[] = {
    {"executable memory",
     9,
     {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0},
     true},
    {"writable and executable memory", 9, {0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}, true},
    {"making memory executable", 10, {0, 0, PROT_READ | PROT_EXEC, 0, 0, 0}, true},
    {"reading the input in the compute phase", 0, {1, 0, 0, 0, 0, 0}, true},
    {"writing to the output by write", 1, {2, 0, 0, 0, 0, 0}, true},
    {"cutting the input", 77, {1, 0, 0, 0, 0, 0}, false},
    {"an argument whose high half differs", 0, {(int64_t)1 << 32, 0, 0, 0, 0, 0}, false},
};

static void allowed_calls_are_refused_in_hostile_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct probe probe = {.way = PROBE_SYSCALL, .number = forms[i].number};
        long result;
        memcpy(probe.arguments, forms[i].arguments, sizeof probe.arguments);
        if (!is_ended(CONFINED, &probe, &result))
            fail_msg("%s came back with %ld", forms[i].what, result);
        if (is_ended(TWIN, &probe, &result))
            fail_msg("%s: the twin was ended", forms[i].what);
        if (forms[i].works && result < 0 && result > -4096)
            fail_msg("%s does not work in the twin: %ld", forms[i].what, result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_hostile_call_is_the_end_of_a_cell),
        cmocka_unit_test(without_the_confinement_every_call_comes_back),
        cmocka_unit_test(allowed_calls_are_refused_in_hostile_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
