#include "os/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/system_error.h"

enum {
    STACK_BYTES = 64 * 1024,
    OWN_NAMESPACES =
        CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS
};

static_assert(MER_ENDED_BY_FILTER == SIGSYS && MER_ENDED_BY_TIME == SIGXCPU &&
                  MER_ENDED_BY_SIZE == SIGXFSZ && MER_ENDED_BY_KILL == SIGKILL &&
                  MER_ENDED_BY_BUS == SIGBUS,
              "the header's numbers are the system's");

/* What runs in the child runs on memory that is the parent's too: what sanitizers note about a
 * stack would outlive the child's. */
#define IN_CHILD __attribute__((no_sanitize_address, no_sanitize_thread))

/* What parent and child share while the parent is suspended. */
struct start {
    const struct mer_spawn *spawn;
    int parent_pidfd; /* -1: the kernel has none */
    int failed_errno; /* 0: the program runs */
};

/* What the kernel's rt_sigaction takes. */
struct kernel_sigaction {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

IN_CHILD static bool limit(int resource, uint64_t value)
{
    struct rlimit limits;
    if (getrlimit((__rlimit_resource_t)resource, &limits) != 0)
        return false;
    if (limits.rlim_max != RLIM_INFINITY && value > limits.rlim_max)
        value = limits.rlim_max;
    limits = (struct rlimit){value, value};
    return setrlimit((__rlimit_resource_t)resource, &limits) == 0;
}

IN_CHILD static bool set_limits(const struct mer_spawn *spawn)
{
    return limit(RLIMIT_CORE, 0) &&
           (spawn->max_address_bytes == 0 || limit(RLIMIT_AS, spawn->max_address_bytes)) &&
           (spawn->max_data_bytes == 0 || limit(RLIMIT_DATA, spawn->max_data_bytes)) &&
           (spawn->max_cpu_seconds == 0 || limit(RLIMIT_CPU, spawn->max_cpu_seconds)) &&
           (spawn->max_file_bytes == UINT64_MAX || limit(RLIMIT_FSIZE, spawn->max_file_bytes)) &&
           (spawn->max_processes == 0 || limit(RLIMIT_NPROC, spawn->max_processes));
}

/* Puts the descriptors where the child expects them and closes all others. The two passes keep a
 * source from being overwritten before it is copied. */
IN_CHILD static bool place_descriptors(const struct mer_spawn *spawn)
{
    int high[MER_SPAWN_FDS_MAX];
    for (size_t i = 0; i < spawn->n_fds; i++) {
        high[i] = spawn->fds[i] < 0 ? -1 : fcntl(spawn->fds[i], F_DUPFD_CLOEXEC, MER_SPAWN_FDS_MAX);
        if (spawn->fds[i] >= 0 && high[i] < 0)
            return false;
    }
    for (size_t i = 0; i < spawn->n_fds; i++) {
        if (high[i] < 0)
            (void)close((int)i);
        else if (dup2(high[i], (int)i) < 0)
            return false;
    }
    return syscall(SYS_close_range, (unsigned)spawn->n_fds, UINT_MAX, 0) == 0;
}

/* Ignored signals would stay ignored over execve, blocked ones blocked. Asked of the kernel itself:
 * what the C library (or a sanitizer) keeps about handlers is the parent's memory. */
IN_CHILD static bool reset_signals(void)
{
    const struct kernel_sigaction standard = {.handler = SIG_DFL};
    const uint64_t none = 0;
    for (int number = 1; number < NSIG; number++)
        (void)syscall(SYS_rt_sigaction, number, &standard, NULL, sizeof standard.mask);
    return syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none) == 0;
}

/* Death with the parent, also when it died before this was asked for: only a pidfd tells, for in a
 * process namespace of its own a child does not see its parent's number. */
IN_CHILD static bool die_with_parent(const struct start *start)
{
    struct pollfd gone = {.fd = start->parent_pidfd, .events = POLLIN};
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && poll(&gone, 1, 0) == 0;
}

/* Runs in the child on the parent's memory: system calls only. Its own session keeps the terminal's
 * signals and its control away from it. */
IN_CHILD static int child_main(void *argument)
{
    struct start *start = argument;
    const struct mer_spawn *spawn = start->spawn;
    char *const no_environment[] = {NULL};

    errno = ESRCH;
    if (die_with_parent(start) && setsid() >= 0 && place_descriptors(spawn) && set_limits(spawn) &&
        reset_signals())
        (void)execve(spawn->program, (char *const *)(uintptr_t)spawn->arguments, no_environment);
    start->failed_errno = errno ? errno : EINVAL;
    _exit(MER_ENDED_UNSTARTED);
}

#if !defined(__x86_64__)
#error "a child is started in x86-64's way"
#endif

/* Runs child_main(start) in a child on a stack of its own, whose top is aligned to 16 bytes; its
 * number, or -errno. What the C library's clone does, which sanitizers stand in for and take for a
 * fork. */
static long clone_child(unsigned long flags, void **stack_top, int *ret_pidfd, struct start *start)
{
    register long child_tid __asm__("r10") = 0;
    register long thread_area __asm__("r8") = 0;
    int (*const run)(void *) = child_main;
    long result;
    memcpy(--stack_top, &start, sizeof start);
    memcpy(--stack_top, &run, sizeof run);
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "pop %%rax\n\t"
                     "pop %%rdi\n\t"
                     "call *%%rax\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(result)
                     : "0"((long)SYS_clone), "D"(flags), "S"(stack_top), "d"(ret_pidfd),
                       "r"(child_tid), "r"(thread_area)
                     : "rcx", "r11", "memory", "cc");
    return result;
}

/* One attempt; 0 or errno. */
static int start_child(struct start *start, void *stack, bool namespaces, struct mer_child *child)
{
    int pidfd = -1;
    const unsigned long flags =
        CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD | (namespaces ? OWN_NAMESPACES : 0);
    start->failed_errno = 0;
    void **const stack_top = (void **)(void *)((char *)stack + STACK_BYTES);
    const pid_t pid = (pid_t)clone_child(flags, stack_top, &pidfd, start);
    if (pid < 0)
        return -pid;
    if (start->failed_errno != 0) {
        (void)close(pidfd);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        return start->failed_errno;
    }
    *child = (struct mer_child){.pid = pid, .pidfd = pidfd, .namespaces = namespaces};
    return 0;
}

mer_status mer_spawn_start(const struct mer_spawn *spawn, struct mer_child *ret_child, mer_err *err)
{
    struct start start = {.spawn = spawn};
    sigset_t all, before;

    if (spawn->n_fds > MER_SPAWN_FDS_MAX)
        return mer_fail(err, MER_ERR_INTERNAL, "a child takes at most %d descriptors",
                        MER_SPAWN_FDS_MAX);
    void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a child's stack");
    start.parent_pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    /* A handler of ours must not run in the child, on our memory. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = start_child(&start, stack, spawn->namespaces, ret_child);
    if (failed != 0 && spawn->namespaces && failed != ENOENT)
        failed = start_child(&start, stack, false, ret_child);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (start.parent_pidfd >= 0)
        (void)close(start.parent_pidfd);
    (void)munmap(stack, STACK_BYTES);
    if (failed != 0)
        return mer_fail_system(err, MER_ERR_ABSENT, failed, "cannot start %s",
                               mer_quote(spawn->program).text);
    return mer_ok();
}

void mer_child_kill(struct mer_child *child)
{
    /* Until it was waited for, its number is its own. */
    if (syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0) != 0)
        (void)kill(child->pid, SIGKILL);
}

/* Whether it ended within the time. */
static bool await_end(const struct mer_child *child, int timeout_ms)
{
    struct pollfd ends = {.fd = child->pidfd, .events = POLLIN};
    int ready;
    do
        ready = poll(&ends, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

struct mer_ended mer_child_wait(struct mer_child *child, int timeout_ms)
{
    struct mer_ended ended = {.signalled = false};
    int status = 0;
    pid_t got;
    if (timeout_ms >= 0 && !await_end(child, timeout_ms)) {
        mer_child_kill(child);
        ended.timed_out = true;
    }
    do
        got = waitpid(child->pid, &status, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        /* A host that ignores SIGCHLD, or waits for anybody, takes the status; not the end. */
        (void)await_end(child, -1);
        status = 0;
    }
    (void)close(child->pidfd);
    *child = (struct mer_child){.pid = -1, .pidfd = -1};
    ended.signalled = WIFSIGNALED(status);
    ended.code = ended.signalled ? WTERMSIG(status) : WEXITSTATUS(status);
    return ended;
}
