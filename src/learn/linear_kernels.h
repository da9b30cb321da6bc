/* The inner loops of the linear family, once per instruction set.
 *
 * All tables give the same bits: one body (linear_kernels_body.h) is compiled for each instruction
 * set, every result is a fixed sequence of products and sums, and none is fused. A dot product runs
 * in MER_LANES lanes that are added as ((0+4)+(2+6)) + ((1+5)+(3+7)); a sum over rows runs in the
 * order of the rows.
 *
 * Arrays are aligned to 64 bytes, and every length over features is a multiple of MER_LANES; what
 * pads them is zero.
 */
#ifndef MER_LEARN_LINEAR_KERNELS_H
#define MER_LEARN_LINEAR_KERNELS_H

#include "core/cpu.h"
#include "core/status.h"

enum { MER_LANES = 8 };

struct mer_linear_kernels {
    /* to[r][j] = from[r][j] - shift[j] for j < n, 0 for j up to the stride. `from` may be unaligned
     * and has no padding. */
    void (*load)(const double *from, size_t n_rows, size_t n, const double *shift, double *to,
                 size_t to_stride);

    /* z[r][k] = sum over j < n of x[r][j] * w[k][j]. */
    void (*dot)(const double *x, size_t x_stride, size_t n_rows, const double *w, size_t w_stride,
                size_t n_outputs, size_t n, double *z, size_t z_stride);

    /* g[k][j] += sum over r of a[r][k] * x[r][j], for j < n. */
    void (*accumulate)(const double *a, size_t a_stride, size_t n_rows, size_t n_outputs,
                       const double *x, size_t x_stride, size_t n, double *g, size_t g_stride);

    /* y[j] += a * x[j] for j < n. */
    void (*axpy)(double a, const double *x, size_t n, double *y);

    /* y[j] = a * x[j] for j < n. */
    void (*scale)(double a, const double *x, size_t n, double *y);
};

extern const struct mer_linear_kernels MER_LINEAR_KERNELS_PLAIN;
extern const struct mer_linear_kernels MER_LINEAR_KERNELS_AVX2;
extern const struct mer_linear_kernels MER_LINEAR_KERNELS_AVX512;

/* The table for that level; the processor must have it. */
const struct mer_linear_kernels *mer_linear_kernels(enum mer_cpu_level level);

/* n rounded up to whole vectors of lanes. */
static inline size_t mer_lanes_pad(size_t n)
{
    return (n + MER_LANES - 1) / MER_LANES * MER_LANES;
}

#endif
