/* Where a helper program of ours lies: never through PATH or the environment.
 */
#ifndef MER_OS_PROGRAM_H
#define MER_OS_PROGRAM_H

#include "core/status.h"

/* The path of `name`: beside the running program, else in `beside_it`, a folder relative to the
 * running program's, else in `fixed`, an absolute folder. A program that others could have put
 * there or could change (owned by neither root, the user nor the running program's owner; writable
 * by all) is MER_ERR_TRUST, none is MER_ERR_ABSENT. *ret_path is malloc's. */
MER_MUST_CHECK mer_status mer_program_find(const char *name, const char *beside_it,
                                           const char *fixed, char **ret_path, mer_err *err);

#endif
