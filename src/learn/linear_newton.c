/* Newton's method with the second derivative as a matrix. */
#include <math.h>
#include <string.h>

#include "learn/linear_cholesky.h"
#include "learn/linear_hessian.h"
#include "learn/linear_solver.h"

enum { HALVINGS_MAX = 40, SWEEPS_MAX = 2000 };

/* Coordinate descent has converged when no move promises more than this share of the largest of its
 * first sweep. */
static const double SWEEP_TOLERANCE = 1e-12;

struct newton {
    struct mer_linear_problem *problem;
    double *theta;
    double *trial;
    double *gradient;
    double *step;
    double *slope;   /* lasso: the gradient of the quadratic model at theta + step */
    double *hessian; /* the parts of it; the first is the whole, or its factor */
};

mer_status mer_linear_check_objective(double objective, mer_err *err)
{
    if (isfinite(objective))
        return mer_ok();
    return mer_fail(err, MER_ERR_DATA,
                    "the numbers of the features or the target are too large for a linear model");
}

static void mirror(size_t n, double *matrix)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            matrix[j * n + i] = matrix[i * n + j];
}

static double soft_threshold(double x, double threshold)
{
    return x > threshold ? x - threshold : x < -threshold ? x + threshold : 0;
}

/* Moves coordinate i to the optimum of the quadratic model; returns twice what that gains. */
static double descend(struct newton *newton, size_t i)
{
    const struct mer_linear_problem *problem = newton->problem;
    const double *row = newton->hessian + i * problem->n_theta;
    const double curvature = row[i];
    if (!(curvature > 0))
        return 0;
    const double at = newton->theta[i] + newton->step[i];
    double to = at - newton->slope[i] / curvature;
    if (i < problem->n_weights)
        to = soft_threshold(to, problem->lasso / curvature);
    const double move = to - at;
    if (move == 0)
        return 0;
    newton->step[i] += move;
    problem->kernels->axpy(move, row, problem->n_theta, newton->slope);
    return curvature * move * move;
}

/* One sweep over all coordinates, or over those that are not zero; returns the largest gain. */
static double sweep(struct newton *newton, bool all)
{
    const struct mer_linear_problem *problem = newton->problem;
    double largest = 0;
    for (size_t i = 0; i < problem->n_theta; i++) {
        if (!all && i < problem->n_weights && newton->theta[i] + newton->step[i] == 0)
            continue;
        const double gain = descend(newton, i);
        largest = gain > largest ? gain : largest;
    }
    return largest;
}

/* The step to the optimum of the quadratic model with the lasso. */
static mer_status descend_all(struct newton *newton, mer_err *err)
{
    const struct mer_linear_problem *problem = newton->problem;
    double tolerance = 0;
    memcpy(newton->slope, newton->gradient, problem->n_theta * sizeof *newton->slope);
    memset(newton->step, 0, problem->n_theta * sizeof *newton->step);
    bool all = true;
    for (size_t i = 0; i < SWEEPS_MAX; i++) {
        MER_GUARD(mer_ctx_check_cancel(problem->ctx, err));
        const double gain = sweep(newton, all);
        if (i == 0)
            tolerance = SWEEP_TOLERANCE * gain;
        const bool settled = gain <= tolerance;
        if (settled && all)
            break;
        all = settled; /* the coordinates that are zero get a look when the others rest */
    }
    return mer_ok();
}

/* Fills `step`; *ret_promise is how much the linear part of the model falls along it. */
static mer_status find_step(struct newton *newton, double *ret_promise, mer_err *err)
{
    const struct mer_linear_problem *problem = newton->problem;
    const size_t n = problem->n_theta;
    double promise = 0;
    if (problem->lasso > 0)
        MER_GUARD(descend_all(newton, err));
    else
        mer_cholesky_solve(problem->kernels, n, newton->hessian, newton->gradient, newton->step);
    for (size_t i = 0; i < n; i++) {
        if (problem->lasso == 0)
            newton->step[i] = -newton->step[i];
        promise -= newton->gradient[i] * newton->step[i];
        newton->trial[i] = newton->theta[i] + newton->step[i];
    }
    *ret_promise = promise + mer_linear_lasso(problem, newton->theta) -
                   mer_linear_lasso(problem, newton->trial);
    return mer_ok();
}

/* Halves the step until F falls; false when it does not. The evaluated point becomes theta. */
static bool search(struct newton *newton, double promise, double *objective)
{
    struct mer_linear_problem *problem = newton->problem;
    double length = 1;
    for (size_t i = 0; i < HALVINGS_MAX; i++, length /= 2) {
        for (size_t j = 0; j < problem->n_theta; j++)
            newton->trial[j] = newton->theta[j] + length * newton->step[j];
        const double found = mer_linear_evaluate(problem, newton->trial, newton->gradient) +
                             mer_linear_lasso(problem, newton->trial);
        if (!mer_linear_is_lower(found, *objective, length * promise))
            continue;
        memcpy(newton->theta, newton->trial, problem->n_theta * sizeof *newton->theta);
        *objective = found;
        return true;
    }
    return false;
}

static mer_status run(struct newton *newton, const struct mer_linear_limits *limits,
                      struct mer_linear_outcome *ret_outcome, mer_err *err)
{
    struct mer_linear_problem *problem = newton->problem;
    struct mer_linear_outcome outcome = {0};
    double objective = mer_linear_evaluate(problem, newton->theta, newton->gradient) +
                       mer_linear_lasso(problem, newton->theta);
    const double start = objective;
    MER_GUARD(mer_linear_check_objective(objective, err));

    while (outcome.n_iterations < limits->max_iterations && !outcome.converged) {
        double promise = 0;
        MER_GUARD(mer_ctx_check_cancel(problem->ctx, err));
        /* The squared loss has the same second derivative everywhere. */
        if (outcome.n_iterations == 0 || problem->loss != MER_LOSS_SQUARED) {
            mer_linear_hessian(problem, newton->hessian);
            if (problem->lasso > 0)
                mirror(problem->n_theta, newton->hessian);
            else
                mer_cholesky(problem->ctx, problem->kernels, problem->n_theta, newton->hessian);
        }
        MER_GUARD(find_step(newton, &promise, err));
        /* The step is taken even then: it costs little and squares what is left of the error. */
        outcome.converged = mer_linear_is_small(limits, promise, objective, start);
        outcome.n_iterations++;
        if (!search(newton, promise, &objective))
            break;
    }
    outcome.objective = objective;
    *ret_outcome = outcome;
    return mer_ok();
}

mer_status mer_linear_newton(struct mer_linear_problem *problem,
                             const struct mer_linear_limits *limits, double *theta,
                             struct mer_linear_outcome *ret_outcome, mer_err *err)
{
    struct mer_alloc *alloc = problem->ctx->alloc;
    const size_t n = problem->n_theta;
    struct newton newton = {.problem = problem, .theta = theta};
    mer_status status;
    MER_GUARD_GOTO(mer_alloc_array(alloc, n, sizeof(double), &newton.trial, err), done);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n, sizeof(double), &newton.gradient, err), done);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n, sizeof(double), &newton.step, err), done);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n, sizeof(double), &newton.slope, err), done);
    MER_GUARD_GOTO(mer_alloc_array(alloc, mer_linear_hessian_parts(problem) * n * n, sizeof(double),
                                   &newton.hessian, err),
                   done);
    status = run(&newton, limits, ret_outcome, err);
done:
    mer_free(alloc, newton.hessian);
    mer_free(alloc, newton.slope);
    mer_free(alloc, newton.step);
    mer_free(alloc, newton.gradient);
    mer_free(alloc, newton.trial);
    return status;
}
