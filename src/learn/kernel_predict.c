/* Where the map holds its waves, each thread takes some rows at a time through all of them, in
 * memory that stays in its cache. Where it does not, waves are dear and rows are taken many at a
 * time: each thread draws a tile and takes all of these rows through it.
 */
#include "learn/kernel_predict.h"

#include "core/team.h"

enum { BLOCK_ROWS = 64, SLAB_NUMBERS = 1 << 22 };

struct prediction {
    const struct mer_linear_kernels *kernels;
    enum mer_cpu_level cpu;
    const struct mer_kernel_predictor *machine;
    const struct mer_design *design;
    size_t block_rows;
    size_t first;    /* of a slab */
    size_t n_rows;   /* of a slab; without slabs of the design */
    double *scratch; /* [team][n_scratch]: a block's variables, waves, scores */
    size_t n_scratch;
    double *variables; /* of a slab */
    double *z;         /* of a slab */
    double *tiles;     /* [team][tile size] */
    double *outputs;
};

/* From n_rows rows of waves to the outputs of the rows from `first` on. */
static void finish_rows(const struct prediction *prediction, const double *z, size_t first,
                        size_t n_rows, double *scores)
{
    const struct mer_kernel_predictor *machine = prediction->machine;
    const struct mer_kernel_ridge *ridge = machine->ridge;
    const size_t n_padded = machine->map->n_padded;
    const size_t n_columns = mer_target_outputs(machine->task, machine->n_classes);

    prediction->kernels->dot(z, n_padded, n_rows, ridge->coefficients, n_padded, ridge->n_outputs,
                             n_padded, scores, ridge->n_outputs);
    for (size_t r = 0; r < n_rows; r++) {
        double *const row = scores + r * ridge->n_outputs;
        double *const outputs = prediction->outputs + (first + r) * n_columns;
        for (size_t k = 0; k < ridge->n_outputs; k++)
            row[k] += ridge->intercepts[k];
        if (machine->task == MER_TASK_REGRESSION)
            outputs[0] = row[0];
        else
            mer_calibrated_probabilities(&ridge->calibration, ridge->log_shares, machine->n_classes,
                                         row, outputs);
    }
}

static size_t rows_of(const struct prediction *prediction, size_t task)
{
    const size_t left = prediction->n_rows - task * prediction->block_rows;
    return left < prediction->block_rows ? left : prediction->block_rows;
}

static size_t n_blocks(const struct prediction *prediction)
{
    return (prediction->n_rows + prediction->block_rows - 1) / prediction->block_rows;
}

static void predict_block(void *argument, size_t task, size_t worker)
{
    const struct prediction *prediction = argument;
    const struct mer_kernel_map *map = prediction->machine->map;
    const size_t first = task * prediction->block_rows, n_rows = rows_of(prediction, task);
    double *const dense = prediction->scratch + worker * prediction->n_scratch;
    double *const z = dense + prediction->block_rows * map->n_scratch;

    mer_kernel_map_apply(map, prediction->cpu, prediction->design, first, 1, n_rows, dense, z);
    finish_rows(prediction, z, first, n_rows, z + prediction->block_rows * map->n_padded);
}

static mer_status predict_blocks(const struct mer_ctx *ctx, struct prediction *prediction,
                                 mer_err *err)
{
    const struct mer_kernel_map *map = prediction->machine->map;
    const size_t n_outputs = prediction->machine->ridge->n_outputs;
    prediction->n_rows = prediction->design->n_rows;
    prediction->n_scratch =
        prediction->block_rows * (map->n_scratch + map->n_padded + mer_lanes_pad(n_outputs));
    MER_GUARD(mer_alloc_array(ctx->alloc, mer_team_size(ctx->team),
                              prediction->n_scratch * sizeof(double), &prediction->scratch, err));
    mer_team_run(ctx->team, predict_block, prediction, n_blocks(prediction));
    return mer_ctx_check_cancel(ctx, err);
}

static void apply_tile(void *argument, size_t task, size_t worker)
{
    const struct prediction *prediction = argument;
    const struct mer_kernel_map *map = prediction->machine->map;
    mer_kernel_map_apply_tile(map, prediction->cpu, task, prediction->n_rows, prediction->variables,
                              prediction->tiles + worker * mer_kernel_map_tile_size(map),
                              prediction->z);
}

static void finish_block(void *argument, size_t task, size_t worker)
{
    const struct prediction *prediction = argument;
    const size_t first = task * prediction->block_rows;
    finish_rows(prediction, prediction->z + first * prediction->machine->map->n_padded,
                prediction->first + first, rows_of(prediction, task),
                prediction->scratch + worker * prediction->n_scratch);
}

static void predict_slab(const struct mer_ctx *ctx, struct prediction *prediction)
{
    const struct mer_kernel_map *map = prediction->machine->map;
    mer_kernel_map_read(map, prediction->design, prediction->first, 1, prediction->n_rows,
                        prediction->variables);
    mer_team_run(ctx->team, apply_tile, prediction, mer_kernel_map_tiles(map));
    mer_kernel_map_follow(map, prediction->n_rows, prediction->variables, prediction->z);
    mer_team_run(ctx->team, finish_block, prediction, n_blocks(prediction));
}

static mer_status predict_slabs(const struct mer_ctx *ctx, struct prediction *prediction,
                                mer_err *err)
{
    const struct mer_kernel_map *map = prediction->machine->map;
    const size_t n_threads = mer_team_size(ctx->team), n_rows = prediction->design->n_rows;
    const size_t width = map->n_padded + map->n_scratch;
    size_t n_slab = SLAB_NUMBERS / width < BLOCK_ROWS ? BLOCK_ROWS : SLAB_NUMBERS / width;
    n_slab = n_rows < n_slab ? n_rows : n_slab;
    prediction->n_scratch =
        mer_lanes_pad(prediction->block_rows * prediction->machine->ridge->n_outputs);
    MER_GUARD(mer_alloc_array(ctx->alloc, n_threads, prediction->n_scratch * sizeof(double),
                              &prediction->scratch, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, n_slab, map->n_scratch * sizeof(double),
                              &prediction->variables, err));
    MER_GUARD(
        mer_alloc_array(ctx->alloc, n_slab, map->n_padded * sizeof(double), &prediction->z, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, n_threads, mer_kernel_map_tile_size(map) * sizeof(double),
                              &prediction->tiles, err));
    for (size_t first = 0; first < n_rows; first += n_slab) {
        prediction->first = first;
        prediction->n_rows = n_rows - first < n_slab ? n_rows - first : n_slab;
        predict_slab(ctx, prediction);
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
    }
    return mer_ok();
}

mer_status mer_kernel_predict(const struct mer_ctx *ctx,
                              const struct mer_kernel_predictor *predictor,
                              const struct mer_design *design, double *ret_predictions,
                              mer_err *err)
{
    struct prediction prediction = {.kernels = mer_linear_kernels(ctx->cpu),
                                    .cpu = ctx->cpu,
                                    .machine = predictor,
                                    .design = design,
                                    .outputs = ret_predictions};
    if (design->n_rows == 0)
        return mer_ok();
    prediction.block_rows = design->n_rows < BLOCK_ROWS ? design->n_rows : BLOCK_ROWS;
    const mer_status status = predictor->map->waves ? predict_blocks(ctx, &prediction, err)
                                                    : predict_slabs(ctx, &prediction, err);
    mer_free(ctx->alloc, prediction.scratch);
    mer_free(ctx->alloc, prediction.variables);
    mer_free(ctx->alloc, prediction.z);
    mer_free(ctx->alloc, prediction.tiles);
    return status;
}
