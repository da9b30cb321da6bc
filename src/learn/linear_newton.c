/* Newton's method with the second derivative as a matrix. Where a step fails the matrix is damped:
 * a share of its largest diagonal so far is added (More: "The Levenberg-Marquardt algorithm",
 * 1978). Near the optimum nothing is added. */
#include <math.h>
#include <string.h>

#include "learn/linear_cholesky.h"
#include "learn/linear_hessian.h"
#include "learn/linear_solver.h"

enum { ATTEMPTS_MAX = 40, SWEEPS_MAX = 2000 };

/* Coordinate descent has converged when no move promises more than this share of the largest of its
 * first sweep. */
static const double SWEEP_TOLERANCE = 1e-14;

/* The least damping but none, and by what it is multiplied while steps fail, and divided when they
 * do what the model says. */
static const double DAMPING_MIN = 1e-4, DAMPING_FACTOR = 10;

struct newton {
    struct mer_linear_problem *problem;
    double *theta;
    double *trial;
    double *gradient;
    double *trial_gradient;
    double *step;
    double *slope;    /* lasso: the gradient of the quadratic model at theta + step */
    double *diagonal; /* of the second derivative */
    double *largest;  /* the largest diagonal so far */
    double *hessian;  /* the parts of it; the first is the whole */
    double *factor;   /* no lasso: of the damped matrix */
    double damping;
    bool was_damped; /* in the last step */
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

/* The second derivative at theta, where F was evaluated last. */
static void find_hessian(struct newton *newton)
{
    struct mer_linear_problem *problem = newton->problem;
    const size_t n = problem->n_theta;
    mer_linear_hessian(problem, newton->hessian);
    if (problem->lasso > 0)
        mirror(n, newton->hessian);
    for (size_t i = 0; i < n; i++) {
        newton->diagonal[i] = newton->hessian[i * (n + 1)];
        newton->largest[i] = fmax(newton->largest[i], newton->diagonal[i]);
    }
}

/* Fills `step` and `trial`; *ret_promise is how much the linear part of the model falls. */
static mer_status find_step(struct newton *newton, double *ret_promise, mer_err *err)
{
    const struct mer_linear_problem *problem = newton->problem;
    const size_t n = problem->n_theta;
    double *matrix = problem->lasso > 0 ? newton->hessian : newton->factor;
    double promise = 0;

    if (problem->lasso == 0)
        memcpy(matrix, newton->hessian, n * n * sizeof *matrix);
    for (size_t i = 0; i < n; i++)
        matrix[i * (n + 1)] = newton->diagonal[i] + newton->damping * newton->largest[i];
    if (problem->lasso > 0) {
        MER_GUARD(descend_all(newton, err));
    } else {
        mer_cholesky(problem->ctx, problem->kernels, n, matrix);
        mer_cholesky_solve(problem->kernels, n, matrix, newton->gradient, newton->step);
        problem->kernels->scale(-1.0, newton->step, n, newton->step);
    }
    for (size_t i = 0; i < n; i++) {
        promise -= newton->gradient[i] * newton->step[i];
        newton->trial[i] = newton->theta[i] + newton->step[i];
    }
    *ret_promise = promise + mer_linear_lasso(problem, newton->theta) -
                   mer_linear_lasso(problem, newton->trial);
    return mer_ok();
}

static double evaluate_trial(struct newton *newton)
{
    return mer_linear_evaluate(newton->problem, newton->trial, newton->trial_gradient) +
           mer_linear_lasso(newton->problem, newton->trial);
}

static void accept_trial(struct newton *newton)
{
    const size_t n_bytes = newton->problem->n_theta * sizeof(double);
    memcpy(newton->theta, newton->trial, n_bytes);
    memcpy(newton->gradient, newton->trial_gradient, n_bytes);
}

static void raise_damping(struct newton *newton)
{
    newton->damping = newton->damping > 0 ? DAMPING_FACTOR * newton->damping : DAMPING_MIN;
}

/* More damping after a step that hardly helped, less after one that did. */
static void adapt_damping(struct newton *newton, double gain, double promise)
{
    const double share = gain / (0.5 * promise); /* about 1 where the model is right */
    if (share < 0.25)
        raise_damping(newton);
    else if (share > 0.75)
        newton->damping = newton->damping > DAMPING_MIN ? newton->damping / DAMPING_FACTOR : 0;
}

/* One step that lowers F. *ret_promise is that of the step that was made; *ret_moved is false when
 * none lowers F. */
static mer_status make_step(struct newton *newton, double *objective, double *ret_promise,
                            bool *ret_moved, mer_err *err)
{
    *ret_moved = false;
    for (size_t i = 0; i < ATTEMPTS_MAX; i++) {
        MER_GUARD(mer_ctx_check_cancel(newton->problem->ctx, err));
        MER_GUARD(find_step(newton, ret_promise, err));
        const double found = evaluate_trial(newton);
        newton->was_damped = newton->damping > 0;
        if (mer_linear_is_lower(found, *objective, *ret_promise)) {
            accept_trial(newton);
            adapt_damping(newton, *objective - found, *ret_promise);
            *objective = found;
            *ret_moved = true;
            return mer_ok();
        }
        raise_damping(newton);
    }
    return mer_ok();
}

static mer_status run(struct newton *newton, const struct mer_linear_limits *limits,
                      struct mer_linear_outcome *ret_outcome, mer_err *err)
{
    struct mer_linear_problem *problem = newton->problem;
    struct mer_linear_outcome outcome = {0};
    memcpy(newton->trial, newton->theta, problem->n_theta * sizeof *newton->trial);
    double objective = evaluate_trial(newton);
    const double start = objective;
    MER_GUARD(mer_linear_check_objective(objective, err));
    accept_trial(newton);

    while (outcome.n_iterations < limits->max_iterations && !outcome.converged) {
        const double before = objective;
        double promise = 0;
        bool moved = false;
        /* The squared loss has the same second derivative everywhere. */
        if (outcome.n_iterations == 0 || problem->loss != MER_LOSS_SQUARED)
            find_hessian(newton);
        MER_GUARD(make_step(newton, &objective, &promise, &moved, err));
        outcome.n_iterations++;
        if (!moved)
            break;
        /* The step was taken even then: it squares what is left of the error. */
        const bool is_small = mer_linear_is_small(limits, promise, before, start);
        outcome.converged = is_small && !newton->was_damped;
        if (is_small)
            newton->damping = 0;
    }
    MER_GUARD(mer_ctx_check_cancel(problem->ctx, err));
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
    double *vectors = NULL;
    double **const places[] = {&newton.trial,  &newton.gradient, &newton.trial_gradient,
                               &newton.step,   &newton.slope,    &newton.diagonal,
                               &newton.largest};
    const size_t n_places = sizeof places / sizeof places[0];
    mer_status status;
    /* n is a multiple of the lanes, so that each vector is aligned. */
    MER_GUARD_GOTO(mer_alloc_zero(alloc, n, n_places * sizeof(double), &vectors, err), done);
    for (size_t i = 0; i < n_places; i++)
        *places[i] = vectors + i * n;
    MER_GUARD_GOTO(mer_alloc_array(alloc, mer_linear_hessian_parts(problem) * n * n, sizeof(double),
                                   &newton.hessian, err),
                   done);
    if (problem->lasso == 0)
        MER_GUARD_GOTO(mer_alloc_array(alloc, n * n, sizeof(double), &newton.factor, err), done);
    status = run(&newton, limits, ret_outcome, err);
done:
    mer_free(alloc, newton.factor);
    mer_free(alloc, newton.hessian);
    mer_free(alloc, vectors);
    return status;
}
