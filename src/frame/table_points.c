/* Geopoints become two numbers. */
#include <string.h>

#include "frame/image.h"
#include "frame/table_finish.h"

bool mer_schema_has_points(const struct mer_schema *schema)
{
    bool has = false;
    for (size_t f = 0; f < schema->n_fields; f++)
        has |= schema->fields[f].kind == MER_KIND_GEOPOINT;
    return has;
}

/* A column of the result and where it comes from. */
struct piece {
    const struct mer_column *from;
    const struct mer_field *point; /* NULL: copied as it is */
    unsigned part;
};

struct split {
    const struct mer_frame *frame;
    struct piece *pieces;
    struct mer_image_column *stored;
    size_t n;
};

static void add_piece(struct split *split, const struct mer_column *from,
                      const struct mer_field *point, unsigned part)
{
    struct mer_image_column stored = {.n_name = from->n_name + strlen(mer_part_suffix(part)),
                                      .type = part ? MER_TYPE_NUMBER : from->type,
                                      .n_missing = from->n_missing};
    if (!part && from->type == MER_TYPE_TEXT)
        stored.n_bytes = (uint64_t)from->data.offsets[split->frame->n_rows];
    if (!part && from->type == MER_TYPE_CATEGORICAL) {
        stored.n_levels = from->n_levels;
        stored.n_level_bytes = (uint64_t)from->level_offsets[from->n_levels];
    }
    split->pieces[split->n] = (struct piece){from, point, part};
    split->stored[split->n++] = stored;
}

static void plan(const struct mer_schema *schema, struct split *split)
{
    for (size_t c = 0; c < split->frame->n_columns; c++) {
        const struct mer_column *const column = &split->frame->columns[c];
        unsigned unused;
        const struct mer_field *const field =
            mer_schema_field_of_column(schema, column->name, c, &unused);
        if (!field || field->kind != MER_KIND_GEOPOINT || unused) {
            add_piece(split, column, NULL, 0);
            continue;
        }
        if (field->parts & MER_PART_LONGITUDE)
            add_piece(split, column, field, MER_PART_LONGITUDE);
        if (field->parts & MER_PART_LATITUDE)
            add_piece(split, column, field, MER_PART_LATITUDE);
    }
}

static void copy_piece(const struct mer_frame *frame, const struct piece *piece,
                       const struct mer_image_column *stored, unsigned char *image)
{
    const struct mer_column *const from = piece->from;
    memcpy(image + stored->name, from->name, from->n_name);
    memcpy(image + stored->name + from->n_name, mer_part_suffix(piece->part),
           strlen(mer_part_suffix(piece->part)));
    if (from->validity)
        memcpy(image + stored->validity, from->validity, mer_bitmap_bytes(frame->n_rows));
    if (piece->part) {
        double *const values = (double *)(void *)(image + stored->data);
        for (size_t row = 0; row < frame->n_rows; row++) {
            double point[2];
            const struct mer_cell cell = mer_column_text(from, row);
            if (mer_column_has(from, row) &&
                mer_geopoint_parse(piece->point->format, cell.bytes, cell.n, point))
                values[row] = point[piece->part == MER_PART_LATITUDE];
        }
        return;
    }
    size_t n = 0;
    (void)mer_image_data_bytes(stored, frame->n_rows, &n);
    memcpy(image + stored->data, from->data.bits, n);
    if (stored->n_bytes > 0)
        memcpy(image + stored->bytes, from->bytes, stored->n_bytes);
    if (from->type == MER_TYPE_CATEGORICAL) {
        memcpy(image + stored->level_offsets, from->level_offsets,
               (from->n_levels + 1) * sizeof *from->level_offsets);
        memcpy(image + stored->level_bytes, from->level_bytes, stored->n_level_bytes);
    }
}

static mer_status write(struct split *split, struct mer_region *region, mer_err *err)
{
    const size_t n_rows = split->frame->n_rows;
    size_t n_image, offset;
    if (split->n == 0 || split->n > MER_IMAGE_MAX_COLUMNS ||
        !mer_image_layout(split->stored, split->n, n_rows, &n_image))
        return mer_fail(err, MER_ERR_DATA, "the table has too many columns or none");
    MER_GUARD(mer_region_extend(region, n_image, &offset, err));
    const struct mer_image_header header = {.magic = MER_IMAGE_MAGIC,
                                            .version = MER_IMAGE_VERSION,
                                            .n_image = n_image,
                                            .n_rows = n_rows,
                                            .n_columns = split->n};
    memcpy(region->base, &header, sizeof header);
    memcpy(region->base + sizeof header, split->stored, split->n * sizeof *split->stored);
    for (size_t i = 0; i < split->n; i++)
        copy_piece(split->frame, &split->pieces[i], &split->stored[i], region->base);
    return mer_ok();
}

mer_status mer_table_split_points(const struct mer_ctx *ctx, const struct mer_schema *schema,
                                  const struct mer_frame *frame, struct mer_region *region,
                                  mer_err *err)
{
    struct split split = {.frame = frame};
    MER_GUARD(mer_alloc_array(ctx->alloc, 2 * frame->n_columns, sizeof *split.pieces, &split.pieces,
                              err));
    mer_status status =
        mer_alloc_array(ctx->alloc, 2 * frame->n_columns, sizeof *split.stored, &split.stored, err);
    if (mer_is_ok(status)) {
        plan(schema, &split);
        status = write(&split, region, err);
    }
    mer_free(ctx->alloc, split.pieces);
    mer_free(ctx->alloc, split.stored);
    return status;
}
