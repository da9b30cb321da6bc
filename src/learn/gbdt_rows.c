#include "learn/gbdt_rows.h"

#include <string.h>

enum { CHUNKS_MAX = 64 };

struct parting {
    const struct mer_parting *what;
    size_t n_chunks;
    size_t n_left[CHUNKS_MAX]; /* how many of each chunk went left */
};

static size_t chunk_begin(const struct parting *parting, size_t chunk)
{
    const struct mer_parting *what = parting->what;
    return what->begin + (what->end - what->begin) * chunk / parting->n_chunks;
}

/* Task: one chunk into the spare lists. */
static void part_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    struct parting *parting = argument;
    const struct mer_parting *what = parting->what;
    const size_t begin = chunk_begin(parting, task);
    parting->n_left[task] = what->kernels->part(what->cells, what->left, what->from + begin,
                                                chunk_begin(parting, task + 1) - begin,
                                                what->spare[0] + begin, what->spare[1] + begin);
}

/* Task: one chunk back to where its rows belong. */
static void place_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct parting *parting = argument;
    const struct mer_parting *what = parting->what;
    const size_t begin = chunk_begin(parting, task);
    const size_t n = chunk_begin(parting, task + 1) - begin;
    size_t n_before = 0;
    size_t n_left = 0;
    for (size_t chunk = 0; chunk < parting->n_chunks; chunk++) {
        n_before += chunk < task ? parting->n_left[chunk] : 0;
        n_left += parting->n_left[chunk];
    }
    const size_t n_own = parting->n_left[task];
    const size_t n_right_before = begin - what->begin - n_before;
    uint32_t *rows = what->rows + what->begin;
    memcpy(rows + n_before, what->spare[0] + begin, n_own * sizeof *rows);
    memcpy(rows + n_left + n_right_before, what->spare[1] + begin, (n - n_own) * sizeof *rows);
}

size_t mer_part_rows(const struct mer_parting *what, struct mer_team *team)
{
    const size_t n = what->end - what->begin;
    struct parting parting = {.what = what, .n_chunks = mer_team_size(team)};
    if (parting.n_chunks > CHUNKS_MAX)
        parting.n_chunks = CHUNKS_MAX;
    if (parting.n_chunks > n / MER_PART_LEAST)
        parting.n_chunks = n / MER_PART_LEAST;
    if (parting.n_chunks <= 1) {
        /* Left ones move down in place, right ones take a detour. */
        uint32_t *rows = what->rows + what->begin;
        uint32_t *spare = what->spare[0] + what->begin;
        const size_t n_left =
            what->kernels->part(what->cells, what->left, what->from + what->begin, n, rows, spare);
        memcpy(rows + n_left, spare, (n - n_left) * sizeof *rows);
        return n_left;
    }
    mer_team_run(team, part_task, &parting, parting.n_chunks);
    mer_team_run(team, place_task, &parting, parting.n_chunks);
    size_t n_left = 0;
    for (size_t chunk = 0; chunk < parting.n_chunks; chunk++)
        n_left += parting.n_left[chunk];
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
