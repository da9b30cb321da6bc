/* Parting the rows of a leaf. */
#ifndef MER_LEARN_GBDT_ROWS_H
#define MER_LEARN_GBDT_ROWS_H

#include <stdatomic.h>

#include "core/team.h"

/* Rows that one task parts. */
enum { MER_PART_BLOCK = 1 << 12 };

/* Reorders rows[begin .. end): those whose cell says `left` come first, and each side keeps its
 * order. spare[begin .. end) is scratch, counts has a place for every block. Returns how many went
 * left. NULL: the caller's thread. */
size_t mer_part_rows(struct mer_team *team, const uint8_t *cells, const uint8_t left[256],
                     size_t begin, size_t end, uint32_t *rows, uint32_t *spare, size_t *counts);

/* Says of rows[begin .. end) where they are: places[rows[i]] = i. */
void mer_place_rows(size_t begin, size_t end, const uint32_t *rows, _Atomic uint32_t *places);

/* Of the listed rows, those among rows[begin .. end) change places with the first ones of these, or
 * with the last ones; n_moved of them have done so before. Returns how many have afterwards. The
 * places of rows[begin .. end) are known, before and after; those of other rows may be anything,
 * and another thread may be changing them. */
size_t mer_move_rows(const uint32_t *listed, size_t n_listed, bool to_end, size_t n_moved,
                     size_t begin, size_t end, uint32_t *rows, _Atomic uint32_t *places);

#endif
