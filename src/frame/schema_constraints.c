/* The constraints of a field: required, unique, bounds, lengths, pattern, enum. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "frame/datetime.h"
#include "frame/dictionary.h"
#include "frame/field_value.h"
#include "frame/schema_field.h"

enum {
    WITH_LENGTH = MER_KIND_BIT(MER_KIND_STRING) | MER_KIND_BIT(MER_KIND_LIST) |
                  MER_KIND_BIT(MER_KIND_OBJECT) | MER_KIND_BIT(MER_KIND_ARRAY),
    WITH_ENUM = MER_KINDS_ORDERED | MER_KIND_BIT(MER_KIND_STRING) | MER_KIND_BIT(MER_KIND_ANY) |
                MER_KIND_BIT(MER_KIND_BOOLEAN),
    VALUE_TEXT = 64
};

/* The text of a value in the default format. False: the text that was read is that already. */
static bool default_text(enum mer_kind kind, union mer_value value, char ret[VALUE_TEXT])
{
    switch (kind) {
    case MER_KIND_NUMBER:
        return mer_number_format(value.number, ret) > 0;
    case MER_KIND_INTEGER:
        return snprintf(ret, VALUE_TEXT, "%" PRId64, value.integer) > 0;
    case MER_KIND_BOOLEAN:
        return snprintf(ret, VALUE_TEXT, "%s", value.truth ? "true" : "false") > 0;
    case MER_KIND_DATE:
        return mer_when_format(MER_TYPE_DATE, value.integer, ret) > 0;
    case MER_KIND_TIME:
        return mer_when_format(MER_TYPE_TIME, value.integer, ret) > 0;
    case MER_KIND_DATETIME:
        return mer_when_format(MER_TYPE_DATETIME, value.integer, ret) > 0;
    default:
        return false;
    }
}

/* A value that JSON writes as itself, or as a text in the field's format or in the default one. */
static mer_status read_value(const struct mer_schema_parser *parser, const struct mer_json *json,
                             const struct mer_field *field, const char *what, const char **ret_text)
{
    const struct mer_field plain = {.kind = field->kind, .type = field->type, .plain = true};
    char written[VALUE_TEXT], canonical[VALUE_TEXT];
    union mer_value value;
    int64_t integer;
    double number;
    bool truth;
    size_t n;
    const char *text = mer_json_string(json, &n);
    bool good;
    if (text) {
        good = mer_field_read(field, text, n, &value) == MER_VALUE_FINE ||
               mer_field_read(&plain, text, n, &value) == MER_VALUE_FINE;
    } else {
        written[0] = '\0';
        if (mer_json_integer(json, &integer))
            (void)snprintf(written, sizeof written, "%" PRId64, integer);
        else if (mer_json_number(json, &number))
            (void)mer_number_format(number, written);
        else if (mer_json_boolean(json, &truth))
            (void)snprintf(written, sizeof written, "%s", truth ? "true" : "false");
        text = written;
        n = strlen(text);
        good = n > 0 && mer_field_read(&plain, text, n, &value) == MER_VALUE_FINE;
    }
    if (!good)
        return mer_fail(parser->err, MER_ERR_DATA,
                        "schema, field %s: %s holds what is no value of its type",
                        parser->field.text, what);
    if (default_text(field->kind, value, canonical))
        return mer_arena_text(parser->arena, canonical, strlen(canonical), ret_text, parser->err);
    return mer_arena_text(parser->arena, text, n, ret_text, parser->err);
}

mer_status mer_schema_read_values(const struct mer_schema_parser *parser,
                                  const struct mer_json *array, const char *what,
                                  const struct mer_field *field, struct mer_texts *ret_texts)
{
    const size_t n = mer_json_size(array);
    const char **texts;
    if (mer_json_type(array) != MER_JSON_ARRAY || n == 0)
        return mer_fail(parser->err, MER_ERR_DATA,
                        "schema, field %s: %s must be an array with at least one value",
                        parser->field.text, what);
    MER_GUARD(mer_arena_zero(parser->arena, n, sizeof *texts, &texts, parser->err));
    MER_CLEANUP(mer_dictionary_release) struct mer_dictionary seen;
    mer_dictionary_init(&seen, parser->ctx->alloc);
    for (size_t i = 0; i < n; i++) {
        const struct mer_json *item = mer_json_at(array, i);
        int32_t code;
        if (mer_json_type(item) == MER_JSON_OBJECT)
            item = mer_json_get(item, "value");
        MER_GUARD(read_value(parser, item, field, what, &texts[i]));
        MER_GUARD(mer_dictionary_add(&seen, texts[i], strlen(texts[i]), &code, parser->err));
        if ((size_t)code != i)
            return mer_fail(parser->err, MER_ERR_DATA,
                            "schema, field %s: %s holds the same value twice", parser->field.text,
                            what);
    }
    *ret_texts = (struct mer_texts){texts, n};
    return mer_ok();
}

/* Where a field has categories, its enum may only take some of them away. */
static mer_status check_subset(const struct mer_schema_parser *parser,
                               const struct mer_field *field)
{
    MER_CLEANUP(mer_dictionary_release) struct mer_dictionary known;
    mer_dictionary_init(&known, parser->ctx->alloc);
    for (size_t i = 0; i < field->n_categories; i++) {
        int32_t code;
        MER_GUARD(mer_dictionary_add(&known, field->categories[i], strlen(field->categories[i]),
                                     &code, parser->err));
    }
    for (size_t i = 0; i < field->allowed.n; i++)
        if (mer_dictionary_find(&known, field->allowed.texts[i], strlen(field->allowed.texts[i])) <
            0)
            return mer_schema_refuse(parser, "its enum holds what is not among its categories");
    return mer_ok();
}

/* A string whose values are listed has categories. */
static mer_status read_enum(const struct mer_schema_parser *parser, const struct mer_json *value,
                            struct mer_field *field)
{
    char what[200];
    if (field->kind == MER_KIND_STRING || field->kind == MER_KIND_ANY) {
        (void)snprintf(what, sizeof what, "enum of field %s", parser->field.text);
        MER_GUARD(mer_schema_read_texts(parser, value, what, &field->allowed));
        if (field->allowed.n == 0)
            return mer_schema_refuse(parser, "its enum is empty");
    } else {
        MER_GUARD(mer_schema_read_values(parser, value, "the enum", field, &field->allowed));
    }
    if (field->n_categories > 0)
        return check_subset(parser, field);
    if (field->kind != MER_KIND_STRING && field->kind != MER_KIND_ANY)
        return mer_ok();
    field->kind = MER_KIND_STRING; /* of "any" it is what pandas writes */
    field->type = MER_TYPE_CATEGORICAL;
    field->categories = field->allowed.texts;
    field->n_categories = field->allowed.n;
    field->allowed = (struct mer_texts){0};
    return mer_ok();
}

static mer_status read_length(const struct mer_schema_parser *parser, const char *key,
                              const struct mer_json *value, uint64_t *ret)
{
    int64_t length;
    if (!mer_json_integer(value, &length) || length < 0)
        return mer_fail(parser->err, MER_ERR_DATA,
                        "schema, field %s: the constraint '%s' must be a whole number from 0",
                        parser->field.text, key);
    *ret = (uint64_t)length;
    return mer_ok();
}

static mer_status read_pattern(const struct mer_schema_parser *parser, const struct mer_json *value,
                               struct mer_field *field)
{
    size_t n;
    const char *const text = mer_json_string(value, &n);
    if (!text)
        return mer_schema_refuse(parser, "the constraint 'pattern' must be a text");
    return mer_arena_text(parser->arena, text, n, &field->pattern, parser->err);
}

static mer_status read_flag(const struct mer_schema_parser *parser, const char *key,
                            const struct mer_json *value, bool *ret)
{
    if (mer_json_boolean(value, ret))
        return mer_ok();
    return mer_fail(parser->err, MER_ERR_DATA,
                    "schema, field %s: the constraint '%s' must be true or false",
                    parser->field.text, key);
}

static mer_status unfit(const struct mer_schema_parser *parser, const char *key,
                        const struct mer_field *field)
{
    return mer_fail(parser->err, MER_ERR_DATA,
                    "schema, field %s: the constraint '%s' does not go with the type %s",
                    parser->field.text, key, mer_kind_name(field->kind));
}

static mer_status read_constraint(const struct mer_schema_parser *parser, const char *key,
                                  const struct mer_json *value, struct mer_field *field)
{
    const unsigned bit = MER_KIND_BIT(field->kind);
    if (strcmp(key, "required") == 0)
        return read_flag(parser, key, value, &field->required);
    if (strcmp(key, "unique") == 0)
        return read_flag(parser, key, value, &field->unique);
    for (int kind = 0; kind < MER_BOUND_COUNT; kind++) {
        const char *const name = mer_bound_name((enum mer_bound_kind)kind);
        if (strcmp(key, name) == 0)
            return MER_KINDS_ORDERED & bit
                       ? read_value(parser, value, field, name, &field->bounds[kind].text)
                       : unfit(parser, key, field);
    }
    if (strcmp(key, "minLength") == 0 || strcmp(key, "maxLength") == 0) {
        const bool is_max = strcmp(key, "maxLength") == 0;
        if (!(WITH_LENGTH & bit))
            return unfit(parser, key, field);
        field->has_max_length |= is_max;
        return read_length(parser, key, value, is_max ? &field->max_length : &field->min_length);
    }
    if (strcmp(key, "pattern") == 0)
        return field->kind == MER_KIND_STRING ? read_pattern(parser, value, field)
                                              : unfit(parser, key, field);
    if (strcmp(key, "enum") == 0)
        return WITH_ENUM & bit ? read_enum(parser, value, field) : unfit(parser, key, field);
    return mer_fail(parser->err, MER_ERR_DATA,
                    "schema, field %s: the constraint %s is not supported", parser->field.text,
                    mer_quote(key).text);
}

mer_status mer_schema_read_constraints(const struct mer_schema_parser *parser,
                                       const struct mer_json *constraints, struct mer_field *field)
{
    const char *key;
    const struct mer_json *value;
    if (mer_json_type(constraints) != MER_JSON_OBJECT)
        return mer_schema_refuse(parser, "constraints must be an object");
    /* The enum last: it may change what the field is. */
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; mer_json_member(constraints, i, &key, &value); i++)
            if ((strcmp(key, "enum") == 0) == (pass == 1))
                MER_GUARD(read_constraint(parser, key, value, field));
    return mer_ok();
}
