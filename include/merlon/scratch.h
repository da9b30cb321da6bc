/* Scratch space without names: memory or files that vanish with the process however it ends. */
#ifndef MERLON_SCRATCH_H
#define MERLON_SCRATCH_H

#include "merlon/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The folder for O_TMPFILE scratch: `directory`, else TMPDIR, TEMP, TMP, else /tmp. */
MER_API MER_MUST_CHECK mer_status mer_scratch_open(struct mer_context *context,
                                                   const char *directory, mer_err *err);
/* A new unnamed file in the context's scratch folder, open for reading and writing, close-on-exec;
 * the caller closes it. memfd where the folder's file system has no unnamed files. */
MER_API MER_MUST_CHECK mer_status mer_scratch_file(struct mer_context *context, int *ret_fd,
                                                   mer_err *err);

#ifdef __cplusplus
}
#endif
#endif
