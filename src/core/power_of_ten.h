/* Numbers times powers of ten, exact or with a known error: what reading and writing decimal
 * numbers share. Inside src/core only; others use core/number.h. */
#ifndef MER_CORE_POWER_OF_TEN_H
#define MER_CORE_POWER_OF_TEN_H

#include "core/status.h"

typedef unsigned __int128 mer_uint128;

enum {
    MER_EXACT_POWER_MAX = 22, /* 10^0 .. 10^22 are doubles */
    MER_POWER_MIN = -364,     /* what mer_times_power_of_ten accepts */
    MER_POWER_MAX = 335
};

extern const double MER_EXACT_POWERS[MER_EXACT_POWER_MAX + 1];

/* The true value lies in [product, product + error) * 2^exponent, and is product * 2^exponent
 * itself when error is 0; the highest bit of product is set. */
struct mer_scaled {
    mer_uint128 product;
    int exponent;
    unsigned error;
};

/* w * 10^e for w > 0. */
struct mer_scaled mer_times_power_of_ten(uint64_t w, int e);

/* The double nearest to w * 10^e, ties to even; false when the error leaves it open. */
bool mer_nearest_double(uint64_t w, int64_t e, double *ret);

#endif
