#include "learn/kernel_map.h"

#include <string.h>

#include "core/math.h"
#include "core/rng.h"

#define TWO_PI 6.283185307179586

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

static void draw(const struct mer_kernel_map *map, double deviation, uint64_t seed)
{
    mer_rng rng;
    mer_rng_init(&rng, seed, mer_rng_stream("kernel.dense", 0));
    for (size_t w = 0; w < map->n_waves; w++)
        for (size_t j = 0; j < map->n_dense; j++)
            map->dense_waves[w * map->n_dense_padded + j] = deviation * mer_rng_normal(&rng);
    mer_rng_init(&rng, seed, mer_rng_stream("kernel.lit", 0));
    for (size_t i = 0; i < map->n_onehot * map->n_waves; i++)
        map->lit_waves[i] = deviation * mer_rng_normal(&rng);
    mer_rng_init(&rng, seed, mer_rng_stream("kernel.phase", 0));
    for (size_t w = 0; w < map->n_waves; w++)
        map->phases[w] = TWO_PI * mer_rng_uniform(&rng);
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
        .n_dense_padded = mer_lanes_pad(shape->n_dense),
        .n_groups = shape->n_groups,
        .n_onehot = mer_design_onehot(shape),
        .n_waves = n_waves,
        .n_features = mer_kernel_map_features(shape, n_waves),
        .n_padded = mer_lanes_pad(mer_kernel_map_features(shape, n_waves)),
        .linear_scale = variables_follow(shape) ? 1 / sqrt(n_alike) : 0,
    };
    mer_status status;
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, map.n_waves * map.n_dense_padded, sizeof(double),
                                  &map.dense_waves, err),
                   failed);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, map.n_onehot * map.n_waves, sizeof(double),
                                   &map.lit_waves, err),
                   failed);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, map.n_waves, sizeof(double), &map.phases, err),
                   failed);
    draw(&map, sqrt(2 * gamma / n_alike), seed);
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

/* One row's phases of the waves become waves, and its variables follow. */
static void finish_row(const struct mer_kernel_map *map, const double *dense, const int32_t *codes,
                       const uint32_t *group_start, double *z)
{
    const double height = sqrt(2 / (double)map->n_waves);
    double *const variables = z + map->n_waves;
    memset(variables, 0, (map->n_padded - map->n_waves) * sizeof *z);
    for (size_t j = 0; map->linear_scale > 0 && j < map->n_dense; j++)
        variables[j] = map->linear_scale * dense[j];
    for (size_t g = 0; g < map->n_groups; g++) {
        if (codes[g] < 0)
            continue;
        const size_t lit = group_start[g] + (size_t)codes[g];
        for (size_t w = 0; w < map->n_waves; w++)
            z[w] += map->lit_waves[lit * map->n_waves + w];
        if (map->linear_scale > 0)
            variables[map->n_dense + lit] = map->linear_scale;
    }
    for (size_t w = 0; w < map->n_waves; w++)
        z[w] = height * mer_cos(z[w] + map->phases[w]);
}

void mer_kernel_map_apply(const struct mer_kernel_map *map,
                          const struct mer_linear_kernels *kernels, const struct mer_design *design,
                          size_t first, size_t step, size_t n_rows, double *scratch, double *z)
{
    const size_t stride = map->n_dense_padded;
    for (size_t r = 0; r < n_rows; r++) {
        const size_t row = first + r * step;
        for (size_t j = 0; j < map->n_dense; j++)
            scratch[r * stride + j] = clip(design->dense[row * map->n_dense + j]);
        for (size_t j = map->n_dense; j < stride; j++)
            scratch[r * stride + j] = 0;
    }
    kernels->dot(scratch, stride, n_rows, map->dense_waves, stride, map->n_waves, stride, z,
                 map->n_padded);
    for (size_t r = 0; r < n_rows; r++) {
        const size_t row = first + r * step;
        finish_row(map, scratch + r * stride,
                   map->n_groups ? design->codes + row * map->n_groups : NULL, design->group_start,
                   z + r * map->n_padded);
    }
}
