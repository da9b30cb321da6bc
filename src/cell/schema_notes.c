#include "cell/schema_notes.h"

#include <string.h>

#include "cell/protocol.h"
#include "core/utf8.h"
#include "frame/dictionary.h"
#include "frame/image.h"

enum { IS_REQUIRED = 1, LISTS_NOTHING = 2 };

static mer_status put_number(struct mer_buf *buf, size_t number, mer_err *err)
{
    const uint32_t stored = (uint32_t)number;
    return mer_buf_append(buf, &stored, sizeof stored, err);
}

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
    MER_GUARD(put_number(buf, schema->n_missing_values, err));
    for (size_t i = 0; i < schema->n_missing_values; i++) {
        const size_t n = strlen(schema->missing_values[i]);
        MER_GUARD(put_number(buf, n, err));
        MER_GUARD(mer_buf_append(buf, schema->missing_values[i], n, err));
    }
    return put_flags(ctx, schema, image, buf, err);
}

struct cursor {
    const char *at;
    size_t left;
};

static bool take(struct cursor *cursor, size_t n, const char **ret_bytes)
{
    if (n > cursor->left)
        return false;
    *ret_bytes = cursor->at;
    cursor->at += n;
    cursor->left -= n;
    return true;
}

static bool take_number(struct cursor *cursor, uint32_t *ret_number)
{
    const char *bytes;
    if (!take(cursor, sizeof *ret_number, &bytes))
        return false;
    memcpy(ret_number, bytes, sizeof *ret_number);
    return true;
}

/* A text of the notes, copied so that it ends in a zero. */
static mer_status take_text(struct cursor *cursor, struct mer_arena *arena, const char **ret_text,
                            bool *ret_good, mer_err *err)
{
    const char *bytes;
    uint32_t n;
    *ret_good = take_number(cursor, &n) && take(cursor, n, &bytes) && mer_utf8_valid(bytes, n) &&
                memchr(bytes, '\0', n) == NULL;
    return *ret_good ? mer_arena_text(arena, bytes, n, ret_text, err) : mer_ok();
}

static bool apply_flags(const char *flags, struct mer_schema *schema)
{
    for (size_t c = 0; c < schema->n_fields; c++) {
        struct mer_field *const field = &schema->fields[c];
        if ((unsigned char)flags[c] & ~(unsigned)(IS_REQUIRED | LISTS_NOTHING))
            return false;
        field->required = flags[c] & IS_REQUIRED;
        if (flags[c] & LISTS_NOTHING)
            field->n_categories = 0;
    }
    return true;
}

static mer_status apply(const struct mer_ctx *ctx, struct cursor *cursor,
                        const struct mer_frame *frame, struct mer_arena *arena,
                        struct mer_schema *ret_schema, mer_err *err)
{
    const char *missing[MER_CELL_MISSING_MAX], *flags;
    uint32_t n_missing;
    bool good = take_number(cursor, &n_missing) && n_missing <= MER_CELL_MISSING_MAX;
    for (size_t i = 0; good && i < n_missing; i++)
        MER_GUARD(take_text(cursor, arena, &missing[i], &good, err));
    if (good && cursor->left == frame->n_columns && take(cursor, cursor->left, &flags)) {
        struct mer_schema schema;
        MER_GUARD(mer_schema_of_frame(ctx, frame, missing, n_missing, &schema, err));
        if (apply_flags(flags, &schema)) {
            *ret_schema = schema;
            return mer_ok();
        }
        mer_schema_release(&schema);
    }
    return mer_fail(err, MER_ERR_DATA, "the cell that read the schema tells nonsense about it");
}

mer_status mer_schema_notes_apply(const struct mer_ctx *ctx, const char *notes, size_t n,
                                  const struct mer_frame *frame, struct mer_schema *ret_schema,
                                  mer_err *err)
{
    struct cursor cursor = {notes, n};
    struct mer_arena arena; /* of texts that the schema copies */
    mer_arena_init(&arena, ctx->alloc);
    const mer_status status = apply(ctx, &cursor, frame, &arena, ret_schema, err);
    mer_arena_release(&arena);
    return status;
}
