/* Permutation importance on the rows that a fold held out. A column's values change places: all
 * that the preprocessing made of the column moves together, so it is as if the table itself had
 * been shuffled. Bounded: rows times columns times repeats over all folds. */
#include <string.h>

#include "automl/fold.h"
#include "core/math.h"
#include "core/rng.h"
#include "core/team.h"
#include "explain/study.h"

enum { REPEATS = 5, ROWS_MIN = 20 };

static const double PREDICTIONS_MAX = 2e5;

struct permuting {
    struct mer_ctx ctx; /* for tasks: without a team */
    const struct mer_fold_fit *fold;
    struct mer_design sample; /* of n rows */
    double *dense;
    int32_t *codes;
    size_t *sparse_start; /* of the sample, as in a design */
    uint32_t *sparse_columns;
    float *sparse_values;
    uint32_t *rows; /* [n]: of the fold's rows */
    double *losses; /* [n]: of the predictions as they are */
    size_t n;
    size_t n_outputs;
    struct mer_prepare_place *made; /* [n_columns] */
    struct mer_importance *importance;
    struct worker {
        double *dense;
        int32_t *codes;
        size_t *sparse_start;
        uint32_t *sparse_columns;
        float *sparse_values;
        double *predictions;
        double *lost; /* [n] */
        uint32_t *places;
    } * workers;
    mer_status *statuses; /* [n_columns] */
};

static double loss_of(const struct mer_fold_fit *fold, size_t row, const double *prediction)
{
    if (fold->values) {
        const double error = fold->values[row] - prediction[0];
        return error * error;
    }
    return -mer_ln(fmax(prediction[fold->classes[row]], 1e-15));
}

/* The column's part of the sample, with row i's values from row places[i]. */
static void move_values(const struct permuting *permuting, const struct mer_prepare_place *made,
                        const uint32_t *places, struct worker *worker)
{
    const size_t n_dense = permuting->sample.n_dense, n_groups = permuting->sample.n_groups;
    for (size_t i = 0; i < permuting->n; i++) {
        const size_t from = places ? places[i] : i;
        if (made->n_dense > 0)
            memcpy(worker->dense + i * n_dense + made->first_dense,
                   permuting->dense + from * n_dense + made->first_dense,
                   made->n_dense * sizeof(double));
        if (made->n_condensed > 0)
            memcpy(worker->dense + i * n_dense + made->first_condensed,
                   permuting->dense + from * n_dense + made->first_condensed,
                   made->n_condensed * sizeof(double));
        if (made->group != SIZE_MAX)
            worker->codes[i * n_groups + made->group] =
                permuting->codes[from * n_groups + made->group];
    }
}

/* The sparse rows of the sample, with the column's entries of row i from row places[i]. Each entry
 * is in one row still, so the room that the sample takes is enough. */
static void move_entries(const struct permuting *permuting, const struct mer_prepare_place *made,
                         const uint32_t *places, struct worker *worker)
{
    const struct mer_design *const sample = &permuting->sample;
    const size_t first = made->first_sparse, end = first + made->n_sparse;
    size_t n = 0;
    worker->sparse_start[0] = 0;
    for (size_t i = 0; i < permuting->n; i++) {
        for (size_t moved = 0; moved < 2; moved++) {
            const size_t row = moved ? places[i] : i;
            for (size_t e = sample->sparse_start[row]; e < sample->sparse_start[row + 1]; e++) {
                const uint32_t column = sample->sparse_columns[e];
                if ((column >= first && column < end) != (moved == 1))
                    continue;
                worker->sparse_columns[n] = column;
                worker->sparse_values[n++] = sample->sparse_values[e];
            }
        }
        worker->sparse_start[i + 1] = n;
    }
}

static mer_status permute_column(const struct permuting *permuting, size_t column,
                                 struct worker *worker)
{
    const struct mer_fold_fit *const fold = permuting->fold;
    const struct mer_prepare_place *const made = &permuting->made[column];
    struct mer_importance *const importance = &permuting->importance[column];
    struct mer_design design = permuting->sample;
    const size_t n = permuting->n;

    design.dense = worker->dense;
    design.codes = worker->codes;
    memset(worker->lost, 0, n * sizeof(*worker->lost));
    for (size_t repeat = 0; repeat < REPEATS; repeat++) {
        mer_rng rng;
        mer_rng_init(&rng, fold->seed,
                     mer_rng_stream("permutation",
                                    (column * REPEATS + repeat) * MER_FOLDS_MAX + fold->fold));
        for (size_t i = 0; i < n; i++)
            worker->places[i] = (uint32_t)i;
        mer_rng_shuffle(&rng, worker->places, n);
        move_values(permuting, made, worker->places, worker);
        if (made->n_sparse > 0) {
            move_entries(permuting, made, worker->places, worker);
            design.sparse_start = worker->sparse_start;
            design.sparse_columns = worker->sparse_columns;
            design.sparse_values = worker->sparse_values;
        }
        MER_GUARD(mer_members_predict(&permuting->ctx, fold->members, fold->n_members, &design,
                                      permuting->n_outputs, worker->predictions, NULL));
        mer_recalibrate(&permuting->ctx, fold->recalibration, n, permuting->n_outputs,
                        worker->predictions);
        for (size_t i = 0; i < n; i++)
            worker->lost[i] +=
                loss_of(fold, permuting->rows[i], worker->predictions + i * permuting->n_outputs) -
                permuting->losses[i];
    }
    move_values(permuting, made, NULL, worker);
    for (size_t i = 0; i < n; i++) {
        const double lost = worker->lost[i] / REPEATS;
        importance->sum += lost;
        importance->squares += lost * lost;
    }
    return mer_ok();
}

static bool is_used(const struct mer_prepare_place *made)
{
    return made->n_dense > 0 || made->n_condensed > 0 || made->n_sparse > 0 ||
           made->group != SIZE_MAX;
}

static void column_task(void *argument, size_t task, size_t worker)
{
    struct permuting *const permuting = argument;
    const struct mer_prepare_place *const made = &permuting->made[task];
    permuting->statuses[task] = mer_ok();
    permuting->importance[task].n += permuting->n;
    if (is_used(made))
        permuting->statuses[task] = permute_column(permuting, task, &permuting->workers[worker]);
}

/* Which part of the design belongs to which column. */
static size_t find_made(const struct mer_prepare *prepare, size_t n_columns,
                        struct mer_prepare_place *ret_made)
{
    size_t n_used = 0;
    for (size_t i = 0; i < n_columns; i++) {
        ret_made[i] = mer_prepare_place(prepare, i);
        n_used += is_used(&ret_made[i]);
    }
    return n_used;
}

static size_t sample_size(const struct mer_fold_fit *fold, size_t n_used)
{
    const double most =
        fmax(ROWS_MIN, PREDICTIONS_MAX / ((double)n_used * REPEATS * (double)fold->n_folds));
    return (double)fold->n_rows < most ? fold->n_rows : (size_t)most;
}

/* Rows of the fold, each with the same chance, and the design and losses of these. */
static void take_sample(struct permuting *permuting, const double *predictions)
{
    const struct mer_fold_fit *const fold = permuting->fold;
    const struct mer_design *const design = fold->design;
    size_t n = 0;
    mer_rng rng;

    mer_rng_init(&rng, fold->seed, mer_rng_stream("permuted rows", fold->fold));
    for (size_t row = 0; row < fold->n_rows && n < permuting->n; row++) {
        if (permuting->n < fold->n_rows &&
            mer_rng_below(&rng, fold->n_rows - row) >= permuting->n - n)
            continue;
        permuting->rows[n] = (uint32_t)row;
        permuting->losses[n] = loss_of(fold, row, predictions + row * permuting->n_outputs);
        if (design->n_dense > 0)
            memcpy(permuting->dense + n * design->n_dense, design->dense + row * design->n_dense,
                   design->n_dense * sizeof(double));
        if (design->n_groups > 0)
            memcpy(permuting->codes + n * design->n_groups, design->codes + row * design->n_groups,
                   design->n_groups * sizeof(int32_t));
        n++;
    }
}

static mer_status allocate_design(struct mer_alloc *alloc, const struct permuting *permuting,
                                  double **ret_dense, int32_t **ret_codes, mer_err *err)
{
    const struct mer_design *const design = permuting->fold->design;
    MER_GUARD(
        mer_alloc_array(alloc, permuting->n, design->n_dense * sizeof(double), ret_dense, err));
    return mer_alloc_array(alloc, permuting->n, design->n_groups * sizeof(int32_t), ret_codes, err);
}

/* The sparse rows of the sample. */
static mer_status take_sparse(struct mer_alloc *alloc, struct permuting *permuting, mer_err *err)
{
    const struct mer_design *const design = permuting->fold->design;
    size_t n = 0;
    if (design->n_sparse == 0)
        return mer_ok();
    MER_GUARD(
        mer_alloc_array(alloc, permuting->n + 1, sizeof(size_t), &permuting->sparse_start, err));
    permuting->sparse_start[0] = 0;
    for (size_t i = 0; i < permuting->n; i++) {
        const size_t row = permuting->rows[i];
        n += design->sparse_start[row + 1] - design->sparse_start[row];
        permuting->sparse_start[i + 1] = n;
    }
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(uint32_t), &permuting->sparse_columns, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(float), &permuting->sparse_values, err));
    for (size_t i = 0, to = 0; i < permuting->n; i++) {
        const size_t row = permuting->rows[i];
        for (size_t e = design->sparse_start[row]; e < design->sparse_start[row + 1]; e++, to++) {
            permuting->sparse_columns[to] = design->sparse_columns[e];
            permuting->sparse_values[to] = design->sparse_values[e];
        }
    }
    return mer_ok();
}

static mer_status allocate_sparse(struct mer_alloc *alloc, const struct permuting *permuting,
                                  struct worker *worker, mer_err *err)
{
    if (!permuting->sparse_start)
        return mer_ok();
    const size_t n = permuting->sparse_start[permuting->n];
    MER_GUARD(mer_alloc_array(alloc, permuting->n + 1, sizeof(size_t), &worker->sparse_start, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(uint32_t), &worker->sparse_columns, err));
    return mer_alloc_array(alloc, n, sizeof(float), &worker->sparse_values, err);
}

static mer_status allocate(struct permuting *permuting, size_t n_columns, size_t n_workers,
                           mer_err *err)
{
    struct mer_alloc *const alloc = permuting->ctx.alloc;
    const size_t n = permuting->n;
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(uint32_t), &permuting->rows, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(double), &permuting->losses, err));
    MER_GUARD(mer_alloc_array(alloc, n_columns, sizeof(mer_status), &permuting->statuses, err));
    MER_GUARD(allocate_design(alloc, permuting, &permuting->dense, &permuting->codes, err));
    MER_GUARD(
        mer_alloc_zero(alloc, n_workers, sizeof(*permuting->workers), &permuting->workers, err));
    for (size_t w = 0; w < n_workers; w++) {
        struct worker *const worker = &permuting->workers[w];
        MER_GUARD(allocate_design(alloc, permuting, &worker->dense, &worker->codes, err));
        MER_GUARD(mer_alloc_array(alloc, n, permuting->n_outputs * sizeof(double),
                                  &worker->predictions, err));
        MER_GUARD(mer_alloc_array(alloc, n, sizeof(double), &worker->lost, err));
        MER_GUARD(mer_alloc_array(alloc, n, sizeof(uint32_t), &worker->places, err));
    }
    return mer_ok();
}

static void release(struct permuting *permuting, size_t n_workers)
{
    struct mer_alloc *const alloc = permuting->ctx.alloc;
    for (size_t w = 0; permuting->workers && w < n_workers; w++) {
        mer_free(alloc, permuting->workers[w].dense);
        mer_free(alloc, permuting->workers[w].codes);
        mer_free(alloc, permuting->workers[w].sparse_start);
        mer_free(alloc, permuting->workers[w].sparse_columns);
        mer_free(alloc, permuting->workers[w].sparse_values);
        mer_free(alloc, permuting->workers[w].predictions);
        mer_free(alloc, permuting->workers[w].lost);
        mer_free(alloc, permuting->workers[w].places);
    }
    mer_free(alloc, permuting->workers);
    mer_free(alloc, permuting->rows);
    mer_free(alloc, permuting->losses);
    mer_free(alloc, permuting->statuses);
    mer_free(alloc, permuting->sparse_start);
    mer_free(alloc, permuting->sparse_columns);
    mer_free(alloc, permuting->sparse_values);
    mer_free(alloc, permuting->dense);
    mer_free(alloc, permuting->codes);
    mer_free(alloc, permuting->made);
}

static mer_status run(const struct mer_ctx *ctx, struct permuting *permuting,
                      const double *predictions, size_t n_columns, mer_err *err)
{
    const size_t n_workers = mer_team_size(ctx->team);
    MER_GUARD(
        mer_alloc_array(ctx->alloc, n_columns, sizeof(*permuting->made), &permuting->made, err));
    const size_t n_used = find_made(permuting->fold->prepare, n_columns, permuting->made);
    if (n_used == 0)
        return mer_ok();
    permuting->n = sample_size(permuting->fold, n_used);
    MER_GUARD(allocate(permuting, n_columns, n_workers, err));
    take_sample(permuting, predictions);
    MER_GUARD(take_sparse(ctx->alloc, permuting, err));
    permuting->sample = *permuting->fold->design;
    permuting->sample.n_rows = permuting->n;
    permuting->sample.sparse_start = permuting->sparse_start;
    permuting->sample.sparse_columns = permuting->sparse_columns;
    permuting->sample.sparse_values = permuting->sparse_values;
    for (size_t w = 0; w < n_workers; w++) {
        MER_GUARD(allocate_sparse(ctx->alloc, permuting, &permuting->workers[w], err));
        memcpy(permuting->workers[w].dense, permuting->dense,
               permuting->n * permuting->sample.n_dense * sizeof(double));
        memcpy(permuting->workers[w].codes, permuting->codes,
               permuting->n * permuting->sample.n_groups * sizeof(int32_t));
    }
    mer_team_run(ctx->team, column_task, permuting, n_columns);
    for (size_t i = 0; i < n_columns; i++)
        if (!mer_is_ok(permuting->statuses[i]))
            return mer_fail(err, permuting->statuses[i].code,
                            "the importance of the columns could not be found");
    return mer_ctx_check_cancel(ctx, err);
}

mer_status mer_study_permute(const struct mer_ctx *ctx, const struct mer_fold_fit *fold,
                             const double *predictions, size_t n_columns,
                             struct mer_importance *importance, mer_err *err)
{
    struct permuting permuting = {
        .ctx = *ctx,
        .fold = fold,
        .n_outputs = mer_target_outputs(fold->task, fold->n_classes),
        .importance = importance,
    };
    permuting.ctx.team = NULL; /* which cannot be used inside a task */
    permuting.ctx.progress = NULL;
    const mer_status status = run(ctx, &permuting, predictions, n_columns, err);
    release(&permuting, mer_team_size(ctx->team));
    return status;
}
