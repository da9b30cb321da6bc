/* The shared data of a forest's trees. */
#include "learn/forest_data.h"

#include <math.h>
#include <string.h>

enum { POWER_STEPS = 50, TILE_ROWS = 64 };

/* ---- the order of a group's bins ---- */

/* Sums of the target over the rows of each bin, [n_bins][n_stats]. */
static void sum_bins(const struct mer_forest_data *data, const uint8_t *column, double *sums)
{
    for (size_t row = 0; row < data->n_rows; row++) {
        double *bin = sums + column[row] * data->n_stats;
        const double weight = mer_forest_weight(data, row);
        if (data->classes) {
            bin[data->classes[row]] += weight;
        } else {
            bin[0] += weight;
            bin[1] += weight * data->values[row];
        }
    }
}

/* Turns a bin's class weights into shares less those of all rows; returns its weight. */
static double center(const double *total, double total_weight, size_t n_classes, double *bin)
{
    double weight = 0;
    for (size_t k = 0; k < n_classes; k++)
        weight += bin[k];
    for (size_t k = 0; k < n_classes; k++)
        bin[k] = weight > 0 ? bin[k] / weight - total[k] / total_weight : 0;
    return weight;
}

/* The direction in which the class shares of the bins differ most: power iteration on their
 * covariance. */
static void principal(const double *shares, const double *weights, size_t n_bins, size_t n_classes,
                      double *direction, double *next)
{
    for (size_t k = 0; k < n_classes; k++)
        direction[k] = 1 + (double)k; /* any start that is not constant: shares sum to zero */
    for (size_t step = 0; step < POWER_STEPS; step++) {
        memset(next, 0, n_classes * sizeof *next);
        double norm = 0;
        for (size_t b = 0; b < n_bins; b++) {
            double dot = 0;
            for (size_t k = 0; k < n_classes; k++)
                dot += shares[b * n_classes + k] * direction[k];
            for (size_t k = 0; k < n_classes; k++)
                next[k] += weights[b] * dot * shares[b * n_classes + k];
        }
        for (size_t k = 0; k < n_classes; k++)
            norm = fmax(norm, fabs(next[k]));
        for (size_t k = 0; norm > 0 && k < n_classes; k++)
            direction[k] = next[k] / norm;
    }
}

/* What the bins are ordered by. `sums` is overwritten. */
static void bin_keys(const struct mer_forest_data *data, size_t n_bins, double *sums,
                     double *scratch, double *ret_keys)
{
    const size_t n_stats = data->n_stats;
    double *total = scratch;
    double *direction = scratch + n_stats;
    double *weights = scratch + 3 * n_stats;
    double total_weight = 0;
    if (!data->classes) {
        for (size_t b = 0; b < n_bins; b++)
            ret_keys[b] = sums[2 * b] > 0 ? sums[2 * b + 1] / sums[2 * b] : 0;
        return;
    }
    memset(total, 0, n_stats * sizeof *total);
    for (size_t b = 0; b < n_bins; b++)
        for (size_t k = 0; k < n_stats; k++)
            total[k] += sums[b * n_stats + k];
    for (size_t k = 0; k < n_stats; k++)
        total_weight += total[k];
    for (size_t b = 0; b < n_bins; b++)
        weights[b] =
            center(total, total_weight > 0 ? total_weight : 1, n_stats, sums + b * n_stats);
    principal(sums, weights, n_bins, n_stats, direction, direction + n_stats);
    for (size_t b = 0; b < n_bins; b++) {
        ret_keys[b] = 0;
        for (size_t k = 0; k < n_stats; k++)
            ret_keys[b] += sums[b * n_stats + k] * direction[k];
    }
}

/* Ranks of the bins by their keys; equal ones keep their order. */
static void rank_keys(const double *keys, size_t n_bins, uint8_t *ret_ranks)
{
    for (size_t b = 0; b < n_bins; b++) {
        size_t below = 0;
        for (size_t other = 0; other < n_bins; other++)
            below += keys[other] < keys[b] || (keys[other] == keys[b] && other < b);
        ret_ranks[b] = (uint8_t)below;
    }
}

static mer_status order_groups(const struct mer_ctx *ctx, struct mer_forest_data *data,
                               mer_err *err)
{
    const size_t n_groups = data->n_features - data->n_dense;
    const size_t n_stats = data->n_stats;
    double *sums = NULL;
    if (n_groups == 0)
        return mer_ok();
    MER_GUARD(mer_alloc_array(ctx->alloc, n_groups, data->n_rows, &data->ordered, err));
    MER_GUARD(mer_alloc_zero(ctx->alloc, n_groups, MER_BINS_MAX, &data->rank_of_bin, err));
    MER_GUARD(mer_alloc_zero(ctx->alloc, (MER_BINS_MAX + 3) * n_stats + 2 * MER_BINS_MAX,
                             sizeof *sums, &sums, err));
    double *scratch = sums + MER_BINS_MAX * n_stats;
    double *keys = scratch + 3 * n_stats + MER_BINS_MAX;
    for (size_t g = 0; g < n_groups; g++) {
        const struct mer_bin_feature *feature = &data->bins->features[data->n_dense + g];
        uint8_t *ranks = data->rank_of_bin + g * MER_BINS_MAX;
        uint8_t *to = data->ordered + g * data->n_rows;
        if (!feature->column || feature->n_bins < 2)
            continue;
        memset(sums, 0, MER_BINS_MAX * n_stats * sizeof *sums);
        sum_bins(data, feature->column, sums);
        bin_keys(data, feature->n_bins, sums, scratch, keys);
        rank_keys(keys, feature->n_bins, ranks);
        for (size_t row = 0; row < data->n_rows; row++)
            to[row] = ranks[feature->column[row]];
        data->columns[data->n_dense + g] = to;
    }
    mer_free(ctx->alloc, sums);
    return mer_ok();
}

/* ---- all of it ---- */

/* The columns side by side, a few rows at a time so that both sides stay in the cache. */
static void put_rows(struct mer_forest_data *data)
{
    for (size_t begin = 0; begin < data->n_rows; begin += TILE_ROWS) {
        const size_t end = begin + TILE_ROWS < data->n_rows ? begin + TILE_ROWS : data->n_rows;
        for (size_t f = 0; f < data->n_features; f++)
            for (size_t row = begin; data->columns[f] && row < end; row++)
                data->by_row[row * data->n_features + f] = data->columns[f][row];
    }
}

static mer_status copy_values(const struct mer_ctx *ctx, const struct mer_target *target,
                              struct mer_forest_data *data, mer_err *err)
{
    double sum = 0;
    double weight = 0;
    MER_GUARD(mer_alloc_array(ctx->alloc, data->n_rows, sizeof(double), &data->values, err));
    for (size_t row = 0; row < data->n_rows; row++) {
        sum += mer_forest_weight(data, row) * target->values[row];
        weight += mer_forest_weight(data, row);
    }
    data->mean = weight > 0 ? sum / weight : 0;
    for (size_t row = 0; row < data->n_rows; row++)
        data->values[row] = target->values[row] - data->mean;
    return mer_ok();
}

static mer_status fill(const struct mer_ctx *ctx, const struct mer_target *target,
                       struct mer_forest_data *data, mer_err *err)
{
    const size_t n = data->n_features;
    MER_GUARD(mer_alloc_zero(ctx->alloc, n, sizeof *data->columns, &data->columns, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof *data->used, &data->used, err));
    if (!data->classes)
        MER_GUARD(copy_values(ctx, target, data, err));
    for (size_t f = 0; f < data->n_dense; f++)
        if (data->bins->features[f].n_bins > 1)
            data->columns[f] = data->bins->features[f].column;
    MER_GUARD(order_groups(ctx, data, err));
    for (size_t f = 0; f < n; f++)
        if (data->columns[f])
            data->used[data->n_used++] = (uint32_t)f;
    MER_GUARD(mer_alloc_zero(ctx->alloc, data->n_rows, n, &data->by_row, err));
    put_rows(data);
    return mer_ok();
}

mer_status mer_forest_data_init(const struct mer_ctx *ctx, const struct mer_bins *bins,
                                const struct mer_target *target, struct mer_forest_data *ret_data,
                                mer_err *err)
{
    struct mer_forest_data data = {
        .n_rows = bins->n_rows,
        .n_dense = bins->n_dense,
        .n_features = bins->n_features,
        .n_stats = target->task == MER_TASK_REGRESSION ? 2 : target->n_classes,
        .bins = bins,
        .classes = target->task == MER_TASK_REGRESSION ? NULL : target->classes,
        .weights = target->weights,
    };
    const mer_status status = fill(ctx, target, &data, err);
    if (!mer_is_ok(status)) {
        mer_forest_data_release(ctx, &data);
        return status;
    }
    *ret_data = data;
    return mer_ok();
}

void mer_forest_data_release(const struct mer_ctx *ctx, struct mer_forest_data *data)
{
    mer_free(ctx->alloc, data->columns);
    mer_free(ctx->alloc, data->used);
    mer_free(ctx->alloc, data->by_row);
    mer_free(ctx->alloc, data->ordered);
    mer_free(ctx->alloc, data->rank_of_bin);
    mer_free(ctx->alloc, data->values);
}
