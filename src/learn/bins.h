/* The features of a design in bins: one byte a cell, for trees that look for splits between bins.
 *
 * A dense feature has at most `max_bin` bins of about equally many rows, borders lying halfway
 * between values that occur; where it has no more distinct values than that, each has a bin of its
 * own, which is exact. Missing values (design.h, indicators; NaN) have a bin of their own behind
 * the others. A group has a bin for each level, the rarest sharing one when there are too many, and
 * one for code -1. Borders come from all rows, or from a sample of MER_BINS_SAMPLE of more; those
 * between two values (bins_pairs.h) from all rows.
 */
#ifndef MER_LEARN_BINS_H
#define MER_LEARN_BINS_H

#include "learn/bins_pairs.h"

enum { MER_BINS_MAX = 256, MER_BINS_SAMPLE = 1 << 17 };

struct mer_bin_feature {
    bool is_group;
    bool has_missing; /* dense: the last bin holds missing values. Groups: false, -1 is a level */
    uint32_t n_bins;  /* all of them; 1 or less: constant, or an indicator, and nothing to split */
    double *upper;    /* dense: bin b < n_values - 1 holds upper[b - 1] < x <= upper[b] */
    uint32_t n_codes; /* group: width + 1; the last stands for code -1 */
    uint8_t *bin_of_code;  /* group: [n_codes] */
    const uint8_t *column; /* [n_rows], followed by 64 bytes to read over; NULL: constant, or: */
    const uint64_t *bits;  /* a bit a row, which is its bin; NULL: there is `column`, or nothing */
};

struct mer_bins {
    size_t n_rows;
    size_t n_features; /* n_dense + n_groups */
    size_t n_dense;
    struct mer_bin_feature *features; /* owned, as all behind it */
    uint8_t *columns;
    double *uppers;
    uint8_t *codes;
    struct mer_pairs pairs;
};

/* The bins that hold values, and not what is missing. */
static inline uint32_t mer_bin_feature_values(const struct mer_bin_feature *feature)
{
    return feature->n_bins - feature->has_missing;
}

/* max_bin: 2 .. 255 bins for values. MER_ERR_MEMORY. Same bins for any number of threads. */
MER_MUST_CHECK mer_status mer_bins_make(const struct mer_ctx *ctx, const struct mer_design *design,
                                        size_t max_bin, uint64_t seed, struct mer_bins *ret_bins,
                                        mer_err *err);
/* The same, but dense features with two bins may have bits in the place of a column. */
MER_MUST_CHECK mer_status mer_bins_make_packed(const struct mer_ctx *ctx,
                                               const struct mer_design *design, size_t max_bin,
                                               uint64_t seed, struct mer_bins *ret_bins,
                                               mer_err *err);
void mer_bins_release(const struct mer_ctx *ctx, struct mer_bins *bins);

#endif
