/* Values that other formats have and tables have not, put into a column exactly or not at all: each
 * returns NULL, or why not, in words for mer_built_fail. Shared by Parquet and Arrow.
 */
#ifndef MER_INTAKE_EXACT_VALUE_H
#define MER_INTAKE_EXACT_VALUE_H

#include "frame/table_builder.h"
#include "intake/half.h"

/* A count of units, so many a second, of a day or since 1970. */
const char *mer_put_time(struct mer_built_column *column, int64_t value, int64_t per_second);

const char *mer_put_unsigned(struct mer_built_column *column, uint64_t value);

/* A whole number of 10^-scale: an integer where the scale is zero, else the double nearest to it.
 */
const char *mer_put_decimal(struct mer_built_column *column, int64_t unscaled, unsigned scale);
/* The same of bytes, the highest first, two's complement. */
const char *mer_put_decimal_bytes(struct mer_built_column *column, struct mer_cell cell,
                                  unsigned scale);

#endif
