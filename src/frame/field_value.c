#include "frame/field_value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "frame/datetime.h"
#include "frame/datetime_format.h"
#include "frame/infer.h"

static const struct {
    const char *name;
    const char *text;
} FAULTS[MER_VALUE_FAULT_COUNT] = {
    [MER_VALUE_FINE] = {"fine", "as it should be"},
    [MER_VALUE_REQUIRED] = {"required", "missing, but the schema requires a value"},
    [MER_VALUE_NOT_BOOLEAN] = {"not_boolean", "not true or false"},
    [MER_VALUE_NOT_INTEGER] = {"not_integer", "not an integer (of 64 bits)"},
    [MER_VALUE_NOT_NUMBER] = {"not_number", "not a number"},
    [MER_VALUE_NAN] = {"nan", "NaN, which the schema does not list among its missingValues"},
    [MER_VALUE_NOT_DATE] = {"not_date", "not a date (YYYY-MM-DD)"},
    [MER_VALUE_NOT_TIME] = {"not_time", "not a time (hh:mm:ss)"},
    [MER_VALUE_NOT_DATETIME] = {"not_datetime", "not a date and time (YYYY-MM-DDThh:mm:ss, with Z "
                                                "or an offset)"},
    [MER_VALUE_NOT_CATEGORY] = {"not_category", "not among the categories of the schema"},
    [MER_VALUE_NOT_IN_FORMAT] = {"not_in_format", "not in the format that the schema states"},
    [MER_VALUE_NOT_YEAR] = {"not_year", "not a year (YYYY)"},
    [MER_VALUE_NOT_YEARMONTH] = {"not_yearmonth", "not a month (YYYY-MM)"},
    [MER_VALUE_NOT_DURATION] = {"not_duration", "not a duration (such as P1DT2H)"},
    [MER_VALUE_NOT_LIST] = {"not_list", "a list with an item that is not of its type"},
    [MER_VALUE_NOT_OBJECT] = {"not_object", "not a JSON object"},
    [MER_VALUE_NOT_ARRAY] = {"not_array", "not a JSON array"},
    [MER_VALUE_NOT_GEOJSON] = {"not_geojson", "not a GeoJSON (or TopoJSON) object"},
    [MER_VALUE_NOT_GEOPOINT] = {"not_geopoint", "not a geographic point (longitude within 180, "
                                                "latitude within 90 degrees)"},
    [MER_VALUE_NOT_EMAIL] = {"not_email", "not an email address"},
    [MER_VALUE_NOT_URI] = {"not_uri", "not a URI"},
    [MER_VALUE_NOT_BINARY] = {"not_binary", "not base64"},
    [MER_VALUE_NOT_UUID] = {"not_uuid", "not a UUID"},
    [MER_VALUE_BELOW_MINIMUM] = {"below_minimum", "below the minimum of the schema"},
    [MER_VALUE_ABOVE_MAXIMUM] = {"above_maximum", "above the maximum of the schema"},
    [MER_VALUE_TOO_SHORT] = {"too_short", "shorter than the minLength of the schema"},
    [MER_VALUE_TOO_LONG] = {"too_long", "longer than the maxLength of the schema"},
    [MER_VALUE_OUTSIDE_PATTERN] = {"outside_pattern", "does not match the pattern of the schema"},
    [MER_VALUE_OUTSIDE_ENUM] = {"outside_enum", "not among the values that the schema allows"},
    [MER_VALUE_DUPLICATE] = {"duplicate", "a value that must be unique stands here again"},
    [MER_VALUE_DUPLICATE_KEY] = {"duplicate_key", "a key that must be unique stands here again"},
    [MER_VALUE_CELL_COUNT] = {"cell_count", "the row has more or fewer cells than the header"},
    [MER_VALUE_NOT_UTF8] = {"not_utf8", "not valid UTF-8"},
    [MER_VALUE_NUL] = {"nul", "a NUL byte"},
    [MER_VALUE_BROKEN_QUOTES] = {"broken_quotes", "a quote where none may stand"},
    [MER_VALUE_LONE_RETURN] = {"lone_return", "a carriage return without a line feed"},
    [MER_VALUE_NOT_TEXT] = {"not_text", "not a text, which the schema asks for"},
    [MER_VALUE_UNREADABLE] = {"unreadable", "nothing that a table can hold"},
};

const char *mer_value_fault_text(enum mer_value_fault fault)
{
    return (unsigned)fault < MER_VALUE_FAULT_COUNT ? FAULTS[fault].text : "not a value";
}

const char *mer_value_fault_name(enum mer_value_fault fault)
{
    return (unsigned)fault < MER_VALUE_FAULT_COUNT ? FAULTS[fault].name : "unknown";
}

static bool is_among(const struct mer_texts *texts, const char *bytes, size_t n)
{
    for (size_t i = 0; i < texts->n; i++)
        if (strlen(texts->texts[i]) == n && memcmp(texts->texts[i], bytes, n) == 0)
            return true;
    return false;
}

/* Table Schema's trueValues and falseValues hold 1 and 0 too; without a schema these are taken for
 * integers before anybody asks. */
static bool parse_truth(const struct mer_field *field, const char *bytes, size_t n, bool *ret)
{
    if (field->true_values.n > 0 || field->false_values.n > 0) {
        *ret = is_among(&field->true_values, bytes, n);
        return *ret || is_among(&field->false_values, bytes, n);
    }
    if (n == 1 && (bytes[0] == '0' || bytes[0] == '1')) {
        *ret = bytes[0] == '1';
        return true;
    }
    return mer_boolean_parse(bytes, n, ret);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool starts_with(const char *bytes, size_t n, const char *text)
{
    const size_t length = strlen(text);
    return n >= length && memcmp(bytes, text, length) == 0;
}

/* Takes off what stands around a number: a currency, a unit. Nothing that could be its sign may be
 * lost with it: no minus, no parenthesis. */
static bool strip(const char *point, const char **bytes, size_t *n)
{
    const char *s = *bytes;
    const char *end = s + *n;
    const char *first = s;
    while (first < end && !is_digit(*first))
        first++;
    if (first == end)
        return false;
    const size_t n_point = strlen(point);
    if ((size_t)(first - s) >= n_point && memcmp(first - n_point, point, n_point) == 0)
        first -= n_point;
    if (first > s && (first[-1] == '-' || first[-1] == '+'))
        first--;
    const char *last = end;
    while (!is_digit(last[-1]))
        last--;
    if (starts_with(last, (size_t)(end - last), point))
        last += n_point;
    for (const char *p = s; p < end; p++) {
        if (p == first)
            p = last;
        /* The last is the beginning of U+2212, the minus sign, among others. */
        if (p < end && (*p == '-' || *p == '+' || *p == '(' || *p == ')' ||
                        starts_with(p, (size_t)(end - p), "\xe2\x88\x92")))
            return false;
    }
    *bytes = first;
    *n = (size_t)(last - first);
    return true;
}

enum { NUMBER_MAX = 512 };

/* A number as its field's properties describe it, in the plain form; 0: it is none. */
static size_t normalise(const struct mer_field *field, const char *bytes, size_t n,
                        char ret[NUMBER_MAX])
{
    const char *const point = field->decimal_char ? field->decimal_char : ".";
    bool behind_point = false;
    size_t length = 0;
    if (field->decorated && !strip(point, &bytes, &n))
        return 0;
    for (size_t i = 0; i < n;) {
        if (length == NUMBER_MAX)
            return 0;
        if (starts_with(bytes + i, n - i, point)) {
            behind_point = true;
            ret[length++] = '.';
            i += strlen(point);
        } else if (field->group_char && starts_with(bytes + i, n - i, field->group_char)) {
            /* Between two digits of the whole part alone. */
            const size_t after = i + strlen(field->group_char);
            if (behind_point || i == 0 || !is_digit(bytes[i - 1]) || after >= n ||
                !is_digit(bytes[after]))
                return 0;
            i = after;
        } else if (bytes[i] == '.') {
            return 0; /* which is not the point here, and would become one */
        } else {
            behind_point |= bytes[i] == 'e' || bytes[i] == 'E';
            ret[length++] = bytes[i++];
        }
    }
    return length;
}

static enum mer_value_fault parse_number(const struct mer_field *field, const char *bytes, size_t n,
                                         double *ret)
{
    char text[NUMBER_MAX];
    double number;
    if (field->decimal_char || field->group_char || field->decorated) {
        n = normalise(field, bytes, n, text);
        bytes = text;
    }
    if (!mer_number_parse(bytes, n, true, &number))
        return MER_VALUE_NOT_NUMBER;
    if (isnan(number))
        return MER_VALUE_NAN;
    *ret = number;
    return MER_VALUE_FINE;
}

static enum mer_value_fault parse_integer(const struct mer_field *field, const char *bytes,
                                          size_t n, int64_t *ret)
{
    char text[NUMBER_MAX];
    if (field->group_char || field->decorated) {
        n = normalise(field, bytes, n, text);
        bytes = text;
    }
    return mer_integer_parse(bytes, n, ret) ? MER_VALUE_FINE : MER_VALUE_NOT_INTEGER;
}

static enum mer_value_fault parse_moment(const struct mer_field *field, enum mer_type type,
                                         const char *bytes, size_t n, int64_t *ret)
{
    if (field->format == MER_FORMAT_PATTERN)
        return mer_datetime_format_parse(field->format_text, type, bytes, n, ret)
                   ? MER_VALUE_FINE
                   : MER_VALUE_NOT_IN_FORMAT;
    if (field->format == MER_FORMAT_ANY)
        return mer_datetime_any_parse(type, bytes, n, ret) ? MER_VALUE_FINE
                                                           : MER_VALUE_NOT_IN_FORMAT;
    if (type == MER_TYPE_DATE)
        return mer_date_parse(bytes, n, ret) ? MER_VALUE_FINE : MER_VALUE_NOT_DATE;
    if (type == MER_TYPE_TIME)
        return mer_time_parse(bytes, n, ret) ? MER_VALUE_FINE : MER_VALUE_NOT_TIME;
    return mer_datetime_parse(bytes, n, ret) ? MER_VALUE_FINE : MER_VALUE_NOT_DATETIME;
}

/* Categories are found by their text, so an integer has to be written as they are: 7, not 07. */
static enum mer_value_fault read_integer(const struct mer_field *field, const char *bytes, size_t n,
                                         int64_t *ret)
{
    char text[24];
    const enum mer_value_fault fault = parse_integer(field, bytes, n, ret);
    if (fault != MER_VALUE_FINE || field->type != MER_TYPE_CATEGORICAL)
        return fault;
    const int length = snprintf(text, sizeof text, "%" PRId64, *ret);
    return (size_t)length == n && memcmp(text, bytes, n) == 0 ? MER_VALUE_FINE
                                                              : MER_VALUE_NOT_CATEGORY;
}

enum mer_value_fault mer_field_read(const struct mer_field *field, const char *bytes, size_t n,
                                    union mer_value *ret)
{
    switch (mer_field_kind(field)) {
    case MER_KIND_BOOLEAN:
        return parse_truth(field, bytes, n, &ret->truth) ? MER_VALUE_FINE : MER_VALUE_NOT_BOOLEAN;
    case MER_KIND_INTEGER:
        return read_integer(field, bytes, n, &ret->integer);
    case MER_KIND_NUMBER:
        return parse_number(field, bytes, n, &ret->number);
    case MER_KIND_DATE:
        return parse_moment(field, MER_TYPE_DATE, bytes, n, &ret->integer);
    case MER_KIND_TIME:
        return parse_moment(field, MER_TYPE_TIME, bytes, n, &ret->integer);
    case MER_KIND_DATETIME:
        return parse_moment(field, MER_TYPE_DATETIME, bytes, n, &ret->integer);
    case MER_KIND_YEAR:
        return mer_year_parse(bytes, n, &ret->integer) ? MER_VALUE_FINE : MER_VALUE_NOT_YEAR;
    case MER_KIND_YEARMONTH:
        return mer_yearmonth_parse(bytes, n, &ret->integer) ? MER_VALUE_FINE
                                                            : MER_VALUE_NOT_YEARMONTH;
    case MER_KIND_DURATION:
        return mer_duration_parse(bytes, n, &ret->number) ? MER_VALUE_FINE : MER_VALUE_NOT_DURATION;
    case MER_KIND_STRING:
    case MER_KIND_LIST:
    case MER_KIND_OBJECT:
    case MER_KIND_ARRAY:
    case MER_KIND_GEOJSON:
    case MER_KIND_GEOPOINT:
    case MER_KIND_ANY:
        return mer_text_value(field, bytes, n);
    case MER_KIND_UNSTATED:
    case MER_KIND_COUNT:
        break;
    }
    return MER_VALUE_FINE;
}

static bool is_double(const struct mer_field *field)
{
    const enum mer_kind kind = mer_field_kind(field);
    return kind == MER_KIND_NUMBER || kind == MER_KIND_DURATION;
}

int mer_field_compare(const struct mer_field *field, union mer_value a, union mer_value b)
{
    if (is_double(field))
        return (a.number > b.number) - (a.number < b.number);
    return (a.integer > b.integer) - (a.integer < b.integer);
}

static enum mer_value_fault check_bounds(const struct mer_field *field, union mer_value value)
{
    for (int kind = 0; kind < MER_BOUND_COUNT; kind++) {
        const struct mer_bound *const bound = &field->bounds[kind];
        if (!bound->text)
            continue;
        const int order = mer_field_compare(field, value, bound->value);
        if ((kind == MER_BOUND_MINIMUM && order < 0) ||
            (kind == MER_BOUND_EXCLUSIVE_MINIMUM && order <= 0))
            return MER_VALUE_BELOW_MINIMUM;
        if ((kind == MER_BOUND_MAXIMUM && order > 0) ||
            (kind == MER_BOUND_EXCLUSIVE_MAXIMUM && order >= 0))
            return MER_VALUE_ABOVE_MAXIMUM;
    }
    return MER_VALUE_FINE;
}

/* Texts are compared as they are; everything else by value. */
static bool is_allowed(const struct mer_field *field, const char *bytes, size_t n,
                       union mer_value value)
{
    if (!field->allowed_values)
        return is_among(&field->allowed, bytes, n);
    for (size_t i = 0; i < field->allowed.n; i++) {
        if (field->kind == MER_KIND_BOOLEAN
                ? field->allowed_values[i].truth == value.truth
                : mer_field_compare(field, field->allowed_values[i], value) == 0)
            return true;
    }
    return false;
}

enum mer_value_fault mer_field_check(const struct mer_field *field, union mer_value value)
{
    const enum mer_value_fault fault = check_bounds(field, value);
    if (fault != MER_VALUE_FINE || !field->allowed_values)
        return fault;
    return is_allowed(field, NULL, 0, value) ? MER_VALUE_FINE : MER_VALUE_OUTSIDE_ENUM;
}

enum mer_value_fault mer_field_value(const struct mer_field *field, const char *bytes, size_t n,
                                     union mer_value *ret)
{
    union mer_value value = {0};
    enum mer_value_fault fault = mer_field_read(field, bytes, n, &value);
    if (fault != MER_VALUE_FINE)
        return fault;
    if (!field->plain) {
        fault = check_bounds(field, value);
        if (fault != MER_VALUE_FINE)
            return fault;
        if (field->min_length > 0 || field->has_max_length) {
            const size_t length = mer_text_length(field, bytes, n);
            if (length < field->min_length)
                return MER_VALUE_TOO_SHORT;
            if (field->has_max_length && length > field->max_length)
                return MER_VALUE_TOO_LONG;
        }
        if (field->program && !mer_pattern_matches(field->program, bytes, n))
            return MER_VALUE_OUTSIDE_PATTERN;
        if (field->allowed.n > 0 && !is_allowed(field, bytes, n, value))
            return MER_VALUE_OUTSIDE_ENUM;
    }
    *ret = value;
    return MER_VALUE_FINE;
}

bool mer_field_is_plain(const struct mer_field *field)
{
    return field->plain;
}
