/* Where a program keeps what outlives a run but is not its result: the state folder of the XDG Base
 * Directory Specification.
 */
#ifndef MER_OS_STATE_FOLDER_H
#define MER_OS_STATE_FOLDER_H

#include "core/status.h"

/* `folder` or, where it is NULL, $XDG_STATE_HOME/merlon, else $HOME/.local/state/merlon; malloc,
 * free with free. MER_ERR_ABSENT when there is none. */
MER_MUST_CHECK mer_status mer_state_folder(const char *folder, char **ret_folder, mer_err *err);

/* A new, empty file that its owner alone may read and write; MER_ERR_EXISTS when the name is taken.
 */
MER_MUST_CHECK mer_status mer_private_file_make(const char *path, mer_err *err);
/* Holds the file at `path`, which is made where it is missing, for as long as *ret_fd is open;
 * MER_ERR_EXISTS when somebody else holds it. The kernel lets go of it when the process ends. */
MER_MUST_CHECK mer_status mer_lock_take(const char *path, int *ret_fd, mer_err *err);
/* Takes a file's name away; that there is none is fine. */
MER_MUST_CHECK mer_status mer_file_remove(const char *path, mer_err *err);

#endif
