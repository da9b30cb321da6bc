/* Privileges given up for good.
 */
#ifndef MER_OS_PRIVILEGE_H
#define MER_OS_PRIVILEGE_H

#include "core/status.h"

/* For a process that serves strangers' bytes: no new privileges by exec, no capability in any set,
 * not dumpable (no core file, no ptrace by equals), few descriptors, no core; one heap for all
 * threads, which asks the kernel for nothing but memory. Cannot be undone.
 * Some of it holds for the calling thread and those that it starts: before any other thread. */
MER_MUST_CHECK mer_status mer_privilege_give_up(mer_err *err);
/* No new process and no new thread, for good (unless it is root's; then a filter has to do it). */
MER_MUST_CHECK mer_status mer_privilege_start_nothing(mer_err *err);

/* The first half of it, for a process that goes on with the rights of its user: no program that it
 * starts gets a privilege that the user does not have. */
MER_MUST_CHECK mer_status mer_privilege_gain_none(mer_err *err);

#endif
