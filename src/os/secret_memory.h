/* Memory for secrets: locked into RAM as far as the limit allows, left out of core dumps, wiped in
 * forked children and before it is given back. And the process as a whole, closed to debuggers and
 * core dumps while it holds a private key.
 */
#ifndef MER_OS_SECRET_MEMORY_H
#define MER_OS_SECRET_MEMORY_H

#include "core/status.h"

/* n > 0 zeroed bytes, rounded up to whole pages. */
MER_MUST_CHECK mer_status mer_secret_memory_map(size_t n, void *ret_pointer, mer_err *err);
/* Wipes and gives back; NULL is nothing. n as it was asked for. */
void mer_secret_memory_unmap(void *pointer, size_t n);

/* Between the first hold and the last release the process writes no core dump and cannot be
 * attached to by others of the same user (prctl PR_SET_DUMPABLE). Process-wide by nature; calls
 * count, from any thread. */
void mer_process_hide(void);
void mer_process_unhide(void);

#endif
