/* The system's clocks as core/ctx.h wants them, and resource use. */
#ifndef MER_OS_CLOCK_H
#define MER_OS_CLOCK_H

#include "core/ctx.h"

extern const struct mer_clock MER_CLOCK_MONOTONIC;
extern const struct mer_clock MER_CLOCK_WALL; /* nanoseconds since 1970-01-01 */

/* "2026-11-22T20:15:00Z" from wall-clock nanoseconds. */
void mer_clock_format_utc(uint64_t wall_ns, char ret_text[24]);

/* The most memory that the process, or a child of it that has ended, had at once. */
size_t mer_peak_rss_bytes(void);
unsigned mer_processors_available(void); /* respects the affinity mask */

#endif
