/* Signals of the program: the first SIGINT or SIGTERM asks for a clean end, the second ends at
 * once. SIGPIPE is ignored (writes fail instead). Process-wide by nature: for programs, never for
 * the library. */
#ifndef MER_OS_SIGNALS_H
#define MER_OS_SIGNALS_H

#include "core/ctx.h"

/* From now on SIGINT, SIGTERM and SIGHUP set `cancel`; a second one calls `last_words`
 * (async-signal-safe, may be NULL: seals the log file) and ends the process by that signal. A
 * SIGHUP that is ignored (nohup) stays ignored. */
MER_MUST_CHECK mer_status mer_signals_install(struct mer_cancel *cancel, void (*last_words)(void),
                                              mer_err *err);

/* The number of what Ctrl-C sends. */
extern const int MER_SIGNAL_INTERRUPT;

#endif
