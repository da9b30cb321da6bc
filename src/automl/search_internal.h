/* What the files of the search share: its state from beginning to end. */
#ifndef MER_AUTOML_SEARCH_INTERNAL_H
#define MER_AUTOML_SEARCH_INTERNAL_H

#include "automl/ensembling.h"
#include "automl/plan.h"
#include "automl/search.h"

#define MER_NS 1e9

/* The last fits are given up when a budget is over by so many seconds and such a part of it; what
 * is given up --units will not repeat. A budget may be over by 1 s and 5 %: to hear of it, and to
 * save the model, takes the rest. */
#define MER_GRACE_SECONDS 0.4
#define MER_GRACE_PART 0.03
#define MER_GRACE_MAX 10

/* Trials of the plan, and of a second layer. */
enum { MER_SECOND_TRIALS_MAX = 8, MER_TRIALS_KEPT = MER_PLAN_MAX + MER_SECOND_TRIALS_MAX };

struct mer_search {
    const struct mer_search_options *options;
    const struct mer_frame *frame;
    const struct mer_frame *learned; /* without the rows of a validation table; else the frame */
    const struct mer_schema *schema;
    size_t target_column;
    struct mer_pipeline *pipeline; /* filled from the beginning */
    struct mer_learned_target target;
    uint8_t *hints;        /* what is said of the frame's columns */
    double *balanced;      /* weights that balance classes; NULL: those of the options are used */
    const double *weights; /* of the rows; NULL: all ones */
    const struct mer_metric *metric;
    size_t n_folds;
    struct mer_folds folds;
    struct mer_evaluation_data data;
    struct mer_evaluation *evaluation;
    struct mer_plan *plan;
    struct mer_trial *trials; /* parallel to the plan's candidates */
    size_t n_trials;
    uint64_t units;       /* of preparing, and of the trials that have finished */
    uint64_t trial_units; /* that those trials came to: less where boosting stopped early */
    /* The most that the rounds which trials want for all rows came to, times the learning rate. */
    double boosting_reach;
    struct mer_keep keep;

    struct mer_trial_engine engine;
    /* By id: what came back before its turn. */
    struct mer_trial_result *results[MER_PLAN_MAX];
    /* By id: what was not begun, though later ones may be. */
    bool passed_over[MER_PLAN_MAX];
    size_t n_passed_over; /* by the clock, since the last that began */
    size_t n_told;        /* trials of the plan, of which n_trials were tried */
    size_t n_begun;
    size_t n_returned;
    uint64_t units_begun; /* of what has finished and of what runs */
    bool is_over;         /* no further trial begins */
    uint64_t units_max;   /* that units may come to */
    size_t patience;      /* trials that may bring nothing, one after the other; 0: any number */
    size_t n_in_vain;
    double best_score;     /* of a setting, the last time that one was better; */
    double ensemble_score; /* of an ensemble */
    mer_status failure;    /* the first failed trial's */
    mer_err failure_err;

    size_t n_layers; /* that are tried: 2, or 1 */
    /* Most of what predicts, by weight, was tried on a share of the rows alone. */
    bool is_of_share;
    /* What the first layer says: by fold, as an evaluation wants it, and of all rows for the last
     * fits (search_layers.c); NULL: there is one layer, or the second is not chosen. */
    double **stack_columns;
    double *stack_rows;
    size_t n_stack_columns;

    uint64_t end_ns; /* the clock's budget; 0: none */
    double prepare_seconds;
    double last_seconds;                        /* that fitting what was chosen will take */
    double quantile_seconds[MER_QUANTILES_MAX]; /* and each quantile */
    size_t n_coarse;                            /* quantiles that time did not do for */
    /* Measured, in seconds of one fit after another, and the units they took; by family. */
    double *family_seconds;
    double *family_units;
};

static inline double mer_seconds_between(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? (double)(to_ns - from_ns) / MER_NS : 0;
}

/* When fits that follow a search are given up, where a clock ends it. */
uint64_t mer_search_hard_end_ns(const struct mer_search *search);
/* The caller's own deadline or this one, whichever is earlier; 0: there is none. */
struct mer_ctx mer_with_deadline(const struct mer_ctx *ctx, uint64_t deadline_ns);

/* Opens the engine for trials on such data, in the place of the one that is open, if any. */
MER_MUST_CHECK mer_status mer_search_open_engine(const struct mer_ctx *ctx,
                                                 struct mer_search *search,
                                                 const struct mer_evaluation_data *data,
                                                 const struct mer_evaluation *evaluation,
                                                 mer_err *err);
void mer_search_close_engine(const struct mer_ctx *ctx, struct mer_search *search);

/* Runs trials until the plan or a budget ends (search_drive.c). */
MER_MUST_CHECK mer_status mer_search_drive(const struct mer_ctx *ctx, struct mer_search *search,
                                           mer_err *err);
/* Of a trial's cost, what fitting its setting on all rows takes. */
double mer_search_refit_share(const struct mer_search *search);
/* Work units that fitting an ensemble may take, after so many units of trials: a function of the
 * trials alone, so that it is the same when they are repeated. */
uint64_t mer_search_refit_limit(const struct mer_search *search, uint64_t trial_units);

/* The mean by weight of the kept predictions, [keep->n_values] (search_after.c). */
void mer_keep_average(const struct mer_keep *keep, const uint32_t *weights, double *ret);
/* What an ensemble is chosen by, and the next two: search_errors.c. */
struct mer_selection mer_search_selection(const struct mer_search *search,
                                          const struct mer_held_out *held_out);
/* Predictions for the held-out rows, [keep.n_values], like those of the mean by `weights`: where
 * rows are few each by a mean that was not chosen by its looks on that row. */
MER_MUST_CHECK mer_status mer_search_unseen(const struct mer_ctx *ctx,
                                            const struct mer_search *search,
                                            const struct mer_held_out *held_out,
                                            const uint32_t *weights, double *ret_predictions,
                                            mer_err *err);
/* How far such predictions may be off, into the pipeline. */
MER_MUST_CHECK mer_status mer_search_learn_errors(const struct mer_ctx *ctx,
                                                  struct mer_search *search,
                                                  const struct mer_held_out *held_out,
                                                  const double *predictions, mer_err *err);
/* What can be learned in the end, checked before anything is tried. */
MER_MUST_CHECK mer_status mer_search_check_after(const struct mer_search *search, mer_err *err);
/* Learns from predictions for held-out rows what goes with those of the members: calibration, the
 * threshold between two classes, how far they may be off. */
MER_MUST_CHECK mer_status mer_search_learn_after(const struct mer_ctx *ctx,
                                                 struct mer_search *search, const uint32_t *weights,
                                                 mer_err *err);

/* The same from predictions that somebody else has made for rows that they have not seen; they are
 * changed. */
MER_MUST_CHECK mer_status mer_search_learn_from(const struct mer_ctx *ctx,
                                                struct mer_search *search,
                                                const struct mer_held_out *held_out,
                                                double *predictions, mer_err *err);

/* The training rows as the last fits have them: those that they learn from, then those that they
 * leave aside, both in their order, and target and weights in the order of all (search_aside.c).
 * NULL where none are aside: all rows as they are. */
struct mer_aside {
    uint32_t *rows;
    size_t n_learned;
    size_t n; /* of those aside */
    double *values;
    int32_t *classes;
    double *weights;
};
/* Release in any case. */
MER_MUST_CHECK mer_status mer_search_set_aside(const struct mer_ctx *ctx,
                                               const struct mer_search *search,
                                               struct mer_aside *ret_aside, mer_err *err);
void mer_search_aside_release(const struct mer_ctx *ctx, struct mer_aside *aside);
/* As mer_search_learn_after, from what the pipeline's fitted members say of the rows aside, if
 * there are any. */
MER_MUST_CHECK mer_status mer_search_learn_aside(const struct mer_ctx *ctx,
                                                 struct mer_search *search,
                                                 const struct mer_aside *aside, mer_err *err);

/* Quantiles (search_quantiles.c): finds their settings in the folds, and measures them there;
 * then, on all rows, fits them. */
MER_MUST_CHECK mer_status mer_search_try_quantiles(const struct mer_ctx *ctx,
                                                   struct mer_search *search, mer_err *err);
MER_MUST_CHECK mer_status mer_search_fit_quantiles(const struct mer_ctx *ctx,
                                                   struct mer_search *search,
                                                   const struct mer_fit_data *data, mer_err *err);
/* Seconds to keep for what comes behind the folds: the last fits, and those of quantiles. */
double mer_search_last_seconds(const struct mer_search *search);
/* When a phase has to end that so many seconds of the budget are kept behind; 0: there is no end.
 */
uint64_t mer_search_end_before(const struct mer_ctx *ctx, const struct mer_search *search,
                               double seconds);

/* What is told beside the score (search_report.c): which metrics; those of predictions for the
 * held-out rows, of a trial's, and of one metric: the mean over the folds where it is defined. */
MER_MUST_CHECK mer_status mer_search_choose_reported(struct mer_search *search, mer_err *err);
MER_MUST_CHECK mer_status mer_search_report(const struct mer_ctx *ctx,
                                            const struct mer_search *search,
                                            const double *predictions, double *ret_scores,
                                            mer_err *err);
MER_MUST_CHECK mer_status mer_search_report_trial(const struct mer_ctx *ctx,
                                                  const struct mer_search *search,
                                                  const struct mer_trial_result *result,
                                                  double *ret_scores, mer_err *err);
MER_MUST_CHECK mer_status mer_search_mean_score(const struct mer_ctx *ctx,
                                                const struct mer_search *search,
                                                const struct mer_metric *metric,
                                                const double *predictions, double *ret_score,
                                                mer_err *err);

/* Seconds that a fit on all rows will take, by what was measured: of a setting that was tried, and
 * of any. */
double mer_search_fit_seconds(const struct mer_search *search,
                              const struct mer_candidate *candidate);
double mer_search_setting_seconds(const struct mer_search *search, const struct mer_family *family,
                                  const struct mer_params *params);
/* And what the study of the folds may take, where such a fit takes so long. */
double mer_search_study_seconds(const struct mer_search *search, double fit);

/* Whether the caller wants what there is, having asked to stop; he then has not asked any more. */
bool mer_search_wants_best(const struct mer_ctx *ctx, struct mer_search *search);

/* search_patience.c: before the first trial, and after each that was told. */
void mer_search_patience_init(struct mer_search *search);
MER_MUST_CHECK mer_status mer_search_be_patient(const struct mer_ctx *ctx,
                                                struct mer_search *search, mer_err *err);
/* What the best ensemble of what is kept scores (search_finish.c); NaN: there is none. */
MER_MUST_CHECK mer_status mer_search_ensemble_score(const struct mer_ctx *ctx,
                                                    struct mer_search *search, double *ret_score,
                                                    mer_err *err);

/* Every so many rows, and the first of each class; *rows has room for all (search_refit.c). */
MER_MUST_CHECK mer_status mer_search_pick_rows(const struct mer_ctx *ctx,
                                               const struct mer_target *target, size_t n_rows,
                                               size_t stride, uint32_t *rows, size_t *ret_n,
                                               mer_err *err);

/* Scores an ensemble of what is kept as trials are scored: by fold (search_finish.c).
 * `ret_reported`: NULL, or what is told beside. */
MER_MUST_CHECK mer_status mer_search_score_ensemble(const struct mer_ctx *ctx,
                                                    struct mer_search *search,
                                                    const uint32_t *weights, double *ret_score,
                                                    double *ret_reported, mer_err *err);

/* search_layers.c. Runs trials as mer_search_drive does; where there are two layers with what is
 * left to the first. */
MER_MUST_CHECK mer_status mer_search_drive_layers(const struct mer_ctx *ctx,
                                                  struct mer_search *search, mer_err *err);
void mer_search_layers_release(const struct mer_ctx *ctx, struct mer_search *search);
/* Of the units that were asked for, those of the first layer; and the sum for which they are what
 * was reached. */
uint64_t mer_search_first_units(const struct mer_search *search);
uint64_t mer_search_total_units(const struct mer_search *search);
/* Tries a second layer over what was chosen by `weights`, with that score. Where it is better, the
 * pipeline has its members, and weights and what is kept are of both layers. */
MER_MUST_CHECK mer_status mer_search_try_layer(const struct mer_ctx *ctx, struct mer_search *search,
                                               uint32_t *weights, double first_score,
                                               bool *ret_is_better, mer_err *err);

/* Chooses what predicts, and fits it (search_finish.c). */
MER_MUST_CHECK mer_status mer_search_finish(const struct mer_ctx *ctx, struct mer_search *search,
                                            mer_err *err);
/* Fits the members of the pipeline on all rows (search_refit.c). */
MER_MUST_CHECK mer_status mer_search_refit(const struct mer_ctx *ctx, struct mer_search *search,
                                           mer_err *err);

#endif
