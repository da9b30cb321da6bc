#include "reading.h"

#include <zlib.h>

#include "core/number.h"

void reading_init(struct reading *reading)
{
    *reading = (struct reading){0};
    mer_alloc_init(&reading->alloc, SIZE_MAX);
    reading->ctx.alloc = &reading->alloc;
}

void reading_end(struct reading *reading)
{
    mer_frame_release(&reading->frame);
    assert_int_equal(atomic_load(&reading->alloc.used), 0);
}

enum mer_code reading_csv(struct reading *reading, const void *bytes, size_t n)
{
    mer_frame_release(&reading->frame);
    mer_err_clear(&reading->err);
    return mer_csv_read(&reading->ctx, bytes, n == SIZE_MAX ? strlen(bytes) : n, &reading->options,
                        &reading->frame, &reading->report, &reading->err)
        .code;
}

static void show_text(FILE *out, struct mer_cell text)
{
    fwrite(text.bytes, 1, text.n, out);
}

static void show_cell(FILE *out, const struct mer_column *column, size_t row)
{
    char number[MER_NUMBER_TEXT_MAX];
    if (!mer_column_has(column, row)) {
        fputc('.', out);
        return;
    }
    switch (column->type) {
    case MER_TYPE_BOOLEAN:
        fputs((column->data.bits[row / 8] >> (row % 8)) & 1 ? "true" : "false", out);
        break;
    case MER_TYPE_NUMBER:
        (void)mer_number_format(column->data.numbers[row], number);
        fputs(number, out);
        break;
    case MER_TYPE_CATEGORICAL:
        fprintf(out, "%d", column->data.codes[row]);
        break;
    case MER_TYPE_TEXT:
        show_text(out, mer_column_text(column, row));
        break;
    case MER_TYPE_INTEGER:
    case MER_TYPE_DATE:
    case MER_TYPE_TIME:
    case MER_TYPE_DATETIME:
        fprintf(out, "%lld", (long long)column->data.integers[row]);
        break;
    case MER_TYPE_COUNT:
        fail();
    }
}

char *reading_show(const struct mer_frame *frame)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    for (size_t c = 0; c < frame->n_columns; c++) {
        const struct mer_column *column = &frame->columns[c];
        fprintf(out, "%s %s", column->name, mer_type_name(column->type));
        if (column->type == MER_TYPE_CATEGORICAL) {
            fputc('{', out);
            for (size_t k = 0; k < column->n_levels; k++) {
                fputs(k ? "," : "", out);
                show_text(out, mer_column_level(column, k));
            }
            fputc('}', out);
        }
        fputs(": ", out);
        for (size_t row = 0; row < frame->n_rows; row++) {
            fputs(row ? "|" : "", out);
            show_cell(out, column, row);
        }
        fputc('\n', out);
    }
    fclose(out);
    return text;
}

char *reading_file(const char *path, size_t *ret_n)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const long n = ftell(file);
    assert_true(n >= 0);
    rewind(file);
    char *bytes = malloc((size_t)n + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)n, file), n);
    fclose(file);
    *ret_n = (size_t)n;
    return bytes;
}

unsigned char *reading_gzip(const void *bytes, size_t n, size_t *ret_n)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    const size_t capacity = deflateBound(&stream, n) + 64;
    unsigned char *zipped = malloc(capacity);
    assert_non_null(zipped);
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)n;
    stream.next_out = zipped;
    stream.avail_out = (uInt)capacity;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *ret_n = (size_t)(stream.next_out - zipped);
    deflateEnd(&stream);
    return zipped;
}
