/* Scores a setting by cross-validation. The preprocessing of a fold is learned from its training
 * rows alone, once, and shared by all settings; the designs too where they fit into memory.
 */
#ifndef MER_AUTOML_EVALUATION_H
#define MER_AUTOML_EVALUATION_H

#include "automl/fold.h"
#include "automl/member.h"
#include "automl/prepare.h"
#include "automl/recalibration.h"
#include "automl/target.h"
#include "automl/trial.h"
#include "learn/family.h"
#include "metric/metric.h"

struct mer_evaluation; /* opaque */

/* Shares of the training rows that settings can be fitted on, beside all of them. */
enum { MER_RUNGS_MAX = 3 };

/* What is evaluated on. All of it must outlive the evaluation. */
struct mer_evaluation_data {
    const struct mer_frame *frame;
    const uint8_t *hints; /* for the preprocessing (prepare.h); NULL: none */
    size_t target_column;
    const struct mer_learned_target *target;
    const double *weights; /* [n_rows], of the rows; NULL: all ones */
    const struct mer_metric *metric;
    size_t n_folds; /* of all repetitions */
    /* How they are cut; NULL: shuffled by the seed, without repetition. */
    const struct mer_folds *folds;
    uint64_t seed;
    const struct mer_direction *directions; /* for families that can be monotone */
    size_t n_directions;
    /* Of a second layer: by fold, what the first says of all rows, [n_rows][n_stack_columns], by
     * models that have seen neither the row nor those that the fold scores; 0: there is no such
     * layer. */
    const double *const *stack_columns;
    size_t n_stack_columns;
    /* Trials run elsewhere: only their costs are wanted here, and no designs are kept. */
    bool shapes_only;
    enum mer_trial_stage stage;
};

MER_MUST_CHECK mer_status mer_evaluation_new(const struct mer_ctx *ctx,
                                             const struct mer_evaluation_data *data,
                                             struct mer_evaluation **ret_evaluation, mer_err *err);
void mer_evaluation_free(const struct mer_ctx *ctx, struct mer_evaluation *evaluation);

/* Work units that preparing took, and that a setting takes over all folds. Functions of shapes and
 * parameters alone. */
uint64_t mer_evaluation_prepare_cost(const struct mer_evaluation *evaluation);
uint64_t mer_evaluation_cost(const struct mer_evaluation *evaluation,
                             const struct mer_family *family, const struct mer_params *params,
                             unsigned rung);
/* Changes a setting to what it comes to on the folds' rows. */
void mer_evaluation_settle(const struct mer_evaluation *evaluation, const struct mer_family *family,
                           struct mer_params *params);
/* The largest rung: a fit on 4^-rung of the training rows still has some thousand. */
unsigned mer_evaluation_n_rungs(const struct mer_evaluation *evaluation);
/* Whether every row is held out in each repetition, of three folds or more: so that the rows
 * which a fold learns from can be held out once more among themselves. */
bool mer_evaluation_can_stack(const struct mer_evaluation *evaluation);
/* The rows that are held out in some fold, each as often as it is. */
size_t mer_evaluation_n_held_out(const struct mer_evaluation *evaluation);
/* Of a setting's cost over all folds, what fitting it on all rows that may be learned from takes.
 */
double mer_evaluation_refit_share(const struct mer_evaluation *evaluation);
/* How many times the rows that a fold learns from those rows are, on average. */
double mer_evaluation_growth(const struct mer_evaluation *evaluation);
/* How many fits of a setting run at the same time. */
size_t mer_evaluation_parallel_fits(const struct mer_evaluation *evaluation,
                                    const struct mer_ctx *ctx);

/* Fills the scores of a result, its predictions when they are wanted, and its rounds; what it holds
 * already after a failure is the caller's to release. */
MER_MUST_CHECK mer_status mer_evaluation_run(const struct mer_ctx *ctx,
                                             const struct mer_evaluation *evaluation,
                                             const struct mer_trial_request *request,
                                             struct mer_trial_result *result, mer_err *err);

/* The rows that are held out in some fold, in their order, one repetition after another: what
 * predictions for them are compared with. */
struct mer_held_out {
    size_t n_rows;
    size_t n_repeats;
    double *values; /* the target; one of the two */
    int32_t *classes;
    double *weights; /* NULL: all ones */
    uint8_t *fold;   /* that held the row out, of all */
};
/* Made once, and the evaluation's. */
MER_MUST_CHECK mer_status mer_evaluation_held_out(const struct mer_ctx *ctx,
                                                  struct mer_evaluation *evaluation,
                                                  const struct mer_held_out **ret_held_out,
                                                  mer_err *err);
/* Scores predictions for those rows, [n_rows][outputs], by fold as a trial's are, by any metric. */
MER_MUST_CHECK mer_status mer_evaluation_score(const struct mer_ctx *ctx,
                                               const struct mer_evaluation *evaluation,
                                               const struct mer_metric *metric,
                                               const double *predictions, double *ret_scores,
                                               mer_err *err);

/* What a fold gave: a model that its training rows gave, and the rows that it has not seen.
 * Borrowed, for the time of a visit. */
struct mer_fold_fit {
    size_t fold; /* of n_folds */
    size_t n_folds;
    enum mer_task task;
    size_t n_classes;
    const struct mer_member *members; /* with their models */
    size_t n_members;
    const struct mer_recalibration *recalibration; /* of what the members predict */
    double threshold;                              /* of two classes; 0: none */
    const struct mer_prepare *prepare;
    const struct mer_design *train; /* of the rows that were learned from */
    const struct mer_target *train_target;
    const struct mer_design *design; /* of the rows that were held out */
    size_t n_rows;                   /* of them */
    const double *values;            /* their target: one of the two */
    const int32_t *classes;
    uint64_t seed;
};
typedef mer_status mer_fold_visit(void *self, const struct mer_ctx *ctx,
                                  const struct mer_fold_fit *fold, mer_err *err);
/* Fits models in every fold of the first repetition, one fold after another, and calls `visit` with
 * each that holds rows out. The members have no models; their weights are those of the visits. */
struct mer_fold_visits {
    const struct mer_member *members;
    size_t n_members;
    const struct mer_recalibration *recalibration;
    double threshold;
    const double *const
        *stack_columns; /* as in struct mer_evaluation_data, for members of two layers */
    size_t n_stack_columns;
    mer_fold_visit *visit;
    void *self;
};
MER_MUST_CHECK mer_status mer_evaluation_visit(const struct mer_ctx *ctx,
                                               const struct mer_evaluation *evaluation,
                                               const struct mer_fold_visits *visits, mer_err *err);

/* Work units to learn the preprocessing of n_rows rows and to apply it once. */
uint64_t mer_prepare_cost(size_t n_rows, size_t n_columns);

#endif
