#include "learn/gbdt_rows.h"

#include <string.h>

struct parting {
    const uint8_t *cells;
    const uint8_t *left;
    size_t begin;
    size_t end;
    size_t n_left;
    uint32_t *rows;
    uint32_t *spare;
    size_t *counts; /* how many of each block went left, then where they begin */
};

static size_t block_end(const struct parting *parting, size_t block)
{
    const size_t end = parting->begin + (block + 1) * MER_PART_BLOCK;
    return end < parting->end ? end : parting->end;
}

/* Task: one block into spare, the left ones from its beginning, the right ones from its end. */
static void part_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct parting *parting = argument;
    const size_t begin = parting->begin + task * MER_PART_BLOCK;
    const size_t end = block_end(parting, task);
    size_t left = begin;
    size_t right = end;
    for (size_t i = begin; i < end; i++) {
        const uint32_t row = parting->rows[i];
        const size_t goes_left = parting->left[parting->cells[row]];
        parting->spare[left] = row;
        parting->spare[right - 1] = row;
        left += goes_left;
        right -= 1 - goes_left;
    }
    parting->counts[task] = left - begin;
}

/* Task: one block back to where its rows belong. */
static void place_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct parting *parting = argument;
    const size_t begin = parting->begin + task * MER_PART_BLOCK;
    const size_t end = block_end(parting, task);
    const size_t left_begin = parting->counts[task];
    const size_t n_left = parting->counts[task + 1] - left_begin;
    const size_t right_begin =
        parting->n_left + (begin - parting->begin) - left_begin; /* right ones before this block */
    memcpy(parting->rows + parting->begin + left_begin, parting->spare + begin,
           n_left * sizeof(uint32_t));
    uint32_t *to = parting->rows + parting->begin + right_begin;
    const uint32_t *from = parting->spare + end - 1;
    for (size_t i = 0; i < end - begin - n_left; i++)
        to[i] = from[-(ptrdiff_t)i];
}

/* The same in one thread: left ones move down in place, right ones take a detour. */
static size_t part_alone(const uint8_t *cells, const uint8_t *left, size_t begin, size_t end,
                         uint32_t *rows, uint32_t *spare)
{
    size_t n_left = begin;
    size_t n_right = 0;
    for (size_t i = begin; i < end; i++) {
        const uint32_t row = rows[i];
        const size_t goes_left = left[cells[row]];
        rows[n_left] = row;
        spare[begin + n_right] = row;
        n_left += goes_left;
        n_right += 1 - goes_left;
    }
    memcpy(rows + n_left, spare + begin, n_right * sizeof *rows);
    return n_left - begin;
}

size_t mer_part_rows(struct mer_team *team, const uint8_t *cells, const uint8_t left[256],
                     size_t begin, size_t end, uint32_t *rows, uint32_t *spare, size_t *counts)
{
    const size_t n_blocks = (end - begin + MER_PART_BLOCK - 1) / MER_PART_BLOCK;
    if (!team || n_blocks <= 1)
        return part_alone(cells, left, begin, end, rows, spare);
    struct parting parting = {cells, left, begin, end, 0, rows, spare, counts};
    mer_team_run(team, part_task, &parting, n_blocks);
    size_t n_left = 0;
    for (size_t block = 0; block < n_blocks; block++) {
        const size_t n = parting.counts[block];
        parting.counts[block] = n_left;
        n_left += n;
    }
    parting.counts[n_blocks] = n_left;
    parting.n_left = n_left;
    mer_team_run(team, place_task, &parting, n_blocks);
    return n_left;
}

static void put(uint32_t row, size_t place, uint32_t *rows, _Atomic uint32_t *places)
{
    rows[place] = row;
    atomic_store_explicit(&places[row], (uint32_t)place, memory_order_relaxed);
}

void mer_place_rows(size_t begin, size_t end, const uint32_t *rows, _Atomic uint32_t *places)
{
    for (size_t i = begin; i < end; i++)
        atomic_store_explicit(&places[rows[i]], (uint32_t)i, memory_order_relaxed);
}

size_t mer_move_rows(const uint32_t *listed, size_t n_listed, bool to_end, size_t n_moved,
                     size_t begin, size_t end, uint32_t *rows, _Atomic uint32_t *places)
{
    for (size_t i = 0; i < n_listed; i++) {
        const uint32_t row = listed[i];
        const size_t place = atomic_load_explicit(&places[row], memory_order_relaxed);
        if (place < begin || place >= end || rows[place] != row)
            continue;
        const size_t target = to_end ? end - 1 - n_moved : begin + n_moved;
        put(rows[target], place, rows, places);
        put(row, target, rows, places);
        n_moved++;
    }
    return n_moved;
}
