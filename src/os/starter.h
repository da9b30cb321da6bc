/* A thread that starts what has to outlive the thread that wants it: a child started with
 * os/spawn.h ends with the thread that started it.
 */
#ifndef MER_OS_STARTER_H
#define MER_OS_STARTER_H

#include "core/alloc.h"

struct mer_starter;

MER_MUST_CHECK mer_status mer_starter_new(struct mer_alloc *alloc, struct mer_starter **ret_starter,
                                          mer_err *err);
/* Ends the thread, and with it what it started. Nobody may use it any more; NULL is nothing. */
void mer_starter_free(struct mer_starter *starter);

/* Runs start(argument, err) in the thread, one caller after the other, and returns what it did. */
MER_MUST_CHECK mer_status mer_starter_run(struct mer_starter *starter,
                                          mer_status (*start)(void *argument, mer_err *err),
                                          void *argument, mer_err *err);

#endif
