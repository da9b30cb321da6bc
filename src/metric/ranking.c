/* Metrics of how well scores put the rows of a class before the others: the area under the ROC
 * curve and average precision. Equal scores are one step of the curve. Definitions: scikit-learn
 * 1.2, sklearn.metrics. */
#include "core/order.h"
#include "metric/metric_parts.h"

/* The rows with weight in the order of their scores for one class, and whether they are of it. */
struct ranked {
    size_t n;
    double *scores;  /* in the order of the rows */
    uint32_t *rows;  /* parallel to scores */
    uint32_t *order; /* positions in scores and rows, ascending by score */
    struct mer_order_item *scratch;
};

static void ranked_release(const struct mer_ctx *ctx, struct ranked *ranked)
{
    mer_free(ctx->alloc, ranked->scores);
    mer_free(ctx->alloc, ranked->rows);
    mer_free(ctx->alloc, ranked->order);
    mer_free(ctx->alloc, ranked->scratch);
}

static mer_status ranked_init(const struct mer_ctx *ctx, size_t n, struct ranked *ret, mer_err *err)
{
    if (n > UINT32_MAX)
        return mer_fail(err, MER_ERR_DATA, "%zu rows are more than can be ranked, %u", n,
                        UINT32_MAX);
    struct ranked ranked = {0};
    mer_status status;
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n, sizeof(double), &ranked.scores, err), failed);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n, sizeof(uint32_t), &ranked.rows, err), failed);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n, sizeof(uint32_t), &ranked.order, err), failed);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n, 2 * sizeof *ranked.scratch, &ranked.scratch, err),
                   failed);
    *ret = ranked;
    return mer_ok();
failed:
    ranked_release(ctx, &ranked);
    return status;
}

/* Ranks all rows that have a weight by their scores for `class`. */
static void rank(const struct mer_scored *scored, size_t class, struct ranked *ranked)
{
    ranked->n = 0;
    for (size_t row = 0; row < scored->n; row++) {
        if (mer_scored_weight(scored, row) == 0)
            continue;
        ranked->scores[ranked->n] = scored->predictions[row * scored->n_classes + class];
        ranked->rows[ranked->n++] = (uint32_t)row;
    }
    mer_order_doubles(ranked->scores, ranked->n, ranked->scratch, ranked->order);
}

/* One step of a curve: all rows of one score. */
struct step {
    double positive; /* weight of the rows of the class, and of the others */
    double negative;
};

/* The step that ends below position `*end` (exclusive, counting from the largest score down), which
 * moves on to the next. */
static struct step take_step(const struct mer_scored *scored, const struct ranked *ranked,
                             size_t class, size_t *end)
{
    const double score = ranked->scores[ranked->order[*end - 1]];
    struct step step = {0};
    while (*end > 0 && ranked->scores[ranked->order[*end - 1]] == score) {
        const size_t row = ranked->rows[ranked->order[*end - 1]];
        const double weight = mer_scored_weight(scored, row);
        if ((size_t)scored->truth_classes[row] == class)
            step.positive += weight;
        else
            step.negative += weight;
        (*end)--;
    }
    return step;
}

/* The area of one class against the rest; NaN when either has no weight. Without weights all terms
 * are multiples of a half, so that the area is exact up to its division for 10^7 rows and more. */
static double area(const struct mer_scored *scored, const struct ranked *ranked, size_t class)
{
    struct mer_total area = {0};
    struct mer_total positives = {0};
    struct mer_total negatives = {0};
    for (size_t end = ranked->n; end > 0;) {
        const struct step step = take_step(scored, ranked, class, &end);
        const double before = mer_total_get(&positives);
        mer_total_add(&positives, step.positive);
        mer_total_add(&negatives, step.negative);
        mer_total_add(&area, step.negative * (before + mer_total_get(&positives)) / 2);
    }
    const double all = mer_total_get(&positives) * mer_total_get(&negatives);
    return all == 0 ? NAN : mer_total_get(&area) / all;
}

/* Binary: of class 1. Multiclass: the mean of each class against the rest, multi_class="ovr". */
MER_SCORE_FUNCTION(mer_score_auc)
{
    bool defined = false;
    MER_GUARD(mer_scored_check(scored, MER_ANY_CLASSES, &defined, err));
    if (!defined) {
        *ret_score = NAN;
        return mer_ok();
    }
    struct ranked ranked;
    MER_GUARD(ranked_init(ctx, scored->n, &ranked, err));
    const size_t first = scored->n_classes == 2 ? 1 : 0;
    double sum = 0;
    for (size_t class = first; class < scored->n_classes; class ++) {
        rank(scored, class, &ranked);
        sum += area(scored, &ranked, class);
    }
    *ret_score = sum / (double)(scored->n_classes - first);
    ranked_release(ctx, &ranked);
    return mer_ok();
}

/* The sum over the steps of the recall gained times the precision there; 0 when no row is of class
 * `class`. */
static double step_precision(const struct mer_scored *scored, const struct ranked *ranked,
                             size_t class)
{
    struct mer_total precision = {0};
    struct mer_total positives = {0};
    struct mer_total all = {0};
    for (size_t end = ranked->n; end > 0;) {
        const struct step step = take_step(scored, ranked, class, &end);
        mer_total_add(&positives, step.positive);
        mer_total_add(&all, step.positive + step.negative);
        mer_total_add(&precision, step.positive * mer_total_get(&positives) / mer_total_get(&all));
    }
    const double total = mer_total_get(&positives);
    return total == 0 ? 0 : mer_total_get(&precision) / total;
}

/* Binary: of class 1. Multiclass: the mean of each class against the rest. */
MER_SCORE_FUNCTION(mer_score_average_precision)
{
    bool defined = false;
    MER_GUARD(mer_scored_check(scored, MER_ANY_CLASSES, &defined, err));
    if (!defined) {
        *ret_score = NAN;
        return mer_ok();
    }
    struct ranked ranked;
    MER_GUARD(ranked_init(ctx, scored->n, &ranked, err));
    const size_t first = scored->n_classes == 2 ? 1 : 0;
    double sum = 0;
    for (size_t class = first; class < scored->n_classes; class ++) {
        rank(scored, class, &ranked);
        sum += step_precision(scored, &ranked, class);
    }
    *ret_score = sum / (double)(scored->n_classes - first);
    ranked_release(ctx, &ranked);
    return mer_ok();
}
