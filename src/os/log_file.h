/* The log file: created exclusively (no existing file, no symbolic link), 0600 while open, 0400
 * when closed in whichever way the program ends that lets it act. A log is never continued or
 * replaced, and lies only where nobody but its owner and root could replace it: in folders of
 * theirs, all the way up, that others cannot write in or that are sticky. */
#ifndef MER_OS_LOG_FILE_H
#define MER_OS_LOG_FILE_H

#include "core/status.h"

struct mer_log_file {
    _Atomic int fd; /* -1: closed */
};
MER_MUST_CHECK mer_status mer_log_file_open(struct mer_log_file *file, const char *path,
                                            mer_err *err);
/* For struct mer_log_sink: write(self = struct mer_log_file *). */
void mer_log_file_write(void *self, const char *line, size_t n);
/* fchmod 0400, close. Async-signal-safe; may be called again. */
void mer_log_file_seal(struct mer_log_file *file);

#endif
