/* The columns of a sample of rows, made ready to be compared; for the association*.c files only. */
#ifndef MER_EXPLAIN_ASSOCIATION_VARIABLE_H
#define MER_EXPLAIN_ASSOCIATION_VARIABLE_H

#include "core/order.h"
#include "explain/association.h"

struct mer_variable {
    uint32_t column;
    bool is_number;
    bool has_missing;
    bool is_flat;    /* one value in all rows of the sample */
    double *values;  /* number: [n_rows], NaN where missing; else NULL */
    uint32_t *order; /* number: the rows of the n_present values by rising value */
    size_t n_present;
    double *scores; /* number, nothing missing: values less their mean, of length 1 */
    double *ranks;  /* the same of the ranks */
    int16_t *codes; /* category: [n_rows], -1 where missing */
    size_t n_codes;
};

/* Room for a worker to compare two variables in. */
struct mer_pair_scratch {
    double *x; /* [n_rows] */
    double *y;
    double *by_row;
    uint32_t *order;  /* [n_rows] */
    double *sums;     /* [MER_ASSOCIATION_LEVELS + 1] */
    uint32_t *counts; /* [(MER_ASSOCIATION_LEVELS + 1) squared] */
};

/* Fills kind, first and second. */
void mer_variables_compare(const struct mer_variable *a, const struct mer_variable *b,
                           size_t n_rows, struct mer_pair_scratch *scratch,
                           struct mer_association *ret);

/* Ranks from 1, the mean rank among equals, of the values at order[0 .. n), into ret_ranks by row.
 */
void mer_ranks(const double *values, const uint32_t *order, size_t n, double *ret_ranks);
/* Less the mean, and of length 1 (left as it is where all are equal). */
void mer_normalise(double *x, size_t n);

#endif
