/* Landlock: the process gives up the file system and, where the kernel knows how, TCP, abstract
 * sockets and signals to others. One ruleset without a single rule: nothing is allowed. Open
 * descriptors stay usable.
 */
#ifndef MER_OS_LANDLOCK_H
#define MER_OS_LANDLOCK_H

#include "core/status.h"

/* The version of the interface that the kernel has; 0: none. */
int mer_landlock_abi(void);

/* Denies everything that this kernel's version can deny, for good. Needs no_new_privs.
 * MER_ERR_ABSENT where the kernel has no Landlock. */
MER_MUST_CHECK mer_status mer_landlock_deny_all(mer_err *err);

#endif
