/* The table of what a search tried, best first, for people. */
#ifndef MER_CLI_LEADERBOARD_H
#define MER_CLI_LEADERBOARD_H

#include "cli/session.h"

/* At most n_max lines; times only when the search was just run (they are in no model). */
void mer_cli_print_leaderboard(struct mer_cli *cli, const struct mer_facts *facts, size_t n_max,
                               bool with_times);
/* "accuracy 0.76, auc 0.79": of what predicts, on a line of its own. */
void mer_cli_print_reported(struct mer_cli *cli, const struct mer_facts *facts, const char *indent);
/* "alpha=0.1 l1_ratio=0": what differs from the family's defaults, or "defaults". */
struct mer_cli_params {
    char text[160];
};
struct mer_cli_params mer_cli_show_params(const struct mer_family *family,
                                          const struct mer_params *params);
/* The models that predict with their settings, and shares where there are several. */
void mer_cli_print_members(struct mer_cli *cli, const struct mer_facts *facts);
/* How probabilities were calibrated, and from which one on the second class is predicted, where
 * that was learned; what stands before each line. */
void mer_cli_print_findings(struct mer_cli *cli, const struct mer_facts *facts, const char *indent);
/* "leaderboard": [...] as a member of the document's object. */
void mer_cli_put_leaderboard(struct mer_cli_document *document, const struct mer_facts *facts,
                             bool with_times);

#endif
