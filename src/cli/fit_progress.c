/* What is shown while fit searches. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/fit.h"

void mer_cli_fit_on_trial(void *self, const char *family, double score, double deviation,
                          double seconds, size_t n_done, size_t n_planned)
{
    const struct fit *const fit = self;
    mer_log_info(&fit->cli->context->ctx, "cli",
                 "trial %zu of %zu: %s, score %.6g +- %.3g in %.3f s", n_done, n_planned, family,
                 score, deviation, seconds);
}

/* "23 trials, best gbdt log_loss 0.31240, 12 s left, 130 MB"; a terminal's line has no room for the
 * metric. */
static void show_state(const struct mer_fit_state *state, bool with_metric, char *ret_text,
                       size_t size)
{
    char left[48] = "", best[96] = "";
    if (state->best_family)
        (void)snprintf(best, sizeof best, ", best %s %s%s%s", state->best_family,
                       with_metric ? state->metric : "", with_metric ? " " : "",
                       mer_cli_show_score(state->best_score).text);
    if (isfinite(state->seconds_left))
        (void)snprintf(left, sizeof left, ", %.0f s left", state->seconds_left);
    (void)snprintf(ret_text, size, "%zu trial%s%s%s, %s", state->n_trials,
                   state->n_trials == 1 ? "" : "s", best, left,
                   mer_cli_show_bytes(state->memory_bytes).text);
}

/* On a terminal one line that changes; with --progress lines a line for each that is better than
 * all before, and one for each ten seconds without any. */
void mer_cli_fit_on_state(void *self, const struct mer_fit_state *state)
{
    enum { SECONDS_BETWEEN_LINES = 10 };
    struct fit *const fit = self;
    char text[200];
    show_state(state, false, text, sizeof text);
    mer_cli_progress_note(&fit->cli->progress, state->share, text);
    const bool is_due = state->seconds >= fit->shown_seconds + SECONDS_BETWEEN_LINES;
    if (!fit->arguments->progress || strcmp(fit->arguments->progress, "lines") != 0 ||
        !(state->has_improved || is_due))
        return;
    fit->shown_seconds = state->seconds;
    show_state(state, true, text, sizeof text);
    mer_cli_note(fit->cli, "%3.0f %% %s\n", 100 * state->share, text);
}
