/* What a thread needs while it converts pieces of a CSV text; the threads share nothing that is
 * written. Only for csv_pieces_convert.c and csv_cells.c. */
#ifndef MER_FRAME_CSV_WORKER_H
#define MER_FRAME_CSV_WORKER_H

#include "frame/csv_fast.h"

struct mer_csv_worker {
    struct mer_csv_fast *fast;
    uint32_t *starts; /* of cells; room for a row and a batch */
    struct mer_csv_cached *caches;
    char *copy; /* of a text that nothing may be read behind */
    size_t n_copy;
    char *scratch; /* for an escaped cell */
    size_t n_scratch;
    uint64_t missing_counts[MER_MISSING_MAX];
    mer_status status; /* what failed, with err; MER_OK: nothing */
    mer_err err;
    /* Of the piece in hand */
    const struct mer_csv_piece *piece;
    struct mer_csv_part *parts; /* [n_columns] */
    struct mer_csv_batch batch;
    size_t first_row; /* of the batch, counted from the piece's first */
};

/* Converts the batch's cells of one column. MER_CSV_DONE when all is well or the column's guess has
 * ended, MER_CSV_DECLINED, or MER_CSV_FAILED with the worker's status. */
enum mer_csv_outcome mer_csv_convert_cells(struct mer_csv_worker *worker, size_t c);

static inline void mer_csv_set_bit(uint64_t *bits, size_t i)
{
    bits[i / 64] |= (uint64_t)1 << (i % 64);
}

#endif
