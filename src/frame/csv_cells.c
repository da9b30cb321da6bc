/* Converts the cells of one column in a batch of rows: by kernels as far as they get, and one by
 * one where they stop. */
#include "frame/csv_worker.h"
#include "frame/field_value.h"
#include "frame/infer.h"

/* A cell as the kernels' caller sees it. */
struct look {
    const char *raw; /* with its quotes */
    size_t n_raw;
    struct mer_csv_token token; /* as struct mer_csv_token says, from the piece's text */
    struct mer_cell cell;
    int missing; /* which text that means missing, or -1 */
};

static enum mer_csv_outcome fail(struct mer_csv_worker *worker, mer_status status)
{
    worker->status = status;
    return MER_CSV_FAILED;
}

/* Unescapes into the worker's scratch. */
static mer_status unescape(struct mer_csv_worker *worker, struct look *look)
{
    if (look->cell.n > worker->n_scratch) {
        MER_GUARD(mer_alloc_resize(worker->fast->table->ctx->alloc, look->cell.n, &worker->scratch,
                                   &worker->err));
        worker->n_scratch = look->cell.n;
    }
    look->token.n |= MER_CSV_ESCAPED;
    look->cell.n = mer_csv_unescape(look->cell.bytes, look->cell.n, worker->scratch);
    look->cell.bytes = worker->scratch;
    return mer_ok();
}

/* The cell in a row of the batch. Quotes stand where they may: the index has seen to that. */
static enum mer_csv_outcome look_at(struct mer_csv_worker *worker, size_t c, size_t row,
                                    struct look *look)
{
    const struct mer_csv_batch *batch = &worker->batch;
    const uint32_t *at = batch->starts + row * batch->n_columns + c;
    const bool is_last = c + 1 == batch->n_columns;
    const char *begin = batch->text + at[0];
    const char *end = batch->text + at[1] - 1;
    if (*end != (is_last ? '\n' : batch->delimiter))
        return MER_CSV_DECLINED; /* more cells or fewer than there are columns */
    if (is_last && end > begin && end[-1] == '\r')
        end--;
    const bool quoted = end > begin && *begin == '"';
    look->raw = begin;
    look->n_raw = (size_t)(end - begin);
    look->cell = (struct mer_cell){begin + quoted, look->n_raw - 2 * (size_t)quoted};
    look->token = (struct mer_csv_token){at[0] + quoted, (uint32_t)look->cell.n};
    if (quoted && memchr(look->cell.bytes, '"', look->cell.n)) {
        const mer_status status = unescape(worker, look);
        if (!mer_is_ok(status))
            return fail(worker, status);
    }
    look->missing =
        mer_missing_find(mer_csv_missing(worker->fast->table, c), look->cell.bytes, look->cell.n);
    return MER_CSV_DONE;
}

static mer_status note_missing(struct mer_csv_worker *worker, size_t c, size_t row, int which)
{
    struct mer_csv_part *part = &worker->parts[c];
    if (!part->missing)
        MER_GUARD(mer_alloc_zero(worker->fast->table->ctx->alloc, worker->piece->n_rows / 64 + 1,
                                 sizeof *part->missing, &part->missing, &worker->err));
    mer_csv_set_bit(part->missing, worker->first_row + row);
    part->n_missing++;
    if (!worker->fast->table->columns[c].missing)
        worker->missing_counts[which]++;
    return mer_ok();
}

/* A missing cell, where there may be one. */
static enum mer_csv_outcome take_missing(struct mer_csv_worker *worker, size_t c, size_t row,
                                         const struct look *look)
{
    const struct mer_field *field = worker->fast->targets[c].field;
    if (field && field->required)
        return MER_CSV_DECLINED;
    const mer_status status = note_missing(worker, c, row, look->missing);
    return mer_is_ok(status) ? MER_CSV_DONE : fail(worker, status);
}

/* A value is not of the guessed type: which types are left? What was converted before speaks for
 * some; the rest of the batch, and later batches of the piece, narrow them down. */
static enum mer_csv_outcome narrow(struct mer_csv_worker *worker, size_t c, size_t row)
{
    const struct mer_csv_target *target = &worker->fast->targets[c];
    struct mer_csv_part *part = &worker->parts[c];
    if (target->field)
        return MER_CSV_DECLINED;
    if (!part->misfit) {
        part->misfit = true;
        part->candidates = MER_MAY(target->type);
        if (target->kind == MER_CSV_NOTHING)
            part->candidates = MER_MAY_ANY;
        else if (target->type == MER_TYPE_INTEGER)
            part->candidates |= MER_MAY(MER_TYPE_NUMBER);
    }
    for (; row < worker->batch.n_rows && part->candidates; row++) {
        struct look look;
        const enum mer_csv_outcome outcome = look_at(worker, c, row, &look);
        if (outcome != MER_CSV_DONE)
            return outcome;
        if (look.missing < 0)
            part->candidates = mer_infer_narrow(part->candidates, look.cell.bytes, look.cell.n);
    }
    return MER_CSV_DONE;
}

/* The value of a cell, by its field or as inference sees it; false: it has none. */
static bool value_of(const struct mer_csv_target *target, struct mer_cell cell,
                     union mer_value *ret)
{
    if (target->field)
        return mer_field_value(target->field, cell.bytes, cell.n, ret) == MER_VALUE_FINE;
    if (target->kind == MER_CSV_NOTHING)
        return false;
    if (target->type == MER_TYPE_BOOLEAN)
        return mer_boolean_parse(cell.bytes, cell.n, &ret->truth);
    const bool numeric = target->type == MER_TYPE_INTEGER || target->type == MER_TYPE_NUMBER;
    if (numeric && !mer_infer_narrow(MER_MAY(target->type), cell.bytes, cell.n))
        return false;
    const struct mer_field field = {.type = target->type};
    return mer_field_value(&field, cell.bytes, cell.n, ret) == MER_VALUE_FINE;
}

static mer_status store(struct mer_csv_worker *worker, size_t c, size_t row, union mer_value value)
{
    const struct mer_csv_target *target = &worker->fast->targets[c];
    struct mer_csv_part *part = &worker->parts[c];
    if (target->type != MER_TYPE_BOOLEAN) {
        unsigned char *data = worker->fast->region->base + target->data;
        memcpy(data + 8 * (worker->piece->first_row + worker->first_row + row), &value,
               sizeof(int64_t));
        return mer_ok();
    }
    if (!part->truths)
        MER_GUARD(mer_alloc_zero(worker->fast->table->ctx->alloc, worker->piece->n_rows / 64 + 1,
                                 sizeof *part->truths, &part->truths, &worker->err));
    if (value.truth)
        mer_csv_set_bit(part->truths, worker->first_row + row);
    return mer_ok();
}

/* One cell of a column of values. *ret_fits is false when its guess ends here. */
static enum mer_csv_outcome convert_value(struct mer_csv_worker *worker, size_t c, size_t row,
                                          bool *ret_fits)
{
    const struct mer_csv_target *target = &worker->fast->targets[c];
    union mer_value value = {.integer = 0};
    struct look look;
    const enum mer_csv_outcome outcome = look_at(worker, c, row, &look);
    *ret_fits = true;
    if (outcome != MER_CSV_DONE)
        return outcome;
    if (look.missing >= 0) {
        const enum mer_csv_outcome taken = take_missing(worker, c, row, &look);
        if (taken != MER_CSV_DONE || target->type == MER_TYPE_BOOLEAN)
            return taken;
    } else if (!value_of(target, look.cell, &value)) {
        *ret_fits = false;
        return MER_CSV_DONE;
    }
    const mer_status status = store(worker, c, row, value);
    return mer_is_ok(status) ? MER_CSV_DONE : fail(worker, status);
}

static enum mer_csv_outcome convert_values(struct mer_csv_worker *worker, size_t c)
{
    const struct mer_csv_fast *fast = worker->fast;
    const struct mer_csv_target *target = &fast->targets[c];
    const struct mer_csv_batch *batch = &worker->batch;
    unsigned char *data =
        fast->region->base + target->data + 8 * (worker->piece->first_row + worker->first_row);
    for (size_t row = 0; row < batch->n_rows; row++) {
        bool fits;
        if (target->kind == MER_CSV_INTEGERS)
            row = fast->kernels->integers(batch, c, row, (int64_t *)(void *)data);
        else if (target->kind == MER_CSV_NUMBERS)
            row = fast->kernels->numbers(batch, c, row, (double *)(void *)data);
        if (row == batch->n_rows)
            break;
        const enum mer_csv_outcome outcome = convert_value(worker, c, row, &fits);
        if (outcome != MER_CSV_DONE)
            return outcome;
        if (!fits)
            return narrow(worker, c, row);
    }
    return MER_CSV_DONE;
}

/* The level of a cell: one of those known before, or a new one of the piece's own. */
static enum mer_csv_outcome find_level(struct mer_csv_worker *worker, size_t c,
                                       struct mer_cell cell, int32_t *ret_code)
{
    const struct mer_csv_target *target = &worker->fast->targets[c];
    struct mer_csv_part *part = &worker->parts[c];
    struct mer_alloc *alloc = worker->fast->table->ctx->alloc;
    int32_t code = mer_dictionary_find(&target->levels, cell.bytes, cell.n);
    if (code < 0 && target->closed)
        return MER_CSV_DECLINED;
    if (code < 0) {
        mer_status status = mer_ok();
        if (!part->more) {
            status = mer_alloc_zero(alloc, 1, sizeof *part->more, &part->more, &worker->err);
            if (mer_is_ok(status))
                mer_dictionary_init(part->more, alloc);
        }
        if (mer_is_ok(status))
            status = mer_dictionary_add(part->more, cell.bytes, cell.n, &code, &worker->err);
        if (!mer_is_ok(status))
            return fail(worker, status);
        if (target->n_guessed > (size_t)(INT32_MAX - code))
            return MER_CSV_DECLINED;
        code += (int32_t)target->n_guessed;
    }
    *ret_code = code;
    return MER_CSV_DONE;
}

static void remember(struct mer_csv_cached *cache, unsigned bits, const struct look *look,
                     int32_t code)
{
    if (look->n_raw - 1 >= 16)
        return;
    struct mer_csv_cached key = mer_csv_cache_key(look->raw, look->n_raw);
    key.code = code;
    key.n_value = (uint16_t)look->cell.n;
    cache[mer_csv_cache_slot(&key, bits)] = key;
}

static enum mer_csv_outcome convert_code(struct mer_csv_worker *worker, size_t c, size_t row,
                                         struct mer_csv_cached *cache, int32_t *ret_code)
{
    const struct mer_csv_target *target = &worker->fast->targets[c];
    struct mer_csv_part *part = &worker->parts[c];
    struct look look;
    enum mer_csv_outcome outcome = look_at(worker, c, row, &look);
    *ret_code = -1;
    if (outcome != MER_CSV_DONE)
        return outcome;
    if (look.missing >= 0)
        return take_missing(worker, c, row, &look);
    union mer_value value;
    if (target->field && !value_of(target, look.cell, &value))
        return MER_CSV_DECLINED;
    part->n_bytes += look.cell.n;
    outcome = find_level(worker, c, look.cell, ret_code);
    if (outcome == MER_CSV_DONE && cache)
        remember(cache, worker->fast->cache_bits, &look, *ret_code);
    return outcome;
}

static enum mer_csv_outcome convert_codes(struct mer_csv_worker *worker, size_t c)
{
    const struct mer_csv_fast *fast = worker->fast;
    const struct mer_csv_target *target = &fast->targets[c];
    struct mer_csv_part *part = &worker->parts[c];
    struct mer_csv_cached *cache =
        target->cache == SIZE_MAX ? NULL : worker->caches + (target->cache << fast->cache_bits);
    int32_t *codes = (int32_t *)(void *)(fast->region->base + target->data) +
                     worker->piece->first_row + worker->first_row;
    for (size_t row = 0; row < worker->batch.n_rows; row++) {
        if (cache)
            row = fast->kernels->codes(&worker->batch, c, row, codes, cache, fast->cache_bits,
                                       &part->n_bytes);
        if (row == worker->batch.n_rows)
            break;
        const enum mer_csv_outcome outcome = convert_code(worker, c, row, cache, &codes[row]);
        if (outcome != MER_CSV_DONE)
            return outcome;
    }
    /* So many levels are texts. */
    if (!target->field && part->more && part->more->n > MER_INFER_MAX_LEVELS) {
        part->misfit = true;
        part->candidates = 0;
    }
    return MER_CSV_DONE;
}

/* A text's place holds its token until all texts can be placed. */
static enum mer_csv_outcome convert_texts(struct mer_csv_worker *worker, size_t c)
{
    const struct mer_csv_target *target = &worker->fast->targets[c];
    struct mer_csv_part *part = &worker->parts[c];
    struct mer_csv_token *tokens =
        (struct mer_csv_token *)(void *)(worker->fast->region->base + target->data) +
        worker->piece->first_row + worker->first_row + 1;
    for (size_t row = 0; row < worker->batch.n_rows; row++) {
        struct look look;
        union mer_value value;
        const enum mer_csv_outcome outcome = look_at(worker, c, row, &look);
        if (outcome != MER_CSV_DONE)
            return outcome;
        if (look.missing >= 0) {
            const enum mer_csv_outcome taken = take_missing(worker, c, row, &look);
            if (taken != MER_CSV_DONE)
                return taken;
            look.token.n = 0;
        } else {
            if (target->field && !value_of(target, look.cell, &value))
                return MER_CSV_DECLINED;
            part->n_bytes += look.cell.n;
        }
        tokens[row] = look.token;
    }
    return MER_CSV_DONE;
}

/* A column that nobody wants still has its place in every row. */
static enum mer_csv_outcome pass_over(struct mer_csv_worker *worker, size_t c)
{
    for (size_t row = 0; row < worker->batch.n_rows; row++) {
        struct look look;
        const enum mer_csv_outcome outcome = look_at(worker, c, row, &look);
        if (outcome != MER_CSV_DONE)
            return outcome;
    }
    return MER_CSV_DONE;
}

enum mer_csv_outcome mer_csv_convert_cells(struct mer_csv_worker *worker, size_t c)
{
    if (worker->parts[c].misfit)
        return narrow(worker, c, 0);
    switch (worker->fast->targets[c].kind) {
    case MER_CSV_SKIPPED:
        return pass_over(worker, c);
    case MER_CSV_NOTHING:
    case MER_CSV_INTEGERS:
    case MER_CSV_NUMBERS:
    case MER_CSV_VALUES:
        return convert_values(worker, c);
    case MER_CSV_CODES:
        return convert_codes(worker, c);
    case MER_CSV_TEXTS:
        break;
    }
    return convert_texts(worker, c);
}
