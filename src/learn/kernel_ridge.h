/* Ridge regression of one or more outputs on a kernel map, with its penalty chosen by exact
 * leave-one-out errors and, for classes, probabilities calibrated on leave-one-out scores.
 *
 * Leaving row i out of a ridge regression changes its residual to r_i / (1 - h_i), where h is the
 * diagonal of the hat matrix (Allen 1974; Golub, Heath, Wahba 1979): no second fit is needed.
 */
#ifndef MER_LEARN_KERNEL_RIDGE_H
#define MER_LEARN_KERNEL_RIDGE_H

#include "learn/calibration.h"
#include "learn/kernel_map.h"

struct mer_kernel_ridge {
    size_t n_outputs;     /* 1 for a number or two classes, else the classes */
    double *coefficients; /* [n_outputs][map->n_padded] */
    double *intercepts;   /* [n_outputs] */
    double *log_shares;   /* [n_classes] of the classes, by weight; none for a number */
    double alpha;         /* the penalty that was used */
    struct mer_calibration calibration;
};

/* alpha 0: chosen. MER_ERR_DATA for weights without a finite sum above zero. Release in any case.
 */
MER_MUST_CHECK mer_status mer_kernel_ridge_fit(const struct mer_ctx *ctx,
                                               const struct mer_kernel_map *map,
                                               const struct mer_design *design,
                                               const struct mer_target *target, double alpha,
                                               struct mer_kernel_ridge *ret_ridge, mer_err *err);
void mer_kernel_ridge_release(const struct mer_ctx *ctx, struct mer_kernel_ridge *ridge);

/* Work, in microseconds of one core. */
uint64_t mer_kernel_ridge_cost(const struct mer_design *design, enum mer_task task,
                               size_t n_classes, size_t n_waves, bool chooses_alpha);

static inline size_t mer_kernel_outputs(enum mer_task task, size_t n_classes)
{
    return task == MER_TASK_MULTICLASS ? n_classes : 1;
}

#endif
