/* Half-precision numbers (IEEE 754 binary16). */
#ifndef MER_INTAKE_HALF_H
#define MER_INTAKE_HALF_H

#include <math.h>
#include <string.h>

#include "core/status.h"

/* Exactly; from two little-endian bytes. */
static inline double mer_half_to_double(const void *bytes)
{
    uint16_t bits;
    memcpy(&bits, bytes, sizeof bits);
    const unsigned exponent = bits >> 10 & 31, fraction = bits & 1023;
    double value;
    if (exponent == 31)
        value = fraction ? (double)NAN : (double)INFINITY;
    else if (exponent == 0)
        value = (double)fraction * 0x1p-24;
    else
        value = (double)(fraction + 1024) * (double)(UINT64_C(1) << exponent) * 0x1p-25;
    return bits >> 15 ? -value : value;
}

#endif
