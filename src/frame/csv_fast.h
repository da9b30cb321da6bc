/* The fast way through a CSV file, for well-formed ones: the text is cut into pieces, which threads
 * convert straight into the image. Whatever is out of the ordinary (a fault anywhere, a schema that
 * a cell does not fit) makes it decline, and the plain reader (csv_columns.h) does the work and
 * says what is wrong where. So this one never has to explain anything, and both give the same
 * image.
 *
 *   cut      csv_pieces.c   counts quotes and line ends in blocks, in parallel; from these follow
 *                           every piece's first row and first byte, whatever is quoted
 *   guess    csv_guess.c    which type each column has, from some of its rows
 *   convert  csv_pieces_convert.c   all cells of all pieces, in parallel, where the image of the
 *                           guessed types has its data; a cell that does not fit ends the guess
 *   settle   csv_settle.c   whether the guess was right for all rows, or what is right; levels get
 *                           the numbers of their first appearance
 *   finish   csv_finish.c   what has no fixed place: missing values, levels, texts
 *
 * A wrong guess costs a second round, at most two: types only get wider. How fast it is, and where
 * the time goes: docs/performance-csv.md.
 */
#ifndef MER_FRAME_CSV_FAST_H
#define MER_FRAME_CSV_FAST_H

#include "core/team.h"
#include "frame/csv_columns.h"
#include "frame/csv_kernels.h"

enum mer_csv_kind {
    MER_CSV_SKIPPED,
    MER_CSV_NOTHING,  /* every cell is missing */
    MER_CSV_INTEGERS, /* by kernels */
    MER_CSV_NUMBERS,
    MER_CSV_VALUES, /* of any type, cell by cell */
    MER_CSV_CODES,
    MER_CSV_TEXTS
};

/* Rows that belong together: the text of all of them, from a row's beginning to a row's end. */
struct mer_csv_piece {
    size_t begin; /* in the text of the rows */
    size_t n;
    size_t first_row;
    size_t n_rows;
    bool has_high; /* bytes that are not ASCII */
};

/* What a piece found in one column. */
struct mer_csv_part {
    uint64_t *missing; /* a bit a row; NULL: none; owned */
    uint64_t *truths;  /* boolean: a bit a row; owned */
    size_t n_missing;
    uint64_t n_bytes;            /* codes, texts: of all values */
    struct mer_dictionary *more; /* levels that the guess did not know; NULL: none; owned */
    int32_t *codes;              /* what these are called in the end; owned */
    uint64_t first_byte;         /* texts: where theirs begin */
    bool misfit;                 /* a value is not of the guessed type */
    unsigned candidates;         /* then: the types that are left by this piece */
};

/* What is known about a column while the pieces are converted. */
struct mer_csv_target {
    enum mer_csv_kind kind;
    enum mer_type type;
    const struct mer_field *field; /* NULL: inferred */
    bool closed;                   /* no levels but those of the guess */
    size_t data;                   /* offset in the image */
    struct mer_dictionary levels;  /* codes: of the guess; then all */
    size_t n_guessed;              /* levels of the guess */
    size_t cache;                  /* codes: which of a worker's caches; SIZE_MAX: none */
};

struct mer_csv_worker;

struct mer_csv_fast {
    struct mer_csv_table *table;
    const struct mer_csv_kernels *kernels;
    struct mer_region *region;
    const char *text; /* of the rows */
    size_t n_text;
    char delimiter;
    size_t block_bytes; /* 0: by the size of the text */
    bool odd_missing;   /* a text that means missing is a number, too */
    struct mer_csv_piece *pieces;
    size_t n_pieces;
    struct mer_csv_target *targets; /* [n_columns] */
    struct mer_csv_part *parts;     /* [n_pieces][n_columns] */
    struct mer_image_column *stored;
    struct mer_csv_worker *workers;
    size_t n_workers;
    size_t n_caches;
    unsigned cache_bits;
    size_t batch_bytes;
    _Atomic int outcome; /* enum mer_csv_outcome of the pieces */
};

enum mer_csv_outcome { MER_CSV_DONE, MER_CSV_DECLINED, MER_CSV_AGAIN, MER_CSV_FAILED };

static inline struct mer_csv_part *mer_csv_part(const struct mer_csv_fast *fast, size_t piece,
                                                size_t column)
{
    return &fast->parts[piece * fast->table->source.n_columns + column];
}

/* The steps; each may decline. */
MER_MUST_CHECK mer_status mer_csv_cut(struct mer_csv_fast *fast, enum mer_csv_outcome *ret,
                                      mer_err *err);
MER_MUST_CHECK mer_status mer_csv_guess(struct mer_csv_fast *fast, mer_err *err);
MER_MUST_CHECK mer_status mer_csv_convert_pieces(struct mer_csv_fast *fast,
                                                 enum mer_csv_outcome *ret, mer_err *err);
MER_MUST_CHECK mer_status mer_csv_settle(struct mer_csv_fast *fast, enum mer_csv_outcome *ret,
                                         mer_err *err);
void mer_csv_finish(struct mer_csv_fast *fast);

/* Gives a target the kind that its type asks for. */
void mer_csv_choose_kind(const struct mer_csv_fast *fast, size_t c, enum mer_type type);
/* Frees what a round left in the parts. */
void mer_csv_parts_clear(struct mer_csv_fast *fast);

/* All of it. `table` has columns with their fields; the rows begin at `text`. When it does not
 * decline, the table knows what mer_csv_examine and mer_csv_gather find out, and the image is
 * complete. block_bytes is 0 but in tests. */
MER_MUST_CHECK mer_status mer_csv_read_fast(struct mer_csv_table *table,
                                            const struct mer_csv_scan *scan, size_t block_bytes,
                                            struct mer_region *region,
                                            struct mer_image_column *stored, bool *ret_declined,
                                            mer_err *err);

#endif
