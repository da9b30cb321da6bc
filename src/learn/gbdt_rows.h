/* Parting the rows of a leaf. */
#ifndef MER_LEARN_GBDT_ROWS_H
#define MER_LEARN_GBDT_ROWS_H

#include <stdatomic.h>

#include "core/team.h"

#include "learn/gbdt_kernels.h"

/* Fewer rows are not parted by several threads. */
enum { MER_PART_LEAST = 1 << 11 };

struct mer_parting {
    const struct mer_gbdt_kernels *kernels;
    const uint8_t *cells;
    const uint8_t *left;  /* [256] the cells whose rows go left */
    const uint32_t *from; /* the list before: rows, or another one */
    uint32_t *rows;       /* and afterwards */
    size_t begin;         /* the segment from[begin .. end) is parted */
    size_t end;
    uint32_t *spare[2]; /* lists whose segment is scratch; the second one for a team only */
};

/* Reorders a segment: those whose cell says `left` come first, and each side keeps its order.
 * Returns how many went left. A thread parts one stretch of the list: what it writes it will
 * probably read when the children are parted. NULL: the caller's thread. */
size_t mer_part_rows(const struct mer_parting *what, struct mer_team *team);

/* Says of rows[begin .. end) where they are: places[rows[i]] = i. */
void mer_place_rows(size_t begin, size_t end, const uint32_t *rows, _Atomic uint32_t *places);

/* Of the listed rows, those among rows[begin .. end) change places with the first ones of these, or
 * with the last ones; n_moved of them have done so before. Returns how many have afterwards. The
 * places of rows[begin .. end) are known, before and after; those of other rows may be anything,
 * and another thread may be changing them. */
size_t mer_move_rows(const uint32_t *listed, size_t n_listed, bool to_end, size_t n_moved,
                     size_t begin, size_t end, uint32_t *rows, _Atomic uint32_t *places);

#endif
