/* Copies of some rows of designs and targets, for fits that take a part of what is there. */
#ifndef MER_AUTOML_ROWS_H
#define MER_AUTOML_ROWS_H

#include "learn/design.h"

/* Rows of one design and the target's rows that belong to them. */
struct mer_row_source {
    const struct mer_design *design;
    const struct mer_target *target;
    size_t target_first;  /* the target's row of the design's row 0 */
    const uint32_t *rows; /* [n], or NULL: every stride-th */
    size_t stride;
    size_t n;
};

/* Zero is empty. */
struct mer_rows {
    struct mer_design design; /* without the sparse block, which is not copied */
    struct mer_target target;
    double *dense;
    int32_t *codes;
    double *values;
    int32_t *classes;
    double *weights;
};

/* The rows of the sources, in order; all have the first one's columns. Release in any case. */
mer_status mer_rows_copy(const struct mer_ctx *ctx, const struct mer_row_source *sources,
                         size_t n_sources, struct mer_rows *ret_rows, mer_err *err);
void mer_rows_release(const struct mer_ctx *ctx, struct mer_rows *rows);

#endif
