/* The order of numbers: which row has the smallest value, the next one, and so on.
 *
 * A least-significant-digit radix sort (insertion for a few): linear time, stable, no recursion, no
 * comparison function.
 */
#ifndef MER_CORE_ORDER_H
#define MER_CORE_ORDER_H

#include "core/status.h"

struct mer_order_item {
    uint64_t key;
    uint32_t index;
};

/* ret_order[i] is the index of the i-th smallest of x[0 .. n); equal numbers, 0.0 and -0.0 among
 * them, keep the order of their indices. n is at most UINT32_MAX, x holds no NaN, and `scratch` has
 * 2 * n items. */
void mer_order_doubles(const double *x, size_t n, struct mer_order_item *scratch,
                       uint32_t *ret_order);

#endif
