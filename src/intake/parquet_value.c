/* What the physical values of Parquet mean. */
#include "intake/exact_value.h"
#include "intake/parquet_pages.h"

enum { SECOND_MICROSECONDS = 1000000, UUID_BYTES = 16 };

/* Nanoseconds of a day, then its Julian number (2440588 is 1970-01-01). */
static const char *put_julian(struct mer_built_column *column, const unsigned char *bytes)
{
    const int64_t epoch = 2440588, day_seconds = 86400;
    int64_t nanoseconds, seconds;
    int32_t day;
    memcpy(&nanoseconds, bytes, sizeof nanoseconds);
    memcpy(&day, bytes + sizeof nanoseconds, sizeof day);
    if (day < 0 || day > INT32_MAX / 256)
        return "a date outside of the years 1 to 9999";
    seconds = (day - epoch) * day_seconds;
    if (nanoseconds < 0 || nanoseconds >= day_seconds * 1000000000)
        return "a time that is none of a day";
    if (nanoseconds % 1000 != 0)
        return "a time finer than a microsecond";
    mer_built_put_integer(column, seconds * SECOND_MICROSECONDS + nanoseconds / 1000);
    return NULL;
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
        return mer_put_unsigned(column, (uint64_t)value);
    case MER_PARQUET_TIME:
    case MER_PARQUET_TIMESTAMP:
        return mer_put_time(column, value, leaf->per_second);
    case MER_PARQUET_DECIMAL:
        return mer_put_decimal(column, value, leaf->scale);
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
            return mer_put_decimal_bytes(
                column, (struct mer_cell){(const char *)bytes, leaf->width}, leaf->scale);
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
                   ? mer_put_decimal_bytes(column, values->views[i], leaf->scale)
                   : "a value in a column that has none";
    else
        what = put_fixed(column, leaf, values->fixed + i * values->width);
    return what ? mer_built_fail(column, err, what) : mer_ok();
}

bool mer_parquet_put_whole(struct mer_built_column *column, const struct mer_parquet_leaf *leaf,
                           const struct mer_parquet_values *values)
{
    if (values->views || values->width != sizeof(int64_t))
        return false;
    if (leaf->meaning == MER_PARQUET_REAL && leaf->physical == MER_PARQUET_DOUBLE)
        mer_built_put_numbers(column, values->fixed, values->n);
    else if (leaf->meaning == MER_PARQUET_SIGNED && leaf->physical == MER_PARQUET_INT64)
        mer_built_put_integers(column, values->fixed, values->n);
    else
        return false;
    return true;
}
