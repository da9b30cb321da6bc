/* Shared by the fuzz targets of table formats: whatever is read is a table image that opens, and
 * everything is given back. */
#ifndef FUZZ_TABLE_BYTES_H
#define FUZZ_TABLE_BYTES_H

#include <stdlib.h>

#include "intake/table_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* The context's allocator is put there; its clock may be one that runs out. */
static inline int fuzz_table_with(struct mer_ctx ctx, const struct mer_table_reading *reading,
                                  const char *format, const uint8_t *bytes, size_t n)
{
    enum { MEMORY = 64 << 20 };
    struct mer_alloc alloc;
    struct mer_region region;
    struct mer_csv_report report;
    struct mer_frame frame;
    mer_err err = {0};
    mer_alloc_init(&alloc, MEMORY);
    ctx.alloc = &alloc;
    mer_region_init_memory(&region, &alloc, SIZE_MAX / 2);
    if (mer_table_write_image(&ctx, mer_table_format_find(format), bytes, n, reading, &region,
                              &report, &err)
            .code == MER_OK) {
        if (mer_frame_adopt(&ctx, &region, &frame, &err).code != MER_OK ||
            report.n_rows != frame.n_rows || report.n_columns < frame.n_columns)
            abort();
        mer_frame_release(&frame);
    } else {
        if (err.message[0] == '\0')
            abort();
        mer_region_release(&region);
    }
    if (atomic_load(&alloc.used) != 0)
        abort();
    return 0;
}

static inline int fuzz_table(const char *format, const uint8_t *bytes, size_t n)
{
    const struct mer_table_reading reading = {.part = NULL};
    return fuzz_table_with((struct mer_ctx){.alloc = NULL}, &reading, format, bytes, n);
}

#endif
