/* What one cell of a schema's field means. Every reader that enforces a schema asks here, cell by
 * cell, so that formats and constraints of fields are known in one place.
 *
 * A reader may convert the cells of a plain field (default format, no constraint) with the parsers
 * that this file uses itself, faster; the others go through mer_field_value.
 */
#ifndef MER_FRAME_FIELD_VALUE_H
#define MER_FRAME_FIELD_VALUE_H

#include "frame/schema.h"

/* Why a cell is none of its field's values. Each has one text, which never holds the cell's. */
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
    MER_VALUE_FAULT_COUNT
};

/* "not a date (YYYY-MM-DD)" */
const char *mer_value_fault_text(enum mer_value_fault fault);

/* The value as its column stores it (frame.h). */
union mer_value {
    bool truth;
    int64_t integer; /* integer, date, time, datetime */
    double number;
};

/* The value of a cell that is not missing; *ret is set for the types that union mer_value names
 * when the answer is MER_VALUE_FINE. Texts and categorical cells are checked only: the reader
 * stores their bytes, and looks levels up itself (MER_VALUE_NOT_CATEGORY is its to find). */
enum mer_value_fault mer_field_value(const struct mer_field *field, const char *bytes, size_t n,
                                     union mer_value *ret);

/* Whether the field has the default format of its type and no constraint but `required` and
 * categories. */
bool mer_field_is_plain(const struct mer_field *field);

#endif
