#include "learn/bins.h"

#include <math.h>
#include <string.h>

#include "core/order.h"
#include "core/rng.h"
#include "core/team.h"

enum {
    PADDING = 64,
    SET_SIZE = 1024,
    BLOCK_BYTES = 1 << 19,
    /* So many neighbouring columns are taken out of a row at once: two cache lines. */
    LINE_COLUMNS = 16,
    STRIP_ROWS = 64,
    /* Narrower tables have too few columns to share them out among threads by the line. */
    WIDE = 64,
    NARROW_COLUMNS = 2
};

struct run {
    double value;
    size_t count;
};

struct making {
    const struct mer_ctx *ctx;
    const struct mer_design *design;
    struct mer_bins *bins;
    size_t max_bin;
    uint32_t *sample; /* rows that borders are made from; NULL: all */
    size_t n_sample;
    uint8_t *skip;     /* [n_dense] indicators, and what is imputed: no pairs */
    uint32_t *general; /* [n_general] dense features that are no pairs */
    size_t n_general;
    bool packed;                  /* pairs have no column */
    size_t task_columns;          /* whose borders one task makes */
    double *values;               /* [workers][task_columns][sample_stride] */
    uint32_t *orders;             /* [workers][n_sample] */
    struct run *runs;             /* [workers][n_sample] */
    struct mer_order_item *items; /* [workers][2 * n_sample] */
    size_t block_rows;
};

/* Between the values of two columns: not a power of two, so that they do not share a cache set. */
static size_t sample_stride(const struct making *making)
{
    return making->n_sample + LINE_COLUMNS;
}

/* ---- borders ---- */

/* The dense value, or NaN where it was missing. */
static inline double value_at(const struct mer_design *design, size_t row, size_t feature)
{
    const double *cells = design->dense + row * design->n_dense;
    if (design->indicators && design->indicators[feature] != MER_NO_INDICATOR &&
        cells[design->indicators[feature]] > 0)
        return (double)NAN;
    return cells[feature];
}

/* n values of a row, NaN where missing, to to[0], to[stride], ... */
static inline void take_values(const struct mer_design *design, size_t row,
                               const uint32_t *features, size_t n, bool may_miss, double *to,
                               size_t stride)
{
    const double *cells = design->dense + row * design->n_dense;
    if (!may_miss) {
        for (size_t c = 0; c < n; c++)
            to[c * stride] = cells[features[c]];
        return;
    }
    for (size_t c = 0; c < n; c++)
        to[c * stride] = value_at(design, row, features[c]);
}

static bool may_miss(const struct mer_design *design, const uint32_t *features, size_t n)
{
    for (size_t c = 0; design->indicators && c < n; c++)
        if (design->indicators[features[c]] != MER_NO_INDICATOR)
            return true;
    return false;
}

static void sort_runs(struct run *runs, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const struct run run = runs[i];
        size_t at = i;
        for (; at > 0 && runs[at - 1].value > run.value; at--)
            runs[at] = runs[at - 1];
        runs[at] = run;
    }
}

/* Counts the distinct values through a small hash set; 0: there are more than n_max. */
static size_t count_few(const double *values, size_t n, size_t n_max, struct run *ret_runs)
{
    uint16_t slots[SET_SIZE] = {0}; /* number of the run, from 1 */
    size_t n_runs = 0;
    size_t last = 0;
    for (size_t i = 0; i < n; i++) {
        const double value = values[i] + 0.0; /* no negative zero */
        uint64_t bits;
        if (n_runs > 0 && ret_runs[last].value == value) {
            ret_runs[last].count++;
            continue;
        }
        memcpy(&bits, &value, sizeof bits);
        size_t slot = (size_t)((bits * 0x9e3779b97f4a7c15u) >> 54);
        while (slots[slot] != 0 && ret_runs[slots[slot] - 1].value != value)
            slot = (slot + 1) % SET_SIZE;
        if (slots[slot] == 0) {
            if (n_runs == n_max)
                return 0;
            ret_runs[n_runs] = (struct run){value, 0};
            slots[slot] = (uint16_t)++n_runs;
        }
        last = slots[slot] - 1u;
        ret_runs[last].count++;
    }
    sort_runs(ret_runs, n_runs);
    return n_runs;
}

/* The distinct values in ascending order with how often each occurs. */
static size_t count_many(const double *values, size_t n, struct mer_order_item *items,
                         uint32_t *order, struct run *ret_runs)
{
    mer_order_doubles(values, n, items, order);
    size_t n_runs = 0;
    for (size_t i = 0; i < n; i++) {
        const double value = values[order[i]];
        if (n_runs == 0 || ret_runs[n_runs - 1].value != value)
            ret_runs[n_runs++] = (struct run){value, 0};
        ret_runs[n_runs - 1].count++;
    }
    return n_runs;
}

static double between(double a, double b)
{
    const double middle = a + (b - a) / 2;
    return middle < b ? middle : a;
}

/* Cuts runs into at most n_max bins of about equally many rows; a value that fills a bin by itself
 * gets one. Returns the number of borders. */
static size_t cut_runs(const struct run *runs, size_t n_runs, size_t n_rows, size_t n_max,
                       double *ret_upper)
{
    size_t n_borders = 0;
    size_t n_left = n_rows;
    size_t n_filled = 0;
    for (size_t i = 0; i + 1 < n_runs && n_borders + 1 < n_max; i++) {
        const size_t n_bins_left = n_max - n_borders;
        const size_t target = (n_left + n_bins_left - 1) / n_bins_left;
        n_filled += runs[i].count;
        if (n_runs > n_max && n_filled < target && runs[i + 1].count < target)
            continue;
        ret_upper[n_borders++] = between(runs[i].value, runs[i + 1].value);
        n_left -= n_filled;
        n_filled = 0;
    }
    return n_borders;
}

/* The borders of a feature from its values in the sample, NaN where missing; they are overwritten.
 */
static void make_borders(struct making *making, size_t f, size_t worker, double *values)
{
    struct mer_bin_feature *feature = &making->bins->features[f];
    struct run *runs = making->runs + worker * making->n_sample;
    size_t n = 0;
    for (size_t i = 0; i < making->n_sample; i++) {
        const double value = values[i];
        if (isnan(value))
            feature->has_missing = true;
        else
            values[n++] = value;
    }
    size_t n_runs = count_few(values, n, making->max_bin, runs);
    if (n_runs == 0)
        n_runs = count_many(values, n, making->items + worker * 2 * making->n_sample,
                            making->orders + worker * making->n_sample, runs);
    const size_t n_borders =
        n_runs ? cut_runs(runs, n_runs, n, making->max_bin, feature->upper) : 0;
    for (size_t i = n_borders; i < MER_BINS_MAX; i++)
        feature->upper[i] = (double)INFINITY;
    /* A sample may have missed what is missing. */
    if (making->sample && making->design->indicators &&
        making->design->indicators[f] != MER_NO_INDICATOR)
        feature->has_missing = true;
    feature->n_bins = (uint32_t)n_borders + 1 + feature->has_missing;
}

/* ---- groups ---- */

/* Levels to bins: each its own, or where they are too many the most frequent ones. */
static void make_codes(struct making *making, size_t f)
{
    const struct mer_design *design = making->design;
    struct mer_bin_feature *feature = &making->bins->features[f];
    const size_t g = f - design->n_dense;
    const uint32_t width = feature->n_codes - 1;
    feature->is_group = true;
    feature->n_bins = width + 1 <= MER_BINS_MAX ? width + 1 : MER_BINS_MAX;
    for (uint32_t code = 0; code <= width; code++)
        feature->bin_of_code[code] = (uint8_t)(code < MER_BINS_MAX ? code : 0);
    if (width + 1 <= MER_BINS_MAX)
        return;
    /* The threshold count that leaves at most 254 levels above it, found by halving. */
    uint32_t *counts = (uint32_t *)(void *)making->values; /* groups are made by one worker */
    memset(counts, 0, width * sizeof *counts);
    for (size_t row = 0; row < design->n_rows; row++) {
        const int32_t code = design->codes[row * design->n_groups + g];
        if (code >= 0)
            counts[code]++;
    }
    uint32_t low = 0;
    uint32_t high = UINT32_MAX;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        size_t n_above = 0;
        for (uint32_t code = 0; code < width; code++)
            n_above += counts[code] > middle;
        if (n_above > MER_BINS_MAX - 2)
            low = middle + 1;
        else
            high = middle;
    }
    uint32_t next = 0;
    for (uint32_t code = 0; code < width; code++)
        feature->bin_of_code[code] = counts[code] > low ? (uint8_t)next++ : MER_BINS_MAX - 2;
    feature->bin_of_code[width] = MER_BINS_MAX - 1;
}

/* ---- cells ---- */

/* How many of 255 ascending borders, the last ones infinite, are below x; `half` is a power of two
 * with no more than 2 * half - 1 borders that are finite. */
static inline uint8_t rank_of(const double *upper, size_t half, double x)
{
    size_t rank = 0;
    for (size_t step = half; step > 0; step /= 2)
        rank += upper[rank + step - 1] < x ? step : 0;
    return (uint8_t)rank;
}

/* The bins of n values of a feature, NaN where missing. */
static void fill_cells(const struct mer_bin_feature *feature, const double *values, size_t n,
                       uint8_t *cells)
{
    const double *const upper = feature->upper;
    const size_t n_borders = mer_bin_feature_values(feature) - 1;
    size_t half = 1;
    while (2 * half - 1 < n_borders)
        half *= 2;
    if (half == 1) {
        const double border = upper[0];
        for (size_t i = 0; i < n; i++)
            cells[i] = border < values[i];
    } else {
        for (size_t i = 0; i < n; i++)
            cells[i] = rank_of(upper, half, values[i]);
    }
    for (size_t i = 0; feature->has_missing && i < n; i++)
        if (isnan(values[i]))
            cells[i] = (uint8_t)(feature->n_bins - 1);
}

/* Cells of dense features, taken out of the rows a line at a time: reading a column of a wide table
 * by itself would read all of the table. */
static void fill_dense(const struct making *making, size_t begin, size_t end)
{
    const struct mer_design *design = making->design;
    double strip[LINE_COLUMNS][STRIP_ROWS];
    for (size_t row = begin; row < end; row += STRIP_ROWS) {
        const size_t n_rows = end - row < STRIP_ROWS ? end - row : STRIP_ROWS;
        for (size_t i = 0; i < making->n_general; i += LINE_COLUMNS) {
            const uint32_t *features = making->general + i;
            const size_t left = making->n_general - i;
            const size_t n = left < LINE_COLUMNS ? left : LINE_COLUMNS;
            const bool misses = may_miss(design, features, n);
            for (size_t r = 0; r < n_rows; r++)
                take_values(design, row + r, features, n, misses, &strip[0][r], STRIP_ROWS);
            for (size_t c = 0; c < n; c++) {
                const struct mer_bin_feature *feature = &making->bins->features[features[c]];
                if (feature->column)
                    fill_cells(feature, strip[c], n_rows,
                               making->bins->columns + (feature->column - making->bins->columns) +
                                   row);
            }
        }
    }
}

static void fill_group(const struct making *making, size_t f, size_t begin, size_t end)
{
    const struct mer_bin_feature *feature = &making->bins->features[f];
    const struct mer_design *design = making->design;
    uint8_t *column = making->bins->columns + (feature->column - making->bins->columns);
    const int32_t *code = design->codes + begin * design->n_groups + (f - design->n_dense);
    for (size_t row = begin; row < end; row++, code += design->n_groups)
        column[row] = feature->bin_of_code[*code < 0 ? feature->n_codes - 1 : (uint32_t)*code];
}

/* ---- all of them ---- */

/* Task: the borders of some dense features that lie near each other. */
static void border_task(void *argument, size_t task, size_t worker)
{
    struct making *making = argument;
    const struct mer_design *design = making->design;
    const size_t n_sample = making->n_sample;
    const uint32_t *features = making->general + task * making->task_columns;
    const size_t left = making->n_general - task * making->task_columns;
    const size_t n = left < making->task_columns ? left : making->task_columns;
    const size_t stride = sample_stride(making);
    double *const values = making->values + worker * making->task_columns * stride;
    const bool misses = may_miss(design, features, n);
    for (size_t i = 0; i < n_sample; i++)
        take_values(design, making->sample ? making->sample[i] : i, features, n, misses, values + i,
                    stride);
    for (size_t c = 0; c < n; c++)
        make_borders(making, features[c], worker, values + c * stride);
}

/* Task: a block of rows of all features, so that the design is read once. */
static void fill_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct making *making = argument;
    const size_t begin = task * making->block_rows;
    size_t end = begin + making->block_rows;
    if (end > making->bins->n_rows)
        end = making->bins->n_rows;
    if (!mer_is_ok(mer_ctx_check_cancel(making->ctx, NULL)))
        return;
    fill_dense(making, begin, end);
    for (size_t f = making->design->n_dense; f < making->bins->n_features; f++)
        if (making->bins->features[f].column)
            fill_group(making, f, begin, end);
}

/* One row out of each of n_sample stretches of equal length. */
static void draw_sample(size_t n_rows, size_t n_sample, uint64_t seed, uint32_t *ret_rows)
{
    mer_rng rng;
    mer_rng_init(&rng, seed, mer_rng_stream("bins", 0));
    for (size_t i = 0; i < n_sample; i++) {
        const size_t begin = i * n_rows / n_sample;
        const size_t end = (i + 1) * n_rows / n_sample;
        ret_rows[i] = (uint32_t)(begin + mer_rng_below(&rng, end - begin));
    }
}

static mer_status place_columns(const struct mer_ctx *ctx, struct mer_bins *bins, mer_err *err)
{
    size_t stride;
    size_t n_columns = 0;
    size_t n_bytes;
    if (!mer_size_align(bins->n_rows + PADDING, &stride))
        return mer_fail(err, MER_ERR_MEMORY, "%zu rows are too many", bins->n_rows);
    for (size_t f = 0; f < bins->n_features; f++)
        n_columns += bins->features[f].n_bins > 1 && !bins->features[f].bits;
    if (!mer_size_mul(stride, n_columns, &n_bytes))
        return mer_fail(err, MER_ERR_MEMORY, "%zu columns are too many", n_columns);
    MER_GUARD(mer_alloc_bytes(ctx->alloc, n_bytes, &bins->columns, err));
    uint8_t *column = bins->columns;
    for (size_t f = 0; f < bins->n_features; f++) {
        if (bins->features[f].n_bins <= 1 || bins->features[f].bits)
            continue;
        bins->features[f].column = column;
        memset(column + bins->n_rows, 0, stride - bins->n_rows);
        column += stride;
    }
    return mer_ok();
}

static mer_status alloc_features(const struct mer_ctx *ctx, const struct mer_design *design,
                                 struct mer_bins *bins, mer_err *err)
{
    size_t n_uppers;
    if (!mer_size_mul(design->n_dense, MER_BINS_MAX, &n_uppers))
        return mer_fail(err, MER_ERR_MEMORY, "%zu columns are too many", design->n_dense);
    MER_GUARD(
        mer_alloc_zero(ctx->alloc, bins->n_features, sizeof *bins->features, &bins->features, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, n_uppers, sizeof *bins->uppers, &bins->uppers, err));
    MER_GUARD(mer_alloc_bytes(ctx->alloc, mer_design_onehot(design) + design->n_groups,
                              &bins->codes, err));
    for (size_t f = 0; f < design->n_dense; f++)
        bins->features[f].upper = bins->uppers + f * MER_BINS_MAX;
    uint8_t *codes = bins->codes;
    for (size_t g = 0; g < design->n_groups; g++) {
        struct mer_bin_feature *feature = &bins->features[design->n_dense + g];
        feature->n_codes = design->group_start[g + 1] - design->group_start[g] + 1;
        feature->bin_of_code = codes;
        codes += feature->n_codes;
    }
    return mer_ok();
}

static mer_status alloc_making(struct making *making, mer_err *err)
{
    struct mer_alloc *alloc = making->ctx->alloc;
    const struct mer_design *design = making->design;
    size_t n = mer_team_size(making->ctx->team) * making->n_sample;
    const size_t n_levels = mer_design_onehot(design); /* counts of levels lie there too */
    const size_t n_values =
        mer_team_size(making->ctx->team) * making->task_columns * sample_stride(making);
    MER_GUARD(mer_alloc_array(alloc, n_values > n_levels ? n_values : n_levels, sizeof(double),
                              &making->values, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(uint32_t), &making->orders, err));
    MER_GUARD(mer_alloc_array(alloc, n + making->max_bin, sizeof(struct run), &making->runs, err));
    MER_GUARD(mer_alloc_array(alloc, 2 * n, sizeof(struct mer_order_item), &making->items, err));
    if (design->n_rows <= MER_BINS_SAMPLE)
        return mer_ok();
    MER_GUARD(mer_alloc_array(alloc, making->n_sample, sizeof(uint32_t), &making->sample, err));
    return mer_ok();
}

/* The pairs' borders, and the list of the other dense features. Indicators have nothing to split.
 */
static mer_status sort_out_pairs(struct making *making, mer_err *err)
{
    struct mer_alloc *alloc = making->ctx->alloc;
    const struct mer_design *design = making->design;
    struct mer_pairs *pairs = &making->bins->pairs;
    MER_GUARD(mer_alloc_zero(alloc, design->n_dense, 1, &making->skip, err));
    MER_GUARD(mer_alloc_array(alloc, design->n_dense, sizeof(uint32_t), &making->general, err));
    for (size_t f = 0; design->indicators && f < design->n_dense; f++)
        if (design->indicators[f] != MER_NO_INDICATOR)
            making->skip[f] = making->skip[design->indicators[f]] = 1;
    MER_GUARD(mer_pairs_find(making->ctx, design, making->skip, pairs, err));
    for (size_t f = 0; f < design->n_dense; f++) {
        const struct mer_pair *pair = &pairs->pairs[f];
        struct mer_bin_feature *feature = &making->bins->features[f];
        const bool is_indicator = making->skip[f] && design->indicators[f] == MER_NO_INDICATOR;
        feature->n_bins = pair->kind == MER_PAIR_TWO ? 2 : 1;
        if (pair->kind == MER_PAIR_TWO) {
            for (size_t i = 0; i < MER_BINS_MAX; i++)
                feature->upper[i] = i == 0 ? between(pair->low, pair->high) : (double)INFINITY;
            feature->bits = making->packed ? pair->bits : NULL;
        } else if (pair->kind == MER_PAIR_NOT && !is_indicator) {
            making->general[making->n_general++] = (uint32_t)f;
        }
    }
    return mer_ok();
}

/* Task: the column of a dense feature out of its bits. */
static void unpack_task(void *argument, size_t f, size_t worker)
{
    (void)worker;
    const struct making *making = argument;
    struct mer_bins *bins = making->bins;
    if (bins->pairs.pairs[f].kind == MER_PAIR_TWO)
        mer_pair_cells(bins->pairs.pairs[f].bits, bins->n_rows,
                       bins->columns + (bins->features[f].column - bins->columns));
}

static mer_status make(struct making *making, uint64_t seed, mer_err *err)
{
    const struct mer_ctx *ctx = making->ctx;
    const struct mer_design *design = making->design;
    MER_GUARD(alloc_features(ctx, design, making->bins, err));
    MER_GUARD(sort_out_pairs(making, err));
    MER_GUARD(alloc_making(making, err));
    if (making->sample)
        draw_sample(design->n_rows, making->n_sample, seed, making->sample);
    mer_team_run(ctx->team, border_task, making,
                 (making->n_general + making->task_columns - 1) / making->task_columns);
    for (size_t g = 0; g < design->n_groups; g++)
        make_codes(making, design->n_dense + g);
    MER_GUARD(place_columns(ctx, making->bins, err));
    const size_t n_row_bytes = (design->n_dense + design->n_groups) * sizeof(double) + 1;
    making->block_rows = BLOCK_BYTES / n_row_bytes;
    if (making->block_rows < STRIP_ROWS)
        making->block_rows = STRIP_ROWS;
    mer_team_run(ctx->team, fill_task, making,
                 (design->n_rows + making->block_rows - 1) / making->block_rows);
    MER_GUARD(mer_ctx_check_cancel(ctx, err));
    if (!making->packed) {
        mer_team_run(ctx->team, unpack_task, making, design->n_dense);
        mer_pairs_release(ctx, &making->bins->pairs);
    }
    return mer_ok();
}

static mer_status make_bins(const struct mer_ctx *ctx, const struct mer_design *design,
                            size_t max_bin, uint64_t seed, bool packed, struct mer_bins *ret_bins,
                            mer_err *err)
{
    struct mer_bins bins = {.n_rows = design->n_rows,
                            .n_features = design->n_dense + design->n_groups,
                            .n_dense = design->n_dense};
    struct making making = {
        .ctx = ctx,
        .design = design,
        .bins = &bins,
        .packed = packed,
        .max_bin = max_bin < MER_BINS_MAX ? max_bin : MER_BINS_MAX - 1,
        .n_sample = design->n_rows < MER_BINS_SAMPLE ? design->n_rows : MER_BINS_SAMPLE,
        .task_columns = design->n_dense >= WIDE ? LINE_COLUMNS : NARROW_COLUMNS};
    const mer_status status = make(&making, seed, err);
    mer_free(ctx->alloc, making.values);
    mer_free(ctx->alloc, making.orders);
    mer_free(ctx->alloc, making.runs);
    mer_free(ctx->alloc, making.items);
    mer_free(ctx->alloc, making.skip);
    mer_free(ctx->alloc, making.general);
    mer_free(ctx->alloc, making.sample);
    if (!mer_is_ok(status)) {
        mer_bins_release(ctx, &bins);
        return status;
    }
    *ret_bins = bins;
    return mer_ok();
}

mer_status mer_bins_make(const struct mer_ctx *ctx, const struct mer_design *design, size_t max_bin,
                         uint64_t seed, struct mer_bins *ret_bins, mer_err *err)
{
    return make_bins(ctx, design, max_bin, seed, false, ret_bins, err);
}

mer_status mer_bins_make_packed(const struct mer_ctx *ctx, const struct mer_design *design,
                                size_t max_bin, uint64_t seed, struct mer_bins *ret_bins,
                                mer_err *err)
{
    return make_bins(ctx, design, max_bin, seed, true, ret_bins, err);
}

void mer_bins_release(const struct mer_ctx *ctx, struct mer_bins *bins)
{
    mer_pairs_release(ctx, &bins->pairs);
    mer_free(ctx->alloc, bins->features);
    mer_free(ctx->alloc, bins->columns);
    mer_free(ctx->alloc, bins->uppers);
    mer_free(ctx->alloc, bins->codes);
    *bins = (struct mer_bins){0};
}
