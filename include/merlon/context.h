/* A context: memory budget, threads, logger and cancelling, for every call that does work. A
 * context may be used by one thread at a time; contexts are independent of each other. */
#ifndef MERLON_CONTEXT_H
#define MERLON_CONTEXT_H

#include "merlon/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mer_context;

struct mer_context_options {
    size_t size;         /* sizeof(struct mer_context_options): lets the struct grow */
    size_t memory_bytes; /* byte budget of everything allocated through the context; 0: no limit */
    unsigned n_threads;  /* 0: one per processor available */
    const char *cpu;     /* "plain", "avx2" or "avx512" at most; NULL: the best there is */
    /* Progress of long steps, done of total units of a phase; NULL: none. Called from the calling
     * thread. */
    void (*on_progress)(void *self, const char *phase, uint64_t done, uint64_t total);
    void *self;
    /* Tables and schemas are parsed in a process of the program merlon-cell, which can reach
     * nothing. Its absolute path; NULL: beside the running program, else where Merlon was
     * installed. */
    const char *cell_program;
    /* 1: refuse (MER_ERR_ABSENT) where the kernel has no Landlock or forbids namespaces; 0: make do
     * with a system-call filter, without which nothing is parsed. */
    int require_full_cell;
};

/* options NULL: defaults. Free with mer_context_free. */
MER_API MER_MUST_CHECK mer_status mer_context_new(const struct mer_context_options *options,
                                                  struct mer_context **ret_context, mer_err *err);
MER_API void mer_context_free(struct mer_context *context);

/* Asks whatever runs in the context to end with MER_ERR_CANCELLED; async-signal-safe.
 * `signal_number` is kept for mer_context_cancelled_by (0 when not cancelled). */
MER_API void mer_context_cancel(struct mer_context *context, int signal_number);
MER_API int mer_context_cancelled_by(const struct mer_context *context);

/* Bytes in use and their peak. */
MER_API size_t mer_context_used_bytes(const struct mer_context *context);
MER_API size_t mer_context_peak_bytes(const struct mer_context *context);

/* "0.1.0" */
MER_API const char *mer_version(void);

#ifdef __cplusplus
}
#endif
#endif
