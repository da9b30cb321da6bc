/* The logger: text or JSON lines to any number of sinks, levels, redacted record values.
 *
 * Rules (WARNINGS A2 to A6): outside text goes through mer_quote(); a record's value is a struct
 * mer_cell, which no format accepts, and becomes text only through mer_log_show(), which gives
 * ‹redacted› unless the log was made with `show_data` (--log-data), a fact that the log then
 * records in its first line. A line is one line: control characters in the message are escaped.
 * Thread-safe.
 */
#ifndef MER_CORE_LOG_H
#define MER_CORE_LOG_H

#include "core/ctx.h"

enum mer_log_level { MER_LOG_ERROR, MER_LOG_WARNING, MER_LOG_INFO, MER_LOG_DEBUG, MER_LOG_TRACE };

enum mer_log_format { MER_LOG_TEXT, MER_LOG_JSON };

/* Receives whole lines, newline included. */
struct mer_log_sink {
    enum mer_log_level level; /* this and more severe ones */
    enum mer_log_format format;
    void (*write)(void *self, const char *line, size_t n);
    void *self;
};

enum { MER_LOG_SINKS_MAX = 4, MER_LOG_LINE_MAX = 2000 };

struct mer_log_options {
    bool show_data;
    /* Wall-clock time for the lines, nanoseconds since 1970; NULL: no times. */
    const struct mer_clock *wall_clock;
};

MER_MUST_CHECK mer_status mer_log_new(struct mer_alloc *alloc,
                                      const struct mer_log_options *options,
                                      struct mer_log **ret_log, mer_err *err);
void mer_log_free(struct mer_log *log);
MER_MUST_CHECK mer_status mer_log_add_sink(struct mer_log *log, const struct mer_log_sink *sink,
                                           mer_err *err);

/* NULL log: nothing. `room` is the part that speaks ("frame"). */
void mer_log_write(struct mer_log *log, enum mer_log_level level, const char *room,
                   const char *format, ...) MER_PRINTF(4, 5);
bool mer_log_enabled(const struct mer_log *log, enum mer_log_level level);

#define MER_LOG_AT(ctx, level, room, ...)                                                          \
    do {                                                                                           \
        if (mer_log_enabled((ctx)->log, (level)))                                                  \
            mer_log_write((ctx)->log, (level), (room), __VA_ARGS__);                               \
    } while (0)
#define mer_log_error(ctx, room, ...) MER_LOG_AT(ctx, MER_LOG_ERROR, room, __VA_ARGS__)
#define mer_log_warning(ctx, room, ...) MER_LOG_AT(ctx, MER_LOG_WARNING, room, __VA_ARGS__)
#define mer_log_info(ctx, room, ...) MER_LOG_AT(ctx, MER_LOG_INFO, room, __VA_ARGS__)
#define mer_log_debug(ctx, room, ...) MER_LOG_AT(ctx, MER_LOG_DEBUG, room, __VA_ARGS__)

/* "2026-11-22T20:15:00Z" from nanoseconds since 1970. */
void mer_log_format_utc(uint64_t wall_ns, char ret_text[24]);

/* A value out of a record. */
struct mer_cell {
    const char *bytes;
    size_t n;
};
struct mer_shown {
    char text[160];
};
struct mer_shown mer_log_show(const struct mer_log *log, struct mer_cell cell);

#endif
