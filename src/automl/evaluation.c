#include "automl/evaluation_internal.h"

#include <string.h>

#include "automl/fold.h"
#include "core/rng.h"
#include "core/team.h"

enum {
    /* Folds side by side, each on one thread, where there are this many and a fit is small; else
     * one after another, each on all threads. */
    PARALLEL_FOLDS_MIN = 4,
    PARALLEL_CELLS_MAX = 4 << 20,
    CELLS_A_UNIT = 20, /* prepared in about a microsecond */
    /* Fewer training rows no rung has: below, a fit is cheap and a share of them tells little. */
    RUNG_ROWS_MIN = 5000,
    CLASSES_ROWS_MIN = 1250, /* where there are more than two classes, and so many rows of each */
    ROWS_A_CLASS_MIN = 60
};

/* Designs of all folds are kept when they take at most this, and a quarter of what is left of the
 * budget. */
#define KEPT_BYTES_MAX ((size_t)4 << 30)

uint64_t mer_prepare_cost(size_t n_rows, size_t n_columns)
{
    return 1 + (uint64_t)n_rows * n_columns / CELLS_A_UNIT;
}

static void release_fold(const struct mer_ctx *ctx, struct mer_fold *fold)
{
    mer_prepared_release(ctx, &fold->train);
    mer_prepared_release(ctx, &fold->valid);
    mer_prepare_free(ctx, fold->prepare);
    mer_free(ctx->alloc, fold->rows);
    mer_free(ctx->alloc, fold->values);
    mer_free(ctx->alloc, fold->classes);
    mer_free(ctx->alloc, fold->weights);
    mer_free(ctx->alloc, fold->monotone);
}

void mer_evaluation_free(const struct mer_ctx *ctx, struct mer_evaluation *evaluation)
{
    if (!evaluation)
        return;
    for (size_t f = 0; evaluation->folds && f < evaluation->data.n_folds; f++)
        release_fold(ctx, &evaluation->folds[f]);
    mer_free(ctx->alloc, evaluation->folds);
    mer_free(ctx->alloc, evaluation->place);
    mer_free(ctx->alloc, evaluation->held_out.values);
    mer_free(ctx->alloc, evaluation->held_out.classes);
    mer_free(ctx->alloc, evaluation->held_out.weights);
    mer_free(ctx->alloc, evaluation->held_out.fold);
    mer_folds_release(ctx, &evaluation->cut);
    mer_free(ctx->alloc, evaluation);
}

static mer_status gather_weights(const struct mer_ctx *ctx, const double *weights, size_t n_rows,
                                 struct mer_fold *fold, mer_err *err)
{
    if (!weights)
        return mer_ok();
    MER_GUARD(mer_alloc_array(ctx->alloc, n_rows, sizeof(*fold->weights), &fold->weights, err));
    for (size_t i = 0; i < n_rows; i++)
        fold->weights[i] = weights[fold->rows[i]];
    return mer_ok();
}

/* The target of the fold's rows, in their order. */
static mer_status gather_target(const struct mer_ctx *ctx, const struct mer_learned_target *target,
                                size_t n_rows, struct mer_fold *fold, mer_err *err)
{
    if (target->values) {
        MER_GUARD(mer_alloc_array(ctx->alloc, n_rows, sizeof(*fold->values), &fold->values, err));
        for (size_t i = 0; i < n_rows; i++)
            fold->values[i] = target->values[fold->rows[i]];
        return mer_ok();
    }
    MER_GUARD(mer_alloc_array(ctx->alloc, n_rows, sizeof(*fold->classes), &fold->classes, err));
    for (size_t i = 0; i < n_rows; i++)
        fold->classes[i] = target->classes[fold->rows[i]];
    return mer_ok();
}

struct mer_target mer_fold_target(const struct mer_evaluation *evaluation,
                                  const struct mer_fold *fold)
{
    return (struct mer_target){.task = evaluation->data.target->task,
                               .values = fold->values,
                               .classes = fold->classes,
                               .weights = fold->weights,
                               .n_classes = evaluation->data.target->n_classes};
}

/* Orders the training rows so that every rung is their beginning: rows are drawn into it with its
 * share as the chance, and stand in rising order inside what it adds to the next smaller one. Each
 * rung has every class. */
static mer_status order_rungs(const struct mer_ctx *ctx, const struct mer_evaluation *evaluation,
                              size_t f, struct mer_fold *fold, mer_err *err)
{
    const struct mer_learned_target *target = evaluation->data.target;
    const unsigned n_rungs = evaluation->n_rungs;
    uint8_t *levels = NULL, *is_seen = NULL;
    uint32_t *ordered = NULL;
    size_t n = 0;
    mer_status status;
    mer_rng rng;

    fold->n_of_rung[0] = fold->n_train;
    if (n_rungs == 0)
        return mer_ok();
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, fold->n_train, 1, &levels, err), out);
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, target->n_classes, 1, &is_seen, err), out);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, fold->n_train, sizeof(*ordered), &ordered, err),
                   out);
    mer_rng_init(&rng, evaluation->data.seed, mer_rng_stream("rungs", f));
    for (size_t i = 0; i < fold->n_train; i++) {
        const uint32_t drawn = mer_rng_u32(&rng);
        unsigned level = 0;
        while (level < n_rungs && ((drawn >> (2 * level)) & 3) == 0)
            level++;
        if (target->classes && !is_seen[target->classes[fold->rows[i]]]) {
            is_seen[target->classes[fold->rows[i]]] = 1;
            level = n_rungs;
        }
        levels[i] = (uint8_t)level;
    }
    for (unsigned rung = n_rungs + 1; rung-- > 0;) {
        for (size_t i = 0; i < fold->n_train; i++)
            if (levels[i] == rung)
                ordered[n++] = fold->rows[i];
        fold->n_of_rung[rung] = n;
    }
    memcpy(fold->rows, ordered, n * sizeof(*ordered));
out:
    mer_free(ctx->alloc, levels);
    mer_free(ctx->alloc, is_seen);
    mer_free(ctx->alloc, ordered);
    return status;
}

/* Fits of many classes cost more, and fewer rows tell which are better. */
static unsigned count_rungs(size_t n_train, size_t n_classes)
{
    const size_t of_classes = n_classes * ROWS_A_CLASS_MIN;
    const size_t least = n_classes <= 2 || of_classes > RUNG_ROWS_MIN ? RUNG_ROWS_MIN
                         : of_classes < CLASSES_ROWS_MIN              ? CLASSES_ROWS_MIN
                                                                      : of_classes;
    unsigned n = 0;
    while (n < MER_RUNGS_MAX && n_train >> (2 * (n + 1)) >= least)
        n++;
    return n;
}

/* Numbers the rows that some fold scores, one repetition after another. */
static mer_status place_rows(const struct mer_ctx *ctx, struct mer_evaluation *evaluation,
                             mer_err *err)
{
    const struct mer_folds *folds = evaluation->how;
    size_t n;

    if (!mer_size_mul(folds->n_rows, folds->n_repeats, &n) || n >= UINT32_MAX)
        return mer_fail(err, MER_ERR_USAGE, "%zu rows %zu times are too many", folds->n_rows,
                        folds->n_repeats);
    MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof(*evaluation->place), &evaluation->place, err));
    for (size_t i = 0; i < n; i++)
        evaluation->place[i] =
            folds->held_out[i] < folds->n_folds ? (uint32_t)evaluation->n_held_out++ : UINT32_MAX;
    for (size_t i = 0; i < folds->n_rows; i++)
        evaluation->n_learnable +=
            folds->kind != MER_FOLDS_TABLE || folds->first[i] < MER_FOLD_NONE ? 1 : 0;
    if (evaluation->n_held_out == 0)
        return evaluation->how->kind == MER_FOLDS_SHUFFLED
                   ? mer_fail(err, MER_ERR_DATA,
                              "every label of the target stands in one row only: there is nothing "
                              "to learn")
                   : mer_fail(err, MER_ERR_DATA,
                              "the folds leave no row to score on: each class has to be in two of "
                              "them");
    return mer_ok();
}

mer_status mer_fold_prepare(const struct mer_ctx *ctx, const struct mer_evaluation *evaluation,
                            const struct mer_fold *fold, bool shape_only,
                            struct mer_prepare **ret_prepare, mer_err *err)
{
    const struct mer_evaluation_data *data = &evaluation->data;
    const struct mer_target target = {.task = data->target->task,
                                      .values = data->target->values,
                                      .classes = data->target->classes,
                                      .n_classes = data->target->n_classes};
    const struct mer_prepare_options options = {
        .hints = data->hints, .target = &target, .seed = data->seed, .shape_only = shape_only};

    return mer_prepare_fit(ctx, data->frame, data->target_column, fold->rows, fold->n_train,
                           &options, ret_prepare, err);
}

/* Splits, and learns the preprocessing of each fold. */
static mer_status split(const struct mer_ctx *ctx, struct mer_evaluation *evaluation, mer_err *err)
{
    const struct mer_evaluation_data *data = &evaluation->data;
    const size_t n_rows = data->frame->n_rows;

    MER_GUARD(place_rows(ctx, evaluation, err));
    for (size_t f = 0; f < data->n_folds; f++) {
        struct mer_fold *fold = &evaluation->folds[f];
        mer_ctx_progress(ctx, "preparing", f, data->n_folds);
        MER_GUARD(mer_alloc_array(ctx->alloc, n_rows, sizeof(*fold->rows), &fold->rows, err));
        fold->place = evaluation->place + f / evaluation->how->n_folds * n_rows;
        mer_fold_rows(evaluation->how, f, fold->rows, &fold->n_train, &fold->n_valid);
        if (f == 0)
            evaluation->n_rungs = count_rungs(fold->n_train, data->target->n_classes);
        MER_GUARD(order_rungs(ctx, evaluation, f, fold, err));
        const size_t n_used = fold->n_train + fold->n_valid;
        MER_GUARD(gather_target(ctx, data->target, n_used, fold, err));
        MER_GUARD(gather_weights(ctx, data->weights, n_used, fold, err));
        MER_GUARD(mer_fold_prepare(ctx, evaluation, fold, data->shapes_only, &fold->prepare, err));
        MER_GUARD(mer_prepare_directions(ctx, fold->prepare, data->directions, data->n_directions,
                                         &fold->monotone, err));
        evaluation->prepare_cost += mer_prepare_cost(n_rows, data->frame->n_columns);
    }
    return mer_ok();
}

/* The shape of a fold's designs. What is before them changes no indicator that a cost looks at. */
static void fold_shape(const struct mer_evaluation *evaluation, const struct mer_fold *fold,
                       struct mer_design *ret_shape)
{
    mer_prepare_shape(fold->prepare, ret_shape);
    if (evaluation->data.n_stack_columns == 0)
        return;
    ret_shape->n_dense += evaluation->data.n_stack_columns;
    ret_shape->indicators = NULL;
}

/* Bytes of a row of a design. */
static size_t row_bytes(const struct mer_design *shape)
{
    return shape->n_dense * sizeof(double) + shape->n_groups * sizeof(int32_t) +
           (shape->n_sparse
                ? shape->sparse_row * (sizeof(uint32_t) + sizeof(float)) + sizeof(size_t)
                : 0);
}

mer_status mer_fold_columns(const struct mer_ctx *ctx, const struct mer_fold *fold,
                            const double *columns, size_t n_columns, size_t first, size_t n,
                            double **ret_columns, mer_err *err)
{
    double *own;

    MER_GUARD(mer_alloc_array(ctx->alloc, n, n_columns * sizeof(*own), &own, err));
    for (size_t i = 0; i < n; i++)
        memcpy(own + i * n_columns, columns + (size_t)fold->rows[first + i] * n_columns,
               n_columns * sizeof(*own));
    *ret_columns = own;
    return mer_ok();
}

/* Puts the columns of a second layer before the design of the fold's rows from `first` on. */
static mer_status stack(const struct mer_ctx *ctx, const struct mer_evaluation *evaluation,
                        const struct mer_fold *fold, size_t first, struct mer_prepared *prepared,
                        mer_err *err)
{
    const size_t n_columns = evaluation->data.n_stack_columns;
    double *columns;

    if (n_columns == 0)
        return mer_ok();
    MER_GUARD(mer_fold_columns(ctx, fold, evaluation->data.stack_columns[fold - evaluation->folds],
                               n_columns, first, prepared->design.n_rows, &columns, err));
    const mer_status status = mer_stack_prepend(ctx, columns, n_columns, prepared, err);
    mer_free(ctx->alloc, columns);
    return status;
}

mer_status mer_fold_apply(const struct mer_ctx *ctx, const struct mer_evaluation *evaluation,
                          const struct mer_fold *fold, struct mer_prepared *ret_train,
                          struct mer_prepared *ret_valid, mer_err *err)
{
    struct mer_binding *binding;
    struct mer_prepared train;

    MER_GUARD(mer_binding_new(ctx, fold->prepare, evaluation->data.frame, &binding, err));
    mer_status status =
        mer_binding_apply_training(ctx, binding, fold->rows, fold->n_train, &train, err);
    if (mer_is_ok(status)) {
        status = mer_binding_apply(ctx, binding, fold->rows + fold->n_train, 0, fold->n_valid,
                                   ret_valid, err);
        if (mer_is_ok(status)) {
            status = stack(ctx, evaluation, fold, 0, &train, err);
            if (mer_is_ok(status))
                status = stack(ctx, evaluation, fold, fold->n_train, ret_valid, err);
            if (!mer_is_ok(status))
                mer_prepared_release(ctx, ret_valid);
        }
        if (mer_is_ok(status))
            *ret_train = train;
        else
            mer_prepared_release(ctx, &train);
    }
    mer_binding_free(ctx, binding);
    return status;
}

/* Decides how the folds are worked on, and prepares their designs if they are kept. */
static mer_status keep_designs(const struct mer_ctx *ctx, struct mer_evaluation *evaluation,
                               mer_err *err)
{
    const size_t n_rows = evaluation->data.frame->n_rows, n_folds = evaluation->data.n_folds;
    const size_t used = atomic_load(&ctx->alloc->used);
    const size_t left = ctx->alloc->budget > used ? ctx->alloc->budget - used : 0;
    struct mer_design shape;
    size_t bytes;

    fold_shape(evaluation, &evaluation->folds[0], &shape);
    evaluation->keeps_designs =
        !evaluation->data.shapes_only && mer_size_mul(n_rows, row_bytes(&shape), &bytes) &&
        mer_size_mul(bytes, n_folds, &bytes) && bytes <= left / 4 && bytes <= KEPT_BYTES_MAX;
    evaluation->runs_parallel = evaluation->keeps_designs && n_folds >= PARALLEL_FOLDS_MIN &&
                                n_rows * (shape.n_dense + shape.n_groups) <= PARALLEL_CELLS_MAX;
    for (size_t f = 0; evaluation->keeps_designs && f < n_folds; f++) {
        struct mer_fold *fold = &evaluation->folds[f];
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        MER_GUARD(mer_fold_apply(ctx, evaluation, fold, &fold->train, &fold->valid, err));
    }
    return mer_ok();
}

static mer_status prepare_evaluation(const struct mer_ctx *ctx, struct mer_evaluation *evaluation,
                                     mer_err *err)
{
    const struct mer_evaluation_data *data = &evaluation->data;
    const struct mer_target target = {.task = data->target->task,
                                      .values = data->target->values,
                                      .classes = data->target->classes,
                                      .n_classes = data->target->n_classes};
    const struct mer_fold_options options = {
        .n_folds = data->n_folds, .n_repeats = 1, .seed = data->seed};

    MER_GUARD(mer_alloc_zero(ctx->alloc, data->n_folds, sizeof(*evaluation->folds),
                             &evaluation->folds, err));
    if (!data->folds)
        MER_GUARD(mer_folds_make(ctx, data->frame, data->target_column, &target, &options,
                                 &evaluation->cut, err));
    evaluation->how = data->folds ? data->folds : &evaluation->cut;
    MER_GUARD(split(ctx, evaluation, err));
    return keep_designs(ctx, evaluation, err);
}

mer_status mer_evaluation_new(const struct mer_ctx *ctx, const struct mer_evaluation_data *data,
                              struct mer_evaluation **ret_evaluation, mer_err *err)
{
    struct mer_evaluation *evaluation;

    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof(*evaluation), &evaluation, err));
    evaluation->data = *data;
    const mer_status status = prepare_evaluation(ctx, evaluation, err);
    if (!mer_is_ok(status)) {
        mer_evaluation_free(ctx, evaluation);
        return status;
    }
    *ret_evaluation = evaluation;
    return mer_ok();
}

unsigned mer_evaluation_n_rungs(const struct mer_evaluation *evaluation)
{
    return evaluation->n_rungs;
}

bool mer_evaluation_can_stack(const struct mer_evaluation *evaluation)
{
    const struct mer_folds *how = evaluation->how;

    return how->n_folds > 2 && evaluation->n_held_out == how->n_rows * how->n_repeats;
}

size_t mer_evaluation_n_held_out(const struct mer_evaluation *evaluation)
{
    return evaluation->n_held_out;
}

uint64_t mer_evaluation_prepare_cost(const struct mer_evaluation *evaluation)
{
    return evaluation->prepare_cost;
}

uint64_t mer_evaluation_cost(const struct mer_evaluation *evaluation,
                             const struct mer_family *family, const struct mer_params *params,
                             unsigned rung)
{
    uint64_t cost = 0;

    for (size_t f = 0; f < evaluation->data.n_folds; f++) {
        const struct mer_fold *fold = &evaluation->folds[f];
        const struct mer_target target = mer_fold_target(evaluation, fold);
        struct mer_design shape;
        fold_shape(evaluation, fold, &shape);
        shape.n_rows = fold->n_of_rung[rung];
        cost += family->cost(params, &shape, &target);
    }
    return cost;
}

void mer_evaluation_settle(const struct mer_evaluation *evaluation, const struct mer_family *family,
                           struct mer_params *params)
{
    const struct mer_fold *fold = &evaluation->folds[0];
    struct mer_design shape;

    if (!family->settle)
        return;
    fold_shape(evaluation, fold, &shape);
    shape.n_rows = fold->n_train;
    family->settle(params, &shape);
}

/* Rows that the folds learn from, together. */
static double trained_rows(const struct mer_evaluation *evaluation)
{
    double n = 0;
    for (size_t f = 0; f < evaluation->data.n_folds; f++)
        n += (double)evaluation->folds[f].n_train;
    return n;
}

double mer_evaluation_refit_share(const struct mer_evaluation *evaluation)
{
    return (double)evaluation->n_learnable / trained_rows(evaluation);
}

double mer_evaluation_growth(const struct mer_evaluation *evaluation)
{
    return (double)evaluation->n_learnable * (double)evaluation->data.n_folds /
           trained_rows(evaluation);
}

size_t mer_evaluation_parallel_fits(const struct mer_evaluation *evaluation,
                                    const struct mer_ctx *ctx)
{
    const size_t n_threads = mer_team_size(ctx->team), n_folds = evaluation->data.n_folds;
    return !evaluation->runs_parallel ? 1 : n_threads < n_folds ? n_threads : n_folds;
}

mer_status mer_evaluation_held_out(const struct mer_ctx *ctx, struct mer_evaluation *evaluation,
                                   const struct mer_held_out **ret_held_out, mer_err *err)
{
    const struct mer_learned_target *target = evaluation->data.target;
    const double *weights = evaluation->data.weights;
    struct mer_held_out *held_out = &evaluation->held_out;
    const size_t n = evaluation->n_held_out, n_rows = evaluation->how->n_rows;

    *ret_held_out = held_out;
    if (held_out->n_rows == n)
        return mer_ok();
    if (target->values && !held_out->values)
        MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof(double), &held_out->values, err));
    if (target->classes && !held_out->classes)
        MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof(int32_t), &held_out->classes, err));
    if (weights && !held_out->weights)
        MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof(double), &held_out->weights, err));
    if (!held_out->fold)
        MER_GUARD(mer_alloc_array(ctx->alloc, n, 1, &held_out->fold, err));
    held_out->n_repeats = evaluation->how->n_repeats;
    for (size_t at = 0; at < n_rows * evaluation->how->n_repeats; at++) {
        const size_t place = evaluation->place[at], i = at % n_rows;
        if (place == UINT32_MAX)
            continue;
        held_out->fold[place] =
            (uint8_t)(at / n_rows * evaluation->how->n_folds + evaluation->how->held_out[at]);
        if (target->values)
            held_out->values[place] = target->values[i];
        if (target->classes)
            held_out->classes[place] = target->classes[i];
        if (weights)
            held_out->weights[place] = weights[i];
    }
    held_out->n_rows = n;
    return mer_ok();
}
