/* The work of a cell, in its two confined phases.
 */
#ifndef MER_CELL_JOBS_H
#define MER_CELL_JOBS_H

#include "cell/protocol.h"
#include "cell/trial_notes.h"
#include "cell/trial_protocol.h"
#include "os/ahead.h"
#include "os/memory_file.h"

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

struct mer_cell_table {
    const unsigned char *bytes;
    size_t n; /* 0: none is mapped */
};

/* A model that is open: lives until the process ends. */
struct mer_pipeline;
struct mer_cell_model {
    struct mer_pipeline *pipeline; /* NULL: none */
    struct mer_file_region output; /* predictions, in MER_CELL_OUTPUT */
    struct mer_cell_table table;   /* the last one */
    struct mer_cell_table former;  /* the one before, until the answer is out */
    struct mer_ahead *ahead;       /* NULL: nobody */
};

/* A table that is open for trials: lives until the process ends. */
struct mer_cell_bench {
    struct mer_evaluation_notes notes;
    struct mer_evaluation *evaluation; /* NULL: none */
    struct mer_file_region output;     /* results, in MER_CELL_OUTPUT */
};

/* Maps the inputs; of a file, copies it, by all threads of the team (NULL: one). */
MER_MUST_CHECK mer_status mer_cell_load(struct mer_team *team,
                                        const struct mer_cell_request *request,
                                        const char *inline_bytes,
                                        struct mer_cell_inputs *ret_inputs, mer_err *err);

/* Parses and fills in the answer's report, n_output and, of a failure, part. */
MER_MUST_CHECK mer_status mer_cell_compute(const struct mer_ctx *ctx,
                                           const struct mer_cell_request *request,
                                           const struct mer_cell_inputs *inputs,
                                           struct mer_cell_answer *answer,
                                           struct mer_cell_outputs *outputs,
                                           struct mer_cell_model *model,
                                           struct mer_cell_bench *bench, mer_err *err);

/* The two jobs about a table for trials (trial_jobs.c). The parent has checked the table. */
MER_MUST_CHECK mer_status mer_cell_open_table(const struct mer_ctx *ctx,
                                              const struct mer_cell_request *request,
                                              const struct mer_cell_inputs *inputs,
                                              struct mer_cell_bench *bench, mer_err *err);
MER_MUST_CHECK mer_status mer_cell_run_trial(const struct mer_ctx *ctx,
                                             const struct mer_cell_trial *trial,
                                             struct mer_cell_bench *bench,
                                             struct mer_cell_answer *answer, mer_err *err);

/* Audits a stranger's file (audit_jobs.c). */
MER_MUST_CHECK mer_status mer_cell_audit(const struct mer_ctx *ctx,
                                         const struct mer_cell_request *request,
                                         const struct mer_cell_inputs *inputs,
                                         struct mer_cell_outputs *outputs, mer_err *err);

/* The two jobs about a model (model_jobs.c). Opening reads the file as hostile; predicting is for
 * the table whose descriptor came with the request, which is closed again, or for the last one (-1
 * then); the table stays mapped.
 */
MER_MUST_CHECK mer_status mer_cell_open_model(const struct mer_ctx *ctx,
                                              const struct mer_cell_request *request,
                                              const struct mer_cell_inputs *inputs,
                                              struct mer_cell_outputs *outputs,
                                              struct mer_cell_model *model, mer_err *err);
MER_MUST_CHECK mer_status mer_cell_predict(const struct mer_ctx *ctx,
                                           const struct mer_cell_request *request, int table,
                                           struct mer_cell_model *model,
                                           struct mer_cell_answer *answer, mer_err *err);
/* Lets go of tables that will not be asked about again: work for which no answer has to wait. */
void mer_cell_forget_tables(struct mer_cell_model *model);

#endif
