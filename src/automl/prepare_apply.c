/* Applies a fitted preprocessing to a table. The table is columnar and the design row-major: rows
 * are filled in blocks that stay in the cache, and blocks in parallel.
 */
#include <stdlib.h>
#include <string.h>

#include "automl/prepare_internal.h"
#include "core/math.h"
#include "core/sort.h"
#include "core/team.h"

enum {
    BLOCK_BYTES = 1 << 16, /* of dense output that is written while it is in the cache */
    BLOCK_ROWS_MIN = 16,
    BLOCK_ROWS_MAX = 1024,
    TASK_ROWS = 4096
};

struct mer_binding {
    const struct mer_prepare *prepare;
    const struct mer_column **columns; /* [n_columns]; NULL where the column is left out */
    int32_t *codes;                    /* the frame's levels to codes, one group after another */
    size_t *code_start;                /* [n_groups] */
    const double **
        *encoded; /* [n_encodings][levels of the frame's column]: values; NULL: it is text
                   */
};

void mer_binding_free(const struct mer_ctx *ctx, struct mer_binding *binding)
{
    if (!binding)
        return;
    mer_free(ctx->alloc, binding->columns);
    mer_free(ctx->alloc, binding->codes);
    mer_free(ctx->alloc, binding->code_start);
    for (size_t e = 0; binding->encoded && e < binding->prepare->n_encodings; e++)
        mer_free(ctx->alloc, binding->encoded[e]);
    mer_free(ctx->alloc, binding->encoded);
    mer_free(ctx->alloc, binding);
}

static bool is_named(const struct mer_frame *frame, size_t i, const char *name)
{
    return i < frame->n_columns && strcmp(frame->columns[i].name, name) == 0;
}

/* Whether a column of this type can stand for one of that type: a training column whose numbers all
 * happened to be whole says nothing about the next table's. */
static bool can_stand_for(enum mer_type type, enum mer_type learned)
{
    /* Which of the two a reader makes of texts depends on how many there are of them. */
    if (learned == MER_TYPE_TEXT && type == MER_TYPE_CATEGORICAL)
        return true;
    const bool both_numbers = (type == MER_TYPE_INTEGER || type == MER_TYPE_NUMBER) &&
                              (learned == MER_TYPE_INTEGER || learned == MER_TYPE_NUMBER);
    return type == learned || both_numbers;
}

/* Finds the columns. Most tables have them in the order of the training table, with or without the
 * target, so each is looked for behind the one before it, then everywhere. */
static mer_status bind_columns(struct mer_binding *binding, const struct mer_frame *frame,
                               mer_err *err)
{
    const struct mer_prepare *prepare = binding->prepare;
    size_t at = 0;

    for (size_t i = 0; i < prepare->n_columns; i++) {
        const struct mer_learned_column *learned = &prepare->columns[i];
        if (!is_named(frame, at, learned->name) && is_named(frame, at + 1, learned->name))
            at++;
        if (learned->left_out != MER_LEFT_OUT_NOT) {
            at += is_named(frame, at, learned->name);
            continue;
        }
        if (!is_named(frame, at, learned->name))
            MER_GUARD(mer_frame_want(frame, learned->name, &at, err));
        const struct mer_column *column = &frame->columns[at++];
        if (!can_stand_for(column->type, learned->type))
            return mer_fail(err, MER_ERR_DATA,
                            "column %s is of type %s here and was of type %s when the model was "
                            "fitted",
                            mer_quote_n(column->name, column->n_name).text,
                            mer_type_name(column->type), mer_type_name(learned->type));
        binding->columns[i] = column;
    }
    return mer_ok();
}

static int compare_bytes(const char *a, size_t n_a, const char *b, size_t n_b)
{
    const int order = memcmp(a, b, n_a < n_b ? n_a : n_b);
    return order ? order : (n_a > n_b) - (n_a < n_b);
}

/* A level and its code, sorted by text for looking up. */
struct known_level {
    struct mer_level level;
    int32_t code;
};

static int compare_known(const void *a, const void *b)
{
    const struct mer_level *x = &((const struct known_level *)a)->level;
    const struct mer_level *y = &((const struct known_level *)b)->level;
    return compare_bytes(x->text, x->n, y->text, y->n);
}

static int32_t look_up(const struct known_level *known, size_t n, struct mer_cell text,
                       int32_t unknown)
{
    size_t low = 0, high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order =
            compare_bytes(text.bytes, text.n, known[middle].level.text, known[middle].level.n);
        if (order == 0)
            return known[middle].code;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return unknown;
}

static void bind_levels(const struct mer_prepare *prepare, const struct mer_learned_column *learned,
                        const struct mer_column *column, int32_t *codes)
{
    struct known_level known[MER_LEVELS_MAX];
    const int32_t unknown = mer_code_unknown(learned);

    for (size_t k = 0; k < learned->n_levels; k++)
        known[k] = (struct known_level){prepare->levels[learned->first_level + k], (int32_t)k};
    mer_sort(known, learned->n_levels, sizeof(*known), compare_known);
    for (size_t i = 0; i < column->n_levels; i++)
        codes[i] = look_up(known, learned->n_levels, mer_column_level(column, i), unknown);
}

/* What the levels of encoded columns are told by. */
static mer_status bind_encodings(const struct mer_ctx *ctx, struct mer_binding *binding,
                                 mer_err *err)
{
    const struct mer_prepare *prepare = binding->prepare;

    MER_GUARD(mer_alloc_zero(ctx->alloc, prepare->n_encodings, sizeof(*binding->encoded),
                             &binding->encoded, err));
    for (size_t e = 0; e < prepare->n_encodings; e++) {
        const struct mer_encoding *encoding = &prepare->encodings[e];
        const struct mer_column *column = binding->columns[encoding->column];
        if (column->type == MER_TYPE_TEXT)
            continue;
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        MER_GUARD(mer_alloc_array(ctx->alloc, column->n_levels, sizeof(*binding->encoded[e]),
                                  &binding->encoded[e], err));
        for (size_t k = 0; k < column->n_levels; k++)
            binding->encoded[e][k] =
                mer_encoding_find(encoding, mer_level_hash(mer_column_level(column, k)));
    }
    return mer_ok();
}

static mer_status bind(const struct mer_ctx *ctx, struct mer_binding *binding,
                       const struct mer_frame *frame, mer_err *err)
{
    const struct mer_prepare *prepare = binding->prepare;
    size_t n_codes = 0;

    MER_GUARD(mer_alloc_zero(ctx->alloc, prepare->n_columns, sizeof(struct mer_column *),
                             &binding->columns, err));
    MER_GUARD(bind_columns(binding, frame, err));
    MER_GUARD(bind_encodings(ctx, binding, err));
    MER_GUARD(mer_alloc_zero(ctx->alloc, prepare->n_groups, sizeof(*binding->code_start),
                             &binding->code_start, err));
    for (size_t g = 0; g < prepare->n_groups; g++) {
        binding->code_start[g] = n_codes;
        n_codes += binding->columns[prepare->group_column[g]]->n_levels;
    }
    MER_GUARD(mer_alloc_array(ctx->alloc, n_codes, sizeof(*binding->codes), &binding->codes, err));
    for (size_t g = 0; g < prepare->n_groups; g++) {
        const size_t i = prepare->group_column[g];
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        bind_levels(prepare, &prepare->columns[i], binding->columns[i],
                    binding->codes + binding->code_start[g]);
    }
    return mer_ok();
}

mer_status mer_binding_new(const struct mer_ctx *ctx, const struct mer_prepare *prepare,
                           const struct mer_frame *frame, struct mer_binding **ret_binding,
                           mer_err *err)
{
    struct mer_binding *binding;

    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof(*binding), &binding, err));
    binding->prepare = prepare;
    const mer_status status = bind(ctx, binding, frame, err);
    if (!mer_is_ok(status)) {
        mer_binding_free(ctx, binding);
        return status;
    }
    *ret_binding = binding;
    return mer_ok();
}

/* A run of rows of the table and where their part of the design begins. */
struct block {
    const struct mer_binding *binding;
    const uint32_t *rows; /* NULL: first, first + 1, ... */
    size_t first;
    size_t n_rows;
    bool is_training; /* the rows are those learned from: */
    size_t at;        /* their numbers begin here */
    double *dense;    /* [n_rows][stride] */
    int32_t *codes;   /* [n_rows][n_groups] */
};

static size_t block_stride(const struct block *block)
{
    return mer_prepare_stride(block->binding->prepare);
}

static size_t block_row(const struct block *block, size_t i)
{
    return block->rows ? block->rows[i] : block->first + i;
}

static double standardise(const struct mer_dense_column *dense, double value)
{
    const double z = (value - dense->mean) / dense->scale;
    return z > MER_LARGEST_STANDARDISED    ? MER_LARGEST_STANDARDISED
           : z < -MER_LARGEST_STANDARDISED ? -MER_LARGEST_STANDARDISED
                                           : z;
}

static void fill_number(const struct block *block, const struct mer_learned_column *learned,
                        const struct mer_column *column, const struct mer_dense_column *dense,
                        double *out)
{
    const size_t stride = block_stride(block);
    const double missing = standardise(dense, learned->fill);

    for (size_t i = 0; i < block->n_rows; i++, out += stride) {
        const size_t row = block_row(block, i);
        if (!mer_column_has(column, row)) {
            *out = missing;
            continue;
        }
        const double value = mer_cell_number(column, row);
        /* An infinity, and what counts as one, is as far as training saw. */
        *out = standardise(dense, fabs(value) <= MER_LARGEST ? value
                                  : value > 0                ? learned->high
                                                             : learned->low);
    }
}

static void fill_missing(const struct block *block, const struct mer_column *column,
                         const struct mer_dense_column *dense, double *out)
{
    const double present = standardise(dense, 0), missing = standardise(dense, 1);

    for (size_t i = 0; i < block->n_rows; i++)
        out[i * block_stride(block)] =
            mer_column_has(column, block_row(block, i)) ? present : missing;
}

/* All `n` dense columns of a date but the indicator. */
static void fill_time(const struct block *block, const struct mer_learned_column *learned,
                      const struct mer_column *column, const struct mer_dense_column *dense,
                      size_t n, double *out)
{
    double parts[MER_PART_COUNT];

    for (size_t i = 0; i < block->n_rows; i++, out += block_stride(block)) {
        const size_t row = block_row(block, i);
        const int64_t value =
            mer_column_has(column, row) ? column->data.integers[row] : learned->fill_time;
        mer_date_parts(learned->type, value, learned->fill_time, parts);
        for (size_t p = 0; p < n; p++)
            if (dense[p].part != MER_PART_MISSING)
                out[p] = standardise(&dense[p], parts[dense[p].part]);
    }
}

/* Days since another date. */
static void fill_since(const struct block *block, const struct mer_dense_column *dense, double *out)
{
    const struct mer_binding *binding = block->binding;
    const struct mer_learned_column *columns = binding->prepare->columns;
    const size_t from = mer_date_column(binding->prepare, (size_t)(dense->part - MER_PART_SINCE));

    for (size_t i = 0; i < block->n_rows; i++, out += block_stride(block))
        *out = standardise(
            dense, mer_days_between(&columns[from], binding->columns[from], &columns[dense->column],
                                    binding->columns[dense->column], block_row(block, i)));
}

/* All `n` dense columns of a text but the indicator and those that condense its terms. */
static void fill_looks(const struct block *block, const struct mer_column *column,
                       const struct mer_dense_column *dense, size_t n, double *out)
{
    double parts[MER_PART_COUNT];

    for (size_t i = 0; i < block->n_rows; i++, out += block_stride(block)) {
        mer_text_parts(mer_text_cell(column, block_row(block, i)), parts);
        for (size_t p = 0; p < n; p++)
            if (dense[p].part != MER_PART_MISSING)
                out[p] = standardise(&dense[p], parts[dense[p].part]);
    }
}

/* What row i of the block is told of an encoded column. */
static const double *encoded_row(const struct block *block, size_t e, size_t i)
{
    const struct mer_binding *binding = block->binding;
    const struct mer_encoding *encoding = &binding->prepare->encodings[e];
    const struct mer_column *column = binding->columns[encoding->column];
    const size_t row = block_row(block, i);

    if (block->is_training)
        return encoding->training + (block->at + i) * (1 + encoding->n_targets);
    if (!mer_column_has(column, row))
        return encoding->unknown;
    return binding->encoded[e]
               ? binding->encoded[e][column->data.codes[row]]
               : mer_encoding_find(encoding, mer_level_hash(mer_column_text(column, row)));
}

static void fill_encoded(const struct block *block, size_t e)
{
    const struct mer_prepare *prepare = block->binding->prepare;
    size_t first = 0, end;

    while (first < prepare->n_dense &&
           (prepare->dense[first].column != prepare->encodings[e].column ||
            !mer_part_is_encoded(prepare->dense[first].part)))
        first++;
    for (end = first;
         end < prepare->n_dense && prepare->dense[end].column == prepare->encodings[e].column;)
        end++;
    for (size_t i = 0; i < block->n_rows && first < end; i++) {
        const double *const values = encoded_row(block, e, i);
        double *const out = block->dense + i * block_stride(block);
        for (size_t d = first; d < end; d++)
            out[d] = standardise(&prepare->dense[d],
                                 values[prepare->dense[d].part - MER_PART_FREQUENCY]);
    }
}

static void fill_codes(const struct block *block, size_t g)
{
    const struct mer_binding *binding = block->binding;
    const size_t n_groups = binding->prepare->n_groups;
    const size_t c = binding->prepare->group_column[g];
    const int32_t missing = mer_code_missing(&binding->prepare->columns[c]);
    const int32_t *cells = binding->columns[c]->data.codes;
    const int32_t *map = binding->codes + binding->code_start[g];

    for (size_t i = 0; i < block->n_rows; i++) {
        const int32_t cell = cells[block_row(block, i)];
        block->codes[i * n_groups + g] = cell < 0 ? missing : map[cell];
    }
}

static void fill_block(const struct block *block)
{
    const struct mer_prepare *prepare = block->binding->prepare;

    for (size_t j = 0, n; j < prepare->n_dense; j += n) {
        const struct mer_dense_column *dense = &prepare->dense[j];
        const struct mer_learned_column *learned = &prepare->columns[dense->column];
        const struct mer_column *column = block->binding->columns[dense->column];
        n = learned->n_dense;
        if (mer_type_is_time(learned->type))
            fill_time(block, learned, column, dense, n, block->dense + j);
        if (mer_is_text_in_use(learned))
            fill_looks(block, column, dense, n, block->dense + j);
        for (size_t p = 0; p < n; p++) {
            if (dense[p].part == MER_PART_VALUE)
                fill_number(block, learned, column, &dense[p], block->dense + j + p);
            else if (dense[p].part == MER_PART_MISSING)
                fill_missing(block, column, &dense[p], block->dense + j + p);
            else if (mer_part_is_since(dense[p].part))
                fill_since(block, &dense[p], block->dense + j + p);
        }
    }
    for (size_t e = 0; e < prepare->n_encodings; e++)
        fill_encoded(block, e);
    for (size_t g = 0; g < prepare->n_groups; g++)
        fill_codes(block, g);
}

static void fill_task(void *argument, size_t task, size_t worker)
{
    const struct block *all = argument;
    const struct mer_prepare *prepare = all->binding->prepare;
    const size_t stride = mer_prepare_stride(prepare);
    const size_t row_bytes = stride * sizeof(double);
    const size_t fitting = row_bytes ? BLOCK_BYTES / row_bytes : BLOCK_ROWS_MAX;
    const size_t step = fitting < BLOCK_ROWS_MIN   ? BLOCK_ROWS_MIN
                        : fitting > BLOCK_ROWS_MAX ? BLOCK_ROWS_MAX
                                                   : fitting;
    const size_t first = task * TASK_ROWS;
    const size_t end = all->n_rows - first < TASK_ROWS ? all->n_rows : first + TASK_ROWS;

    (void)worker;
    for (size_t i = first; i < end; i += step) {
        const struct block block = {.binding = all->binding,
                                    .rows = all->rows ? all->rows + i : NULL,
                                    .first = all->first + i,
                                    .n_rows = end - i < step ? end - i : step,
                                    .is_training = all->is_training,
                                    .at = all->at + i,
                                    .dense = all->dense + i * stride,
                                    .codes = all->codes + i * prepare->n_groups};
        fill_block(&block);
    }
}

static mer_status allocate(const struct mer_ctx *ctx, const struct mer_prepare *prepare,
                           size_t n_rows, struct mer_prepared *prepared, mer_err *err)
{
    const size_t stride = mer_prepare_stride(prepare);
    size_t n_dense, n_codes;

    if (!mer_size_mul(n_rows, stride, &n_dense) ||
        !mer_size_mul(n_rows, prepare->n_groups, &n_codes))
        return mer_fail(err, MER_ERR_MEMORY, "%zu rows and %zu columns do not fit into memory",
                        n_rows, prepare->n_columns);
    MER_GUARD(mer_alloc_array(ctx->alloc, n_dense, sizeof(double), &prepared->dense, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, n_codes, sizeof(int32_t), &prepared->codes, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, prepare->n_groups + 1, sizeof(uint32_t),
                              &prepared->group_start, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, stride, sizeof(uint32_t), &prepared->indicators, err));
    memcpy(prepared->group_start, prepare->group_start, (prepare->n_groups + 1) * sizeof(uint32_t));
    memcpy(prepared->indicators, prepare->indicators, stride * sizeof(uint32_t));
    return mer_ok();
}

/* The condensed columns and the sparse block. */
static mer_status fill_texts(const struct mer_ctx *ctx, const struct block *all,
                             struct mer_prepared *prepared, mer_err *err)
{
    const struct mer_binding *binding = all->binding;
    const struct mer_prepare *prepare = binding->prepare;
    struct mer_text_block block = {.texts = prepare->texts,
                                   .n_texts = prepare->n_texts,
                                   .rows = all->rows,
                                   .first = all->first,
                                   .n_rows = all->n_rows,
                                   .components = prepared->dense + prepare->n_dense,
                                   .stride = mer_prepare_stride(prepare)};
    const struct mer_column **columns;
    struct mer_text_rows made;

    if (prepare->n_texts == 0)
        return mer_ok();
    MER_GUARD(mer_alloc_array(ctx->alloc, prepare->n_texts, sizeof(*columns), &columns, err));
    for (size_t i = 0; i < prepare->n_texts; i++)
        columns[i] = binding->columns[prepare->texts[i].column];
    block.columns = columns;
    const mer_status status = mer_text_rows_make(ctx, &block, &made, err);
    mer_free(ctx->alloc, columns);
    MER_GUARD(status);
    prepared->sparse_start = made.start;
    prepared->sparse_columns = made.columns;
    prepared->sparse_values = made.values;
    return mer_ok();
}

static mer_status apply(const struct mer_ctx *ctx, const struct mer_binding *binding,
                        const uint32_t *rows, size_t first, size_t n_rows, bool is_training,
                        struct mer_prepared *ret_prepared, mer_err *err)
{
    const struct mer_prepare *prepare = binding->prepare;
    struct mer_prepared prepared = {0};

    const mer_status status = allocate(ctx, prepare, n_rows, &prepared, err);
    if (!mer_is_ok(status)) {
        mer_prepared_release(ctx, &prepared);
        return status;
    }
    struct block all = {.binding = binding,
                        .rows = rows,
                        .first = first,
                        .n_rows = n_rows,
                        .is_training = is_training,
                        .dense = prepared.dense,
                        .codes = prepared.codes};
    mer_team_run(ctx->team, fill_task, &all, (n_rows + TASK_ROWS - 1) / TASK_ROWS);
    const mer_status filled = fill_texts(ctx, &all, &prepared, err);
    if (!mer_is_ok(filled)) {
        mer_prepared_release(ctx, &prepared);
        return filled;
    }
    mer_prepare_shape(prepare, &prepared.design);
    prepared.design.n_rows = n_rows;
    prepared.design.dense = prepared.dense;
    prepared.design.codes = prepared.codes;
    prepared.design.group_start = prepared.group_start;
    prepared.design.indicators = prepared.indicators;
    prepared.design.sparse_start = prepared.sparse_start;
    prepared.design.sparse_columns = prepared.sparse_columns;
    prepared.design.sparse_values = prepared.sparse_values;
    *ret_prepared = prepared;
    return mer_ok();
}

mer_status mer_binding_apply(const struct mer_ctx *ctx, const struct mer_binding *binding,
                             const uint32_t *rows, size_t first, size_t n_rows,
                             struct mer_prepared *ret_prepared, mer_err *err)
{
    return apply(ctx, binding, rows, first, n_rows, false, ret_prepared, err);
}

mer_status mer_binding_apply_training(const struct mer_ctx *ctx, const struct mer_binding *binding,
                                      const uint32_t *rows, size_t n_rows,
                                      struct mer_prepared *ret_prepared, mer_err *err)
{
    const struct mer_prepare *prepare = binding->prepare;
    if (prepare->n_encodings > 0 && prepare->n_training_rows != n_rows)
        return mer_fail(err, MER_ERR_INTERNAL, "%zu training rows were to be prepared, not %zu",
                        prepare->n_training_rows, n_rows);
    return apply(ctx, binding, rows, 0, n_rows, true, ret_prepared, err);
}

mer_status mer_prepare_apply_training(const struct mer_ctx *ctx, const struct mer_prepare *prepare,
                                      const struct mer_frame *frame, const uint32_t *rows,
                                      size_t n_rows, struct mer_prepared *ret_prepared,
                                      mer_err *err)
{
    struct mer_binding *binding;

    MER_GUARD(mer_binding_new(ctx, prepare, frame, &binding, err));
    const mer_status status = mer_binding_apply_training(
        ctx, binding, rows, rows ? n_rows : frame->n_rows, ret_prepared, err);
    mer_binding_free(ctx, binding);
    return status;
}

mer_status mer_prepare_apply(const struct mer_ctx *ctx, const struct mer_prepare *prepare,
                             const struct mer_frame *frame, const uint32_t *rows, size_t n_rows,
                             struct mer_prepared *ret_prepared, mer_err *err)
{
    struct mer_binding *binding;

    MER_GUARD(mer_binding_new(ctx, prepare, frame, &binding, err));
    const mer_status status =
        mer_binding_apply(ctx, binding, rows, 0, rows ? n_rows : frame->n_rows, ret_prepared, err);
    mer_binding_free(ctx, binding);
    return status;
}

void mer_prepared_release(const struct mer_ctx *ctx, struct mer_prepared *prepared)
{
    mer_free(ctx->alloc, prepared->dense);
    mer_free(ctx->alloc, prepared->codes);
    mer_free(ctx->alloc, prepared->group_start);
    mer_free(ctx->alloc, prepared->indicators);
    mer_free(ctx->alloc, prepared->sparse_start);
    mer_free(ctx->alloc, prepared->sparse_columns);
    mer_free(ctx->alloc, prepared->sparse_values);
    *prepared = (struct mer_prepared){0};
}
