/* The profile of a table: what its columns hold, counted and measured. Pure and deterministic: the
 * same table gives the same bits for any number of threads.
 *
 * A profile holds values out of the records: extremes, quartiles, names of levels. Whoever shows it
 * decides by `min_rows`, `identifier` and `sensitive` what is named (docs/report.md).
 */
#ifndef MER_EXPLAIN_PROFILE_H
#define MER_EXPLAIN_PROFILE_H

#include "core/arena.h"
#include "explain/association.h"
#include "frame/frame.h"

enum {
    MER_HISTOGRAM_BINS_MAX = 80,
    MER_PROFILE_LEVELS = 12, /* most frequent levels that are counted one by one */
    MER_GAPS_COLUMNS = 40,   /* columns with missing values that are looked at together */
    MER_GAPS_BLOCKS = 48,    /* stretches of rows */
    MER_GAPS_PATTERNS = 10
};

/* Finite values by bins of one width, closed below; the last also holds its upper edge. Values far
 * outside the bulk are not binned but counted at either end. */
struct mer_histogram {
    double low;
    double width;
    size_t n_bins;
    size_t counts[MER_HISTOGRAM_BINS_MAX];
    size_t n_below;
    size_t n_above;
};

/* A column of numbers or times (days, microseconds), or the lengths of texts in bytes. Quartiles
 * interpolate linearly (Hyndman and Fan's type 7, as numpy does); the deviation is that of a sample
 * (n - 1). All but n_infinite are of the finite values. */
struct mer_number_profile {
    size_t n; /* finite values; the rest means nothing when it is 0 */
    size_t n_infinite;
    size_t n_zero;
    double minimum;
    double quartiles[3];
    double maximum;
    double mean;
    double deviation; /* 0 for one value */
    /* Outliers lie beyond these: 3.5 robust standard deviations from the median (Iglewicz, Hoaglin:
     * "How to detect and handle outliers", 1993): 1.4826 times the median absolute deviation, or
     * where that is 0, 1.2533 times the mean absolute deviation. Infinite where there is no rule:
     * at most ten different values. */
    double low_fence;
    double high_fence;
    size_t n_low;
    size_t n_high;
    struct mer_histogram histogram;
};

struct mer_level_count {
    size_t level; /* of the frame's column; boolean: 0 false, 1 true */
    size_t n;
};

/* Levels by falling count, of equals the earlier one first. */
struct mer_level_profile {
    struct mer_level_count levels[MER_PROFILE_LEVELS];
    size_t n_levels;     /* counted above */
    size_t n_other_rows; /* rows of the levels that are not */
    size_t n_small;      /* of all levels: those with fewer rows than min_rows */
    size_t n_small_rows;
};

struct mer_column_profile {
    const char *name; /* the frame's */
    size_t n_name;
    enum mer_type type;
    size_t n_missing;
    size_t n_distinct;                 /* different present values, infinities among them */
    bool constant;                     /* one value, nothing missing */
    bool identifier;                   /* numbers or names the rows */
    bool sensitive;                    /* no value may be shown */
    size_t same_as;                    /* an earlier column with the same contents, or SIZE_MAX */
    struct mer_number_profile numbers; /* number, integer, date, time, datetime, text */
    struct mer_level_profile levels;   /* categorical, boolean */
};

/* Which columns are missing together. */
struct mer_gaps {
    size_t n_cells; /* missing, in the whole table */
    size_t n_rows;  /* with a missing cell */
    size_t n_columns;
    uint32_t columns[MER_GAPS_COLUMNS]; /* those with most missing cells, in table order */
    size_t n_all_columns;               /* with missing cells */
    /* share[i][b]: of stretch b of the rows, how much of column i is missing. */
    size_t n_blocks;
    float shares[MER_GAPS_COLUMNS][MER_GAPS_BLOCKS];
    size_t n_patterns; /* kept below, most frequent first; rows without a gap are no pattern */
    struct mer_gap_pattern {
        uint64_t columns; /* bit i: columns[i] is missing */
        size_t n_rows;
    } patterns[MER_GAPS_PATTERNS];
    size_t n_all_patterns;
};

struct mer_profile {
    struct mer_alloc *alloc;
    const struct mer_frame *frame; /* borrowed */
    size_t min_rows;
    struct mer_column_profile *columns; /* [frame->n_columns] */
    size_t n_copies;                    /* rows equal to an earlier one */
    size_t n_copied;                    /* different rows that stand in the table twice or more */
    struct mer_gaps gaps;
    struct mer_associations associations;
};

struct mer_profile_options {
    size_t min_rows;       /* a level with fewer rows is not named */
    const bool *sensitive; /* [frame->n_columns], or NULL */
};

/* Profiles a table; it must outlive the profile. */
MER_MUST_CHECK mer_status mer_profile_make(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                           const struct mer_profile_options *options,
                                           struct mer_profile *ret_profile, mer_err *err);
void mer_profile_release(struct mer_profile *profile);

/* Whether the column's values may be named at all. */
static inline bool mer_profile_shows(const struct mer_column_profile *column)
{
    return !column->sensitive && !column->identifier;
}

/* For the files of this room: */

/* A bijection that spreads bits: the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static inline uint64_t mer_spread_bits(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Memory that a worker needs for columns of n_rows rows. */
struct mer_profile_scratch {
    double *values;               /* [n_rows] */
    double *sorted;               /* [n_rows] */
    struct mer_order_item *items; /* [2 * n_rows]; also the slots of a set of 64-bit numbers */
    uint32_t *order;              /* [n_rows] */
};
MER_MUST_CHECK mer_status mer_profile_scratch_new(struct mer_alloc *alloc, size_t n_rows,
                                                  struct mer_profile_scratch *ret, mer_err *err);
void mer_profile_scratch_free(struct mer_alloc *alloc, struct mer_profile_scratch *scratch);

/* A present cell of a column of numbers, truth values or times. */
double mer_profile_value(const struct mer_column *column, size_t row);
static inline bool mer_profile_is_measured(enum mer_type type)
{
    return type == MER_TYPE_NUMBER || type == MER_TYPE_INTEGER || type == MER_TYPE_DATE ||
           type == MER_TYPE_TIME || type == MER_TYPE_DATETIME;
}

/* Fills everything of a column but same_as and sensitive. */
MER_MUST_CHECK mer_status mer_profile_column(const struct mer_ctx *ctx,
                                             const struct mer_frame *frame, size_t column,
                                             size_t min_rows, struct mer_profile_scratch *scratch,
                                             struct mer_column_profile *ret, mer_err *err);
/* Quartiles, fences and bins of sorted finite numbers, n > 0. `whole`: all are integers. */
void mer_number_profile_of(const double *sorted, size_t n, size_t n_distinct, bool whole,
                           struct mer_number_profile *ret);
/* The k-th smallest distance (from 0) of sorted numbers to a centre. */
double mer_nth_distance(const double *sorted, size_t n, double centre, size_t k);

/* Rows that are the same in every column; columns that hold the same as an earlier one. */
MER_MUST_CHECK mer_status mer_profile_copies(const struct mer_ctx *ctx,
                                             const struct mer_frame *frame,
                                             struct mer_profile *profile, mer_err *err);
MER_MUST_CHECK mer_status mer_profile_gaps(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                           struct mer_gaps *ret, mer_err *err);

#endif
