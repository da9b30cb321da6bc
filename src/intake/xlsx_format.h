/* Number formats of a workbook: which of them make a number a date or a time, and what date that is
 * (ECMA-376 Part 1, 18.8.30 and 18.17.4). A workbook stores no dates, only numbers of days and a
 * format to show them by.
 */
#ifndef MER_INTAKE_XLSX_FORMAT_H
#define MER_INTAKE_XLSX_FORMAT_H

#include "core/status.h"

enum mer_xlsx_format {
    MER_XLSX_NUMBER, /* anything else; elapsed times ([h]:mm) too: they are lengths, in days */
    MER_XLSX_DATE,
    MER_XLSX_TIME,
    MER_XLSX_DATETIME
};

/* The format of a number below 164, which has no code in the file. */
enum mer_xlsx_format mer_xlsx_format_builtin(unsigned id);
/* The format that a code describes, by its first section: "yyyy-mm-dd", "[$-409]d\ mmm;@". */
enum mer_xlsx_format mer_xlsx_format_of_code(const char *code);

/* The days since 1970-01-01 and the milliseconds of the day that a serial number means, rounded to
 * the millisecond as spreadsheet programs do. 1900 system: day 1 is 1900-01-01, and a day 60 that
 * never was (1900-02-29) is false, as is everything below 1 and above the year 9999. 1904 system:
 * day 0 is 1904-01-01. */
bool mer_xlsx_serial_to_date(double serial, bool is_1904, int64_t *ret_days,
                             int64_t *ret_milliseconds);
/* The milliseconds of the day for a serial number in [0, 1). */
bool mer_xlsx_serial_to_time(double serial, int64_t *ret_milliseconds);

#endif
