/* Primary and unique keys over all rows. */
#include <string.h>

#include "frame/dictionary.h"
#include "frame/table_finish.h"

bool mer_schema_has_keys(const struct mer_schema *schema)
{
    bool has = schema->n_keys > 0;
    for (size_t f = 0; f < schema->n_fields; f++)
        has |= schema->fields[f].unique;
    return has;
}

/* Appends a value so that equal values, and no others, give equal bytes. */
static mer_status put_value(const struct mer_column *column, size_t row, struct mer_buf *buf,
                            mer_err *err)
{
    switch (column->type) {
    case MER_TYPE_BOOLEAN: {
        const uint8_t bit = (column->data.bits[row / 8] >> (row % 8)) & 1;
        return mer_buf_append(buf, &bit, 1, err);
    }
    case MER_TYPE_NUMBER: {
        const double number = column->data.numbers[row] + 0.0; /* -0 is 0 */
        return mer_buf_append(buf, &number, sizeof number, err);
    }
    case MER_TYPE_CATEGORICAL:
        return mer_buf_append(buf, &column->data.codes[row], sizeof(int32_t), err);
    case MER_TYPE_TEXT: {
        const struct mer_cell cell = mer_column_text(column, row);
        MER_GUARD(mer_buf_append(buf, &cell.n, sizeof cell.n, err));
        return mer_buf_append(buf, cell.bytes, cell.n, err);
    }
    default:
        return mer_buf_append(buf, &column->data.integers[row], sizeof(int64_t), err);
    }
}

struct key_check {
    const struct mer_ctx *ctx;
    const struct mer_frame *frame;
    const size_t *columns;
    size_t n_columns;
    struct mer_dictionary seen;
    uint32_t *rows; /* of the keys in `seen`, by code */
    struct mer_buf key;
};

static mer_status fail_duplicate(const struct key_check *check, size_t row, size_t first,
                                 mer_err *err)
{
    const bool alone = check->n_columns == 1;
    return mer_fail(
        err, MER_ERR_DATA, "row %zu, column %s%s: %s, first in row %zu", row + 1,
        mer_quote(check->frame->columns[check->columns[0]].name).text, alone ? "" : " and others",
        mer_value_fault_text(alone ? MER_VALUE_DUPLICATE : MER_VALUE_DUPLICATE_KEY), first + 1);
}

static mer_status check_row(struct key_check *check, size_t row, mer_err *err)
{
    int32_t code;
    mer_buf_clear(&check->key);
    for (size_t i = 0; i < check->n_columns; i++) {
        const struct mer_column *const column = &check->frame->columns[check->columns[i]];
        if (!mer_column_has(column, row))
            return mer_ok();
        MER_GUARD(put_value(column, row, &check->key, err));
    }
    const size_t n_before = check->seen.n;
    MER_GUARD(
        mer_dictionary_add(&check->seen, (const char *)check->key.bytes, check->key.n, &code, err));
    if (check->seen.n == n_before)
        return fail_duplicate(check, row, check->rows[code], err);
    check->rows[code] = (uint32_t)row;
    return mer_ok();
}

static mer_status check_columns(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                const size_t *columns, size_t n_columns, mer_err *err)
{
    enum { ROWS_PER_LOOK = 1 << 16 };
    struct key_check check = {
        .ctx = ctx, .frame = frame, .columns = columns, .n_columns = n_columns};
    mer_dictionary_init(&check.seen, ctx->alloc);
    mer_buf_init(&check.key, ctx->alloc, SIZE_MAX / 2);
    mer_status status =
        mer_alloc_array(ctx->alloc, frame->n_rows, sizeof *check.rows, &check.rows, err);
    for (size_t row = 0; row < frame->n_rows && mer_is_ok(status); row++) {
        if (row % ROWS_PER_LOOK == 0)
            status = mer_ctx_check_cancel(ctx, err);
        if (mer_is_ok(status))
            status = check_row(&check, row, err);
    }
    mer_free(ctx->alloc, check.rows);
    mer_dictionary_release(&check.seen);
    mer_buf_release(&check.key);
    return status;
}

static mer_status check_key(const struct mer_ctx *ctx, const struct mer_schema *schema,
                            const struct mer_frame *frame, const size_t *fields, size_t n_fields,
                            mer_err *err)
{
    size_t *columns;
    MER_GUARD(mer_alloc_array(ctx->alloc, n_fields, sizeof *columns, &columns, err));
    mer_status status = mer_ok();
    for (size_t i = 0; i < n_fields && mer_is_ok(status); i++) {
        columns[i] = mer_frame_find(frame, schema->fields[fields[i]].name);
        if (columns[i] == SIZE_MAX)
            status = mer_fail(err, MER_ERR_DATA, "the table lacks the column %s of a key",
                              mer_quote(schema->fields[fields[i]].name).text);
    }
    if (mer_is_ok(status))
        status = check_columns(ctx, frame, columns, n_fields, err);
    mer_free(ctx->alloc, columns);
    return status;
}

mer_status mer_table_check_keys(const struct mer_ctx *ctx, const struct mer_schema *schema,
                                const struct mer_frame *frame, mer_err *err)
{
    for (size_t k = 0; k < schema->n_keys; k++)
        MER_GUARD(
            check_key(ctx, schema, frame, schema->keys[k].fields, schema->keys[k].n_fields, err));
    for (size_t f = 0; f < schema->n_fields; f++)
        if (schema->fields[f].unique && mer_frame_find(frame, schema->fields[f].name) != SIZE_MAX)
            MER_GUARD(check_key(ctx, schema, frame, &f, 1, err));
    return mer_ok();
}
