/* Predicted quantiles of a number: below the one of level 0.9 lie nine in ten values of rows like
 * the one that is asked about (Koenker, Bassett, "Regression Quantiles", Econometrica 1978). Each
 * level has a boosted model of its own with the pinball loss; where they cross they are sorted,
 * which makes no level worse (Chernozhukov, Fernandez-Val, Galichon, "Quantile and Probability
 * Curves Without Crossing", Econometrica 2010).
 */
#ifndef MER_AUTOML_QUANTILE_H
#define MER_AUTOML_QUANTILE_H

#include "core/arena.h"
#include "learn/family.h"

enum { MER_QUANTILES_MAX = 19 };

struct mer_quantile {
    double level; /* in (0, 1) */
    const struct mer_family *family;
    struct mer_params params;
    struct mer_model *model;
    /* Over held-out rows: the mean pinball loss, and the share of the values that are not above.
     * NaN: not known. */
    double loss;
    double below;
};

/* The pinball loss of one value. */
double mer_pinball_loss(double level, double value, double predicted);

/* Whether levels are in (0, 1), rise, and are not too many. */
bool mer_quantile_levels_are_sound(const double *levels, size_t n);

/* Sorts the n numbers of each row, `stride` from row to row. */
void mer_quantiles_sort(double *predictions, size_t n_rows, size_t n, size_t stride);

/* Predicts [n_rows][n_quantiles], sorted within each row, `stride` numbers from row to row. */
MER_MUST_CHECK mer_status mer_quantiles_predict(const struct mer_ctx *ctx,
                                                const struct mer_quantile *quantiles, size_t n,
                                                const struct mer_design *design, size_t stride,
                                                double *ret_predictions, mer_err *err);
/* Frees the models, not the array. */
void mer_quantiles_release(const struct mer_ctx *ctx, struct mer_quantile *quantiles, size_t n);

/* The saved form: a member "quantiles" of the writer's object, an array in the order of the levels,
 * and the models' arrays under `quantile/0/`, ... Nothing where there are none. Loading validates
 * everything as hostile. */
MER_MUST_CHECK mer_status mer_quantiles_save(const struct mer_quantile *quantiles, size_t n,
                                             struct mer_bundle *bundle,
                                             struct mer_json_writer *writer, mer_err *err);
MER_MUST_CHECK mer_status mer_quantiles_load(
    const struct mer_ctx *ctx, const struct mer_bundle *bundle, const struct mer_json *root,
    enum mer_task task, const struct mer_design *shape, struct mer_arena *arena,
    struct mer_quantile **ret_quantiles, size_t *ret_n, mer_err *err);

#endif
