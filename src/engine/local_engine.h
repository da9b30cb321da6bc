/* The local engine: trials run in workers (cell/worker.h), processes that hold nothing but the
 * table and can reach nothing. One that crashes, lies, or uses up its memory or time is a failed
 * trial, and the next gets a fresh worker; where the process just ended, the trial is asked again
 * once before. Scores and predictions are those of a run in this process, whatever the number of
 * workers.
 *
 * Every worker prepares the folds for itself, at the same time as the others: what is shared is the
 * table alone. Sharing prepared folds would save little time, for preparing takes about what one
 * cheap trial does, and would make every bit of them something to be checked.
 */
#ifndef MER_ENGINE_LOCAL_ENGINE_H
#define MER_ENGINE_LOCAL_ENGINE_H

#include "automl/trial.h"
#include "cell/client.h"

enum { MER_WORKERS_MAX = 64 };

struct mer_local_engine_options {
    struct mer_cell_settings settings;
    struct mer_cell_input table; /* the frame's image as a sealed memory file; fd -1: one is made */
    size_t n_workers;            /* at most MER_WORKERS_MAX; 0: by the size of the table */
    double budget_seconds;       /* what a worker's processor time is bounded by; 0: nothing */
};

/* Opens it; `self` are the options. Workers share the context's threads, and what is left of its
 * memory. They end with the thread that drives the engine. */
mer_trial_engine_open mer_local_engine_open;

/* The workers that suit a table and a number of threads: as many as threads for a small table,
 * whose fits are too short to be shared among threads; one with all threads for a large one. */
size_t mer_local_engine_workers(size_t n_rows, size_t n_columns, size_t n_threads);

#endif
