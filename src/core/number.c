/* Decimal text to double. The common case is exact integer arithmetic; what that cannot decide
 * (ties between two doubles, one text in billions, deep subnormals) goes to strtod in the C locale.
 * Must not depend on the locale that the host program chose. */
#include "core/number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/power_of_ten.h"

enum {
    EXACT_DIGITS = 19, /* a uint64 holds any number of so many digits */
    KEPT_DIGITS = 800  /* more than the 767 that can tell two doubles apart */
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
    static const int64_t SATURATED = (int64_t)1 << 50;
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
    bool certain = mer_nearest_double(decimal.significand, decimal.exponent, &value);
    if (certain && decimal.more) {
        /* The truth lies between the significand and the next one. */
        double next;
        certain =
            mer_nearest_double(decimal.significand + 1, decimal.exponent, &next) && next == value;
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
