/* What is said about a trial, beside the messages of cell/protocol.h: fixed layouts, native
 * numbers.
 */
#ifndef MER_CELL_TRIAL_PROTOCOL_H
#define MER_CELL_TRIAL_PROTOCOL_H

#include <assert.h>

#include "automl/fold.h"
#include "learn/param.h"

/* A request (automl/trial.h). */
struct mer_cell_trial {
    uint64_t id;
    uint64_t cost;
    uint64_t deadline_ns; /* by the monotonic clock, which both ends share; 0: none */
    uint32_t family;      /* row of the registry */
    uint32_t rung;
    uint32_t wants_held_out;
    uint32_t n_params;
    uint32_t patience;
    uint32_t zero; /* no byte is without a meaning */
    double params[MER_PARAMS_MAX];
};

struct mer_cell_trial_result {
    uint64_t id;
    uint64_t n_scores;
    uint64_t n_held_out;
    uint64_t n_outputs;
    uint64_t peak_bytes; /* of what the cell allocated */
    double seconds;
    double scores[MER_FOLDS_MAX];
    uint32_t n_rounds[MER_FOLDS_MAX];
};

static_assert(sizeof(struct mer_cell_trial) == 24 + 24 + 8 * MER_PARAMS_MAX,
              "no byte without a name travels");
static_assert(sizeof(struct mer_cell_trial_result) == 48 + 12 * MER_FOLDS_MAX,
              "no byte without a name travels");

#endif
