/* Opens table images and finds columns. */
#include "frame/frame.h"

#include <string.h>

#include "core/nearest.h"
#include "frame/image.h"

static const char *const type_names[MER_TYPE_COUNT] = {
    [MER_TYPE_BOOLEAN] = "boolean", [MER_TYPE_INTEGER] = "integer",
    [MER_TYPE_NUMBER] = "number",   [MER_TYPE_CATEGORICAL] = "categorical",
    [MER_TYPE_TEXT] = "text",       [MER_TYPE_DATE] = "date",
    [MER_TYPE_TIME] = "time",       [MER_TYPE_DATETIME] = "datetime",
};

const char *mer_type_name(enum mer_type type)
{
    return (unsigned)type < MER_TYPE_COUNT ? type_names[type] : "unknown";
}

/* The view of one column of a checked image. */
static struct mer_column view(const unsigned char *image, const struct mer_image_column *stored)
{
    struct mer_column column = {.name = (const char *)image + stored->name,
                                .n_name = stored->n_name,
                                .type = (enum mer_type)stored->type,
                                .n_missing = stored->n_missing,
                                .n_levels = stored->n_levels};
    const void *data = image + stored->data;
    if (stored->n_missing)
        column.validity = image + stored->validity;
    switch (column.type) {
    case MER_TYPE_BOOLEAN:
        column.data.bits = data;
        break;
    case MER_TYPE_NUMBER:
        column.data.numbers = data;
        break;
    case MER_TYPE_CATEGORICAL:
        column.data.codes = data;
        column.level_offsets = (const void *)(image + stored->level_offsets);
        column.level_bytes = (const char *)image + stored->level_bytes;
        break;
    case MER_TYPE_TEXT:
        column.data.offsets = data;
        column.bytes = (const char *)image + stored->bytes;
        break;
    case MER_TYPE_INTEGER:
    case MER_TYPE_DATE:
    case MER_TYPE_TIME:
    case MER_TYPE_DATETIME:
    case MER_TYPE_COUNT:
        column.data.integers = data;
        break;
    }
    return column;
}

mer_status mer_frame_open(const struct mer_ctx *ctx, const void *image, size_t n,
                          struct mer_frame *ret_frame, mer_err *err)
{
    MER_GUARD(mer_image_check(ctx, image, n, err));
    return mer_frame_open_checked(ctx, image, n, ret_frame, err);
}

mer_status mer_frame_open_checked(const struct mer_ctx *ctx, const void *image, size_t n,
                                  struct mer_frame *ret_frame, mer_err *err)
{
    const struct mer_image_header *header = image;
    const struct mer_image_column *stored = (const void *)(header + 1);
    struct mer_frame frame = {.image = image,
                              .n_image = n,
                              .n_rows = header->n_rows,
                              .n_columns = header->n_columns,
                              .alloc = ctx->alloc};
    MER_GUARD(
        mer_alloc_array(ctx->alloc, frame.n_columns, sizeof *frame.columns, &frame.columns, err));
    for (size_t c = 0; c < frame.n_columns; c++)
        frame.columns[c] = view(image, &stored[c]);
    *ret_frame = frame;
    return mer_ok();
}

mer_status mer_frame_adopt(const struct mer_ctx *ctx, struct mer_region *region,
                           struct mer_frame *ret_frame, mer_err *err)
{
    MER_GUARD(mer_frame_open(ctx, region->base, region->n, ret_frame, err));
    ret_frame->region = *region;
    *region = (struct mer_region){0};
    return mer_ok();
}

void mer_frame_release(struct mer_frame *frame)
{
    if (frame->alloc)
        mer_free(frame->alloc, frame->columns);
    mer_region_release(&frame->region);
    *frame = (struct mer_frame){0};
}

size_t mer_frame_find(const struct mer_frame *frame, const char *name)
{
    const size_t n = strlen(name);
    for (size_t c = 0; c < frame->n_columns; c++)
        if (frame->columns[c].n_name == n && memcmp(frame->columns[c].name, name, n) == 0)
            return c;
    return SIZE_MAX;
}

mer_status mer_frame_want(const struct mer_frame *frame, const char *name, size_t *ret_index,
                          mer_err *err)
{
    const size_t index = mer_frame_find(frame, name);
    if (index != SIZE_MAX) {
        *ret_index = index;
        return mer_ok();
    }
    struct mer_nearest nearest;
    mer_nearest_init(&nearest, name, strlen(name));
    for (size_t c = 0; c < frame->n_columns; c++)
        mer_nearest_offer(&nearest, frame->columns[c].name, frame->columns[c].n_name);
    mer_status status = mer_fail(err, MER_ERR_DATA, "the table has no column %s (it has %zu)",
                                 mer_quote(name).text, frame->n_columns);
    if (nearest.name)
        return mer_hint(err, status, "did you mean %s?", mer_quote(nearest.name).text);
    return mer_hint(err, status, "the first column is %s", mer_quote(frame->columns[0].name).text);
}
