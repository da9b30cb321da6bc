/* Cuts the rows of a CSV text into pieces that can be converted apart.
 *
 * Whether a line feed ends a row depends on the number of quotes before it, so each block is
 * counted for both cases, and a walk over the counts picks the right one. In a text with faulty
 * quotes the count may be wrong; converting notices them. */
#include "frame/csv_fast.h"

enum {
    BLOCK_MIN = 64 << 10,
    BLOCK_MAX = 1 << 20,
    BLOCKS_WANTED = 32,
    /* A piece of a wide table has some rows, so that what is kept of each column is little. */
    BYTES_PER_COLUMN = 512
};

struct counting {
    const struct mer_csv_fast *fast;
    size_t n_block; /* bytes */
    struct mer_csv_count *counts;
};

static size_t block_bytes(const struct mer_csv_fast *fast)
{
    size_t n = fast->n_text / BLOCKS_WANTED;
    if (fast->block_bytes)
        return fast->block_bytes;
    n = n < BLOCK_MIN ? BLOCK_MIN : n > BLOCK_MAX ? BLOCK_MAX : n;
    if (n / BYTES_PER_COLUMN < fast->table->source.n_columns)
        n = fast->table->source.n_columns * BYTES_PER_COLUMN;
    return (n + MER_CSV_WORD - 1) / MER_CSV_WORD * MER_CSV_WORD;
}

static void count_block(void *argument, size_t task, size_t worker)
{
    const struct counting *counting = argument;
    const struct mer_csv_fast *fast = counting->fast;
    const size_t at = task * counting->n_block;
    const size_t left = fast->n_text - at;
    (void)worker;
    fast->kernels->count(fast->text + at, left < counting->n_block ? left : counting->n_block,
                         &counting->counts[task]);
}

/* Without the blank lines at the end, which a table of several columns may have. */
static size_t without_blank_lines(const char *text, size_t n)
{
    while (n > 0 && text[n - 1] == '\n') {
        const size_t begin = n > 1 && text[n - 2] == '\r' ? n - 2 : n - 1;
        if (begin > 0 && text[begin - 1] != '\n')
            break;
        n = begin;
    }
    return n;
}

/* The pieces that end where a block's last row does; false when the text cannot be cut so. */
static bool place_pieces(struct mer_csv_fast *fast, const struct counting *counting,
                         size_t n_blocks)
{
    size_t state = 0;
    size_t begin = 0;
    size_t row = 0;
    bool has_high = false;
    struct mer_csv_piece *piece = fast->pieces;
    for (size_t i = 0; i < n_blocks; i++) {
        const struct mer_csv_count *count = &counting->counts[i];
        if (count->has_nul)
            return false;
        has_high |= count->has_high;
        if (count->n_lines[state] > 0) {
            const size_t end = i * counting->n_block + count->behind[state];
            *piece++ =
                (struct mer_csv_piece){begin, end - begin, row, count->n_lines[state], has_high};
            begin = end;
            row += count->n_lines[state];
            has_high = end < (i + 1) * counting->n_block && count->has_high;
        }
        state ^= count->n_quotes & 1;
    }
    if (state != 0)
        return false;           /* a quoted cell without an end */
    if (begin < fast->n_text) { /* the last row lacks its line feed */
        if (piece == fast->pieces)
            *piece++ = (struct mer_csv_piece){.first_row = row};
        piece[-1].n = fast->n_text - piece[-1].begin;
        piece[-1].n_rows++;
        piece[-1].has_high |= has_high;
    }
    fast->n_pieces = (size_t)(piece - fast->pieces);
    return true;
}

/* Offsets inside a piece are 32-bit, and a column's texts are placed by 31 of them. */
static bool pieces_fit(const struct mer_csv_fast *fast)
{
    size_t n_rows = 0;
    for (size_t i = 0; i < fast->n_pieces; i++) {
        if (fast->pieces[i].n > MER_CSV_CELL_MAX / 2)
            return false;
        n_rows += fast->pieces[i].n_rows;
    }
    return n_rows > 0 && n_rows <= MER_IMAGE_MAX_ROWS;
}

mer_status mer_csv_cut(struct mer_csv_fast *fast, enum mer_csv_outcome *ret, mer_err *err)
{
    struct mer_alloc *alloc = fast->table->ctx->alloc;
    *ret = MER_CSV_DECLINED;
    if (fast->table->source.n_columns > 1)
        fast->n_text = without_blank_lines(fast->text, fast->n_text);
    if (fast->n_text == 0 || fast->text[fast->n_text - 1] == '\r')
        return mer_ok();
    struct counting counting = {.fast = fast, .n_block = block_bytes(fast)};
    const size_t n_blocks = (fast->n_text - 1) / counting.n_block + 1;
    MER_GUARD(mer_alloc_array(alloc, n_blocks, sizeof *counting.counts, &counting.counts, err));
    mer_status status =
        mer_alloc_zero(alloc, n_blocks + 1, sizeof *fast->pieces, &fast->pieces, err);
    if (mer_is_ok(status)) {
        mer_team_run(fast->table->ctx->team, count_block, &counting, n_blocks);
        if (place_pieces(fast, &counting, n_blocks) && pieces_fit(fast))
            *ret = MER_CSV_DONE;
    }
    mer_free(alloc, counting.counts);
    return status;
}
