/* Whether what a cell wrote are predictions at all: what users of a model rely on.
 */
#ifndef MER_CELL_PREDICTIONS_H
#define MER_CELL_PREDICTIONS_H

#include "learn/design.h"

/* [n_rows][n_outputs]: finite numbers for a regression, else probabilities that sum to one. */
bool mer_predictions_are_sound(enum mer_task task, const double *predictions, size_t n_rows,
                               size_t n_outputs);

#endif
