/* CSV by RFC 4180, lines ending in LF, that reads back to the same table: numbers as the shortest
 * text that means the same double, dates and times by ISO 8601. */
#include <string.h>

#include "core/number.h"
#include "frame/datetime.h"
#include "intake/table_writer.h"

enum { PIECE_BYTES = 1 << 18 };

struct csv_writing {
    const struct mer_frame *frame;
    const char *missing;
    size_t n_missing;
    char delimiter;
    struct mer_buf *buf;
    mer_err *err;
};

/* A text is quoted where it has to be, and where it would leave a line empty. */
static mer_status put_text(const struct csv_writing *writing, const char *bytes, size_t n)
{
    struct mer_buf *const buf = writing->buf;
    bool quote = n == 0 && writing->frame->n_columns == 1;
    for (size_t i = 0; i < n && !quote; i++)
        quote = bytes[i] == writing->delimiter || bytes[i] == '"' || bytes[i] == '\n' ||
                bytes[i] == '\r';
    if (!quote)
        return mer_buf_append(buf, bytes, n, writing->err);
    MER_GUARD(mer_buf_append(buf, "\"", 1, writing->err));
    while (n > 0) {
        const char *const end = memchr(bytes, '"', n);
        const size_t n_piece = end ? (size_t)(end - bytes) + 1 : n;
        MER_GUARD(mer_buf_append(buf, bytes, n_piece, writing->err));
        if (end)
            MER_GUARD(mer_buf_append(buf, "\"", 1, writing->err));
        bytes += n_piece;
        n -= n_piece;
    }
    return mer_buf_append(buf, "\"", 1, writing->err);
}

static mer_status put_value(const struct csv_writing *writing, const struct mer_column *column,
                            size_t row)
{
    char text[MER_NUMBER_TEXT_MAX];
    struct mer_cell cell;
    if (!mer_column_has(column, row))
        return put_text(writing, writing->missing, writing->n_missing);
    switch (column->type) {
    case MER_TYPE_BOOLEAN:
        return mer_buf_text(writing->buf,
                            column->data.bits[row / 8] >> (row % 8) & 1 ? "true" : "false",
                            writing->err);
    case MER_TYPE_NUMBER:
        return mer_buf_append(writing->buf, text,
                              mer_number_format(column->data.numbers[row], text), writing->err);
    case MER_TYPE_CATEGORICAL:
        cell = mer_column_level(column, (size_t)column->data.codes[row]);
        return put_text(writing, cell.bytes, cell.n);
    case MER_TYPE_TEXT:
        cell = mer_column_text(column, row);
        return put_text(writing, cell.bytes, cell.n);
    default:
        return mer_buf_append(writing->buf, text,
                              mer_when_format(column->type, column->data.integers[row], text),
                              writing->err);
    }
}

static mer_status put_row(const struct csv_writing *writing, size_t row)
{
    for (size_t c = 0; c < writing->frame->n_columns; c++) {
        if (c > 0)
            MER_GUARD(mer_buf_append(writing->buf, &writing->delimiter, 1, writing->err));
        MER_GUARD(put_value(writing, &writing->frame->columns[c], row));
    }
    return mer_buf_append(writing->buf, "\n", 1, writing->err);
}

static mer_status put_header(const struct csv_writing *writing)
{
    for (size_t c = 0; c < writing->frame->n_columns; c++) {
        if (c > 0)
            MER_GUARD(mer_buf_append(writing->buf, &writing->delimiter, 1, writing->err));
        MER_GUARD(
            put_text(writing, writing->frame->columns[c].name, writing->frame->columns[c].n_name));
    }
    return mer_buf_append(writing->buf, "\n", 1, writing->err);
}

static mer_status write_all(const struct mer_ctx *ctx, const struct csv_writing *writing,
                            const struct mer_table_sink *sink, mer_err *err)
{
    struct mer_buf *const buf = writing->buf;
    const size_t n_rows = writing->frame->n_rows;
    MER_GUARD(put_header(writing));
    for (size_t row = 0; row < n_rows; row++) {
        MER_GUARD(put_row(writing, row));
        if (buf->n < PIECE_BYTES)
            continue;
        mer_ctx_progress(ctx, "writing", row, n_rows);
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        MER_GUARD(sink->write(sink->self, buf->bytes, buf->n, err));
        mer_buf_clear(buf);
    }
    return sink->write(sink->self, buf->bytes, buf->n, err);
}

mer_status mer_csv_write_table(const struct mer_ctx *ctx, const struct mer_frame *frame,
                               const struct mer_table_writing *writing,
                               const struct mer_table_sink *sink, mer_err *err)
{
    struct mer_buf buf;
    const char *const missing = writing->missing ? writing->missing : "";
    const struct csv_writing csv = {.frame = frame,
                                    .missing = missing,
                                    .n_missing = strlen(missing),
                                    .delimiter = writing->delimiter ? writing->delimiter : ',',
                                    .buf = &buf,
                                    .err = err};
    mer_buf_init(&buf, ctx->alloc, SIZE_MAX / 2);
    const mer_status status = write_all(ctx, &csv, sink, err);
    mer_buf_release(&buf);
    return status;
}
