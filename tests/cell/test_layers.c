/* Every defence by itself: with it alone, what it is there to stop does not work; without it, in
 * the twin, it does. So none of them is there in name only, and none hides behind another.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "layers.h"
#include "os/landlock.h"
#include "os/memory_file.h"
#include "os/spawn.h"

static const char *const PROGRAM = MER_BINARY_DIR "/tests/cell/layered";

/* What became of a probe. */
enum outcome { WORKED, REFUSED, ENDED };

struct trying {
    const char *defences; /* of the child's own */
    const char *probe;
    const char *word;
    struct mer_spawn limits; /* and namespaces: the parent's */
    int input;               /* -1: none */
    bool plainly;            /* started as any program would */
};

static enum outcome outcome_of(bool signalled, int code, const struct trying *trying)
{
    if (!signalled && code == LAYERS_WORKED)
        return WORKED;
    if (!signalled && code == LAYERS_REFUSED)
        return REFUSED;
    if (!signalled)
        fail_msg("%s with %s: exit code %d", trying->probe, trying->defences, code);
    return ENDED;
}

/* A child that is given everything. */
static enum outcome start_plainly(const struct trying *trying, char *const *words)
{
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status;
    (void)posix_spawn_file_actions_init(&actions);
    if (trying->input >= 0)
        (void)posix_spawn_file_actions_adddup2(&actions, trying->input, LAYERS_INPUT_FD);
    assert_int_equal(posix_spawn(&child, PROGRAM, &actions, NULL, words, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(waitpid(child, &status, 0), child);
    return outcome_of(WIFSIGNALED(status), WEXITSTATUS(status), trying);
}

static enum outcome attempt(const struct trying *trying)
{
    const char *const words[] = {PROGRAM, trying->defences, trying->probe, trying->word, NULL};
    struct mer_spawn spawn = trying->limits;
    struct mer_child child;
    if (trying->plainly)
        return start_plainly(trying, (char *const *)(uintptr_t)words);
    spawn.program = PROGRAM;
    spawn.arguments = words;
    spawn.fds[0] = spawn.fds[2] = -1;
    spawn.fds[LAYERS_INPUT_FD] = trying->input;
    spawn.n_fds = 3;
    if (spawn.max_file_bytes == 0)
        spawn.max_file_bytes = UINT64_MAX;
    assert_int_equal(mer_spawn_start(&spawn, &child, NULL).code, MER_OK);
    if (spawn.namespaces && !child.namespaces) {
        (void)mer_child_wait(&child, 10000);
        print_message("skipped: no namespaces here\n");
        skip();
    }
    const struct mer_ended ended = mer_child_wait(&child, 30000);
    assert_false(ended.timed_out);
    return outcome_of(ended.signalled, ended.code, trying);
}

/* The probe with the child's defences `with`, and the twin with `without`. */
static void proves(const char *probe, const char *with, const char *without, const char *word,
                   enum outcome stopped)
{
    struct trying trying = {.defences = with, .probe = probe, .word = word, .input = -1};
    if (attempt(&trying) != stopped)
        fail_msg("%s is not stopped by %s", probe, with);
    trying.defences = without;
    if (attempt(&trying) != WORKED)
        fail_msg("%s does not work without the defence: the probe is blind", probe);
}

/* The same for what the parent puts up. */
static void parent_proves(const char *probe, struct mer_spawn limits, const char *defences,
                          const char *word, enum outcome stopped)
{
    struct trying trying = {
        .defences = defences, .probe = probe, .word = word, .limits = limits, .input = -1};
    if (attempt(&trying) != stopped)
        fail_msg("%s is not stopped", probe);
    trying.limits = (struct mer_spawn){.n_fds = 0};
    if (attempt(&trying) != WORKED)
        fail_msg("%s does not work without the defence: the probe is blind", probe);
}

static bool is_root(void)
{
    return geteuid() == 0;
}

static void the_filter_ends_whoever_makes_a_socket_or_code(void **state)
{
    (void)state;
    proves("makes_a_socket", "s", "-", NULL, ENDED);
    proves("makes_code", "s", "-", NULL, ENDED);
    proves("opens_a_file", "s", "-", NULL, ENDED);
}

static void landlock_keeps_files_away(void **state)
{
    (void)state;
    if (mer_landlock_abi() == 0) {
        print_message("skipped: no Landlock here\n");
        skip();
    }
    proves("opens_a_file", "gl", "g", NULL, REFUSED);
}

/* A port of this process's that takes connections; *ret_port is its number as a text. */
static int listen_here(char ret_port[16])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)(void *)&address, n), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&address, &n), 0);
    (void)snprintf(ret_port, 16, "%d", ntohs(address.sin_port));
    return fd;
}

static void landlock_keeps_ports_away(void **state)
{
    enum { WITH_PORTS = 4 };
    char port[16];
    (void)state;
    if (mer_landlock_abi() < WITH_PORTS) {
        print_message("skipped: this kernel's Landlock knows no ports\n");
        skip();
    }
    const int fd = listen_here(port);
    proves("reaches_a_port", "gl", "g", port, REFUSED);
    (void)close(fd);
}

static void namespaces_hide_the_network_processes_and_shared_memory(void **state)
{
    const struct mer_spawn namespaces = {.namespaces = true};
    char port[16], pid[16], key[16];
    (void)state;
    const int fd = listen_here(port);
    parent_proves("reaches_a_port", namespaces, "-", port, REFUSED);
    (void)close(fd);
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    parent_proves("signals_its_parent", namespaces, "-", pid, REFUSED);
    const key_t shared_key = (key_t)(0x4d000000 | (getpid() & 0xffffff));
    const int shared = shmget(shared_key, 4096, IPC_CREAT | 0600);
    assert_true(shared >= 0);
    (void)snprintf(key, sizeof key, "%d", (int)shared_key);
    parent_proves("finds_shared_memory", namespaces, "-", key, REFUSED);
    (void)shmctl(shared, IPC_RMID, NULL);
}

static void limits_hold(void **state)
{
    (void)state;
    parent_proves("takes_memory", (struct mer_spawn){.max_address_bytes = 64 << 20}, "-", NULL,
                  REFUSED);
    parent_proves("takes_time", (struct mer_spawn){.max_cpu_seconds = 1}, "-", NULL, ENDED);
    parent_proves("grows_a_file", (struct mer_spawn){.max_file_bytes = 4096}, "-", NULL, ENDED);
    proves("starts_a_process", "un", "u", NULL, REFUSED);
}

static void a_process_that_gave_up_is_not_looked_into_and_leaves_no_core(void **state)
{
    (void)state;
    proves("looks_into_a_process", "up", "u", NULL, REFUSED);
    struct trying trying = {.defences = "p", .probe = "dumps_core", .input = -1};
    assert_int_equal(attempt(&trying), REFUSED);
    struct rlimit limit;
    trying.defences = "-";
    trying.plainly = true;
    if (getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max > 0)
        assert_int_equal(attempt(&trying), WORKED);
}

/* A set-user-id copy of the program, where a folder is found in which that means something. */
static bool make_set_user_id(char path[64])
{
    char command[512];
    (void)snprintf(path, 64, "/tmp/merlon-layers-%d", (int)getpid());
    (void)snprintf(command, sizeof command, "cp '%s' '%s' && chmod 4755 '%s'", PROGRAM, path, path);
    return system(command) == 0;
}

static void no_new_privileges_means_no_gain_by_exec(void **state)
{
    char path[64];
    (void)state;
    if (!is_root()) {
        print_message("skipped: only root makes a program that gives its rights\n");
        skip();
    }
    assert_true(make_set_user_id(path));
    struct trying trying = {.defences = "u", .probe = "gains_by_exec", .word = path, .input = -1};
    const enum outcome twin = attempt(&trying);
    trying.defences = "ug";
    const enum outcome stopped = attempt(&trying);
    (void)unlink(path);
    if (twin != WORKED) {
        print_message("skipped: programs in /tmp do not give their owner's rights\n");
        skip();
    }
    assert_int_equal(stopped, REFUSED);
}

static void a_process_that_gave_up_has_no_capability(void **state)
{
    (void)state;
    if (!is_root()) {
        print_message("skipped: only root has capabilities to give up\n");
        skip();
    }
    proves("uses_a_capability", "p", "-", NULL, REFUSED);
}

/* What mer_spawn_start always does; the twin is what any other way of starting does. */
static void a_child_is_given_nothing_that_was_not_meant_for_it(void **state)
{
    static const char *const probes[] = {"finds_a_descriptor", "finds_an_environment",
                                         "is_in_its_parents_session"};
    (void)state;
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        struct trying trying = {.defences = "-", .probe = probes[i], .input = -1};
        if (attempt(&trying) != REFUSED)
            fail_msg("%s", probes[i]);
        trying.plainly = true;
        if (attempt(&trying) != WORKED)
            fail_msg("%s does not work without the defence: the probe is blind", probes[i]);
    }
}

static void descriptors_are_few(void **state)
{
    struct trying trying = {.defences = "p", .probe = "opens_many_descriptors", .plainly = true};
    (void)state;
    trying.input = -1;
    assert_int_equal(attempt(&trying), REFUSED);
    trying.defences = "-";
    assert_int_equal(attempt(&trying), WORKED);
}

static void a_sealed_input_cannot_be_changed(void **state)
{
    static const char bytes[4096] = "input";
    struct trying trying = {.defences = "-", .probe = "changes_its_input"};
    (void)state;
    assert_int_equal(mer_memory_file_of("sealed", bytes, sizeof bytes, &trying.input, NULL).code,
                     MER_OK);
    assert_int_equal(attempt(&trying), REFUSED);
    (void)close(trying.input);
    assert_int_equal(mer_memory_file_new("open", &trying.input, NULL).code, MER_OK);
    assert_int_equal(ftruncate(trying.input, sizeof bytes), 0);
    assert_int_equal(attempt(&trying), WORKED);
    (void)close(trying.input);
}

static int have_secrets(void **state)
{
    (void)state;
    const int fd = memfd_create("secret", 0); /* not close-on-exec */
    if (fd < 0 || pwrite(fd, LAYERS_SECRET, sizeof LAYERS_SECRET, 0) < 0 ||
        dup2(fd, LAYERS_SECRET_FD) < 0)
        return -1;
    (void)close(fd);
    return setenv(LAYERS_VARIABLE, "secret", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_filter_ends_whoever_makes_a_socket_or_code),
        cmocka_unit_test(landlock_keeps_files_away),
        cmocka_unit_test(landlock_keeps_ports_away),
        cmocka_unit_test(namespaces_hide_the_network_processes_and_shared_memory),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(a_process_that_gave_up_is_not_looked_into_and_leaves_no_core),
        cmocka_unit_test(no_new_privileges_means_no_gain_by_exec),
        cmocka_unit_test(a_process_that_gave_up_has_no_capability),
        cmocka_unit_test(a_child_is_given_nothing_that_was_not_meant_for_it),
        cmocka_unit_test(descriptors_are_few),
        cmocka_unit_test(a_sealed_input_cannot_be_changed),
    };
    return cmocka_run_group_tests(tests, have_secrets, NULL);
}
