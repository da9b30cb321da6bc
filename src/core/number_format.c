/* Double to decimal text. Digits come from exact integer arithmetic; where its error leaves the
 * last one open, from printf, of whose text only digits are taken: the decimal point belongs to the
 * locale of the host program, on which nothing here may depend. */
#include "core/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/power_of_ten.h"

enum { DIGITS_MAX = 17 };

/* 10^0 .. 10^18. */
static const uint64_t powers_of_ten[DIGITS_MAX + 2] = {
    (uint64_t)1e0,  (uint64_t)1e1,  (uint64_t)1e2,  (uint64_t)1e3,  (uint64_t)1e4,
    (uint64_t)1e5,  (uint64_t)1e6,  (uint64_t)1e7,  (uint64_t)1e8,  (uint64_t)1e9,
    (uint64_t)1e10, (uint64_t)1e11, (uint64_t)1e12, (uint64_t)1e13, (uint64_t)1e14,
    (uint64_t)1e15, (uint64_t)1e16, (uint64_t)1e17, (uint64_t)1e18};

/* A decimal number: d.ddd * 10^exponent, its n digits together as an integer. */
struct decimal {
    bool negative;
    uint64_t integer;
    int n;
    int exponent;
};

static void strip_zeros(struct decimal *decimal)
{
    while (decimal->integer % 10 == 0) {
        decimal->integer /= 10;
        decimal->n--;
    }
}

/* The nearest decimal of n digits by one 128-bit product; false when its error leaves open which
 * one that is, ties included. */
static bool round_exactly(double magnitude, int n, struct decimal *decimal)
{
    static const double LOG10_2 = 0.30102999566398119521;
    int binary;
    const uint64_t significand = (uint64_t)(frexp(magnitude, &binary) * 0x1p53);
    binary -= 53;
    /* The decimal exponent, or one less. */
    int exponent = (int)floor((binary + 52) * LOG10_2);
    for (;; exponent++) {
        const int power = n - 1 - exponent;
        if (power < MER_POWER_MIN || power > MER_POWER_MAX)
            return false;
        const struct mer_scaled scaled = mer_times_power_of_ten(significand, power);
        const int shift = -(scaled.exponent + binary);
        if (shift <= 64 || shift > 127)
            return false;
        const uint64_t integer = (uint64_t)(scaled.product >> shift);
        if (integer >= powers_of_ten[n])
            continue; /* one less */
        const mer_uint128 half = (mer_uint128)1 << (shift - 1);
        const mer_uint128 tail = scaled.product & ((half << 1) - 1);
        if (tail <= half && tail + scaled.error >= half)
            return false;
        decimal->integer = integer + (tail > half);
        decimal->n = n;
        decimal->exponent = exponent;
        if (decimal->integer == powers_of_ten[n]) {
            decimal->integer /= 10;
            decimal->exponent++;
        }
        return true;
    }
}

static void round_slowly(double magnitude, int n, struct decimal *decimal)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%.*e", n - 1, magnitude);
    const char *p = text;
    decimal->integer = 0;
    for (; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            decimal->integer = decimal->integer * 10 + (uint64_t)(*p - '0');
    decimal->n = n;
    decimal->exponent = (int)strtol(p + 1, NULL, 10);
}

/* The nearest decimal of at most n digits, without zeros at its end; of two as near the even one.
 */
static struct decimal round_to(double value, int n)
{
    struct decimal decimal = {.negative = signbit(value) != 0};
    if (!round_exactly(fabs(value), n, &decimal))
        round_slowly(fabs(value), n, &decimal);
    strip_zeros(&decimal);
    return decimal;
}

static bool reads_back(const struct decimal *decimal, double value)
{
    char text[48];
    double back = 0.0;
    const int power = decimal->exponent - (decimal->n - 1);
    if (!mer_nearest_double(decimal->integer, power, &back)) {
        const int n =
            snprintf(text, sizeof text, "%llue%d", (unsigned long long)decimal->integer, power);
        (void)mer_number_parse(text, (size_t)n, false, &back);
    }
    return back == fabs(value);
}

/* Decimals of at most 15 digits: where the division below gives the value back, the numerator's
 * digits are its shortest text, because a double of that size has no other neighbour so near. */
static bool short_decimal(double value, struct decimal *decimal)
{
    static const double MAX_NUMERATOR = 0x1p49;
    const double magnitude = fabs(value);
    for (int k = 0; k <= 8; k++) {
        const double numerator = rint(magnitude * MER_EXACT_POWERS[k]);
        if (numerator > MAX_NUMERATOR)
            return false;
        if (numerator / MER_EXACT_POWERS[k] != magnitude)
            continue;
        *decimal =
            (struct decimal){.negative = signbit(value) != 0, .integer = (uint64_t)numerator};
        while (decimal->integer >= powers_of_ten[decimal->n])
            decimal->n++;
        decimal->exponent = decimal->n - 1 - k;
        strip_zeros(decimal);
        return true;
    }
    return false;
}

/* As %g lays it out: 0.0001 and 123.4, otherwise 1.5e-05 and 1e+16. */
static size_t lay_out(const struct decimal *decimal, int max_fixed,
                      char ret_text[MER_NUMBER_TEXT_MAX])
{
    char digits[DIGITS_MAX + 3];
    char *out = ret_text;
    const int n = decimal->n;
    const int e = decimal->exponent;
    uint64_t rest = decimal->integer;
    for (int i = n; i-- > 0; rest /= 10)
        digits[i] = (char)('0' + rest % 10);
    if (decimal->negative)
        *out++ = '-';
    if (e < -4 || e >= max_fixed) {
        *out++ = digits[0];
        if (n > 1) {
            *out++ = '.';
            memcpy(out, digits + 1, (size_t)n - 1);
            out += n - 1;
        }
        out += snprintf(out, 8, "e%c%02d", e < 0 ? '-' : '+', abs(e));
        return (size_t)(out - ret_text);
    }
    if (e < 0) {
        *out++ = '0';
        *out++ = '.';
        for (int i = -1; i > e; i--)
            *out++ = '0';
        memcpy(out, digits, (size_t)n);
        out += n;
    } else {
        for (int i = 0; i < n || i <= e; i++) {
            if (i == e + 1)
                *out++ = '.';
            *out++ = i < n ? digits[i] : '0';
        }
    }
    *out = '\0';
    return (size_t)(out - ret_text);
}

/* Zero and what is not finite; 0 for any other value. */
static size_t format_special(double value, char ret_text[MER_NUMBER_TEXT_MAX])
{
    const char *text = NULL;
    if (isnan(value))
        text = "NaN";
    else if (isinf(value))
        text = value < 0.0 ? "-INF" : "INF";
    else if (value == 0.0)
        text = signbit(value) ? "-0.0" : "0";
    return text ? (size_t)snprintf(ret_text, MER_NUMBER_TEXT_MAX, "%s", text) : 0;
}

size_t mer_number_format(double value, char ret_text[MER_NUMBER_TEXT_MAX])
{
    enum { FIXED_DIGITS = 16 }; /* as Python's repr: from 1e16 on with an exponent */
    struct decimal decimal;
    const size_t length = format_special(value, ret_text);
    if (length > 0)
        return length;
    if (fabs(value) <= 0x1p53 && value == rint(value))
        return (size_t)snprintf(ret_text, MER_NUMBER_TEXT_MAX, "%lld", (long long)value);
    if (!short_decimal(value, &decimal)) {
        /* Every decimal of 15 digits survives, but for subnormal numbers; 17 tell all apart. */
        int n = fabs(value) < DBL_MIN ? 1 : 15;
        do {
            decimal = round_to(value, n);
        } while (n++ < DIGITS_MAX && !reads_back(&decimal, value));
    }
    return lay_out(&decimal, FIXED_DIGITS, ret_text);
}

size_t mer_number_format_digits(double value, int n_digits, char ret_text[MER_NUMBER_TEXT_MAX])
{
    const size_t length = format_special(value, ret_text);
    if (length > 0)
        return length;
    if (n_digits < 1)
        n_digits = 1;
    if (n_digits > DIGITS_MAX)
        n_digits = DIGITS_MAX;
    const struct decimal decimal = round_to(value, n_digits);
    return lay_out(&decimal, n_digits, ret_text);
}
