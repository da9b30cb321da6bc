#include "automl/prepare_encode.h"

#include <stdlib.h>
#include <string.h>

#include "automl/prepare_text.h"
#include "core/math.h"
#include "core/sort.h"
#include "frame/dictionary.h"

enum { ROWS_MIN = 2 };

/* Rows of mean target that every level is given. */
static const double PRIOR_ROWS = 10;

uint64_t mer_level_hash(struct mer_cell level)
{
    return mer_siphash13(0, 0, level.bytes, level.n);
}

const double *mer_encoding_find(const struct mer_encoding *encoding, uint64_t hash)
{
    size_t low = 0, high = encoding->n_levels;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (encoding->hashes[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low < encoding->n_levels && encoding->hashes[low] == hash
               ? encoding->values + low * (1 + encoding->n_targets)
               : encoding->unknown;
}

size_t mer_encoded_targets(const struct mer_target *target)
{
    if (!target)
        return 0;
    return target->task != MER_TASK_MULTICLASS           ? 1
           : target->n_classes < MER_ENCODED_TARGETS_MAX ? target->n_classes
                                                         : MER_ENCODED_TARGETS_MAX;
}

/* The t-th number that stands for a row's target. */
static double target_at(const struct mer_target *target, size_t row, size_t t)
{
    if (target->task == MER_TASK_REGRESSION)
        return target->values[row];
    return target->classes[row] == (target->task == MER_TASK_BINARY ? 1 : (int32_t)t) ? 1 : 0;
}

/* A column's levels while it is learned. */
struct levels {
    const struct mer_column *column;
    const uint32_t *rows;
    size_t n_rows;
    const struct mer_target *target;
    size_t n_targets;
    uint64_t *hashes; /* [n]: rising */
    size_t n;
    uint32_t *of_row; /* [n_rows]: level of a row; n: missing */
    uint32_t *counts; /* [n] */
    double *sums;     /* [n][n_targets] */
    double *means;    /* [n_targets], over all rows */
};

static size_t row_at(const struct levels *levels, size_t i)
{
    return levels->rows ? levels->rows[i] : i;
}

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint32_t find_hash(const struct levels *levels, uint64_t hash)
{
    const uint64_t *found = bsearch(&hash, levels->hashes, levels->n, sizeof hash, compare_hashes);
    return found ? (uint32_t)(found - levels->hashes) : (uint32_t)levels->n;
}

static void keep_distinct(struct levels *levels, size_t n)
{
    mer_sort(levels->hashes, n, sizeof *levels->hashes, compare_hashes);
    for (size_t i = 0; i < n; i++)
        if (levels->n == 0 || levels->hashes[i] != levels->hashes[levels->n - 1])
            levels->hashes[levels->n++] = levels->hashes[i];
}

/* The hashes of the levels, and the level of each row. */
static mer_status number_levels(struct mer_alloc *alloc, struct levels *levels, mer_err *err)
{
    const struct mer_column *column = levels->column;
    const bool is_text = column->type == MER_TYPE_TEXT;
    const size_t n_most = is_text ? levels->n_rows : column->n_levels;
    uint32_t *of_code = NULL;
    size_t n = 0;

    MER_GUARD(mer_alloc_array(alloc, n_most, sizeof *levels->hashes, &levels->hashes, err));
    MER_GUARD(mer_alloc_array(alloc, levels->n_rows, sizeof *levels->of_row, &levels->of_row, err));
    if (is_text) {
        for (size_t i = 0; i < levels->n_rows; i++)
            if (mer_column_has(column, row_at(levels, i)))
                levels->hashes[n++] = mer_level_hash(mer_column_text(column, row_at(levels, i)));
        keep_distinct(levels, n);
        for (size_t i = 0; i < levels->n_rows; i++) {
            const size_t row = row_at(levels, i);
            levels->of_row[i] =
                mer_column_has(column, row)
                    ? find_hash(levels, mer_level_hash(mer_column_text(column, row)))
                    : (uint32_t)levels->n;
        }
        return mer_ok();
    }
    MER_GUARD(mer_alloc_array(alloc, n_most, sizeof *of_code, &of_code, err));
    for (size_t k = 0; k < n_most; k++)
        levels->hashes[k] = mer_level_hash(mer_column_level(column, k));
    keep_distinct(levels, n_most);
    for (size_t k = 0; k < n_most; k++)
        of_code[k] = find_hash(levels, mer_level_hash(mer_column_level(column, k)));
    for (size_t i = 0; i < levels->n_rows; i++) {
        const int32_t code = column->data.codes[row_at(levels, i)];
        levels->of_row[i] = code < 0 ? (uint32_t)levels->n : of_code[code];
    }
    mer_free(alloc, of_code);
    return mer_ok();
}

static double drawn_mean(double sum, double n, double mean)
{
    return (sum + PRIOR_ROWS * mean) / (n + PRIOR_ROWS);
}

/* Counts and sums over all rows; on the way each row is told what was seen before it. */
static void visit_rows(struct levels *levels, const uint32_t *order, double *training)
{
    const size_t n_targets = levels->n_targets, width = 1 + n_targets;

    for (size_t i = 0; i < levels->n_rows; i++) {
        const uint32_t at = order[i], level = levels->of_row[at];
        double *const told = training + at * width;
        const bool is_missing = level == levels->n;
        for (size_t t = 0; t < n_targets; t++) {
            const double mean = levels->means[t];
            double *const sum = is_missing ? NULL : &levels->sums[level * n_targets + t];
            told[1 + t] = sum ? drawn_mean(*sum, levels->counts[level], mean) : mean;
            if (sum)
                *sum += target_at(levels->target, row_at(levels, at), t);
        }
        if (!is_missing)
            levels->counts[level]++;
    }
    for (size_t i = 0; i < levels->n_rows; i++) {
        const uint32_t level = levels->of_row[i];
        const uint32_t count = level == levels->n ? 0 : levels->counts[level];
        training[i * width] = count < ROWS_MIN ? 0 : mer_ln(1 + (double)count);
    }
}

/* The least count that at most MER_ENCODED_LEVELS_MAX levels reach. */
static uint32_t least_count(const struct levels *levels)
{
    uint32_t least = ROWS_MIN;
    for (;; least++) {
        size_t n = 0;
        for (size_t k = 0; k < levels->n; k++)
            n += levels->counts[k] >= least;
        if (n <= MER_ENCODED_LEVELS_MAX)
            return least;
    }
}

static mer_status keep_levels(struct mer_arena *arena, const struct levels *levels,
                              struct mer_encoding *encoding, mer_err *err)
{
    const size_t n_targets = levels->n_targets, width = 1 + n_targets;
    const uint32_t least = least_count(levels);
    size_t n = 0;

    for (size_t k = 0; k < levels->n; k++)
        n += levels->counts[k] >= least;
    MER_GUARD(mer_arena_zero(arena, n, sizeof *encoding->hashes, &encoding->hashes, err));
    MER_GUARD(mer_arena_zero(arena, n * width, sizeof *encoding->values, &encoding->values, err));
    MER_GUARD(mer_arena_zero(arena, width, sizeof *encoding->unknown, &encoding->unknown, err));
    for (size_t t = 0; t < n_targets; t++)
        encoding->unknown[1 + t] = levels->means[t];
    for (size_t k = 0; k < levels->n; k++) {
        double *const values = encoding->values + encoding->n_levels * width;
        if (levels->counts[k] < least)
            continue;
        values[0] = mer_ln(1 + (double)levels->counts[k]);
        for (size_t t = 0; t < n_targets; t++)
            values[1 + t] =
                drawn_mean(levels->sums[k * n_targets + t], levels->counts[k], levels->means[t]);
        encoding->hashes[encoding->n_levels++] = levels->hashes[k];
    }
    return mer_ok();
}

static mer_status learn(struct mer_alloc *alloc, struct mer_arena *arena, struct levels *levels,
                        const uint32_t *order, struct mer_encoding *encoding, mer_err *err)
{
    MER_GUARD(number_levels(alloc, levels, err));
    MER_GUARD(mer_alloc_zero(alloc, levels->n, sizeof *levels->counts, &levels->counts, err));
    MER_GUARD(mer_alloc_zero(alloc, levels->n, levels->n_targets * sizeof *levels->sums,
                             &levels->sums, err));
    MER_GUARD(mer_alloc_zero(alloc, levels->n_targets, sizeof *levels->means, &levels->means, err));
    MER_GUARD(mer_alloc_array(alloc, levels->n_rows, (1 + levels->n_targets) * sizeof(double),
                              &encoding->training, err));
    for (size_t t = 0; t < levels->n_targets; t++) {
        for (size_t i = 0; i < levels->n_rows; i++)
            levels->means[t] +=
                target_at(levels->target, row_at(levels, i), t) / (double)levels->n_rows;
    }
    visit_rows(levels, order, encoding->training);
    return keep_levels(arena, levels, encoding, err);
}

mer_status mer_encoding_learn(struct mer_alloc *alloc, struct mer_arena *arena,
                              const struct mer_column *column, const uint32_t *rows, size_t n_rows,
                              const uint32_t *order, const struct mer_target *target,
                              struct mer_encoding *ret, mer_err *err)
{
    struct levels levels = {.column = column,
                            .rows = rows,
                            .n_rows = n_rows,
                            .target = target,
                            .n_targets = mer_encoded_targets(target)};
    struct mer_encoding encoding = {.n_targets = levels.n_targets};

    const mer_status status = learn(alloc, arena, &levels, order, &encoding, err);
    mer_free(alloc, levels.hashes);
    mer_free(alloc, levels.of_row);
    mer_free(alloc, levels.counts);
    mer_free(alloc, levels.sums);
    mer_free(alloc, levels.means);
    if (mer_is_ok(status))
        *ret = encoding;
    else
        mer_free(alloc, encoding.training);
    return status;
}
