/* Runs as their journals tell of them.
 */
#ifndef MER_ENGINE_RUNS_H
#define MER_ENGINE_RUNS_H

#include "engine/journal.h"

struct mer_run_trial {
    char family[32];
    char *params; /* JSON; owned, malloc */
    unsigned rung;
    enum mer_trial_stage stage;
    uint64_t units;
    enum mer_code code;
    double *scores; /* [n_scores] by fold; owned, malloc */
    size_t n_scores;
    double score; /* their mean; NaN: none */
    double seconds;
    size_t bytes;
};

struct mer_run {
    char id[MER_RUN_ID_MAX];
    bool is_running;
    enum mer_run_state state;
    enum mer_code code;
    /* Texts: owned, malloc. */
    char *makes;
    char *version;
    char *data_digest;
    char *schema_digest;
    char *table_digest;
    char *settings; /* lines "name=value" */
    char *metric;   /* "" : not known yet */
    char *model_digest;
    size_t n_rows;
    size_t n_columns;
    uint64_t seed;
    bool seed_given;
    uint64_t started_ns; /* wall clock */
    uint64_t ended_ns;   /* 0: it has not */
    double spent_seconds;
    double score; /* of what was chosen, or the best so far; NaN: none */
    uint64_t units;
    size_t n_trials;
    size_t n_failed;
    struct mer_run_trial *trials; /* NULL unless asked for; owned, malloc */
};

/* Reads a run's journal. `id` may be the beginning of one; MER_ERR_NO_INPUT when no run, or
 * several, begin so. state_folder NULL: the usual one. */
MER_MUST_CHECK mer_status mer_run_read(const char *state_folder, const char *id, bool with_trials,
                                       struct mer_run *ret_run, mer_err *err);
void mer_run_release(struct mer_run *run);

/* Calls `each` with every run, oldest first, without its trials. A journal that cannot be read is
 * told to `each` with a NULL run, its id and why. */
MER_MUST_CHECK mer_status mer_runs_read(const char *state_folder,
                                        void (*each)(void *self, const char *id,
                                                     const struct mer_run *run, const mer_err *why),
                                        void *self, mer_err *err);

/* Takes a run's journal away; MER_ERR_EXISTS while it goes on. */
MER_MUST_CHECK mer_status mer_run_forget(const char *state_folder, const char *id, mer_err *err);

/* The value of a setting, not zero-terminated; false when there is none of that name. */
bool mer_run_setting(const char *settings, const char *name, const char **ret_value, size_t *ret_n);

#endif
