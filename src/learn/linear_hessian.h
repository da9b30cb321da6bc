/* The second derivative of a linear problem as a matrix, where theta is short enough for one. */
#ifndef MER_LEARN_LINEAR_HESSIAN_H
#define MER_LEARN_LINEAR_HESSIAN_H

#include "learn/linear_problem.h"

/* How many matrices [n_theta][n_theta] mer_linear_hessian needs room for. */
size_t mer_linear_hessian_parts(const struct mer_linear_problem *problem);

/* The lower triangle of the second derivative of the smooth part at the last evaluation. The first
 * matrix of `parts` receives it; what stands above its diagonal is of no meaning. */
void mer_linear_hessian(struct mer_linear_problem *problem, double *parts);

#endif
