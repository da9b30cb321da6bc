/* Rows that stand in a table more than once, and columns that hold the same as another. */
#include <string.h>

#include "core/team.h"
#include "explain/profile.h"
#include "frame/dictionary.h"

enum {
    TASK_ROWS = 1 << 14,
    /* How far a row is looked for among others of the same slot; more only where hashes were made
     * to collide, and then some copies are not seen. */
    PROBES_MAX = 512
};

/* The contents of a cell as 64 bits; of a text, its hash. Missing ones are all alike. */
static uint64_t cell_bits(const struct mer_column *column, size_t row)
{
    uint64_t bits;
    if (!mer_column_has(column, row))
        return 0x9e3779b97f4a7c15u;
    switch (column->type) {
    case MER_TYPE_BOOLEAN:
        return (column->data.bits[row / 8] >> (row % 8)) & 1;
    case MER_TYPE_NUMBER:
        memcpy(&bits, &column->data.numbers[row], sizeof bits);
        return bits;
    case MER_TYPE_CATEGORICAL:
        return (uint64_t)column->data.codes[row];
    case MER_TYPE_TEXT: {
        const struct mer_cell text = mer_column_text(column, row);
        return mer_siphash13(1, 2, text.bytes, text.n);
    }
    default:
        return (uint64_t)column->data.integers[row];
    }
}

static bool same_cells(const struct mer_column *column, size_t a, size_t b)
{
    const bool has = mer_column_has(column, a);
    if (has != mer_column_has(column, b))
        return false;
    if (!has)
        return true;
    if (column->type != MER_TYPE_TEXT)
        return cell_bits(column, a) == cell_bits(column, b);
    const struct mer_cell x = mer_column_text(column, a), y = mer_column_text(column, b);
    return x.n == y.n && memcmp(x.bytes, y.bytes, x.n) == 0;
}

static bool same_rows(const struct mer_frame *frame, size_t a, size_t b)
{
    for (size_t i = 0; i < frame->n_columns; i++)
        if (!same_cells(&frame->columns[i], a, b))
            return false;
    return true;
}

struct hash_job {
    const struct mer_frame *frame;
    uint64_t *hashes; /* [n_rows] */
};

static void hash_task(void *argument, size_t task, size_t worker)
{
    const struct hash_job *const job = argument;
    const size_t first = task * TASK_ROWS, left = job->frame->n_rows - first;
    const size_t end = first + (left < TASK_ROWS ? left : TASK_ROWS);

    (void)worker;
    for (size_t i = 0; i < job->frame->n_columns; i++)
        for (size_t row = first; row < end; row++)
            job->hashes[row] = mer_spread_bits(job->hashes[row] + 0x9e3779b97f4a7c15u +
                                               cell_bits(&job->frame->columns[i], row));
}

/* Enters the rows one after another into a table of slots (row + 1; 0 is free), and counts those
 * that are in it already. */
static void count_copies(const struct mer_frame *frame, const uint64_t *hashes, uint32_t *slots,
                         size_t mask, uint8_t *is_copied, struct mer_profile *profile)
{
    for (size_t row = 0; row < frame->n_rows; row++) {
        size_t at = (size_t)hashes[row] & mask;
        const size_t step = (size_t)(hashes[row] >> 32) | 1;
        for (int probes = 0; slots[at] != 0 && probes < PROBES_MAX; probes++) {
            const size_t other = slots[at] - 1;
            if (hashes[other] == hashes[row] && same_rows(frame, other, row)) {
                profile->n_copies++;
                profile->n_copied += is_copied[other] == 0;
                is_copied[other] = 1;
                break;
            }
            at = (at + step) & mask;
        }
        if (slots[at] == 0)
            slots[at] = (uint32_t)row + 1;
    }
}

static mer_status find_row_copies(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                  struct mer_profile *profile, mer_err *err)
{
    struct hash_job job = {.frame = frame};
    uint32_t *slots = NULL;
    uint8_t *is_copied = NULL;
    size_t n_slots = 16;
    mer_status status;

    if (frame->n_columns == 0 || frame->n_rows == 0)
        return mer_ok();
    while (n_slots < 2 * frame->n_rows)
        n_slots *= 2;
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, frame->n_rows, sizeof(*job.hashes), &job.hashes, err),
                   done);
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, n_slots, sizeof(*slots), &slots, err), done);
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, frame->n_rows, 1, &is_copied, err), done);
    mer_team_run(ctx->team, hash_task, &job, (frame->n_rows + TASK_ROWS - 1) / TASK_ROWS);
    count_copies(frame, job.hashes, slots, n_slots - 1, is_copied, profile);
    status = mer_ctx_check_cancel(ctx, err);
done:
    mer_free(ctx->alloc, job.hashes);
    mer_free(ctx->alloc, slots);
    mer_free(ctx->alloc, is_copied);
    return status;
}

static bool same_columns(const struct mer_column *a, const struct mer_column *b, size_t n_rows)
{
    if (a->type != b->type || a->n_missing != b->n_missing)
        return false;
    for (size_t row = 0; row < n_rows; row++) {
        const bool has = mer_column_has(a, row);
        if (has != mer_column_has(b, row))
            return false;
        if (!has)
            continue;
        struct mer_cell x, y;
        if (a->type == MER_TYPE_TEXT) {
            x = mer_column_text(a, row);
            y = mer_column_text(b, row);
        } else if (a->type == MER_TYPE_CATEGORICAL) {
            x = mer_column_level(a, (size_t)a->data.codes[row]);
            y = mer_column_level(b, (size_t)b->data.codes[row]);
        } else {
            if (cell_bits(a, row) != cell_bits(b, row))
                return false;
            continue;
        }
        if (x.n != y.n || memcmp(x.bytes, y.bytes, x.n) != 0)
            return false;
    }
    return true;
}

/* What two columns with the same contents have in common, cheap to compare. */
static uint64_t fingerprint(const struct mer_column *column, size_t n_rows)
{
    enum { LOOKS = 64 };
    uint64_t hash = mer_spread_bits((uint64_t)column->type + 1) + column->n_missing;
    const size_t step = n_rows / LOOKS + 1;
    for (size_t row = 0; row < n_rows; row += step) {
        uint64_t bits = cell_bits(column, row);
        if (column->type == MER_TYPE_CATEGORICAL && mer_column_has(column, row)) {
            const struct mer_cell level = mer_column_level(column, (size_t)column->data.codes[row]);
            bits = mer_siphash13(1, 2, level.bytes, level.n);
        }
        hash = mer_spread_bits(hash + 0x9e3779b97f4a7c15u + bits);
    }
    return hash;
}

static mer_status find_column_copies(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                     struct mer_profile *profile, mer_err *err)
{
    uint64_t *prints;
    uint32_t *slots = NULL; /* column + 1 by fingerprint; 0 is free */
    size_t n_slots = 16;
    mer_status status;

    while (n_slots < 2 * frame->n_columns)
        n_slots *= 2;
    MER_GUARD(mer_alloc_array(ctx->alloc, frame->n_columns, sizeof(*prints), &prints, err));
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, n_slots, sizeof(*slots), &slots, err), done);
    for (size_t i = 0; i < frame->n_columns; i++) {
        const struct mer_column *const column = &frame->columns[i];
        struct mer_column_profile *const found = &profile->columns[i];
        prints[i] = fingerprint(column, frame->n_rows);
        size_t at = (size_t)prints[i] & (n_slots - 1), probes = 0;
        for (; slots[at] != 0 && probes < PROBES_MAX; probes++) {
            const size_t other = slots[at] - 1;
            /* Constant columns are told as such. */
            if (prints[other] == prints[i] && found->n_distinct >= 2 &&
                found->n_distinct == profile->columns[other].n_distinct &&
                same_columns(column, &frame->columns[other], frame->n_rows)) {
                found->same_as = other;
                break;
            }
            at = (at + 1) & (n_slots - 1);
        }
        if (slots[at] == 0)
            slots[at] = (uint32_t)i + 1;
    }
    status = mer_ctx_check_cancel(ctx, err);
done:
    mer_free(ctx->alloc, prints);
    mer_free(ctx->alloc, slots);
    return status;
}

mer_status mer_profile_copies(const struct mer_ctx *ctx, const struct mer_frame *frame,
                              struct mer_profile *profile, mer_err *err)
{
    MER_GUARD(find_row_copies(ctx, frame, profile, err));
    return find_column_copies(ctx, frame, profile, err);
}
