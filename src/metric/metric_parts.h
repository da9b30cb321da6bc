/* What the files of this room share: nothing for other rooms. */
#ifndef MER_METRIC_METRIC_PARTS_H
#define MER_METRIC_METRIC_PARTS_H

#include "core/math.h"
#include "metric/metric.h"

/* A sum with the rounding errors summed beside it (Neumaier, "Rundungsfehleranalyse einiger
 * Verfahren zur Summation endlicher Summen", 1974): in the order of the rows, so the same bits
 * everywhere, and exact to the last places for any number of rows. */
struct mer_total {
    double sum;
    double lost;
};

static inline void mer_total_add(struct mer_total *total, double x)
{
    const double sum = total->sum + x;
    if (fabs(total->sum) >= fabs(x))
        total->lost += (total->sum - sum) + x;
    else
        total->lost += (x - sum) + total->sum;
    total->sum = sum;
}

static inline double mer_total_get(const struct mer_total *total)
{
    /* After an overflow the lost part is inf - inf. */
    return isfinite(total->sum) ? total->sum + total->lost : total->sum;
}

static inline double mer_scored_weight(const struct mer_scored *scored, size_t row)
{
    return scored->weights ? scored->weights[row] : 1.0;
}

/* What every metric checks before it scores: the metric's tasks fit (MER_ERR_USAGE), the classes
 * are in range and everything is finite, no weight negative (MER_ERR_DATA). *ret_defined is false
 * where there is nothing to average: no rows, or no row with a weight above zero. */
MER_MUST_CHECK mer_status mer_scored_check(const struct mer_scored *scored, unsigned tasks,
                                           bool *ret_defined, mer_err *err);

#define MER_ANY_CLASSES (MER_METRIC_BINARY | MER_METRIC_MULTICLASS)

#define MER_SCORE_FUNCTION(name)                                                                   \
    mer_status name(const struct mer_ctx *ctx, const struct mer_scored *scored, double *ret_score, \
                    mer_err *err)

/* classification.c */
MER_SCORE_FUNCTION(mer_score_accuracy);
MER_SCORE_FUNCTION(mer_score_balanced_accuracy);
MER_SCORE_FUNCTION(mer_score_log_loss);
MER_SCORE_FUNCTION(mer_score_brier);
MER_SCORE_FUNCTION(mer_score_f1);
MER_SCORE_FUNCTION(mer_score_f1_macro);
MER_SCORE_FUNCTION(mer_score_f1_micro);
MER_SCORE_FUNCTION(mer_score_f1_weighted);
MER_SCORE_FUNCTION(mer_score_precision);
MER_SCORE_FUNCTION(mer_score_precision_macro);
MER_SCORE_FUNCTION(mer_score_recall);
MER_SCORE_FUNCTION(mer_score_recall_macro);
MER_SCORE_FUNCTION(mer_score_mcc);
MER_SCORE_FUNCTION(mer_score_kappa);

/* ranking.c */
MER_SCORE_FUNCTION(mer_score_auc);
MER_SCORE_FUNCTION(mer_score_average_precision);

/* regression.c */
MER_SCORE_FUNCTION(mer_score_rmse);
MER_SCORE_FUNCTION(mer_score_mse);
MER_SCORE_FUNCTION(mer_score_mae);
MER_SCORE_FUNCTION(mer_score_r2);
MER_SCORE_FUNCTION(mer_score_explained_variance);
MER_SCORE_FUNCTION(mer_score_median_ae);
MER_SCORE_FUNCTION(mer_score_mape);
MER_SCORE_FUNCTION(mer_score_smape);
MER_SCORE_FUNCTION(mer_score_msle);
MER_SCORE_FUNCTION(mer_score_rmsle);
MER_SCORE_FUNCTION(mer_score_pinball_10);
MER_SCORE_FUNCTION(mer_score_pinball_50);
MER_SCORE_FUNCTION(mer_score_pinball_90);
MER_SCORE_FUNCTION(mer_score_max_error);

#endif
