/* Table Schema: the schema of a table, and writing one as JSON. Reading is in schema_parse.c. */
#include "frame/schema.h"

#include <string.h>

void mer_schema_init(struct mer_schema *schema, struct mer_alloc *alloc)
{
    *schema = (struct mer_schema){0};
    mer_arena_init(&schema->arena, alloc);
}

void mer_schema_release(struct mer_schema *schema)
{
    struct mer_alloc *alloc = schema->arena.alloc;
    if (!alloc)
        return;
    mer_arena_release(&schema->arena);
    mer_schema_init(schema, alloc);
}

static mer_status copy_levels(struct mer_arena *arena, const struct mer_column *column,
                              struct mer_field *field, mer_err *err)
{
    const char **categories;
    MER_GUARD(mer_arena_zero(arena, column->n_levels, sizeof *categories, &categories, err));
    for (size_t k = 0; k < column->n_levels; k++) {
        const struct mer_cell level = mer_column_level(column, k);
        MER_GUARD(mer_arena_text(arena, level.bytes, level.n, &categories[k], err));
    }
    field->categories = categories;
    field->n_categories = column->n_levels;
    return mer_ok();
}

static mer_status describe(const struct mer_frame *frame, const char *const *missing_values,
                           size_t n_missing_values, struct mer_schema *schema, mer_err *err)
{
    struct mer_arena *arena = &schema->arena;
    const char **texts;
    MER_GUARD(mer_arena_zero(arena, n_missing_values, sizeof *texts, &texts, err));
    for (size_t i = 0; i < n_missing_values; i++)
        MER_GUARD(
            mer_arena_text(arena, missing_values[i], strlen(missing_values[i]), &texts[i], err));
    schema->missing_values = texts;
    schema->n_missing_values = n_missing_values;

    MER_GUARD(
        mer_arena_zero(arena, frame->n_columns, sizeof *schema->fields, &schema->fields, err));
    schema->n_fields = frame->n_columns;
    for (size_t c = 0; c < frame->n_columns; c++) {
        const struct mer_column *column = &frame->columns[c];
        struct mer_field *field = &schema->fields[c];
        field->type = column->type;
        field->n_name = column->n_name;
        MER_GUARD(mer_arena_text(arena, column->name, column->n_name, &field->name, err));
        if (column->type == MER_TYPE_CATEGORICAL && column->n_levels <= MER_SCHEMA_LISTED_LEVELS)
            MER_GUARD(copy_levels(arena, column, field, err));
    }
    return mer_ok();
}

mer_status mer_schema_of_frame(const struct mer_ctx *ctx, const struct mer_frame *frame,
                               const char *const *missing_values, size_t n_missing_values,
                               struct mer_schema *ret_schema, mer_err *err)
{
    struct mer_schema schema;
    mer_schema_init(&schema, ctx->alloc);
    mer_status status = describe(frame, missing_values, n_missing_values, &schema, err);
    if (!mer_is_ok(status)) {
        mer_schema_release(&schema);
        return status;
    }
    *ret_schema = schema;
    return status;
}

/* Table Schema has no type of its own for categories: they are strings. */
static const char *written_type(enum mer_type type)
{
    return type == MER_TYPE_CATEGORICAL || type == MER_TYPE_TEXT ? "string" : mer_type_name(type);
}

static void write_texts(struct mer_json_writer *writer, const char *key, const char *const *texts,
                        size_t n)
{
    mer_json_key(writer, key);
    mer_json_begin_array(writer);
    for (size_t i = 0; i < n; i++)
        mer_json_put_string(writer, texts[i]);
    mer_json_end_array(writer);
}

static void write_field(struct mer_json_writer *writer, const struct mer_field *field)
{
    mer_json_begin_object(writer);
    mer_json_key(writer, "name");
    mer_json_put_string_n(writer, field->name, field->n_name);
    mer_json_key(writer, "type");
    mer_json_put_string(writer, written_type(field->type));
    if (field->type == MER_TYPE_CATEGORICAL && field->n_categories) {
        write_texts(writer, "categories", field->categories, field->n_categories);
    } else if (field->type == MER_TYPE_CATEGORICAL) {
        mer_json_key(writer, MER_SCHEMA_CATEGORICAL_KEY);
        mer_json_put_boolean(writer, true);
    }
    if (field->required) {
        mer_json_key(writer, "constraints");
        mer_json_begin_object(writer);
        mer_json_key(writer, "required");
        mer_json_put_boolean(writer, true);
        mer_json_end_object(writer);
    }
    mer_json_end_object(writer);
}

mer_status mer_schema_write(const struct mer_schema *schema, struct mer_buf *buf, mer_err *err)
{
    struct mer_json_writer writer;
    mer_json_writer_init(&writer, buf, 2, err);
    mer_json_begin_object(&writer);
    mer_json_key(&writer, "fields");
    mer_json_begin_array(&writer);
    for (size_t f = 0; f < schema->n_fields; f++)
        write_field(&writer, &schema->fields[f]);
    mer_json_end_array(&writer);
    write_texts(&writer, "missingValues", schema->missing_values, schema->n_missing_values);
    mer_json_end_object(&writer);
    return mer_json_writer_end(&writer);
}
