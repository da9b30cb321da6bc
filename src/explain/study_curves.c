/* Curves and groups of rows, out of the predictions for held-out rows. */
#include <string.h>

#include "core/math.h"
#include "core/order.h"
#include "explain/study.h"

/* The rows by rising key(row), into ret_order[n]; the keys into ret_keys[n]. */
struct ordering {
    double *keys;
    struct mer_order_item *items;
    uint32_t *order;
};

static mer_status ordering_new(struct mer_alloc *alloc, size_t n, struct ordering *ret,
                               mer_err *err)
{
    *ret = (struct ordering){0};
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(*ret->keys), &ret->keys, err));
    MER_GUARD(mer_alloc_array(alloc, n, 2 * sizeof(*ret->items), &ret->items, err));
    return mer_alloc_array(alloc, n, sizeof(*ret->order), &ret->order, err);
}

static void ordering_free(struct mer_alloc *alloc, struct ordering *ordering)
{
    mer_free(alloc, ordering->keys);
    mer_free(alloc, ordering->items);
    mer_free(alloc, ordering->order);
}

/* Every point of a curve of n is too many: those whose x or y moved by a step since the last. */
static void add_point(struct mer_curve *curve, double x, double y, bool is_last)
{
    static const double step = 1.25 / MER_CURVE_POINTS;
    if (curve->n > 0) {
        const double moved = fabs(x - curve->x[curve->n - 1]) + fabs(y - curve->y[curve->n - 1]);
        if (moved < 2 * step && !is_last)
            return;
    }
    if (curve->n == MER_CURVE_POINTS)
        curve->n--;
    curve->x[curve->n] = x;
    curve->y[curve->n++] = y;
}

static void trace(const struct mer_study *study, const struct ordering *ordering, double n_true,
                  double n_false, struct mer_curve *roc, struct mer_curve *precision)
{
    double hits = 0, alarms = 0;
    add_point(roc, 0, 0, false);
    for (size_t i = study->n_rows; i > 0;) {
        const double threshold = ordering->keys[ordering->order[i - 1]];
        for (; i > 0 && ordering->keys[ordering->order[i - 1]] == threshold; i--) {
            const bool is_true = study->classes[ordering->order[i - 1]] == 1;
            hits += is_true;
            alarms += !is_true;
        }
        add_point(roc, alarms / n_false, hits / n_true, i == 0);
        add_point(precision, hits / n_true, hits / (hits + alarms), i == 0);
    }
}

mer_status mer_study_curves(const struct mer_ctx *ctx, const struct mer_study *study,
                            struct mer_curve *ret_roc, struct mer_curve *ret_precision,
                            mer_err *err)
{
    struct ordering ordering;
    size_t n_true = 0;

    ret_roc->n = ret_precision->n = 0;
    mer_status status = ordering_new(ctx->alloc, study->n_rows, &ordering, err);
    if (mer_is_ok(status)) {
        for (size_t i = 0; i < study->n_rows; i++) {
            ordering.keys[i] = study->predictions[2 * i + 1];
            n_true += study->classes[i] == 1;
        }
        mer_order_doubles(ordering.keys, study->n_rows, ordering.items, ordering.order);
        if (n_true > 0 && n_true < study->n_rows)
            trace(study, &ordering, (double)n_true, (double)(study->n_rows - n_true), ret_roc,
                  ret_precision);
    }
    ordering_free(ctx->alloc, &ordering);
    return status;
}

/* What was predicted for a row and what came: a probability and 0 or 1, or two values. */
static double predicted(const struct mer_study *study, size_t row)
{
    if (study->values)
        return study->predictions[row];
    const size_t shown = study->n_classes == 2 ? 1 : mer_study_guess(study, row);
    return study->predictions[row * study->n_classes + shown];
}

static double actual(const struct mer_study *study, size_t row)
{
    if (study->values)
        return study->values[row];
    const size_t shown = study->n_classes == 2 ? 1 : mer_study_guess(study, row);
    return (size_t)study->classes[row] == shown;
}

/* A group that ties left nearly empty tells nothing: its rows go to the one before. */
static void merge_small(struct mer_calibration *calibration, size_t n_rows)
{
    enum { SMALL_PART = 40 };
    size_t n = 0;
    for (size_t i = 0; i < calibration->n_bins; i++) {
        const struct mer_calibration_bin bin = calibration->bins[i];
        if (n == 0 ||
            (bin.n >= n_rows / SMALL_PART && calibration->bins[n - 1].n >= n_rows / SMALL_PART)) {
            calibration->bins[n++] = bin;
            continue;
        }
        struct mer_calibration_bin *const before = &calibration->bins[n - 1];
        const double share = (double)bin.n / (double)(bin.n + before->n);
        before->predicted += share * (bin.predicted - before->predicted);
        before->actual += share * (bin.actual - before->actual);
        before->n += bin.n;
    }
    calibration->n_bins = n;
}

mer_status mer_study_calibration(const struct mer_ctx *ctx, const struct mer_study *study,
                                 struct mer_calibration *ret, mer_err *err)
{
    const size_t n = study->n_rows;
    struct ordering ordering;

    *ret = (struct mer_calibration){0};
    mer_status status = ordering_new(ctx->alloc, n, &ordering, err);
    if (!mer_is_ok(status))
        goto done;
    for (size_t i = 0; i < n; i++)
        ordering.keys[i] = predicted(study, i);
    mer_order_doubles(ordering.keys, n, ordering.items, ordering.order);
    for (size_t b = 0, i = 0; b < MER_CALIBRATION_BINS && i < n; b++) {
        struct mer_calibration_bin *const bin = &ret->bins[ret->n_bins];
        const size_t end = n * (b + 1) / MER_CALIBRATION_BINS;
        *bin = (struct mer_calibration_bin){0};
        /* Equal predictions stay together. */
        for (; i < n && (i < end || (i > 0 && ordering.keys[ordering.order[i]] ==
                                                  ordering.keys[ordering.order[i - 1]]));
             i++) {
            bin->n++;
            bin->predicted += ordering.keys[ordering.order[i]];
            bin->actual += actual(study, ordering.order[i]);
        }
        if (bin->n == 0)
            continue;
        bin->predicted /= (double)bin->n;
        bin->actual /= (double)bin->n;
        ret->n_bins++;
    }
    merge_small(ret, n);
done:
    ordering_free(ctx->alloc, &ordering);
    return status;
}

void mer_study_shares(const struct mer_study *study, size_t ret_counts[2][MER_SHARE_BINS])
{
    memset(ret_counts, 0, 2 * sizeof(*ret_counts));
    for (size_t i = 0; i < study->n_rows; i++) {
        const size_t at = (size_t)(study->predictions[2 * i + 1] * MER_SHARE_BINS);
        ret_counts[study->classes[i] == 1][at < MER_SHARE_BINS ? at : MER_SHARE_BINS - 1]++;
    }
}

static size_t square_of(const struct mer_density *density, double value)
{
    const double at = (value - density->low) / (density->high - density->low) * MER_DENSITY;
    return at < 0 ? 0 : at >= MER_DENSITY ? MER_DENSITY - 1 : (size_t)at;
}

mer_status mer_study_density(const struct mer_ctx *ctx, const struct mer_study *study,
                             struct mer_density *ret, mer_err *err)
{
    const size_t n = study->n_rows;
    struct ordering ordering;

    memset(ret, 0, sizeof *ret);
    mer_status status = ordering_new(ctx->alloc, n, &ordering, err);
    if (mer_is_ok(status)) {
        memcpy(ordering.keys, study->values, n * sizeof(double));
        mer_order_doubles(ordering.keys, n, ordering.items, ordering.order);
        /* Without the furthest half percent at either end, which would leave no room. */
        ret->low = ordering.keys[ordering.order[n / 200]];
        ret->high = ordering.keys[ordering.order[n - 1 - n / 200]];
        if (!(ret->high > ret->low))
            ret->high = ret->low + 1;
        for (size_t i = 0; i < n; i++)
            ret->counts[square_of(ret, study->predictions[i])][square_of(ret, study->values[i])]++;
    }
    ordering_free(ctx->alloc, &ordering);
    return status;
}

mer_status mer_study_residuals(const struct mer_ctx *ctx, const struct mer_study *study,
                               struct mer_number_profile *ret, mer_err *err)
{
    const size_t n = study->n_rows;
    struct ordering ordering;
    double *sorted = NULL;

    *ret = (struct mer_number_profile){0};
    mer_status status = ordering_new(ctx->alloc, n, &ordering, err);
    if (mer_is_ok(status))
        status = mer_alloc_array(ctx->alloc, n, sizeof(*sorted), &sorted, err);
    if (mer_is_ok(status)) {
        for (size_t i = 0; i < n; i++)
            ordering.keys[i] = study->values[i] - study->predictions[i];
        mer_order_doubles(ordering.keys, n, ordering.items, ordering.order);
        for (size_t i = 0; i < n; i++)
            sorted[i] = ordering.keys[ordering.order[i]];
        mer_number_profile_of(sorted, n, n, false, ret);
    }
    mer_free(ctx->alloc, sorted);
    ordering_free(ctx->alloc, &ordering);
    return status;
}
