#include "frame/arrow.h"

#include <string.h>

enum { BUFFERS_MAX = 3 };

/* What a schema or an array owns besides the frame's own memory. */
struct schema_keeper {
    struct mer_alloc *alloc;
    struct mer_arrow_owner owner;
    struct ArrowSchema dictionary;
};

struct array_keeper {
    struct mer_alloc *alloc;
    struct mer_arrow_owner owner;
    const void *buffers[BUFFERS_MAX];
    int32_t *narrow; /* of a date column, or codes of which some are missing; or NULL */
    /* May be moved out by the receiver, so it has a keeper of its own. */
    struct ArrowArray dictionary;
};

static const char *const formats[MER_TYPE_COUNT] = {
    [MER_TYPE_BOOLEAN] = "b",     [MER_TYPE_INTEGER] = "l",        [MER_TYPE_NUMBER] = "g",
    [MER_TYPE_CATEGORICAL] = "i", [MER_TYPE_TEXT] = "U",           [MER_TYPE_DATE] = "tdD",
    [MER_TYPE_TIME] = "ttu",      [MER_TYPE_DATETIME] = "tsu:UTC",
};

/* Holds the owner, if there is one. */
static struct mer_arrow_owner hold(const struct mer_arrow_owner *owner)
{
    if (!owner)
        return (struct mer_arrow_owner){.self = NULL};
    owner->retain(owner->self);
    return *owner;
}

static void let_go(struct mer_arrow_owner owner)
{
    if (owner.release)
        owner.release(owner.self);
}

static void release_schema(struct ArrowSchema *schema)
{
    struct schema_keeper *keeper = schema->private_data;
    const struct mer_arrow_owner owner = keeper->owner;
    if (schema->dictionary && schema->dictionary->release)
        schema->dictionary->release(schema->dictionary);
    schema->release = NULL;
    mer_free(keeper->alloc, keeper);
    let_go(owner);
}

static void release_array(struct ArrowArray *array)
{
    struct array_keeper *keeper = array->private_data;
    const struct mer_arrow_owner owner = keeper->owner;
    if (array->dictionary && array->dictionary->release)
        array->dictionary->release(array->dictionary);
    array->release = NULL;
    mer_free(keeper->alloc, keeper->narrow);
    mer_free(keeper->alloc, keeper);
    let_go(owner);
}

/* A dictionary's schema owns nothing: its texts are constants. */
static void release_inner_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static mer_status export_schema(const struct mer_frame *frame, const struct mer_column *column,
                                const struct mer_arrow_owner *owner, struct ArrowSchema *ret_schema,
                                mer_err *err)
{
    struct schema_keeper *keeper;
    MER_GUARD(mer_alloc_zero(frame->alloc, 1, sizeof *keeper, &keeper, err));
    keeper->alloc = frame->alloc;
    keeper->owner = hold(owner);
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
static mer_status make_array(struct mer_alloc *alloc, const struct mer_arrow_owner *owner,
                             size_t length, const void *const *buffers, int64_t n_buffers,
                             struct ArrowArray *ret_array, mer_err *err)
{
    struct array_keeper *keeper;
    MER_GUARD(mer_alloc_zero(alloc, 1, sizeof *keeper, &keeper, err));
    keeper->alloc = alloc;
    keeper->owner = hold(owner);
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
    MER_GUARD(mer_alloc_array(keeper->alloc, n, sizeof *keeper->narrow, &keeper->narrow, err));
    for (size_t row = 0; row < n; row++)
        keeper->narrow[row] = (int32_t)column->data.integers[row];
    keeper->buffers[1] = keeper->narrow;
    return mer_ok();
}

/* Where a value is missing the image has -1, which some receivers take for a key all the same. */
static mer_status clear_missing_codes(const struct mer_column *column, struct ArrowArray *array,
                                      mer_err *err)
{
    struct array_keeper *keeper = array->private_data;
    const size_t n = (size_t)array->length;
    if (column->n_missing == 0)
        return mer_ok();
    MER_GUARD(mer_alloc_array(keeper->alloc, n, sizeof *keeper->narrow, &keeper->narrow, err));
    for (size_t row = 0; row < n; row++)
        keeper->narrow[row] = column->data.codes[row] < 0 ? 0 : column->data.codes[row];
    keeper->buffers[1] = keeper->narrow;
    return mer_ok();
}

static mer_status add_dictionary(const struct mer_column *column, struct ArrowArray *array,
                                 mer_err *err)
{
    struct array_keeper *keeper = array->private_data;
    const void *levels[BUFFERS_MAX] = {NULL, column->level_offsets, column->level_bytes};
    const struct mer_arrow_owner *const owner = keeper->owner.retain ? &keeper->owner : NULL;
    MER_GUARD(make_array(keeper->alloc, owner, column->n_levels, levels, BUFFERS_MAX,
                         &keeper->dictionary, err));
    array->dictionary = &keeper->dictionary;
    return clear_missing_codes(column, array, err);
}

static mer_status export_array(const struct mer_frame *frame, const struct mer_column *column,
                               const struct mer_arrow_owner *owner, struct ArrowArray *ret_array,
                               mer_err *err)
{
    const void *buffers[BUFFERS_MAX] = {column->validity, column->data.bits, column->bytes};
    struct ArrowArray array;
    MER_GUARD(make_array(frame->alloc, owner, frame->n_rows, buffers,
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

mer_status mer_arrow_export(const struct mer_frame *frame, size_t c,
                            const struct mer_arrow_owner *owner, struct ArrowSchema *ret_schema,
                            struct ArrowArray *ret_array, mer_err *err)
{
    struct ArrowSchema schema;
    if (c >= frame->n_columns)
        return mer_fail(err, MER_ERR_INTERNAL, "the table has %zu columns, not %zu",
                        frame->n_columns, c + 1);
    MER_GUARD(export_schema(frame, &frame->columns[c], owner, &schema, err));
    mer_status status = export_array(frame, &frame->columns[c], owner, ret_array, err);
    if (!mer_is_ok(status)) {
        schema.release(&schema);
        return status;
    }
    *ret_schema = schema;
    return status;
}

/* A struct's children, which the receiver may move out one by one. */
struct table_keeper {
    struct mer_alloc *alloc;
    size_t n;
    struct ArrowSchema *schemas; /* of one kind of keeper these, of the other arrays */
    struct ArrowSchema **schema_places;
    struct ArrowArray *arrays;
    struct ArrowArray **array_places;
    const void *buffers[1]; /* no row is missing */
};

static void free_table_keeper(struct table_keeper *keeper)
{
    struct mer_alloc *const alloc = keeper->alloc;
    for (size_t c = 0; c < keeper->n; c++) {
        if (keeper->schemas && keeper->schemas[c].release)
            keeper->schemas[c].release(&keeper->schemas[c]);
        if (keeper->arrays && keeper->arrays[c].release)
            keeper->arrays[c].release(&keeper->arrays[c]);
    }
    mer_free(alloc, keeper->schemas);
    mer_free(alloc, keeper->schema_places);
    mer_free(alloc, keeper->arrays);
    mer_free(alloc, keeper->array_places);
    mer_free(alloc, keeper);
}

static void release_table_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
    free_table_keeper(schema->private_data);
}

static void release_table_array(struct ArrowArray *array)
{
    array->release = NULL;
    free_table_keeper(array->private_data);
}

/* A keeper without children yet. */
static mer_status make_table_keepers(struct mer_alloc *alloc, size_t n,
                                     struct table_keeper *keepers[2], mer_err *err)
{
    for (size_t k = 0; k < 2; k++) {
        MER_GUARD(mer_alloc_zero(alloc, 1, sizeof *keepers[k], &keepers[k], err));
        keepers[k]->alloc = alloc;
    }
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof(struct ArrowSchema), &keepers[0]->schemas, err));
    MER_GUARD(
        mer_alloc_zero(alloc, n, sizeof(struct ArrowSchema *), &keepers[0]->schema_places, err));
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof(struct ArrowArray), &keepers[1]->arrays, err));
    return mer_alloc_zero(alloc, n, sizeof(struct ArrowArray *), &keepers[1]->array_places, err);
}

static mer_status fill_table_keepers(const struct mer_frame *frame,
                                     const struct mer_arrow_owner *owner,
                                     struct table_keeper *keepers[2], mer_err *err)
{
    MER_GUARD(make_table_keepers(frame->alloc, frame->n_columns, keepers, err));
    for (size_t c = 0; c < frame->n_columns; c++) {
        MER_GUARD(mer_arrow_export(frame, c, owner, &keepers[0]->schemas[c], &keepers[1]->arrays[c],
                                   err));
        keepers[0]->schema_places[c] = &keepers[0]->schemas[c];
        keepers[1]->array_places[c] = &keepers[1]->arrays[c];
        keepers[0]->n = keepers[1]->n = c + 1;
    }
    return mer_ok();
}

mer_status mer_arrow_export_table(const struct mer_frame *frame,
                                  const struct mer_arrow_owner *owner,
                                  struct ArrowSchema *ret_schema, struct ArrowArray *ret_array,
                                  mer_err *err)
{
    struct table_keeper *keepers[2] = {NULL, NULL};
    const mer_status status = fill_table_keepers(frame, owner, keepers, err);
    if (!mer_is_ok(status)) {
        for (size_t k = 0; k < 2; k++)
            if (keepers[k])
                free_table_keeper(keepers[k]);
        return status;
    }
    *ret_schema = (struct ArrowSchema){.format = "+s",
                                       .name = "",
                                       .n_children = (int64_t)frame->n_columns,
                                       .children = keepers[0]->schema_places,
                                       .release = release_table_schema,
                                       .private_data = keepers[0]};
    *ret_array = (struct ArrowArray){.length = (int64_t)frame->n_rows,
                                     .n_buffers = 1,
                                     .n_children = (int64_t)frame->n_columns,
                                     .buffers = keepers[1]->buffers,
                                     .children = keepers[1]->array_places,
                                     .release = release_table_array,
                                     .private_data = keepers[1]};
    return status;
}
