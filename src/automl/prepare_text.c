#include "automl/prepare_text.h"

#include <string.h>

#include "core/math.h"
#include "core/team.h"

enum {
    COUNT_ROWS = 1024,   /* of a task that counts */
    SAMPLE_ROWS = 20000, /* rows that directions are learned from, at most */
    /* Training rows for each component, at least: with fewer it would be made of chance. */
    ROWS_A_COMPONENT = 40
};

/* Both kinds of terms together make a row of this length: a text counts as much as so many numbers
 * squared, which are standardised to length 1 each. */
static const double ROW_LENGTH = 4;

struct mer_cell mer_text_cell(const struct mer_column *column, size_t row)
{
    if (column->type == MER_TYPE_TEXT)
        return mer_column_has(column, row) ? mer_column_text(column, row)
                                           : (struct mer_cell){"", 0};
    const int32_t code = column->data.codes[row];
    return code < 0 ? (struct mer_cell){"", 0} : mer_column_level(column, (size_t)code);
}

/* ---- a row ---- */

/* log2 of the places that so many terms need, at least 1. */
static unsigned places_log(size_t n_terms)
{
    unsigned log = 1;
    while (((size_t)1 << log) < 2 * n_terms)
        log++;
    return log;
}

mer_status mer_text_row_init(struct mer_alloc *alloc, size_t n_bytes_max, struct mer_text_row *row,
                             mer_err *err)
{
    const size_t n = mer_words_terms_max(n_bytes_max);

    *row = (struct mer_text_row){.n = 0};
    MER_GUARD(mer_words_init(alloc, n_bytes_max, &row->words, err));
    MER_GUARD(
        mer_alloc_zero(alloc, (size_t)1 << places_log(n), sizeof *row->places, &row->places, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof *row->slots, &row->slots, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof *row->terms, &row->terms, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof *row->values, &row->values, err));
    return mer_alloc_zero(alloc, MER_COMPONENTS_MAX, sizeof *row->sums, &row->sums, err);
}

void mer_text_row_release(struct mer_alloc *alloc, struct mer_text_row *row)
{
    mer_words_release(alloc, &row->words);
    mer_free(alloc, row->places);
    mer_free(alloc, row->slots);
    mer_free(alloc, row->terms);
    mer_free(alloc, row->values);
    mer_free(alloc, row->sums);
    *row = (struct mer_text_row){.n = 0};
}

/* The term of a bucket, from 1; 0: none. */
static uint32_t find_term(const struct mer_text_features *text, uint32_t bucket)
{
    if (text->term_of_bucket)
        return text->term_of_bucket[bucket];
    size_t low = 0, high = text->n_terms;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (text->buckets[middle] < bucket)
            low = middle + 1;
        else
            high = middle;
    }
    return low < text->n_terms && text->buckets[low] == bucket ? (uint32_t)low + 1 : 0;
}

/* A slot of a term, its own or a free one, in 2^log places. */
static uint32_t find_slot(const struct mer_text_row *row, unsigned log, uint32_t term)
{
    const uint32_t mask = ((uint32_t)1 << log) - 1;
    uint32_t slot = term * UINT32_C(0x9e3779b1) >> (32 - log);
    while (row->places[slot] != 0 && row->terms[row->places[slot] - 1] != term)
        slot = (slot + 1) & mask;
    return slot;
}

/* The terms of the cell that are known, and how often each stands there. */
static void count_terms(const struct mer_text_features *text, struct mer_cell cell,
                        struct mer_text_row *row)
{
    mer_words_find(&row->words, cell.bytes, cell.n);
    const unsigned log = places_log(row->words.n_terms);
    row->n = 0;
    for (size_t i = 0; i < row->words.n_terms; i++) {
        const uint32_t term = find_term(text, row->words.terms[i]);
        if (term == 0)
            continue;
        const uint32_t slot = find_slot(row, log, term - 1);
        if (row->places[slot] == 0) {
            row->slots[row->n] = slot;
            row->terms[row->n] = term - 1;
            row->values[row->n] = 0;
            row->places[slot] = (uint32_t)++row->n;
        }
        row->values[row->places[slot] - 1] += 1;
    }
    for (size_t i = 0; i < row->n; i++)
        row->places[row->slots[i]] = 0;
}

void mer_text_row_fill(const struct mer_text_features *text, struct mer_cell cell,
                       struct mer_text_row *row)
{
    double squares[2] = {0, 0}, factors[2];

    count_terms(text, cell, row);
    for (size_t i = 0; i < row->n; i++) {
        const double count = row->values[i];
        const double value =
            (count > 1 ? 1 + mer_ln(count) : 1) * (double)text->weights[row->terms[i]];
        squares[text->buckets[row->terms[i]] >= MER_TERM_HALF] += value * value;
        row->values[i] = (float)value;
    }
    for (size_t k = 0; k < 2; k++)
        factors[k] = squares[k] > 0 ? ROW_LENGTH / sqrt(2 * squares[k]) : 0;
    for (size_t i = 0; i < row->n; i++)
        row->values[i] =
            (float)(row->values[i] * factors[text->buckets[row->terms[i]] >= MER_TERM_HALF]);
}

/* sums[n] += value * x[n], eight at a time: so many go side by side. */
static void add_scaled(double value, const float *x, size_t n, double *sums)
{
    size_t c = 0;
    for (; c + 8 <= n; c += 8)
        for (size_t k = 0; k < 8; k++)
            sums[c + k] += value * (double)x[c + k];
    for (; c < n; c++)
        sums[c] += value * (double)x[c];
}

void mer_text_row_components(const struct mer_text_features *text, const struct mer_text_row *row,
                             double *ret_components)
{
    const size_t n = text->n_components;
    double *const sums = row->sums;

    memset(sums, 0, MER_COMPONENTS_MAX * sizeof *sums);
    for (size_t i = 0; i < row->n; i++)
        add_scaled(row->values[i], text->directions + (size_t)row->terms[i] * n, n, sums);
    for (size_t c = 0; c < n; c++)
        ret_components[c] = (sums[c] - text->mean[c]) / text->scale[c];
}

/* ---- which terms ---- */

struct counting {
    const struct mer_ctx *ctx;
    const struct mer_column *column;
    const uint32_t *rows;
    size_t n_rows;
    /* By worker: room, the last row that had a bucket (from 1), rows that had it. Sums of integers
     * do not depend on who counts what. */
    struct count_worker {
        struct mer_words words;
        uint32_t *last;
        uint32_t *counts;
    } * workers;
};

static void count_task(void *argument, size_t task, size_t worker)
{
    const struct counting *counting = argument;
    struct count_worker *own = &counting->workers[worker];
    const size_t first = task * COUNT_ROWS;
    const size_t left = counting->n_rows - first, n = left < COUNT_ROWS ? left : COUNT_ROWS;

    if (!mer_is_ok(mer_ctx_check_cancel(counting->ctx, NULL)))
        return;
    for (size_t i = first; i < first + n; i++) {
        const size_t row = counting->rows ? counting->rows[i] : i;
        const struct mer_cell cell = mer_text_cell(counting->column, row);
        mer_words_find(&own->words, cell.bytes, cell.n);
        for (size_t t = 0; t < own->words.n_terms; t++) {
            const uint32_t bucket = own->words.terms[t];
            own->counts[bucket] += own->last[bucket] != i + 1;
            own->last[bucket] = (uint32_t)(i + 1);
        }
    }
}

static mer_status count_rows(struct counting *counting, uint32_t *ret_counts, mer_err *err)
{
    struct mer_alloc *alloc = counting->ctx->alloc;
    const size_t n_workers = mer_team_size(counting->ctx->team);
    mer_status status;

    MER_GUARD(mer_alloc_zero(alloc, n_workers, sizeof *counting->workers, &counting->workers, err));
    for (size_t w = 0; w < n_workers; w++) {
        struct count_worker *own = &counting->workers[w];
        MER_GUARD_GOTO(mer_words_init(alloc, MER_TEXT_CHARACTERS_MAX, &own->words, err), done);
        MER_GUARD_GOTO(mer_alloc_zero(alloc, MER_TERM_BUCKETS, sizeof(uint32_t), &own->last, err),
                       done);
        MER_GUARD_GOTO(mer_alloc_zero(alloc, MER_TERM_BUCKETS, sizeof(uint32_t), &own->counts, err),
                       done);
    }
    mer_team_run(counting->ctx->team, count_task, counting,
                 (counting->n_rows + COUNT_ROWS - 1) / COUNT_ROWS);
    for (size_t w = 0; w < n_workers; w++)
        for (size_t b = 0; b < MER_TERM_BUCKETS; b++)
            ret_counts[b] += counting->workers[w].counts[b];
    status = mer_ctx_check_cancel(counting->ctx, err);
done:
    for (size_t w = 0; w < n_workers; w++) {
        mer_words_release(alloc, &counting->workers[w].words);
        mer_free(alloc, counting->workers[w].last);
        mer_free(alloc, counting->workers[w].counts);
    }
    mer_free(alloc, counting->workers);
    return status;
}

/* The least count that at most MER_TERMS_HALF_MAX of the buckets reach. */
static uint32_t least_count(const uint32_t *counts, size_t n_rows)
{
    size_t low = MER_TERM_ROWS_MIN, high = n_rows + 1;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        size_t n = 0;
        for (size_t b = 0; b < MER_TERM_HALF; b++)
            n += counts[b] >= middle;
        if (n > MER_TERMS_HALF_MAX)
            low = middle + 1;
        else
            high = middle;
    }
    return (uint32_t)low;
}

static mer_status choose_terms(struct mer_arena *arena, const uint32_t *counts, size_t n_rows,
                               struct mer_text_features *text, mer_err *err)
{
    uint32_t least[2];
    size_t n = 0;

    for (size_t half = 0; half < 2; half++)
        least[half] = least_count(counts + half * MER_TERM_HALF, n_rows);
    for (size_t b = 0; b < MER_TERM_BUCKETS; b++)
        n += counts[b] >= least[b >= MER_TERM_HALF];
    MER_GUARD(mer_arena_zero(arena, n, sizeof *text->buckets, &text->buckets, err));
    MER_GUARD(mer_arena_zero(arena, n, sizeof *text->weights, &text->weights, err));
    uint64_t n_entries = 0;
    for (uint32_t b = 0; b < MER_TERM_BUCKETS; b++) {
        if (counts[b] < least[b >= MER_TERM_HALF])
            continue;
        text->buckets[text->n_terms] = b;
        n_entries += counts[b];
        text->weights[text->n_terms++] =
            (float)(1 + mer_ln((1 + (double)n_rows) / (1 + (double)counts[b])));
    }
    text->terms_a_row = (size_t)((n_entries + n_rows - 1) / n_rows);
    return mer_text_index(arena, text, err);
}

mer_status mer_text_index(struct mer_arena *arena, struct mer_text_features *text, mer_err *err)
{
    if (text->n_terms < MER_TERMS_INDEXED)
        return mer_ok();
    MER_GUARD(mer_arena_zero(arena, MER_TERM_BUCKETS, sizeof *text->term_of_bucket,
                             &text->term_of_bucket, err));
    for (size_t t = 0; t < text->n_terms; t++)
        text->term_of_bucket[text->buckets[t]] = (uint32_t)t + 1;
    return mer_ok();
}

/* ---- components ---- */

/* Means and deviations of what the sample's rows have in each direction. A direction in which they
 * do not differ says nothing, and becomes zero. */
static void scale_components(const struct mer_csr *sample, struct mer_text_features *text)
{
    const size_t n = text->n_components;
    double squares[MER_COMPONENTS_MAX] = {0}, projected[MER_COMPONENTS_MAX];

    for (size_t i = 0; i < sample->n_rows; i++) {
        memset(projected, 0, sizeof projected);
        for (size_t e = sample->start[i]; e < sample->start[i + 1]; e++)
            add_scaled(sample->values[e], text->directions + (size_t)sample->columns[e] * n, n,
                       projected);
        for (size_t c = 0; c < n; c++) {
            text->mean[c] += projected[c];
            squares[c] += projected[c] * projected[c];
        }
    }
    for (size_t c = 0; c < n; c++) {
        text->mean[c] /= (double)sample->n_rows;
        const double variance = squares[c] / (double)sample->n_rows - text->mean[c] * text->mean[c];
        text->scale[c] = variance > 1e-10 ? sqrt(variance) : 1;
        if (variance > 1e-10)
            continue;
        text->mean[c] = 0;
        for (size_t t = 0; t < text->n_terms; t++)
            text->directions[t * n + c] = 0;
    }
}

/* Room for components, all of them zero. */
static mer_status begin_components(struct mer_arena *arena, size_t n_rows,
                                   struct mer_text_features *text, mer_err *err)
{
    size_t n = n_rows / ROWS_A_COMPONENT;
    if (n > MER_COMPONENTS_MAX)
        n = MER_COMPONENTS_MAX;
    if (text->n_terms == 0)
        n = 0;
    text->n_components = n;
    MER_GUARD(mer_arena_zero(arena, n, sizeof *text->mean, &text->mean, err));
    MER_GUARD(mer_arena_zero(arena, n, sizeof *text->scale, &text->scale, err));
    for (size_t c = 0; c < n; c++)
        text->scale[c] = 1;
    return mer_arena_zero(arena, text->n_terms * n, sizeof *text->directions, &text->directions,
                          err);
}

static mer_status learn_components(const struct mer_ctx *ctx, const struct mer_csr *sample,
                                   uint64_t seed, struct mer_text_features *text, mer_err *err)
{
    const size_t n = text->n_components;
    size_t n_found = 0;
    float *found = NULL;

    MER_GUARD(mer_alloc_array(ctx->alloc, text->n_terms, n * sizeof *found, &found, err));
    const mer_status status = mer_lsa_directions(ctx, sample, n, seed, found, &n_found, err);
    if (mer_is_ok(status)) {
        for (size_t t = 0; t < text->n_terms; t++)
            memcpy(text->directions + t * n, found + t * n_found, n_found * sizeof *found);
        scale_components(sample, text);
    }
    mer_free(ctx->alloc, found);
    return status;
}

/* Rows that are spread evenly over the training rows. */
static mer_status draw_sample(struct mer_alloc *alloc, const uint32_t *rows, size_t n_rows,
                              size_t n_sample, uint32_t **ret_sample, mer_err *err)
{
    uint32_t *sample;
    MER_GUARD(mer_alloc_array(alloc, n_sample, sizeof *sample, &sample, err));
    for (size_t i = 0; i < n_sample; i++) {
        const size_t at = (size_t)((double)i * (double)n_rows / (double)n_sample);
        sample[i] = rows ? rows[at] : (uint32_t)at;
    }
    *ret_sample = sample;
    return mer_ok();
}

static mer_status find_components(const struct mer_ctx *ctx, const struct mer_column *column,
                                  const uint32_t *rows, size_t n_rows, uint64_t seed,
                                  struct mer_text_features *text, mer_err *err)
{
    const size_t n_sample = n_rows < SAMPLE_ROWS ? n_rows : SAMPLE_ROWS;
    struct mer_text_block block = {
        .texts = text, .n_texts = 1, .columns = &column, .n_rows = n_sample};
    struct mer_text_rows made = {.start = NULL};
    uint32_t *sample_rows = NULL;
    mer_status status;

    MER_GUARD(draw_sample(ctx->alloc, rows, n_rows, n_sample, &sample_rows, err));
    block.rows = sample_rows;
    status = mer_text_rows_make(ctx, &block, &made, err);
    if (mer_is_ok(status)) {
        const struct mer_csr sample = {.n_rows = n_sample,
                                       .n_columns = text->n_terms,
                                       .start = made.start,
                                       .columns = made.columns,
                                       .values = made.values};
        status = learn_components(ctx, &sample, seed, text, err);
        mer_text_rows_release(ctx->alloc, &made);
    }
    mer_free(ctx->alloc, sample_rows);
    return status;
}

mer_status mer_text_learn(const struct mer_ctx *ctx, struct mer_arena *arena,
                          const struct mer_column *column, const uint32_t *rows, size_t n_rows,
                          uint64_t seed, enum mer_components wanted, struct mer_text_features *ret,
                          mer_err *err)
{
    struct counting counting = {.ctx = ctx, .column = column, .rows = rows, .n_rows = n_rows};
    struct mer_text_features text = {.n_terms = 0};
    uint32_t *counts;

    MER_GUARD(mer_alloc_zero(ctx->alloc, MER_TERM_BUCKETS, sizeof *counts, &counts, err));
    mer_status status = count_rows(&counting, counts, err);
    if (mer_is_ok(status))
        status = choose_terms(arena, counts, n_rows, &text, err);
    mer_free(ctx->alloc, counts);
    if (mer_is_ok(status) && wanted != MER_COMPONENTS_NONE)
        status = begin_components(arena, n_rows, &text, err);
    if (mer_is_ok(status) && wanted == MER_COMPONENTS_LEARNED && text.n_components > 0)
        status = find_components(ctx, column, rows, n_rows, seed, &text, err);
    if (mer_is_ok(status))
        *ret = text;
    return status;
}
