/* What the texts of a field mean: checked once, and prepared for the cells. */
#include <string.h>

#include "core/number.h"
#include "frame/datetime_format.h"
#include "frame/field_value.h"

/* The field without its format and constraints: bounds and allowed values are in the default
 * format.
 */
static struct mer_field bare(const struct mer_field *field)
{
    return (struct mer_field){.kind = mer_field_kind(field), .type = field->type, .plain = true};
}

static mer_status refuse(const struct mer_field *field, mer_err *err, const char *what,
                         const char *detail)
{
    return mer_fail(err, MER_ERR_DATA, "schema, field %s: %s%s%s",
                    mer_quote_n(field->name, field->n_name).text, what, detail ? ": " : "",
                    detail ? detail : "");
}

static mer_status compile_bounds(struct mer_field *field, mer_err *err)
{
    const struct mer_field plain = bare(field);
    for (int kind = 0; kind < MER_BOUND_COUNT; kind++) {
        struct mer_bound *const bound = &field->bounds[kind];
        if (bound->text && mer_field_read(&plain, bound->text, strlen(bound->text),
                                          &bound->value) != MER_VALUE_FINE)
            return refuse(field, err, "a bound is no value of its type",
                          mer_bound_name((enum mer_bound_kind)kind));
    }
    return mer_ok();
}

static mer_status compile_allowed(struct mer_arena *arena, struct mer_field *field, mer_err *err)
{
    const struct mer_field plain = bare(field);
    union mer_value *values;
    field->allowed_values = NULL;
    if (field->allowed.n == 0 || plain.kind == MER_KIND_STRING || plain.kind == MER_KIND_ANY)
        return mer_ok();
    MER_GUARD(mer_arena_zero(arena, field->allowed.n, sizeof *values, &values, err));
    for (size_t i = 0; i < field->allowed.n; i++) {
        const char *const text = field->allowed.texts[i];
        if (mer_field_read(&plain, text, strlen(text), &values[i]) != MER_VALUE_FINE)
            return refuse(field, err, "the enum holds what is no value of its type", NULL);
    }
    field->allowed_values = values;
    return mer_ok();
}

static mer_status compile_pattern(struct mer_arena *arena, struct mer_field *field, mer_err *err)
{
    mer_err detail = {0};
    field->program = NULL;
    if (!field->pattern)
        return mer_ok();
    const mer_status status = mer_pattern_compile(arena, field->pattern, strlen(field->pattern),
                                                  &field->program, &detail);
    if (status.code == MER_ERR_DATA)
        return refuse(field, err, "its pattern cannot be used", detail.message);
    if (!mer_is_ok(status) && err)
        *err = detail;
    return status;
}

static mer_status check_format(const struct mer_field *field, mer_err *err)
{
    mer_err detail = {0};
    if (field->format != MER_FORMAT_PATTERN)
        return mer_ok();
    if (!field->format_text ||
        !mer_is_ok(mer_datetime_format_check(field->format_text, field->type, &detail)))
        return refuse(field, err, "its format cannot be used", detail.message);
    return mer_ok();
}

static bool has_digit(const char *text)
{
    return text && strpbrk(text, "0123456789+-eE") != NULL;
}

static mer_status check_number(const struct mer_field *field, mer_err *err)
{
    const char *const point = field->decimal_char ? field->decimal_char : ".";
    const char *const group = field->group_char;
    if (!*point || (group && !*group))
        return refuse(field, err, "decimalChar and groupChar cannot be empty", NULL);
    if (has_digit(point) || has_digit(group))
        return refuse(field, err, "decimalChar and groupChar hold no digits, signs or e", NULL);
    if (group && (strstr(point, group) || strstr(group, point)))
        return refuse(field, err, "decimalChar and groupChar are alike", NULL);
    return mer_ok();
}

static mer_status check_words(const struct mer_field *field, mer_err *err)
{
    if ((field->true_values.n == 0) != (field->false_values.n == 0))
        return refuse(field, err,
                      "trueValues and falseValues have no words in common with each "
                      "other, and neither is empty",
                      NULL);
    for (size_t i = 0; i < field->true_values.n; i++)
        for (size_t k = 0; k < field->false_values.n; k++)
            if (strcmp(field->true_values.texts[i], field->false_values.texts[k]) == 0)
                return refuse(field, err, "a word is both true and false", NULL);
    return mer_ok();
}

static bool is_plain(const struct mer_field *field)
{
    bool has_bound = false;
    for (int kind = 0; kind < MER_BOUND_COUNT; kind++)
        has_bound |= field->bounds[kind].text != NULL;
    const enum mer_kind kind = mer_field_kind(field);
    const bool same_reader = kind <= MER_KIND_DATETIME || kind == MER_KIND_ANY;
    return same_reader && field->format == MER_FORMAT_DEFAULT && !field->decimal_char &&
           !field->group_char && !field->decorated && field->true_values.n == 0 && !has_bound &&
           field->min_length == 0 && !field->has_max_length && !field->pattern &&
           field->allowed.n == 0 &&
           !(kind == MER_KIND_INTEGER && field->type == MER_TYPE_CATEGORICAL);
}

mer_status mer_field_compile(struct mer_arena *arena, struct mer_field *field, mer_err *err)
{
    field->plain = is_plain(field);
    if (field->plain)
        return mer_ok();
    MER_GUARD(check_format(field, err));
    MER_GUARD(check_number(field, err));
    MER_GUARD(check_words(field, err));
    if (field->delimiter && !*field->delimiter)
        return refuse(field, err, "its delimiter is empty", NULL);
    if (field->has_max_length && field->max_length < field->min_length)
        return refuse(field, err, "maxLength is below minLength", NULL);
    MER_GUARD(compile_bounds(field, err));
    MER_GUARD(compile_allowed(arena, field, err));
    return compile_pattern(arena, field, err);
}

mer_status mer_schema_compile(struct mer_schema *schema, mer_err *err)
{
    for (size_t f = 0; f < schema->n_fields; f++)
        MER_GUARD(mer_field_compile(&schema->arena, &schema->fields[f], err));
    return mer_ok();
}
