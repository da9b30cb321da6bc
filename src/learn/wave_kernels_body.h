/* The body of the kernels of the kernel family; see wave_kernels.h. Included by one source file an
 * instruction set, which defines
 *
 *   KERNELS        the name of the table
 *   WIDTH          doubles in a register: 2, 4 or 8
 *   ROWS, VECTORS  the part of a tile whose sums stay in registers; VECTORS divides
 *                  MER_WAVE_TILE / WIDTH
 *
 * They change the order in which results are made, never a result.
 */
#include "learn/wave_kernels.h"

typedef double vector __attribute__((vector_size(WIDTH * sizeof(double))));
typedef uint64_t vector_bits __attribute__((vector_size(WIDTH * sizeof(double))));

#define INLINE static inline __attribute__((always_inline))

INLINE const vector *at(const double *x)
{
    return (const vector *)(const void *)x;
}

INLINE vector *to(double *x)
{
    return (vector *)(void *)x;
}

/* height cos(pi u): with n the whole number next to u and v the square of what is left, which is
 * exact, (-1)^n (1 + v q(v)). q is the Chebyshev approximation of (cos(pi sqrt(v)) - 1) / v on
 * [0, 1/4] by eight terms, off by 7e-17 (computed with 50 digits). Adding 1.5 2^52 rounds to a
 * whole number and leaves its lowest bit at the end. */
INLINE vector cosine(vector u, double height)
{
    static const double rounds = 0x1.8p52;
    static const double q[8] = {-0x1.3bd3cc9be45dep+2,  0x1.03c1f081b5a9fp+2,
                                -0x1.55d3c7e3c9051p+0,  0x1.e1f5068620bcbp-3,
                                -0x1.a6d1f12b0bef2p-6,  0x1.f9d2c1f3b2167p-10,
                                -0x1.b6a6feabe52e9p-14, 0x1.179a329ef4140p-18};
    const vector shifted = u + rounds;
    const vector rest = u - (shifted - rounds);
    const vector v = rest * rest;
    vector p = v * q[7] + q[6];
    for (int i = 5; i >= 0; i--)
        p = p * v + q[i];
    p = (p * v + 1.0) * height;
    return (vector)((vector_bits)p ^ ((vector_bits)shifted << 63));
}

/* One part of a tile: `dense`, `lit` and `phases` point at its first wave. `n_rows` and `n_vectors`
 * are constants wherever it is inlined, so that the sums live in registers. */
INLINE void apply_part(const struct mer_waves *waves, const struct mer_wave_rows *rows,
                       const double *dense, const double *lit, const double *phases, size_t first,
                       double *z, size_t z_stride, size_t n_rows, size_t n_vectors)
{
    const double *x = rows->x + first * rows->x_stride;
    vector sums[ROWS][VECTORS];

    for (size_t r = 0; r < n_rows; r++)
        for (size_t v = 0; v < n_vectors; v++)
            sums[r][v] = *at(phases + v * WIDTH);
    for (size_t j = 0; j < waves->n_dense; j++) {
        vector wave[VECTORS];
        for (size_t v = 0; v < n_vectors; v++)
            wave[v] = *at(dense + j * MER_WAVE_TILE + v * WIDTH);
        for (size_t r = 0; r < n_rows; r++) {
            const double factor = x[r * rows->x_stride + j];
            for (size_t v = 0; v < n_vectors; v++)
                sums[r][v] += wave[v] * factor;
        }
    }
    for (size_t g = 0; g < rows->n_groups; g++)
        for (size_t r = 0; r < n_rows; r++) {
            const double *wave =
                lit + (size_t)rows->lit[(first + r) * rows->lit_stride + g] * MER_WAVE_TILE;
            for (size_t v = 0; v < n_vectors; v++)
                sums[r][v] += *at(wave + v * WIDTH);
        }
    for (size_t r = 0; r < n_rows; r++)
        for (size_t v = 0; v < n_vectors; v++)
            *to(z + r * z_stride + v * WIDTH) = cosine(sums[r][v], waves->height);
}

/* All rows for `n_vectors` vectors of waves from wave `w` on. */
INLINE void apply_vectors(const struct mer_waves *waves, const struct mer_wave_rows *rows, size_t w,
                          double *z, size_t z_stride, size_t n_vectors)
{
    const size_t tile = w / MER_WAVE_TILE, inside = w % MER_WAVE_TILE;
    const double *dense = waves->dense + tile * waves->n_dense * MER_WAVE_TILE + inside;
    const double *lit = waves->lit + tile * waves->n_lit_rows * MER_WAVE_TILE + inside;
    const double *phases = waves->phases + w;
    size_t r = 0;

    for (; r + ROWS <= rows->n_rows; r += ROWS)
        apply_part(waves, rows, dense, lit, phases, r, z + r * z_stride + w, z_stride, ROWS,
                   n_vectors);
    for (; r < rows->n_rows; r++)
        apply_part(waves, rows, dense, lit, phases, r, z + r * z_stride + w, z_stride, 1,
                   n_vectors);
}

static void apply(const struct mer_waves *waves, const struct mer_wave_rows *rows, double *z,
                  size_t z_stride)
{
    size_t w = 0;
    for (; w + VECTORS * WIDTH <= waves->n_waves; w += VECTORS * WIDTH)
        apply_vectors(waves, rows, w, z, z_stride, VECTORS);
    for (; w < waves->n_waves; w += WIDTH)
        apply_vectors(waves, rows, w, z, z_stride, 1);
}

const struct mer_wave_kernels KERNELS = {.apply = apply};
