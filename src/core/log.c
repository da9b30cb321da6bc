#include "core/log.h"

#include <assert.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/utf8.h"

static const char *const level_names[] = {"error", "warning", "info", "debug", "trace"};
enum { LEVEL_COUNT = sizeof level_names / sizeof *level_names };

struct mer_log {
    struct mer_alloc *alloc;
    struct mer_log_options options;
    pthread_mutex_t mutex; /* over the sinks: a line is written as a whole */
    struct mer_log_sink sinks[MER_LOG_SINKS_MAX];
    size_t n_sinks;
    _Atomic int least_severe; /* of all sinks; -1: none */
};

mer_status mer_log_new(struct mer_alloc *alloc, const struct mer_log_options *options,
                       struct mer_log **ret_log, mer_err *err)
{
    struct mer_log *log;
    MER_GUARD(mer_alloc_zero(alloc, 1, sizeof *log, &log, err));
    log->alloc = alloc;
    log->options = *options;
    log->least_severe = -1;
    (void)pthread_mutex_init(&log->mutex, NULL); /* cannot fail with default attributes */
    *ret_log = log;
    return mer_ok();
}

void mer_log_free(struct mer_log *log)
{
    if (!log)
        return;
    pthread_mutex_destroy(&log->mutex);
    mer_free(log->alloc, log);
}

bool mer_log_enabled(const struct mer_log *log, enum mer_log_level level)
{
    return log && (int)level <= atomic_load_explicit(&log->least_severe, memory_order_relaxed);
}

void mer_log_format_utc(uint64_t wall_ns, char ret_text[24])
{
    const time_t seconds = (time_t)(wall_ns / 1000000000u);
    struct tm utc;
    if (!gmtime_r(&seconds, &utc) || strftime(ret_text, 24, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        memcpy(ret_text, "0000-00-00T00:00:00Z", sizeof "0000-00-00T00:00:00Z");
}

/* A line under construction: what does not fit is dropped, and the line says so. */
struct line {
    char text[MER_LOG_LINE_MAX];
    size_t n;
    bool full;
};

/* Room at the end for what closes the longest line: ..."} and a newline. */
enum { LINE_RESERVE = 8 };

static void put(struct line *line, const char *bytes, size_t n)
{
    if (line->full || n > sizeof line->text - LINE_RESERVE - line->n) {
        line->full = true;
        return;
    }
    memcpy(line->text + line->n, bytes, n);
    line->n += n;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_final(struct line *line, const char *text)
{
    const size_t n = strlen(text);
    memcpy(line->text + line->n, text, n);
    line->n += n;
}

/* The message with everything that could forge a line made visible: bytes as \xNN, which JSON
 * spells
 * \\xNN. */
static void put_escaped(struct line *line, const char *message, bool json)
{
    const unsigned char *s = (const unsigned char *)message;
    const size_t n = strlen(message);
    for (size_t i = 0; i < n;) {
        const size_t length = mer_utf8_length(s + i, n - i);
        if (length == 0 || !mer_utf8_printable(s + i, length)) {
            const size_t n_bytes = length == 0 ? 1 : length;
            for (size_t k = 0; k < n_bytes; k++) {
                char escaped[8];
                const int n_escaped =
                    snprintf(escaped, sizeof escaped, json ? "\\\\x%02x" : "\\x%02x", s[i + k]);
                put(line, escaped, (size_t)n_escaped);
            }
            i += n_bytes;
            continue;
        }
        if (json && (s[i] == '"' || s[i] == '\\'))
            put(line, s[i] == '"' ? "\\\"" : "\\\\", 2);
        else
            put(line, message + i, length);
        i += length;
    }
}

static void format_text(struct line *line, const char *time, const char *level, const char *room,
                        const char *message)
{
    if (time[0]) {
        put_text(line, time);
        put_text(line, " ");
    }
    put_text(line, level);
    put_text(line, " ");
    put_escaped(line, room, false);
    put_text(line, ": ");
    put_escaped(line, message, false);
    put_final(line, line->full ? "...\n" : "\n");
}

static void format_json(struct line *line, const char *time, const char *level, const char *room,
                        const char *message)
{
    put_text(line, "{");
    if (time[0]) {
        put_text(line, "\"time\":\"");
        put_text(line, time);
        put_text(line, "\",");
    }
    put_text(line, "\"level\":\"");
    put_text(line, level);
    put_text(line, "\",\"room\":\"");
    put_escaped(line, room, true);
    put_text(line, "\",\"message\":\"");
    put_escaped(line, message, true);
    put_final(line, line->full ? "...\"}\n" : "\"}\n");
}

static void write_to(const struct mer_log *log, const struct mer_log_sink *sink,
                     enum mer_log_level level, const char *room, const char *message)
{
    char time[24] = "";
    struct line line = {.n = 0};
    const struct mer_clock *clock = log->options.wall_clock;
    if (clock)
        mer_log_format_utc(clock->now_ns(clock->self), time);
    if (sink->format == MER_LOG_JSON)
        format_json(&line, time, level_names[level], room, message);
    else
        format_text(&line, time, level_names[level], room, message);
    sink->write(sink->self, line.text, line.n);
}

mer_status mer_log_add_sink(struct mer_log *log, const struct mer_log_sink *sink, mer_err *err)
{
    mer_status status = mer_ok();
    pthread_mutex_lock(&log->mutex);
    if (log->n_sinks == MER_LOG_SINKS_MAX) {
        status = mer_fail(err, MER_ERR_INTERNAL, "a log has at most %d sinks", MER_LOG_SINKS_MAX);
    } else {
        log->sinks[log->n_sinks++] = *sink;
        if ((int)sink->level > log->least_severe)
            log->least_severe = (int)sink->level;
        /* Whoever reads the log later must know that it holds records, whatever its level. */
        if (log->options.show_data)
            write_to(log, sink, MER_LOG_WARNING, "log",
                     "record values are shown in this log (show_data)");
    }
    pthread_mutex_unlock(&log->mutex);
    return status;
}

void mer_log_write(struct mer_log *log, enum mer_log_level level, const char *room,
                   const char *format, ...)
{
    char message[MER_LOG_LINE_MAX];
    if (!mer_log_enabled(log, level) || (size_t)level >= LEVEL_COUNT)
        return;
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (n < 0)
        return;
    pthread_mutex_lock(&log->mutex);
    for (size_t i = 0; i < log->n_sinks; i++)
        if (level <= log->sinks[i].level)
            write_to(log, &log->sinks[i], level, room, message);
    pthread_mutex_unlock(&log->mutex);
}

struct mer_shown mer_log_show(const struct mer_log *log, struct mer_cell cell)
{
    struct mer_shown shown = {.text = "\u2039redacted\u203a"};
    if (log && log->options.show_data) {
        const struct mer_quoted quoted = mer_quote_n(cell.bytes, cell.n);
        static_assert(sizeof shown.text >= sizeof quoted.text, "a quoted text fits");
        memcpy(shown.text, quoted.text, sizeof quoted.text);
    }
    return shown;
}
