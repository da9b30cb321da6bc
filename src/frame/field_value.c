#include "frame/field_value.h"

#include <math.h>

#include "core/number.h"
#include "frame/datetime.h"
#include "frame/infer.h"

const char *mer_value_fault_text(enum mer_value_fault fault)
{
    static const char *const texts[MER_VALUE_FAULT_COUNT] = {
        [MER_VALUE_FINE] = "as it should be",
        [MER_VALUE_REQUIRED] = "missing, but the schema requires a value",
        [MER_VALUE_NOT_BOOLEAN] = "not true or false",
        [MER_VALUE_NOT_INTEGER] = "not an integer (of 64 bits)",
        [MER_VALUE_NOT_NUMBER] = "not a number",
        [MER_VALUE_NAN] = "NaN, which the schema does not list among its missingValues",
        [MER_VALUE_NOT_DATE] = "not a date (YYYY-MM-DD)",
        [MER_VALUE_NOT_TIME] = "not a time (hh:mm:ss)",
        [MER_VALUE_NOT_DATETIME] = "not a date and time (YYYY-MM-DDThh:mm:ss, with Z or an offset)",
        [MER_VALUE_NOT_CATEGORY] = "not among the categories of the schema",
    };
    return (unsigned)fault < MER_VALUE_FAULT_COUNT ? texts[fault] : "not a value";
}

/* Table Schema's trueValues and falseValues hold 1 and 0 too; without a schema these are taken for
 * integers before anybody asks. */
static bool parse_truth(const char *bytes, size_t n, bool *ret)
{
    if (n == 1 && (bytes[0] == '0' || bytes[0] == '1')) {
        *ret = bytes[0] == '1';
        return true;
    }
    return mer_boolean_parse(bytes, n, ret);
}

static enum mer_value_fault parse_number(const char *bytes, size_t n, double *ret)
{
    double number;
    if (!mer_number_parse(bytes, n, true, &number))
        return MER_VALUE_NOT_NUMBER;
    if (isnan(number))
        return MER_VALUE_NAN;
    *ret = number;
    return MER_VALUE_FINE;
}

enum mer_value_fault mer_field_value(const struct mer_field *field, const char *bytes, size_t n,
                                     union mer_value *ret)
{
    switch (field->type) {
    case MER_TYPE_BOOLEAN:
        return parse_truth(bytes, n, &ret->truth) ? MER_VALUE_FINE : MER_VALUE_NOT_BOOLEAN;
    case MER_TYPE_INTEGER:
        return mer_integer_parse(bytes, n, &ret->integer) ? MER_VALUE_FINE : MER_VALUE_NOT_INTEGER;
    case MER_TYPE_NUMBER:
        return parse_number(bytes, n, &ret->number);
    case MER_TYPE_DATE:
        return mer_date_parse(bytes, n, &ret->integer) ? MER_VALUE_FINE : MER_VALUE_NOT_DATE;
    case MER_TYPE_TIME:
        return mer_time_parse(bytes, n, &ret->integer) ? MER_VALUE_FINE : MER_VALUE_NOT_TIME;
    case MER_TYPE_DATETIME:
        return mer_datetime_parse(bytes, n, &ret->integer) ? MER_VALUE_FINE
                                                           : MER_VALUE_NOT_DATETIME;
    case MER_TYPE_CATEGORICAL:
    case MER_TYPE_TEXT:
    case MER_TYPE_COUNT:
        break;
    }
    return MER_VALUE_FINE;
}

bool mer_field_is_plain(const struct mer_field *field)
{
    (void)field; /* formats and constraints that are not plain have no place in a field yet */
    return true;
}
