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

#include "automl/pipeline.h"
#include "metric/metric.h"

struct mer_search_options {
    enum mer_task task;
    bool task_given;                 /* else inferred from the target column */
    const char *target;              /* column name */
    const struct mer_metric *metric; /* NULL: log_loss, or rmse */
    const struct mer_family *family; /* one family with `params`, no search; NULL: search */
    struct mer_params params;
    bool params_given[MER_PARAMS_MAX];
    double budget_seconds; /* 0: none */
    uint64_t units;        /* 0: no limit */
    size_t max_trials;     /* 0: no limit */
    size_t n_folds;        /* 0: by size */
    uint64_t seed;
    /* Called after every finished trial, from the driving thread; may be NULL. */
    void (*on_trial)(void *self, const struct mer_trial *trial, size_t n_done, size_t n_planned);
    void *self;
};

/* Searches, refits the best on all rows. MER_ERR_BUDGET when the budget ends before there is
 * anything to keep; MER_ERR_DATA for a target that cannot be learned (missing, constant, one class,
 * too few rows). */
MER_MUST_CHECK mer_status mer_search_fit(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                         const struct mer_schema *schema,
                                         const struct mer_search_options *options,
                                         struct mer_pipeline **ret_pipeline, mer_err *err);

#endif
