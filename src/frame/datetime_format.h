/* Dates and times in the forms that Table Schema's `format` describes: patterns of C's and Python's
 * strptime, and "any". English names, whatever the locale. What would have to be guessed is
 * refused.
 */
#ifndef MER_FRAME_DATETIME_FORMAT_H
#define MER_FRAME_DATETIME_FORMAT_H

#include "frame/frame.h"

/* Can every value of the type (date, time or datetime) be read by the pattern, and nothing of it be
 * lost? MER_ERR_DATA says what is wrong. Known are %Y %y %m %b %B %h %d %e %j %a %A %H %I %p %M %S
 * %f %z %Z %% and the compounds %F %T %R %D %n %t. */
MER_MUST_CHECK mer_status mer_datetime_format_check(const char *pattern, enum mer_type type,
                                                    mer_err *err);

/* Reads all n bytes by a checked pattern: days, microseconds since midnight, or microseconds since
 * 1970-01-01T00:00:00Z, by the type. Numbers may lack their leading zero where nothing but digits
 * does not follow; white space stands for any; a weekday has to be the date's. */
bool mer_datetime_format_parse(const char *pattern, enum mer_type type, const char *bytes, size_t n,
                               int64_t *ret);

/* Format "any": the default form and those in which year, month and day cannot be mistaken
 * (2024/02/29, 29 Feb 2024, February 29, 2024, ...); never 01/02/2024. */
bool mer_datetime_any_parse(enum mer_type type, const char *bytes, size_t n, int64_t *ret);

#endif
