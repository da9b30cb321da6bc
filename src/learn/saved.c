#include "learn/saved.h"

#include <math.h>
#include <stdio.h>

struct mer_array_name mer_array_name(const char *prefix, const char *name)
{
    struct mer_array_name joined;
    snprintf(joined.text, sizeof joined.text, "%s%s", prefix, name);
    return joined;
}

static bool are_probabilities(const double *p, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        if (!(p[k] >= 0 && p[k] <= 1))
            return false;
        sum += p[k];
    }
    return fabs(sum - 1) <= 1e-9;
}

mer_status mer_saved_outputs_check(const double *outputs, size_t n_rows, size_t n_outputs,
                                   enum mer_task task, const char *name, mer_err *err)
{
    for (size_t row = 0; row < n_rows; row++) {
        const double *values = outputs + row * n_outputs;
        if (task == MER_TASK_REGRESSION ? !isfinite(values[0])
                                        : !are_probabilities(values, n_outputs))
            return mer_fail(err, MER_ERR_DATA, "array %s holds %s in row %zu", mer_quote(name).text,
                            task == MER_TASK_REGRESSION ? "a value that is not finite"
                                                        : "no probabilities",
                            row + 1);
    }
    return mer_ok();
}

bool mer_all_finite(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}
