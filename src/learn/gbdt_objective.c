#include "learn/gbdt_objective.h"

#include <string.h>

#include "core/math.h"

#define LEAST_HESSIAN 1e-16

static double weight_of(const struct mer_boost_target *target, size_t row)
{
    return target->weights ? target->weights[row] : 1;
}

static void put(float *gh, size_t row, double weight, double g, double h)
{
    gh[2 * row] = (float)(weight * g);
    gh[2 * row + 1] = (float)(weight * fmax(h, LEAST_HESSIAN));
}

static double no_quantile(const struct mer_boost_target *target)
{
    (void)target;
    return (double)NAN;
}

static double median_level(const struct mer_boost_target *target)
{
    (void)target;
    return 0.5;
}

static double parameter_level(const struct mer_boost_target *target)
{
    return target->parameter;
}

/* ---- regression ---- */

static double squared_loss(const struct mer_boost_target *target, size_t row, double score)
{
    const double residual = target->values[row] - score;
    return residual * residual;
}

static void absolute_gradients(const struct mer_boost_target *target, const double *scores,
                               size_t begin, size_t end, float *gh)
{
    for (size_t i = begin; i < end; i++) {
        const double residual = target->values[i] - scores[i];
        put(gh, i, weight_of(target, i), residual > 0 ? -1 : residual < 0 ? 1 : 0, 1);
    }
}

static double absolute_loss(const struct mer_boost_target *target, size_t row, double score)
{
    return fabs(target->values[row] - score);
}

static void huber_gradients(const struct mer_boost_target *target, const double *scores,
                            size_t begin, size_t end, float *gh)
{
    const double delta = target->parameter;
    for (size_t i = begin; i < end; i++) {
        const double error = scores[i] - target->values[i];
        put(gh, i, weight_of(target, i),
            error > delta    ? delta
            : error < -delta ? -delta
                             : error,
            1);
    }
}

static double huber_loss(const struct mer_boost_target *target, size_t row, double score)
{
    const double error = fabs(target->values[row] - score);
    const double delta = target->parameter;
    return error <= delta ? 0.5 * error * error : delta * (error - 0.5 * delta);
}

static void quantile_gradients(const struct mer_boost_target *target, const double *scores,
                               size_t begin, size_t end, float *gh)
{
    for (size_t i = begin; i < end; i++)
        put(gh, i, weight_of(target, i),
            scores[i] > target->values[i] ? 1 - target->parameter : -target->parameter, 1);
}

static double quantile_loss(const struct mer_boost_target *target, size_t row, double score)
{
    const double residual = target->values[row] - score;
    return residual >= 0 ? target->parameter * residual : (target->parameter - 1) * residual;
}

/* The Hessian is enlarged as if the score might still grow by 0.7, which keeps the first steps on
 * counts from overshooting (as the boosting libraries do). */
static void poisson_gradients(const struct mer_boost_target *target, const double *scores,
                              size_t begin, size_t end, float *gh)
{
    static const double enlarged = 2.0137527074704766; /* exp(0.7) */
    for (size_t i = begin; i < end; i++) {
        const double mean = mer_exp(scores[i]);
        put(gh, i, weight_of(target, i), mean - target->values[i], mean * enlarged);
    }
}

static double poisson_loss(const struct mer_boost_target *target, size_t row, double score)
{
    return mer_exp(score) - target->values[row] * score;
}

static void gamma_gradients(const struct mer_boost_target *target, const double *scores,
                            size_t begin, size_t end, float *gh)
{
    for (size_t i = begin; i < end; i++) {
        const double ratio = target->values[i] * mer_exp(-scores[i]);
        put(gh, i, weight_of(target, i), 1 - ratio, ratio);
    }
}

static double gamma_loss(const struct mer_boost_target *target, size_t row, double score)
{
    return target->values[row] * mer_exp(-score) + score;
}

static void tweedie_gradients(const struct mer_boost_target *target, const double *scores,
                              size_t begin, size_t end, float *gh)
{
    const double power = target->parameter;
    for (size_t i = begin; i < end; i++) {
        const double a = target->values[i] * mer_exp((1 - power) * scores[i]);
        const double b = mer_exp((2 - power) * scores[i]);
        put(gh, i, weight_of(target, i), b - a, (2 - power) * b - (1 - power) * a);
    }
}

static double tweedie_loss(const struct mer_boost_target *target, size_t row, double score)
{
    const double power = target->parameter;
    return mer_exp((2 - power) * score) / (2 - power) -
           target->values[row] * mer_exp((1 - power) * score) / (1 - power);
}

/* ---- classification ---- */

/* In units of the log odds. */
#define STEP_MAX 20.0

static double logistic_loss(const struct mer_boost_target *target, size_t row, double score)
{
    return mer_softplus(target->classes[row] ? -score : score);
}

static const struct mer_objective OBJECTIVES[MER_OBJECTIVE_COUNT] = {
    [MER_OBJECTIVE_SQUARED] = {"squared", MER_LINK_IDENTITY, -(double)INFINITY, false, true,
                               no_quantile, NULL, squared_loss},
    [MER_OBJECTIVE_ABSOLUTE] = {"absolute", MER_LINK_IDENTITY, -(double)INFINITY, false, true,
                                median_level, absolute_gradients, absolute_loss},
    [MER_OBJECTIVE_HUBER] = {"huber", MER_LINK_IDENTITY, -(double)INFINITY, false, true,
                             no_quantile, huber_gradients, huber_loss},
    [MER_OBJECTIVE_QUANTILE] = {"quantile", MER_LINK_IDENTITY, -(double)INFINITY, false, true,
                                parameter_level, quantile_gradients, quantile_loss},
    [MER_OBJECTIVE_POISSON] = {"poisson", MER_LINK_LOG, 0, false, false, no_quantile,
                               poisson_gradients, poisson_loss},
    [MER_OBJECTIVE_GAMMA] = {"gamma", MER_LINK_LOG, 0, true, false, no_quantile, gamma_gradients,
                             gamma_loss},
    [MER_OBJECTIVE_TWEEDIE] = {"tweedie", MER_LINK_LOG, 0, false, false, no_quantile,
                               tweedie_gradients, tweedie_loss},
    [MER_OBJECTIVE_LOGISTIC] = {"logistic", MER_LINK_LOGIT, 0, false, false, no_quantile, NULL,
                                logistic_loss},
    [MER_OBJECTIVE_MULTINOMIAL] = {"multinomial", MER_LINK_SOFTMAX, 0, false, false, no_quantile,
                                   NULL, NULL},
};

const struct mer_objective *mer_objective(enum mer_objective_kind kind)
{
    return &OBJECTIVES[kind];
}

double mer_objective_step_max(enum mer_objective_kind kind)
{
    const enum mer_link link = OBJECTIVES[kind].link;

    return link == MER_LINK_LOGIT || link == MER_LINK_SOFTMAX ? STEP_MAX : (double)INFINITY;
}

mer_status mer_objective_check(const struct mer_boost_target *target, mer_err *err)
{
    const struct mer_objective *objective = mer_objective(target->kind);
    for (size_t i = 0; target->values && i < target->n_rows; i++)
        if (target->values[i] < objective->least ||
            (objective->above && target->values[i] <= objective->least))
            return mer_fail(err, MER_ERR_DATA, "objective %s needs target values %s %g",
                            objective->name, objective->above ? "above" : "of at least",
                            objective->least);
    return mer_ok();
}

/* ---- quantiles ---- */

static void swap(double *values, double *weights, size_t a, size_t b)
{
    const double value = values[a];
    values[a] = values[b];
    values[b] = value;
    if (weights) {
        const double weight = weights[a];
        weights[a] = weights[b];
        weights[b] = weight;
    }
}

/* Heap sort: in place, and never slow. */
static void sift(double *values, double *weights, size_t at, size_t n)
{
    for (;;) {
        size_t largest = at;
        for (size_t child = 2 * at + 1; child < n && child <= 2 * at + 2; child++)
            if (values[child] > values[largest])
                largest = child;
        if (largest == at)
            return;
        swap(values, weights, at, largest);
        at = largest;
    }
}

static void sort_values(double *values, double *weights, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(values, weights, i, n);
    for (size_t end = n; end-- > 1;) {
        swap(values, weights, 0, end);
        sift(values, weights, 0, end);
    }
}

double mer_weighted_quantile(double *values, double *weights, size_t n, double level)
{
    if (n == 0)
        return 0;
    sort_values(values, weights, n);
    if (!weights) {
        const double at = level * (double)(n - 1);
        const size_t below = (size_t)at;
        const double rest = at - (double)below;
        return below + 1 < n ? values[below] + rest * (values[below + 1] - values[below])
                             : values[n - 1];
    }
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += weights[i];
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += weights[i];
        if (sum >= level * total)
            return values[i];
    }
    return values[n - 1];
}

/* ---- constants ---- */

static mer_status base_quantile(const struct mer_ctx *ctx, const struct mer_boost_target *target,
                                const uint32_t *rows, size_t n, double level, double *ret_base,
                                mer_err *err)
{
    double *values = NULL;
    double *weights = NULL;
    MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof *values, &values, err));
    mer_status status = mer_ok();
    if (target->weights)
        status = mer_alloc_array(ctx->alloc, n, sizeof *weights, &weights, err);
    if (mer_is_ok(status)) {
        for (size_t i = 0; i < n; i++) {
            values[i] = target->values[rows[i]];
            if (weights)
                weights[i] = target->weights[rows[i]];
        }
        *ret_base = mer_weighted_quantile(values, weights, n, level);
    }
    mer_free(ctx->alloc, values);
    mer_free(ctx->alloc, weights);
    return status;
}

/* The weighted mean of the values. */
static double mean_of(const struct mer_boost_target *target, const uint32_t *rows, size_t n)
{
    double mean = 0;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double weight = weight_of(target, rows[i]);
        sum += weight;
        if (sum > 0)
            mean += (target->values[rows[i]] - mean) * (weight / sum);
    }
    return mean;
}

/* Log odds, or logs of the shares, of the classes. */
static void base_classes(const struct mer_boost_target *target, const uint32_t *rows, size_t n,
                         double *ret_base)
{
    const double least = 1e-10;
    double total = 0;
    const size_t n_outputs = target->kind == MER_OBJECTIVE_LOGISTIC ? 2 : target->n_classes;
    double two[2] = {0, 0};
    double *sums = target->kind == MER_OBJECTIVE_LOGISTIC ? two : ret_base;
    for (size_t k = 0; k < n_outputs; k++)
        sums[k] = 0;
    for (size_t i = 0; i < n; i++) {
        sums[target->classes[rows[i]]] += weight_of(target, rows[i]);
        total += weight_of(target, rows[i]);
    }
    if (target->kind == MER_OBJECTIVE_LOGISTIC) {
        ret_base[0] = mer_ln(fmax(two[1] / total, least)) - mer_ln(fmax(two[0] / total, least));
        return;
    }
    for (size_t k = 0; k < n_outputs; k++)
        ret_base[k] = mer_ln(fmax(sums[k] / total, least));
}

mer_status mer_objective_base(const struct mer_ctx *ctx, const struct mer_boost_target *target,
                              const uint32_t *rows, size_t n, double *ret_base, mer_err *err)
{
    const struct mer_objective *objective = mer_objective(target->kind);
    if (target->classes) {
        base_classes(target, rows, n, ret_base);
        return mer_ok();
    }
    if (target->kind == MER_OBJECTIVE_HUBER)
        return base_quantile(ctx, target, rows, n, 0.5, ret_base, err);
    const double level = objective->leaf_quantile(target);
    if (!isnan(level))
        return base_quantile(ctx, target, rows, n, level, ret_base, err);
    const double mean = mean_of(target, rows, n);
    *ret_base = objective->link == MER_LINK_LOG ? mer_ln(fmax(mean, 1e-10)) : mean;
    return mer_ok();
}

static double multinomial_loss(const struct mer_boost_target *target, const double *scores,
                               size_t stride, size_t row)
{
    double top = scores[row];
    for (size_t k = 1; k < target->n_classes; k++)
        top = fmax(top, scores[k * stride + row]);
    double sum = 0;
    for (size_t k = 0; k < target->n_classes; k++)
        sum += mer_exp(scores[k * stride + row] - top);
    return mer_ln(sum) + top - scores[(size_t)target->classes[row] * stride + row];
}

double mer_objective_loss(const struct mer_boost_target *target, const double *scores,
                          size_t stride, const uint32_t *rows, size_t n)
{
    const struct mer_objective *objective = mer_objective(target->kind);
    double total = 0;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double weight = weight_of(target, rows[i]);
        const double loss = objective->loss ? objective->loss(target, rows[i], scores[rows[i]])
                                            : multinomial_loss(target, scores, stride, rows[i]);
        total += weight;
        sum += weight * loss;
    }
    return total > 0 ? sum / total : 0;
}

void mer_link_inverse(enum mer_link link, const double *scores, size_t n_outputs,
                      double *ret_predictions)
{
    /* Beyond this exp is not finite. */
    const double most = 709;
    switch (link) {
    case MER_LINK_IDENTITY:
        ret_predictions[0] = scores[0];
        break;
    case MER_LINK_LOG:
        ret_predictions[0] = mer_exp(scores[0] < most ? scores[0] : most);
        break;
    case MER_LINK_LOGIT: {
        const double p = mer_sigmoid(scores[0]);
        ret_predictions[0] = mer_sigmoid(-scores[0]);
        ret_predictions[1] = p;
        break;
    }
    case MER_LINK_SOFTMAX:
        memmove(ret_predictions, scores, n_outputs * sizeof *scores);
        (void)mer_softmax(ret_predictions, n_outputs);
        break;
    }
}
