/* Random Fourier features (Rahimi, Recht: "Random features for large-scale kernel machines", NIPS
 * 2007): a map z of a design's rows with z(x) . z(y) close to exp(-gamma |x - y|^2 / f), f being
 * the number of variables. What is fitted to z linearly is a kernel machine that keeps no row of
 * the training table.
 *
 * A row's variables are its dense numbers, clipped to MER_KERNEL_CLIP, and the one-hot expansion of
 * its groups. Where there are few of them they follow the waves, so that what is linear needs no
 * waves.
 *
 * A wave has a number for each variable, which the seed tells again at any time. A map that does
 * not hold them has them drawn tile by tile when it is applied.
 */
#ifndef MER_LEARN_KERNEL_MAP_H
#define MER_LEARN_KERNEL_MAP_H

#include "learn/design.h"
#include "learn/linear_kernels.h"
#include "learn/wave_kernels.h"

#define MER_KERNEL_CLIP 8.0

enum {
    MER_KERNEL_WAVES_MIN = 8,
    MER_KERNEL_WAVES_MAX = 1 << 14,
    MER_KERNEL_VARIABLES_MAX = 100000,
    MER_KERNEL_NUMBERS_MAX = 1 << 25, /* waves times variables */
    MER_KERNEL_LINEAR_MAX = 256,      /* variables that follow the waves */
    /* Of a loaded map: numbers of waves that are held for each coefficient that the file has, and
     * in any case. To draw them anew for a row takes milliseconds. */
    MER_KERNEL_HELD_SHARE = 256,
    MER_KERNEL_HELD_MIN = 1 << 19
};

struct mer_kernel_map {
    size_t n_dense;
    size_t n_groups;
    size_t n_onehot;
    size_t n_waves;
    size_t n_features;   /* waves, then the variables if they follow */
    size_t n_padded;     /* n_features in whole lanes; what pads is zero */
    size_t n_scratch;    /* doubles that applying needs for a row, in whole lanes */
    double linear_scale; /* of the variables that follow; 0: they do not */
    double deviation;    /* of a wave's numbers, in half turns */
    uint64_t seed;
    /* [tiles][n_dense + n_onehot + 1][MER_WAVE_TILE], in half turns: of the dense numbers, then lit
     * ones, the last of which is zero, for a group without a code. NULL: not held. */
    double *waves;
    double *phases; /* [tiles][MER_WAVE_TILE] */
};

/* How many features a map has for that shape. */
size_t mer_kernel_map_features(const struct mer_design *shape, size_t n_waves);

/* The map is a function of the shape, the number of waves, gamma and the seed. Its waves are held
 * where they are `n_held_max` numbers at most. MER_ERR_DATA: the shape is too large for one.
 * Release in any case. */
MER_MUST_CHECK mer_status mer_kernel_map_init(const struct mer_ctx *ctx,
                                              const struct mer_design *shape, size_t n_waves,
                                              double gamma, uint64_t seed, size_t n_held_max,
                                              struct mer_kernel_map *ret_map, mer_err *err);
void mer_kernel_map_release(const struct mer_ctx *ctx, struct mer_kernel_map *map);

/* z of the rows first, first + step, ... into z[n_rows][n_padded], by a map that holds its waves.
 * `scratch` has room for n_rows * n_scratch doubles and is, like z, aligned. */
void mer_kernel_map_apply(const struct mer_kernel_map *map, enum mer_cpu_level cpu,
                          const struct mer_design *design, size_t first, size_t step, size_t n_rows,
                          double *scratch, double *z);

/* The same in pieces, for any map: the rows' variables into `scratch`; then each tile of waves, in
 * any order and by any thread; then what follows them. `tile_waves` has room for the
 * mer_kernel_map_tile_size() numbers of a tile, is aligned, and may be NULL where waves are held.
 */
void mer_kernel_map_read(const struct mer_kernel_map *map, const struct mer_design *design,
                         size_t first, size_t step, size_t n_rows, double *scratch);
void mer_kernel_map_apply_tile(const struct mer_kernel_map *map, enum mer_cpu_level cpu,
                               size_t tile, size_t n_rows, const double *scratch,
                               double *tile_waves, double *z);
void mer_kernel_map_follow(const struct mer_kernel_map *map, size_t n_rows, const double *scratch,
                           double *z);
size_t mer_kernel_map_tiles(const struct mer_kernel_map *map);
size_t mer_kernel_map_tile_size(const struct mer_kernel_map *map);

#endif
