/* Tables through the Arrow C data and stream interfaces. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "frame/arrow.h"
#include "intake/arrow_import.h"
#include "merlon/arrow.h"
#include "os/channel.h"
#include "os/memory_file.h"

/* Writes what was imported into a memory file, as a cell would have left it. */
static mer_status write_table(struct mer_table *table, struct mer_arrow_import *import,
                              mer_err *err)
{
    struct mer_alloc *const alloc = &table->context->alloc;
    struct mer_file_region file;
    struct mer_region sealed;
    MER_GUARD(mer_memory_file_new("merlon-table", &table->image, err));
    mer_region_init_memory_file(&file, alloc, table->image, SIZE_MAX / 2);
    mer_status status =
        mer_table_builder_write(&import->builder, &file.region, &table->report, err);
    const size_t n = file.region.n;
    mer_region_release(&file.region);
    MER_GUARD(status);
    MER_GUARD(mer_memory_file_seal(table->image, err));
    MER_GUARD(mer_region_init_sealed(&sealed, alloc, table->image, n, err));
    status = mer_frame_adopt(&table->context->ctx, &sealed, &table->frame, err);
    if (!mer_is_ok(status)) {
        mer_region_release(&sealed);
        return status;
    }
    table->has_frame = true;
    table->origin.n_bytes = n;
    return mer_digest_hex(table->frame.image, n, table->origin.digest, err);
}

/* Where pieces come from: a stream, or one array. */
struct source {
    struct ArrowArrayStream *stream; /* NULL: the array */
    struct ArrowArray *array;
};

static mer_status fail_stream(struct ArrowArrayStream *stream, mer_err *err)
{
    const char *const what = stream->get_last_error ? stream->get_last_error(stream) : NULL;
    return mer_fail(err, MER_ERR_IO, "the Arrow stream failed: %s",
                    what ? mer_quote(what).text : "it does not say why");
}

static mer_status add_pieces(struct mer_arrow_import *import, const struct source *source,
                             const struct mer_ctx *ctx, mer_err *err)
{
    if (!source->stream)
        return mer_arrow_import_add(import, source->array, err);
    for (;;) {
        struct ArrowArray piece = {.release = NULL};
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        if (source->stream->get_next(source->stream, &piece) != 0)
            return fail_stream(source->stream, err);
        if (!piece.release)
            return mer_ok();
        const mer_status status = mer_arrow_import_add(import, &piece, err);
        if (piece.release)
            piece.release(&piece);
        MER_GUARD(status);
    }
}

static mer_status import_into(struct mer_table *table, const struct ArrowSchema *schema,
                              const struct source *source, bool keep_texts, mer_err *err)
{
    const struct mer_ctx *const ctx = &table->context->ctx;
    struct mer_arrow_import import;
    struct mer_csv_options options = {.schema = NULL};
    if (keep_texts)
        options.missing_values = MER_CSV_MISSING; /* none of them */
    mer_status status = mer_arrow_import_begin(&import, ctx, &options, schema, err);
    if (mer_is_ok(status))
        status = add_pieces(&import, source, ctx, err);
    if (mer_is_ok(status))
        status = write_table(table, &import, err);
    mer_arrow_import_release(&import);
    MER_GUARD(status);
    return mer_schema_of_frame(ctx, &table->frame, MER_CSV_MISSING, MER_CSV_N_MISSING,
                               &table->schema, err);
}

static mer_status import_table(struct mer_context *context, const struct ArrowSchema *schema,
                               const struct source *source, bool keep_texts,
                               struct mer_table **ret_table, mer_err *err)
{
    struct mer_table_options chosen;
    struct mer_table *table;
    MER_GUARD(mer_table_begin(context, NULL, &chosen, &table, err));
    const mer_status status = import_into(table, schema, source, keep_texts, err);
    if (!mer_is_ok(status))
        mer_table_free(table);
    else
        *ret_table = table;
    return status;
}

mer_status mer_table_from_arrow(struct mer_context *context, struct ArrowSchema *schema,
                                struct ArrowArray *array, bool keep_texts,
                                struct mer_table **ret_table, mer_err *err)
{
    const struct source source = {.array = array};
    const mer_status status = import_table(context, schema, &source, keep_texts, ret_table, err);
    if (array->release)
        array->release(array);
    if (schema->release)
        schema->release(schema);
    return status;
}

mer_status mer_table_from_arrow_stream(struct mer_context *context, struct ArrowArrayStream *stream,
                                       bool keep_texts, struct mer_table **ret_table, mer_err *err)
{
    const struct source source = {.stream = stream};
    struct ArrowSchema schema = {.release = NULL};
    mer_status status;
    if (!stream->release || !stream->get_schema || !stream->get_next)
        return mer_fail(err, MER_ERR_DATA, "an Arrow stream that was released");
    if (stream->get_schema(stream, &schema) != 0)
        status = fail_stream(stream, err);
    else
        status = import_table(context, &schema, &source, keep_texts, ret_table, err);
    if (schema.release)
        schema.release(&schema);
    stream->release(stream);
    return status;
}

/* An exported structure holds the table. */
static void retain_table(void *self)
{
    struct mer_table *const table = self;
    atomic_fetch_add(&table->n_holders, 1);
}

static void release_table(void *self)
{
    mer_table_free(self);
}

mer_status mer_table_to_arrow(struct mer_table *table, struct ArrowSchema *ret_schema,
                              struct ArrowArray *ret_array, mer_err *err)
{
    const struct mer_arrow_owner owner = {
        .retain = retain_table, .release = release_table, .self = table};
    return mer_arrow_export_table(&table->frame, &owner, ret_schema, ret_array, err);
}

/* A stream of one array, which is made when it is asked for. */
struct one_array {
    struct mer_table *table;
    bool is_given;
    mer_err err;
};

static int give_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct one_array *const one = stream->private_data;
    struct ArrowArray array;
    if (mer_table_to_arrow(one->table, out, &array, &one->err).code != MER_OK)
        return ENOMEM;
    array.release(&array);
    return 0;
}

static int give_array(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct one_array *const one = stream->private_data;
    struct ArrowSchema schema;
    if (one->is_given) {
        *out = (struct ArrowArray){.release = NULL};
        return 0;
    }
    if (mer_table_to_arrow(one->table, &schema, out, &one->err).code != MER_OK)
        return ENOMEM;
    schema.release(&schema);
    one->is_given = true;
    return 0;
}

static const char *tell_error(struct ArrowArrayStream *stream)
{
    const struct one_array *const one = stream->private_data;
    return one->err.message[0] ? one->err.message : NULL;
}

static void release_stream(struct ArrowArrayStream *stream)
{
    struct one_array *const one = stream->private_data;
    stream->release = NULL;
    mer_table_free(one->table);
    free(one);
}

mer_status mer_table_to_arrow_stream(struct mer_table *table, struct ArrowArrayStream *ret_stream,
                                     mer_err *err)
{
    struct one_array *const one = calloc(1, sizeof *one);
    if (!one)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a stream");
    retain_table(table);
    one->table = table;
    *ret_stream = (struct ArrowArrayStream){.get_schema = give_schema,
                                            .get_next = give_array,
                                            .get_last_error = tell_error,
                                            .release = release_stream,
                                            .private_data = one};
    return mer_ok();
}
