#include "frame/rename.h"

#include <string.h>

#include "frame/image.h"

static mer_status plan_column(const struct mer_column *column, const struct mer_renaming *renaming,
                              struct mer_image_column *ret, mer_err *err)
{
    size_t n_level_bytes = 0;
    if (column->type == MER_TYPE_TEXT)
        return mer_fail(err, MER_ERR_INTERNAL, "a column of texts cannot be renamed");
    if (!mer_size_mul(column->n_levels, renaming->n_text, &n_level_bytes))
        return mer_fail(err, MER_ERR_MEMORY, "the table is too large for this machine");
    *ret = (struct mer_image_column){.n_name = renaming->n_name(renaming->self, column),
                                     .type = column->type,
                                     .n_missing = column->n_missing};
    if (column->type == MER_TYPE_CATEGORICAL) {
        ret->n_levels = column->n_levels;
        ret->n_level_bytes = n_level_bytes;
    }
    return mer_ok();
}

static mer_status write_levels(const struct mer_column *column, const struct mer_renaming *renaming,
                               const struct mer_image_column *stored, unsigned char *image,
                               mer_err *err)
{
    int64_t *const offsets = (int64_t *)(void *)(image + stored->level_offsets);
    char *const bytes = (char *)image + stored->level_bytes;
    if (column->type != MER_TYPE_CATEGORICAL)
        return mer_ok();
    for (size_t k = 0; k < column->n_levels; k++) {
        offsets[k + 1] = (int64_t)((k + 1) * renaming->n_text);
        MER_GUARD(renaming->text(renaming->self, column, k, bytes + k * renaming->n_text, err));
    }
    return mer_ok();
}

static mer_status write_column(const struct mer_frame *frame, const struct mer_column *column,
                               const struct mer_renaming *renaming,
                               const struct mer_image_column *stored, unsigned char *image,
                               mer_err *err)
{
    size_t n_data;
    if (!mer_image_data_bytes(stored, frame->n_rows, &n_data))
        return mer_fail(err, MER_ERR_INTERNAL, "a column has no size");
    MER_GUARD(renaming->text(renaming->self, column, MER_RENAME_COLUMN,
                             (char *)image + stored->name, err));
    if (n_data > 0)
        memcpy(image + stored->data, column->data.bits, n_data);
    if (stored->validity)
        memcpy(image + stored->validity, column->validity, mer_bitmap_bytes(frame->n_rows));
    return write_levels(column, renaming, stored, image, err);
}

static mer_status write_image(const struct mer_frame *frame, const bool *keep,
                              const struct mer_renaming *renaming, struct mer_image_column *stored,
                              size_t n_columns, struct mer_region *region, mer_err *err)
{
    struct mer_image_header header = {.magic = MER_IMAGE_MAGIC,
                                      .version = MER_IMAGE_VERSION,
                                      .n_rows = frame->n_rows,
                                      .n_columns = n_columns};
    size_t n_image, offset;
    if (!mer_image_layout(stored, n_columns, frame->n_rows, &n_image))
        return mer_fail(err, MER_ERR_MEMORY, "the table is too large for this machine");
    header.n_image = n_image;
    MER_GUARD(mer_region_extend(region, n_image, &offset, err));
    memcpy(region->base, &header, sizeof header);
    memcpy(region->base + sizeof header, stored, n_columns * sizeof *stored);
    for (size_t c = 0, place = 0; c < frame->n_columns; c++)
        if (keep[c])
            MER_GUARD(write_column(frame, &frame->columns[c], renaming, &stored[place++],
                                   region->base, err));
    return mer_ok();
}

mer_status mer_frame_rename(const struct mer_ctx *ctx, const struct mer_frame *frame,
                            const bool *keep, const struct mer_renaming *renaming,
                            struct mer_region *region, mer_err *err)
{
    struct mer_image_column *stored;
    size_t n_columns = 0;
    mer_status status = mer_ok();
    MER_GUARD(mer_alloc_zero(ctx->alloc, frame->n_columns, sizeof *stored, &stored, err));
    for (size_t c = 0; mer_is_ok(status) && c < frame->n_columns; c++)
        if (keep[c])
            status = plan_column(&frame->columns[c], renaming, &stored[n_columns++], err);
    if (mer_is_ok(status) && n_columns == 0)
        status = mer_fail(err, MER_ERR_DATA, "the table has no column that could be used");
    if (mer_is_ok(status))
        status = write_image(frame, keep, renaming, stored, n_columns, region, err);
    mer_free(ctx->alloc, stored);
    return status;
}
