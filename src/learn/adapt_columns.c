/* Transforms of single columns: robust scaling, Yeo and Johnson's power, quantiles. */
#include <math.h>

#include "core/math.h"
#include "core/sort.h"
#include "learn/adapt.h"

enum { LIKELIHOOD_ROWS = 4096, LIKELIHOOD_STEPS = 48 };

/* Exponents that are looked at. */
static const double POWER_MIN = -8, POWER_MAX = 8;
/* The distance of a normal variable's quartiles. */
static const double NORMAL_QUARTILES = 1.3489795003921634;
static const double TRANSFORMED_MOST = 1e6;
/* Powers of larger numbers are none to learn from. */
static const double LARGEST = 1e100;
static const double UNIFORM_DEVIATION = 0.28867513459481287;

/* Of sorted values, between neighbours. */
static double quantile(const double *sorted, size_t n, double level)
{
    const double at = level * (double)(n - 1);
    const size_t below = (size_t)at;
    if (below + 1 >= n)
        return sorted[n - 1];
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

/* Yeo and Johnson's power of x, l being ln(1 + |x|). */
static double power_of(double x, double l, double power)
{
    if (x < 0) {
        const double other = 2 - power;
        return fabs(other) < 1e-9 ? -l : -mer_expm1(other * l) / other;
    }
    return fabs(power) < 1e-9 ? l : mer_expm1(power * l) / power;
}

/* Every step-th value by its logarithm: what a likelihood is made of. */
struct likelihood {
    const double *x; /* [n] */
    const double *l; /* [n]: ln(1 + |x|) */
    double *y;       /* [n]: room */
    size_t n;
    double slopes; /* the sum of l with the sign of x */
};

/* The logarithm of the likelihood, without what does not depend on the power. */
static double likelihood_of(const struct likelihood *given, double power)
{
    const double n = (double)given->n;
    for (size_t i = 0; i < given->n; i++)
        given->y[i] = power_of(given->x[i], given->l[i], power);
    const double mean = mer_sum(given->y, given->n) / n;
    for (size_t i = 0; i < given->n; i++)
        given->y[i] = (given->y[i] - mean) * (given->y[i] - mean);
    const double variance = mer_sum(given->y, given->n) / n;
    return variance > 0 && isfinite(variance)
               ? -0.5 * n * mer_ln(variance) + (power - 1) * given->slopes
               : -(double)INFINITY;
}

/* The likeliest power, by golden sections: the likelihood has one summit. */
static double find_power(const struct likelihood *given)
{
    static const double golden = 0.6180339887498949;
    double low = POWER_MIN, high = POWER_MAX;
    double a = high - golden * (high - low), b = low + golden * (high - low);
    double at_a = likelihood_of(given, a), at_b = likelihood_of(given, b);
    for (size_t i = 0; i < LIKELIHOOD_STEPS; i++) {
        if (at_a >= at_b) {
            high = b;
            b = a;
            at_b = at_a;
            a = high - golden * (high - low);
            at_a = likelihood_of(given, a);
        } else {
            low = a;
            a = b;
            at_a = at_b;
            b = low + golden * (high - low);
            at_b = likelihood_of(given, b);
        }
    }
    return 0.5 * (low + high);
}

/* The power, and what standardises it, of values that are sorted. */
static mer_status learn_power(const struct mer_ctx *ctx, const double *sorted, size_t n,
                              struct mer_column_transform *column, mer_err *err)
{
    const size_t n_used = n < LIKELIHOOD_ROWS ? n : LIKELIHOOD_ROWS;
    double *room = NULL;
    MER_GUARD(mer_alloc_array(ctx->alloc, 3 * n_used, sizeof *room, &room, err));
    double *const x = room, *const l = room + n_used, *const y = room + 2 * n_used;
    struct likelihood given = {.x = x, .l = l, .y = y, .n = n_used};
    for (size_t i = 0; i < n_used; i++) {
        /* Spread evenly, the first and the last among them. */
        const size_t at = n_used > 1 ? i * (n - 1) / (n_used - 1) : 0;
        x[i] = (sorted[at] - column->centre) / column->width;
        l[i] = mer_ln1p(fabs(x[i]));
        given.slopes += x[i] < 0 ? -l[i] : l[i];
    }
    column->power = find_power(&given);
    for (size_t i = 0; i < n_used; i++)
        y[i] = power_of(x[i], l[i], column->power);
    column->mean = mer_sum(y, n_used) / (double)n_used;
    for (size_t i = 0; i < n_used; i++)
        y[i] = (y[i] - column->mean) * (y[i] - column->mean);
    column->deviation = sqrt(mer_sum(y, n_used) / (double)n_used);
    column->is_used =
        column->deviation > 0 && column->deviation <= LARGEST && fabs(column->mean) <= LARGEST;
    mer_free(ctx->alloc, room);
    return mer_ok();
}

static bool has_three_values(const double *sorted, size_t n)
{
    size_t n_steps = 0;
    for (size_t i = 1; i < n && n_steps < 2; i++)
        n_steps += sorted[i] > sorted[i - 1];
    return n_steps >= 2;
}

/* The width that a normal column of the same quartiles would have; where half of the values are
 * alike, the deviation. */
static double width_of(const double *sorted, size_t n)
{
    const double quartiles = quantile(sorted, n, 0.75) - quantile(sorted, n, 0.25);
    if (quartiles > 0)
        return quartiles / NORMAL_QUARTILES;
    double mean = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        mean += sorted[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (sorted[i] - mean) * (sorted[i] - mean) / (double)n;
    return sqrt(squares);
}

mer_status mer_column_transform_learn(const struct mer_ctx *ctx, enum mer_transform transform,
                                      double *values, size_t n, double *references,
                                      size_t n_references, struct mer_column_transform *ret,
                                      mer_err *err)
{
    struct mer_column_transform column = {.width = 1, .power = 1, .deviation = 1};

    mer_sort(values, n, sizeof *values, mer_compare_doubles);
    for (size_t i = 0; i < n_references; i++)
        references[i] = quantile(values, n, (double)i / (double)(n_references - 1));
    column.references = references;
    column.is_used = has_three_values(values, n);
    if (column.is_used && (transform == MER_TRANSFORM_ROBUST || transform == MER_TRANSFORM_POWER)) {
        column.centre = quantile(values, n, 0.5);
        column.width = width_of(values, n);
        column.is_used = column.width > 0 && isfinite(column.width);
    }
    if (column.is_used && transform == MER_TRANSFORM_POWER)
        MER_GUARD(learn_power(ctx, values, n, &column, err));
    if (!column.is_used)
        column = (struct mer_column_transform){
            .width = 1, .power = 1, .deviation = 1, .references = references};
    *ret = column;
    return mer_ok();
}

/* The share of training rows below x: between neighbours, and in the middle of references that are
 * alike. */
static double level_of(const double *references, size_t n, double x)
{
    size_t first = 0, end = n; /* the first that is not below x */
    while (first < end) {
        const size_t middle = first + (end - first) / 2;
        if (references[middle] < x)
            first = middle + 1;
        else
            end = middle;
    }
    if (first == n)
        return 1;
    if (references[first] > x) {
        if (first == 0)
            return 0;
        const double step = references[first] - references[first - 1];
        return ((double)(first - 1) + (x - references[first - 1]) / step) / (double)(n - 1);
    }
    size_t behind = first + 1;
    for (end = n; behind < end;) {
        const size_t middle = behind + (end - behind) / 2;
        if (references[middle] <= x)
            behind = middle + 1;
        else
            end = middle;
    }
    return 0.5 * (double)(first + behind - 1) / (double)(n - 1);
}

static double clip(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

double mer_column_transform_apply(enum mer_transform transform,
                                  const struct mer_column_transform *column, size_t n_references,
                                  double x)
{
    if (!column->is_used)
        return x;
    if (transform == MER_TRANSFORM_NORMAL || transform == MER_TRANSFORM_UNIFORM) {
        const double level = level_of(column->references, n_references, x);
        /* The outermost reference stands for half a step beside it, not for infinity. */
        const double least = 0.5 / (double)n_references;
        return transform == MER_TRANSFORM_UNIFORM
                   ? (level - 0.5) / UNIFORM_DEVIATION
                   : mer_normal_quantile(clip(level, least, 1 - least));
    }
    double y = (x - column->centre) / column->width;
    if (transform == MER_TRANSFORM_POWER)
        y = (power_of(y, mer_ln1p(fabs(y)), column->power) - column->mean) / column->deviation;
    return clip(y, -TRANSFORMED_MOST, TRANSFORMED_MOST);
}
