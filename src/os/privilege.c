#include "os/privilege.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/system_error.h"

static mer_status refuse(const char *what, mer_err *err)
{
    return mer_fail_system(err, MER_ERR_ABSENT, errno, "cannot %s", what);
}

/* The bounding set can only be lowered by a process that may; one that may not has nothing to give.
 */
mer_status mer_privilege_gain_none(mer_err *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return refuse("give up new privileges", err);
    unsigned long capability = 0;
    while (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
        capability++;
    /* Invalid: the one behind the last. Of a process that may not lower one, it is the first. */
    if (errno != EINVAL && errno != EPERM)
        return refuse("lower the capability bounding set", err);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return mer_ok();
}

/* What is freed is kept for what is asked for next: a process that does the same work again and
 * again would give pages back, and be given them anew, in every step. */
static void keep_memory(void)
{
    enum { LARGE = 32 << 20 }; /* the most that the heap can be told */
    (void)mallopt(M_MMAP_THRESHOLD, LARGE);
    (void)mallopt(M_TRIM_THRESHOLD, INT_MAX);
}

mer_status mer_privilege_give_up(mer_err *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct none[2] = {{0}, {0}};
    const struct rlimit nothing = {0, 0}, few = {64, 64};

    MER_GUARD(mer_privilege_gain_none(err));
    /* A second thread's first allocation would make a heap of its own, and ask how many processors
     * there are before. */
    (void)mallopt(M_ARENA_MAX, 1);
    keep_memory();
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return refuse("become undumpable", err);
    if (syscall(SYS_capset, &header, none) != 0)
        return refuse("drop capabilities", err);
    if (setrlimit(RLIMIT_CORE, &nothing) != 0 || setrlimit(RLIMIT_NOFILE, &few) != 0)
        return refuse("lower the limits", err);
    return mer_ok();
}

mer_status mer_privilege_start_nothing(mer_err *err)
{
    const struct rlimit nothing = {0, 0};
    return setrlimit(RLIMIT_NPROC, &nothing) == 0 ? mer_ok() : refuse("lower the limits", err);
}
