#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/terminal.h"

enum { BAR_CELLS = 24, NS_BETWEEN_LINES = 100000000, NS_BEFORE_FIRST_LINE = 300000000 };

void mer_cli_progress_init(struct mer_cli_progress *progress, bool enabled)
{
    *progress = (struct mer_cli_progress){.enabled = enabled && mer_terminal_is(STDERR_FILENO)};
}

/* "3 s", "2 min 05 s", "1 h 20 min" */
static void show_remaining(double seconds, char *ret_text, size_t size)
{
    const unsigned s = seconds < 4e9 ? (unsigned)(seconds + 0.5) : 4000000000U;
    if (s < 60)
        (void)snprintf(ret_text, size, "%u s", s);
    else if (s < 3600)
        (void)snprintf(ret_text, size, "%u min %02u s", s / 60, s % 60);
    else
        (void)snprintf(ret_text, size, "%u h %02u min", s / 3600, s % 3600 / 60);
}

/* 1234567 as "1.2 M" */
static void show_rate(double rate, char *ret_text, size_t size)
{
    static const char *const prefixes[] = {"", " k", " M", " G", " T"};
    size_t i = 0;
    for (; rate >= 1000 && i + 1 < sizeof prefixes / sizeof prefixes[0]; i++)
        rate /= 1000;
    (void)snprintf(ret_text, size, rate < 10 ? "%.1f%s" : "%.0f%s", rate, prefixes[i]);
}

static void draw_bar(double share, char bar[BAR_CELLS + 1])
{
    const int filled = (int)((share > 1 ? 1 : share) * BAR_CELLS);
    for (int i = 0; i < BAR_CELLS; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[BAR_CELLS] = '\0';
}

void mer_cli_progress_line(const char *phase, uint64_t done, uint64_t total, double seconds,
                           unsigned columns, char *ret_line, size_t size)
{
    const double share = total ? (double)done / (double)total : 0;
    const double bounded = share > 1 ? 1 : share;
    char bar[BAR_CELLS + 1];
    draw_bar(bounded, bar);
    char rate[24] = "", remaining[40] = "";
    if (seconds > 0 && done > 0) {
        show_rate((double)done / seconds, rate, sizeof rate);
        if (total)
            show_remaining(seconds * (1 - bounded) / (bounded > 0 ? bounded : 1), remaining,
                           sizeof remaining);
    }
    const int n = snprintf(ret_line, size, "%s [%s] %3.0f%%%s%s%s%s%s", phase, bar, bounded * 100,
                           rate[0] ? "  " : "", rate, rate[0] ? "/s" : "",
                           remaining[0] ? "  remaining " : "", remaining);
    if (n > 0 && (size_t)n >= columns && columns > 0 && columns <= size)
        ret_line[columns - 1] = '\0';
}

void mer_cli_progress_note(struct mer_cli_progress *progress, double share, const char *note)
{
    progress->share = share;
    (void)snprintf(progress->note, sizeof progress->note, "%s", note);
}

static void note_line(const struct mer_cli_progress *progress, unsigned columns, char *ret_line,
                      size_t size)
{
    char bar[BAR_CELLS + 1];
    draw_bar(progress->share, bar);
    /* Every other cell: the note is worth more than the bar. */
    for (size_t i = 0; i < BAR_CELLS / 2; i++)
        bar[i] = bar[2 * i];
    bar[BAR_CELLS / 2] = '\0';
    const int n = snprintf(ret_line, size, "[%s] %s", bar, progress->note);
    if (n > 0 && (size_t)n >= columns && columns > 0 && columns <= size)
        ret_line[columns - 1] = '\0';
}

void mer_cli_progress_report(void *self, const char *phase, uint64_t done, uint64_t total)
{
    struct mer_cli_progress *const progress = self;
    if (!progress->enabled)
        return;
    const uint64_t now = MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self);
    if (strncmp(progress->phase, phase, sizeof progress->phase - 1) != 0) {
        mer_cli_progress_clear(progress);
        (void)snprintf(progress->phase, sizeof progress->phase, "%s", phase);
        progress->phase_start_ns = now;
        progress->last_shown_ns = now + NS_BEFORE_FIRST_LINE - NS_BETWEEN_LINES;
    }
    if (done >= total) {
        mer_cli_progress_clear(progress);
        return;
    }
    if (now < progress->last_shown_ns + NS_BETWEEN_LINES)
        return;
    progress->last_shown_ns = now;
    char line[200];
    const unsigned columns = mer_terminal_columns(STDERR_FILENO);
    if (progress->note[0] && strcmp(phase, "searching") == 0)
        note_line(progress, columns, line, sizeof line);
    else
        mer_cli_progress_line(phase, done, total, (double)(now - progress->phase_start_ns) * 1e-9,
                              columns, line, sizeof line);
    (void)fprintf(stderr, "\r%s\033[K", line);
    (void)fflush(stderr);
    progress->shown = true;
}

void mer_cli_progress_clear(struct mer_cli_progress *progress)
{
    if (!progress->shown)
        return;
    (void)fputs("\r\033[K", stderr);
    (void)fflush(stderr);
    progress->shown = false;
}
