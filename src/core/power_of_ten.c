#include "core/power_of_ten.h"

#include <math.h>
#include <string.h>

#include "core/number_fast.h"

typedef mer_uint128 uint128;

enum {
    FINE_STEPS = 28,      /* 5^0 .. 5^27 fit into a uint64 */
    FIRST_COARSE = -13,   /* 5^(28 * q) for q = -13 .. 11 */
    ZERO_BELOW = -342,    /* any uint64 times a smaller power rounds to 0 */
    INFINITE_ABOVE = 308, /* any uint64 but 0 times a larger power overflows */
};

const double MER_EXACT_POWERS[MER_EXACT_POWER_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
static const uint64_t fine_powers[FINE_STEPS] = {
    0x1,
    0x5,
    0x19,
    0x7d,
    0x271,
    0xc35,
    0x3d09,
    0x1312d,
    0x5f5e1,
    0x1dcd65,
    0x9502f9,
    0x2e90edd,
    0xe8d4a51,
    0x48c27395,
    0x16bcc41e9,
    0x71afd498d,
    0x2386f26fc1,
    0xb1a2bc2ec5,
    0x3782dace9d9,
    0x1158e460913d,
    0x56bc75e2d631,
    0x1b1ae4d6e2ef5,
    0x878678326eac9,
    0x2a5a058fc295ed,
    0xd3c21bcecceda1,
    0x422ca8b0a00a425,
    0x14adf4b7320334b9,
    0x6765c793fa10079d,
};

/* 5^(28 * q) = (high * 2^64 + low) * 2^exponent, cut to 128 bits with the highest set. */
static const struct {
    uint64_t high;
    uint64_t low;
    int exponent;
} coarse_powers[] = {
    {0xe1afa13afbd14d6d, 0x82189c09a3a1ec21, -973}, {0xe3e27a444d8d98b7, 0xfd1b1b2308169b25, -908},
    {0xe61acf033d1a45df, 0x6fb92487298e33bd, -843}, {0xe858ad248f5c22c9, 0xd1b3400f8f9cff68, -778},
    {0xea9c227723ee8bcb, 0x465e15a979c1cadc, -713}, {0xece53cec4a314ebd, 0xa4f8bf5635246428, -648},
    {0xef340a98172aace4, 0x86fb897116c87c34, -583}, {0xf18899b1bc3f8ca1, 0xdc44e6c3cb279ac1, -518},
    {0xf3e2f893dec3f126, 0x5a89dba3c3efccfa, -453}, {0xf64335bcf065d37d, 0x4d4617b5ff4a16d5, -388},
    {0xf8a95fcf88747d94, 0x75a44c6397ce912a, -323}, {0xfb158592be068d2e, 0xeed6e2f0f0d56712, -258},
    {0xfd87b5f28300ca0d, 0x8bca9d6e188853fc, -193}, {0x8000000000000000, 0x0000000000000000, -127},
    {0x813f3978f8940984, 0x4000000000000000, -62},  {0x82818f1281ed449f, 0xbff8f10e7a8921a4, 3},
    {0x83c7088e1aab65db, 0x792667c6da79e0fa, 68},   {0x850fadc09923329e, 0x03e2cf6bc604ddb0, 133},
    {0x865b86925b9bc5c2, 0x0b8a2392ba45a9b2, 198},  {0x87aa9aff79042286, 0x90fb44d2f05d0842, 263},
    {0x88fcf317f22241e2, 0x441fece3bdf81f03, 328},  {0x8a5296ffe33cc92f, 0x82bd6b70d99aaa6f, 393},
    {0x8bab8eefb6409c1a, 0x1ad089b6c2f7548e, 458},  {0x8d07e33455637eb2, 0xdb0b487b6423e1e8, 523},
    {0x8e679c2f5e44ff8f, 0x570f09eaa7ea7648, 588},
};

/* The high 128 bits of a 256-bit product, rounded down. */
static uint128 multiply_high(uint128 a, uint128 b)
{
    const uint64_t a_high = (uint64_t)(a >> 64), a_low = (uint64_t)a;
    const uint64_t b_high = (uint64_t)(b >> 64), b_low = (uint64_t)b;
    const uint128 cross_1 = (uint128)a_high * b_low;
    const uint128 cross_2 = (uint128)a_low * b_high;
    const uint128 middle = ((uint128)a_low * b_low >> 64) + (uint64_t)cross_1 + (uint64_t)cross_2;
    return (uint128)a_high * b_high + (cross_1 >> 64) + (cross_2 >> 64) + (middle >> 64);
}

struct mer_scaled mer_times_power_of_ten(uint64_t w, int e)
{
    const int coarse = (e - FIRST_COARSE * FINE_STEPS) / FINE_STEPS; /* row of the table */
    const int fine = (e - FIRST_COARSE * FINE_STEPS) % FINE_STEPS;
    uint128 product = (uint128)w * fine_powers[fine]; /* exact */
    const uint64_t high = (uint64_t)(product >> 64);
    const int zeros = high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)product);
    product <<= zeros;
    struct mer_scaled scaled = {.product = product, .exponent = e - zeros}; /* 10^e = 5^e * 2^e */
    if (coarse == -FIRST_COARSE)                                            /* 5^0 */
        return scaled;
    /* The factor is less than 1 too small, so the product's high half less than 1 for that and less
     * than 1 for its own rounding. */
    scaled.error = 2;
    scaled.product = multiply_high(product, (uint128)coarse_powers[coarse].high << 64 |
                                                coarse_powers[coarse].low);
    scaled.exponent += coarse_powers[coarse].exponent + 128;
    if (!(scaled.product >> 127)) {
        scaled.product <<= 1;
        scaled.exponent--;
        scaled.error *= 2;
    }
    return scaled;
}

/* To the nearest double, ties to even; false when the error leaves it open. */
static bool round_to_double(const struct mer_scaled *scaled, double *ret)
{
    enum { PRECISION = 53, MIN_EXPONENT = -1022, BIAS = 1023 };
    const int leading = scaled->exponent + 127; /* the binary exponent of the value */
    const int lost = leading < MIN_EXPONENT ? MIN_EXPONENT - leading : 0;
    const int shift = 128 - PRECISION + lost;
    if (shift > 127)
        return false;
    uint64_t bits = (uint64_t)(scaled->product >> shift);
    const uint128 half = (uint128)1 << (shift - 1);
    const uint128 tail = scaled->product & ((half << 1) - 1);
    if (scaled->error > 0 && tail <= half && tail + scaled->error > half)
        return false;
    const bool up = tail > half || (tail == half && (bits & 1) != 0);
    /* Adding the mantissa to the exponent field lets a carry do the right thing, also from the
     * largest subnormal to the smallest normal number. */
    if (lost == 0) {
        if (leading > BIAS) {
            *ret = HUGE_VAL;
            return true;
        }
        bits += (uint64_t)(leading + BIAS - 1) << (PRECISION - 1);
    }
    bits += up;
    memcpy(ret, &bits, sizeof *ret);
    return true;
}

/* For exponents far out: one 128-bit product in the manner of Eisel and Lemire, with a power of
 * five in two factors instead of a large table. */
bool mer_nearest_double(uint64_t w, int64_t e, double *ret)
{
    if (w == 0 || e < ZERO_BELOW) {
        *ret = 0.0;
        return true;
    }
    if (e > INFINITE_ABOVE) {
        *ret = HUGE_VAL;
        return true;
    }
    if (mer_nearest_double_fast(w, (int)e, ret))
        return true;
    const struct mer_scaled scaled = mer_times_power_of_ten(w, (int)e);
    return round_to_double(&scaled, ret);
}
