/* The body of the kernels of the linear family; see linear_kernels.h. Included by one source file
 * an instruction set, which defines
 *
 *   KERNELS                  the name of the table
 *   DOT_ROWS, DOT_OUTPUTS    the tile of `dot`: so many lanes of sums are held in registers
 *   SUM_OUTPUTS, SUM_VECTORS the tile of `accumulate`
 *
 * The compiler makes of a vector of eight what the instruction set has: one register, two or four.
 * Tiles change the order in which results are made, never a result.
 */
#include "learn/linear_kernels.h"

#include <string.h>

typedef double lanes __attribute__((vector_size(MER_LANES * sizeof(double))));
typedef double lanes_unaligned
    __attribute__((vector_size(MER_LANES * sizeof(double)), aligned(sizeof(double))));

#define INLINE static inline __attribute__((always_inline))

INLINE const lanes *at(const double *x)
{
    return (const lanes *)(const void *)x;
}

INLINE double add_lanes(const lanes *v)
{
    return (((*v)[0] + (*v)[4]) + ((*v)[2] + (*v)[6])) +
           (((*v)[1] + (*v)[5]) + ((*v)[3] + (*v)[7]));
}

static void load(const double *from, size_t n_rows, size_t n, const double *shift, double *to,
                 size_t to_stride)
{
    const size_t n_whole = n / MER_LANES * MER_LANES;
    for (size_t r = 0; r < n_rows; r++, from += n, to += to_stride) {
        for (size_t j = 0; j < n_whole; j += MER_LANES)
            *(lanes *)(void *)(to + j) =
                *(const lanes_unaligned *)(const void *)(from + j) - *at(shift + j);
        for (size_t j = n_whole; j < n; j++)
            to[j] = from[j] - shift[j];
        for (size_t j = n; j < to_stride; j++)
            to[j] = 0;
    }
}

/* `rows` and `outputs` are constants wherever it is inlined, and the sums live in registers. */
INLINE void dot_tile(const double *x, size_t x_stride, const double *w, size_t w_stride, size_t n,
                     double *z, size_t z_stride, size_t rows, size_t outputs)
{
    lanes sums[DOT_ROWS][DOT_OUTPUTS];
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < outputs; k++)
            sums[r][k] = (lanes){0};
    for (size_t j = 0; j < n; j += MER_LANES)
        for (size_t k = 0; k < outputs; k++) {
            const lanes weight = *at(w + k * w_stride + j);
            for (size_t r = 0; r < rows; r++)
                sums[r][k] += *at(x + r * x_stride + j) * weight;
        }
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < outputs; k++)
            z[r * z_stride + k] = add_lanes(&sums[r][k]);
}

INLINE void dot_rows(const double *x, size_t x_stride, const double *w, size_t w_stride,
                     size_t n_outputs, size_t n, double *z, size_t z_stride, size_t rows)
{
    size_t k = 0;
    for (; k + DOT_OUTPUTS <= n_outputs; k += DOT_OUTPUTS)
        dot_tile(x, x_stride, w + k * w_stride, w_stride, n, z + k, z_stride, rows, DOT_OUTPUTS);
    for (; k < n_outputs; k++)
        dot_tile(x, x_stride, w + k * w_stride, w_stride, n, z + k, z_stride, rows, 1);
}

static void dot(const double *x, size_t x_stride, size_t n_rows, const double *w, size_t w_stride,
                size_t n_outputs, size_t n, double *z, size_t z_stride)
{
    size_t r = 0;
    for (; r + DOT_ROWS <= n_rows; r += DOT_ROWS)
        dot_rows(x + r * x_stride, x_stride, w, w_stride, n_outputs, n, z + r * z_stride, z_stride,
                 DOT_ROWS);
    for (; r < n_rows; r++)
        dot_rows(x + r * x_stride, x_stride, w, w_stride, n_outputs, n, z + r * z_stride, z_stride,
                 1);
}

INLINE void sum_tile(const double *a, size_t a_stride, size_t n_rows, const double *x,
                     size_t x_stride, double *g, size_t g_stride, size_t outputs, size_t vectors)
{
    lanes sums[SUM_OUTPUTS][SUM_VECTORS];
    for (size_t k = 0; k < outputs; k++)
        for (size_t v = 0; v < vectors; v++)
            sums[k][v] = *at(g + k * g_stride + v * MER_LANES);
    for (size_t r = 0; r < n_rows; r++) {
        lanes row[SUM_VECTORS];
        for (size_t v = 0; v < vectors; v++)
            row[v] = *at(x + r * x_stride + v * MER_LANES);
        for (size_t k = 0; k < outputs; k++)
            for (size_t v = 0; v < vectors; v++)
                sums[k][v] += row[v] * a[r * a_stride + k];
    }
    for (size_t k = 0; k < outputs; k++)
        for (size_t v = 0; v < vectors; v++)
            *(lanes *)(void *)(g + k * g_stride + v * MER_LANES) = sums[k][v];
}

INLINE void sum_outputs(const double *a, size_t a_stride, size_t n_rows, const double *x,
                        size_t x_stride, size_t n, double *g, size_t g_stride, size_t outputs)
{
    enum { STEP = SUM_VECTORS * MER_LANES };
    size_t j = 0;
    for (; j + STEP <= n; j += STEP)
        sum_tile(a, a_stride, n_rows, x + j, x_stride, g + j, g_stride, outputs, SUM_VECTORS);
    for (; j < n; j += MER_LANES)
        sum_tile(a, a_stride, n_rows, x + j, x_stride, g + j, g_stride, outputs, 1);
}

static void accumulate(const double *a, size_t a_stride, size_t n_rows, size_t n_outputs,
                       const double *x, size_t x_stride, size_t n, double *g, size_t g_stride)
{
    size_t k = 0;
    for (; k + SUM_OUTPUTS <= n_outputs; k += SUM_OUTPUTS)
        sum_outputs(a + k, a_stride, n_rows, x, x_stride, n, g + k * g_stride, g_stride,
                    SUM_OUTPUTS);
    for (; k < n_outputs; k++)
        sum_outputs(a + k, a_stride, n_rows, x, x_stride, n, g + k * g_stride, g_stride, 1);
}

static void axpy(double a, const double *x, size_t n, double *y)
{
    for (size_t j = 0; j < n; j += MER_LANES)
        *(lanes *)(void *)(y + j) += *at(x + j) * a;
}

static void scale(double a, const double *x, size_t n, double *y)
{
    for (size_t j = 0; j < n; j += MER_LANES)
        *(lanes *)(void *)(y + j) = *at(x + j) * a;
}

const struct mer_linear_kernels KERNELS = {
    .load = load, .dot = dot, .accumulate = accumulate, .axpy = axpy, .scale = scale};
