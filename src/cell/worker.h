/* A worker: a cell that holds a table and runs trials on it (automl/trial.h), one at a time. The
 * table is shared by all workers in a sealed memory file; each prepares the folds for itself.
 *
 * The parent believes nothing of what comes back: numbers are copied out of the worker's memory
 * first, then checked. What a worker that was taken over can still do is score settings wrongly.
 */
#ifndef MER_CELL_WORKER_H
#define MER_CELL_WORKER_H

#include "automl/evaluation.h"
#include "automl/trial.h"
#include "cell/cell_session.h"

struct mer_cell_worker_options {
    struct mer_cell_settings settings;
    struct mer_cell_input table; /* its image, sealed, as mer_frame_open has accepted it */
    struct mer_cell_input notes; /* cell/trial_notes.h, sealed */
    size_t n_threads;
    size_t max_memory_bytes; /* of what it allocates; the kernel holds it to that and some slack */
    size_t n_held_out;       /* rows that a trial predicts, and outputs of each */
    size_t n_outputs;
    enum mer_task task;
    size_t n_folds;
    uint64_t max_cpu_seconds; /* UINT64_MAX: no limit */
};

struct mer_cell_worker {
    const struct mer_cell_worker_options *options;
    struct mer_cell_session session;
    bool has_opened; /* it has said that it has the table */
    bool is_busy;    /* with the trial `request` */
    struct mer_trial_request request;
    uint64_t begin_ns;
};

/* Starts it and tells it to open the table; does not wait for that. The options outlive it. */
MER_MUST_CHECK mer_status mer_cell_worker_start(struct mer_cell_worker *worker,
                                                const struct mer_ctx *ctx,
                                                const struct mer_cell_worker_options *options,
                                                mer_err *err);
/* Ends it, whatever it does. */
void mer_cell_worker_end(struct mer_cell_worker *worker);

/* Gives an idle worker a trial; one that is still opening begins it after that. */
MER_MUST_CHECK mer_status mer_cell_worker_begin(struct mer_cell_worker *worker,
                                                const struct mer_trial_request *request,
                                                mer_err *err);
/* Takes what it has said, without waiting. *ret_is_done: the trial has ended, and *ret_result is
 * filled, its predictions from ctx->alloc. A failure says that the worker is of no use any more,
 * and why: it died, or lied, or could not open the table; then end it. */
MER_MUST_CHECK mer_status mer_cell_worker_hear(struct mer_cell_worker *worker,
                                               const struct mer_ctx *ctx, bool *ret_is_done,
                                               struct mer_trial_result *ret_result, mer_err *err);

#endif
