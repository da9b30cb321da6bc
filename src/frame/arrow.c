#include "frame/arrow.h"

#include <string.h>

enum { BUFFERS_MAX = 3 };

/* What a schema or an array owns besides the frame's own memory. */
struct schema_keeper {
    struct mer_alloc *alloc;
    struct ArrowSchema dictionary;
};

struct array_keeper {
    struct mer_alloc *alloc;
    const void *buffers[BUFFERS_MAX];
    int32_t *days; /* of a date column, or NULL */
    /* May be moved out by the receiver, so it has a keeper of its own. */
    struct ArrowArray dictionary;
};

static const char *const formats[MER_TYPE_COUNT] = {
    [MER_TYPE_BOOLEAN] = "b",     [MER_TYPE_INTEGER] = "l",        [MER_TYPE_NUMBER] = "g",
    [MER_TYPE_CATEGORICAL] = "i", [MER_TYPE_TEXT] = "U",           [MER_TYPE_DATE] = "tdD",
    [MER_TYPE_TIME] = "ttu",      [MER_TYPE_DATETIME] = "tsu:UTC",
};

static void release_schema(struct ArrowSchema *schema)
{
    struct schema_keeper *keeper = schema->private_data;
    if (schema->dictionary && schema->dictionary->release)
        schema->dictionary->release(schema->dictionary);
    schema->release = NULL;
    mer_free(keeper->alloc, keeper);
}

static void release_array(struct ArrowArray *array)
{
    struct array_keeper *keeper = array->private_data;
    if (array->dictionary && array->dictionary->release)
        array->dictionary->release(array->dictionary);
    array->release = NULL;
    mer_free(keeper->alloc, keeper->days);
    mer_free(keeper->alloc, keeper);
}

/* A dictionary's schema owns nothing: its texts are constants. */
static void release_inner_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static mer_status export_schema(const struct mer_frame *frame, const struct mer_column *column,
                                struct ArrowSchema *ret_schema, mer_err *err)
{
    struct schema_keeper *keeper;
    MER_GUARD(mer_alloc_zero(frame->alloc, 1, sizeof *keeper, &keeper, err));
    keeper->alloc = frame->alloc;
    *ret_schema = (struct ArrowSchema){.format = formats[column->type],
                                       .name = column->name,
                                       .flags = ARROW_FLAG_NULLABLE,
                                       .release = release_schema,
                                       .private_data = keeper};
    if (column->type == MER_TYPE_CATEGORICAL) {
        keeper->dictionary =
            (struct ArrowSchema){.format = "U", .name = "", .release = release_inner_schema};
        ret_schema->dictionary = &keeper->dictionary;
    }
    return mer_ok();
}

/* An array of the given buffers (the last may be absent), with a keeper of its own. */
static mer_status make_array(struct mer_alloc *alloc, size_t length, const void *const *buffers,
                             int64_t n_buffers, struct ArrowArray *ret_array, mer_err *err)
{
    struct array_keeper *keeper;
    MER_GUARD(mer_alloc_zero(alloc, 1, sizeof *keeper, &keeper, err));
    keeper->alloc = alloc;
    memcpy(keeper->buffers, buffers, sizeof keeper->buffers);
    *ret_array = (struct ArrowArray){.length = (int64_t)length,
                                     .n_buffers = n_buffers,
                                     .buffers = keeper->buffers,
                                     .release = release_array,
                                     .private_data = keeper};
    return mer_ok();
}

/* Days fit: the image holds years 1 to 9999. */
static mer_status narrow_days(const struct mer_column *column, struct ArrowArray *array,
                              mer_err *err)
{
    struct array_keeper *keeper = array->private_data;
    const size_t n = (size_t)array->length;
    MER_GUARD(mer_alloc_array(keeper->alloc, n, sizeof *keeper->days, &keeper->days, err));
    for (size_t row = 0; row < n; row++)
        keeper->days[row] = (int32_t)column->data.integers[row];
    keeper->buffers[1] = keeper->days;
    return mer_ok();
}

static mer_status add_dictionary(const struct mer_column *column, struct ArrowArray *array,
                                 mer_err *err)
{
    struct array_keeper *keeper = array->private_data;
    const void *levels[BUFFERS_MAX] = {NULL, column->level_offsets, column->level_bytes};
    MER_GUARD(
        make_array(keeper->alloc, column->n_levels, levels, BUFFERS_MAX, &keeper->dictionary, err));
    array->dictionary = &keeper->dictionary;
    return mer_ok();
}

static mer_status export_array(const struct mer_frame *frame, const struct mer_column *column,
                               struct ArrowArray *ret_array, mer_err *err)
{
    const void *buffers[BUFFERS_MAX] = {column->validity, column->data.bits, column->bytes};
    struct ArrowArray array;
    MER_GUARD(make_array(frame->alloc, frame->n_rows, buffers,
                         column->type == MER_TYPE_TEXT ? BUFFERS_MAX : BUFFERS_MAX - 1, &array,
                         err));
    array.null_count = (int64_t)column->n_missing;
    mer_status status = mer_ok();
    if (column->type == MER_TYPE_DATE)
        status = narrow_days(column, &array, err);
    else if (column->type == MER_TYPE_CATEGORICAL)
        status = add_dictionary(column, &array, err);
    if (!mer_is_ok(status)) {
        array.release(&array);
        return status;
    }
    *ret_array = array;
    return status;
}

mer_status mer_arrow_export(const struct mer_frame *frame, size_t c, struct ArrowSchema *ret_schema,
                            struct ArrowArray *ret_array, mer_err *err)
{
    struct ArrowSchema schema;
    if (c >= frame->n_columns)
        return mer_fail(err, MER_ERR_INTERNAL, "the table has %zu columns, not %zu",
                        frame->n_columns, c + 1);
    MER_GUARD(export_schema(frame, &frame->columns[c], &schema, err));
    mer_status status = export_array(frame, &frame->columns[c], ret_array, err);
    if (!mer_is_ok(status)) {
        schema.release(&schema);
        return status;
    }
    *ret_schema = schema;
    return status;
}
