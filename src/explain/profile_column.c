/* One column's profile: counts, quartiles, fences, bins, levels. */
#include <string.h>

#include "core/math.h"
#include "core/order.h"
#include "explain/profile.h"
#include "frame/dictionary.h"

enum {
    IDENTIFIER_ROWS_MIN = 20,
    IDENTIFIER_INTEGER_ROWS_MIN = 50,
    FEW_VALUES = 10, /* a scale of grades has no outliers */
    BINS_WANTED_MIN = 12,
    BINS_WANTED_MAX = 40
};

static const double FENCE = 3.5;
static const double FROM_MEDIAN_DEVIATION = 1.4826022185056018; /* 1 / normal quantile of 3/4 */
static const double FROM_MEAN_DEVIATION = 1.2533141373155003;   /* sqrt(pi / 2) */

mer_status mer_profile_scratch_new(struct mer_alloc *alloc, size_t n_rows,
                                   struct mer_profile_scratch *ret, mer_err *err)
{
    struct mer_profile_scratch scratch = {0};
    mer_status status;
    MER_GUARD_GOTO(mer_alloc_array(alloc, n_rows, sizeof(*scratch.values), &scratch.values, err),
                   fail);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n_rows, sizeof(*scratch.sorted), &scratch.sorted, err),
                   fail);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n_rows, 2 * sizeof(*scratch.items), &scratch.items, err),
                   fail);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n_rows, sizeof(*scratch.order), &scratch.order, err),
                   fail);
    *ret = scratch;
    return mer_ok();
fail:
    mer_profile_scratch_free(alloc, &scratch);
    return status;
}

void mer_profile_scratch_free(struct mer_alloc *alloc, struct mer_profile_scratch *scratch)
{
    mer_free(alloc, scratch->values);
    mer_free(alloc, scratch->sorted);
    mer_free(alloc, scratch->items);
    mer_free(alloc, scratch->order);
    *scratch = (struct mer_profile_scratch){0};
}

double mer_profile_value(const struct mer_column *column, size_t row)
{
    if (column->type == MER_TYPE_NUMBER)
        return column->data.numbers[row];
    if (column->type == MER_TYPE_BOOLEAN)
        return (column->data.bits[row / 8] >> (row % 8)) & 1;
    return (double)column->data.integers[row];
}

/* A set of 64-bit numbers with at most half of its slots taken. 0 stands for a free slot, so the
 * number 0 is counted apart. */
struct number_set {
    uint64_t *slots;
    size_t mask;
    size_t n;
    bool has_zero;
};

/* `items` has room for 4 * n numbers. */
static void number_set_init(struct number_set *set, void *items, size_t n)
{
    size_t n_slots = 2;
    while (n_slots < 2 * n)
        n_slots *= 2;
    *set = (struct number_set){.slots = items, .mask = n_slots - 1};
    memset(set->slots, 0, n_slots * sizeof(*set->slots));
}

static void number_set_add(struct number_set *set, uint64_t number)
{
    if (number == 0) {
        set->n += !set->has_zero;
        set->has_zero = true;
        return;
    }
    /* Steps of another width for each number: many that were made to begin at one slot part there.
     */
    const uint64_t hash = mer_spread_bits(number);
    const size_t step = (size_t)(hash >> 32) | 1;
    size_t at = (size_t)hash & set->mask;
    while (set->slots[at] != 0 && set->slots[at] != number)
        at = (at + step) & set->mask;
    set->n += set->slots[at] == 0;
    set->slots[at] = number;
}

/* Different texts or integers, by a set. Texts are told apart by a 64-bit hash: among 2^32 of them
 * two are taken for one with a chance of one in two. */
static size_t count_by_set(const struct mer_column *column, size_t n_rows,
                           struct mer_profile_scratch *scratch)
{
    struct number_set set;
    if (n_rows == 0)
        return 0;
    number_set_init(&set, scratch->items, n_rows);
    for (size_t i = 0; i < n_rows; i++) {
        if (!mer_column_has(column, i))
            continue;
        if (column->type == MER_TYPE_TEXT) {
            const struct mer_cell text = mer_column_text(column, i);
            number_set_add(&set, mer_siphash13(0, 0, text.bytes, text.n));
        } else {
            number_set_add(&set, (uint64_t)column->data.integers[i]);
        }
    }
    return set.n;
}

double mer_nth_distance(const double *sorted, size_t n, double centre, size_t k)
{
    size_t above = 0, end = n; /* sorted[above] is the first that is not below the centre */
    while (above < end) {
        const size_t middle = above + (end - above) / 2;
        if (sorted[middle] < centre)
            above = middle + 1;
        else
            end = middle;
    }
    size_t below = above; /* sorted[below - 1] is the next one downwards */
    for (;; k--) {
        const bool takes_above =
            below == 0 || (above < n && sorted[above] - centre <= centre - sorted[below - 1]);
        const double distance = takes_above ? sorted[above++] - centre : centre - sorted[--below];
        if (k == 0)
            return distance;
    }
}

static double quantile(const double *sorted, size_t n, double share)
{
    const double at = share * (double)(n - 1);
    const size_t below = (size_t)at;
    const double part = at - (double)below;
    if (below + 1 >= n)
        return sorted[n - 1];
    /* Halves first: the difference of two large numbers may overflow. */
    return sorted[below] * (1 - part) + sorted[below + 1] * part;
}

static double median_distance(const double *sorted, size_t n, double centre)
{
    const double high = mer_nth_distance(sorted, n, centre, n / 2);
    return n % 2 ? high : (mer_nth_distance(sorted, n, centre, n / 2 - 1) + high) / 2;
}

static double mean_distance(const double *sorted, size_t n, double centre)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fabs(sorted[i] - centre) / (double)n;
    return sum;
}

static void find_outliers(const double *sorted, size_t n, size_t n_distinct,
                          struct mer_number_profile *profile)
{
    const double median = profile->quartiles[1];
    profile->low_fence = -(double)INFINITY;
    profile->high_fence = (double)INFINITY;
    if (n_distinct <= FEW_VALUES)
        return;
    double scale = FROM_MEDIAN_DEVIATION * median_distance(sorted, n, median);
    if (!(scale > 0))
        scale = FROM_MEAN_DEVIATION * mean_distance(sorted, n, median);
    if (!(scale > 0) || !isfinite(scale * FENCE))
        return;
    profile->low_fence = median - FENCE * scale;
    profile->high_fence = median + FENCE * scale;
    for (size_t i = 0; i < n && sorted[i] < profile->low_fence; i++)
        profile->n_low++;
    for (size_t i = n; i > 0 && sorted[i - 1] > profile->high_fence; i--)
        profile->n_high++;
}

/* The smallest of 1, 2, 2.5, 5 times a power of ten that is not below x > 0. */
static double round_up(double x)
{
    static const double steps[] = {1, 2, 2.5, 5, 10};
    double power = 1;
    while (power * 10 <= x && power < 1e300)
        power *= 10;
    while (power > x && power > 1e-300)
        power /= 10;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (steps[i] * power >= x)
            return steps[i] * power;
    return 10 * power;
}

/* Bins by the rule of Freedman and Diaconis ("On the histogram as a density estimator", 1981), as
 * many as can be drawn; a tail that would squeeze the bulk into a few bins is cut off and counted.
 */
static void bin(const double *sorted, size_t n, bool whole,
                const struct mer_number_profile *profile, struct mer_histogram *histogram)
{
    enum { TAIL = 5 };
    const double spread_of_half = profile->quartiles[2] - profile->quartiles[0];
    double low = sorted[0], high = sorted[n - 1], width = 0;

    if (spread_of_half > 0 && isfinite(spread_of_half * TAIL)) {
        low = fmax(low, profile->quartiles[0] - TAIL * spread_of_half);
        high = fmin(high, profile->quartiles[2] + TAIL * spread_of_half);
        double root = 1; /* cube root of n */
        for (int i = 0; i < 60; i++)
            root = (2 * root + (double)n / (root * root)) / 3;
        width = 2 * spread_of_half / root;
    }
    const double range = high - low;
    if (!(range > 0) || !isfinite(range)) { /* one value, or no way to subtract */
        *histogram =
            (struct mer_histogram){.low = low, .width = range > 0 ? range : 0, .n_bins = 1};
        histogram->counts[0] = n;
        return;
    }
    width = fmax(width, range / BINS_WANTED_MAX);
    width = round_up(fmin(width, range / BINS_WANTED_MIN));
    if (whole && width < 1)
        width = 1;
    if (whole)
        width = floor(width);
    /* Whole numbers stand in the middle of bins of width 1. */
    const double from = whole && width == 1 ? low - 0.5 : floor(low / width) * width;
    size_t n_bins = 1;
    while (n_bins < MER_HISTOGRAM_BINS_MAX && from + (double)n_bins * width < high)
        n_bins++;
    *histogram = (struct mer_histogram){.low = from, .width = width, .n_bins = n_bins};
    const double end = from + (double)n_bins * width;
    for (size_t i = 0; i < n; i++) {
        if (sorted[i] < from) {
            histogram->n_below++;
        } else if (sorted[i] > end) {
            histogram->n_above++;
        } else {
            const size_t at = (size_t)((sorted[i] - from) / width);
            histogram->counts[at < n_bins ? at : n_bins - 1]++;
        }
    }
}

void mer_number_profile_of(const double *sorted, size_t n, size_t n_distinct, bool whole,
                           struct mer_number_profile *ret)
{
    double squares = 0;

    ret->n = n;
    ret->minimum = sorted[0];
    ret->maximum = sorted[n - 1];
    for (int q = 0; q < 3; q++)
        ret->quartiles[q] = quantile(sorted, n, 0.25 * (q + 1));
    ret->mean = mer_sum(sorted, n) / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (sorted[i] - ret->mean) * (sorted[i] - ret->mean);
    ret->deviation = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
    find_outliers(sorted, n, n_distinct, ret);
    bin(sorted, n, whole, ret, &ret->histogram);
}

/* Gathers what can be measured, sorts it and measures it; also counts different values. */
static void measure(const struct mer_column *column, size_t n_rows,
                    struct mer_profile_scratch *scratch, struct mer_column_profile *ret)
{
    struct mer_number_profile *const numbers = &ret->numbers;
    const bool is_text = column->type == MER_TYPE_TEXT;
    bool has_infinite[2] = {false, false}, exact = true;
    size_t n = 0, n_distinct = 0;

    for (size_t i = 0; i < n_rows; i++) {
        if (!mer_column_has(column, i))
            continue;
        const double value =
            is_text ? (double)mer_column_text(column, i).n : mer_profile_value(column, i);
        if (isfinite(value)) {
            numbers->n_zero += value == 0;
            exact = exact && fabs(value) <= 0x1p53;
            scratch->values[n++] = value;
        } else {
            numbers->n_infinite++;
            has_infinite[value > 0] = true;
        }
    }
    mer_order_doubles(scratch->values, n, scratch->items, scratch->order);
    for (size_t i = 0; i < n; i++) {
        scratch->sorted[i] = scratch->values[scratch->order[i]];
        n_distinct += i == 0 || scratch->sorted[i] != scratch->sorted[i - 1];
    }
    ret->n_distinct = n_distinct + has_infinite[0] + has_infinite[1];
    if (n > 0)
        mer_number_profile_of(scratch->sorted, n, n_distinct, column->type != MER_TYPE_NUMBER,
                              numbers);
    /* Neighbouring large integers are one double. */
    if (is_text || (!exact && column->type != MER_TYPE_NUMBER))
        ret->n_distinct = count_by_set(column, n_rows, scratch);
}

static void keep_largest(struct mer_level_profile *profile, size_t level, size_t n)
{
    size_t at = profile->n_levels;
    if (at == MER_PROFILE_LEVELS && profile->levels[at - 1].n >= n)
        return;
    at = at < MER_PROFILE_LEVELS ? profile->n_levels++ : at - 1;
    for (; at > 0 && profile->levels[at - 1].n < n; at--)
        profile->levels[at] = profile->levels[at - 1];
    profile->levels[at] = (struct mer_level_count){level, n};
}

static mer_status count_levels(const struct mer_ctx *ctx, const struct mer_column *column,
                               size_t n_rows, size_t min_rows, struct mer_column_profile *ret,
                               mer_err *err)
{
    struct mer_level_profile *const levels = &ret->levels;
    const bool is_boolean = column->type == MER_TYPE_BOOLEAN;
    const size_t n_levels = is_boolean ? 2 : column->n_levels;
    size_t *counts, n_shown_rows = 0;

    MER_GUARD(mer_alloc_zero(ctx->alloc, n_levels, sizeof(*counts), &counts, err));
    for (size_t i = 0; i < n_rows; i++)
        if (mer_column_has(column, i))
            counts[is_boolean ? (size_t)mer_profile_value(column, i)
                              : (size_t)column->data.codes[i]]++;
    for (size_t k = 0; k < n_levels; k++) {
        if (counts[k] == 0)
            continue;
        ret->n_distinct++;
        keep_largest(levels, k, counts[k]);
        if (counts[k] < min_rows) {
            levels->n_small++;
            levels->n_small_rows += counts[k];
        }
    }
    mer_free(ctx->alloc, counts);
    for (size_t k = 0; k < levels->n_levels; k++)
        n_shown_rows += levels->levels[k].n;
    levels->n_other_rows = n_rows - column->n_missing - n_shown_rows;
    return mer_ok();
}

/* Names that are nearly all different, or integers that number the rows. */
static bool is_identifier(const struct mer_column_profile *profile, size_t n_rows)
{
    const size_t n_present = n_rows - profile->n_missing;
    if (profile->type == MER_TYPE_CATEGORICAL || profile->type == MER_TYPE_TEXT)
        return n_present >= IDENTIFIER_ROWS_MIN && profile->n_distinct > n_present - n_present / 10;
    if (profile->type != MER_TYPE_INTEGER || n_rows < IDENTIFIER_INTEGER_ROWS_MIN)
        return false;
    return profile->n_distinct == n_rows &&
           profile->numbers.maximum - profile->numbers.minimum < 2 * (double)n_rows;
}

mer_status mer_profile_column(const struct mer_ctx *ctx, const struct mer_frame *frame,
                              size_t index, size_t min_rows, struct mer_profile_scratch *scratch,
                              struct mer_column_profile *ret, mer_err *err)
{
    const struct mer_column *const column = &frame->columns[index];
    *ret = (struct mer_column_profile){.name = column->name,
                                       .n_name = column->n_name,
                                       .type = column->type,
                                       .n_missing = column->n_missing,
                                       .same_as = SIZE_MAX};
    if (column->type == MER_TYPE_CATEGORICAL || column->type == MER_TYPE_BOOLEAN)
        MER_GUARD(count_levels(ctx, column, frame->n_rows, min_rows, ret, err));
    else
        measure(column, frame->n_rows, scratch, ret);
    ret->constant = ret->n_distinct == 1 && ret->n_missing == 0;
    ret->identifier = is_identifier(ret, frame->n_rows);
    return mer_ok();
}
