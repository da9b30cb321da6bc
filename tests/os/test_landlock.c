/* Landlock: nothing can be opened any more; what was open stays so. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "in_child.h"
#include "os/landlock.h"

static int deny(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && mer_is_ok(mer_landlock_deny_all(NULL));
}

static int lose_the_file_system(const void *argument)
{
    char byte;
    (void)argument;
    const int open_before = open("/proc/self/exe", O_RDONLY);
    if (open_before < 0 || !deny())
        return 1;
    if (open("/proc/self/exe", O_RDONLY) >= 0 || errno != EACCES)
        return 2;
    if (open("/", O_RDONLY | O_DIRECTORY) >= 0 || open("/tmp", O_TMPFILE | O_RDWR, 0600) >= 0)
        return 3;
    if (mkdir("/tmp/merlon-test-landlock", 0700) == 0)
        return 4;
    return read(open_before, &byte, 1) == 1 ? 0 : 5;
}

static void the_file_system_is_gone_and_open_files_are_not(void **state)
{
    (void)state;
    assert_true(ended_well(in_child(lose_the_file_system, NULL)));
}

static int lose_tcp(const void *argument)
{
    struct sockaddr_in nobody = {.sin_family = AF_INET, .sin_port = htons(1)};
    (void)argument;
    nobody.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || !deny())
        return 1;
    if (connect(fd, (struct sockaddr *)&nobody, sizeof nobody) == 0 || errno != EACCES)
        return 2;
    return bind(fd, (struct sockaddr *)&nobody, sizeof nobody) != 0 && errno == EACCES ? 0 : 3;
}

static void tcp_is_gone_where_the_kernel_knows_how(void **state)
{
    (void)state;
    if (mer_landlock_abi() < 4) {
        print_message("skipped: Landlock of this kernel has no say in TCP\n");
        skip();
    }
    assert_true(ended_well(in_child(lose_tcp, NULL)));
}

static int without_no_new_privs(const void *argument)
{
    (void)argument;
    if (setuid(65534) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0)
        return 1;
    return mer_landlock_deny_all(NULL).code == MER_ERR_ABSENT ? 0 : 2;
}

static void that_it_was_refused_is_told(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: needs root\n");
        skip();
    }
    assert_true(ended_well(in_child(without_no_new_privs, NULL)));
}

int main(void)
{
    if (mer_landlock_abi() == 0) {
        print_message("skipped: this kernel has no Landlock\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_system_is_gone_and_open_files_are_not),
        cmocka_unit_test(tcp_is_gone_where_the_kernel_knows_how),
        cmocka_unit_test(that_it_was_refused_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
