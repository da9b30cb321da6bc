/* A line on a terminal's standard error that shows how far a long step is: a bar, the rate and the
 * time that remains. Nothing where standard error is no terminal. */
#ifndef MER_CLI_PROGRESS_H
#define MER_CLI_PROGRESS_H

#include "core/status.h"

struct mer_cli_progress {
    bool enabled;
    bool shown;     /* the line is on the screen */
    char phase[32]; /* a copy: who reports may have it on the stack. "": there was none */
    uint64_t phase_start_ns;
    uint64_t last_shown_ns;
    /* How far a search is, which knows more than its steps; "" : nothing is known. */
    double share;
    char note[120];
};

void mer_cli_progress_init(struct mer_cli_progress *progress, bool enabled);
/* For struct mer_context_options: self is a struct mer_cli_progress. */
void mer_cli_progress_report(void *self, const char *phase, uint64_t done, uint64_t total);
/* Takes the line away, before anything else is written and at the end. */
/* What the line of a search says from now on: how far it is and what it has found. */
void mer_cli_progress_note(struct mer_cli_progress *progress, double share, const char *note);
void mer_cli_progress_clear(struct mer_cli_progress *progress);

/* The line for a step that is `done` of `total`, after `seconds`; at most `columns` wide. Pure, for
 * tests too. */
void mer_cli_progress_line(const char *phase, uint64_t done, uint64_t total, double seconds,
                           unsigned columns, char *ret_line, size_t size);

#endif
