/* Coefficients and intercepts of linear models: what they say of a design, and how they are kept.
 * And the solver that fits a problem best, which is what makes them.
 */
#ifndef MER_LEARN_LINEAR_WEIGHTS_H
#define MER_LEARN_LINEAR_WEIGHTS_H

#include "core/bundle.h"
#include "learn/linear_solver.h"

struct mer_linear_weights {
    size_t n_outputs;
    size_t n_features;    /* dense columns, then indicators, then sparse columns */
    double *coefficients; /* [n_outputs][n_features] */
    double *intercepts;   /* [n_outputs] */
};

/* Not filled. Release in any case. */
MER_MUST_CHECK mer_status mer_linear_weights_init(const struct mer_ctx *ctx, size_t n_outputs,
                                                  size_t n_features,
                                                  struct mer_linear_weights *ret_weights,
                                                  mer_err *err);
void mer_linear_weights_release(const struct mer_ctx *ctx, struct mer_linear_weights *weights);
bool mer_linear_weights_finite(const struct mer_linear_weights *weights);

/* Minimises the problem and fills the weights of outputs `first` and behind. */
MER_MUST_CHECK mer_status mer_linear_minimise(struct mer_linear_problem *problem,
                                              const struct mer_linear_limits *limits, size_t first,
                                              struct mer_linear_weights *weights, mer_err *err);

/* Makes of the scores [n_outputs] of a row what predictions[...] of the row is. */
typedef void mer_linear_put(const void *self, const double *scores, double *ret_row);

/* Scores of all rows, each given to `put`, whose rows are n_columns wide. MER_ERR_DATA: a
 * prediction is not finite. */
MER_MUST_CHECK mer_status mer_linear_predict(const struct mer_ctx *ctx,
                                             const struct mer_linear_weights *weights,
                                             const struct mer_design *design, mer_linear_put *put,
                                             const void *self, size_t n_columns,
                                             double *ret_predictions, mer_err *err);

/* As arrays "coefficients" and "intercepts", and back, which checks all as hostile. */
MER_MUST_CHECK mer_status mer_linear_weights_save(const struct mer_linear_weights *weights,
                                                  const char *prefix, struct mer_bundle *bundle,
                                                  mer_err *err);
MER_MUST_CHECK mer_status mer_linear_weights_load(const struct mer_ctx *ctx,
                                                  const struct mer_bundle *bundle,
                                                  const char *prefix, size_t n_outputs,
                                                  const struct mer_design *shape,
                                                  struct mer_linear_weights *ret_weights,
                                                  mer_err *err);

#endif
