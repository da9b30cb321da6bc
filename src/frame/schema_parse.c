/* Reads a Table Schema: its fields, keys and rules for the whole. What cannot be enforced is
 * refused here. */
#include <string.h>

#include "frame/dictionary.h"
#include "frame/schema_field.h"

static bool ends_in(const char *name, size_t n, const char *suffix)
{
    const size_t n_suffix = strlen(suffix);
    return n > n_suffix && memcmp(name + n - n_suffix, suffix, n_suffix) == 0;
}

/* Half of a geopoint, as models have them: "place.latitude" with "merlon:part": "latitude" means
 * that of the column "place". Cuts the name; *ret_part is 0 for any other field. */
static mer_status read_part(const struct mer_schema_parser *parser, const struct mer_json *object,
                            const char *name, size_t *n_name, unsigned *ret_part)
{
    const struct mer_json *const value = mer_json_get(object, MER_SCHEMA_PART_KEY);
    const char *const part = mer_json_string(value, NULL);
    const char *const type = mer_json_string(mer_json_get(object, "type"), NULL);
    *ret_part = 0;
    if (!value)
        return mer_ok();
    const char *suffix = NULL;
    if (part && strcmp(part, "longitude") == 0) {
        suffix = MER_LONGITUDE_SUFFIX;
        *ret_part = MER_PART_LONGITUDE;
    } else if (part && strcmp(part, "latitude") == 0) {
        suffix = MER_LATITUDE_SUFFIX;
        *ret_part = MER_PART_LATITUDE;
    }
    if (!suffix || !type || strcmp(type, "geopoint") != 0 || !ends_in(name, *n_name, suffix))
        return mer_schema_refuse(parser, "'" MER_SCHEMA_PART_KEY
                                         "' is longitude or latitude of a geopoint, and its name "
                                         "ends in that");
    *n_name -= strlen(suffix);
    return mer_ok();
}

/* Reads the field behind the n that are there; a part of a geopoint may join one of them. */
static mer_status read_field(struct mer_schema_parser *parser, const struct mer_json *object,
                             size_t index, struct mer_dictionary *names, struct mer_schema *schema)
{
    struct mer_field *field = &schema->fields[schema->n_fields];
    const char *const name = mer_json_string(mer_json_get(object, "name"), &field->n_name);
    unsigned part;
    int32_t code;
    if (!name || field->n_name == 0)
        return mer_fail(parser->err, MER_ERR_DATA, "schema: field %zu has no name", index + 1);
    parser->field = mer_quote_n(name, field->n_name);
    MER_GUARD(read_part(parser, object, name, &field->n_name, &part));
    MER_GUARD(mer_arena_text(parser->arena, name, field->n_name, &field->name, parser->err));
    MER_GUARD(mer_schema_read_field(parser, object, field));
    if (part)
        field->parts = part;
    MER_GUARD(mer_dictionary_add(names, field->name, field->n_name, &code, parser->err));
    if ((size_t)code == schema->n_fields) {
        schema->n_fields++;
        return mer_ok();
    }
    struct mer_field *const other = &schema->fields[code];
    if (!part || other->kind != MER_KIND_GEOPOINT || (other->parts & part) ||
        other->format != field->format)
        return mer_schema_refuse(parser, "another field has the same name");
    other->parts |= part;
    memset(field, 0, sizeof *field);
    return mer_ok();
}

/* A geopoint becomes two columns, whose names no other field may have. */
static mer_status check_parts(struct mer_schema_parser *parser, const struct mer_schema *schema,
                              const struct mer_dictionary *names)
{
    static const char *const suffixes[] = {MER_LONGITUDE_SUFFIX, MER_LATITUDE_SUFFIX};
    for (size_t f = 0; f < schema->n_fields; f++) {
        const struct mer_field *const field = &schema->fields[f];
        for (size_t i = 0; i < 2 && field->kind == MER_KIND_GEOPOINT; i++) {
            MER_CLEANUP(mer_buf_release) struct mer_buf name;
            mer_buf_init(&name, parser->ctx->alloc, SIZE_MAX);
            MER_GUARD(mer_buf_append(&name, field->name, field->n_name, parser->err));
            MER_GUARD(mer_buf_text(&name, suffixes[i], parser->err));
            parser->field = mer_quote_n(field->name, field->n_name);
            if (mer_dictionary_find(names, (const char *)name.bytes, name.n) >= 0)
                return mer_schema_refuse(parser, "a field has the name of one of its two columns");
        }
    }
    return mer_ok();
}

static mer_status read_fields(struct mer_schema_parser *parser, const struct mer_json *array,
                              struct mer_schema *schema)
{
    const size_t n = mer_json_size(array);
    if (mer_json_type(array) != MER_JSON_ARRAY || n == 0)
        return mer_fail(parser->err, MER_ERR_DATA, "schema: it has no fields");
    MER_GUARD(
        mer_arena_zero(parser->arena, n, sizeof *schema->fields, &schema->fields, parser->err));
    MER_CLEANUP(mer_dictionary_release) struct mer_dictionary names;
    mer_dictionary_init(&names, parser->ctx->alloc);
    for (size_t f = 0; f < n; f++)
        MER_GUARD(read_field(parser, mer_json_at(array, f), f, &names, schema));
    return check_parts(parser, schema, &names);
}

static size_t find_field(const struct mer_schema *schema, const char *name)
{
    size_t f = 0;
    while (f < schema->n_fields && strcmp(schema->fields[f].name, name) != 0)
        f++;
    return f;
}

/* The fields of a key: an array of names, or one name as in version 1. */
static mer_status read_key(struct mer_schema_parser *parser, const struct mer_json *value,
                           const char *what, struct mer_schema *schema)
{
    const bool is_one = mer_json_type(value) == MER_JSON_STRING;
    const size_t n = is_one ? 1 : mer_json_size(value);
    size_t *fields;
    if (n == 0 || (!is_one && mer_json_type(value) != MER_JSON_ARRAY))
        return mer_fail(parser->err, MER_ERR_DATA, "schema: '%s' must be names of fields", what);
    if (schema->n_keys == MER_SCHEMA_MAX_KEYS)
        return mer_fail(parser->err, MER_ERR_DATA, "schema: it has more than %d keys",
                        MER_SCHEMA_MAX_KEYS);
    MER_GUARD(mer_arena_zero(parser->arena, n, sizeof *fields, &fields, parser->err));
    for (size_t i = 0; i < n; i++) {
        const char *const name = mer_json_string(is_one ? value : mer_json_at(value, i), NULL);
        fields[i] = name ? find_field(schema, name) : schema->n_fields;
        if (fields[i] == schema->n_fields)
            return mer_fail(parser->err, MER_ERR_DATA, "schema: '%s' names %s, which is no field",
                            what, name ? mer_quote(name).text : "something");
        for (size_t k = 0; k < i; k++)
            if (fields[k] == fields[i])
                return mer_fail(parser->err, MER_ERR_DATA, "schema: '%s' names %s twice", what,
                                mer_quote(name).text);
    }
    schema->keys[schema->n_keys++] = (struct mer_key){.fields = fields, .n_fields = n};
    return mer_ok();
}

/* Nothing, an empty array or null. */
static bool is_empty(const struct mer_json *value)
{
    return mer_json_type(value) == MER_JSON_NULL ||
           (mer_json_type(value) == MER_JSON_ARRAY && mer_json_size(value) == 0);
}

static mer_status read_keys(struct mer_schema_parser *parser, const struct mer_json *root,
                            struct mer_schema *schema)
{
    const struct mer_json *const primary = mer_json_get(root, "primaryKey");
    const struct mer_json *const unique = mer_json_get(root, "uniqueKeys");
    MER_GUARD(mer_arena_zero(parser->arena, MER_SCHEMA_MAX_KEYS, sizeof *schema->keys,
                             &schema->keys, parser->err));
    if (!is_empty(mer_json_get(root, "foreignKeys")))
        return mer_hint(
            parser->err,
            mer_fail(parser->err, MER_ERR_DATA,
                     "schema: 'foreignKeys' are not supported: they need another table"),
            "take them out, if the table need not be checked for them");
    if (!is_empty(primary)) {
        MER_GUARD(read_key(parser, primary, "primaryKey", schema));
        schema->keys[0].is_primary = true;
        for (size_t i = 0; i < schema->keys[0].n_fields; i++)
            schema->fields[schema->keys[0].fields[i]].required = true;
    }
    if (is_empty(unique))
        return mer_ok();
    if (mer_json_type(unique) != MER_JSON_ARRAY)
        return mer_fail(parser->err, MER_ERR_DATA, "schema: 'uniqueKeys' must be an array of keys");
    for (size_t i = 0; i < mer_json_size(unique); i++)
        MER_GUARD(read_key(parser, mer_json_at(unique, i), "uniqueKeys", schema));
    return mer_ok();
}

static mer_status read_match(struct mer_schema_parser *parser, const struct mer_json *root,
                             struct mer_schema *schema)
{
    const struct mer_json *match = mer_json_get(root, "fieldsMatch");
    if (!match)
        return mer_ok();
    if (mer_json_type(match) == MER_JSON_ARRAY && mer_json_size(match) == 1)
        match = mer_json_at(match, 0); /* as drafts of version 2 had it */
    const char *const text = mer_json_string(match, NULL);
    for (int kind = MER_MATCH_EXACT; text && kind < MER_MATCH_COUNT; kind++) {
        if (strcmp(text, mer_fields_match_name((enum mer_fields_match)kind)) == 0) {
            schema->match = (enum mer_fields_match)kind;
            return mer_ok();
        }
    }
    return mer_fail(parser->err, MER_ERR_DATA,
                    "schema: 'fieldsMatch' must be exact, equal, subset, superset or partial");
}

/* At most one target, weight, group and time. */
static mer_status check_roles(struct mer_schema_parser *parser, const struct mer_schema *schema)
{
    static const struct {
        unsigned flag;
        const char *complaint;
    } single[] = {{MER_FIELD_WEIGHT, "another field is the weight"},
                  {MER_FIELD_GROUP, "another field is the group"},
                  {MER_FIELD_TIME, "another field is the time"}};
    unsigned seen = 0;
    bool has_target = false;
    for (size_t f = 0; f < schema->n_fields; f++) {
        const struct mer_field *const field = &schema->fields[f];
        parser->field = mer_quote_n(field->name, field->n_name);
        if (field->role == MER_ROLE_TARGET && has_target)
            return mer_schema_refuse(parser, "another field is the target");
        has_target |= field->role == MER_ROLE_TARGET;
        for (size_t i = 0; i < sizeof single / sizeof single[0]; i++)
            if (field->flags & seen & single[i].flag)
                return mer_schema_refuse(parser, single[i].complaint);
        seen |= field->flags;
    }
    return mer_ok();
}

static mer_status read_schema(struct mer_schema_parser *parser, const struct mer_json *root,
                              struct mer_schema *schema)
{
    static const char *const empty_text[] = {""};
    if (!mer_json_get(root, "fields") && mer_json_get(root, "schema"))
        root = mer_json_get(root, "schema"); /* as pandas writes it */
    if (mer_json_type(root) != MER_JSON_OBJECT)
        return mer_fail(parser->err, MER_ERR_DATA,
                        "schema: it must be a JSON object with 'fields'");
    MER_GUARD(read_match(parser, root, schema));
    MER_GUARD(read_fields(parser, mer_json_get(root, "fields"), schema));
    MER_GUARD(read_keys(parser, root, schema));
    MER_GUARD(check_roles(parser, schema));
    const struct mer_json *const missing = mer_json_get(root, "missingValues");
    struct mer_texts texts = {empty_text, 1};
    if (missing)
        MER_GUARD(mer_schema_read_texts(parser, missing, "missingValues", &texts));
    schema->missing_values = texts.texts;
    schema->n_missing_values = texts.n;
    return mer_schema_compile(schema, parser->err);
}

mer_status mer_schema_parse(const struct mer_ctx *ctx, const char *bytes, size_t n,
                            struct mer_schema *ret_schema, mer_err *err)
{
    struct mer_json_document *document;
    MER_GUARD(
        mer_json_parse(ctx->alloc, bytes, n, &MER_JSON_DEFAULT_LIMITS, "schema", &document, err));
    struct mer_schema schema;
    mer_schema_init(&schema, ctx->alloc);
    struct mer_schema_parser parser = {.ctx = ctx, .arena = &schema.arena, .err = err};
    mer_status status = read_schema(&parser, mer_json_root(document), &schema);
    mer_json_free(document);
    if (!mer_is_ok(status)) {
        mer_schema_release(&schema);
        return status;
    }
    *ret_schema = schema;
    return status;
}
