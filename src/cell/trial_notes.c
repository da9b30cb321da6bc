#include "cell/trial_notes.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "automl/fold.h"
#include "cell/notes.h"

/* The least that an entry of a list takes. */
enum { DIRECTION_LEAST = 8, COLUMN_LEAST = 8 };

/* Whoever gives an evaluation's data a new field sends it over as well. */
static_assert(sizeof(struct mer_evaluation_data) == 112,
              "an evaluation travels whole, but for what it is for");

static mer_status put_name(struct mer_buf *buf, const char *name, mer_err *err)
{
    return mer_notes_put_text(buf, name, strlen(name), err);
}

/* How rows are cut; none is told where it follows from the seed. */
static mer_status put_folds(struct mer_buf *buf, const struct mer_folds *folds, mer_err *err)
{
    MER_GUARD(mer_notes_put_u32(buf, folds != NULL, err));
    if (!folds)
        return mer_ok();
    MER_GUARD(mer_notes_put_u32(buf, folds->kind, err));
    MER_GUARD(mer_notes_put_u32(buf, folds->n_repeats, err));
    MER_GUARD(mer_buf_append(buf, folds->held_out, folds->n_rows * folds->n_repeats, err));
    MER_GUARD(mer_notes_put_u32(buf, folds->first != NULL, err));
    return folds->first ? mer_buf_append(buf, folds->first, folds->n_rows, err) : mer_ok();
}

/* What a first layer says: of all rows, for each fold. */
static mer_status put_stack(struct mer_buf *buf, const struct mer_evaluation_data *data,
                            mer_err *err)
{
    const size_t n = data->frame->n_rows * data->n_stack_columns;
    MER_GUARD(mer_notes_put_u32(buf, data->n_stack_columns, err));
    for (size_t f = 0; n > 0 && f < data->n_folds; f++)
        MER_GUARD(
            mer_buf_append(buf, data->stack_columns[f], n * sizeof *data->stack_columns[f], err));
    return mer_ok();
}

mer_status mer_evaluation_notes_write(const struct mer_evaluation_data *data, struct mer_buf *buf,
                                      mer_err *err)
{
    const struct mer_frame *const frame = data->frame;
    MER_GUARD(mer_notes_put_u64(buf, frame->n_rows, err));
    MER_GUARD(mer_notes_put_u32(buf, frame->n_columns, err));
    for (size_t i = 0; i < frame->n_columns; i++) {
        MER_GUARD(mer_notes_put_text(buf, frame->columns[i].name, frame->columns[i].n_name, err));
        MER_GUARD(mer_notes_put_u32(buf, data->hints ? data->hints[i] : 0, err));
    }
    MER_GUARD(mer_notes_put_u32(buf, data->target_column, err));
    MER_GUARD(mer_notes_put_u32(buf, data->target->task, err));
    MER_GUARD(put_name(buf, data->metric->name, err));
    MER_GUARD(mer_notes_put_u32(buf, data->n_folds, err));
    MER_GUARD(put_folds(buf, data->folds, err));
    MER_GUARD(mer_notes_put_u64(buf, data->seed, err));
    MER_GUARD(mer_notes_put_u32(buf, data->n_directions, err));
    for (size_t i = 0; i < data->n_directions; i++) {
        MER_GUARD(put_name(buf, data->directions[i].column, err));
        MER_GUARD(mer_notes_put_u32(buf, data->directions[i].direction > 0, err));
    }
    MER_GUARD(mer_notes_put_u32(buf, data->weights != NULL, err));
    if (data->weights)
        MER_GUARD(mer_buf_append(buf, data->weights, frame->n_rows * sizeof *data->weights, err));
    return put_stack(buf, data, err);
}

/* The columns by their names, in the order given. */
static mer_status read_columns(struct mer_notes_reader *reader, const struct mer_ctx *ctx,
                               struct mer_evaluation_notes *notes, mer_err *err)
{
    if (mer_notes_u64(reader) != notes->table.n_rows)
        mer_notes_refuse(reader);
    const size_t n = mer_notes_u32_upto(reader, notes->table.n_columns);
    notes->view = notes->table;
    notes->view.columns = NULL;
    notes->view.n_columns = 0;
    MER_GUARD(
        mer_alloc_array(ctx->alloc, n, sizeof *notes->view.columns, &notes->view.columns, err));
    uint8_t *const hints = mer_notes_list(reader, n, sizeof *hints, COLUMN_LEAST);
    for (size_t i = 0; hints && i < n; i++) {
        size_t index;
        MER_GUARD(mer_frame_want(&notes->table, mer_notes_text(reader, NULL), &index, err));
        notes->view.columns[notes->view.n_columns++] = notes->table.columns[index];
        hints[i] = (uint8_t)mer_notes_u32_upto(reader, MER_HINTS);
    }
    notes->data.hints = hints;
    return mer_ok();
}

static mer_status read_directions(struct mer_notes_reader *reader,
                                  struct mer_evaluation_notes *notes)
{
    const size_t n = mer_notes_u32(reader);
    struct mer_direction *const directions =
        mer_notes_list(reader, n, sizeof *directions, DIRECTION_LEAST);
    for (size_t i = 0; directions && i < n; i++) {
        directions[i].column = mer_notes_text(reader, NULL);
        directions[i].direction = mer_notes_u32_upto(reader, 1) ? 1 : -1;
    }
    notes->data.directions = directions;
    notes->data.n_directions = directions ? n : 0;
    return mer_ok();
}

/* Finite numbers; NULL where there are fewer, which is told at the end. */
static mer_status read_numbers(struct mer_notes_reader *reader, const struct mer_ctx *ctx, size_t n,
                               double **ret_numbers, mer_err *err)
{
    size_t n_bytes;
    if (!mer_size_mul(n, sizeof **ret_numbers, &n_bytes))
        return mer_fail(err, MER_ERR_DATA, "%zu numbers do not fit into memory", n);
    const unsigned char *const bytes = mer_notes_bytes(reader, n_bytes);
    if (!bytes)
        return mer_ok();
    MER_GUARD(mer_alloc_bytes(ctx->alloc, n_bytes, ret_numbers, err));
    memcpy(*ret_numbers, bytes, n_bytes);
    for (size_t i = 0; i < n; i++)
        if (!isfinite((*ret_numbers)[i]))
            mer_notes_refuse(reader);
    return mer_ok();
}

static mer_status read_weights(struct mer_notes_reader *reader, const struct mer_ctx *ctx,
                               struct mer_evaluation_notes *notes, mer_err *err)
{
    if (!mer_notes_u32_upto(reader, 1))
        return mer_ok();
    MER_GUARD(read_numbers(reader, ctx, notes->table.n_rows, &notes->weights, err));
    for (size_t i = 0; notes->weights && i < notes->table.n_rows; i++)
        if (notes->weights[i] < 0)
            mer_notes_refuse(reader);
    return mer_ok();
}

static mer_status read_stack(struct mer_notes_reader *reader, const struct mer_ctx *ctx,
                             struct mer_evaluation_notes *notes, mer_err *err)
{
    const size_t n_columns = mer_notes_u32_upto(reader, MER_STACK_COLUMNS_MAX);
    size_t n, n_all;
    if (n_columns == 0)
        return mer_ok();
    if (!mer_size_mul(notes->table.n_rows, n_columns, &n) ||
        !mer_size_mul(n, notes->data.n_folds, &n_all))
        return mer_fail(err, MER_ERR_DATA, "what the first layer says does not fit into memory");
    MER_GUARD(read_numbers(reader, ctx, n_all, &notes->stack, err));
    for (size_t f = 0; notes->stack && f < notes->data.n_folds; f++)
        notes->stack_columns[f] = notes->stack + f * n;
    notes->data.stack_columns = notes->stack_columns;
    notes->data.n_stack_columns = notes->stack ? n_columns : 0;
    return mer_ok();
}

/* A copy of so many bytes; NULL where there are fewer, which is told at the end. */
static mer_status read_bytes(struct mer_notes_reader *reader, const struct mer_ctx *ctx, size_t n,
                             uint8_t **ret_bytes, mer_err *err)
{
    const unsigned char *const bytes = mer_notes_bytes(reader, n);
    if (!bytes)
        return mer_ok();
    MER_GUARD(mer_alloc_bytes(ctx->alloc, n, ret_bytes, err));
    memcpy(*ret_bytes, bytes, n);
    return mer_ok();
}

static mer_status read_folds(struct mer_notes_reader *reader, const struct mer_ctx *ctx,
                             struct mer_evaluation_notes *notes, mer_err *err)
{
    struct mer_folds *const folds = &notes->folds;
    size_t n_bytes;
    if (!mer_notes_u32_upto(reader, 1))
        return mer_ok();
    folds->kind = (enum mer_fold_kind)mer_notes_u32_upto(reader, MER_FOLD_KINDS - 1);
    folds->n_rows = notes->table.n_rows;
    folds->n_repeats = mer_notes_u32_upto(reader, MER_FOLDS_MAX);
    if (folds->n_repeats == 0 || notes->data.n_folds % folds->n_repeats != 0 ||
        !mer_size_mul(folds->n_rows, folds->n_repeats, &n_bytes)) {
        mer_notes_refuse(reader);
        return mer_ok();
    }
    folds->n_folds = notes->data.n_folds / folds->n_repeats;
    MER_GUARD(read_bytes(reader, ctx, n_bytes, &folds->held_out, err));
    if (mer_notes_u32_upto(reader, 1))
        MER_GUARD(read_bytes(reader, ctx, folds->n_rows, &folds->first, err));
    const bool needs_first = folds->kind == MER_FOLDS_TIME || folds->kind == MER_FOLDS_TABLE;
    if (!folds->held_out || (needs_first && !folds->first) || !mer_folds_are_sound(folds))
        mer_notes_refuse(reader);
    notes->data.folds = folds;
    return mer_ok();
}

static mer_status read_all(struct mer_notes_reader *reader, const struct mer_ctx *ctx,
                           struct mer_evaluation_notes *notes, enum mer_task *ret_task,
                           mer_err *err)
{
    struct mer_evaluation_data *const data = &notes->data;
    MER_GUARD(read_columns(reader, ctx, notes, err));
    data->target_column = mer_notes_u32(reader);
    if (data->target_column >= notes->view.n_columns)
        mer_notes_refuse(reader);
    *ret_task = (enum mer_task)mer_notes_u32_upto(reader, MER_TASK_MULTICLASS);
    data->metric = mer_metric_find(mer_notes_text(reader, NULL));
    data->n_folds = mer_notes_u32_upto(reader, MER_FOLDS_MAX);
    if (!data->metric || data->n_folds == 0 || data->n_folds > notes->table.n_rows)
        mer_notes_refuse(reader);
    MER_GUARD(read_folds(reader, ctx, notes, err));
    data->seed = mer_notes_u64(reader);
    MER_GUARD(read_directions(reader, notes));
    MER_GUARD(read_weights(reader, ctx, notes, err));
    MER_GUARD(read_stack(reader, ctx, notes, err));
    return mer_notes_end(reader, "what trials are scored on is not described as it should be");
}

/* The rows before those of a validation table; what a stranger calls one may be anything. */
static size_t count_learned(const struct mer_evaluation_notes *notes)
{
    size_t n = notes->table.n_rows;
    if (notes->data.folds && notes->folds.kind == MER_FOLDS_TABLE)
        while (n > 0 && notes->folds.first[n - 1] == MER_FOLD_NONE)
            n--;
    return n;
}

mer_status mer_evaluation_notes_read(const struct mer_ctx *ctx, struct mer_frame *table,
                                     const void *bytes, size_t n,
                                     struct mer_evaluation_notes *ret_notes, mer_err *err)
{
    struct mer_notes_reader reader;
    enum mer_task task = MER_TASK_REGRESSION;
    struct mer_evaluation_notes *const notes = ret_notes;
    *notes = (struct mer_evaluation_notes){.table = *table};
    mer_arena_init(&notes->arena, ctx->alloc);
    mer_notes_read(&reader, bytes, n, &notes->arena, err);
    mer_status status = read_all(&reader, ctx, notes, &task, err);
    if (mer_is_ok(status))
        status = mer_target_learn_from(ctx, &notes->view, count_learned(notes),
                                       notes->data.target_column, &task, &notes->arena,
                                       &notes->target, err);
    if (mer_is_ok(status) && notes->target.task != task)
        status = mer_fail(err, MER_ERR_DATA, "the target has another task than it should");
    if (!mer_is_ok(status)) {
        notes->table = (struct mer_frame){.image = NULL};
        mer_evaluation_notes_release(ctx, notes);
        return status;
    }
    notes->data.frame = &notes->view;
    notes->data.target = &notes->target;
    notes->data.weights = notes->weights;
    return mer_ok();
}

void mer_evaluation_notes_release(const struct mer_ctx *ctx, struct mer_evaluation_notes *notes)
{
    mer_learned_target_release(ctx, &notes->target);
    mer_free(ctx->alloc, notes->weights);
    mer_free(ctx->alloc, notes->stack);
    mer_folds_release(ctx, &notes->folds);
    mer_free(ctx->alloc, notes->view.columns);
    if (notes->table.image)
        mer_frame_release(&notes->table);
    mer_arena_release(&notes->arena);
    *notes = (struct mer_evaluation_notes){.weights = NULL};
}
