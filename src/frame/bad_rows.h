/* The rows of a table that do not fit: counted by column and reason, located, and, where they are
 * to be kept, with their bytes. Whoever reads a table in a cell gets them in one block of fixed
 * layout, which nobody vouches for.
 */
#ifndef MER_FRAME_BAD_ROWS_H
#define MER_FRAME_BAD_ROWS_H

#include "frame/field_value.h"

/* What is done about a row that does not fit. */
enum mer_on_bad_row { MER_ON_BAD_ROW_FAIL, MER_ON_BAD_ROW_SKIP, MER_ON_BAD_ROW_QUARANTINE };

enum {
    MER_BAD_ROWS_TOLD = 20,    /* located for people; all are when they are quarantined */
    MER_BAD_REASONS_MAX = 1000 /* pairs of column and reason that are told apart */
};

/* A column and what was wrong in it. */
struct mer_bad_reason {
    const char *column; /* NULL: the row as a whole */
    size_t n_column;
    enum mer_value_fault fault;
    uint64_t n_rows;
};

struct mer_bad_row {
    uint64_t row;      /* from 1, without the header */
    uint64_t line;     /* of the file or the sheet, where the row begins, from 1 */
    size_t reason;     /* index */
    const char *bytes; /* quarantine: the record as it was, without its line end */
    size_t n_bytes;
};

/* What was found out about rows before their text is looked at, by who wrote it
 * (intake/loose_table.h): in the order of the rows, at most one for each. */
struct mer_known_fault {
    uint64_t row;
    size_t column; /* SIZE_MAX: the row as a whole */
    enum mer_value_fault fault;
};

struct mer_known_faults {
    const struct mer_known_fault *items;
    size_t n;
    uint64_t first_line; /* of the first row, where it came from */
};

struct mer_bad_rows {
    struct mer_alloc *alloc;
    enum mer_on_bad_row mode;
    uint64_t n_rows; /* all of them; each counts once, for what was wrong first */
    struct mer_bad_reason *reasons;
    size_t n_reasons;
    struct mer_bad_row *rows; /* the first ones */
    size_t n_kept;
    size_t capacity;
    unsigned char *block; /* what texts and bytes lie in, when they were read from a block; owned */
};

void mer_bad_rows_init(struct mer_bad_rows *bad, struct mer_alloc *alloc, enum mer_on_bad_row mode);
void mer_bad_rows_release(struct mer_bad_rows *bad);

/* Notes a row. Names and bytes are borrowed until the rows are written. */
MER_MUST_CHECK mer_status mer_bad_rows_add(struct mer_bad_rows *bad, const char *column,
                                           enum mer_value_fault fault,
                                           const struct mer_bad_row *row, mer_err *err);

/* A copy that owns what it tells of. */
MER_MUST_CHECK mer_status mer_bad_rows_copy(const struct mer_bad_rows *bad,
                                            struct mer_bad_rows *ret_copy, mer_err *err);
/* Takes what is borrowed into a block of its own. */
MER_MUST_CHECK mer_status mer_bad_rows_own(struct mer_bad_rows *bad, mer_err *err);

/* Appends them to a region as one block; and reads them again, from bytes that become theirs on
 * success (allocated from bad->alloc). MER_ERR_DATA when these are no such block. */
MER_MUST_CHECK mer_status mer_bad_rows_write(const struct mer_bad_rows *bad,
                                             struct mer_region *region, size_t *ret_n,
                                             mer_err *err);
MER_MUST_CHECK mer_status mer_bad_rows_read(struct mer_bad_rows *bad, unsigned char *block,
                                            size_t n, mer_err *err);

#endif
