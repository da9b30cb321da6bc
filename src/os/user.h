/* Whose rights the process has.
 */
#ifndef MER_OS_USER_H
#define MER_OS_USER_H

#include "core/status.h"

/* Whether the process runs with the effective user id 0. */
bool mer_user_is_root(void);

/* Becomes that user (and its groups, and HOME) for good, without a way to new privileges; checked
 * by trying to come back. MER_ERR_USAGE for an unknown name, MER_ERR_TRUST for a process that may
 * not. */
MER_MUST_CHECK mer_status mer_user_become(const char *user, mer_err *err);

#endif
