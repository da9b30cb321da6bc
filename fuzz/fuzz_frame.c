/* Table images from a stranger: whatever is opened can be read to its last byte. */
#include <stdlib.h>
#include <string.h>

#include "frame/frame.h"

enum { MEMORY = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Keeps what was read from being optimised away. */
static volatile uint64_t sink;

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* Reads all that the views reach; a sanitizer watches. */
static uint64_t visit(const struct mer_frame *frame)
{
    uint64_t sum = 0;
    for (size_t c = 0; c < frame->n_columns; c++) {
        const struct mer_column *column = &frame->columns[c];
        must(strlen(column->name) == column->n_name && column->n_name > 0);
        size_t n_missing = 0;
        for (size_t row = 0; row < frame->n_rows; row++) {
            n_missing += !mer_column_has(column, row);
            if (column->type == MER_TYPE_TEXT) {
                const struct mer_cell cell = mer_column_text(column, row);
                for (size_t i = 0; i < cell.n; i++)
                    sum += (unsigned char)cell.bytes[i];
            } else if (column->type == MER_TYPE_CATEGORICAL && mer_column_has(column, row)) {
                const struct mer_cell cell =
                    mer_column_level(column, (size_t)column->data.codes[row]);
                for (size_t i = 0; i < cell.n; i++)
                    sum += (unsigned char)cell.bytes[i];
            } else if (column->type == MER_TYPE_BOOLEAN) {
                sum += column->data.bits[row / 8];
            } else if (column->type != MER_TYPE_CATEGORICAL) {
                sum += (uint64_t)column->data.integers[row];
            }
        }
        must(n_missing == column->n_missing);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mer_alloc alloc;
    struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_frame frame;
    mer_err err = {0};
    unsigned char *copy;
    mer_alloc_init(&alloc, MEMORY);
    if (mer_alloc_bytes(&alloc, n, &copy, &err).code != MER_OK)
        return 0;
    memcpy(copy, bytes, n);
    if (mer_frame_open(&ctx, copy, n, &frame, &err).code == MER_OK) {
        sink = visit(&frame);
        mer_frame_release(&frame);
    } else {
        must(err.message[0] != '\0');
    }
    mer_free(&alloc, copy);
    must(atomic_load(&alloc.used) == 0);
    return 0;
}
