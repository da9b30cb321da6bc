/* Files that nobody else may read and folders that nobody else may write: refused when their owner
 * or mode says otherwise, checked on the opened file and never on its name.
 */
#ifndef MER_OS_PRIVATE_FILE_H
#define MER_OS_PRIVATE_FILE_H

#include "core/status.h"

enum mer_privacy {
    MER_PRIVACY_READ, /* nobody else may read or write it: a private key */
    MER_PRIVACY_WRITE /* nobody else may write it: a key that is trusted */
};

/* Reads a whole file of at most `max` bytes that is a regular file (no symbolic link), belongs to
 * this user or root and grants no more than `privacy` says to group and others. MER_ERR_NO_INPUT
 * when it is missing, MER_ERR_TRUST with the chmod to do when it is open to others. */
MER_MUST_CHECK mer_status mer_private_file_read(const char *path, enum mer_privacy privacy,
                                                void *ret_bytes, size_t max, size_t *ret_n,
                                                mer_err *err);

/* Removes such a file for good: overwrites it, as far as its file system overwrites in place, takes
 * its name away, and syncs both. MER_ERR_TRUST where it is a link or has a second name: then its
 * contents would stay. */
MER_MUST_CHECK mer_status mer_private_file_destroy(const char *path, mer_err *err);

/* The same checks for a file that somebody else opens: by its name, which must lie in a folder that
 * only this user can write in. It is not opened. */
MER_MUST_CHECK mer_status mer_private_file_check(const char *path, enum mer_privacy privacy,
                                                 mer_err *err);

/* MER_ERR_TRUST unless the folder belongs to this user or root and only its owner may write in it;
 * MER_ERR_NO_INPUT when it is missing. */
MER_MUST_CHECK mer_status mer_private_folder_check(const char *path, mer_err *err);

#endif
