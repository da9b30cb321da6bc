/* Calibrating the scores of a classifier: softmax of slope * score + prior_weight * log(class
 * share), with the two numbers that minimise the log loss, found by Newton's method. (One number,
 * the temperature, and a second for how much the classes' shares still have to say.)
 */
#ifndef MER_LEARN_CALIBRATION_H
#define MER_LEARN_CALIBRATION_H

#include "core/status.h"

struct mer_calibration {
    double slope;
    double prior_weight;
};

/* Scores of classes, [n_rows][n_classes]; of two classes, [n_rows]: the one of class 1, the one of
 * class 0 being 1 less it. */
struct mer_calibrated_scores {
    const double *scores;
    const double *roots;    /* [n_rows] of the weights */
    const int32_t *classes; /* of row 0, step, 2 step, ... */
    size_t step;
    size_t n_rows;
    size_t n_classes;
    const double *log_shares; /* [n_classes] */
};

/* The numbers of scores per row, see above. */
static inline size_t mer_calibrated_width(size_t n_classes)
{
    return n_classes > 2 ? n_classes : 1;
}

/* `calibration` holds where to start, and receives the result. Returns the mean log loss. */
double mer_calibrate(const struct mer_calibrated_scores *scores,
                     struct mer_calibration *calibration);

/* A row's scores become probabilities[n_classes]. */
void mer_calibrated_probabilities(const struct mer_calibration *calibration,
                                  const double *log_shares, size_t n_classes, const double *scores,
                                  double *probabilities);

#endif
