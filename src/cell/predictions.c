#include "cell/predictions.h"

#include <float.h>
#include <math.h>

/* Probabilities, without a branch. What is no number makes a row's sum one that no comparison holds
 * for. */
static inline bool are_probabilities(const double *rows, size_t n_rows, size_t n)
{
    const double tolerance = 1e-6;
    double least = 0;
    bool good = true;
    for (const double *row = rows; row < rows + n_rows * n; row += n) {
        double sum = row[0], lowest = row[0];
        for (size_t k = 1; k < n; k++) {
            sum += row[k];
            lowest = row[k] < lowest ? row[k] : lowest;
        }
        least = lowest < least ? lowest : least;
        good &= fabs(sum - 1) <= tolerance;
    }
    return good && least >= 0;
}

bool mer_predictions_are_sound(enum mer_task task, const double *predictions, size_t n_rows,
                               size_t n_outputs)
{
    bool good = true;
    if (task == MER_TASK_REGRESSION) {
        for (size_t i = 0; i < n_rows; i++)
            good &= fabs(predictions[i]) <= DBL_MAX;
        return good;
    }
    switch (n_outputs) { /* the loop for a few classes has no loop in it */
    case 2:
        return are_probabilities(predictions, n_rows, 2);
    case 3:
        return are_probabilities(predictions, n_rows, 3);
    default:
        return are_probabilities(predictions, n_rows, n_outputs);
    }
}
