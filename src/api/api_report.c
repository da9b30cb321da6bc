/* Pages of the public API: measured in explain, written as files that their owner alone can read.
 */
#include <stdlib.h>
#include <string.h>

#include "api/report_handles.h"
#include "os/file.h"

enum { MIN_ROWS = 5, PAGE_BYTES_MAX = 256 << 20, PAGE_MODE = 0600 };

/* Whether the schema says that nobody may be shown the column's values. */
static bool is_sensitive(const struct mer_table *table, size_t column)
{
    return column < table->schema.n_fields &&
           (table->schema.fields[column].flags & MER_FIELD_SENSITIVE) != 0;
}

static mer_status describe(const struct mer_table *table, size_t min_rows,
                           struct mer_description *description, mer_err *err)
{
    const struct mer_ctx *const ctx = &table->context->ctx;
    bool *sensitive;
    MER_GUARD(
        mer_alloc_zero(ctx->alloc, table->frame.n_columns, sizeof *sensitive, &sensitive, err));
    for (size_t i = 0; i < table->frame.n_columns; i++)
        sensitive[i] = is_sensitive(table, i);
    const struct mer_profile_options options = {.min_rows = min_rows, .sensitive = sensitive};
    const mer_status status =
        mer_profile_make(ctx, &table->frame, &options, &description->profile, err);
    mer_free(ctx->alloc, sensitive);
    return status;
}

mer_status mer_describe(const struct mer_table *table, const struct mer_describe_options *options,
                        struct mer_description **ret_description, mer_err *err)
{
    struct mer_describe_options chosen = {.size = sizeof chosen};
    if (options)
        MER_GUARD(mer_options_copy(options, sizeof chosen, "mer_describe_options", &chosen, err));
    struct mer_description *const description = calloc(1, sizeof *description);
    if (!description)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a description");
    description->table = table;
    const mer_status status =
        describe(table, chosen.min_rows ? chosen.min_rows : MIN_ROWS, description, err);
    if (!mer_is_ok(status)) {
        mer_description_free(description);
        return status;
    }
    *ret_description = description;
    return mer_ok();
}

void mer_description_free(struct mer_description *description)
{
    if (!description)
        return;
    mer_profile_release(&description->profile);
    free(description);
}

mer_status mer_description_json(const struct mer_description *description, char **ret_json,
                                mer_err *err)
{
    struct mer_buf buf;
    struct mer_json_writer writer;
    mer_buf_init(&buf, &description->table->context->alloc, SIZE_MAX);
    mer_json_writer_init(&writer, &buf, 2, err);
    mer_json_begin_object(&writer);
    mer_profile_write(&description->profile, &writer);
    mer_json_end_object(&writer);
    mer_status status = mer_json_writer_end(&writer);
    if (mer_is_ok(status))
        status = mer_text_of_buf(&buf, ret_json, err);
    mer_buf_release(&buf);
    return status;
}

static mer_status write_page(const struct mer_ctx *ctx, const struct mer_buf *buf, const char *path,
                             bool replace, mer_err *err)
{
    struct mer_output output;
    MER_GUARD(mer_output_open(&output, path, replace, PAGE_MODE, err));
    mer_status status = mer_output_write(&output, buf->bytes, buf->n, err);
    if (mer_is_ok(status))
        status = mer_ctx_check_cancel(ctx, err);
    if (mer_is_ok(status))
        status = mer_output_publish(&output, err);
    mer_output_release(&output);
    return status;
}

/* The file's name without its folders: where it lay is nobody's business. */
static const char *title_of(const struct mer_table *table)
{
    if (!table->path)
        return "Table in memory";
    if (strcmp(table->path, "-") == 0)
        return "Standard input";
    const char *const slash = strrchr(table->path, '/');
    return slash ? slash + 1 : table->path;
}

mer_status mer_description_save(const struct mer_description *description, const char *path,
                                bool replace, mer_err *err)
{
    const struct mer_table *const table = description->table;
    const struct mer_origin *const origin = &table->origin;
    const struct mer_profile_source source = {
        .title = title_of(table),
        .digest = origin->digest,
        .n_bytes = origin->n_bytes,
        .signer = origin->is_signed ? origin->signature.signer_name : NULL,
        .version = mer_version(),
    };
    struct mer_buf buf;
    mer_buf_init(&buf, &table->context->alloc, PAGE_BYTES_MAX);
    mer_status status = mer_profile_page(&description->profile, &source, &buf, err);
    if (mer_is_ok(status))
        status = write_page(&table->context->ctx, &buf, path, replace, err);
    mer_buf_release(&buf);
    return status;
}

mer_status mer_study_begin(struct mer_fitted *model, const struct mer_table *table,
                           const char *target, mer_err *err)
{
    const size_t column = mer_frame_find(&table->frame, target);
    struct mer_alloc *const alloc = &model->context->alloc;
    MER_GUARD(mer_alloc_zero(alloc, 1, sizeof(*model->study), &model->study, err));
    mer_study_init(model->study, alloc, &table->frame);
    model->study->is_sensitive = column != SIZE_MAX && is_sensitive(table, column);
    return mer_ok();
}

void mer_study_free(struct mer_fitted *model)
{
    if (!model->study)
        return;
    mer_study_release(model->study);
    mer_free(&model->context->alloc, model->study);
    model->study = NULL;
}

mer_status mer_report_save(const struct mer_fitted *model, const struct mer_saved *saved,
                           const char *path, bool replace, mer_err *err)
{
    const struct mer_making *const making = &model->making;
    if (!model->study)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE, "the model was fitted without being studied"),
                        "set `study` in struct mer_fit_options");
    const struct mer_study_source source = {
        .model_digest = saved ? saved->digest : NULL,
        .n_model_bytes = saved ? saved->n_bytes : 0,
        .data_digest = making->data.digest,
        .n_data_bytes = making->data.n_bytes,
        .signer = making->data.is_signed ? making->data.signature.signer_name : NULL,
        .schema_digest = making->schema_given ? making->schema_digest : NULL,
        .version = mer_version(),
    };
    const struct mer_ctx *const ctx = &model->context->ctx;
    struct mer_buf buf;
    mer_buf_init(&buf, ctx->alloc, PAGE_BYTES_MAX);
    mer_status status = mer_study_page(ctx, model->study, model->facts, &source, &buf, err);
    if (mer_is_ok(status))
        status = write_page(ctx, &buf, path, replace, err);
    mer_buf_release(&buf);
    return status;
}
