/* The properties of a field: type, format, and what changes how its cells are read. */
#include "frame/schema_field.h"

#include <stdio.h>
#include <string.h>

#include "frame/dictionary.h"

mer_status mer_schema_refuse(const struct mer_schema_parser *parser, const char *what)
{
    return mer_fail(parser->err, MER_ERR_DATA, "schema, field %s: %s", parser->field.text, what);
}

/* A text, or the "value" of {"value": ..., "label": ...}. NULL: neither. */
static const char *text_or_value(const struct mer_json *value, size_t *ret_n)
{
    if (mer_json_type(value) == MER_JSON_OBJECT)
        value = mer_json_get(value, "value");
    return mer_json_string(value, ret_n);
}

mer_status mer_schema_read_texts(const struct mer_schema_parser *parser,
                                 const struct mer_json *array, const char *what,
                                 struct mer_texts *ret_texts)
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
    *ret_texts = (struct mer_texts){texts, n};
    return mer_ok();
}

static mer_status read_type(const struct mer_schema_parser *parser, const struct mer_json *object,
                            struct mer_field *field)
{
    const struct mer_json *const type = mer_json_get(object, "type");
    const char *const name = type ? mer_json_string(type, NULL) : "any";
    if (!name)
        return mer_schema_refuse(parser, "its type must be a text");
    for (int kind = MER_KIND_STRING; kind < MER_KIND_COUNT; kind++) {
        if (strcmp(name, mer_kind_name((enum mer_kind)kind)) == 0) {
            field->kind = (enum mer_kind)kind;
            field->type = mer_field_storage(field, false);
            field->parts = field->kind == MER_KIND_GEOPOINT ? MER_PART_BOTH : 0;
            return mer_ok();
        }
    }
    return mer_fail(parser->err, MER_ERR_DATA, "schema, field %s: the type %s is not known",
                    parser->field.text, mer_quote(name).text);
}

static bool is_moment(enum mer_kind kind)
{
    return kind == MER_KIND_DATE || kind == MER_KIND_TIME || kind == MER_KIND_DATETIME;
}

static bool has_format(enum mer_kind kind, enum mer_format format)
{
    switch (format) {
    case MER_FORMAT_DEFAULT:
        return true;
    case MER_FORMAT_ANY:
    case MER_FORMAT_PATTERN:
        return is_moment(kind);
    case MER_FORMAT_EMAIL:
    case MER_FORMAT_URI:
    case MER_FORMAT_BINARY:
    case MER_FORMAT_UUID:
        return kind == MER_KIND_STRING;
    case MER_FORMAT_ARRAY:
    case MER_FORMAT_OBJECT:
        return kind == MER_KIND_GEOPOINT;
    case MER_FORMAT_TOPOJSON:
        return kind == MER_KIND_GEOJSON;
    case MER_FORMAT_COUNT:
        break;
    }
    return false;
}

static mer_status read_format(const struct mer_schema_parser *parser, const struct mer_json *value,
                              struct mer_field *field)
{
    size_t n;
    const char *name = mer_json_string(value, &n);
    if (!name)
        return mer_schema_refuse(parser, "its format must be a text");
    if (strncmp(name, "fmt:", 4) == 0) { /* before version 1 of the standard */
        name += 4;
        n -= 4;
    }
    if (strcmp(name, "default") == 0)
        return mer_ok();
    if (is_moment(field->kind) && strchr(name, '%')) {
        field->format = MER_FORMAT_PATTERN;
        return mer_arena_text(parser->arena, name, n, &field->format_text, parser->err);
    }
    for (int format = 0; format < MER_FORMAT_COUNT; format++) {
        const char *const known = mer_format_name((enum mer_format)format);
        if (known && strcmp(known, name) == 0 && has_format(field->kind, (enum mer_format)format)) {
            field->format = (enum mer_format)format;
            return mer_ok();
        }
    }
    return mer_fail(parser->err, MER_ERR_DATA, "schema, field %s: the type %s has no format %s",
                    parser->field.text, mer_kind_name(field->kind), mer_quote(name).text);
}

static mer_status read_text(const struct mer_schema_parser *parser, const char *key,
                            const struct mer_json *value, const char **ret_text)
{
    size_t n;
    const char *const text = mer_json_string(value, &n);
    if (!text || n == 0)
        return mer_fail(parser->err, MER_ERR_DATA, "schema, field %s: '%s' must be a text",
                        parser->field.text, key);
    return mer_arena_text(parser->arena, text, n, ret_text, parser->err);
}

static mer_status read_flag(const struct mer_schema_parser *parser, const char *key,
                            const struct mer_json *value, bool *ret)
{
    if (mer_json_boolean(value, ret))
        return mer_ok();
    return mer_fail(parser->err, MER_ERR_DATA, "schema, field %s: '%s' must be true or false",
                    parser->field.text, key);
}

static mer_status read_words(const struct mer_schema_parser *parser, const char *key,
                             const struct mer_json *value, struct mer_texts *ret)
{
    char what[200];
    (void)snprintf(what, sizeof what, "%s of field %s", key, parser->field.text);
    return mer_schema_read_texts(parser, value, what, ret);
}

static mer_status read_truth_words(const struct mer_schema_parser *parser, const char *key,
                                   const struct mer_json *value, struct mer_texts *ret)
{
    MER_GUARD(read_words(parser, key, value, ret));
    if (ret->n > 0)
        return mer_ok();
    return mer_fail(parser->err, MER_ERR_DATA, "schema, field %s: '%s' is empty",
                    parser->field.text, key);
}

static mer_status read_categories(const struct mer_schema_parser *parser,
                                  const struct mer_json *value, struct mer_field *field)
{
    struct mer_texts texts;
    if (field->kind == MER_KIND_INTEGER) {
        MER_GUARD(mer_schema_read_values(parser, value, "its list of categories", field, &texts));
    } else {
        MER_GUARD(read_words(parser, "categories", value, &texts));
        field->kind = MER_KIND_STRING;
    }
    if (texts.n == 0)
        return mer_schema_refuse(parser, "its categories are empty");
    field->categories = texts.texts;
    field->n_categories = texts.n;
    field->type = MER_TYPE_CATEGORICAL;
    return mer_ok();
}

static mer_status read_item_type(const struct mer_schema_parser *parser,
                                 const struct mer_json *value, struct mer_field *field)
{
    const char *const name = mer_json_string(value, NULL);
    for (int kind = MER_KIND_STRING; name && kind <= MER_KIND_DATETIME; kind++) {
        if (strcmp(name, mer_kind_name((enum mer_kind)kind)) == 0) {
            field->item = (enum mer_kind)kind;
            return mer_ok();
        }
    }
    return mer_schema_refuse(parser, "its itemType must be string, integer, boolean, number, "
                                     "datetime, date or time");
}

static mer_status read_role(const struct mer_schema_parser *parser, const struct mer_json *value,
                            struct mer_field *field)
{
    const char *const name = mer_json_string(value, NULL);
    for (int role = MER_ROLE_FEATURE; name && role < MER_ROLE_COUNT; role++) {
        if (strcmp(name, mer_role_name((enum mer_role)role)) == 0) {
            field->role = (enum mer_role)role;
            return mer_ok();
        }
    }
    return mer_schema_refuse(parser, "'merlon:role' must be feature, target, identifier or ignore");
}

/* Merlon's own properties; one that it does not know would be a slip of the pen. */
static mer_status read_own(const struct mer_schema_parser *parser, const char *key,
                           const struct mer_json *value, struct mer_field *field)
{
    static const struct {
        const char *key;
        unsigned flag;
    } flags[] = {{"merlon:weight", MER_FIELD_WEIGHT},
                 {"merlon:group", MER_FIELD_GROUP},
                 {"merlon:time", MER_FIELD_TIME},
                 {"merlon:text", MER_FIELD_TEXT},
                 {"merlon:sensitive", MER_FIELD_SENSITIVE}};
    bool truth;
    if (strcmp(key, "merlon:role") == 0)
        return read_role(parser, value, field);
    if (strcmp(key, MER_SCHEMA_CATEGORICAL_KEY) == 0) {
        if ((field->kind != MER_KIND_STRING && field->kind != MER_KIND_INTEGER) ||
            !mer_json_boolean(value, &truth))
            return mer_schema_refuse(parser, "'" MER_SCHEMA_CATEGORICAL_KEY
                                             "' is for strings and integers, true or false");
        if (truth)
            field->type = MER_TYPE_CATEGORICAL;
        return mer_ok();
    }
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(key, flags[i].key) != 0)
            continue;
        MER_GUARD(read_flag(parser, key, value, &truth));
        field->flags |= truth ? flags[i].flag : 0;
        return mer_ok();
    }
    return mer_fail(parser->err, MER_ERR_DATA,
                    "schema, field %s: %s is not among the properties that begin with merlon:",
                    parser->field.text, mer_quote(key).text);
}

/* Properties that change how cells are read, and the kinds that have them. Elsewhere they may say
 * what is done anyway, and nothing else. */
static const struct property {
    const char *key;
    unsigned kinds;
} PROPERTIES[] = {
    {"decimalChar", MER_KIND_BIT(MER_KIND_NUMBER)},
    {"groupChar", MER_KIND_BIT(MER_KIND_NUMBER) | MER_KIND_BIT(MER_KIND_INTEGER)},
    {"bareNumber", MER_KIND_BIT(MER_KIND_NUMBER) | MER_KIND_BIT(MER_KIND_INTEGER)},
    {"trueValues", MER_KIND_BIT(MER_KIND_BOOLEAN)},
    {"falseValues", MER_KIND_BIT(MER_KIND_BOOLEAN)},
    {"delimiter", MER_KIND_BIT(MER_KIND_LIST)},
    {"itemType", MER_KIND_BIT(MER_KIND_LIST)},
    {"categories",
     MER_KIND_BIT(MER_KIND_STRING) | MER_KIND_BIT(MER_KIND_INTEGER) | MER_KIND_BIT(MER_KIND_ANY)},
    {"categoriesOrdered",
     MER_KIND_BIT(MER_KIND_STRING) | MER_KIND_BIT(MER_KIND_INTEGER) | MER_KIND_BIT(MER_KIND_ANY)},
};

static const struct property *find_property(const char *key)
{
    for (size_t i = 0; i < sizeof PROPERTIES / sizeof PROPERTIES[0]; i++)
        if (strcmp(PROPERTIES[i].key, key) == 0)
            return &PROPERTIES[i];
    return NULL;
}

static bool says_default(const char *key, const struct mer_json *value)
{
    const char *const text = mer_json_string(value, NULL);
    bool truth;
    if (strcmp(key, "decimalChar") == 0)
        return text && strcmp(text, ".") == 0;
    return strcmp(key, "bareNumber") == 0 && mer_json_boolean(value, &truth) && truth;
}

static mer_status read_property(const struct mer_schema_parser *parser, const char *key,
                                const struct mer_json *value, struct mer_field *field)
{
    bool truth;
    if (says_default(key, value))
        return mer_ok();
    if (strcmp(key, "decimalChar") == 0)
        return read_text(parser, key, value, &field->decimal_char);
    if (strcmp(key, "groupChar") == 0)
        return read_text(parser, key, value, &field->group_char);
    if (strcmp(key, "delimiter") == 0)
        return read_text(parser, key, value, &field->delimiter);
    if (strcmp(key, "itemType") == 0)
        return read_item_type(parser, value, field);
    if (strcmp(key, "trueValues") == 0)
        return read_truth_words(parser, key, value, &field->true_values);
    if (strcmp(key, "falseValues") == 0)
        return read_truth_words(parser, key, value, &field->false_values);
    if (strcmp(key, "categories") == 0)
        return read_categories(parser, value, field);
    MER_GUARD(read_flag(parser, key, value, &truth));
    if (strcmp(key, "bareNumber") == 0)
        field->decorated = !truth;
    else
        field->categories_ordered = truth;
    return mer_ok();
}

static mer_status read_missing(const struct mer_schema_parser *parser, const struct mer_json *value,
                               struct mer_field *field)
{
    field->has_missing_values = true;
    return read_words(parser, "missingValues", value, &field->missing_values);
}

/* Stating one list of words leaves the other at its default. */
static void complete_words(struct mer_field *field)
{
    static const char *const true_words[] = {"true", "True", "TRUE", "1"};
    static const char *const false_words[] = {"false", "False", "FALSE", "0"};
    if (field->true_values.n > 0 && field->false_values.n == 0)
        field->false_values = (struct mer_texts){false_words, 4};
    else if (field->false_values.n > 0 && field->true_values.n == 0)
        field->true_values = (struct mer_texts){true_words, 4};
}

static mer_status check_own(const struct mer_schema_parser *parser, const struct mer_field *field)
{
    enum { PLACE = MER_FIELD_WEIGHT | MER_FIELD_GROUP | MER_FIELD_TIME };
    const unsigned place = field->flags & PLACE;
    const enum mer_kind kind = field->kind;
    if (place & (place - 1))
        return mer_schema_refuse(parser, "it can be one of weight, group and time, not several");
    if (place && field->role != MER_ROLE_NONE &&
        !(field->role == MER_ROLE_FEATURE && !(place & MER_FIELD_WEIGHT)) &&
        !(field->role == MER_ROLE_IDENTIFIER && (place & MER_FIELD_GROUP)))
        return mer_schema_refuse(parser, "its role contradicts that it is weight, group or time");
    if ((place & MER_FIELD_WEIGHT) && kind != MER_KIND_NUMBER && kind != MER_KIND_INTEGER)
        return mer_schema_refuse(parser, "a weight is a number or an integer");
    if ((place & MER_FIELD_TIME) && !(MER_KINDS_ORDERED & MER_KIND_BIT(kind)))
        return mer_schema_refuse(parser, "a time is a date, a time or a number");
    if ((field->flags & MER_FIELD_TEXT) &&
        ((kind != MER_KIND_STRING && kind != MER_KIND_ANY) || field->type != MER_TYPE_TEXT))
        return mer_schema_refuse(parser, "'merlon:text' is for strings that are not categorical");
    if (kind == MER_KIND_GEOPOINT && (field->role == MER_ROLE_TARGET || place))
        return mer_schema_refuse(parser, "a geographic point cannot be target, group or time");
    return mer_ok();
}

mer_status mer_schema_read_field(const struct mer_schema_parser *parser,
                                 const struct mer_json *object, struct mer_field *field)
{
    const char *key;
    const struct mer_json *value;
    MER_GUARD(read_type(parser, object, field));
    const struct mer_json *const format = mer_json_get(object, "format");
    if (format)
        MER_GUARD(read_format(parser, format, field));
    for (size_t i = 0; mer_json_member(object, i, &key, &value); i++) {
        const struct property *const property = find_property(key);
        if (property && !(property->kinds & MER_KIND_BIT(field->kind)) && !says_default(key, value))
            return mer_fail(parser->err, MER_ERR_DATA,
                            "schema, field %s: '%s' does not go with the type %s",
                            parser->field.text, key, mer_kind_name(field->kind));
        if (property)
            MER_GUARD(read_property(parser, key, value, field));
        else if (strcmp(key, "missingValues") == 0)
            MER_GUARD(read_missing(parser, value, field));
        else if (strncmp(key, "merlon:", 7) == 0 && strcmp(key, MER_SCHEMA_PART_KEY) != 0)
            MER_GUARD(read_own(parser, key, value, field));
    }
    complete_words(field);
    const struct mer_json *const constraints = mer_json_get(object, "constraints");
    if (constraints)
        MER_GUARD(mer_schema_read_constraints(parser, constraints, field));
    if (field->categories_ordered && field->type != MER_TYPE_CATEGORICAL)
        return mer_schema_refuse(parser, "'categoriesOrdered' without categories");
    return check_own(parser, field);
}
