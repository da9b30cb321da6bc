/* The one team of threads in the process. Work is cut into numbered tasks whose number and borders
 * depend on the data alone, never on the number of threads; a task writes to its own place, and the
 * caller combines the places in order: so results do not depend on threads.
 *
 * Threads sleep between runs and take no signals; where fewer can be started than were asked for,
 * the work is done by those there are. A team may not be used from inside a task, nor in a child
 * after fork. No OpenMP: it hangs after fork and blinds ThreadSanitizer.
 */
#ifndef MER_CORE_TEAM_H
#define MER_CORE_TEAM_H

#include "core/alloc.h"

struct mer_team;

typedef void mer_task_fn(void *argument, size_t task, size_t worker);

/* n_threads counts the caller: 1 starts no thread. Threads are started on the first run. */
MER_MUST_CHECK mer_status mer_team_new(struct mer_alloc *alloc, size_t n_threads,
                                       struct mer_team **ret_team, mer_err *err);
void mer_team_free(struct mer_team *team);
/* Starts the threads now, and returns when each of them waits for work: for a process that soon may
 * not start any. */
void mer_team_start(struct mer_team *team);
/* 1 for NULL. Workers are numbered from 0. */
size_t mer_team_size(const struct mer_team *team);
/* Runs task 0 .. n_tasks - 1, each once, and returns when all have ended. NULL: the caller's
 * thread. */
void mer_team_run(struct mer_team *team, mer_task_fn *task, void *argument, size_t n_tasks);

#endif
