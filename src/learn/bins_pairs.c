#include "learn/bins_pairs.h"

#include <math.h>
#include <string.h>

#include "core/team.h"
#include "learn/gbdt_kernels.h"

enum {
    LANES = MER_DIFFER_COLUMNS,
    STRIP = MER_DIFFER_ROWS,
    PEEK_ROWS = 64,
    BLOCK_BYTES = 1 << 19,
    NO_BITS = -1
};

struct finding {
    const struct mer_ctx *ctx;
    const struct mer_design *design;
    struct mer_pairs *pairs;
    const struct mer_gbdt_kernels *kernels;
    size_t n_lanes;    /* n_dense in whole groups of columns */
    size_t block_rows; /* in whole strips */
    double *first;     /* [n_lanes] the values of the first row */
    int64_t *place;    /* [n_lanes] which bits are a column's, NO_BITS: it is no candidate */
    /* Of each worker: */
    double *second;   /* [n_lanes] what else was seen, NaN: nothing */
    uint8_t *alive;   /* [n_lanes / LANES] a bit a column: no third value was seen */
    uint32_t *groups; /* [n_lanes / LANES] those with a column that is alive */
    uint8_t *strange; /* [n_lanes / LANES] columns with a value that is neither */
    uint8_t *masks;   /* [n_lanes / LANES][STRIP] */
    double *tail;     /* the last n_tail rows of the table, padded */
    size_t n_tail;
};

/* A worker's share of the arrays. */
struct seeing {
    double *second;
    uint8_t *alive;
    uint32_t *groups;
    uint8_t *strange;
    uint8_t *masks;
    size_t n_groups;
};

static struct seeing seeing_of(const struct finding *finding, size_t worker)
{
    const size_t n = finding->n_lanes / LANES;
    return (struct seeing){.second = finding->second + worker * finding->n_lanes,
                           .alive = finding->alive + worker * n,
                           .groups = finding->groups + worker * n,
                           .strange = finding->strange + worker * n,
                           .masks = finding->masks + worker * n * STRIP};
}

/* Whether the column has at most two values in rows spread over the table. */
static bool seems_to_be_pair(const struct mer_design *design, size_t column)
{
    const double first = design->dense[column];
    double second = first;
    for (size_t i = 0; i < PEEK_ROWS; i++) {
        const size_t row = design->n_rows * i / PEEK_ROWS;
        const double value = design->dense[row * design->n_dense + column];
        if (value == first || value == second)
            continue;
        if (second != first || isnan(value))
            return false;
        second = value;
    }
    return !isnan(first);
}

/* ---- looking ---- */

/* Looks closer at a column with something else than its first value, and its second if that is
 * known, among the strip's rows. */
static void look_closer(const struct finding *finding, struct seeing *seeing, size_t column,
                        size_t row, size_t n_rows)
{
    const size_t stride = finding->design->n_dense;
    const double *cells = finding->design->dense + row * stride + column;
    double second = seeing->second[column];
    for (size_t r = 0; r < n_rows; r++) {
        const double value = cells[r * stride];
        if (value == finding->first[column] || value == second)
            continue;
        if (!isnan(second) || isnan(value)) {
            seeing->alive[column / LANES] &= (uint8_t) ~(1u << (column % LANES));
            return;
        }
        second = value;
    }
    seeing->second[column] = second;
}

/* Bit c of 64 bytes: eight at a time, whose lowest bits a product collects in its highest byte. */
static uint64_t bits_of(const uint8_t masks[STRIP], unsigned c)
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < STRIP; i += 8) {
        uint64_t eight;
        memcpy(&eight, masks + i, sizeof eight);
        eight = eight >> c & UINT64_C(0x0101010101010101);
        bits |= (eight * UINT64_C(0x0102040810204080) >> 56) << i;
    }
    return bits;
}

static void look_at_strip(const struct finding *finding, struct seeing *seeing, size_t row,
                          size_t n_rows)
{
    const struct mer_design *design = finding->design;
    const size_t n = design->n_dense;
    /* What is read behind a row's end is the next row, or the padding of the tail. */
    const size_t tail_begin = design->n_rows - finding->n_tail;
    const size_t n_before = tail_begin <= row           ? 0
                            : tail_begin - row < n_rows ? tail_begin - row
                                                        : n_rows;
    memset(seeing->masks, 0, seeing->n_groups * STRIP);
    memset(seeing->strange, 0, seeing->n_groups);
    finding->kernels->differ(design->dense + row * n, n, n_before, seeing->groups, seeing->n_groups,
                             finding->first, seeing->second, seeing->masks, seeing->strange);
    if (n_before < n_rows)
        finding->kernels->differ(finding->tail + (row + n_before - tail_begin) * n, n,
                                 n_rows - n_before, seeing->groups, seeing->n_groups,
                                 finding->first, seeing->second, seeing->masks + n_before,
                                 seeing->strange);
    for (size_t k = 0; k < seeing->n_groups; k++) {
        const size_t group = seeing->groups[k];
        for (unsigned c = 0; c < LANES; c++) {
            const size_t column = group * LANES + c;
            if (!(seeing->alive[group] >> c & 1))
                continue;
            if (seeing->strange[k] >> c & 1)
                look_closer(finding, seeing, column, row, n_rows);
            finding->pairs
                ->bits[(size_t)finding->place[column] * finding->pairs->n_words + row / STRIP] =
                bits_of(seeing->masks + k * STRIP, c);
        }
    }
}

/* Task: a block of rows. */
static void look_task(void *argument, size_t task, size_t worker)
{
    const struct finding *finding = argument;
    struct seeing seeing = seeing_of(finding, worker);
    const size_t begin = task * finding->block_rows;
    const size_t left = finding->design->n_rows - begin;
    const size_t end = begin + (left < finding->block_rows ? left : finding->block_rows);
    if (!mer_is_ok(mer_ctx_check_cancel(finding->ctx, NULL)))
        return;
    for (size_t group = 0; group < finding->n_lanes / LANES; group++)
        if (seeing.alive[group])
            seeing.groups[seeing.n_groups++] = (uint32_t)group;
    for (size_t row = begin; row < end && seeing.n_groups > 0; row += STRIP)
        look_at_strip(finding, &seeing, row, end - row < STRIP ? end - row : STRIP);
}

/* ---- what all workers saw ---- */

/* The column's second value, NaN: there is none; false: there is a third one. */
static bool second_of(const struct finding *finding, size_t column, double *ret)
{
    *ret = (double)NAN;
    for (size_t w = 0; w < mer_team_size(finding->ctx->team); w++) {
        const struct seeing seeing = seeing_of(finding, w);
        const double second = seeing.second[column];
        if (!(seeing.alive[column / LANES] >> (column % LANES) & 1) ||
            (!isnan(*ret) && !isnan(second) && second != *ret))
            return false;
        *ret = isnan(second) ? *ret : second;
    }
    return true;
}

/* Task: one column. */
static void conclude_task(void *argument, size_t column, size_t worker)
{
    (void)worker;
    const struct finding *finding = argument;
    struct mer_pair *pair = &finding->pairs->pairs[column];
    double second;
    if (finding->place[column] == NO_BITS || !second_of(finding, column, &second))
        return;
    const double first = finding->first[column];
    pair->kind = isnan(second) ? MER_PAIR_CONSTANT : MER_PAIR_TWO;
    pair->low = second < first ? second : first;
    pair->high = second > first ? second : first;
    const size_t n_words = finding->pairs->n_words;
    pair->bits = finding->pairs->bits + (size_t)finding->place[column] * n_words;
    if (!(second < first))
        return;
    for (size_t w = 0; w < n_words; w++)
        pair->bits[w] = ~pair->bits[w];
    if (finding->design->n_rows % STRIP)
        pair->bits[n_words - 1] &= (UINT64_C(1) << (finding->design->n_rows % STRIP)) - 1;
}

/* ---- all of it ---- */

/* The candidates; returns how many there are. */
static size_t choose(const struct finding *finding, const uint8_t *skip)
{
    size_t n = 0;
    for (size_t c = 0; c < finding->n_lanes; c++) {
        const bool chosen =
            c < finding->design->n_dense && !skip[c] && seems_to_be_pair(finding->design, c);
        finding->place[c] = chosen ? (int64_t)n++ : NO_BITS;
    }
    return n;
}

static mer_status alloc_seeing(struct finding *finding, mer_err *err)
{
    struct mer_alloc *alloc = finding->ctx->alloc;
    const size_t n_workers = mer_team_size(finding->ctx->team);
    const size_t n = n_workers * finding->n_lanes;
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(double), &finding->second, err));
    MER_GUARD(mer_alloc_zero(alloc, n / LANES, 1, &finding->alive, err));
    MER_GUARD(mer_alloc_array(alloc, n / LANES, sizeof(uint32_t), &finding->groups, err));
    MER_GUARD(mer_alloc_array(alloc, n / LANES, 1, &finding->strange, err));
    MER_GUARD(mer_alloc_array(alloc, n / LANES, STRIP, &finding->masks, err));
    for (size_t i = 0; i < n; i++) {
        finding->second[i] = (double)NAN;
        if (finding->place[i % finding->n_lanes] != NO_BITS)
            finding->alive[i / LANES] |= (uint8_t)(1u << (i % LANES));
    }
    return mer_ok();
}

static mer_status find(struct finding *finding, const uint8_t *skip, mer_err *err)
{
    struct mer_alloc *alloc = finding->ctx->alloc;
    const struct mer_design *design = finding->design;
    struct mer_pairs *pairs = finding->pairs;
    const size_t n = finding->n_lanes;
    size_t n_bits;
    MER_GUARD(mer_alloc_zero(alloc, design->n_dense, sizeof *pairs->pairs, &pairs->pairs, err));
    if (design->n_rows == 0)
        return mer_ok();
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof(double), &finding->first, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof *finding->place, &finding->place, err));
    const size_t n_chosen = choose(finding, skip);
    if (n_chosen == 0)
        return mer_ok();
    pairs->n_words = (design->n_rows + STRIP - 1) / STRIP;
    if (!mer_size_mul(n_chosen, pairs->n_words, &n_bits))
        return mer_fail(err, MER_ERR_MEMORY, "%zu columns are too many", n_chosen);
    MER_GUARD(mer_alloc_array(alloc, n_bits, sizeof *pairs->bits, &pairs->bits, err));
    MER_GUARD(alloc_seeing(finding, err));
    memcpy(finding->first, design->dense, design->n_dense * sizeof(double));
    finding->n_tail = design->n_rows < LANES ? design->n_rows : LANES;
    const size_t n_tail = finding->n_tail * design->n_dense;
    MER_GUARD(mer_alloc_zero(alloc, n_tail + LANES, sizeof(double), &finding->tail, err));
    memcpy(finding->tail, design->dense + design->n_rows * design->n_dense - n_tail,
           n_tail * sizeof(double));
    finding->block_rows = BLOCK_BYTES / (design->n_dense * sizeof(double)) / STRIP * STRIP;
    if (finding->block_rows == 0)
        finding->block_rows = STRIP;
    mer_team_run(finding->ctx->team, look_task, finding,
                 (design->n_rows + finding->block_rows - 1) / finding->block_rows);
    mer_team_run(finding->ctx->team, conclude_task, finding, design->n_dense);
    return mer_ctx_check_cancel(finding->ctx, err);
}

mer_status mer_pairs_find(const struct mer_ctx *ctx, const struct mer_design *design,
                          const uint8_t *skip, struct mer_pairs *ret_pairs, mer_err *err)
{
    struct mer_pairs pairs = {0};
    struct finding finding = {.ctx = ctx,
                              .design = design,
                              .pairs = &pairs,
                              .kernels = mer_gbdt_kernels(ctx->cpu),
                              .n_lanes = (design->n_dense + LANES - 1) / LANES * LANES};
    const mer_status status = find(&finding, skip, err);
    mer_free(ctx->alloc, finding.first);
    mer_free(ctx->alloc, finding.place);
    mer_free(ctx->alloc, finding.second);
    mer_free(ctx->alloc, finding.alive);
    mer_free(ctx->alloc, finding.groups);
    mer_free(ctx->alloc, finding.strange);
    mer_free(ctx->alloc, finding.masks);
    mer_free(ctx->alloc, finding.tail);
    if (!mer_is_ok(status)) {
        mer_pairs_release(ctx, &pairs);
        return status;
    }
    *ret_pairs = pairs;
    return mer_ok();
}

void mer_pair_cells(const uint64_t *bits, size_t n_rows, uint8_t *ret_cells)
{
    for (size_t row = 0; row < n_rows; row++)
        ret_cells[row] = bits[row / STRIP] >> (row % STRIP) & 1;
}

void mer_pairs_release(const struct mer_ctx *ctx, struct mer_pairs *pairs)
{
    mer_free(ctx->alloc, pairs->pairs);
    mer_free(ctx->alloc, pairs->bits);
    *pairs = (struct mer_pairs){0};
}
