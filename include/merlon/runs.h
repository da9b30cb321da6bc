/* Runs: what the journals tell of fits of the past (struct mer_fit_options, `journal`). The same as
 * `merlon runs list`, `show`, `diff` and `forget`.
 *
 * state_folder is that of the fits; NULL: $XDG_STATE_HOME/merlon, or ~/.local/state/merlon. No
 * context is needed: any thread may call these at any time, also while runs go on, here or in other
 * processes. What callbacks are given is borrowed for the time of the call; they are called from
 * the calling thread. No record's value and no column's name is in a journal.
 */
#ifndef MERLON_RUNS_H
#define MERLON_RUNS_H

#include "merlon/model.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mer_run_summary {
    size_t size;       /* sizeof(struct mer_run_summary) */
    const char *id;    /* "20261125T162143Z-1f2e3d4c" */
    const char *error; /* the journal cannot be read: nothing else but the id is known; NULL: it can
                        */
    const char *state; /* "running", "stopped", "saved", "not saved", "failed" */
    const char *failure; /* the name of the code that it ended with; NULL: it did not fail */
    const char *makes;   /* the model's path; "" : no file */
    const char *version;
    const char *data_digest;   /* SHA-256 in hex of the table's file */
    const char *schema_digest; /* "" : no schema */
    const char *model_digest;  /* "" : no model was saved */
    const char *settings;      /* lines "name=value" */
    const char *metric;        /* "" : not known yet */
    double score;              /* of what was chosen, or the best so far; NaN: none */
    size_t n_rows;
    size_t n_columns;
    size_t n_trials;
    size_t n_failed;
    uint64_t seed;
    uint64_t units;      /* work units; 0: not known */
    uint64_t started_ns; /* wall clock, since 1970 */
    uint64_t ended_ns;   /* 0: it has not */
    double seconds;
    bool seed_given;
};

struct mer_run_attempt {
    size_t size;   /* sizeof(struct mer_run_attempt) */
    size_t number; /* from 1, in the order in which they ended */
    const char *family;
    const char *params;   /* JSON */
    const char *failure;  /* NULL: it did not fail */
    const double *scores; /* [n_scores] by fold; NaN where the metric is not defined */
    size_t n_scores;
    double score; /* their mean; NaN: none */
    double seconds;
    uint64_t units;
    size_t bytes;  /* the most memory it held; 0: not known */
    unsigned rung; /* tried on a share of the rows, 1 / 4^rung */
    /* 1, or 2: of a second layer; 0: in folds among the rows that a fold learns from, for a second
     * layer to learn from what it says there: `scores` are of those folds. */
    unsigned layer;
};

typedef void mer_run_fn(void *self, const struct mer_run_summary *run);
typedef void mer_run_attempt_fn(void *self, const struct mer_run_attempt *trial);
typedef void mer_run_difference_fn(void *self, const char *what, const char *first,
                                   const char *second);

/* Every run, oldest first; one that cannot be read too, with its error. */
MER_API MER_MUST_CHECK mer_status mer_runs_list(const char *state_folder, mer_run_fn *each,
                                                void *self, mer_err *err);
/* One run, then its trials. `id` may be the beginning of one; MER_ERR_NO_INPUT when no run, or
 * several, begin so; MER_ERR_DATA for a journal that cannot be read. */
MER_API MER_MUST_CHECK mer_status mer_runs_show(const char *state_folder, const char *id,
                                                mer_run_fn *run, mer_run_attempt_fn *each_trial,
                                                void *self, mer_err *err);
/* In what two runs differ: table, settings, seed, version, the first trial that came out otherwise,
 * score and model. Nothing is told of what is the same. */
MER_API MER_MUST_CHECK mer_status mer_runs_diff(const char *state_folder, const char *first,
                                                const char *second, mer_run_difference_fn *each,
                                                void *self, mer_err *err);
/* Takes a run's journal away, also a damaged one; the model stays. MER_ERR_EXISTS while it goes on.
 */
MER_API MER_MUST_CHECK mer_status mer_runs_forget(const char *state_folder, const char *id,
                                                  mer_err *err);

/* A fit that is to be repeated, from its model and the record beside it. Free with mer_replay_free,
 * after the fit. MER_ERR_TRUST, MER_ERR_NO_INPUT, MER_ERR_DATA as with mer_model_load and
 * mer_provenance_verify; models that earlier versions made cannot be repeated. */
struct mer_replay;
MER_API MER_MUST_CHECK mer_status mer_replay_open(struct mer_context *context, const char *path,
                                                  const struct mer_trust *trust,
                                                  struct mer_replay **ret_replay, mer_err *err);
MER_API void mer_replay_free(struct mer_replay *replay);
/* Fits again. What decides the model comes from the record, the rest (journal, workers, callbacks)
 * from `options`. MER_ERR_DATA, and no model, when the new one has other bytes, with a sentence
 * that says why as far as that is known: the table or the version is another; the hint names the
 * first trial that came out otherwise. */
MER_API MER_MUST_CHECK mer_status mer_fit_again(struct mer_context *context,
                                                const struct mer_table *table,
                                                const struct mer_replay *replay,
                                                const struct mer_fit_options *options,
                                                struct mer_fitted **ret_model, mer_err *err);

#ifdef __cplusplus
}
#endif
#endif
