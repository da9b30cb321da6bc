/* Filters: what a rule allows, to the bit, and that everything else ends the process. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "in_child.h"
#include "os/seccomp.h"

/* getppid looks at no argument, so every test of one can be tried on it. */
struct attempt {
    struct mer_syscall_rule rule;
    long arguments[6];
};

static int install_and_try(const void *argument)
{
    const struct attempt *attempt = argument;
    const long *a = attempt->arguments;
    const struct mer_syscall_rule rules[] = {
        {SYS_exit_group, MER_ARGUMENT_ANY, 0, 0},
        attempt->rule,
    };
    if (!mer_is_ok(mer_seccomp_install(rules, 2, NULL)))
        return 1;
    (void)syscall(SYS_getppid, a[0], a[1], a[2], a[3], a[4], a[5]);
    return 0;
}

static bool is_allowed(struct attempt attempt)
{
    const int status = in_child(install_and_try, &attempt);
    if (ended_well(status))
        return true;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
    return false;
}

static void what_is_not_listed_ends_the_process(void **state)
{
    (void)state;
    assert_true(is_allowed((struct attempt){{SYS_getppid, MER_ARGUMENT_ANY, 0, 0}, {0}}));
    assert_false(is_allowed((struct attempt){{SYS_getpid, MER_ARGUMENT_ANY, 0, 0}, {0}}));
}

static void equals_compares_all_64_bits_of_any_argument(void **state)
{
    (void)state;
    const uint64_t values[] = {0, 7, 0xffffffff, 0x100000000, 0x8000000000000001};
    for (unsigned at = 0; at < 6; at++)
        for (size_t i = 0; i < 5; i++) {
            struct attempt attempt = {{SYS_getppid, MER_ARGUMENT_EQUALS, at, values[i]}, {0}};
            attempt.arguments[at] = (long)values[i];
            assert_true(is_allowed(attempt));
            attempt.arguments[at] ^= 1;
            assert_false(is_allowed(attempt));
            attempt.arguments[at] ^= 1 | (long)0x100000000;
            assert_false(is_allowed(attempt));
        }
}

static void lacks_looks_at_both_halves(void **state)
{
    (void)state;
    struct attempt attempt = {{SYS_getppid, MER_ARGUMENT_LACKS, 2, 0x400000004}, {0}};
    static const long free_of_it[] = {0, 1, 3, 0x300000003, -1 & ~0x400000004L};
    static const long with_it[] = {4, 0x400000000, 0x400000004, 5, -1};
    for (size_t i = 0; i < 5; i++) {
        attempt.arguments[2] = free_of_it[i];
        assert_true(is_allowed(attempt));
        attempt.arguments[2] = with_it[i];
        assert_false(is_allowed(attempt));
    }
}

static void below_has_an_end(void **state)
{
    (void)state;
    struct attempt attempt = {{SYS_getppid, MER_ARGUMENT_BELOW, 1, 10}, {0}};
    static const long low[] = {0, 1, 9};
    static const long high[] = {10, 11, 0x100000000, 0x100000001, -1};
    for (size_t i = 0; i < 3; i++) {
        attempt.arguments[1] = low[i];
        assert_true(is_allowed(attempt));
    }
    for (size_t i = 0; i < 5; i++) {
        attempt.arguments[1] = high[i];
        assert_false(is_allowed(attempt));
    }
}

static int stack_two(const void *argument)
{
    const struct mer_syscall_rule more[] = {
        {SYS_exit_group, MER_ARGUMENT_ANY, 0, 0}, {SYS_getppid, MER_ARGUMENT_EQUALS, 0, 1},
        {SYS_getppid, MER_ARGUMENT_EQUALS, 0, 2}, {SYS_seccomp, MER_ARGUMENT_ANY, 0, 0},
        {SYS_prctl, MER_ARGUMENT_ANY, 0, 0},
    };
    const long wanted = *(const long *)argument;
    if (!mer_is_ok(mer_seccomp_install(more, 5, NULL)))
        return 1;
    if (syscall(SYS_getppid, 1) < 0 || syscall(SYS_getppid, 2) < 0)
        return 2;
    /* The second one takes away what it does not list, and lists in vain what the first denies. */
    const struct mer_syscall_rule less[] = {
        {SYS_exit_group, MER_ARGUMENT_ANY, 0, 0},
        {SYS_getppid, MER_ARGUMENT_EQUALS, 0, 2},
        {SYS_getppid, MER_ARGUMENT_EQUALS, 0, 3},
    };
    if (!mer_is_ok(mer_seccomp_install(less, 3, NULL)))
        return 3;
    (void)syscall(SYS_getppid, wanted);
    return 0;
}

static void a_second_filter_can_only_take_away(void **state)
{
    (void)state;
    static const long numbers[] = {1, 2, 3};
    assert_true(WIFSIGNALED(in_child(stack_two, &numbers[0])));
    assert_true(ended_well(in_child(stack_two, &numbers[1])));
    assert_true(WIFSIGNALED(in_child(stack_two, &numbers[2])));
}

static int list_several_and_try(const void *argument)
{
    /* Of one number, and beside others of the same leaf. */
    const struct mer_syscall_rule rules[] = {
        {SYS_getppid, MER_ARGUMENT_EQUALS, 0, 1},
        {SYS_getppid, MER_ARGUMENT_LACKS, 1, ~(uint64_t)6},
        {SYS_getppid, MER_ARGUMENT_BELOW, 2, 3},
        {SYS_getpid, MER_ARGUMENT_EQUALS, 0, 1},
        {SYS_getuid, MER_ARGUMENT_ANY, 0, 0},
        {SYS_exit_group, MER_ARGUMENT_ANY, 0, 0},
    };
    const long *const a = argument;
    if (!mer_is_ok(mer_seccomp_install(rules, sizeof rules / sizeof rules[0], NULL)))
        return 1;
    (void)syscall(SYS_getuid);
    (void)syscall(a[0], a[1], a[2], a[3]);
    return 0;
}

static void several_rules_for_one_number_allow_what_any_of_them_allows(void **state)
{
    static const long allowed[][4] = {{SYS_getppid, 1, 8, 3}, {SYS_getppid, 0, 6, 3},
                                      {SYS_getppid, 0, 8, 2}, {SYS_getppid, 1, 6, 0},
                                      {SYS_getpid, 1, 8, 9},  {SYS_getuid, 0, 0, 0}};
    static const long denied[][4] = {{SYS_getppid, 0, 8, 3},
                                     {SYS_getppid, 0x100000001, 0x100000006, 0x100000000},
                                     {SYS_getpid, 0, 6, 2},
                                     {SYS_gettid, 1, 6, 2}};
    (void)state;
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        assert_true(ended_well(in_child(list_several_and_try, allowed[i])));
    for (size_t i = 0; i < sizeof denied / sizeof denied[0]; i++)
        assert_true(WIFSIGNALED(in_child(list_several_and_try, denied[i])));
}

/* Calls that do no harm, whatever is asked. */
static const int harmless[] = {SYS_getpid,  SYS_getuid,  SYS_getgid,  SYS_geteuid,
                               SYS_getegid, SYS_getppid, SYS_getpgrp, SYS_sched_yield,
                               SYS_umask,   SYS_gettid,  SYS_alarm,   SYS_getpgid,
                               SYS_getsid,  SYS_dup,     SYS_access,  SYS_times};
enum { N_HARMLESS = sizeof harmless / sizeof harmless[0] };

struct choice {
    unsigned listed; /* bits of harmless[] */
    size_t tried;
};

static int list_and_try(const void *argument)
{
    const struct choice *const choice = argument;
    struct mer_syscall_rule rules[2 * N_HARMLESS + 1] = {{SYS_exit_group, MER_ARGUMENT_ANY, 0, 0}};
    size_t n = 1;
    /* In no order, and twice. */
    for (size_t i = 0; i < 2 * N_HARMLESS; i++)
        if (choice->listed >> (i * 7 % N_HARMLESS) & 1)
            rules[n++] =
                (struct mer_syscall_rule){harmless[i * 7 % N_HARMLESS], MER_ARGUMENT_ANY, 0, 0};
    if (!mer_is_ok(mer_seccomp_install(rules, n, NULL)))
        return 1;
    (void)syscall(harmless[choice->tried], -1, 0, 0);
    return 0;
}

static void of_many_rules_each_allows_its_number_and_no_other(void **state)
{
    static const unsigned listed[] = {0xffff, 0x5555, 0xaaaa, 0x00ff, 0x8001, 0x0000, 0x7a3c};
    (void)state;
    for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++)
        for (size_t k = 0; k < N_HARMLESS; k++) {
            const struct choice choice = {listed[i], k};
            const int status = in_child(list_and_try, &choice);
            if (listed[i] >> k & 1)
                assert_true(ended_well(status));
            else
                assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
        }
}

static void a_table_that_is_none_is_refused(void **state)
{
    (void)state;
    static struct mer_syscall_rule many[MER_SECCOMP_RULES_MAX + 1];
    const struct mer_syscall_rule bad[] = {
        {SYS_read, MER_ARGUMENT_EQUALS, 6, 0},
        {SYS_read, MER_ARGUMENT_BELOW, 0, (uint64_t)1 << 32},
    };
    assert_int_equal(mer_seccomp_install(many, MER_SECCOMP_RULES_MAX + 1, NULL).code,
                     MER_ERR_INTERNAL);
    assert_int_equal(mer_seccomp_install(&bad[0], 1, NULL).code, MER_ERR_INTERNAL);
    assert_int_equal(mer_seccomp_install(&bad[1], 1, NULL).code, MER_ERR_INTERNAL);
    assert_true(mer_seccomp_available());
}

int main(void)
{
    if (!mer_seccomp_available()) {
        print_message("skipped: this kernel has no system-call filters\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_listed_ends_the_process),
        cmocka_unit_test(equals_compares_all_64_bits_of_any_argument),
        cmocka_unit_test(lacks_looks_at_both_halves),
        cmocka_unit_test(below_has_an_end),
        cmocka_unit_test(a_second_filter_can_only_take_away),
        cmocka_unit_test(several_rules_for_one_number_allow_what_any_of_them_allows),
        cmocka_unit_test(of_many_rules_each_allows_its_number_and_no_other),
        cmocka_unit_test(a_table_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
