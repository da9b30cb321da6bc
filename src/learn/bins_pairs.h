/* Columns of two values, as one-hot columns and flags are: found in one pass over a table, and kept
 * as one bit a cell.
 *
 * Such a column needs no sorting, and its bits are an eighth of its bins. All rows are looked at,
 * so that the rarest value is seen.
 */
#ifndef MER_LEARN_BINS_PAIRS_H
#define MER_LEARN_BINS_PAIRS_H

#include "learn/design.h"

enum mer_pair_kind { MER_PAIR_NOT, MER_PAIR_CONSTANT, MER_PAIR_TWO };

struct mer_pair {
    enum mer_pair_kind kind;
    double low;
    double high;
    uint64_t *bits; /* of two values: bit r % 64 of word r / 64 is set where row r has `high` */
};

struct mer_pairs {
    struct mer_pair *pairs; /* [n_dense] */
    uint64_t *bits;
    size_t n_words; /* of a column's bits; those behind the last row are 0 */
};

/* Looks at the dense columns but for those with skip[column]. A column with a NaN is none. The same
 * for any number of threads. MER_ERR_MEMORY; cancelled. */
MER_MUST_CHECK mer_status mer_pairs_find(const struct mer_ctx *ctx, const struct mer_design *design,
                                         const uint8_t *skip, struct mer_pairs *ret_pairs,
                                         mer_err *err);
/* A byte a row from the bits of a column. */
void mer_pair_cells(const uint64_t *bits, size_t n_rows, uint8_t *ret_cells);
void mer_pairs_release(const struct mer_ctx *ctx, struct mer_pairs *pairs);

#endif
