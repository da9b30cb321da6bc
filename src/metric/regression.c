/* Metrics of regression. Definitions: scikit-learn 1.2, sklearn.metrics. */
#include <float.h>

#include "core/order.h"
#include "metric/metric_parts.h"

/* The weighted mean over the rows of a loss of truth and prediction. */
static mer_status mean_loss(const struct mer_scored *scored,
                            double (*loss)(double truth, double prediction), double *ret_score,
                            mer_err *err)
{
    bool defined = false;
    MER_GUARD(mer_scored_check(scored, MER_METRIC_REGRESSION, &defined, err));
    struct mer_total losses = {0};
    struct mer_total weights = {0};
    for (size_t row = 0; row < scored->n; row++) {
        const double weight = mer_scored_weight(scored, row);
        mer_total_add(&losses, weight * loss(scored->truth_values[row], scored->predictions[row]));
        mer_total_add(&weights, weight);
    }
    *ret_score = defined ? mer_total_get(&losses) / mer_total_get(&weights) : NAN;
    return mer_ok();
}

static double squared_error(double truth, double prediction)
{
    return (truth - prediction) * (truth - prediction);
}

static double absolute_error(double truth, double prediction)
{
    return fabs(truth - prediction);
}

static double percentage_error(double truth, double prediction)
{
    const double size = fabs(truth);
    return fabs(prediction - truth) / (size > DBL_EPSILON ? size : DBL_EPSILON);
}

/* NaN, and so the mean, where a value is negative: the metric is not defined then. */
static double squared_log_error(double truth, double prediction)
{
    if (truth < 0 || prediction < 0)
        return NAN;
    const double error = mer_ln1p(truth) - mer_ln1p(prediction);
    return error * error;
}

MER_SCORE_FUNCTION(mer_score_mse)
{
    (void)ctx;
    return mean_loss(scored, squared_error, ret_score, err);
}

MER_SCORE_FUNCTION(mer_score_rmse)
{
    (void)ctx;
    double mse = NAN;
    MER_GUARD(mean_loss(scored, squared_error, &mse, err));
    *ret_score = sqrt(mse);
    return mer_ok();
}

MER_SCORE_FUNCTION(mer_score_mae)
{
    (void)ctx;
    return mean_loss(scored, absolute_error, ret_score, err);
}

MER_SCORE_FUNCTION(mer_score_mape)
{
    (void)ctx;
    return mean_loss(scored, percentage_error, ret_score, err);
}

MER_SCORE_FUNCTION(mer_score_msle)
{
    (void)ctx;
    return mean_loss(scored, squared_log_error, ret_score, err);
}

MER_SCORE_FUNCTION(mer_score_rmsle)
{
    (void)ctx;
    double msle = NAN;
    MER_GUARD(mean_loss(scored, squared_log_error, &msle, err));
    *ret_score = sqrt(msle);
    return mer_ok();
}

/* Both zero is no error. From 0 to 2, as in the M competitions but for their factor of 100
 * (Makridakis, "Accuracy measures", International Journal of Forecasting, 1993). */
static double symmetric_error(double truth, double prediction)
{
    const double size = (fabs(truth) + fabs(prediction)) / 2;
    return size > 0 ? fabs(prediction - truth) / size : 0;
}

MER_SCORE_FUNCTION(mer_score_smape)
{
    (void)ctx;
    return mean_loss(scored, symmetric_error, ret_score, err);
}

static double pinball(double truth, double prediction, double part)
{
    const double over = prediction - truth;
    return over > 0 ? (1 - part) * over : part * -over;
}

static double pinball_10(double truth, double prediction)
{
    return pinball(truth, prediction, 0.1);
}

static double pinball_50(double truth, double prediction)
{
    return pinball(truth, prediction, 0.5);
}

static double pinball_90(double truth, double prediction)
{
    return pinball(truth, prediction, 0.9);
}

MER_SCORE_FUNCTION(mer_score_pinball_10)
{
    (void)ctx;
    return mean_loss(scored, pinball_10, ret_score, err);
}

MER_SCORE_FUNCTION(mer_score_pinball_50)
{
    (void)ctx;
    return mean_loss(scored, pinball_50, ret_score, err);
}

MER_SCORE_FUNCTION(mer_score_pinball_90)
{
    (void)ctx;
    return mean_loss(scored, pinball_90, ret_score, err);
}

MER_SCORE_FUNCTION(mer_score_max_error)
{
    (void)ctx;
    bool defined = false;
    MER_GUARD(mer_scored_check(scored, MER_METRIC_REGRESSION, &defined, err));
    double largest = 0;
    for (size_t row = 0; row < scored->n; row++) {
        const double error = absolute_error(scored->truth_values[row], scored->predictions[row]);
        if (error > largest)
            largest = error;
    }
    /* Weights have no part in it, as in scikit-learn: rows without weight count. */
    *ret_score = scored->n ? largest : NAN;
    return mer_ok();
}

/* Sum of the weighted squared distances of truth[i] - prediction[i] from `centre`; without
 * predictions, of the truth. */
static double sum_of_squares(const struct mer_scored *scored, const double *predictions,
                             double centre)
{
    struct mer_total squares = {0};
    for (size_t row = 0; row < scored->n; row++) {
        const double prediction = predictions ? predictions[row] : 0;
        const double distance = scored->truth_values[row] - prediction - centre;
        mer_total_add(&squares, mer_scored_weight(scored, row) * distance * distance);
    }
    return mer_total_get(&squares);
}

static double mean_difference(const struct mer_scored *scored, const double *predictions)
{
    struct mer_total sum = {0};
    struct mer_total weights = {0};
    for (size_t row = 0; row < scored->n; row++) {
        const double weight = mer_scored_weight(scored, row);
        const double prediction = predictions ? predictions[row] : 0;
        mer_total_add(&sum, weight * (scored->truth_values[row] - prediction));
        mer_total_add(&weights, weight);
    }
    return mer_total_get(&sum) / mer_total_get(&weights);
}

/* 1 - residual / total; a constant truth gives 1 when it is met and 0 when not
 * (force_finite=True). */
static double explained_share(double residual, double total)
{
    if (residual == 0)
        return 1;
    return total == 0 ? 0 : 1 - residual / total;
}

MER_SCORE_FUNCTION(mer_score_r2)
{
    (void)ctx;
    bool defined = false;
    MER_GUARD(mer_scored_check(scored, MER_METRIC_REGRESSION, &defined, err));
    if (!defined || scored->n < 2) {
        *ret_score = NAN;
        return mer_ok();
    }
    const double mean = mean_difference(scored, NULL);
    *ret_score = explained_share(sum_of_squares(scored, scored->predictions, 0),
                                 sum_of_squares(scored, NULL, mean));
    return mer_ok();
}

MER_SCORE_FUNCTION(mer_score_explained_variance)
{
    (void)ctx;
    bool defined = false;
    MER_GUARD(mer_scored_check(scored, MER_METRIC_REGRESSION, &defined, err));
    if (!defined) {
        *ret_score = NAN;
        return mer_ok();
    }
    const double mean_error = mean_difference(scored, scored->predictions);
    const double mean = mean_difference(scored, NULL);
    *ret_score = explained_share(sum_of_squares(scored, scored->predictions, mean_error),
                                 sum_of_squares(scored, NULL, mean));
    return mer_ok();
}

/* The median of errors in ascending order: without weights the mean of the middle two, with weights
 * the first error at which the weights add up to half (the lower weighted median). */
static double median(const struct mer_scored *scored, const double *errors, const uint32_t *order)
{
    const size_t n = scored->n;
    if (!scored->weights)
        return (errors[order[(n - 1) / 2]] + errors[order[n / 2]]) / 2;
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += scored->weights[order[i]];
    double below = 0;
    for (size_t i = 0; i < n; i++) {
        below += scored->weights[order[i]];
        if (below >= total / 2)
            return errors[order[i]];
    }
    return errors[order[n - 1]];
}

MER_SCORE_FUNCTION(mer_score_median_ae)
{
    bool defined = false;
    MER_GUARD(mer_scored_check(scored, MER_METRIC_REGRESSION, &defined, err));
    if (!defined) {
        *ret_score = NAN;
        return mer_ok();
    }
    if (scored->n > UINT32_MAX)
        return mer_fail(err, MER_ERR_DATA, "%zu rows are more than can be ranked, %u", scored->n,
                        UINT32_MAX);
    double *errors = NULL;
    uint32_t *order = NULL;
    struct mer_order_item *scratch = NULL;
    const size_t n = scored->n;
    mer_status status;
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n, sizeof *errors, &errors, err), done);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n, sizeof *order, &order, err), done);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n, 2 * sizeof *scratch, &scratch, err), done);
    for (size_t row = 0; row < n; row++)
        errors[row] = absolute_error(scored->truth_values[row], scored->predictions[row]);
    mer_order_doubles(errors, n, scratch, order);
    *ret_score = median(scored, errors, order);
done:
    mer_free(ctx->alloc, scratch);
    mer_free(ctx->alloc, order);
    mer_free(ctx->alloc, errors);
    return status;
}
