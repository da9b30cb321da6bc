/* Cuts CSV text into records and cells (RFC 4180), without looking at what the cells mean.
 *
 * A record ends at LF, CR LF or the end of the text. A quoted cell may hold anything; a quote in it
 * is doubled. Stricter than some readers, so that nothing is guessed: a quote inside an unquoted
 * cell, text behind a closing quote and a carriage return without a line feed (outside quotes) are
 * faults.
 */
#ifndef MER_FRAME_CSV_TOKENS_H
#define MER_FRAME_CSV_TOKENS_H

#include "core/ctx.h"
#include "core/log.h"

/* One cell: its bytes without the quotes around it. */
struct mer_csv_token {
    uint32_t at; /* from the chunk's base */
    uint32_t n;  /* bytes, MER_CSV_ESCAPED set when doubled quotes stand among them */
};

#define MER_CSV_ESCAPED UINT32_C(0x80000000)
#define MER_CSV_CELL_MAX ((size_t)MER_CSV_ESCAPED - 1)

enum mer_csv_fault {
    MER_CSV_FINE,
    MER_CSV_UNTERMINATED, /* a quoted cell without an end */
    MER_CSV_QUOTE_INSIDE,
    MER_CSV_BEHIND_QUOTE,
    MER_CSV_LONE_RETURN,
    MER_CSV_TOO_LONG
};

/* Where the next record begins, and how cells end. */
struct mer_csv_scan {
    const char *next;
    const char *end;
    char delimiter;
    bool stops[256]; /* bytes at which an unquoted cell may end */
};

struct mer_csv_record {
    const char *begin;
    size_t n_cells;
    enum mer_csv_fault fault; /* in cell n_cells, counted from 0, at fault_at */
    const char *fault_at;
    size_t n_escaped_max; /* bytes of the longest cell with doubled quotes */
};

void mer_csv_scan_init(struct mer_csv_scan *scan, const char *bytes, size_t n, char delimiter);

/* Reads the next record and moves behind it; there must be one (next < end). Tokens beyond
 * `capacity` are counted and not stored; positions count from base. */
void mer_csv_scan_record(struct mer_csv_scan *scan, const char *base, struct mer_csv_token *tokens,
                         size_t capacity, struct mer_csv_record *ret_record);

/* Writes an escaped cell's bytes with its quotes no longer doubled; returns their number, at most
 * n. */
size_t mer_csv_unescape(const char *bytes, size_t n, char *ret_bytes);

/* The text of a table and what is known about it; for saying where something is wrong. */
struct mer_csv_source {
    const char *text;
    size_t n_text;
    size_t n_columns;
    const char *const *names; /* [n_columns], NULL before the header was read */
};

enum { MER_CSV_WHOLE_ROW = -1 };

/* Raises MER_ERR_DATA: "row 17 (line 18), column 'age': WHAT". Rows count from 0 here and from 1 in
 * the message; row SIZE_MAX is the header; `at` points into the text. Never shows the text. */
MER_MUST_CHECK mer_status mer_csv_fail(const struct mer_csv_source *source, size_t row,
                                       ptrdiff_t column, const char *at, mer_err *err,
                                       const char *what);
/* The same for what a scan found. */
MER_MUST_CHECK mer_status mer_csv_fail_fault(const struct mer_csv_source *source, size_t row,
                                             const struct mer_csv_record *record, mer_err *err);
/* The same for a byte that is no text: NUL, or not UTF-8. */
MER_MUST_CHECK mer_status mer_csv_fail_byte(const struct mer_csv_source *source, size_t row,
                                            ptrdiff_t column, const char *at, mer_err *err);

/* Some consecutive rows: small enough to stay in the cache while its columns are looked at one
 * after the other. Chunks begin at rows that are multiples of 8, so that no two of them share a
 * byte of a bitmap. */
struct mer_csv_chunk {
    const char *base;
    size_t n_bytes;
    size_t first_row;
    size_t n_rows;
    struct mer_csv_token *tokens; /* [n_rows][n_columns], owned */
};

struct mer_csv_tokenizer {
    struct mer_alloc *alloc;
    const struct mer_csv_source *source;
    struct mer_csv_scan scan;
    size_t n_rows;
    size_t n_escaped_max;
    struct mer_csv_token *scratch;
    size_t n_scratch;
};

/* Begins behind the header, at `next`. */
void mer_csv_tokenizer_init(struct mer_csv_tokenizer *tokenizer, struct mer_alloc *alloc,
                            const struct mer_csv_source *source, const struct mer_csv_scan *scan);
void mer_csv_tokenizer_release(struct mer_csv_tokenizer *tokenizer);

/* The next chunk, checked: every row has n_columns cells and every byte is text. n_rows is 0, and
 * nothing owned, behind the last row. The caller frees `tokens`. */
MER_MUST_CHECK mer_status mer_csv_next_chunk(struct mer_csv_tokenizer *tokenizer,
                                             struct mer_csv_chunk *ret_chunk, mer_err *err);

/* A cell of a chunk. `scratch` holds n_escaped_max bytes, and the cell when it was escaped. */
static inline struct mer_cell mer_csv_cell(const struct mer_csv_chunk *chunk, size_t n_columns,
                                           size_t row, size_t column, char *scratch)
{
    const struct mer_csv_token token = chunk->tokens[row * n_columns + column];
    const char *bytes = chunk->base + token.at;
    if (!(token.n & MER_CSV_ESCAPED))
        return (struct mer_cell){bytes, token.n};
    return (struct mer_cell){scratch, mer_csv_unescape(bytes, token.n & ~MER_CSV_ESCAPED, scratch)};
}

#endif
