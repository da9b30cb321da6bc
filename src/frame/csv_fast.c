#include "frame/csv_fast.h"

#include "core/number.h"
#include "frame/csv_worker.h"

enum {
    COLUMNS_MAX = 1 << 14, /* wider tables are left to the plain reader */
    BATCH_BYTES = 16 << 10,
    CACHED_MAX = 1 << 15, /* entries of all of a worker's caches */
    CACHE_BITS_MIN = 4,
    CACHE_BITS_MAX = 8,
    ROUNDS_MAX = 4
};

void mer_csv_parts_clear(struct mer_csv_fast *fast)
{
    struct mer_alloc *alloc = fast->table->ctx->alloc;
    for (size_t i = 0; fast->parts && i < fast->n_pieces * fast->table->source.n_columns; i++) {
        struct mer_csv_part *part = &fast->parts[i];
        mer_free(alloc, part->missing);
        mer_free(alloc, part->truths);
        mer_free(alloc, part->codes);
        if (part->more)
            mer_dictionary_release(part->more);
        mer_free(alloc, part->more);
        *part = (struct mer_csv_part){0};
    }
    for (size_t i = 0; fast->workers && i < fast->n_workers; i++)
        memset(fast->workers[i].missing_counts, 0, sizeof fast->workers[i].missing_counts);
}

static void release(struct mer_csv_fast *fast)
{
    struct mer_alloc *alloc = fast->table->ctx->alloc;
    mer_csv_parts_clear(fast);
    for (size_t i = 0; fast->workers && i < fast->n_workers; i++) {
        mer_free(alloc, fast->workers[i].starts);
        mer_free(alloc, fast->workers[i].caches);
        mer_free(alloc, fast->workers[i].copy);
        mer_free(alloc, fast->workers[i].scratch);
    }
    for (size_t c = 0; fast->targets && c < fast->table->source.n_columns; c++)
        mer_dictionary_release(&fast->targets[c].levels);
    mer_free(alloc, fast->workers);
    mer_free(alloc, fast->parts);
    mer_free(alloc, fast->targets);
    mer_free(alloc, fast->pieces);
}

/* A text that means missing and that is a number, too: then no cell may be taken for a number
 * before it was looked for among them. */
static bool has_odd_missing(const struct mer_missing *missing)
{
    for (size_t i = 0; i < missing->n; i++) {
        double value;
        if (mer_number_parse(missing->texts[i], missing->lengths[i], false, &value))
            return true;
    }
    return false;
}

/* Columns of codes share a worker's caches. */
static void share_caches(struct mer_csv_fast *fast)
{
    fast->n_caches = 0;
    for (size_t c = 0; c < fast->table->source.n_columns; c++) {
        struct mer_csv_target *target = &fast->targets[c];
        target->cache = SIZE_MAX;
        if (target->kind == MER_CSV_CODES && fast->n_caches < CACHED_MAX >> CACHE_BITS_MIN)
            target->cache = fast->n_caches++;
    }
    fast->cache_bits = CACHE_BITS_MAX;
    while (fast->cache_bits > CACHE_BITS_MIN && fast->n_caches << fast->cache_bits > CACHED_MAX)
        fast->cache_bits--;
}

static mer_status begin_workers(struct mer_csv_fast *fast, mer_err *err)
{
    struct mer_alloc *alloc = fast->table->ctx->alloc;
    const size_t n_team = mer_team_size(fast->table->ctx->team);
    fast->n_workers = n_team < fast->n_pieces ? n_team : fast->n_pieces;
    /* Tasks are claimed by any member of the team. */
    if (fast->n_pieces > 1)
        fast->n_workers = n_team;
    MER_GUARD(mer_alloc_zero(alloc, fast->n_workers, sizeof *fast->workers, &fast->workers, err));
    for (size_t i = 0; i < fast->n_workers; i++) {
        struct mer_csv_worker *worker = &fast->workers[i];
        const size_t n_starts =
            fast->table->source.n_columns + fast->batch_bytes + 2 * MER_CSV_WORD;
        worker->fast = fast;
        MER_GUARD(mer_alloc_array(alloc, n_starts, sizeof *worker->starts, &worker->starts, err));
    }
    return mer_ok();
}

static mer_status begin_caches(struct mer_csv_fast *fast, mer_err *err)
{
    struct mer_alloc *alloc = fast->table->ctx->alloc;
    share_caches(fast);
    for (size_t i = 0; i < fast->n_workers; i++) {
        mer_free(alloc, fast->workers[i].caches);
        fast->workers[i].caches = NULL;
        MER_GUARD(mer_alloc_array(alloc, fast->n_caches << fast->cache_bits,
                                  sizeof *fast->workers[i].caches, &fast->workers[i].caches, err));
    }
    return mer_ok();
}

/* Makes room for the data of the guessed types. */
static mer_status place_data(struct mer_csv_fast *fast, mer_err *err)
{
    struct mer_csv_table *table = fast->table;
    size_t n_columns;
    size_t n_image;
    size_t offset;
    size_t n_more = fast->n_text / 8;
    for (size_t c = 0; c < table->source.n_columns; c++) {
        table->columns[c].type = fast->targets[c].type;
        table->columns[c].n_missing = 0;
        table->columns[c].n_bytes = 0;
        if (fast->targets[c].kind == MER_CSV_TEXTS)
            n_more = fast->n_text;
    }
    MER_GUARD(mer_csv_lay_out(table, fast->stored, &n_columns, &n_image, err));
    for (size_t c = 0; c < table->source.n_columns; c++)
        if (!table->columns[c].skipped)
            fast->targets[c].data = fast->stored[table->columns[c].place].data;
    mer_region_reserve(fast->region, n_image + n_more);
    return mer_region_extend(fast->region, n_image, &offset, err);
}

/* The table takes over what was found out. */
static void tell_table(struct mer_csv_fast *fast)
{
    struct mer_csv_table *table = fast->table;
    for (size_t c = 0; c < table->source.n_columns; c++) {
        if (fast->targets[c].kind != MER_CSV_CODES)
            continue;
        table->columns[c].levels = fast->targets[c].levels;
        mer_dictionary_init(&fast->targets[c].levels, table->ctx->alloc);
    }
    for (size_t i = 0; i < fast->n_workers; i++)
        for (size_t m = 0; m < table->missing.n; m++)
            table->missing_counts[m] += fast->workers[i].missing_counts[m];
}

static mer_status convert_rounds(struct mer_csv_fast *fast, enum mer_csv_outcome *ret, mer_err *err)
{
    *ret = MER_CSV_AGAIN;
    for (unsigned round = 0; round < ROUNDS_MAX && *ret == MER_CSV_AGAIN; round++) {
        mer_region_clear(fast->region);
        mer_csv_parts_clear(fast);
        MER_GUARD(begin_caches(fast, err));
        MER_GUARD(place_data(fast, err));
        MER_GUARD(mer_csv_convert_pieces(fast, ret, err));
        if (*ret == MER_CSV_DONE)
            MER_GUARD(mer_csv_settle(fast, ret, err));
    }
    return mer_ok();
}

static mer_status read_pieces(struct mer_csv_fast *fast, enum mer_csv_outcome *ret, mer_err *err)
{
    struct mer_csv_table *table = fast->table;
    struct mer_alloc *alloc = table->ctx->alloc;
    const size_t n_columns = table->source.n_columns;
    size_t n_parts;
    MER_GUARD(mer_csv_cut(fast, ret, err));
    if (*ret != MER_CSV_DONE)
        return mer_ok();
    const struct mer_csv_piece *last = &fast->pieces[fast->n_pieces - 1];
    table->n_rows = last->first_row + last->n_rows;
    if (!mer_size_mul(fast->n_pieces, n_columns, &n_parts))
        return mer_fail(err, MER_ERR_MEMORY, "a table of %zu columns is too wide", n_columns);
    MER_GUARD(mer_alloc_zero(alloc, n_parts, sizeof *fast->parts, &fast->parts, err));
    MER_GUARD(mer_alloc_zero(alloc, n_columns, sizeof *fast->targets, &fast->targets, err));
    MER_GUARD(mer_csv_guess(fast, err));
    MER_GUARD(begin_workers(fast, err));
    MER_GUARD(convert_rounds(fast, ret, err));
    if (*ret != MER_CSV_DONE)
        return mer_ok();
    tell_table(fast);
    MER_GUARD(mer_csv_begin_image(table, fast->region, fast->stored, err));
    mer_csv_finish(fast);
    mer_csv_report_progress(table, MER_CSV_N_PASSES * (uint64_t)table->source.n_text);
    return mer_ok();
}

mer_status mer_csv_read_fast(struct mer_csv_table *table, const struct mer_csv_scan *scan,
                             size_t block_bytes, struct mer_region *region,
                             struct mer_image_column *stored, bool *ret_declined, mer_err *err)
{
    enum mer_csv_outcome outcome = MER_CSV_DECLINED;
    mer_status status = mer_ok();
    struct mer_csv_fast fast = {.table = table,
                                .kernels = mer_csv_kernels(table->ctx->cpu),
                                .region = region,
                                .text = scan->next,
                                .n_text = (size_t)(scan->end - scan->next),
                                .delimiter = scan->delimiter,
                                .block_bytes = block_bytes,
                                .odd_missing = has_odd_missing(&table->missing),
                                .stored = stored,
                                .batch_bytes = block_bytes ? MER_CSV_WORD : BATCH_BYTES};
    if (table->source.n_columns <= COLUMNS_MAX) {
        status = read_pieces(&fast, &outcome, err);
        release(&fast);
    }
    if (mer_is_ok(status) && outcome != MER_CSV_DONE) {
        mer_region_clear(region);
        table->n_rows = 0;
        for (size_t c = 0; c < table->source.n_columns; c++) {
            table->columns[c].n_missing = 0;
            table->columns[c].n_bytes = 0;
        }
    }
    *ret_declined = outcome != MER_CSV_DONE;
    return status;
}
