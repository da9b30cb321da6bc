/* CSV: the first byte chooses options, the rest is the file. Whatever is accepted gives the same
 * image when it is read again under its own schema. */
#include <stdlib.h>
#include <string.h>

#include "frame/csv.h"

/* Enough that what was read once can be read again. */
enum { MEMORY = 512 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* The table must be the same when its own schema states the types. */
static void read_under_own_schema(const struct mer_ctx *ctx, struct mer_csv_options options,
                                  const uint8_t *bytes, size_t n, const struct mer_frame *frame)
{
    struct mer_schema schema;
    struct mer_frame again;
    mer_err err;
    must(mer_schema_of_frame(ctx, frame, MER_CSV_MISSING, MER_CSV_N_MISSING, &schema, &err).code ==
         MER_OK);
    options.schema = &schema;
    must(mer_csv_read(ctx, bytes, n, &options, &again, NULL, &err).code == MER_OK);
    must(again.n_image == frame->n_image);
    must(memcmp(again.image, frame->image, frame->n_image) == 0);
    mer_frame_release(&again);
    mer_schema_release(&schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char delimiters[] = {0, ',', ';', '\t', '|', 'x', ' ', 0};
    struct mer_alloc alloc;
    struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_frame frame;
    struct mer_csv_report report;
    mer_err err = {0};
    if (n == 0)
        return 0;
    struct mer_csv_options options = {.delimiter = delimiters[bytes[0] & 7],
                                      .header = (enum mer_csv_header)((bytes[0] >> 3 & 3) % 3)};
    mer_alloc_init(&alloc, MEMORY);
    bytes++;
    n--;
    if (mer_csv_read(&ctx, bytes, n, &options, &frame, &report, &err).code == MER_OK) {
        must(report.n_rows == frame.n_rows && report.n_columns == frame.n_columns);
        options.header = report.has_header ? MER_CSV_HEADER_YES : MER_CSV_HEADER_NO;
        read_under_own_schema(&ctx, options, bytes, n, &frame);
        mer_frame_release(&frame);
    } else {
        must(err.message[0] != '\0');
    }
    must(atomic_load(&alloc.used) == 0);
    return 0;
}
