/* Truncated Newton: conjugate gradients find the step, and nothing larger than theta is kept. A
 * step that leaves the trust region ends at its border; the region grows and shrinks with how well
 * the quadratic model foretells F.
 *
 * With a lasso F has kinks where a weight is zero. A step then stays in one orthant: weights keep
 * their sign or become zero, and a weight that is zero moves only if that lowers F, to the side on
 * which it does; inside the orthant F is smooth. In a small enough region such a step goes along
 * the slope, and lowers F. */
#include <math.h>
#include <string.h>

#include "learn/linear_solver.h"

enum { ATTEMPTS_MAX = 40, CONJUGATE_MAX = 1000 };

/* How far conjugate gradients bring the residual of the Newton equations down: more the closer
 * theta is (Eisenstat, Walker: "Choosing the forcing terms in an inexact Newton method", 1996), but
 * not so far that an exact step towards an inexact place costs more than the next step. */
static const double FORCING_MAX = 0.3, FORCING_MIN = 0.1;
/* The equations of the squared loss are the whole problem. */
static const double FORCING_SQUARED = 1e-9;

struct truncated {
    struct mer_linear_problem *problem;
    double *theta;
    double *trial;
    double *gradient; /* of the smooth part, at theta or the trial */
    double *slope;    /* of F inside the orthant; zero where a weight stays zero */
    double *step;
    double *residual;
    double *direction;
    double *product;
    double first_slope; /* the slope's norm at the start */
    double foretold;    /* by how much the quadratic model falls along the step */
    double radius;      /* of the trust region; 0: no step was made yet, and there is none */
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

/* How far along the direction the border is from the step: the positive root of
 * |step + t direction| = radius. */
static double way_to_border(const struct truncated *truncated)
{
    const double a = inner(truncated, truncated->direction, truncated->direction);
    const double b = inner(truncated, truncated->step, truncated->direction);
    const double c =
        truncated->radius * truncated->radius - inner(truncated, truncated->step, truncated->step);
    const double root = sqrt(fmax(b * b + a * c, 0));
    return b > 0 ? c / (b + root) : (root - b) / a;
}

/* Solves (second derivative) step = -slope by conjugate gradients, until the residual is below
 * `target` or the step leaves the trust region; *ret_bounded tells which. */
static mer_status find_step(struct truncated *truncated, double target, bool *ret_bounded,
                            mer_err *err)
{
    const struct mer_linear_problem *problem = truncated->problem;
    const size_t n = problem->n_theta;
    memset(truncated->step, 0, n * sizeof *truncated->step);
    for (size_t i = 0; i < n; i++)
        truncated->direction[i] = truncated->residual[i] = -truncated->slope[i];
    double square = inner(truncated, truncated->residual, truncated->residual);

    *ret_bounded = false;
    truncated->foretold = 0;
    for (size_t i = 0; i < CONJUGATE_MAX && square > target * target; i++) {
        MER_GUARD(mer_ctx_check_cancel(problem->ctx, err));
        multiply(truncated);
        const double bent = inner(truncated, truncated->direction, truncated->product);
        if (!(bent > 0))
            break; /* flat as far as rounding tells */
        const double border = truncated->radius > 0 ? way_to_border(truncated) : (double)INFINITY;
        *ret_bounded = square / bent >= border;
        const double way = *ret_bounded ? border : square / bent;
        truncated->foretold += way * (square - 0.5 * way * bent);
        problem->kernels->axpy(way, truncated->direction, n, truncated->step);
        if (*ret_bounded)
            break;
        problem->kernels->axpy(-way, truncated->product, n, truncated->residual);
        const double next = inner(truncated, truncated->residual, truncated->residual);
        problem->kernels->scale(next / square, truncated->direction, n, truncated->direction);
        problem->kernels->axpy(1.0, truncated->residual, n, truncated->direction);
        square = next;
    }
    return mer_ok();
}

/* trial = theta + step, held in the orthant; returns how much F falls to first order. */
static double move_in_orthant(struct truncated *truncated)
{
    const struct mer_linear_problem *problem = truncated->problem;
    double promise = 0;
    for (size_t i = 0; i < problem->n_theta; i++) {
        const double from = truncated->theta[i];
        double to = from + truncated->step[i];
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

/* The residual of the Newton equations that is small enough. */
static double target_residual(struct truncated *truncated)
{
    const double slope = sqrt(inner(truncated, truncated->slope, truncated->slope));
    if (truncated->problem->loss == MER_LOSS_SQUARED)
        return FORCING_SQUARED * slope;
    if (truncated->first_slope == 0)
        truncated->first_slope = slope;
    const double share = slope > 0 ? sqrt(slope / truncated->first_slope) : 0;
    return slope * fmin(FORCING_MAX, fmax(FORCING_MIN, share));
}

/* After a step that was made, or failed (then F did not fall: gain <= 0). */
static void adapt_radius(struct truncated *truncated, double gain, bool bounded)
{
    const double length = sqrt(inner(truncated, truncated->step, truncated->step));
    const double share = gain / truncated->foretold;
    if (!(share >= 0.25))
        truncated->radius = 0.25 * length;
    else if (truncated->radius == 0)
        truncated->radius = 10 * length;
    else if (share > 0.75 && bounded)
        truncated->radius *= 4;
}

/* One step that lowers F; *ret_moved is false when none does. *ret_bounded tells whether the trust
 * region bounded it. */
static mer_status make_step(struct truncated *truncated, double *objective, bool *ret_bounded,
                            bool *ret_moved, mer_err *err)
{
    find_slope(truncated);
    const double target = target_residual(truncated);
    *ret_moved = false;
    for (size_t i = 0; i < ATTEMPTS_MAX && !*ret_moved; i++) {
        MER_GUARD(find_step(truncated, target, ret_bounded, err));
        const double promise = move_in_orthant(truncated);
        const double found = evaluate_trial(truncated);
        *ret_moved = promise >= 0 && mer_linear_is_lower(found, *objective, promise);
        adapt_radius(truncated, *ret_moved ? *objective - found : 0, *ret_bounded);
        if (*ret_moved) {
            accept_trial(truncated);
            *objective = found;
        } else {
            /* The next attempt needs the second derivative at theta again. */
            (void)mer_linear_evaluate(truncated->problem, truncated->theta, truncated->gradient);
        }
    }
    return mer_ok();
}

static mer_status run(struct truncated *truncated, const struct mer_linear_limits *limits,
                      struct mer_linear_outcome *ret_outcome, mer_err *err)
{
    struct mer_linear_outcome outcome = {0};
    double objective = evaluate_trial(truncated);
    const double start = objective;
    MER_GUARD(mer_linear_check_objective(objective, err));
    while (outcome.n_iterations < limits->max_iterations && !outcome.converged) {
        const double before = objective;
        bool bounded = false;
        bool moved = false;
        MER_GUARD(make_step(truncated, &objective, &bounded, &moved, err));
        outcome.n_iterations++;
        if (!moved)
            break;
        /* What the orthant took away from the step does not count: only the whole one is small near
         * the optimum alone. */
        outcome.converged =
            !bounded && mer_linear_is_small(limits, 2 * truncated->foretold, before, start);
    }
    MER_GUARD(mer_ctx_check_cancel(truncated->problem->ctx, err));
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
