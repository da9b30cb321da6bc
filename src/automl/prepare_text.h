/* Texts as features, learned: the terms that training rows share, weighted by how rare they are
 * (TF-IDF), a sparse row for families that take one; and for the others the directions in which
 * those rows differ most (latent semantic analysis: Deerwester et al., "Indexing by latent semantic
 * analysis", 1990).
 *
 * A term that stands tf times in a text weighs (1 + ln tf) (1 + ln((1 + n) / (1 + rows with it))).
 * The weights of words and pairs are scaled to the same length in every row, those of runs of
 * characters too. */
#ifndef MER_AUTOML_PREPARE_TEXT_H
#define MER_AUTOML_PREPARE_TEXT_H

#include "automl/prepare_words.h"
#include "core/arena.h"
#include "frame/frame.h"

enum {
    MER_TERMS_HALF_MAX = 1 << 15, /* kept of each kind: the most frequent ones */
    MER_TERM_ROWS_MIN = 2,
    MER_COMPONENTS_MAX = 32,
    /* A text of fewer terms has no index: what is loaded takes no more than a small multiple of
     * what the file holds. */
    MER_TERMS_INDEXED = 1 << 14
};
/* More than any weight or direction can be: ln 2^64 is 44. */
#define MER_TERM_WEIGHT_MAX 1000.0F

struct mer_text_features {
    uint32_t column;    /* index into the preprocessing's columns */
    size_t n_terms;     /* may be 0 */
    size_t terms_a_row; /* that a training row has, on average, rounded up */
    uint32_t *buckets;  /* [n_terms], rising */
    float *weights;     /* [n_terms], finite and > 0: 1 + ln((1 + n) / (1 + rows with it)) */
    size_t n_components;
    float *directions; /* [n_terms][n_components], finite */
    double *mean;      /* [n_components], of the training rows */
    double *scale;     /* [n_components], > 0 */
    /* Where its features are among those of all texts. */
    size_t first_term;
    size_t first_component;
    /* [MER_TERM_BUCKETS]: the term of a bucket, from 1; 0: none. Derived; NULL for few terms. */
    uint32_t *term_of_bucket;
};

/* A text column's cell, which may be there as a level too; empty where it is missing. */
struct mer_cell mer_text_cell(const struct mer_column *column, size_t row);

/* How many components there are follows from the number of rows. Zeros in the place of learned ones
 * are for whoever wants to know the shape of a design alone. */
enum mer_components { MER_COMPONENTS_LEARNED, MER_COMPONENTS_ZERO, MER_COMPONENTS_NONE };
/* Learns of rows (NULL: 0 .. n_rows - 1), with the team. Arrays come from the arena. */
MER_MUST_CHECK mer_status mer_text_learn(const struct mer_ctx *ctx, struct mer_arena *arena,
                                         const struct mer_column *column, const uint32_t *rows,
                                         size_t n_rows, uint64_t seed, enum mer_components wanted,
                                         struct mer_text_features *ret, mer_err *err);
/* Fills term_of_bucket from the buckets. */
MER_MUST_CHECK mer_status mer_text_index(struct mer_arena *arena, struct mer_text_features *text,
                                         mer_err *err);

/* Room for the row of one text at a time. It follows from the longest of them, not from how many
 * terms are known: a short text that is asked for alone stays in the nearest cache. */
struct mer_text_row {
    struct mer_words words;
    /* Open addressing, a power of two, at least twice as long as the row's terms: where a term is
     * in the row, from 1; all 0 between rows. */
    uint32_t *places;
    uint32_t *slots; /* [n]: of its places */
    uint32_t *terms; /* [n]: terms in the order of the text */
    float *values;   /* [n] */
    size_t n;
    double *sums; /* [MER_COMPONENTS_MAX] */
};
/* For texts of at most n_bytes_max bytes. Release in any case. */
MER_MUST_CHECK mer_status mer_text_row_init(struct mer_alloc *alloc, size_t n_bytes_max,
                                            struct mer_text_row *row, mer_err *err);
void mer_text_row_release(struct mer_alloc *alloc, struct mer_text_row *row);
/* The sparse row of a cell. */
void mer_text_row_fill(const struct mer_text_features *text, struct mer_cell cell,
                       struct mer_text_row *row);
/* Its components, standardised. */
void mer_text_row_components(const struct mer_text_features *text, const struct mer_text_row *row,
                             double *ret_components);

/* ---- the rows of a table, prepare_text_rows.c ---- */

/* Sparse rows that own their memory: those of all texts, one text behind another in each. */
struct mer_text_rows {
    size_t *start; /* [n_rows + 1] */
    uint32_t *columns;
    float *values;
};
struct mer_text_block {
    const struct mer_text_features *texts; /* indexed */
    size_t n_texts;
    const struct mer_column *const *columns; /* [n_texts] */
    const uint32_t *rows;                    /* NULL: first, first + 1, ... */
    size_t first;
    size_t n_rows;
    /* Where components go: row i's from components + i * stride on; NULL: nowhere. */
    double *components;
    size_t stride;
};
MER_MUST_CHECK mer_status mer_text_rows_make(const struct mer_ctx *ctx,
                                             const struct mer_text_block *block,
                                             struct mer_text_rows *ret, mer_err *err);
void mer_text_rows_release(struct mer_alloc *alloc, struct mer_text_rows *rows);

/* ---- latent semantic analysis, prepare_lsa.c ---- */

/* Rows of sparse values. */
struct mer_csr {
    size_t n_rows;
    size_t n_columns;
    const size_t *start; /* [n_rows + 1] */
    const uint32_t *columns;
    const float *values;
};
/* The first n_components right singular vectors of a matrix,
 * ret_directions[n_columns][n_components] (randomised subspace iteration with a fixed number of
 * steps: Halko, Martinsson, Tropp, "Finding structure with randomness", 2011). *ret_n: how many
 * there are; fewer where the rank is lower. The same bits for any team. */
MER_MUST_CHECK mer_status mer_lsa_directions(const struct mer_ctx *ctx,
                                             const struct mer_csr *matrix, size_t n_components,
                                             uint64_t seed, float *ret_directions, size_t *ret_n,
                                             mer_err *err);

#endif
