/* Scratch files without names: O_TMPFILE in the chosen folder, else a memfd. Nothing to clean up,
 * ever. */
#ifndef MER_OS_SCRATCH_H
#define MER_OS_SCRATCH_H

#include "core/status.h"

/* The folder: `directory`, else TMPDIR, TEMP, TMP, else /tmp. Points into the argument or the
 * environment. */
const char *mer_scratch_folder(const char *directory);
/* An unnamed, close-on-exec file for reading and writing; the caller closes it. */
MER_MUST_CHECK mer_status mer_scratch_unnamed(const char *folder, int *ret_fd, mer_err *err);

#endif
