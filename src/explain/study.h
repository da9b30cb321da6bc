/* How a model did on rows that it had not seen: the predictions of the folds, put together, and
 * what follows from them. Pure and deterministic: the same search gives the same bits for any
 * number of threads.
 *
 * The chosen setting is fitted once more in every fold and asked about the rows that were held out
 * (automl/evaluation.h). It was chosen for its score on these very rows, so the scores here are a
 * little better than those on new rows will be.
 */
#ifndef MER_EXPLAIN_STUDY_H
#define MER_EXPLAIN_STUDY_H

#include "automl/evaluation.h"
#include "automl/facts.h"
#include "explain/profile.h"

/* How much worse the model gets when a column's values change places among the held-out rows
 * (Breiman: "Random forests", Machine Learning 45, 2001), per row of the sample that was looked at:
 * log loss added, or squared error added as a share of the target's variance. */
struct mer_importance {
    double sum; /* of what each row lost, over n rows */
    double squares;
    size_t n;
};

enum { MER_STUDY_METRICS_MAX = 32 };

/* A metric over all held-out rows, with a 95 % interval from resampled rows (Efron's percentile
 * bootstrap); NaN where there is none. */
struct mer_study_score {
    const struct mer_metric *metric;
    double value;
    double low;
    double high;
};

/* Of one boosted member of what predicts: losses by rounds of boosting, of rows that were learned
 * from and of held-out ones, over all folds; of each fold at most some thousand rows. */
enum { MER_ROUNDS_POINTS = 41, MER_ROUNDS_MEMBERS = 4 };
struct mer_rounds {
    struct mer_member member; /* without its model */
    size_t n_points;
    uint32_t at[MER_ROUNDS_POINTS];     /* rounds, from 0 to all, rising */
    double train[MER_ROUNDS_POINTS];    /* sums over n_train rows: of log losses, or squares */
    double held_out[MER_ROUNDS_POINTS]; /* and over n_held_out rows */
    size_t n_train;
    size_t n_held_out;
};

struct mer_study {
    struct mer_alloc *alloc;
    enum mer_task task;
    size_t n_classes; /* 0 for regression */
    size_t n_rows;    /* held-out rows, fold after fold */
    size_t n_table_rows;
    bool is_sensitive;   /* the target: its values and labels are not shown */
    size_t n_missing;    /* cells of the training table */
    double *predictions; /* [n_rows][outputs], as the model predicts */
    double *plain;       /* the same before calibration; NULL: there is none */
    double threshold;    /* of two classes; 0: none */
    double *values;      /* [n_rows], one of the two */
    int32_t *classes;
    struct mer_importance *importance; /* [n_columns]: of the table without the target */
    size_t n_columns;
    double variance;  /* of a regression's target over these rows */
    size_t n_boosted; /* the weightiest boosted members */
    struct mer_rounds rounds[MER_ROUNDS_MEMBERS];
    size_t n_scores;
    struct mer_study_score scores[MER_STUDY_METRICS_MAX];
};

/* Before a search whose options then name mer_study_visit and the study. */
void mer_study_init(struct mer_study *study, struct mer_alloc *alloc,
                    const struct mer_frame *frame);
void mer_study_release(struct mer_study *study);
/* Takes in one fold: a mer_fold_visit. */
MER_MUST_CHECK mer_status mer_study_visit(void *study, const struct mer_ctx *ctx,
                                          const struct mer_fold_fit *fold, mer_err *err);
/* After the last fold: scores and their intervals; past the context's deadline they have none. */
MER_MUST_CHECK mer_status mer_study_finish(const struct mer_ctx *ctx, struct mer_study *study,
                                           uint64_t seed, mer_err *err);

static inline size_t mer_study_outputs(const struct mer_study *study)
{
    return mer_target_outputs(study->task, study->n_classes);
}
/* The class that is predicted for a row. */
size_t mer_study_guess(const struct mer_study *study, size_t row);
/* The mean of an importance and half the width of its 95 % interval. */
double mer_importance_mean(const struct mer_study *study, const struct mer_importance *importance,
                           double *ret_half);

/* For the files of this room: what fold gave column j's importance. */
MER_MUST_CHECK mer_status mer_study_permute(const struct mer_ctx *ctx,
                                            const struct mer_fold_fit *fold,
                                            const double *predictions, size_t n_columns,
                                            struct mer_importance *importance, mer_err *err);

/* And what it says of the rounds of boosting. */
MER_MUST_CHECK mer_status mer_study_add_rounds(const struct mer_ctx *ctx,
                                               const struct mer_fold_fit *fold,
                                               struct mer_study *study, mer_err *err);
/* The mean of such a sum: a log loss, or the root of a mean square. */
double mer_rounds_loss(const struct mer_study *study, double sum, size_t n);

/* The curves that a page draws. */

enum { MER_CURVE_POINTS = 160, MER_CALIBRATION_BINS = 10, MER_SHARE_BINS = 25, MER_DENSITY = 32 };

struct mer_curve {
    size_t n;
    double x[MER_CURVE_POINTS];
    double y[MER_CURVE_POINTS];
};
/* Of two classes: the true positive rate over the false positive rate, and precision over recall,
 * as the threshold falls. Both classes must be there. */
MER_MUST_CHECK mer_status mer_study_curves(const struct mer_ctx *ctx, const struct mer_study *study,
                                           struct mer_curve *ret_roc,
                                           struct mer_curve *ret_precision, mer_err *err);

/* Rows in groups of about the same size by what was predicted for them. */
struct mer_calibration {
    size_t n_bins;
    struct mer_calibration_bin {
        size_t n;
        double predicted; /* means: of the probability of class 1, or of the value */
        double actual;    /* the share of class 1, or the mean value */
    } bins[MER_CALIBRATION_BINS];
};
/* Of two classes, of the most probable class where there are more (was it right?), of values. */
MER_MUST_CHECK mer_status mer_study_calibration(const struct mer_ctx *ctx,
                                                const struct mer_study *study,
                                                struct mer_calibration *ret, mer_err *err);

/* Of two classes: how often which probability of class 1 was given, by true class. */
void mer_study_shares(const struct mer_study *study, size_t ret_counts[2][MER_SHARE_BINS]);

/* Values: how many rows have which true value (x) and which predicted one (y); both axes alike, and
 * the outermost squares also hold what lies beyond. */
struct mer_density {
    double low;
    double high;
    size_t counts[MER_DENSITY][MER_DENSITY]; /* [y][x] */
};
MER_MUST_CHECK mer_status mer_study_density(const struct mer_ctx *ctx,
                                            const struct mer_study *study, struct mer_density *ret,
                                            mer_err *err);
/* The profile of true less predicted values. */
MER_MUST_CHECK mer_status mer_study_residuals(const struct mer_ctx *ctx,
                                              const struct mer_study *study,
                                              struct mer_number_profile *ret, mer_err *err);

#endif
