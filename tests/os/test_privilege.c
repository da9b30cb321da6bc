/* Privileges given up for good, and another user's rights taken for good. */
#include <errno.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "in_child.h"
#include "os/privilege.h"
#include "os/user.h"

/* Whether /proc/self/status has that line. */
static bool status_says(const char *line)
{
    char text[256];
    bool found = false;
    FILE *const file = fopen("/proc/self/status", "r");
    if (!file)
        return false;
    while (fgets(text, sizeof text, file))
        found |= strncmp(text, line, strlen(line)) == 0;
    (void)fclose(file);
    return found;
}

static bool has_no_capability(void)
{
    return status_says("CapInh:\t0000000000000000") && status_says("CapPrm:\t0000000000000000") &&
           status_says("CapEff:\t0000000000000000") && status_says("CapAmb:\t0000000000000000");
}

static int give_up(const void *argument)
{
    const bool was_root = geteuid() == 0;
    struct rlimit limit;
    (void)argument;
    if (!mer_is_ok(mer_privilege_give_up(NULL)) || !mer_is_ok(mer_privilege_start_nothing(NULL)))
        return 1;
    /* Not dumpable, so its own /proc files are root's; those of status can be read all the same. */
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 2;
    if (!has_no_capability() || (was_root && !status_says("CapBnd:\t0000000000000000")))
        return 3;
    if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max != 0)
        return 4;
    return getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_max == 0 ? 0 : 5;
}

static void nothing_is_left_and_nothing_comes_back(void **state)
{
    (void)state;
    assert_true(ended_well(in_child(give_up, NULL)));
}

static int become_nobody(const void *argument)
{
    const struct passwd *const nobody = argument;
    uid_t real, effective, saved;
    if (!mer_is_ok(mer_user_become("nobody", NULL)) || mer_user_is_root())
        return 1;
    if (getresuid(&real, &effective, &saved) != 0 || real != nobody->pw_uid ||
        effective != nobody->pw_uid || saved != nobody->pw_uid || getegid() != nobody->pw_gid)
        return 2;
    if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0)
        return 3;
    if (!has_no_capability() || !status_says("CapBnd:\t0000000000000000"))
        return 4;
    if (strcmp(getenv("HOME"), nobody->pw_dir) != 0)
        return 5;
    /* Again is nothing; back is not possible. */
    if (!mer_is_ok(mer_user_become("nobody", NULL)))
        return 6;
    return mer_user_become("root", NULL).code == MER_ERR_TRUST ? 0 : 7;
}

static void another_users_rights_are_taken_for_good(void **state)
{
    (void)state;
    const struct passwd *const nobody = getpwnam("nobody");
    if (geteuid() != 0 || !nobody) {
        print_message("skipped: needs root and a user nobody\n");
        skip();
    }
    assert_true(ended_well(in_child(become_nobody, nobody)));
}

static void an_unknown_user_is_a_mistake_in_the_command(void **state)
{
    (void)state;
    mer_err err;
    assert_int_equal(mer_user_become("no such user\n", &err).code, MER_ERR_USAGE);
    assert_non_null(strstr(err.message, "'no such user\\x0a'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_and_nothing_comes_back),
        cmocka_unit_test(another_users_rights_are_taken_for_good),
        cmocka_unit_test(an_unknown_user_is_a_mistake_in_the_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
