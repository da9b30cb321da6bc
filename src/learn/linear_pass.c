/* Passes over the rows: the loss and its gradient, and the second derivative times a vector. */
#include "learn/linear_problem.h"

#include <string.h>

#include "core/math.h"
#include "core/team.h"

struct pass;

/* Turns the scores z[n_rows][n_outputs] of a block into what multiplies the rows of the gradient,
 * in place; returns the block's loss. */
typedef double block_fn(const struct pass *pass, size_t first_row, size_t n_rows, double *z);

struct pass {
    struct mer_linear_problem *problem;
    const double *theta; /* or the vector that the second derivative multiplies */
    block_fn *block;
};

static double squared_block(const struct pass *pass, size_t first_row, size_t n_rows, double *z)
{
    const struct mer_linear_problem *problem = pass->problem;
    double loss = 0;
    for (size_t r = 0; r < n_rows; r++) {
        const double weight = problem->weights[first_row + r];
        const double residual = z[r] - problem->target->values[first_row + r];
        z[r] = weight * residual;
        loss += 0.5 * (z[r] * residual);
        problem->curvature[first_row + r] = weight;
    }
    return loss;
}

/* Residuals of at most epsilon cost nothing, larger ones the square of what they have beyond it. */
static double insensitive_block(const struct pass *pass, size_t first_row, size_t n_rows, double *z)
{
    const struct mer_linear_problem *problem = pass->problem;
    double loss = 0;
    for (size_t r = 0; r < n_rows; r++) {
        const double weight = problem->weights[first_row + r];
        const double residual = z[r] - problem->target->values[first_row + r];
        const double size = fabs(residual) - problem->epsilon;
        const double beyond = size <= 0 ? 0 : residual < 0 ? -size : size;
        z[r] = 2 * (weight * beyond);
        loss += weight * (beyond * beyond);
        problem->curvature[first_row + r] = size <= 0 ? 0 : 2 * weight;
    }
    return loss;
}

/* Margins of 1 or more cost nothing, smaller ones the square of what they lack. */
static double hinge_block(const struct pass *pass, size_t first_row, size_t n_rows, double *z)
{
    const struct mer_linear_problem *problem = pass->problem;
    double loss = 0;
    for (size_t r = 0; r < n_rows; r++) {
        const double weight = problem->weights[first_row + r];
        const double side = problem->target->classes[first_row + r] == 1 ? 1 : -1;
        const double lack = 1 - side * z[r];
        const bool is_inside = !(lack <= 0);
        z[r] = is_inside ? -2 * (weight * side * lack) : 0;
        loss += is_inside ? weight * (lack * lack) : 0;
        problem->curvature[first_row + r] = is_inside ? 2 * weight : 0;
    }
    return loss;
}

/* With e = exp(-|z|), which cannot overflow: log(1 + exp(z)) = max(z, 0) + log(1 + e), the
 * probability is 1 / (1 + e) or e / (1 + e), and its derivative e / (1 + e)^2. */
static double logistic_block(const struct pass *pass, size_t first_row, size_t n_rows, double *z)
{
    const struct mer_linear_problem *problem = pass->problem;
    double loss = 0;
    for (size_t r = 0; r < n_rows; r++) {
        const double weight = problem->weights[first_row + r];
        const bool second = problem->target->classes[first_row + r] == 1;
        const double e = mer_exp(-fabs(z[r]));
        const double share = 1 / (1 + e);
        const double probability = z[r] >= 0 ? share : e * share;
        const double towards = second ? -z[r] : z[r];
        loss += weight * ((towards > 0 ? towards : 0) + mer_ln(1 + e));
        problem->curvature[first_row + r] = weight * (e * share * share);
        z[r] = weight * (second ? probability - 1 : probability);
    }
    return loss;
}

static double multinomial_block(const struct pass *pass, size_t first_row, size_t n_rows, double *z)
{
    const struct mer_linear_problem *problem = pass->problem;
    const size_t n_outputs = problem->n_outputs;
    double loss = 0;
    for (size_t r = 0; r < n_rows; r++, z += n_outputs) {
        const size_t row = first_row + r;
        const double weight = problem->weights[row];
        const int32_t truth = problem->target->classes[row];
        const double score = z[truth];
        loss += weight * (mer_softmax(z, n_outputs) - score);
        memcpy(problem->curvature + row * n_outputs, z, n_outputs * sizeof *z);
        z[truth] -= 1;
        for (size_t k = 0; k < n_outputs; k++)
            z[k] *= weight;
    }
    return loss;
}

static double scaled_block(const struct pass *pass, size_t first_row, size_t n_rows, double *z)
{
    for (size_t r = 0; r < n_rows; r++)
        z[r] *= pass->problem->curvature[first_row + r];
    return 0;
}

/* s (diag(p) - p p') z. */
static double multinomial_scaled_block(const struct pass *pass, size_t first_row, size_t n_rows,
                                       double *z)
{
    const struct mer_linear_problem *problem = pass->problem;
    const size_t n_outputs = problem->n_outputs;
    for (size_t r = 0; r < n_rows; r++, z += n_outputs) {
        const double *p = problem->curvature + (first_row + r) * n_outputs;
        const double weight = problem->weights[first_row + r];
        double mean = 0;
        for (size_t k = 0; k < n_outputs; k++)
            mean += p[k] * z[k];
        for (size_t k = 0; k < n_outputs; k++)
            z[k] = weight * (p[k] * (z[k] - mean));
    }
    return 0;
}

/* z += the sparse columns of a row times their weights[n_sparse][n_outputs]. */
static void add_sparse(const struct mer_design *design, size_t row, const double *weights,
                       size_t n_outputs, double *z)
{
    size_t e = design->sparse_start[row];
    const size_t end = design->sparse_start[row + 1];
    if (n_outputs == 1) {
        /* Four sums, because each addition waits for the one before it. */
        double sums[4] = {0};
        for (; e + 4 <= end; e += 4)
            for (size_t i = 0; i < 4; i++)
                sums[i] +=
                    (double)design->sparse_values[e + i] * weights[design->sparse_columns[e + i]];
        for (; e < end; e++)
            sums[0] += (double)design->sparse_values[e] * weights[design->sparse_columns[e]];
        *z += (sums[0] + sums[1]) + (sums[2] + sums[3]);
        return;
    }
    for (; e < end; e++) {
        const double *column = weights + design->sparse_columns[e] * n_outputs;
        const double value = design->sparse_values[e];
        for (size_t k = 0; k < n_outputs; k++)
            z[k] += value * column[k];
    }
}

/* The transpose: adds z times a row's sparse values to the sums[n_sparse][n_outputs]. */
static void sum_sparse(const struct mer_design *design, size_t row, const double *z,
                       size_t n_outputs, double *sums)
{
    for (size_t e = design->sparse_start[row]; e < design->sparse_start[row + 1]; e++) {
        double *column = sums + design->sparse_columns[e] * n_outputs;
        const double value = design->sparse_values[e];
        for (size_t k = 0; k < n_outputs; k++)
            column[k] += value * z[k];
    }
}

/* z[r] += the weights of what row r lights, and of its sparse columns times their values. */
static void add_lit(const struct mer_linear_problem *problem, const double *theta, size_t first_row,
                    size_t n_rows, double *z)
{
    const struct mer_design *design = problem->design;
    const size_t n_outputs = problem->n_outputs;
    const double *lit = theta + problem->n_lit_theta;
    const double *sparse = lit + mer_design_onehot(design) * n_outputs;
    const double *intercepts = theta + problem->n_weights;
    for (size_t r = 0; r < n_rows; r++, z += n_outputs) {
        const int32_t *codes = mer_linear_codes(problem, first_row + r);
        for (size_t g = 0; g < design->n_groups; g++) {
            if (codes[g] < 0)
                continue;
            const double *column = lit + (design->group_start[g] + (size_t)codes[g]) * n_outputs;
            for (size_t k = 0; k < n_outputs; k++)
                z[k] += column[k];
        }
        if (design->n_sparse)
            add_sparse(design, first_row + r, sparse, n_outputs, z);
        for (size_t k = 0; k < n_outputs; k++)
            z[k] += intercepts[k];
    }
}

/* The transpose: adds z[r] to the sums of what row r lights. */
static void sum_lit(const struct mer_linear_problem *problem, const double *z, size_t first_row,
                    size_t n_rows, double *sums)
{
    const struct mer_design *design = problem->design;
    const size_t n_outputs = problem->n_outputs;
    double *lit = sums + problem->n_lit_theta;
    double *sparse = lit + mer_design_onehot(design) * n_outputs;
    double *intercepts = sums + problem->n_weights;
    for (size_t r = 0; r < n_rows; r++, z += n_outputs) {
        const int32_t *codes = mer_linear_codes(problem, first_row + r);
        for (size_t g = 0; g < design->n_groups; g++) {
            if (codes[g] < 0)
                continue;
            double *column = lit + (design->group_start[g] + (size_t)codes[g]) * n_outputs;
            for (size_t k = 0; k < n_outputs; k++)
                column[k] += z[k];
        }
        if (design->n_sparse)
            sum_sparse(design, first_row + r, z, n_outputs, sparse);
        for (size_t k = 0; k < n_outputs; k++)
            intercepts[k] += z[k];
    }
}

static void run_part(void *argument, size_t part, size_t worker)
{
    const struct pass *pass = argument;
    const struct mer_linear_problem *problem = pass->problem;
    const struct mer_linear_kernels *kernels = problem->kernels;
    const size_t n_padded = problem->n_dense_padded;
    const size_t n_outputs = problem->n_outputs;
    double *block = problem->scratch + worker * problem->n_scratch;
    double *z = block + MER_LINEAR_BLOCK_ROWS * n_padded;
    double *sums = problem->parts + part * problem->n_theta;
    const size_t end = mer_linear_part_start(problem->n_blocks, part + 1, problem->n_parts);
    double loss = 0;

    memset(sums, 0, problem->n_theta * sizeof *sums);
    problem->part_losses[part] = 0;
    for (size_t b = mer_linear_part_start(problem->n_blocks, part, problem->n_parts); b < end;
         b++) {
        if (mer_linear_is_cancelled(problem))
            return;
        const size_t row = b * MER_LINEAR_BLOCK_ROWS;
        const size_t n_rows = mer_linear_block_rows(problem, b);
        mer_linear_load(kernels, problem->design, row, n_rows, problem->shift, block, n_padded);
        kernels->dot(block, n_padded, n_rows, pass->theta, n_padded, n_outputs, n_padded, z,
                     n_outputs);
        add_lit(problem, pass->theta, row, n_rows, z);
        loss += pass->block(pass, row, n_rows, z);
        kernels->accumulate(z, n_outputs, n_rows, n_outputs, block, n_padded, n_padded, sums,
                            n_padded);
        sum_lit(problem, z, row, n_rows, sums);
    }
    problem->part_losses[part] = loss;
}

/* ret_sums = the sums over all rows plus ridge times the weights in theta; returns the loss. */
static double run_pass(struct pass *pass, double *ret_sums)
{
    struct mer_linear_problem *problem = pass->problem;
    double loss = 0;
    mer_team_run(problem->ctx->team, run_part, pass, problem->n_parts);
    memset(ret_sums, 0, problem->n_theta * sizeof *ret_sums);
    for (size_t p = 0; p < problem->n_parts; p++) {
        problem->kernels->axpy(1.0, problem->parts + p * problem->n_theta, problem->n_theta,
                               ret_sums);
        loss += problem->part_losses[p];
    }
    for (size_t i = 0; i < problem->n_weights; i++)
        ret_sums[i] += problem->ridge * pass->theta[i];
    return loss;
}

double mer_linear_evaluate(struct mer_linear_problem *problem, const double *theta,
                           double *ret_gradient)
{
    static block_fn *const blocks[] = {[MER_LOSS_SQUARED] = squared_block,
                                       [MER_LOSS_LOGISTIC] = logistic_block,
                                       [MER_LOSS_MULTINOMIAL] = multinomial_block,
                                       [MER_LOSS_SQUARED_HINGE] = hinge_block,
                                       [MER_LOSS_EPSILON_INSENSITIVE] = insensitive_block};
    struct pass pass = {.problem = problem, .theta = theta, .block = blocks[problem->loss]};
    double squares = 0;
    for (size_t i = 0; i < problem->n_weights; i++)
        squares += theta[i] * theta[i];
    return run_pass(&pass, ret_gradient) + 0.5 * (problem->ridge * squares);
}

void mer_linear_times_hessian(struct mer_linear_problem *problem, const double *vector,
                              double *ret_product)
{
    struct pass pass = {.problem = problem,
                        .theta = vector,
                        .block = problem->loss == MER_LOSS_MULTINOMIAL ? multinomial_scaled_block
                                                                       : scaled_block};
    (void)run_pass(&pass, ret_product);
}

double mer_linear_lasso(const struct mer_linear_problem *problem, const double *theta)
{
    double sum = 0;
    if (problem->lasso == 0)
        return 0;
    for (size_t i = 0; i < problem->n_weights; i++)
        sum += fabs(theta[i]);
    return problem->lasso * sum;
}
