/* How an ensemble lies in a bundle since layout 2: nothing twice. What a leaf does not have is not
 * there, what follows from the rest is not either (children and the ends of sets, because trees are
 * in breadth-first order), and leaves that hold the same few numbers share them.
 *
 * A layout has one form for each ensemble, so that a model that loads saves the same bytes again.
 */
#ifndef MER_LEARN_ENSEMBLE_ARRAYS_H
#define MER_LEARN_ENSEMBLE_ARRAYS_H

#include "learn/ensemble.h"

/* Leaves of 2 to so many numbers share rows of them. Of more they do not: what is loaded takes no
 * more than a small multiple of what the file holds. */
enum { MER_ENSEMBLE_SHARED_MAX = 32 };

/* Adds the arrays under `prefix`. */
MER_MUST_CHECK mer_status mer_ensemble_put_arrays(const struct mer_ensemble *ensemble,
                                                  const char *prefix, struct mer_bundle *bundle,
                                                  mer_err *err);
/* Fills an ensemble whose numbers of trees, nodes and bytes of sets are known, and its widths; all
 * indices in it can be followed afterwards, and all else is the caller's to check. What it has is
 * the caller's to release, failed or not. */
MER_MUST_CHECK mer_status mer_ensemble_get_arrays(struct mer_alloc *alloc,
                                                  const struct mer_bundle *bundle,
                                                  const char *prefix, struct mer_ensemble *ensemble,
                                                  mer_err *err);

/* An array of a known length, copied; *ret_data is the caller's, failed or not. */
MER_MUST_CHECK mer_status mer_ensemble_copy_vector(struct mer_alloc *alloc,
                                                   const struct mer_bundle *bundle,
                                                   const char *prefix, const char *name,
                                                   enum mer_dtype dtype, size_t n, void *ret_data,
                                                   mer_err *err);

#endif
