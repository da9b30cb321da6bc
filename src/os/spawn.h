/* Starts a program that holds nothing but what it is given: the descriptors named, no environment,
 * no other descriptor, limits, a session of its own, namespaces of its own where the kernel allows
 * them, and death with its parent (the thread that started it).
 *
 * Uses clone(CLONE_VM | CLONE_VFORK) and execve, so that a parent of any size and with any threads
 * pays the same.
 */
#ifndef MER_OS_SPAWN_H
#define MER_OS_SPAWN_H

#include <sys/types.h>

#include "core/status.h"

enum { MER_SPAWN_FDS_MAX = 16 };

struct mer_spawn {
    const char *program;          /* absolute path */
    const char *const *arguments; /* zero-terminated, the program's name first */
    int fds[MER_SPAWN_FDS_MAX];   /* descriptor i of the child is fds[i] of ours; -1: none */
    size_t n_fds;
    bool namespaces;            /* user, network, pid, mount, ipc, uts */
    uint64_t max_address_bytes; /* RLIMIT_AS; 0: as it is */
    uint64_t max_data_bytes;    /* RLIMIT_DATA: private memory that can be written; 0: as it is */
    uint64_t max_cpu_seconds;   /* RLIMIT_CPU; 0: as it is */
    uint64_t max_file_bytes;    /* RLIMIT_FSIZE: also bounds a memfd; UINT64_MAX: as it is */
    unsigned max_processes;     /* RLIMIT_NPROC, threads count; 0: as it is */
};

struct mer_child {
    pid_t pid;
    int pidfd;
    bool namespaces; /* it has its own */
};

/* MER_ERR_ABSENT when the program is not there. Where namespaces are wanted but refused by the
 * kernel, starts without them and says so in ret_child. */
MER_MUST_CHECK mer_status mer_spawn_start(const struct mer_spawn *spawn,
                                          struct mer_child *ret_child, mer_err *err);

/* The exit code of a child whose program could not be started, where that was not noticed before.
 */
enum { MER_ENDED_UNSTARTED = 127 };
/* How a child ended: the signals that tell something. */
enum {
    MER_ENDED_BY_BUS = 7,     /* a mapped file has no room left behind it */
    MER_ENDED_BY_KILL = 9,    /* by somebody else: mostly the kernel, out of memory */
    MER_ENDED_BY_TIME = 24,   /* max_cpu_seconds */
    MER_ENDED_BY_SIZE = 25,   /* max_file_bytes */
    MER_ENDED_BY_FILTER = 31, /* a system-call filter */
};
struct mer_ended {
    bool signalled;
    bool timed_out; /* it was killed for that */
    int code;       /* exit status, or the signal's number; 0 where the host took it away */
};
/* Waits for the end and kills after the time-out; timeout_ms < 0: waits for ever. Once for each
 * child that was started. */
struct mer_ended mer_child_wait(struct mer_child *child, int timeout_ms);
void mer_child_kill(struct mer_child *child);

#endif
