/* Parameter tables: defaults, setting from text, and JSON in both directions. */
#include "learn/param.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/nearest.h"
#include "core/number.h"

size_t mer_params_find(const struct mer_param_spec *specs, size_t n_specs, const char *name)
{
    for (size_t i = 0; i < n_specs; i++)
        if (strcmp(specs[i].name, name) == 0)
            return i;
    for (size_t i = 0; i < n_specs; i++)
        for (const char *const *alias = specs[i].aliases; alias && *alias; alias++)
            if (strcmp(*alias, name) == 0)
                return i;
    return SIZE_MAX;
}

/* The choices as "none, balanced" in `text`, cut when they do not fit. */
static void list_choices(const struct mer_param_spec *spec, char *text, size_t n)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t k = 0; spec->choices[k] && used < n; k++) {
        const int length = snprintf(text + used, n - used, "%s%s", k ? ", " : "", spec->choices[k]);
        used += length > 0 ? (size_t)length : 0;
    }
}

static size_t find_choice(const struct mer_param_spec *spec, const char *text)
{
    for (size_t k = 0; spec->choices[k]; k++)
        if (strcmp(spec->choices[k], text) == 0)
            return k;
    return SIZE_MAX;
}

static mer_status refuse_name(const struct mer_param_spec *specs, size_t n_specs, const char *name,
                              mer_err *err)
{
    const mer_status status =
        mer_fail(err, MER_ERR_USAGE, "there is no parameter %s", mer_quote(name).text);
    struct mer_nearest nearest;
    mer_nearest_init(&nearest, name, strlen(name));
    for (size_t i = 0; i < n_specs; i++)
        mer_nearest_offer(&nearest, specs[i].name, strlen(specs[i].name));
    return nearest.name ? mer_hint(err, status, "did you mean %s?", nearest.name) : status;
}

/* What a value of this parameter may be, and the code `code`. */
static mer_status refuse_value(const struct mer_param_spec *spec, enum mer_code code, mer_err *err)
{
    if (spec->type == MER_PARAM_BOOLEAN)
        return mer_fail(err, code, "parameter %s must be true or false", spec->name);
    if (spec->type == MER_PARAM_CHOICE) {
        char choices[300];
        list_choices(spec, choices, sizeof choices);
        return mer_fail(err, code, "parameter %s must be one of: %s", spec->name, choices);
    }
    char minimum[MER_NUMBER_TEXT_MAX], maximum[MER_NUMBER_TEXT_MAX];
    mer_number_format(spec->minimum, minimum);
    mer_number_format(spec->maximum, maximum);
    return mer_fail(err, code, "parameter %s must be %s from %s to %s", spec->name,
                    spec->type == MER_PARAM_INTEGER ? "an integer" : "a number", minimum, maximum);
}

static bool is_in_range(const struct mer_param_spec *spec, double value)
{
    return isfinite(value) && value >= spec->minimum && value <= spec->maximum;
}

/* False when the text is no value of this parameter. */
static bool value_of_text(const struct mer_param_spec *spec, const char *text, double *ret_value)
{
    double value = 0;
    int64_t integer = 0;
    switch (spec->type) {
    case MER_PARAM_BOOLEAN:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return false;
        *ret_value = text[0] == 't';
        return true;
    case MER_PARAM_CHOICE: {
        const size_t choice = find_choice(spec, text);
        if (choice == SIZE_MAX)
            return false;
        *ret_value = (double)choice;
        return true;
    }
    case MER_PARAM_INTEGER:
        if (!mer_integer_parse(text, strlen(text), &integer))
            return false;
        value = (double)integer;
        break;
    case MER_PARAM_NUMBER:
        if (!mer_number_parse(text, strlen(text), false, &value))
            return false;
        break;
    }
    if (!is_in_range(spec, value))
        return false;
    *ret_value = value;
    return true;
}

void mer_params_default(const struct mer_param_spec *specs, size_t n_specs, struct mer_params *ret)
{
    *ret = (struct mer_params){0};
    for (size_t i = 0; i < n_specs; i++)
        ret->values[i] = specs[i].preset;
}

mer_status mer_params_set(const struct mer_param_spec *specs, size_t n_specs, const char *name,
                          const char *text, struct mer_params *params, mer_err *err)
{
    const size_t i = mer_params_find(specs, n_specs, name);
    double value;
    if (i == SIZE_MAX)
        return refuse_name(specs, n_specs, name, err);
    if (!value_of_text(&specs[i], text, &value))
        return refuse_value(&specs[i], MER_ERR_USAGE, err);
    params->values[i] = value;
    return mer_ok();
}

static bool is_value(const struct mer_param_spec *spec, double value)
{
    size_t n_choices = 0;
    switch (spec->type) {
    case MER_PARAM_BOOLEAN:
        return value == 0 || value == 1;
    case MER_PARAM_CHOICE:
        while (spec->choices[n_choices])
            n_choices++;
        return value >= 0 && value < (double)n_choices && value == (double)(size_t)value;
    case MER_PARAM_INTEGER:
        return is_in_range(spec, value) && value == (double)(int64_t)value;
    case MER_PARAM_NUMBER:
        break;
    }
    return is_in_range(spec, value);
}

bool mer_params_valid(const struct mer_param_spec *specs, size_t n_specs,
                      const struct mer_params *params)
{
    for (size_t i = 0; i < n_specs; i++)
        if (!is_value(&specs[i], params->values[i]))
            return false;
    return true;
}

double mer_params_get(const struct mer_param_spec *specs, size_t n_specs,
                      const struct mer_params *params, const char *name)
{
    const size_t i = mer_params_find(specs, n_specs, name);
    return i == SIZE_MAX ? (double)NAN : params->values[i];
}

void mer_params_write(const struct mer_param_spec *specs, size_t n_specs,
                      const struct mer_params *params, struct mer_json_writer *writer)
{
    mer_json_begin_object(writer);
    for (size_t i = 0; i < n_specs; i++) {
        mer_json_key(writer, specs[i].name);
        switch (specs[i].type) {
        case MER_PARAM_INTEGER:
            mer_json_put_integer(writer, (int64_t)params->values[i]);
            break;
        case MER_PARAM_NUMBER:
            mer_json_put_number(writer, params->values[i]);
            break;
        case MER_PARAM_BOOLEAN:
            mer_json_put_boolean(writer, params->values[i] != 0);
            break;
        case MER_PARAM_CHOICE:
            mer_json_put_string(writer, specs[i].choices[(size_t)params->values[i]]);
            break;
        }
    }
    mer_json_end_object(writer);
}

/* False when the JSON value is no value of this parameter. */
static bool value_of_json(const struct mer_param_spec *spec, const struct mer_json *json,
                          double *ret_value)
{
    double value = 0;
    int64_t integer = 0;
    bool boolean = false;
    switch (spec->type) {
    case MER_PARAM_BOOLEAN:
        if (!mer_json_boolean(json, &boolean))
            return false;
        *ret_value = boolean;
        return true;
    case MER_PARAM_CHOICE: {
        size_t n = 0;
        const char *text = mer_json_string(json, &n);
        /* A string with a NUL inside would compare equal to a shorter choice. */
        const size_t choice = text && strlen(text) == n ? find_choice(spec, text) : SIZE_MAX;
        if (choice == SIZE_MAX)
            return false;
        *ret_value = (double)choice;
        return true;
    }
    case MER_PARAM_INTEGER:
        if (!mer_json_integer(json, &integer))
            return false;
        value = (double)integer;
        break;
    case MER_PARAM_NUMBER:
        if (!mer_json_number(json, &value))
            return false;
        break;
    }
    if (!is_in_range(spec, value))
        return false;
    *ret_value = value;
    return true;
}

mer_status mer_param_read(const struct mer_param_spec *spec, const struct mer_json *json,
                          double *ret_value, mer_err *err)
{
    return value_of_json(spec, json, ret_value) ? mer_ok() : refuse_value(spec, MER_ERR_DATA, err);
}

mer_status mer_params_read(const struct mer_param_spec *specs, size_t n_specs,
                           const struct mer_json *object, struct mer_params *ret, mer_err *err)
{
    if (mer_json_type(object) != MER_JSON_OBJECT)
        return mer_fail(err, MER_ERR_DATA, "the parameters are not a JSON object");
    struct mer_params params;
    mer_params_default(specs, n_specs, &params);
    const char *key;
    const struct mer_json *value;
    for (size_t k = 0; mer_json_member(object, k, &key, &value); k++) {
        const size_t i = mer_params_find(specs, n_specs, key);
        if (i == SIZE_MAX)
            return mer_fail(err, MER_ERR_DATA, "there is no parameter %s", mer_quote(key).text);
        MER_GUARD(mer_param_read(&specs[i], value, &params.values[i], err));
    }
    *ret = params;
    return mer_ok();
}
