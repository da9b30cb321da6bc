/* Metrics that are shown beside the one that a search decides by. They decide nothing. */
#ifndef MER_AUTOML_REPORTED_H
#define MER_AUTOML_REPORTED_H

#include "learn/design.h"
#include "metric/metric.h"

enum { MER_REPORTED_MAX = 8 };

struct mer_reported {
    const struct mer_metric *metrics[MER_REPORTED_MAX];
    size_t n;
    /* Of what predicts: the mean over the folds, as its score is. NaN: not defined, or not known.
     */
    double scores[MER_REPORTED_MAX];
};

/* Whether the metric scores such predictions. */
bool mer_metric_fits(const struct mer_metric *metric, enum mer_task task);
/* What is shown where nobody chose: the usual ones but the one that decides. */
void mer_reported_usual(enum mer_task task, const struct mer_metric *deciding,
                        struct mer_reported *ret);
/* Names that commas separate, "none" for none; the same name twice is one. MER_ERR_USAGE. */
MER_MUST_CHECK mer_status mer_reported_parse(const char *list, struct mer_reported *ret,
                                             mer_err *err);

#endif
