/* A table under a schema, its bad rows taken out: what is left reads without a fault, and no row is
 * lost or counted twice; and a block of bad rows that nobody vouches for is believed or refused.
 * Input: the schema's JSON, a zero byte, the table; the whole is also taken for a block. */
#include <stdlib.h>
#include <string.h>

#include "intake/table_reader.h"

enum { MEMORY = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void check_block(struct mer_alloc *alloc, const uint8_t *bytes, size_t n)
{
    struct mer_bad_rows bad;
    unsigned char *block;
    uint64_t total = 0;
    mer_bad_rows_init(&bad, alloc, MER_ON_BAD_ROW_QUARANTINE);
    if (mer_alloc_bytes(alloc, n, &block, NULL).code != MER_OK)
        return;
    if (n > 0)
        memcpy(block, bytes, n);
    if (mer_bad_rows_read(&bad, block, n, NULL).code != MER_OK) {
        mer_free(alloc, block);
        return;
    }
    for (size_t i = 0; i < bad.n_reasons; i++)
        total += bad.reasons[i].n_rows;
    must(total == bad.n_rows);
    mer_bad_rows_release(&bad);
}

/* Reads the table under every mode; what is set aside and what is left are all of it. */
static void check_table(const struct mer_ctx *ctx, const struct mer_schema *schema,
                        const char *table, size_t n)
{
    struct mer_bad_rows bad;
    struct mer_region region;
    struct mer_frame frame;
    struct mer_csv_report report;
    mer_err err = {0};
    struct mer_table_reading reading = {.csv.schema = schema, .bad = &bad};
    mer_bad_rows_init(&bad, ctx->alloc, MER_ON_BAD_ROW_QUARANTINE);
    mer_region_init_memory(&region, ctx->alloc, MEMORY);
    const mer_status status =
        mer_table_write_image(ctx, 0, table, n, &reading, &region, &report, &err);
    if (status.code == MER_OK) {
        must(mer_frame_open(ctx, region.base, region.n, &frame, &err).code == MER_OK);
        for (size_t i = 0; i < bad.n_kept; i++)
            must(bad.rows[i].row >= 1 && bad.rows[i].row <= bad.n_rows + frame.n_rows);
        must(bad.n_kept == bad.n_rows);
        mer_frame_release(&frame);
    } else {
        must(err.message[0] != '\0');
    }
    mer_region_release(&region);
    mer_bad_rows_release(&bad);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mer_alloc alloc;
    struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_schema schema;
    const uint8_t *const zero = n > 0 ? memchr(bytes, '\0', n) : NULL;
    const size_t n_schema = zero ? (size_t)(zero - bytes) : 0;
    const char *const table = zero ? (const char *)zero + 1 : (const char *)bytes;
    const size_t n_table = n - n_schema - (zero != NULL);
    mer_alloc_init(&alloc, MEMORY);
    check_block(&alloc, bytes, n);
    if (n_schema == 0) {
        check_table(&ctx, NULL, table, n_table);
    } else if (mer_schema_parse(&ctx, (const char *)bytes, n_schema, &schema, NULL).code ==
               MER_OK) {
        check_table(&ctx, &schema, table, n_table);
        mer_schema_release(&schema);
    }
    must(atomic_load(&alloc.used) == 0);
    return 0;
}
