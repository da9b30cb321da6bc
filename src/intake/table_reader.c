#include "intake/table_reader.h"

#include <string.h>

#include "frame/image.h"
#include "frame/table_finish.h"
#include "intake/typed_rows.h"

static mer_status write_csv(const struct mer_ctx *ctx, const void *bytes, size_t n,
                            const struct mer_table_reading *reading, struct mer_region *region,
                            struct mer_csv_report *ret_report, mer_err *err)
{
    return mer_csv_write_image(ctx, bytes, n, &reading->csv, region, ret_report, err);
}

const struct mer_table_reader MER_TABLE_READER_CSV = {.write_image = write_csv};

/* In the order of MER_TABLE_FORMATS. */
const struct mer_table_reader *const MER_TABLE_READERS[] = {
    &MER_TABLE_READER_CSV,    &MER_TABLE_READER_PARQUET, &MER_TABLE_READER_XLSX,
    &MER_TABLE_READER_SQLITE, &MER_TABLE_READER_ARROW,
};
const size_t MER_N_TABLE_READERS = sizeof MER_TABLE_READERS / sizeof MER_TABLE_READERS[0];

size_t mer_table_format_recognise(const void *bytes, size_t n)
{
    for (size_t i = 0; i < MER_N_TABLE_READERS; i++) {
        const struct mer_table_reader *const reader = MER_TABLE_READERS[i];
        if (reader->recognise ? reader->recognise(bytes, n)
                              : mer_table_format_has_magic(&MER_TABLE_FORMATS[i], bytes, n))
            return i;
    }
    return 0;
}

void mer_table_report_part(struct mer_csv_report *report, const char *name, size_t n_parts)
{
    size_t n = strlen(name);
    if (n >= sizeof report->part) {
        /* Not within a character. */
        for (n = sizeof report->part - 1; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80;)
            n--;
    }
    memset(report->part, 0, sizeof report->part);
    memcpy(report->part, name, n);
    report->n_parts = n_parts;
}

/* What a schema demands of the whole table (frame/table_finish.h). `image` is what the format's
 * reader wrote; with geopoints it goes on to the caller's region changed. */
static mer_status finish(const struct mer_ctx *ctx, const struct mer_schema *schema, bool is_csv,
                         const struct mer_region *image, bool splits, struct mer_region *region,
                         mer_err *err)
{
    struct mer_frame frame;
    MER_GUARD(mer_frame_open(ctx, image->base, image->n, &frame, err));
    mer_status status = is_csv ? mer_ok() : mer_table_check_values(ctx, schema, &frame, err);
    if (mer_is_ok(status) && mer_schema_has_keys(schema))
        status = mer_table_check_keys(ctx, schema, &frame, err);
    if (mer_is_ok(status) && splits)
        status = mer_table_split_points(ctx, schema, &frame, region, err);
    mer_frame_release(&frame);
    return status;
}

/* The rows of a typed table that fit: those of the table as it is, without the schema. */
static mer_status write_typed(const struct mer_ctx *ctx, const struct mer_table_reader *reader,
                              const void *bytes, size_t n, const struct mer_table_reading *reading,
                              struct mer_region *region, struct mer_csv_report *ret_report,
                              mer_err *err)
{
    struct mer_table_reading plain = *reading;
    struct mer_region image;
    struct mer_frame frame;
    plain.csv.schema = NULL;
    plain.csv.missing_values = MER_CSV_MISSING; /* none of them */
    plain.csv.n_missing_values = 0;
    mer_region_init_memory(&image, ctx->alloc, region->max);
    mer_status status = reader->write_image(ctx, bytes, n, &plain, &image, ret_report, err);
    if (mer_is_ok(status))
        status = mer_frame_open(ctx, image.base, image.n, &frame, err);
    if (mer_is_ok(status)) {
        status =
            mer_typed_rows_write(ctx, &frame, &reading->csv, reading->bad, region, ret_report, err);
        mer_frame_release(&frame);
    }
    mer_region_release(&image);
    return status;
}

static mer_status write_rows(const struct mer_ctx *ctx, const struct mer_table_reader *reader,
                             const void *bytes, size_t n, const struct mer_table_reading *reading,
                             struct mer_region *region, struct mer_csv_report *ret_report,
                             mer_err *err)
{
    return reading->sets_aside && reader->is_typed
               ? write_typed(ctx, reader, bytes, n, reading, region, ret_report, err)
               : reader->write_image(ctx, bytes, n, reading, region, ret_report, err);
}

static size_t image_columns(const struct mer_region *image)
{
    return ((const struct mer_image_header *)(const void *)image->base)->n_columns;
}

static mer_status read_and_finish(const struct mer_ctx *ctx, size_t format, const void *bytes,
                                  size_t n, const struct mer_table_reading *reading,
                                  struct mer_region *region, struct mer_csv_report *ret_report,
                                  mer_err *err)
{
    const struct mer_schema *const schema = reading->csv.schema;
    const struct mer_table_reader *const reader = MER_TABLE_READERS[format];
    const bool splits = schema && mer_schema_has_points(schema);
    struct mer_region whole;
    const bool is_csv = reader == &MER_TABLE_READER_CSV;
    if (!schema || (is_csv && !splits && !mer_schema_has_keys(schema)))
        return write_rows(ctx, reader, bytes, n, reading, region, ret_report, err);
    if (!splits) {
        MER_GUARD(write_rows(ctx, reader, bytes, n, reading, region, ret_report, err));
        return finish(ctx, schema, is_csv, region, false, region, err);
    }
    mer_region_init_memory(&whole, ctx->alloc, region->max);
    mer_status status = write_rows(ctx, reader, bytes, n, reading, &whole, ret_report, err);
    if (mer_is_ok(status))
        status = finish(ctx, schema, is_csv, &whole, true, region, err);
    if (mer_is_ok(status)) /* of the file, which may have more: the points count double */
        ret_report->n_columns += image_columns(region) - image_columns(&whole);
    mer_region_release(&whole);
    return status;
}

/* The rows of a CSV file that fit. */
static mer_status sift_csv(const struct mer_ctx *ctx, size_t format, const void *bytes, size_t n,
                           const struct mer_table_reading *reading, struct mer_region *region,
                           struct mer_csv_report *ret_report, mer_err *err)
{
    struct mer_table_reading rest = *reading;
    MER_CLEANUP(mer_buf_release) struct mer_buf good;
    mer_buf_init(&good, ctx->alloc, SIZE_MAX / 2);
    MER_GUARD(
        mer_csv_sift(ctx, bytes, n, &reading->csv, NULL, reading->bad, &good, &rest.csv, err));
    if (reading->bad->n_rows == 0 || reading->bad->mode == MER_ON_BAD_ROW_FAIL)
        return mer_fail(err, MER_ERR_DATA, "%llu rows do not fit",
                        (unsigned long long)reading->bad->n_rows);
    return read_and_finish(ctx, format, good.bytes, good.n, &rest, region, ret_report, err);
}

/* Reads what is left of a table when the rows that do not fit are taken out. `refused` and *err
 * tell why the whole was refused, which stands where it is not the rows that are wrong. */
static mer_status set_aside(const struct mer_ctx *ctx, size_t format, const void *bytes, size_t n,
                            const struct mer_table_reading *reading, mer_status refused,
                            struct mer_region *region, struct mer_csv_report *ret_report,
                            mer_err *err)
{
    struct mer_table_reading again = *reading;
    mer_err detail = {0};
    again.sets_aside = true;
    mer_region_clear(region);
    const mer_status status =
        MER_TABLE_READERS[format] == &MER_TABLE_READER_CSV
            ? sift_csv(ctx, format, bytes, n, &again, region, ret_report, &detail)
            : read_and_finish(ctx, format, bytes, n, &again, region, ret_report, &detail);
    if (mer_is_ok(status)) {
        mer_err_clear(err);
        return status;
    }
    mer_region_clear(region);
    if (status.code == MER_ERR_DATA && reading->bad->mode == MER_ON_BAD_ROW_FAIL)
        return refused;
    if (status.code == MER_ERR_DATA && reading->bad->n_rows == 0)
        return refused;
    if (err)
        *err = detail;
    return status;
}

mer_status mer_table_write_image(const struct mer_ctx *ctx, size_t format, const void *bytes,
                                 size_t n, const struct mer_table_reading *reading,
                                 struct mer_region *region, struct mer_csv_report *ret_report,
                                 mer_err *err)
{
    struct mer_csv_report report = {.n_rows = 0};
    if (format == SIZE_MAX)
        format = mer_table_format_recognise(bytes, n);
    const struct mer_table_format *const row = &MER_TABLE_FORMATS[format];
    if (reading->part && !row->has_parts)
        return mer_fail(err, MER_ERR_USAGE, "a table of the format %s has no part %s", row->name,
                        mer_quote(reading->part).text);
    if (reading->query && !row->has_queries)
        return mer_fail(err, MER_ERR_USAGE, "a table of the format %s cannot be queried",
                        row->name);
    struct mer_table_reading chosen = *reading;
    if (reading->keep_texts && MER_TABLE_READERS[format] != &MER_TABLE_READER_CSV) {
        chosen.csv.missing_values = MER_CSV_MISSING; /* none of them */
        chosen.csv.n_missing_values = 0;
    }
    mer_status status = read_and_finish(ctx, format, bytes, n, &chosen, region, &report, err);
    if (status.code == MER_ERR_DATA && reading->bad)
        status = set_aside(ctx, format, bytes, n, &chosen, status, region, &report, err);
    MER_GUARD(status);
    report.format = format;
    *ret_report = report;
    return mer_ok();
}
