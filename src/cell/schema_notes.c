#include "cell/schema_notes.h"

#include <string.h>

#include "cell/notes.h"
#include "cell/protocol.h"
#include "frame/dictionary.h"
#include "frame/image.h"

enum { IS_REQUIRED = 1, LISTS_NOTHING = 2 };

static char flags_of(const struct mer_field *field)
{
    const bool lists_nothing = field->type == MER_TYPE_CATEGORICAL && field->n_categories == 0;
    return (char)((field->required ? IS_REQUIRED : 0) | (lists_nothing ? LISTS_NOTHING : 0));
}

static mer_status put_flags(const struct mer_ctx *ctx, const struct mer_schema *schema,
                            const unsigned char *image, struct mer_buf *buf, mer_err *err)
{
    const struct mer_image_header *const header = (const void *)image;
    const struct mer_image_column *const columns = (const void *)(header + 1);
    MER_CLEANUP(mer_dictionary_release) struct mer_dictionary fields;
    int32_t code;
    mer_dictionary_init(&fields, ctx->alloc);
    for (size_t f = 0; f < schema->n_fields; f++)
        MER_GUARD(mer_dictionary_add(&fields, schema->fields[f].name, schema->fields[f].n_name,
                                     &code, err));
    for (size_t c = 0; c < header->n_columns; c++) {
        const int32_t f =
            mer_dictionary_find(&fields, (const char *)image + columns[c].name, columns[c].n_name);
        const char flags = f < 0 ? 0 : flags_of(&schema->fields[f]);
        MER_GUARD(mer_buf_append(buf, &flags, 1, err));
    }
    return mer_ok();
}

mer_status mer_schema_notes_write(const struct mer_ctx *ctx, const struct mer_schema *schema,
                                  const unsigned char *image, struct mer_buf *buf, mer_err *err)
{
    MER_GUARD(mer_notes_put_u32(buf, schema->n_missing_values, err));
    for (size_t i = 0; i < schema->n_missing_values; i++)
        MER_GUARD(mer_notes_put_text(buf, schema->missing_values[i],
                                     strlen(schema->missing_values[i]), err));
    return put_flags(ctx, schema, image, buf, err);
}

static bool apply_flags(const unsigned char *flags, struct mer_schema *schema)
{
    for (size_t c = 0; c < schema->n_fields; c++) {
        struct mer_field *const field = &schema->fields[c];
        if (flags[c] & ~(unsigned)(IS_REQUIRED | LISTS_NOTHING))
            return false;
        field->required = flags[c] & IS_REQUIRED;
        if (flags[c] & LISTS_NOTHING)
            field->n_categories = 0;
    }
    return true;
}

static mer_status apply(const struct mer_ctx *ctx, struct mer_notes_reader *notes,
                        const struct mer_frame *frame, struct mer_schema *ret_schema, mer_err *err)
{
    static const char nonsense[] = "the cell that read the schema tells nonsense about it";
    const char *missing[MER_CELL_MISSING_MAX];
    const size_t n_missing = mer_notes_u32_upto(notes, MER_CELL_MISSING_MAX);
    for (size_t i = 0; i < n_missing; i++)
        missing[i] = mer_notes_text(notes, NULL);
    const unsigned char *const flags = mer_notes_bytes(notes, frame->n_columns);
    MER_GUARD(mer_notes_end(notes, nonsense));
    struct mer_schema schema;
    MER_GUARD(mer_schema_of_frame(ctx, frame, missing, n_missing, &schema, err));
    if (apply_flags(flags, &schema)) {
        *ret_schema = schema;
        return mer_ok();
    }
    mer_schema_release(&schema);
    return mer_fail(err, MER_ERR_DATA, "%s", nonsense);
}

mer_status mer_schema_notes_apply(const struct mer_ctx *ctx, const char *bytes, size_t n,
                                  const struct mer_frame *frame, struct mer_schema *ret_schema,
                                  mer_err *err)
{
    struct mer_notes_reader notes;
    struct mer_arena arena; /* of texts that the schema copies */
    mer_arena_init(&arena, ctx->alloc);
    mer_notes_read(&notes, bytes, n, &arena, err);
    const mer_status status = apply(ctx, &notes, frame, ret_schema, err);
    mer_arena_release(&arena);
    return status;
}
