/* A validation table: read as the training table was, and put behind it. */
#include <string.h>

#include "api/api_pseudonyms.h"
#include "frame/append.h"
#include "os/channel.h"
#include "os/memory_file.h"

/* The fields by the names that the file has. */
static mer_status name_fields(const struct mer_pseudonyms *pseudonyms, struct mer_field *fields,
                              size_t n, mer_err *err)
{
    for (size_t i = 0; pseudonyms && i < n; i++) {
        const char *const name = mer_pseudonym_name(pseudonyms, fields[i].name);
        if (!name)
            return mer_fail(err, MER_ERR_INTERNAL, "a token stands for nothing");
        fields[i].name = name;
        fields[i].n_name = strlen(name);
    }
    return mer_ok();
}

/* Held to what was found out about the other table; its levels come first, and may be joined by
 * others. */
static mer_status read_by_types(struct mer_context *context, const char *path,
                                const struct mer_table_options *options,
                                const struct mer_table *like, struct mer_table **ret_table,
                                mer_err *err)
{
    const struct mer_schema *const from = &like->schema;
    struct mer_field *fields;
    MER_GUARD(mer_alloc_array(&context->alloc, from->n_fields, sizeof *fields, &fields, err));
    for (size_t i = 0; i < from->n_fields; i++)
        fields[i] = from->fields[i];
    const struct mer_schema schema = {.fields = fields, /* borrows everything */
                                      .n_fields = from->n_fields,
                                      .missing_values = from->missing_values,
                                      .n_missing_values = from->n_missing_values,
                                      .match = from->match};
    const struct mer_csv_options base = {
        .schema = &schema, .allow_extra = true, .allow_new_levels = true};
    mer_status status = name_fields(like->pseudonyms, fields, from->n_fields, err);
    if (mer_is_ok(status)) {
        status = mer_table_read_with(context, path, options, &base, ret_table, err);
        if (status.code == MER_ERR_DATA && err && !err->hint[0])
            status = mer_hint(err, status,
                              "its columns have the types that were found in the other table; a "
                              "schema for both says otherwise (merlon schema infer, --schema)");
    }
    mer_free(&context->alloc, fields);
    return status;
}

mer_status mer_table_read_like(struct mer_context *context, const char *path,
                               const struct mer_table_options *options,
                               const struct mer_table *like, struct mer_table **ret_table,
                               mer_err *err)
{
    struct mer_table_options chosen = {.size = sizeof chosen, .has_header = -1};
    if (options)
        MER_GUARD(mer_options_copy(options, sizeof chosen, "mer_table_options", &chosen, err));
    if (chosen.schema_file)
        return mer_fail(err, MER_ERR_USAGE,
                        "a table that is read like another has the schema of that one");
    if (chosen.pseudonyms && chosen.pseudonyms != like->pseudonyms)
        return mer_fail(err, MER_ERR_USAGE, "the two tables have pseudonyms of different projects");
    chosen.pseudonyms = like->pseudonyms;
    if (!like->schema_path || like->pseudonyms)
        return read_by_types(context, path, &chosen, like, ret_table, err);
    chosen.schema_file = like->schema_path;
    return mer_table_read(context, path, &chosen, ret_table, err);
}

static mer_status fill(const struct mer_table *table, const struct mer_table *valid, int fd,
                       struct mer_frame *ret_frame, mer_err *err)
{
    const struct mer_ctx *const ctx = &table->context->ctx;
    struct mer_file_region file;
    mer_region_init_memory_file(&file, ctx->alloc, fd, SIZE_MAX);
    mer_status status = mer_frame_append(ctx, &table->frame, &valid->frame, &file.region, err);
    return mer_table_adopt_written(ctx, &file, fd, status, ret_frame, err);
}

mer_status mer_table_join(const struct mer_table *table, const struct mer_table *valid,
                          struct mer_joined *ret_joined, mer_err *err)
{
    struct mer_joined joined;
    MER_GUARD(mer_memory_file_new("merlon-table", &joined.image, err));
    const mer_status status = fill(table, valid, joined.image, &joined.frame, err);
    if (!mer_is_ok(status)) {
        mer_descriptor_close(joined.image);
        return status.code == MER_ERR_DATA
                   ? mer_prefix(err, status, "the validation table %s",
                                valid->path ? mer_quote(valid->path).text : "")
                   : status;
    }
    *ret_joined = joined;
    return mer_ok();
}

void mer_joined_release(struct mer_joined *joined)
{
    if (joined->image < 0)
        return;
    mer_frame_release(&joined->frame);
    mer_descriptor_close(joined->image);
    joined->image = -1;
}
