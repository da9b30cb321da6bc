/* What predictions are scored with, inside this room. */
#ifndef MER_API_API_SCORE_H
#define MER_API_API_SCORE_H

#include "api/handles.h"
#include "metric/metric.h"

/* Calls each with every metric that fits the model's task. */
MER_MUST_CHECK mer_status mer_score_scored(
    const struct mer_fitted *model, const struct mer_scored *scored,
    void (*each)(void *self, const char *metric, double value), void *self, mer_err *err);
/* Predicts a labelled table and calls visit with the predictions and the truth. */
MER_MUST_CHECK mer_status
mer_score_visit(const struct mer_fitted *model, const struct mer_table *table,
                mer_status (*visit)(void *self, const struct mer_scored *scored, mer_err *err),
                void *self, mer_err *err);

#endif
