/* Probabilities that are what they say: of the rows that are given 0.8, eight in ten are of the
 * class. Learned from the predictions of what predicts for held-out rows, applied to all that it
 * predicts:
 *
 *   temperature  every probability to the power of 1 / T, and normalised (Guo, Pleiss, Sun,
 *                Weinberger, "On Calibration of Modern Neural Networks", ICML 2017): one number,
 *                which changes no order of classes;
 *   isotonic     a rising curve for each class (Zadrozny, Elkan, "Transforming classifier scores
 *                into accurate multiclass probability estimates", KDD 2002), found by pooling
 *                adjacent violators, linear between its knots: for many rows.
 */
#ifndef MER_AUTOML_RECALIBRATION_H
#define MER_AUTOML_RECALIBRATION_H

#include "core/arena.h"
#include "core/bundle.h"
#include "core/ctx.h"
#include "core/json.h"
#include "learn/design.h"

enum mer_recalibration_method {
    MER_RECALIBRATION_NONE,
    MER_RECALIBRATION_TEMPERATURE,
    MER_RECALIBRATION_ISOTONIC,
    MER_RECALIBRATION_AUTO /* to choose by: whichever has the least log loss on rows unseen */
};

/* Curves are for at least so many held-out rows, and for so many classes at most. */
enum { MER_ISOTONIC_ROWS_MIN = 1000, MER_ISOTONIC_CLASSES_MAX = 20, MER_ISOTONIC_KNOTS_MAX = 200 };
#define MER_TEMPERATURE_LEAST 0.05
#define MER_TEMPERATURE_MOST 20.0

struct mer_recalibration {
    enum mer_recalibration_method method; /* not AUTO */
    double temperature;
    /* The knots of curve c are offsets[c] to offsets[c + 1]: probabilities, rising, and what they
     * become, not falling, in (0, 1). One curve for two classes: that of class 1. */
    const int64_t *offsets; /* [n_curves + 1] */
    const double *knots;
    const double *values;
    size_t n_curves;
    /* The log loss over the held-out rows without it, and with one learned from other rows; NaN:
     * not known. */
    double loss_before;
    double loss_after;
};

/* "none", "temperature", "isotonic", "auto"; false: none of them. */
const char *mer_recalibration_name(enum mer_recalibration_method method);
bool mer_recalibration_find(const char *name, enum mer_recalibration_method *ret_method);

/* Changes probabilities [n_rows][n_classes], which sum to one before and after. */
void mer_recalibrate(const struct mer_ctx *ctx, const struct mer_recalibration *recalibration,
                     size_t n_rows, size_t n_classes, double *probabilities);

/* What it is learned from. */
struct mer_recalibrating {
    enum mer_recalibration_method choice;
    bool only_order_kept; /* AUTO leaves the curves out: the metric looks at the order alone */
    size_t n_rows;
    size_t n_classes;
    const int32_t *classes;
    const double *weights; /* NULL: all ones */
    uint64_t seed;         /* of the parts that rows are dealt into */
};
/* Learns from the probabilities for held-out rows, and puts those in their place that one learned
 * from other rows makes: fit for learning further what goes with it. AUTO takes what lowers the
 * log loss of rows unseen by more than its standard error, or nothing. The arrays live in the
 * arena. */
MER_MUST_CHECK mer_status mer_recalibration_learn(const struct mer_ctx *ctx,
                                                  const struct mer_recalibrating *from,
                                                  double *probabilities, struct mer_arena *arena,
                                                  struct mer_recalibration *ret, mer_err *err);

/* MER_ERR_USAGE where there are too few held-out rows, or too many classes, for what was chosen. */
MER_MUST_CHECK mer_status mer_recalibration_check(enum mer_recalibration_method choice,
                                                  size_t n_rows, size_t n_classes, mer_err *err);

/* Whether it can be used for so many classes, whoever made it: sizes are right, numbers finite and
 * in order. */
bool mer_recalibration_is_sound(const struct mer_recalibration *recalibration, size_t n_classes);

/* The saved form: a member "calibration" of the writer's object, and for curves the arrays
 * `calibration/offsets`, `calibration/knots` and `calibration/values`. Nothing where there is none.
 * Loading borrows from the bundle and refuses what is not sound. */
MER_MUST_CHECK mer_status mer_recalibration_save(const struct mer_recalibration *recalibration,
                                                 struct mer_bundle *bundle,
                                                 struct mer_json_writer *writer, mer_err *err);
MER_MUST_CHECK mer_status mer_recalibration_load(const struct mer_bundle *bundle,
                                                 const struct mer_json *root, size_t n_classes,
                                                 struct mer_recalibration *ret, mer_err *err);

#endif
