/* Examining and gathering; converting is in csv_convert.c. */
#include "frame/csv_columns.h"

#include "frame/field_value.h"
#include "frame/infer.h"

enum { CHUNKS_PER_REPORT = 8 };

void mer_csv_table_release(struct mer_csv_table *table)
{
    if (!table->ctx)
        return;
    struct mer_alloc *alloc = table->ctx->alloc;
    for (size_t i = 0; i < table->n_chunks; i++)
        mer_free(alloc, table->chunks[i].tokens);
    mer_free(alloc, table->chunks);
    for (size_t c = 0; table->columns && c < table->source.n_columns; c++) {
        mer_dictionary_release(&table->columns[c].levels);
        mer_free(alloc, table->columns[c].codes);
        mer_free(alloc, table->columns[c].missing);
    }
    mer_free(alloc, table->columns);
    mer_free(alloc, table->scratch);
}

mer_status mer_csv_step(const struct mer_csv_table *table, enum mer_csv_pass pass, size_t i,
                        const char *at, mer_err *err)
{
    const struct mer_csv_source *source = &table->source;
    if (i % CHUNKS_PER_REPORT == 0)
        mer_csv_report_progress(table,
                                pass * (uint64_t)source->n_text + (uint64_t)(at - source->text));
    return mer_ctx_check_cancel(table->ctx, err);
}

/* The cell, if it is not missing; counts it if it is. */
static inline bool count_at(const struct mer_csv_table *table, const struct mer_csv_chunk *chunk,
                            size_t c, size_t row, struct mer_cell *ret_cell)
{
    const int which = mer_csv_look(table, chunk, c, row, ret_cell);
    if (which < 0)
        return true;
    table->columns[c].n_missing++;
    if (!table->columns[c].missing)
        table->columns[c].missing_counts[which]++;
    return false;
}

/* The first bad cell of a chunk. */
struct complaint {
    size_t row; /* in the chunk; SIZE_MAX: none */
    size_t column;
    enum mer_value_fault fault;
};

/* The level of a categorical cell, or a complaint. */
static mer_status number_level(const struct mer_csv_table *table, struct mer_csv_column *column,
                               struct mer_cell cell, int32_t *ret_code,
                               enum mer_value_fault *ret_fault, mer_err *err)
{
    if (column->field->n_categories && !table->allow_new_levels) {
        *ret_code = mer_dictionary_find(&column->levels, cell.bytes, cell.n);
        *ret_fault = *ret_code < 0 ? MER_VALUE_NOT_CATEGORY : MER_VALUE_FINE;
        return mer_ok();
    }
    return mer_dictionary_add(&column->levels, cell.bytes, cell.n, ret_code, err);
}

/* Enforces a schema's field up to the row where another column's complaint stands already. */
static mer_status enforce(struct mer_csv_table *table, const struct mer_csv_chunk *chunk, size_t c,
                          struct complaint *complaint, mer_err *err)
{
    struct mer_csv_column *column = &table->columns[c];
    const size_t n_rows = complaint->row < chunk->n_rows ? complaint->row : chunk->n_rows;
    for (size_t row = 0; row < n_rows; row++) {
        struct mer_cell cell;
        union mer_value value;
        enum mer_value_fault fault = MER_VALUE_FINE;
        int32_t code = -1;
        if (count_at(table, chunk, c, row, &cell)) {
            fault = mer_field_value(column->field, cell.bytes, cell.n, &value);
            column->n_bytes += cell.n;
            if (fault == MER_VALUE_FINE && column->type == MER_TYPE_CATEGORICAL)
                MER_GUARD(number_level(table, column, cell, &code, &fault, err));
        } else if (column->field->required) {
            fault = MER_VALUE_REQUIRED;
        }
        if (fault != MER_VALUE_FINE) {
            *complaint = (struct complaint){row, c, fault};
            return mer_ok();
        }
        if (column->codes)
            column->codes[chunk->first_row + row] = code;
    }
    return mer_ok();
}

/* Narrows the types down; texts are counted later. */
static void narrow(struct mer_csv_table *table, const struct mer_csv_chunk *chunk, size_t c)
{
    struct mer_csv_column *column = &table->columns[c];
    unsigned candidates = column->candidates;
    for (size_t row = 0; row < chunk->n_rows && candidates; row++) {
        struct mer_cell cell;
        if (count_at(table, chunk, c, row, &cell))
            candidates = mer_infer_narrow(candidates, cell.bytes, cell.n);
    }
    column->candidates = candidates;
}

static mer_status examine_chunk(struct mer_csv_table *table, const struct mer_csv_chunk *chunk,
                                mer_err *err)
{
    struct complaint complaint = {.row = SIZE_MAX};
    for (size_t c = 0; c < table->source.n_columns; c++) {
        if (table->columns[c].field)
            MER_GUARD(enforce(table, chunk, c, &complaint, err));
        else if (!table->columns[c].skipped)
            narrow(table, chunk, c);
    }
    if (complaint.row == SIZE_MAX)
        return mer_ok();
    const struct mer_csv_token token =
        chunk->tokens[complaint.row * table->source.n_columns + complaint.column];
    return mer_csv_fail(&table->source, chunk->first_row + complaint.row,
                        (ptrdiff_t)complaint.column, chunk->base + token.at, err,
                        mer_value_fault_text(complaint.fault));
}

static mer_status begin_codes(struct mer_csv_table *table, struct mer_csv_column *column,
                              mer_err *err)
{
    struct mer_alloc *alloc = table->ctx->alloc;
    mer_dictionary_init(&column->levels, alloc);
    return mer_alloc_array(alloc, table->n_rows, sizeof *column->codes, &column->codes, err);
}

/* Categorical fields start with the categories that the schema lists, in its order. */
static mer_status begin_fields(struct mer_csv_table *table, mer_err *err)
{
    for (size_t c = 0; c < table->source.n_columns; c++) {
        struct mer_csv_column *column = &table->columns[c];
        if (!column->field || column->type != MER_TYPE_CATEGORICAL)
            continue;
        MER_GUARD(begin_codes(table, column, err));
        for (size_t k = 0; k < column->field->n_categories; k++) {
            const char *level = column->field->categories[k];
            int32_t code;
            MER_GUARD(mer_dictionary_add(&column->levels, level, strlen(level), &code, err));
        }
    }
    return mer_ok();
}

mer_status mer_csv_examine(struct mer_csv_table *table, mer_err *err)
{
    MER_GUARD(begin_fields(table, err));
    for (size_t i = 0; i < table->n_chunks; i++) {
        MER_GUARD(mer_csv_step(table, MER_CSV_EXAMINE, i, table->chunks[i].base, err));
        MER_GUARD(examine_chunk(table, &table->chunks[i], err));
    }
    for (size_t c = 0; c < table->source.n_columns; c++) {
        struct mer_csv_column *column = &table->columns[c];
        if (!column->field)
            column->type = mer_infer_type(column->candidates, table->n_rows - column->n_missing);
    }
    return mer_ok();
}

/* The column is text for good: its numbers are of no use any more. */
static void drop_codes(struct mer_csv_table *table, struct mer_csv_column *column)
{
    mer_dictionary_release(&column->levels);
    mer_free(table->ctx->alloc, column->codes);
    column->codes = NULL;
}

static mer_status gather_chunk(struct mer_csv_table *table, const struct mer_csv_chunk *chunk,
                               size_t c, mer_err *err)
{
    struct mer_csv_column *column = &table->columns[c];
    for (size_t row = 0; row < chunk->n_rows; row++) {
        struct mer_cell cell;
        int32_t code = -1;
        if (count_at(table, chunk, c, row, &cell)) {
            column->n_bytes += cell.n;
            if (column->codes)
                MER_GUARD(mer_dictionary_add(&column->levels, cell.bytes, cell.n, &code, err));
        }
        if (column->codes)
            column->codes[chunk->first_row + row] = code;
    }
    if (column->levels.n > MER_INFER_MAX_LEVELS)
        drop_codes(table, column);
    return mer_ok();
}

static bool is_gathered(const struct mer_csv_column *column)
{
    return !column->field && !column->skipped && column->type == MER_TYPE_TEXT;
}

mer_status mer_csv_gather(struct mer_csv_table *table, mer_err *err)
{
    const size_t n_columns = table->source.n_columns;
    for (size_t c = 0; c < n_columns; c++) {
        struct mer_csv_column *column = &table->columns[c];
        if (!is_gathered(column))
            continue;
        /* Examining stopped at the first cell that was only a text. */
        column->n_missing = 0;
        memset(column->missing_counts, 0, sizeof column->missing_counts);
        MER_GUARD(begin_codes(table, column, err));
    }
    for (size_t i = 0; i < table->n_chunks; i++) {
        MER_GUARD(mer_csv_step(table, MER_CSV_GATHER, i, table->chunks[i].base, err));
        for (size_t c = 0; c < n_columns; c++)
            if (is_gathered(&table->columns[c]))
                MER_GUARD(gather_chunk(table, &table->chunks[i], c, err));
    }
    for (size_t c = 0; c < n_columns; c++) {
        struct mer_csv_column *column = &table->columns[c];
        if (!is_gathered(column) || !column->codes)
            continue;
        if (mer_infer_is_text(column->levels.n, table->n_rows - column->n_missing, column->n_bytes))
            drop_codes(table, column);
        else
            column->type = MER_TYPE_CATEGORICAL;
    }
    return mer_ok();
}
