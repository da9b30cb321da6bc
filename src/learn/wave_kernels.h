/* The inner loop of the kernel family, once per instruction set: products of rows with random waves
 * and the cosines of their sums.
 *
 * All tables give the same bits: one body (wave_kernels_body.h) is compiled for each instruction
 * set, every result is a fixed sequence of products and sums, and none is fused. Angles are in half
 * turns, so that what is left of an angle after its whole half turns is exact.
 *
 * Waves lie in tiles of MER_WAVE_TILE, so that all that a tile needs stays in the first-level
 * cache while rows go by. What pads the last tile is zero.
 */
#ifndef MER_LEARN_WAVE_KERNELS_H
#define MER_LEARN_WAVE_KERNELS_H

#include "core/cpu.h"
#include "core/status.h"

enum { MER_WAVE_TILE = 32 };

struct mer_waves {
    size_t n_waves; /* whole lanes (linear_kernels.h) */
    size_t n_dense;
    size_t n_lit_rows;
    const double *dense;  /* [tiles][n_dense][MER_WAVE_TILE]; aligned to 64 bytes, as all here */
    const double *lit;    /* [tiles][n_lit_rows][MER_WAVE_TILE] */
    const double *phases; /* [tiles][MER_WAVE_TILE] */
    double height;
};

struct mer_wave_rows {
    size_t n_rows;
    const double *x; /* [n_rows][n_dense] */
    size_t x_stride;
    size_t n_groups;
    const uint32_t *lit; /* [n_rows][n_groups]: below n_lit_rows */
    size_t lit_stride;
};

struct mer_wave_kernels {
    /* z[r][w] = height cos(pi u), u = phases[w] + sum over j of x[r][j] dense[j][w] + sum over g of
     * lit[rows.lit[r][g]][w], summed in that order. The cosine is off by 4e-16 at most; for
     * |u| > 2^51 the results mean nothing. `z` is aligned, its stride whole lanes. */
    void (*apply)(const struct mer_waves *waves, const struct mer_wave_rows *rows, double *z,
                  size_t z_stride);
};

extern const struct mer_wave_kernels MER_WAVE_KERNELS_PLAIN;
extern const struct mer_wave_kernels MER_WAVE_KERNELS_AVX2;
extern const struct mer_wave_kernels MER_WAVE_KERNELS_AVX512;

/* The table for that level; the processor must have it. */
const struct mer_wave_kernels *mer_wave_kernels(enum mer_cpu_level level);

#endif
