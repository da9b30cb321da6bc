/* The journal of a run: one SQLite database in the folder STATE/runs, 0600, with what the run was
 * asked for and what became of each trial. A run that was stopped at any moment finds there what it
 * need not do again; docs/engine.md has the tables.
 *
 * No record's value is in it, and no column's name: those that settings hold come as digests. As
 * long as the model is not saved, the predictions for held-out rows are there, which an ensemble is
 * chosen by; then they are overwritten and taken away. Runs have a file each, so they do not meet.
 * A run holds RUN.lock while it goes on.
 */
#ifndef MER_ENGINE_JOURNAL_H
#define MER_ENGINE_JOURNAL_H

#include "automl/trial.h"
#include "core/ctx.h"

enum { MER_RUN_ID_MAX = 32, MER_RUNS_KEPT = 100, MER_RUN_TEXT_MAX = 65536 };
/* Bytes of predictions that a run keeps; trials beyond that are run again. */
#define MER_JOURNAL_KEPT_MAX ((size_t)256 << 20)

/* What a run is asked for. */
struct mer_run_start {
    const char *makes; /* what it is found by: the model's absolute path, for example; may be "" */
    const char *version;
    const char *data_digest;   /* of the table's file */
    const char *schema_digest; /* "" : none */
    const char *table_digest;  /* of the table as it was read */
    size_t n_rows;
    size_t n_columns;
    /* Lines "name=value", without column names: all that decides which trials are run. */
    const char *settings;
    uint64_t seed;
    bool seed_given;
    uint64_t started_ns; /* wall clock */
};

struct mer_journal; /* opaque */

/* A new run in the folder STATE/runs, which is made where it is missing; the oldest of more than
 * MER_RUNS_KEPT are taken away. */
MER_MUST_CHECK mer_status mer_journal_begin(const struct mer_ctx *ctx, const char *state_folder,
                                            const struct mer_run_start *start,
                                            struct mer_journal **ret_journal, mer_err *err);
/* The last run that makes the same and was not completed. MER_ERR_NO_INPUT when there is none;
 * MER_ERR_EXISTS while it still goes on; MER_ERR_USAGE when the table, a setting or the version is
 * another, with a sentence that says which. */
MER_MUST_CHECK mer_status mer_journal_resume(const struct mer_ctx *ctx, const char *state_folder,
                                             const struct mer_run_start *start,
                                             struct mer_journal **ret_journal, mer_err *err);
/* Lets go of the run as it is. NULL is nothing. */
void mer_journal_close(struct mer_journal *journal);

const char *mer_journal_id(const struct mer_journal *journal);
/* The run's seed, and the seconds that went into it before it was resumed. */
uint64_t mer_journal_seed(const struct mer_journal *journal);
double mer_journal_spent_seconds(const struct mer_journal *journal);

/* What trials are tried on beside the table: the same setting on other rows, or with what another
 * first layer says, is another trial. */
struct mer_journal_scope {
    enum mer_trial_stage stage;
    char digest[17]; /* of those; "" in the first stage, where all follows from the settings */
};

/* The metric that scores are of. */
MER_MUST_CHECK mer_status mer_journal_set_metric(struct mer_journal *journal, const char *metric,
                                                 mer_err *err);
/* What became of the same trial before; *ret_found false: nothing is known, or the predictions that
 * are wanted, of [n_held_out][n_outputs] rounded to floats, were not kept. */
MER_MUST_CHECK mer_status mer_journal_find(struct mer_journal *journal,
                                           const struct mer_journal_scope *scope,
                                           const struct mer_trial_request *request,
                                           size_t n_held_out, size_t n_outputs,
                                           struct mer_trial_result *ret_result, bool *ret_found,
                                           mer_err *err);
/* Notes what became of a trial. One that was given up says nothing and is not noted; one that was
 * noted before stays. */
MER_MUST_CHECK mer_status mer_journal_note(struct mer_journal *journal,
                                           const struct mer_journal_scope *scope,
                                           const struct mer_trial_request *request,
                                           const struct mer_trial_result *result, mer_err *err);

/* How far a run has come. */
enum mer_run_state {
    MER_RUN_SEARCHING, /* stopped, unless it holds its lock */
    MER_RUN_FITTED,    /* the model was made, and not saved */
    MER_RUN_SAVED,
    MER_RUN_FAILED, /* its code says why */
    MER_RUN_STATE_COUNT
};
struct mer_run_end {
    enum mer_run_state state;
    enum mer_code code;
    uint64_t ended_ns;        /* wall clock */
    double score;             /* of what was chosen; NaN: none */
    uint64_t units;           /* 0: not known */
    const char *model_digest; /* "" : none */
};
MER_MUST_CHECK mer_status mer_journal_end(struct mer_journal *journal,
                                          const struct mer_run_end *end, mer_err *err);

/* An engine that knows what the journal does, and asks another for the rest. */
struct mer_journaled_engine {
    struct mer_journal *journal;
    mer_trial_engine_open *open_inner;
    void *inner_opener;
};
/* `self` is a struct mer_journaled_engine. */
mer_trial_engine_open mer_journaled_engine_open;

#endif
