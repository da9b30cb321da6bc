/* Makes the sparse rows of a table's texts, and what condenses them. Rows are cut into parts of a
 * fixed size; each part is made by one task, in memory of its own, and parts are joined in order.
 */
#include "automl/prepare_text.h"

#include <string.h>

#include "core/team.h"

enum { PART_ROWS = 256 };

struct making {
    const struct mer_ctx *ctx;
    const struct mer_text_block *block;
    struct mer_text_row *workers;
    size_t *counts; /* [n_rows]: entries of each row */
    struct part {
        uint32_t *columns;
        float *values;
        size_t n, capacity;
        mer_status status;
    } * parts;
};

void mer_text_rows_release(struct mer_alloc *alloc, struct mer_text_rows *rows)
{
    mer_free(alloc, rows->start);
    mer_free(alloc, rows->columns);
    mer_free(alloc, rows->values);
    *rows = (struct mer_text_rows){.start = NULL};
}

static mer_status append(struct mer_alloc *alloc, const struct mer_text_row *row, size_t first_term,
                         struct part *part)
{
    if (part->n + row->n > part->capacity) {
        const size_t capacity = 2 * (part->n + row->n);
        MER_GUARD(mer_alloc_resize(alloc, capacity * sizeof *part->columns, &part->columns, NULL));
        MER_GUARD(mer_alloc_resize(alloc, capacity * sizeof *part->values, &part->values, NULL));
        part->capacity = capacity;
    }
    for (size_t i = 0; i < row->n; i++) {
        part->columns[part->n] = (uint32_t)(first_term + row->terms[i]);
        part->values[part->n++] = row->values[i];
    }
    return mer_ok();
}

static size_t row_at(const struct mer_text_block *block, size_t i)
{
    return block->rows ? block->rows[i] : block->first + i;
}

static mer_status make_row(const struct making *making, size_t i, struct mer_text_row *row,
                           struct part *part)
{
    const struct mer_text_block *block = making->block;
    const size_t at = row_at(block, i);

    for (size_t t = 0; t < block->n_texts; t++) {
        const struct mer_text_features *text = &block->texts[t];
        mer_text_row_fill(text, mer_text_cell(block->columns[t], at), row);
        if (block->components)
            mer_text_row_components(text, row,
                                    block->components + i * block->stride + text->first_component);
        making->counts[i] += row->n;
        MER_GUARD(append(making->ctx->alloc, row, text->first_term, part));
    }
    return mer_ok();
}

static void make_part(void *argument, size_t task, size_t worker)
{
    const struct making *making = argument;
    struct part *part = &making->parts[task];
    const size_t first = task * PART_ROWS, left = making->block->n_rows - first;
    const size_t end = first + (left < PART_ROWS ? left : PART_ROWS);

    part->status = mer_ctx_check_cancel(making->ctx, NULL);
    for (size_t i = first; i < end && mer_is_ok(part->status); i++)
        part->status = make_row(making, i, &making->workers[worker], part);
}

static mer_status join(const struct making *making, size_t n_parts, struct mer_text_rows *rows,
                       mer_err *err)
{
    const size_t n_rows = making->block->n_rows;
    size_t n = 0;

    MER_GUARD(
        mer_alloc_array(making->ctx->alloc, n_rows + 1, sizeof *rows->start, &rows->start, err));
    rows->start[0] = 0;
    for (size_t i = 0; i < n_rows; i++)
        rows->start[i + 1] = rows->start[i] + making->counts[i];
    MER_GUARD(mer_alloc_array(making->ctx->alloc, rows->start[n_rows], sizeof *rows->columns,
                              &rows->columns, err));
    MER_GUARD(mer_alloc_array(making->ctx->alloc, rows->start[n_rows], sizeof *rows->values,
                              &rows->values, err));
    for (size_t p = 0; p < n_parts; p++) {
        const struct part *part = &making->parts[p];
        if (part->n == 0)
            continue;
        memcpy(rows->columns + n, part->columns, part->n * sizeof *rows->columns);
        memcpy(rows->values + n, part->values, part->n * sizeof *rows->values);
        n += part->n;
    }
    return mer_ok();
}

/* A single task is the caller's: a row that is asked for alone must not pay for the others. */
static size_t n_workers_of(const struct mer_ctx *ctx, size_t n_parts)
{
    return n_parts <= 1 ? 1 : mer_team_size(ctx->team);
}

/* Bytes of the longest text. */
static size_t longest(const struct mer_text_block *block)
{
    size_t n = 0;
    for (size_t t = 0; t < block->n_texts; t++)
        for (size_t i = 0; i < block->n_rows; i++) {
            const struct mer_cell cell = mer_text_cell(block->columns[t], row_at(block, i));
            n = cell.n > n ? cell.n : n;
        }
    return n;
}

static mer_status make(struct making *making, size_t n_parts, struct mer_text_rows *rows,
                       mer_err *err)
{
    struct mer_alloc *alloc = making->ctx->alloc;
    const size_t n_workers = n_workers_of(making->ctx, n_parts);
    const size_t n_bytes_max = longest(making->block);

    MER_GUARD(mer_alloc_zero(alloc, n_workers, sizeof *making->workers, &making->workers, err));
    for (size_t w = 0; w < n_workers; w++)
        MER_GUARD(mer_text_row_init(alloc, n_bytes_max, &making->workers[w], err));
    MER_GUARD(
        mer_alloc_zero(alloc, making->block->n_rows, sizeof *making->counts, &making->counts, err));
    MER_GUARD(mer_alloc_zero(alloc, n_parts, sizeof *making->parts, &making->parts, err));
    mer_team_run(making->ctx->team, make_part, making, n_parts);
    for (size_t p = 0; p < n_parts; p++)
        if (!mer_is_ok(making->parts[p].status))
            return mer_fail(err, making->parts[p].status.code, "the texts could not be prepared");
    return join(making, n_parts, rows, err);
}

mer_status mer_text_rows_make(const struct mer_ctx *ctx, const struct mer_text_block *block,
                              struct mer_text_rows *ret, mer_err *err)
{
    struct making making = {.ctx = ctx, .block = block};
    const size_t n_parts = (block->n_rows + PART_ROWS - 1) / PART_ROWS;
    struct mer_text_rows rows = {.start = NULL};

    const mer_status status = make(&making, n_parts, &rows, err);
    for (size_t w = 0; making.workers && w < n_workers_of(ctx, n_parts); w++)
        mer_text_row_release(ctx->alloc, &making.workers[w]);
    for (size_t p = 0; making.parts && p < n_parts; p++) {
        mer_free(ctx->alloc, making.parts[p].columns);
        mer_free(ctx->alloc, making.parts[p].values);
    }
    mer_free(ctx->alloc, making.workers);
    mer_free(ctx->alloc, making.counts);
    mer_free(ctx->alloc, making.parts);
    if (mer_is_ok(status))
        *ret = rows;
    else
        mer_text_rows_release(ctx->alloc, &rows);
    return status;
}
