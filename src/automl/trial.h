/* A trial: one setting, scored over all folds. The boundary between a search, which says what to
 * try, and an engine, which does it: here or in other processes. Pure data both ways.
 *
 * A trial is deterministic: the same request on the same evaluation has the same result, wherever
 * it runs, but for its seconds and bytes. An engine may return results in any order; the search
 * puts them back into the order of their ids before it looks at them.
 */
#ifndef MER_AUTOML_TRIAL_H
#define MER_AUTOML_TRIAL_H

#include "automl/fold.h"
#include "learn/family.h"

struct mer_evaluation;
struct mer_evaluation_data;

/* What the trials of an engine are for. Results do not depend on it; a journal keeps them apart. */
enum mer_trial_stage {
    MER_STAGE_FIRST,  /* settings on the table */
    MER_STAGE_INNER,  /* what a second layer learns from: settings in folds among a fold's rows */
    MER_STAGE_SECOND, /* settings on the table and on what the first layer says */
    MER_STAGE_COUNT
};

struct mer_trial_request {
    uint64_t id; /* its place in the plan, from 0 */
    const struct mer_family *family;
    struct mer_params params;
    unsigned rung; /* which share of the training rows: 1 / 4^rung; all rows are scored */
    uint64_t cost; /* work units, from shapes and parameters alone */
    /* Boosting in a fold stops when so many rounds brought nothing for its held-out rows; 0: it
     * does not. */
    unsigned patience;
    bool wants_held_out;
    uint64_t deadline_ns; /* by the clock of the engine's context; given up then; 0: none */
};

/* What became of a trial. One that failed, in whichever way, is a result like any other: the
 * request's family could not be fitted to the data (MER_ERR_DATA), memory ran out
 * (MER_ERR_MEMORY), the process that ran it crashed (MER_ERR_INTERNAL). MER_ERR_BUDGET and
 * MER_ERR_CANCELLED: it was given up, and says nothing about the setting. */
struct mer_trial_result {
    uint64_t id;
    mer_status status;
    mer_err err;
    double scores[MER_FOLDS_MAX]; /* by fold; NaN where the metric is not defined */
    size_t n_scores;              /* the number of folds; 0 when it failed */
    /* Predictions for the rows that are held out in some fold, by the model that has not seen them:
     * [n_held_out][n_outputs] in the order of the rows. NULL when not wanted, or failed. */
    double *held_out;
    size_t n_held_out;
    size_t n_outputs;
    /* By fold: the rounds of boosting that the held-out rows wanted; 0 where there is nothing to
     * stop. */
    uint32_t n_rounds[MER_FOLDS_MAX];
    double seconds;
    size_t peak_bytes; /* that the engine measured; 0: not known */
};

/* Frees the predictions, which come from `alloc`. Of a zeroed result too. */
void mer_trial_result_release(struct mer_alloc *alloc, struct mer_trial_result *result);

/* Runs a trial on an evaluation, to a result: what every engine does where the data are. */
void mer_trial_run(const struct mer_ctx *ctx, const struct mer_evaluation *evaluation,
                   const struct mer_trial_request *request, struct mer_trial_result *ret_result);

/* What runs trials. Not thread-safe: one search drives it. */
struct mer_trial_engine {
    void *self;
    size_t n_slots; /* trials that run at the same time; more than so many are never begun */
    size_t n_parallel_fits; /* folds of one trial that are fitted at the same time */
    /* Starts a trial; the request is copied. Fails only when the engine cannot go on. */
    mer_status (*begin)(void *self, const struct mer_ctx *ctx,
                        const struct mer_trial_request *request, mer_err *err);
    /* Waits until a trial that was begun has ended. Its predictions come from ctx->alloc and are
     * the caller's. Fails only when the engine cannot go on, or the caller was cancelled. */
    mer_status (*next)(void *self, const struct mer_ctx *ctx, struct mer_trial_result *ret_result,
                       mer_err *err);
    /* Gives up all that was begun and not returned. */
    void (*abandon)(void *self, const struct mer_ctx *ctx);
    /* Ends the engine; it is not used afterwards. */
    void (*close)(void *self, const struct mer_ctx *ctx);
};

/* Opens an engine for the trials of one search. `evaluation` is the search's own, on the same data:
 * an engine that works in this process uses it, others make one like it where they work. Both
 * outlive the engine. */
typedef mer_status mer_trial_engine_open(void *self, const struct mer_ctx *ctx,
                                         const struct mer_evaluation_data *data,
                                         const struct mer_evaluation *evaluation,
                                         struct mer_trial_engine *ret_engine, mer_err *err);

/* The engine that runs one trial at a time, in this process, with all threads of the team. */
mer_trial_engine_open mer_trial_engine_open_here;

#endif
