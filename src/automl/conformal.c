#include "automl/conformal.h"

#include <float.h>
#include <math.h>

#include "core/sort.h"

/* Rows that a bin of predictions has at least; the least share of the mean error that is usual. */
enum { BIN_ROWS = 100 };
#define SCALE_FLOOR 0.05

/* Predictions of the search were kept as floats: what ties must not be lost to that. */
#define PROBABILITY_SLACK 1e-6

/* A held-out row. */
struct row {
    double prediction;
    double error;
};

static int compare_rows(const void *a, const void *b)
{
    const struct row *const left = a, *const right = b;
    if (left->prediction != right->prediction)
        return left->prediction > right->prediction ? 1 : -1;
    return (left->error > right->error) - (left->error < right->error);
}

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

size_t mer_conformal_n_quantiles(size_t n_rows)
{
    /* All i with ceil((n + 1) i / 1000) <= n. */
    if (n_rows < MER_CONFORMAL_ROWS_MIN || n_rows > UINT32_MAX)
        return 0;
    return n_rows * MER_CONFORMAL_STEPS / (n_rows + 1) + 1;
}

static double scale_at(const struct mer_conformal *conformal, double prediction)
{
    const double *const centres = conformal->centres, *const scales = conformal->scales;
    size_t i = 0;

    while (i < conformal->n_centres && centres[i] < prediction)
        i++;
    if (i == 0)
        return scales[0];
    if (i == conformal->n_centres)
        return scales[i - 1];
    /* Halves, because the difference of two finite numbers need not be one. */
    const double part =
        (prediction / 2 - centres[i - 1] / 2) / (centres[i] / 2 - centres[i - 1] / 2);
    return scales[i - 1] * (1 - part) + scales[i] * part;
}

double mer_conformal_margin(const struct mer_conformal *conformal, double bound, double prediction)
{
    return bound * scale_at(conformal, prediction);
}

bool mer_conformal_holds(double bound, double probability)
{
    return 1 - probability <= bound + PROBABILITY_SLACK;
}

/* The usual error in bins of equally many rows, which are sorted by their predictions. */
static void learn_scales(const struct row *rows, size_t n_rows, double *centres, double *scales,
                         struct mer_conformal *conformal)
{
    const size_t n_fit = n_rows / BIN_ROWS;
    const size_t n_bins = n_fit < 1                        ? 1
                          : n_fit < MER_CONFORMAL_BINS_MAX ? n_fit
                                                           : MER_CONFORMAL_BINS_MAX;
    double mean = 0;
    size_t n = 0;

    for (size_t i = 0; i < n_rows; i++)
        mean += rows[i].error / (double)n_rows;
    const double least = mean > 0 ? SCALE_FLOOR * mean : 1;
    for (size_t b = 0; b < n_bins; b++) {
        const size_t begin = n_rows * b / n_bins, end = n_rows * (b + 1) / n_bins;
        double centre = 0, scale = 0;
        for (size_t i = begin; i < end; i++) {
            centre += rows[i].prediction / (double)(end - begin);
            scale += rows[i].error / (double)(end - begin);
        }
        if (n > 0 && !(centre > centres[n - 1]))
            continue; /* many rows with the same prediction */
        centres[n] = centre;
        scales[n++] = scale > least ? scale : least;
    }
    conformal->centres = centres;
    conformal->scales = scales;
    conformal->n_centres = n;
}

static mer_status learn_numbers(const struct mer_ctx *ctx, const double *predictions, size_t n_rows,
                                const double *values, struct mer_arena *arena, double *scores,
                                struct mer_conformal *conformal, mer_err *err)
{
    double *centres, *scales;
    struct row *rows;

    MER_GUARD(mer_arena_zero(arena, MER_CONFORMAL_BINS_MAX, sizeof(*centres), &centres, err));
    MER_GUARD(mer_arena_zero(arena, MER_CONFORMAL_BINS_MAX, sizeof(*scales), &scales, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, n_rows, sizeof(*rows), &rows, err));
    for (size_t i = 0; i < n_rows; i++)
        rows[i] = (struct row){predictions[i], fabs(values[i] - predictions[i])};
    mer_sort(rows, n_rows, sizeof(*rows), compare_rows);
    learn_scales(rows, n_rows, centres, scales, conformal);
    for (size_t i = 0; i < n_rows; i++)
        scores[i] = rows[i].error / scale_at(conformal, rows[i].prediction);
    mer_free(ctx->alloc, rows);
    return mer_ok();
}

mer_status mer_conformal_learn(const struct mer_ctx *ctx, const double *predictions, size_t n_rows,
                               size_t n_outputs, const double *values, const int32_t *classes,
                               struct mer_arena *arena, struct mer_conformal *ret_conformal,
                               mer_err *err)
{
    const size_t n_quantiles = mer_conformal_n_quantiles(n_rows);
    struct mer_conformal conformal = {.n_rows = n_rows};
    double *scores, *quantiles;
    mer_status status = mer_ok();

    *ret_conformal = (struct mer_conformal){0};
    if (n_quantiles == 0)
        return mer_ok();
    MER_GUARD(mer_arena_zero(arena, n_quantiles, sizeof(*quantiles), &quantiles, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, n_rows, sizeof(*scores), &scores, err));
    if (values)
        status = learn_numbers(ctx, predictions, n_rows, values, arena, scores, &conformal, err);
    for (size_t i = 0; classes && i < n_rows; i++)
        scores[i] = fmax(0, 1 - predictions[i * n_outputs + (size_t)classes[i]]);
    if (mer_is_ok(status)) {
        mer_sort(scores, n_rows, sizeof(*scores), compare_doubles);
        for (size_t i = 1; i < n_quantiles; i++)
            quantiles[i] =
                scores[((n_rows + 1) * i + MER_CONFORMAL_STEPS - 1) / MER_CONFORMAL_STEPS - 1];
        conformal.quantiles = quantiles;
        if (mer_conformal_is_sound(&conformal, values ? MER_TASK_REGRESSION : MER_TASK_BINARY))
            *ret_conformal = conformal; /* errors beyond every number tell nothing */
    }
    mer_free(ctx->alloc, scores);
    return status;
}

bool mer_conformal_is_sound(const struct mer_conformal *conformal, enum mer_task task)
{
    const size_t n = mer_conformal_n_quantiles(conformal->n_rows), n_centres = conformal->n_centres;

    if (n == 0 || (task == MER_TASK_REGRESSION) != (n_centres > 0) ||
        n_centres > MER_CONFORMAL_BINS_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!(conformal->quantiles[i] >= (i > 0 ? conformal->quantiles[i - 1] : 0) &&
              conformal->quantiles[i] <= DBL_MAX))
            return false;
    for (size_t i = 0; i < n_centres; i++)
        if (!isfinite(conformal->centres[i]) ||
            (i > 0 && !(conformal->centres[i] > conformal->centres[i - 1])) ||
            !(conformal->scales[i] > 0 && conformal->scales[i] <= DBL_MAX))
            return false;
    return true;
}

mer_status mer_conformal_save(const struct mer_conformal *conformal, struct mer_bundle *bundle,
                              mer_err *err)
{
    const size_t n = mer_conformal_n_quantiles(conformal->n_rows);

    if (n == 0)
        return mer_ok();
    MER_GUARD(mer_bundle_add_vector(bundle, "conformal/quantiles", MER_DTYPE_F64, n,
                                    conformal->quantiles, err));
    if (conformal->n_centres == 0)
        return mer_ok();
    MER_GUARD(mer_bundle_add_vector(bundle, "conformal/centres", MER_DTYPE_F64,
                                    conformal->n_centres, conformal->centres, err));
    return mer_bundle_add_vector(bundle, "conformal/scales", MER_DTYPE_F64, conformal->n_centres,
                                 conformal->scales, err);
}

mer_status mer_conformal_load(const struct mer_bundle *bundle, size_t n_rows, enum mer_task task,
                              struct mer_conformal *ret_conformal, mer_err *err)
{
    struct mer_conformal conformal = {.n_rows = n_rows};
    const struct mer_array *centres;

    *ret_conformal = (struct mer_conformal){0};
    if (n_rows > 0) {
        MER_GUARD(mer_bundle_get_vector(bundle, "conformal/quantiles", MER_DTYPE_F64,
                                        mer_conformal_n_quantiles(n_rows),
                                        (const void **)&conformal.quantiles, err));
        if (task == MER_TASK_REGRESSION) {
            MER_GUARD(mer_bundle_get(bundle, "conformal/centres", MER_DTYPE_F64, 1, &centres, err));
            conformal.centres = centres->data;
            conformal.n_centres = centres->shape[0];
            MER_GUARD(mer_bundle_get_vector(bundle, "conformal/scales", MER_DTYPE_F64,
                                            conformal.n_centres, (const void **)&conformal.scales,
                                            err));
        }
    }
    if (n_rows > 0 ? !mer_conformal_is_sound(&conformal, task)
                   : mer_bundle_find(bundle, "conformal/quantiles") != NULL)
        return mer_fail(err, MER_ERR_DATA, "the model's errors on held-out rows are not valid");
    *ret_conformal = conformal;
    return mer_ok();
}

mer_status mer_conformal_bound(const struct mer_conformal *conformal, double coverage,
                               double *ret_bound, mer_err *err)
{
    if (!(coverage > 0 && coverage < 1))
        return mer_hint(err, mer_fail(err, MER_ERR_USAGE, "%g is no coverage", coverage),
                        "it is between 0 and 1, such as 0.9");
    if (conformal->n_rows == 0)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE,
                                 "the model does not know how far its predictions may be off"),
                        "fit it again with this version, on 20 rows or more: earlier ones did not "
                        "keep that");
    /* The next thousandth above; what is a thousandth but for its last bit stays there. */
    const size_t step = (size_t)ceil(coverage * MER_CONFORMAL_STEPS - 1e-9);
    const size_t n = mer_conformal_n_quantiles(conformal->n_rows);
    if (step >= n)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE,
                                 "the %zu held-out rows of the search are too few for a coverage "
                                 "of %g",
                                 conformal->n_rows, coverage),
                        "ask for %g at the most", (double)(n - 1) / MER_CONFORMAL_STEPS);
    *ret_bound = conformal->quantiles[step];
    return mer_ok();
}
