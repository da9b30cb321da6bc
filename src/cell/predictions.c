#include "cell/predictions.h"

#include <float.h>
#include <math.h>

/* Probabilities of a row, without a branch: NaN fails every comparison. */
static bool are_probabilities(const double *row, size_t n)
{
    const double tolerance = 1e-6;
    double sum = 0;
    bool good = true;
    for (size_t k = 0; k < n; k++) {
        good &= row[k] >= 0;
        sum += row[k];
    }
    return good && fabs(sum - 1) <= tolerance;
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
    for (size_t i = 0; i < n_rows; i++)
        good &= are_probabilities(predictions + i * n_outputs, n_outputs);
    return good;
}
