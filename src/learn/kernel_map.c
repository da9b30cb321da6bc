#include "learn/kernel_map.h"

#include <string.h>

#include "core/math.h"
#include "core/rng.h"

#define PI 3.141592653589793

static size_t n_variables(const struct mer_design *shape)
{
    return shape->n_dense + mer_design_onehot(shape);
}

static bool variables_follow(const struct mer_design *shape)
{
    return n_variables(shape) <= MER_KERNEL_LINEAR_MAX;
}

size_t mer_kernel_map_features(const struct mer_design *shape, size_t n_waves)
{
    return n_waves + (variables_follow(shape) ? n_variables(shape) : 0);
}

void mer_kernel_map_release(const struct mer_ctx *ctx, struct mer_kernel_map *map)
{
    mer_free(ctx->alloc, map->waves);
    mer_free(ctx->alloc, map->phases);
    *map = (struct mer_kernel_map){0};
}

size_t mer_kernel_map_tiles(const struct mer_kernel_map *map)
{
    return (map->n_waves + MER_WAVE_TILE - 1) / MER_WAVE_TILE;
}

size_t mer_kernel_map_tile_size(const struct mer_kernel_map *map)
{
    return (map->n_dense + map->n_onehot + 1) * MER_WAVE_TILE;
}

static size_t lit_start(const struct mer_kernel_map *map)
{
    return map->n_dense * MER_WAVE_TILE;
}

/* A tile's numbers: those that it has in the streams of all waves, whichever tiles are drawn. What
 * pads the last tile, and the lit wave of no code, are zero. */
static void draw_tile(const struct mer_kernel_map *map, size_t tile, double *waves)
{
    const size_t first = tile * MER_WAVE_TILE, left = map->n_waves - first;
    const size_t n = left < MER_WAVE_TILE ? left : MER_WAVE_TILE;
    double *const lit = waves + lit_start(map);
    mer_rng rng;

    memset(waves, 0, mer_kernel_map_tile_size(map) * sizeof *waves);
    mer_rng_init(&rng, map->seed, mer_rng_stream("kernel.dense", 0));
    mer_rng_seek(&rng, (uint64_t)first * map->n_dense);
    for (size_t w = 0; w < n; w++)
        for (size_t j = 0; j < map->n_dense; j++)
            waves[j * MER_WAVE_TILE + w] = map->deviation * mer_rng_normal(&rng);
    mer_rng_init(&rng, map->seed, mer_rng_stream("kernel.lit", 0));
    for (size_t l = 0; l < map->n_onehot; l++) {
        mer_rng_seek(&rng, (uint64_t)l * map->n_waves + first);
        for (size_t w = 0; w < n; w++)
            lit[l * MER_WAVE_TILE + w] = map->deviation * mer_rng_normal(&rng);
    }
}

static mer_status draw(const struct mer_ctx *ctx, size_t n_held_max, struct mer_kernel_map *map,
                       mer_err *err)
{
    const size_t n_tiles = mer_kernel_map_tiles(map), size = mer_kernel_map_tile_size(map);
    mer_rng rng;
    MER_GUARD(mer_alloc_zero(ctx->alloc, n_tiles, MER_WAVE_TILE * sizeof *map->phases, &map->phases,
                             err));
    mer_rng_init(&rng, map->seed, mer_rng_stream("kernel.phase", 0));
    for (size_t w = 0; w < map->n_waves; w++)
        map->phases[w] = 2 * mer_rng_uniform(&rng);
    if (n_tiles * size > n_held_max)
        return mer_ok();
    MER_GUARD(mer_alloc_array(ctx->alloc, n_tiles, size * sizeof *map->waves, &map->waves, err));
    for (size_t tile = 0; tile < n_tiles; tile++)
        draw_tile(map, tile, map->waves + tile * size);
    return mer_ok();
}

mer_status mer_kernel_map_init(const struct mer_ctx *ctx, const struct mer_design *shape,
                               size_t n_waves, double gamma, uint64_t seed, size_t n_held_max,
                               struct mer_kernel_map *ret_map, mer_err *err)
{
    const size_t n = n_variables(shape);
    *ret_map = (struct mer_kernel_map){0};
    if (n > MER_KERNEL_VARIABLES_MAX || n * n_waves > MER_KERNEL_NUMBERS_MAX)
        return mer_fail(err, MER_ERR_DATA, "%zu variables are too many for a kernel of %zu waves",
                        n, n_waves);
    /* Variables that count for one: numbers and groups. */
    const double n_alike = (double)(shape->n_dense + shape->n_groups + (n == 0));
    struct mer_kernel_map map = {
        .n_dense = shape->n_dense,
        .n_groups = shape->n_groups,
        .n_onehot = mer_design_onehot(shape),
        .n_waves = n_waves,
        .n_features = mer_kernel_map_features(shape, n_waves),
        .n_padded = mer_lanes_pad(mer_kernel_map_features(shape, n_waves)),
        .n_scratch = mer_lanes_pad(shape->n_dense + shape->n_groups),
        .linear_scale = variables_follow(shape) ? 1 / sqrt(n_alike) : 0,
        .deviation = sqrt(2 * gamma / n_alike) / PI,
        .seed = seed,
    };
    const mer_status status = draw(ctx, n_held_max, &map, err);
    if (!mer_is_ok(status)) {
        mer_kernel_map_release(ctx, &map);
        return status;
    }
    *ret_map = map;
    return mer_ok();
}

static double clip(double x)
{
    return x > MER_KERNEL_CLIP ? MER_KERNEL_CLIP : x < -MER_KERNEL_CLIP ? -MER_KERNEL_CLIP : x;
}

/* The row's variables and what pads them, behind its waves. */
static void follow(const struct mer_kernel_map *map, const double *dense, const uint32_t *lit,
                   double *z)
{
    double *const variables = z + map->n_waves;
    memset(variables, 0, (map->n_padded - map->n_waves) * sizeof *z);
    if (!(map->linear_scale > 0))
        return;
    for (size_t j = 0; j < map->n_dense; j++)
        variables[j] = map->linear_scale * dense[j];
    for (size_t g = 0; g < map->n_groups; g++)
        if (lit[g] < map->n_onehot)
            variables[map->n_dense + lit[g]] = map->linear_scale;
}

/* A row's dense variables, clipped, and its lit ones by their number. */
static void read_row(const struct mer_kernel_map *map, const struct mer_design *design, size_t row,
                     double *dense, uint32_t *lit)
{
    for (size_t j = 0; j < map->n_dense; j++)
        dense[j] = clip(design->dense[row * map->n_dense + j]);
    for (size_t g = 0; g < map->n_groups; g++) {
        const int32_t code = design->codes[row * map->n_groups + g];
        lit[g] = code < 0 ? (uint32_t)map->n_onehot : design->group_start[g] + (uint32_t)code;
    }
}

/* Where the codes of n_rows rows are: behind their dense numbers. */
static uint32_t *lit_of(const struct mer_kernel_map *map, size_t n_rows, const double *scratch)
{
    return (uint32_t *)(uintptr_t)(scratch + n_rows * map->n_dense);
}

void mer_kernel_map_read(const struct mer_kernel_map *map, const struct mer_design *design,
                         size_t first, size_t step, size_t n_rows, double *scratch)
{
    uint32_t *const lit = lit_of(map, n_rows, scratch);
    for (size_t r = 0; r < n_rows; r++)
        read_row(map, design, first + r * step, scratch + r * map->n_dense,
                 lit + r * map->n_groups);
}

void mer_kernel_map_follow(const struct mer_kernel_map *map, size_t n_rows, const double *scratch,
                           double *z)
{
    const uint32_t *const lit = lit_of(map, n_rows, scratch);
    for (size_t r = 0; r < n_rows; r++)
        follow(map, scratch + r * map->n_dense, lit + r * map->n_groups, z + r * map->n_padded);
}

void mer_kernel_map_apply_tile(const struct mer_kernel_map *map, enum mer_cpu_level cpu,
                               size_t tile, size_t n_rows, const double *scratch,
                               double *tile_waves, double *z)
{
    const size_t first = tile * MER_WAVE_TILE, left = mer_lanes_pad(map->n_waves) - first;
    const double *numbers = tile_waves;
    if (map->waves)
        numbers = map->waves + tile * mer_kernel_map_tile_size(map);
    else
        draw_tile(map, tile, tile_waves);
    const struct mer_waves waves = {.n_waves = left < MER_WAVE_TILE ? left : MER_WAVE_TILE,
                                    .n_dense = map->n_dense,
                                    .n_lit_rows = map->n_onehot + 1,
                                    .dense = numbers,
                                    .lit = numbers + lit_start(map),
                                    .phases = map->phases + first,
                                    .height = sqrt(2 / (double)map->n_waves)};
    const struct mer_wave_rows rows = {.n_rows = n_rows,
                                       .x = scratch,
                                       .x_stride = map->n_dense,
                                       .n_groups = map->n_groups,
                                       .lit = lit_of(map, n_rows, scratch),
                                       .lit_stride = map->n_groups};
    mer_wave_kernels(cpu)->apply(&waves, &rows, z + first, map->n_padded);
}

void mer_kernel_map_apply(const struct mer_kernel_map *map, enum mer_cpu_level cpu,
                          const struct mer_design *design, size_t first, size_t step, size_t n_rows,
                          double *scratch, double *z)
{
    mer_kernel_map_read(map, design, first, step, n_rows, scratch);
    for (size_t tile = 0; tile < mer_kernel_map_tiles(map); tile++)
        mer_kernel_map_apply_tile(map, cpu, tile, n_rows, scratch, NULL, z);
    mer_kernel_map_follow(map, n_rows, scratch, z);
}
