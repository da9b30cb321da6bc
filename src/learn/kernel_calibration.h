/* Calibrating the scores of a kernel machine: two numbers that minimise the log loss, by Newton's
 * method. */
#ifndef MER_LEARN_KERNEL_CALIBRATION_H
#define MER_LEARN_KERNEL_CALIBRATION_H

#include "learn/kernel_ridge.h"

struct mer_kernel_scores {
    const double *scores;   /* [n_rows][1 for two classes, else n_classes] */
    const double *roots;    /* [n_rows] of the weights */
    const int32_t *classes; /* of row 0, step, 2 step, ... */
    size_t step;
    size_t n_rows;
    size_t n_classes;
    const double *log_shares; /* [n_classes] */
};

/* Returns the mean log loss that is left. */
double mer_kernel_calibrate(const struct mer_kernel_scores *scores,
                            struct mer_kernel_calibration *ret_calibration);

#endif
