#include "cell/confine.h"

#include "os/landlock.h"
#include "os/privilege.h"
#include "os/seccomp.h"

#define ANY(number)                                                                                \
    {                                                                                              \
        number, MER_ARGUMENT_ANY, 0, 0                                                             \
    }
#define ON_FD(number, fd)                                                                          \
    {                                                                                              \
        number, MER_ARGUMENT_EQUALS, 0, (fd)                                                       \
    }

/* Memory that cannot hold code, threads that wait for each other, the time, an answer to the
 * parent, and an end. The output grows by ftruncate and is written through its mapping. */
#define ALWAYS                                                                                     \
    {SYS_mmap, MER_ARGUMENT_LACKS, 2, PROT_EXEC},                                                  \
        {SYS_mprotect, MER_ARGUMENT_LACKS, 2, PROT_EXEC}, ANY(SYS_munmap), ANY(SYS_mremap),        \
        ANY(SYS_madvise), ANY(SYS_brk), ANY(SYS_futex), ANY(SYS_sched_yield),                      \
        ANY(SYS_clock_gettime), ANY(SYS_exit), ANY(SYS_exit_group), ANY(SYS_rt_sigreturn),         \
        ANY(SYS_restart_syscall), ON_FD(SYS_write, MER_CELL_CONTROL),                              \
        ON_FD(SYS_ftruncate, MER_CELL_OUTPUT)

static const struct mer_syscall_rule load_rules[] = {
    ALWAYS,
    ON_FD(SYS_read, MER_CELL_CONTROL),
    ON_FD(SYS_pread64, MER_CELL_INPUT),
    /* For the phase that follows where a model stays open. */
    ON_FD(SYS_recvmsg, MER_CELL_CONTROL),
    ON_FD(SYS_close, MER_CELL_TABLE),
    /* For the next filter, which takes these away too. */
    {SYS_prctl, MER_ARGUMENT_EQUALS, 0, PR_SET_NO_NEW_PRIVS},
    ANY(SYS_seccomp),
};

static const struct mer_syscall_rule compute_rules[] = {ALWAYS};

static const struct mer_syscall_rule serve_rules[] = {
    ALWAYS,
    ON_FD(SYS_recvmsg, MER_CELL_CONTROL),
    ON_FD(SYS_close, MER_CELL_TABLE),
};

#define INSTALL(rules, err) mer_seccomp_install(rules, sizeof(rules) / sizeof((rules)[0]), err)

mer_status mer_cell_enter_load(struct mer_team *team, struct mer_ahead *ahead, unsigned *ret_level,
                               mer_err *err)
{
    unsigned level = 0;
    MER_GUARD(mer_privilege_give_up(err));
    if (mer_is_ok(mer_landlock_deny_all(NULL)))
        level |= MER_CELL_HAS_LANDLOCK;
    /* Behind what holds for a thread and those that it starts, before nothing can be started. */
    mer_team_start(team);
    mer_ahead_start(ahead);
    MER_GUARD(mer_privilege_start_nothing(err));
    MER_GUARD(INSTALL(load_rules, err));
    *ret_level = level | MER_CELL_HAS_SECCOMP;
    return mer_ok();
}

mer_status mer_cell_enter_compute(bool serves, mer_err *err)
{
    return serves ? INSTALL(serve_rules, err) : INSTALL(compute_rules, err);
}
