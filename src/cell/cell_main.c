/* merlon-cell: reads a stranger's bytes where they can do no harm. Started by Merlon alone, with
 * four descriptors, no arguments, no environment. Serves one request and ends, or keeps one model
 * open and predicts with it. Has no keys, no network and no code for either.
 */
#include <string.h>

#include "cell/confine.h"
#include "cell/jobs.h"
#include "core/team.h"
#include "os/channel.h"
#include "os/clock.h"
#include "os/secret_random.h"

/* Exactly n bytes of the parent's; false when it is gone. */
static bool receive(void *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        size_t got;
        if (!mer_channel_receive(MER_CELL_CONTROL, (char *)bytes + done, n - done, &got) ||
            got == 0)
            return false;
        done += got;
    }
    return true;
}

static bool send_answer(const struct mer_cell_answer *answer)
{
    return mer_descriptor_write(MER_CELL_CONTROL, answer, sizeof *answer);
}

/* What progress was last told of a request. */
struct told {
    bool serves;
    uint64_t ns;
    uint64_t left;
};

static uint64_t now_ns(void)
{
    return MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self);
}

/* Not so often that parent and cell wake each other for nothing. A parent fetches predictions while
 * others are being made: it is told each time that three quarters of what was left are there, so
 * that few are left for it to fetch in the end. */
static bool is_worth_telling(const struct told *told, uint64_t time_ns, uint64_t left,
                             uint64_t total)
{
    enum { EVERY_NS = 20000000, QUARTER = 4 };
    const uint64_t before = told->left < total ? told->left : total;
    return time_ns - told->ns >= EVERY_NS || (told->serves && left > 0 && left <= before / QUARTER);
}

static void report_progress(void *self, const char *phase, uint64_t done, uint64_t total)
{
    struct told *const told = self;
    const uint64_t time_ns = now_ns();
    if (!is_worth_telling(told, time_ns, total - done, total))
        return;
    told->ns = time_ns;
    told->left = total - done;
    struct mer_cell_answer answer = {
        .magic = MER_CELL_MAGIC, .kind = MER_CELL_PROGRESS, .done = done, .total = total};
    (void)strncpy(answer.phase, phase, sizeof answer.phase - 1);
    /* A parent that is gone takes the cell with it; nothing to do about it here. */
    (void)send_answer(&answer);
}

static bool send_result(struct mer_cell_answer *answer, mer_status status, const mer_err *err,
                        const struct mer_cell_outputs *outputs)
{
    answer->magic = MER_CELL_MAGIC;
    answer->kind = MER_CELL_RESULT;
    answer->code = status.code;
    answer->n_inline = mer_is_ok(status) ? outputs->notes.n : 0;
    if (!mer_is_ok(status)) {
        memcpy(answer->message, err->message, sizeof answer->message);
        memcpy(answer->hint, err->hint, sizeof answer->hint);
    }
    return send_answer(answer) &&
           mer_descriptor_write(MER_CELL_CONTROL, outputs->notes.bytes, answer->n_inline);
}

/* What a cell computes with; what it gave out lives until the process ends. */
struct cell {
    struct mer_alloc alloc;
    struct mer_progress progress;
    struct told told;
    struct mer_ctx ctx;
    struct mer_cell_model model;
    struct mer_cell_bench bench;
};

/* Whether a cell stays after it has done the job. */
static bool serves_after(uint32_t job)
{
    return job == MER_CELL_JOB_OPEN_MODEL || job == MER_CELL_JOB_OPEN_TABLE;
}

static mer_status work(struct cell *cell, const struct mer_cell_request *request,
                       const char *inline_bytes, struct mer_cell_answer *answer,
                       struct mer_cell_outputs *outputs, mer_err *err)
{
    const bool serves = serves_after(request->job);
    struct mer_cell_inputs inputs;

    cell->alloc.budget = request->max_memory_bytes;
    cell->ctx.cpu = (enum mer_cpu_level)request->cpu;
    if (request->job == MER_CELL_JOB_OPEN_TABLE)
        cell->ctx.clock = &MER_CLOCK_MONOTONIC; /* trials may have deadlines */
    mer_buf_init(&outputs->notes, &cell->alloc, serves ? MER_CELL_FACTS_MAX : MER_CELL_NOTES_MAX);
    MER_GUARD(mer_cell_load(cell->ctx.team, request, inline_bytes, &inputs, err));
    MER_GUARD(mer_cell_enter_compute(serves, err));
    return mer_cell_compute(&cell->ctx, request, &inputs, answer, outputs, &cell->model,
                            &cell->bench, err);
}

/* Runs trials, one after the other, until the parent closes its end. */
static bool serve_trials(struct cell *cell)
{
    static const struct mer_cell_outputs nothing = {0};
    struct mer_cell_request request;
    struct mer_cell_trial trial;
    int none;
    while (mer_channel_receive_with(MER_CELL_CONTROL, &request, sizeof request, &none)) {
        struct mer_cell_answer answer = {.part = MER_CELL_PART_SIDE};
        mer_err err = {0};
        if (request.magic != MER_CELL_MAGIC || request.job != MER_CELL_JOB_TRIAL || none >= 0 ||
            !mer_channel_receive_with(MER_CELL_CONTROL, &trial, sizeof trial, &none) || none >= 0)
            return false;
        const mer_status status =
            mer_cell_run_trial(&cell->ctx, &trial, &cell->bench, &answer, &err);
        if (!send_result(&answer, status, &err, &nothing))
            return false;
    }
    return true;
}

/* Predicts again and again, until the parent closes its end. */
static bool serve(struct cell *cell)
{
    static const struct mer_cell_outputs nothing = {0};
    struct mer_cell_request request;
    int table;
    while (mer_channel_receive_with(MER_CELL_CONTROL, &request, sizeof request, &table)) {
        struct mer_cell_answer answer = {.part = MER_CELL_PART_SIDE};
        mer_err err = {0};
        if (request.magic != MER_CELL_MAGIC)
            return false;
        cell->told = (struct told){.serves = true, .ns = now_ns(), .left = UINT64_MAX};
        const mer_status status =
            mer_cell_predict(&cell->ctx, &request, table, &cell->model, &answer, &err);
        if (!send_result(&answer, status, &err, &nothing))
            return false;
        mer_cell_forget_tables(&cell->model);
    }
    return true;
}

/* The first use of the heap, and of a JSON object without a seed, asks the kernel for randomness,
 * which no later phase may do. */
static bool seed_heap_and_json(struct mer_alloc *alloc)
{
    uint64_t seed;
    void *first;
    if (!mer_is_ok(mer_secret_random(&seed, sizeof seed, NULL)) ||
        !mer_is_ok(mer_alloc_bytes(alloc, 1, &first, NULL)))
        return false;
    mer_free(alloc, first);
    mer_json_seed(seed | 1);
    return true;
}

/* The threads that the parent wants; false when it says nothing of the kind. */
static bool hear_start(struct cell *cell)
{
    struct mer_cell_start start;
    if (!receive(&start, sizeof start) || start.magic != MER_CELL_MAGIC || start.n_threads == 0 ||
        start.n_threads > MER_CELL_THREADS_MAX)
        return false;
    if (start.serves && !mer_is_ok(mer_ahead_new(&cell->alloc, &cell->model.ahead, NULL)))
        return false;
    return start.n_threads == 1 ||
           mer_is_ok(mer_team_new(&cell->alloc, start.n_threads, &cell->ctx.team, NULL));
}

int main(void)
{
    enum { NO_REQUEST = 64, NOT_CONFINED = 69, NO_PARENT = 74 };
    static char inline_bytes[MER_CELL_INLINE_MAX + 1];
    static struct cell cell;
    struct mer_cell_request request;
    struct mer_cell_answer answer = {.magic = MER_CELL_MAGIC, .kind = MER_CELL_READY};
    struct mer_cell_outputs outputs = {0};
    mer_err err = {0};

    mer_alloc_init(&cell.alloc, SIZE_MAX);
    cell.progress = (struct mer_progress){report_progress, &cell.told};
    cell.ctx = (struct mer_ctx){.alloc = &cell.alloc, .progress = &cell.progress};
    if (!hear_start(&cell))
        return NO_REQUEST;
    if (!seed_heap_and_json(&cell.alloc))
        return NOT_CONFINED;
    mer_status status = mer_cell_enter_load(cell.ctx.team, cell.model.ahead, &answer.level, &err);
    if (!mer_is_ok(status)) {
        (void)send_result(&answer, status, &err, &outputs);
        return NOT_CONFINED;
    }
    if (!send_answer(&answer))
        return NO_PARENT;
    if (!receive(&request, sizeof request) || request.magic != MER_CELL_MAGIC ||
        request.n_inline > MER_CELL_INLINE_MAX || !receive(inline_bytes, request.n_inline))
        return NO_REQUEST;
    status = work(&cell, &request, inline_bytes, &answer, &outputs, &err);
    if (!send_result(&answer, status, &err, &outputs))
        return NO_PARENT;
    mer_buf_release(&outputs.notes);
    if (mer_is_ok(status) && serves_after(request.job)) {
        const bool is_bench = request.job == MER_CELL_JOB_OPEN_TABLE;
        if (!(is_bench ? serve_trials(&cell) : serve(&cell)))
            return NO_PARENT;
    }
    return 0;
}
