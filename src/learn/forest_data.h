/* What the trees of a forest share: binned columns, in an order that suits splits, and the target.
 *
 * A categorical group is ordered once, by the mean of the target or, for more than two classes, by
 * the first principal component of the class shares of its levels, and then split like a number
 * (Wright, König, "Splitting on categorical predictors in random forests", PeerJ 2019: as accurate
 * as ordering in every node).
 */
#ifndef MER_LEARN_FOREST_DATA_H
#define MER_LEARN_FOREST_DATA_H

#include "learn/bins.h"

/* Numbers that a node's rows are summed up by: the weight of each class, or weight and weight times
 * value. */
struct mer_forest_data {
    size_t n_rows;
    size_t n_dense;
    size_t n_features;
    size_t n_stats;
    size_t n_used;               /* features that are not constant, */
    uint32_t *used;              /* [n_used] */
    const struct mer_bins *bins; /* borrowed */
    const uint8_t **columns;     /* [n_features][n_rows]; NULL: constant */
    uint8_t *by_row;             /* [n_rows][n_features]: the same, for nodes of few rows, whose
                                    subtrees then stay in the cache */
    uint8_t *ordered;            /* the columns of groups */
    uint8_t *rank_of_bin;        /* [n_groups][MER_BINS_MAX] */
    const int32_t *classes;      /* NULL: regression */
    double *values;              /* regression: less their mean, which keeps sums small */
    double mean;
    const double *weights; /* NULL: all ones */
};

/* Borrows bins and target. */
MER_MUST_CHECK mer_status mer_forest_data_init(const struct mer_ctx *ctx,
                                               const struct mer_bins *bins,
                                               const struct mer_target *target,
                                               struct mer_forest_data *ret_data, mer_err *err);
void mer_forest_data_release(const struct mer_ctx *ctx, struct mer_forest_data *data);

static inline double mer_forest_weight(const struct mer_forest_data *data, size_t row)
{
    return data->weights ? data->weights[row] : 1;
}

#endif
