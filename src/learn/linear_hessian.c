/* The second derivative as a matrix: sum over rows of (weights of output pairs) times (row times
 * row transposed). Indicators are never expanded: what they light is scattered. Designs with a
 * sparse block have too many columns for a matrix, and never come here. */
#include "learn/linear_hessian.h"

#include <string.h>

#include "core/team.h"

/* Rows of the matrix that are summed at a time: a block on the diagonal is computed this far beyond
 * it. */
enum { TILE = 16 };

struct hessian {
    struct mer_linear_problem *problem;
    double *parts;
};

/* What a thread sums: some rows into one matrix. */
struct sum {
    const struct mer_linear_problem *problem;
    double *matrix;
    const double *x; /* the block [n_rows][n_dense_padded], centred */
    double *weighted;
    size_t first_row;
    size_t n_rows;
};

/* The derivative of output k's gradient by output l's score, of one row; symmetric. */
static inline double pair_weight(const struct mer_linear_problem *problem, size_t row, size_t k,
                                 size_t l)
{
    if (problem->loss != MER_LOSS_MULTINOMIAL)
        return problem->curvature[row];
    const double *p = problem->curvature + row * problem->n_outputs;
    return problem->weights[row] * (k == l ? p[k] - p[k] * p[k] : -p[k] * p[l]);
}

/* Dense columns and intercept of output k times those of output l <= k. What follows by symmetry is
 * left to fill_symmetric(). */
static void sum_dense_pair(const struct sum *sum, size_t k, size_t l)
{
    const struct mer_linear_problem *problem = sum->problem;
    const size_t n = problem->n_dense_padded;
    double *corner = sum->matrix + k * n * problem->n_theta + l * n;
    double *intercept = sum->matrix + (problem->n_weights + k) * problem->n_theta;
    double pair_weights[MER_LINEAR_BLOCK_ROWS];

    for (size_t r = 0; r < sum->n_rows; r++) {
        pair_weights[r] = pair_weight(problem, sum->first_row + r, k, l);
        problem->kernels->scale(pair_weights[r], sum->x + r * n, n, sum->weighted + r * n);
        intercept[problem->n_weights + l] += pair_weights[r];
    }
    problem->kernels->accumulate(pair_weights, 1, sum->n_rows, 1, sum->x, n, n, intercept + l * n,
                                 problem->n_theta);
    for (size_t j = 0; j < n; j += TILE) {
        const size_t n_tile = n - j < TILE ? n - j : TILE;
        problem->kernels->accumulate(sum->weighted + j, n, sum->n_rows, n_tile, sum->x, n,
                                     j + n_tile, corner + j * problem->n_theta, problem->n_theta);
    }
}

/* What lit column a adds for all outputs: against the dense columns, against the lit columns before
 * it, and against itself. `lit` are the columns of the row in rising order, the last the intercept,
 * which sum_dense_pair() has done but for the other lit columns. */
static void sum_lit_column(const struct sum *sum, size_t r, const uint32_t *lit, size_t a)
{
    const struct mer_linear_problem *problem = sum->problem;
    const size_t n_outputs = problem->n_outputs;
    const size_t n_dense = problem->n_dense_padded;
    const bool is_intercept = lit[a] + 1 == problem->n_lit_columns;
    for (size_t k = 0; k < n_outputs; k++) {
        double *row =
            sum->matrix + (problem->n_lit_theta + lit[a] * n_outputs + k) * problem->n_theta;
        for (size_t l = 0; l < n_outputs; l++) {
            const double weight = pair_weight(problem, sum->first_row + r, k, l);
            double *lit_row = row + problem->n_lit_theta + l;
            if (!is_intercept) {
                problem->kernels->axpy(weight, sum->x + r * n_dense, n_dense, row + l * n_dense);
                if (l <= k)
                    lit_row[lit[a] * n_outputs] += weight;
            }
            for (size_t b = 0; b < a; b++)
                lit_row[lit[b] * n_outputs] += weight;
        }
    }
}

static void sum_lit_columns(const struct sum *sum, uint32_t *lit)
{
    const struct mer_linear_problem *problem = sum->problem;
    const struct mer_design *design = problem->design;
    for (size_t r = 0; r < sum->n_rows; r++) {
        const int32_t *codes = mer_linear_codes(problem, sum->first_row + r);
        size_t n_lit = 0;
        for (size_t g = 0; g < design->n_groups; g++)
            if (codes[g] >= 0)
                lit[n_lit++] = design->group_start[g] + (uint32_t)codes[g];
        lit[n_lit++] = (uint32_t)(problem->n_lit_columns - 1); /* the intercept */
        for (size_t a = 0; a < n_lit; a++)
            sum_lit_column(sum, r, lit, a);
    }
}

static void sum_part(void *argument, size_t part, size_t worker)
{
    const struct hessian *hessian = argument;
    const struct mer_linear_problem *problem = hessian->problem;
    const size_t n_parts = mer_linear_hessian_parts(problem);
    const size_t n = problem->n_dense_padded;
    double *block = problem->scratch + worker * problem->n_scratch;
    struct sum sum = {.problem = problem,
                      .matrix = hessian->parts + part * problem->n_theta * problem->n_theta,
                      .x = block,
                      .weighted = block + MER_LINEAR_BLOCK_ROWS * n};
    uint32_t *lit =
        (uint32_t *)(void *)(block + MER_LINEAR_BLOCK_ROWS * (2 * n + problem->n_outputs));
    const size_t end = mer_linear_part_start(problem->n_blocks, part + 1, n_parts);

    memset(sum.matrix, 0, problem->n_theta * problem->n_theta * sizeof *sum.matrix);
    for (size_t b = mer_linear_part_start(problem->n_blocks, part, n_parts); b < end; b++) {
        if (mer_linear_is_cancelled(problem))
            return;
        sum.first_row = b * MER_LINEAR_BLOCK_ROWS;
        sum.n_rows = mer_linear_block_rows(problem, b);
        mer_linear_load(problem->kernels, problem->design, sum.first_row, sum.n_rows,
                        problem->shift, block, n);
        for (size_t k = 0; k < problem->n_outputs; k++)
            for (size_t l = 0; l <= k; l++)
                sum_dense_pair(&sum, k, l);
        if (problem->design->n_groups)
            sum_lit_columns(&sum, lit);
    }
}

/* The upper halves of the blocks of two outputs' dense columns, and intercepts against the dense
 * columns of outputs after theirs. */
static void fill_symmetric(const struct mer_linear_problem *problem, double *matrix)
{
    const size_t n = problem->n_dense_padded;
    const size_t n_theta = problem->n_theta;
    for (size_t k = 0; k < problem->n_outputs; k++)
        for (size_t l = 0; l < k; l++) {
            double *block = matrix + k * n * n_theta + l * n;
            for (size_t i = 0; i < n; i++)
                for (size_t j = i + 1; j < n; j++)
                    block[i * n_theta + j] = block[j * n_theta + i];
            memcpy(matrix + (problem->n_weights + l) * n_theta + k * n,
                   matrix + (problem->n_weights + k) * n_theta + l * n, n * sizeof *matrix);
        }
}

size_t mer_linear_hessian_parts(const struct mer_linear_problem *problem)
{
    return mer_linear_parts(problem, problem->n_theta * problem->n_theta);
}

void mer_linear_hessian(struct mer_linear_problem *problem, double *parts)
{
    struct hessian hessian = {.problem = problem, .parts = parts};
    const size_t n_doubles = problem->n_theta * problem->n_theta;
    const size_t n_parts = mer_linear_hessian_parts(problem);
    mer_team_run(problem->ctx->team, sum_part, &hessian, n_parts);
    for (size_t p = 1; p < n_parts; p++)
        problem->kernels->axpy(1.0, parts + p * n_doubles, n_doubles, parts);
    fill_symmetric(problem, parts);
    for (size_t i = 0; i < problem->n_weights; i++)
        parts[i * problem->n_theta + i] += problem->ridge;
}
