/* Numbers as text: exact in both directions and free of any locale.
 */
#ifndef MER_CORE_NUMBER_H
#define MER_CORE_NUMBER_H

#include "core/status.h"

enum { MER_NUMBER_TEXT_MAX = 40 };

/* Reads all n bytes as a decimal number: optional sign, digits with an optional point, optional
 * exponent; also (when `special`) nan, inf and infinity in any case. The result is the double
 * nearest to the text (as strtod, ties to even) for any number of digits; overflow gives an
 * infinity. Hexadecimal, white space and anything else: false, *ret untouched. */
bool mer_number_parse(const char *bytes, size_t n, bool special, double *ret);

/* Reads all n bytes as an optional sign and decimal digits; false when it is not one or not an
 * int64. */
bool mer_integer_parse(const char *bytes, size_t n, int64_t *ret);

/* The shortest decimal text that reads back to the same double, zero-terminated: 0.1, 1e+300, -0.0,
 * NaN, INF, -INF; integers up to 2^53 without a point. Returns its length. */
size_t mer_number_format(double value, char ret_text[MER_NUMBER_TEXT_MAX]);
/* With at most that many significant digits (1 to 17). */
size_t mer_number_format_digits(double value, int digits, char ret_text[MER_NUMBER_TEXT_MAX]);

#endif
