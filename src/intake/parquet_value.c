/* What the physical values of Parquet mean. */
#include <stdio.h>

#include "core/number.h"
#include "intake/half.h"
#include "intake/parquet_pages.h"

enum { SECOND_MICROSECONDS = 1000000, UUID_BYTES = 16 };

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

static const char *put_time(struct mer_built_column *column, int64_t value, int64_t per_second)
{
    int64_t microseconds;
    const char *const what = to_microseconds(value, per_second, &microseconds);
    if (!what)
        mer_built_put_integer(column, microseconds);
    return what;
}

/* Nanoseconds of a day, then its Julian number (2440588 is 1970-01-01). */
static const char *put_julian(struct mer_built_column *column, const unsigned char *bytes)
{
    const int64_t epoch = 2440588, day_seconds = 86400;
    int64_t nanoseconds, seconds;
    int32_t day;
    memcpy(&nanoseconds, bytes, sizeof nanoseconds);
    memcpy(&day, bytes + sizeof nanoseconds, sizeof day);
    seconds = (day - epoch) * day_seconds;
    if (nanoseconds < 0 || nanoseconds >= day_seconds * 1000000000)
        return "a time that is none of a day";
    if (nanoseconds % 1000 != 0)
        return "a time finer than a microsecond";
    mer_built_put_integer(column, seconds * SECOND_MICROSECONDS + nanoseconds / 1000);
    return NULL;
}

/* A whole number of 10^-scale: an integer where the scale is zero, else the double nearest to it,
 * which has to mean the same: at most 15 digits. */
static const char *put_decimal(struct mer_built_column *column, int64_t unscaled, unsigned scale)
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
static const char *put_decimal_bytes(struct mer_built_column *column, struct mer_cell cell,
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
    return put_decimal(column, (int64_t)value, scale);
}

static mer_status put_uuid(struct mer_built_column *column, const unsigned char *bytes,
                           mer_err *err)
{
    static const char digits[] = "0123456789abcdef";
    char text[UUID_BYTES * 2 + 4];
    size_t n = 0;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[n++] = '-';
        text[n++] = digits[bytes[i] >> 4];
        text[n++] = digits[bytes[i] & 15];
    }
    return mer_built_put_text(column, text, n, err);
}

static double real_of(const struct mer_parquet_leaf *leaf, const unsigned char *bytes)
{
    if (leaf->physical == MER_PARQUET_FLOAT) {
        float value;
        memcpy(&value, bytes, sizeof value);
        return (double)value;
    }
    double value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static int64_t integer_of(const struct mer_parquet_leaf *leaf, const unsigned char *bytes)
{
    if (leaf->physical == MER_PARQUET_INT32) {
        int32_t value;
        memcpy(&value, bytes, sizeof value);
        return leaf->meaning == MER_PARQUET_UNSIGNED ? (int64_t)(uint32_t)value : (int64_t)value;
    }
    int64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static const char *put_integer(struct mer_built_column *column, const struct mer_parquet_leaf *leaf,
                               int64_t value)
{
    switch (leaf->meaning) {
    case MER_PARQUET_UNSIGNED:
        if (value < 0)
            return "an integer above 9223372036854775807";
        break;
    case MER_PARQUET_TIME:
    case MER_PARQUET_TIMESTAMP:
        return put_time(column, value, leaf->per_second);
    case MER_PARQUET_DECIMAL:
        return put_decimal(column, value, leaf->scale);
    default:
        break;
    }
    mer_built_put_integer(column, value);
    return NULL;
}

/* Of fixed width. */
static const char *put_fixed(struct mer_built_column *column, const struct mer_parquet_leaf *leaf,
                             const unsigned char *bytes)
{
    switch (leaf->meaning) {
    case MER_PARQUET_TRUTH:
        mer_built_put_boolean(column, *bytes != 0);
        return NULL;
    case MER_PARQUET_REAL:
        mer_built_put_number(column, real_of(leaf, bytes));
        return NULL;
    case MER_PARQUET_HALF:
        mer_built_put_number(column, mer_half_to_double(bytes));
        return NULL;
    case MER_PARQUET_JULIAN:
        return put_julian(column, bytes);
    case MER_PARQUET_NULL:
        return "a value in a column that has none";
    case MER_PARQUET_DECIMAL:
        if (leaf->physical == MER_PARQUET_FIXED)
            return put_decimal_bytes(column, (struct mer_cell){(const char *)bytes, leaf->width},
                                     leaf->scale);
        break;
    default:
        break;
    }
    return put_integer(column, leaf, integer_of(leaf, bytes));
}

mer_status mer_parquet_put(struct mer_built_column *column, const struct mer_parquet_leaf *leaf,
                           const struct mer_parquet_values *values, size_t i, mer_err *err)
{
    const char *what;
    if (leaf->meaning == MER_PARQUET_TEXT)
        return mer_built_put_text(column, values->views[i].bytes, values->views[i].n, err);
    if (leaf->meaning == MER_PARQUET_UUID)
        return put_uuid(column, values->fixed + i * values->width, err);
    if (values->views)
        what = leaf->meaning == MER_PARQUET_DECIMAL
                   ? put_decimal_bytes(column, values->views[i], leaf->scale)
                   : "a value in a column that has none";
    else
        what = put_fixed(column, leaf, values->fixed + i * values->width);
    return what ? mer_built_fail(column, err, what) : mer_ok();
}
