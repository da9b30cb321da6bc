/* What the files of the command `fit` share: its arguments, and what a run of it holds. */
#ifndef MER_CLI_FIT_H
#define MER_CLI_FIT_H

#include "api/replay.h"
#include "cli/reading.h"
#include "cli/session.h"

#define MER_FIT_DEFAULT_KEY "default"

struct fit_arguments {
    const char *data;
    const char *target;
    const char *out;
    const char *task;
    double budget;
    uint64_t units;
    uint64_t trials;
    uint64_t patience;
    const char *space;
    uint64_t threads;
    uint64_t workers;
    uint64_t memory;
    struct mer_cli_seed seed;
    const char *metric;
    const char *report_metrics;
    const char *model;
    const char *include;
    const char *exclude;
    struct mer_cli_settings params;
    struct mer_cli_settings monotone;
    const char *valid;
    uint64_t folds;
    uint64_t repeats;
    const char *group_column;
    const char *time_column;
    const char *gap;
    const char *folds_column;
    const char *class_weight;
    const char *deploy;
    uint64_t layers;
    const char *calibrate;
    const char *threshold;
    const char *quantiles;
    const char *progress;
    bool leave_out_leaks;
    bool require_signed_data;
    const char *report;
    bool pseudonymize;
    const char *project;
    bool resume;
    bool no_journal;
    const char *replay;
    const char *continue_from;
    const char *key;
    const char *certificate;
    uint64_t serial;
    uint64_t passphrase_fd;
    struct mer_cli_reading reading;
    bool force;
};

/* What a run holds, from the first step to the last. */
struct fit {
    struct mer_cli *cli;
    const struct fit_arguments *arguments;
    struct mer_trust *trust;
    struct mer_signer *signer;
    bool key_is_new;
    struct mer_pseudonyms *pseudonyms;
    bool project_is_new;
    struct mer_table *table;
    struct mer_table *valid; /* that trials are scored on; NULL: parts of the table */
    double quantiles[MER_QUANTILES_MAX];
    size_t n_quantiles;
    double shown_seconds; /* of the search, when a line of progress was last printed */
    char *space;
    struct mer_replay *replay;
    struct mer_fitted *start; /* to go on with */
    struct mer_fitted *model;
    struct mer_saved saved;
    double save_seconds;
    uint64_t search_start_ns;
};

/* fit_check.c: what is wrong before the table is read, and not hours later. */

/* That options agree with each other. Reads --quantiles. */
mer_status mer_cli_fit_check(struct fit *fit, mer_err *err);
/* That every output can be written. */
mer_status mer_cli_fit_check_outputs(const struct fit_arguments *arguments, mer_err *err);
/* Reads --space, if there is one, and checks it. */
mer_status mer_cli_fit_read_space(struct fit *fit, mer_err *err);

/* fit_show.c: what people and machines are told. */

void mer_cli_fit_print_data(struct fit *fit);
void mer_cli_fit_print_result(struct fit *fit);
mer_status mer_cli_fit_emit_json(struct fit *fit, mer_err *err);

/* fit_progress.c: called while a search runs (struct mer_fit_options). */

void mer_cli_fit_on_trial(void *self, const char *family, double score, double deviation,
                          double seconds, size_t n_done, size_t n_planned);
void mer_cli_fit_on_state(void *self, const struct mer_fit_state *state);

#endif
