/* The image of a table that is read from CSV: its layout, header and names. */
#include "frame/csv_columns.h"

mer_status mer_csv_lay_out(struct mer_csv_table *table, struct mer_image_column *stored,
                           size_t *ret_n_columns, size_t *ret_n_image, mer_err *err)
{
    size_t n_columns = 0;
    for (size_t c = 0; c < table->source.n_columns; c++) {
        struct mer_csv_column *column = &table->columns[c];
        if (column->skipped)
            continue;
        column->place = n_columns++;
        struct mer_image_column *record = &stored[column->place];
        *record = (struct mer_image_column){.n_name = strlen(table->source.names[c]),
                                            .type = column->type,
                                            .n_missing = column->n_missing};
        if (column->type == MER_TYPE_TEXT)
            record->n_bytes = column->n_bytes;
        if (column->type == MER_TYPE_CATEGORICAL) {
            record->n_levels = column->levels.n;
            record->n_level_bytes = column->levels.n_bytes;
        }
    }
    if (n_columns == 0)
        return mer_fail(err, MER_ERR_DATA, "the table has no column of the schema");
    if (!mer_image_layout(stored, n_columns, table->n_rows, ret_n_image))
        return mer_fail(err, MER_ERR_MEMORY, "the table is too large for this machine");
    *ret_n_columns = n_columns;
    return mer_ok();
}

mer_status mer_csv_begin_image(struct mer_csv_table *table, struct mer_region *region,
                               struct mer_image_column *stored, mer_err *err)
{
    size_t n_columns;
    size_t n_image;
    size_t offset;
    MER_GUARD(mer_csv_lay_out(table, stored, &n_columns, &n_image, err));
    MER_GUARD(mer_region_extend(region, n_image - region->n, &offset, err));
    struct mer_image_header header = {.magic = MER_IMAGE_MAGIC,
                                      .version = MER_IMAGE_VERSION,
                                      .n_image = n_image,
                                      .n_rows = table->n_rows,
                                      .n_columns = n_columns};
    memcpy(region->base, &header, sizeof header);
    memcpy(region->base + sizeof header, stored, n_columns * sizeof *stored);
    for (size_t c = 0; c < table->source.n_columns; c++) {
        const struct mer_csv_column *column = &table->columns[c];
        if (!column->skipped)
            memcpy(region->base + stored[column->place].name, table->source.names[c],
                   stored[column->place].n_name);
    }
    return mer_ok();
}

void mer_csv_write_levels(const struct mer_csv_column *column, unsigned char *image,
                          const struct mer_image_column *stored)
{
    if (column->type != MER_TYPE_CATEGORICAL || column->levels.n == 0)
        return;
    memcpy(image + stored->level_offsets, column->levels.offsets,
           (column->levels.n + 1) * sizeof *column->levels.offsets);
    memcpy(image + stored->level_bytes, column->levels.bytes, column->levels.n_bytes);
}
