#include "frame/infer.h"

#include <string.h>

#include "core/number.h"
#include "frame/datetime.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t count_digits(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && is_digit(s[i]))
        i++;
    return i;
}

static bool is_infinity(const char *s, size_t n)
{
    double value;
    return (n == 3 || n == 8) && (s[0] == 'i' || s[0] == 'I') &&
           mer_number_parse(s, n, true, &value);
}

static bool fits_int64(const char *bytes, size_t n, size_t n_digits)
{
    int64_t value;
    return n_digits <= 18 || mer_integer_parse(bytes, n, &value);
}

/* Integer and number, number alone, or neither. */
static unsigned numeric(const char *bytes, size_t n)
{
    const size_t sign = n > 0 && (bytes[0] == '-' || bytes[0] == '+');
    const char *s = bytes + sign;
    size_t left = n - sign;
    const size_t whole = count_digits(s, left);
    if (whole > 1 && s[0] == '0')
        return 0;
    if (whole > 0 && whole == left)
        return MER_MAY(MER_TYPE_NUMBER) |
               (fits_int64(bytes, n, whole) ? MER_MAY(MER_TYPE_INTEGER) : 0);
    if (left == 0)
        return 0;
    s += whole;
    left -= whole;
    size_t part = 0;
    if (*s == '.') {
        part = count_digits(s + 1, left - 1);
        s += 1 + part;
        left -= 1 + part;
    }
    if (whole + part == 0)
        return left == n - sign && is_infinity(s, left) ? MER_MAY(MER_TYPE_NUMBER) : 0;
    if (left > 0 && (*s == 'e' || *s == 'E')) {
        const size_t exponent_sign = left > 1 && (s[1] == '-' || s[1] == '+');
        const size_t exponent = count_digits(s + 1 + exponent_sign, left - 1 - exponent_sign);
        if (exponent == 0)
            return 0;
        left -= 1 + exponent_sign + exponent;
    }
    return left == 0 ? MER_MAY(MER_TYPE_NUMBER) : 0;
}

bool mer_boolean_parse(const char *bytes, size_t n, bool *ret)
{
    static const char *const words[][2] = {{"false", "true"}, {"False", "True"}, {"FALSE", "TRUE"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        for (size_t value = 0; value < 2; value++) {
            if (strlen(words[i][value]) == n && memcmp(words[i][value], bytes, n) == 0) {
                *ret = value == 1;
                return true;
            }
        }
    }
    return false;
}

/* Everything but numbers. */
static unsigned other(const char *bytes, size_t n)
{
    bool truth;
    int64_t value;
    if ((n == 4 || n == 5) && mer_boolean_parse(bytes, n, &truth))
        return MER_MAY(MER_TYPE_BOOLEAN);
    if (mer_date_parse(bytes, n, &value))
        return MER_MAY(MER_TYPE_DATE);
    if (mer_time_parse(bytes, n, &value))
        return MER_MAY(MER_TYPE_TIME);
    if (mer_datetime_parse(bytes, n, &value))
        return MER_MAY(MER_TYPE_DATETIME);
    return 0;
}

unsigned mer_infer_narrow(unsigned candidates, const char *bytes, size_t n)
{
    const unsigned numbers = MER_MAY(MER_TYPE_INTEGER) | MER_MAY(MER_TYPE_NUMBER);
    if (candidates & numbers) {
        const unsigned found = numeric(bytes, n);
        if (found)
            return candidates & found;
        candidates &= ~numbers;
    }
    return candidates ? candidates & other(bytes, n) : 0;
}

enum mer_type mer_infer_type(unsigned candidates, size_t n_present)
{
    static const enum mer_type preference[] = {MER_TYPE_BOOLEAN, MER_TYPE_INTEGER,
                                               MER_TYPE_NUMBER,  MER_TYPE_DATE,
                                               MER_TYPE_TIME,    MER_TYPE_DATETIME};
    if (n_present == 0)
        return MER_TYPE_NUMBER;
    for (size_t i = 0; i < sizeof preference / sizeof preference[0]; i++)
        if (candidates & MER_MAY(preference[i]))
            return preference[i];
    return MER_TYPE_TEXT;
}

bool mer_infer_is_text(size_t n_levels, size_t n_present, uint64_t n_bytes)
{
    if (n_levels <= MER_INFER_FEW_LEVELS)
        return false;
    return n_levels > n_present / 2 || n_levels > MER_INFER_MAX_LEVELS ||
           n_bytes / n_present >= MER_INFER_LONG_TEXT;
}
