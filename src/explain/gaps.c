/* Missing cells: where in the table, and which columns are missing together. */
#include <string.h>

#include "core/team.h"
#include "explain/profile.h"

enum { TASK_ROWS = 1 << 14, PATTERNS_MAX = 4096 };

/* The columns with most missing cells, in table order. */
static void choose_columns(const struct mer_frame *frame, struct mer_gaps *gaps)
{
    for (size_t i = 0; i < frame->n_columns; i++) {
        const size_t n_missing = frame->columns[i].n_missing;
        if (n_missing == 0)
            continue;
        gaps->n_all_columns++;
        gaps->n_cells += n_missing;
        if (gaps->n_columns < MER_GAPS_COLUMNS) {
            gaps->columns[gaps->n_columns++] = (uint32_t)i;
            continue;
        }
        size_t least = 0;
        for (size_t k = 1; k < MER_GAPS_COLUMNS; k++)
            if (frame->columns[gaps->columns[k]].n_missing <
                frame->columns[gaps->columns[least]].n_missing)
                least = k;
        if (frame->columns[gaps->columns[least]].n_missing >= n_missing)
            continue;
        memmove(&gaps->columns[least], &gaps->columns[least + 1],
                (MER_GAPS_COLUMNS - 1 - least) * sizeof(gaps->columns[0]));
        gaps->columns[MER_GAPS_COLUMNS - 1] = (uint32_t)i;
    }
}

struct gap_job {
    const struct mer_frame *frame;
    const struct mer_gaps *gaps;
    uint64_t *rows; /* [n_rows]: bit k is missing in columns[k]; all ones but these: elsewhere */
};

#define ELSEWHERE (UINT64_C(1) << 63)

static void row_task(void *argument, size_t task, size_t worker)
{
    const struct gap_job *const job = argument;
    const size_t first = task * TASK_ROWS, left = job->frame->n_rows - first;
    const size_t end = first + (left < TASK_ROWS ? left : TASK_ROWS);
    size_t next = 0;

    (void)worker;
    for (size_t i = 0; i < job->frame->n_columns; i++) {
        const struct mer_column *const column = &job->frame->columns[i];
        uint64_t bit = ELSEWHERE;
        if (next < job->gaps->n_columns && job->gaps->columns[next] == i)
            bit = UINT64_C(1) << next++;
        if (column->n_missing == 0)
            continue;
        for (size_t row = first; row < end; row++)
            if (!mer_column_has(column, row))
                job->rows[row] |= bit;
    }
}

static void count_blocks(const struct mer_frame *frame, struct mer_gaps *gaps)
{
    const size_t n_rows = frame->n_rows;
    gaps->n_blocks = n_rows < MER_GAPS_BLOCKS ? n_rows : MER_GAPS_BLOCKS;
    for (size_t k = 0; k < gaps->n_columns; k++) {
        const struct mer_column *const column = &frame->columns[gaps->columns[k]];
        for (size_t b = 0; b < gaps->n_blocks; b++) {
            const size_t first = n_rows * b / gaps->n_blocks;
            const size_t end = n_rows * (b + 1) / gaps->n_blocks;
            size_t n = 0;
            for (size_t row = first; row < end; row++)
                n += !mer_column_has(column, row);
            gaps->shares[k][b] = (float)n / (float)(end - first);
        }
    }
}

static void keep_pattern(struct mer_gaps *gaps, uint64_t columns, size_t n_rows)
{
    size_t at = gaps->n_patterns;
    if (at == MER_GAPS_PATTERNS && gaps->patterns[at - 1].n_rows >= n_rows)
        return;
    at = at < MER_GAPS_PATTERNS ? gaps->n_patterns++ : at - 1;
    for (; at > 0 && gaps->patterns[at - 1].n_rows < n_rows; at--)
        gaps->patterns[at] = gaps->patterns[at - 1];
    gaps->patterns[at] = (struct mer_gap_pattern){columns, n_rows};
}

/* Patterns in a small table; what comes when it is full is not told apart any more. */
struct pattern_set {
    struct mer_gap_pattern slots[2 * PATTERNS_MAX];
    uint32_t order[PATTERNS_MAX]; /* slots in order of first appearance */
    size_t n;
};

static void count_pattern(struct pattern_set *set, uint64_t columns)
{
    size_t at = (size_t)((columns * 0x9e3779b97f4a7c15u) >> 51); /* 13 bits */
    while (set->slots[at].n_rows != 0 && set->slots[at].columns != columns)
        at = (at + 1) % (2 * PATTERNS_MAX);
    if (set->slots[at].n_rows == 0) {
        if (set->n == PATTERNS_MAX)
            return;
        set->slots[at].columns = columns;
        set->order[set->n++] = (uint32_t)at;
    }
    set->slots[at].n_rows++;
}

mer_status mer_profile_gaps(const struct mer_ctx *ctx, const struct mer_frame *frame,
                            struct mer_gaps *ret, mer_err *err)
{
    struct gap_job job = {.frame = frame, .gaps = ret};
    struct pattern_set *set = NULL;
    mer_status status;

    choose_columns(frame, ret);
    if (ret->n_all_columns == 0)
        return mer_ok();
    count_blocks(frame, ret);
    MER_GUARD(mer_alloc_zero(ctx->alloc, frame->n_rows, sizeof(*job.rows), &job.rows, err));
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, 1, sizeof(*set), &set, err), done);
    mer_team_run(ctx->team, row_task, &job, (frame->n_rows + TASK_ROWS - 1) / TASK_ROWS);
    for (size_t row = 0; row < frame->n_rows; row++) {
        if (job.rows[row] == 0)
            continue;
        ret->n_rows++;
        count_pattern(set, job.rows[row]);
    }
    for (size_t k = 0; k < set->n; k++)
        keep_pattern(ret, set->slots[set->order[k]].columns, set->slots[set->order[k]].n_rows);
    ret->n_all_patterns = set->n;
done:
    mer_free(ctx->alloc, set);
    mer_free(ctx->alloc, job.rows);
    return status;
}
