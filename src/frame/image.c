/* Where the sections of a table image lie. */
#include "frame/image.h"

#include <assert.h>

static_assert(sizeof(struct mer_image_header) == 64, "the header is one 64-byte line");
static_assert(sizeof(struct mer_image_column) == 128, "a column record is two 64-byte lines");

/* Reserves n bytes at the cursor, which stays a multiple of 64. */
static bool take(size_t n, size_t *cursor, uint64_t *ret_offset)
{
    size_t end;
    if (!mer_size_add(*cursor, n, &end) || !mer_size_align(end, &end))
        return false;
    *ret_offset = *cursor;
    *cursor = end;
    return true;
}

static bool offsets_bytes(uint64_t n, size_t *ret)
{
    size_t count;
    return mer_size_add(n, 1, &count) && mer_size_mul(count, sizeof(int64_t), ret);
}

bool mer_image_data_bytes(const struct mer_image_column *column, size_t n_rows, size_t *ret)
{
    switch ((enum mer_type)column->type) {
    case MER_TYPE_BOOLEAN:
        *ret = mer_bitmap_bytes(n_rows);
        return true;
    case MER_TYPE_CATEGORICAL:
        return mer_size_mul(n_rows, sizeof(int32_t), ret);
    case MER_TYPE_TEXT:
        return offsets_bytes(n_rows, ret);
    case MER_TYPE_INTEGER:
    case MER_TYPE_NUMBER:
    case MER_TYPE_DATE:
    case MER_TYPE_TIME:
    case MER_TYPE_DATETIME:
        return mer_size_mul(n_rows, sizeof(int64_t), ret);
    case MER_TYPE_COUNT:
        break;
    }
    return false;
}

static bool place_data(struct mer_image_column *column, size_t n_rows, size_t *cursor)
{
    size_t n;
    return mer_image_data_bytes(column, n_rows, &n) && take(n, cursor, &column->data);
}

static bool place_rest(struct mer_image_column *column, size_t n_rows, size_t *cursor)
{
    size_t n;
    column->validity = column->bytes = column->level_offsets = column->level_bytes = 0;
    if (column->n_missing && !take(mer_bitmap_bytes(n_rows), cursor, &column->validity))
        return false;
    if (column->type == MER_TYPE_TEXT)
        return take(column->n_bytes, cursor, &column->bytes);
    if (column->type == MER_TYPE_CATEGORICAL)
        return offsets_bytes(column->n_levels, &n) && take(n, cursor, &column->level_offsets) &&
               take(column->n_level_bytes, cursor, &column->level_bytes);
    return true;
}

bool mer_image_layout(struct mer_image_column *columns, size_t n_columns, size_t n_rows,
                      size_t *ret_n_image)
{
    size_t cursor;
    if (!mer_size_mul(n_columns, sizeof *columns, &cursor) ||
        !mer_size_add(cursor, sizeof(struct mer_image_header), &cursor))
        return false;
    for (size_t c = 0; c < n_columns; c++) {
        columns[c].name = cursor;
        if (!mer_size_add(cursor, columns[c].n_name, &cursor) || !mer_size_add(cursor, 1, &cursor))
            return false;
    }
    if (!mer_size_align(cursor, &cursor))
        return false;
    /* What follows from types and rows alone comes first: a reader can write there before it has
     * seen what is missing, and every level. */
    for (size_t c = 0; c < n_columns; c++)
        if (!place_data(&columns[c], n_rows, &cursor))
            return false;
    for (size_t c = 0; c < n_columns; c++)
        if (!place_rest(&columns[c], n_rows, &cursor))
            return false;
    *ret_n_image = cursor;
    return true;
}
