#include "automl/continuation.h"

#include <math.h>
#include <string.h>

#include "automl/target.h"

static const char ROUNDS[] = "n_estimators";

mer_status mer_continuation_check(const struct mer_pipeline *pipeline, mer_err *err)
{
    const struct mer_family *const family = pipeline->members[0].family;
    if (pipeline->n_members > 1)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE,
                                 "the model to go on from averages %zu models: one alone can be "
                                 "gone on with",
                                 pipeline->n_members),
                        "fit it with --deploy fast, or name its family (--model gbdt)");
    if (pipeline->n_quantiles > 0)
        return mer_fail(err, MER_ERR_USAGE,
                        "the model to go on from predicts quantiles beside its number, and those "
                        "would stay behind");
    if (!(family->capabilities & MER_CAN_CONTINUE))
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE,
                                 "the model to go on from is of the family %s, which does not grow "
                                 "step by step",
                                 family->name),
                        "of the family gbdt it could be gone on with");
    return mer_ok();
}

/* What a round's trees are fitted to: another one would not add to those that are there. */
static mer_status check_objective(const struct mer_family *family, const struct mer_params *before,
                                  const struct mer_params *after, mer_err *err)
{
    static const char *const names[] = {"objective", "quantile_alpha", "huber_slope",
                                        "tweedie_variance_power"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const size_t at = mer_params_find(family->params, family->n_params, names[i]);
        if (at != SIZE_MAX && before->values[at] != after->values[at])
            return mer_fail(err, MER_ERR_USAGE,
                            "the model to go on from was fitted with another %s, which cannot "
                            "change on the way",
                            names[i]);
    }
    return mer_ok();
}

/* The parameters of the fit to come, and in *ret_whole what they are of both together. */
static mer_status choose_params(const struct mer_member *member, const struct mer_continuation *how,
                                struct mer_params *ret_more, struct mer_params *ret_whole,
                                mer_err *err)
{
    const struct mer_family *const family = member->family;
    const size_t rounds = mer_params_find(family->params, family->n_params, ROUNDS);
    struct mer_params more = member->params;
    for (size_t i = 0; i < how->n_settings; i++)
        MER_GUARD(mer_params_set(family->params, family->n_params, how->settings[i][0],
                                 how->settings[i][1], &more, err));
    MER_GUARD(check_objective(family, &member->params, &more, err));
    struct mer_params whole = more;
    whole.values[rounds] += member->params.values[rounds];
    if (whole.values[rounds] > family->params[rounds].maximum)
        return mer_fail(err, MER_ERR_USAGE, "%.0f rounds and %.0f more are above %.0f",
                        member->params.values[rounds], more.values[rounds],
                        family->params[rounds].maximum);
    *ret_more = more;
    *ret_whole = whole;
    return mer_ok();
}

/* Numbers the classes as the model does: a table numbers them by how often they are in it, and need
 * not have all of them. */
static mer_status renumber(const struct mer_ctx *ctx, const struct mer_pipeline *pipeline,
                           size_t n_rows, struct mer_learned_target *target, mer_err *err)
{
    int32_t *number_of;
    mer_status status = mer_ok();
    MER_GUARD(mer_alloc_array(ctx->alloc, target->n_classes, sizeof *number_of, &number_of, err));
    for (size_t k = 0; mer_is_ok(status) && k < target->n_classes; k++) {
        size_t at = 0;
        while (at < pipeline->n_classes && strcmp(target->labels[k], pipeline->labels[at]) != 0)
            at++;
        number_of[k] = (int32_t)at;
        if (at == pipeline->n_classes)
            status = mer_fail(err, MER_ERR_DATA,
                              "column %s has a class that the model to go on from does not know",
                              mer_quote(pipeline->target).text);
    }
    for (size_t row = 0; mer_is_ok(status) && row < n_rows; row++)
        target->classes[row] = number_of[target->classes[row]];
    mer_free(ctx->alloc, number_of);
    return status;
}

/* What was learned from rows that the model before had not seen, and what it scored there. */
static void forget_held_out(struct mer_pipeline *pipeline, const struct mer_params *params)
{
    pipeline->recalibration = (struct mer_recalibration){.method = MER_RECALIBRATION_NONE,
                                                         .temperature = 1,
                                                         .loss_before = (double)NAN,
                                                         .loss_after = (double)NAN};
    pipeline->threshold =
        (struct mer_threshold){.score_before = (double)NAN, .score_after = (double)NAN};
    pipeline->conformal = (struct mer_conformal){.n_rows = 0};
    pipeline->score = (double)NAN;
    pipeline->trials[0] = (struct mer_trial){.family = pipeline->members[0].family,
                                             .params = *params,
                                             .score = (double)NAN,
                                             .deviation = (double)NAN,
                                             .units = pipeline->trials[0].units};
    pipeline->n_trials = 1;
    pipeline->reported = (struct mer_reported){.n = 0};
}

static mer_status fit_more(const struct mer_ctx *ctx, struct mer_pipeline *pipeline,
                           const struct mer_frame *frame, const struct mer_continuation *how,
                           const struct mer_target *target, mer_err *err)
{
    struct mer_member *const member = &pipeline->members[0];
    struct mer_params more, whole;
    struct mer_prepared prepared;
    struct mer_model *model = NULL;
    int8_t *monotone = NULL;
    MER_GUARD(choose_params(member, how, &more, &whole, err));
    MER_GUARD(mer_prepare_apply(ctx, pipeline->prepare, frame, NULL, 0, &prepared, err));
    const uint64_t seed = how->seed ? *how->seed : pipeline->seed;
    const uint64_t units = member->family->cost(&more, &prepared.design, target);
    mer_status status = mer_prepare_directions(ctx, pipeline->prepare, how->directions,
                                               how->n_directions, &monotone, err);
    const struct mer_fit_data data = {.design = &prepared.design,
                                      .target = target,
                                      .seed = seed,
                                      .start = member->model,
                                      .monotone = monotone};
    if (mer_is_ok(status))
        status = member->family->fit(ctx, &more, &data, &model, err);
    mer_free(ctx->alloc, monotone);
    mer_prepared_release(ctx, &prepared);
    MER_GUARD(status);
    member->family->free(ctx, member->model);
    member->model = model;
    member->params = whole;
    pipeline->seed = seed;
    pipeline->units += units;
    pipeline->n_train_rows = frame->n_rows;
    forget_held_out(pipeline, &whole);
    return mer_ok();
}

mer_status mer_pipeline_continue(const struct mer_ctx *ctx, struct mer_pipeline *pipeline,
                                 const struct mer_frame *frame, const struct mer_continuation *how,
                                 mer_err *err)
{
    struct mer_learned_target learned = {.task = pipeline->task};
    double *balanced = NULL;
    size_t column;
    MER_GUARD(mer_continuation_check(pipeline, err));
    if (pipeline->n_trials == 0)
        MER_GUARD(
            mer_arena_zero(&pipeline->arena, 1, sizeof *pipeline->trials, &pipeline->trials, err));
    MER_GUARD(mer_frame_want(frame, pipeline->target, &column, err));
    MER_GUARD(
        mer_target_learn(ctx, frame, column, &pipeline->task, &pipeline->arena, &learned, err));
    mer_status status = mer_ok();
    if (how->balance_classes)
        status = mer_target_balance(ctx, &learned, how->weights, frame->n_rows, frame->n_rows,
                                    &balanced, err);
    if (mer_is_ok(status) && learned.classes)
        status = renumber(ctx, pipeline, frame->n_rows, &learned, err);
    const struct mer_target target = {.task = pipeline->task,
                                      .values = learned.values,
                                      .classes = learned.classes,
                                      .weights = balanced ? balanced : how->weights,
                                      .n_classes = pipeline->n_classes};
    mer_ctx_progress(ctx, "fitting", 0, 1);
    if (mer_is_ok(status))
        status = fit_more(ctx, pipeline, frame, how, &target, err);
    mer_free(ctx->alloc, balanced);
    mer_learned_target_release(ctx, &learned);
    return status;
}
