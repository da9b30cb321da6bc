/* Left-looking: a block of columns first receives what all columns before it take away, which is a
 * product of matrices, then is factored itself. Sums run in fixed order and rows are independent of
 * each other, so that threads do not show in the result. */
#include "learn/linear_cholesky.h"

#include <math.h>
#include <string.h>

#include "core/team.h"

enum { BLOCK = 64 };

/* A pivot below this share of its column's own diagonal is rounding error. */
static const double PIVOT_MIN = 1e-12;

struct step {
    const struct mer_linear_kernels *kernels;
    size_t n;
    double *matrix;
    size_t first;   /* column of the block */
    size_t n_block; /* columns in it */
};

/* Rows of the block of columns, less the columns before it. */
static void take_away(const struct step *step, size_t row, size_t n_rows)
{
    double products[BLOCK * BLOCK] __attribute__((aligned(MER_ALIGNMENT)));
    step->kernels->dot(step->matrix + row * step->n, step->n, n_rows,
                       step->matrix + step->first * step->n, step->n, step->n_block, step->first,
                       products, BLOCK);
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < step->n_block; j++)
            step->matrix[(row + i) * step->n + step->first + j] -= products[i * BLOCK + j];
}

/* What is left of entry (i, first + j) inside the block. */
static double remainder_of(const struct step *step, size_t i, size_t j)
{
    const double *row_i = step->matrix + i * step->n + step->first;
    const double *row_j = step->matrix + (step->first + j) * step->n + step->first;
    double sum = 0;
    for (size_t t = 0; t < j; t++)
        sum += row_i[t] * row_j[t];
    return row_i[j] - sum;
}

/* Factors the square on the diagonal; `diagonal` holds its entries as they were at first. */
static void factor_square(const struct step *step, const double *diagonal)
{
    for (size_t i = 0; i < step->n_block; i++) {
        double *row = step->matrix + (step->first + i) * step->n + step->first;
        for (size_t j = 0; j < i; j++)
            row[j] = remainder_of(step, step->first + i, j) /
                     step->matrix[(step->first + j) * step->n + step->first + j];
        const double pivot = remainder_of(step, step->first + i, i);
        row[i] = pivot > PIVOT_MIN * diagonal[i] ? sqrt(pivot) : (double)INFINITY;
    }
}

static void factor_rows(void *argument, size_t task, size_t worker)
{
    const struct step *step = argument;
    const size_t row = step->first + step->n_block + task * BLOCK;
    const size_t n_rows = step->n - row < BLOCK ? step->n - row : BLOCK;
    (void)worker;
    take_away(step, row, n_rows);
    for (size_t i = row; i < row + n_rows; i++)
        for (size_t j = 0; j < step->n_block; j++)
            step->matrix[i * step->n + step->first + j] =
                remainder_of(step, i, j) /
                step->matrix[(step->first + j) * step->n + step->first + j];
}

void mer_cholesky(const struct mer_ctx *ctx, const struct mer_linear_kernels *kernels, size_t n,
                  double *matrix)
{
    struct step step = {.kernels = kernels, .n = n, .matrix = matrix};
    for (; step.first < n; step.first += step.n_block) {
        double diagonal[BLOCK];
        step.n_block = n - step.first < BLOCK ? n - step.first : BLOCK;
        for (size_t i = 0; i < step.n_block; i++)
            diagonal[i] = matrix[(step.first + i) * (n + 1)];
        take_away(&step, step.first, step.n_block);
        factor_square(&step, diagonal);
        const size_t n_below = n - step.first - step.n_block;
        mer_team_run(ctx->team, factor_rows, &step, (n_below + BLOCK - 1) / BLOCK);
    }
}

void mer_cholesky_solve(const struct mer_linear_kernels *kernels, size_t n, const double *factor,
                        const double *b, double *x)
{
    if (x != b)
        memcpy(x, b, n * sizeof *x);
    for (size_t i = 0; i < n; i++) {
        const double *row = factor + i * n;
        /* Lanes where there are whole ones: the sum's order depends on i alone. */
        const size_t n_whole = i / MER_LANES * MER_LANES;
        double sum;
        kernels->dot(x, n, 1, row, n, 1, n_whole, &sum, 1);
        for (size_t j = n_whole; j < i; j++)
            sum += row[j] * x[j];
        x[i] = (x[i] - sum) / row[i];
    }
    for (size_t i = n; i-- > 0;) {
        const double *row = factor + i * n;
        x[i] /= row[i];
        for (size_t j = 0; j < i; j++)
            x[j] -= row[j] * x[i];
    }
}
