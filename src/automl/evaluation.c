#include "automl/evaluation.h"

#include <string.h>

#include "automl/fold.h"
#include "core/math.h"
#include "core/team.h"

enum {
    /* Folds side by side, each on one thread, where there are this many and a fit is small; else
     * one after another, each on all threads. */
    PARALLEL_FOLDS_MIN = 4,
    PARALLEL_CELLS_MAX = 4 << 20,
    CELLS_A_UNIT = 20 /* prepared in about a microsecond */
};

/* Designs of all folds are kept when they take at most this, and a quarter of what is left of the
 * budget. */
#define KEPT_BYTES_MAX ((size_t)4 << 30)

struct fold {
    uint32_t *rows; /* [n_rows]: training rows, then the rows to score on */
    size_t n_train;
    size_t n_valid;
    struct mer_prepare *prepare;
    int8_t *monotone;          /* NULL: no constraint */
    struct mer_prepared train; /* empty unless designs are kept */
    struct mer_prepared valid;
    double *values; /* the target of the rows, in their order; one of the two is NULL */
    int32_t *classes;
    double *weights; /* of the rows, in their order; NULL: all ones */
};

struct mer_evaluation {
    struct mer_evaluation_data data;
    struct fold *folds; /* [data.n_folds] */
    bool keeps_designs;
    bool runs_parallel;
    uint64_t prepare_cost;
};

uint64_t mer_prepare_cost(size_t n_rows, size_t n_columns)
{
    return 1 + (uint64_t)n_rows * n_columns / CELLS_A_UNIT;
}

static void release_fold(const struct mer_ctx *ctx, struct fold *fold)
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
    mer_free(ctx->alloc, evaluation);
}

static mer_status gather_weights(const struct mer_ctx *ctx, const double *weights, size_t n_rows,
                                 struct fold *fold, mer_err *err)
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
                                size_t n_rows, struct fold *fold, mer_err *err)
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

static struct mer_target fold_target(const struct mer_evaluation *evaluation,
                                     const struct fold *fold)
{
    return (struct mer_target){.task = evaluation->data.target->task,
                               .values = fold->values,
                               .classes = fold->classes,
                               .weights = fold->weights,
                               .n_classes = evaluation->data.target->n_classes};
}

/* Splits, and learns the preprocessing of each fold. */
static mer_status split(const struct mer_ctx *ctx, struct mer_evaluation *evaluation,
                        const uint8_t *folds, mer_err *err)
{
    const struct mer_evaluation_data *data = &evaluation->data;
    const size_t n_rows = data->frame->n_rows;
    size_t n_scored = 0;

    for (size_t f = 0; f < data->n_folds; f++) {
        struct fold *fold = &evaluation->folds[f];
        mer_ctx_progress(ctx, "preparing", f, data->n_folds);
        MER_GUARD(mer_alloc_array(ctx->alloc, n_rows, sizeof(*fold->rows), &fold->rows, err));
        fold->n_train = mer_fold_rows(folds, n_rows, f, fold->rows);
        fold->n_valid = n_rows - fold->n_train;
        n_scored += fold->n_valid;
        MER_GUARD(gather_target(ctx, data->target, n_rows, fold, err));
        MER_GUARD(gather_weights(ctx, data->weights, n_rows, fold, err));
        MER_GUARD(mer_prepare_fit(ctx, data->frame, data->target_column, fold->rows, fold->n_train,
                                  &fold->prepare, err));
        MER_GUARD(mer_prepare_directions(ctx, fold->prepare, data->directions, data->n_directions,
                                         &fold->monotone, err));
        evaluation->prepare_cost += mer_prepare_cost(n_rows, data->frame->n_columns);
    }
    if (n_scored == 0)
        return mer_fail(err, MER_ERR_DATA,
                        "every label of the target stands in one row only: there is nothing to "
                        "learn");
    return mer_ok();
}

/* Bytes of a row of a design. */
static size_t row_bytes(const struct mer_design *shape)
{
    return shape->n_dense * sizeof(double) + shape->n_groups * sizeof(int32_t);
}

static mer_status apply(const struct mer_ctx *ctx, const struct mer_evaluation *evaluation,
                        const struct fold *fold, struct mer_prepared *ret_train,
                        struct mer_prepared *ret_valid, mer_err *err)
{
    struct mer_binding *binding;
    struct mer_prepared train;

    MER_GUARD(mer_binding_new(ctx, fold->prepare, evaluation->data.frame, &binding, err));
    mer_status status = mer_binding_apply(ctx, binding, fold->rows, 0, fold->n_train, &train, err);
    if (mer_is_ok(status)) {
        status = mer_binding_apply(ctx, binding, fold->rows + fold->n_train, 0, fold->n_valid,
                                   ret_valid, err);
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

    mer_prepare_shape(evaluation->folds[0].prepare, &shape);
    evaluation->keeps_designs = mer_size_mul(n_rows, row_bytes(&shape), &bytes) &&
                                mer_size_mul(bytes, n_folds, &bytes) && bytes <= left / 4 &&
                                bytes <= KEPT_BYTES_MAX;
    evaluation->runs_parallel = evaluation->keeps_designs && n_folds >= PARALLEL_FOLDS_MIN &&
                                n_rows * (shape.n_dense + shape.n_groups) <= PARALLEL_CELLS_MAX;
    for (size_t f = 0; evaluation->keeps_designs && f < n_folds; f++) {
        struct fold *fold = &evaluation->folds[f];
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        MER_GUARD(apply(ctx, evaluation, fold, &fold->train, &fold->valid, err));
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
    uint8_t *folds;

    MER_GUARD(mer_alloc_zero(ctx->alloc, data->n_folds, sizeof(*evaluation->folds),
                             &evaluation->folds, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, data->frame->n_rows, 1, &folds, err));
    mer_status status = data->hold_out_last
                            ? mer_fold_hold_out_last(ctx, &target, data->frame->n_rows, folds, err)
                            : mer_fold_assign(ctx, &target, data->frame->n_rows, data->n_folds,
                                              data->seed, folds, err);
    if (mer_is_ok(status))
        status = split(ctx, evaluation, folds, err);
    mer_free(ctx->alloc, folds);
    MER_GUARD(status);
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

uint64_t mer_evaluation_prepare_cost(const struct mer_evaluation *evaluation)
{
    return evaluation->prepare_cost;
}

uint64_t mer_evaluation_cost(const struct mer_evaluation *evaluation,
                             const struct mer_family *family, const struct mer_params *params)
{
    uint64_t cost = 0;

    for (size_t f = 0; f < evaluation->data.n_folds; f++) {
        const struct fold *fold = &evaluation->folds[f];
        const struct mer_target target = fold_target(evaluation, fold);
        struct mer_design shape;
        mer_prepare_shape(fold->prepare, &shape);
        shape.n_rows = fold->n_train;
        cost += family->cost(params, &shape, &target);
    }
    return cost;
}

size_t mer_evaluation_parallel_fits(const struct mer_evaluation *evaluation,
                                    const struct mer_ctx *ctx)
{
    const size_t n_threads = mer_team_size(ctx->team), n_folds = evaluation->data.n_folds;
    return !evaluation->runs_parallel ? 1 : n_threads < n_folds ? n_threads : n_folds;
}

static mer_status score_predictions(const struct mer_ctx *ctx,
                                    const struct mer_evaluation *evaluation,
                                    const struct fold *fold, const double *predictions,
                                    double *ret_score, mer_err *err)
{
    const struct mer_scored scored = {
        .n = fold->n_valid,
        .n_classes = evaluation->data.target->n_classes,
        .truth_values = fold->values ? fold->values + fold->n_train : NULL,
        .truth_classes = fold->classes ? fold->classes + fold->n_train : NULL,
        .predictions = predictions,
        .weights = fold->weights ? fold->weights + fold->n_train : NULL};
    return evaluation->data.metric->score(ctx, &scored, ret_score, err);
}

static mer_status fit_and_score(const struct mer_ctx *ctx, const struct mer_evaluation *evaluation,
                                const struct fold *fold, const struct mer_design *train,
                                const struct mer_design *valid, const struct mer_family *family,
                                const struct mer_params *params, double *ret_score, mer_err *err)
{
    const struct mer_target target = fold_target(evaluation, fold);
    const struct mer_fit_data fit_data = {.design = train,
                                          .target = &target,
                                          .seed = evaluation->data.seed,
                                          .monotone = fold->monotone};
    const size_t n_outputs = mer_target_outputs(target.task, target.n_classes);
    struct mer_model *model = NULL;
    double *predictions = NULL;
    mer_status status;

    MER_GUARD_GOTO(family->fit(ctx, params, &fit_data, &model, err), out);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, fold->n_valid, n_outputs * sizeof(*predictions),
                                   &predictions, err),
                   out);
    MER_GUARD_GOTO(family->predict(ctx, model, valid, predictions, err), out);
    MER_GUARD_GOTO(score_predictions(ctx, evaluation, fold, predictions, ret_score, err), out);
out:
    mer_free(ctx->alloc, predictions);
    if (model)
        family->free(ctx, model);
    return status;
}

static mer_status score_fold(const struct mer_ctx *ctx, const struct mer_evaluation *evaluation,
                             const struct fold *fold, const struct mer_family *family,
                             const struct mer_params *params, double *ret_score, mer_err *err)
{
    struct mer_prepared train, valid;

    *ret_score = NAN;
    if (fold->n_valid == 0)
        return mer_ok();
    if (evaluation->keeps_designs)
        return fit_and_score(ctx, evaluation, fold, &fold->train.design, &fold->valid.design,
                             family, params, ret_score, err);
    MER_GUARD(apply(ctx, evaluation, fold, &train, &valid, err));
    const mer_status status = fit_and_score(ctx, evaluation, fold, &train.design, &valid.design,
                                            family, params, ret_score, err);
    mer_prepared_release(ctx, &train);
    mer_prepared_release(ctx, &valid);
    return status;
}

/* Folds side by side: each with a context of its own, because a team cannot be used inside a task
 * and progress is told by the driving thread only. */
struct fold_job {
    struct mer_ctx ctx;
    const struct mer_evaluation *evaluation;
    const struct mer_family *family;
    const struct mer_params *params;
    struct fold_result {
        double score;
        mer_status status;
        mer_err err;
    } results[];
};

static void score_fold_task(void *argument, size_t f, size_t worker)
{
    struct fold_job *job = argument;
    struct fold_result *result = &job->results[f];

    (void)worker;
    mer_err_clear(&result->err);
    result->status = score_fold(&job->ctx, job->evaluation, &job->evaluation->folds[f], job->family,
                                job->params, &result->score, &result->err);
}

static mer_status score_side_by_side(const struct mer_ctx *ctx,
                                     const struct mer_evaluation *evaluation,
                                     const struct mer_family *family,
                                     const struct mer_params *params, double *scores, mer_err *err)
{
    const size_t n_folds = evaluation->data.n_folds;
    struct fold_job *job;
    mer_status status = mer_ok();

    MER_GUARD(
        mer_alloc_zero(ctx->alloc, 1, sizeof(*job) + n_folds * sizeof(*job->results), &job, err));
    job->ctx = *ctx;
    job->ctx.team = NULL;
    job->ctx.progress = NULL;
    job->evaluation = evaluation;
    job->family = family;
    job->params = params;
    mer_team_run(ctx->team, score_fold_task, job, n_folds);
    for (size_t f = 0; f < n_folds && mer_is_ok(status); f++) {
        scores[f] = job->results[f].score;
        status = job->results[f].status;
        if (!mer_is_ok(status) && err)
            *err = job->results[f].err;
    }
    mer_free(ctx->alloc, job);
    return status;
}

mer_status mer_evaluation_run(const struct mer_ctx *ctx, const struct mer_evaluation *evaluation,
                              const struct mer_family *family, const struct mer_params *params,
                              double *ret_scores, mer_err *err)
{
    if (evaluation->runs_parallel)
        return score_side_by_side(ctx, evaluation, family, params, ret_scores, err);
    for (size_t f = 0; f < evaluation->data.n_folds; f++)
        MER_GUARD(score_fold(ctx, evaluation, &evaluation->folds[f], family, params, &ret_scores[f],
                             err));
    return mer_ok();
}

static mer_status fit_and_visit(const struct mer_ctx *ctx, const struct mer_evaluation *evaluation,
                                size_t f, const struct mer_design *train,
                                const struct mer_design *valid, const struct mer_family *family,
                                const struct mer_params *params, mer_fold_visit *visit, void *self,
                                mer_err *err)
{
    const struct fold *fold = &evaluation->folds[f];
    const struct mer_target target = fold_target(evaluation, fold);
    const struct mer_fit_data fit_data = {.design = train,
                                          .target = &target,
                                          .seed = evaluation->data.seed,
                                          .monotone = evaluation->folds[f].monotone};
    struct mer_model *model;

    MER_GUARD(family->fit(ctx, params, &fit_data, &model, err));
    const struct mer_fold_fit fit = {.fold = f,
                                     .n_folds = evaluation->data.n_folds,
                                     .task = target.task,
                                     .n_classes = target.n_classes,
                                     .family = family,
                                     .model = model,
                                     .prepare = fold->prepare,
                                     .design = valid,
                                     .n_rows = fold->n_valid,
                                     .values = fold->values ? fold->values + fold->n_train : NULL,
                                     .classes =
                                         fold->classes ? fold->classes + fold->n_train : NULL,
                                     .seed = evaluation->data.seed};
    const mer_status status = visit(self, ctx, &fit, err);
    family->free(ctx, model);
    return status;
}

static mer_status visit_fold(const struct mer_ctx *ctx, const struct mer_evaluation *evaluation,
                             size_t f, const struct mer_family *family,
                             const struct mer_params *params, mer_fold_visit *visit, void *self,
                             mer_err *err)
{
    const struct fold *fold = &evaluation->folds[f];
    struct mer_prepared train, valid;

    if (fold->n_valid == 0)
        return mer_ok();
    if (evaluation->keeps_designs)
        return fit_and_visit(ctx, evaluation, f, &fold->train.design, &fold->valid.design, family,
                             params, visit, self, err);
    MER_GUARD(apply(ctx, evaluation, fold, &train, &valid, err));
    const mer_status status = fit_and_visit(ctx, evaluation, f, &train.design, &valid.design,
                                            family, params, visit, self, err);
    mer_prepared_release(ctx, &train);
    mer_prepared_release(ctx, &valid);
    return status;
}

mer_status mer_evaluation_visit(const struct mer_ctx *ctx, const struct mer_evaluation *evaluation,
                                const struct mer_family *family, const struct mer_params *params,
                                mer_fold_visit *visit, void *self, mer_err *err)
{
    for (size_t f = 0; f < evaluation->data.n_folds; f++) {
        mer_ctx_progress(ctx, "studying", f, evaluation->data.n_folds);
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        MER_GUARD(visit_fold(ctx, evaluation, f, family, params, visit, self, err));
    }
    mer_ctx_progress(ctx, "studying", evaluation->data.n_folds, evaluation->data.n_folds);
    return mer_ok();
}
