/* Guesses the types of the columns from some rows: those at the beginning, whose texts become the
 * first levels, and some of pieces all over the file. A guess that is wrong is noticed later. */
#include "frame/csv_fast.h"
#include "frame/field_value.h"
#include "frame/infer.h"

enum {
    FIRST_ROWS = 1024,
    FIRST_BYTES = 256 << 10,
    OTHER_PIECES = 15,
    OTHER_ROWS = 64,
    OTHER_BYTES = 32 << 10,
    /* Fewer levels that occur once than this say nothing about how many there are. */
    REPEATS_MIN = 4
};

struct guess {
    struct mer_csv_fast *fast;
    struct mer_csv_token *tokens; /* of one row */
    char *scratch;                /* for an escaped cell */
    size_t n_scratch;
    unsigned *candidates;
    size_t *n_present;
    uint64_t *n_bytes;
};

static bool value_of(const struct guess *guess, const char *base, size_t c,
                     struct mer_cell *ret_cell)
{
    const struct mer_csv_token token = guess->tokens[c];
    const size_t n = token.n & ~MER_CSV_ESCAPED;
    *ret_cell = (struct mer_cell){base + token.at, n};
    if (token.n & MER_CSV_ESCAPED)
        *ret_cell =
            (struct mer_cell){guess->scratch, mer_csv_unescape(base + token.at, n, guess->scratch)};
    return mer_missing_find(mer_csv_missing(guess->fast->table, c), ret_cell->bytes, ret_cell->n) <
           0;
}

/* What is done with a value in column c. */
typedef mer_status use_fn(struct guess *guess, size_t c, struct mer_cell cell, mer_err *err);

static mer_status narrow(struct guess *guess, size_t c, struct mer_cell cell, mer_err *err)
{
    (void)err;
    guess->n_present[c]++;
    if (guess->candidates[c])
        guess->candidates[c] = mer_infer_narrow(guess->candidates[c], cell.bytes, cell.n);
    return mer_ok();
}

/* Texts at the beginning of the file become the first levels, in their order. */
static mer_status collect(struct guess *guess, size_t c, struct mer_cell cell, mer_err *err)
{
    struct mer_csv_target *target = &guess->fast->targets[c];
    int32_t code;
    if (target->kind != MER_CSV_CODES || target->closed)
        return mer_ok();
    guess->n_bytes[c] += cell.n;
    return mer_dictionary_add(&target->levels, cell.bytes, cell.n, &code, err);
}

/* Goes through the first rows of a text; stops where one is not as it should be. */
static mer_status walk(struct guess *guess, const char *base, size_t n, size_t n_rows,
                       size_t n_bytes, use_fn *use, mer_err *err)
{
    const size_t n_columns = guess->fast->table->source.n_columns;
    struct mer_csv_scan scan;
    mer_csv_scan_init(&scan, base, n, guess->fast->delimiter);
    for (size_t row = 0; row < n_rows && scan.next < scan.end; row++) {
        struct mer_csv_record record;
        if (row > 0 && (size_t)(scan.next - base) > n_bytes)
            break;
        mer_csv_scan_record(&scan, base, guess->tokens, n_columns, &record);
        if (record.fault != MER_CSV_FINE || record.n_cells != n_columns)
            break;
        if (record.n_escaped_max > guess->n_scratch) {
            MER_GUARD(mer_alloc_resize(guess->fast->table->ctx->alloc, record.n_escaped_max,
                                       &guess->scratch, err));
            guess->n_scratch = record.n_escaped_max;
        }
        for (size_t c = 0; c < n_columns; c++) {
            struct mer_cell cell;
            if (value_of(guess, base, c, &cell))
                MER_GUARD(use(guess, c, cell, err));
        }
    }
    return mer_ok();
}

static mer_status walk_sample(struct guess *guess, mer_err *err)
{
    const struct mer_csv_fast *fast = guess->fast;
    MER_GUARD(walk(guess, fast->text, fast->n_text, FIRST_ROWS, FIRST_BYTES, narrow, err));
    const size_t step = fast->n_pieces / OTHER_PIECES + 1;
    for (size_t i = step; i < fast->n_pieces; i += step) {
        const struct mer_csv_piece *piece = &fast->pieces[i];
        MER_GUARD(
            walk(guess, fast->text + piece->begin, piece->n, OTHER_ROWS, OTHER_BYTES, narrow, err));
    }
    return mer_ok();
}

void mer_csv_choose_kind(const struct mer_csv_fast *fast, size_t c, enum mer_type type)
{
    struct mer_csv_target *target = &fast->targets[c];
    const bool by_kernel = !fast->odd_missing && !fast->table->columns[c].missing &&
                           (!target->field || mer_field_is_plain(target->field));
    target->type = type;
    target->kind = MER_CSV_VALUES;
    if (type == MER_TYPE_TEXT)
        target->kind = MER_CSV_TEXTS;
    else if (type == MER_TYPE_CATEGORICAL)
        target->kind = MER_CSV_CODES;
    else if (type == MER_TYPE_INTEGER && by_kernel)
        target->kind = MER_CSV_INTEGERS;
    else if (type == MER_TYPE_NUMBER && by_kernel)
        target->kind = MER_CSV_NUMBERS;
}

static mer_status begin_target(struct guess *guess, size_t c, mer_err *err)
{
    struct mer_csv_fast *fast = guess->fast;
    struct mer_csv_target *target = &fast->targets[c];
    const struct mer_csv_column *column = &fast->table->columns[c];
    mer_dictionary_init(&target->levels, fast->table->ctx->alloc);
    target->field = column->field;
    if (column->skipped)
        return mer_ok();
    if (!column->field) {
        const enum mer_type type = mer_infer_type(guess->candidates[c], guess->n_present[c]);
        mer_csv_choose_kind(fast, c, type == MER_TYPE_TEXT ? MER_TYPE_CATEGORICAL : type);
        if (guess->n_present[c] == 0)
            target->kind = MER_CSV_NOTHING;
        return mer_ok();
    }
    mer_csv_choose_kind(fast, c, column->type);
    if (column->type != MER_TYPE_CATEGORICAL)
        return mer_ok();
    target->closed = column->field->n_categories && !fast->table->allow_new_levels;
    for (size_t k = 0; k < column->field->n_categories; k++) {
        const char *level = column->field->categories[k];
        int32_t code;
        MER_GUARD(mer_dictionary_add(&target->levels, level, strlen(level), &code, err));
    }
    return mer_ok();
}

/* Whether so many distinct texts among so many will rather make a text column than a categorical
 * one: of D levels that are equally frequent, n draws repeat about n^2 / 2 D times. */
static bool looks_like_text(size_t n_levels, size_t n_present, uint64_t n_bytes, size_t n_rows)
{
    const size_t repeats = n_present - n_levels;
    if (mer_infer_is_text(n_levels, n_present, n_bytes) &&
        n_bytes / n_present >= MER_INFER_LONG_TEXT)
        return true;
    if (!mer_infer_is_text(n_levels, n_present, n_bytes))
        return false;
    const size_t expected =
        repeats < REPEATS_MIN ? SIZE_MAX : n_present * n_present / (2 * repeats);
    return expected > MER_INFER_MAX_LEVELS || expected > n_rows / 2;
}

static void judge_texts(struct guess *guess)
{
    struct mer_csv_fast *fast = guess->fast;
    const struct mer_csv_piece *last = &fast->pieces[fast->n_pieces - 1];
    const size_t n_rows = last->first_row + last->n_rows;
    for (size_t c = 0; c < fast->table->source.n_columns; c++) {
        struct mer_csv_target *target = &fast->targets[c];
        target->n_guessed = target->levels.n;
        if (target->kind != MER_CSV_CODES || target->field || target->levels.n == 0)
            continue;
        /* What was collected are the values of the first rows. */
        const size_t n_present =
            guess->n_present[c] < FIRST_ROWS ? guess->n_present[c] : FIRST_ROWS;
        const size_t n = n_present < target->levels.n ? target->levels.n : n_present;
        if (looks_like_text(target->levels.n, n, guess->n_bytes[c], n_rows))
            mer_csv_choose_kind(fast, c, MER_TYPE_TEXT);
    }
}

static mer_status guess_all(struct guess *guess, mer_err *err)
{
    struct mer_csv_fast *fast = guess->fast;
    const size_t n_columns = fast->table->source.n_columns;
    struct mer_alloc *alloc = fast->table->ctx->alloc;
    MER_GUARD(mer_alloc_array(alloc, n_columns, sizeof *guess->tokens, &guess->tokens, err));
    MER_GUARD(
        mer_alloc_array(alloc, n_columns, sizeof *guess->candidates, &guess->candidates, err));
    MER_GUARD(mer_alloc_zero(alloc, n_columns, sizeof *guess->n_present, &guess->n_present, err));
    MER_GUARD(mer_alloc_zero(alloc, n_columns, sizeof *guess->n_bytes, &guess->n_bytes, err));
    for (size_t c = 0; c < n_columns; c++)
        guess->candidates[c] = MER_MAY_ANY;
    MER_GUARD(walk_sample(guess, err));
    for (size_t c = 0; c < n_columns; c++)
        MER_GUARD(begin_target(guess, c, err));
    MER_GUARD(walk(guess, fast->text, fast->n_text, FIRST_ROWS, FIRST_BYTES, collect, err));
    judge_texts(guess);
    return mer_ok();
}

mer_status mer_csv_guess(struct mer_csv_fast *fast, mer_err *err)
{
    struct mer_alloc *alloc = fast->table->ctx->alloc;
    struct guess guess = {.fast = fast};
    const mer_status status = guess_all(&guess, err);
    mer_free(alloc, guess.tokens);
    mer_free(alloc, guess.scratch);
    mer_free(alloc, guess.candidates);
    mer_free(alloc, guess.n_present);
    mer_free(alloc, guess.n_bytes);
    return status;
}
