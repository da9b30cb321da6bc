/* What a search tells of its settings beside the score that decides: further metrics of the same
 * predictions for held-out rows. They are those that a journal keeps, floats, so that a resumed run
 * tells the same.
 */
#include <math.h>

#include "automl/search_internal.h"

mer_status mer_search_choose_reported(struct mer_search *search, mer_err *err)
{
    const struct mer_reported *const given = search->options->reported;
    struct mer_reported *const reported = &search->pipeline->reported;

    if (!given) {
        mer_reported_usual(search->target.task, search->metric, reported);
        return mer_ok();
    }
    for (size_t i = 0; i < given->n; i++) {
        if (!mer_metric_fits(given->metrics[i], search->target.task))
            return mer_fail(err, MER_ERR_USAGE, "the metric %s does not fit the task %s",
                            given->metrics[i]->name, mer_task_name(search->target.task));
        if (given->metrics[i] == search->metric)
            continue;
        reported->scores[reported->n] = (double)NAN;
        reported->metrics[reported->n++] = given->metrics[i];
    }
    return mer_ok();
}

mer_status mer_search_mean_score(const struct mer_ctx *ctx, const struct mer_search *search,
                                 const struct mer_metric *metric, const double *predictions,
                                 double *ret_score, mer_err *err)
{
    double scores[MER_FOLDS_MAX], sum = 0;
    size_t n = 0;

    MER_GUARD(mer_evaluation_score(ctx, search->evaluation, metric, predictions, scores, err));
    for (size_t f = 0; f < search->n_folds; f++) {
        sum += isnan(scores[f]) ? 0 : scores[f];
        n += isnan(scores[f]) ? 0 : 1;
    }
    *ret_score = n > 0 ? sum / (double)n : (double)NAN;
    return mer_ok();
}

mer_status mer_search_report(const struct mer_ctx *ctx, const struct mer_search *search,
                             const double *predictions, double *ret_scores, mer_err *err)
{
    const struct mer_reported *const reported = &search->pipeline->reported;

    for (size_t i = 0; i < reported->n; i++) {
        const mer_status status = mer_search_mean_score(ctx, search, reported->metrics[i],
                                                        predictions, &ret_scores[i], err);
        /* A metric that these data do not suit is no reason to have no model. */
        if (status.code == MER_ERR_DATA) {
            mer_err_clear(err);
            ret_scores[i] = (double)NAN;
            continue;
        }
        MER_GUARD(status);
        if (!isfinite(ret_scores[i]))
            ret_scores[i] = (double)NAN;
    }
    return mer_ok();
}

mer_status mer_search_report_trial(const struct mer_ctx *ctx, const struct mer_search *search,
                                   const struct mer_trial_result *result, double *ret_scores,
                                   mer_err *err)
{
    const size_t n = result->n_held_out * result->n_outputs;
    double *kept;

    for (size_t i = 0; i < MER_REPORTED_MAX; i++)
        ret_scores[i] = (double)NAN;
    if (!mer_is_ok(result->status) || !result->held_out || search->pipeline->reported.n == 0)
        return mer_ok();
    MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof(*kept), &kept, err));
    for (size_t i = 0; i < n; i++)
        kept[i] = (double)(float)result->held_out[i];
    const mer_status status = mer_search_report(ctx, search, kept, ret_scores, err);
    mer_free(ctx->alloc, kept);
    return status;
}
