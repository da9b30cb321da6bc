/* Applying, saving and loading a recalibration; learning is in recalibration_learn.c. */
#include "automl/recalibration.h"

#include <string.h>

#include "core/math.h"
#include "core/team.h"

/* Probabilities below this are taken for it: their logarithms must be numbers. */
#define LEAST_PROBABILITY 1e-15

/* Rows that a thread takes at a time. */
enum { PIECE_ROWS = 1024 };

static const char *const names[] = {[MER_RECALIBRATION_NONE] = "none",
                                    [MER_RECALIBRATION_TEMPERATURE] = "temperature",
                                    [MER_RECALIBRATION_ISOTONIC] = "isotonic",
                                    [MER_RECALIBRATION_AUTO] = "auto"};

const char *mer_recalibration_name(enum mer_recalibration_method method)
{
    return names[method];
}

bool mer_recalibration_find(const char *name, enum mer_recalibration_method *ret_method)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        *ret_method = (enum mer_recalibration_method)i;
        return true;
    }
    return false;
}

static void cool_row(double temperature, size_t n, double *p)
{
    for (size_t k = 0; k < n; k++)
        p[k] = mer_ln(p[k] > LEAST_PROBABILITY ? p[k] : LEAST_PROBABILITY) / temperature;
    (void)mer_softmax(p, n);
}

static double curve_at(const struct mer_recalibration *curves, size_t c, double p)
{
    const double *const knots = curves->knots + curves->offsets[c];
    const double *const values = curves->values + curves->offsets[c];
    const size_t n = (size_t)(curves->offsets[c + 1] - curves->offsets[c]);
    size_t low = 0, high = n; /* the first knot that is not below p */

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (knots[middle] < p)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || low == n)
        return values[low == 0 ? 0 : n - 1];
    const double part = (p - knots[low - 1]) / (knots[low] - knots[low - 1]);
    return values[low - 1] + part * (values[low] - values[low - 1]);
}

static void bend_row(const struct mer_recalibration *curves, size_t n, double *p)
{
    double sum = 0;

    if (n == 2) {
        p[1] = curve_at(curves, 0, p[1]);
        p[0] = 1 - p[1];
        return;
    }
    for (size_t k = 0; k < n; k++)
        sum += p[k] = curve_at(curves, k, p[k]);
    for (size_t k = 0; k < n; k++)
        p[k] /= sum; /* values are above zero */
}

struct job {
    const struct mer_recalibration *recalibration;
    size_t n_rows;
    size_t n_classes;
    double *probabilities;
};

static void run_piece(void *argument, size_t piece, size_t worker)
{
    const struct job *const job = argument;
    const size_t begin = piece * PIECE_ROWS;
    const size_t end = job->n_rows - begin < PIECE_ROWS ? job->n_rows : begin + PIECE_ROWS;

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        double *const row = job->probabilities + i * job->n_classes;
        if (job->recalibration->method == MER_RECALIBRATION_TEMPERATURE)
            cool_row(job->recalibration->temperature, job->n_classes, row);
        else
            bend_row(job->recalibration, job->n_classes, row);
    }
}

void mer_recalibrate(const struct mer_ctx *ctx, const struct mer_recalibration *recalibration,
                     size_t n_rows, size_t n_classes, double *probabilities)
{
    struct job job = {recalibration, n_rows, n_classes, probabilities};

    if (recalibration->method != MER_RECALIBRATION_NONE)
        mer_team_run(ctx->team, run_piece, &job, (n_rows + PIECE_ROWS - 1) / PIECE_ROWS);
}

static bool is_curve(const struct mer_recalibration *curves, size_t c)
{
    for (int64_t i = curves->offsets[c]; i < curves->offsets[c + 1]; i++) {
        const bool is_first = i == curves->offsets[c];
        if (!(curves->knots[i] >= 0 && curves->knots[i] <= 1 && curves->values[i] > 0 &&
              curves->values[i] < 1))
            return false;
        if (!is_first && !(curves->knots[i] > curves->knots[i - 1] &&
                           curves->values[i] >= curves->values[i - 1]))
            return false;
    }
    return true;
}

bool mer_recalibration_is_sound(const struct mer_recalibration *recalibration, size_t n_classes)
{
    const int64_t *const offsets = recalibration->offsets;

    switch (recalibration->method) {
    case MER_RECALIBRATION_NONE:
        return true;
    case MER_RECALIBRATION_TEMPERATURE:
        return n_classes >= 2 && recalibration->temperature >= MER_TEMPERATURE_LEAST &&
               recalibration->temperature <= MER_TEMPERATURE_MOST;
    case MER_RECALIBRATION_ISOTONIC:
        if (n_classes < 2 || n_classes > MER_ISOTONIC_CLASSES_MAX ||
            recalibration->n_curves != (n_classes == 2 ? 1 : n_classes) || offsets[0] != 0)
            return false;
        for (size_t c = 0; c < recalibration->n_curves; c++)
            if (offsets[c + 1] <= offsets[c] ||
                offsets[c + 1] - offsets[c] > MER_ISOTONIC_KNOTS_MAX || !is_curve(recalibration, c))
                return false;
        return true;
    case MER_RECALIBRATION_AUTO:
        break;
    }
    return false;
}

mer_status mer_recalibration_save(const struct mer_recalibration *recalibration,
                                  struct mer_bundle *bundle, struct mer_json_writer *writer,
                                  mer_err *err)
{
    const size_t n_curves = recalibration->n_curves;

    if (recalibration->method == MER_RECALIBRATION_NONE)
        return mer_ok();
    mer_json_key(writer, "calibration");
    mer_json_begin_object(writer);
    mer_json_key(writer, "method");
    mer_json_put_string(writer, names[recalibration->method]);
    mer_json_put_finite(writer, "loss_before", recalibration->loss_before);
    mer_json_put_finite(writer, "loss_after", recalibration->loss_after);
    if (recalibration->method == MER_RECALIBRATION_TEMPERATURE) {
        mer_json_key(writer, "temperature");
        mer_json_put_number(writer, recalibration->temperature);
    }
    mer_json_end_object(writer);
    if (recalibration->method == MER_RECALIBRATION_TEMPERATURE)
        return mer_ok();
    const size_t n_knots = (size_t)recalibration->offsets[n_curves];
    MER_GUARD(mer_bundle_add_vector(bundle, "calibration/offsets", MER_DTYPE_I64, n_curves + 1,
                                    recalibration->offsets, err));
    MER_GUARD(mer_bundle_add_vector(bundle, "calibration/knots", MER_DTYPE_F64, n_knots,
                                    recalibration->knots, err));
    return mer_bundle_add_vector(bundle, "calibration/values", MER_DTYPE_F64, n_knots,
                                 recalibration->values, err);
}

static const char what[] = "the model's calibration";

static mer_status load_curves(const struct mer_bundle *bundle, size_t n_classes,
                              struct mer_recalibration *ret, mer_err *err)
{
    const struct mer_array *knots;

    ret->n_curves = n_classes == 2 ? 1 : n_classes;
    MER_GUARD(mer_bundle_get_vector(bundle, "calibration/offsets", MER_DTYPE_I64, ret->n_curves + 1,
                                    (const void **)&ret->offsets, err));
    MER_GUARD(mer_bundle_get(bundle, "calibration/knots", MER_DTYPE_F64, 1, &knots, err));
    ret->knots = knots->data;
    MER_GUARD(mer_bundle_get_vector(bundle, "calibration/values", MER_DTYPE_F64, knots->shape[0],
                                    (const void **)&ret->values, err));
    /* Before anybody follows an offset. */
    for (size_t c = 0; c <= ret->n_curves; c++)
        if (ret->offsets[c] < 0 || (uint64_t)ret->offsets[c] > knots->shape[0])
            return mer_fail(err, MER_ERR_DATA, "%s has knots that are not there", what);
    if ((uint64_t)ret->offsets[ret->n_curves] != knots->shape[0])
        return mer_fail(err, MER_ERR_DATA, "%s has knots of no curve", what);
    return mer_ok();
}

mer_status mer_recalibration_load(const struct mer_bundle *bundle, const struct mer_json *root,
                                  size_t n_classes, struct mer_recalibration *ret, mer_err *err)
{
    const bool is_there = mer_json_get(root, "calibration") != NULL;
    struct mer_recalibration loaded = {.loss_before = (double)NAN, .loss_after = (double)NAN};
    const struct mer_json *object;
    const char *name;

    if (is_there) {
        MER_GUARD(mer_json_want_object(root, "calibration", what, &object, err));
        MER_GUARD(mer_json_want_string(object, "method", what, &name, err));
        if (!mer_recalibration_find(name, &loaded.method) ||
            loaded.method == MER_RECALIBRATION_NONE || loaded.method == MER_RECALIBRATION_AUTO)
            return mer_fail(err, MER_ERR_DATA, "%s is of a kind that is not known here: %s", what,
                            mer_quote(name).text);
        const bool is_curve_like = loaded.method == MER_RECALIBRATION_ISOTONIC;
        if (mer_json_size(object) != (is_curve_like ? 3 : 4))
            return mer_fail(err, MER_ERR_DATA, "%s has members that are not known here", what);
        MER_GUARD(mer_json_want_finite(object, "loss_before", what, &loaded.loss_before, err));
        MER_GUARD(mer_json_want_finite(object, "loss_after", what, &loaded.loss_after, err));
        if (is_curve_like)
            MER_GUARD(load_curves(bundle, n_classes, &loaded, err));
        else
            MER_GUARD(mer_json_want_number(object, "temperature", what, &loaded.temperature, err));
    }
    if (loaded.method != MER_RECALIBRATION_ISOTONIC && mer_bundle_find(bundle, "calibration/knots"))
        return mer_fail(err, MER_ERR_DATA, "%s has knots, and no curves", what);
    if (!mer_recalibration_is_sound(&loaded, n_classes))
        return mer_fail(err, MER_ERR_DATA, "%s is not valid", what);
    *ret = loaded;
    return mer_ok();
}
