/* Tables as files: written whole or not at all, with their schema beside them where it is asked
 * for.
 */
#include <string.h>

#include "api/handles.h"
#include "intake/table_writer.h"
#include "os/file.h"

struct counted_output {
    struct mer_output output;
    uint64_t n_bytes;
};

static mer_status write_piece(void *self, const void *bytes, size_t n, mer_err *err)
{
    struct counted_output *const counted = self;
    counted->n_bytes += n;
    return mer_output_write(&counted->output, bytes, n, err);
}

mer_status mer_table_choose_format(const char *path, const char *name, size_t *ret_format,
                                   mer_err *err)
{
    if (strcmp(path, "-") == 0)
        return mer_hint(err, mer_fail(err, MER_ERR_USAGE, "a table is written to a file"),
                        "name one; it appears whole or not at all");
    const size_t format = name ? mer_table_format_find(name) : mer_table_format_of_path(path);
    if (format == SIZE_MAX && name)
        return mer_fail(err, MER_ERR_USAGE, "there is no format %s of tables",
                        mer_quote(name).text);
    if (format == SIZE_MAX)
        return mer_hint(
            err, mer_fail(err, MER_ERR_USAGE, "the name %s tells no format", mer_quote(path).text),
            "end it in .csv, .parquet or .arrow, or state the format");
    if (!mer_table_can_write(format))
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE, "tables of the format %s are only read",
                                 MER_TABLE_FORMATS[format].name),
                        "csv, parquet and arrow can be written");
    *ret_format = format;
    return mer_ok();
}

static bool has_missing(const struct mer_frame *frame)
{
    bool found = false;
    for (size_t c = 0; c < frame->n_columns; c++)
        found |= frame->columns[c].n_missing > 0;
    return found;
}

/* What means missing in the file: in CSV a text that no value is, elsewhere none. */
static mer_status choose_missing(const struct mer_frame *frame, bool is_csv,
                                 struct mer_table_written *written, mer_err *err)
{
    size_t n_lost;
    if (!is_csv)
        return mer_ok();
    const char *const text = mer_table_missing_text(frame, &n_lost);
    written->n_texts_lost = n_lost;
    if (!has_missing(frame))
        return mer_ok();
    if (!text)
        return mer_fail(err, MER_ERR_DATA,
                        "every text that could mean missing in CSV is a value of this table");
    written->missing = text;
    return mer_ok();
}

/* The schema by which the file reads back to the same table. */
static mer_status write_schema(const struct mer_table *table, const char *missing,
                               struct mer_output *output, mer_err *err)
{
    struct mer_schema schema = table->schema; /* borrows everything */
    struct mer_buf buf;
    schema.missing_values = &missing;
    schema.n_missing_values = missing != NULL;
    mer_buf_init(&buf, &table->context->alloc, SIZE_MAX / 2);
    mer_status status = mer_schema_write(&schema, &buf, err);
    if (mer_is_ok(status))
        status = mer_output_write(output, buf.bytes, buf.n, err);
    mer_buf_release(&buf);
    return status;
}

static mer_status write_both(const struct mer_table *table, const char *path, size_t format,
                             const struct mer_table_write_options *options,
                             struct counted_output *file, struct mer_output *schema,
                             struct mer_table_written *ret_written, mer_err *err)
{
    const struct mer_ctx *const ctx = &table->context->ctx;
    const struct mer_table_sink sink = {write_piece, file};
    struct mer_table_written written = {.format = MER_TABLE_FORMATS[format].name};
    MER_GUARD(mer_output_open(&file->output, path, options->replace, 0644, err));
    if (options->schema_out)
        MER_GUARD(mer_output_open(schema, options->schema_out, options->replace, 0644, err));
    MER_GUARD(choose_missing(&table->frame, format == mer_table_format_find("csv"), &written, err));
    const struct mer_table_writing writing = {.delimiter = options->delimiter,
                                              .missing = written.missing};
    MER_GUARD(mer_table_write_file(ctx, format, &table->frame, &writing, &sink, err));
    if (options->schema_out)
        MER_GUARD(write_schema(table, written.missing, schema, err));
    MER_GUARD(mer_ctx_check_cancel(ctx, err));
    if (options->schema_out)
        MER_GUARD(mer_output_publish(schema, err));
    MER_GUARD(mer_output_publish(&file->output, err));
    written.n_bytes = file->n_bytes;
    *ret_written = written;
    return mer_ok();
}

mer_status mer_table_write(const struct mer_table *table, const char *path,
                           const struct mer_table_write_options *options,
                           struct mer_table_written *ret_written, mer_err *err)
{
    struct mer_table_write_options chosen = {.size = sizeof chosen};
    struct counted_output file = {.output.fd = -1};
    struct mer_output schema = {.fd = -1};
    struct mer_table_written written;
    size_t format;
    file.output.folder_fd = schema.folder_fd = -1;
    if (options)
        MER_GUARD(
            mer_options_copy(options, sizeof chosen, "mer_table_write_options", &chosen, err));
    MER_GUARD(mer_table_choose_format(path, chosen.format, &format, err));
    const mer_status status =
        write_both(table, path, format, &chosen, &file, &schema, &written, err);
    mer_output_release(&file.output);
    mer_output_release(&schema);
    if (mer_is_ok(status) && ret_written)
        *ret_written = written;
    return status;
}
