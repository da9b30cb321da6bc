/* The constraints of fields on the values of a table. */
#include "frame/table_finish.h"

static enum mer_value_fault check_text(const struct mer_field *field, struct mer_cell cell)
{
    union mer_value unused;
    return mer_field_value(field, cell.bytes, cell.n, &unused);
}

static enum mer_value_fault check_value(const struct mer_field *field,
                                        const struct mer_column *column, size_t row)
{
    union mer_value value;
    switch (column->type) {
    case MER_TYPE_TEXT:
        return check_text(field, mer_column_text(column, row));
    case MER_TYPE_CATEGORICAL:
        return check_text(field, mer_column_level(column, (size_t)column->data.codes[row]));
    case MER_TYPE_BOOLEAN:
        value.truth = (column->data.bits[row / 8] >> (row % 8)) & 1;
        break;
    case MER_TYPE_NUMBER:
        value.number = column->data.numbers[row];
        break;
    default:
        value.integer = column->data.integers[row];
        break;
    }
    return mer_field_check(field, value);
}

mer_status mer_table_check_values(const struct mer_ctx *ctx, const struct mer_schema *schema,
                                  const struct mer_frame *frame, mer_err *err)
{
    for (size_t c = 0; c < frame->n_columns; c++) {
        const struct mer_column *const column = &frame->columns[c];
        unsigned part;
        const struct mer_field *const field =
            mer_schema_field_of_column(schema, column->name, c, &part);
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        if (!field || part || field->plain || field->type != column->type)
            continue;
        for (size_t row = 0; row < frame->n_rows; row++) {
            if (!mer_column_has(column, row))
                continue;
            const enum mer_value_fault fault = check_value(field, column, row);
            if (fault != MER_VALUE_FINE)
                return mer_fail(err, MER_ERR_DATA, "row %zu, column %s: %s", row + 1,
                                mer_quote(column->name).text, mer_value_fault_text(fault));
        }
    }
    return mer_ok();
}
