/* A tree-structured Parzen estimator: what to try next, from what was tried and how well it did.
 *
 * The settings that did best have one density over the space, the others another; what is tried
 * next is drawn from the first, and is of several the one whose density is largest among the good
 * in proportion to that among the others (Bergstra, Bardenet, Bengio, Kegl, "Algorithms for
 * hyper-parameter optimization", NIPS 2011). The densities are of all dimensions of a family
 * together (Falkner, Klein, Hutter, "BOHB", ICML 2018), and the family is one more: a point says
 * nothing of the dimensions of others. Each density has a share for the whole space.
 *
 * Pure, and the same bits everywhere. Kernels are triangles: arithmetic alone.
 */
#ifndef MER_AUTOML_TPE_H
#define MER_AUTOML_TPE_H

#include "automl/space.h"

struct mer_tpe {
    const struct mer_space *space;
    uint64_t usable; /* families that may be tried, by their place in the space; at least one */
    const struct mer_point *points; /* that were tried: best first */
    size_t n_points;
};

/* How many of so many count as good. */
size_t mer_tpe_n_good(size_t n_points);
void mer_tpe_suggest(const struct mer_tpe *tpe, mer_rng *rng, struct mer_point *ret_point);

#endif
