/* A thread that walks through mapped bytes ahead of those who compute with them, so that they find
 * the pages there: faults are taken beside the work instead of in it.
 */
#ifndef MER_OS_AHEAD_H
#define MER_OS_AHEAD_H

#include "core/alloc.h"

struct mer_ahead;

MER_MUST_CHECK mer_status mer_ahead_new(struct mer_alloc *alloc, struct mer_ahead **ret_ahead,
                                        mer_err *err);
/* Ends the thread; NULL is nothing. */
void mer_ahead_free(struct mer_ahead *ahead);
/* Starts the thread and returns when it waits, for a process that soon may not start any. Without
 * a thread, or with NULL, the functions below do nothing. */
void mer_ahead_start(struct mer_ahead *ahead);

/* Bytes that can be read until mer_ahead_stop has returned. One walk at a time. */
void mer_ahead_walk(struct mer_ahead *ahead, const unsigned char *bytes, size_t n);
void mer_ahead_stop(struct mer_ahead *ahead);

#endif
