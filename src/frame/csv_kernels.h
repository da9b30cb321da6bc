/* The inner loops of the fast CSV reader, once per instruction set. All tables give the same
 * results: one body (csv_kernels_body.h) is compiled for each.
 *
 * What a loop cannot decide by itself it leaves to its caller: a faulty text is only found to be
 * one, and a cell that is not of the common form ends the loop at its row.
 */
#ifndef MER_FRAME_CSV_KERNELS_H
#define MER_FRAME_CSV_KERNELS_H

#include "core/cpu.h"
#include "core/status.h"

enum {
    MER_CSV_WORD = 64,   /* bytes that the loops over text look at together */
    MER_CSV_MARGIN = 64, /* bytes behind a text of rows that may be read */
    MER_CSV_CACHE_MAX = 256
};

/* Where among MER_CSV_WORD bytes the special ones stand, a bit a byte. */
struct mer_csv_marks {
    uint64_t quotes;
    uint64_t delimiters;
    uint64_t feeds;
    uint64_t returns;
};

struct mer_csv_lines {
    uint64_t quotes;
    uint64_t feeds;
};

/* Of some bytes of text, which may begin inside quotes. */
struct mer_csv_count {
    uint64_t n_quotes;
    uint64_t n_lines[2]; /* line feeds outside quotes, if the bytes began outside, inside */
    size_t behind[2];    /* the last of these: its offset + 1; 0: none */
    bool has_nul;
    bool has_high; /* bytes that are not ASCII */
};

/* Where the cells of a text begin, found word by word; the text begins with a row. */
struct mer_csv_index {
    const char *text;
    size_t n;    /* bytes; MER_CSV_MARGIN more may be read */
    size_t next; /* of the bytes looked at */
    char delimiter;
    bool faulty;       /* quotes or carriage returns stand where they may not */
    uint64_t inside;   /* all ones inside quotes, else 0 */
    uint64_t closed;   /* 1: the last byte closed a quoted cell, or was half of a doubled quote */
    uint64_t returned; /* 1: the last byte was a carriage return outside quotes */
    uint64_t opens;    /* 1: behind the last byte a cell may begin with a quote */
};

/* Rows of which all cells are known: cell c of row r is
 * text[starts[r * n_columns + c] .. starts[r * n_columns + c + 1] - 1), and behind it stands the
 * delimiter or, behind the last one, a line feed: the loops check that. */
struct mer_csv_batch {
    const char *text;
    const uint32_t *starts; /* [n_rows * n_columns + 1] */
    size_t n_rows;
    size_t n_columns;
    char delimiter;
};

/* A column's recent cells and their codes: only exact matches count. */
struct mer_csv_cached {
    uint64_t head;    /* the first eight bytes, padded with zeros */
    uint64_t tail;    /* the last eight of a longer cell */
    int32_t code;     /* below 0: the entry is free */
    uint16_t n;       /* bytes, at most 16 */
    uint16_t n_value; /* bytes without quotes */
};

struct mer_csv_kernels {
    void (*count)(const char *text, size_t n, struct mer_csv_count *ret);
    /* Looks at the next n_bytes (a multiple of MER_CSV_WORD, or to the end) and writes where the
     * next cells begin; returns how many it wrote, at most n_bytes. Up to 8 more are overwritten.
     */
    size_t (*index)(struct mer_csv_index *index, size_t n_bytes, uint32_t *starts);
    /* Convert column c from row `row` on into values[row], until a cell is not plainly a whole
     * number of at most 18 digits / a decimal number without an exponent / in the cache; return its
     * row, or n_rows. Numbers with leading zeros are not plain. `cache` has 1 << cache_bits
     * entries; n_bytes grows by the lengths of the values. */
    size_t (*integers)(const struct mer_csv_batch *batch, size_t c, size_t row, int64_t *values);
    size_t (*numbers)(const struct mer_csv_batch *batch, size_t c, size_t row, double *values);
    size_t (*codes)(const struct mer_csv_batch *batch, size_t c, size_t row, int32_t *values,
                    const struct mer_csv_cached *cache, unsigned cache_bits, uint64_t *n_bytes);
};

extern const struct mer_csv_kernels MER_CSV_KERNELS_PLAIN;
extern const struct mer_csv_kernels MER_CSV_KERNELS_AVX2;
extern const struct mer_csv_kernels MER_CSV_KERNELS_AVX512;

const struct mer_csv_kernels *mer_csv_kernels(enum mer_cpu_level cpu);

/* The entry of a cell of 1 to 16 bytes; 16 bytes from `bytes` may be read. */
static inline struct mer_csv_cached mer_csv_cache_key(const char *bytes, size_t n)
{
    struct mer_csv_cached key = {.n = (uint16_t)n};
    __builtin_memcpy(&key.head, bytes, sizeof key.head);
    if (n > sizeof key.head)
        __builtin_memcpy(&key.tail, bytes + n - sizeof key.tail, sizeof key.tail);
    else if (n < sizeof key.head)
        key.head &= ((uint64_t)1 << 8 * n) - 1;
    return key;
}

static inline size_t mer_csv_cache_slot(const struct mer_csv_cached *key, unsigned bits)
{
    const uint64_t mixed =
        (key->head ^ (key->tail << 7 | key->tail >> 57) ^ key->n) * UINT64_C(0x9e3779b97f4a7c15);
    return mixed >> (64 - bits);
}

#endif
