/* Metrics of classification that look at one row at a time: of its predicted class, or of the
 * probability given to the true one. Definitions: scikit-learn 1.2, sklearn.metrics. */
#include <float.h>

#include "metric/metric_parts.h"

/* Per class: the weights of the rows that are of it, are predicted to be, and are both. */
struct tallies {
    size_t n_classes;
    double *truth;
    double *predicted;
    double *hit;
    bool *seen; /* the class occurs as a truth or as a prediction, with whatever weight */
    double total;
};

static size_t predicted_class(const struct mer_scored *scored, size_t row)
{
    const double *p = scored->predictions + row * scored->n_classes;
    size_t best = 0;
    if (scored->threshold > 0 && scored->n_classes == 2)
        return p[1] >= scored->threshold;
    for (size_t k = 1; k < scored->n_classes; k++) {
        if (p[k] > p[best])
            best = k;
    }
    return best;
}

static mer_status tallies_init(const struct mer_ctx *ctx, const struct mer_scored *scored,
                               struct tallies *ret, mer_err *err)
{
    const size_t k = scored->n_classes;
    struct tallies t = {.n_classes = k};
    MER_GUARD(mer_alloc_zero(ctx->alloc, k, 3 * sizeof(double) + sizeof(bool), &t.truth, err));
    t.predicted = t.truth + k;
    t.hit = t.predicted + k;
    t.seen = (bool *)(t.hit + k);
    for (size_t row = 0; row < scored->n; row++) {
        const size_t truth = (size_t)scored->truth_classes[row];
        const size_t predicted = predicted_class(scored, row);
        const double weight = mer_scored_weight(scored, row);
        t.truth[truth] += weight;
        t.predicted[predicted] += weight;
        if (truth == predicted)
            t.hit[truth] += weight;
        t.seen[truth] = t.seen[predicted] = true;
        t.total += weight;
    }
    *ret = t;
    return mer_ok();
}

/* The part that a metric over tallies shares with the others. */
static mer_status score_tallies(const struct mer_ctx *ctx, const struct mer_scored *scored,
                                unsigned tasks, double (*metric)(const struct tallies *),
                                double *ret_score, mer_err *err)
{
    bool defined = false;
    MER_GUARD(mer_scored_check(scored, tasks, &defined, err));
    if (!defined) {
        *ret_score = NAN;
        return mer_ok();
    }
    struct tallies tallies;
    MER_GUARD(tallies_init(ctx, scored, &tallies, err));
    *ret_score = metric(&tallies);
    mer_free(ctx->alloc, tallies.truth);
    return mer_ok();
}

/* Nothing over nothing is 0, as zero_division="warn" says. */
static double ratio(double numerator, double denominator)
{
    return denominator == 0 ? 0 : numerator / denominator;
}

static double precision_of(const struct tallies *t, size_t k)
{
    return ratio(t->hit[k], t->predicted[k]);
}

static double recall_of(const struct tallies *t, size_t k)
{
    return ratio(t->hit[k], t->truth[k]);
}

static double f1_of(const struct tallies *t, size_t k)
{
    const double precision = precision_of(t, k);
    const double recall = recall_of(t, k);
    return ratio(2 * precision * recall, precision + recall);
}

/* The mean over the classes that occur at all, each counted once. */
static double macro(const struct tallies *t, double (*of_class)(const struct tallies *, size_t))
{
    double sum = 0;
    size_t n = 0;
    for (size_t k = 0; k < t->n_classes; k++) {
        if (!t->seen[k])
            continue;
        sum += of_class(t, k);
        n++;
    }
    return sum / (double)n;
}

static double accuracy(const struct tallies *t)
{
    double hits = 0;
    for (size_t k = 0; k < t->n_classes; k++)
        hits += t->hit[k];
    return hits / t->total;
}

/* The mean recall of the classes that are true for some row. */
static double balanced_accuracy(const struct tallies *t)
{
    double sum = 0;
    size_t n = 0;
    for (size_t k = 0; k < t->n_classes; k++) {
        if (t->truth[k] == 0)
            continue;
        sum += recall_of(t, k);
        n++;
    }
    return sum / (double)n;
}

static double f1_binary(const struct tallies *t)
{
    return f1_of(t, 1);
}

static double precision_binary(const struct tallies *t)
{
    return precision_of(t, 1);
}

static double recall_binary(const struct tallies *t)
{
    return recall_of(t, 1);
}

static double f1_macro(const struct tallies *t)
{
    return macro(t, f1_of);
}

static double precision_macro(const struct tallies *t)
{
    return macro(t, precision_of);
}

static double recall_macro(const struct tallies *t)
{
    return macro(t, recall_of);
}

static double f1_weighted(const struct tallies *t)
{
    double sum = 0;
    for (size_t k = 0; k < t->n_classes; k++)
        sum += t->truth[k] * f1_of(t, k);
    return sum / t->total;
}

/* Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient", 2004.
 */
static double mcc(const struct tallies *t)
{
    double hits = 0;
    double truth_predicted = 0;
    double truth_truth = 0;
    double predicted_predicted = 0;
    for (size_t k = 0; k < t->n_classes; k++) {
        hits += t->hit[k];
        truth_predicted += t->truth[k] * t->predicted[k];
        truth_truth += t->truth[k] * t->truth[k];
        predicted_predicted += t->predicted[k] * t->predicted[k];
    }
    const double square = t->total * t->total;
    const double spread = (square - predicted_predicted) * (square - truth_truth);
    return spread == 0 ? 0 : (hits * t->total - truth_predicted) / sqrt(spread);
}

/* Agreement beyond that of chance (Cohen, "A coefficient of agreement for nominal scales", 1960);
 * undefined where chance alone always agrees. */
static double kappa(const struct tallies *t)
{
    double expected = 0;
    for (size_t k = 0; k < t->n_classes; k++)
        expected += t->truth[k] / t->total * (t->predicted[k] / t->total);
    return expected == 1 ? NAN : (accuracy(t) - expected) / (1 - expected);
}

#define OVER_TALLIES(function, tasks, metric)                                                      \
    MER_SCORE_FUNCTION(function)                                                                   \
    {                                                                                              \
        return score_tallies(ctx, scored, tasks, metric, ret_score, err);                          \
    }

OVER_TALLIES(mer_score_accuracy, MER_ANY_CLASSES, accuracy)
OVER_TALLIES(mer_score_balanced_accuracy, MER_ANY_CLASSES, balanced_accuracy)
OVER_TALLIES(mer_score_f1, MER_METRIC_BINARY, f1_binary)
OVER_TALLIES(mer_score_precision, MER_METRIC_BINARY, precision_binary)
OVER_TALLIES(mer_score_recall, MER_METRIC_BINARY, recall_binary)
OVER_TALLIES(mer_score_f1_macro, MER_ANY_CLASSES, f1_macro)
OVER_TALLIES(mer_score_f1_weighted, MER_ANY_CLASSES, f1_weighted)
OVER_TALLIES(mer_score_precision_macro, MER_ANY_CLASSES, precision_macro)
OVER_TALLIES(mer_score_recall_macro, MER_ANY_CLASSES, recall_macro)
OVER_TALLIES(mer_score_mcc, MER_ANY_CLASSES, mcc)
OVER_TALLIES(mer_score_kappa, MER_ANY_CLASSES, kappa)
/* Of one label a row each wrong one is missed once and false once: so precision, recall and F1 over
 * all rows are the accuracy. */
OVER_TALLIES(mer_score_f1_micro, MER_ANY_CLASSES, accuracy)

/* Keeps a probability off 0 and 1 by the double epsilon, as eps="auto" says. */
static double clip(double p)
{
    return p < DBL_EPSILON ? DBL_EPSILON : p > 1 - DBL_EPSILON ? 1 - DBL_EPSILON : p;
}

/* The loss of one row: probabilities clipped, made to sum to one again, minus the logarithm of the
 * true class's. */
static double row_log_loss(const double *p, size_t n_classes, size_t truth)
{
    double sum = 0;
    for (size_t k = 0; k < n_classes; k++)
        sum += clip(p[k]);
    return -mer_ln(clip(p[truth]) / sum);
}

/* Of two classes the error of the second one's probability, of more the sum of all. */
static double row_brier(const double *p, size_t n_classes, size_t truth)
{
    double sum = 0;
    for (size_t k = n_classes == 2 ? 1 : 0; k < n_classes; k++) {
        const double error = (truth == k ? 1.0 : 0.0) - p[k];
        sum += error * error;
    }
    return sum;
}

/* The weighted mean of a loss over the rows. */
static mer_status mean_of_rows(const struct mer_scored *scored, unsigned tasks,
                               double (*loss)(const double *p, size_t n_classes, size_t truth),
                               double *ret_score, mer_err *err)
{
    bool defined = false;
    MER_GUARD(mer_scored_check(scored, tasks, &defined, err));
    struct mer_total losses = {0};
    struct mer_total weights = {0};
    for (size_t row = 0; row < scored->n; row++) {
        const double weight = mer_scored_weight(scored, row);
        mer_total_add(&losses,
                      weight * loss(scored->predictions + row * scored->n_classes,
                                    scored->n_classes, (size_t)scored->truth_classes[row]));
        mer_total_add(&weights, weight);
    }
    *ret_score = defined ? mer_total_get(&losses) / mer_total_get(&weights) : NAN;
    return mer_ok();
}

MER_SCORE_FUNCTION(mer_score_log_loss)
{
    (void)ctx;
    return mean_of_rows(scored, MER_ANY_CLASSES, row_log_loss, ret_score, err);
}

MER_SCORE_FUNCTION(mer_score_brier)
{
    (void)ctx;
    return mean_of_rows(scored, MER_ANY_CLASSES, row_brier, ret_score, err);
}
