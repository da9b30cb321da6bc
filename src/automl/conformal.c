#include "automl/conformal.h"

#include <float.h>
#include <math.h>

#include "core/log.h"
#include "core/sort.h"

/* Rows that a bin of predictions has at least; the least share of the mean error that is usual. */
enum { BIN_ROWS = 100 };
#define SCALE_FLOOR 0.05

/* Errors that grow with time are told and followed where so many rows of either half say so by so
 * many standard errors. */
enum { DRIFT_ROWS = 50 };
#define DRIFT_ERRORS 2

/* Predictions of the search were kept as floats: what ties must not be lost to that. */
#define PROBABILITY_SLACK 1e-6

/* A held-out row. */
struct row {
    double prediction;
    double error;
    double weight;
    double score; /* its nonconformity */
    bool is_late;
};

static int compare_rows(const void *a, const void *b)
{
    const struct row *const left = a, *const right = b;
    if (left->prediction != right->prediction)
        return left->prediction > right->prediction ? 1 : -1;
    return (left->error > right->error) - (left->error < right->error);
}

static int compare_scores(const void *a, const void *b)
{
    const struct row *const left = a, *const right = b;
    if (left->score != right->score)
        return left->score > right->score ? 1 : -1;
    return (left->weight > right->weight) - (left->weight < right->weight);
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

/* What the rows of a bin say of the usual error. */
struct bin {
    size_t end; /* of its rows, exclusive */
    double errors;
    double weights;
};

static double scale_of(const struct bin *bin, double least)
{
    const double scale = bin->weights > 0 ? bin->errors / bin->weights : 0;
    return scale > least ? scale : least;
}

/* The nonconformity of each row: its error by what is usual for predictions of its size among the
 * others, so that a large one does not make itself look usual. */
static void score_errors(struct row *rows, const struct bin *bins, double least, double *scales,
                         const struct mer_conformal *conformal)
{
    for (size_t b = 0, i = 0; b < conformal->n_centres; b++) {
        const double whole = scales[b];
        for (; i < bins[b].end; i++) {
            const struct bin others = {.errors = bins[b].errors - rows[i].weight * rows[i].error,
                                       .weights = bins[b].weights - rows[i].weight};
            scales[b] = scale_of(&others, least);
            rows[i].score = rows[i].error / scale_at(conformal, rows[i].prediction);
        }
        scales[b] = whole;
    }
}

/* The usual error in bins of equally many rows, which are sorted by their predictions. */
static void learn_scales(struct row *rows, size_t n_rows, double *centres, double *scales,
                         struct mer_conformal *conformal)
{
    const size_t n_fit = n_rows / BIN_ROWS;
    const size_t n_bins = n_fit < 1                        ? 1
                          : n_fit < MER_CONFORMAL_BINS_MAX ? n_fit
                                                           : MER_CONFORMAL_BINS_MAX;
    struct bin bins[MER_CONFORMAL_BINS_MAX] = {{0}}, all = {0};
    size_t n = 0;

    for (size_t i = 0; i < n_rows; i++) {
        all.errors += rows[i].weight * rows[i].error;
        all.weights += rows[i].weight;
    }
    const double least = all.errors > 0 ? SCALE_FLOOR * all.errors / all.weights : 1;
    for (size_t b = 0; b < n_bins; b++) {
        const size_t begin = n_rows * b / n_bins, end = n_rows * (b + 1) / n_bins;
        struct bin bin = {.end = end};
        double centre = 0;
        for (size_t i = begin; i < end; i++) {
            centre += rows[i].prediction / (double)(end - begin);
            bin.errors += rows[i].weight * rows[i].error;
            bin.weights += rows[i].weight;
        }
        if (n > 0 && !(centre > centres[n - 1])) { /* many rows with the same prediction */
            bins[n - 1].end = end;
            bins[n - 1].errors += bin.errors;
            bins[n - 1].weights += bin.weights;
            continue;
        }
        centres[n] = centre;
        bins[n++] = bin;
    }
    for (size_t b = 0; b < n; b++)
        scales[b] = scale_of(&bins[b], least);
    conformal->centres = centres;
    conformal->scales = scales;
    conformal->n_centres = n;
    score_errors(rows, bins, least, scales, conformal);
}

static mer_status learn_numbers(struct mer_arena *arena, struct row *rows, size_t n_rows,
                                struct mer_conformal *conformal, mer_err *err)
{
    double *centres, *scales;

    MER_GUARD(mer_arena_zero(arena, MER_CONFORMAL_BINS_MAX, sizeof(*centres), &centres, err));
    MER_GUARD(mer_arena_zero(arena, MER_CONFORMAL_BINS_MAX, sizeof(*scales), &scales, err));
    mer_sort(rows, n_rows, sizeof(*rows), compare_rows);
    learn_scales(rows, n_rows, centres, scales, conformal);
    return mer_ok();
}

/* The most probable class is possible whatever it may be: it is never what a bound decides on. */
static double score_class(const double *probabilities, size_t n_classes, size_t truth)
{
    size_t best = 0;
    for (size_t k = 1; k < n_classes; k++)
        if (probabilities[k] > probabilities[best])
            best = k;
    return best == truth ? 0 : fmax(0, 1 - probabilities[truth]);
}

/* The rows that weigh anything. */
static size_t gather(const struct mer_conformal_rows *given, struct row *ret_rows)
{
    size_t n = 0;
    for (size_t i = 0; i < given->n_rows; i++) {
        const double *const prediction = given->predictions + i * given->n_outputs;
        struct row row = {.weight = given->weights ? given->weights[i] : 1,
                          .is_late = given->late && given->late[i]};
        if (!(row.weight > 0))
            continue;
        if (given->values) {
            row.prediction = prediction[0];
            row.error = fabs(given->values[i] - prediction[0]);
        } else {
            row.score = score_class(prediction, given->n_outputs, (size_t)given->classes[i]);
        }
        ret_rows[n++] = row;
    }
    return n;
}

/* As many rows of equal weight as tell as much (Kish, "Survey Sampling", 1965, 11.7). */
static size_t count_effective(const struct row *rows, size_t n, size_t n_repeats)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += rows[i].weight;
        squares += rows[i].weight * rows[i].weight;
    }
    return n == 0 ? 0 : (size_t)(sum * sum / squares / (double)n_repeats + 1e-9);
}

/* Element i is the score up to which the weights come to (n + 1) i / 1000 of n rows. */
static void take_quantiles(const struct row *rows, size_t n_scores, size_t n_rows,
                           size_t n_quantiles, double *quantiles)
{
    double total = 0, below = 0;
    size_t at = 0;

    for (size_t i = 0; i < n_scores; i++)
        total += rows[i].weight;
    const double whole = total * ((double)n_rows + 1) / (double)n_rows;
    for (size_t i = 1; i < n_quantiles; i++) {
        const double wanted = whole * (double)i / MER_CONFORMAL_STEPS * (1 - 1e-12);
        while (at < n_scores && below < wanted)
            below += rows[at++].weight;
        quantiles[i] = rows[at > 0 ? at - 1 : 0].score;
    }
}

/* Of each level, the quantile of that level where earlier rows reach what later ones need. */
static void raise_quantiles(const struct row *rows, size_t n, const double *late,
                            size_t n_quantiles, double *quantiles)
{
    double total = 0, within = 0;
    size_t at = 0;

    for (size_t i = 0; i < n; i++)
        total += rows[i].is_late ? 0 : rows[i].weight;
    for (size_t i = 1, level = 1; i < n_quantiles; i++) {
        for (; at < n && rows[at].score <= late[i]; at++)
            within += rows[at].is_late ? 0 : rows[at].weight;
        while (level + 1 < n_quantiles && (double)level < within / total * MER_CONFORMAL_STEPS)
            level++;
        if (level > i)
            quantiles[i] = quantiles[level];
    }
}

/* The part of the weights of earlier rows, or of later ones, that scores up to a bound have. */
static double part_within(const struct row *rows, size_t n, bool is_late, double bound)
{
    double total = 0, within = 0;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].is_late != is_late)
            continue;
        total += rows[i].weight;
        within += rows[i].score <= bound ? rows[i].weight : 0;
    }
    return total > 0 ? within / total : 1;
}

/* Errors that grow with time will go on to: where what the earlier rows say held the truth of the
 * later ones less often than it should, quantiles are raised to where it would have held it as
 * often. Rows are sorted by score. It is a guess: what comes need not be like what came (Barber,
 * Candes, Ramdas, Tibshirani, "Conformal prediction beyond exchangeability", 2023). */
static mer_status follow_drift(const struct mer_ctx *ctx, const struct row *rows, size_t n,
                               size_t n_quantiles, double *quantiles, mer_err *err)
{
    const double told = 0.9;
    struct row *parts;
    double *early, *late;
    size_t n_early = 0, n_late = 0;

    MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof(*parts), &parts, err));
    for (size_t i = 0; i < n; i++)
        if (!rows[i].is_late)
            parts[n_early++] = rows[i];
    for (size_t i = 0; i < n; i++)
        if (rows[i].is_late)
            parts[n_early + n_late++] = rows[i];
    if (n_early < DRIFT_ROWS || n_late < DRIFT_ROWS) {
        mer_free(ctx->alloc, parts);
        return mer_ok();
    }
    mer_status status = mer_alloc_zero(ctx->alloc, n_quantiles, 2 * sizeof(*early), &early, err);
    if (!mer_is_ok(status)) {
        mer_free(ctx->alloc, parts);
        return status;
    }
    late = early + n_quantiles;
    take_quantiles(parts, n_early, n_early, n_quantiles, early);
    take_quantiles(parts + n_early, n_late, n_late, n_quantiles, late);
    const size_t at = (size_t)(told * MER_CONFORMAL_STEPS);
    const double held = part_within(rows, n, true, early[at]);
    const double error = sqrt(told * (1 - told) * (1 / (double)n_early + 1 / (double)n_late));
    if (held < told - DRIFT_ERRORS * error) {
        mer_log_warning(ctx, "automl",
                        "errors grow with time: intervals for 90 %% by the earlier half of the "
                        "held-out rows hold %.1f %% of the later half. They are made wider, and "
                        "still promise nothing for what comes later",
                        100 * held);
        raise_quantiles(rows, n, late, n_quantiles, quantiles);
    }
    mer_free(ctx->alloc, early);
    mer_free(ctx->alloc, parts);
    return mer_ok();
}

mer_status mer_conformal_learn(const struct mer_ctx *ctx, const struct mer_conformal_rows *given,
                               struct mer_arena *arena, struct mer_conformal *ret_conformal,
                               mer_err *err)
{
    struct mer_conformal conformal = {0};
    struct row *rows;
    double *quantiles;
    mer_status status = mer_ok();

    *ret_conformal = (struct mer_conformal){0};
    MER_GUARD(mer_alloc_array(ctx->alloc, given->n_rows, sizeof(*rows), &rows, err));
    const size_t n = gather(given, rows);
    conformal.n_rows = count_effective(rows, n, given->n_repeats);
    const size_t n_quantiles = mer_conformal_n_quantiles(conformal.n_rows);
    if (n_quantiles == 0)
        goto out;
    MER_GUARD_GOTO(mer_arena_zero(arena, n_quantiles, sizeof(*quantiles), &quantiles, err), out);
    if (given->values)
        MER_GUARD_GOTO(learn_numbers(arena, rows, n, &conformal, err), out);
    mer_sort(rows, n, sizeof(*rows), compare_scores);
    take_quantiles(rows, n, conformal.n_rows, n_quantiles, quantiles);
    if (given->late)
        MER_GUARD_GOTO(follow_drift(ctx, rows, n, n_quantiles, quantiles, err), out);
    conformal.quantiles = quantiles;
    if (mer_conformal_is_sound(&conformal, given->values ? MER_TASK_REGRESSION : MER_TASK_BINARY))
        *ret_conformal = conformal; /* errors beyond every number tell nothing */
out:
    mer_free(ctx->alloc, rows);
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
    /* A model that says nearly the same of all rows said in a fold what one row more or less makes
     * of it: a class must not be lost to that. */
    if (conformal->n_centres == 0)
        *ret_bound += 1 / (double)conformal->n_rows;
    return mer_ok();
}
