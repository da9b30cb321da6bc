#include "automl/threshold.h"

#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "core/sort.h"

/* Of more rows every so many are looked at; so many thresholds are tried; rows are dealt into so
 * many parts. */
enum { ROWS_MAX = 1 << 16, CANDIDATES_MAX = 200, N_PARTS = 5, ROWS_MIN = 50 };

/* Metrics of decisions that have their best in the middle: precision or recall alone would have it
 * at an end. */
static const char *const of_decisions[] = {"accuracy", "balanced_accuracy", "f1",
                                           "f1_macro", "f1_weighted",       "mcc"};

/* What a threshold is learned for; NULL: nothing. */
static const struct mer_metric *choose_metric(const struct mer_thresholding *from)
{
    for (size_t i = 0; i < sizeof(of_decisions) / sizeof(*of_decisions); i++)
        if (strcmp(from->metric->name, of_decisions[i]) == 0)
            return from->metric;
    return from->choice == MER_THRESHOLD_AUTO ? mer_metric_find("balanced_accuracy") : NULL;
}

/* Rows dealt into parts, copied so that those of a part lie together, and candidates. */
struct tuning {
    const struct mer_ctx *ctx;
    const struct mer_metric *metric;
    size_t n_rows;
    size_t begin[N_PARTS + 1];
    double *predictions; /* [n_rows][2] */
    int32_t *classes;
    double *weights; /* NULL: all ones */
    double candidates[CANDIDATES_MAX];
    size_t n_candidates;
};

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Middles between neighbours among quantiles of the probabilities. */
static mer_status list_candidates(struct tuning *tuning, mer_err *err)
{
    double *sorted;

    MER_GUARD(mer_alloc_array(tuning->ctx->alloc, tuning->n_rows, sizeof(*sorted), &sorted, err));
    for (size_t i = 0; i < tuning->n_rows; i++)
        sorted[i] = tuning->predictions[2 * i + 1];
    mer_sort(sorted, tuning->n_rows, sizeof(*sorted), compare_doubles);
    const size_t n = tuning->n_rows < CANDIDATES_MAX ? tuning->n_rows : CANDIDATES_MAX;
    for (size_t i = 0; i + 1 < n; i++) {
        const size_t at = (i + 1) * (tuning->n_rows - 1) / n;
        const double middle = sorted[at] / 2 + sorted[at + 1] / 2;
        if (middle > 0 && middle < 1 &&
            (tuning->n_candidates == 0 || middle > tuning->candidates[tuning->n_candidates - 1]))
            tuning->candidates[tuning->n_candidates++] = middle;
    }
    mer_free(tuning->ctx->alloc, sorted);
    return mer_ok();
}

static mer_status deal(struct tuning *tuning, const struct mer_thresholding *from, mer_err *err)
{
    const struct mer_scored *const scored = &from->scored;
    const size_t stride = scored->n / ROWS_MAX + 1, n = scored->n / stride;
    struct mer_alloc *const alloc = tuning->ctx->alloc;
    uint32_t *rows;
    mer_rng rng;

    tuning->n_rows = n;
    MER_GUARD(mer_alloc_array(alloc, n, 2 * sizeof(double), &tuning->predictions, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(int32_t), &tuning->classes, err));
    if (scored->weights)
        MER_GUARD(mer_alloc_array(alloc, n, sizeof(double), &tuning->weights, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(*rows), &rows, err));
    for (size_t i = 0; i < n; i++)
        rows[i] = (uint32_t)(i * stride);
    mer_rng_init(&rng, from->seed, mer_rng_stream("threshold", 0));
    mer_rng_shuffle(&rng, rows, n);
    for (size_t i = 0; i < n; i++) {
        memcpy(tuning->predictions + 2 * i, scored->predictions + 2 * (size_t)rows[i],
               2 * sizeof(double));
        tuning->classes[i] = scored->truth_classes[rows[i]];
        if (tuning->weights)
            tuning->weights[i] = scored->weights[rows[i]];
    }
    mer_free(alloc, rows);
    for (size_t part = 0; part <= N_PARTS; part++)
        tuning->begin[part] = n * part / N_PARTS;
    return list_candidates(tuning, err);
}

/* The metric of rows begin to end. */
static mer_status score_rows(const struct tuning *tuning, double threshold, size_t begin,
                             size_t end, double *ret, mer_err *err)
{
    const struct mer_scored scored = {.n = end - begin,
                                      .n_classes = 2,
                                      .truth_classes = tuning->classes + begin,
                                      .predictions = tuning->predictions + 2 * begin,
                                      .weights = tuning->weights ? tuning->weights + begin : NULL,
                                      .threshold = threshold};
    return tuning->metric->score(tuning->ctx, &scored, ret, err);
}

/* The scores of every candidate on every part are taken once: what is best without a part is best
 * by the mean of the others. */
struct scores {
    double of[CANDIDATES_MAX][N_PARTS];
    double plain[N_PARTS]; /* of the more probable class */
};

static mer_status score_all(const struct tuning *tuning, struct scores *scores, mer_err *err)
{
    for (size_t part = 0; part < N_PARTS; part++) {
        const size_t begin = tuning->begin[part], end = tuning->begin[part + 1];
        MER_GUARD(mer_ctx_check_cancel(tuning->ctx, err));
        MER_GUARD(score_rows(tuning, 0, begin, end, &scores->plain[part], err));
        for (size_t i = 0; i < tuning->n_candidates; i++)
            MER_GUARD(
                score_rows(tuning, tuning->candidates[i], begin, end, &scores->of[i][part], err));
    }
    return mer_ok();
}

/* The best candidate by all parts but one; of equals the one nearest to 0.5. Its neighbours have a
 * say, so that it is no single lucky row. */
static size_t best_without(const struct tuning *tuning, const struct scores *scores, size_t part)
{
    size_t best = 0;
    double best_sum = -INFINITY;

    for (size_t i = 0; i < tuning->n_candidates; i++) {
        const size_t first = i > 0 ? i - 1 : 0;
        const size_t last = i + 1 < tuning->n_candidates ? i + 1 : i;
        double sum = 0;
        for (size_t j = first; j <= last; j++)
            for (size_t p = 0; p < N_PARTS; p++)
                sum += p == part || isnan(scores->of[j][p]) ? 0 : scores->of[j][p];
        sum /= (double)(last - first + 1);
        const bool is_nearer =
            fabs(tuning->candidates[i] - 0.5) < fabs(tuning->candidates[best] - 0.5);
        if (sum > best_sum || (sum == best_sum && is_nearer)) {
            best = i;
            best_sum = sum;
        }
    }
    return best;
}

static void decide(const struct tuning *tuning, const struct scores *scores,
                   struct mer_threshold *ret)
{
    double before = 0, after = 0, gains[N_PARTS], gain = 0, squares = 0;

    for (size_t part = 0; part < N_PARTS; part++) {
        const double own = scores->of[best_without(tuning, scores, part)][part];
        if (isnan(own) || isnan(scores->plain[part]))
            return;
        before += scores->plain[part] / N_PARTS;
        after += own / N_PARTS;
        gains[part] = own - scores->plain[part];
        gain += gains[part] / N_PARTS;
    }
    for (size_t part = 0; part < N_PARTS; part++)
        squares += (gains[part] - gain) * (gains[part] - gain);
    ret->score_before = before;
    ret->score_after = before;
    if (!(gain > sqrt(squares / (N_PARTS - 1) / N_PARTS)))
        return;
    ret->score_after = after;
    ret->value = tuning->candidates[best_without(tuning, scores, N_PARTS)];
}

static mer_status tune(const struct mer_ctx *ctx, const struct mer_thresholding *from,
                       const struct mer_metric *metric, struct mer_threshold *ret, mer_err *err)
{
    struct tuning *tuning = NULL;
    struct scores *scores = NULL;
    mer_status status;

    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, 1, sizeof(*tuning), &tuning, err), out);
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, 1, sizeof(*scores), &scores, err), out);
    tuning->ctx = ctx;
    tuning->metric = metric;
    MER_GUARD_GOTO(deal(tuning, from, err), out);
    if (tuning->n_candidates == 0)
        goto out;
    MER_GUARD_GOTO(score_all(tuning, scores, err), out);
    decide(tuning, scores, ret);
out:
    if (tuning) {
        mer_free(ctx->alloc, tuning->predictions);
        mer_free(ctx->alloc, tuning->classes);
        mer_free(ctx->alloc, tuning->weights);
    }
    mer_free(ctx->alloc, tuning);
    mer_free(ctx->alloc, scores);
    return status;
}

mer_status mer_threshold_learn(const struct mer_ctx *ctx, const struct mer_thresholding *from,
                               struct mer_threshold *ret, mer_err *err)
{
    const struct mer_metric *const metric = choose_metric(from);

    *ret = (struct mer_threshold){.score_before = (double)NAN, .score_after = (double)NAN};
    if (from->choice == MER_THRESHOLD_GIVEN) {
        ret->value = from->given;
        return mer_ok();
    }
    if (!metric || from->scored.n < ROWS_MIN)
        return mer_ok();
    ret->metric = metric->name;
    return tune(ctx, from, metric, ret, err);
}

bool mer_threshold_is_sound(const struct mer_threshold *threshold, size_t n_classes)
{
    return threshold->value == 0 ||
           (n_classes == 2 && threshold->value > 0 && threshold->value < 1);
}

void mer_threshold_save(const struct mer_threshold *threshold, struct mer_json_writer *writer)
{
    if (threshold->value == 0)
        return;
    mer_json_key(writer, "threshold");
    mer_json_begin_object(writer);
    mer_json_key(writer, "value");
    mer_json_put_number(writer, threshold->value);
    if (threshold->metric) {
        mer_json_key(writer, "metric");
        mer_json_put_string(writer, threshold->metric);
        mer_json_put_finite(writer, "score_before", threshold->score_before);
        mer_json_put_finite(writer, "score_after", threshold->score_after);
    }
    mer_json_end_object(writer);
}

static const char what[] = "the model's threshold";

mer_status mer_threshold_load(const struct mer_json *root, size_t n_classes,
                              struct mer_threshold *ret, mer_err *err)
{
    struct mer_threshold threshold = {.score_before = (double)NAN, .score_after = (double)NAN};
    const struct mer_json *object;
    const char *name;

    *ret = threshold;
    if (!mer_json_get(root, "threshold"))
        return mer_ok();
    MER_GUARD(mer_json_want_object(root, "threshold", what, &object, err));
    MER_GUARD(mer_json_want_number(object, "value", what, &threshold.value, err));
    const bool has_metric = mer_json_get(object, "metric") != NULL;
    if (mer_json_size(object) != (has_metric ? 4 : 1))
        return mer_fail(err, MER_ERR_DATA, "%s has members that are not known here", what);
    if (has_metric) {
        MER_GUARD(mer_json_want_string(object, "metric", what, &name, err));
        const struct mer_metric *const metric = mer_metric_find(name);
        if (!metric)
            return mer_fail(err, MER_ERR_DATA, "%s is for a metric that is not known here", what);
        threshold.metric = metric->name;
        MER_GUARD(mer_json_want_finite(object, "score_before", what, &threshold.score_before, err));
        MER_GUARD(mer_json_want_finite(object, "score_after", what, &threshold.score_after, err));
    }
    if (threshold.value == 0 || !mer_threshold_is_sound(&threshold, n_classes))
        return mer_fail(err, MER_ERR_DATA, "%s is not valid", what);
    *ret = threshold;
    return mer_ok();
}
