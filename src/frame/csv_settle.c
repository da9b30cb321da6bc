/* Decides from what all pieces found whether the guessed types hold, numbers the levels of the
 * whole table in the order of their first appearance, and says which guess is right otherwise. */
#include "frame/csv_fast.h"
#include "frame/infer.h"

struct settling {
    struct mer_csv_fast *fast;
    mer_status *statuses; /* [n_columns] */
    mer_err *errs;
    bool *wrong; /* the guess does not hold; the target has the next one */
};

/* Sums over the pieces. */
static bool sum_parts(struct mer_csv_fast *fast, size_t c)
{
    struct mer_csv_column *column = &fast->table->columns[c];
    bool misfit = false;
    column->n_missing = 0;
    column->n_bytes = 0;
    for (size_t i = 0; i < fast->n_pieces; i++) {
        struct mer_csv_part *part = mer_csv_part(fast, i, c);
        part->first_byte = column->n_bytes;
        column->n_missing += part->n_missing;
        column->n_bytes += part->n_bytes;
        misfit |= part->misfit;
    }
    return misfit;
}

/* The type that all pieces leave. Those without a misfit leave what the guess allowed. */
static void guess_again(struct mer_csv_fast *fast, size_t c)
{
    const struct mer_csv_target *target = &fast->targets[c];
    unsigned candidates = MER_MAY_ANY;
    for (size_t i = 0; i < fast->n_pieces; i++) {
        const struct mer_csv_part *part = mer_csv_part(fast, i, c);
        if (part->misfit)
            candidates &= part->candidates;
        else if (target->type == MER_TYPE_INTEGER)
            candidates &= MER_MAY(MER_TYPE_INTEGER) | MER_MAY(MER_TYPE_NUMBER);
        else if (target->kind != MER_CSV_NOTHING)
            candidates &= MER_MAY(target->type);
    }
    if (target->kind == MER_CSV_CODES) {
        mer_csv_choose_kind(fast, c, MER_TYPE_TEXT);
        return;
    }
    const enum mer_type type = mer_infer_type(candidates, 1);
    mer_csv_choose_kind(fast, c, type == MER_TYPE_TEXT ? MER_TYPE_CATEGORICAL : type);
}

/* Adds a piece's own levels to the table's. */
static mer_status add_levels(struct mer_csv_target *target, struct mer_csv_part *part,
                             struct mer_alloc *alloc, mer_err *err)
{
    const struct mer_dictionary *more = part->more;
    MER_GUARD(mer_alloc_array(alloc, more->n, sizeof *part->codes, &part->codes, err));
    for (size_t k = 0; k < more->n; k++)
        MER_GUARD(mer_dictionary_add(&target->levels, more->bytes + more->offsets[k],
                                     (size_t)(more->offsets[k + 1] - more->offsets[k]),
                                     &part->codes[k], err));
    return mer_ok();
}

static mer_status settle_codes(struct mer_csv_fast *fast, size_t c, bool *ret_wrong, mer_err *err)
{
    struct mer_csv_target *target = &fast->targets[c];
    const struct mer_csv_column *column = &fast->table->columns[c];
    const size_t n_present = fast->table->n_rows - column->n_missing;
    for (size_t i = 0; i < fast->n_pieces; i++) {
        struct mer_csv_part *part = mer_csv_part(fast, i, c);
        if (part->more)
            MER_GUARD(add_levels(target, part, fast->table->ctx->alloc, err));
        if (!target->field && target->levels.n > MER_INFER_MAX_LEVELS)
            break;
    }
    *ret_wrong = !target->field && n_present > 0 &&
                 mer_infer_is_text(target->levels.n, n_present, column->n_bytes);
    if (*ret_wrong)
        mer_csv_choose_kind(fast, c, MER_TYPE_TEXT);
    return mer_ok();
}

/* Counts distinct texts until there are so many that the column is text whatever follows. */
static mer_status count_texts(const struct mer_csv_fast *fast, size_t c, char **scratch,
                              struct mer_dictionary *seen, bool *ret_is_text, mer_err *err)
{
    const struct mer_csv_target *target = &fast->targets[c];
    const struct mer_csv_column *column = &fast->table->columns[c];
    const size_t n_present = fast->table->n_rows - column->n_missing;
    const struct mer_csv_token *tokens =
        (const struct mer_csv_token *)(const void *)(fast->region->base + target->data) + 1;
    size_t n_scratch = 0;
    for (size_t i = 0; i < fast->n_pieces; i++) {
        const struct mer_csv_piece *piece = &fast->pieces[i];
        const uint64_t *missing = mer_csv_part(fast, i, c)->missing;
        for (size_t row = 0; row < piece->n_rows; row++) {
            const struct mer_csv_token token = tokens[piece->first_row + row];
            const char *bytes = fast->text + piece->begin + token.at;
            size_t n = token.n & ~MER_CSV_ESCAPED;
            int32_t code;
            if (missing && missing[row / 64] >> (row % 64) & 1)
                continue;
            if (token.n & MER_CSV_ESCAPED) {
                if (n > n_scratch)
                    MER_GUARD(mer_alloc_resize(fast->table->ctx->alloc, n, scratch, err));
                n_scratch = n > n_scratch ? n : n_scratch;
                n = mer_csv_unescape(bytes, n, *scratch);
                bytes = *scratch;
            }
            MER_GUARD(mer_dictionary_add(seen, bytes, n, &code, err));
            if ((size_t)code + 1 == seen->n &&
                mer_infer_is_text(seen->n, n_present, column->n_bytes)) {
                *ret_is_text = true;
                return mer_ok();
            }
        }
    }
    *ret_is_text = false;
    return mer_ok();
}

static mer_status settle_texts(struct mer_csv_fast *fast, size_t c, bool *ret_wrong, mer_err *err)
{
    struct mer_dictionary seen;
    char *scratch = NULL;
    bool is_text = true;
    mer_dictionary_init(&seen, fast->table->ctx->alloc);
    const mer_status status = count_texts(fast, c, &scratch, &seen, &is_text, err);
    mer_dictionary_release(&seen);
    mer_free(fast->table->ctx->alloc, scratch);
    *ret_wrong = !is_text;
    if (*ret_wrong)
        mer_csv_choose_kind(fast, c, MER_TYPE_CATEGORICAL);
    return status;
}

static void settle_column(void *argument, size_t c, size_t worker)
{
    const struct settling *settling = argument;
    struct mer_csv_fast *fast = settling->fast;
    const struct mer_csv_target *target = &fast->targets[c];
    mer_err *err = &settling->errs[c];
    (void)worker;
    if (target->kind == MER_CSV_SKIPPED)
        return;
    if (sum_parts(fast, c)) {
        guess_again(fast, c);
        settling->wrong[c] = true;
    } else if (target->kind == MER_CSV_CODES) {
        settling->statuses[c] = settle_codes(fast, c, &settling->wrong[c], err);
    } else if (target->kind == MER_CSV_TEXTS && !target->field) {
        settling->statuses[c] = settle_texts(fast, c, &settling->wrong[c], err);
    }
}

/* Levels of pieces came into a guess that will be used again: back to those that it had. */
static mer_status restore_levels(struct mer_csv_fast *fast, size_t c, mer_err *err)
{
    struct mer_csv_target *target = &fast->targets[c];
    if (target->kind != MER_CSV_CODES || target->levels.n == target->n_guessed)
        return mer_ok();
    struct mer_dictionary fewer;
    mer_dictionary_init(&fewer, fast->table->ctx->alloc);
    mer_status status = mer_ok();
    for (size_t k = 0; k < target->n_guessed && mer_is_ok(status); k++) {
        const int64_t *span = target->levels.offsets + k;
        int32_t code;
        status = mer_dictionary_add(&fewer, target->levels.bytes + span[0],
                                    (size_t)(span[1] - span[0]), &code, err);
    }
    mer_dictionary_release(&target->levels);
    target->levels = fewer;
    return status;
}

static mer_status settle_all(struct settling *settling, enum mer_csv_outcome *ret, mer_err *err)
{
    struct mer_csv_fast *fast = settling->fast;
    const size_t n_columns = fast->table->source.n_columns;
    mer_team_run(fast->table->ctx->team, settle_column, settling, n_columns);
    *ret = MER_CSV_DONE;
    for (size_t c = 0; c < n_columns; c++) {
        if (!mer_is_ok(settling->statuses[c])) {
            if (err)
                *err = settling->errs[c];
            return settling->statuses[c];
        }
        if (settling->wrong[c])
            *ret = MER_CSV_AGAIN;
    }
    for (size_t c = 0; c < n_columns && *ret == MER_CSV_AGAIN; c++)
        MER_GUARD(restore_levels(fast, c, err));
    return mer_ok();
}

mer_status mer_csv_settle(struct mer_csv_fast *fast, enum mer_csv_outcome *ret, mer_err *err)
{
    struct mer_alloc *alloc = fast->table->ctx->alloc;
    const size_t n_columns = fast->table->source.n_columns;
    struct settling settling = {.fast = fast};
    mer_status status =
        mer_alloc_zero(alloc, n_columns, sizeof *settling.statuses, &settling.statuses, err);
    if (mer_is_ok(status))
        status = mer_alloc_zero(alloc, n_columns, sizeof *settling.errs, &settling.errs, err);
    if (mer_is_ok(status))
        status = mer_alloc_zero(alloc, n_columns, sizeof *settling.wrong, &settling.wrong, err);
    if (mer_is_ok(status))
        status = settle_all(&settling, ret, err);
    mer_free(alloc, settling.statuses);
    mer_free(alloc, settling.errs);
    mer_free(alloc, settling.wrong);
    return status;
}
