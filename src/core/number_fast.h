/* The step from decimal digits to the nearest double, inlined for readers that take it millions of
 * times; core/number.h does the whole of a number's text.
 *
 * Clinger's exact case first ("How to read floating point numbers accurately", PLDI 1990), then one
 * or two 64-bit products with the 128 leading bits of a power of five (Lemire, "Number parsing at a
 * gigabyte per second", Software: Practice and Experience 51, 2021; that the second product always
 * decides in this range of exponents: Mushtak, Lemire, "Fast number parsing without fallback",
 * 2023).
 */
#ifndef MER_CORE_NUMBER_FAST_H
#define MER_CORE_NUMBER_FAST_H

#include <string.h>

#include "core/power_of_ten.h"

enum { MER_FAST_POWER_MAX = 64 };

/* (high * 2^64 + low) has its highest bit set. */
struct mer_power_128 {
    uint64_t high;
    uint64_t low;
};

extern const struct mer_power_128 MER_POWERS_128[2 * MER_FAST_POWER_MAX + 1];

/* w * 2^64 * (the power's 128 bits), of which the upper 128 are kept. The lower half of the power
 * is only needed when the bits below those that are rounded are all ones. */
static inline mer_uint128 mer_power_product(uint64_t w, const struct mer_power_128 *power)
{
    enum { BELOW = 0x1ff }; /* 64 bits of product less 53 of result, 1 to round, 1 to shift */
    mer_uint128 product = (mer_uint128)w * power->high;
    if (((uint64_t)(product >> 64) & BELOW) == BELOW)
        product += (uint64_t)((mer_uint128)w * power->low >> 64);
    return product;
}

/* The double nearest to w * 10^e, ties to even; false when it has to be found otherwise (far
 * exponents). */
static inline bool mer_nearest_double_fast(uint64_t w, int e, double *ret)
{
    enum { HALF_EVEN_MIN = -4, HALF_EVEN_MAX = 23, EXPONENT_BIAS = 1023 };
    if (w <= (uint64_t)1 << 53 && e >= -MER_EXACT_POWER_MAX && e <= MER_EXACT_POWER_MAX) {
        *ret = e < 0 ? (double)w / MER_EXACT_POWERS[-e] : (double)w * MER_EXACT_POWERS[e];
        return true;
    }
    if (e < -MER_FAST_POWER_MAX || e > MER_FAST_POWER_MAX || w == 0)
        return false;
    const int zeros = __builtin_clzll(w);
    const mer_uint128 product =
        mer_power_product(w << zeros, &MER_POWERS_128[e + MER_FAST_POWER_MAX]);
    const uint64_t high = (uint64_t)(product >> 64);
    const uint64_t low = (uint64_t)product;
    const int top = (int)(high >> 63);
    const int shift = top + 9; /* leaves 53 bits and one more */
    uint64_t bits = high >> shift;
    /* floor(e * log2(10)), exact for |e| < 350; no exponent in this range leaves a double's. */
    const int exponent = ((217706 * e) >> 16) + 63 + top - zeros + EXPONENT_BIAS;
    /* Exactly between two doubles, which only small powers can bring about: to even. */
    if (low <= 1 && e >= HALF_EVEN_MIN && e <= HALF_EVEN_MAX && (bits & 3) == 1 &&
        bits << shift == high)
        bits &= ~(uint64_t)1;
    bits = (bits + (bits & 1)) >> 1;
    /* The hidden bit adds one to the exponent field, and so does a carry out of the mantissa. */
    bits += (uint64_t)(exponent - 1) << 52;
    memcpy(ret, &bits, sizeof *ret);
    return true;
}

#endif
