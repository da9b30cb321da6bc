/* Solvers of linear problems: theta from a start to the optimum. Both take Newton steps,
 * shortened where F is far from its quadratic model, as it is where probabilities are saturated on
 * the wrong side: F only falls.
 */
#ifndef MER_LEARN_LINEAR_SOLVER_H
#define MER_LEARN_LINEAR_SOLVER_H

#include "learn/linear_problem.h"

struct mer_linear_limits {
    size_t max_iterations; /* Newton steps */
    double tolerance;      /* converged when a step can lower F by about this share at most */
};

struct mer_linear_outcome {
    double objective;
    size_t n_iterations;
    bool converged;
};

typedef mer_status mer_linear_solver(struct mer_linear_problem *problem,
                                     const struct mer_linear_limits *limits, double *theta,
                                     struct mer_linear_outcome *ret_outcome, mer_err *err);

/* The second derivative as a matrix; steps by Cholesky factorisation, or, with a lasso, by
 * coordinate descent with covariance updates (Friedman, Hastie, Tibshirani: "Regularization paths
 * for generalized linear models via coordinate descent", 2010). For a theta of at most some
 * thousand. */
mer_linear_solver mer_linear_newton;

/* Steps by conjugate gradients, truncated, in a trust region (Steihaug: "The conjugate gradient
 * method and trust regions in large scale optimization", 1983): needs products with the second
 * derivative only. With a lasso, in the orthant of the current signs (Andrew, Gao: "Scalable
 * training of L1-regularized log-linear models", 2007). */
mer_linear_solver mer_linear_truncated_newton;

/* MER_ERR_DATA for an objective that is not finite at the start. */
MER_MUST_CHECK mer_status mer_linear_check_objective(double objective, mer_err *err);

/* Whether a step that promises to lower F by that much is not worth making. `start`: F at first. */
static inline bool mer_linear_is_small(const struct mer_linear_limits *limits, double promise,
                                       double objective, double start)
{
    /* A perfect fit drives F to nothing: then compare with where it came from. */
    const double floor_of_scale = 1e-9 * start;
    return promise <= limits->tolerance * (objective > floor_of_scale ? objective : floor_of_scale);
}

/* Whether F fell enough (Armijo), rounding errors of F forgiven. `promise` > 0. */
static inline bool mer_linear_is_lower(double objective, double before, double promise)
{
    return objective <= before - 1e-4 * promise + 1e-14 * before;
}

#endif
