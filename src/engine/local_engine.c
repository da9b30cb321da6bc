#include "engine/local_engine.h"

#include <stdlib.h>

#include "cell/trial_notes.h"
#include "cell/worker.h"
#include "core/log.h"
#include "core/team.h"
#include "os/channel.h"
#include "os/clock.h"
#include "os/memory_file.h"

enum {
    POLL_MS = 50,                 /* how soon a cancelled caller notices */
    SMALL_CELLS = 1 << 20,        /* tables up to this have a worker for each thread */
    WORKERS_BY_SIZE = 8,          /* not more by themselves: each prepares the folds */
    DEATHS_MAX = 3,               /* before a table was open, one after the other */
    NOTES_SLACK = 1 << 20,        /* of the notes, beside weights and names */
    WORKER_BYTES_LEAST = 16 << 20 /* with less nothing can be done */
};
#define GRACE_NS                                                                                   \
    500000000 /* after its deadline a worker that does not give up by itself is ended */
/* The part of what is left of a budget that workers get; the rest is for what comes back. */
#define WORKERS_SHARE 0.8

struct worker {
    struct mer_cell_worker cell;
    bool is_running;
    bool has_lost;   /* its trial already ended one process */
    bool is_retired; /* there is not enough memory for it */
};

struct engine {
    struct mer_ctx ctx; /* for the workers' whole life */
    struct mer_cell_worker_options options;
    size_t charged; /* of the context's budget */
    bool owns_table;
    struct worker workers[MER_WORKERS_MAX];
    size_t n_workers;
    size_t n_deaths;                  /* while opening, one after the other */
    struct mer_trial_request waiting; /* for a worker, its own having been retired */
    bool is_waiting;
};

size_t mer_local_engine_workers(size_t n_rows, size_t n_columns, size_t n_threads)
{
    size_t n_cells;
    if (!mer_size_mul(n_rows, n_columns, &n_cells) || n_cells > SMALL_CELLS)
        return 1;
    return n_threads < WORKERS_BY_SIZE ? n_threads : WORKERS_BY_SIZE;
}

static void end_worker(struct worker *worker)
{
    if (worker->is_running)
        mer_cell_worker_end(&worker->cell);
    worker->is_running = false;
}

static bool is_busy(const struct worker *worker)
{
    return worker->is_running && worker->cell.is_busy;
}

/* One that is free, preferably one that has the table already. */
static struct worker *find_free(struct engine *engine)
{
    struct worker *found = NULL;
    for (size_t i = 0; i < engine->n_workers; i++) {
        struct worker *const worker = &engine->workers[i];
        if (worker->is_retired || is_busy(worker))
            continue;
        if (worker->is_running)
            return worker;
        if (!found)
            found = worker;
    }
    return found;
}

static mer_status start_worker(struct engine *engine, struct worker *worker, mer_err *err)
{
    worker->is_running = true;
    const mer_status status =
        mer_cell_worker_start(&worker->cell, &engine->ctx, &engine->options, err);
    if (!mer_is_ok(status))
        end_worker(worker);
    return status;
}

/* A worker may have ended since it was last heard of: then another takes its place. */
static mer_status begin_at(struct engine *engine, struct worker *worker,
                           const struct mer_trial_request *request, mer_err *err)
{
    worker->has_lost = false;
    if (worker->is_running) {
        if (mer_is_ok(mer_cell_worker_begin(&worker->cell, request, NULL)))
            return mer_ok();
        end_worker(worker);
    }
    MER_GUARD(start_worker(engine, worker, err));
    const mer_status status = mer_cell_worker_begin(&worker->cell, request, err);
    if (!mer_is_ok(status))
        end_worker(worker);
    return status;
}

static mer_status begin(void *self, const struct mer_ctx *ctx,
                        const struct mer_trial_request *request, mer_err *err)
{
    struct engine *const engine = self;
    struct worker *const worker = find_free(engine);
    (void)ctx;
    if (!engine->is_waiting && worker)
        return begin_at(engine, worker, request, err);
    if (engine->is_waiting || engine->n_workers == 1)
        return mer_fail(err, MER_ERR_INTERNAL, "more trials were begun than can run");
    engine->waiting = *request;
    engine->is_waiting = true;
    return mer_ok();
}

/* What a worker's end says of its trial. */
static void fail_trial(struct worker *worker, mer_status status, const mer_err *err,
                       struct mer_trial_result *ret_result)
{
    const enum mer_code code =
        status.code == MER_ERR_DATA ? MER_ERR_INTERNAL : (enum mer_code)status.code;
    *ret_result = (struct mer_trial_result){.id = worker->cell.request.id};
    ret_result->status = mer_fail(&ret_result->err, code, "%s", err->message);
    ret_result->seconds =
        (double)(MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self) - worker->cell.begin_ns) /
        1e9;
    end_worker(worker);
}

/* A worker that cannot open the table has too little memory for it: the others go on without it.
 * Fails when there is none. */
static mer_status retire(struct engine *engine, struct worker *worker, mer_status status,
                         mer_err *err)
{
    bool has_others = false;
    for (size_t i = 0; i < engine->n_workers; i++)
        has_others |= &engine->workers[i] != worker && engine->workers[i].is_running &&
                      !engine->workers[i].is_retired;
    if (!has_others || engine->is_waiting)
        return status;
    mer_log_info(&engine->ctx, "engine", "a worker less: %s", err->message);
    engine->waiting = worker->cell.request;
    engine->is_waiting = true;
    worker->is_retired = true;
    end_worker(worker);
    mer_err_clear(err);
    return mer_ok();
}

/* A trial is deterministic: one whose process has ended is asked again, once. Whoever ended it, it
 * was not the trial, if it comes back now; and then the search finds what it would have found. */
static mer_status ask_again(struct engine *engine, struct worker *worker, mer_err *err)
{
    const struct mer_trial_request request = worker->cell.request;
    mer_log_info(&engine->ctx, "engine", "a trial is begun again: %s", err->message);
    mer_err_clear(err);
    end_worker(worker);
    MER_GUARD(begin_at(engine, worker, &request, err));
    worker->has_lost = true;
    return mer_ok();
}

/* A worker that has ended, lied, or could not begin. *ret_is_done: that is a trial's result. */
static mer_status lose(struct engine *engine, struct worker *worker, mer_status status,
                       bool *ret_is_done, struct mer_trial_result *ret_result, mer_err *err)
{
    const bool told = worker->cell.session.n_heard == sizeof worker->cell.session.heard &&
                      worker->cell.session.heard.code != MER_OK;
    if (!worker->cell.has_opened && told)
        return retire(engine, worker, status, err);
    MER_GUARD(mer_ctx_check_cancel(&engine->ctx, err));
    const bool has_died = worker->cell.session.child.pid <= 0;
    engine->n_deaths = worker->cell.has_opened ? 0 : engine->n_deaths + 1;
    /* What fails here and not there (MER_ERR_IO) is not a trial's failure. */
    if (engine->n_deaths >= DEATHS_MAX || status.code == MER_ERR_IO)
        return status;
    if (has_died && !worker->has_lost)
        return ask_again(engine, worker, err);
    fail_trial(worker, status, err, ret_result);
    mer_err_clear(err);
    *ret_is_done = true;
    return mer_ok();
}

static mer_status hear(struct engine *engine, const struct mer_ctx *ctx, struct worker *worker,
                       bool *ret_is_done, struct mer_trial_result *ret_result, mer_err *err)
{
    const uint64_t deadline_ns = worker->cell.request.deadline_ns;
    const mer_status status =
        mer_cell_worker_hear(&worker->cell, ctx, ret_is_done, ret_result, err);
    if (!mer_is_ok(status))
        return lose(engine, worker, status, ret_is_done, ret_result, err);
    if (*ret_is_done)
        engine->n_deaths = 0;
    else if (deadline_ns != 0 &&
             MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self) > deadline_ns + GRACE_NS) {
        mer_err late = {.code = MER_ERR_BUDGET, .message = "the time is up"};
        fail_trial(worker, (mer_status){MER_ERR_BUDGET}, &late, ret_result);
        *ret_is_done = true;
    }
    return mer_ok();
}

/* Waits until a worker says something, or it is time to look after cancelling. */
static void await_any(const struct engine *engine)
{
    int fds[MER_WORKERS_MAX];
    for (size_t i = 0; i < engine->n_workers; i++)
        fds[i] = is_busy(&engine->workers[i]) ? engine->workers[i].cell.session.socket : -1;
    mer_channel_await_any(fds, engine->n_workers, POLL_MS);
}

static mer_status begin_waiting(struct engine *engine, mer_err *err)
{
    struct worker *const worker = engine->is_waiting ? find_free(engine) : NULL;
    if (!worker)
        return mer_ok();
    engine->is_waiting = false;
    return begin_at(engine, worker, &engine->waiting, err);
}

static mer_status next(void *self, const struct mer_ctx *ctx, struct mer_trial_result *ret_result,
                       mer_err *err)
{
    struct engine *const engine = self;
    mer_err local;
    if (!err)
        err = &local;
    for (;;) {
        bool is_any_busy = false, is_done = false;
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        MER_GUARD(begin_waiting(engine, err));
        for (size_t i = 0; i < engine->n_workers; i++) {
            if (!is_busy(&engine->workers[i]))
                continue;
            is_any_busy = true;
            MER_GUARD(hear(engine, ctx, &engine->workers[i], &is_done, ret_result, err));
            if (is_done)
                return mer_ok();
        }
        if (!is_any_busy)
            return mer_fail(err, MER_ERR_INTERNAL, "no trial was begun");
        await_any(engine);
    }
}

static void abandon(void *self, const struct mer_ctx *ctx)
{
    struct engine *const engine = self;
    (void)ctx;
    for (size_t i = 0; i < engine->n_workers; i++)
        if (is_busy(&engine->workers[i]))
            end_worker(&engine->workers[i]);
    engine->is_waiting = false;
}

static void close_engine(void *self, const struct mer_ctx *ctx)
{
    struct engine *const engine = self;
    for (size_t i = 0; i < engine->n_workers; i++)
        end_worker(&engine->workers[i]);
    if (engine->owns_table)
        mer_descriptor_close(engine->options.table.fd);
    mer_descriptor_close(engine->options.notes.fd);
    mer_alloc_uncharge(ctx->alloc, engine->charged);
    mer_free(ctx->alloc, engine);
}

/* The workers' memory comes out of the budget as long as they may use it. */
static mer_status share_memory(struct engine *engine, mer_err *err)
{
    struct mer_alloc *const alloc = engine->ctx.alloc;
    const size_t left = mer_cell_memory(alloc);
    const size_t each =
        (size_t)((double)left * WORKERS_SHARE / (double)engine->n_workers) & ~(size_t)4095;
    if (each < WORKER_BYTES_LEAST)
        return mer_hint(
            err, mer_fail(err, MER_ERR_MEMORY, "%zu bytes of memory are left for workers", left),
            "allow more memory, or fewer workers");
    engine->options.max_memory_bytes = each;
    if (alloc->budget == SIZE_MAX)
        return mer_ok();
    MER_GUARD(mer_alloc_charge(alloc, each * engine->n_workers, err));
    engine->charged = each * engine->n_workers;
    return mer_ok();
}

static mer_status write_notes(struct engine *engine, const struct mer_evaluation_data *data,
                              mer_err *err)
{
    struct mer_buf buf;
    mer_buf_init(&buf, engine->ctx.alloc, SIZE_MAX);
    mer_status status = mer_evaluation_notes_write(data, &buf, err);
    engine->options.notes.n = buf.n;
    if (mer_is_ok(status))
        status = mer_memory_file_of("merlon-evaluation", buf.bytes, buf.n,
                                    &engine->options.notes.fd, err);
    mer_buf_release(&buf);
    return status;
}

static mer_status fill(struct engine *engine, const struct mer_local_engine_options *wanted,
                       const struct mer_evaluation_data *data, mer_err *err)
{
    if (wanted->table.fd < 0) {
        engine->options.table.n = data->frame->n_image;
        MER_GUARD(mer_memory_file_of("merlon-table", data->frame->image, data->frame->n_image,
                                     &engine->options.table.fd, err));
        engine->owns_table = true;
    }
    MER_GUARD(write_notes(engine, data, err));
    return share_memory(engine, err);
}

mer_status mer_local_engine_open(void *self, const struct mer_ctx *ctx,
                                 const struct mer_evaluation_data *data,
                                 const struct mer_evaluation *evaluation,
                                 struct mer_trial_engine *ret_engine, mer_err *err)
{
    const struct mer_local_engine_options *const wanted = self;
    const size_t n_threads = mer_team_size(ctx->team);
    size_t n_workers = wanted->n_workers;
    struct engine *engine;
    if (n_workers == 0)
        n_workers =
            mer_local_engine_workers(data->frame->n_rows, data->frame->n_columns, n_threads);
    if (n_workers > MER_WORKERS_MAX)
        return mer_fail(err, MER_ERR_USAGE, "%zu workers are more than %d", n_workers,
                        MER_WORKERS_MAX);
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *engine, &engine, err));
    engine->ctx = *ctx;
    engine->n_workers = n_workers;
    engine->options = (struct mer_cell_worker_options){
        .settings = wanted->settings,
        .table = wanted->table,
        .notes = {.fd = -1},
        .n_threads = n_threads / n_workers ? n_threads / n_workers : 1,
        .n_held_out = mer_evaluation_n_held_out(evaluation),
        .n_outputs = mer_target_outputs(data->target->task, data->target->n_classes),
        .task = data->target->task,
        .n_folds = data->n_folds};
    engine->options.max_cpu_seconds =
        wanted->budget_seconds > 0 && wanted->budget_seconds < 1e9
            ? (uint64_t)(wanted->budget_seconds * 1.05 + 10) * engine->options.n_threads
            : UINT64_MAX;
    const mer_status status = fill(engine, wanted, data, err);
    if (!mer_is_ok(status)) {
        close_engine(engine, ctx);
        return status;
    }
    *ret_engine = (struct mer_trial_engine){.self = engine,
                                            .n_slots = n_workers,
                                            .n_parallel_fits = 1,
                                            .begin = begin,
                                            .next = next,
                                            .abandon = abandon,
                                            .close = close_engine};
    return mer_ok();
}
