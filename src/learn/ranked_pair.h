/* Pairs of columns by what they gain, for sorting. */
#ifndef MER_LEARN_RANKED_PAIR_H
#define MER_LEARN_RANKED_PAIR_H

#include <stdint.h>

struct mer_ranked_pair {
    double gain;
    uint32_t a;
    uint32_t b;
};

/* The greatest gain first; of equals the first. */
static inline int mer_compare_pairs(const void *a, const void *b)
{
    const struct mer_ranked_pair *x = a, *y = b;
    if (x->gain != y->gain)
        return x->gain < y->gain ? 1 : -1;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

#endif
