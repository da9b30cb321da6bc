#include "cell/schema_notes.h"

#include <string.h>

#include "cell/protocol.h"
#include "frame/dictionary.h"
#include "frame/image.h"
#include "frame/schema_wire.h"

/* The field of a column: by name, or the geopoint that it is a part of; nothing, for one that the
 * schema does not have. */
static struct mer_field field_of(const struct mer_schema *schema,
                                 const struct mer_dictionary *names, const char *name, size_t n,
                                 enum mer_type type)
{
    unsigned part = 0;
    const int32_t f = mer_dictionary_find(names, name, n);
    const struct mer_field *const field =
        f >= 0 ? &schema->fields[f]
               : mer_schema_field_of_column(schema, name, schema->n_fields, &part);
    struct mer_field found = {.type = type};
    if (field)
        found = *field;
    if (part)
        found.parts = part;
    found.type = type;
    return found;
}

static mer_status put_fields(const struct mer_ctx *ctx, const struct mer_schema *schema,
                             const unsigned char *image, struct mer_buf *buf, mer_err *err)
{
    const struct mer_image_header *const header = (const void *)image;
    const struct mer_image_column *const columns = (const void *)(header + 1);
    MER_CLEANUP(mer_dictionary_release) struct mer_dictionary names;
    int32_t code;
    mer_dictionary_init(&names, ctx->alloc);
    for (size_t f = 0; f < schema->n_fields; f++)
        MER_GUARD(mer_dictionary_add(&names, schema->fields[f].name, schema->fields[f].n_name,
                                     &code, err));
    for (size_t c = 0; c < header->n_columns; c++) {
        const struct mer_field field =
            field_of(schema, &names, (const char *)image + columns[c].name, columns[c].n_name,
                     (enum mer_type)columns[c].type);
        MER_GUARD(mer_wire_put_field(buf, &field, err));
    }
    return mer_ok();
}

mer_status mer_schema_notes_write(const struct mer_ctx *ctx, const struct mer_schema *schema,
                                  const unsigned char *image, struct mer_buf *buf, mer_err *err)
{
    MER_GUARD(mer_wire_put_number(buf, schema->n_missing_values, err));
    for (size_t i = 0; i < schema->n_missing_values; i++)
        MER_GUARD(mer_wire_put_text(buf, schema->missing_values[i], err));
    return put_fields(ctx, schema, image, buf, err);
}

static mer_status take_fields(struct mer_wire_cursor *cursor, struct mer_schema *schema,
                              bool *ret_good, mer_err *err)
{
    for (size_t c = 0; c < schema->n_fields && *ret_good; c++)
        MER_GUARD(mer_wire_take_field(cursor, &schema->arena, &schema->fields[c], ret_good, err));
    *ret_good = *ret_good && cursor->left == 0;
    return mer_ok();
}

static mer_status apply(const struct mer_ctx *ctx, struct mer_wire_cursor *cursor,
                        const struct mer_frame *frame, struct mer_arena *arena,
                        struct mer_schema *ret_schema, mer_err *err)
{
    const char *missing[MER_CELL_MISSING_MAX];
    uint32_t n_missing;
    bool good = mer_wire_take_number(cursor, &n_missing) && n_missing <= MER_CELL_MISSING_MAX;
    for (size_t i = 0; good && i < n_missing; i++)
        MER_GUARD(mer_wire_take_text(cursor, arena, &missing[i], &good, err));
    if (good) {
        struct mer_schema schema;
        MER_GUARD(mer_schema_of_frame(ctx, frame, missing, n_missing, &schema, err));
        const mer_status status = take_fields(cursor, &schema, &good, err);
        if (mer_is_ok(status) && good) {
            *ret_schema = schema;
            return mer_ok();
        }
        mer_schema_release(&schema);
        MER_GUARD(status);
    }
    return mer_fail(err, MER_ERR_DATA, "the cell that read the schema tells nonsense about it");
}

mer_status mer_schema_notes_apply(const struct mer_ctx *ctx, const char *notes, size_t n,
                                  const struct mer_frame *frame, struct mer_schema *ret_schema,
                                  mer_err *err)
{
    struct mer_wire_cursor cursor = {notes, n};
    struct mer_arena arena; /* of texts that the schema copies */
    mer_arena_init(&arena, ctx->alloc);
    const mer_status status = apply(ctx, &cursor, frame, &arena, ret_schema, err);
    mer_arena_release(&arena);
    return status;
}
