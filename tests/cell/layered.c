/* What test_layers.c starts: puts some of a cell's defences up, tries one thing that a cell must
 * not be able to do, and tells by its exit code whether it could. The defences are the functions
 * that a cell calls; those that its parent puts up are there or not when this begins.
 *
 *     layered DEFENCES PROBE [WORD]     DEFENCES: letters, see put_up; "-" for none
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "layers.h"
#include "os/landlock.h"
#include "os/privilege.h"
#include "os/seccomp.h"

static const char *word;

static uint64_t number(void)
{
    return word ? strtoull(word, NULL, 10) : 0;
}

static bool opens_a_file(void)
{
    return open("/etc/passwd", O_RDONLY) >= 0;
}

static bool reaches_a_port(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)number()),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return fd >= 0 &&
           connect(fd, (const struct sockaddr *)(const void *)&address, sizeof address) == 0;
}

static bool makes_a_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool signals_its_parent(void)
{
    return kill((pid_t)number(), 0) == 0;
}

static bool finds_shared_memory(void)
{
    return shmget((key_t)number(), 0, 0) >= 0;
}

static bool takes_memory(void)
{
    return mmap(NULL, (size_t)1 << 32, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                0) != MAP_FAILED;
}

static bool takes_time(void)
{
    struct timespec time = {0, 0};
    while (time.tv_sec < 2)
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return true;
}

static bool grows_a_file(void)
{
    const int fd = memfd_create("grows", 0);
    return fd >= 0 && ftruncate(fd, 1 << 20) == 0;
}

/* As somebody whom limits on processes and files hold: not root. */
static bool become_nobody(void)
{
    /* Who changes becomes undumpable by that alone, which is another defence. */
    return geteuid() != 0 ||
           (setgid(65534) == 0 && setuid(65534) == 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
}

static bool starts_a_process(void)
{
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child > 0 && waitpid(child, NULL, 0) == child;
}

static bool opens_many_descriptors(void)
{
    for (int i = 0; i < 200; i++)
        if (dup(LAYERS_SECRET_FD) < 0 && errno == EMFILE)
            return false;
    return true;
}

static bool looks_into_a_process(void)
{
    char path[64];
    const pid_t child = fork(); /* has what this process has */
    if (child == 0)
        for (;;)
            (void)pause();
    (void)!snprintf(path, sizeof path, "/proc/%d/mem", (int)child);
    const int fd = open(path, O_RDONLY);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    return fd >= 0;
}

/* `word` is a set-user-id copy of this program. */
static bool gains_by_exec(void)
{
    char none[] = "-", probe[] = "is_root";
    char *const words[] = {(char *)(uintptr_t)word, none, probe, NULL};
    (void)execv(word, words);
    return false;
}

static bool is_root(void)
{
    return geteuid() == 0;
}

static bool uses_a_capability(void)
{
    return chroot("/") == 0;
}

static bool finds_a_descriptor(void)
{
    char secret[sizeof LAYERS_SECRET];
    return pread(LAYERS_SECRET_FD, secret, sizeof secret, 0) == (ssize_t)sizeof secret &&
           memcmp(secret, LAYERS_SECRET, sizeof secret) == 0;
}

static bool finds_an_environment(void)
{
    return getenv(LAYERS_VARIABLE) != NULL;
}

static bool is_in_its_parents_session(void)
{
    return getsid(0) != getpid();
}

static bool changes_its_input(void)
{
    void *const input = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, LAYERS_INPUT_FD, 0);
    return input != MAP_FAILED && memset(input, 1, 1);
}

static bool makes_code(void)
{
    unsigned char *const code =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED)
        return false;
    code[0] = 0xc3; /* ret */
    void (*run)(void);
    memcpy(&run, (const void *)&code, sizeof run);
    run();
    return true;
}

static bool dumps_core(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max > 0 &&
           prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1;
}

static const struct {
    const char *name;
    bool (*try)(void);
} probes[] = {
#define PROBE(name)                                                                                \
    {                                                                                              \
#name, name                                                                                \
    }
    PROBE(opens_a_file),
    PROBE(reaches_a_port),
    PROBE(makes_a_socket),
    PROBE(signals_its_parent),
    PROBE(finds_shared_memory),
    PROBE(takes_memory),
    PROBE(takes_time),
    PROBE(grows_a_file),
    PROBE(starts_a_process),
    PROBE(opens_many_descriptors),
    PROBE(looks_into_a_process),
    PROBE(gains_by_exec),
    PROBE(is_root),
    PROBE(uses_a_capability),
    PROBE(finds_a_descriptor),
    PROBE(finds_an_environment),
    PROBE(is_in_its_parents_session),
    PROBE(changes_its_input),
    PROBE(makes_code),
    PROBE(dumps_core),
#undef PROBE
};

/* What a cell may do, less than which would not let the probes' own calls of other kinds through.
 */
static bool install_filter(void)
{
    static const struct mer_syscall_rule rules[] = {
        {SYS_mmap, MER_ARGUMENT_LACKS, 2, PROT_EXEC},
        {SYS_exit_group, MER_ARGUMENT_ANY, 0, 0},
    };
    return mer_is_ok(mer_seccomp_install(rules, sizeof rules / sizeof rules[0], NULL));
}

static bool put_up(const char *defences)
{
    /* In the order of a cell; those for one that is not root are tried by one. */
    if (strchr(defences, 'u') && !become_nobody())
        return false;
    if (strchr(defences, 'p') && !mer_is_ok(mer_privilege_give_up(NULL)))
        return false;
    if (strchr(defences, 'g') && !mer_is_ok(mer_privilege_gain_none(NULL)))
        return false;
    if (strchr(defences, 'l') && !mer_is_ok(mer_landlock_deny_all(NULL)))
        return false;
    if (strchr(defences, 'n') && !mer_is_ok(mer_privilege_start_nothing(NULL)))
        return false;
    return !strchr(defences, 's') || install_filter();
}

int main(int argc, char **argv)
{
    word = argc > 3 ? argv[3] : NULL;
    if (argc < 3 || !put_up(argv[1]))
        return LAYERS_BROKEN;
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++)
        if (strcmp(argv[2], probes[i].name) == 0)
            _exit(probes[i].try() ? LAYERS_WORKED : LAYERS_REFUSED);
    return LAYERS_BROKEN;
}
