/* Reads a search space that a user wrote. Strict, bounded and pure. */
#include <math.h>
#include <string.h>

#include "automl/space.h"
#include "core/json.h"
#include "core/log.h"
#include "core/nearest.h"

enum { DEPTH_MAX = 5 };

static const struct mer_family *find_family(const char *name, struct mer_nearest *nearest)
{
    mer_nearest_init(nearest, name, strlen(name));
    for (size_t f = 0; f < MER_N_FAMILIES; f++)
        mer_nearest_offer(nearest, MER_FAMILIES[f]->name, strlen(MER_FAMILIES[f]->name));
    return mer_family_find(name);
}

static mer_status refuse(const struct mer_param_spec *spec, const char *what, mer_err *err)
{
    return mer_fail(err, MER_ERR_DATA, "the search space of parameter %s %s", spec->name, what);
}

static bool has_range(const struct mer_param_spec *spec)
{
    return spec->type == MER_PARAM_INTEGER || spec->type == MER_PARAM_NUMBER;
}

static mer_status read_choices(const struct mer_param_spec *spec, const struct mer_json *choices,
                               struct mer_space_dim *dim, mer_err *err)
{
    dim->n_choices = mer_json_size(choices);
    if (mer_json_type(choices) != MER_JSON_ARRAY || dim->n_choices == 0 ||
        dim->n_choices > MER_SPACE_CHOICES_MAX)
        return refuse(spec, "has choices that are no list of 1 to 16 values", err);
    for (size_t i = 0; i < dim->n_choices; i++) {
        MER_GUARD(mer_param_read(spec, mer_json_at(choices, i), &dim->choices[i], err));
        for (size_t j = 0; j < i; j++)
            if (dim->choices[i] == dim->choices[j])
                return refuse(spec, "has a choice twice", err);
    }
    return mer_ok();
}

static mer_status check_range(const struct mer_param_spec *spec, const struct mer_space_dim *dim,
                              bool has_low, bool has_high, mer_err *err)
{
    if (!has_range(spec))
        return refuse(spec, "can only be choices, or one value", err);
    if (!has_low || !has_high)
        return refuse(spec, "needs both low and high, or choices", err);
    if (!(dim->low < dim->high))
        return refuse(spec, "has a low that is not below its high", err);
    if (dim->log_scale && dim->low <= 0)
        return refuse(spec, "cannot be logarithmic from zero on", err);
    return mer_ok();
}

static mer_status read_range(const struct mer_param_spec *spec, const struct mer_json *object,
                             struct mer_space_dim *dim, mer_err *err)
{
    bool has_low = false, has_high = false, has_choices = false, has_log = false;
    const struct mer_json *value;
    const char *key;

    for (size_t i = 0; mer_json_member(object, i, &key, &value); i++) {
        if (strcmp(key, "choices") == 0) {
            has_choices = true;
            MER_GUARD(read_choices(spec, value, dim, err));
        } else if (strcmp(key, "log") == 0) {
            has_log = true;
            if (!mer_json_boolean(value, &dim->log_scale))
                return refuse(spec, "has a log that is neither true nor false", err);
        } else if (strcmp(key, "low") == 0 && has_range(spec)) {
            has_low = true;
            MER_GUARD(mer_param_read(spec, value, &dim->low, err));
        } else if (strcmp(key, "high") == 0 && has_range(spec)) {
            has_high = true;
            MER_GUARD(mer_param_read(spec, value, &dim->high, err));
        } else {
            return mer_hint(
                err,
                mer_fail(err, MER_ERR_DATA, "the search space of parameter %s cannot have %s",
                         spec->name, mer_quote(key).text),
                has_range(spec) ? "there are: low, high, log, choices" : "there is: choices");
        }
    }
    if (!has_choices)
        return check_range(spec, dim, has_low, has_high, err);
    return has_low || has_high || has_log ? refuse(spec, "has choices and a range", err) : mer_ok();
}

/* Adds a dimension for a range or choices; any other value is fixed. */
static mer_status read_param(const struct mer_json *value, size_t param,
                             struct mer_space_family *own, mer_err *err)
{
    const struct mer_param_spec *spec = &own->family->params[param];

    if (mer_json_type(value) != MER_JSON_OBJECT)
        return mer_param_read(spec, value, &own->fixed.values[param], err);
    if (own->n_dims == MER_SPACE_DIMS_MAX)
        return mer_fail(err, MER_ERR_DATA, "more than %d parameters of %s are to be searched",
                        MER_SPACE_DIMS_MAX, own->family->name);
    struct mer_space_dim *dim = &own->dims[own->n_dims++];
    dim->param = param;
    dim->log_scale = spec->log_scale;
    MER_GUARD(read_range(spec, value, dim, err));
    own->fixed.values[param] = dim->n_choices > 0 ? dim->choices[0] : dim->low;
    return mer_ok();
}

static mer_status read_family(const struct mer_json *object, struct mer_space_family *own,
                              mer_err *err)
{
    const struct mer_family *family = own->family;
    bool is_there[MER_PARAMS_MAX] = {false};
    const struct mer_json *value;
    const char *key;

    if (mer_json_type(object) != MER_JSON_OBJECT)
        return mer_fail(err, MER_ERR_DATA, "the search space of %s is not a JSON object",
                        family->name);
    mer_params_default(family->params, family->n_params, &own->fixed);
    for (size_t i = 0; mer_json_member(object, i, &key, &value); i++) {
        const size_t param = mer_params_find(family->params, family->n_params, key);
        if (param == SIZE_MAX)
            return mer_hint(err,
                            mer_fail(err, MER_ERR_DATA, "%s has no parameter %s", family->name,
                                     mer_quote(key).text),
                            "merlon help models lists them");
        if (is_there[param])
            return refuse(&family->params[param], "is said twice", err);
        is_there[param] = true;
        MER_GUARD(read_param(value, param, own, err));
    }
    const size_t rounds = mer_params_find(family->params, family->n_params, "n_estimators");
    own->rounds_by_rate = mer_space_follows_rate(family) && rounds != SIZE_MAX && !is_there[rounds];
    return mer_ok();
}

static mer_status read_families(const struct mer_json *root, struct mer_space *space, mer_err *err)
{
    const struct mer_json *value;
    struct mer_nearest nearest;
    const char *key;

    if (mer_json_type(root) != MER_JSON_OBJECT || mer_json_size(root) == 0)
        return mer_hint(
            err, mer_fail(err, MER_ERR_DATA, "a search space is a JSON object of model families"),
            "{\"gbdt\": {\"max_leaves\": {\"low\": 4, \"high\": 64}}}, for example");
    for (size_t i = 0; mer_json_member(root, i, &key, &value); i++) {
        const struct mer_family *family = find_family(key, &nearest);
        if (!family) {
            const mer_status status =
                mer_fail(err, MER_ERR_DATA, "there is no model family %s", mer_quote(key).text);
            return nearest.name ? mer_hint(err, status, "did you mean %s?", nearest.name) : status;
        }
        if (space->n_families == MER_SPACE_FAMILIES_MAX)
            return mer_fail(err, MER_ERR_DATA, "a search space has at most %d families",
                            MER_SPACE_FAMILIES_MAX);
        struct mer_space_family *own = &space->families[space->n_families++];
        own->family = family;
        MER_GUARD(read_family(value, own, err));
    }
    return mer_ok();
}

mer_status mer_space_read(const struct mer_ctx *ctx, const char *text, size_t n,
                          struct mer_space *ret_space, mer_err *err)
{
    const struct mer_json_limits limits = {MER_SPACE_TEXT_MAX, DEPTH_MAX};
    struct mer_json_document *document;
    struct mer_space *space;

    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof(*space), &space, err));
    mer_status status =
        mer_json_parse(ctx->alloc, text, n, &limits, "search space", &document, err);
    if (mer_is_ok(status)) {
        status = read_families(mer_json_root(document), space, err);
        mer_json_free(document);
    }
    if (mer_is_ok(status))
        *ret_space = *space;
    mer_free(ctx->alloc, space);
    return status;
}
