/* Scores of a model on a labelled table, of all rows and of groups, gathered before any is shown.
 */
#ifndef MER_CLI_SCORES_H
#define MER_CLI_SCORES_H

#include "cli/loading.h"

enum { MER_CLI_SCORES_MAX = 1 << 15 };

struct mer_cli_scores {
    struct mer_alloc alloc;
    struct mer_card_score *items; /* owned, as are the names of groups in them */
    size_t n;
    size_t capacity;
    size_t n_rows;
    mer_status status;
};

/* Scores the loaded table, and the groups that a column makes (NULL: none); to be released also
 * after a failure. */
MER_MUST_CHECK mer_status mer_cli_scores_gather(struct mer_cli_scores *scores,
                                                const struct mer_cli_loaded *loaded, const char *by,
                                                mer_err *err);
void mer_cli_scores_release(struct mer_cli_scores *scores);

#endif
