/* Parameters of model families: declared once, as a constant table. Help, validation, documentation
 * and the search space all come from the declaration.
 */
#ifndef MER_LEARN_PARAM_H
#define MER_LEARN_PARAM_H

#include "core/json.h"

enum mer_param_type { MER_PARAM_INTEGER, MER_PARAM_NUMBER, MER_PARAM_BOOLEAN, MER_PARAM_CHOICE };

struct mer_param_spec {
    const char *name;
    enum mer_param_type type;
    double minimum; /* integer, number: inclusive range */
    double maximum;
    double preset;              /* default; boolean: 0 or 1; choice: index */
    const char *const *choices; /* choice: zero-terminated list */
    bool log_scale;             /* searched on a logarithmic scale */
    const char *help;           /* one sentence */
    /* What other libraries call it, zero-terminated; accepted wherever the name is. NULL: nothing
     * else. */
    const char *const *aliases;
};

enum { MER_PARAMS_MAX = 32 };

/* Values parallel to a family's specs: integers exactly, booleans 0/1, choices by index. */
struct mer_params {
    double values[MER_PARAMS_MAX];
};

void mer_params_default(const struct mer_param_spec *specs, size_t n_specs, struct mer_params *ret);
/* The number of the parameter of that name or alias; SIZE_MAX: there is none. */
size_t mer_params_find(const struct mer_param_spec *specs, size_t n_specs, const char *name);
/* Sets one from text ("max_depth", "6"); MER_ERR_USAGE names the range, or the nearest name. */
MER_MUST_CHECK mer_status mer_params_set(const struct mer_param_spec *specs, size_t n_specs,
                                         const char *name, const char *text,
                                         struct mer_params *params, mer_err *err);
/* Whether every value is one that its spec allows. */
bool mer_params_valid(const struct mer_param_spec *specs, size_t n_specs,
                      const struct mer_params *params);
double mer_params_get(const struct mer_param_spec *specs, size_t n_specs,
                      const struct mer_params *params, const char *name);
/* One value from JSON; MER_ERR_DATA names the range. */
MER_MUST_CHECK mer_status mer_param_read(const struct mer_param_spec *spec,
                                         const struct mer_json *json, double *ret_value,
                                         mer_err *err);
/* As a JSON object in declaration order, and back (unknown key, wrong type or range: MER_ERR_DATA).
 */
void mer_params_write(const struct mer_param_spec *specs, size_t n_specs,
                      const struct mer_params *params, struct mer_json_writer *writer);
MER_MUST_CHECK mer_status mer_params_read(const struct mer_param_spec *specs, size_t n_specs,
                                          const struct mer_json *object, struct mer_params *ret,
                                          mer_err *err);

#endif
