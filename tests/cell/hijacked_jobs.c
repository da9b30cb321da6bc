/* Stands in for jobs.c in a cell whose parser was taken over: the input says which system call to
 * make. Everything else of the cell is the real thing. That the call came back is told in an error,
 * with its result. */
#include <string.h>

#include "cell/confine.h"
#include "cell/jobs.h"
#include "os/memory_file.h"
#include "probes.h"

mer_status mer_cell_load(struct mer_team *team, const struct mer_cell_request *request,
                         const char *inline_bytes, struct mer_cell_inputs *ret_inputs, mer_err *err)
{
    struct mer_cell_inputs inputs = {.optional_field = NULL};
    (void)inline_bytes, (void)team;
    if (request->n_input != sizeof(struct probe))
        return mer_fail(err, MER_ERR_IO, "no probe");
    MER_GUARD(mer_memory_file_map(MER_CELL_INPUT, request->n_input, &inputs.input, err));
    *ret_inputs = inputs;
    return mer_ok();
}

mer_status mer_cell_compute(const struct mer_ctx *ctx, const struct mer_cell_request *request,
                            const struct mer_cell_inputs *inputs, struct mer_cell_answer *answer,
                            struct mer_cell_outputs *outputs, struct mer_cell_model *model,
                            struct mer_cell_bench *bench, mer_err *err)
{
    struct probe probe;
    (void)ctx;
    (void)request;
    (void)answer;
    (void)outputs;
    (void)model;
    (void)bench;
    memcpy(&probe, inputs->input, sizeof probe);
    return mer_fail(err, MER_ERR_DATA, "came back with %ld", probe_run(&probe));
}

void mer_cell_forget_tables(struct mer_cell_model *model)
{
    (void)model;
}

mer_status mer_cell_predict(const struct mer_ctx *ctx, const struct mer_cell_request *request,
                            int table, struct mer_cell_model *model, struct mer_cell_answer *answer,
                            mer_err *err)
{
    (void)ctx;
    (void)request;
    (void)table;
    (void)model;
    (void)answer;
    return mer_fail(err, MER_ERR_INTERNAL, "a probe is no model");
}

mer_status mer_cell_run_trial(const struct mer_ctx *ctx, const struct mer_cell_trial *trial,
                              struct mer_cell_bench *bench, struct mer_cell_answer *answer,
                              mer_err *err)
{
    (void)ctx;
    (void)trial;
    (void)bench;
    (void)answer;
    return mer_fail(err, MER_ERR_INTERNAL, "a probe runs no trials");
}
