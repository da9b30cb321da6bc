/* The work of a cell, in its two confined phases.
 */
#ifndef MER_CELL_JOBS_H
#define MER_CELL_JOBS_H

#include "cell/protocol.h"

/* What the load phase maps; lives until the process ends. */
struct mer_cell_inputs {
    const unsigned char *input;
    const unsigned char *side;
    const char *optional_field; /* or NULL, as the next two */
    const char *part;
    const char *query;
};

/* What goes back beside the answer and the output file. */
struct mer_cell_outputs {
    struct mer_buf notes;
};

MER_MUST_CHECK mer_status mer_cell_load(const struct mer_cell_request *request,
                                        const char *inline_bytes,
                                        struct mer_cell_inputs *ret_inputs, mer_err *err);

/* Parses and fills in the answer's report, n_output and, of a failure, part. */
MER_MUST_CHECK mer_status mer_cell_compute(const struct mer_ctx *ctx,
                                           const struct mer_cell_request *request,
                                           const struct mer_cell_inputs *inputs,
                                           struct mer_cell_answer *answer,
                                           struct mer_cell_outputs *outputs, mer_err *err);

#endif
