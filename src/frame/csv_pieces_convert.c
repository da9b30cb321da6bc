/* Converts the pieces of a CSV text, in parallel: finds the cells of some rows at a time, so that
 * they stay in the cache while column after column is converted. */
#include "frame/csv_worker.h"
#include "frame/text_check.h"

/* The cells of the next rows: fills the worker's batch. n_known cells have their beginnings in
 * `starts` behind the first one. */
static bool next_rows(struct mer_csv_worker *worker, struct mer_csv_index *index, size_t *n_known)
{
    const struct mer_csv_fast *fast = worker->fast;
    const size_t n_columns = fast->table->source.n_columns;
    while (*n_known < n_columns && index->next < index->n) {
        *n_known += fast->kernels->index(index, fast->batch_bytes, worker->starts + 1 + *n_known);
        if (index->faulty)
            return false;
    }
    worker->batch.n_rows = *n_known / n_columns;
    return worker->batch.n_rows > 0 &&
           worker->batch.n_rows <= worker->piece->n_rows - worker->first_row;
}

static enum mer_csv_outcome convert_rows(struct mer_csv_worker *worker)
{
    for (size_t c = 0; c < worker->batch.n_columns; c++) {
        const enum mer_csv_outcome outcome = mer_csv_convert_cells(worker, c);
        if (outcome != MER_CSV_DONE)
            return outcome;
    }
    return MER_CSV_DONE;
}

static enum mer_csv_outcome convert_text(struct mer_csv_worker *worker, const char *text, size_t n)
{
    const struct mer_csv_fast *fast = worker->fast;
    const size_t n_columns = fast->table->source.n_columns;
    struct mer_csv_index index = {.text = text, .n = n, .delimiter = fast->delimiter, .opens = 1};
    size_t n_known = 0;
    if (worker->piece->has_high && mer_text_check(text, n) != n)
        return MER_CSV_DECLINED;
    worker->starts[0] = 0;
    worker->first_row = 0;
    worker->batch = (struct mer_csv_batch){.text = text,
                                           .starts = worker->starts,
                                           .n_columns = n_columns,
                                           .delimiter = fast->delimiter};
    while (worker->first_row < worker->piece->n_rows) {
        if (!next_rows(worker, &index, &n_known))
            return MER_CSV_DECLINED;
        const enum mer_csv_outcome outcome = convert_rows(worker);
        if (outcome != MER_CSV_DONE)
            return outcome;
        const size_t n_used = worker->batch.n_rows * n_columns;
        memmove(worker->starts, worker->starts + n_used,
                (n_known - n_used + 1) * sizeof *worker->starts);
        n_known -= n_used;
        worker->first_row += worker->batch.n_rows;
    }
    return index.next == n && n_known == 0 ? MER_CSV_DONE : MER_CSV_DECLINED;
}

/* The last piece ends where the text does: a copy of it has a line feed at its end and a margin
 * behind it. */
static mer_status copy_piece(struct mer_csv_worker *worker, const char **text, size_t *n)
{
    const size_t n_needed = *n + 1 + MER_CSV_MARGIN;
    if (n_needed > worker->n_copy) {
        MER_GUARD(mer_alloc_resize(worker->fast->table->ctx->alloc, n_needed, &worker->copy,
                                   &worker->err));
        worker->n_copy = n_needed;
    }
    memcpy(worker->copy, *text, *n);
    if (worker->copy[*n - 1] != '\n')
        worker->copy[(*n)++] = '\n';
    memset(worker->copy + *n, 0, MER_CSV_MARGIN);
    *text = worker->copy;
    return mer_ok();
}

/* Where the piece's values go. */
static void bring_in(const struct mer_csv_fast *fast, const struct mer_csv_piece *piece)
{
    for (size_t c = 0; c < fast->table->source.n_columns; c++) {
        const struct mer_csv_target *target = &fast->targets[c];
        const size_t width = target->kind == MER_CSV_CODES ? sizeof(int32_t) : sizeof(int64_t);
        if (target->kind != MER_CSV_SKIPPED && target->type != MER_TYPE_BOOLEAN)
            mer_region_bring_in(fast->region, target->data + piece->first_row * width,
                                piece->n_rows * width);
    }
}

static enum mer_csv_outcome convert_piece(struct mer_csv_worker *worker, size_t i)
{
    const struct mer_csv_fast *fast = worker->fast;
    const struct mer_csv_piece *piece = &fast->pieces[i];
    const char *text = fast->text + piece->begin;
    size_t n = piece->n;
    worker->piece = piece;
    worker->parts = mer_csv_part(fast, i, 0);
    bring_in(fast, piece);
    /* What was new in another piece has other codes here. */
    memset(worker->caches, 0xff, (fast->n_caches << fast->cache_bits) * sizeof *worker->caches);
    if (fast->n_text - piece->begin - n < MER_CSV_MARGIN) {
        const mer_status status = copy_piece(worker, &text, &n);
        if (!mer_is_ok(status)) {
            worker->status = status;
            return MER_CSV_FAILED;
        }
    }
    return convert_text(worker, text, n);
}

static void convert_task(void *argument, size_t task, size_t number)
{
    struct mer_csv_fast *fast = argument;
    struct mer_csv_worker *worker = &fast->workers[number];
    const struct mer_ctx *ctx = fast->table->ctx;
    int expected = MER_CSV_DONE;
    if (atomic_load_explicit(&fast->outcome, memory_order_relaxed) != MER_CSV_DONE)
        return;
    if (number == 0)
        mer_csv_report_progress(fast->table, MER_CSV_N_PASSES * (uint64_t)fast->pieces[task].begin);
    int outcome = MER_CSV_FAILED;
    worker->status = mer_ctx_check_cancel(ctx, &worker->err);
    if (mer_is_ok(worker->status))
        outcome = (int)convert_piece(worker, task);
    if (outcome != MER_CSV_DONE)
        (void)atomic_compare_exchange_strong(&fast->outcome, &expected, outcome);
}

mer_status mer_csv_convert_pieces(struct mer_csv_fast *fast, enum mer_csv_outcome *ret,
                                  mer_err *err)
{
    atomic_store(&fast->outcome, MER_CSV_DONE);
    mer_team_run(fast->table->ctx->team, convert_task, fast, fast->n_pieces);
    *ret = (enum mer_csv_outcome)atomic_load(&fast->outcome);
    for (size_t i = 0; i < fast->n_workers && *ret == MER_CSV_FAILED; i++) {
        if (mer_is_ok(fast->workers[i].status))
            continue;
        if (err)
            *err = fast->workers[i].err;
        return fast->workers[i].status;
    }
    return mer_ok();
}
