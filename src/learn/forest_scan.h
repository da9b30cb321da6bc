/* Splits of a node whose rows have classes and no weights, in whole numbers: sums of squares are
 * exact in any order, so that rows can be sorted, or counted 64 at a time.
 */
#ifndef MER_LEARN_FOREST_SCAN_H
#define MER_LEARN_FOREST_SCAN_H

#include "core/ctx.h"
#include "learn/forest_kernels.h"

struct mer_forest_entry {
    uint32_t row;
    uint16_t class;
    uint16_t count; /* how often it was drawn */
};

enum {
    MER_FOREST_SCAN_ROWS = 1024, /* the largest node that is scanned row by row */
    MER_FOREST_PLANE_CLASSES = 64
};

/* What is known of the node at hand; of one worker. */
struct mer_forest_counts {
    const struct mer_forest_kernels *kernels;
    size_t n_classes;
    int64_t *total; /* [n_classes] draws */
    int64_t *left;  /* [n_classes] scratch */
    /* For random borders, where each row counts once: a plane of bits for each class that the node
     * has, [n_words][n_planes], forest_kernels.h. */
    uint64_t *planes;
    size_t n_planes;
    uint32_t plane_rows[MER_FOREST_PLANE_CLASSES];
    uint16_t plane_class[MER_FOREST_PLANE_CLASSES];
};

/* with_planes: of at most MER_FOREST_PLANE_CLASSES classes. */
MER_MUST_CHECK mer_status mer_forest_counts_init(const struct mer_ctx *ctx, size_t n_rows,
                                                 size_t n_classes, bool with_planes,
                                                 struct mer_forest_counts *ret_counts,
                                                 mer_err *err);
void mer_forest_counts_release(const struct mer_ctx *ctx, struct mer_forest_counts *counts);

/* Takes the rows of a node as planes. */
void mer_forest_counts_load(struct mer_forest_counts *counts, const struct mer_forest_entry *rows,
                            size_t n);

/* Gini's score (the larger the better) of a border between bins: left_squares / left +
 * right_squares / right, and how many rows it leaves on the left. */
double mer_forest_counts_score(const struct mer_forest_counts *counts, const uint8_t *bins,
                               size_t n, uint32_t border, size_t *ret_left_rows);

struct mer_forest_border {
    bool found;
    uint32_t bin; /* on the left, */
    uint32_t next_bin;
    double score;
};

/* The best border of a node of 2 to MER_FOREST_SCAN_ROWS rows that leaves at least min_rows on
 * either side, of equal ones the first; least and largest are of the bins. counts->total is the
 * node's. */
struct mer_forest_border mer_forest_scan(const struct mer_forest_counts *counts,
                                         const struct mer_forest_entry *rows, const uint8_t *bins,
                                         size_t n, uint32_t least, uint32_t largest,
                                         size_t min_rows);

#endif
