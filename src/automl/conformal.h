/* How far predictions may be off: intervals around numbers and sets of classes that hold the truth
 * as often as is asked, without assuming how errors are distributed (split conformal prediction:
 * Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World", 2005; Lei, G'Sell, Rinaldo,
 * Tibshirani, Wasserman, "Distribution-Free Predictive Inference for Regression", JASA 2018).
 *
 * What counts is how nonconforming the held-out rows of the search were: of a number the distance
 * to its prediction, divided by what is usual for predictions of that size among the other rows; of
 * a class 1 - its probability, or nothing where it is the most probable one, which is always taken
 * for possible. A row of k-th smallest nonconformity, k = ceil((n + 1) coverage) of n, bounds what
 * is taken for possible.
 */
#ifndef MER_AUTOML_CONFORMAL_H
#define MER_AUTOML_CONFORMAL_H

#include "core/arena.h"
#include "core/bundle.h"
#include "learn/design.h"

/* Coverages are told in steps of a thousandth; fewer held-out rows than ROWS_MIN give nothing. */
enum { MER_CONFORMAL_STEPS = 1000, MER_CONFORMAL_BINS_MAX = 10, MER_CONFORMAL_ROWS_MIN = 20 };

struct mer_conformal {
    /* Held-out rows that it was learned from; where they have weights, as many of equal weight as
     * tell as much. 0: there is nothing. */
    size_t n_rows;
    /* Element i is the nonconformity that covers i thousandths: [mer_conformal_n_quantiles]. */
    const double *quantiles;
    /* Regression: the usual error by the size of the prediction, linear between these and constant
     * outside. */
    const double *centres; /* [n_centres], rising */
    const double *scales;  /* [n_centres], positive */
    size_t n_centres;      /* 0 for classification */
};

/* As many as n_rows rows can tell: 0 for none. */
size_t mer_conformal_n_quantiles(size_t n_rows);

/* Predictions for held-out rows by what has not seen them, and the truth. */
struct mer_conformal_rows {
    const double *predictions; /* [n_rows][n_outputs] */
    size_t n_rows;
    size_t n_outputs;
    size_t n_repeats;     /* so often each row is among them; together they count as one */
    const double *values; /* [n_rows]; one of the two */
    const int32_t *classes;
    const double *weights; /* [n_rows], what rows count; NULL: all ones */
    /* Which rows are the later ones, where rows have a time: where their errors are larger, those
     * of what comes will be. NULL: rows have no order. */
    const uint8_t *late;
};

/* Learns from held-out rows. What is returned lives in the arena; too few rows give nothing. Warns
 * where errors grow with time. */
MER_MUST_CHECK mer_status mer_conformal_learn(const struct mer_ctx *ctx,
                                              const struct mer_conformal_rows *rows,
                                              struct mer_arena *arena,
                                              struct mer_conformal *ret_conformal, mer_err *err);

/* Whether it can be used for a task, whoever made it: sizes are right, numbers finite and in order.
 */
bool mer_conformal_is_sound(const struct mer_conformal *conformal, enum mer_task task);

/* The saved form: `conformal/quantiles`, `conformal/centres` and `conformal/scales`; the number of
 * rows is told beside. Loading borrows from the bundle and refuses what is not sound. */
MER_MUST_CHECK mer_status mer_conformal_save(const struct mer_conformal *conformal,
                                             struct mer_bundle *bundle, mer_err *err);
MER_MUST_CHECK mer_status mer_conformal_load(const struct mer_bundle *bundle, size_t n_rows,
                                             enum mer_task task,
                                             struct mer_conformal *ret_conformal, mer_err *err);

/* The nonconformity up to which a coverage, strictly between 0 and 1, is reached. MER_ERR_USAGE
 * where it is no coverage, where nothing was learned, and where the rows were too few for it. */
MER_MUST_CHECK mer_status mer_conformal_bound(const struct mer_conformal *conformal,
                                              double coverage, double *ret_bound, mer_err *err);

/* Half the width of the interval around a predicted number. */
double mer_conformal_margin(const struct mer_conformal *conformal, double bound, double prediction);
/* Whether a class with that probability is in the set. */
bool mer_conformal_holds(double bound, double probability);

#endif
