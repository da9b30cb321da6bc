#include "intake/typed_rows.h"

#include <math.h>
#include <stdio.h>

#include "core/number.h"
#include "intake/loose_table.h"

struct row {
    const struct mer_frame *frame;
    struct mer_loose_cell *cells;         /* [n_columns] */
    char (*numbers)[MER_NUMBER_TEXT_MAX]; /* [n_columns] */
};

static size_t format_integer(int64_t value, char text[MER_NUMBER_TEXT_MAX])
{
    const int n = snprintf(text, MER_NUMBER_TEXT_MAX, "%lld", (long long)value);
    return n > 0 ? (size_t)n : 0;
}

/* 3.0 and 1e17 are integers, in digits. */
static struct mer_loose_cell number_cell(double value, char text[MER_NUMBER_TEXT_MAX])
{
    const bool is_whole = value >= -0x1p63 && value < 0x1p63 && value == floor(value);
    return (struct mer_loose_cell){.kind = is_whole ? MER_LOOSE_INTEGER : MER_LOOSE_NUMBER,
                                   .bytes = text,
                                   .n = is_whole ? format_integer((int64_t)value, text)
                                                 : mer_number_format(value, text)};
}

static struct mer_loose_cell text_cell(struct mer_cell text)
{
    return (struct mer_loose_cell){
        .kind = MER_LOOSE_TEXT, .bytes = text.n ? text.bytes : "", .n = text.n};
}

static struct mer_loose_cell cell_at(const struct mer_column *column, size_t row,
                                     char text[MER_NUMBER_TEXT_MAX])
{
    struct mer_loose_cell cell = {.kind = MER_LOOSE_MISSING};
    if (!mer_column_has(column, row))
        return cell;
    switch (column->type) {
    case MER_TYPE_BOOLEAN:
        cell.kind = MER_LOOSE_BOOLEAN;
        cell.value = column->data.bits[row / 8] >> (row % 8) & 1;
        return cell;
    case MER_TYPE_INTEGER:
        return (struct mer_loose_cell){.kind = MER_LOOSE_INTEGER,
                                       .bytes = text,
                                       .n = format_integer(column->data.integers[row], text)};
    case MER_TYPE_NUMBER:
        return number_cell(column->data.numbers[row], text);
    case MER_TYPE_CATEGORICAL:
        return text_cell(mer_column_level(column, (size_t)column->data.codes[row]));
    case MER_TYPE_TEXT:
        return text_cell(mer_column_text(column, row));
    default:
        cell.kind = column->type == MER_TYPE_DATE   ? MER_LOOSE_DATE
                    : column->type == MER_TYPE_TIME ? MER_LOOSE_TIME
                                                    : MER_LOOSE_DATETIME;
        cell.value = column->data.integers[row];
        return cell;
    }
}

static mer_status add_rows(struct mer_loose_table *table, const struct row *row, mer_err *err)
{
    const struct mer_frame *const frame = row->frame;
    const char **names;
    MER_GUARD(mer_arena_zero(&table->arena, frame->n_columns, sizeof *names, &names, err));
    for (size_t c = 0; c < frame->n_columns; c++)
        names[c] = frame->columns[c].name;
    MER_GUARD(mer_loose_set_names(table, names, frame->n_columns, err));
    for (size_t i = 0; i < frame->n_rows; i++) {
        for (size_t c = 0; c < frame->n_columns; c++)
            row->cells[c] = cell_at(&frame->columns[c], i, row->numbers[c]);
        MER_GUARD(mer_loose_add_row(table, row->cells, frame->n_columns, i + 1, err));
    }
    return mer_ok();
}

mer_status mer_typed_rows_write(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                const struct mer_csv_options *options, struct mer_bad_rows *bad,
                                struct mer_region *region, struct mer_csv_report *ret_report,
                                mer_err *err)
{
    struct mer_loose_table table;
    struct row row = {.frame = frame};
    mer_status status = mer_loose_init(&table, ctx, options, NULL, err);
    mer_loose_set_aside(&table, bad);
    table.is_typed = true;
    if (mer_is_ok(status))
        status = mer_alloc_zero(ctx->alloc, frame->n_columns, sizeof *row.cells, &row.cells, err);
    if (mer_is_ok(status))
        status =
            mer_alloc_zero(ctx->alloc, frame->n_columns, sizeof *row.numbers, &row.numbers, err);
    if (mer_is_ok(status))
        status = add_rows(&table, &row, err);
    if (mer_is_ok(status))
        status = mer_loose_write_image(&table, region, ret_report, err);
    mer_free(ctx->alloc, row.cells);
    mer_free(ctx->alloc, row.numbers);
    mer_loose_release(&table);
    return status;
}
