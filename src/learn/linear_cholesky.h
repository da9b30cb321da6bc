/* Cholesky factorisation of a positive semidefinite matrix, in blocks, on the team. */
#ifndef MER_LEARN_LINEAR_CHOLESKY_H
#define MER_LEARN_LINEAR_CHOLESKY_H

#include "core/ctx.h"
#include "learn/linear_kernels.h"

/* Replaces the lower triangle of matrix[n][n] by its factor; n is a multiple of MER_LANES. A column
 * that hardly differs from a combination of those before it is left out: its pivot becomes
 * infinite, so that solving gives it zero. Columns of zeros are left out too. */
void mer_cholesky(const struct mer_ctx *ctx, const struct mer_linear_kernels *kernels, size_t n,
                  double *matrix);

/* x = inverse of the factored matrix times b; x and b may be the same. */
void mer_cholesky_solve(const struct mer_linear_kernels *kernels, size_t n, const double *factor,
                        const double *b, double *x);

#endif
