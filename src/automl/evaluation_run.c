/* Fits and scores settings on the folds of an evaluation. */
#include <string.h>

#include "automl/evaluation_internal.h"
#include "automl/rows.h"
#include "core/math.h"
#include "core/team.h"

static mer_status score_predictions(const struct mer_ctx *ctx,
                                    const struct mer_evaluation *evaluation,
                                    const struct mer_metric *metric, const struct mer_fold *fold,
                                    const double *predictions, double *ret_score, mer_err *err)
{
    const struct mer_scored scored = {
        .n = fold->n_valid,
        .n_classes = evaluation->data.target->n_classes,
        .truth_values = fold->values ? fold->values + fold->n_train : NULL,
        .truth_classes = fold->classes ? fold->classes + fold->n_train : NULL,
        .predictions = predictions,
        .weights = fold->weights ? fold->weights + fold->n_train : NULL};
    return metric->score(ctx, &scored, ret_score, err);
}

mer_status mer_evaluation_score(const struct mer_ctx *ctx, const struct mer_evaluation *evaluation,
                                const struct mer_metric *metric, const double *predictions,
                                double *ret_scores, mer_err *err)
{
    const size_t n_outputs =
        mer_target_outputs(evaluation->data.target->task, evaluation->data.target->n_classes);
    double *own;

    MER_GUARD(
        mer_alloc_array(ctx->alloc, evaluation->n_held_out, n_outputs * sizeof(*own), &own, err));
    mer_status status = mer_ok();
    for (size_t f = 0; f < evaluation->data.n_folds && mer_is_ok(status); f++) {
        const struct mer_fold *fold = &evaluation->folds[f];
        ret_scores[f] = (double)NAN;
        if (fold->n_valid == 0)
            continue;
        for (size_t i = 0; i < fold->n_valid; i++)
            memcpy(own + i * n_outputs,
                   predictions + fold->place[fold->rows[fold->n_train + i]] * n_outputs,
                   n_outputs * sizeof(*own));
        status = score_predictions(ctx, evaluation, metric, fold, own, &ret_scores[f], err);
    }
    mer_free(ctx->alloc, own);
    return status;
}

/* One fold of a trial. */
struct fold_job {
    const struct mer_evaluation *evaluation;
    const struct mer_trial_request *request;
    struct mer_trial_result *result;
};

/* Puts the predictions of a fold's rows to where the rows are among all that are held out. */
static void keep_held_out(const struct fold_job *job, const struct mer_fold *fold,
                          const double *predictions)
{
    const size_t n_outputs = job->result->n_outputs;
    const uint32_t *rows = fold->rows + fold->n_train;

    for (size_t i = 0; i < fold->n_valid; i++)
        memcpy(job->result->held_out + fold->place[rows[i]] * n_outputs,
               predictions + i * n_outputs, n_outputs * sizeof(*predictions));
}

/* Fits on the first n_train training rows; where boosting may stop early, the rows to score on say
 * when. */
static mer_status fit_fold(const struct mer_ctx *ctx, const struct fold_job *job, size_t f,
                           const struct mer_design *train, const struct mer_design *valid,
                           size_t n_train, struct mer_model **ret_model, mer_err *err)
{
    const struct mer_trial_request *request = job->request;
    const struct mer_fold *fold = &job->evaluation->folds[f];
    const struct mer_target target = mer_fold_target(job->evaluation, fold);
    struct mer_design share = *train;
    struct mer_fit_data data = {.design = &share,
                                .target = &target,
                                .seed = job->evaluation->data.seed,
                                .monotone = fold->monotone};
    struct mer_rows joined = {.dense = NULL};

    share.n_rows = n_train;
    if (request->patience == 0 || !(request->family->capabilities & MER_CAN_WATCH))
        return request->family->fit(ctx, &request->params, &data, ret_model, err);
    /* On a rung, the same share of the rows to score on is watched. */
    const size_t stride = (size_t)1 << (2 * request->rung);
    const size_t n_watched = (fold->n_valid + stride - 1) / stride;
    const struct mer_row_source sources[] = {
        {.design = train, .target = &target, .stride = 1, .n = n_train},
        {.design = valid,
         .target = &target,
         .target_first = fold->n_train,
         .stride = stride,
         .n = n_watched}};
    /* No family takes the sparse block and watches. */
    mer_status status = mer_rows_copy(ctx, sources, 2, &joined, err);
    data.design = &joined.design;
    data.target = &joined.target;
    data.n_watched = n_watched;
    data.patience = request->patience;
    data.ret_n_rounds = &job->result->n_rounds[f];
    if (mer_is_ok(status))
        status = request->family->fit(ctx, &request->params, &data, ret_model, err);
    mer_rows_release(ctx, &joined);
    return status;
}

static mer_status fit_and_score(const struct mer_ctx *ctx, const struct fold_job *job, size_t f,
                                const struct mer_design *train, const struct mer_design *valid,
                                mer_err *err)
{
    const struct mer_evaluation *evaluation = job->evaluation;
    const struct mer_family *family = job->request->family;
    const struct mer_fold *fold = &evaluation->folds[f];
    const size_t n_train = fold->n_of_rung[job->request->rung];
    struct mer_model *model = NULL;
    double *predictions = NULL;
    mer_status status;

    MER_GUARD_GOTO(fit_fold(ctx, job, f, train, valid, n_train, &model, err), out);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, fold->n_valid,
                                   job->result->n_outputs * sizeof(*predictions), &predictions,
                                   err),
                   out);
    MER_GUARD_GOTO(family->predict(ctx, model, valid, predictions, err), out);
    MER_GUARD_GOTO(score_predictions(ctx, evaluation, evaluation->data.metric, fold, predictions,
                                     &job->result->scores[f], err),
                   out);
    if (job->result->held_out)
        keep_held_out(job, fold, predictions);
out:
    mer_free(ctx->alloc, predictions);
    if (model)
        family->free(ctx, model);
    return status;
}

static mer_status score_fold(const struct mer_ctx *ctx, const struct fold_job *job, size_t f,
                             mer_err *err)
{
    const struct mer_fold *fold = &job->evaluation->folds[f];
    struct mer_prepared train, valid;

    job->result->scores[f] = NAN;
    if (fold->n_valid == 0)
        return mer_ok();
    if (job->evaluation->keeps_designs)
        return fit_and_score(ctx, job, f, &fold->train.design, &fold->valid.design, err);
    MER_GUARD(mer_fold_apply(ctx, job->evaluation, fold, &train, &valid, err));
    const mer_status status = fit_and_score(ctx, job, f, &train.design, &valid.design, err);
    mer_prepared_release(ctx, &train);
    mer_prepared_release(ctx, &valid);
    return status;
}

/* Folds side by side: each with a context of its own, because a team cannot be used inside a task
 * and progress is told by the driving thread only. */
struct parallel_job {
    struct mer_ctx ctx;
    const struct fold_job *job;
    struct fold_end {
        mer_status status;
        mer_err err;
    } ends[];
};

static void score_fold_task(void *argument, size_t f, size_t worker)
{
    struct parallel_job *parallel = argument;
    struct fold_end *end = &parallel->ends[f];

    (void)worker;
    mer_err_clear(&end->err);
    end->status = score_fold(&parallel->ctx, parallel->job, f, &end->err);
}

static mer_status score_side_by_side(const struct mer_ctx *ctx, const struct fold_job *job,
                                     mer_err *err)
{
    const size_t n_folds = job->evaluation->data.n_folds;
    struct parallel_job *parallel;
    mer_status status = mer_ok();

    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof(*parallel) + n_folds * sizeof(*parallel->ends),
                             &parallel, err));
    parallel->ctx = *ctx;
    parallel->ctx.team = NULL;
    parallel->ctx.progress = NULL;
    parallel->job = job;
    mer_team_run(ctx->team, score_fold_task, parallel, n_folds);
    for (size_t f = 0; f < n_folds && mer_is_ok(status); f++) {
        status = parallel->ends[f].status;
        if (!mer_is_ok(status) && err)
            *err = parallel->ends[f].err;
    }
    mer_free(ctx->alloc, parallel);
    return status;
}

mer_status mer_evaluation_run(const struct mer_ctx *ctx, const struct mer_evaluation *evaluation,
                              const struct mer_trial_request *request,
                              struct mer_trial_result *result, mer_err *err)
{
    const struct mer_learned_target *target = evaluation->data.target;
    const struct fold_job job = {evaluation, request, result};
    size_t n_values;

    if (request->rung > evaluation->n_rungs)
        return mer_fail(err, MER_ERR_INTERNAL, "a trial on rung %u of %u", request->rung,
                        evaluation->n_rungs);
    result->n_scores = evaluation->data.n_folds;
    result->n_outputs = mer_target_outputs(target->task, target->n_classes);
    if (request->wants_held_out) {
        if (!mer_size_mul(evaluation->n_held_out, result->n_outputs, &n_values))
            return mer_fail(err, MER_ERR_MEMORY, "the predictions do not fit into memory");
        MER_GUARD(mer_alloc_array(ctx->alloc, n_values, sizeof(double), &result->held_out, err));
        result->n_held_out = evaluation->n_held_out;
    }
    if (evaluation->runs_parallel)
        return score_side_by_side(ctx, &job, err);
    for (size_t f = 0; f < evaluation->data.n_folds; f++)
        MER_GUARD(score_fold(ctx, &job, f, err));
    return mer_ok();
}

/* What looks at the folds, and at which models. */
struct visiting {
    const struct mer_evaluation *evaluation;
    const struct mer_fold_visits *visits;
};

/* The members of a second layer, on what the folds' models say of the training rows. */
static mer_status fit_second(const struct mer_ctx *ctx, const struct visiting *visiting, size_t f,
                             const struct mer_fold *fold, const struct mer_fit_data *first,
                             struct mer_member *fitted, mer_err *err)
{
    const struct mer_fold_visits *visits = visiting->visits;
    struct mer_fit_data data = *first;
    struct mer_stacked stacked = {.dense = NULL};
    double *columns;

    MER_GUARD(mer_fold_columns(ctx, fold, visits->stack_columns[f], visits->n_stack_columns, 0,
                               first->design->n_rows, &columns, err));
    mer_status status =
        mer_stack_extend(ctx, first->design, columns, visits->n_stack_columns, &stacked, err);
    data.design = &stacked.design;
    for (size_t i = 0; i < visits->n_members && mer_is_ok(status); i++)
        if (fitted[i].is_second)
            status = fitted[i].family->fit(ctx, &fitted[i].params, &data, &fitted[i].model, err);
    mer_stack_release(ctx, &stacked);
    mer_free(ctx->alloc, columns);
    return status;
}

static mer_status fit_members(const struct mer_ctx *ctx, const struct visiting *visiting, size_t f,
                              const struct mer_fold *fold, const struct mer_design *train,
                              struct mer_member *fitted, mer_err *err)
{
    const struct mer_target target = mer_fold_target(visiting->evaluation, fold);
    const struct mer_fit_data fit_data = {.design = train,
                                          .target = &target,
                                          .seed = visiting->evaluation->data.seed,
                                          .monotone = fold->monotone};

    for (size_t i = 0; i < visiting->visits->n_members; i++) {
        fitted[i] = visiting->visits->members[i];
        fitted[i].model = NULL;
    }
    const size_t n_bases = mer_members_bases(fitted, visiting->visits->n_members);
    const size_t n_first = n_bases > 0 ? n_bases : visiting->visits->n_members;
    for (size_t i = 0; i < n_first; i++)
        MER_GUARD(fitted[i].family->fit(ctx, &fitted[i].params, &fit_data, &fitted[i].model, err));
    return n_bases > 0 ? fit_second(ctx, visiting, f, fold, &fit_data, fitted, err) : mer_ok();
}

static mer_status fit_and_visit(const struct mer_ctx *ctx, const struct visiting *visiting,
                                size_t f, const struct mer_fold *fold,
                                const struct mer_design *train, const struct mer_design *valid,
                                mer_err *err)
{
    const struct mer_evaluation *evaluation = visiting->evaluation;
    const struct mer_target target = mer_fold_target(evaluation, fold);
    struct mer_member *fitted;

    MER_GUARD(
        mer_alloc_zero(ctx->alloc, visiting->visits->n_members, sizeof(*fitted), &fitted, err));
    const struct mer_fold_fit fit = {.fold = f,
                                     .n_folds = evaluation->how->n_folds,
                                     .task = evaluation->data.target->task,
                                     .n_classes = evaluation->data.target->n_classes,
                                     .members = fitted,
                                     .n_members = visiting->visits->n_members,
                                     .recalibration = visiting->visits->recalibration,
                                     .threshold = visiting->visits->threshold,
                                     .prepare = fold->prepare,
                                     .train = train,
                                     .train_target = &target,
                                     .design = valid,
                                     .n_rows = fold->n_valid,
                                     .values = fold->values ? fold->values + fold->n_train : NULL,
                                     .classes =
                                         fold->classes ? fold->classes + fold->n_train : NULL,
                                     .seed = evaluation->data.seed};
    mer_status status = fit_members(ctx, visiting, f, fold, train, fitted, err);
    if (mer_is_ok(status))
        status = visiting->visits->visit(visiting->visits->self, ctx, &fit, err);
    mer_members_release(ctx, fitted, visiting->visits->n_members);
    mer_free(ctx->alloc, fitted);
    return status;
}

static mer_status visit_prepared(const struct mer_ctx *ctx, const struct visiting *visiting,
                                 size_t f, const struct mer_fold *fold, mer_err *err)
{
    struct mer_prepared train, valid;

    MER_GUARD(mer_fold_apply(ctx, visiting->evaluation, fold, &train, &valid, err));
    const mer_status status =
        fit_and_visit(ctx, visiting, f, fold, &train.design, &valid.design, err);
    mer_prepared_release(ctx, &train);
    mer_prepared_release(ctx, &valid);
    return status;
}

/* Where trials run elsewhere only shapes were wanted so far, but texts are condensed here. */
static bool lacks_texts(const struct mer_evaluation *evaluation, const struct mer_fold *fold)
{
    struct mer_design shape;

    mer_prepare_shape(fold->prepare, &shape);
    return evaluation->data.shapes_only && shape.n_sparse > 0;
}

static mer_status visit_fold(const struct mer_ctx *ctx, const struct visiting *visiting, size_t f,
                             mer_err *err)
{
    const struct mer_evaluation *evaluation = visiting->evaluation;
    const struct mer_fold *fold = &evaluation->folds[f];

    if (fold->n_valid == 0)
        return mer_ok();
    if (evaluation->keeps_designs)
        return fit_and_visit(ctx, visiting, f, fold, &fold->train.design, &fold->valid.design, err);
    if (!lacks_texts(evaluation, fold))
        return visit_prepared(ctx, visiting, f, fold, err);
    struct mer_fold whole = *fold;
    MER_GUARD(mer_fold_prepare(ctx, evaluation, fold, false, &whole.prepare, err));
    const mer_status status = visit_prepared(ctx, visiting, f, &whole, err);
    mer_prepare_free(ctx, whole.prepare);
    return status;
}

mer_status mer_evaluation_visit(const struct mer_ctx *ctx, const struct mer_evaluation *evaluation,
                                const struct mer_fold_visits *visits, mer_err *err)
{
    const struct visiting visiting = {evaluation, visits};
    const size_t n_folds = evaluation->how->n_folds;

    for (size_t f = 0; f < n_folds; f++) {
        mer_ctx_progress(ctx, "studying", f, n_folds);
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        MER_GUARD(visit_fold(ctx, &visiting, f, err));
    }
    mer_ctx_progress(ctx, "studying", n_folds, n_folds);
    return mer_ok();
}
