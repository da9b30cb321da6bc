/* Decimal text to double and back. The common case is exact integer arithmetic; what that cannot
 * decide (ties between two doubles, one text in billions, deep subnormals) goes to strtod in the C
 * locale. Must not depend on the locale that the host program chose. */
#include "core/number.h"

#include <assert.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 uint128;

enum {
    EXACT_DIGITS = 19,           /* a uint64 holds any number of so many digits */
    KEPT_DIGITS = 800,           /* more than the 767 that can tell two doubles apart */
    FINE_STEPS = 28,             /* 5^0 .. 5^27 fit into a uint64 */
    FIRST_COARSE = -13,          /* 5^(28 * q) for q = -13 .. 11 */
    MIN_DECIMAL_EXPONENT = -342, /* below it any uint64 rounds to 0 */
    MAX_DECIMAL_EXPONENT = 308   /* above it any uint64 but 0 overflows */
};

/* 10^0 .. 10^22 are doubles. */
static const double exact_powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { MAX_EXACT_POWER = 22 };

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

/* The parts of a number's text; the digits from `first` on, without leading zeros. */
struct decimal {
    bool negative;
    uint64_t significand; /* of the first EXACT_DIGITS digits */
    size_t n_digits;      /* all significant digits, trailing zeros included */
    bool more;            /* a digit that is not 0 follows those of the significand */
    int64_t exponent;     /* the significand's power of ten */
    const char *first;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool equals_word(const char *bytes, size_t n, const char *word)
{
    if (strlen(word) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((bytes[i] | 0x20) != word[i])
            return false;
    return true;
}

/* The digits with an optional point; returns where they end, or NULL when there are none. */
static const char *scan_digits(const char *p, const char *end, struct decimal *decimal)
{
    bool any = false;
    bool after_point = false;
    for (; p < end; p++) {
        if (*p == '.' && !after_point) {
            after_point = true;
            continue;
        }
        if (!is_digit(*p))
            break;
        any = true;
        const unsigned digit = (unsigned)(*p - '0');
        if (after_point)
            decimal->exponent--;
        if (decimal->n_digits == 0) {
            if (digit == 0)
                continue;
            decimal->first = p;
        }
        if (decimal->n_digits++ < EXACT_DIGITS) {
            decimal->significand = decimal->significand * 10 + digit;
        } else {
            decimal->more |= digit != 0;
            decimal->exponent++;
        }
    }
    return any ? p : NULL;
}

/* "e", a sign or none, digits up to the very end. Saturates where every double does. */
static bool scan_exponent(const char *p, const char *end, struct decimal *decimal)
{
    enum { SATURATED = 1 << 28 };
    bool negative = false;
    int64_t exponent = 0;
    p++;
    if (p < end && (*p == '+' || *p == '-'))
        negative = *p++ == '-';
    if (p == end)
        return false;
    for (; p < end; p++) {
        if (!is_digit(*p))
            return false;
        if (exponent < SATURATED)
            exponent = exponent * 10 + (*p - '0');
    }
    /* No text in memory has enough digits to bring a saturated exponent back into range. */
    decimal->exponent += exponent >= SATURATED ? (negative ? INT64_MIN / 2 : INT64_MAX / 2)
                                               : (negative ? -exponent : exponent);
    return true;
}

static bool scan(const char *bytes, size_t n, struct decimal *decimal)
{
    const char *p = bytes;
    const char *end = bytes + n;
    *decimal = (struct decimal){0};
    if (p < end && (*p == '+' || *p == '-'))
        decimal->negative = *p++ == '-';
    p = scan_digits(p, end, decimal);
    if (!p)
        return false;
    if (p == end)
        return true;
    return (*p == 'e' || *p == 'E') && scan_exponent(p, end, decimal);
}

static double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

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

/* Rounds product * 2^exponent, whose true value lies in [product, product + error) with the highest
 * bit of product set, to the nearest double; false when the error leaves it open. */
static bool round_to_double(uint128 product, int exponent, unsigned error, double *ret)
{
    enum { PRECISION = 53, MIN_EXPONENT = -1022, BIAS = 1023, INFINITE = 0x7ff };
    const int leading = exponent + 127; /* the binary exponent of the value */
    const int lost = leading < MIN_EXPONENT ? MIN_EXPONENT - leading : 0;
    const int shift = 128 - PRECISION + lost;
    if (shift > 127)
        return false;
    uint64_t bits = (uint64_t)(product >> shift);
    const uint128 half = (uint128)1 << (shift - 1);
    const uint128 tail = product & ((half << 1) - 1);
    if (error == 0 ? false : tail <= half && tail + error > half)
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
    *ret = from_bits(bits + up);
    return true;
}

/* w * 10^exponent to the nearest double; false when this cannot tell. Clinger's fast path ("How to
 * read floating point numbers accurately", PLDI 1990), then one 128-bit product in the manner of
 * Eisel and Lemire, with a power of five in two factors instead of a large table. */
static bool scale(uint64_t w, int64_t exponent, double *ret)
{
    if (w == 0 || exponent < MIN_DECIMAL_EXPONENT) {
        *ret = 0.0;
        return true;
    }
    if (exponent > MAX_DECIMAL_EXPONENT) {
        *ret = HUGE_VAL;
        return true;
    }
    const int e = (int)exponent;
    if (w <= (uint64_t)1 << 53 && e >= -MAX_EXACT_POWER && e <= MAX_EXACT_POWER) {
        *ret = e < 0 ? (double)w / exact_powers[-e] : (double)w * exact_powers[e];
        return true;
    }
    const int coarse = (e - FIRST_COARSE * FINE_STEPS) / FINE_STEPS; /* row of the table */
    const int fine = (e - FIRST_COARSE * FINE_STEPS) % FINE_STEPS;
    uint128 product = (uint128)w * fine_powers[fine]; /* exact */
    int binary = e;                                   /* 10^e = 5^e * 2^e */
    const uint64_t high = (uint64_t)(product >> 64);
    const int zeros = high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)product);
    product <<= zeros;
    binary -= zeros;
    if (coarse == -FIRST_COARSE) /* 5^0 */
        return round_to_double(product, binary, 0, ret);
    /* The factor is less than 1 too small, so the product's high half less than 1 for that and less
     * than 1 for its own rounding. */
    unsigned error = 2;
    product = multiply_high(product,
                            (uint128)coarse_powers[coarse].high << 64 | coarse_powers[coarse].low);
    binary += coarse_powers[coarse].exponent + 128;
    if (!(product >> 127)) {
        product <<= 1;
        binary--;
        error *= 2;
    }
    return round_to_double(product, binary, error, ret);
}

/* The last resort: strtod in the C locale, over a bounded copy without a point. */
static double parse_slowly(const struct decimal *decimal, const char *end)
{
    char text[KEPT_DIGITS + 32];
    size_t n = 0;
    size_t seen = 0;
    bool more = false;
    for (const char *p = decimal->first; p < end && seen < decimal->n_digits; p++) {
        if (!is_digit(*p))
            continue;
        seen++;
        if (n < KEPT_DIGITS)
            text[n++] = *p;
        else
            more |= *p != '0';
    }
    if (more) /* a digit that is not 0 in place of all that were cut */
        text[n++] = '1';
    /* The exponent belongs to the first EXACT_DIGITS digits. */
    const size_t counted = decimal->n_digits < EXACT_DIGITS ? decimal->n_digits : EXACT_DIGITS;
    const int64_t exponent = decimal->exponent + (int64_t)counted - (int64_t)n;
    (void)snprintf(text + n, sizeof text - n, "e%lld", (long long)exponent);
    /* In glibc the C locale is a constant: this allocates nothing and cannot fail. */
    const locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    const double value = strtod_l(text, NULL, c_locale);
    freelocale(c_locale);
    return value;
}

bool mer_number_parse(const char *bytes, size_t n, bool special, double *ret)
{
    struct decimal decimal;
    double value;
    if (!scan(bytes, n, &decimal)) {
        const size_t sign = n > 0 && (bytes[0] == '+' || bytes[0] == '-');
        if (!special)
            return false;
        if (equals_word(bytes + sign, n - sign, "nan"))
            value = (double)NAN;
        else if (equals_word(bytes + sign, n - sign, "inf") ||
                 equals_word(bytes + sign, n - sign, "infinity"))
            value = HUGE_VAL;
        else
            return false;
        *ret = sign && bytes[0] == '-' ? -value : value;
        return true;
    }
    bool certain = scale(decimal.significand, decimal.exponent, &value);
    if (certain && decimal.more) {
        /* The truth lies between the significand and the next one. */
        double next;
        certain = scale(decimal.significand + 1, decimal.exponent, &next) && next == value;
    }
    if (!certain)
        value = parse_slowly(&decimal, bytes + n);
    *ret = decimal.negative ? -value : value;
    return true;
}

bool mer_integer_parse(const char *bytes, size_t n, int64_t *ret)
{
    const bool signed_text = n > 0 && (bytes[0] == '+' || bytes[0] == '-');
    const bool negative = signed_text && bytes[0] == '-';
    size_t i = signed_text;
    int64_t value = 0; /* negative all along: INT64_MIN has no positive counterpart */
    if (i == n)
        return false;
    for (; i < n; i++) {
        if (!is_digit(bytes[i]) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, bytes[i] - '0', &value))
            return false;
    }
    if (!negative && value == INT64_MIN)
        return false;
    *ret = negative ? value : -value;
    return true;
}

/* The significant digits of a finite value, without trailing zeros, and the decimal exponent of the
 * first. Only digits are taken from printf's text: the decimal point belongs to the locale. */
struct digits {
    bool negative;
    char text[24];
    int n;
    int exponent;
};

static void strip_zeros(struct digits *digits)
{
    while (digits->n > 1 && digits->text[digits->n - 1] == '0')
        digits->n--;
}

static struct digits digits_of(double value, int n_digits)
{
    char text[64];
    struct digits digits = {.negative = signbit(value) != 0};
    (void)snprintf(text, sizeof text, "%.*e", n_digits - 1, fabs(value));
    const char *p = text;
    for (; *p != 'e'; p++)
        if (is_digit(*p))
            digits.text[digits.n++] = *p;
    digits.exponent = atoi(p + 1);
    strip_zeros(&digits);
    return digits;
}

static double value_of(const struct digits *digits)
{
    char text[48];
    double value = 0.0;
    const int n = snprintf(text, sizeof text, "%s%.*se%d", digits->negative ? "-" : "", digits->n,
                           digits->text, digits->exponent - (digits->n - 1));
    (void)mer_number_parse(text, (size_t)n, false, &value);
    return value;
}

/* Decimals of at most 15 digits: where the division below gives the value back, the numerator's
 * digits are its shortest text, because a double of that size has no other neighbour so near. */
static bool short_decimal(double value, struct digits *digits)
{
    static const double MAX_NUMERATOR = 0x1p49;
    const double magnitude = fabs(value);
    for (int k = 0; k <= 12; k++) {
        const double numerator = rint(magnitude * exact_powers[k]);
        if (numerator > MAX_NUMERATOR)
            return false;
        if (numerator / exact_powers[k] != magnitude)
            continue;
        *digits = (struct digits){.negative = signbit(value) != 0};
        digits->n = snprintf(digits->text, sizeof digits->text, "%lld", (long long)numerator);
        digits->exponent = digits->n - 1 - k;
        strip_zeros(digits);
        return true;
    }
    return false;
}

/* As %g lays it out: 0.0001 and 123.4, otherwise 1.5e-05 and 1e+16. */
static size_t lay_out(const struct digits *digits, int max_fixed,
                      char ret_text[MER_NUMBER_TEXT_MAX])
{
    char *out = ret_text;
    const int n = digits->n;
    const int e = digits->exponent;
    if (digits->negative)
        *out++ = '-';
    if (e < -4 || e >= max_fixed) {
        *out++ = digits->text[0];
        if (n > 1) {
            *out++ = '.';
            memcpy(out, digits->text + 1, (size_t)n - 1);
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
        memcpy(out, digits->text, (size_t)n);
        out += n;
    } else {
        for (int i = 0; i < n || i <= e; i++) {
            if (i == e + 1)
                *out++ = '.';
            *out++ = i < n ? digits->text[i] : '0';
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
    struct digits digits;
    const size_t n = format_special(value, ret_text);
    if (n > 0)
        return n;
    if (fabs(value) <= 0x1p53 && value == rint(value))
        return (size_t)snprintf(ret_text, MER_NUMBER_TEXT_MAX, "%lld", (long long)value);
    if (!short_decimal(value, &digits)) {
        int n_digits = 15; /* every decimal of 15 digits survives; 17 tell all doubles apart */
        do {
            digits = digits_of(value, n_digits);
        } while (n_digits++ < 17 && value_of(&digits) != value);
    }
    return lay_out(&digits, FIXED_DIGITS, ret_text);
}

size_t mer_number_format_digits(double value, int n_digits, char ret_text[MER_NUMBER_TEXT_MAX])
{
    const size_t n = format_special(value, ret_text);
    if (n > 0)
        return n;
    if (n_digits < 1)
        n_digits = 1;
    if (n_digits > 17)
        n_digits = 17;
    const struct digits digits = digits_of(value, n_digits);
    return lay_out(&digits, n_digits, ret_text);
}
