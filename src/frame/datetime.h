/* Dates and times by ISO 8601 (the default formats of Table Schema), in the proleptic Gregorian
 * calendar, years 0001 to 9999. All n bytes must be the value; otherwise false, *ret untouched.
 */
#ifndef MER_FRAME_DATETIME_H
#define MER_FRAME_DATETIME_H

#include "frame/frame.h"

/* YYYY-MM-DD: days since 1970-01-01. */
bool mer_date_parse(const char *bytes, size_t n, int64_t *ret_days);

/* hh:mm, hh:mm:ss or hh:mm:ss.f: microseconds since midnight. The fraction may have any number of
 * digits, but those behind the sixth must be 0: nothing is rounded. No leap seconds, no 24:00. */
bool mer_time_parse(const char *bytes, size_t n, int64_t *ret_microseconds);

/* A date, "T" or one space, a time, and optionally "Z" or an offset +hh:mm or -hh:mm:
 * microseconds since 1970-01-01T00:00:00Z. Without an offset the time is taken as UTC. */
bool mer_datetime_parse(const char *bytes, size_t n, int64_t *ret_microseconds);

enum { MER_WHEN_TEXT_MAX = 40 };

/* The text of a date, time or datetime that reads back to the same value, zero-terminated:
 * 2024-01-31, 12:34:56.789, 2024-01-31T12:34:56Z; of an integer its digits. Returns its length. The
 * value must be one that a table image may hold. */
size_t mer_when_format(enum mer_type type, int64_t value, char ret_text[MER_WHEN_TEXT_MAX]);

/* YYYY-MM (XML Schema's gYearMonth without a zone): the days of its first day. */
bool mer_yearmonth_parse(const char *bytes, size_t n, int64_t *ret_days);

/* A year as XML Schema's gYear without a zone: at least four digits, no superfluous zeros, a minus
 * for years before the first; there is no year 0. */
bool mer_year_parse(const char *bytes, size_t n, int64_t *ret_year);

/* PnYnMnDTnHnMnS as XML Schema has it (ISO 8601), with an optional minus: seconds. A month counts
 * 2,629,746 s and a year 12 months, their means in the Gregorian calendar. At most 9 digits before
 * a decimal point, which the seconds alone may have. */
bool mer_duration_parse(const char *bytes, size_t n, double *ret_seconds);

bool mer_date_valid(int year, int month, int day);
int64_t mer_days_from_civil(int year, int month, int day);

#endif
