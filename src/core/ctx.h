/* The context: everything that a function needs from outside and that would otherwise be global.
 *
 * A context is borrowed, never owned, by what it is passed to. Any pointer but `alloc` may be NULL:
 * no log, no threads beside the caller's, no clock (time budgets then do not exist), no cancelling,
 * no progress display. A zeroed context with `alloc` set is valid (plain kernels, one thread).
 */
#ifndef MER_CORE_CTX_H
#define MER_CORE_CTX_H

#include <stdatomic.h>

#include "core/alloc.h"
#include "core/cpu.h"

struct mer_log;
struct mer_team;

/* Monotonic nanoseconds. Pure rooms see a clock only through this. */
struct mer_clock {
    uint64_t (*now_ns)(void *self);
    void *self;
};

/* Set from a signal handler or another thread; polled by long loops. Holds the signal's number. */
struct mer_cancel {
    _Atomic int signal;
};

/* What a long step tells whoever shows it: `done` of `total` units of `phase` ("reading",
 * "fitting"). Called from the thread that drives the step only, at most some hundred times a
 * second. */
struct mer_progress {
    void (*report)(void *self, const char *phase, uint64_t done, uint64_t total);
    void *self;
};

struct mer_ctx {
    struct mer_alloc *alloc;
    struct mer_log *log;
    struct mer_team *team;
    const struct mer_clock *clock;
    struct mer_cancel *cancel;
    const struct mer_progress *progress;
    enum mer_cpu_level cpu; /* kernels use at most this; results do not depend on it */
    uint64_t deadline_ns;   /* by `clock`; work that has not ended by then is given up; 0: none */
};

/* Fails with MER_ERR_CANCELLED once a stop was asked for, with MER_ERR_BUDGET once the deadline has
 * passed. */
MER_MUST_CHECK mer_status mer_ctx_check_cancel(const struct mer_ctx *ctx, mer_err *err);
/* The clock's time in nanoseconds, or 0 without a clock. */
uint64_t mer_ctx_now_ns(const struct mer_ctx *ctx);
void mer_ctx_progress(const struct mer_ctx *ctx, const char *phase, uint64_t done, uint64_t total);

#endif
