/* Reads a Table Schema. What it means is enforced by the CSV reader; what cannot be enforced is
 * refused here. */
#include <stdio.h>
#include <string.h>

#include "frame/dictionary.h"
#include "frame/schema.h"

struct parser {
    const struct mer_ctx *ctx;
    struct mer_arena *arena;
    struct mer_quoted field; /* the name of the field in hand, for messages */
    mer_err *err;
};

static mer_status refuse(const struct parser *parser, const char *what)
{
    return mer_fail(parser->err, MER_ERR_DATA, "schema, field %s: %s", parser->field.text, what);
}

static mer_status refuse_unsupported(const struct parser *parser, const char *kind,
                                     const char *name)
{
    return mer_fail(parser->err, MER_ERR_DATA, "schema, field %s: the %s %s is not supported yet",
                    parser->field.text, kind, mer_quote(name).text);
}

/* A text, or the "value" of {"value": ..., "label": ...}. NULL: neither. */
static const char *text_or_value(const struct mer_json *value, size_t *ret_n)
{
    if (mer_json_type(value) == MER_JSON_OBJECT)
        value = mer_json_get(value, "value");
    return mer_json_string(value, ret_n);
}

/* An array of distinct texts; `what` says so otherwise. */
static mer_status read_texts(const struct parser *parser, const struct mer_json *array,
                             const char *what, const char *const **ret_texts, size_t *ret_n)
{
    const size_t n = mer_json_size(array);
    const char **texts;
    if (mer_json_type(array) != MER_JSON_ARRAY)
        return mer_fail(parser->err, MER_ERR_DATA, "schema: %s must be an array of texts", what);
    MER_GUARD(mer_arena_zero(parser->arena, n, sizeof *texts, &texts, parser->err));
    MER_CLEANUP(mer_dictionary_release) struct mer_dictionary seen;
    mer_dictionary_init(&seen, parser->ctx->alloc);
    for (size_t i = 0; i < n; i++) {
        size_t length;
        int32_t code;
        const char *text = text_or_value(mer_json_at(array, i), &length);
        if (!text)
            return mer_fail(parser->err, MER_ERR_DATA, "schema: %s must be an array of texts",
                            what);
        MER_GUARD(mer_dictionary_add(&seen, text, length, &code, parser->err));
        if ((size_t)code != i)
            return mer_fail(parser->err, MER_ERR_DATA, "schema: %s holds the same text twice",
                            what);
        MER_GUARD(mer_arena_text(parser->arena, text, length, &texts[i], parser->err));
    }
    *ret_texts = texts;
    *ret_n = n;
    return mer_ok();
}

static mer_status read_categories(const struct parser *parser, const struct mer_json *array,
                                  const char *key, struct mer_field *field)
{
    char what[200];
    if (field->n_categories)
        return refuse(parser, "has both categories and an enum");
    (void)snprintf(what, sizeof what, "%s of field %s", key, parser->field.text);
    MER_GUARD(read_texts(parser, array, what, &field->categories, &field->n_categories));
    if (field->n_categories == 0)
        return refuse(parser, "its categories are empty");
    field->type = MER_TYPE_CATEGORICAL;
    return mer_ok();
}

static mer_status read_constraints(const struct parser *parser, const struct mer_json *constraints,
                                   struct mer_field *field)
{
    const char *key;
    const struct mer_json *value;
    if (mer_json_type(constraints) != MER_JSON_OBJECT)
        return refuse(parser, "constraints must be an object");
    for (size_t i = 0; mer_json_member(constraints, i, &key, &value); i++) {
        if (strcmp(key, "required") == 0) {
            if (!mer_json_boolean(value, &field->required))
                return refuse(parser, "the constraint 'required' must be true or false");
        } else if (strcmp(key, "enum") == 0 &&
                   (field->type == MER_TYPE_TEXT || field->type == MER_TYPE_CATEGORICAL)) {
            MER_GUARD(read_categories(parser, value, "enum", field));
        } else {
            return refuse_unsupported(parser, "constraint", key);
        }
    }
    return mer_ok();
}

/* Is it the array of these texts, in any order? */
static bool is_set_of(const struct mer_json *array, const char *const *texts, size_t n)
{
    if (mer_json_type(array) != MER_JSON_ARRAY || mer_json_size(array) != n)
        return false;
    for (size_t t = 0; t < n; t++) {
        bool found = false;
        for (size_t i = 0; i < n && !found; i++) {
            const char *text = mer_json_string(mer_json_at(array, i), NULL);
            found = text && strcmp(text, texts[t]) == 0;
        }
        if (!found)
            return false;
    }
    return true;
}

/* Properties that would change how cells are read are allowed when they say what is done anyway. */
static bool is_default(const char *key, const struct mer_json *value)
{
    static const char *const true_values[] = {"true", "True", "TRUE", "1"};
    static const char *const false_values[] = {"false", "False", "FALSE", "0"};
    const char *text = mer_json_string(value, NULL);
    bool truth;
    if (strcmp(key, "format") == 0)
        return text && strcmp(text, "default") == 0;
    if (strcmp(key, "decimalChar") == 0)
        return text && strcmp(text, ".") == 0;
    if (strcmp(key, "bareNumber") == 0)
        return mer_json_boolean(value, &truth) && truth;
    if (strcmp(key, "trueValues") == 0)
        return is_set_of(value, true_values, 4);
    if (strcmp(key, "falseValues") == 0)
        return is_set_of(value, false_values, 4);
    return strcmp(key, "groupChar") != 0 && strcmp(key, "missingValues") != 0;
}

static mer_status read_type(const struct parser *parser, const struct mer_json *object,
                            struct mer_field *field)
{
    static const enum mer_type same_name[] = {MER_TYPE_BOOLEAN, MER_TYPE_INTEGER,
                                              MER_TYPE_NUMBER,  MER_TYPE_DATE,
                                              MER_TYPE_TIME,    MER_TYPE_DATETIME};
    const char *name = mer_json_string(mer_json_get(object, "type"), NULL);
    if (!name)
        return refuse(parser, "it has no type");
    for (size_t i = 0; i < sizeof same_name / sizeof same_name[0]; i++) {
        if (strcmp(name, mer_type_name(same_name[i])) == 0) {
            field->type = same_name[i];
            return mer_ok();
        }
    }
    const struct mer_json *constraints = mer_json_get(object, "constraints");
    const bool is_pandas = strcmp(name, "any") == 0 && mer_json_get(constraints, "enum") != NULL;
    if (strcmp(name, "string") != 0 && !is_pandas)
        return refuse_unsupported(parser, "type", name);
    field->type = MER_TYPE_TEXT;
    return mer_ok();
}

static mer_status read_property(const struct parser *parser, const char *key,
                                const struct mer_json *value, struct mer_field *field)
{
    bool truth;
    const bool is_text = field->type == MER_TYPE_TEXT || field->type == MER_TYPE_CATEGORICAL;
    if (strcmp(key, "constraints") == 0)
        return read_constraints(parser, value, field);
    if (strcmp(key, "categories") == 0)
        return is_text ? read_categories(parser, value, "categories", field)
                       : refuse(parser, "categories are supported for strings only");
    if (strcmp(key, MER_SCHEMA_CATEGORICAL_KEY) == 0) {
        if (!is_text || !mer_json_boolean(value, &truth))
            return refuse(parser, "'" MER_SCHEMA_CATEGORICAL_KEY "' is for strings, true or false");
        if (truth)
            field->type = MER_TYPE_CATEGORICAL;
        return mer_ok();
    }
    return is_default(key, value) ? mer_ok() : refuse_unsupported(parser, "property", key);
}

static mer_status read_field(struct parser *parser, const struct mer_json *object, size_t index,
                             struct mer_field *field)
{
    const char *name = mer_json_string(mer_json_get(object, "name"), &field->n_name);
    const char *key;
    const struct mer_json *value;
    if (!name || field->n_name == 0)
        return mer_fail(parser->err, MER_ERR_DATA, "schema: field %zu has no name", index + 1);
    parser->field = mer_quote_n(name, field->n_name);
    MER_GUARD(mer_arena_text(parser->arena, name, field->n_name, &field->name, parser->err));
    MER_GUARD(read_type(parser, object, field));
    for (size_t i = 0; mer_json_member(object, i, &key, &value); i++)
        MER_GUARD(read_property(parser, key, value, field));
    return mer_ok();
}

static mer_status read_fields(struct parser *parser, const struct mer_json *array,
                              struct mer_schema *schema)
{
    const size_t n = mer_json_size(array);
    if (mer_json_type(array) != MER_JSON_ARRAY || n == 0)
        return mer_fail(parser->err, MER_ERR_DATA, "schema: it has no fields");
    MER_GUARD(
        mer_arena_zero(parser->arena, n, sizeof *schema->fields, &schema->fields, parser->err));
    schema->n_fields = n;
    MER_CLEANUP(mer_dictionary_release) struct mer_dictionary names;
    mer_dictionary_init(&names, parser->ctx->alloc);
    for (size_t f = 0; f < n; f++) {
        struct mer_field *field = &schema->fields[f];
        int32_t code;
        MER_GUARD(read_field(parser, mer_json_at(array, f), f, field));
        MER_GUARD(mer_dictionary_add(&names, field->name, field->n_name, &code, parser->err));
        if ((size_t)code != f)
            return refuse(parser, "another field has the same name");
    }
    return mer_ok();
}

/* Properties of the whole schema that would demand something of the rows or columns. */
static mer_status check_demands(const struct parser *parser, const struct mer_json *root)
{
    static const char *const keys[] = {"primaryKey", "uniqueKeys", "foreignKeys"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct mer_json *value = mer_json_get(root, keys[i]);
        const bool is_empty = mer_json_type(value) == MER_JSON_ARRAY && mer_json_size(value) == 0;
        if (value && !is_empty)
            return mer_hint(
                parser->err,
                mer_fail(parser->err, MER_ERR_DATA, "schema: '%s' is not supported yet", keys[i]),
                "take it out, if the table need not be checked for it");
    }
    const struct mer_json *match = mer_json_get(root, "fieldsMatch");
    if (!match)
        return mer_ok();
    if (mer_json_type(match) == MER_JSON_ARRAY && mer_json_size(match) == 1)
        match = mer_json_at(match, 0);
    const char *text = mer_json_string(match, NULL);
    if (!text || (strcmp(text, "exact") != 0 && strcmp(text, "equal") != 0))
        return mer_fail(
            parser->err, MER_ERR_DATA,
            "schema: 'fieldsMatch' other than 'exact' and 'equal' is not supported yet");
    return mer_ok();
}

static mer_status read_schema(struct parser *parser, const struct mer_json *root,
                              struct mer_schema *schema)
{
    static const char *const empty_text[] = {""};
    if (!mer_json_get(root, "fields") && mer_json_get(root, "schema"))
        root = mer_json_get(root, "schema");
    if (mer_json_type(root) != MER_JSON_OBJECT)
        return mer_fail(parser->err, MER_ERR_DATA,
                        "schema: it must be a JSON object with 'fields'");
    MER_GUARD(check_demands(parser, root));
    MER_GUARD(read_fields(parser, mer_json_get(root, "fields"), schema));
    const struct mer_json *missing = mer_json_get(root, "missingValues");
    schema->missing_values = empty_text;
    schema->n_missing_values = 1;
    if (missing)
        MER_GUARD(read_texts(parser, missing, "missingValues", &schema->missing_values,
                             &schema->n_missing_values));
    return mer_ok();
}

mer_status mer_schema_parse(const struct mer_ctx *ctx, const char *bytes, size_t n,
                            struct mer_schema *ret_schema, mer_err *err)
{
    struct mer_json_document *document;
    MER_GUARD(
        mer_json_parse(ctx->alloc, bytes, n, &MER_JSON_DEFAULT_LIMITS, "schema", &document, err));
    struct mer_schema schema;
    mer_schema_init(&schema, ctx->alloc);
    struct parser parser = {.ctx = ctx, .arena = &schema.arena, .err = err};
    mer_status status = read_schema(&parser, mer_json_root(document), &schema);
    mer_json_free(document);
    if (!mer_is_ok(status)) {
        mer_schema_release(&schema);
        return status;
    }
    *ret_schema = schema;
    return status;
}
