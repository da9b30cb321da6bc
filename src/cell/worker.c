#include "cell/worker.h"

#include <math.h>
#include <string.h>

#include "cell/predictions.h"
#include "cell/trial_protocol.h"
#include "os/channel.h"
#include "os/clock.h"
#include "os/memory_file.h"

/* Whoever gives a request or a result a new field sends it over as well: here, in trial_jobs.c and
 * in trial_protocol.h. */
static_assert(sizeof(struct mer_trial_request) == 304, "a trial travels whole");
static_assert(sizeof(struct mer_trial_result) == 2464, "a result travels whole");

static mer_status refuse(mer_err *err, const char *what)
{
    return mer_fail(err, MER_ERR_INTERNAL, "the worker %s", what);
}

/* A result with all its predictions. */
static bool output_bytes(const struct mer_cell_worker_options *options, size_t *ret_n)
{
    size_t n;
    return mer_size_mul(options->n_held_out, options->n_outputs, &n) &&
           mer_size_mul(n, sizeof(double), &n) &&
           mer_size_add(n, sizeof(struct mer_cell_trial_result), ret_n);
}

mer_status mer_cell_worker_start(struct mer_cell_worker *worker, const struct mer_ctx *ctx,
                                 const struct mer_cell_worker_options *options, mer_err *err)
{
    enum { PAGE = 4096 };
    size_t n_output;
    *worker = (struct mer_cell_worker){.options = options, .session = {.socket = -1, .output = -1}};
    if (!output_bytes(options, &n_output) || !mer_size_add(n_output, PAGE, &n_output))
        return mer_fail(err, MER_ERR_MEMORY, "the predictions do not fit into memory");
    const struct mer_cell_request request = {
        .magic = MER_CELL_MAGIC,
        .n_input = options->table.n,
        .n_side = options->notes.n,
        .max_memory_bytes = options->max_memory_bytes,
        .job = MER_CELL_JOB_OPEN_TABLE,
        .cpu = ctx->cpu,
    };
    const struct mer_cell_start_options start = {.settings = &options->settings,
                                                 .input = options->table,
                                                 .side = options->notes,
                                                 .max_memory_bytes = options->max_memory_bytes,
                                                 .works = true,
                                                 .n_threads = options->n_threads,
                                                 .max_output_bytes = n_output,
                                                 .max_cpu_seconds = options->max_cpu_seconds};
    MER_GUARD(mer_cell_session_start(&worker->session, ctx, &start, err));
    if (!mer_channel_send(worker->session.socket, &request, sizeof request))
        return refuse(err, "was gone as soon as it was there");
    return mer_ok();
}

void mer_cell_worker_end(struct mer_cell_worker *worker)
{
    mer_cell_session_end(&worker->session);
    worker->is_busy = false;
}

static uint32_t row_of(const struct mer_family *family)
{
    uint32_t i = 0;
    while (MER_FAMILIES[i] != family)
        i++;
    return i;
}

mer_status mer_cell_worker_begin(struct mer_cell_worker *worker,
                                 const struct mer_trial_request *request, mer_err *err)
{
    const struct mer_cell_request announce = {.magic = MER_CELL_MAGIC, .job = MER_CELL_JOB_TRIAL};
    struct mer_cell_trial trial = {.id = request->id,
                                   .cost = request->cost,
                                   .deadline_ns = request->deadline_ns,
                                   .family = row_of(request->family),
                                   .rung = request->rung,
                                   .wants_held_out = request->wants_held_out,
                                   .patience = request->patience,
                                   .n_params = (uint32_t)request->family->n_params};
    memcpy(trial.params, request->params.values, trial.n_params * sizeof trial.params[0]);
    worker->request = *request;
    worker->begin_ns = MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self);
    if (!mer_channel_send(worker->session.socket, &announce, sizeof announce) ||
        !mer_channel_send(worker->session.socket, &trial, sizeof trial))
        return refuse(err, "is gone");
    worker->is_busy = true;
    return mer_ok();
}

/* The numbers that stand before the predictions. */
static mer_status take_head(const struct mer_cell_worker *worker,
                            const struct mer_cell_answer *answer,
                            struct mer_cell_trial_result *ret_head, mer_err *err)
{
    const struct mer_cell_worker_options *const options = worker->options;
    struct mer_cell_trial_result head;
    size_t n_whole;
    if (!output_bytes(options, &n_whole))
        return refuse(err, "says too much");
    if (answer->n_inline > 0 || answer->n_aside > 0 ||
        answer->n_output != (worker->request.wants_held_out ? n_whole : sizeof head))
        return refuse(err, "gives another number of predictions than it should");
    MER_GUARD(mer_memory_file_read(worker->session.output, &head, sizeof head, err));
    if (head.id != worker->request.id || head.n_scores != options->n_folds ||
        head.n_held_out != (worker->request.wants_held_out ? options->n_held_out : 0) ||
        head.n_outputs != (worker->request.wants_held_out ? options->n_outputs : head.n_outputs))
        return refuse(err, "tells of another trial than it was asked for");
    for (size_t f = 0; f < head.n_scores; f++)
        if (isinf(head.scores[f]))
            return refuse(err, "gives scores that are no numbers");
    if (!(head.seconds >= 0) || isinf(head.seconds))
        head.seconds = 0;
    *ret_head = head;
    return mer_ok();
}

/* Copied out of the worker's memory first, then looked at: it could still change it. */
static mer_status take_held_out(const struct mer_cell_worker *worker, const struct mer_ctx *ctx,
                                double **ret_held_out, mer_err *err)
{
    const struct mer_cell_worker_options *const options = worker->options;
    double *numbers;
    if (!worker->request.wants_held_out)
        return mer_ok();
    const size_t n_bytes = options->n_held_out * options->n_outputs * sizeof *numbers;
    MER_GUARD(mer_alloc_bytes(ctx->alloc, n_bytes, &numbers, err));
    mer_status status = mer_memory_file_read_at(
        worker->session.output, sizeof(struct mer_cell_trial_result), numbers, n_bytes, err);
    if (mer_is_ok(status) &&
        !mer_predictions_are_sound(options->task, numbers, options->n_held_out, options->n_outputs))
        status = refuse(err, "gives predictions that are none");
    if (mer_is_ok(status))
        *ret_held_out = numbers;
    else
        mer_free(ctx->alloc, numbers);
    return status;
}

static mer_status take_result(struct mer_cell_worker *worker, const struct mer_ctx *ctx,
                              struct mer_trial_result *ret_result, mer_err *err)
{
    struct mer_cell_trial_result head = {.n_scores = 0};
    struct mer_trial_result result = {.id = worker->request.id};
    MER_GUARD(take_head(worker, &worker->session.heard, &head, err));
    MER_GUARD(take_held_out(worker, ctx, &result.held_out, err));
    result.n_scores = head.n_scores;
    memcpy(result.scores, head.scores, sizeof result.scores);
    memcpy(result.n_rounds, head.n_rounds, sizeof result.n_rounds);
    result.n_held_out = head.n_held_out;
    result.n_outputs = head.n_outputs;
    result.seconds = head.seconds;
    result.peak_bytes = head.peak_bytes;
    *ret_result = result;
    return mer_ok();
}

/* A trial that failed, as the worker tells it: that its time is over is the parent's to judge. */
static void take_failure(struct mer_cell_worker *worker, struct mer_trial_result *ret_result)
{
    struct mer_cell_answer *const answer = &worker->session.heard;
    struct mer_trial_result result = {.id = worker->request.id};
    const uint64_t deadline_ns = worker->request.deadline_ns;
    const bool is_late =
        deadline_ns != 0 && MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self) >= deadline_ns;
    if (answer->code == MER_ERR_BUDGET && is_late)
        result.status = mer_fail(&result.err, MER_ERR_BUDGET, "the time is up");
    else
        result.status = mer_cell_session_pass_on(&worker->session, answer, &result.err);
    *ret_result = result;
}

mer_status mer_cell_worker_hear(struct mer_cell_worker *worker, const struct mer_ctx *ctx,
                                bool *ret_is_done, struct mer_trial_result *ret_result,
                                mer_err *err)
{
    struct mer_cell_answer *const answer = &worker->session.heard;
    bool is_whole;
    *ret_is_done = false;
    MER_GUARD(mer_cell_session_listen(&worker->session, &is_whole, err));
    if (!is_whole || answer->kind == MER_CELL_PROGRESS)
        return mer_ok();
    if (answer->kind != MER_CELL_RESULT)
        return refuse(err, "contradicts itself");
    if (!worker->has_opened) {
        if (answer->code != MER_OK)
            return mer_cell_session_pass_on(&worker->session, answer, err);
        worker->has_opened = true;
        return mer_ok();
    }
    if (!worker->is_busy)
        return refuse(err, "answers what it was not asked");
    if (answer->code == MER_OK)
        MER_GUARD(take_result(worker, ctx, ret_result, err));
    else
        take_failure(worker, ret_result);
    const double seconds =
        (double)(MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self) - worker->begin_ns) / 1e9;
    if (ret_result->seconds > seconds || answer->code != MER_OK)
        ret_result->seconds = seconds;
    worker->is_busy = false;
    *ret_is_done = true;
    return mer_ok();
}
