#include "intake/exact_value.h"

#include <stdio.h>

#include "core/number.h"

enum { SECOND_MICROSECONDS = 1000000 };

/* A count of units as microseconds, exactly. NULL, or why not. */
static const char *to_microseconds(int64_t value, int64_t per_second, int64_t *ret)
{
    if (per_second <= SECOND_MICROSECONDS)
        return __builtin_mul_overflow(value, SECOND_MICROSECONDS / per_second, ret)
                   ? "a date outside of the years 1 to 9999"
                   : NULL;
    const int64_t per_microsecond = per_second / SECOND_MICROSECONDS;
    if (value % per_microsecond != 0)
        return "a time finer than a microsecond";
    *ret = value / per_microsecond;
    return NULL;
}

const char *mer_put_time(struct mer_built_column *column, int64_t value, int64_t per_second)
{
    int64_t microseconds;
    const char *const what = to_microseconds(value, per_second, &microseconds);
    if (!what)
        mer_built_put_integer(column, microseconds);
    return what;
}

const char *mer_put_unsigned(struct mer_built_column *column, uint64_t value)
{
    if (value > INT64_MAX)
        return "an integer above 9223372036854775807";
    mer_built_put_integer(column, (int64_t)value);
    return NULL;
}

/* A whole number of 10^-scale: an integer where the scale is zero, else the double nearest to it,
 * which has to mean the same: at most 15 digits. */
const char *mer_put_decimal(struct mer_built_column *column, int64_t unscaled, unsigned scale)
{
    enum { DIGITS_MAX = 15 };
    char text[MER_NUMBER_TEXT_MAX];
    double value;
    if (scale == 0) {
        mer_built_put_integer(column, unscaled);
        return NULL;
    }
    const int64_t most = 1000000000000000; /* 10^DIGITS_MAX */
    if (unscaled <= -most || unscaled >= most)
        return "a decimal with more digits than a number holds";
    const int n = snprintf(text, sizeof text, "%llde-%u", (long long)unscaled, scale);
    if (!mer_number_parse(text, (size_t)n, false, &value))
        return "a decimal that is none";
    mer_built_put_number(column, value);
    return NULL;
}

/* Big-endian, two's complement. */
const char *mer_put_decimal_bytes(struct mer_built_column *column, struct mer_cell cell,
                                  unsigned scale)
{
    const unsigned char *const bytes = (const unsigned char *)cell.bytes;
    if (cell.n == 0)
        return "a decimal that is none";
    const unsigned char fill = bytes[0] & 0x80 ? 0xff : 0;
    uint64_t value = fill ? UINT64_MAX : 0;
    for (size_t i = 0; i < cell.n; i++) {
        const bool in_reach = cell.n - i <= sizeof value;
        if (!in_reach && bytes[i] != fill)
            return "a decimal with more digits than a number holds";
        if (in_reach)
            value = value << 8 | bytes[i];
    }
    if (cell.n > sizeof value && ((value >> 63) != 0) != (fill != 0))
        return "a decimal with more digits than a number holds";
    return mer_put_decimal(column, (int64_t)value, scale);
}
