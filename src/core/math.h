/* Transcendental functions with the same bits on every processor: only additions, multiplications,
 * divisions and square roots of IEEE 754, no table from libm and no fused operations. glibc's
 * differ by processor, so none of them may reach a byte of a model.
 *
 * Error at most 2 units in the last place over the whole range (tested against the correctly
 * rounded value from long double); special values as in C's Annex F.
 */
#ifndef MER_CORE_MATH_H
#define MER_CORE_MATH_H

#include <math.h> /* sqrt, fabs, floor, isnan: exact everywhere */

#include "core/status.h"

double mer_exp(double x);
double mer_expm1(double x);
double mer_ln(double x); /* natural logarithm; mer_log is the logger */
double mer_ln1p(double x);
double mer_sin(double x); /* |x| <= 2^20, otherwise NaN; so for the cosine */
double mer_cos(double x);
double mer_pow(double x, double y); /* x > 0 */
double mer_tanh(double x);
double mer_lgamma(double x); /* x > 0, relative error 1e-14 */
/* The value that a standard normal variable stays below with probability p; relative error 1e-15.
 */
double mer_normal_quantile(double p);

/* 1 / (1 + exp(-x)) and log(1 + exp(x)) without overflow. */
double mer_sigmoid(double x);
double mer_softplus(double x);
/* Turns n scores into probabilities in place; returns log(sum(exp(x))). */
double mer_softmax(double *x, size_t n);

/* Sum of n values in a fixed tree order (pairwise): error grows with log n, same bits always. */
double mer_sum(const double *x, size_t n);

#endif
