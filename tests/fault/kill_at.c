/* Runs a program and kills it at one of its system calls, counted over all of its processes and
 * threads: the same moment again and again, on any machine.
 *
 *     kill_at MOMENT PROGRAM [ARGUMENT]...
 *
 * MOMENT counts stops at system calls, entries and exits; 0 kills never. Prints the number of stops
 * and the phase in which it was killed. Ends with 0 when it was killed, 1 when it ended by itself,
 * 2 when a process of it was still there two seconds later (it is killed then), 64 and above when
 * it could not be run. With KILL_AT_NO_TMPFILE in the environment it sees file systems without
 * O_TMPFILE.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum phase { STARTING, IN_CELL, WORKING, WRITING, PUBLISHING };
static const char *const phase_names[] = {"starting", "in a cell", "working", "writing",
                                          "publishing"};

struct run {
    pid_t main;
    pid_t cell; /* the child that runs, 0: none */
    unsigned long n_stops;
    unsigned long moment;
    bool had_cell, wrote, published;
    bool killed;
    bool no_tmpfile;
    pid_t refused; /* whose call is to fail when it returns, 0: none */
    enum phase killed_in;
    double killed_at;
};

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static enum phase phase_of(const struct run *run)
{
    if (run->published)
        return PUBLISHING;
    if (run->cell)
        return IN_CELL;
    if (run->wrote)
        return WRITING;
    return run->had_cell ? WORKING : STARTING;
}

/* A call for a file without a name becomes none, and its result what a file system says that has no
 * such files. */
static void refuse_tmpfile(struct run *run, pid_t pid, struct user_regs_struct *registers)
{
    if (run->refused == pid) {
        registers->rax = (unsigned long)-EOPNOTSUPP;
        run->refused = 0;
    } else if (!run->refused && registers->orig_rax == SYS_openat &&
               (registers->rdx & O_TMPFILE) == O_TMPFILE) {
        registers->orig_rax = (unsigned long)-1;
        run->refused = pid;
    } else {
        return;
    }
    (void)ptrace(PTRACE_SETREGS, pid, NULL, registers);
}

static void note_call(struct run *run, pid_t pid)
{
    struct user_regs_struct registers;
    if (pid == run->cell || ptrace(PTRACE_GETREGS, pid, NULL, &registers) != 0)
        return;
    const unsigned long number = registers.orig_rax;
    if (number == SYS_openat && ((registers.rdx & O_TMPFILE) == O_TMPFILE ||
                                 (run->no_tmpfile && (registers.rdx & O_CREAT))))
        run->wrote = true;
    if (run->no_tmpfile)
        refuse_tmpfile(run, pid, &registers);
    if (number == SYS_linkat || number == SYS_renameat2 || number == SYS_renameat)
        run->published = true;
}

static void stop_at_call(struct run *run, pid_t pid)
{
    note_call(run, pid);
    if (++run->n_stops == run->moment) {
        run->killed_in = phase_of(run);
        run->killed = true;
        run->killed_at = now();
        (void)kill(run->main, SIGKILL);
    }
}

/* The signal to pass on to a process that stopped. */
static int handle_stop(struct run *run, pid_t pid, int status)
{
    const int signal_number = WSTOPSIG(status);
    const int event = status >> 16;
    unsigned long message = 0;
    if (signal_number == (SIGTRAP | 0x80)) {
        stop_at_call(run, pid);
        return 0;
    }
    if (event == PTRACE_EVENT_VFORK && ptrace(PTRACE_GETEVENTMSG, pid, NULL, &message) == 0) {
        run->cell = (pid_t)message;
        run->had_cell = true;
    }
    /* New processes begin with a SIGSTOP that is not theirs. */
    return event != 0 || signal_number == SIGSTOP || signal_number == SIGTRAP ? 0 : signal_number;
}

static bool begin(struct run *run, char **command)
{
    int status;
    run->main = fork();
    if (run->main == 0) {
        (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        (void)raise(SIGSTOP);
        (void)execv(command[0], command);
        _exit(127);
    }
    return run->main > 0 && waitpid(run->main, &status, 0) == run->main && WIFSTOPPED(status) &&
           ptrace(PTRACE_SETOPTIONS, run->main, NULL,
                  PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                      PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC) == 0 &&
           ptrace(PTRACE_SYSCALL, run->main, NULL, NULL) == 0;
}

/* Until nobody is left; false when somebody stays. */
static bool follow(struct run *run)
{
    for (;;) {
        int status;
        const pid_t pid = waitpid(-1, &status, __WALL | (run->killed ? WNOHANG : 0));
        if (pid < 0)
            return errno == ECHILD;
        if (pid == 0) {
            if (now() - run->killed_at > 2)
                return false;
            (void)usleep(1000);
            continue;
        }
        if (pid == run->cell && !WIFSTOPPED(status))
            run->cell = 0;
        if (WIFSTOPPED(status)) {
            const long pass_on = handle_stop(run, pid, status);
            (void)ptrace(PTRACE_SYSCALL, pid, NULL, pass_on);
        }
    }
}

int main(int argc, char **argv)
{
    struct run run = {.moment = argc > 1 ? strtoul(argv[1], NULL, 10) : 0};
    run.no_tmpfile = getenv("KILL_AT_NO_TMPFILE") != NULL;
    if (argc < 3) {
        fprintf(stderr, "usage: kill_at MOMENT PROGRAM [ARGUMENT]...\n");
        return 64;
    }
    if (!begin(&run, argv + 2)) {
        fprintf(stderr, "kill_at: %s cannot be traced: %s\n", argv[2], strerror(errno));
        return 69;
    }
    const bool all_gone = follow(&run);
    fprintf(stderr, "kill_at: %lu %s\n", run.n_stops,
            run.killed ? phase_names[run.killed_in] : "ended");
    if (!all_gone && run.cell)
        (void)kill(run.cell, SIGKILL);
    if (!all_gone)
        return 2;
    return run.killed ? 0 : 1;
}
