/* Children hold what they were given and nothing else, die with their parent, and tell how they
 * ended. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/spawn.h"

static const char *const PROGRAM = MER_BINARY_DIR "/tests/os/spawned";

/* Starts it with descriptor 1 as the given one. */
static mer_status start(const char *const *arguments, int fd, struct mer_spawn more,
                        struct mer_child *child)
{
    more.program = PROGRAM;
    more.arguments = arguments;
    more.fds[0] = -1;
    more.fds[1] = fd;
    more.n_fds = 2;
    return mer_spawn_start(&more, child, NULL);
}

static void read_facts(struct mer_spawn more, char *text, size_t size, struct mer_child *ret_child)
{
    static const char *const arguments[] = {"spawned", "facts", NULL};
    struct mer_child child;
    int ends[2];
    size_t n = 0;
    ssize_t got;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(start(arguments, ends[1], more, &child).code, MER_OK);
    *ret_child = child;
    (void)close(ends[1]);
    while ((got = read(ends[0], text + n, size - 1 - n)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    (void)close(ends[0]);
    const struct mer_ended ended = mer_child_wait(&child, 10000);
    assert_false(ended.signalled);
    assert_int_equal(ended.code, 0);
}

static void has(const char *text, const char *line)
{
    if (!strstr(text, line))
        fail_msg("lacks '%s':\n%s", line, text);
}

static void a_child_holds_what_it_was_given_and_nothing_else(void **state)
{
    (void)state;
    char text[4096];
    struct mer_child child;
    struct sigaction before;
    sigset_t mask;
    /* What must not come through: a descriptor without close-on-exec, a variable, ignored and
     * blocked signals. */
    const int leak = open("/dev/null", O_RDONLY);
    assert_true(leak >= 0);
    assert_int_equal(setenv("MERLON_TEST", "1", 1), 0);
    assert_int_equal(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = SIG_IGN}, &before), 0);
    (void)sigemptyset(&mask);
    (void)sigaddset(&mask, SIGUSR2);
    (void)sigprocmask(SIG_BLOCK, &mask, NULL);
    read_facts((struct mer_spawn){.max_address_bytes = (uint64_t)1 << 34,
                                  .max_cpu_seconds = 77,
                                  .max_file_bytes = 12345},
               text, sizeof text, &child);
    (void)sigprocmask(SIG_UNBLOCK, &mask, NULL);
    (void)sigaction(SIGUSR1, &before, NULL);
    (void)close(leak);
    has(text, "descriptors 1\n");
    has(text, "environment 0\n");
    has(text, "blocked 0\n");
    has(text, "ignored 0\n");
    has(text, "leads_session 1\n");
    has(text, "core 0 0\n");
    has(text, "address 17179869184 17179869184\n");
    has(text, "cpu 77 77\n");
    has(text, "file 12345 12345\n");
}

static void a_parents_handlers_and_mask_stay(void **state)
{
    (void)state;
    char text[4096];
    struct mer_child child;
    struct sigaction after;
    sigset_t mask_before, mask_after;
    (void)sigprocmask(SIG_SETMASK, NULL, &mask_before);
    assert_int_equal(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = SIG_IGN}, NULL), 0);
    read_facts((struct mer_spawn){.max_file_bytes = UINT64_MAX}, text, sizeof text, &child);
    assert_int_equal(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = SIG_DFL}, &after), 0);
    assert_ptr_equal(after.sa_handler, SIG_IGN);
    (void)sigprocmask(SIG_SETMASK, NULL, &mask_after);
    for (int number = 1; number < NSIG; number++)
        assert_int_equal(sigismember(&mask_before, number), sigismember(&mask_after, number));
}

static void namespaces_are_its_own_where_it_says_so(void **state)
{
    (void)state;
    char text[4096];
    struct mer_child child;
    read_facts((struct mer_spawn){.namespaces = true, .max_file_bytes = UINT64_MAX}, text,
               sizeof text, &child);
    if (!child.namespaces) {
        print_message("skipped: this kernel forbids namespaces\n");
        skip();
    }
    has(text, "pid 1\n");
    has(text, "uid 65534\n"); /* nobody was mapped */
    read_facts((struct mer_spawn){.max_file_bytes = UINT64_MAX}, text, sizeof text, &child);
    assert_false(child.namespaces);
    assert_null(strstr(text, "pid 1\n"));
}

static void how_a_child_ended_is_told(void **state)
{
    (void)state;
    static const char *const exits[] = {"spawned", "exit", "42", NULL};
    static const char *const waits[] = {"spawned", "wait", NULL};
    struct mer_child child;
    assert_int_equal(
        start(exits, -1, (struct mer_spawn){.max_file_bytes = UINT64_MAX}, &child).code, MER_OK);
    struct mer_ended ended = mer_child_wait(&child, -1);
    assert_false(ended.signalled || ended.timed_out);
    assert_int_equal(ended.code, 42);

    assert_int_equal(
        start(waits, -1, (struct mer_spawn){.max_file_bytes = UINT64_MAX}, &child).code, MER_OK);
    ended = mer_child_wait(&child, 50);
    assert_true(ended.signalled && ended.timed_out);
    assert_int_equal(ended.code, SIGKILL);

    assert_int_equal(
        start(waits, -1, (struct mer_spawn){.max_file_bytes = UINT64_MAX}, &child).code, MER_OK);
    mer_child_kill(&child);
    ended = mer_child_wait(&child, 10000);
    assert_true(ended.signalled);
    assert_false(ended.timed_out);
}

static void a_host_that_ignores_its_children_is_no_reason_to_hang(void **state)
{
    (void)state;
    static const char *const exits[] = {"spawned", "exit", "0", NULL};
    struct mer_child child;
    (void)signal(SIGCHLD, SIG_IGN);
    const mer_status status =
        start(exits, -1, (struct mer_spawn){.max_file_bytes = UINT64_MAX}, &child);
    const struct mer_ended ended = mer_child_wait(&child, 10000);
    (void)signal(SIGCHLD, SIG_DFL);
    assert_int_equal(status.code, MER_OK);
    assert_false(ended.signalled || ended.timed_out);
    assert_int_equal(ended.code, 0);
}

static void what_cannot_be_started_is_told(void **state)
{
    (void)state;
    static const char *const arguments[] = {"x", NULL};
    struct mer_spawn spawn = {.program = "/nowhere/x", .arguments = arguments, .namespaces = true};
    struct mer_child child = {.pid = 12};
    mer_err err;
    assert_int_equal(mer_spawn_start(&spawn, &child, &err).code, MER_ERR_ABSENT);
    assert_non_null(strstr(err.message, "'/nowhere/x'"));
    spawn.program = "/dev/null";
    assert_int_equal(mer_spawn_start(&spawn, &child, &err).code, MER_ERR_ABSENT);
    spawn.fds[0] = 12345; /* not open */
    spawn.n_fds = 1;
    assert_int_equal(mer_spawn_start(&spawn, &child, &err).code, MER_ERR_ABSENT);
    spawn.n_fds = MER_SPAWN_FDS_MAX + 1;
    assert_int_equal(mer_spawn_start(&spawn, &child, &err).code, MER_ERR_INTERNAL);
    assert_int_equal(child.pid, 12);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie either */
    assert_int_equal(errno, ECHILD);
}

/* The child holds one end of a pipe; that it is gone shows at the other. */
static void kill_the_parent(bool namespaces)
{
    static const char *const waits[] = {"spawned", "wait", NULL};
    int ends[2];
    char byte;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const pid_t parent = fork();
    if (parent == 0) {
        struct mer_child child;
        (void)close(ends[0]);
        const struct mer_spawn spawn = {.namespaces = namespaces, .max_file_bytes = UINT64_MAX};
        if (start(waits, ends[1], spawn, &child).code != MER_OK)
            _exit(1);
        (void)close(ends[1]);
        for (;;)
            (void)pause();
    }
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    struct pollfd gone = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&gone, 1, 2000), 1);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    (void)close(ends[0]);
}

static void a_child_dies_with_its_parent(void **state)
{
    (void)state;
    kill_the_parent(false);
    kill_the_parent(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_holds_what_it_was_given_and_nothing_else),
        cmocka_unit_test(a_parents_handlers_and_mask_stay),
        cmocka_unit_test(namespaces_are_its_own_where_it_says_so),
        cmocka_unit_test(how_a_child_ended_is_told),
        cmocka_unit_test(a_host_that_ignores_its_children_is_no_reason_to_hang),
        cmocka_unit_test(what_cannot_be_started_is_told),
        cmocka_unit_test(a_child_dies_with_its_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
