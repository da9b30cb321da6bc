/* How strongly the columns of a table go together, pair by pair.
 *
 *   number, number      Pearson's r and Spearman's rho over the rows where both are there
 *   category, category  Cramer's V, corrected for bias (Bergsma: "A bias-correction for Cramer's V
 *                       and Tschuprow's T", Journal of the Korean Statistical Society 42, 2013)
 *   category, number    the correlation ratio eta, corrected for the number of categories: the root
 *                       of epsilon squared (Kelley: "An unbiased correlation ratio measure", PNAS
 *                       21, 1935), 0 where that is negative
 *
 * Integers, dates and times are numbers, truth values are categories; text takes no part. Of a
 * large table a sample of rows is looked at, drawn with a fixed seed.
 */
#ifndef MER_EXPLAIN_ASSOCIATION_H
#define MER_EXPLAIN_ASSOCIATION_H

#include "frame/frame.h"

enum {
    MER_ASSOCIATION_COLUMNS = 1000, /* at most so many take part */
    MER_ASSOCIATION_ROWS = 50000,
    MER_ASSOCIATION_LEVELS = 100, /* the most frequent; the others count as one */
    MER_ASSOCIATION_TOP = 24,
    MER_ASSOCIATION_SHOWN = 40 /* columns of the matrix that is shown */
};

enum mer_association_kind {
    MER_ASSOCIATION_NUMBERS,
    MER_ASSOCIATION_CATEGORIES,
    MER_ASSOCIATION_MIXED
};

struct mer_association {
    uint32_t a; /* columns of the frame, a < b */
    uint32_t b;
    enum mer_association_kind kind;
    double first;  /* Pearson's r, Cramer's V or eta; NaN: not defined */
    double second; /* Spearman's rho; else the same as first */
};

/* The larger magnitude of the two; NaN: not defined. */
double mer_association_strength(const struct mer_association *association);

struct mer_associations {
    size_t n_rows;     /* that were looked at */
    size_t n_columns;  /* that took part */
    bool columns_left; /* more could have taken part */
    size_t n_top;      /* strongest pairs first, of equals the earlier one */
    struct mer_association top[MER_ASSOCIATION_TOP];
    /* The columns with the strongest pairs, in table order, and what they have to do with each
     * other: cells[i * n_shown + j], i < j. */
    size_t n_shown;
    uint32_t shown[MER_ASSOCIATION_SHOWN];
    struct mer_association *cells; /* [n_shown][n_shown], from alloc; NULL: none */
};

/* takes_part[frame->n_columns] rules columns out that must not be looked at. */
MER_MUST_CHECK mer_status mer_associations_find(const struct mer_ctx *ctx,
                                                const struct mer_frame *frame,
                                                const bool *takes_part,
                                                struct mer_associations *ret, mer_err *err);
void mer_associations_release(struct mer_alloc *alloc, struct mer_associations *associations);

#endif
