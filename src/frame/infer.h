/* Type inference: which types the cells of a column leave possible, over all rows.
 *
 * A column starts with every type possible; each cell that is not missing takes away those that it
 * cannot be. What is left at the end decides:
 *
 *   boolean    every cell is true, True, TRUE, false, False or FALSE (0 and 1 are integers)
 *   integer    a sign and digits that an int64 holds; no leading zeros (007 is a name, not 7)
 *   number     a decimal number or inf, -inf, infinity (any case); no leading zeros. An integer
 * that no int64 holds is a number, the nearest double date, time, datetime   ISO 8601 as in
 * datetime.h number     also a column in which everything is missing text, categorical everything
 * else; mer_infer_is_text decides
 */
#ifndef MER_FRAME_INFER_H
#define MER_FRAME_INFER_H

#include "frame/frame.h"

#define MER_MAY(type) (1u << (type))
/* Every type that a cell can speak against. */
#define MER_MAY_ANY                                                                                \
    (MER_MAY(MER_TYPE_BOOLEAN) | MER_MAY(MER_TYPE_INTEGER) | MER_MAY(MER_TYPE_NUMBER) |            \
     MER_MAY(MER_TYPE_DATE) | MER_MAY(MER_TYPE_TIME) | MER_MAY(MER_TYPE_DATETIME))

/* The candidates that a cell, which is not missing, leaves. */
unsigned mer_infer_narrow(unsigned candidates, const char *bytes, size_t n);

/* The type that a column has; MER_TYPE_TEXT stands for text or categorical. */
enum mer_type mer_infer_type(unsigned candidates, size_t n_present);

enum {
    /* A column with at most so many levels is categorical whatever its length. */
    MER_INFER_FEW_LEVELS = 50,
    /* Above this a column is text: an identifier, or something that needs more than its levels. */
    MER_INFER_MAX_LEVELS = 100000,
    /* Mean bytes of a cell above which many levels are sentences, not names. */
    MER_INFER_LONG_TEXT = 64
};

/* Text rather than categorical: more than MER_INFER_FEW_LEVELS levels, and these are more than half
 * of the cells, or more than MER_INFER_MAX_LEVELS, or long. */
bool mer_infer_is_text(size_t n_levels, size_t n_present, uint64_t n_bytes);

/* "true", "True", "TRUE", "false", "False", "FALSE". */
bool mer_boolean_parse(const char *bytes, size_t n, bool *ret);

#endif
