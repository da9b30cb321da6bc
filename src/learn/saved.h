/* What families share when they save themselves into a bundle and load from a hostile one. */
#ifndef MER_LEARN_SAVED_H
#define MER_LEARN_SAVED_H

#include "core/bundle.h"
#include "learn/design.h"

/* The name of a model's array: prefix "model/" and name "values" give "model/values". A name that
 * is too long for a bundle stays too long, so that adding it fails. */
struct mer_array_name {
    char text[MER_BUNDLE_NAME_MAX + 2];
};
struct mer_array_name mer_array_name(const char *prefix, const char *name);

/* Checks outputs[n_rows][n_outputs] of a loaded model: finite, and for classification rows of
 * probabilities that sum to one within 1e-9. MER_ERR_DATA names the array. */
MER_MUST_CHECK mer_status mer_saved_outputs_check(const double *outputs, size_t n_rows,
                                                  size_t n_outputs, enum mer_task task,
                                                  const char *name, mer_err *err);

bool mer_all_finite(const double *x, size_t n);

#endif
