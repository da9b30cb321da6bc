/* The body of the kernels of the linear family; see linear_kernels.h. Included by one source file
 * an instruction set, which defines
 *
 *   KERNELS                  the name of the table
 *   WIDTH                    doubles in a register: 2, 4 or 8
 *   DOT_ROWS, DOT_OUTPUTS    the tile of `dot`: so many sums of MER_LANES lanes stay in registers
 *   SUM_OUTPUTS, SUM_VECTORS the tile of `accumulate`: so many registers
 *
 * Each OUTPUTS and VECTORS is at least 2, since what is left of a tile goes in twos and ones. Tiles
 * and widths change the order in which results are made, never a result.
 */
#include "learn/linear_kernels.h"

#include <string.h>

typedef double vector __attribute__((vector_size(WIDTH * sizeof(double))));
typedef double vector_unaligned
    __attribute__((vector_size(WIDTH * sizeof(double)), aligned(sizeof(double))));

enum { CHUNKS = MER_LANES / WIDTH };

#define INLINE static inline __attribute__((always_inline))

INLINE const vector *at(const double *x)
{
    return (const vector *)(const void *)x;
}

INLINE vector *to(double *x)
{
    return (vector *)(void *)x;
}

static void load(const double *from, size_t n_rows, size_t n, const double *shift, double *block,
                 size_t stride)
{
    const size_t n_whole = n / WIDTH * WIDTH;
    if (stride == 0)
        return; /* then `from` may be NULL */
    for (size_t r = 0; r < n_rows; r++, from += n, block += stride) {
        for (size_t j = 0; j < n_whole; j += WIDTH)
            *to(block + j) = *(const vector_unaligned *)(const void *)(from + j) - *at(shift + j);
        for (size_t j = n_whole; j < n; j++)
            block[j] = from[j] - shift[j];
        for (size_t j = n; j < stride; j++)
            block[j] = 0;
    }
}

INLINE double add_lanes(const vector chunks[CHUNKS])
{
    double lane[MER_LANES];
    memcpy(lane, chunks, sizeof lane);
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/* `rows` and `outputs` are constants wherever it is inlined, so that loops over them are unrolled
 * and the sums live in registers. */
INLINE void dot_tile(const double *x, size_t x_stride, const double *w, size_t w_stride, size_t n,
                     double *z, size_t z_stride, size_t rows, size_t outputs)
{
    vector sums[DOT_ROWS][DOT_OUTPUTS][CHUNKS];
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < outputs; k++)
            for (size_t c = 0; c < CHUNKS; c++)
                sums[r][k][c] = (vector){0};
    for (size_t j = 0; j < n; j += MER_LANES)
        for (size_t c = 0; c < CHUNKS; c++)
            for (size_t k = 0; k < outputs; k++) {
                const vector weight = *at(w + k * w_stride + j + c * WIDTH);
                for (size_t r = 0; r < rows; r++)
                    sums[r][k][c] += *at(x + r * x_stride + j + c * WIDTH) * weight;
            }
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < outputs; k++)
            z[r * z_stride + k] = add_lanes(sums[r][k]);
}

INLINE void dot_rows(const double *x, size_t x_stride, const double *w, size_t w_stride,
                     size_t n_outputs, size_t n, double *z, size_t z_stride, size_t rows)
{
    size_t k = 0;
    for (; k + DOT_OUTPUTS <= n_outputs; k += DOT_OUTPUTS)
        dot_tile(x, x_stride, w + k * w_stride, w_stride, n, z + k, z_stride, rows, DOT_OUTPUTS);
    for (; k + 2 <= n_outputs; k += 2)
        dot_tile(x, x_stride, w + k * w_stride, w_stride, n, z + k, z_stride, rows, 2);
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

/* `outputs` and `vectors` are constants wherever it is inlined. */
INLINE void sum_tile(const double *a, size_t a_stride, size_t n_rows, const double *x,
                     size_t x_stride, double *g, size_t g_stride, size_t outputs, size_t vectors)
{
    vector sums[SUM_OUTPUTS][SUM_VECTORS];
    for (size_t k = 0; k < outputs; k++)
        for (size_t v = 0; v < vectors; v++)
            sums[k][v] = *at(g + k * g_stride + v * WIDTH);
    for (size_t r = 0; r < n_rows; r++) {
        vector row[SUM_VECTORS];
        for (size_t v = 0; v < vectors; v++)
            row[v] = *at(x + r * x_stride + v * WIDTH);
        for (size_t k = 0; k < outputs; k++) {
            const double factor = a[r * a_stride + k];
            for (size_t v = 0; v < vectors; v++)
                sums[k][v] += row[v] * factor;
        }
    }
    for (size_t k = 0; k < outputs; k++)
        for (size_t v = 0; v < vectors; v++)
            *to(g + k * g_stride + v * WIDTH) = sums[k][v];
}

INLINE void sum_outputs(const double *a, size_t a_stride, size_t n_rows, const double *x,
                        size_t x_stride, size_t n, double *g, size_t g_stride, size_t outputs)
{
    enum { STEP = SUM_VECTORS * WIDTH };
    size_t j = 0;
    for (; j + STEP <= n; j += STEP)
        sum_tile(a, a_stride, n_rows, x + j, x_stride, g + j, g_stride, outputs, SUM_VECTORS);
    for (; j + 2 * WIDTH <= n; j += 2 * WIDTH)
        sum_tile(a, a_stride, n_rows, x + j, x_stride, g + j, g_stride, outputs, 2);
    for (; j < n; j += WIDTH)
        sum_tile(a, a_stride, n_rows, x + j, x_stride, g + j, g_stride, outputs, 1);
}

static void accumulate(const double *a, size_t a_stride, size_t n_rows, size_t n_outputs,
                       const double *x, size_t x_stride, size_t n, double *g, size_t g_stride)
{
    size_t k = 0;
    for (; k + SUM_OUTPUTS <= n_outputs; k += SUM_OUTPUTS)
        sum_outputs(a + k, a_stride, n_rows, x, x_stride, n, g + k * g_stride, g_stride,
                    SUM_OUTPUTS);
    for (; k + 2 <= n_outputs; k += 2)
        sum_outputs(a + k, a_stride, n_rows, x, x_stride, n, g + k * g_stride, g_stride, 2);
    for (; k < n_outputs; k++)
        sum_outputs(a + k, a_stride, n_rows, x, x_stride, n, g + k * g_stride, g_stride, 1);
}

static void axpy(double a, const double *x, size_t n, double *y)
{
    for (size_t j = 0; j < n; j += WIDTH)
        *to(y + j) += *at(x + j) * a;
}

static void scale(double a, const double *x, size_t n, double *y)
{
    for (size_t j = 0; j < n; j += WIDTH)
        *to(y + j) = *at(x + j) * a;
}

const struct mer_linear_kernels KERNELS = {
    .load = load, .dot = dot, .accumulate = accumulate, .axpy = axpy, .scale = scale};
