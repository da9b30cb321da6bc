/* Parting the rows of a leaf. */
#ifndef MER_LEARN_GBDT_ROWS_H
#define MER_LEARN_GBDT_ROWS_H

#include "core/team.h"

/* Rows that one task parts. */
enum { MER_PART_BLOCK = 1 << 12 };

/* Reorders rows[begin .. end): those whose cell says `left` come first, and each side keeps its
 * order. spare[begin .. end) is scratch, counts has a place for every block. Returns how many went
 * left. NULL: the caller's thread. */
size_t mer_part_rows(struct mer_team *team, const uint8_t *cells, const uint8_t left[256],
                     size_t begin, size_t end, uint32_t *rows, uint32_t *spare, size_t *counts);

#endif
