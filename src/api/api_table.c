/* Tables of the public API: the bytes are read once, verified where they are signed, and those very
 * bytes are parsed. */
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "api/trust_handles.h"
#include "guard/hash.h"
#include "os/file.h"

/* A schema is text that a person could read: a larger file is something else. */
enum { SCHEMA_FILE_MAX = 16 << 20 };

static double seconds_since(const struct mer_ctx *ctx, uint64_t start_ns)
{
    return (double)(mer_ctx_now_ns(ctx) - start_ns) * 1e-9;
}

mer_status mer_digest_hex(const void *bytes, size_t n, char ret_hex[65], mer_err *err)
{
    struct mer_digest digest;
    MER_GUARD(mer_hash_bytes(MER_HASH_SHA256, bytes, n, &digest, err));
    mer_hash_hex(digest.bytes, digest.n, ret_hex);
    return mer_ok();
}

static mer_status verify_origin(struct mer_table *table, const void *bytes, size_t n,
                                const struct mer_table_options *options, mer_err *err)
{
    struct mer_origin *const origin = &table->origin;
    const uint64_t start_ns = mer_ctx_now_ns(&table->context->ctx);
    MER_GUARD(mer_digest_hex(bytes, n, origin->digest, err));
    const bool is_file = origin->path && strcmp(origin->path, "-") != 0;
    if (options->trust && is_file && mer_guard_is_signed(origin->path)) {
        MER_GUARD(mer_guard_verify_read(&table->context->alloc, &options->trust->keys, origin->path,
                                        NULL, bytes, n, &origin->signature, err));
        origin->is_signed = true;
    }
    table->check_seconds = seconds_since(&table->context->ctx, start_ns);
    if (!options->require_signature || origin->is_signed)
        return mer_ok();
    if (!is_file)
        return mer_hint(
            err, mer_fail(err, MER_ERR_TRUST, "signed data is required, and only a file can be"),
            "give the table as a file with its signature beside it");
    return mer_hint(err,
                    mer_fail(err, MER_ERR_TRUST, "%s is not signed, and signed data is required",
                             mer_quote(origin->path).text),
                    "merlon sign signs it, or ask its owner to");
}

static mer_status load_schema(struct mer_table *table, const char *path, mer_err *err)
{
    const struct mer_ctx *const ctx = &table->context->ctx;
    struct mer_file_bytes file;
    MER_GUARD(mer_file_read(ctx->alloc, path, SCHEMA_FILE_MAX, &file, err));
    mer_status status = mer_digest_hex(file.bytes, file.n, table->schema_digest, err);
    if (mer_is_ok(status)) {
        status = mer_schema_parse(ctx, (const char *)file.bytes, file.n, &table->schema, err);
        if (!mer_is_ok(status))
            status = mer_prefix(err, status, "%s", mer_quote(path).text);
    }
    mer_file_release(&file);
    table->schema_given = mer_is_ok(status);
    return status;
}

static mer_status parse(struct mer_table *table, const void *bytes, size_t n,
                        const struct mer_table_options *options, const struct mer_csv_options *base,
                        mer_err *err)
{
    const struct mer_ctx *const ctx = &table->context->ctx;
    struct mer_csv_options csv = *base;
    csv.delimiter = options->delimiter;
    if (options->has_header >= 0)
        csv.header = options->has_header ? MER_CSV_HEADER_YES : MER_CSV_HEADER_NO;
    if (options->schema_file) {
        MER_GUARD(load_schema(table, options->schema_file, err));
        csv.schema = &table->schema;
    }
    const uint64_t start_ns = mer_ctx_now_ns(ctx);
    MER_GUARD(mer_csv_read(ctx, bytes, n, &csv, &table->frame, &table->report, err));
    table->has_frame = true;
    if (!csv.schema) {
        MER_GUARD(mer_schema_of_frame(ctx, &table->frame, MER_CSV_MISSING, MER_CSV_N_MISSING,
                                      &table->schema, err));
    }
    table->parse_seconds = seconds_since(ctx, start_ns);
    return mer_ok();
}

static mer_status make(struct mer_table *table, const void *bytes, size_t n,
                       const struct mer_table_options *options, const struct mer_csv_options *base,
                       mer_err *err)
{
    table->origin.n_bytes = n;
    MER_GUARD(verify_origin(table, bytes, n, options, err));
    mer_status status = parse(table, bytes, n, options, base, err);
    if (status.code == MER_ERR_DATA && table->origin.path)
        status = mer_prefix(err, status, "%s", mer_quote(table->origin.path).text);
    return status;
}

static mer_status new_table(struct mer_context *context, const struct mer_table_options *options,
                            struct mer_table_options *ret_options, struct mer_table **ret_table,
                            mer_err *err)
{
    *ret_options = (struct mer_table_options){.size = sizeof *ret_options, .has_header = -1};
    if (options)
        MER_GUARD(
            mer_options_copy(options, sizeof *ret_options, "mer_table_options", ret_options, err));
    if (ret_options->has_header < -1 || ret_options->has_header > 1)
        return mer_fail(err, MER_ERR_USAGE, "has_header of struct mer_table_options is %d",
                        ret_options->has_header);
    struct mer_table *const table = calloc(1, sizeof *table);
    if (!table)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a table");
    table->context = context;
    mer_schema_init(&table->schema, &context->alloc);
    *ret_table = table;
    return mer_ok();
}

mer_status mer_table_read_with(struct mer_context *context, const char *path,
                               const struct mer_table_options *options,
                               const struct mer_csv_options *base, struct mer_table **ret_table,
                               mer_err *err)
{
    struct mer_table_options chosen;
    struct mer_table *table;
    MER_GUARD(new_table(context, options, &chosen, &table, err));
    struct mer_file_bytes file = {0};
    const uint64_t start_ns = mer_ctx_now_ns(&context->ctx);
    mer_status status;
    table->path = strdup(path);
    if (!table->path) {
        status = mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
        goto fail;
    }
    table->origin.path = table->path;
    MER_GUARD_GOTO(mer_file_read(&context->alloc, path, SIZE_MAX - 1, &file, err), fail);
    table->read_seconds = seconds_since(&context->ctx, start_ns);
    MER_GUARD_GOTO(make(table, file.bytes, file.n, &chosen, base, err), fail);
    mer_file_release(&file);
    *ret_table = table;
    return mer_ok();
fail:
    mer_file_release(&file);
    mer_table_free(table);
    return status;
}

mer_status mer_table_read(struct mer_context *context, const char *path,
                          const struct mer_table_options *options, struct mer_table **ret_table,
                          mer_err *err)
{
    static const struct mer_csv_options base = {.header = MER_CSV_HEADER_DETECT};
    return mer_table_read_with(context, path, options, &base, ret_table, err);
}

mer_status mer_table_parse(struct mer_context *context, const void *bytes, size_t n,
                           const struct mer_table_options *options, struct mer_table **ret_table,
                           mer_err *err)
{
    static const struct mer_csv_options base = {.header = MER_CSV_HEADER_DETECT};
    struct mer_table_options chosen;
    struct mer_table *table;
    MER_GUARD(new_table(context, options, &chosen, &table, err));
    const mer_status status = make(table, bytes, n, &chosen, &base, err);
    if (!mer_is_ok(status)) {
        mer_table_free(table);
        return status;
    }
    *ret_table = table;
    return mer_ok();
}

/* The fields that a table must have for a model: the features, and the target where it is there.
 * Columns that the model leaves out need not fit any more, and whole numbers are numbers: that all
 * values of the training table happened to be whole says nothing about this one's. */
static size_t fields_for_model(const struct mer_pipeline *pipeline, struct mer_field *ret_fields)
{
    size_t n = 0, column = 0;
    for (size_t i = 0; i < pipeline->schema.n_fields; i++) {
        struct mer_field field = pipeline->schema.fields[i];
        const bool is_target = strcmp(field.name, pipeline->target) == 0;
        struct mer_prepare_column prepared = {.left_out = MER_LEFT_OUT_NOT};
        if (!is_target)
            mer_prepare_describe(pipeline->prepare, column++, &prepared);
        if (prepared.left_out != MER_LEFT_OUT_NOT)
            continue;
        if (field.type == MER_TYPE_INTEGER && (!is_target || pipeline->task == MER_TASK_REGRESSION))
            field.type = MER_TYPE_NUMBER;
        ret_fields[n++] = field;
    }
    return n;
}

mer_status mer_model_read_table(const struct mer_fitted *model, const char *path,
                                const struct mer_table_options *options,
                                struct mer_table **ret_table, mer_err *err)
{
    const struct mer_pipeline *const pipeline = model->pipeline;
    if (options && options->size == sizeof *options && options->schema_file)
        return mer_fail(err, MER_ERR_USAGE,
                        "a table for a model is read by the model's schema, not by a schema file");
    struct mer_field *fields;
    MER_GUARD(mer_alloc_array(&model->context->alloc, pipeline->schema.n_fields, sizeof *fields,
                              &fields, err));
    struct mer_schema schema = pipeline->schema; /* borrows everything but the fields */
    schema.fields = fields;
    schema.n_fields = fields_for_model(pipeline, fields);
    const struct mer_csv_options base = {
        .schema = &schema,
        .allow_extra = true,
        .optional_field = pipeline->target,
        .allow_new_levels = true,
    };
    const mer_status status =
        mer_table_read_with(model->context, path, options, &base, ret_table, err);
    mer_free(&model->context->alloc, fields);
    return status;
}

void mer_table_free(struct mer_table *table)
{
    if (!table)
        return;
    if (table->has_frame)
        mer_frame_release(&table->frame);
    mer_schema_release(&table->schema);
    free(table->path);
    free(table);
}

const struct mer_origin *mer_table_origin(const struct mer_table *table)
{
    return &table->origin;
}

size_t mer_table_rows(const struct mer_table *table)
{
    return table->frame.n_rows;
}

size_t mer_table_columns(const struct mer_table *table)
{
    return table->frame.n_columns;
}

const char *mer_table_column_name(const struct mer_table *table, size_t i)
{
    return i < table->frame.n_columns ? table->frame.columns[i].name : NULL;
}

const char *mer_table_column_type(const struct mer_table *table, size_t i)
{
    return i < table->frame.n_columns ? mer_type_name(table->frame.columns[i].type) : NULL;
}

size_t mer_table_column_missing(const struct mer_table *table, size_t i)
{
    return i < table->frame.n_columns ? table->frame.columns[i].n_missing : 0;
}

mer_status mer_table_schema(const struct mer_table *table, char **ret_json, mer_err *err)
{
    struct mer_buf buf;
    mer_buf_init(&buf, &table->context->alloc, SIZE_MAX);
    mer_status status = mer_schema_write(&table->schema, &buf, err);
    if (mer_is_ok(status))
        status = mer_text_of_buf(&buf, ret_json, err);
    mer_buf_release(&buf);
    return status;
}
