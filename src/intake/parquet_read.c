/* Parquet tables with flat columns, read whole. */
#include "intake/parquet_pages.h"
#include "intake/table_reader.h"

/* The first byte behind the magic is a page's or, without pages, the footer's first field. */
static bool recognise(const unsigned char *bytes, size_t n)
{
    enum { MAGIC_BYTES = 4, FIRST_FIELD = 0x15 };
    return n > MAGIC_BYTES && memcmp(bytes, MER_PARQUET_MAGIC, MAGIC_BYTES) == 0 &&
           (bytes[MAGIC_BYTES] == FIRST_FIELD || mer_parquet_applies(bytes, n));
}

static mer_status read_column(void *self, struct mer_built_column *column, size_t c, mer_err *err)
{
    const struct mer_parquet *const parquet = self;
    for (size_t g = 0; g < parquet->n_groups; g++)
        MER_GUARD(mer_parquet_read_chunk(column->ctx, &parquet->leaves[c],
                                         &parquet->groups[g].chunks[c], column, err));
    return mer_ok();
}

static mer_status read_columns(struct mer_parquet *parquet, struct mer_table_builder *builder,
                               mer_err *err)
{
    for (size_t c = 0; c < parquet->n_leaves; c++) {
        const struct mer_parquet_leaf *const leaf = &parquet->leaves[c];
        struct mer_built_column *column;
        MER_GUARD(mer_table_builder_add(builder, leaf->name, leaf->n_name, mer_parquet_type(leaf),
                                        &column, err));
    }
    return mer_table_builder_each(builder, read_column, parquet, "reading", err);
}

static mer_status write_image(const struct mer_ctx *ctx, const void *bytes, size_t n,
                              const struct mer_table_reading *reading, struct mer_region *region,
                              struct mer_csv_report *ret_report, mer_err *err)
{
    struct mer_parquet parquet;
    struct mer_table_builder builder;
    mer_status status = mer_parquet_open(ctx, bytes, n, &parquet, err);
    if (mer_is_ok(status)) {
        status = mer_table_builder_init(&builder, ctx, &reading->csv, err);
        if (mer_is_ok(status))
            status = read_columns(&parquet, &builder, err);
        if (mer_is_ok(status))
            status = mer_table_builder_write(&builder, region, ret_report, err);
        mer_table_builder_release(&builder);
    }
    mer_parquet_close(&parquet);
    return status;
}

const struct mer_table_reader MER_TABLE_READER_PARQUET = {
    .recognise = recognise,
    .write_image = write_image,
    .is_typed = true,
};
