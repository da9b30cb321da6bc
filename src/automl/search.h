/* The search for the best pipeline: a state machine with ask and tell, and the driver that runs it
 * here.
 *
 * ask hands out trials (pure data: a family, its parameters); tell takes their scores. A step is
 * one trial over all folds. A budget by the clock only decides after which step the search ends;
 * the number of work units reached then is recorded, and a search metered by that number takes the
 * same steps and gives the same pipeline.
 */
#ifndef MER_AUTOML_SEARCH_H
#define MER_AUTOML_SEARCH_H

#include "automl/evaluation.h"
#include "automl/pipeline.h"
#include "automl/space.h"
#include "automl/trial.h"
#include "metric/metric.h"

struct mer_search_options {
    /* Regression, or classification: both kinds of it stand for either. When not given, inferred:
     * labels and truth values are classes, numbers are not, and an integer is a class when it has
     * at most 20 values, each for ten rows or more on average. */
    enum mer_task task;
    bool task_given;
    const char *target;    /* column name */
    const double *weights; /* [n_rows], of the rows, >= 0; NULL: all ones */
    bool balance_classes;  /* rows weigh more the rarer their class is, in fits and in scores */
    bool leave_out_leaks;  /* columns that alone nearly tell the target are no features */
    const struct mer_metric *metric;     /* NULL: log_loss, or rmse */
    const struct mer_reported *reported; /* what is told beside it; NULL: the usual ones */
    /* One family, scored by one trial and fitted, no search; NULL: search. The parameters that are
     * not given have their defaults. */
    const struct mer_family *family;
    struct mer_params params;
    bool params_given[MER_PARAMS_MAX];
    bool single; /* keep one setting, and not an ensemble */
    /* 2: models that learn from what those of the first layer say are tried behind the search; 0
     * and 1: there is one layer. */
    size_t n_layers;
    /* Of classes: what is learned from predictions for held-out rows in the end. */
    enum mer_recalibration_method calibrate;
    enum mer_threshold_choice threshold_choice;
    double threshold;        /* MER_THRESHOLD_GIVEN */
    const double *quantiles; /* levels, rising, that are predicted beside a number */
    size_t n_quantiles;
    /* Columns that predictions may only rise or only fall with: for one family that can, and a
     * number or two classes. */
    const struct mer_direction *directions;
    size_t n_directions;
    uint64_t families;     /* to search, by their place in the registry; 0: all but MER_BY_NAME */
    double budget_seconds; /* until the return of the call, by ctx->clock; 0: none */
    double spent_seconds;  /* of the budget, before the call */
    size_t patience;       /* the search ends after so many trials that brought nothing; 0: never */
    /* What is searched; NULL: the program's own space. `families` are then those of it. */
    const struct mer_space *space;
    uint64_t units;    /* of preparing the folds and of all trials; 0: no limit */
    size_t max_trials; /* 0: no limit */
    /* Cancelled by this number, a search that has a score ends, and what it has is fitted in some
     * seconds; cancelled once more, it fails. 0: it fails at once. */
    int signal_for_best;
    size_t
        n_folds; /* 1: a fifth of the rows is held out; 0: by order of time or by size (fold.h) */
    size_t n_repeats; /* 0: by size */
    /* Columns that are no features and say how rows are cut (fold.h); at most one. */
    const struct mer_column *group_column;
    const struct mer_column *time_column;
    const struct mer_column *folds_column;
    double time_gap;
    /* A validation table: the last rows of the frame, which are scored on and never learned from.
     * This is the frame without them: what a model is fitted to, with the same columns, whose
     * levels have the same numbers. NULL: all rows are learned from. */
    const struct mer_frame *learned_frame;
    uint64_t seed;
    /* Called after every finished trial, from the driving thread; may be NULL. */
    void (*on_trial)(void *self, const struct mer_trial *trial, size_t n_done, size_t n_planned,
                     const struct mer_metric *metric, uint64_t units);
    void *self;
    /* Looks at the chosen setting in every fold, once the search has ended (evaluation.h); NULL: it
     * is not fitted there again. Takes about as long as its trial did, outside of `units`. */
    mer_fold_visit *visit;
    void *visitor;
    /* What runs the trials (trial.h); NULL: this process, one after another. */
    mer_trial_engine_open *open_engine;
    void *engine_opener;
};

/* Searches, refits the best on all rows. MER_ERR_BUDGET when the budget ends before there is
 * anything to keep; MER_ERR_DATA for a target that cannot be learned (missing, constant, one class,
 * too few rows). */
MER_MUST_CHECK mer_status mer_search_fit(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                         const struct mer_schema *schema,
                                         const struct mer_search_options *options,
                                         struct mer_pipeline **ret_pipeline, mer_err *err);

/* The rounds of boosting that a setting may have where speed was asked for (`single`), so that a
 * row alone takes some 40 microseconds. Infinite for a family without max_leaves. */
double mer_search_fast_rounds(const struct mer_family *family, const struct mer_params *params,
                              enum mer_task task, size_t n_classes);

#endif
