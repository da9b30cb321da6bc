/* What boosting minimises: one row of a table each, in gbdt_objective.c.
 *
 * A score s is what the trees add up to; a prediction is the link's inverse of it. Gradients and
 * Hessians are those of the loss by the score, times the row's weight.
 */
#ifndef MER_LEARN_GBDT_OBJECTIVE_H
#define MER_LEARN_GBDT_OBJECTIVE_H

#include "learn/design.h"
#include "learn/gbdt_kernels.h"

enum mer_objective_kind {
    MER_OBJECTIVE_SQUARED,
    MER_OBJECTIVE_ABSOLUTE,
    MER_OBJECTIVE_HUBER,    /* quadratic up to `parameter` from the value, linear beyond */
    MER_OBJECTIVE_QUANTILE, /* level `parameter` */
    MER_OBJECTIVE_POISSON,
    MER_OBJECTIVE_GAMMA,
    MER_OBJECTIVE_TWEEDIE, /* variance power `parameter`, between 1 and 2 */
    MER_OBJECTIVE_LOGISTIC,
    MER_OBJECTIVE_MULTINOMIAL,
    MER_OBJECTIVE_COUNT
};

enum mer_link { MER_LINK_IDENTITY, MER_LINK_LOG, MER_LINK_LOGIT, MER_LINK_SOFTMAX };

/* What is learned from; arrays of rows are padded as the kernels want them. */
struct mer_boost_target {
    enum mer_objective_kind kind;
    double parameter;
    size_t n_rows;
    size_t n_classes;       /* of a classification */
    const double *values;   /* regression */
    const int32_t *classes; /* classification */
    const double *weights;  /* NULL: all ones */
};

struct mer_objective {
    const char *name; /* as the parameter `objective` calls it */
    enum mer_link link;
    double least; /* the values must be at least this, or above it with `above` */
    bool above;
    bool constant_hessian; /* 1, without weights */
    /* The level of the quantile of the residuals that leaves get instead of a Newton step; NaN:
     * none. */
    double (*leaf_quantile)(const struct mer_boost_target *target);
    /* gh[i] = {g, h} for rows begin .. end - 1 (begin a multiple of 32). NULL: the kernels'. */
    void (*gradients)(const struct mer_boost_target *target, const double *scores, size_t begin,
                      size_t end, float *gh);
    /* The loss of a row with the score. */
    double (*loss)(const struct mer_boost_target *target, size_t row, double score);
};

/* MER_ERR_DATA when a value is out of the objective's range. */
MER_MUST_CHECK mer_status mer_objective_check(const struct mer_boost_target *target, mer_err *err);

const struct mer_objective *mer_objective(enum mer_objective_kind kind);

/* How far a leaf may move a row's score before shrinkage. Where a row is wrong beyond doubt its
 * Hessian vanishes, and with little regularisation a Newton step would leave all bounds; of classes
 * it is limited as LogitBoost limits its responses (Friedman, Hastie, Tibshirani, "Additive
 * logistic regression", 2000), only further out. Infinite for other targets. */
double mer_objective_step_max(enum mer_objective_kind kind);

/* The scores that every row begins with, [n_outputs]: the best constant. rows[0 .. n) are those
 * that are learned from. */
MER_MUST_CHECK mer_status mer_objective_base(const struct mer_ctx *ctx,
                                             const struct mer_boost_target *target,
                                             const uint32_t *rows, size_t n, double *ret_base,
                                             mer_err *err);
/* Mean loss over rows[0 .. n), by weight; scores[k][stride]. */
double mer_objective_loss(const struct mer_boost_target *target, const double *scores,
                          size_t stride, const uint32_t *rows, size_t n);
/* The value below which `level` of the weight of values[0 .. n) lies, between neighbours by linear
 * interpolation without weights. Reorders values and weights (which may be NULL). */
double mer_weighted_quantile(double *values, double *weights, size_t n, double level);
/* Turns the scores of one row, [n_outputs], into predictions, [n_outputs], or 2 for the logit. */
void mer_link_inverse(enum mer_link link, const double *scores, size_t n_outputs,
                      double *ret_predictions);

#endif
