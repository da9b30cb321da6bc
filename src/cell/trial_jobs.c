/* A worker's work: a table is opened once, its folds prepared, and trials run on it. */
#include <string.h>

#include "automl/trial.h"
#include "cell/confine.h"
#include "cell/jobs.h"

mer_status mer_cell_open_table(const struct mer_ctx *ctx, const struct mer_cell_request *request,
                               const struct mer_cell_inputs *inputs, struct mer_cell_bench *bench,
                               mer_err *err)
{
    struct mer_frame frame;
    MER_GUARD(mer_frame_open_checked(ctx, inputs->input, request->n_input, &frame, err));
    const mer_status status =
        mer_evaluation_notes_read(ctx, &frame, inputs->side, request->n_side, &bench->notes, err);
    if (!mer_is_ok(status)) {
        mer_frame_release(&frame);
        return status;
    }
    mer_region_init_memory_file(&bench->output, ctx->alloc, MER_CELL_OUTPUT,
                                request->max_memory_bytes);
    return mer_evaluation_new(ctx, &bench->notes.data, &bench->evaluation, err);
}

static mer_status read_request(const struct mer_cell_trial *trial,
                               const struct mer_cell_bench *bench,
                               struct mer_trial_request *ret_request, mer_err *err)
{
    const struct mer_family *const family =
        trial->family < MER_N_FAMILIES ? MER_FAMILIES[trial->family] : NULL;
    struct mer_trial_request request = {.id = trial->id,
                                        .family = family,
                                        .rung = trial->rung,
                                        .cost = trial->cost,
                                        .patience = trial->patience,
                                        .wants_held_out = trial->wants_held_out != 0,
                                        .deadline_ns = trial->deadline_ns};
    memcpy(request.params.values, trial->params, sizeof trial->params);
    if (!bench->evaluation || !family || trial->n_params != family->n_params ||
        !mer_family_can(family, bench->notes.target.task) ||
        !mer_params_valid(family->params, family->n_params, &request.params))
        return mer_fail(err, MER_ERR_INTERNAL, "a cell was asked for a trial that is none");
    *ret_request = request;
    return mer_ok();
}

/* The result, from the output's start. */
static mer_status put_result(const struct mer_trial_result *result, size_t peak_bytes,
                             struct mer_region *output, struct mer_cell_answer *answer,
                             mer_err *err)
{
    struct mer_cell_trial_result head = {.id = result->id,
                                         .n_scores = result->n_scores,
                                         .n_held_out = result->held_out ? result->n_held_out : 0,
                                         .n_outputs = result->n_outputs,
                                         .peak_bytes = peak_bytes,
                                         .seconds = result->seconds};
    size_t n_numbers, n_bytes;
    if (!mer_size_mul(head.n_held_out, head.n_outputs * sizeof(double), &n_numbers) ||
        !mer_size_add(n_numbers, sizeof head, &n_bytes))
        return mer_fail(err, MER_ERR_MEMORY, "the predictions do not fit into memory");
    memcpy(head.scores, result->scores, sizeof head.scores);
    memcpy(head.n_rounds, result->n_rounds, sizeof head.n_rounds);
    if (n_bytes > output->capacity)
        MER_GUARD(output->grow(output, n_bytes, err));
    memcpy(output->base, &head, sizeof head);
    if (n_numbers > 0)
        memcpy(output->base + sizeof head, result->held_out, n_numbers);
    answer->n_output = n_bytes;
    return mer_ok();
}

mer_status mer_cell_run_trial(const struct mer_ctx *ctx, const struct mer_cell_trial *trial,
                              struct mer_cell_bench *bench, struct mer_cell_answer *answer,
                              mer_err *err)
{
    struct mer_trial_request request;
    struct mer_trial_result result;
    MER_GUARD(read_request(trial, bench, &request, err));
    atomic_store(&ctx->alloc->peak, atomic_load(&ctx->alloc->used));
    mer_trial_run(ctx, bench->evaluation, &request, &result);
    mer_status status = result.status;
    if (mer_is_ok(status))
        status =
            put_result(&result, atomic_load(&ctx->alloc->peak), &bench->output.region, answer, err);
    else if (err)
        *err = result.err;
    mer_trial_result_release(ctx->alloc, &result);
    return status;
}
