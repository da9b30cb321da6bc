/* Binned features as gradient boosting stores them for its histograms.
 *
 * Features that are almost always in one bin and never leave it in the same row as another share a
 * column, a bundle (Ke, Meng, Finley, Wang, Chen, Ma, Ye, Liu: "LightGBM: a highly efficient
 * gradient boosting decision tree", NeurIPS 2017, 4; here without conflicts, so that nothing is
 * lost): one-hot and sparse columns cost what their values cost. In a bundle bin 0 stands for all
 * features' usual bins, and each feature's other bins follow in their order.
 *
 * Of each bundle's bins the rows are listed, too: a split that takes one level of a one-hot
 * variable out of a large leaf then costs what the level has rows.
 *
 * Columns lie twice: by column, which partitioning reads, and with the cells of a row side by side,
 * which histograms read, in groups of up to MER_GROUP_COLUMNS: the packed histograms of a group
 * stay in the first-level cache, and a row of a group is one load. Up to MER_STRIP_GROUPS groups
 * are a strip, whose cells of a row are one line of the cache: leaves' rows are scattered, and
 * fetching such a line takes longer than counting what is in it.
 */
#ifndef MER_LEARN_GBDT_STORE_H
#define MER_LEARN_GBDT_STORE_H

#include "learn/bins.h"

enum { MER_STRIP_GROUPS = 4 };

struct mer_store_feature {
    uint32_t feature; /* of the design */
    uint32_t column;  /* that holds it */
    uint32_t n_bins;
    uint32_t usual; /* bundled: the bin that is bin 0 of the column */
    uint32_t first; /* bundled: where its other bins begin in the column */
    bool bundled;
    bool is_group;
    bool has_missing;
};

struct mer_store_column {
    const uint8_t *cells; /* [n_rows] */
    uint32_t n_bins;
    uint32_t n_padded;      /* n_bins padded for the kernels */
    size_t offset;          /* of its bins in a histogram */
    uint32_t first_feature; /* its features are features[first_feature .. + n_features) */
    uint32_t n_features;
    /* Bundles: the rows of bin b > 0 are bin_rows[bin_starts[b] .. bin_starts[b + 1]), ascending.
     * NULL elsewhere. */
    const uint32_t *bin_starts;
    const uint32_t *bin_rows;
};

struct mer_store_group {
    const uint8_t *cells; /* [n_rows][stride]; a row's cells may be read 16 at a time */
    size_t stride;        /* of the strip */
    size_t first_column;
    size_t n_columns;
};

/* Neighbouring groups, of which a row's cells are one record: a line of the cache at most. */
struct mer_store_strip {
    size_t first_group;
    size_t n_groups;
    size_t stride; /* bytes of a record */
    size_t offset; /* of the first record in the store's group_cells */
};

struct mer_store {
    size_t n_rows;
    size_t n_padded_rows; /* arrays of rows have room for so many: whole steps of the kernels */
    size_t n_bins;        /* of a histogram */
    struct mer_store_feature *features;
    size_t n_features; /* those that can be split */
    struct mer_store_column *columns;
    size_t n_columns;
    struct mer_store_group *groups;
    size_t n_groups;
    struct mer_store_strip *strips;
    size_t n_strips;
    uint8_t *own_cells;   /* columns that are not in the bins: of bundles, and of bits */
    uint32_t *bin_starts; /* of all bundles */
    uint32_t *bin_rows;
    uint8_t *group_cells;
};

/* The bins must outlive the store. */
MER_MUST_CHECK mer_status mer_store_make(const struct mer_ctx *ctx, const struct mer_bins *bins,
                                         struct mer_store *ret_store, mer_err *err);
void mer_store_release(const struct mer_ctx *ctx, struct mer_store *store);

/* The bin of a feature that a bin of its column stands for. */
static inline uint32_t mer_store_feature_bin(const struct mer_store_feature *feature,
                                             uint32_t column_bin)
{
    if (!feature->bundled)
        return column_bin;
    if (column_bin < feature->first || column_bin >= feature->first + feature->n_bins - 1)
        return feature->usual;
    const uint32_t other = column_bin - feature->first;
    return other + (other >= feature->usual);
}

#endif
