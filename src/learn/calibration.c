#include "learn/calibration.h"

#include "core/math.h"

enum { STEPS_MAX = 30, HALVINGS_MAX = 20 };

/* Keeps the slope finite where the scores part the classes without a mistake. */
#define SLOPE_PENALTY 1e-5

/* The score of class k: for two classes there is one, of class 1. */
static double score_of(const double *scores, size_t n_classes, size_t k)
{
    if (n_classes > 2)
        return scores[k];
    return k == 1 ? scores[0] : 1 - scores[0];
}

void mer_calibrated_probabilities(const struct mer_calibration *calibration,
                                  const double *log_shares, size_t n_classes, const double *scores,
                                  double *probabilities)
{
    for (size_t k = n_classes; k-- > 0;)
        probabilities[k] = calibration->slope * score_of(scores, n_classes, k) +
                           calibration->prior_weight * log_shares[k];
    (void)mer_softmax(probabilities, n_classes);
}

/* The mean log loss with its first and second derivatives by slope and prior weight. */
struct derivatives {
    double loss;
    double first[2];
    double second[3]; /* slope twice, mixed, prior weight twice */
};

static void add_row(const struct mer_calibrated_scores *scores, size_t r,
                    const struct mer_calibration *at, struct derivatives *sum)
{
    const size_t n_classes = scores->n_classes;
    const double *const row = scores->scores + r * (n_classes > 2 ? n_classes : 1);
    const size_t truth = (size_t)scores->classes[r * scores->step];
    const double weight = scores->roots[r] * scores->roots[r];
    double largest = -INFINITY, total = 0, mean[2] = {0}, square[3] = {0};

    for (size_t k = 0; k < n_classes; k++)
        largest = fmax(largest, at->slope * score_of(row, n_classes, k) +
                                    at->prior_weight * scores->log_shares[k]);
    for (size_t k = 0; k < n_classes; k++) {
        const double x[2] = {score_of(row, n_classes, k), scores->log_shares[k]};
        const double p = mer_exp(at->slope * x[0] + at->prior_weight * x[1] - largest);
        total += p;
        for (size_t i = 0; i < 2; i++)
            mean[i] += p * x[i];
        square[0] += p * x[0] * x[0];
        square[1] += p * x[0] * x[1];
        square[2] += p * x[1] * x[1];
    }
    const double x[2] = {score_of(row, n_classes, truth), scores->log_shares[truth]};
    sum->loss += weight * (largest + mer_ln(total) - at->slope * x[0] - at->prior_weight * x[1]);
    for (size_t i = 0; i < 2; i++) {
        mean[i] /= total;
        sum->first[i] += weight * (mean[i] - x[i]);
    }
    sum->second[0] += weight * (square[0] / total - mean[0] * mean[0]);
    sum->second[1] += weight * (square[1] / total - mean[0] * mean[1]);
    sum->second[2] += weight * (square[2] / total - mean[1] * mean[1]);
}

static struct derivatives derive(const struct mer_calibrated_scores *scores,
                                 const struct mer_calibration *at)
{
    struct derivatives sum = {0};
    double total = 0;
    for (size_t r = 0; r < scores->n_rows; r++) {
        add_row(scores, r, at, &sum);
        total += scores->roots[r] * scores->roots[r];
    }
    total = total > 0 ? total : 1;
    sum.loss = sum.loss / total + SLOPE_PENALTY * at->slope * at->slope;
    sum.first[0] = sum.first[0] / total + 2 * SLOPE_PENALTY * at->slope;
    sum.first[1] /= total;
    sum.second[0] = sum.second[0] / total + 2 * SLOPE_PENALTY;
    sum.second[1] /= total;
    sum.second[2] = sum.second[2] / total + 1e-9; /* equal shares say nothing of it */
    return sum;
}

double mer_calibrate(const struct mer_calibrated_scores *scores,
                     struct mer_calibration *calibration)
{
    struct mer_calibration at = *calibration;
    struct derivatives here = derive(scores, &at);

    for (size_t i = 0; i < STEPS_MAX; i++) {
        const double determinant =
            here.second[0] * here.second[2] - here.second[1] * here.second[1];
        if (!(determinant > 0))
            break;
        const double step[2] = {
            (here.second[2] * here.first[0] - here.second[1] * here.first[1]) / determinant,
            (here.second[0] * here.first[1] - here.second[1] * here.first[0]) / determinant};
        double length = 1;
        struct mer_calibration next;
        struct derivatives there;
        size_t halvings = 0;
        do {
            next.slope = at.slope - length * step[0];
            next.prior_weight = at.prior_weight - length * step[1];
            there = derive(scores, &next);
            length /= 2;
        } while (!(there.loss <= here.loss) && ++halvings < HALVINGS_MAX);
        if (!(there.loss <= here.loss))
            break;
        const double gained = here.loss - there.loss;
        at = next;
        here = there;
        if (gained <= 1e-9 * here.loss)
            break;
    }
    *calibration = at;
    return here.loss;
}
