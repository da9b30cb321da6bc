/* What the held-out rows tell of the predictions that were chosen, beyond their score. A member
 * that time takes away later changes the predictions little, and all this only knows the others'
 * mean.
 */
#include <math.h>
#include <string.h>

#include "automl/search_internal.h"

void mer_keep_average(const struct mer_keep *keep, const uint32_t *weights, double *ret)
{
    uint64_t total = 0;

    for (size_t m = 0; m < keep->n; m++)
        total += weights[m];
    memset(ret, 0, keep->n_values * sizeof(*ret));
    for (size_t m = 0; m < keep->n; m++)
        for (size_t i = 0; weights[m] > 0 && i < keep->n_values; i++)
            ret[i] += (double)weights[m] / (double)total * (double)keep->items[m].predictions[i];
}

/* Metrics that look at the order of the rows alone, which curves blur. */
static bool looks_at_order(const struct mer_metric *metric)
{
    return strcmp(metric->name, "auc") == 0 || strcmp(metric->name, "average_precision") == 0;
}

mer_status mer_search_check_after(const struct mer_search *search, mer_err *err)
{
    const struct mer_search_options *const options = search->options;

    MER_GUARD(mer_recalibration_check(options->calibrate,
                                      mer_evaluation_n_held_out(search->evaluation),
                                      search->target.n_classes, err));
    if (options->n_quantiles > 0 && search->target.task != MER_TASK_REGRESSION)
        return mer_fail(err, MER_ERR_USAGE, "quantiles are of a number: the target has classes");
    if (options->n_quantiles > 0 &&
        !mer_quantile_levels_are_sound(options->quantiles, options->n_quantiles))
        return mer_hint(err, mer_fail(err, MER_ERR_USAGE, "these are no levels of quantiles"),
                        "they rise, lie between 0 and 1, and are %d at the most: 0.1,0.5,0.9",
                        MER_QUANTILES_MAX);
    if (options->threshold_choice != MER_THRESHOLD_BY_METRIC &&
        search->target.task != MER_TASK_BINARY)
        return mer_fail(err, MER_ERR_USAGE, "a threshold is for a target of two classes");
    return mer_ok();
}

static void tell(const struct mer_ctx *ctx, const struct mer_pipeline *pipeline)
{
    const struct mer_recalibration *const calibration = &pipeline->recalibration;
    const struct mer_threshold *const threshold = &pipeline->threshold;

    if (isfinite(calibration->loss_before))
        mer_log_info(ctx, "automl", "calibration: %s, log loss %.6g, without it %.6g",
                     mer_recalibration_name(calibration->method), calibration->loss_after,
                     calibration->loss_before);
    if (threshold->metric && threshold->value > 0)
        mer_log_info(ctx, "automl", "class 2 from probability %.6g on: %s %.6g, otherwise %.6g",
                     threshold->value, threshold->metric, threshold->score_after,
                     threshold->score_before);
}

mer_status mer_search_learn_from(const struct mer_ctx *ctx, struct mer_search *search,
                                 const struct mer_held_out *held_out, double *predictions,
                                 mer_err *err)
{
    const struct mer_search_options *const options = search->options;
    struct mer_pipeline *const pipeline = search->pipeline;
    const size_t n_classes = search->target.n_classes;

    if (n_classes > 0) {
        const struct mer_recalibrating from = {.choice = options->calibrate,
                                               .only_order_kept = looks_at_order(search->metric),
                                               .n_rows = held_out->n_rows,
                                               .n_classes = n_classes,
                                               .classes = held_out->classes,
                                               .weights = held_out->weights,
                                               .seed = options->seed};
        MER_GUARD(mer_recalibration_learn(ctx, &from, predictions, &pipeline->arena,
                                          &pipeline->recalibration, err));
    }
    if (search->target.task == MER_TASK_BINARY) {
        const struct mer_thresholding from = {.choice = options->threshold_choice,
                                              .given = options->threshold,
                                              .metric = search->metric,
                                              .scored = {.n = held_out->n_rows,
                                                         .n_classes = n_classes,
                                                         .truth_classes = held_out->classes,
                                                         .predictions = predictions,
                                                         .weights = held_out->weights},
                                              .seed = options->seed};
        MER_GUARD(mer_threshold_learn(ctx, &from, &pipeline->threshold, err));
    }
    tell(ctx, pipeline);
    return mer_search_learn_errors(ctx, search, held_out, predictions, err);
}

mer_status mer_search_learn_after(const struct mer_ctx *ctx, struct mer_search *search,
                                  const uint32_t *weights, mer_err *err)
{
    const struct mer_held_out *held_out;
    double *predictions;

    MER_GUARD(mer_evaluation_held_out(ctx, search->evaluation, &held_out, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, search->keep.n_values, sizeof(*predictions), &predictions,
                              err));
    mer_status status = mer_search_unseen(ctx, search, held_out, weights, predictions, err);
    if (mer_is_ok(status))
        status = mer_search_learn_from(ctx, search, held_out, predictions, err);
    mer_free(ctx->alloc, predictions);
    return status;
}
