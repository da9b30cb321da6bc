#include "automl/space.h"

#include <math.h>
#include <string.h>

#include "core/math.h"

/* Rounds of boosting at most, for a learning rate of 1. */
#define ROUNDS_AT_RATE_1 40
enum { ROUNDS_MIN = 50, ROUNDS_MAX = 2000 };

/* What is searched when nobody says what. Ranges hold what the portfolio has, and some more. */
static const struct row {
    const char *family;
    const char *param;
    double low, high;
    bool log_scale;
    size_t n_choices;
    double choices[5];
} ROWS[] = {
    {"linear", "alpha", 1e-3, 1e4, true, 0, {0}},
    {"linear", "l1_ratio", 0, 1, false, 2, {0, 1}},
    {"linear", "transform", 0, 4, false, 5, {0, 1, 2, 3, 4}},
    {"linear", "products", 0, 64, false, 4, {0, 16, 32, 64}},
    {"linear", "log_target", 0, 2, false, 3, {0, 1, 2}},
    {"tree", "max_depth", 2, 40, true, 0, {0}},
    {"tree", "min_samples_leaf", 1, 100, true, 0, {0}},
    {"tree", "smoothing", 0.5, 100, true, 0, {0}},
    {"random_forest", "n_estimators", 50, 300, true, 0, {0}},
    {"random_forest", "max_features", 0.1, 1, true, 0, {0}},
    {"random_forest", "min_samples_leaf", 1, 20, true, 0, {0}},
    {"extra_trees", "n_estimators", 50, 300, true, 0, {0}},
    {"extra_trees", "max_features", 0.1, 1, true, 0, {0}},
    {"extra_trees", "min_samples_leaf", 1, 20, true, 0, {0}},
    {"naive_bayes", "var_smoothing", 1e-6, 10, true, 0, {0}},
    {"kernel", "gamma", 0.02, 10, true, 0, {0}},
    {"kernel", "n_components", 256, 4096, true, 0, {0}},
    {"gbdt", "learning_rate", 0.02, 0.3, true, 0, {0}},
    {"gbdt", "max_leaves", 3, 255, true, 0, {0}},
    {"gbdt", "min_child_samples", 1, 100, true, 0, {0}},
    {"gbdt", "reg_lambda", 0.01, 100, true, 0, {0}},
    {"gbdt", "colsample_bytree", 0.2, 1, false, 0, {0}},
    {"gbdt", "subsample", 0.5, 1, false, 0, {0}},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

bool mer_space_follows_rate(const struct mer_family *family)
{
    return (family->capabilities & MER_CAN_WATCH) != 0 &&
           mer_params_find(family->params, family->n_params, "learning_rate") != SIZE_MAX;
}

void mer_space_default(uint64_t families, struct mer_space *ret_space)
{
    struct mer_space_family *own = NULL;

    *ret_space = (struct mer_space){0};
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        size_t f = 0;
        while (f < MER_N_FAMILIES && strcmp(MER_FAMILIES[f]->name, ROWS[i].family) != 0)
            f++;
        if (f == MER_N_FAMILIES || !((families >> f) & 1))
            continue;
        const struct mer_family *family = MER_FAMILIES[f];
        if (!own || own->family != family) {
            own = &ret_space->families[ret_space->n_families++];
            own->family = family;
            mer_params_default(family->params, family->n_params, &own->fixed);
            own->rounds_by_rate = mer_space_follows_rate(family);
        }
        struct mer_space_dim *dim = &own->dims[own->n_dims++];
        *dim = (struct mer_space_dim){
            .param = mer_params_find(family->params, family->n_params, ROWS[i].param),
            .low = ROWS[i].low,
            .high = ROWS[i].high,
            .log_scale = ROWS[i].log_scale,
            .n_choices = ROWS[i].n_choices};
        memcpy(dim->choices, ROWS[i].choices, sizeof(ROWS[i].choices));
    }
}

const struct mer_space_family *mer_space_find(const struct mer_space *space,
                                              const struct mer_family *family)
{
    for (size_t i = 0; i < space->n_families; i++)
        if (space->families[i].family == family)
            return &space->families[i];
    return NULL;
}

static double clip(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static double value_at(const struct mer_space_dim *dim, enum mer_param_type type, double x)
{
    if (dim->n_choices > 0) {
        const size_t i = (size_t)(x * (double)dim->n_choices);
        return dim->choices[i < dim->n_choices ? i : dim->n_choices - 1];
    }
    double value = dim->log_scale ? dim->low * mer_exp(x * mer_ln(dim->high / dim->low))
                                  : dim->low + x * (dim->high - dim->low);
    if (type == MER_PARAM_INTEGER)
        value = floor(value + 0.5);
    return clip(value, dim->low, dim->high);
}

static double place_of(const struct mer_space_dim *dim, double value)
{
    size_t nearest = 0;

    for (size_t i = 1; i < dim->n_choices; i++)
        if (fabs(dim->choices[i] - value) < fabs(dim->choices[nearest] - value))
            nearest = i;
    if (dim->n_choices > 0)
        return ((double)nearest + 0.5) / (double)dim->n_choices;
    if (dim->high <= dim->low)
        return 0.5;
    value = clip(value, dim->low, dim->high);
    return dim->log_scale ? mer_ln(value / dim->low) / mer_ln(dim->high / dim->low)
                          : (value - dim->low) / (dim->high - dim->low);
}

struct mer_params mer_space_params(const struct mer_space_family *own, const double *x)
{
    const struct mer_family *family = own->family;
    struct mer_params params = own->fixed;

    for (size_t i = 0; i < own->n_dims; i++)
        params.values[own->dims[i].param] =
            value_at(&own->dims[i], family->params[own->dims[i].param].type, x[i]);
    if (own->rounds_by_rate) {
        const double rate =
            mer_params_get(family->params, family->n_params, &params, "learning_rate");
        params.values[mer_params_find(family->params, family->n_params, "n_estimators")] =
            floor(clip(ROUNDS_AT_RATE_1 / rate, ROUNDS_MIN, ROUNDS_MAX));
    }
    return params;
}

void mer_space_locate(const struct mer_space_family *own, const struct mer_params *params,
                      double *ret_x)
{
    for (size_t i = 0; i < own->n_dims; i++)
        ret_x[i] = place_of(&own->dims[i], params->values[own->dims[i].param]);
}

void mer_space_draw(const struct mer_space *space, uint64_t usable, mer_rng *rng,
                    struct mer_point *ret_point)
{
    size_t n = 0, left;

    for (size_t i = 0; i < space->n_families; i++)
        n += (usable >> i) & 1;
    *ret_point = (struct mer_point){0};
    left = (size_t)mer_rng_below(rng, n);
    for (size_t i = 0; i < space->n_families; i++) {
        if (!((usable >> i) & 1))
            continue;
        if (left-- == 0) {
            ret_point->family = i;
            break;
        }
    }
    for (size_t d = 0; d < space->families[ret_point->family].n_dims; d++)
        ret_point->x[d] = mer_rng_uniform(rng);
}
