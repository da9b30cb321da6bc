/* Writes a Table Schema as JSON, such that reading it again gives the same schema. */
#include <string.h>

#include "core/number.h"
#include "frame/schema.h"

static void put_texts(struct mer_json_writer *writer, const char *key, const char *const *texts,
                      size_t n)
{
    mer_json_key(writer, key);
    mer_json_begin_array(writer);
    for (size_t i = 0; i < n; i++)
        mer_json_put_string(writer, texts[i]);
    mer_json_end_array(writer);
}

static void put_text(struct mer_json_writer *writer, const char *key, const char *text)
{
    if (!text)
        return;
    mer_json_key(writer, key);
    mer_json_put_string(writer, text);
}

static void put_true(struct mer_json_writer *writer, const char *key, bool is_set)
{
    if (!is_set)
        return;
    mer_json_key(writer, key);
    mer_json_put_boolean(writer, true);
}

/* A value whose text is in the default format: what JSON has a form for, in that. */
static void put_value(struct mer_json_writer *writer, enum mer_kind kind, const char *text)
{
    const size_t n = strlen(text);
    int64_t integer;
    double number;
    if (kind == MER_KIND_BOOLEAN && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0))
        mer_json_put_boolean(writer, text[0] == 't');
    else if ((kind == MER_KIND_INTEGER || kind == MER_KIND_NUMBER) &&
             mer_integer_parse(text, n, &integer))
        mer_json_put_integer(writer, integer);
    else if (kind == MER_KIND_NUMBER && mer_number_parse(text, n, false, &number) &&
             number - number == 0) /* finite */
        mer_json_put_number(writer, number);
    else
        mer_json_put_string_n(writer, text, n);
}

static void put_values(struct mer_json_writer *writer, const char *key, enum mer_kind kind,
                       const char *const *texts, size_t n)
{
    mer_json_key(writer, key);
    mer_json_begin_array(writer);
    for (size_t i = 0; i < n; i++)
        put_value(writer, kind, texts[i]);
    mer_json_end_array(writer);
}

static bool has_constraints(const struct mer_field *field)
{
    bool has = field->required || field->unique || field->min_length > 0 || field->has_max_length ||
               field->pattern || field->allowed.n > 0;
    for (int kind = 0; kind < MER_BOUND_COUNT; kind++)
        has |= field->bounds[kind].text != NULL;
    return has;
}

static void put_constraints(struct mer_json_writer *writer, const struct mer_field *field)
{
    const enum mer_kind field_kind = mer_field_kind(field);
    if (!has_constraints(field))
        return;
    mer_json_key(writer, "constraints");
    mer_json_begin_object(writer);
    put_true(writer, "required", field->required);
    put_true(writer, "unique", field->unique);
    for (int kind = 0; kind < MER_BOUND_COUNT; kind++) {
        if (!field->bounds[kind].text)
            continue;
        mer_json_key(writer, mer_bound_name((enum mer_bound_kind)kind));
        put_value(writer, field_kind, field->bounds[kind].text);
    }
    if (field->min_length > 0) {
        mer_json_key(writer, "minLength");
        mer_json_put_unsigned(writer, field->min_length);
    }
    if (field->has_max_length) {
        mer_json_key(writer, "maxLength");
        mer_json_put_unsigned(writer, field->max_length);
    }
    put_text(writer, "pattern", field->pattern);
    if (field->allowed.n > 0)
        put_values(writer, "enum", field_kind, field->allowed.texts, field->allowed.n);
    mer_json_end_object(writer);
}

static void put_format(struct mer_json_writer *writer, const struct mer_field *field)
{
    put_text(writer, "format",
             field->format == MER_FORMAT_PATTERN ? field->format_text
                                                 : mer_format_name(field->format));
    put_text(writer, "decimalChar", field->decimal_char);
    put_text(writer, "groupChar", field->group_char);
    if (field->decorated) {
        mer_json_key(writer, "bareNumber");
        mer_json_put_boolean(writer, false);
    }
    if (field->true_values.n > 0)
        put_texts(writer, "trueValues", field->true_values.texts, field->true_values.n);
    if (field->false_values.n > 0)
        put_texts(writer, "falseValues", field->false_values.texts, field->false_values.n);
    put_text(writer, "delimiter", field->delimiter);
    if (field->item != MER_KIND_UNSTATED)
        put_text(writer, "itemType", mer_kind_name(field->item));
    if (field->has_missing_values)
        put_texts(writer, "missingValues", field->missing_values.texts, field->missing_values.n);
}

static void put_own(struct mer_json_writer *writer, const struct mer_field *field)
{
    if (field->role != MER_ROLE_NONE)
        put_text(writer, "merlon:role", mer_role_name(field->role));
    put_true(writer, "merlon:weight", field->flags & MER_FIELD_WEIGHT);
    put_true(writer, "merlon:group", field->flags & MER_FIELD_GROUP);
    put_true(writer, "merlon:time", field->flags & MER_FIELD_TIME);
    put_true(writer, "merlon:text", field->flags & MER_FIELD_TEXT);
    put_true(writer, "merlon:sensitive", field->flags & MER_FIELD_SENSITIVE);
}

static bool is_part(const struct mer_field *field)
{
    return field->kind == MER_KIND_GEOPOINT && field->parts != MER_PART_BOTH;
}

static void put_part(struct mer_json_writer *writer, const struct mer_field *field)
{
    if (is_part(field))
        put_text(writer, MER_SCHEMA_PART_KEY,
                 field->parts == MER_PART_LATITUDE ? "latitude" : "longitude");
}

/* A part of a geopoint is named after its column. A model's field has that name already; that of a
 * schema, still a text, has the point's. */
static void put_name(struct mer_json_writer *writer, const struct mer_field *field)
{
    MER_CLEANUP(mer_buf_release) struct mer_buf name;
    mer_buf_init(&name, writer->buf->alloc, SIZE_MAX);
    mer_status status = mer_buf_append(&name, field->name, field->n_name, writer->err);
    if (mer_is_ok(status) && is_part(field) && field->type == MER_TYPE_TEXT)
        status = mer_buf_text(&name, mer_part_suffix(field->parts), writer->err);
    if (!mer_is_ok(status) && mer_is_ok(writer->status))
        writer->status = status;
    mer_json_key(writer, "name");
    mer_json_put_string_n(writer, (const char *)name.bytes, name.n);
}

static void write_field(struct mer_json_writer *writer, const struct mer_field *field)
{
    const enum mer_kind kind = mer_field_kind(field);
    mer_json_begin_object(writer);
    put_name(writer, field);
    put_text(writer, "type", mer_kind_name(kind));
    put_part(writer, field);
    put_format(writer, field);
    if (field->type == MER_TYPE_CATEGORICAL && field->n_categories)
        put_values(writer, "categories", kind, field->categories, field->n_categories);
    else
        put_true(writer, MER_SCHEMA_CATEGORICAL_KEY, field->type == MER_TYPE_CATEGORICAL);
    put_true(writer, "categoriesOrdered", field->categories_ordered);
    put_constraints(writer, field);
    put_own(writer, field);
    mer_json_end_object(writer);
}

static void write_keys(struct mer_json_writer *writer, const struct mer_schema *schema)
{
    bool in_unique = false;
    for (size_t k = 0; k < schema->n_keys; k++) {
        const struct mer_key *const key = &schema->keys[k];
        if (key->is_primary) {
            mer_json_key(writer, "primaryKey");
        } else if (!in_unique) {
            mer_json_key(writer, "uniqueKeys");
            mer_json_begin_array(writer);
            in_unique = true;
        }
        mer_json_begin_array(writer);
        for (size_t i = 0; i < key->n_fields; i++)
            mer_json_put_string(writer, schema->fields[key->fields[i]].name);
        mer_json_end_array(writer);
    }
    if (in_unique)
        mer_json_end_array(writer);
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
    if (schema->match != MER_MATCH_UNSTATED)
        put_text(&writer, "fieldsMatch", mer_fields_match_name(schema->match));
    put_texts(&writer, "missingValues", schema->missing_values, schema->n_missing_values);
    write_keys(&writer, schema);
    mer_json_end_object(&writer);
    return mer_json_writer_end(&writer);
}
