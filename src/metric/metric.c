/* The table of metrics, and the check of what they are given. */
#include "metric/metric.h"

#include <string.h>

#include "metric/metric_parts.h"

#define REGRESSION MER_METRIC_REGRESSION
#define BINARY MER_METRIC_BINARY
#define CLASSES MER_ANY_CLASSES

const struct mer_metric MER_METRICS[] = {
    {"log_loss", "Logarithmic loss", CLASSES, false, mer_score_log_loss},
    {"accuracy", "Accuracy", CLASSES, true, mer_score_accuracy},
    {"balanced_accuracy", "Balanced accuracy", CLASSES, true, mer_score_balanced_accuracy},
    {"auc", "Area under the ROC curve", CLASSES, true, mer_score_auc},
    {"average_precision", "Average precision", CLASSES, true, mer_score_average_precision},
    {"brier", "Brier score", CLASSES, false, mer_score_brier},
    {"f1", "F1", BINARY, true, mer_score_f1},
    {"precision", "Precision", BINARY, true, mer_score_precision},
    {"recall", "Recall", BINARY, true, mer_score_recall},
    {"f1_macro", "F1, mean of the classes", CLASSES, true, mer_score_f1_macro},
    {"f1_micro", "F1, every row the same", CLASSES, true, mer_score_f1_micro},
    {"f1_weighted", "F1, weighted by class size", CLASSES, true, mer_score_f1_weighted},
    {"precision_macro", "Precision, mean of the classes", CLASSES, true, mer_score_precision_macro},
    {"recall_macro", "Recall, mean of the classes", CLASSES, true, mer_score_recall_macro},
    {"mcc", "Matthews correlation coefficient", CLASSES, true, mer_score_mcc},
    {"kappa", "Cohen's kappa", CLASSES, true, mer_score_kappa},
    {"rmse", "Root mean squared error", REGRESSION, false, mer_score_rmse},
    {"mse", "Mean squared error", REGRESSION, false, mer_score_mse},
    {"mae", "Mean absolute error", REGRESSION, false, mer_score_mae},
    {"r2", "Coefficient of determination", REGRESSION, true, mer_score_r2},
    {"explained_variance", "Explained variance", REGRESSION, true, mer_score_explained_variance},
    {"median_ae", "Median absolute error", REGRESSION, false, mer_score_median_ae},
    {"mape", "Mean absolute percentage error", REGRESSION, false, mer_score_mape},
    {"smape", "Symmetric mean absolute percentage error", REGRESSION, false, mer_score_smape},
    {"msle", "Mean squared logarithmic error", REGRESSION, false, mer_score_msle},
    {"rmsle", "Root mean squared logarithmic error", REGRESSION, false, mer_score_rmsle},
    {"pinball_10", "Pinball loss of the 10 % quantile", REGRESSION, false, mer_score_pinball_10},
    {"pinball_50", "Pinball loss of the median", REGRESSION, false, mer_score_pinball_50},
    {"pinball_90", "Pinball loss of the 90 % quantile", REGRESSION, false, mer_score_pinball_90},
    {"max_error", "Largest error", REGRESSION, false, mer_score_max_error},
};

const size_t MER_N_METRICS = sizeof MER_METRICS / sizeof MER_METRICS[0];

const struct mer_metric *mer_metric_find(const char *name)
{
    for (size_t i = 0; i < MER_N_METRICS; i++) {
        if (strcmp(MER_METRICS[i].name, name) == 0)
            return &MER_METRICS[i];
    }
    return NULL;
}

static unsigned task_of(const struct mer_scored *scored)
{
    if (scored->n_classes == 0)
        return MER_METRIC_REGRESSION;
    return scored->n_classes == 2 ? MER_METRIC_BINARY : MER_METRIC_MULTICLASS;
}

static mer_status check_finite(const double *x, size_t n, const char *what, mer_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]))
            return mer_fail(err, MER_ERR_DATA, "%s %zu is not a finite number", what, i + 1);
    }
    return mer_ok();
}

static mer_status check_weights(const struct mer_scored *scored, bool *ret_any, mer_err *err)
{
    bool any = !scored->weights && scored->n > 0;
    for (size_t i = 0; scored->weights && i < scored->n; i++) {
        if (!isfinite(scored->weights[i]) || scored->weights[i] < 0)
            return mer_fail(err, MER_ERR_DATA,
                            "the weight of row %zu is not a number of zero or more", i + 1);
        any = any || scored->weights[i] > 0;
    }
    *ret_any = any;
    return mer_ok();
}

mer_status mer_scored_check(const struct mer_scored *scored, unsigned tasks, bool *ret_defined,
                            mer_err *err)
{
    if (!(tasks & task_of(scored)) || scored->n_classes == 1)
        return mer_fail(err, MER_ERR_USAGE, "the metric does not fit a target with %zu classes",
                        scored->n_classes);
    bool any = false;
    MER_GUARD(check_weights(scored, &any, err));
    if (scored->n_classes == 0) {
        MER_GUARD(check_finite(scored->truth_values, scored->n, "true value", err));
        MER_GUARD(check_finite(scored->predictions, scored->n, "prediction", err));
    } else {
        MER_GUARD(
            check_finite(scored->predictions, scored->n * scored->n_classes, "probability", err));
    }
    for (size_t i = 0; scored->n_classes && i < scored->n; i++) {
        const int32_t class = scored->truth_classes[i];
        if (class < 0 || (size_t) class >= scored->n_classes)
            return mer_fail(err, MER_ERR_DATA, "the true class of row %zu is none of the %zu",
                            i + 1, scored->n_classes);
    }
    *ret_defined = any;
    return mer_ok();
}
