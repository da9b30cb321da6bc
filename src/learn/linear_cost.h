/* What a fit of the linear family costs, and which solver is the cheaper one. */
#ifndef MER_LEARN_LINEAR_COST_H
#define MER_LEARN_LINEAR_COST_H

#include "learn/design.h"

struct mer_linear_cost {
    bool as_matrix; /* Newton's method with a matrix rather than truncated */
    uint64_t microseconds;
};

/* A function of shapes and the penalty alone. `n_outputs`: 1, or the classes of a multinomial loss.
 */
struct mer_linear_cost mer_linear_cost(const struct mer_design *design, enum mer_task task,
                                       size_t n_outputs, bool has_lasso);

#endif
