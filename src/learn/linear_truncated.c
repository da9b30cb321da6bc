/* Truncated Newton: conjugate gradients find the step, and nothing larger than theta is kept.
 *
 * With a lasso F has kinks where a weight is zero. A step then stays in one orthant: weights keep
 * their sign or become zero, and a weight that is zero moves only if that lowers F, to the side on
 * which it does; inside the orthant F is smooth. Where such a step fails, a proximal gradient step
 * is taken, which always succeeds.
 */
#include <math.h>
#include <string.h>

#include "learn/linear_solver.h"

enum { HALVINGS_MAX = 40, ORTHANT_HALVINGS_MAX = 12, CONJUGATE_MAX = 1000 };

/* How far the residual of the Newton equations is brought down at least. */
static const double FORCING_MAX = 0.3;

struct truncated {
    struct mer_linear_problem *problem;
    double *theta;
    double *trial;
    double *gradient; /* of the smooth part */
    double *slope;    /* of F inside the orthant; zero where a weight stays zero */
    double *step;
    double *residual;
    double *direction;
    double *product;
    double first_slope; /* the slope's norm at the start */
    double sharpest;    /* the largest second derivative met along a direction */
};

static double inner(const struct truncated *truncated, const double *a, const double *b)
{
    const size_t n = truncated->problem->n_theta;
    double sum;
    truncated->problem->kernels->dot(a, n, 1, b, n, 1, n, &sum, 1);
    return sum;
}

/* F at the trial point, with its gradient. */
static double evaluate_trial(struct truncated *truncated)
{
    return mer_linear_evaluate(truncated->problem, truncated->trial, truncated->gradient) +
           mer_linear_lasso(truncated->problem, truncated->trial);
}

static void accept_trial(struct truncated *truncated)
{
    memcpy(truncated->theta, truncated->trial,
           truncated->problem->n_theta * sizeof *truncated->theta);
}

/* The slope of F at theta towards where it falls, given the gradient of the smooth part. */
static void find_slope(struct truncated *truncated)
{
    const struct mer_linear_problem *problem = truncated->problem;
    const double lasso = problem->lasso;
    for (size_t i = 0; i < problem->n_theta; i++) {
        const double weight = truncated->theta[i];
        const double gradient = truncated->gradient[i];
        if (lasso == 0 || i >= problem->n_weights)
            truncated->slope[i] = gradient;
        else if (weight != 0)
            truncated->slope[i] = weight > 0 ? gradient + lasso : gradient - lasso;
        else
            truncated->slope[i] = gradient > lasso    ? gradient - lasso
                                  : gradient < -lasso ? gradient + lasso
                                                      : 0;
    }
}

static bool stays_zero(const struct truncated *truncated, size_t i)
{
    return truncated->problem->lasso > 0 && i < truncated->problem->n_weights &&
           truncated->theta[i] == 0 && truncated->slope[i] == 0;
}

/* product = second derivative times direction, among the weights that may move. */
static void multiply(struct truncated *truncated)
{
    const struct mer_linear_problem *problem = truncated->problem;
    mer_linear_times_hessian(truncated->problem, truncated->direction, truncated->product);
    if (problem->lasso == 0)
        return;
    for (size_t i = 0; i < problem->n_weights; i++)
        if (stays_zero(truncated, i))
            truncated->product[i] = 0;
}

/* Solves (second derivative) step = -slope by conjugate gradients, until the residual is below
 * `target` squared. */
static mer_status find_step(struct truncated *truncated, double target, mer_err *err)
{
    const struct mer_linear_problem *problem = truncated->problem;
    const size_t n = problem->n_theta;
    memset(truncated->step, 0, n * sizeof *truncated->step);
    for (size_t i = 0; i < n; i++)
        truncated->direction[i] = truncated->residual[i] = -truncated->slope[i];
    double square = inner(truncated, truncated->residual, truncated->residual);

    for (size_t i = 0; i < CONJUGATE_MAX && square > target; i++) {
        MER_GUARD(mer_ctx_check_cancel(problem->ctx, err));
        multiply(truncated);
        const double bent = inner(truncated, truncated->direction, truncated->product);
        const double length = inner(truncated, truncated->direction, truncated->direction);
        if (!(bent > 1e-15 * truncated->sharpest * length))
            break; /* flat as far as rounding tells */
        truncated->sharpest = fmax(truncated->sharpest, bent / length);
        const double factor = square / bent;
        problem->kernels->axpy(factor, truncated->direction, n, truncated->step);
        problem->kernels->axpy(-factor, truncated->product, n, truncated->residual);
        const double next = inner(truncated, truncated->residual, truncated->residual);
        problem->kernels->scale(next / square, truncated->direction, n, truncated->direction);
        problem->kernels->axpy(1.0, truncated->residual, n, truncated->direction);
        square = next;
    }
    return mer_ok();
}

/* trial = theta + length * step, held in the orthant; returns how much F falls to first order. */
static double move_in_orthant(struct truncated *truncated, double length)
{
    const struct mer_linear_problem *problem = truncated->problem;
    double promise = 0;
    for (size_t i = 0; i < problem->n_theta; i++) {
        const double from = truncated->theta[i];
        double to = from + length * truncated->step[i];
        if (problem->lasso > 0 && i < problem->n_weights) {
            const double side = from != 0 ? from : -truncated->slope[i];
            if (to * side <= 0)
                to = 0;
        }
        truncated->trial[i] = to;
        promise -= truncated->slope[i] * (to - from);
    }
    return promise;
}

static bool search(struct truncated *truncated, double *objective)
{
    const size_t n_halvings = truncated->problem->lasso > 0 ? ORTHANT_HALVINGS_MAX : HALVINGS_MAX;
    double length = 1;
    for (size_t i = 0; i < n_halvings; i++, length /= 2) {
        const double promise = move_in_orthant(truncated, length);
        if (promise <= 0)
            continue;
        const double found = evaluate_trial(truncated);
        if (mer_linear_is_lower(found, *objective, promise)) {
            accept_trial(truncated);
            *objective = found;
            return true;
        }
    }
    return false;
}

/* A step against the gradient, then of each weight towards zero, with the length at which a bound
 * by the sharpest curvature makes F fall. `gradient` must be that of theta. */
static bool step_proximally(struct truncated *truncated, double *objective)
{
    const struct mer_linear_problem *problem = truncated->problem;
    double sharpness = truncated->sharpest > 0 ? truncated->sharpest : 1;
    /* The search left the gradient elsewhere. */
    memcpy(truncated->trial, truncated->theta, problem->n_theta * sizeof *truncated->trial);
    (void)evaluate_trial(truncated);
    memcpy(truncated->residual, truncated->gradient,
           problem->n_theta * sizeof *truncated->residual);
    for (size_t k = 0; k < HALVINGS_MAX; k++, sharpness *= 2) {
        double moved = 0;
        for (size_t i = 0; i < problem->n_theta; i++) {
            const double lasso = i < problem->n_weights ? problem->lasso / sharpness : 0;
            const double to = truncated->theta[i] - truncated->residual[i] / sharpness;
            truncated->trial[i] = to > lasso ? to - lasso : to < -lasso ? to + lasso : 0;
            moved += (truncated->trial[i] - truncated->theta[i]) *
                     (truncated->trial[i] - truncated->theta[i]);
        }
        const double found = evaluate_trial(truncated);
        if (moved == 0 || !mer_linear_is_lower(found, *objective, sharpness * moved))
            continue;
        accept_trial(truncated);
        *objective = found;
        return true;
    }
    return false;
}

/* One Newton step. *ret_promise is how much the linear part of F falls along it; *ret_moved tells
 * whether F fell. */
static mer_status iterate(struct truncated *truncated, double *objective, double *ret_promise,
                          bool *ret_moved, mer_err *err)
{
    find_slope(truncated);
    const double slope = sqrt(inner(truncated, truncated->slope, truncated->slope));
    if (truncated->first_slope == 0)
        truncated->first_slope = slope;
    /* Superlinear: the closer, the more exactly a step is worth finding (Eisenstat, Walker). */
    const double forcing = fmin(FORCING_MAX, sqrt(slope / truncated->first_slope));
    *ret_promise = 0;
    *ret_moved = false;
    if (slope == 0)
        return mer_ok();
    MER_GUARD(find_step(truncated, forcing * forcing * slope * slope, err));
    *ret_promise = move_in_orthant(truncated, 1);
    *ret_moved = search(truncated, objective) ||
                 (truncated->problem->lasso > 0 && step_proximally(truncated, objective));
    return mer_ok();
}

static mer_status run(struct truncated *truncated, const struct mer_linear_limits *limits,
                      struct mer_linear_outcome *ret_outcome, mer_err *err)
{
    struct mer_linear_outcome outcome = {0};
    accept_trial(truncated);
    double objective = evaluate_trial(truncated);
    const double start = objective;
    MER_GUARD(mer_linear_check_objective(objective, err));
    while (outcome.n_iterations < limits->max_iterations && !outcome.converged) {
        const double before = objective;
        double promise = 0;
        bool moved = false;
        MER_GUARD(iterate(truncated, &objective, &promise, &moved, err));
        outcome.n_iterations++;
        outcome.converged = mer_linear_is_small(limits, fabs(promise), before, start);
        if (!moved)
            break;
    }
    outcome.objective = objective;
    *ret_outcome = outcome;
    return mer_ok();
}

mer_status mer_linear_truncated_newton(struct mer_linear_problem *problem,
                                       const struct mer_linear_limits *limits, double *theta,
                                       struct mer_linear_outcome *ret_outcome, mer_err *err)
{
    struct mer_alloc *alloc = problem->ctx->alloc;
    struct truncated truncated = {.problem = problem, .theta = theta};
    double *vectors = NULL;
    double **const places[] = {&truncated.trial,  &truncated.gradient, &truncated.slope,
                               &truncated.step,   &truncated.residual, &truncated.direction,
                               &truncated.product};
    const size_t n_places = sizeof places / sizeof places[0];
    /* n_theta is a multiple of the lanes, so that each vector is aligned. */
    MER_GUARD(mer_alloc_array(alloc, problem->n_theta, n_places * sizeof(double), &vectors, err));
    for (size_t i = 0; i < n_places; i++)
        *places[i] = vectors + i * problem->n_theta;
    memcpy(truncated.trial, theta, problem->n_theta * sizeof *theta);
    const mer_status status = run(&truncated, limits, ret_outcome, err);
    mer_free(alloc, vectors);
    return status;
}
