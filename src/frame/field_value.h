/* What one cell of a schema's field means. Every reader that enforces a schema asks here, cell by
 * cell, so that formats and constraints of fields are known in one place. Nothing is allocated and
 * nothing but the arguments is touched: any number of threads may ask at once.
 *
 * A reader may convert the cells of a plain field (default format, no constraint) with the parsers
 * that this file uses itself, faster; the others go through mer_field_value.
 */
#ifndef MER_FRAME_FIELD_VALUE_H
#define MER_FRAME_FIELD_VALUE_H

#include "frame/schema.h"

/* Why a cell is none of its field's values, or a row none of its table's. Each has one text, which
 * never holds the cell's. */
enum mer_value_fault {
    MER_VALUE_FINE,
    MER_VALUE_REQUIRED, /* missing, but there must be a value */
    MER_VALUE_NOT_BOOLEAN,
    MER_VALUE_NOT_INTEGER,
    MER_VALUE_NOT_NUMBER,
    MER_VALUE_NAN, /* and not among the texts that mean missing */
    MER_VALUE_NOT_DATE,
    MER_VALUE_NOT_TIME,
    MER_VALUE_NOT_DATETIME,
    MER_VALUE_NOT_CATEGORY,
    MER_VALUE_NOT_IN_FORMAT, /* of a date or time */
    MER_VALUE_NOT_YEAR,
    MER_VALUE_NOT_YEARMONTH,
    MER_VALUE_NOT_DURATION,
    MER_VALUE_NOT_LIST,
    MER_VALUE_NOT_OBJECT,
    MER_VALUE_NOT_ARRAY,
    MER_VALUE_NOT_GEOJSON,
    MER_VALUE_NOT_GEOPOINT,
    MER_VALUE_NOT_EMAIL,
    MER_VALUE_NOT_URI,
    MER_VALUE_NOT_BINARY,
    MER_VALUE_NOT_UUID,
    MER_VALUE_BELOW_MINIMUM,
    MER_VALUE_ABOVE_MAXIMUM,
    MER_VALUE_TOO_SHORT,
    MER_VALUE_TOO_LONG,
    MER_VALUE_OUTSIDE_PATTERN,
    MER_VALUE_OUTSIDE_ENUM,
    MER_VALUE_DUPLICATE,     /* of a unique field */
    MER_VALUE_DUPLICATE_KEY, /* of a primary or unique key */
    MER_VALUE_CELL_COUNT,    /* the row has too many or too few cells */
    MER_VALUE_NOT_UTF8,
    MER_VALUE_NUL,
    MER_VALUE_BROKEN_QUOTES,
    MER_VALUE_LONE_RETURN,
    MER_VALUE_NOT_TEXT,
    MER_VALUE_UNREADABLE, /* what a file holds there is no value */
    MER_VALUE_FAULT_COUNT
};

/* "not a date (YYYY-MM-DD)" */
const char *mer_value_fault_text(enum mer_value_fault fault);
/* "not_date": for machines. */
const char *mer_value_fault_name(enum mer_value_fault fault);

/* The value of a cell that is not missing; *ret is set for the types that union mer_value names
 * when the answer is MER_VALUE_FINE. Texts and categorical cells are checked only: the reader
 * stores their bytes, and looks levels up itself (MER_VALUE_NOT_CATEGORY is its to find). */
enum mer_value_fault mer_field_value(const struct mer_field *field, const char *bytes, size_t n,
                                     union mer_value *ret);

/* Whether the field has the default format of its type and no constraint but `required`, `unique`
 * and categories. */
bool mer_field_is_plain(const struct mer_field *field);

/* The value without the constraints; for schema_compile.c, to read those. */
enum mer_value_fault mer_field_read(const struct mer_field *field, const char *bytes, size_t n,
                                    union mer_value *ret);
/* The constraints on a value that did not come as a text: bounds and enum of what is no text. */
enum mer_value_fault mer_field_check(const struct mer_field *field, union mer_value value);
/* -1, 0 or 1. Only kinds with an order: numbers, dates and times, years, durations. */
int mer_field_compare(const struct mer_field *field, union mer_value a, union mer_value b);

/* Of field_text.c: the checks of texts. */
enum mer_value_fault mer_text_value(const struct mer_field *field, const char *bytes, size_t n);
/* The length that minLength and maxLength count: characters, items or members. */
size_t mer_text_length(const struct mer_field *field, const char *bytes, size_t n);
/* The two numbers of a geopoint. */
bool mer_geopoint_parse(enum mer_format format, const char *bytes, size_t n, double ret_point[2]);

#endif
