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
    mer_free(ctx->alloc, map->dense_waves);
    mer_free(ctx->alloc, map->lit_waves);
    mer_free(ctx->alloc, map->phases);
    *map = (struct mer_kernel_map){0};
}

static size_t n_tiles(const struct mer_kernel_map *map)
{
    return (map->n_waves + MER_WAVE_TILE - 1) / MER_WAVE_TILE;
}

/* Where wave w has its number for row j of `n` that a tile has. */
static size_t place(size_t w, size_t j, size_t n)
{
    return (w / MER_WAVE_TILE * n + j) * MER_WAVE_TILE + w % MER_WAVE_TILE;
}

static void draw(const struct mer_kernel_map *map, double deviation, uint64_t seed)
{
    mer_rng rng;
    mer_rng_init(&rng, seed, mer_rng_stream("kernel.dense", 0));
    for (size_t w = 0; w < map->n_waves; w++)
        for (size_t j = 0; j < map->n_dense; j++)
            map->dense_waves[place(w, j, map->n_dense)] = deviation * mer_rng_normal(&rng);
    mer_rng_init(&rng, seed, mer_rng_stream("kernel.lit", 0));
    for (size_t l = 0; l < map->n_onehot; l++)
        for (size_t w = 0; w < map->n_waves; w++)
            map->lit_waves[place(w, l, map->n_onehot + 1)] = deviation * mer_rng_normal(&rng);
    mer_rng_init(&rng, seed, mer_rng_stream("kernel.phase", 0));
    for (size_t w = 0; w < map->n_waves; w++)
        map->phases[w] = 2 * mer_rng_uniform(&rng);
}

mer_status mer_kernel_map_init(const struct mer_ctx *ctx, const struct mer_design *shape,
                               size_t n_waves, double gamma, uint64_t seed,
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
    };
    mer_status status;
    const size_t n_bytes = n_tiles(&map) * MER_WAVE_TILE * sizeof(double);
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, map.n_dense, n_bytes, &map.dense_waves, err), failed);
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, map.n_onehot + 1, n_bytes, &map.lit_waves, err),
                   failed);
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, 1, n_bytes, &map.phases, err), failed);
    draw(&map, sqrt(2 * gamma / n_alike) / PI, seed);
    *ret_map = map;
    return mer_ok();
failed:
    mer_kernel_map_release(ctx, &map);
    return status;
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

void mer_kernel_map_apply(const struct mer_kernel_map *map, enum mer_cpu_level cpu,
                          const struct mer_design *design, size_t first, size_t step, size_t n_rows,
                          double *scratch, double *z)
{
    const struct mer_waves waves = {.n_waves = mer_lanes_pad(map->n_waves),
                                    .n_dense = map->n_dense,
                                    .n_lit_rows = map->n_onehot + 1,
                                    .dense = map->dense_waves,
                                    .lit = map->lit_waves,
                                    .phases = map->phases,
                                    .height = sqrt(2 / (double)map->n_waves)};
    uint32_t *const lit = (uint32_t *)(void *)(scratch + n_rows * map->n_dense);
    const struct mer_wave_rows rows = {.n_rows = n_rows,
                                       .x = scratch,
                                       .x_stride = map->n_dense,
                                       .n_groups = map->n_groups,
                                       .lit = lit,
                                       .lit_stride = map->n_groups};
    for (size_t r = 0; r < n_rows; r++)
        read_row(map, design, first + r * step, scratch + r * map->n_dense,
                 lit + r * map->n_groups);
    mer_wave_kernels(cpu)->apply(&waves, &rows, z, map->n_padded);
    for (size_t r = 0; r < n_rows; r++)
        follow(map, scratch + r * map->n_dense, lit + r * map->n_groups, z + r * map->n_padded);
}
